/* classify.h: guardctl classify: the rules. Private to guardctl. */
#ifndef GUARDFS_CTL_CLASSIFY_H
#define GUARDFS_CTL_CLASSIFY_H

#include "base/utf8.h"
#include "ctl/ctl.h"

struct classify_verdict {
	bool infrastructure; /* retry later, and charge nobody for it */
	const char *class;   /* of the error table, "process" or "recovered"; borrowed from status */
	char why[256];	     /* for people */
};

/* error: a positive errno that a caller got, or 0: not known, then the state of what serves the place
 * decides, now and in the last ten minutes. now: seconds since the epoch. Pure. */
void classify_judge(const json_t *status, const struct ctl_responsible *responsible, int error, int64_t now,
		    struct classify_verdict *verdict);

/* "5" or "EIO". 0 or -EINVAL. */
errint_t classify_parse_errno(const char *text, int *error) WARN_UNUSED;

#endif
