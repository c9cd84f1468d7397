#include "verify/check.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* 0 or -errno; -EIO: missing. */
static errint_t read_byte(const struct input *in, uint64_t offset)
{
	char byte;
	ssize_t n = input_read(in, &byte, 1, offset);

	return n < 0 ? (errint_t)n : n == 1 ? 0 : -EIO;
}

static bool is_compressed(enum verify_kind kind)
{
	return kind == VERIFY_GZIP || kind == VERIFY_WARC_GZIP;
}

/* Both ends and holes. */
static errint_t check_stat(const struct input *in, struct check *c)
{
	errint_t err = read_byte(in, 0);

	if (!err)
		err = read_byte(in, c->result->size - 1);
	if (!err)
		check_holes(c, in, c->options->from);
	if (!err && c->options->kind == VERIFY_DATA)
		c->result->whole_to = c->over ? c->result->at : c->result->size;
	return err;
}

/* Or NULL. */
static errint_t (*pass_of(const struct verify_options *o))(struct check *)
{
	if (is_compressed(o->kind))
		return o->level >= VERIFY_LEVEL_GZIP ? check_gzip : NULL;
	if (o->kind == VERIFY_WARC)
		return o->level >= VERIFY_LEVEL_WARC ? check_plain_warc : NULL;
	return o->zeros && o->level >= VERIFY_LEVEL_GZIP ? check_data : NULL;
}

static errint_t look(const struct input *in, struct check *c)
{
	errint_t (*pass)(struct check *) = pass_of(c->options);
	errint_t err;

	if (!pass)
		return check_stat(in, c);
	err = reader_begin(&c->reader, in, c->options, c->result->size);
	if (!err) {
		c->records = c->options->kind == VERIFY_WARC ||
			     (c->options->kind == VERIFY_WARC_GZIP && c->options->level >= VERIFY_LEVEL_WARC);
		zeros_begin(&c->zeros, c->options->from);
		err = warc_begin(&c->warc, c->options->kind == VERIFY_WARC && !c->options->first_header);
	}
	if (!err)
		err = pass(c);
	reader_release(&c->reader);
	warc_release(&c->warc);
	memcpy(c->result->version, c->warc.version, sizeof(c->result->version));
	return err;
}

static bool has_content(enum verify_kind kind)
{
	return kind != VERIFY_DATA;
}

/* Empty, or too short: nothing to read. */
static bool judge_size(struct check *c)
{
	const struct verify_options *o = c->options;
	struct verify_result *result = c->result;

	if (o->from > result->size || (result->size == 0 && o->min_size > 0)) {
		check_fail(c, VERIFY_REASON_SIZE, result->size);
		result->whole_to = 0;
	} else if (result->size == 0) {
		result->verdict = has_content(o->kind) ? VERIFY_EMPTY : VERIFY_WHOLE;
		c->over = true;
	}
	return c->over;
}

static void judge_bounds(struct check *c)
{
	const struct verify_options *o = c->options;
	struct verify_result *result = c->result;

	if (o->max_size && result->size > o->max_size)
		check_fail(c, VERIFY_REASON_LARGER, o->max_size);
	else if (result->verdict == VERIFY_WHOLE && result->size < o->min_size)
		check_fail(c, VERIFY_REASON_SIZE, result->size);
	else if (result->verdict == VERIFY_WHOLE && c->records && o->from == 0 && c->warc.headers == 0)
		result->verdict = VERIFY_EMPTY;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static void unknown(struct verify_result *result, int error)
{
	result->verdict = VERIFY_UNKNOWN;
	result->error = error;
	result->at = result->whole_to;
}

/* An append leaves the rest whole. */
static void judge_change(const struct input *in, struct check *c, const struct stat *before)
{
	struct verify_result *result = c->result;
	struct stat after;
	errint_t rc = input_stat(in, &after);

	if (rc < 0) {
		unknown(result, -rc);
		return;
	}
	/* It has its size and could not be read to the end: so sshfs reports a broken connection. */
	if (c->reader.shrunk && after.st_size >= before->st_size) {
		unknown(result, EIO);
		return;
	}
	result->grown = after.st_size > before->st_size;
	if (c->reader.shrunk || after.st_size < before->st_size)
		check_fail(c, VERIFY_REASON_SHRUNK, (uint64_t)after.st_size);
	else if (result->verdict != VERIFY_WHOLE && !same_time(after.st_mtim, before->st_mtim))
		check_fail(c, VERIFY_REASON_WRITTEN, result->at);
}

static void begin_result(struct verify_result *result, const struct verify_options *options)
{
	*result =
	    (struct verify_result){.kind = options->kind, .level = options->level, .whole_to = options->from};
}

static errint_t judge_error(struct check *c, errint_t err)
{
	if (err == -ENOMEM)
		return err;
	if (err == -ECANCELED) {
		check_fail(c, VERIFY_REASON_CANCELLED, c->result->whole_to);
		return err;
	}
	unknown(c->result, -err);
	return 0;
}

static errint_t verify_regular(const struct input *in, const struct verify_options *options,
			       struct verify_result *result, const struct stat *st)
{
	struct check c = {.options = options, .result = result};
	errint_t err;

	result->size = (uint64_t)st->st_size;
	result->mtime_s = st->st_mtim.tv_sec;
	if (judge_size(&c))
		return 0;
	if (options->fresh && !in->source)
		(void)posix_fadvise(in->fd, 0, 0, POSIX_FADV_DONTNEED);
	err = look(in, &c);
	if (err)
		return judge_error(&c, err);
	if (!options->first_header) {
		judge_bounds(&c);
		judge_change(in, &c, st);
	}
	return 0;
}

static errint_t verify_input(const struct input *in, const struct verify_options *options,
			     struct verify_result *result)
{
	struct stat st;
	errint_t rc;

	if ((unsigned)options->kind >= VERIFY_KIND_COUNT || (unsigned)options->level >= VERIFY_LEVEL_COUNT ||
	    options->from > INT64_MAX)
		return -EINVAL;
	begin_result(result, options);
	rc = input_stat(in, &st);
	if (rc < 0) {
		unknown(result, -rc);
	} else if (!S_ISREG(st.st_mode)) {
		result->verdict = VERIFY_NOT_A_FILE;
	} else {
		return verify_regular(in, options, result, &st);
	}
	return 0;
}

errint_t verify_file(int fd, const struct verify_options *options, struct verify_result *result)
{
	return verify_input(&(struct input){.fd = fd}, options, result);
}

errint_t verify_source(const struct verify_source *source, const struct verify_options *options,
		       struct verify_result *result)
{
	return verify_input(&(struct input){.fd = -1, .source = source}, options, result);
}

static void cannot_open(struct verify_result *result, int error)
{
	if (error == ENOENT || error == ENOTDIR)
		result->verdict = VERIFY_MISSING;
	else if (error == ELOOP)
		result->verdict = VERIFY_NOT_A_FILE;
	else
		unknown(result, error);
}

errint_t verify_name(int dir, const char *name, const struct verify_options *options,
		     struct verify_result *result)
{
	errint_t err = 0;
	struct stat st;
	int fd;

	begin_result(result, options);
	result->whole_to = 0;
	/* Opening devices may have effects. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		cannot_open(result, errno);
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		result->verdict = VERIFY_NOT_A_FILE;
		return 0;
	}
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		cannot_open(result, errno);
		return 0;
	}
	err = verify_file(fd, options, result);
	close(fd);
	return err;
}
