/* Asks a server directly, in steps over one connection, why it cannot be used. For keeper's disposable child: blocks
 * to the time limit, trusts no answer. SFTP v3 (draft-ietf-secsh-filexfer-02) is spoken here, bounded: libssh's
 * sftp_* calls wait without limit and have known holes. */
#ifndef GUARDFS_DIAGNOSE_DIAGNOSE_H
#define GUARDFS_DIAGNOSE_DIAGNOSE_H

#include "base/base.h"
#include "config/config.h"
#include "policy/errclass.h"
#include "policy/server.h"

enum diagnose_step {
	DIAGNOSE_CONFIG, /* are key and known_hosts readable? */
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

struct diagnosis {
	/* enum errclass; NONE: all passed. */
	uint32_t class;
	/* enum diagnose_step; STEP_COUNT: none. */
	uint32_t failed_step;
	uint8_t outcome[DIAGNOSE_STEP_COUNT];
	uint32_t ms[DIAGNOSE_STEP_COUNT];
	/* Missing features (policy/server.h); 0: not asked. */
	uint32_t lacks;
	/* CLOCK_REALTIME of the change of a password_file whose password was refused; 0: none. Handed in as well:
	 * that password is not sent again. */
	uint64_t refused_ns;
	/* One line. */
	char detail[256];
	char server[128];
};

const char *diagnose_step_name(enum diagnose_step step);
const char *diagnose_outcome_name(enum diagnose_outcome outcome);

/* timeout_ms: for all steps. write: the last step too. dir backends: CONFIG, PATH, SPACE, WRITE. Of *diagnosis
 * refused_ns is read. */
void diagnose_run(const struct config_backend *backend, uint32_t timeout_ms, bool write,
		  struct diagnosis *diagnosis);

/* Logged in, with SFTP started and nothing said yet. libssh's types. */
struct diagnose_session {
	struct ssh_session_struct *session;
	struct ssh_channel_struct *channel;
	int socket;
};

struct diagnose_secrets;

struct diagnose_manner {
	/* For all steps but the resolver, which may block for longer. */
	uint32_t timeout_ms;
	/* Offers no key (a drill). */
	bool no_key;
	/* A socket connected to the server: its address is taken, and no name resolved. -1: none. */
	int like;
	/* Called once connected, before a byte of the server's is read. May be NULL. */
	void (*confine)(void);
	/* Got by the first login that has them, for all `logins` of them; the caller wipes them. NULL: this login
	 * gets, and wipes, its own. */
	struct diagnose_secrets *secrets;
	unsigned logins;
};

/* Takes the steps CONFIG to SFTP (without version) in this process. Of *diagnosis refused_ns is read. True: *session
 * is the caller's, non-blocking. False: diagnosis says why; the socket may stay open. One thread, ignoring SIGPIPE,
 * in a process without other work. */
bool diagnose_session_open(const struct config_backend *backend, const struct diagnose_manner *manner,
			   struct diagnosis *diagnosis, struct diagnose_session *session) WARN_UNUSED;

/* Takes the steps RESOLVE to GREET in this process, without libssh, and hangs up: is there a server that begins to speak
 * SSH (RFC 4253, 4.2)? timeout_ms: for all but the resolver, which may block for longer. One thread. Of a type that has a
 * server. */
bool diagnose_knock(const struct config_backend *backend, uint32_t timeout_ms) WARN_UNUSED;

/* Of one that nobody has taken over. */
void diagnose_session_close(struct diagnose_session *session);

/* False: do not use it. */
bool diagnosis_valid(const struct diagnosis *diagnosis);

#endif
