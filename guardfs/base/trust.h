/* trust.h: who could change where a path leads? Looks at every directory, link and file on the way, of the
 * path as given and without links: changing a link chooses its target. */
#ifndef GUARDFS_BASE_TRUST_H
#define GUARDFS_BASE_TRUST_H

#include "base/base.h"
#include <limits.h>
#include <sys/stat.h>

enum trust_flags {
	TRUST_STICKY =
	    1
	    << 0, /* a sticky directory may be writable by others: they can add names, but not replace ours */
};

struct trust_flaw {
	enum { TRUST_MISSING, TRUST_FOREIGN, TRUST_SHARED } kind;
	/* MISSING: positive errno. */
	int error;
	uid_t owner;
	mode_t mode;
	/* The path up to the flaw. */
	char part[PATH_MAX];
};

/* Can only root and user change this file or directory? st: of lstat(2); a link's own mode means nothing.
 * part: its name, for *flaw. 0 or -EPERM. */
errint_t trust_status(const struct stat *st, const char *part, uid_t user, unsigned flags,
		      struct trust_flaw *flaw) WARN_UNUSED;

/* The same for all that path goes through, and path itself. path: absolute; resolved (PATH_MAX bytes):
 * without links. 0; -EPERM: others could change it; -ENAMETOOLONG or another -errno: cannot be looked at;
 * see *flaw. Any process; touches path. */
errint_t trust_path(const char *path, uid_t user, unsigned flags, char *resolved,
		    struct trust_flaw *flaw) WARN_UNUSED;

/* "/a/b belongs to user 7", "/a is writable by others (mode 0777)", "/a/c: No such file or directory". */
void trust_describe(const struct trust_flaw *flaw, char *text, size_t size);

#endif
