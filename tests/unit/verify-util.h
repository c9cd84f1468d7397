/* verify-util.h: for the unit tests of verify/: a file that is being made, and what is said of it. */
#ifndef TESTS_UNIT_VERIFY_UTIL_H
#define TESTS_UNIT_VERIFY_UTIL_H

#include "verify/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define FILE_MAX (3u << 20)
#define GZ	 VERIFY_WARC_GZIP
#define PL	 VERIFY_WARC
#define HEAD	 "WARC/1.0\r\nWARC-Type: x\r\n"

static unsigned char data[FILE_MAX];
static size_t size;
static struct verify_result result;

static inline void begin(void)
{
	size = 0;
}

static inline void put(const void *p, size_t n)
{
	assert_true(size + n <= sizeof(data));
	memcpy(data + size, p, n);
	size += n;
}

static inline void put_text(const char *text)
{
	put(text, strlen(text));
}

static inline void put_zeros(size_t n)
{
	assert_true(size + n <= sizeof(data));
	memset(data + size, 0, n);
	size += n;
}

/* Bytes that do not compress, and of which none is zero; the same each time. */
static inline void put_noise(size_t n)
{
	static uint32_t x = 2463534242u;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		put(&(unsigned char){(unsigned char)(x % 255 + 1)}, 1);
	}
}

static inline size_t put_record(size_t content)
{
	char header[128];
	size_t begins = size;

	snprintf(header, sizeof(header), "WARC/1.1\r\nWARC-Type: resource\r\nContent-Length: %zu\r\n\r\n",
		 content);
	put_text(header);
	put_noise(content);
	put_text("\r\n\r\n");
	return begins;
}

/* What lies from begins on, as one member in its place. */
static inline void compress_from(size_t begins, gz_header *header)
{
	z_stream z = {.next_in = data + begins, .avail_in = (uInt)(size - begins)};
	size_t room = 2 * (size - begins) + 600000;
	unsigned char *out = malloc(room);

	z.next_out = out;
	z.avail_out = (uInt)room;
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	if (header)
		assert_int_equal(deflateSetHeader(&z, header), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	size = begins;
	put(out, room - z.avail_out);
	free(out);
}

static inline size_t put_member(size_t content)
{
	size_t begins = put_record(content);

	compress_from(begins, NULL);
	return begins;
}

static inline int file_of(const void *p, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	return fd;
}

static inline enum verify_verdict look_with(const struct verify_options *options)
{
	int fd = file_of(data, size);

	assert_int_equal(verify_file(fd, options, &result), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), size);
	close(fd);
	return result.verdict;
}

static inline enum verify_verdict look(enum verify_kind kind)
{
	return look_with(&(struct verify_options){.kind = kind, .level = VERIFY_LEVEL_WARC});
}

enum { M0, M1, M2, M_END, MARKS }; /* where the three records of a file begin, and its end */
static size_t marks[MARKS];

static inline void make_members(void)
{
	begin();
	marks[M0] = put_member(3000);
	marks[M1] = put_member(5000);
	marks[M2] = put_member(4000);
	marks[M_END] = size;
}

static inline void make_plain(void)
{
	begin();
	marks[M0] = put_record(3000);
	marks[M1] = put_record(5000);
	marks[M2] = put_record(4000);
	marks[M_END] = size;
}

#endif
