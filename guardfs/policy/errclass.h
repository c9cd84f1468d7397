/* Classes of errors. The table in errclass.c has their meanings. */
#ifndef GUARDFS_POLICY_ERRCLASS_H
#define GUARDFS_POLICY_ERRCLASS_H

#include "base/base.h"

enum errclass {
	ERRCLASS_NONE,
	ERRCLASS_REAL,
	ERRCLASS_TIMEOUT,
	ERRCLASS_NOT_CONNECTED,
	ERRCLASS_ABORTED,
	ERRCLASS_REFUSED,
	ERRCLASS_UNREACHABLE,
	ERRCLASS_NAME_RESOLUTION,
	ERRCLASS_AUTH_FAILED,
	ERRCLASS_HOST_KEY_CHANGED,
	ERRCLASS_SERVER_GONE,
	ERRCLASS_IDENTITY_MISMATCH,
	ERRCLASS_PATH_MISSING,
	ERRCLASS_IO_ERROR,
	ERRCLASS_STALE,
	ERRCLASS_STALLED,
	ERRCLASS_FULL,
	ERRCLASS_READ_ONLY,
	ERRCLASS_CONFIG,
	ERRCLASS_HELD,
	ERRCLASS_TOO_MANY_CONNECTIONS,
	ERRCLASS_SFTP_REFUSED,
	ERRCLASS_SLOW,
	ERRCLASS_FLAPPING,
	ERRCLASS_NO_RESOURCES,
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

/* Unknown numbers (damaged arena) give IO_ERROR's. */
const struct errclass_info *errclass_info(enum errclass class);

/* err: a backend's, positive. 0: NONE; the file system's own: REAL, FULL or READ_ONLY. */
enum errclass errclass_from_errno(int err);

/* Of a call that concerns this machine alone: what may pass is NO_RESOURCES, the rest CONFIG. */
enum errclass errclass_of_own(int err);

/* ERRCLASS_COUNT: unknown. */
enum errclass errclass_from_name(const char *name);

#endif
