/* guardctl tier move: a job changes its tier and keeps its path. docs/TIERMOVE.md has the steps and their
 * crashes. Exit statuses as in ctl.h. errint_t: 0 or -errno. */
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

/* ---- journal.c: its progress, in a file ---- */

enum move_step {
	MOVE_COPYING,
	MOVE_PLACING,
	MOVE_SWITCHED,
	MOVE_DONE,
	MOVE_DISCARDING,
	MOVE_ABORTING,
	MOVE_STEP_COUNT
};

/* tier: or "local". path: below its root. */
struct move_end {
	char tier[CONFIG_NAME_MAX];
	char path[CONFIG_PATH_MAX];
};

struct move {
	enum move_step step;
	/* In the mount. */
	char job[CONFIG_PATH_MAX];
	struct move_end from, to;
	/* The old copy's place, on from's tier. */
	char old[CONFIG_PATH_MAX];
	/* It changed after the comparison. */
	bool late;
	/* Seconds since the epoch. */
	int64_t started;
	/* As compared; 0: not yet. */
	uint64_t files, bytes;
};

const char *move_step_name(enum move_step step);

/* Pure. Hostile text: each field once, in order; paths as in routes; one end local. 0 or -EINVAL. */
errint_t move_parse(const char *text, size_t n, struct move *m) WARN_UNUSED;

/* Terminated; -ENAMETOOLONG. */
errint_t move_format(const struct move *m, char *text, size_t size) WARN_UNUSED;

/* directory: CONFIG_PATH_MAX bytes; "": none. */
void move_split(const char *path, char *directory, const char **name);

/* For names of files: 16 hex digits. */
void move_id(const char *job, char *id);

/* Storing is atomic and synced, with the directory. 0; -ENOENT; -EINVAL: damaged. */
errint_t move_load(const char *file, struct move *m) WARN_UNUSED;
errint_t move_store(const char *file, const struct move *m) WARN_UNUSED;

/* After it a rename there survives a power cut. */
errint_t move_sync_directory_of(const char *file) WARN_UNUSED;

/* ---- tree.c: the contents of a directory ---- */

struct move_entry {
	/* Relative; owned, as all strings here. */
	char *path;
	/* To be equal: type, size, time; on demand owner and mode. */
	char *attrs;
	/* A regular file's times in ns: equal means untouched. */
	char *stamp;
	/* First name among its hard links; "": it has one name. */
	char *first;
	uint64_t size;
	/* Not of symbolic links. */
	int64_t mtime_s;
	bool regular;
	uint64_t dev, ino;
	/* SHA-256, by move_tree_hash. */
	unsigned char hash[32];
};

struct move_tree {
	/* By path. */
	struct move_entry *entries;
	size_t n;
	/* Of regular files. */
	uint64_t files, bytes;
	/* Allocated, hard links once. */
	uint64_t disk;
	/* With more than one name here. */
	size_t links;
};

/* Lists dir (borrowed) without following links. owner: with owner and mode. 0, or -errno with its path in what
 * (MOVE_NAME_MAX): -EMEDIUMTYPE: socket, pipe or device; -EXDEV: a mount. In either case release. */
errint_t move_tree_read(int dir, bool owner, struct move_tree *tree, char *what) WARN_UNUSED;
void move_tree_release(struct move_tree *tree);

/* Appends a cleared entry; room: entries allocated. NULL: out of memory. */
struct move_entry *move_tree_append(struct move_tree *tree, size_t *room);

/* rate: bytes a second; 0: no limit. progress: on standard error. As move_tree_read. */
errint_t move_tree_hash(int dir, struct move_tree *tree, uint64_t rate, const char *progress,
			char *what) WARN_UNUSED;

/* Entries whose extended attributes (user., ACLs) storage itself keeps. */
size_t move_tree_count_attributes(int dir, const struct move_tree *tree);

enum move_compare { MOVE_COMPARE_HASH = 1 << 0, MOVE_COMPARE_LINKS = 1 << 1, MOVE_COMPARE_STAMP = 1 << 2 };

/* The first difference is in what (MOVE_NAME_MAX). False: alike. */
bool move_tree_differs(const struct move_tree *a, const struct move_tree *b, unsigned compare, char *what);

/* Writes b's entries that differ from a or are gone, at most max, a line each. */
void move_tree_print_changes(const struct move_tree *a, const struct move_tree *b, unsigned max, FILE *out);

/* The list in a file, without hashes and numbers. Hostile when read: -EINVAL. */
errint_t move_tree_save(const struct move_tree *tree, const char *file) WARN_UNUSED;
errint_t move_tree_load(const char *file, struct move_tree *tree) WARN_UNUSED;

/* The same of text. Pure. In either case release tree. */
errint_t move_tree_parse(const char *text, size_t n, struct move_tree *tree) WARN_UNUSED;

/* Remakes old's hard links among tree's (hashed, below dir) files that are still alike; counts them. */
errint_t move_tree_relink(int dir, const struct move_tree *tree, const struct move_tree *old, size_t *made,
			  char *what) WARN_UNUSED;

/* ---- writers.c ---- */

struct move_writers {
	const struct config *config;
	/* In the mount. */
	const char *job;
	/* Their raw paths count too. */
	const struct move_end *from, *to;
	unsigned found;
	/* guardfs's own open files there. */
	unsigned served;
	/* A line for each of the first few. */
	FILE *out;
};

void move_writers_find(struct move_writers *w);

/* Pure: a file's path within its file system, from root and mountpoint of its mount. -ENOENT: not there. */
errint_t move_inner_path(const char *root, const char *mountpoint, const char *path, char *inner,
			 size_t size) WARN_UNUSED;

/* ---- copy.c: rsync and rm ---- */

/* Follows no links, crosses no mounts. make: makes directories, mode 0755. fd or -errno. */
int move_open_below(int root, const char *path, bool make) WARN_UNUSED;

struct move_copy {
	/* Open directories. */
	int from, to;
	/* Stays open in children. */
	int lock;
	/* Bytes a second; 0: no limit. */
	uint64_t rate;
	bool owner;
	/* fsync every file, for a backend. */
	bool sync_each;
};

/* Returns rsync's exit status; -errno: not run. Prints nothing. */
int move_copy_run(const struct move_copy *copy) WARN_UNUSED;

/* rm -rf across no mount. As move_copy_run. */
int move_remove(int dir, const char *name, int lock) WARN_UNUSED;

/* ---- one move ---- */

struct move_run {
	const struct ctl_options *options;
	struct ctl_instance *instance;
	const struct config *config;
	struct move m;
	/* m was loaded, or stored. */
	bool exists;
	/* JOB in the mount. */
	char hot[CTL_ABSOLUTE_MAX];
	char file[CONFIG_PATH_MAX];
	/* The list as compared. */
	char list[CONFIG_PATH_MAX];
	/* An earlier move's list, for hard links. */
	char links[CONFIG_PATH_MAX];
	char id[MOVE_ID_SIZE];
	int lock;
	uint64_t rate;
};

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

/* ---- ends.c ---- */

bool move_to_local(const struct move_run *r);

/* False where the destination presents its own owners. */
bool move_has_owner(const struct move_run *r);

/* The copy's name while it is made, beside the final one. MOVE_STAGING_SIZE bytes. */
void move_staging_name(const struct move_run *r, char *name);

/* That name on r->m.to's tier. 0 or -ENAMETOOLONG. */
errint_t move_staging_path(const struct move_run *r, char *path, size_t size) WARN_UNUSED;

/* The old copy's place after the move, on r->m.from's tier: a local copy leaves its name, a backend's keeps it. 0 or
 * -ENAMETOOLONG. */
errint_t move_old_path(const struct move_run *r, char *path, size_t size) WARN_UNUSED;

/* The destination in the manifest, "ALIAS/PATH"; returns cold. NULL: local, without a line. */
const char *move_cold(const struct move_run *r, char *cold, size_t size);

/* For programs. */
void move_absolute(const struct config *config, const char *tier, const char *path, char *out, size_t size);

/* The tier's root: the local directory, or the backend in the mount. fd or -errno. */
int move_open_tier(const struct config *config, const char *tier) WARN_UNUSED;

/* 1, 0, or -errno. */
int move_exists(const struct config *config, const char *tier, const char *path) WARN_UNUSED;

/* fd or -errno. make: makes missing directories. */
int move_open_directory(const struct move_run *r, const char *tier, const char *path, bool make) WARN_UNUSED;

/* make: makes directories, staging too. e->from: -1 if the source has left its name. In either case close. */
errint_t move_ends_open(const struct move_run *r, struct move_ends *e, bool make) WARN_UNUSED;
void move_ends_close(struct move_ends *e);

/* ---- checks.c: return the exit status ---- */

/* Does the path lead to the destination? 1, 0; -errno: unknown, as was said. */
int move_is_switched(const struct move_run *r) WARN_UNUSED;

int move_check_health(const struct move_run *r) WARN_UNUSED;

/* Does nobody write into the job? Names those who do. */
int move_check_writers(const struct move_run *r) WARN_UNUSED;

/* If err (of move_tree_read) means it, says that path is not moved. Else CTL_EXIT_OK. */
int move_refuse_entry(const struct move_run *r, const char *path, errint_t err) WARN_UNUSED;

/* Says what failed before the switch, that nothing is lost, and what to do. subject: tier, file or program; path: or
 * "". */
int move_stay(const struct move_run *r, const char *subject, const char *path, errint_t err);

/* ---- carry.c ---- */

/* Can the destination hold the job? Names the entries that it cannot. The exit status. */
int move_check_carry(const struct move_run *r) WARN_UNUSED;

/* Pure: why it cannot hold e; NULL: it can. */
const char *move_carry_obstacle(const struct config_backend *backend, const struct move_entry *e);

/* ---- plan.c ---- */

/* Fills a new move's m, or refuses. The exit status. */
int move_plan(struct move_run *r) WARN_UNUSED;

/* ---- alike.c ---- */

/* r->list: the list compared. The exit status. */
int move_copy_until_alike(struct move_run *r) WARN_UNUSED;

/* ---- run.c ---- */

/* From copying to done. The exit status. */
int move_carry_out(struct move_run *r) WARN_UNUSED;
int move_discard(struct move_run *r) WARN_UNUSED;
int move_abort(struct move_run *r) WARN_UNUSED;

/* Stores the step, on disk when this returns. The exit status. */
int move_enter(struct move_run *r, enum move_step step) WARN_UNUSED;

/* ---- point.c ---- */

/* A power cut after it leaves something else. point: an entered step, "copied", "compared", "placed", "edited",
 * "aside", "discarded". Does nothing; tests/tools/guardctl-cut.c ends here. */
void move_point(const char *point);

#endif
