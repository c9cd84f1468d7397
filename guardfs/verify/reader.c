#include "verify/reader.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_CHUNK (16u << 10) /* for a header */
#define WAIT_MS	    100u	/* between calls of go_on */

ssize_t input_read(const struct input *in, void *bytes, size_t size, uint64_t offset)
{
	ssize_t n;

	if (in->source)
		return in->source->read(in->source->context, bytes, size, offset);
	do
		n = pread(in->fd, bytes, size, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

errint_t input_stat(const struct input *in, struct stat *st)
{
	if (in->source)
		return in->source->stat(in->source->context, st);
	return fstat(in->fd, st) < 0 ? -errno : 0;
}

errint_t reader_begin(struct reader *r, const struct input *in, const struct verify_options *options,
		      uint64_t end)
{
	*r = (struct reader){.in = *in, .options = options, .offset = options->from, .end = end};
	r->buf = malloc((size_t)MAX(MIN(end - options->from, (uint64_t)VERIFY_CHUNK), 1ull));
	r->begun_ns = clock_mono_ns();
	r->chunk = options->first_header ? FIRST_CHUNK : VERIFY_CHUNK;
	/* Not a whole second's bytes at once. */
	if (options->rate)
		r->chunk = (size_t)MAX(MIN((uint64_t)r->chunk, options->rate / 8), 4096ull);
	if (!in->source)
		(void)posix_fadvise(in->fd, (off_t)options->from, 0, POSIX_FADV_SEQUENTIAL);
	return r->buf ? 0 : -ENOMEM;
}

void reader_release(struct reader *r)
{
	free(r->buf);
	r->buf = NULL;
}

static bool go_on(const struct reader *r)
{
	struct verify_progress progress = {.done = reader_at(r), .size = r->end};

	return !r->options->go_on || r->options->go_on(r->options->context, &progress);
}

/* Waits until the bytes so far are within the rate. */
static errint_t pace_reading(const struct reader *r)
{
	double done = (double)(reader_at(r) - r->options->from);
	uint64_t due_ns = r->begun_ns, now_ns;

	if (!go_on(r))
		return -ECANCELED;
	if (!r->options->rate)
		return 0;
	due_ns += (uint64_t)(done / (double)r->options->rate * (double)NSEC_PER_SEC);
	while ((now_ns = clock_mono_ns()) < due_ns) {
		(void)poll(NULL, 0, (int)MIN((due_ns - now_ns) / NSEC_PER_MSEC + 1, (uint64_t)WAIT_MS));
		if (!go_on(r))
			return -ECANCELED;
	}
	return 0;
}

errint_t reader_fill(struct reader *r)
{
	errint_t err;
	ssize_t n;

	if (reader_left(r) > 0 || reader_at(r) >= r->end)
		return 0;
	r->offset += r->pos;
	r->pos = r->fill = 0;
	err = pace_reading(r);
	if (err)
		return err;
	n = input_read(&r->in, r->buf, (size_t)MIN((uint64_t)r->chunk, r->end - r->offset), r->offset);
	if (n < 0)
		return (errint_t)n;
	if (n == 0) {
		r->shrunk = true;
		r->end = r->offset;
	}
	r->fill = (size_t)n;
	return 0;
}

void reader_skip_to(struct reader *r, uint64_t offset)
{
	uint64_t n = offset - reader_at(r);

	if (n <= reader_left(r)) {
		r->pos += (size_t)n;
		return;
	}
	r->offset = offset;
	r->pos = r->fill = 0;
}

bool reader_next_hole(const struct input *in, uint64_t from, uint64_t end, struct verify_range *range)
{
	int fd = in->fd;
	off_t position = !in->source ? lseek(fd, 0, SEEK_CUR) : -1;
	off_t hole = !in->source && from < end ? lseek(fd, (off_t)from, SEEK_HOLE) : -1;
	off_t data = -1;

	/* Every file has a hole at its end. */
	if (hole >= 0 && (uint64_t)hole < end) {
		data = lseek(fd, hole, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			data = (off_t)end;
	}
	if (position >= 0)
		(void)lseek(fd, position, SEEK_SET);
	if (data <= hole)
		return false;
	*range = (struct verify_range){(uint64_t)hole, MIN((uint64_t)data, end)};
	return true;
}
