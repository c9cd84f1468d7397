/* backend.h: the vtable behind which storage lives, and its contract.
 *
 * Called by fs/ in worker threads, any number at once. An operation on a guarded backend may hang for good:
 * fs/guard.c has then published a deadline and guardian answers the caller; nothing below this interface
 * holds a lock across a call into storage. Every function returns 0 (or a length) or a negative errno as
 * storage gave it: classification and mapping to EIO happen above (fs/guard.c). BACKEND_NODE_GONE alone is
 * not storage's.
 *
 * Names are single components, checked by the caller: 1..255 bytes, no slash, no NUL, neither "." nor "..".
 * Nodes are indexes into the arena, of guarded backends those of the backend's own tree (fs/view.h); the
 * caller keeps them live during the call. How a node is reached (file handle, path walk, cached descriptor)
 * is the backend's affair. A "ref" stands for an open file: a descriptor number here; it is stored in
 * handle.fd by the caller.
 *
 *   fs/ --> fault (filter, optional) --> local | dir | sshfs (dir over keeper's sshfs) | later: sftp
 */
#ifndef GUARDFS_BACKEND_BACKEND_H
#define GUARDFS_BACKEND_BACKEND_H

#include "base/base.h"
#include "shm/arena.h"
#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

/* A guarded node that is no more: its name was taken away or given to another file, or something of another
 * type stands there. Callers get ESTALE, upon which the kernel looks the name up again: a file that is
 * replaced while it is opened is no trouble of the tier. (An ESTALE of storage is.) */
#define BACKEND_NODE_GONE (-EDOTDOT)

/* On whose behalf something is created. */
struct caller {
	uid_t uid;
	gid_t gid;
	pid_t pid;    /* thread id of the caller; 0 if it is not visible in our pid namespace */
	mode_t umask; /* applied by the backend, below default ACLs (the kernel does not: FUSE_DONT_MASK) */
};

/* An object found or made: its attributes and, on the local tier, its file handle (fh_length 0: this file
 * system has none). */
struct found {
	struct stat st;
	bool mounted; /* local tier: it lies on another file system, mounted within the tier */
	uint8_t fh_type;
	uint8_t fh_length;
	uint8_t fh[NODE_FH_MAX];
};

/* setattr: which fields of the wanted struct stat apply. */
enum set_attr {
	SET_MODE = 1 << 0,
	SET_UID = 1 << 1,
	SET_GID = 1 << 2,
	SET_SIZE = 1 << 3,
	SET_ATIME = 1 << 4,
	SET_MTIME = 1 << 5,
	SET_ATIME_NOW = 1 << 6,
	SET_MTIME_NOW = 1 << 7,
	/* Also drop set-user-id, set-group-id (if group-executable) and capabilities. */
	SET_KILL_PRIV = 1 << 8,
	SET_CTIME = 1 << 9, /* nothing to do but succeed; storage keeps ctime itself */
};

/* Where a file ends, compared with a given end. */
enum backend_end { END_BEFORE, END_THERE, END_BEYOND };

struct backend;

/* Directory entry as read from storage; name is not terminated to a bound, type is DT_*. Return false to
 * stop. next_offset continues after it. */
typedef bool (*readdir_fn)(void *arg, const char *name, size_t length, uint64_t ino, unsigned type,
			   int64_t next_offset);

struct backend_ops {
	const char *name;

	errint_t (*lookup)(struct backend *b, uint32_t parent, const char *name, struct found *found);
	/* Guarded backends: the same, of a name that was there before: asked of storage itself, for caches on
	 * the way may still have what another client has removed. */
	errint_t (*find)(struct backend *b, uint32_t parent, const char *name, struct found *found);
	/* ref: an open file of the node, or -1. For files without a name it is the only way. */
	errint_t (*getattr)(struct backend *b, uint32_t node, int ref, struct stat *st);
	errint_t (*setattr)(struct backend *b, uint32_t node, int ref, const struct stat *want, unsigned set,
			    struct stat *st);
	ssize_t (*readlink)(struct backend *b, uint32_t node, char *buf, size_t size);

	errint_t (*mkdir)(struct backend *b, uint32_t parent, const char *name, mode_t mode,
			  const struct caller *c, struct found *found);
	errint_t (*mknod)(struct backend *b, uint32_t parent, const char *name, mode_t mode, dev_t rdev,
			  const struct caller *c, struct found *found);
	errint_t (*symlink)(struct backend *b, const char *target, uint32_t parent, const char *name,
			    const struct caller *c, struct found *found);
	errint_t (*link)(struct backend *b, uint32_t node, uint32_t parent, const char *name,
			 struct found *found);
	errint_t (*unlink)(struct backend *b, uint32_t parent, const char *name);
	/* holds_removed: files that were removed from the directory are still open. Where storage keeps them
	 * there under names of its own (backend_is_hidden), they are taken out of the way. */
	errint_t (*rmdir)(struct backend *b, uint32_t parent, const char *name, bool holds_removed);
	/* flags: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT */
	errint_t (*rename)(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
			   const char *newname, unsigned flags);

	/* Neither O_DIRECT nor O_NONBLOCK reaches storage: the kernel has bypassed its cache already, and
	 * buffers need no alignment. flags: open(2), already without O_CREAT, O_NOCTTY; may hold O_APPEND,
	 * O_TRUNC, O_DIRECT, O_SYNC. *ref is the caller's to release. */
	errint_t (*open)(struct backend *b, uint32_t node, int flags, int *ref);
	/* The file that is open as ref once more, with these flags, whatever has become of its name. -EIO
	 * where storage goes by names and has none for it any more. *again is the caller's to release. */
	errint_t (*reopen)(struct backend *b, int ref, int flags, int *again);
	/* flags hold O_CREAT and possibly O_EXCL. */
	errint_t (*create)(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
			   const struct caller *c, struct found *found, int *ref);
	/* An unnamed file in directory parent (O_TMPFILE). -EOPNOTSUPP where there is none. */
	errint_t (*tmpfile)(struct backend *b, uint32_t parent, int flags, mode_t mode,
			    const struct caller *c, struct found *found, int *ref);
	/* All of size, less only at the end of the file, or an error. end: up to where the file is known to
	 * reach: where it seems to end before, storage is asked anew. 0: unknown; where it seems to end,
	 * storage is asked whether it serves. */
	ssize_t (*read)(struct backend *b, int ref, void *buf, size_t size, off_t offset, off_t end);
	/* A short write is continued until something is known: size, or an error, or, if storage failed on
	 * the way (full disk), the bytes that did land: the caller must report that count. Through a ref that
	 * was opened with O_APPEND it goes to the end that the file has then, wherever offset is. kill_priv
	 * as SET_KILL_PRIV. */
	ssize_t (*write)(struct backend *b, int ref, const void *buf, size_t size, off_t offset,
			 bool kill_priv);
	/* As write by offset, but (backend.hands_over) handed over to the transport and not yet known to have
	 * arrived: confirm tells. */
	ssize_t (*hand_over)(struct backend *b, int ref, const void *buf, size_t size, off_t offset);
	/* Waits until all that was handed over through ref before has arrived. An error says that some of it
	 * has not, and is said once. */
	errint_t (*confirm)(struct backend *b, int ref);
	errint_t (*flush)(struct backend *b, int ref);
	errint_t (*fsync)(struct backend *b, int ref, bool data_only);
	errint_t (*release)(struct backend *b,
			    int ref); /* file or directory; the ref is gone whatever it returns */
	/* Gives up a ref of an epoch that has ended, which no task uses any more: storage is asked nothing. Guarded
	 * backends. */
	void (*drop)(struct backend *b, int ref);
	/* Where the file ends, as storage says now: no cache is asked. */
	errint_t (*find_end)(struct backend *b, int ref, off_t *end);
	/* Guarded backends: attributes of node's file, just opened as ref, as storage has them now.
	 * Where storage goes by names, they are those of whatever has the file's name: compare_end tells.
	 * BACKEND_NODE_GONE if nothing has it any more. */
	errint_t (*look)(struct backend *b, uint32_t node, int ref, struct stat *st);
	/* Guarded backends: where the file that is open as ref for reading ends, whatever has its name: an
	 * enum backend_end, or -errno. */
	errint_t (*compare_end)(struct backend *b, int ref, off_t end);
	errint_t (*fallocate)(struct backend *b, int ref, int mode, off_t offset, off_t length);
	off_t (*lseek)(struct backend *b, int ref, off_t offset, int whence); /* SEEK_DATA, SEEK_HOLE */
	/* Up to size bytes; 0: the end of the file. -EOPNOTSUPP: to be read and written instead. */
	ssize_t (*copy_range)(struct backend *b, int ref_in, off_t off_in, int ref_out, off_t off_out,
			      size_t size);

	errint_t (*opendir)(struct backend *b, uint32_t node, int *ref);
	/* Entries from offset (0: start; else a next_offset) until emit returns false or the end. "." and
	 * ".." may be left out or given. */
	errint_t (*readdir)(struct backend *b, int ref, int64_t offset, readdir_fn emit, void *arg);

	ssize_t (*getxattr)(struct backend *b, uint32_t node, const char *name, void *value, size_t size);
	errint_t (*setxattr)(struct backend *b, uint32_t node, const char *name, const void *value,
			     size_t size, int flags);
	ssize_t (*listxattr)(struct backend *b, uint32_t node, char *list, size_t size);
	errint_t (*removexattr)(struct backend *b, uint32_t node, const char *name);

	errint_t (*statfs)(struct backend *b, uint32_t node, struct statvfs *st);
};

struct backend {
	const struct backend_ops *ops;
	struct arena *arena;
	struct board_backend *board;	     /* NULL: the local tier */
	const struct config_backend *config; /* NULL: the local tier */
	uint8_t index;			     /* as node.backend; NODE_LOCAL for the local tier */
	bool keeps_pages; /* guarded: its options ask for pages to be kept over opens. Set before threads */
	bool hands_over;  /* its transport acknowledges before storage has: hand_over is quicker than write */
	struct backend *next; /* filter: what it filters */
	void *state;	      /* private to the implementation, worker's memory */
};

/* Gives the calling thread its own umask (0) and file system attributes, without which creation on behalf of
 * a caller would leak into other threads, and drops its supplementary groups. Every worker thread, once,
 * before its first operation. */
void backend_thread_init(void);

/* The local tier over the directory that root_fd is open for reading on; the caller keeps it open for as long
 * as the backend is used. *found describes the root, which must become node 0. Frees nothing on error;
 * returns -errno. Worker, before threads. */
errint_t backend_local_open(struct arena *arena, int root_fd, struct backend *b,
			    struct found *found) WARN_UNUSED;

/* Is this a name that sshfs gives to a file which was removed while it was open? Pure. */
bool backend_is_hidden(const char *name);

/* root_fd. */
int backend_local_root_fd(const struct backend *b);

/* Objects of the local tier without a file handle (found.fh_length == 0: another file system is mounted
 * there, or this one has no handles) can only be kept by a descriptor: the O_PATH descriptor of the object
 * that this thread's last operation found, -1: none. It is then the caller's, to be given to
 * nodefd_offer(arena, node, 0, fd) as soon as the node exists with its backend, flags and fh_length. Left
 * alone, it is closed by the thread's next find, or by backend_end_request: a thread without a request keeps
 * nothing open. */
int backend_found_fd(void);
void backend_end_request(void);

/* A guarded directory backend: dir or sshfs, with the fault filter around it if configured (then *b is the
 * filter). Reaches nothing by itself: board->root_fd and root_epoch tell where the root is; without a root
 * every operation returns -ENOTCONN. Worker, before threads. */
errint_t backend_dir_open(struct arena *arena, unsigned index, struct backend *b) WARN_UNUSED;

/* Hard upper bound on cached O_PATH descriptors of nodes, over all backends. Call once before the two above.
 * Rebuilds the list of cached descriptors from the arena (a predecessor's), with pins reset. */
errint_t nodefd_init(struct arena *arena, uint32_t limit) WARN_UNUSED;

/* Drops the cached descriptor of a node about to be freed (closes it unless a task still uses it; then the
 * last one does: the record must not be used for another node before node.fd is 0 again, which node.pins
 * ensures). fs/node.c. */
void nodefd_drop(struct arena *arena, uint32_t node);

/* Closes descriptors of nodes on file systems mounted within a tier (NODE_MOUNTED) that were not used since
 * the last call: twice a second. Closing the last one of a file system that was unmounted lazily waits for
 * its disk: in a thread of its own. nodefd_has_mounted: is there anything to be done? */
bool nodefd_has_mounted(void);
void nodefd_close_mounted(struct arena *arena);

/* Offers an O_PATH descriptor that somebody just opened for node at epoch (0: local tier) to the cache;
 * always consumes fd. */
void nodefd_offer(struct arena *arena, uint32_t node, uint32_t epoch, int fd);

#endif
