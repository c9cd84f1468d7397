#include "fs/publish_beside.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "fs/guard.h"
#include "fs/publish_io.h"
#include "fs/publish_readers.h"
#include "policy/errclass.h"
#include "policy/server.h"
#include "policy/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define XATTR_NAMES_ROOM 4096
#define XATTR_VALUE_ROOM 65536

/* The name's digits of machine and mount (docs/STATEFILES.md, "How"). */
static uint32_t instance;
static pthread_once_t instance_is_known = PTHREAD_ONCE_INIT;

static void find_instance(void)
{
	char machine[256] = "";
	uint64_t hash;

	if (fd_read_file("/etc/machine-id", machine, sizeof(machine)) <= 0)
		(void)gethostname(machine, sizeof(machine) - 1);
	hash = hash_bytes(0, machine, strlen(machine));
	hash = hash_bytes(hash, fs.config->mountpoint, strlen(fs.config->mountpoint));
	instance = (uint32_t)(hash ^ hash >> 32);
}

/* -ENAMETOOLONG. */
static errint_t name_anew(const char *name, uint64_t *id, char beside[STATEFILE_NAME_SIZE])
{
	uint32_t random;

	pthread_once(&instance_is_known, find_instance);
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random = (uint32_t)hash_bytes(call.unique, &(uint64_t){clock_mono_ns()}, sizeof(uint64_t));
	*id = (uint64_t)instance << 32 | random;
	return statefile_beside(name, *id, beside);
}

bool publish_beside_is_ours(const char *name)
{
	char ours[9];

	pthread_once(&instance_is_known, find_instance);
	snprintf(ours, sizeof(ours), "%08x", instance);
	return statefile_is_beside(name) && memcmp(name + strlen(name) - 16, ours, 8) == 0;
}

#define LEFT_MAX 16u

static struct {
	pthread_mutex_t lock;
	uint32_t n;
	struct left {
		uint32_t parent; /* pinned */
		char name[STATEFILE_NAME_SIZE];
	} left[LEFT_MAX];
} leftovers = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Where there are too many, a listing will come upon it (fs/leftovers.h). */
static void leave_for_later(uint32_t parent, const char *name)
{
	struct left *l;

	ACQUIRE_LOCK(&leftovers.lock);
	if (leftovers.n == LEFT_MAX)
		return;
	l = &leftovers.left[leftovers.n++];
	l->parent = parent;
	(void)copy_string(l->name, sizeof(l->name), name);
	node_pin(&fs.arena->nodes[parent]);
}

static bool take_left(const struct backend *b, struct left *l)
{
	ACQUIRE_LOCK(&leftovers.lock);
	for (uint32_t i = 0; i < leftovers.n; i++) {
		if (fs.arena->nodes[leftovers.left[i].parent].backend != b->index)
			continue;
		*l = leftovers.left[i];
		leftovers.left[i] = leftovers.left[--leftovers.n];
		return true;
	}
	return false;
}

static bool is_connection_lost(errint_t rc)
{
	return rc < 0 && rc != GUARD_POISONED && errclass_info(errclass_from_errno(-rc))->trips;
}

static void remove_left(struct backend *b)
{
	errint_t rc = 0;
	struct left l;

	while (!is_connection_lost(rc) && !call_is_late() && take_left(b, &l)) {
		rc = b->ops->unlink(b, l.parent, l.name);
		if (is_connection_lost(rc))
			leave_for_later(l.parent, l.name);
		node_unpin(&fs.arena->nodes[l.parent]);
	}
}

/* A worker has died meanwhile: the next one does it again. */
static void remove_unfinished(struct backend *b, const struct publication *p)
{
	uint64_t id = atomic_load(&p->h->draft_beside);
	char beside[STATEFILE_NAME_SIZE];

	if (id && statefile_beside(p->name, id, beside) == 0)
		(void)b->ops->unlink(b, p->parent, beside);
}

/* Presented owner and mode cannot be set (docs/STATEFILES.md, "What is no rewriting"). */
static bool is_made_like(const struct publication *p, const struct found *made)
{
	return made->stored.uid == p->old.stored.uid && made->stored.gid == p->old.stored.gid &&
	       !(made->stored.mode & ~p->old.stored.mode & 07777);
}

static errint_t carry_mode(struct backend *b, const struct publication *p, int ref, const struct found *made)
{
	const struct stat *old = &p->old.st;
	unsigned set = 0;
	struct stat st;

	if (b->config->present_owner)
		return is_made_like(p, made) ? 0 : PUBLISH_IN_PLACE;
	if (made->st.st_uid != old->st_uid)
		set |= SET_UID;
	if (made->st.st_gid != old->st_gid)
		set |= SET_GID;
	if ((made->st.st_mode ^ old->st_mode) & 07777)
		set |= SET_MODE;
	return set ? b->ops->setattr(b, p->node, ref, old, set, &st) : 0;
}

static bool is_in_list(const char *list, ssize_t n, const char *name)
{
	for (const char *at = list; at < list + n; at += strlen(at) + 1)
		if (strcmp(at, name) == 0)
			return true;
	return false;
}

static errint_t carry_xattr(struct backend *b, uint32_t from, uint32_t to, const char *name, char *value)
{
	ssize_t n = b->ops->getxattr(b, from, name, value, XATTR_VALUE_ROOM);

	if (n == -ENODATA)
		return 0;
	return n < 0 ? (errint_t)n : b->ops->setxattr(b, to, name, value, (size_t)n, 0);
}

struct xattrs {
	char old[XATTR_NAMES_ROOM], made[XATTR_NAMES_ROOM], value[XATTR_VALUE_ROOM];
};

/* The directory's default ACL has come with the file: it must let in nobody whom the old one did not. */
static errint_t take_away_more(struct backend *b, struct xattrs *x, ssize_t n_old, uint32_t made)
{
	ssize_t n = b->ops->listxattr(b, made, x->made, sizeof(x->made));
	errint_t rc = n < 0 ? (errint_t)n : 0;

	for (const char *name = x->made; rc == 0 && name < x->made + n; name += strlen(name) + 1)
		if (!is_in_list(x->old, n_old, name))
			rc = b->ops->removexattr(b, made, name);
	return rc;
}

/* Over SFTP there are none. */
static errint_t carry_xattrs(struct backend *b, const struct publication *p, const struct stat *made)
{
	CLEANUP_FREE struct xattrs *x = malloc(sizeof(*x));
	ssize_t n = x ? b->ops->listxattr(b, p->node, x->old, sizeof(x->old)) : -ENOMEM;
	struct node *node;
	errint_t rc;

	if (n < 0)
		return n == -EOPNOTSUPP || n == -ENOSYS ? 0 : (errint_t)n;
	node = node_intern_guarded(b, p->parent, p->beside, made, NODE_PINNED);
	if (!node)
		return -ENOMEM;
	rc = take_away_more(b, x, n, node_index(node));
	for (const char *name = x->old; rc == 0 && name < x->old + n; name += strlen(name) + 1)
		rc = carry_xattr(b, p->node, node_index(node), name, x->value);
	node_unlinked(p->parent, p->beside);
	node_unpin(node);
	return rc;
}

/* Storage lets nobody give it to another file. Nothing else is a reason to write over the file itself. */
static bool is_refused(errint_t rc)
{
	return rc == -EPERM || rc == -EACCES || rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EINVAL ||
	       rc == -ERANGE || rc == -E2BIG;
}

/* Before it has any content. */
static errint_t carry_over(struct backend *b, const struct publication *p, int ref, const struct found *made)
{
	errint_t rc = p->is_there ? carry_mode(b, p, ref, made) : 0;

	if (rc == 0 && p->is_there && backend_is_plain(b->config->type))
		rc = carry_xattrs(b, p, &made->st);
	return is_refused(rc) ? PUBLISH_IN_PLACE : rc;
}

static struct timespec time_of(int64_t ns)
{
	return (struct timespec){(time_t)(ns / (int64_t)NSEC_PER_SEC), (long)(ns % (int64_t)NSEC_PER_SEC)};
}

static errint_t set_times(struct backend *b, const struct publication *p, int ref)
{
	int64_t mtime_ns = p->content->mtime_ns, atime_ns = p->content->atime_ns;
	unsigned set = (mtime_ns != INT64_MIN ? SET_MTIME : 0) | (atime_ns != INT64_MIN ? SET_ATIME : 0);
	struct stat want = {.st_mode = 0}, st;

	if (!set)
		return 0;
	want.st_mtim = time_of(mtime_ns);
	want.st_atim = time_of(atime_ns);
	return b->ops->setattr(b, p->node, ref, &want, set, &st);
}

/* Guardian has told the caller of a failure, or is about to: nothing more may be changed. */
static errint_t end_step(errint_t rc)
{
	return rc == 0 && call_is_late() ? GUARD_POISONED : rc;
}

static errint_t fill_file(struct backend *b, const struct publication *p, int ref, const struct found *made)
{
	errint_t rc = end_step(carry_over(b, p, ref, made));

	if (rc == 0)
		rc = end_step(draft_put(b, ref, p->content->data, p->content->size));
	if (rc == 0)
		rc = end_step(set_times(b, p, ref));
	return rc < 0 ? rc : end_step(publish_fsync(b, ref));
}

static mode_t mode_of(const struct backend *b, const struct publication *p)
{
	mode_t known = fs.arena->nodes[p->node].mode;

	if (!p->is_there)
		return known & (b->config->present_owner ? 0700 : 07777);
	return (b->config->present_owner ? p->old.stored.mode : p->old.st.st_mode) & 07777;
}

/* Made by nobody else. The name is noted first: a dying worker leaves it to the next one. */
static errint_t make_file(struct backend *b, struct publication *p, int *ref)
{
	const struct node *node = &fs.arena->nodes[p->node];
	struct caller owner = {.uid = p->is_there ? p->old.st.st_uid : node->uid,
			       .gid = p->is_there ? p->old.st.st_gid : node->gid};
	struct found found;
	uint64_t id;
	errint_t rc;

	remove_unfinished(b, p);
	rc = name_anew(p->name, &id, p->beside);
	if (rc < 0) {
		p->beside[0] = '\0';
		return PUBLISH_IN_PLACE;
	}
	atomic_store(&p->h->draft_beside, id);
	rc = b->ops->create(b, p->parent, p->beside, O_RDWR | O_CREAT | O_EXCL, mode_of(b, p), &owner, &found,
			    ref);
	if (rc == 0)
		return fill_file(b, p, *ref, &found);
	if (!is_connection_lost(rc))
		p->beside[0] = '\0';
	return rc == -EACCES || rc == -EPERM || rc == -ENAMETOOLONG ? PUBLISH_IN_PLACE : rc;
}

/* sshfs says EIO where the server lacks posix-rename@openssh.com, and for much else: does the server
 * rename to a free name? */
static bool renames_elsewhere(struct backend *b, struct publication *p)
{
	char spare[STATEFILE_NAME_SIZE];
	uint64_t id;

	if (b->config->type != BACKEND_SSHFS || name_anew(p->name, &id, spare) < 0 ||
	    b->ops->rename(b, p->parent, p->beside, p->parent, spare, 0) < 0)
		return false;
	atomic_store(&p->h->draft_beside, id);
	memcpy(p->beside, spare, sizeof(spare));
	return true;
}

/* Without that a server replaces no file by another. */
static errint_t rename_over(struct backend *b, struct publication *p)
{
	errint_t rc = b->ops->rename(b, p->parent, p->beside, p->parent, p->name, 0);
	bool refused = rc == -EPERM || rc == -EEXIST || rc == -EACCES;

	if (rc == 0)
		p->beside[0] = '\0';
	p->is_replaced = rc == 0;
	return refused || (rc == -EIO && p->is_there && !call_is_late() && renames_elsewhere(b, p))
		   ? PUBLISH_IN_PLACE
		   : rc;
}

/* A close may have something to say of what was written. A sync after the rename makes that durable
 * (docs/STATEFILES.md, "How"): over SFTP no directory can be synced. */
static errint_t replace_with(struct backend *b, struct publication *p, int ref)
{
	errint_t rc = 0, closed;

	if (!p->durable) {
		rc = end_step(b->ops->release(b, ref));
		return rc < 0 ? rc : rename_over(b, p);
	}
	rc = end_step(b->ops->flush(b, ref));
	if (rc == 0)
		rc = rename_over(b, p);
	if (rc == 0)
		rc = publish_fsync(b, ref);
	closed = b->ops->release(b, ref);
	return rc < 0 ? rc : closed;
}

errint_t publish_beside(struct backend *b, struct publication *p)
{
	int ref = -1;
	errint_t rc;

	if (atomic_load(&b->board->server_lacks) & 1u << SERVER_POSIX_RENAME)
		return PUBLISH_IN_PLACE;
	remove_left(b);
	rc = end_step(publish_readers_begin(b, p->node, &p->readers));
	if (rc == 0)
		rc = make_file(b, p, &ref);
	if (rc == 0)
		return replace_with(b, p, ref);
	if (ref >= 0)
		b->ops->release(b, ref);
	return rc;
}

void publish_beside_end(struct backend *b, struct publication *p, errint_t rc)
{
	if (p->beside[0] && !is_connection_lost(rc))
		rc = b->ops->unlink(b, p->parent, p->beside);
	/* The same handle does it again; or nobody does. */
	if (p->beside[0] && is_connection_lost(rc))
		leave_for_later(p->parent, p->beside);
	p->beside[0] = '\0';
	if (!is_connection_lost(rc))
		atomic_store(&p->h->draft_beside, 0);
	publish_readers_end(&p->readers, p->is_replaced);
}
