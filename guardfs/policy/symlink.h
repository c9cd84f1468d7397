/* Links that stay within their tree. */
#ifndef GUARDFS_POLICY_SYMLINK_H
#define GUARDFS_POLICY_SYMLINK_H

#include "base/base.h"

/* By its text alone: an absolute target may, and one with "..", which may follow a link. */
static inline bool symlink_may_lead_out(const char *target)
{
	if (target[0] == '/')
		return true;
	for (const char *part = target; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
			return true;
	return false;
}

/* Of the link at `link`, relative to the root of its tree, which is `base` on the server: its absolute target below base, as seen
 * from the link. False: the target is not such a one, or it is too long. */
bool symlink_make_relative(const char *base, const char *link, const char *target, char *relative,
			   size_t size);

#endif
