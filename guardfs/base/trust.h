/* Could others change where a path leads? */
#ifndef GUARDFS_BASE_TRUST_H
#define GUARDFS_BASE_TRUST_H

#include "base/base.h"
#include <limits.h>
#include <sys/stat.h>

enum trust_flags {
	TRUST_STICKY = 1 << 0, /* sticky directories may be writable: others cannot replace names there */
};

struct trust_flaw {
	enum { TRUST_MISSING, TRUST_FOREIGN, TRUST_SHARED } kind;
	/* MISSING: positive errno. */
	int error;
	uid_t owner;
	mode_t mode;
	/* Path up to the flaw. */
	char part[PATH_MAX];
};

/* Can only root and user change it? st: of lstat(2). part: its name, for *flaw. 0 or -EPERM. */
errint_t trust_status(const struct stat *st, const char *part, uid_t user, unsigned flags,
		      struct trust_flaw *flaw) WARN_UNUSED;

/* The same for path and all on its way, links included. path: absolute; resolved (PATH_MAX bytes): without links. 0;
 * -EPERM; or what prevented the look (such as -ENAMETOOLONG); see *flaw. */
errint_t trust_path(const char *path, uid_t user, unsigned flags, char *resolved,
		    struct trust_flaw *flaw) WARN_UNUSED;

/* "/a is writable by others (mode 0777)". */
void trust_describe(const struct trust_flaw *flaw, char *text, size_t size);

#endif
