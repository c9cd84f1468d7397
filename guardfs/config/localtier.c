#include "config/localtier.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>

#define DEPTH_MAX 8u

struct look {
	const struct config *config;
	const struct tiermap *active;
	void (*found)(void *arg, const struct localtier_finding *finding);
	void *arg;
	uint32_t entries_left;
	errint_t err;
};

static int open_below(int dir, const char *path, int how_much)
{
	return fd_open_beneath(dir, path, how_much | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, true);
}

static int open_local(const struct config *config)
{
	return open(config->local, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Consumes fd. */
static int holds_anything(int fd)
{
	CLEANUP_DIR DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (errno = 0, entry = readdir(dir))
		if (!is_dot(entry->d_name))
			return LOCALTIER_HOLDS;
	return errno ? -errno : LOCALTIER_EMPTY;
}

/* A file, link or mount. */
static bool is_something_else(int error)
{
	return error == ENOTDIR || error == ELOOP || error == EXDEV;
}

static int state_below(int local, const char *path)
{
	int fd = open_below(local, path, O_RDONLY);

	if (fd >= 0)
		return holds_anything(fd);
	if (fd == -ENOENT)
		return LOCALTIER_MISSING;
	return is_something_else(-fd) ? LOCALTIER_HOLDS : fd;
}

int localtier_at(const struct config *config, const char *path)
{
	CLEANUP_FD int local = open_local(config);

	return local < 0 ? -errno : state_below(local, path);
}

enum localtier_state localtier_assume(const struct config *config, const char *path)
{
	int state = localtier_at(config, path);

	if (state >= 0)
		return (enum localtier_state)state;
	return state == -ENOENT ? LOCALTIER_MISSING : LOCALTIER_HOLDS;
}

static void note_error(struct look *l, int error)
{
	if (l->err == 0)
		l->err = -error;
}

static void tell_finding(struct look *l, enum localtier_kind kind, const char *path, uint8_t backend)
{
	const struct localtier_finding finding = {.kind = kind, .path = path, .backend = backend};

	l->found(l->arg, &finding);
}

/* May matches of a longer pattern lie below path? */
static bool leads_further(const char *pattern, const char *path)
{
	const char *end = strchr(pattern, '/');
	char head[CONFIG_PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash && end; slash = strchr(slash + 1, '/'))
		end = strchr(end + 1, '/');
	if (!end || (size_t)(end - pattern) >= sizeof(head))
		return false;
	memcpy(head, pattern, (size_t)(end - pattern));
	head[end - pattern] = '\0';
	return fnmatch(head, path, FNM_PATHNAME | FNM_PERIOD) == 0;
}

static bool any_leads_further(const struct config *config, const char *path)
{
	for (uint32_t i = 0; i < config->n_patterns; i++)
		if (leads_further(config->patterns[i].pattern, path))
			return true;
	for (uint32_t i = 0; i < config->n_job_patterns; i++)
		if (leads_further(config->job_patterns[i], path))
			return true;
	return false;
}

static bool is_job(const struct config *config, const char *path)
{
	for (uint32_t i = 0; i < config->n_job_patterns; i++)
		if (fnmatch(config->job_patterns[i], path, FNM_PATHNAME | FNM_PERIOD) == 0)
			return true;
	return false;
}

/* A descriptor, or below 0: no directory of the local tier, gone, or cannot be opened. */
static int open_child(struct look *l, int dir, const char *name, int how_much)
{
	int fd = open_below(dir, name, how_much);

	if (fd < 0 && fd != -ENOENT && !is_something_else(-fd))
		note_error(l, -fd);
	return fd;
}

static void judge_entry(struct look *l, int dir, const char *name, const char *path)
{
	CLEANUP_FD int fd = -1;
	struct route route;
	bool misplaced = tiermap_match_pattern(l->config, path, &route);

	if (!misplaced && !is_job(l->config, path))
		return;
	fd = open_child(l, dir, name, O_PATH);
	if (fd >= 0)
		tell_finding(l, misplaced ? LOCALTIER_MISPLACED : LOCALTIER_JOB, path,
			     misplaced ? route.backend : 0);
}

static void walk_directory(struct look *l, int fd, const char *at, unsigned depth);

static void take_entry(struct look *l, int dir, const char *name, const char *at, unsigned depth)
{
	char path[CONFIG_PATH_MAX];
	int child;

	if (snprintf(path, sizeof(path), "%s%s%s", at, *at ? "/" : "", name) >= (int)sizeof(path) ||
	    tiermap_find(l->active, path))
		return;
	judge_entry(l, dir, name, path);
	if (depth == 0 || !any_leads_further(l->config, path))
		return;
	child = open_child(l, dir, name, O_RDONLY);
	if (child >= 0)
		walk_directory(l, child, path, depth - 1);
}

/* Consumes fd. */
static void walk_directory(struct look *l, int fd, const char *at, unsigned depth)
{
	CLEANUP_DIR DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		note_error(l, ENOMEM);
		close(fd);
		return;
	}
	while (errno = 0, entry = readdir(dir)) {
		if (l->entries_left == 0) {
			note_error(l, E2BIG);
			return;
		}
		l->entries_left--;
		if (!is_dot(entry->d_name) && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
			take_entry(l, dirfd(dir), entry->d_name, at, depth);
	}
	if (errno)
		note_error(l, errno);
}

static void look_beneath_routes(struct look *l, int local)
{
	for (uint32_t i = 0; i < MIN(l->active->n_routes, (uint32_t)TIERMAP_ROUTES_MAX); i++) {
		const struct route *r = &l->active->routes[i];
		int state = state_below(local, r->path);

		if (state < 0)
			note_error(l, -state);
		else if (state != LOCALTIER_MISSING)
			tell_finding(l, state == LOCALTIER_HOLDS ? LOCALTIER_SHADOWED : LOCALTIER_BENEATH,
				     r->path, r->backend);
	}
}

errint_t localtier_look(const struct config *config, const struct tiermap *active,
			void (*found)(void *arg, const struct localtier_finding *finding), void *arg)
{
	struct look l = {.config = config,
			 .active = active,
			 .found = found,
			 .arg = arg,
			 .entries_left = LOCALTIER_ENTRIES_MAX};
	int local = open_local(config);

	if (local < 0)
		return -errno;
	look_beneath_routes(&l, local);
	walk_directory(&l, local, "", DEPTH_MAX);
	return l.err;
}
