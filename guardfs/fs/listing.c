#include "fs/listing.h"
#include "base/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A record is {ino, type, length} and the name, padded to 8 bytes. */
struct record {
	uint64_t ino;
	uint32_t type;
	uint32_t length;
};

static size_t record_size(size_t length)
{
	return (sizeof(struct record) + length + 7) & ~(size_t)7;
}

void listing_add(struct listing_writer *w, const char *name, size_t length, uint64_t ino, unsigned type)
{
	struct record r = {.ino = ino, .type = type, .length = (uint32_t)length};
	size_t n = record_size(length);

	if (w->error || length == 0 || length > 255)
		return;
	if (w->used + n > w->size) {
		size_t size = MAX(w->size * 2, (size_t)16384);
		char *bytes = size <= LISTING_BYTES_MAX ? realloc(w->bytes, size) : NULL;

		if (!bytes) {
			w->error = -ENOMEM;
			return;
		}
		w->bytes = bytes;
		w->size = size;
	}
	memset(w->bytes + w->used, 0, n);
	memcpy(w->bytes + w->used, &r, sizeof(r));
	memcpy(w->bytes + w->used + sizeof(r), name, length);
	w->used += n;
}

bool listing_has(const struct listing_writer *w, size_t used, const char *name)
{
	size_t length = strlen(name);
	struct record r;

	for (size_t at = 0; at < used; at += record_size(r.length)) {
		memcpy(&r, w->bytes + at, sizeof(r));
		if (r.length == length && memcmp(w->bytes + at + sizeof(r), name, length) == 0)
			return true;
	}
	return false;
}

void listing_discard(struct listing_writer *w)
{
	free(w->bytes);
	*w = (struct listing_writer){0};
}

errint_t listing_finish(struct listing_writer *w, int fd)
{
	errint_t rc = w->error;

	if (rc == 0 && (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0))
		rc = -errno;
	if (rc == 0)
		rc = fd_write_all(fd, w->bytes, w->used);
	listing_discard(w);
	return rc;
}

#define RECORD_MAX (sizeof(struct record) + 255)

/* The whole record at offset, if any. Returns bytes, or -errno. */
static ssize_t hold_record(struct listing_reader *r, int fd, int64_t offset)
{
	bool inside = offset >= r->offset && offset < r->offset + (int64_t)r->held;
	size_t left = inside ? r->held - (size_t)(offset - r->offset) : 0;
	ssize_t n;

	if (left >= RECORD_MAX)
		return (ssize_t)left;
	n = pread(fd, r->bytes, sizeof(r->bytes), offset);
	if (n < 0)
		return -errno;
	r->offset = offset;
	r->held = (size_t)n;
	return n;
}

int listing_read(struct listing_reader *reader, int fd, int64_t offset, struct listing_entry *e,
		 int64_t *next)
{
	const char *at;
	struct record r;
	ssize_t n;

	if (offset < 0 || offset % 8)
		return -EINVAL;
	n = hold_record(reader, fd, offset);
	if (n <= 0)
		return (int)n;
	at = reader->bytes + (offset - reader->offset);
	if ((size_t)n < sizeof(r))
		return -EINVAL;
	memcpy(&r, at, sizeof(r));
	if (r.length > 255 || r.length > (size_t)n - sizeof(r))
		return -EINVAL;
	e->ino = r.ino;
	e->type = r.type;
	memcpy(e->name, at + sizeof(r), r.length);
	e->name[r.length] = '\0';
	*next = offset + (int64_t)record_size(r.length);
	return 1;
}
