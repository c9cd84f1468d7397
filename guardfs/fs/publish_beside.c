/* publish_beside.c: see publish_beside.h. */
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
#include <stdlib.h>
#include <unistd.h>

#define XATTR_NAMES_ROOM 4096
#define XATTR_VALUE_ROOM 65536

/* ---- the name ---- */

static uint64_t instance;
static pthread_once_t instance_is_known = PTHREAD_ONCE_INIT;

/* The same after a restart, so that a leftover is overwritten; another machine has another. */
static void find_instance(void)
{
	char machine[256] = "";

	if (fd_read_file("/etc/machine-id", machine, sizeof(machine)) <= 0)
		(void)gethostname(machine, sizeof(machine) - 1);
	instance = hash_bytes(0, machine, strlen(machine));
	instance = hash_bytes(instance, fs.config->mountpoint, strlen(fs.config->mountpoint));
}

bool publish_beside_is_ours(const char *name)
{
	char original[STATEFILE_NAME_SIZE], ours[STATEFILE_NAME_SIZE];

	pthread_once(&instance_is_known, find_instance);
	statefile_of_beside(name, original);
	return statefile_is_beside(name) && statefile_beside(original, instance, ours) == 0 &&
	       strcmp(ours, name) == 0;
}

/* ---- what the old file has ---- */

static errint_t carry_mode(struct backend *b, const struct publication *p, int ref, const struct stat *made)
{
	unsigned set = 0;
	struct stat st;

	if (b->config->present_owner)
		return 0;
	if (made->st_uid != p->old.st_uid)
		set |= SET_UID;
	if (made->st_gid != p->old.st_gid)
		set |= SET_GID;
	if ((made->st_mode ^ p->old.st_mode) & 07777)
		set |= SET_MODE;
	return set ? b->ops->setattr(b, p->node, ref, &p->old, set, &st) : 0;
}

static errint_t carry_xattr(struct backend *b, uint32_t from, uint32_t to, const char *name, char *value)
{
	ssize_t n = b->ops->getxattr(b, from, name, value, XATTR_VALUE_ROOM);

	if (n == -ENODATA)
		return 0;
	return n < 0 ? (errint_t)n : b->ops->setxattr(b, to, name, value, (size_t)n, 0);
}

/* Over SFTP there are none. */
static errint_t carry_xattrs(struct backend *b, const struct publication *p, const char *beside,
			     const struct stat *made)
{
	CLEANUP_FREE char *list = malloc(XATTR_NAMES_ROOM + XATTR_VALUE_ROOM);
	struct node *node;
	ssize_t n = list ? b->ops->listxattr(b, p->node, list, XATTR_NAMES_ROOM) : -ENOMEM;
	errint_t rc = 0;

	if (n <= 0)
		return n == -EOPNOTSUPP || n == -ENOSYS ? 0 : (errint_t)n;
	node = node_intern_guarded(b, p->parent, beside, made, NODE_PINNED);
	if (!node)
		return -ENOMEM;
	for (const char *name = list; name < list + n && rc == 0; name += strlen(name) + 1)
		rc = carry_xattr(b, p->node, node_index(node), name, list + XATTR_NAMES_ROOM);
	node_unlinked(p->parent, beside);
	node_unpin(node);
	return rc;
}

static bool is_of_backend(errint_t rc)
{
	return rc < 0 && errclass_info(errclass_from_errno(-rc))->infrastructure;
}

static errint_t carry_over(struct backend *b, const struct publication *p, const char *beside, int ref,
			   const struct stat *made)
{
	errint_t rc = p->is_there ? carry_mode(b, p, ref, made) : 0;

	if (rc == 0 && p->is_there && b->config->type == BACKEND_DIR)
		rc = carry_xattrs(b, p, beside, made);
	return rc == 0 || is_of_backend(rc) ? rc : PUBLISH_IN_PLACE;
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

/* ---- putting it there ---- */

/* Guardian has told the caller of a failure: nothing more may be changed. */
static errint_t end_step(errint_t rc)
{
	return rc == 0 && call_answered() ? GUARD_POISONED : rc;
}

/* Before the file is closed, with all that it is to have. */
static errint_t fill_file(struct backend *b, const struct publication *p, const char *beside, int ref,
			  const struct stat *made)
{
	errint_t rc = end_step(carry_over(b, p, beside, ref, made));

	if (rc == 0)
		rc = end_step(draft_put(b, ref, p->content->data, p->content->size));
	if (rc == 0)
		rc = end_step(set_times(b, p, ref));
	return rc < 0 ? rc : end_step(publish_fsync(b, ref));
}

static errint_t make_file(struct backend *b, const struct publication *p, const char *beside)
{
	const struct node *node = &fs.arena->nodes[p->node];
	struct caller owner = {.uid = p->is_there ? p->old.st_uid : node->uid,
			       .gid = p->is_there ? p->old.st_gid : node->gid};
	mode_t mode = (p->is_there ? p->old.st_mode : node->mode) & 07777;
	struct found found;
	int ref = -1;
	errint_t rc = b->ops->create(b, p->parent, beside, O_RDWR | O_CREAT | O_TRUNC, mode, &owner, &found,
				     &ref),
		 closed;

	if (rc == -EACCES || rc == -EPERM || rc == -ENAMETOOLONG)
		return PUBLISH_IN_PLACE;
	if (rc == 0)
		rc = fill_file(b, p, beside, ref, &found.st);
	if (ref >= 0) {
		closed = b->ops->release(b, ref);
		rc = rc < 0 ? rc : closed;
	}
	return end_step(rc);
}

static bool is_connection_lost(errint_t rc)
{
	return errclass_info(errclass_from_errno(-rc))->trips;
}

/* sshfs says EIO where the server has posix-rename@openssh.com not, and many other things: does the server rename to a
 * free name? *beside is the file's name then. */
static bool renames_elsewhere(struct backend *b, const struct publication *p,
			      char beside[STATEFILE_NAME_SIZE])
{
	char spare[STATEFILE_NAME_SIZE];

	if (b->config->type != BACKEND_SSHFS || statefile_beside(p->name, ~instance, spare) < 0 ||
	    b->ops->rename(b, p->parent, beside, p->parent, spare, 0) < 0)
		return false;
	memcpy(beside, spare, sizeof(spare));
	return true;
}

/* Without that a server puts no file into the place of another. */
static errint_t rename_over(struct backend *b, const struct publication *p, char beside[STATEFILE_NAME_SIZE])
{
	errint_t rc = b->ops->rename(b, p->parent, beside, p->parent, p->name, 0);
	bool refused = rc == -EPERM || rc == -EEXIST || rc == -EACCES;

	return refused || (rc == -EIO && p->is_there && !call_answered() && renames_elsewhere(b, p, beside))
		   ? PUBLISH_IN_PLACE
		   : rc;
}

errint_t publish_beside(struct backend *b, const struct publication *p)
{
	char beside[STATEFILE_NAME_SIZE];
	errint_t rc;

	pthread_once(&instance_is_known, find_instance);
	if (statefile_beside(p->name, instance, beside) < 0 ||
	    atomic_load(&b->board->server_lacks) & 1u << SERVER_POSIX_RENAME)
		return PUBLISH_IN_PLACE;
	rc = end_step(publish_keep_readers(b, p->node));
	if (rc == 0)
		rc = make_file(b, p, beside);
	if (rc == 0)
		rc = rename_over(b, p, beside);
	/* A leftover is overwritten by the next one. */
	if (rc < 0 && rc != GUARD_POISONED && !is_connection_lost(rc))
		(void)b->ops->unlink(b, p->parent, beside);
	return rc;
}
