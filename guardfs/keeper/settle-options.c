/* How a suspect file is looked at, and for how long. */
#include "keeper/settle-child.h"
#include "keeper/writers.h"

#include <poll.h>

/* A pause at each chunk while callers are inside. */
#define YIELD_MS 50

static const struct board_backend *board_of(const struct settle_job *job)
{
	return &job->arena->board.backends[job->suspect->backend];
}

bool settle_is_connected(const struct settle_job *job)
{
	uint64_t breaker = atomic_load(&board_of(job)->breaker);

	return breaker_is_closed(breaker) && breaker_epoch(breaker) == job->epoch;
}

static bool may_go_on(void *context, const struct verify_progress *progress)
{
	const struct settle_job *job = context;

	(void)progress;
	if (atomic_load(&board_of(job)->inflight) > 0)
		(void)poll(NULL, 0, YIELD_MS);
	return settle_is_connected(job);
}

void settle_cannot_tell(struct verify_result *r, int error)
{
	*r = (struct verify_result){.verdict = VERIFY_UNKNOWN, .error = error};
}

/* Found whole before, if the file is as it was. */
static uint64_t begin_at(const struct suspect *s, const struct stat *st)
{
	bool same =
	    s->whole_to && (uint64_t)st->st_size == s->found_size && st->st_mtim.tv_sec == s->found_mtime_s;

	return same && s->whole_to <= (uint64_t)st->st_size ? s->whole_to : 0;
}

/* A file without structure is looked at in the ranges alone, for zeros. */
static uint64_t begin_of_ranges(const struct suspect *s, const struct stat *st)
{
	uint64_t from = s->ranges.n ? s->ranges.ranges[0].from : s->size;

	return MIN(from, (uint64_t)st->st_size);
}

struct verify_options settle_options(const struct settle_job *job, const struct stat *st)
{
	const struct suspect *s = job->suspect;
	struct verify_options o = {.kind = verify_kind_of(s->object),
				   .level = VERIFY_LEVEL_WARC,
				   .rate = (uint64_t)job->arena->board.config.settle_rate_mib << 20,
				   .fresh = true,
				   .go_on = may_go_on,
				   .context = (void *)(uintptr_t)job};

	/* By the acknowledged writes, unless it was written again; an open file may grow. Of a crash only those a
	 * while before are known. */
	if (!s->again)
		o.min_size = s->size;
	if (!s->again && s->cause != SUSPECT_CRASHED && !writers_have(job->arena, s->backend, s->object))
		o.max_size = MAX(s->size, ledger_end(&s->ranges));
	o.zeros = o.kind == VERIFY_DATA;
	o.from = o.zeros ? begin_of_ranges(s, st) : begin_at(s, st);
	return o;
}
