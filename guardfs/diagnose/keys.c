/* The files, programs and sockets of which a login is made. */
#include "diagnose/internal.h"
#include "diagnose/classify.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

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
static enum diagnose_outcome check_key_file(struct diagnose_run *run, const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return diagnose_fail(run, errclass_of_own(errno), "identity %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return diagnose_fail(run, ERRCLASS_CONFIG, "identity %s: not a file", path);
	if (st.st_uid == getuid() && (st.st_mode & 077))
		return diagnose_fail(run, ERRCLASS_CONFIG,
				     "identity %s: mode %04o is too open, ssh will not use it; chmod 600",
				     path, (unsigned)st.st_mode & 07777);
	return DIAGNOSE_PASSED;
}

/* Half of the time left: the rest is to log in. */
static uint32_t limit_of_helper_ms(const struct diagnose_run *run)
{
	return (uint32_t)diagnose_left_ms(run, UINT64_MAX) / 2;
}

static enum diagnose_outcome open_locked_key(struct diagnose_run *run, const char *path, ssh_key *key)
{
	char why[CONFIG_ERROR_MAX];

	diagnose_waiting(run, "asking askpass for the passphrase of %s", path);
	if (secrets_ask_passphrase(run->secrets, run->backend, limit_of_helper_ms(run), why) < 0)
		return diagnose_fail(run, ERRCLASS_CONFIG, "identity %s: %s", path, why);
	if (ssh_pki_import_privkey_file(path, run->secrets->passphrase, NULL, NULL, key) != SSH_OK)
		return diagnose_fail(run, ERRCLASS_CONFIG,
				     "identity %s: what askpass %s prints is not its passphrase", path,
				     run->backend->askpass);
	return DIAGNOSE_PASSED;
}

static enum diagnose_outcome load_key(struct diagnose_run *run, const char *path)
{
	struct diagnose_key *k = &run->keys[run->n_keys];
	enum diagnose_outcome outcome = check_key_file(run, path);
	bool asked = false;

	if (outcome != DIAGNOSE_PASSED)
		return outcome;
	if (ssh_pki_import_privkey_file(path, NULL, refuse_passphrase, &asked, &k->key) == SSH_OK)
		outcome = DIAGNOSE_PASSED;
	else if (!asked)
		outcome = diagnose_fail(run, ERRCLASS_CONFIG, "identity %s: %s", path,
					"not a private key, or of a kind that is not known here");
	else if (run->backend->askpass[0])
		outcome = open_locked_key(run, path, &k->key);
	else if (run->backend->agent[0])
		return DIAGNOSE_PASSED; /* the agent has it, or another one */
	else
		outcome = diagnose_fail(run, ERRCLASS_CONFIG, "identity %s: %s", path,
					"it needs a passphrase: set askpass (a program that prints it) or "
					"agent, or use a key without one");
	if (outcome != DIAGNOSE_PASSED)
		return outcome;
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

/* Sending the same password again and again locks out. */
static enum diagnose_outcome refuse_known_password(struct diagnose_run *run)
{
	return diagnose_fail(
	    run, ERRCLASS_AUTH_FAILED,
	    "logging in with the password in %s failed not long ago: it is not sent again within an "
	    "hour; correct the file, or touch it",
	    run->backend->password_file);
}

static enum diagnose_outcome get_secrets(struct diagnose_run *run)
{
	struct diagnose_secrets *s = run->secrets;
	char why[CONFIG_ERROR_MAX];

	if (secrets_read_password(s, run->backend, why) < 0)
		return diagnose_fail(run, ERRCLASS_CONFIG, "%s", why);
	if (s->password[0] && s->password_changed_ns == run->refused_ns)
		return refuse_known_password(run);
	diagnose_waiting(run, "asking the agent %s for its keys", run->backend->agent);
	if (secrets_reach_agent(s, run->backend, run->logins, limit_of_helper_ms(run), why) < 0)
		return diagnose_fail(run, ERRCLASS_CONFIG, "%s", why);
	return DIAGNOSE_PASSED;
}

enum diagnose_outcome diagnose_config(struct diagnose_run *run)
{
	const struct config_backend *b = run->backend;
	enum diagnose_outcome outcome;

	if (b->known_hosts[0] && access(b->known_hosts, R_OK) < 0)
		return diagnose_fail(run, ERRCLASS_CONFIG, "known_hosts %s: %s", b->known_hosts,
				     strerror(errno));
	if (run->no_key)
		return DIAGNOSE_PASSED;
	outcome = get_secrets(run);
	if (outcome != DIAGNOSE_PASSED)
		return outcome;
	if (b->identity[0])
		return load_key(run, b->identity);
	/* Each that the server refuses counts against us. */
	if (!b->password_file[0] && !b->agent[0])
		load_default_keys(run);
	return DIAGNOSE_PASSED;
}
