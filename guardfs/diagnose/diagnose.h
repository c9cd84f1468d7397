/* diagnose.h: asks a backend's server directly, beside the mount, why it cannot be used.
 *
 * Blocks up to the time limit and trusts nothing that the server says: for a disposable child of keeper.
 * One connection, closed at the end. Steps: resolve, connect, greet (SSH banner and key exchange), host
 * key, key (authentication), sftp (subsystem and version), path (the remote directory), space
 * (statvfs@openssh.com), write (on demand: a file .guardfs-canary-RANDOM made, written and removed). SFTP
 * v3 packets (draft-ietf-secsh-filexfer-02) are made and parsed here, bounded: libssh's sftp_* calls wait
 * without limit and have known holes. */
#ifndef GUARDFS_DIAGNOSE_DIAGNOSE_H
#define GUARDFS_DIAGNOSE_DIAGNOSE_H

#include "base/base.h"
#include "config/config.h"
#include "policy/errclass.h"
#include "policy/server.h"

enum diagnose_step {
	DIAGNOSE_CONFIG, /* key and known_hosts can be read */
	DIAGNOSE_RESOLVE,
	DIAGNOSE_CONNECT,
	DIAGNOSE_GREET,
	DIAGNOSE_HOST_KEY,
	DIAGNOSE_KEY,
	DIAGNOSE_SFTP,
	DIAGNOSE_PATH,
	DIAGNOSE_SPACE,
	DIAGNOSE_WRITE,
	DIAGNOSE_STEP_COUNT
};

enum diagnose_outcome { DIAGNOSE_NOT_REACHED, DIAGNOSE_PASSED, DIAGNOSE_FAILED, DIAGNOSE_SKIPPED };

/* Plain data, one datagram. */
struct diagnosis {
	/* enum errclass; NONE: every step passed. */
	uint32_t class;
	/* enum diagnose_step; STEP_COUNT: none. */
	uint32_t failed_step;
	uint8_t outcome[DIAGNOSE_STEP_COUNT];
	uint32_t ms[DIAGNOSE_STEP_COUNT];
	/* Missing features (policy/server.h); 0: not asked. */
	uint32_t lacks;
	/* The finding, one line for people. */
	char detail[256];
	/* Its SSH banner; "": not seen. */
	char server[128];
};

const char *diagnose_step_name(enum diagnose_step step);
const char *diagnose_outcome_name(enum diagnose_outcome outcome);

/* timeout_ms: for all steps. write: do the last step. dir backends: CONFIG, PATH, SPACE, WRITE over the
 * directory. */
void diagnose_run(const struct config_backend *backend, uint32_t timeout_ms, bool write,
		  struct diagnosis *diagnosis);

/* A session that is logged in, with SFTP started on its channel and nothing said yet. libssh's types. */
struct diagnose_session {
	struct ssh_session_struct *session;
	struct ssh_channel_struct *channel;
	int socket;
};

/* Takes the steps from CONFIG to SFTP (without its version) in the calling process, which is blocked for up to
 * timeout_ms, in the resolver for longer. True: *session is the caller's, non-blocking. False: diagnosis says why;
 * the socket may stay open until the process ends. One thread, which ignores SIGPIPE; for a process that has no
 * other work yet. */
bool diagnose_session_open(const struct config_backend *backend, uint32_t timeout_ms,
			   struct diagnosis *diagnosis, struct diagnose_session *session) WARN_UNUSED;

/* False: out of range or not terminated, not to be used. */
bool diagnosis_valid(const struct diagnosis *diagnosis);

#endif
