/* run.h: verifying what a command line names: files, and directories with the WARCs in them. What
 * guardfs-verify and guardctl verify share. One process, one thread. */
#ifndef GUARDFS_VERIFY_RUN_H
#define GUARDFS_VERIFY_RUN_H

#include "verify/verify.h"

/* Those that guardctl has, too. */
enum verify_exit {
	VERIFY_EXIT_OK = 0,
	VERIFY_EXIT_NOT_WHOLE = 1, /* at least one file is not; or no copy could be made */
	VERIFY_EXIT_UNKNOWN =
	    75, /* at least one could not be read, or was being written; none is known to be bad */
	VERIFY_EXIT_USAGE = 100
};

struct find;
struct manifest;

struct verify_run {
	/* Set by the caller. */
	struct verify_options
	    options;	 /* kind, min_size and max_size as below; go_on and context are run's own */
	bool kind_given; /* options.kind holds for every file, whatever its name */
	bool json;
	int64_t since_s;       /* only files modified since, of those in directories; 0: all */
	const char *repair_to; /* the one file's copy; NULL: none */
	const char *program;   /* for messages */
	FILE *out;

	/* Counted. */
	uint64_t files, bad, unknown;

	/* Private. */
	const char *path; /* that is being verified */
	uint64_t begun_ns, shown_ns, shown_done;
	bool terminal, line;
	void *seen;		   /* files with several names, for tsearch(3) */
	struct manifest *manifest; /* of the directory of WARCs that is being read, or was last */
	struct find *find;	   /* the search that is under way */
};

/* Signals (INT, TERM, HUP) are from now on a reason to stop, with what is known said and nothing left behind.
 */
void verify_run_begin(struct verify_run *run);

/* A file, or the WARCs below a directory: each with one line. Of a directory with a manifest (manifest.json,
 * as HealthArchive writes it beside consolidated WARCs), sizes are compared with it, and what is missing is
 * told. */
void verify_run_path(struct verify_run *run, const char *path);

/* Something that the caller knows of path without touching it: it cannot be read now. */
void verify_run_unknown(struct verify_run *run, const char *path, int error);

/* The exit status, after a line with the sum if there were several files, or none. */
int verify_run_end(struct verify_run *run);

#endif
