/* classify.h: guardctl classify: the rules. Private to guardctl. */
#ifndef GUARDFS_CTL_CLASSIFY_H
#define GUARDFS_CTL_CLASSIFY_H

#include "base/utf8.h"
#include "ctl/ctl.h"

struct classify_verdict {
	/* retry later, and charge nobody for it */
	bool infrastructure;
	/* of the error table, "process" or "recovered"; borrowed from status */
	const char *class;
	/* for people */
	char why[256];
};

/* error: a caller's positive errno; 0: unknown: then the backend's state decides, now and in the last ten
 * minutes. now: seconds since the epoch. Pure. */
void classify_judge(const json_t *status, const struct ctl_responsible *responsible, int error, int64_t now,
		    struct classify_verdict *verdict);

/* "5" or "EIO". 0 or -EINVAL. */
errint_t classify_parse_errno(const char *text, int *error) WARN_UNUSED;

#endif
