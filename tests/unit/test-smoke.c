/* guardctl smoke: what is taken for a WARC, which one is read, and which layer is named. */
#include "ctl/smoke.h"
#include "base/fd.h"
#include "remove-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include <cmocka.h>

#define RECORD "WARC/1.1\r\nWARC-Type: warcinfo\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n"

static struct smoke_seen seen;
static char sandbox[64];

static int set_up(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	strcpy(sandbox, "/tmp/test-smoke.XXXXXX");
	return mkdtemp(sandbox) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return remove_tree(sandbox);
}

/* A file below the sandbox, its directories made; age in seconds. */
static void put(const char *name, const void *data, size_t n, unsigned age)
{
	struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};
	char path[256], dir[256];

	snprintf(path, sizeof(path), "%s/%s", sandbox, name);
	strcpy(dir, path);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(fd_mkdir_parents(dir, 0755), 0);
	assert_int_equal(fd_write_atomic(path, data, n, 0644, false), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* One gzip member; returns its length. */
static size_t gzipped(const char *text, size_t n, unsigned char *out, size_t size)
{
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)text,
		      .avail_in = (uInt)n,
		      .next_out = out,
		      .avail_out = (uInt)size};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return size - z.avail_out;
}

static enum smoke_step look(void)
{
	memset(&seen, 0, sizeof(seen));
	smoke_directory(&seen, sandbox);
	return (enum smoke_step)atomic_load(&seen.step);
}

static enum smoke_step look_at(const char *name, const void *data, size_t n)
{
	enum smoke_step step;
	char path[256];

	put(name, data, n, 0);
	step = look();
	snprintf(path, sizeof(path), "%s/%s", sandbox, name);
	assert_int_equal(remove(path), 0);
	return step;
}

static void a_good_one_is_read(void **state)
{
	unsigned char gz[4096];
	size_t n = gzipped(RECORD, strlen(RECORD), gz, sizeof(gz));

	(void)state;
	assert_int_equal(look_at("a.warc", RECORD, strlen(RECORD)), SMOKE_DONE);
	assert_string_equal(seen.detail, "WARC/1.1");
	assert_int_equal(look_at("a.warc.gz", gz, n), SMOKE_DONE);
	/* The rest of the file does not matter. */
	memset(gz + n, 0xff, 100);
	assert_int_equal(look_at("a.warc.gz", gz, n + 100), SMOKE_DONE);
}

static void a_long_record_needs_its_header_only(void **state)
{
	size_t size = 1 << 20, n;
	char *text = malloc(size);
	unsigned char *gz = malloc(2 * size);

	(void)state;
	for (size_t i = 0; i < size; i++)
		text[i] = (char)(i * 2654435761u >> 13);
	memcpy(text, RECORD, strlen(RECORD));
	n = gzipped(text, size, gz, 2 * size);
	assert_int_equal(look_at("a.warc.gz", gz, n), SMOKE_DONE);
	assert_int_equal(look_at("a.warc.gz", gz, n / 2), SMOKE_DONE); /* being written */
	free(text);
	free(gz);
}

static void bad_ones_name_the_layer(void **state)
{
	static const char zeros[8192];
	unsigned char gz[4096];
	static char endless[1200000];
	size_t n = gzipped("hello world", 11, gz, sizeof(gz));

	(void)state;
	assert_int_equal(look_at("a.warc.gz", gz, n), SMOKE_WARC);
	assert_int_equal(look_at("a.warc.gz", gz, 12), SMOKE_GZIP);
	assert_int_equal(look_at("a.warc.gz", "plain text", 10), SMOKE_GZIP);
	assert_int_equal(look_at("a.warc.gz", zeros, sizeof(zeros)), SMOKE_GZIP); /* a hole */
	assert_int_equal(look_at("a.warc", zeros, sizeof(zeros)), SMOKE_WARC);
	assert_int_equal(look_at("a.warc", "WARC/1.0\r\nWARC-Type: x", 22), SMOKE_WARC);
	assert_non_null(strstr(seen.detail, "ends within"));
	assert_int_equal(look_at("a.warc", "WARC/1.0\r\nA: b\r\n\r\n", 18), SMOKE_WARC);
	memset(endless, 'x', sizeof(endless));
	memcpy(endless, "WARC/1.0\r\n", 10);
	assert_int_equal(look_at("a.warc", endless, sizeof(endless)), SMOKE_WARC);
	assert_non_null(strstr(seen.detail, "does not end"));
	n = gzipped(RECORD, strlen(RECORD), gz, sizeof(gz));
	gz[14] ^= 0x55;
	gz[15] ^= 0x55;
	gz[16] ^= 0x55;
	assert_int_not_equal(look_at("a.warc.gz", gz, n), SMOKE_DONE);
}

static void the_newest_is_read(void **state)
{
	char path[256], target[256];

	(void)state;
	assert_int_equal(look(), SMOKE_NONE);
	put("old.warc", "bad", 3, 100);
	put("x/.tmp1/collections/c/archive/rec.warc", RECORD, strlen(RECORD), 50);
	put("x/empty.warc", "", 0, 0);
	put("x/other.log", "x", 1, 0);
	snprintf(path, sizeof(path), "%s/x/link.warc", sandbox);
	snprintf(target, sizeof(target), "%s/old.warc", sandbox);
	assert_int_equal(symlink(target, path), 0);
	snprintf(path, sizeof(path), "%s/x/loop", sandbox);
	assert_int_equal(symlink(sandbox, path), 0);
	assert_int_equal(look(), SMOKE_DONE);
	assert_non_null(strstr(seen.path, "rec.warc"));
	put("a/b/c/d/e/f/g/h/i/deep.warc", "bad", 3, 0);
	assert_int_equal(look(), SMOKE_DONE); /* too deep to be found */
	put("x/new.warc", "bad", 3, 10);
	assert_int_equal(look(), SMOKE_WARC);
}

static void what_cannot_be_listed_or_opened_is_said(void **state)
{
	char missing[256];

	(void)state;
	memset(&seen, 0, sizeof(seen));
	snprintf(missing, sizeof(missing), "%s/missing", sandbox);
	smoke_directory(&seen, missing);
	assert_int_equal(atomic_load(&seen.step), SMOKE_LIST);
	assert_int_equal(atomic_load(&seen.error), ENOENT);
	memset(&seen, 0, sizeof(seen));
	smoke_file(&seen, -1, true);
	assert_int_equal(atomic_load(&seen.step), SMOKE_READ);
	assert_int_equal(atomic_load(&seen.error), EBADF);
	smoke_file(&seen, -1, false);
	assert_int_equal(atomic_load(&seen.error), EBADF);
	assert_string_equal(smoke_step_name(SMOKE_GZIP), "gzip");
	assert_string_equal(smoke_step_name(SMOKE_STEP_COUNT), "invalid");
}

int main(void)
{
#define IN_A_SANDBOX(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    IN_A_SANDBOX(a_good_one_is_read),
	    IN_A_SANDBOX(a_long_record_needs_its_header_only),
	    IN_A_SANDBOX(bad_ones_name_the_layer),
	    IN_A_SANDBOX(the_newest_is_read),
	    IN_A_SANDBOX(what_cannot_be_listed_or_opened_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
