/* move.h: guardctl tier move: a job changes its tier while its path stays. docs/TIERMOVE.md has the steps,
 * and what a crash leaves in each. One process, one thread; private to guardctl. */
#ifndef GUARDFS_CTL_MOVE_H
#define GUARDFS_CTL_MOVE_H

#include "config/tiermap.h"
#include "ctl/ctl.h"

#define MOVE_LOCAL	  "local"
#define MOVE_ID_SIZE	  17
#define MOVE_OLD_PREFIX	  ".guardfs-old-"
#define MOVE_NEW_PREFIX	  ".guardfs-move-"
#define MOVE_STAGING_SIZE (sizeof(MOVE_NEW_PREFIX) + MOVE_ID_SIZE)
#define MOVE_FILE_MAX	  16384 /* largest file of a move that is read */
#define MOVE_NAME_MAX	  512	/* "changed: PATH", cut off */

/* ---- journal.c: the small file of its progress ---- */

enum move_step {
	MOVE_COPYING,
	MOVE_PLACING,
	MOVE_SWITCHED,
	MOVE_DONE,
	MOVE_DISCARDING,
	MOVE_ABORTING,
	MOVE_STEP_COUNT
};

/* The tier ("local" or a backend's name), and the path below its root. */
struct move_end {
	char tier[CONFIG_NAME_MAX];
	char path[CONFIG_PATH_MAX];
};

struct move {
	enum move_step step;
	/* Relative to the mount. */
	char job[CONFIG_PATH_MAX];
	struct move_end from, to;
	/* Place of the old copy on from's tier. */
	char old[CONFIG_PATH_MAX];
	/* The old copy was changed after the comparison. */
	bool late;
	/* Seconds since the epoch. */
	int64_t started;
	/* As compared; 0: not yet. */
	uint64_t files, bytes;
};

const char *move_step_name(enum move_step step);

/* Pure. Hostile text: each field once, in order, paths as in routes, exactly one end local. 0 or -EINVAL. */
errint_t move_parse(const char *text, size_t n, struct move *m) WARN_UNUSED;

/* The reverse, terminated; -ENAMETOOLONG. */
errint_t move_format(const struct move *m, char *text, size_t size) WARN_UNUSED;

/* Into directory (CONFIG_PATH_MAX bytes; "": none) and name. */
void move_split(const char *path, char *directory, const char **name);

/* Of a job's files: 16 hex digits. */
void move_id(const char *job, char *id);

/* Reads, or atomically replaces and syncs (its directory too), the file. 0; -ENOENT; -EINVAL: damaged. */
errint_t move_load(const char *file, struct move *m) WARN_UNUSED;
errint_t move_store(const char *file, const struct move *m) WARN_UNUSED;

/* Syncs file's directory: a rename there survives a power cut. */
errint_t move_sync_directory_of(const char *file) WARN_UNUSED;

/* ---- tree.c: the contents of a directory ---- */

struct move_entry {
	/* Relative; owned, as all strings here. */
	char *path;
	/* Alike on both sides: type, size, time; owner and mode on demand. */
	char *attrs;
	/* Times to the ns of a regular file: equal means untouched. */
	char *stamp;
	/* The first by name of its hard links, perhaps itself; "": it has one name. */
	char *first;
	uint64_t size;
	/* Not of symbolic links. */
	int64_t mtime_s;
	bool regular;
	uint64_t dev, ino;
	/* SHA-256, after move_tree_hash. */
	unsigned char hash[32];
};

struct move_tree {
	/* By path. */
	struct move_entry *entries;
	size_t n;
	/* Regular files, and their sizes. */
	uint64_t files, bytes;
	/* Bytes allocated, hard links once. */
	uint64_t disk;
	/* Entries with more than one name here. */
	size_t links;
};

/* Lists the directory dir (borrowed), without itself, following no symbolic links. owner: owner and mode
 * count. 0, or -errno with the path in what (MOVE_NAME_MAX): -EMEDIUMTYPE: a socket, pipe or device;
 * -EXDEV: a mount. In either case release. */
errint_t move_tree_read(int dir, bool owner, struct move_tree *tree, char *what) WARN_UNUSED;
void move_tree_release(struct move_tree *tree);

/* A cleared entry at the end; room: entries allocated. NULL: out of memory. */
struct move_entry *move_tree_append(struct move_tree *tree, size_t *room);

/* Fills in hashes, at most rate bytes a second (0: no limit); progress: on standard error. As
 * move_tree_read. */
errint_t move_tree_hash(int dir, struct move_tree *tree, uint64_t rate, const char *progress,
			char *what) WARN_UNUSED;

/* Entries whose extended attributes (user., ACLs) storage itself keeps. */
size_t move_tree_count_attributes(int dir, const struct move_tree *tree);

enum move_compare { MOVE_COMPARE_HASH = 1 << 0, MOVE_COMPARE_LINKS = 1 << 1, MOVE_COMPARE_STAMP = 1 << 2 };

/* The first difference, in what (MOVE_NAME_MAX). False: alike. */
bool move_tree_differs(const struct move_tree *a, const struct move_tree *b, unsigned compare, char *what);

/* Writes b's entries that differ from a, or are gone, at most max, one a line. */
void move_tree_print_changes(const struct move_tree *a, const struct move_tree *b, unsigned max, FILE *out);

/* The list without hashes and numbers in a file; hostile when read: -EINVAL. */
errint_t move_tree_save(const struct move_tree *tree, const char *file) WARN_UNUSED;
errint_t move_tree_load(const char *file, struct move_tree *tree) WARN_UNUSED;

/* Pure: the same of text. In either case release tree. */
errint_t move_tree_parse(const char *text, size_t n, struct move_tree *tree) WARN_UNUSED;

/* Makes old's hard links again among files of tree (hashed, below dir) that are still alike; counts them.
 * 0 or -errno with what. */
errint_t move_tree_relink(int dir, const struct move_tree *tree, const struct move_tree *old, size_t *made,
			  char *what) WARN_UNUSED;

/* ---- writers.c: who must not be there ---- */

struct move_writers {
	const struct config *config;
	/* Relative to the mount. */
	const char *job;
	/* Its raw paths count, too. */
	const struct move_end *from, *to;
	unsigned found;
	/* guardfs's own open files there, for any caller. */
	unsigned served;
	/* A line for each of the first few. */
	FILE *out;
};

/* Looks through /proc and guardfs's jobs; fills found. */
void move_writers_find(struct move_writers *w);

/* Pure: a file's path within its file system, from root and mountpoint of the mount by which it was
 * opened. -ENOENT: not there. */
errint_t move_inner_path(const char *root, const char *mountpoint, const char *path, char *inner,
			 size_t size) WARN_UNUSED;

/* ---- copy.c: rsync and rm ---- */

/* Opens path below root, following no symbolic links and crossing no mounts. make: missing directories are
 * made, mode 0755. -errno. */
int move_open_below(int root, const char *path, bool make) WARN_UNUSED;

struct move_copy {
	/* Directories, open. */
	int from, to;
	/* Stays open in the children. */
	int lock;
	/* Bytes per second; 0: no limit. */
	uint64_t rate;
	/* Copy owner and mode. */
	bool owner;
	/* fsync every file: the destination is a backend. */
	bool sync_each;
};

/* Returns rsync's exit status; -errno: not run. Prints nothing itself. */
int move_copy_run(const struct move_copy *copy) WARN_UNUSED;

/* rm -rf of name in dir, across no mount. As move_copy_run. */
int move_remove(int dir, const char *name, int lock) WARN_UNUSED;

/* ---- one move, under way ---- */

struct move_run {
	const struct ctl_options *options;
	struct ctl_instance *instance;
	const struct config *config;
	struct move m;
	/* m was loaded, or stored. */
	bool exists;
	/* JOB as the mount shows it. */
	char hot[CTL_ABSOLUTE_MAX];
	/* Of the journal. */
	char file[CONFIG_PATH_MAX];
	/* As compared. */
	char list[CONFIG_PATH_MAX];
	/* An earlier move's list, for its hard links. */
	char links[CONFIG_PATH_MAX];
	char id[MOVE_ID_SIZE];
	int lock;
	uint64_t rate;
};

/* Open directories of a move. */
struct move_ends {
	/* The source; -1: it has left its name. */
	int from;
	/* Of staging and final. */
	int parent;
	/* -1: none. */
	int staging;
	char staging_name[MOVE_STAGING_SIZE];
	const char *final_name;
};

/* ---- ends.c: the two ends ---- */

bool move_to_local(const struct move_run *r);

/* Not where the destination presents its own. */
bool move_has_owner(const struct move_run *r);

/* The copy is made under this name beside its final one. name: MOVE_STAGING_SIZE bytes. */
void move_staging_name(const struct move_run *r, char *name);

/* Of that name on r->m.to's tier. 0 or -ENAMETOOLONG. */
errint_t move_staging_path(const struct move_run *r, char *path, size_t size) WARN_UNUSED;

/* Of the old copy after the move, on r->m.from's tier: a local copy leaves its name, a backend's keeps it.
 * 0 or -ENAMETOOLONG. */
errint_t move_old_path(const struct move_run *r, char *path, size_t size) WARN_UNUSED;

/* The destination in the manifest, "ALIAS/PATH", in cold, which is returned. NULL: it is local, without a
 * line. */
const char *move_cold(const struct move_run *r, char *cold, size_t size);

/* The absolute path for programs. */
void move_absolute(const struct config *config, const char *tier, const char *path, char *out, size_t size);

/* The tier's root: the local directory, or the backend within the mount. fd or -errno. */
int move_open_tier(const struct config *config, const char *tier) WARN_UNUSED;

/* 1, 0, or -errno. */
int move_exists(const struct config *config, const char *tier, const char *path) WARN_UNUSED;

/* fd or -errno. make: missing directories are made. */
int move_open_directory(const struct move_run *r, const char *tier, const char *path, bool make) WARN_UNUSED;

/* Opens a move's directories. make: makes missing ones, staging too. e->from: -1 if the source has left
 * its name. 0 or -errno. In either case close. */
errint_t move_ends_open(const struct move_run *r, struct move_ends *e, bool make) WARN_UNUSED;
void move_ends_close(struct move_ends *e);

/* ---- checks.c: each says what is wrong, and returns the exit status ---- */

/* Does the path lead to the destination, by manifest or pattern? 1, 0; -errno: unknown, as was said. */
int move_is_switched(const struct move_run *r) WARN_UNUSED;

/* Are both tiers well? */
int move_check_health(const struct move_run *r) WARN_UNUSED;

/* Does nobody write into the job? Names those who do. */
int move_check_writers(const struct move_run *r) WARN_UNUSED;

/* Says that the entry at path is not moved, if err (of move_tree_read) means that. CTL_EXIT_OK: it means
 * something else. */
int move_refuse_entry(const struct move_run *r, const char *path, errint_t err) WARN_UNUSED;

/* Says what failed before the switch, that nothing is lost, and what to do. subject: tier, file or
 * program; path: of it, or "". */
int move_stay(const struct move_run *r, const char *subject, const char *path, errint_t err);

/* ---- carry.c ---- */

/* Can the destination hold all of the job as it is? The exit status; names the other entries. */
int move_check_carry(const struct move_run *r) WARN_UNUSED;

/* Pure: why a backend cannot hold the entry as it is; NULL: it can. */
const char *move_carry_obstacle(const struct config_backend *backend, const struct move_entry *e);

/* ---- plan.c ---- */

/* Fills m for a new move, or refuses. The exit status. */
int move_plan(struct move_run *r) WARN_UNUSED;

/* ---- alike.c ---- */

/* Copies and compares until both are alike; r->list: the list compared. The exit status. */
int move_copy_until_alike(struct move_run *r) WARN_UNUSED;

/* ---- run.c: the steps ---- */

/* From copying to done. The exit status. */
int move_carry_out(struct move_run *r) WARN_UNUSED;
int move_discard(struct move_run *r) WARN_UNUSED;
int move_abort(struct move_run *r) WARN_UNUSED;

/* On disk before this returns. The exit status. */
int move_enter(struct move_run *r, enum move_step step) WARN_UNUSED;

/* ---- point.c ---- */

/* A point after which a power cut leaves something else: the name of an entered step, "copied",
 * "compared", "placed", "edited", "aside" or "discarded". Does nothing; a program linked with another such
 * function can end there (tests/tools/guardctl-cut.c). */
void move_point(const char *point);

#endif
