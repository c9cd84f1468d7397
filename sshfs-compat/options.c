/* sshfs's and ssh's options as a table, and their command lines. */
#include "sshfs-compat/sshfs-compat.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

enum option_mode {
	OPTION_ALWAYS,	/* drops the user's with a warning */
	OPTION_DEFAULT, /* the user's replaces it */
	OPTION_REFUSED, /* drops the user's with a warning */
};

/* ssh's options are sshfs's, too: it hands them on. */
enum option_program { OF_SSHFS, OF_BOTH, OF_SSH };

struct option_input {
	/* OF_SSHFS or OF_SSH. */
	enum option_program program;
	const struct config_backend *backend;
	const struct sshfs_features *features;
	const struct sshfs_target *target;
};

/* 0, -ENOENT: leave it out, -EINVAL: cannot be expressed. */
typedef errint_t (*option_value)(const struct option_input *in, char *value, size_t size);

struct sshfs_option {
	const char *name;
	enum option_program program;
	enum option_mode mode;
	/* NULL without fill: a bare word. */
	const char *text;
	option_value fill;
	/* Without a value. */
	bool bare_if_empty;
	/* Replaced by this one of the user, too. */
	const char *opposite;
	/* With ssh_lenient a default, or left to ssh_config. */
	enum option_lenience { LENIENT_NEVER, LENIENT_DEFAULT, LENIENT_LEFT_OUT } lenience;
};

/* Quotes for ssh_config: spaces, %. ssh cannot escape a double quote or ${...}. */
static errint_t quote_path(const char *path, char *value, size_t size)
{
	size_t n = 0;

	if (!path[0])
		return -ENOENT;
	if (strpbrk(path, "\"\n\r") || strstr(path, "${"))
		return -EINVAL;
	value[n++] = '"';
	for (const char *p = path; *p; p++) {
		if (n + 4 > size)
			return -EINVAL;
		if (*p == '%')
			value[n++] = '%';
		value[n++] = *p;
	}
	value[n++] = '"';
	value[n] = '\0';
	return 0;
}

static errint_t value_port(const struct option_input *in, char *value, size_t size)
{
	snprintf(value, size, "%u", (unsigned)in->backend->port);
	return in->backend->port ? 0 : -ENOENT;
}

static errint_t value_no_login(const struct option_input *in, char *value, size_t size)
{
	return in->target->no_login ? copy_string(value, size, "no") : -ENOENT;
}

static errint_t value_identity(const struct option_input *in, char *value, size_t size)
{
	return quote_path(in->backend->identity, value, size);
}

static errint_t value_identities_only(const struct option_input *in, char *value, size_t size)
{
	return in->backend->identity[0] ? copy_string(value, size, "yes") : -ENOENT;
}

static errint_t value_known_hosts(const struct option_input *in, char *value, size_t size)
{
	return quote_path(in->backend->known_hosts, value, size);
}

static errint_t value_global_known_hosts(const struct option_input *in, char *value, size_t size)
{
	return in->backend->known_hosts[0] ? copy_string(value, size, "/dev/null") : -ENOENT;
}

static errint_t value_connect_timeout(const struct option_input *in, char *value, size_t size)
{
	snprintf(value, size, "%u", (unsigned)MAX(in->target->connect_timeout_s, 1u));
	return 0;
}

static errint_t value_fsname(const struct option_input *in, char *value, size_t size)
{
	return copy_string(value, size, in->target->fsname);
}

static errint_t can_contain_symlinks(const struct option_input *in, char *value, size_t size)
{
	(void)copy_string(value, size, "");
	return in->features->contain_symlinks ? 0 : -ENOENT;
}

/* The server answers each write. With durability = behind guardfs asks later. */
static errint_t if_written_through(const struct option_input *in, char *value, size_t size)
{
	(void)copy_string(value, size, "");
	return in->backend->durability == DURABILITY_THROUGH ? 0 : -ENOENT;
}

/* Of OpenSSH 8.7: an older ssh ends at a name that it does not know. */
static errint_t if_known_to_ssh(const struct option_input *in, char *value, size_t size)
{
	return in->features->ssh_session_options ? copy_string(value, size, "no") : -ENOENT;
}

/* guardfs caches for at most a second, so a repeated listing reaches sshfs. Raw sshfs has a directory cache of 20 s.
 * Here it has 10 s, and the kernel's caches below 10 s, which spare a FUSE hop: no entry is older than raw, and both
 * drop what changes through this mount. Truth bypasses them: an open (of the marker) reaches the server, liveness
 * asks with a new name, a reconnect starts a new sshfs.
 *
 * Creation looks up the name, then the file: missing names are remembered so that the server is asked once. */
/* While cached attributes hide another client's removal, nothing can be made there. Enough to list and then look. */
#define CACHE_SECONDS	       "10"
#define STAT_CACHE_SECONDS     "1"
#define NEGATIVE_CACHE_SECONDS "0.05"

/* The kernel would read ahead here, 1 MiB at a time, and fill pages with zeros: sshfs reports failed reads as
 * end of file (backend/dir.c). */
/* clang-format off */
static const struct sshfs_option options[] = {
	/* sshfs and FUSE */
	{ .name = "fsname",                .mode = OPTION_ALWAYS,  .fill = value_fsname },
	{ .name = "allow_other",           .mode = OPTION_ALWAYS },       /* worker acts for every caller */
	{ .name = "sshfs_sync",            .mode = OPTION_ALWAYS,  .fill = if_written_through, .bare_if_empty = true },
	{ .name = "direct_io",             .mode = OPTION_ALWAYS },       /* see above */
	{ .name = "negative_timeout",      .mode = OPTION_ALWAYS,  .text = NEGATIVE_CACHE_SECONDS },
	{ .name = "entry_timeout",         .mode = OPTION_DEFAULT, .text = CACHE_SECONDS },
	{ .name = "attr_timeout",          .mode = OPTION_DEFAULT, .text = CACHE_SECONDS },
	{ .name = "dcache_timeout",        .mode = OPTION_DEFAULT, .text = CACHE_SECONDS },
	{ .name = "dcache_stat_timeout",   .mode = OPTION_DEFAULT, .text = STAT_CACHE_SECONDS },
	{ .name = "no_contain_symlinks",   .mode = OPTION_DEFAULT, .fill = can_contain_symlinks, .bare_if_empty = true,
	  .opposite = "contain_symlinks" }, /* guardfs does it, if wanted */
	{ .name = "reconnect",             .mode = OPTION_REFUSED },      /* kills open files; keeper reconnects */
	{ .name = "delay_connect",         .mode = OPTION_REFUSED },      /* would serve unconnected */
	{ .name = "auto_unmount",          .mode = OPTION_REFUSED },
	{ .name = "writeback_cache",       .mode = OPTION_REFUSED },      /* acknowledges what the server has not seen */
	{ .name = "password_stdin",        .mode = OPTION_REFUSED },
	{ .name = "passive",               .mode = OPTION_REFUSED },
	{ .name = "slave",                 .mode = OPTION_REFUSED },
	{ .name = "debug",                 .mode = OPTION_REFUSED },
	{ .name = "sshfs_debug",           .mode = OPTION_REFUSED },
	/* ssh */
	{ .name = "port",                  .program = OF_BOTH, .mode = OPTION_ALWAYS,  .fill = value_port },
	{ .name = "BatchMode",             .program = OF_BOTH, .mode = OPTION_ALWAYS,  .text = "yes",
	  .lenience = LENIENT_DEFAULT },
	{ .name = "PasswordAuthentication", .program = OF_BOTH, .mode = OPTION_ALWAYS, .text = "no",
	  .lenience = LENIENT_LEFT_OUT },
	{ .name = "KbdInteractiveAuthentication", .program = OF_BOTH, .mode = OPTION_ALWAYS, .text = "no",
	  .lenience = LENIENT_LEFT_OUT },
	{ .name = "PubkeyAuthentication",  .program = OF_BOTH, .mode = OPTION_DEFAULT, .fill = value_no_login },
	{ .name = "StrictHostKeyChecking", .program = OF_BOTH, .mode = OPTION_ALWAYS,  .text = "yes",
	  .lenience = LENIENT_LEFT_OUT },
	{ .name = "UpdateHostKeys",        .program = OF_BOTH, .mode = OPTION_ALWAYS,  .text = "no",
	  .lenience = LENIENT_LEFT_OUT },
	{ .name = "UserKnownHostsFile",    .program = OF_BOTH, .mode = OPTION_DEFAULT, .fill = value_known_hosts },
	{ .name = "GlobalKnownHostsFile",  .program = OF_BOTH, .mode = OPTION_DEFAULT, .fill = value_global_known_hosts },
	{ .name = "IdentityFile",          .program = OF_BOTH, .mode = OPTION_DEFAULT, .fill = value_identity },
	{ .name = "IdentitiesOnly",        .program = OF_BOTH, .mode = OPTION_DEFAULT, .fill = value_identities_only },
	{ .name = "ConnectTimeout",        .program = OF_BOTH, .mode = OPTION_DEFAULT, .fill = value_connect_timeout },
	{ .name = "ConnectionAttempts",    .program = OF_BOTH, .mode = OPTION_ALWAYS,  .text = "1" },  /* keeper's backoff decides */
	{ .name = "ServerAliveInterval",   .program = OF_BOTH, .mode = OPTION_DEFAULT, .text = "15" },
	{ .name = "ServerAliveCountMax",   .program = OF_BOTH, .mode = OPTION_DEFAULT, .text = "3" },
	{ .name = "ControlMaster",         .program = OF_BOTH, .mode = OPTION_ALWAYS,  .text = "no" }, /* could not be fenced */
	{ .name = "ControlPath",           .program = OF_BOTH, .mode = OPTION_ALWAYS,  .text = "none" },
	{ .name = "PermitLocalCommand",    .program = OF_BOTH, .mode = OPTION_ALWAYS,  .text = "no" },
	/* ssh without sshfs, which says the same by itself */
	{ .name = "ClearAllForwardings",   .program = OF_SSH, .mode = OPTION_ALWAYS, .text = "yes" }, /* taken twice they end ssh */
	{ .name = "ForwardAgent",          .program = OF_SSH, .mode = OPTION_ALWAYS, .text = "no" },
	{ .name = "ForwardX11",            .program = OF_SSH, .mode = OPTION_ALWAYS, .text = "no" },
	{ .name = "Tunnel",                .program = OF_SSH, .mode = OPTION_ALWAYS, .text = "no" },
	{ .name = "RequestTTY",            .program = OF_SSH, .mode = OPTION_ALWAYS, .text = "no" },
	{ .name = "RemoteCommand",         .program = OF_SSH, .mode = OPTION_ALWAYS, .text = "none" },
	{ .name = "StdinNull",             .program = OF_SSH, .mode = OPTION_ALWAYS, .fill = if_known_to_ssh },
	{ .name = "ForkAfterAuthentication", .program = OF_SSH, .mode = OPTION_ALWAYS, .fill = if_known_to_ssh }, /* would leave its session */
};
/* clang-format on */

static void warn(char *message, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void warn(char *message, const char *fmt, ...)
{
	size_t used = strlen(message);
	va_list ap;

	if (used + 3 >= CONFIG_ERROR_MAX)
		return;
	if (used) {
		memcpy(message + used, "; ", 3);
		used += 2;
	}
	va_start(ap, fmt);
	vsnprintf(message + used, CONFIG_ERROR_MAX - used, fmt, ap);
	va_end(ap);
}

static errint_t add_arg(struct sshfs_command *c, const char *text, size_t n)
{
	if (c->n + 1 >= SSHFS_ARGV_MAX || n >= sizeof(c->text) - c->used)
		return -E2BIG;
	c->argv[c->n++] = memcpy(c->text + c->used, text, n);
	c->text[c->used + n] = '\0';
	c->used += n + 1;
	c->argv[c->n] = NULL;
	return 0;
}

static errint_t add_word(struct sshfs_command *c, const char *text)
{
	return add_arg(c, text, strlen(text));
}

/* sshfs: escapes commas and backslashes for fuse_opt. */
static errint_t add_option(struct sshfs_command *c, const struct option_input *in, const char *name,
			   const char *value)
{
	char item[3 * CONFIG_PATH_MAX];
	size_t n = (size_t)snprintf(item, sizeof(item), "%s%s", name, value ? "=" : "");
	errint_t rc;

	for (const char *p = value ? value : ""; *p; p++) {
		if (n + 3 > sizeof(item))
			return -E2BIG;
		if (in->program == OF_SSHFS && (*p == ',' || *p == '\\'))
			item[n++] = '\\';
		item[n++] = *p;
	}
	rc = add_word(c, "-o");
	return rc < 0 ? rc : add_arg(c, item, n);
}

static bool is_named(const char *name, const char *item, size_t name_length)
{
	return name && strlen(name) == name_length && strncasecmp(name, item, name_length) == 0;
}

static bool is_option_of(const struct sshfs_option *o, enum option_program program)
{
	return o->program == program || o->program == OF_BOTH;
}

static const struct sshfs_option *find_option(enum option_program program, const char *item,
					      size_t name_length)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (is_option_of(&options[i], program) && (is_named(options[i].name, item, name_length) ||
							   is_named(options[i].opposite, item, name_length)))
			return &options[i];
	return NULL;
}

/* Up to an unescaped comma. */
static size_t item_length(const char *list)
{
	size_t n = 0;

	while (list[n] && list[n] != ',')
		n += list[n] == '\\' && list[n + 1] ? 2 : 1;
	return n;
}

static size_t skip_blanks(const char **item, size_t n)
{
	while (n > 0 && isspace((unsigned char)**item)) {
		(*item)++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)(*item)[n - 1]))
		n--;
	return n;
}

/* As ssh gets it: a comma is one of the value's. */
static errint_t add_unescaped(struct sshfs_command *c, const char *item, size_t n)
{
	char text[CONFIG_OPTIONS_MAX];
	size_t used = 0;

	for (size_t i = 0; i < n && used < sizeof(text); i++) {
		if (item[i] == '\\' && i + 1 < n && (item[i + 1] == ',' || item[i + 1] == '\\'))
			i++;
		text[used++] = item[i];
	}
	return add_arg(c, text, used);
}

static bool is_lenient(const struct sshfs_option *o, const struct option_input *in)
{
	return in->program == OF_SSH && in->backend->ssh_lenient && o->lenience != LENIENT_NEVER;
}

static enum option_mode mode_of(const struct sshfs_option *o, const struct option_input *in)
{
	return is_lenient(o, in) ? OPTION_DEFAULT : o->mode;
}

/* Unless the table objects. given[]: ours that it replaces. */
static errint_t add_user_item(struct sshfs_command *c, const struct option_input *in, const char *item,
			      size_t n, bool *given, char *message)
{
	const char *ends = in->program == OF_SSH ? "=, \t" : "=,";
	const struct sshfs_option *known;
	errint_t rc;

	n = skip_blanks(&item, n);
	if (n == 0)
		return 0;
	known = find_option(in->program, item, MIN(strcspn(item, ends), n));
	if (known && mode_of(known, in) != OPTION_DEFAULT) {
		warn(message, "%s: %.*s is %s", in->program == OF_SSH ? "ssh_options" : "sshfs_options",
		     (int)MIN(n, 64u), item,
		     mode_of(known, in) == OPTION_ALWAYS ? "set by guardfs, dropped"
							 : "not possible below guardfs, dropped");
		return 0;
	}
	if (known)
		given[known - options] = true;
	rc = add_word(c, "-o");
	if (rc < 0)
		return rc;
	return in->program == OF_SSH ? add_unescaped(c, item, n) : add_arg(c, item, n);
}

static errint_t add_user_options(struct sshfs_command *c, const struct option_input *in, const char *list,
				 bool *given, char *message)
{
	errint_t rc = 0;

	while (*list && rc == 0) {
		size_t n = item_length(list);

		rc = add_user_item(c, in, list, n, given, message);
		list += n + (list[n] == ',');
	}
	return rc;
}

static errint_t add_table_option(struct sshfs_command *c, const struct sshfs_option *o,
				 const struct option_input *in, char *message)
{
	char value[2 * CONFIG_PATH_MAX];
	errint_t rc;

	if (!o->fill)
		return add_option(c, in, o->name, o->text);
	rc = o->fill(in, value, sizeof(value));
	if (rc == -ENOENT)
		return 0;
	if (rc < 0) {
		message[0] = '\0';
		warn(message,
		     "%s: its value holds a character that ssh cannot be given (\", ${ or a line break), or "
		     "is too long",
		     o->name);
		return -EINVAL;
	}
	return add_option(c, in, o->name, o->bare_if_empty ? NULL : value);
}

/* Of that mode, but for what the user has given. */
static errint_t add_table_options(struct sshfs_command *c, const struct option_input *in,
				  enum option_mode mode, const bool *given, char *message)
{
	errint_t rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(options); i++)
		if (mode_of(&options[i], in) == mode && is_option_of(&options[i], in->program) && !given[i] &&
		    !(is_lenient(&options[i], in) && options[i].lenience == LENIENT_LEFT_OUT))
			rc = add_table_option(c, &options[i], in, message);
	return rc;
}

static bool has_space_or_control(const char *s)
{
	for (; *s; s++)
		if (isspace((unsigned char)*s) || iscntrl((unsigned char)*s))
			return true;
	return false;
}

/* ssh takes "-oProxyCommand=..." for an option; "@", "/" or a space end the host. */
static errint_t check_names(const struct config_backend *b, char *message)
{
	const char *host = b->host;

	if (!host[0] || host[0] == '-' || strpbrk(host, "/@,\\[]") || has_space_or_control(host))
		warn(message, "host: '%.64s' is not a host name or address", host);
	else if (b->user[0] == '-' || strpbrk(b->user, "/@:,\\") || has_space_or_control(b->user))
		warn(message, "user: '%.64s' is not a user name", b->user);
	else if (strpbrk(b->path, "\n\r"))
		warn(message, "path: it holds a line break");
	else
		return 0;
	return -EINVAL;
}

/* [user@]host:path, IPv6 in brackets. */
static errint_t add_source(struct sshfs_command *c, const struct config_backend *b)
{
	char source[sizeof(b->user) + sizeof(b->host) + sizeof(b->path) + 8];
	bool v6 = strchr(b->host, ':') != NULL;

	snprintf(source, sizeof(source), "%s%s%s%s%s:%s", b->user, b->user[0] ? "@" : "", v6 ? "[" : "",
		 b->host, v6 ? "]" : "", b->path);
	return add_word(c, source);
}

const char *sshfs_program(const char *configured)
{
	static const char aside[] = "/usr/bin/sshfs.distrib";

	if (configured[0] && strcmp(configured, "sshfs") != 0 && strcmp(configured, "/usr/bin/sshfs") != 0)
		return configured;
	if (access(aside, X_OK) == 0)
		return aside;
	return configured[0] ? configured : "sshfs";
}

/* The fence, killing the process, is made for sshfs. Begins as an exec's failure does, for sshfs_diagnose. */
static errint_t check_program(const struct config_backend *b, const struct sshfs_features *features,
			      char *message)
{
	if (!features->is_guard)
		return 0;
	warn(message,
	     "cannot execute %.100s: it is sshfs-guard here, and a backend needs sshfs itself (install "
	     "sshfs, or "
	     "take type = sftp)",
	     sshfs_program(b->sshfs_command));
	return -EINVAL;
}

errint_t sshfs_command_build(struct sshfs_command *c, const struct config_backend *backend,
			     const struct sshfs_features *features, const struct sshfs_target *target,
			     char *message)
{
	const struct option_input in = {OF_SSHFS, backend, features, target};
	bool given[ARRAY_SIZE(options)] = {false};
	errint_t rc;

	c->n = c->used = 0;
	message[0] = '\0';
	rc = check_names(backend, message);
	if (rc == 0)
		rc = check_program(backend, features, message);
	if (rc == 0)
		rc = add_word(c, sshfs_program(backend->sshfs_command));
	if (rc == 0)
		rc = add_word(c, "-f");
	if (rc == 0)
		rc = add_user_options(c, &in, backend->sshfs_options, given, message);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(options); i++)
		if (is_option_of(&options[i], OF_SSHFS) && options[i].mode != OPTION_REFUSED && !given[i])
			rc = add_table_option(c, &options[i], &in, message);
	if (rc == 0)
		rc = add_source(c, backend);
	if (rc == 0)
		rc = add_word(c, target->mountpoint);
	return rc;
}

static errint_t add_words(struct sshfs_command *c, const char *a, const char *b)
{
	errint_t rc = add_word(c, a);

	return rc < 0 ? rc : add_word(c, b);
}

/* A passphrase is still asked for, which BatchMode would forbid. */
static errint_t withhold_password(struct sshfs_command *c)
{
	errint_t rc = add_words(c, "-o", "PasswordAuthentication=no");

	return rc < 0 ? rc : add_words(c, "-o", "KbdInteractiveAuthentication=no");
}

/* ssh takes the first value: ours before the user's. */
static errint_t add_ssh_options(struct sshfs_command *c, const struct option_input *in, char *message)
{
	bool given[ARRAY_SIZE(options)] = {false};
	errint_t rc = in->target->no_password ? withhold_password(c) : 0;

	if (rc == 0)
		rc = add_table_options(c, in, OPTION_ALWAYS, given, message);
	if (rc == 0)
		rc = add_user_options(c, in, in->backend->ssh_options, given, message);
	return rc < 0 ? rc : add_table_options(c, in, OPTION_DEFAULT, given, message);
}

static int take_word(const char **text, char **room)
{
	char quote = '\0';

	for (; **text && (quote || !isspace((unsigned char)**text)); (*text)++) {
		char c = **text;

		if (!quote && (c == '"' || c == '\'')) {
			quote = c;
			continue;
		}
		if (quote && c == quote) {
			quote = '\0';
			continue;
		}
		if (c == '\\' && quote != '\'' && (*text)[1])
			c = *++*text;
		*(*room)++ = c;
	}
	*(*room)++ = '\0';
	return quote ? -EINVAL : 0;
}

int ssh_split_words(const char *text, char *room, char **words, int max)
{
	int n = 0;

	for (;;) {
		while (isspace((unsigned char)*text))
			text++;
		if (!*text)
			return n;
		if (n == max)
			return -E2BIG;
		words[n++] = room;
		if (take_word(&text, &room) < 0)
			return -EINVAL;
	}
}

static errint_t add_arguments(struct sshfs_command *c, const struct config_backend *backend, char *message)
{
	char room[sizeof(backend->ssh_arguments)], *words[SSH_WORDS_MAX];
	int n = ssh_split_words(backend->ssh_arguments, room, words, SSH_WORDS_MAX);
	errint_t rc = 0;

	if (n < 0) {
		warn(message, "ssh_arguments: %s",
		     n == -EINVAL ? "a quote has no end" : "there are too many words");
		return -EINVAL;
	}
	for (int i = 0; i < n && rc == 0; i++)
		rc = add_word(c, words[i]);
	return rc;
}

static bool is_subsystem(const struct config_backend *b)
{
	return !strchr(b->sftp_server, '/');
}

/* As sshfs: a name with a slash is a program's. */
static errint_t add_errand(struct sshfs_command *c, const struct config_backend *b, enum ssh_errand errand)
{
	errint_t rc = 0;

	if (errand == SSH_TELL)
		rc = add_word(c, "-G");
	else if (is_subsystem(b))
		rc = add_word(c, "-s");
	if (rc == 0)
		rc = add_words(c, "--", b->host);
	if (rc < 0 || errand != SSH_CONNECT)
		return rc;
	return add_word(c, b->sftp_server[0] ? b->sftp_server : "sftp");
}

errint_t ssh_command_build(struct sshfs_command *c, const struct config_backend *backend,
			   const struct sshfs_features *features, const struct sshfs_target *target,
			   enum ssh_errand errand, char *message)
{
	const struct option_input in = {OF_SSH, backend, features, target};
	errint_t rc;

	c->n = c->used = 0;
	message[0] = '\0';
	rc = check_names(backend, message);
	if (rc == 0)
		rc = add_word(c, backend->ssh_command[0] ? backend->ssh_command : "ssh");
	if (rc == 0)
		rc = add_arguments(c, backend, message);
	if (rc == 0 && backend->ssh_config[0])
		rc = add_words(c, "-F", backend->ssh_config);
	if (rc == 0)
		rc = add_ssh_options(c, &in, message);
	if (rc == 0 && backend->user[0])
		rc = add_words(c, "-l", backend->user);
	return rc < 0 ? rc : add_errand(c, backend, errand);
}

bool sshfs_keeps_pages(const struct config_backend *backend)
{
	const char *list = backend->sshfs_options;
	size_t n;

	for (; backend->type == BACKEND_SSHFS && *list; list += n + (list[n] == ',')) {
		const char *item = list;
		size_t length;

		n = item_length(list);
		length = skip_blanks(&item, n);
		if ((length == 12 && strncmp(item, "kernel_cache", 12) == 0) ||
		    (length == 10 && strncmp(item, "auto_cache", 10) == 0))
			return true;
	}
	return false;
}
