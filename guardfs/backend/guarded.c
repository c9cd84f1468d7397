#include "backend/guarded.h"
#include "backend/nodefd.h"

#include <errno.h>
#include <unistd.h>

errint_t guarded_epoch(const struct backend *b, uint32_t *epoch)
{
	*epoch = atomic_load(&b->board->root_epoch);
	if (atomic_load(&b->board->root_fd) < 0 || breaker_epoch(atomic_load(&b->board->breaker)) != *epoch)
		return -ENOTCONN;
	return 0;
}

/* The root's number may be reused at any moment: the duplicate counts only if the root is unchanged afterwards. */
int guarded_hold_root(const struct backend *b, uint32_t epoch)
{
	int root = atomic_load(&b->board->root_fd);
	int fd;

	if (root < 0)
		return -ENOTCONN;
	do
		fd = dup(root);
	while (fd < 0 && nodefd_shed(errno));
	/* A want of descriptors is not the backend's trouble. */
	if (fd < 0 && errno != EBADF)
		return -errno;
	if (fd >= 0 && atomic_load(&b->board->root_fd) == root && atomic_load(&b->board->root_epoch) == epoch)
		return fd;
	if (fd >= 0)
		close(fd);
	return -ENOTCONN;
}

void guarded_note_stored(struct found *found)
{
	found->stored.mode = found->st.st_mode;
	found->stored.uid = found->st.st_uid;
	found->stored.gid = found->st.st_gid;
}

/* 0, or -ENOENT: *id stays. */
static errint_t map_id(const struct config_ids *map, bool to_here, uint32_t *id)
{
	for (uint32_t i = 0; i < map->n; i++) {
		const struct config_id *pair = &map->pair[i];

		if ((to_here ? pair->there : pair->here) == *id) {
			*id = to_here ? pair->here : pair->there;
			return 0;
		}
	}
	return map->n ? -ENOENT : 0;
}

errint_t guarded_known_owner(const struct backend *b, uint32_t uid, uint32_t gid)
{
	if (!b->config->map_strictly)
		return 0;
	return map_id(&b->config->uid_map, true, &uid) < 0 || map_id(&b->config->gid_map, true, &gid) < 0
		   ? -EPERM
		   : 0;
}

errint_t guarded_owner_there(const struct backend *b, unsigned set, struct stat *want)
{
	errint_t uid = set & SET_UID ? map_id(&b->config->uid_map, false, &want->st_uid) : 0;
	errint_t gid = set & SET_GID ? map_id(&b->config->gid_map, false, &want->st_gid) : 0;

	return b->config->map_strictly && (uid < 0 || gid < 0) ? -EPERM : 0;
}

void guarded_present(const struct backend *b, struct stat *st)
{
	const struct config_backend *c = b->config;

	/* Without a pair it shows as it is. */
	(void)map_id(&c->uid_map, true, &st->st_uid);
	(void)map_id(&c->gid_map, true, &st->st_gid);
	if (c->has_uid)
		st->st_uid = c->uid;
	if (c->has_gid)
		st->st_gid = c->gid;
	if (c->has_umask)
		st->st_mode = (st->st_mode & S_IFMT) | (0777 & ~c->umask);
}

mode_t guarded_new_mode(const struct backend *b, const struct caller *c, mode_t mode)
{
	mode &= ~c->umask;
	if (b->config->has_umask)
		mode |= S_ISDIR(mode) ? S_IRWXU : S_IRUSR | S_IWUSR;
	return mode;
}
