/* A diagnosis under way, in a child that is killed at the limit (diagnose.c): hangs, loops and crashes harm nothing,
 * and nothing needs to be freed. */
#ifndef GUARDFS_DIAGNOSE_INTERNAL_H
#define GUARDFS_DIAGNOSE_INTERNAL_H

#include "diagnose/diagnose.h"
#include "diagnose/secrets.h"
#include "sftp/packet.h"

#include <libssh/libssh.h>
#include <netdb.h>

#define DIAGNOSE_KEYS_MAX 4
/* Longest answer. */
#define DIAGNOSE_REPLY_MAX 16384u

struct diagnose_key {
	char path[CONFIG_PATH_MAX + 32];
	ssh_key key;
};

struct diagnose_run {
	const struct config_backend *backend;
	/* Shared with the process that kills us. */
	struct diagnosis *diagnosis;
	enum diagnose_step step;
	uint64_t deadline_ns;
	uint32_t timeout_ms;
	bool write;
	/* As in struct diagnose_manner. */
	bool no_key;
	int like;
	void (*confine)(void);
	struct diagnose_secrets *secrets;
	/* Logins that they are for. */
	unsigned logins;
	/* Of the file whose password the server refused. 0: none. */
	uint64_t refused_ns;
	/* The password was sent; the server asked more. */
	bool password_sent, questions;

	struct addrinfo *addresses;
	/* "ADDRESS port PORT". */
	char peer[96];
	int fd;

	unsigned n_keys;
	struct diagnose_key keys[DIAGNOSE_KEYS_MAX];
	ssh_session session;
	/* libssh's words on algorithms that do not match; "": none. */
	char mismatch[160];
	ssh_channel channel;

	/* Bytes in the inbox that no step has taken. */
	size_t received;
	/* Longer than any answer. */
	bool flooded;
	uint8_t inbox[DIAGNOSE_REPLY_MAX];
	uint32_t last_id;
};

/* Until answered, or the deadline. */
typedef enum diagnose_outcome (*diagnose_action)(struct diagnose_run *run);

/* ---- notes.c ---- */

/* Notes a failure with any text; returns DIAGNOSE_FAILED. */
enum diagnose_outcome diagnose_fail(struct diagnose_run *run, enum errclass class, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Notes the report for a limit that comes now. A vain wait returns DIAGNOSE_FAILED without another note. */
void diagnose_waiting(struct diagnose_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Until the deadline or before_ns; 0: passed. */
int diagnose_left_ms(const struct diagnose_run *run, uint64_t before_ns);

/* ".guardfs-canary-" and 16 random digits. */
#define DIAGNOSE_CANARY_MAX 40
void diagnose_canary_name(char *name);

/* ---- wait.c ---- */

/* Until the connection can be read, or written if libssh has something to send. False: deadline, or a dead connection
 * (libssh may say SSH_AGAIN for ever). */
bool diagnose_wait(struct diagnose_run *run);

/* After diagnose_wait's false: notes a dead connection; a deadline has its note. */
enum diagnose_outcome diagnose_unanswered(struct diagnose_run *run);

/* The connection ended: classified by libssh's words. */
enum diagnose_outcome diagnose_lost(struct diagnose_run *run, enum errclass otherwise);

/* keys.c */
enum diagnose_outcome diagnose_config(struct diagnose_run *run);
/* login.c */
enum diagnose_outcome diagnose_login(struct diagnose_run *run);

/* connect.c */
enum diagnose_outcome diagnose_resolve(struct diagnose_run *run);
enum diagnose_outcome diagnose_connect(struct diagnose_run *run);

/* session.c */
enum diagnose_outcome diagnose_greet(struct diagnose_run *run);
enum diagnose_outcome diagnose_host_key(struct diagnose_run *run);
enum diagnose_outcome diagnose_subsystem(struct diagnose_run *run);
/* Channel and subsystem without a word of SFTP, for diagnose_session_open. */
enum diagnose_outcome diagnose_channel(struct diagnose_run *run);
/* This run hears libssh's log no more. */
void diagnose_stop_hearing(void);

/* revoked.c: does known_hosts revoke the key that the server has shown? 0 or -errno: it cannot be read. */
errint_t diagnose_is_revoked(const struct diagnose_run *run, bool *revoked) WARN_UNUSED;
/* Has the configured known_hosts a line of @cert-authority, for whatever host? */
bool diagnose_names_authority(const struct diagnose_run *run);

/* requests.c */
enum diagnose_outcome diagnose_version(struct diagnose_run *run);
enum diagnose_outcome diagnose_path(struct diagnose_run *run);
enum diagnose_outcome diagnose_space(struct diagnose_run *run);
enum diagnose_outcome diagnose_write(struct diagnose_run *run);

/* exchange.c: sends the packet and awaits its answer. PASSED: *reply is valid until the next exchange.
 * FAILED: noted. */
void diagnose_request(struct diagnose_run *run, struct sftp_packet *packet, enum sftp_type type);
enum diagnose_outcome diagnose_exchange(struct diagnose_run *run, struct sftp_packet *packet,
					struct sftp_reply *reply);

/* directory.c */
enum diagnose_outcome diagnose_directory_config(struct diagnose_run *run);
enum diagnose_outcome diagnose_directory_path(struct diagnose_run *run);
enum diagnose_outcome diagnose_directory_space(struct diagnose_run *run);
enum diagnose_outcome diagnose_directory_write(struct diagnose_run *run);

#endif
