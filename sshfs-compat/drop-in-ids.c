/* idmap=file: sshfs's files of NAME:ID. */
#include "base/cleanup.h"
#include "sshfs-compat/drop-in.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct id_file {
	const char *option, *path;
	/* The number that a name has here; false: none. */
	bool (*find)(const char *name, uint32_t *id);
	char *map;
	size_t size;
};

static bool find_user(const char *name, uint32_t *id)
{
	const struct passwd *pw = getpwnam(name);

	if (pw)
		*id = pw->pw_uid;
	return pw != NULL;
}

static bool find_group(const char *name, uint32_t *id)
{
	const struct group *gr = getgrnam(name);

	if (gr)
		*id = gr->gr_gid;
	return gr != NULL;
}

/* Whoever can change it says whose files these are. */
static errint_t check_file(const struct id_file *f, FILE *in, char *message)
{
	struct stat st;

	if (fstat(fileno(in), &st) < 0 || !S_ISREG(st.st_mode))
		snprintf(message, CONFIG_ERROR_MAX, "%s=%.200s: it is not a file", f->option, f->path);
	else if (st.st_uid != geteuid())
		snprintf(message, CONFIG_ERROR_MAX, "%s=%.200s: it belongs to somebody else; copy it",
			 f->option, f->path);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		snprintf(message, CONFIG_ERROR_MAX, "%s=%.200s: others may write to it: chmod go-w",
			 f->option, f->path);
	else
		return 0;
	return -EINVAL;
}

static errint_t fail_line(const struct id_file *f, unsigned line, const char *why, char *message)
{
	snprintf(message, CONFIG_ERROR_MAX, "%s=%.200s, line %u: %s", f->option, f->path, line, why);
	return -EINVAL;
}

static errint_t take_line(const struct id_file *f, char *text, unsigned line, char *message)
{
	char *colon = strchr(text, ':'), *end;
	size_t used = strlen(f->map);
	unsigned long there;
	uint32_t here;
	int n;

	if (text[0] == '\0' || text[0] == '#')
		return 0;
	there = colon ? strtoul(colon + 1, &end, 10) : 0;
	if (!colon || colon == text || end == colon + 1 || *end || there >= UINT32_MAX)
		return fail_line(f, line, "expected NAME:ID", message);
	*colon = '\0';
	if (!f->find(text, &here)) {
		fprintf(stderr, DROP_IN_PROGRAM ": %s=%s, line %u: there is no %s here, it is left out\n",
			f->option, f->path, line, text);
		return 0;
	}
	n = snprintf(f->map + used, f->size - used, "%s%lu:%u", used ? " " : "", there, here);
	return n < 0 || (size_t)n >= f->size - used ? fail_line(f, line, "there are too many", message) : 0;
}

static errint_t read_file(const struct id_file *f, char *message)
{
	CLEANUP_FILE FILE *in = fopen(f->path, "re");
	CLEANUP_FREE char *text = NULL;
	size_t size = 0;
	unsigned line = 0;
	errint_t rc;

	if (!in) {
		snprintf(message, CONFIG_ERROR_MAX, "%s=%.200s: %s", f->option, f->path, strerror(errno));
		return -EINVAL;
	}
	rc = check_file(f, in, message);
	while (rc == 0 && getline(&text, &size, in) >= 0) {
		text[strcspn(text, "\r\n")] = '\0';
		rc = take_line(f, text, ++line, message);
	}
	return rc;
}

errint_t drop_in_read_ids(struct drop_in *d, char *message)
{
	const struct id_file files[] = {{"uidfile", d->uid_file, find_user, d->uid_map, sizeof(d->uid_map)},
					{"gidfile", d->gid_file, find_group, d->gid_map, sizeof(d->gid_map)}};
	errint_t rc = 0;

	if (!d->uid_file[0] && !d->gid_file[0]) {
		snprintf(message, CONFIG_ERROR_MAX,
			 "idmap=file: expected uidfile=FILE, gidfile=FILE or both, with lines of NAME:ID");
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(files) && rc == 0; i++)
		if (files[i].path[0])
			rc = read_file(&files[i], message);
	return rc;
}
