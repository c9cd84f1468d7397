/* The configuration that a command line of sshfs's stands for. */
#include "sshfs-compat/drop-in.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#define LINES_MAX 64

struct line {
	const char *section, *name;
	char value[CONFIG_OPTIONS_MAX * 2 + 64];
};

struct lines {
	size_t n;
	struct line line[LINES_MAX];
	errint_t error;
	char *message;
};

void drop_in_name(const struct drop_in *d, const char *mountpoint, char name[CONFIG_NAME_MAX])
{
	uint64_t hash = hash_bytes(0, mountpoint, strlen(mountpoint));
	size_t n = 0;

	for (const char *p = d->host; *p && n < CONFIG_NAME_MAX - 10; p++)
		if (isalnum((unsigned char)*p) || (n > 0 && strchr("_.-", *p)))
			name[n++] = *p;
	snprintf(name + n, CONFIG_NAME_MAX - n, "%s%08" PRIx32, n ? "-" : "", (uint32_t)(hash ^ hash >> 32));
}

static void fail_line(struct lines *l, errint_t rc, const char *name, const char *why)
{
	if (l->error)
		return;
	l->error = rc;
	snprintf(l->message, CONFIG_ERROR_MAX, "%s: %s", name, why);
}

/* The file has one line for each, trimmed, with comments behind " ;". */
static bool can_be_written(const char *value)
{
	size_t n = strlen(value);

	if (n &&
	    (isspace((unsigned char)value[0]) || isspace((unsigned char)value[n - 1]) || value[0] == ';'))
		return false;
	for (const char *p = value; *p; p++)
		if (iscntrl((unsigned char)*p) || (*p == ';' && p > value && isspace((unsigned char)p[-1])))
			return false;
	return true;
}

static struct line *find_line(struct lines *l, const char *section, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->line[i].section, section) == 0 && strcmp(l->line[i].name, name) == 0)
			return &l->line[i];
	return NULL;
}

/* The last one counts. */
static void put(struct lines *l, const char *section, const char *name, const char *format, ...)
    PRINTF_LIKE(4, 5);
static void put(struct lines *l, const char *section, const char *name, const char *format, ...)
{
	struct line *line = find_line(l, section, name);
	va_list args;
	int n;

	if (!line && l->n == LINES_MAX) {
		fail_line(l, -E2BIG, name, "too many settings");
		return;
	}
	if (!line)
		line = &l->line[l->n++];
	line->section = section;
	line->name = name;
	va_start(args, format);
	n = vsnprintf(line->value, sizeof(line->value), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(line->value))
		fail_line(l, -E2BIG, name, "too long");
	else if (!can_be_written(line->value))
		fail_line(l, -EINVAL, name,
			  "has a control character, a blank at an end, or a semicolon behind a blank");
}

static const char *yes_or_no(bool b)
{
	return b ? "yes" : "no";
}

static void put_mount(struct lines *l, const struct drop_in *d, const struct drop_in_places *places)
{
	char name[CONFIG_NAME_MAX];

	drop_in_name(d, places->mountpoint, name);
	put(l, "mount", "name", "%s", name);
	put(l, "mount", "mountpoint", "%s", places->mountpoint);
	put(l, "mount", "local", "%s/%s/local", places->state_root, name);
	put(l, "mount", "run_dir", "%s/%s", places->run_root, name);
	put(l, "mount", "state_dir", "%s/%s", places->state_root, name);
	put(l, "mount", "root", DROP_IN_BACKEND);
	put(l, "mount", "source", "%s", d->fsname[0] ? d->fsname : d->source);
	put(l, "mount", "subtype", "%s", d->subtype[0] ? d->subtype : "sshfs");
	put(l, "mount", "permissions", "%s", yes_or_no(d->default_permissions));
	put(l, "mount", "others", "%s", yes_or_no(d->allow_other || d->allow_root));
	if (d->allow_root && !d->allow_other)
		put(l, "mount", "only_root", "yes");
	put(l, "mount", "must_connect", "%s", yes_or_no(!d->delay_connect && !d->no_check_root));
	if (d->has_cache)
		put(l, "mount", "guarded_cache", "%" PRIu32 "ms", d->cache_ms);
	put(l, "mount", "suid", "%s", yes_or_no(d->suid));
	put(l, "mount", "dev", "%s", yes_or_no(d->dev));
	/* Nobody shares the mount with its user. */
	if (!d->allow_other)
		put(l, "mount", "user_share", "100");
}

/* In ssh's way: the key's syntax has no other. */
static void put_ssh(struct lines *l, const struct drop_in *d, const struct drop_in_places *places, bool asks)
{
	char more[64] = "";

	/* A wrong password is not tried three times at each reconnect. */
	if (asks)
		snprintf(more, sizeof(more), "%sBatchMode=no,NumberOfPasswordPrompts=1",
			 d->ssh_options[0] ? "," : "");
	put(l, "backend", "stream", "openssh");
	put(l, "backend", "ssh_lenient", "yes");
	if (d->direct_port) {
		put(l, "backend", "ssh_command", "%s", places->self);
		put(l, "backend", "ssh_arguments", DROP_IN_DIRECT " %" PRIu32, d->direct_port);
	} else if (d->ssh_command[0]) {
		put(l, "backend", "ssh_command", "%s", d->ssh_command);
		if (d->ssh_arguments[0])
			put(l, "backend", "ssh_arguments", "%s", d->ssh_arguments);
	}
	if (d->sftp_server[0])
		put(l, "backend", "sftp_server", "%s", d->sftp_server);
	if (d->ssh_config[0])
		put(l, "backend", "ssh_config", "%s", d->ssh_config);
	if (d->ssh_options[0] || more[0])
		put(l, "backend", "ssh_options", "%s%s", d->ssh_options, more);
}

static void put_owner(struct lines *l, const struct drop_in *d, const struct drop_in_places *places)
{
	if (d->has_uid || d->mine)
		put(l, "backend", "uid", "%" PRIu32, d->has_uid ? d->uid : places->uid);
	if (d->has_gid || d->mine)
		put(l, "backend", "gid", "%" PRIu32, d->has_gid ? d->gid : places->gid);
	if (d->has_umask)
		put(l, "backend", "umask", "%04" PRIo32, d->umask);
	if (!d->mapped)
		return;
	put(l, "backend", "uid_map", "%s", d->uid_map);
	put(l, "backend", "gid_map", "%s", d->gid_map);
	put(l, "backend", "map_strictly", "%s", yes_or_no(!d->map_loosely));
}

static void put_backend(struct lines *l, const struct drop_in *d, const struct drop_in_places *places,
			bool asks)
{
	put(l, "backend", "type", "sftp");
	put(l, "backend", "host", "%s", d->host);
	if (d->user[0])
		put(l, "backend", "user", "%s", d->user);
	if (d->port)
		put(l, "backend", "port", "%" PRIu32, d->port);
	if (d->path[0])
		put(l, "backend", "path", "%s", d->path);
	if (!d->libssh)
		put_ssh(l, d, places, asks);
	put_owner(l, d, places);
	if (d->contain_links)
		put(l, "backend", "contain_links", "yes");
	if (d->no_hard_links)
		put(l, "backend", "hard_links", "no");
	if (d->follow_links)
		put(l, "backend", "follow_links", "yes");
	if (d->relative_links)
		put(l, "backend", "relative_links", "yes");
	put(l, "backend", "durability", "%s", d->sync ? "through" : "behind");
}

static void put_rest(struct lines *l, const struct drop_in *d)
{
	/* One connection for metadata and data: the second one and the diagnosis count, too. */
	if (d->alone)
		put(l, "recovery", "connections", "1");
	put(l, "state", "files", "%s", "");
	for (uint32_t i = 0; i < d->n_keys; i++)
		put(l, d->keys[i].section, d->keys[i].name, "%s", d->keys[i].value);
}

static errint_t print_lines(const struct lines *l, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");
	const char *section = "";
	bool whole;

	if (!out)
		return -errno;
	fputs("# Written by " DROP_IN_PROGRAM " at each mount: see guardfs.conf(5), and its -o guard=...\n",
	      out);
	/* Sections come in the order of their first lines. */
	for (size_t i = 0; i < l->n; i++) {
		bool done = false;

		for (size_t k = 0; k < i; k++)
			done |= strcmp(l->line[k].section, l->line[i].section) == 0;
		section = l->line[i].section;
		if (done)
			continue;
		fprintf(out, "\n[%s%s]\n", section,
			strcmp(section, "backend") == 0 ? " " DROP_IN_BACKEND : "");
		for (size_t k = i; k < l->n; k++)
			if (strcmp(l->line[k].section, section) == 0)
				fprintf(out, "%s = %s\n", l->line[k].name, l->line[k].value);
	}
	whole = fflush(out) == 0 && ftell(out) + 1 < (long)size;
	return fclose(out) == 0 && whole ? 0 : -E2BIG;
}

errint_t drop_in_config(const struct drop_in *d, const struct drop_in_places *places, bool asks, char *text,
			size_t size, char *message)
{
	struct lines *l = calloc(1, sizeof(*l));
	errint_t rc;

	message[0] = '\0';
	if (!l)
		return -ENOMEM;
	l->message = message;
	put_mount(l, d, places);
	put_backend(l, d, places, asks);
	put_rest(l, d);
	rc = l->error ? l->error : print_lines(l, text, size);
	free(l);
	return rc;
}
