#include "policy/stall.h"

void stall_clock_see(struct stall_clock *clock, uint64_t now_ns)
{
	if (clock->seen_ns && now_ns > clock->seen_ns && now_ns - clock->seen_ns > STALL_GAP_NS)
		clock->went_on_ns = now_ns;
	clock->seen_ns = now_ns;
}

uint64_t stall_since_ns(const struct stall_job *j, uint64_t now_ns)
{
	uint64_t began_ns = j->writing_since_ns;

	if (j->writers == 0 &&
	    (j->writer_closed_ns == 0 ||
	     (j->writer_closed_ns <= now_ns && now_ns - j->writer_closed_ns >= STALL_LINGER_NS)))
		return 0;
	return MAX(MAX(j->progress_ns, began_ns), j->went_on_ns);
}

enum stall stall_judge(const struct stall_job *j, const struct stall_tier *tier, uint64_t require_ns,
		       uint64_t now_ns)
{
	uint64_t since_ns = stall_since_ns(j, now_ns);

	/* A clock set back stalls no job. */
	if (since_ns == 0 || since_ns > now_ns || now_ns - since_ns < require_ns)
		return STALL_NONE;
	if (!tier->healthy || tier->since_ns >= since_ns || j->error_ns >= since_ns)
		return STALL_STORAGE;
	return STALL_CRAWL;
}

const char *stall_name(enum stall stall)
{
	static const char *const names[] = {"none", "storage", "crawl"};

	return (unsigned)stall < ARRAY_SIZE(names) ? names[stall] : "invalid";
}
