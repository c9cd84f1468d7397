#include "policy/errclass.h"

#include <errno.h>

#define INFRA true  /* infrastructure */
#define REAL  false /* the file system's own answer */

/* A timeout, EIO or ESTALE alone only asks a probe: one stat behind eight bulk writers took 23.8 s on a
 * healthy link. Servers ban a wrong key every second: classes that a person must repair are retried slowly,
 * and callers do not wait. */
static const struct errclass_info table[ERRCLASS_COUNT] = {
    /*                            name                 infra  trips  probe  retried  passes */
    [ERRCLASS_NONE] = {"none", REAL, false, false, true, true, "no trouble", "nothing to do"},
    [ERRCLASS_REAL] = {"real", REAL, false, false, true, true,
		       "an answer of the file system itself, passed through unchanged",
		       "nothing to do for guardfs; the caller must deal with it"},
    [ERRCLASS_TIMEOUT] = {"timeout", INFRA, false, true, true, true, "no answer within the deadline",
			  "if it lasts: check the link's load and the storage server"},
    [ERRCLASS_NOT_CONNECTED] = {"not_connected", INFRA, true, true, true, true,
				"the mount's server process is gone (ENOTCONN)",
				"nothing: guardfs reconnects; for a dir backend, mount its source again"},
    [ERRCLASS_ABORTED] = {"aborted", INFRA, true, true, true, true, "the mount was aborted (ECONNABORTED)",
			  "nothing: guardfs reconnects; for a dir backend, mount its source again"},
    [ERRCLASS_REFUSED] = {"refused", INFRA, true, true, true, true, "the server refuses connections",
			  "check that the SSH service runs on the server, and the configured port"},
    [ERRCLASS_UNREACHABLE] = {"unreachable", INFRA, true, true, true, true,
			      "no route to the server, or the network is down",
			      "check the network of this machine and the path to the server"},
    [ERRCLASS_NAME_RESOLUTION] = {"name_resolution", INFRA, true, true, true, true,
				  "the server's name cannot be resolved",
				  "check host in the configuration, and DNS on this machine"},
    [ERRCLASS_AUTH_FAILED] =
	{"auth_failed", INFRA, true, true, false, false, "the server rejected our key, or password",
	 "check user, and identity and that its public key is installed on the server, or password_file"},
    [ERRCLASS_HOST_KEY_CHANGED] = {"host_key_changed", INFRA, true, true, false, false,
				   "the server's host key is unknown or differs from known_hosts",
				   "verify the server's key by another way; only then correct known_hosts "
				   "with ssh-keygen -R and ssh-keyscan"},
    [ERRCLASS_SERVER_GONE] = {"server_gone", INFRA, true, true, true, true,
			      "the connection was closed or reset, or the mount's process ended",
			      "nothing: guardfs reconnects; if it repeats, look at the server's log"},
    [ERRCLASS_IDENTITY_MISMATCH] = {"identity_mismatch", INFRA, true, true, true, false,
				    "something answers, but it is not the configured storage",
				    "check what is mounted there and .guardfs-id; if the storage was "
				    "replaced on purpose, change marker or adopt it"},
    [ERRCLASS_PATH_MISSING] = {"path_missing", INFRA, false, true, true, false,
			       "the configured path, or a route's target, does not exist on the backend",
			       "create the directory on the backend, or correct the path or the manifest"},
    [ERRCLASS_IO_ERROR] = {"io_error", INFRA, false, true, true, true,
			   "the backend answered EIO, cause unknown",
			   "if it lasts: look for a full disk or quota, and at the server's log"},
    [ERRCLASS_STALE] = {"stale", INFRA, false, true, true, true,
			"the object behind a descriptor is gone (ESTALE)",
			"nothing: guardfs finds it again; if it lasts, check the export on the server"},
    [ERRCLASS_STALLED] =
	{"stalled", INFRA, true, true, true, true, "connected, but nothing completes",
	 "nothing: guardfs kills the transport and reconnects; if it repeats, check the server"},
    [ERRCLASS_FULL] = {"full", REAL, false, false, true, true, "no space or quota left on the backend",
		       "free space on the backend or raise its quota"},
    [ERRCLASS_READ_ONLY] = {"read_only", REAL, false, false, true, true, "the backend is read-only",
			    "find out on the server why its file system went read-only"},
    [ERRCLASS_CONFIG] =
	{"config", INFRA, true, true, false, false, "guardfs cannot start the backend as it is configured",
	 "read the detail: install sshfs, or correct the configuration or the key file's permissions"},
    [ERRCLASS_HELD] = {"held", INFRA, false, false, false, false, "an operator holds the backend",
		       "resume the backend when the work on it is done (guardctl resume BACKEND)"},
    [ERRCLASS_TOO_MANY_CONNECTIONS] = {"too_many_connections", INFRA, true, true, true, true,
				       "the server takes no further connection of this account",
				       "end other connections to the account (a Storage Box allows ten): "
				       "look for rsync, sftp and old sshfs of other hosts"},
    [ERRCLASS_SFTP_REFUSED] = {"sftp_refused", INFRA, true, true, false, false,
			       "the server lets us log in but offers no SFTP",
			       "enable SFTP on the server (Storage Box: SSH support; sshd: Subsystem sftp)"},
    [ERRCLASS_SLOW] = {"slow", INFRA, false, false, true, true,
		       "it serves, but slower than the configured bound",
		       "look at the server's load and at the line; the bounds are slow_* in [recovery]"},
    [ERRCLASS_FLAPPING] = {"flapping", INFRA, false, false, true, true,
			   "it serves, but was lost again and again in the last minutes",
			   "look at the line and at the server's log for what ends the connections"},
    [ERRCLASS_NO_RESOURCES] =
	{"no_resources", INFRA, true, true, true, true,
	 "this machine lacks what a connection takes: memory, descriptors, processes, room",
	 "look at this machine's memory, limits and free space; guardfs goes on trying"},
};

struct errno_class {
	int err;
	enum errclass class;
};

/* Others are REAL. ENODEV and ENXIO are ordinary answers (mmap, lseek(SEEK_DATA)); a vanished disk gives EIO
 * or ENOTCONN. */
static const struct errno_class errnos[] = {
    {ETIMEDOUT, ERRCLASS_TIMEOUT},
    {ENOTCONN, ERRCLASS_NOT_CONNECTED},
    {ECONNABORTED, ERRCLASS_ABORTED},
    {ECONNREFUSED, ERRCLASS_REFUSED},
    {EHOSTUNREACH, ERRCLASS_UNREACHABLE},
    {ENETUNREACH, ERRCLASS_UNREACHABLE},
    {EHOSTDOWN, ERRCLASS_UNREACHABLE},
    {ENETDOWN, ERRCLASS_UNREACHABLE},
    {ENONET, ERRCLASS_UNREACHABLE},
    {ECONNRESET, ERRCLASS_SERVER_GONE},
    {ENETRESET, ERRCLASS_SERVER_GONE},
    {EPIPE, ERRCLASS_SERVER_GONE},
    {ENOLINK, ERRCLASS_SERVER_GONE},
    {ESHUTDOWN, ERRCLASS_SERVER_GONE},
    {EKEYEXPIRED, ERRCLASS_AUTH_FAILED},
    {EKEYREJECTED, ERRCLASS_AUTH_FAILED},
    {EIO, ERRCLASS_IO_ERROR},
    {EREMOTEIO, ERRCLASS_IO_ERROR},
    {ESTALE, ERRCLASS_STALE},
    {ENOSPC, ERRCLASS_FULL},
    {EDQUOT, ERRCLASS_FULL},
    {EROFS, ERRCLASS_READ_ONLY},
};

const struct errclass_info *errclass_info(enum errclass class)
{
	return &table[(unsigned)class < ERRCLASS_COUNT ? class : ERRCLASS_IO_ERROR];
}

enum errclass errclass_from_errno(int err)
{
	if (err == 0)
		return ERRCLASS_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(errnos); i++)
		if (errnos[i].err == err)
			return errnos[i].class;
	return ERRCLASS_REAL;
}

enum errclass errclass_of_own(int err)
{
	switch (err) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
	case EINTR:
	case ENOSPC:
	case ENOBUFS:
	case EIO:
		return ERRCLASS_NO_RESOURCES;
	default:
		return ERRCLASS_CONFIG;
	}
}

enum errclass errclass_from_name(const char *name)
{
	for (unsigned i = 0; i < ERRCLASS_COUNT; i++)
		if (strcmp(table[i].name, name) == 0)
			return (enum errclass)i;
	return ERRCLASS_COUNT;
}
