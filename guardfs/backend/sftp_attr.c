/* Paths and attributes. */
#include "backend/sftp.h"
#include "base/clock.h"

#include <errno.h>
#include <limits.h>

/* The configured path, which may be relative, goes in front of a path within the backend. */
static errint_t put_root(const struct backend *b, struct tree_path *at)
{
	const char *root = b->config->path;
	size_t n = strlen(root);

	while (n > 1 && root[n - 1] == '/')
		n--;
	if (n == 0)
		return *at->path ? 0 : tree_path_prepend(at, ".");
	if (n == 1 && root[0] == '/' && *at->path) {
		if (at->path == at->text)
			return -ENAMETOOLONG;
		*--at->path = '/';
		return 0;
	}
	char part[CONFIG_PATH_MAX];

	memcpy(part, root, n);
	part[n] = '\0';
	return tree_path_prepend(at, part);
}

errint_t sftp_path(const struct backend *b, uint32_t node, const char *name, struct sftp_place *place)
{
	errint_t rc = 0;

	place->at = (struct tree_path){.text = place->room, .size = sizeof(place->room)};
	tree_path_start(&place->at);
	if (name)
		rc = tree_path_prepend(&place->at, name);
	if (rc == 0)
		rc = tree_path_of(b, NODE_NONE, node, &place->at);
	return rc < 0 ? rc : put_root(b, &place->at);
}

errint_t sftp_reach(struct backend *b, uint32_t node, const char *name, struct sftp_place *place)
{
	errint_t rc = sftp_path(b, node, name, place);

	return rc < 0 ? rc : sftp_enter(b, &place->link);
}

/* SFTP has no inode numbers, links or blocks. */
void sftp_show(const struct backend *b, const struct sftp_attributes *a, struct stat *st)
{
	*st = (struct stat){.st_mode = a->permissions,
			    .st_nlink = 1,
			    .st_uid = a->uid,
			    .st_gid = a->gid,
			    .st_blksize = 4096,
			    .st_atim = {.tv_sec = a->atime},
			    .st_mtim = {.tv_sec = a->mtime},
			    .st_ctim = {.tv_sec = a->mtime}};
	backend_show_size(st, (off_t)(a->size & INT64_MAX));
	guarded_present(b, st);
}

void sftp_describe(const struct backend *b, const struct sftp_attributes *attrs, struct found *found)
{
	sftp_show(b, attrs, &found->st);
	found->stored.mode = attrs->permissions;
	found->stored.uid = attrs->uid;
	found->stored.gid = attrs->gid;
	found->fh_length = 0;
	found->fh_type = 0;
	found->mounted = false;
}

static errint_t ask_path(struct backend *b, uint32_t node, const char *name, struct sftp_attributes *attrs)
{
	struct sftp_place place;
	errint_t rc = sftp_reach(b, node, name, &place);

	if (rc < 0)
		return rc;
	rc = client_lstat(&place.link->user, place.at.path, attrs);
	sftp_leave(b, place.link);
	rc = sftp_mend_named(place.at.path, rc);
	return rc < 0 ? rc : guarded_known_owner(b, attrs->uid, attrs->gid);
}

/* Where a route's target is missing nothing is known of its names: both are asked at once. */
static errint_t lookup_in_target(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	struct sftp_attributes attrs;
	struct sftp_place dir, place;
	errint_t rc = sftp_path(b, parent, NULL, &dir);

	if (rc == 0)
		rc = sftp_reach(b, parent, name, &place);
	if (rc < 0)
		return rc;
	rc = client_lstat_in(&place.link->user, place.at.path, dir.at.path, &attrs, &found->dir_is_there);
	sftp_leave(b, place.link);
	rc = sftp_mend_named(place.at.path, rc);
	if (rc == 0)
		rc = guarded_known_owner(b, attrs.uid, attrs.gid);
	if (rc == 0)
		sftp_describe(b, &attrs, found);
	return rc;
}

errint_t sftp_lookup(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	if (b->arena->nodes[parent].flags & NODE_TARGET)
		return lookup_in_target(b, parent, name, found);
	return sftp_find(b, parent, name, found);
}

errint_t sftp_find(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	struct sftp_attributes attrs;
	errint_t rc = ask_path(b, parent, name, &attrs);

	if (rc == 0)
		sftp_describe(b, &attrs, found);
	return rc;
}

static errint_t ask_open(struct backend *b, int ref, struct sftp_attributes *attrs)
{
	struct sftp_link *link;
	errint_t rc = sftp_enter_with(b, ref, &link);

	if (rc < 0)
		return rc;
	rc = client_fstat(&link->user, (uint32_t)ref, attrs);
	sftp_leave(b, link);
	return rc;
}

static errint_t ask_named(struct backend *b, uint32_t node, struct sftp_attributes *attrs)
{
	errint_t rc = ask_path(b, node, NULL, attrs);

	return rc < 0 ? rc : tree_check_type(&b->arena->nodes[node], attrs->permissions);
}

/* An open file may have no name any more. node: NODE_NONE where that does not matter. */
static void show_node(const struct backend *b, uint32_t node, const struct sftp_attributes *attrs,
		      struct stat *st)
{
	sftp_show(b, attrs, st);
	if (node != NODE_NONE && b->arena->nodes[node].flags & NODE_UNLINKED)
		st->st_nlink = 0;
}

errint_t sftp_getattr(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	struct sftp_attributes attrs;
	errint_t rc = ref >= 0 ? ask_open(b, ref, &attrs) : ask_named(b, node, &attrs);

	if (rc == 0)
		show_node(b, node, &attrs, st);
	return sftp_mend(rc);
}

static bool is_time_in_range(const struct timespec *t)
{
	return t->tv_sec >= 0 && t->tv_sec <= UINT32_MAX;
}

static uint32_t time_for(bool set, bool now, const struct timespec *wanted, uint32_t present)
{
	if (now)
		return (uint32_t)(clock_real_ns() / NSEC_PER_SEC);
	return set ? (uint32_t)wanted->tv_sec : present;
}

/* A change of both owners: servers drop set-id bits themselves; the attributes after it tell whether this one did. */
static bool drops_set_id_after(unsigned set)
{
	return set & SET_KILL_PRIV && set & SET_UID && set & SET_GID && !(set & (SET_MODE | SET_SIZE));
}

/* SFTP sets both times or none, and both owners or none: what is to stay is told as it is. */
static bool needs_present(unsigned set)
{
	bool atime = set & (SET_ATIME | SET_ATIME_NOW), mtime = set & (SET_MTIME | SET_MTIME_NOW);

	return atime != mtime || !(set & SET_UID) != !(set & SET_GID) ||
	       (set & SET_KILL_PRIV && !(set & SET_MODE) && !drops_set_id_after(set));
}

/* As the VFS drops them after a change by a caller without CAP_FSETID. */
static mode_t without_set_id(mode_t mode)
{
	return mode & ~(mode & S_IXGRP ? S_ISUID | S_ISGID : S_ISUID) & 07777;
}

static bool has_set_id(mode_t mode)
{
	return S_ISREG(mode) && (mode & 07777) != without_set_id(mode);
}

/* What of set is to be sent, beside the present attributes. */
static void choose_attributes(const struct stat *want, unsigned set, const struct sftp_attributes *present,
			      struct sftp_attributes *a)
{
	*a = (struct sftp_attributes){0};
	if (set & SET_SIZE) {
		a->has |= SFTP_ATTR_SIZE;
		a->size = (uint64_t)want->st_size;
	}
	if (set & (SET_UID | SET_GID)) {
		a->has |= SFTP_ATTR_OWNER;
		a->uid = set & SET_UID ? want->st_uid : present->uid;
		a->gid = set & SET_GID ? want->st_gid : present->gid;
	}
	if (set & SET_MODE) {
		a->has |= SFTP_ATTR_PERMISSIONS;
		a->permissions = want->st_mode & 07777;
	} else if (set & SET_KILL_PRIV && has_set_id(present->permissions)) {
		a->has |= SFTP_ATTR_PERMISSIONS;
		a->permissions = without_set_id(present->permissions);
	}
	if (set & (SET_ATIME | SET_ATIME_NOW | SET_MTIME | SET_MTIME_NOW)) {
		a->has |= SFTP_ATTR_TIMES;
		a->atime = time_for(set & SET_ATIME, set & SET_ATIME_NOW, &want->st_atim, present->atime);
		a->mtime = time_for(set & SET_MTIME, set & SET_MTIME_NOW, &want->st_mtim, present->mtime);
	}
}

/* By ref, else by name. */
struct setting {
	struct backend *b;
	struct sftp_link *link;
	uint32_t node;
	int ref;
	struct sftp_place place;
};

static errint_t ask_present(const struct setting *s, struct sftp_attributes *attrs)
{
	errint_t rc;

	if (s->ref >= 0)
		return client_fstat(&s->link->user, (uint32_t)s->ref, attrs);
	rc = client_lstat(&s->link->user, s->place.at.path, attrs);
	return rc < 0 ? rc : tree_check_type(&s->b->arena->nodes[s->node], attrs->permissions);
}

static errint_t send_attributes(const struct setting *s, const struct sftp_attributes *set,
				struct sftp_attributes *after)
{
	bool is_link = S_ISLNK(s->b->arena->nodes[s->node].mode);
	const struct client_request request = {
	    .operation = is_link ? RING_LSETSTAT : RING_SETSTAT, .path = s->place.at.path, .set = set};

	return s->ref >= 0 ? client_fsetstat(&s->link->user, (uint32_t)s->ref, set, after)
			   : client_change(&s->link->user, &request, after);
}

/* By name, a cut could hit the target of another client's link: that is looked at before. Mode, owner and times may
 * be set all the same. */
static bool needs_look(const struct setting *s, unsigned set)
{
	return needs_present(set) || (s->ref < 0 && set & SET_SIZE);
}

static errint_t drop_set_id(const struct setting *s, struct sftp_attributes *after)
{
	const struct sftp_attributes bits = {.has = SFTP_ATTR_PERMISSIONS,
					     .permissions = without_set_id(after->permissions)};
	errint_t rc = send_attributes(s, &bits, after);

	return rc == 0 && !after->has ? ask_present(s, after) : rc;
}

/* Servers change the owner last, which may take set-id bits away: then the mode is set again. */
static errint_t apply_settings(const struct setting *s, const struct stat *want, unsigned set,
			       struct sftp_attributes *after)
{
	struct sftp_attributes present = {0}, wanted;
	errint_t rc = needs_look(s, set) ? ask_present(s, &present) : 0;

	if (rc < 0)
		return rc;
	choose_attributes(want, set, &present, &wanted);
	if (!wanted.has)
		return ask_present(s, after);
	if (wanted.has & SFTP_ATTR_OWNER && wanted.has & SFTP_ATTR_PERMISSIONS) {
		struct sftp_attributes owner = {.has = SFTP_ATTR_OWNER, .uid = wanted.uid, .gid = wanted.gid};

		rc = send_attributes(s, &owner, after);
		wanted.has &= ~(uint32_t)SFTP_ATTR_OWNER;
	}
	if (rc == 0)
		rc = send_attributes(s, &wanted, after);
	if (rc == 0 && !after->has)
		rc = ask_present(s, after);
	if (rc == 0 && drops_set_id_after(set) && has_set_id(after->permissions))
		rc = drop_set_id(s, after);
	return rc == 0 && s->ref < 0 ? tree_check_type(&s->b->arena->nodes[s->node], after->permissions) : rc;
}

static errint_t begin_setting(struct backend *b, uint32_t node, int ref, struct setting *s)
{
	errint_t rc;

	*s = (struct setting){.b = b, .node = node, .ref = ref};
	if (ref >= 0)
		return sftp_enter_with(b, ref, &s->link);
	rc = sftp_path(b, node, NULL, &s->place);
	return rc < 0 ? rc : sftp_enter(b, &s->link);
}

static errint_t mend_setting(const struct setting *s, unsigned set, errint_t rc)
{
	if (rc == -EIO && set & SET_SIZE)
		return sftp_mend_write(&s->link->user, s->ref < 0 ? s->place.at.path : sftp_root(s->b), 0,
				       rc);
	return s->ref < 0 ? sftp_mend_named(s->place.at.path, rc) : sftp_mend(rc);
}

/* The plain request sets the attributes of what a link leads to: without the extension nothing of a link is set. Its
 * mode means nothing. */
static bool can_set(const struct setting *s)
{
	return !S_ISLNK(s->b->arena->nodes[s->node].mode) ||
	       s->link->user.ring->extensions & 1u << SFTP_LSETSTAT;
}

errint_t sftp_setattr(struct backend *b, uint32_t node, int ref, const struct stat *want, unsigned set,
		      struct stat *st)
{
	struct sftp_attributes after = {0};
	struct stat there = *want;
	struct setting s;
	errint_t rc;

	if (S_ISLNK(b->arena->nodes[node].mode))
		set &= ~(unsigned)(SET_MODE | SET_SIZE | SET_KILL_PRIV);
	if (b->config->present_owner)
		set &= ~(unsigned)(SET_UID | SET_GID | SET_KILL_PRIV);
	/* Where the whole mount is this backend, as with sshfs, the owner alone is not the server's. */
	if (b->config->present_owner && !b->arena->board.config.root[0])
		set &= ~(unsigned)SET_MODE;
	if (!(set & ~(unsigned)SET_CTIME))
		return sftp_getattr(b, node, ref, st);
	if ((set & SET_ATIME && !is_time_in_range(&want->st_atim)) ||
	    (set & SET_MTIME && !is_time_in_range(&want->st_mtim)))
		return -ERANGE;
	rc = guarded_owner_there(b, set, &there);
	if (rc == 0)
		rc = begin_setting(b, node, ref, &s);
	if (rc < 0)
		return rc;
	rc = can_set(&s) ? apply_settings(&s, &there, set, &after) : ask_present(&s, &after);
	if (rc < 0)
		rc = mend_setting(&s, set, rc);
	sftp_leave(b, s.link);
	if (rc == 0)
		show_node(b, node, &after, st);
	return rc;
}

ssize_t sftp_readlink(struct backend *b, uint32_t node, char *buf, size_t size)
{
	struct sftp_place place;
	ssize_t rc = sftp_reach(b, node, NULL, &place);

	if (rc < 0)
		return rc;
	rc = client_readlink(&place.link->user, place.at.path, buf, size);
	sftp_leave(b, place.link);
	if (rc > 0 && memchr(buf, '\0', (size_t)rc))
		return -EIO;
	return rc < 0 ? sftp_mend_named(place.at.path, (errint_t)rc) : rc;
}

errint_t sftp_statfs(struct backend *b, uint32_t node, struct statvfs *st)
{
	struct sftp_statvfs f;
	struct sftp_place place;
	errint_t rc = sftp_reach(b, node, NULL, &place);

	if (rc < 0)
		return rc;
	rc = client_statvfs(&place.link->user, place.at.path, &f);
	sftp_leave(b, place.link);
	if (rc == 0)
		*st = (struct statvfs){.f_bsize = f.block_size,
				       .f_frsize = f.fragment_size,
				       .f_blocks = f.blocks,
				       .f_bfree = f.free_blocks,
				       .f_bavail = f.available_blocks,
				       .f_files = f.files,
				       .f_ffree = f.free_files,
				       .f_favail = f.available_files,
				       .f_namemax = f.name_max};
	return sftp_mend_named(place.at.path, rc);
}
