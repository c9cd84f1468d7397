/* errclass.h: the one table that says what an error means: infrastructure or real, may it trip the breaker,
 * what to do.
 *
 * Pure: no system call, no clock. Any process, any thread. docs/ERRORS.md is generated from the table. */
#ifndef GUARDFS_POLICY_ERRCLASS_H
#define GUARDFS_POLICY_ERRCLASS_H

#include "base/base.h"

enum errclass {
	ERRCLASS_NONE, /* no trouble */
	ERRCLASS_REAL, /* an answer of the file system itself (ENOENT, EEXIST, ...): passes through unchanged
			*/
	ERRCLASS_TIMEOUT,	    /* no answer within the deadline */
	ERRCLASS_NOT_CONNECTED,	    /* ENOTCONN: the mount's server process is gone */
	ERRCLASS_ABORTED,	    /* ECONNABORTED: the mount was aborted */
	ERRCLASS_REFUSED,	    /* ECONNREFUSED */
	ERRCLASS_UNREACHABLE,	    /* no route to the host, network down */
	ERRCLASS_NAME_RESOLUTION,   /* the host's name cannot be resolved */
	ERRCLASS_AUTH_FAILED,	    /* key or password rejected */
	ERRCLASS_HOST_KEY_CHANGED,  /* host key unknown or not the one in known_hosts */
	ERRCLASS_SERVER_GONE,	    /* connection reset, closed by the server, sshfs exited */
	ERRCLASS_IDENTITY_MISMATCH, /* something answers, but it is not our backend */
	ERRCLASS_PATH_MISSING, /* the configured path or a route's target does not exist on the backend */
	ERRCLASS_IO_ERROR,     /* EIO from the backend, cause unknown: triggers a probe */
	ERRCLASS_STALE,	       /* ESTALE: the object behind a descriptor is gone */
	ERRCLASS_STALLED,      /* connected, but nothing completes */
	ERRCLASS_FULL,	       /* ENOSPC, EDQUOT: real, but worth showing */
	ERRCLASS_READ_ONLY,    /* EROFS: real, but worth showing */
	ERRCLASS_CONFIG,       /* guardfs cannot start the backend: no sshfs, unreadable key, ... */
	ERRCLASS_HELD,	       /* an operator holds the backend */
	ERRCLASS_TOO_MANY_CONNECTIONS, /* the server accepts no further one of this account */
	ERRCLASS_SFTP_REFUSED,	       /* logged in, but the server offers no SFTP */
	ERRCLASS_SLOW,		       /* serves, but slower than the configured bound */
	ERRCLASS_FLAPPING,	       /* serves, but was lost again and again lately */
	ERRCLASS_COUNT
};

struct errclass_info {
	const char *name;    /* as in status.json, e.g. "not_connected" */
	bool infrastructure; /* the caller gets the configured errno instead (I4) */
	bool trips;	     /* a single one of these opens the breaker */
	bool triggers_probe; /* doubtful: ask a probe */
	bool retried; /* recovery may retry by itself (false: still retried, but slowly, at backoff_max) */
	bool passes;  /* may be over in a moment: callers wait for that while the outage is young */
	const char *summary; /* what it is, one line */
	const char *advice;  /* what the operator should do, one line */
};

/* Information on a class; never NULL (unknown numbers, e.g. from a damaged arena, give the entry of
 * IO_ERROR). */
const struct errclass_info *errclass_info(enum errclass class);

/* Class of an errno (positive) that a backend returned. 0 gives NONE; anything that is not infrastructure
 * gives REAL, FULL or READ_ONLY. */
enum errclass errclass_from_errno(int err);

/* Class with the given name, or ERRCLASS_COUNT. */
enum errclass errclass_from_name(const char *name);

#endif
