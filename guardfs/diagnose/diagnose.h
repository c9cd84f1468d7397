/* diagnose.h: asks a backend's server directly, beside the mount, why it cannot be used.
 *
 * Blocks for up to the time limit and trusts nothing that the server says: for a disposable child of keeper
 * only. One connection, closed at the end. Steps: resolve, connect, greet (SSH banner and key exchange), host
 * key, key (authentication), sftp (subsystem and its version), path (the remote directory), space
 * (statvfs@openssh.com), write (only if asked for: a file .guardfs-canary-RANDOM made, written and removed).
 * Packets of SFTP v3 (draft-ietf-secsh-filexfer-02) are made and parsed here, bounded: libssh's own sftp_*
 * calls wait without limit and have known holes. */
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

/* Plain data, so that it can cross a socket in one datagram. */
struct diagnosis {
	uint32_t class;	      /* enum errclass; NONE: every step passed */
	uint32_t failed_step; /* enum diagnose_step; STEP_COUNT: none */
	uint8_t outcome[DIAGNOSE_STEP_COUNT];
	uint32_t ms[DIAGNOSE_STEP_COUNT];
	uint32_t lacks;	  /* what the server does not offer (policy/server.h); 0: it was not asked */
	char detail[256]; /* what exactly was seen, one line, for people */
	char server[128]; /* its SSH banner, "" if not seen */
};

const char *diagnose_step_name(enum diagnose_step step);
const char *diagnose_outcome_name(enum diagnose_outcome outcome);

/* Runs the steps. timeout_ms is for all of them together. write: do the last one. dir backends: CONFIG, PATH,
 * SPACE, WRITE only, over the directory. */
void diagnose_run(const struct config_backend *backend, uint32_t timeout_ms, bool write,
		  struct diagnosis *diagnosis);

/* Is what came over the socket in range and terminated? False: not to be used. */
bool diagnosis_valid(const struct diagnosis *diagnosis);

#endif
