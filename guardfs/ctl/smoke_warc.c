/* smoke_warc.c: finding a WARC and reading its first record's header. Runs in a child: any call may hang. */
#include "ctl/smoke.h"
#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#define HEADER_MAX (64u * 1024) /* of a record, inflated */

const char *smoke_step_name(enum smoke_step step)
{
	static const char *const names[SMOKE_STEP_COUNT] = {"list", "open", "read", "gzip",
							    "warc", "none", "done"};

	return (unsigned)step < SMOKE_STEP_COUNT ? names[step] : "invalid";
}

static void at(struct smoke_seen *seen, enum smoke_step step, const char *path)
{
	atomic_store(&seen->step, step);
	if (path)
		(void)copy_string(seen->path, sizeof(seen->path), path);
}

static void fail(struct smoke_seen *seen, enum smoke_step step, int error, const char *detail)
{
	atomic_store(&seen->step, step);
	atomic_store(&seen->error, error);
	snprintf(seen->detail, sizeof(seen->detail), "%s", detail);
}

/* ---- finding one ---- */

struct search {
	struct smoke_seen *seen;
	unsigned entries;
	bool failed;
	int64_t newest_ns;
	char best[CTL_ABSOLUTE_MAX]; /* "": none yet */
};

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

static void consider(struct search *s, const char *path, const struct stat *st)
{
	int64_t mtime_ns = (int64_t)st->st_mtim.tv_sec * (int64_t)NSEC_PER_SEC + st->st_mtim.tv_nsec;

	/* What is empty is being begun. */
	if (st->st_size == 0 || (s->best[0] && mtime_ns <= s->newest_ns))
		return;
	s->newest_ns = mtime_ns;
	(void)copy_string(s->best, sizeof(s->best), path);
}

static void search_in(struct search *s, int dir_fd, const char *name, const char *path, unsigned depth);

static void take_entry(struct search *s, int fd, const struct dirent *e, const char *dir, unsigned depth)
{
	bool warc = ends_with(e->d_name, ".warc.gz") || ends_with(e->d_name, ".warc");
	char path[CTL_ABSOLUTE_MAX];
	struct stat st;

	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
	    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
		return;
	s->entries++;
	/* The type is known without another look, where storage says it. */
	if (!warc && e->d_type != DT_DIR && e->d_type != DT_UNKNOWN)
		return;
	at(s->seen, SMOKE_LIST, path);
	if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		/* It may have been removed since: a crawler is at work. */
		if (errno == ENOENT)
			return;
		fail(s->seen, SMOKE_LIST, errno, "stat");
		s->failed = true;
	} else if (S_ISDIR(st.st_mode) && depth < SMOKE_DEPTH) {
		search_in(s, fd, e->d_name, path, depth + 1);
	} else if (warc && S_ISREG(st.st_mode)) {
		consider(s, path, &st);
	}
}

static void search_in(struct search *s, int dir_fd, const char *name, const char *path, unsigned depth)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
	CLEANUP_DIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e = NULL;

	if (!dir) {
		fail(s->seen, SMOKE_LIST, errno, "opening the directory");
		s->failed = true;
		return;
	}
	while (!s->failed && s->entries < SMOKE_ENTRIES && (errno = 0, e = readdir(dir)) != NULL)
		take_entry(s, dirfd(dir), e, path, depth);
	if (!s->failed && !e && errno) {
		fail(s->seen, SMOKE_LIST, errno, "listing the directory");
		s->failed = true;
	}
}

/* ---- reading it ---- */

/* Is the header of a record at the beginning complete and that of a WARC? */
static bool judge_header(struct smoke_seen *seen, const char *text, size_t n, bool whole)
{
	if (n < 5 || memcmp(text, "WARC/", 5) != 0) {
		fail(seen, SMOKE_WARC, 0, "its first record does not begin with WARC/");
		return false;
	}
	if (!memmem(text, n, "\r\n\r\n", 4)) {
		fail(seen, SMOKE_WARC, 0,
		     whole ? "it ends within its first record's header"
			   : "its first record's header does not end");
		return false;
	}
	if (!memmem(text, n, "\nWARC-Type:", strlen("\nWARC-Type:"))) {
		fail(seen, SMOKE_WARC, 0, "its first record has no WARC-Type");
		return false;
	}
	snprintf(seen->detail, sizeof(seen->detail), "%.*s", (int)MIN(strcspn(text, "\r\n"), (size_t)32),
		 text);
	return true;
}

static bool is_header_complete(const char *text, size_t n)
{
	return memmem(text, n, "\r\n\r\n", 4) != NULL;
}

/* -1: failed; 0: its end. */
static ssize_t read_some(struct smoke_seen *seen, int fd, void *buf, size_t size)
{
	ssize_t n = read(fd, buf, size);

	if (n < 0)
		fail(seen, SMOKE_READ, errno, "read");
	return n;
}

static void read_plain(struct smoke_seen *seen, int fd, char *text)
{
	size_t used = 0;
	ssize_t n = 1;

	while (used < HEADER_MAX && !is_header_complete(text, used) && n > 0) {
		n = read_some(seen, fd, text + used, MIN((size_t)4096, HEADER_MAX - used));
		if (n < 0)
			return;
		used += (size_t)n;
		text[used] = '\0';
	}
	if (judge_header(seen, text, used, n == 0))
		at(seen, SMOKE_DONE, NULL);
}

/* Inflates what was read, on top of what there is. False: not gzip, or damaged. */
static bool inflate_more(struct smoke_seen *seen, z_stream *z, unsigned char *in, size_t n, bool *ended)
{
	int rc;

	z->next_in = in;
	z->avail_in = (uInt)n;
	rc = inflate(z, Z_NO_FLUSH);
	*ended = rc == Z_STREAM_END;
	if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR)
		return true;
	fail(seen, SMOKE_GZIP, 0, z->msg ? z->msg : "not gzip");
	return false;
}

static void read_gzip(struct smoke_seen *seen, int fd, char *text)
{
	z_stream z = {.next_out = (unsigned char *)text, .avail_out = HEADER_MAX};
	unsigned char in[4096];
	bool ended = false;
	size_t used = 0;
	ssize_t n = 1;

	if (inflateInit2(&z, 15 + 16) != Z_OK) {
		fail(seen, SMOKE_GZIP, ENOMEM, "zlib");
		return;
	}
	while (!ended && z.avail_out > 0 && !is_header_complete(text, used)) {
		n = read_some(seen, fd, in, sizeof(in));
		if (n <= 0 || !inflate_more(seen, &z, in, (size_t)n, &ended))
			break;
		used = HEADER_MAX - z.avail_out;
	}
	inflateEnd(&z);
	if (atomic_load(&seen->step) != SMOKE_READ || n < 0)
		return;
	text[used] = '\0';
	if (n == 0 && !ended && !is_header_complete(text, used))
		fail(seen, SMOKE_GZIP, 0, "it ends within its first record");
	else if (judge_header(seen, text, used, n == 0 || ended))
		at(seen, SMOKE_DONE, NULL);
}

void smoke_file(struct smoke_seen *seen, int fd, bool gzip)
{
	CLEANUP_FREE char *text = calloc(1, HEADER_MAX + 1);

	at(seen, SMOKE_READ, NULL);
	if (!text)
		fail(seen, SMOKE_READ, ENOMEM, "");
	else if (gzip)
		read_gzip(seen, fd, text);
	else
		read_plain(seen, fd, text);
}

void smoke_directory(struct smoke_seen *seen, const char *dir)
{
	struct search *s = calloc(1, sizeof(*s));
	CLEANUP_FD int fd = -1;

	at(seen, SMOKE_LIST, dir);
	if (!s) {
		fail(seen, SMOKE_LIST, ENOMEM, "");
		return;
	}
	s->seen = seen;
	search_in(s, AT_FDCWD, dir, dir, 0);
	if (!s->failed && !s->best[0]) {
		at(seen, SMOKE_NONE, dir);
		snprintf(seen->detail, sizeof(seen->detail), "no WARC among %s%u names",
			 s->entries >= SMOKE_ENTRIES ? "the first " : "", s->entries);
	} else if (!s->failed) {
		at(seen, SMOKE_OPEN, s->best);
		fd = open(s->best, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			fail(seen, SMOKE_OPEN, errno, "open");
		else
			smoke_file(seen, fd, ends_with(s->best, ".gz"));
	}
	free(s);
}
