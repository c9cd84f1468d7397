/* Reading directories. Each call seeks to its offset. */
#include "backend/posix.h"

#include <dirent.h>
#include <unistd.h>

#define LISTING_MAX 32768

/* Returns the bytes taken; less than n: emit had enough. */
static size_t emit_entries(const char *buf, size_t n, readdir_fn emit, void *arg)
{
	size_t at = 0;

	while (at < n) {
		const struct dirent64 *e = (const void *)(buf + at);

		if (!emit(arg, e->d_name, strlen(e->d_name), e->d_ino, e->d_type, e->d_off, NULL))
			break;
		at += e->d_reclen;
	}
	return at;
}

errint_t posix_readdir(struct backend *b, int ref, int64_t offset, readdir_fn emit, void *arg)
{
	static _Thread_local _Alignas(8) char buf[LISTING_MAX];
	/* Callers take about as much as last time. Reading far beyond costs more than it gives. */
	static _Thread_local size_t wanted = LISTING_MAX;
	size_t size = b->board ? LISTING_MAX : wanted;
	size_t total = 0;
	ssize_t n;

	if (lseek(ref, offset, SEEK_SET) < 0)
		return -errno;
	while ((n = getdents64(ref, buf, size)) > 0) {
		size_t taken = emit_entries(buf, (size_t)n, emit, arg);

		total += taken;
		if (taken < (size_t)n)
			break;
	}
	wanted = MAX(MIN(total + 512, LISTING_MAX), 2048);
	return n < 0 ? -errno : 0;
}
