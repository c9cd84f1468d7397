/* internal.h: a diagnosis under way; the files of this folder only.
 *
 * All of it runs in a child of its own, which is killed at the limit (diagnose.c): what hangs, loops or dies
 * over a server's answer, in the resolver or in libssh, takes nothing else along, and nothing needs to be
 * freed. */
#ifndef GUARDFS_DIAGNOSE_INTERNAL_H
#define GUARDFS_DIAGNOSE_INTERNAL_H

#include "diagnose/diagnose.h"
#include "diagnose/sftp.h"

#include <libssh/libssh.h>
#include <netdb.h>

#define DIAGNOSE_KEYS_MAX 4

struct diagnose_key {
	char path[CONFIG_PATH_MAX + 32];
	ssh_key key;
};

struct diagnose_run {
	const struct config_backend *backend;
	struct diagnosis *diagnosis; /* in memory shared with whoever kills us */
	enum diagnose_step step;
	uint64_t deadline_ns;
	uint32_t timeout_ms;
	bool write;

	struct addrinfo *addresses;
	char peer[96]; /* "ADDRESS port PORT" */
	int fd;

	unsigned n_keys;
	struct diagnose_key keys[DIAGNOSE_KEYS_MAX];
	ssh_session session;
	char mismatch[160]; /* what libssh said about algorithms that do not match; "": nothing */
	ssh_channel channel;

	/* Bytes that the channel delivered and no step has taken yet. */
	size_t received;
	bool flooded; /* more than any answer holds */
	uint8_t inbox[SFTP_REPLY_MAX];
	uint32_t last_id;
};

/* A step: does its work until it is answered or the deadline comes. */
typedef enum diagnose_outcome (*diagnose_action)(struct diagnose_run *run);

/* ---- notes.c ---- */

/* Notes what failed and returns DIAGNOSE_FAILED; the texts may hold anything. */
enum diagnose_outcome diagnose_fail(struct diagnose_run *run, enum errclass class, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* Notes what is being waited for: class and detail, should the limit come now. A step that has waited in vain
 * returns DIAGNOSE_FAILED without another note. */
void diagnose_waiting(struct diagnose_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Milliseconds until the deadline, or until before_ns if that comes first; 0: it has passed. */
int diagnose_left_ms(const struct diagnose_run *run, uint64_t before_ns);

/* Name of a canary: ".guardfs-canary-" and 16 random digits. */
#define DIAGNOSE_CANARY_MAX 40
void diagnose_canary_name(char *name);

/* ---- wait.c ---- */

/* Waits until the connection can be read (or written, if libssh has something to send). False: the deadline
 * has come, or the connection is dead (libssh itself would say SSH_AGAIN for ever in some states). */
bool diagnose_wait(struct diagnose_run *run);

/* After diagnose_wait has returned false: a dead connection is noted; at the deadline the note of
 * diagnose_waiting stays. */
enum diagnose_outcome diagnose_unanswered(struct diagnose_run *run);

/* The connection ended, or libssh gave it up: by what libssh says. */
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

/* requests.c: questions to the SFTP server. */
enum diagnose_outcome diagnose_version(struct diagnose_run *run);
enum diagnose_outcome diagnose_path(struct diagnose_run *run);
enum diagnose_outcome diagnose_space(struct diagnose_run *run);
enum diagnose_outcome diagnose_write(struct diagnose_run *run);

/* exchange.c: sends the packet and waits for the answer to it. PASSED: *reply is valid until the next
 * exchange. FAILED: it was noted. */
void diagnose_request(struct diagnose_run *run, struct sftp_packet *packet, enum sftp_type type);
enum diagnose_outcome diagnose_exchange(struct diagnose_run *run, struct sftp_packet *packet,
					struct sftp_reply *reply);

/* directory.c: the steps for a directory. */
enum diagnose_outcome diagnose_directory_config(struct diagnose_run *run);
enum diagnose_outcome diagnose_directory_path(struct diagnose_run *run);
enum diagnose_outcome diagnose_directory_space(struct diagnose_run *run);
enum diagnose_outcome diagnose_directory_write(struct diagnose_run *run);

#endif
