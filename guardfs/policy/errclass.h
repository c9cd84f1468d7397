/* errclass.h: the meanings of errors. docs/ERRORS.md is generated from its table. */
#ifndef GUARDFS_POLICY_ERRCLASS_H
#define GUARDFS_POLICY_ERRCLASS_H

#include "base/base.h"

enum errclass {
	ERRCLASS_NONE,
	ERRCLASS_REAL, /* the file system's own answer (ENOENT, EEXIST), passed on unchanged */
	ERRCLASS_TIMEOUT,
	ERRCLASS_NOT_CONNECTED, /* ENOTCONN: the mount's server process is gone */
	ERRCLASS_ABORTED,	/* ECONNABORTED: the mount was aborted */
	ERRCLASS_REFUSED,	/* ECONNREFUSED */
	ERRCLASS_UNREACHABLE,
	ERRCLASS_NAME_RESOLUTION,
	ERRCLASS_AUTH_FAILED,
	ERRCLASS_HOST_KEY_CHANGED,
	ERRCLASS_SERVER_GONE, /* connection reset or closed, or sshfs exited */
	ERRCLASS_IDENTITY_MISMATCH,
	ERRCLASS_PATH_MISSING,
	ERRCLASS_IO_ERROR,  /* EIO, cause unknown */
	ERRCLASS_STALE,	    /* ESTALE: a descriptor's object is gone */
	ERRCLASS_STALLED,   /* connected, but nothing completes */
	ERRCLASS_FULL,	    /* ENOSPC, EDQUOT: real */
	ERRCLASS_READ_ONLY, /* EROFS: real */
	ERRCLASS_CONFIG,    /* the backend cannot start: no sshfs, unreadable key */
	ERRCLASS_HELD,
	ERRCLASS_TOO_MANY_CONNECTIONS,
	ERRCLASS_SFTP_REFUSED,
	ERRCLASS_SLOW,
	ERRCLASS_FLAPPING,
	ERRCLASS_COUNT
};

struct errclass_info {
	/* Also in status.json. */
	const char *name;
	/* The caller gets the configured errno instead (I4). */
	bool infrastructure;
	/* One alone opens the breaker. */
	bool trips;
	bool triggers_probe;
	/* False: recovery retries only at backoff_max. */
	bool retried;
	/* May soon pass: callers wait in a young outage. */
	bool passes;
	const char *summary;
	const char *advice;
};

/* Unknown numbers, from a damaged arena, give IO_ERROR's. */
const struct errclass_info *errclass_info(enum errclass class);

/* err: a backend's, positive. 0: NONE; the file system's own: REAL, FULL or READ_ONLY. */
enum errclass errclass_from_errno(int err);

/* ERRCLASS_COUNT: unknown. */
enum errclass errclass_from_name(const char *name);

#endif
