/* The configuration's files. */
#include "ctl/capture.h"
#include "ctl/doctor/doctor.h"
#include "sshfs-compat/sshfs-compat.h"
#include "base/cleanup.h"
#include "base/trust.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* config_load refuses a file that others can write, and gives each fault its line. */
void doctor_check_config(struct doctor *d)
{
	if (d->config)
		doctor_find(d, DOCTOR_OK, "configuration", "",
			    "%s is valid, and written by root or its user alone", d->config->file);
	else if (!d->config_message[0])
		doctor_find(d, DOCTOR_NOTE, "configuration", "Say which is meant: -c FILE.",
			    "no configuration file is known: what depends on it was not checked");
	else if (d->uid != 0 && strstr(d->config_message, strerror(EACCES)))
		doctor_find(d, DOCTOR_NOTE, "configuration", "Run guardctl doctor as root.",
			    "%s: what depends on it was not checked", d->config_message);
	else
		doctor_find(d, DOCTOR_ERROR, "configuration",
			    "Correct it (guardfs --check-config FILE), or say which is meant with -c FILE.",
			    "%s", d->config_message);
}

static void name_id(char *id, size_t size, const char *check, const struct config_backend *b)
{
	snprintf(id, size, "%s:%s", check, b->name);
}

/* An error, unless it merely needs root. */
static void judge_unreadable(struct doctor *d, const char *id, const char *path, int err)
{
	if (err == EACCES && d->uid != 0)
		doctor_find(d, DOCTOR_NOTE, id, "Run guardctl doctor as root.", "%s cannot be looked at",
			    path);
	else
		doctor_find(d, DOCTOR_ERROR, id, "Create it, or correct the configuration.", "%s: %s", path,
			    strerror(err));
}

static void judge_identity(struct doctor *d, const char *id, const char *path)
{
	uid_t user = doctor_guardian_uid(d);
	struct stat st;

	if (stat(path, &st) < 0)
		judge_unreadable(d, id, path, errno);
	else if (!S_ISREG(st.st_mode))
		doctor_find(d, DOCTOR_ERROR, id, "Name the private key in the configuration.",
			    "%s is no file", path);
	else if (st.st_mode & 077)
		/* ssh refuses such a key only if it is its user's. */
		doctor_find(d, DOCTOR_ERROR, id, "chmod 0600 the key; if others could read it, replace it.",
			    "%s has mode %04o: others can get at it%s", path, (unsigned)st.st_mode & 07777,
			    st.st_uid == user ? ", and ssh refuses it" : "");
	else if (st.st_uid != user && st.st_uid != 0)
		doctor_find(
		    d, DOCTOR_WARNING, id, "chown it to the user that guardfs runs as.",
		    "%s belongs to user %u, guardfs runs as %u: who can change it can lock guardfs out", path,
		    (unsigned)st.st_uid, (unsigned)user);
	else
		doctor_find(d, DOCTOR_OK, id, "", "%s is readable by its owner alone", path);
}

static bool is_remote(const struct config_backend *b)
{
	return backend_has_server(b->type);
}

void doctor_check_identities(struct doctor *d)
{
	char id[64];

	for (uint32_t i = 0; d->config && i < d->config->n_backends; i++) {
		const struct config_backend *b = &d->config->backends[i];

		name_id(id, sizeof(id), "identity", b);
		if (is_remote(b) && b->identity[0])
			judge_identity(d, id, b->identity);
		else if (is_remote(b) && (b->password_file[0] || b->agent[0]))
			doctor_find(d, DOCTOR_OK, id, "", "no private key is named: %s is used",
				    b->agent[0] ? b->agent : b->password_file);
		else if (is_remote(b))
			doctor_find(d, DOCTOR_WARNING, id, "Name one: identity = PATH.",
				    "no private key is named: ssh takes what it finds in its user's home");
	}
}

/* As diagnose/secrets.c does. */
void doctor_check_passwords(struct doctor *d)
{
	uid_t user = doctor_guardian_uid(d);
	char id[64];
	struct stat st;

	for (uint32_t i = 0; d->config && i < d->config->n_backends; i++) {
		const struct config_backend *b = &d->config->backends[i];

		name_id(id, sizeof(id), "password", b);
		if (!b->password_file[0])
			continue;
		if (stat(b->password_file, &st) < 0)
			judge_unreadable(d, id, b->password_file, errno);
		else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) || (st.st_uid != user && st.st_uid != 0))
			doctor_find(d, DOCTOR_ERROR, id,
				    "chown it to the user that guardfs runs as, and chmod 0600 it; if others "
				    "could read it, change "
				    "the password.",
				    "%s is not used: it must be a file that its owner, root, alone can read",
				    b->password_file);
		else
			doctor_find(d, DOCTOR_OK, id, "", "%s is readable by its owner alone",
				    b->password_file);
	}
}

void doctor_judge_known_hosts(struct doctor *d, const struct config_backend *b, int entry)
{
	char id[64];
	struct stat st;

	name_id(id, sizeof(id), "known-hosts", b);
	if (!b->known_hosts[0])
		doctor_find(d, DOCTOR_WARNING, id, "Name one: known_hosts = PATH.",
			    "no file with the server's key is named: ssh takes those of its user");
	else if (stat(b->known_hosts, &st) < 0)
		judge_unreadable(d, id, b->known_hosts, errno);
	else if (st.st_mode & 022)
		doctor_find(d, DOCTOR_ERROR, id, "chmod 0644 it, and compare its keys with the servers'.",
			    "%s has mode %04o: others can add keys to it", b->known_hosts,
			    (unsigned)st.st_mode & 07777);
	else if (entry == 0)
		doctor_find(d, DOCTOR_ERROR, id,
			    "Get the key with ssh-keyscan -p PORT HOST, compare its fingerprint by another "
			    "way, add it.",
			    "%s has no key of [%s]:%u", b->known_hosts, b->host, b->port);
	else if (entry < 0)
		doctor_find(d, DOCTOR_NOTE, id, "Install openssh-client: its ssh-keygen is asked.",
			    "whether %s has a key of [%s]:%u could not be found out", b->known_hosts, b->host,
			    b->port);
	else
		doctor_find(d, DOCTOR_OK, id, "", "%s has a key of [%s]:%u", b->known_hosts, b->host,
			    b->port);
}

/* ssh-keygen knows hashes, aliases and patterns. */
static int find_entry(const struct config_backend *b)
{
	char host[300], output[4096];
	const char *const argv[] = {"ssh-keygen", "-F", host, "-f", b->known_hosts, NULL};
	int status;

	if (access(b->known_hosts, R_OK) < 0)
		return -1;
	/* As in known_hosts: with an unusual port only. */
	snprintf(host, sizeof(host), b->port == 22 || !b->port ? "%s" : "[%s]:%u", b->host, b->port);
	status = capture_run(argv, CAPTURE_OUTPUT, DOCTOR_PROGRAM_MS, output, sizeof(output));
	return status == 0 ? 1 : status == 1 ? 0 : -1;
}

void doctor_check_known_hosts(struct doctor *d)
{
	for (uint32_t i = 0; d->config && i < d->config->n_backends; i++) {
		struct config_backend b = d->config->backends[i];

		if (!is_remote(&b))
			continue;
		/* ssh looks up an alias's key by its configuration. */
		if (ssh_config_apply(&b) == -ENOTSUP)
			doctor_judge_known_hosts(d, &b, -1);
		else
			doctor_judge_known_hosts(d, &b, find_entry(&b));
	}
}

/* As keeper/hooks.h does. */
static void judge_program(struct doctor *d, const char *id, const char *program)
{
	char resolved[PATH_MAX], why[PATH_MAX + 64];
	struct trust_flaw flaw;
	struct stat st;

	if (program[0] != '/') {
		doctor_find(d, DOCTOR_ERROR, id, "Give its path from / on.", "%s is not an absolute path",
			    program);
		return;
	}
	if (trust_path(program, doctor_guardian_uid(d), 0, resolved, &flaw) < 0) {
		trust_describe(&flaw, why, sizeof(why));
		doctor_find(d, DOCTOR_ERROR, id,
			    "Make it and all directories above it root's, writable by root alone.",
			    "%s is never run: %s", program, why);
	} else if (stat(resolved, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111)) {
		doctor_find(d, DOCTOR_ERROR, id, "chmod 0755 it, or name the program.",
			    "%s cannot be executed", program);
	} else {
		doctor_find(d, DOCTOR_OK, id, "", "%s may be run", program);
	}
}

/* The hooks behind a sentinel: an outage's, or on_stall. */
struct sentinel {
	const char *id, *path, *section, *key, *what;
};

static void judge_sentinel(struct doctor *d, const struct sentinel *s)
{
	struct stat st;
	char remedy[64];

	if (!s->path[0]) {
		snprintf(remedy, sizeof(remedy), "Name one: [%s] %s = PATH.", s->section, s->key);
		doctor_find(d, DOCTOR_WARNING, s->id, remedy, "%s without a sentinel: never run", s->what);
	} else if (stat(s->path, &st) == 0) {
		doctor_find(d, DOCTOR_OK, s->id, "", "%s is there: %s may run", s->path, s->what);
	} else {
		doctor_find(
		    d, DOCTOR_NOTE, s->id, "If they are to run, create it with touch.",
		    "%s is not there: %s may not run; guardfs reconnects its own backends all the same",
		    s->path, s->what);
	}
}

static void check_sentinels(struct doctor *d)
{
	const struct config *c = d->config;
	const struct sentinel of_hooks = {"sentinel", c->sentinel, "hooks", "sentinel", "hooks"},
			      of_stalls = {"stall-sentinel", c->stall_sentinel, "jobs", "stall_sentinel",
					   "on_stall"};
	unsigned stalls = 0;

	for (uint32_t i = 0; i < c->n_hooks; i++)
		stalls += c->hooks[i].hook == CONFIG_HOOK_STALL;
	if (!c->n_hooks)
		doctor_find(d, DOCTOR_OK, "sentinel", "",
			    "no hooks: nothing beyond guardfs itself is ever acted upon");
	if (c->n_hooks > stalls)
		judge_sentinel(d, &of_hooks);
	if (stalls)
		judge_sentinel(d, &of_stalls);
}

void doctor_check_hooks(struct doctor *d)
{
	char *words[CONFIG_HOOK_WORDS_MAX + 1], id[64];

	if (!d->config)
		return;
	check_sentinels(d);
	for (uint32_t i = 0; i < d->config->n_hooks; i++) {
		struct config_program program = d->config->hooks[i];

		snprintf(id, sizeof(id), "hook:%s", config_hook_name((enum config_hook)program.hook));
		if (config_program_words(&program, words) > 0)
			judge_program(d, id, words[0]);
	}
}
