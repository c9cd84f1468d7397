/* guardctl classify's rules. */
#ifndef GUARDFS_CTL_CLASSIFY_H
#define GUARDFS_CTL_CLASSIFY_H

#include "base/utf8.h"
#include "ctl/ctl.h"

struct classify_verdict {
	/* retry later, free of charge */
	bool infrastructure;
	/* from the error table, or "process", "recovered"; borrowed */
	const char *class;
	char why[256];
};

/* error: positive errno; 0: unknown, so the backend's state decides, now and ten minutes back. now: seconds
 * since the epoch. Pure. */
void classify_judge(const json_t *status, const struct ctl_responsible *responsible, int error, int64_t now,
		    struct classify_verdict *verdict);

/* "5" or "EIO". 0 or -EINVAL. */
errint_t classify_parse_errno(const char *text, int *error) WARN_UNUSED;

#endif
