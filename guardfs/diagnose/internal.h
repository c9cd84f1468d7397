/* internal.h: a diagnosis under way, for this folder.
 *
 * It runs in a child that is killed at the limit (diagnose.c): a hang, loop or crash over a server's
 * answer, in the resolver or in libssh, harms nothing else, and nothing needs to be freed. */
#ifndef GUARDFS_DIAGNOSE_INTERNAL_H
#define GUARDFS_DIAGNOSE_INTERNAL_H

#include "diagnose/diagnose.h"
#include "sftp/packet.h"

#include <libssh/libssh.h>
#include <netdb.h>

#define DIAGNOSE_KEYS_MAX 4
/* No answer to a diagnosis is longer. */
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

	/* Bytes from the channel that no step has taken. */
	size_t received;
	/* More than any answer. */
	bool flooded;
	uint8_t inbox[DIAGNOSE_REPLY_MAX];
	uint32_t last_id;
};

/* Works until it is answered or the deadline comes. */
typedef enum diagnose_outcome (*diagnose_action)(struct diagnose_run *run);

/* ---- notes.c ---- */

/* Notes the failure, returns DIAGNOSE_FAILED; texts may hold anything. */
enum diagnose_outcome diagnose_fail(struct diagnose_run *run, enum errclass class, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Notes the class and detail to report if the limit comes now. After a vain wait a step returns
 * DIAGNOSE_FAILED without another note. */
void diagnose_waiting(struct diagnose_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ms until the deadline, or before_ns if earlier; 0: passed. */
int diagnose_left_ms(const struct diagnose_run *run, uint64_t before_ns);

/* Canary's name: ".guardfs-canary-" and 16 random digits. */
#define DIAGNOSE_CANARY_MAX 40
void diagnose_canary_name(char *name);

/* ---- wait.c ---- */

/* Waits until the connection can be read (or written, if libssh has something to send). False: deadline,
 * or a dead connection (of which libssh may say SSH_AGAIN for ever). */
bool diagnose_wait(struct diagnose_run *run);

/* After diagnose_wait was false: notes a dead connection; at the deadline diagnose_waiting's note stays. */
enum diagnose_outcome diagnose_unanswered(struct diagnose_run *run);

/* The connection ended: classified by libssh's words. */
enum diagnose_outcome diagnose_lost(struct diagnose_run *run, enum errclass otherwise);

/* ---- the steps: diagnose.c has them in order ---- */

/* keys.c */
enum diagnose_outcome diagnose_config(struct diagnose_run *run);
enum diagnose_outcome diagnose_login(struct diagnose_run *run);

/* connect.c */
enum diagnose_outcome diagnose_resolve(struct diagnose_run *run);
enum diagnose_outcome diagnose_connect(struct diagnose_run *run);

/* session.c */
enum diagnose_outcome diagnose_greet(struct diagnose_run *run);
enum diagnose_outcome diagnose_host_key(struct diagnose_run *run);
enum diagnose_outcome diagnose_subsystem(struct diagnose_run *run);
/* Channel and subsystem without a word of SFTP, for whoever takes them over. */
enum diagnose_outcome diagnose_channel(struct diagnose_run *run);
/* libssh tells this run's record no more of what it logs. */
void diagnose_stop_hearing(void);

/* requests.c: questions to the SFTP server. */
enum diagnose_outcome diagnose_version(struct diagnose_run *run);
enum diagnose_outcome diagnose_path(struct diagnose_run *run);
enum diagnose_outcome diagnose_space(struct diagnose_run *run);
enum diagnose_outcome diagnose_write(struct diagnose_run *run);

/* exchange.c: sends the packet and awaits its answer. PASSED: *reply is valid until the next exchange.
 * FAILED: noted. */
void diagnose_request(struct diagnose_run *run, struct sftp_packet *packet, enum sftp_type type);
enum diagnose_outcome diagnose_exchange(struct diagnose_run *run, struct sftp_packet *packet,
					struct sftp_reply *reply);

/* directory.c: the steps for a directory. */
enum diagnose_outcome diagnose_directory_config(struct diagnose_run *run);
enum diagnose_outcome diagnose_directory_path(struct diagnose_run *run);
enum diagnose_outcome diagnose_directory_space(struct diagnose_run *run);
enum diagnose_outcome diagnose_directory_write(struct diagnose_run *run);

#endif
