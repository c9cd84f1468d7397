/* SSH by libssh, non-blocking, on our descriptor. */
#include "diagnose/internal.h"
#include "diagnose/classify.h"

#include <errno.h>
#include <libssh/callbacks.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#include <sys/socket.h>
#include <unistd.h>

#define CIPHERS "chacha20-poly1305@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr"
#define GCM	"aes128-gcm@openssh.com,aes256-gcm@openssh.com"
/* AES-GCM last: before its fix of CVE-2026-59847 libssh took a bad tag for a good one. */
#define CIPHERS_RECEIVED CIPHERS "," GCM
/* The tags of these are for the server to check (docs/SFTP.md, "Ciphers"). */
#define CIPHERS_SENT	  GCM "," CIPHERS
#define CIPHERS_SENT_SLOW CIPHERS "," GCM

/* libssh's error on missing algorithms ends with the connection, perhaps at once; its log message always comes. */
static void hear_mismatch(int priority, const char *function, const char *message, void *arg)
{
	struct diagnose_run *run = arg;
	const char *text = strstr(message, "kex error");

	(void)priority;
	(void)function;
	if (text && !run->mismatch[0])
		diagnose_clean(run->mismatch, sizeof(run->mismatch), text, strlen(text));
}

static enum diagnose_outcome no_banner(struct diagnose_run *run, const char *bytes, size_t n, int err)
{
	enum errclass class = diagnose_no_banner_class(bytes, n);
	char text[100];

	diagnose_clean(text, sizeof(text), bytes, n);
	if (n == 0)
		return diagnose_fail(
		    run, class,
		    "%s closed the connection without a word%s: too many connections, or this "
		    "address is banned",
		    run->peer, err == ECONNRESET ? " (reset)" : "");
	return diagnose_fail(run, class, "%s closed the connection instead of greeting: '%s'", run->peer,
			     text);
}

static enum diagnose_outcome foreign_banner(struct diagnose_run *run, const char *bytes, size_t n)
{
	char text[100];

	diagnose_clean(text, sizeof(text), bytes, n);
	return diagnose_fail(run, ERRCLASS_SERVER_GONE,
			     "%s is not an SSH server of version 2, check the port: '%s'", run->peer, text);
}

/* Peeks: libssh does not tell full servers from foreign ones. */
static enum diagnose_outcome peek_banner(struct diagnose_run *run)
{
	char bytes[DIAGNOSE_BANNER_MAX];
	const char *line = bytes;
	size_t length = 0, had = 0;

	for (;;) {
		ssize_t n = recv(run->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
		int low_water;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return no_banner(run, bytes, had, errno);
		/* Readable without more bytes: closed. */
		if (n == 0)
			return no_banner(run, bytes, 0, 0);
		if (n > 0 && (size_t)n == had)
			return no_banner(run, bytes, had, 0);
		had = n > 0 ? (size_t)n : had;
		switch (diagnose_banner(bytes, had, &line, &length)) {
		case BANNER_SSH:
			diagnose_clean(run->diagnosis->server, sizeof(run->diagnosis->server), line, length);
			setsockopt(run->fd, SOL_SOCKET, SO_RCVLOWAT, &(int){1}, sizeof(int));
			return DIAGNOSE_PASSED;
		case BANNER_FOREIGN:
			return foreign_banner(run, bytes, had);
		default:
			break;
		}
		/* Wake at more bytes, or the end. */
		low_water = (int)had + 1;
		setsockopt(run->fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof(low_water));
		if (!diagnose_wait(run))
			return diagnose_unanswered(run);
	}
}

/* libssh expands %h in paths. */
static void double_percents(char *dst, size_t size, const char *src)
{
	size_t n = 0;

	for (; *src && n + 3 < size; src++) {
		if (*src == '%')
			dst[n++] = '%';
		dst[n++] = *src;
	}
	dst[n] = '\0';
}

/* As sshfs-compat tells ssh: only the configured file, else the user's and system's. */
static bool set_known_hosts(struct diagnose_run *run)
{
	char path[2 * CONFIG_PATH_MAX];

	if (!run->backend->known_hosts[0])
		return true;
	double_percents(path, sizeof(path), run->backend->known_hosts);
	return ssh_options_set(run->session, SSH_OPTIONS_KNOWNHOSTS, path) == SSH_OK &&
	       ssh_options_set(run->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") == SSH_OK;
}

/* In software AES is slower than ChaCha20. */
static bool has_aes_instructions(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
	return getauxval(AT_HWCAP) & HWCAP_AES && getauxval(AT_HWCAP) & HWCAP_PMULL;
#else
	return false;
#endif
}

static bool set_ciphers(ssh_session session)
{
	const char *sent = has_aes_instructions() ? CIPHERS_SENT : CIPHERS_SENT_SLOW;

	return ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, sent) == SSH_OK &&
	       ssh_options_set(session, SSH_OPTIONS_CIPHERS_S_C, CIPHERS_RECEIVED) == SSH_OK;
}

static bool make_session(struct diagnose_run *run)
{
	const struct config_backend *b = run->backend;
	unsigned port = b->port ? b->port : 22u;
	int own_config = 0;

	run->session = ssh_new();
	if (!run->session)
		return false;
	ssh_set_blocking(run->session, 0);
	ssh_set_log_userdata(run);
	ssh_set_log_callback(hear_mismatch);
	ssh_set_log_level(SSH_LOG_TRACE);
	return ssh_options_set(run->session, SSH_OPTIONS_PROCESS_CONFIG, &own_config) == SSH_OK &&
	       ssh_options_set(run->session, SSH_OPTIONS_HOST, b->host) == SSH_OK &&
	       ssh_options_set(run->session, SSH_OPTIONS_PORT, &port) == SSH_OK &&
	       (!b->user[0] || ssh_options_set(run->session, SSH_OPTIONS_USER, b->user) == SSH_OK) &&
	       set_ciphers(run->session) &&
	       (!b->compression || ssh_options_set(run->session, SSH_OPTIONS_COMPRESSION, "yes") == SSH_OK) &&
	       set_known_hosts(run) && ssh_options_set(run->session, SSH_OPTIONS_FD, &run->fd) == SSH_OK;
}

enum diagnose_outcome diagnose_greet(struct diagnose_run *run)
{
	enum diagnose_outcome outcome;
	int rc;

	if (run->confine)
		run->confine();
	diagnose_waiting(run, "connected to %s, waiting for its greeting", run->peer);
	outcome = peek_banner(run);
	if (outcome != DIAGNOSE_PASSED)
		return outcome;
	if (!make_session(run))
		return diagnose_fail(run, ERRCLASS_CONFIG,
				     "host, port, user or known_hosts cannot be used: %s",
				     run->session ? ssh_get_error(run->session) : "out of memory");
	diagnose_waiting(run, "key exchange with %s", run->peer);
	while ((rc = ssh_connect(run->session)) == SSH_AGAIN)
		if (!diagnose_wait(run))
			return diagnose_unanswered(run);
	return rc == SSH_OK ? DIAGNOSE_PASSED : diagnose_lost(run, ERRCLASS_SERVER_GONE);
}

/* "ssh-ed25519 SHA256:...", as ssh-keygen -l. */
static void name_host_key(struct diagnose_run *run, char *text, size_t size)
{
	unsigned char *hash = NULL;
	size_t n = 0;
	ssh_key key = NULL;
	char *print = NULL;

	if (ssh_get_server_publickey(run->session, &key) == SSH_OK &&
	    ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &n) == 0)
		print = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, n);
	snprintf(text, size, "%s %s", key ? ssh_key_type_to_char(ssh_key_type(key)) : "?",
		 print ? print : "?");
	ssh_string_free_char(print);
	ssh_clean_pubkey_hash(&hash);
	ssh_key_free(key);
}

static enum diagnose_outcome judge_known_key(struct diagnose_run *run, const char *key, const char *file)
{
	bool revoked;
	errint_t rc = diagnose_is_revoked(run, &revoked);

	if (rc < 0)
		return diagnose_fail(run, errclass_of_own(-rc), "known_hosts %s: %s", file, strerror(-rc));
	if (revoked)
		return diagnose_fail(run, ERRCLASS_HOST_KEY_CHANGED,
				     "revoked: the server shows %s, which %s says to be @revoked", key, file);
	return DIAGNOSE_PASSED;
}

enum diagnose_outcome diagnose_host_key(struct diagnose_run *run)
{
	const char *file = run->backend->known_hosts[0] ? run->backend->known_hosts : "~/.ssh/known_hosts";
	char key[128];

	name_host_key(run, key, sizeof(key));
	switch (ssh_session_is_known_server(run->session)) {
	case SSH_KNOWN_HOSTS_OK:
		return judge_known_key(run, key, file);
	case SSH_KNOWN_HOSTS_CHANGED:
		return diagnose_fail(run, ERRCLASS_HOST_KEY_CHANGED,
				     "changed: the server shows %s, which is not the key in %s", key, file);
	case SSH_KNOWN_HOSTS_OTHER:
		return diagnose_fail(run, ERRCLASS_HOST_KEY_CHANGED,
				     "changed: the server shows %s, %s has keys of other kinds only", key,
				     file);
	case SSH_KNOWN_HOSTS_UNKNOWN:
	case SSH_KNOWN_HOSTS_NOT_FOUND:
		if (diagnose_names_authority(run))
			return diagnose_fail(
			    run, ERRCLASS_HOST_KEY_CHANGED,
			    "unknown: the server shows %s, and %s knows an authority (@cert-authority), by "
			    "which ssh alone can judge: set stream = openssh, or add the key",
			    key, file);
		return diagnose_fail(
		    run, ERRCLASS_HOST_KEY_CHANGED,
		    "unknown: the server shows %s, %s has no key for it; verify it, then add it", key, file);
	default:
		return diagnose_fail(run, ERRCLASS_CONFIG, "known_hosts %s: %s", file,
				     ssh_get_error(run->session));
	}
}

/* Takes everything: bytes that libssh does not keep cannot grow. */
static int take_data(ssh_session session, ssh_channel channel, void *data, uint32_t n, int is_stderr,
		     void *arg)
{
	struct diagnose_run *run = arg;

	(void)session;
	(void)channel;
	if (is_stderr)
		return (int)n;
	if (n > sizeof(run->inbox) - run->received) {
		run->flooded = true;
		return (int)n;
	}
	memcpy(run->inbox + run->received, data, n);
	run->received += n;
	return (int)n;
}

static enum diagnose_outcome open_channel(struct diagnose_run *run)
{
	int rc;

	diagnose_waiting(run, "opening a channel at %s", run->peer);
	run->channel = ssh_channel_new(run->session);
	if (!run->channel)
		return diagnose_lost(run, ERRCLASS_SERVER_GONE);
	while ((rc = ssh_channel_open_session(run->channel)) == SSH_AGAIN)
		if (!diagnose_wait(run))
			return diagnose_unanswered(run);
	if (rc == SSH_OK)
		return DIAGNOSE_PASSED;
	if (!ssh_is_connected(run->session))
		return diagnose_lost(run, ERRCLASS_SERVER_GONE);
	return diagnose_fail(run, ERRCLASS_TOO_MANY_CONNECTIONS,
			     "logged in, but the server opens no further channel: %s",
			     ssh_get_error(run->session));
}

static enum diagnose_outcome start_subsystem(struct diagnose_run *run)
{
	int rc;

	diagnose_waiting(run, "starting SFTP at %s", run->peer);
	while ((rc = ssh_channel_request_subsystem(run->channel, "sftp")) == SSH_AGAIN)
		if (!diagnose_wait(run))
			return diagnose_unanswered(run);
	if (rc == SSH_OK)
		return DIAGNOSE_PASSED;
	if (!ssh_is_connected(run->session))
		return diagnose_lost(run, ERRCLASS_SERVER_GONE);
	return diagnose_fail(run, ERRCLASS_SFTP_REFUSED, "logged in, but the server refuses SFTP: %s",
			     ssh_get_error(run->session));
}

enum diagnose_outcome diagnose_channel(struct diagnose_run *run)
{
	enum diagnose_outcome outcome = open_channel(run);

	return outcome == DIAGNOSE_PASSED ? start_subsystem(run) : outcome;
}

enum diagnose_outcome diagnose_subsystem(struct diagnose_run *run)
{
	static struct ssh_channel_callbacks_struct callbacks = {.channel_data_function = take_data};
	enum diagnose_outcome outcome = open_channel(run);

	if (outcome != DIAGNOSE_PASSED)
		return outcome;
	callbacks.userdata = run;
	ssh_callbacks_init(&callbacks);
	if (ssh_set_channel_callbacks(run->channel, &callbacks) != SSH_OK)
		return diagnose_lost(run, ERRCLASS_SERVER_GONE);
	outcome = start_subsystem(run);
	return outcome == DIAGNOSE_PASSED ? diagnose_version(run) : outcome;
}

static void hear_nothing(int priority, const char *function, const char *message, void *arg)
{
	(void)priority;
	(void)function;
	(void)message;
	(void)arg;
}

void diagnose_stop_hearing(void)
{
	ssh_set_log_level(SSH_LOG_NOLOG);
	ssh_set_log_callback(hear_nothing);
	ssh_set_log_userdata(NULL);
}
