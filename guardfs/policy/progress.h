/* Deadlines of operations that show life. */
#ifndef GUARDFS_POLICY_PROGRESS_H
#define GUARDFS_POLICY_PROGRESS_H

#include "base/base.h"

/* Deadline of a request read at read_ns, last alive at sign_ns (0 or before read_ns: never): silence_ns
 * later, at most limit_ns (at least silence_ns) after read_ns. CLOCK_MONOTONIC. */
static inline uint64_t progress_due_ns(uint64_t read_ns, uint64_t sign_ns, uint64_t silence_ns,
				       uint64_t limit_ns)
{
	uint64_t due_ns = MAX(read_ns, sign_ns) + silence_ns;

	return MIN(due_ns, read_ns + MAX(limit_ns, silence_ns));
}

#endif
