/* run.h: verifies files, and WARCs in directories, for guardfs-verify and guardctl verify. One process,
 * one thread. */
#ifndef GUARDFS_VERIFY_RUN_H
#define GUARDFS_VERIFY_RUN_H

#include "verify/verify.h"

/* As guardctl's. */
enum verify_exit {
	VERIFY_EXIT_OK = 0,
	VERIFY_EXIT_NOT_WHOLE = 1, /* a file is bad; or no copy could be made */
	VERIFY_EXIT_UNKNOWN =
	    75, /* a file could not be read, or was being written; none is known to be bad */
	VERIFY_EXIT_USAGE = 100
};

struct find;
struct manifest;

struct verify_run {
	/* Set by the caller. */
	struct verify_options
	    /* kind, min_size and max_size as below; go_on and context are run's. */
	    options;
	/* options.kind is for every file, whatever its name. */
	bool kind_given;
	bool json;
	/* In directories only files modified since; 0: all. */
	int64_t since_s;
	/* Of the one file; NULL: none. */
	const char *repair_to;
	/* For messages. */
	const char *program;
	FILE *out;

	/* Counted. */
	uint64_t files, bad, unknown;

	/* Private. */
	/* The present file. */
	const char *path;
	uint64_t begun_ns, shown_ns, shown_done;
	bool terminal, line;
	/* Files with several names, for tsearch(3). */
	void *seen;
	/* Of the present or last directory of WARCs. */
	struct manifest *manifest;
	/* The present search. */
	struct find *find;
};

/* From now on signals (INT, TERM, HUP) stop it in good order, without leftovers. */
void verify_run_begin(struct verify_run *run);

/* A file, or the WARCs below a directory, a line each. In a directory with a manifest.json
 * (HealthArchive's, of consolidated WARCs) sizes are compared, and missing files reported. */
void verify_run_path(struct verify_run *run, const char *path);

/* path cannot be read, as the caller knows without touching it. */
void verify_run_unknown(struct verify_run *run, const char *path, int error);

/* Prints a sum unless there was one file. Returns the exit status. */
int verify_run_end(struct verify_run *run);

#endif
