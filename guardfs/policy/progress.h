/* progress.h: deadlines of what gives signs of life while it is under way. Pure. */
#ifndef GUARDFS_POLICY_PROGRESS_H
#define GUARDFS_POLICY_PROGRESS_H

#include "base/base.h"

/* When a request is due that was read at read_ns, and whose last sign of life came at sign_ns (0, or before
 * read_ns: none). It may be silent for silence_ns at a time, and takes limit_ns at most; a limit shorter than
 * the silence is none of its own. All of CLOCK_MONOTONIC. */
static inline uint64_t progress_due_ns(uint64_t read_ns, uint64_t sign_ns, uint64_t silence_ns,
				       uint64_t limit_ns)
{
	uint64_t due_ns = MAX(read_ns, sign_ns) + silence_ns;

	return MIN(due_ns, read_ns + MAX(limit_ns, silence_ns));
}

#endif
