/* Logs in by what was got before, each once: servers lock out who tries often. docs/SFTP.md, "Logging in over
 * libssh". */
#include "diagnose/internal.h"
#include "diagnose/classify.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* No longer ours once this has returned. */
static int offer_agent(struct diagnose_run *run)
{
	int agent = secrets_take_agent(run->secrets), rc;

	if (agent < 0)
		return SSH_AUTH_DENIED;
	if (ssh_set_agent_socket(run->session, agent) != SSH_OK) {
		close(agent);
		return SSH_AUTH_DENIED;
	}
	diagnose_waiting(run, "logging in at %s by the agent %s", run->peer, run->backend->agent);
	while ((rc = ssh_userauth_agent(run->session, NULL)) == SSH_AUTH_AGAIN)
		if (!diagnose_wait(run))
			break;
	/* libssh keeps it open: an intruder must not have anything signed. */
	shutdown(agent, SHUT_RDWR);
	return rc;
}

static int finish_password(struct diagnose_run *run)
{
	int rc;

	while ((rc = ssh_userauth_password(run->session, NULL, run->secrets->password)) == SSH_AUTH_AGAIN)
		if (!diagnose_wait(run))
			break;
	return rc;
}

/* PAM asks, and then may have something to say, without a question. */
#define ROUNDS_MAX 4u

/* The password answers one question, of whatever words. More of them: a second factor, which nobody here has. */
static int answer_questions(struct diagnose_run *run)
{
	unsigned answered = 0;
	int rc = SSH_AUTH_AGAIN, n;

	for (unsigned rounds = 0; rounds < ROUNDS_MAX;) {
		rc = ssh_userauth_kbdint(run->session, NULL, NULL);
		if (rc == SSH_AUTH_AGAIN && diagnose_wait(run))
			continue;
		if (rc != SSH_AUTH_INFO)
			return rc;
		n = ssh_userauth_kbdint_getnprompts(run->session);
		answered += (unsigned)MAX(n, 0);
		if (answered > 1)
			break;
		if (n > 0 && ssh_userauth_kbdint_setanswer(run->session, 0, run->secrets->password) < 0)
			return SSH_AUTH_ERROR;
		rounds++;
	}
	run->questions = true;
	return SSH_AUTH_DENIED;
}

/* Once, by one method: a second would be a second wrong try. */
static int offer_password(struct diagnose_run *run, int before)
{
	int offered = ssh_userauth_list(run->session, NULL), rc = before;

	if (!run->secrets->password[0])
		return before;
	diagnose_waiting(run, "logging in at %s by a password", run->peer);
	if (offered & SSH_AUTH_METHOD_PASSWORD)
		rc = finish_password(run);
	else if (offered & SSH_AUTH_METHOD_INTERACTIVE)
		rc = answer_questions(run);
	else
		return before;
	run->password_sent = true;
	return rc;
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

static enum diagnose_outcome password_rejected(struct diagnose_run *run, const char *user, int rc)
{
	char methods[96];

	name_methods(run, methods, sizeof(methods));
	if (run->questions)
		return diagnose_fail(
		    run, ERRCLASS_AUTH_FAILED,
		    "the server asks user %s more than one question, and password_file holds the answer "
		    "to one: set up a key",
		    user);
	if (rc == SSH_AUTH_PARTIAL)
		return diagnose_fail(run, ERRCLASS_AUTH_FAILED,
				     "the server took the password of user %s, but wants more: %s", user,
				     methods);
	return diagnose_fail(
	    run, ERRCLASS_AUTH_FAILED,
	    "the server rejected the password of user %s; correct password_file %s: until then it is sent "
	    "once an hour at most",
	    user, run->backend->password_file);
}

/* No key, or none that could be used. */
static enum diagnose_outcome nothing_to_offer(struct diagnose_run *run, const char *methods)
{
	const struct config_backend *b = run->backend;

	if (b->agent[0])
		return diagnose_fail(run, ERRCLASS_AUTH_FAILED,
				     "the server rejected the keys of the agent %s; it offers %s", b->agent,
				     methods);
	if (b->password_file[0])
		return diagnose_fail(run, ERRCLASS_AUTH_FAILED,
				     "the server takes no password: it offers %s; set up a key", methods);
	return diagnose_fail(run, ERRCLASS_AUTH_FAILED,
			     "no identity is configured, and ~/.ssh has no key that can be used; the "
			     "server offers %s",
			     methods);
}

static enum diagnose_outcome rejected(struct diagnose_run *run, int rc)
{
	const char *user = run->backend->user[0] ? run->backend->user : "(our own name)";
	char methods[96];

	if (run->password_sent)
		return password_rejected(run, user, rc);
	name_methods(run, methods, sizeof(methods));
	if (rc == SSH_AUTH_PARTIAL)
		return diagnose_fail(run, ERRCLASS_AUTH_FAILED,
				     "the server took the key of user %s, but wants more: %s", user, methods);
	if (run->n_keys == 0)
		return nothing_to_offer(run, methods);
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
	if (rc == SSH_AUTH_DENIED)
		rc = offer_agent(run);
	if ((rc == SSH_AUTH_DENIED || rc == SSH_AUTH_PARTIAL) && ssh_is_connected(run->session))
		rc = offer_password(run, rc);
	/* libssh 0.11 calls a hang-up with a reason "denied". */
	if (rc == SSH_AUTH_DENIED && !ssh_is_connected(run->session))
		rc = SSH_AUTH_ERROR;
	/* Some servers refuse by hanging up. With a class other than auth_failed nobody reads it. */
	if (run->password_sent && rc != SSH_AUTH_SUCCESS)
		run->diagnosis->refused_ns = run->secrets->password_changed_ns;
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
