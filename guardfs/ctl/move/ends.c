/* The two ends of a move. */
#include "ctl/move/move.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

bool move_to_local(const struct move_run *r)
{
	return strcmp(r->m.to.tier, MOVE_LOCAL) == 0;
}

/* Not where the backend presents its own. */
bool move_has_owner(const struct move_run *r)
{
	int backend = config_find_backend(r->config, r->m.to.tier);

	return backend < 0 || !r->config->backends[backend].present_owner;
}

void move_staging_name(const struct move_run *r, char *name)
{
	snprintf(name, MOVE_STAGING_SIZE, MOVE_NEW_PREFIX "%s", r->id);
}

static errint_t join_path(const char *directory, const char *prefix, const char *name, char *path,
			  size_t size)
{
	int n = snprintf(path, size, "%s%s%s%s", directory, *directory ? "/" : "", prefix, name);

	return n >= 0 && n < (int)size ? 0 : -ENAMETOOLONG;
}

errint_t move_staging_path(const struct move_run *r, char *path, size_t size)
{
	char directory[CONFIG_PATH_MAX];
	const char *name;

	move_split(r->m.to.path, directory, &name);
	return join_path(directory, MOVE_NEW_PREFIX, r->id, path, size);
}

errint_t move_old_path(const struct move_run *r, char *path, size_t size)
{
	char directory[CONFIG_PATH_MAX];
	const char *name;

	if (strcmp(r->m.from.tier, MOVE_LOCAL) != 0)
		return copy_string(path, size, r->m.from.path);
	move_split(r->m.job, directory, &name);
	return join_path(directory, MOVE_OLD_PREFIX, r->id, path, size);
}

const char *move_cold(const struct move_run *r, char *cold, size_t size)
{
	if (move_to_local(r))
		return NULL;
	snprintf(cold, size, "%s/%s", r->config->backends[config_find_backend(r->config, r->m.to.tier)].alias,
		 r->m.to.path);
	return cold;
}

/* Nothing else may be renamed or removed: the local end is the job's place in the mount, the old copy has the
 * move's name. */

void move_absolute(const struct config *config, const char *tier, const char *path, char *out, size_t size)
{
	if (strcmp(tier, MOVE_LOCAL) == 0)
		snprintf(out, size, "%s/%s", config->local, path);
	else
		snprintf(out, size, "%s/.guardfs/backends/%s/%s", config->mountpoint, tier, path);
}

int move_open_tier(const struct config *config, const char *tier)
{
	char path[CTL_ABSOLUTE_MAX];
	int fd;

	move_absolute(config, tier, "", path, sizeof(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int move_exists(const struct config *config, const char *tier, const char *path)
{
	CLEANUP_FD int root = move_open_tier(config, tier);
	CLEANUP_FD int dir = -1;
	char directory[CONFIG_PATH_MAX];
	const char *name;
	struct stat st;

	if (root < 0)
		return root;
	move_split(path, directory, &name);
	dir = move_open_below(root, directory, false);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

void move_ends_close(struct move_ends *e)
{
	cleanup_fd(&e->from);
	cleanup_fd(&e->parent);
	cleanup_fd(&e->staging);
}

int move_open_directory(const struct move_run *r, const char *tier, const char *path, bool make)
{
	CLEANUP_FD int root = move_open_tier(r->config, tier);

	return root < 0 ? root : move_open_below(root, path, make);
}

/* from: -1 if the source has left its name. */
errint_t move_ends_open(const struct move_run *r, struct move_ends *e, bool make)
{
	char directory[CONFIG_PATH_MAX];

	*e = (struct move_ends){.from = -1, .parent = -1, .staging = -1};
	move_staging_name(r, e->staging_name);
	move_split(r->m.to.path, directory, &e->final_name);
	e->parent = move_open_directory(r, r->m.to.tier, directory, make);
	if (e->parent < 0)
		return e->parent;
	e->staging = move_open_below(e->parent, e->staging_name, make);
	if (e->staging < 0 && (make || e->staging != -ENOENT))
		return e->staging;
	e->from = move_open_directory(r, r->m.from.tier, r->m.from.path, false);
	return e->from < 0 && e->from != -ENOENT ? e->from : 0;
}
