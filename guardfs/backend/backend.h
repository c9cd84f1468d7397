/* The vtable behind which storage lives.
 *
 * Called by fs/ in worker threads, any number at once. A guarded operation may hang for good, so nothing
 * below holds a lock across a call into storage. Functions return 0 (or a length) or the negative errno that
 * storage gave.
 *
 * Names are single components, checked by the caller: 1..255 bytes, no slash, no NUL, neither "." nor "..".
 * Nodes are indexes into the arena, of guarded backends in the backend's own tree; the caller keeps them
 * live. A "ref" is an open file's descriptor, or, of sftp, its number (handle_is_descriptor tells), stored in handle.fd
 * by the caller.
 *
 *   fs/ --> fault (filter, optional) --> local | dir | sshfs (dir over keeper's sshfs) | sftp */
#ifndef GUARDFS_BACKEND_BACKEND_H
#define GUARDFS_BACKEND_BACKEND_H

#include "base/base.h"
#include "shm/arena.h"
#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

/* A guarded node's name is gone, or leads to another file or type. Callers get ESTALE, and the kernel looks the name
 * up again. No trouble of the tier, unlike storage's own ESTALE. */
#define BACKEND_NODE_GONE (-EDOTDOT)

/* Of an append: later bytes of it are on storage, earlier ones are not, and nothing is to be appended behind them. */
#define BACKEND_APPEND_TORN (-EUCLEAN)

/* On whose behalf something is made. */
struct caller {
	uid_t uid;
	gid_t gid;
	pid_t pid;    /* thread id; 0: not visible in our pid namespace */
	mode_t umask; /* applied by the backend, below default ACLs (FUSE_DONT_MASK) */
};

/* Of a file of which nothing else is known of its room: as one without holes has it. Content with no blocks counts as nothing
 * but zeros (tar --sparse). */
static inline void backend_show_size(struct stat *st, off_t size)
{
	st->st_size = size;
	st->st_blocks = size / 512 + (size % 512 != 0);
}

/* An object found or made; fh_length 0: it has no file handle. */
struct found {
	struct stat st;
	/* Guarded: mode, owner and group that storage has, whatever st presents. Of lookup and create. */
	struct {
		mode_t mode;
		uid_t uid;
		gid_t gid;
	} stored;
	/* Of lookup that says ENOENT: the directory itself is there. Set to false before. */
	bool dir_is_there;
	bool mounted; /* local tier: on a file system mounted within */
	uint8_t fh_type;
	uint8_t fh_length;
	uint8_t fh[NODE_FH_MAX];
};

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
	SET_CTIME = 1 << 9, /* succeeds: storage keeps ctime itself */
};

/* Where a file ends, compared with a given end. */
enum backend_end { END_BEFORE, END_THERE, END_BEYOND };

struct backend;

/* Of the backend that began it. */
struct backend_write {
	void *link;
	int ticket;
	size_t size;
	/* Of a filter. */
	unsigned action;
	uint64_t number;
};

/* name: of length bytes; type: DT_*. False: stop. next_offset continues after the entry. st: its attributes, as
 * lookup would give them; NULL: none came. */
typedef bool (*readdir_fn)(void *arg, const char *name, size_t length, uint64_t ino, unsigned type,
			   int64_t next_offset, const struct stat *st);

struct backend_ops {
	const char *name;

	errint_t (*lookup)(struct backend *b, uint32_t parent, const char *name, struct found *found);
	/* Guarded: lookup of a name that was there before, past all caches. */
	errint_t (*find)(struct backend *b, uint32_t parent, const char *name, struct found *found);
	/* ref: an open file of the node, or -1. Nameless files have no other way. */
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
	/* holds_removed: files removed from it are open. Those kept there (backend_is_hidden) are moved away. */
	errint_t (*rmdir)(struct backend *b, uint32_t parent, const char *name, bool holds_removed);
	/* flags of renameat2(2) */
	errint_t (*rename)(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
			   const char *newname, unsigned flags);

	/* flags: open(2) without O_CREAT, O_NOCTTY; O_DIRECT and O_NONBLOCK do not reach storage. *ref is the
	 * caller's. */
	errint_t (*open)(struct backend *b, uint32_t node, int flags, int *ref);
	/* Opens ref's file, node's, once more, whatever its name is now. -EIO where storage goes by names and has
	 * none for it. *again is the caller's. */
	errint_t (*reopen)(struct backend *b, uint32_t node, int ref, int flags, int *again);
	/* flags hold O_CREAT, perhaps O_EXCL. */
	errint_t (*create)(struct backend *b, uint32_t parent, const char *name, int flags, mode_t mode,
			   const struct caller *c, struct found *found, int *ref);
	/* O_TMPFILE in directory parent, or -EOPNOTSUPP. */
	errint_t (*tmpfile)(struct backend *b, uint32_t parent, int flags, mode_t mode,
			    const struct caller *c, struct found *found, int *ref);
	/* All of size, or less at the end of the file only. The file is known to reach to end (0: unknown):
	 * if it seems to end before, storage is asked anew; with 0, storage is asked whether it serves. */
	ssize_t (*read)(struct backend *b, int ref, void *buf, size_t size, off_t offset, off_t end);
	/* Size, an error, or, if storage failed on the way, the bytes that landed. Through an O_APPEND ref it goes to
	 * the file's end. kill_priv as SET_KILL_PRIV. */
	ssize_t (*write)(struct backend *b, int ref, const void *buf, size_t size, off_t offset,
			 bool kill_priv);
	/* write by offset in two steps (backend.pipelines). begin: 0, then end returns as write does; or -errno,
	 * and nothing was begun. What is begun first goes to storage first. */
	errint_t (*begin_write)(struct backend *b, int ref, const void *buf, size_t size, off_t offset,
				struct backend_write *w);
	ssize_t (*end_write)(struct backend *b, int ref, struct backend_write *w);
	/* As write by offset, but returns once the transport has it (backend.hands_over); confirm tells
	 * whether it arrived. */
	ssize_t (*hand_over)(struct backend *b, int ref, const void *buf, size_t size, off_t offset);
	/* Waits until what ref handed over has arrived. An error says, once, that some has not. */
	errint_t (*confirm)(struct backend *b, int ref);
	errint_t (*flush)(struct backend *b, int ref);
	/* sftp: -EOPNOTSUPP: the server cannot be asked. sshfs says 0 then (board_backend.server_lacks). */
	errint_t (*fsync)(struct backend *b, int ref, bool data_only);
	errint_t (*release)(struct backend *b, int ref); /* the ref is gone whatever it returns */
	/* Guarded: gives up an unused ref of an ended epoch, without asking storage. */
	void (*drop)(struct backend *b, int ref);
	/* Where the file ends, past all caches. */
	errint_t (*find_end)(struct backend *b, int ref, off_t *end);
	/* Guarded: storage's present attributes of node's file, just opened as ref. Where storage goes by names they
	 * are those of the name's file: compare_end tells. BACKEND_NODE_GONE: no such name. */
	errint_t (*look)(struct backend *b, uint32_t node, int ref, struct stat *st);
	/* Guarded: an enum backend_end of the file open as ref for reading, or -errno. */
	errint_t (*compare_end)(struct backend *b, int ref, off_t end);
	errint_t (*fallocate)(struct backend *b, int ref, int mode, off_t offset, off_t length);
	off_t (*lseek)(struct backend *b, int ref, off_t offset, int whence); /* SEEK_DATA, SEEK_HOLE */
	/* Up to size bytes; 0: end of file. -EOPNOTSUPP: read and write instead. */
	ssize_t (*copy_range)(struct backend *b, int ref_in, off_t off_in, int ref_out, off_t off_out,
			      size_t size);

	errint_t (*opendir)(struct backend *b, uint32_t node, int *ref);
	/* From offset (0, or a next_offset) to the end or until emit returns false, with or without "." and
	 * "..". */
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
	const struct config_backend *config; /* as board */
	uint8_t index;			     /* as node.backend */
	bool keeps_pages;		     /* guarded: pages are kept over opens. Set before threads */
	bool hands_over;      /* acknowledges before storage has it: hand_over is quicker than write */
	bool pipelines;	      /* many writes to one file may be under way: begin_write */
	struct backend *next; /* of a filter: what it filters */
	void *state;	      /* the implementation's, in private memory */
};

/* Gives the thread a umask (0) and file system attributes of its own, so that a creation's do not leak into other
 * threads, and no supplementary groups. Every worker thread, before its first operation. */
void backend_thread_init(void);

/* The local tier over the directory root_fd, which the caller keeps open. *found describes the root, to
 * become node 0. Returns 0 or -errno. Before threads. */
errint_t backend_local_open(struct arena *arena, int root_fd, struct backend *b,
			    struct found *found) WARN_UNUSED;

/* Does sshfs give such names to files removed while open? Pure. */
bool backend_is_hidden(const char *name);

int backend_local_root_fd(const struct backend *b);

/* The O_PATH descriptor of the object last found by this thread, or -1; nothing else keeps an object without a file
 * handle. The caller's, for nodefd_offer(arena, node, 0, fd) once the node has its backend, flags and fh_length; else
 * the thread's next find or backend_end_request closes it. */
int backend_found_fd(void);
void backend_end_request(void);

/* The guarded backend of that index, within the fault filter if configured. Reached by board->root_fd and root_epoch;
 * without them every operation returns -ENOTCONN. Before threads. */
errint_t backend_open(struct arena *arena, unsigned index, struct backend *b) WARN_UNUSED;

/* Calls each for a guarded backend's descriptors that no record in the arena names. */
void backend_each_descriptor(const struct backend *b, void (*each)(void *arg, int fd), void *arg);

/* limit: of all nodes' cached O_PATH descriptors. Takes over a predecessor's from the arena, without pins.
 * Once, before the two above. */
errint_t nodefd_init(struct arena *arena, uint32_t limit) WARN_UNUSED;

/* For a node about to be freed. If a task still uses the descriptor the last one closes it; node.pins keeps
 * the record until then. */
void nodefd_drop(struct arena *arena, uint32_t node);

/* Closes descriptors of NODE_MOUNTED nodes unused since the last call. Twice a second, in a thread of its own: the
 * last one of a lazily unmounted file system waits for its disk. */
bool nodefd_has_mounted(void);
void nodefd_close_mounted(struct arena *arena);

/* Offers the cache a node's O_PATH descriptor of epoch (0: local tier); always consumes fd. */
void nodefd_offer(struct arena *arena, uint32_t node, uint32_t epoch, int fd);

#endif
