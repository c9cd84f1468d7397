/* Data of open files. */
#include "backend/posix.h"
#include "base/fd.h"

#include <sys/stat.h>
#include <unistd.h>

/* A short count is not the end of the file, but may be an error. */
ssize_t posix_read(struct backend *b, int ref, void *buf, size_t size, off_t offset, off_t end)
{
	size_t done = 0;

	(void)b;
	while (done < size && (done == 0 || end == 0 || offset + (off_t)done < end)) {
		ssize_t n = pread(ref, (char *)buf + done, size - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* We write as root, who keeps set-id bits; the caller would lose them. */
static errint_t drop_set_id(int ref)
{
	struct stat st;
	mode_t bad;

	if (fstat(ref, &st) < 0)
		return -errno;
	bad = st.st_mode & (st.st_mode & S_IXGRP ? S_ISUID | S_ISGID : S_ISUID);
	return bad ? errint(fchmod(ref, st.st_mode & 07777 & ~bad)) : 0;
}

ssize_t posix_write(struct backend *b, int ref, const void *buf, size_t size, off_t offset, bool kill_priv)
{
	size_t done = 0;
	errint_t rc = kill_priv ? drop_set_id(ref) : 0;

	(void)b;
	if (rc < 0)
		return rc;
	while (done < size) {
		ssize_t n = pwrite(ref, (const char *)buf + done, size - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && done == 0)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

errint_t posix_fsync(struct backend *b, int ref, bool data_only)
{
	(void)b;
	return errint(data_only ? fdatasync(ref) : fsync(ref));
}

/* By the last byte before the end and the first behind it. */
errint_t posix_compare_end(struct backend *b, int ref, off_t end)
{
	size_t before = end > 0 ? 1 : 0;
	char bytes[2];
	ssize_t n = pread(ref, bytes, before + 1, end - (off_t)before);

	(void)b;
	if (n < 0)
		return -errno;
	return (size_t)n < before ? END_BEFORE : (size_t)n == before ? END_THERE : END_BEYOND;
}

errint_t posix_find_end(struct backend *b, int ref, off_t *end)
{
	(void)b;
	return fd_size_now(ref, end);
}

errint_t posix_allocate(struct backend *b, int ref, int mode, off_t offset, off_t length)
{
	(void)b;
	return errint(fallocate(ref, mode, offset, length));
}

/* Nothing else uses the descriptor's position. */
off_t posix_lseek(struct backend *b, int ref, off_t offset, int whence)
{
	off_t position = lseek(ref, offset, whence);

	(void)b;
	return position < 0 ? -errno : position;
}

ssize_t posix_copy_range(struct backend *b, int ref_in, off_t off_in, int ref_out, off_t off_out, size_t size)
{
	ssize_t n = copy_file_range(ref_in, &off_in, ref_out, &off_out, size, 0);

	(void)b;
	return n < 0 ? -errno : n;
}
