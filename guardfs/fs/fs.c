/* The core put together: backends, root node, table of operations, interrupts. */
#include "fs/fs.h"
#include "base/fd.h"
#include "base/log.h"
#include "fs/attr.h"
#include "fs/behind.h"
#include "fs/checkpoint.h"
#include "fs/dir.h"
#include "fs/fsync.h"
#include "fs/halfway.h"
#include "fs/handle.h"
#include "fs/io.h"
#include "fs/jobs.h"
#include "fs/look.h"
#include "fs/lookup.h"
#include "fs/make.h"
#include "fs/node.h"
#include "fs/open.h"
#include "fs/publish.h"
#include "fs/publish_last.h"
#include "fs/room.h"
#include "fs/shares.h"
#include "fs/sync.h"
#include "fs/tiers.h"
#include "fs/view.h"
#include "fs/wire.h"
#include "fs/xattr.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* A quarter of all descriptors, at most this many. */
#define NODE_FDS_MAX 4096u

static void describe_local_root(struct node *root, const struct found *found)
{
	root->backend = NODE_LOCAL;
	root->mode = found->st.st_mode;
	root->ino = found->st.st_ino;
	root->fh_type = found->fh_type;
	root->fh_length = found->fh_length;
	memcpy(root->fh, found->fh, sizeof(root->fh));
}

/* By the first worker; its id is FUSE_ROOT_ID. */
static void make_root(const struct found *found)
{
	struct node *root = &fs.arena->nodes[0];

	root->parent = NODE_NONE;
	if (fs.root)
		view_mount_root(fs.root, root);
	else
		describe_local_root(root, found);
	if (atomic_load(&root->state) == NODE_LIVE)
		return;
	root->generation = 0;
	atomic_store(&root->nlookup, 1);
	atomic_store(&fs.arena->nodes_used, 1);
	atomic_store(&root->state, NODE_LIVE);
}

static uint64_t open_files_limit(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 1024 : MIN(limit.rlim_cur, (rlim_t)1 << 24);
}

errint_t fs_init(struct arena *arena, int dev_fd)
{
	uint64_t nofile = open_files_limit();
	uint32_t cached = (uint32_t)MIN(nofile / 4, (uint64_t)NODE_FDS_MAX);
	struct found root = {0};
	errint_t rc;

	fs.arena = arena;
	fs.board = &arena->board;
	fs.config = &arena->board.config;
	fs.dev_fd = dev_fd;
	rc = nodefd_init(arena, cached);
	if (rc == 0)
		rc = backend_local_open(arena, fs.board->fds.local, &fs.local, &root);
	if (rc < 0) {
		log_error("cannot open the local tier %s: %s", fs.config->local, strerror(-rc));
		return rc;
	}
	shares_init(nofile, cached, root.fh_length > 0, room_to_share());
	for (uint32_t i = 0; i < fs.config->n_backends && rc == 0; i++) {
		atomic_store(&fs.board->backends[i].inflight, 0);
		atomic_store(&fs.board->backends[i].parked, 0);
		rc = backend_open(arena, i, &fs.guarded[i]);
	}
	if (config_root_backend(fs.config) >= 0)
		fs.root = &fs.guarded[config_root_backend(fs.config)];
	make_root(&root);
	if (rc == 0)
		rc = node_init();
	if (rc == 0)
		rc = look_init();
	if (rc == 0)
		rc = handle_init();
	if (rc == 0) {
		halfway_init();
		behind_init();
		publish_last_init();
		checkpoint_init();
		jobs_init();
		tiers_init();
	}
	return rc;
}

void fs_refresh_tiers(void)
{
	tiers_refresh();
}

void fs_epoch_changed(unsigned backend)
{
	handle_sweep(backend);
}

void fs_close_waiting(unsigned backend)
{
	if (handle_is_unclosed(backend))
		handle_sweep(backend);
}

/* The caller does not look at the answer, and cannot die while it waits. */
static bool is_being_killed(uint32_t pid)
{
	char path[32], status[4096];
	static const char *const keys[] = {"\nSigPnd:", "\nShdPnd:"};

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	if (!pid || fd_read_file(path, status, sizeof(status)) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *at = strstr(status, keys[i]);

		if (at && strtoull(at + strlen(keys[i]), NULL, 16) & 1ull << (SIGKILL - 1))
			return true;
	}
	return false;
}

/* Between two looks the slot may have got another request: its unique tells. */
static void note_killed_close(const struct slot *slot, const struct wire_request *r, uint64_t unique)
{
	const uint8_t *buffer = arena_slot_buffer(fs.arena, slot);
	uint64_t fh;

	if (wire_is_complete(buffer, r) && wire_flush_of(buffer, &fh) && wire_unique(buffer) == unique)
		publish_killed(fh, r->pid);
}

/* A task inside counts as late: nobody waits for it. */
static void answer_eintr(struct slot *slot, uint64_t unique)
{
	uint8_t out[64];
	uint32_t parked = SLOT_PARKED, backend = atomic_load(&slot->backend);
	size_t n = wire_error_reply(out, unique, EINTR);
	bool taken = atomic_compare_exchange_strong(&slot->state, &parked, SLOT_RUNNING);
	bool same = wire_unique(arena_slot_buffer(fs.arena, slot)) == unique;

	if (same) {
		atomic_store(&slot->answered, unique);
		if (!taken && backend < CONFIG_BACKENDS_MAX)
			atomic_fetch_add(&fs.board->backends[backend].late, 1); /* until guardian counts */
		if (write(fs.dev_fd, out, n) > 0 && taken)
			lookup_forget_promised(slot);
	}
	if (taken)
		atomic_store(&slot->state, same ? SLOT_EXPIRED : SLOT_PARKED);
}

/* By slot; 0: none. A new worker knows none: those callers wait for their deadlines. */
static _Atomic uint64_t interrupted[SLOT_MAX];
static _Atomic uint32_t n_interrupted;

static bool answer_if_killed(struct slot *slot, uint64_t unique)
{
	uint32_t state = atomic_load(&slot->state);
	struct wire_request r;

	if ((state != SLOT_RUNNING && state != SLOT_PARKED) ||
	    wire_parse(arena_slot_buffer(fs.arena, slot), slot->length, &r) < 0 || !is_being_killed(r.pid))
		return false;
	note_killed_close(slot, &r, unique);
	answer_eintr(slot, unique);
	return true;
}

void fs_interrupt(const uint8_t *buffer)
{
	uint64_t unique = wire_interrupted(buffer);

	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		struct slot *slot = &fs.arena->slots[i];

		if (wire_unique(arena_slot_buffer(fs.arena, slot)) != unique)
			continue;
		if (!answer_if_killed(slot, unique) && atomic_exchange(&interrupted[i], unique) == 0)
			atomic_fetch_add(&n_interrupted, 1);
		return;
	}
}

void fs_interrupted_tick(void)
{
	if (!atomic_load(&n_interrupted))
		return;
	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		struct slot *slot = &fs.arena->slots[i];
		uint64_t unique = atomic_load(&interrupted[i]);

		if (!unique || (wire_unique(arena_slot_buffer(fs.arena, slot)) == unique &&
				!answer_if_killed(slot, unique)))
			continue;
		if (atomic_compare_exchange_strong(&interrupted[i], &unique, 0))
			atomic_fetch_sub(&n_interrupted, 1);
	}
}

static void negotiate(void *userdata, struct fuse_conn_info *conn)
{
	static const unsigned wanted =
	    FUSE_CAP_ASYNC_READ | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_DONT_MASK |
	    FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ASYNC_DIO |
	    FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_IOCTL_DIR;
	/* With it the kernel checks permissions, whatever was mounted. */
	static const unsigned of_permissions = FUSE_CAP_POSIX_ACL;

	(void)userdata;
	/* Locks stay with the kernel and survive a worker. Without writeback cache an acknowledged write has
	 * reached storage. */
	conn->want = conn->capable & (wanted | (fs.config->check_permissions ? of_permissions : 0));
	conn->max_write = 1024 * 1024;
	conn->max_background = 65535;
	conn->congestion_threshold = 65535;
	conn->time_gran = 1;
	conn->max_readahead = MAX(conn->max_readahead, 1024u * 1024);
}

const struct fuse_lowlevel_ops fs_ops = {
    .init = negotiate,
    .lookup = fs_lookup,
    .forget = fs_forget,
    .forget_multi = fs_forget_multi,
    .getattr = fs_getattr,
    .access = fs_access,
    .setattr = fs_setattr,
    .readlink = fs_readlink,
    .mknod = fs_mknod,
    .mkdir = fs_mkdir,
    .unlink = fs_unlink,
    .rmdir = fs_rmdir,
    .symlink = fs_symlink,
    .rename = fs_rename,
    .link = fs_link,
    .open = fs_open,
    .create = fs_create,
    .read = fs_read,
    .write = fs_write,
    .flush = fs_flush,
    .release = fs_release,
    .fsync = fs_fsync,
    .opendir = fs_opendir,
    .readdir = fs_readdir,
    .readdirplus = fs_readdirplus,
    .releasedir = fs_releasedir,
    .fsyncdir = fs_fsyncdir,
    .statfs = fs_statfs,
    .getxattr = fs_getxattr,
    .setxattr = fs_setxattr,
    .listxattr = fs_listxattr,
    .removexattr = fs_removexattr,
    .fallocate = fs_fallocate,
    .lseek = fs_lseek,
    .copy_file_range = fs_copy_file_range,
    .ioctl = fs_ioctl,
};
