/* Verifies files and directories for guardfs-verify and guardctl verify. One process, one thread. */
#ifndef GUARDFS_VERIFY_RUN_H
#define GUARDFS_VERIFY_RUN_H

#include "verify/verify.h"

enum verify_exit {
	VERIFY_EXIT_OK = 0,
	VERIFY_EXIT_NOT_WHOLE = 1, /* a file is bad, or no copy could be made */
	VERIFY_EXIT_UNKNOWN = 75,  /* a file is unreadable or being written; none is known to be bad */
	VERIFY_EXIT_USAGE = 100
};

struct find;
struct manifest;

struct verify_run {
	struct verify_options
	    /* kind, min_size and max_size are set as below; go_on and context are run's */
	    options;
	/* options.kind holds for every name. */
	bool kind_given;
	bool json;
	/* In directories: modified since; 0: all. */
	int64_t since_s;
	/* For one file; NULL: none. */
	const char *repair_to;
	const char *program;
	FILE *out;

	/* Counts. */
	uint64_t files, bad, unknown;

	/* Private from here. The present file. */
	const char *path;
	uint64_t begun_ns, shown_ns, shown_done;
	bool terminal, line;
	/* Files with several names, for tsearch(3). */
	void *seen;
	/* Of the latest directory. */
	struct manifest *manifest;
	struct find *find;
};

/* Signals (INT, TERM, HUP) stop it in order from now on. */
void verify_run_begin(struct verify_run *run);

/* A file, or a directory's WARCs, a line each. HealthArchive's manifest.json gives sizes and missing
 * files. */
void verify_run_path(struct verify_run *run, const char *path);

/* The caller knows without touching path. */
void verify_run_unknown(struct verify_run *run, const char *path, int error);

/* Prints a sum, unless of one file. Returns the exit status. */
int verify_run_end(struct verify_run *run);

#endif
