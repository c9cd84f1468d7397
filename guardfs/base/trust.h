/* trust.h: who could change what a path leads to. Looks at every directory, link and file on the way, both as
 * the path is given and as it is without links: whoever can change a link can choose what lies behind it. */
#ifndef GUARDFS_BASE_TRUST_H
#define GUARDFS_BASE_TRUST_H

#include "base/base.h"
#include <limits.h>
#include <sys/stat.h>

enum trust_flags {
	TRUST_STICKY = 1 << 0, /* a directory that others can write to will do if it has the sticky bit: they
				  can add names there, but not replace ours */
};

/* What is wrong, for messages. */
struct trust_flaw {
	enum { TRUST_MISSING, TRUST_FOREIGN, TRUST_SHARED } kind;
	int error; /* MISSING: positive errno */
	uid_t owner;
	mode_t mode;
	char part[PATH_MAX]; /* of the path, up to where it is wrong */
};

/* May none but root and user change this file or directory? st as of lstat(2): a link's own mode means
 * nothing. part: its name, for *flaw. 0 or -EPERM. */
errint_t trust_status(const struct stat *st, const char *part, uid_t user, unsigned flags,
		      struct trust_flaw *flaw) WARN_UNUSED;

/* The same of everything that path goes through, itself included. path is absolute; resolved (PATH_MAX bytes)
 * receives it without links. 0; -EPERM: others could change it; -ENAMETOOLONG or another -errno: it cannot be
 * looked at. *flaw says what and where. Any process; touches what path names. */
errint_t trust_path(const char *path, uid_t user, unsigned flags, char *resolved,
		    struct trust_flaw *flaw) WARN_UNUSED;

/* "/a/b belongs to user 7", "/a is writable by others (mode 0777)", "/a/c: No such file or directory". */
void trust_describe(const struct trust_flaw *flaw, char *text, size_t size);

#endif
