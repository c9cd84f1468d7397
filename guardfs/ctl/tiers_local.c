/* tiers_local.c: what lies in the local tier's own directory. */
#include "ctl/tiers.h"
#include "base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#define LISTED_MAX 4096 /* job directories named; there are a few hundred on a host that has many */
#define DEPTH_MAX  8

/* Opens a directory below dir without entering a mount, whose file system could hang. */
static int open_below(int dir, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static int open_local(const struct config *config)
{
	return open(config->local, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool holds_anything(int fd)
{
	CLEANUP_DIR DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		close(fd);
	while (dir && (entry = readdir(dir)))
		if (!is_dot(entry->d_name))
			return true;
	return false;
}

enum tiers_local_state tiers_local_at(const struct config *config, const char *path)
{
	CLEANUP_FD int local = open_local(config);
	int fd = local < 0 ? -1 : open_below(local, path);

	if (fd >= 0)
		return holds_anything(fd) ? TIERS_LOCAL_HOLDS : TIERS_LOCAL_EMPTY;
	/* A file, a symbolic link, a mount: something. */
	return local < 0 || errno == ENOENT ? TIERS_LOCAL_MISSING : TIERS_LOCAL_HOLDS;
}

static unsigned components(const char *path)
{
	unsigned n = 1;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Does path lie beside what a pattern means: equal but for the last component? hc/20240101T...__hc-2024 for a
 * pattern that means annual jobs, "*" "/[0-9]*__*-...": a job directory, whatever its tier. */
static bool is_beside_pattern(const struct config *config, const char *path)
{
	char general[CONFIG_PATH_MAX + 1];

	for (uint32_t i = 0; i < config->n_patterns; i++) {
		char *slash;

		(void)copy_string(general, CONFIG_PATH_MAX, config->patterns[i].pattern);
		slash = strrchr(general, '/');
		memcpy(slash ? slash + 1 : general, "*", 2);
		if (fnmatch(general, path, FNM_PATHNAME | FNM_PERIOD) == 0)
			return true;
	}
	return false;
}

static void judge(struct tiers *t, const char *path)
{
	CLEANUP_FREE struct route *route = malloc(sizeof(*route));

	if (!route || !is_beside_pattern(t->config, path) || json_array_size(t->local) >= LISTED_MAX)
		return;
	json_array_append_new(t->local, json_pack("{s:o, s:s}", "path", tiers_string(path), "why",
						  "the default: no route and no pattern took it"));
	if (tiermap_match_pattern(t->config, path, route))
		tiers_find(t, "misplaced", true, path,
			   "Move it while no job writes to it: guardctl help tier.",
			   "is on the local tier, but a pattern leads such directories to %s",
			   t->config->backends[route->backend].name);
}

/* A route's path, and what lies beside patterns inside a route, is not the local tier's to show. */
static bool is_routed(const struct tiers *t, const char *path)
{
	const json_t *route;
	size_t i;

	json_array_foreach(t->routes, i, route)
	{
		if (strcmp(ctl_text(route, "path"), path) == 0)
			return true;
	}
	return false;
}

static void walk(struct tiers *t, int fd, const char *at, unsigned depth)
{
	CLEANUP_DIR DIR *dir = fdopendir(fd);
	char path[CONFIG_PATH_MAX];
	struct dirent *entry;

	if (!dir)
		close(fd);
	while (dir && (entry = readdir(dir))) {
		int child;

		if (is_dot(entry->d_name) || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
			continue;
		if (snprintf(path, sizeof(path), "%s%s%s", at, *at ? "/" : "", entry->d_name) >=
		    (int)sizeof(path))
			continue;
		child = is_routed(t, path) ? -1 : open_below(dirfd(dir), entry->d_name);
		if (child < 0)
			continue;
		judge(t, path);
		if (depth > 1)
			walk(t, child, path, depth - 1);
		else
			close(child);
	}
}

void tiers_look_at_local(struct tiers *t)
{
	int fd = open_local(t->config);
	unsigned depth = 0;

	if (fd < 0) {
		tiers_find(t, "unreadable", true, t->config->local, "Run it as root.",
			   "the local tier cannot be looked at: %s", strerror(errno));
		return;
	}
	for (uint32_t i = 0; i < t->config->n_patterns; i++)
		depth = MAX(depth, components(t->config->patterns[i].pattern));
	if (depth)
		walk(t, fd, "", MIN(depth, (unsigned)DEPTH_MAX));
	else
		close(fd);
}
