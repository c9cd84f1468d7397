/* How the looking goes: other files, levels, sizes, from an offset, not too fast, stopped, beside somebody
 * who writes. */
#include "verify-util.h"
#include "base/clock.h"

#include <errno.h>

/* ---- other files, sizes, levels ---- */

static void of_other_files_the_ranges(void **state)
{
	struct verify_options options = {.kind = VERIFY_DATA, .level = VERIFY_LEVEL_WARC};
	int fd = memfd_create("test", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	assert_int_equal(pwrite(fd, "x", 1, 1 << 20), 1);
	assert_int_equal(verify_file(fd, &options, &result), 0);
	assert_int_equal(result.verdict, VERIFY_HOLE);
	assert_int_equal(result.n_ranges, 1);
	assert_int_equal(result.ranges[0].to, 1 << 20);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	options.level = VERIFY_LEVEL_STAT;
	options.kind = GZ;
	assert_int_equal(verify_file(fd, &options, &result), 0);
	assert_int_equal(result.verdict, VERIFY_HOLE);
	close(fd);
	/* Zeros that were written are no holes, but where it is asked for. */
	begin();
	put_noise(100);
	put_zeros(5000);
	put_noise(100);
	options = (struct verify_options){.kind = VERIFY_DATA, .level = VERIFY_LEVEL_GZIP};
	assert_int_equal(look_with(&options), VERIFY_WHOLE);
	options.zeros = true;
	assert_int_equal(look_with(&options), VERIFY_HOLE);
	assert_int_equal(result.ranges[0].from, 100);
	assert_int_equal(result.ranges[0].to, 5100);
}

/* A hole in a plain record is none if the digest proves that zeros are its content. */
static void holes_that_belong_there(void **state)
{
	static const char *const digests[] = {
	    "", "WARC-Block-Digest: sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ\r\n",
	    /* of 1 MiB of zeros */
	    "WARC-Block-Digest: sha1:3b71f43ff30f4b15b5cd85dd9e95ebc7e84eb5a3\r\n"};
	struct verify_options options = {.kind = PL, .level = VERIFY_LEVEL_WARC};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
		int fd = memfd_create("test", MFD_CLOEXEC);
		off_t content;

		begin();
		put_record(100);
		marks[M1] = size;
		put_text(HEAD);
		put_text(digests[i]);
		put_text("Content-Length: 1048576\r\n\r\n");
		content = (off_t)size;
		assert_int_equal(pwrite(fd, data, size, 0), size);
		assert_int_equal(pwrite(fd, "\r\n\r\n", 4, content + (1 << 20)), 4);
		assert_int_equal(verify_file(fd, &options, &result), 0);
		close(fd);
		assert_int_equal(result.verdict, i == 2 ? VERIFY_WHOLE : VERIFY_HOLE);
		if (i < 2)
			assert_int_equal(result.whole_to, marks[M1]);
	}
}

static void levels_see_more_and_more(void **state)
{
	struct verify_options options = {.kind = GZ};

	(void)state;
	/* Members are whole, records are not. */
	begin();
	put_text(HEAD "Content-Length: 1\r\n\r\nab\r\n\r\n");
	compress_from(0, NULL);
	options.level = VERIFY_LEVEL_GZIP;
	assert_int_equal(look_with(&options), VERIFY_WHOLE);
	options.level = VERIFY_LEVEL_WARC;
	assert_int_equal(look_with(&options), VERIFY_DAMAGED);
	/* Nor is the member. */
	size -= 3;
	options.level = VERIFY_LEVEL_STAT;
	assert_int_equal(look_with(&options), VERIFY_WHOLE);
	options.level = VERIFY_LEVEL_GZIP;
	assert_int_equal(look_with(&options), VERIFY_TRUNCATED);
	options.level = VERIFY_LEVEL_COUNT;
	assert_int_equal(verify_file(0, &options, &result), -EINVAL);
}

static void what_the_size_must_be(void **state)
{
	struct verify_options options = {.kind = GZ, .level = VERIFY_LEVEL_WARC};

	(void)state;
	make_members();
	options.min_size = options.max_size = marks[M_END];
	assert_int_equal(look_with(&options), VERIFY_WHOLE);
	size = marks[M2];
	assert_int_equal(look_with(&options), VERIFY_TRUNCATED);
	assert_int_equal(result.reason, VERIFY_REASON_SIZE);
	assert_int_equal(result.at, marks[M2]);
	assert_int_equal(result.whole_to, marks[M2]);
	options.min_size = options.max_size = marks[M1];
	assert_int_equal(look_with(&options), VERIFY_CHANGED);
	size = 0;
	assert_int_equal(look_with(&options), VERIFY_TRUNCATED);
	assert_int_equal(look(GZ), VERIFY_EMPTY);
	assert_string_equal(verify_error_kind(&result), "empty_file");
	assert_int_equal(look(VERIFY_DATA), VERIFY_WHOLE);
	compress_from(0, NULL);
	assert_int_equal(look(GZ), VERIFY_EMPTY);
	assert_int_equal(look(VERIFY_GZIP), VERIFY_WHOLE);
}

/* ---- how it goes ---- */

static void from_a_good_offset(void **state)
{
	struct verify_options options = {.kind = GZ, .level = VERIFY_LEVEL_WARC};

	(void)state;
	make_members();
	data[100] ^= 1; /* before it, nobody looks */
	options.from = marks[M1];
	assert_int_equal(look_with(&options), VERIFY_WHOLE);
	assert_int_equal(result.records, 2);
	options.from = marks[M_END];
	assert_int_equal(look_with(&options), VERIFY_WHOLE);
	options.from = marks[M1] + 1;
	assert_int_equal(look_with(&options), VERIFY_GARBAGE);
	options.from = marks[M_END] + 1;
	assert_int_equal(look_with(&options), VERIFY_TRUNCATED);
	assert_int_equal(result.reason, VERIFY_REASON_SIZE);
	assert_int_equal(result.whole_to, 0);
	size = marks[M2] + 50;
	options.from = marks[M2];
	assert_int_equal(look_with(&options), VERIFY_TRUNCATED);
	assert_int_equal(result.whole_to, marks[M2]);
}

struct asked {
	unsigned times, stop_after;
	int fd;
	bool append, truncate;
	uint64_t done;
};

static bool go_on(void *context, const struct verify_progress *progress)
{
	struct asked *a = context;

	assert_true(progress->done >= a->done && progress->done <= progress->size);
	a->done = progress->done;
	if (++a->times == 2 && a->append)
		assert_int_equal(pwrite(a->fd, "\x1f\x8b", 2, (off_t)progress->size), 2);
	if (a->times == 2 && a->truncate)
		assert_int_equal(ftruncate(a->fd, (off_t)progress->done), 0);
	return a->times != a->stop_after;
}

static void make_large(void)
{
	begin();
	while (size < 2 * VERIFY_CHUNK + 5000)
		marks[M2] = put_member(60000);
	marks[M_END] = size;
}

static void stopped_it_says_how_far_and_goes_on_there(void **state)
{
	struct asked asked = {.stop_after = 2};
	struct verify_options options = {
	    .kind = GZ, .level = VERIFY_LEVEL_WARC, .go_on = go_on, .context = &asked};
	uint64_t records;
	int fd;

	(void)state;
	make_large();
	fd = file_of(data, size);
	assert_int_equal(verify_file(fd, &options, &result), -ECANCELED);
	assert_int_equal(result.verdict, VERIFY_UNKNOWN);
	assert_string_equal(verify_error_kind(&result), "infra_error");
	assert_true(result.whole_to > 0 && result.whole_to <= VERIFY_CHUNK);
	records = result.records;
	options.from = result.whole_to;
	options.go_on = NULL;
	assert_int_equal(verify_file(fd, &options, &result), 0);
	assert_int_equal(result.verdict, VERIFY_WHOLE);
	options.from = 0;
	records += result.records;
	assert_int_equal(verify_file(fd, &options, &result), 0);
	assert_int_equal(result.records, records);
	close(fd);
}

static void not_faster_than_allowed(void **state)
{
	struct asked asked = {.stop_after = 0};
	struct verify_options options = {.kind = VERIFY_DATA,
					 .level = VERIFY_LEVEL_WARC,
					 .zeros = true,
					 .rate = 1 << 20,
					 .go_on = go_on,
					 .context = &asked};
	uint64_t begun_ns;

	(void)state;
	begin();
	put_noise(512 << 10);
	begun_ns = clock_mono_ns();
	assert_int_equal(look_with(&options), VERIFY_WHOLE);
	/* The last piece of it need not be waited for. */
	assert_true(clock_mono_ns() - begun_ns >= 370 * NSEC_PER_MSEC);
	assert_true(asked.times >= 4);
}

static void somebody_writes_meanwhile(void **state)
{
	struct asked asked = {.append = true};
	struct verify_options options = {
	    .kind = GZ, .level = VERIFY_LEVEL_WARC, .go_on = go_on, .context = &asked};

	(void)state;
	make_large();
	asked.fd = file_of(data, size);
	assert_int_equal(verify_file(asked.fd, &options, &result), 0);
	assert_int_equal(result.verdict, VERIFY_WHOLE);
	assert_true(result.grown);
	close(asked.fd);
	/* Not whole, and written: it may be so soon. */
	asked = (struct asked){.append = true, .fd = file_of(data, size - 100)};
	assert_int_equal(verify_file(asked.fd, &options, &result), 0);
	assert_int_equal(result.verdict, VERIFY_CHANGED);
	assert_int_equal(result.reason, VERIFY_REASON_WRITTEN);
	assert_string_equal(verify_error_kind(&result), "infra_error");
	close(asked.fd);
	asked = (struct asked){.truncate = true, .fd = file_of(data, size)};
	assert_int_equal(verify_file(asked.fd, &options, &result), 0);
	assert_int_equal(result.verdict, VERIFY_CHANGED);
	assert_int_equal(result.reason, VERIFY_REASON_SHRUNK);
	close(asked.fd);
}

static void what_cannot_be_read_is_unknown(void **state)
{
	struct verify_options options = {.kind = GZ, .level = VERIFY_LEVEL_WARC};
	int fd = memfd_create("test", MFD_CLOEXEC), closed = dup(fd);

	(void)state;
	close(closed);
	assert_int_equal(verify_file(closed, &options, &result), 0);
	assert_int_equal(result.verdict, VERIFY_UNKNOWN);
	assert_int_equal(result.error, EBADF);
	assert_string_equal(verify_error_kind(&result), "corrupt_or_unreadable");
	result.error = EIO;
	assert_string_equal(verify_error_kind(&result), "infra_error");
	result.error = ENOSPC;
	assert_string_equal(verify_error_kind(&result), "infra_error");
	result.error = EACCES;
	assert_string_equal(verify_error_kind(&result), "corrupt_or_unreadable");
	close(fd);
}

/* ---- files without a descriptor ---- */

struct fake_file {
	size_t size, fails_at, ends_at;
	unsigned stats, cut_after;
	mode_t mode;
};

static ssize_t read_fake(void *context, void *bytes, size_t n, uint64_t offset)
{
	const struct fake_file *f = context;
	size_t left = offset < f->size ? f->size - (size_t)offset : 0;

	if (f->fails_at && offset >= f->fails_at)
		return -ENOTCONN;
	if (f->ends_at && offset >= f->ends_at)
		return 0;
	n = MIN(MIN(n, left), (size_t)7000); /* short reads */
	memcpy(bytes, data + offset, n);
	return (ssize_t)n;
}

static errint_t stat_fake(void *context, struct stat *st)
{
	struct fake_file *f = context;

	if (f->cut_after && ++f->stats >= f->cut_after)
		return -ESTALE;
	*st = (struct stat){.st_mode = f->mode, .st_size = (off_t)f->size};
	return 0;
}

static enum verify_verdict look_at_fake(struct fake_file *f, const struct verify_options *options)
{
	const struct verify_source source = {read_fake, stat_fake, f};

	assert_int_equal(verify_source(&source, options, &result), 0);
	return result.verdict;
}

static void files_without_a_descriptor(void **state)
{
	struct verify_options options = {.kind = GZ, .level = VERIFY_LEVEL_WARC, .fresh = true};
	struct fake_file f = {.mode = S_IFREG | 0644};

	(void)state;
	make_large();
	f.size = size;
	assert_int_equal(look_at_fake(&f, &options), VERIFY_WHOLE);
	assert_int_equal(result.whole_to, size);
	f.size = size - 10;
	assert_int_equal(look_at_fake(&f, &options), VERIFY_TRUNCATED);
	f = (struct fake_file){.mode = S_IFREG, .size = size, .fails_at = VERIFY_CHUNK};
	assert_int_equal(look_at_fake(&f, &options), VERIFY_UNKNOWN);
	assert_int_equal(result.error, ENOTCONN);
	/* Its end comes too early, but it has its size. */
	f = (struct fake_file){.mode = S_IFREG, .size = size, .ends_at = VERIFY_CHUNK + 100};
	assert_int_equal(look_at_fake(&f, &options), VERIFY_UNKNOWN);
	assert_int_equal(result.error, EIO);
	assert_true(result.whole_to <= VERIFY_CHUNK + 100);
	/* Nor can it be looked at any more. */
	f.cut_after = 2;
	assert_int_equal(look_at_fake(&f, &options), VERIFY_UNKNOWN);
	assert_int_equal(result.error, ESTALE);
	f = (struct fake_file){.mode = S_IFREG, .size = size, .cut_after = 1};
	assert_int_equal(look_at_fake(&f, &options), VERIFY_UNKNOWN);
	assert_int_equal(result.error, ESTALE);
	f = (struct fake_file){.mode = S_IFDIR, .size = size};
	assert_int_equal(look_at_fake(&f, &options), VERIFY_NOT_A_FILE);
	/* Of other files there are no holes to ask for, but zeros to see. */
	memset(data + 4096, 0, 70000);
	options.kind = VERIFY_DATA;
	options.zeros = true;
	f = (struct fake_file){.mode = S_IFREG, .size = size};
	assert_int_equal(look_at_fake(&f, &options), VERIFY_HOLE);
	assert_int_equal(result.ranges[0].from, 4096);
	assert_int_equal(result.ranges[0].to, 4096 + 70000);
	options.level = VERIFY_LEVEL_STAT;
	assert_int_equal(look_at_fake(&f, &options), VERIFY_WHOLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_without_a_descriptor),
	    cmocka_unit_test(of_other_files_the_ranges),
	    cmocka_unit_test(holes_that_belong_there),
	    cmocka_unit_test(levels_see_more_and_more),
	    cmocka_unit_test(what_the_size_must_be),
	    cmocka_unit_test(from_a_good_offset),
	    cmocka_unit_test(stopped_it_says_how_far_and_goes_on_there),
	    cmocka_unit_test(not_faster_than_allowed),
	    cmocka_unit_test(somebody_writes_meanwhile),
	    cmocka_unit_test(what_cannot_be_read_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
