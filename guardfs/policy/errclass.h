/* errclass.h: the table of errors' meanings: infrastructure or real, trips the breaker or not, advice.
 *
 * Pure. Any process, any thread. docs/ERRORS.md is generated from the table. */
#ifndef GUARDFS_POLICY_ERRCLASS_H
#define GUARDFS_POLICY_ERRCLASS_H

#include "base/base.h"

enum errclass {
	ERRCLASS_NONE,
	ERRCLASS_REAL, /* the file system's own answer (ENOENT, EEXIST): passed on unchanged */
	ERRCLASS_TIMEOUT,
	ERRCLASS_NOT_CONNECTED, /* ENOTCONN: the mount's server process is gone */
	ERRCLASS_ABORTED,	/* ECONNABORTED: the mount was aborted */
	ERRCLASS_REFUSED,	/* ECONNREFUSED */
	ERRCLASS_UNREACHABLE,
	ERRCLASS_NAME_RESOLUTION,
	ERRCLASS_AUTH_FAILED,
	ERRCLASS_HOST_KEY_CHANGED,
	ERRCLASS_SERVER_GONE, /* connection reset, closed by the server, sshfs exited */
	ERRCLASS_IDENTITY_MISMATCH,
	ERRCLASS_PATH_MISSING,
	ERRCLASS_IO_ERROR,  /* EIO, cause unknown: triggers a probe */
	ERRCLASS_STALE,	    /* ESTALE: the object behind a descriptor is gone */
	ERRCLASS_STALLED,   /* connected, but nothing completes */
	ERRCLASS_FULL,	    /* ENOSPC, EDQUOT: real */
	ERRCLASS_READ_ONLY, /* EROFS: real */
	ERRCLASS_CONFIG,    /* guardfs cannot start the backend: no sshfs, unreadable key */
	ERRCLASS_HELD,
	ERRCLASS_TOO_MANY_CONNECTIONS,
	ERRCLASS_SFTP_REFUSED,
	ERRCLASS_SLOW,
	ERRCLASS_FLAPPING,
	ERRCLASS_COUNT
};

struct errclass_info {
	/* As in status.json, e.g. "not_connected". */
	const char *name;
	/* The caller gets the configured errno instead (I4). */
	bool infrastructure;
	/* One alone opens the breaker. */
	bool trips;
	/* Doubtful: ask a probe. */
	bool triggers_probe;
	/* False: recovery retries only slowly, at backoff_max. */
	bool retried;
	/* May pass in a moment: callers wait while the outage is young. */
	bool passes;
	/* One line. */
	const char *summary;
	/* For the operator, one line. */
	const char *advice;
};

/* Never NULL: unknown numbers, e.g. from a damaged arena, give IO_ERROR's. */
const struct errclass_info *errclass_info(enum errclass class);

/* Of a backend's (positive) errno. 0: NONE; not infrastructure: REAL, FULL or READ_ONLY. */
enum errclass errclass_from_errno(int err);

/* ERRCLASS_COUNT: no such name. */
enum errclass errclass_from_name(const char *name);

#endif
