/* Finds a WARC and reads its first header. Calls may hang. */
#include "ctl/smoke.h"
#include "base/cleanup.h"

#include "verify/find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

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

static void fail_step(struct smoke_seen *seen, enum smoke_step step, int error, const char *detail)
{
	atomic_store(&seen->step, step);
	atomic_store(&seen->error, error);
	snprintf(seen->detail, sizeof(seen->detail), "%s", detail);
}

struct search {
	struct smoke_seen *seen;
	struct find find;
	int64_t newest_ns;
	char best[CTL_ABSOLUTE_MAX];
};

static void note_listing(void *context, const char *path)
{
	struct search *s = context;

	at(s->seen, SMOKE_LIST, path);
}

static void note_failure(void *context, const char *path, const char *what, int error)
{
	struct search *s = context;

	(void)path;
	fail_step(s->seen, SMOKE_LIST, error, what);
	s->find.stop = true;
}

static void take_found(void *context, int dir, const char *name, const char *path, const struct stat *st)
{
	struct search *s = context;
	int64_t mtime_ns = (int64_t)st->st_mtim.tv_sec * (int64_t)NSEC_PER_SEC + st->st_mtim.tv_nsec;

	(void)dir;
	(void)name;
	/* Empty: just begun. */
	if (st->st_size == 0 || (s->best[0] && mtime_ns <= s->newest_ns))
		return;
	s->newest_ns = mtime_ns;
	(void)copy_string(s->best, sizeof(s->best), path);
}

/* Which layer, gzip or its content? */
static enum smoke_step step_of(const struct verify_result *result)
{
	switch (result->reason) {
	case VERIFY_REASON_HEADER:
	case VERIFY_REASON_MEMBER:
	case VERIFY_REASON_NO_MEMBER:
	case VERIFY_REASON_GZIP_HEADER:
	case VERIFY_REASON_DEFLATE:
	case VERIFY_REASON_CRC:
	case VERIFY_REASON_LENGTH:
		return SMOKE_GZIP;
	case VERIFY_REASON_ZEROS:
		return result->kind == VERIFY_WARC_GZIP ? SMOKE_GZIP : SMOKE_WARC;
	default:
		return SMOKE_WARC;
	}
}

void smoke_file(struct smoke_seen *seen, int fd, bool gzip)
{
	struct verify_options options = {
	    .kind = gzip ? VERIFY_WARC_GZIP : VERIFY_WARC, .level = VERIFY_LEVEL_WARC, .first_header = true};
	struct verify_result result;
	errint_t err;

	at(seen, SMOKE_READ, NULL);
	err = verify_file(fd, &options, &result);
	if (err || result.verdict == VERIFY_UNKNOWN) {
		fail_step(seen, SMOKE_READ, err ? -err : result.error, "read");
	} else if (result.verdict != VERIFY_WHOLE) {
		fail_step(seen, step_of(&result), 0,
			  result.reason ? verify_reason_text(result.reason)
					: verify_verdict_name(result.verdict));
	} else {
		(void)copy_string(seen->detail, sizeof(seen->detail), result.version);
		at(seen, SMOKE_DONE, NULL);
	}
}

static void read_best(struct search *s)
{
	struct smoke_seen *seen = s->seen;
	CLEANUP_FD int fd = -1;

	at(seen, SMOKE_OPEN, s->best);
	fd = open(s->best, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		fail_step(seen, SMOKE_OPEN, errno, "open");
	else
		smoke_file(seen, fd, verify_kind_of(s->best) == VERIFY_WARC_GZIP);
}

void smoke_directory(struct smoke_seen *seen, const char *dir)
{
	struct search *s = calloc(1, sizeof(*s));

	at(seen, SMOKE_LIST, dir);
	if (!s) {
		fail_step(seen, SMOKE_LIST, ENOMEM, "");
		return;
	}
	s->seen = seen;
	s->find = (struct find){.context = s,
				.depth_max = SMOKE_DEPTH,
				.entries_max = SMOKE_ENTRIES,
				.touching = note_listing,
				.found = take_found,
				.failed = note_failure};
	find_warcs(&s->find, dir);
	if (!s->find.stop && !s->best[0]) {
		at(seen, SMOKE_NONE, dir);
		snprintf(seen->detail, sizeof(seen->detail), "no WARC among %s%u names",
			 s->find.entries >= SMOKE_ENTRIES ? "the first " : "", s->find.entries);
	} else if (!s->find.stop) {
		read_best(s);
	}
	free(s);
}
