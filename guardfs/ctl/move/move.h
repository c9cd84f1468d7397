/* move.h: guardctl tier move: a job changes its tier while its path stays. The steps, and what a crash leaves
 * in each, are in docs/TIERMOVE.md. One process, one thread; private to guardctl. */
#ifndef GUARDFS_CTL_MOVE_H
#define GUARDFS_CTL_MOVE_H

#include "config/tiermap.h"
#include "ctl/ctl.h"

#define MOVE_LOCAL	  "local"
#define MOVE_ID_SIZE	  17
#define MOVE_OLD_PREFIX	  ".guardfs-old-"
#define MOVE_NEW_PREFIX	  ".guardfs-move-"
#define MOVE_STAGING_SIZE (sizeof(MOVE_NEW_PREFIX) + MOVE_ID_SIZE)
#define MOVE_FILE_MAX	  16384 /* the largest file of a move that is read */
#define MOVE_NAME_MAX	  512	/* "changed: PATH", cut off */

/* ---- journal.c: the small file that says how far it has come ---- */

enum move_step {
	MOVE_COPYING,
	MOVE_PLACING,
	MOVE_SWITCHED,
	MOVE_DONE,
	MOVE_DISCARDING,
	MOVE_ABORTING,
	MOVE_STEP_COUNT
};

/* One end of a move: the tier, "local" or a backend's name, and the path below its root. */
struct move_end {
	char tier[CONFIG_NAME_MAX];
	char path[CONFIG_PATH_MAX];
};

struct move {
	enum move_step step;
	char job[CONFIG_PATH_MAX]; /* relative to the mount */
	struct move_end from, to;
	char old[CONFIG_PATH_MAX]; /* where the old copy is kept, on from's tier */
	bool late;		   /* the old copy was changed after it had been compared */
	int64_t started;	   /* seconds since the epoch */
	uint64_t files, bytes;	   /* as compared; 0: not yet */
};

const char *move_step_name(enum move_step step);

/* Pure. Text of untrusted origin to a move: every field there once, in order, paths as a route may have them,
 * exactly one end local. 0 or -EINVAL. */
errint_t move_parse(const char *text, size_t n, struct move *m) WARN_UNUSED;

/* The reverse, terminated; -ENAMETOOLONG. */
errint_t move_format(const struct move *m, char *text, size_t size) WARN_UNUSED;

/* Splits a path into the directory it lies in (CONFIG_PATH_MAX bytes; "" for none) and its name. */
void move_split(const char *path, char *directory, const char **name);

/* The name of a job's files: 16 hex digits. */
void move_id(const char *job, char *id);

/* Reads, or atomically replaces and syncs (its directory too), the file. 0; -ENOENT; -EINVAL damaged. */
errint_t move_load(const char *file, struct move *m) WARN_UNUSED;
errint_t move_store(const char *file, const struct move *m) WARN_UNUSED;

/* Syncs the directory that holds file, so that a rename in it survives a power cut. */
errint_t move_sync_directory_of(const char *file) WARN_UNUSED;

/* ---- tree.c: what a directory holds ---- */

struct move_entry {
	char *path;  /* relative; owned, as all strings here */
	char *attrs; /* what both sides must agree on: type, size, time; owner and mode if asked for */
	char *stamp; /* times to the nanosecond, of a regular file: equal, and it was not touched */
	char *first; /* of its hard links the first by name, itself included; "": it has one name */
	uint64_t size;
	int64_t mtime_s; /* not of symbolic links */
	bool regular;
	uint64_t dev, ino;
	unsigned char hash[32]; /* SHA-256, after move_tree_hash */
};

struct move_tree {
	struct move_entry *entries; /* by path */
	size_t n;
	uint64_t files, bytes; /* regular files, their sizes */
	uint64_t disk;	       /* bytes allocated, hard links once */
	size_t links;	       /* entries that have more than one name in here */
};

/* Lists the directory dir (borrowed), itself excluded, without following symbolic links. owner: owner and
 * mode count. 0, or -errno with what (MOVE_NAME_MAX) naming the path; -EMEDIUMTYPE: a socket, pipe or device;
 * -EXDEV: a mount. Release in either case. */
errint_t move_tree_read(int dir, bool owner, struct move_tree *tree, char *what) WARN_UNUSED;
void move_tree_release(struct move_tree *tree);

/* A cleared entry at the end; room: for how many there is memory. NULL: short of memory. */
struct move_entry *move_tree_append(struct move_tree *tree, size_t *room);

/* Fills in the hashes, reading at most rate bytes a second (0: no limit); progress: on standard error. As
 * move_tree_read. */
errint_t move_tree_hash(int dir, struct move_tree *tree, uint64_t rate, const char *progress,
			char *what) WARN_UNUSED;

/* How many of its entries have extended attributes (in user., or ACLs) that storage itself keeps. */
size_t move_tree_count_attributes(int dir, const struct move_tree *tree);

enum move_compare { MOVE_COMPARE_HASH = 1 << 0, MOVE_COMPARE_LINKS = 1 << 1, MOVE_COMPARE_STAMP = 1 << 2 };

/* The first difference, in words, in what (MOVE_NAME_MAX). False: they are alike. */
bool move_tree_differs(const struct move_tree *a, const struct move_tree *b, unsigned compare, char *what);

/* Entries of b that are not in a as they are in b, or are no more, at most max of them, one a line, to out.
 */
void move_tree_print_changes(const struct move_tree *a, const struct move_tree *b, unsigned max, FILE *out);

/* The list without hashes, kept in a file; untrusted when read back: -EINVAL. Numbers are not restored. */
errint_t move_tree_save(const struct move_tree *tree, const char *file) WARN_UNUSED;
errint_t move_tree_load(const char *file, struct move_tree *tree) WARN_UNUSED;

/* Pure: the same of text already in memory. Release tree in either case. */
errint_t move_tree_parse(const char *text, size_t n, struct move_tree *tree) WARN_UNUSED;

/* Hard links of old among the files of tree (hashed, below dir) that are still alike are made again; counts
 * them. 0 or -errno with what. */
errint_t move_tree_relink(int dir, const struct move_tree *tree, const struct move_tree *old, size_t *made,
			  char *what) WARN_UNUSED;

/* ---- writers.c: who must not be there ---- */

struct move_writers {
	const struct config *config;
	const char *job;		  /* relative to the mount */
	const struct move_end *from, *to; /* whose raw paths count, too */
	unsigned found;
	unsigned served; /* files that guardfs itself has open there, for whoever it is */
	FILE *out;	 /* one line for each, of the first few */
};

/* Looks through /proc and guardfs's own jobs; fills found. */
void move_writers_find(struct move_writers *w);

/* Pure: the path of a file within its file system, from the root and the mountpoint of the mount by which it
 * was opened. -ENOENT: it does not lie there. */
errint_t move_inner_path(const char *root, const char *mountpoint, const char *path, char *inner,
			 size_t size) WARN_UNUSED;

/* ---- copy.c: tools that do the work ---- */

/* Opens the directory path below root without following symbolic links (nor crossing mounts). A descriptor or
 * -errno. make: missing ones are made, with mode 0755. */
int move_open_below(int root, const char *path, bool make) WARN_UNUSED;

struct move_copy {
	int from, to;	/* directories, open */
	int lock;	/* stays open in the children */
	uint64_t rate;	/* bytes per second; 0: no limit */
	bool owner;	/* owner and mode are to be copied */
	bool sync_each; /* fsync every file: the destination is a backend */
};

/* rsync. Its exit status; -errno if it could not be run; says nothing itself. */
int move_copy_run(const struct move_copy *copy) WARN_UNUSED;

/* rm -rf of name in dir, across no mount. As move_copy_run. */
int move_remove(int dir, const char *name, int lock) WARN_UNUSED;

/* ---- one move, under way ---- */

struct move_run {
	const struct ctl_options *options;
	struct ctl_instance *instance;
	const struct config *config;
	struct move m;
	bool exists;		     /* m was loaded, or stored */
	char hot[CTL_ABSOLUTE_MAX];  /* JOB as the mount shows it */
	char file[CONFIG_PATH_MAX];  /* of the journal */
	char list[CONFIG_PATH_MAX];  /* what was compared */
	char links[CONFIG_PATH_MAX]; /* the list of a move before, for its hard links */
	char id[MOVE_ID_SIZE];
	int lock;
	uint64_t rate;
};

/* The directories of a move, open. */
struct move_ends {
	int from;    /* the source; -1: it has left its name */
	int parent;  /* where staging and final lie */
	int staging; /* -1: none */
	char staging_name[MOVE_STAGING_SIZE];
	const char *final_name;
};

/* ---- ends.c: the two ends ---- */

bool move_to_local(const struct move_run *r);

/* Do owner and mode count? Not where the destination presents its own. */
bool move_has_owner(const struct move_run *r);

/* The name under which the copy is made, beside its final one. name: MOVE_STAGING_SIZE bytes. */
void move_staging_name(const struct move_run *r, char *name);

/* The path of that name on the tier of r->m.to. 0 or -ENAMETOOLONG. */
errint_t move_staging_path(const struct move_run *r, char *path, size_t size) WARN_UNUSED;

/* The path that the old copy has after the move, on the tier of r->m.from: a local copy leaves its name, a
 * backend's keeps it. 0 or -ENAMETOOLONG. */
errint_t move_old_path(const struct move_run *r, char *path, size_t size) WARN_UNUSED;

/* The destination as the manifest names it, "ALIAS/PATH", in cold, which is returned. NULL: it is local, and
 * has no line. */
const char *move_cold(const struct move_run *r, char *cold, size_t size);

/* The absolute path by which a program finds path of a tier. */
void move_absolute(const struct config *config, const char *tier, const char *path, char *out, size_t size);

/* Opens the root directory of a tier: the local directory, or the backend within the mount. fd or -errno. */
int move_open_tier(const struct config *config, const char *tier) WARN_UNUSED;

/* Is there anything at that path of a tier? 1, 0, or -errno. */
int move_exists(const struct config *config, const char *tier, const char *path) WARN_UNUSED;

/* Opens the directory path of a tier. make: what is missing is made. A descriptor or -errno. */
int move_open_directory(const struct move_run *r, const char *tier, const char *path, bool make) WARN_UNUSED;

/* Opens the directories of a move. make: what is missing on the way to staging is made, staging too. e->from
 * stays -1 if the source has left its name. 0 or -errno. Close in either case. */
errint_t move_ends_open(const struct move_run *r, struct move_ends *e, bool make) WARN_UNUSED;
void move_ends_close(struct move_ends *e);

/* ---- checks.c: each returns the exit status after having said what is wrong ---- */

/* Does the path lead to the destination already, by the manifest (or the pattern)? 1, 0; -errno after having
 * said why it cannot be known. */
int move_is_switched(const struct move_run *r) WARN_UNUSED;

/* Whether both tiers are well. */
int move_check_health(const struct move_run *r) WARN_UNUSED;

/* Whether nobody writes into the job; names those who do. */
int move_check_writers(const struct move_run *r) WARN_UNUSED;

/* Says that the entry at path is not moved, if that is the meaning of err, from move_tree_read. CTL_EXIT_OK:
 * err means something else. */
int move_refuse_entry(const struct move_run *r, const char *path, errint_t err) WARN_UNUSED;

/* Says what failed before the switch, that nothing is lost, and what to do. subject: a tier, a file or a
 * program; path: of it, or "". */
int move_stay(const struct move_run *r, const char *subject, const char *path, errint_t err);

/* ---- carry.c ---- */

/* Whether the destination can hold everything that the job has, as it is. The exit status; says which entries
 * it cannot hold. */
int move_check_carry(const struct move_run *r) WARN_UNUSED;

/* Pure: why a backend cannot hold the entry as it is, in words; NULL: it can. */
const char *move_carry_obstacle(const struct config_backend *backend, const struct move_entry *e);

/* ---- plan.c ---- */

/* Fills m for a new move, or refuses. The exit status. */
int move_plan(struct move_run *r) WARN_UNUSED;

/* ---- alike.c ---- */

/* Copies and compares until the copy is the source; the list that was compared is kept in r->list. The exit
 * status. */
int move_copy_until_alike(struct move_run *r) WARN_UNUSED;

/* ---- run.c: the steps ---- */

/* From copying to done. The exit status. */
int move_carry_out(struct move_run *r) WARN_UNUSED;
int move_discard(struct move_run *r) WARN_UNUSED;
int move_abort(struct move_run *r) WARN_UNUSED;

/* Begins another step: on disk before this returns. The exit status. */
int move_enter(struct move_run *r, enum move_step step) WARN_UNUSED;

/* ---- point.c ---- */

/* The move has reached a point at which a power cut would leave something else than at the point before: the
 * name of a step that was entered, "copied", "compared", "placed", "edited", "aside" or "discarded". Does
 * nothing. A program that is linked with a function of its own in its place (tests/tools/guardctl-cut.c) can
 * end there. */
void move_point(const char *point);

#endif
