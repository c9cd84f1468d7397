/* keys.c: files and login: public key only, no agent or passphrase. */
#include "diagnose/internal.h"
#include "diagnose/classify.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

/* ---- files ---- */

static int refuse_passphrase(const char *prompt, char *buf, size_t size, int echo, int verify, void *asked)
{
	(void)prompt;
	(void)buf;
	(void)size;
	(void)echo;
	(void)verify;
	*(bool *)asked = true;
	return -1;
}

/* Refuses what ssh would refuse. */
static enum diagnose_outcome load_key(struct diagnose_run *run, const char *path)
{
	struct diagnose_key *k = &run->keys[run->n_keys];
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool asked = false;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return diagnose_fail(run, ERRCLASS_CONFIG, "identity %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return diagnose_fail(run, ERRCLASS_CONFIG, "identity %s: not a file", path);
	if (st.st_uid == getuid() && (st.st_mode & 077))
		return diagnose_fail(run, ERRCLASS_CONFIG,
				     "identity %s: mode %04o is too open, ssh will not use it; chmod 600",
				     path, (unsigned)st.st_mode & 07777);
	if (ssh_pki_import_privkey_file(path, NULL, refuse_passphrase, &asked, &k->key) != SSH_OK)
		return diagnose_fail(run, ERRCLASS_CONFIG, "identity %s: %s", path,
				     asked
					 ? "it needs a passphrase, and nobody is there to type it (an agent "
					   "is not asked)"
					 : "not a private key, or of a kind that is not known here");
	(void)copy_string(k->path, sizeof(k->path), path);
	run->n_keys++;
	return DIAGNOSE_PASSED;
}

/* In ssh's order; it too skips unusable ones. */
static void load_default_keys(struct diagnose_run *run)
{
	static const char *const names[] = {"id_rsa", "id_ecdsa", "id_ed25519"};
	const struct passwd *pw = getpwuid(getuid());
	char path[CONFIG_PATH_MAX + 32];

	for (size_t i = 0; pw && i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%.*s/.ssh/%s", CONFIG_PATH_MAX, pw->pw_dir, names[i]);
		if (access(path, R_OK) == 0)
			(void)load_key(run, path);
	}
}

enum diagnose_outcome diagnose_config(struct diagnose_run *run)
{
	const struct config_backend *b = run->backend;

	if (b->known_hosts[0] && access(b->known_hosts, R_OK) < 0)
		return diagnose_fail(run, ERRCLASS_CONFIG, "known_hosts %s: %s", b->known_hosts,
				     strerror(errno));
	if (run->no_key)
		return DIAGNOSE_PASSED;
	if (b->identity[0])
		return load_key(run, b->identity);
	load_default_keys(run);
	return DIAGNOSE_PASSED;
}

/* ---- login ---- */

/* Repeats a non-blocking libssh call until it has an answer. SSH_AUTH_AGAIN: none came. */
static int finish_none(struct diagnose_run *run)
{
	int rc;

	while ((rc = ssh_userauth_none(run->session, NULL)) == SSH_AUTH_AGAIN)
		if (!diagnose_wait(run))
			break;
	return rc;
}

static int finish_publickey(struct diagnose_run *run, ssh_key key)
{
	int rc;

	while ((rc = ssh_userauth_publickey(run->session, NULL, key)) == SSH_AUTH_AGAIN)
		if (!diagnose_wait(run))
			break;
	return rc;
}

/* Like ssh: first the certificate beside a key, then the key. libssh's result. */
static int offer_key(struct diagnose_run *run, struct diagnose_key *k)
{
	char path[sizeof(k->path) + 16];
	ssh_key certificate = NULL, with_certificate = NULL;
	int rc = SSH_AUTH_DENIED;

	snprintf(path, sizeof(path), "%s-cert.pub", k->path);
	if (access(path, R_OK) == 0 && ssh_pki_import_cert_file(path, &certificate) == SSH_OK) {
		with_certificate = ssh_key_dup(k->key);
		if (with_certificate && ssh_pki_copy_cert_to_privkey(certificate, with_certificate) == SSH_OK)
			rc = finish_publickey(run, with_certificate);
	}
	/* A transport goes on with this memory. */
	ssh_key_free(with_certificate);
	ssh_key_free(certificate);
	return rc == SSH_AUTH_DENIED ? finish_publickey(run, k->key) : rc;
}

/* Methods that the server still offers. */
static void name_methods(struct diagnose_run *run, char *text, size_t size)
{
	static const struct {
		int bit;
		const char *name;
	} methods[] = {{SSH_AUTH_METHOD_PUBLICKEY, "publickey"},
		       {SSH_AUTH_METHOD_PASSWORD, "password"},
		       {SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"},
		       {SSH_AUTH_METHOD_HOSTBASED, "hostbased"},
		       {SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi"}};
	int offered = ssh_userauth_list(run->session, NULL);
	size_t used = 0;

	(void)copy_string(text, size, "nothing");
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if ((offered & methods[i].bit) && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "," : "",
						 methods[i].name);
}

static enum diagnose_outcome rejected(struct diagnose_run *run, int rc)
{
	const char *user = run->backend->user[0] ? run->backend->user : "(our own name)";
	char methods[96];

	name_methods(run, methods, sizeof(methods));
	if (rc == SSH_AUTH_PARTIAL)
		return diagnose_fail(run, ERRCLASS_AUTH_FAILED,
				     "the server took the key of user %s, but wants more: %s", user, methods);
	if (run->n_keys == 0)
		return diagnose_fail(run, ERRCLASS_AUTH_FAILED,
				     "no identity is configured, and ~/.ssh has no key that can be used; the "
				     "server offers %s",
				     methods);
	return diagnose_fail(run, ERRCLASS_AUTH_FAILED,
			     "the server rejected user %s with the key %s%s; it offers %s", user,
			     run->keys[0].path, run->n_keys > 1 ? " (and others)" : "", methods);
}

enum diagnose_outcome diagnose_login(struct diagnose_run *run)
{
	int rc;

	diagnose_waiting(run, "logging in at %s", run->peer);
	rc = finish_none(run);
	for (unsigned i = 0; rc == SSH_AUTH_DENIED && i < run->n_keys; i++)
		rc = offer_key(run, &run->keys[i]);
	/* libssh 0.11 calls a hang-up with a reason "denied". */
	if (rc == SSH_AUTH_DENIED && !ssh_is_connected(run->session))
		rc = SSH_AUTH_ERROR;
	switch (rc) {
	case SSH_AUTH_SUCCESS:
		return DIAGNOSE_PASSED;
	case SSH_AUTH_AGAIN:
		return diagnose_unanswered(run);
	case SSH_AUTH_ERROR:
		return diagnose_lost(run, ERRCLASS_AUTH_FAILED);
	default:
		return rejected(run, rc);
	}
}
