/* ctl.h: guardctl: what its subcommands share.
 *
 * guardctl reads RUN_DIR/status.json and RUN_DIR/health, and asks keeper over RUN_DIR/control.sock; never the
 * mount (but for adopt, whose business is a file on a backend, smoke and verify, which read archives, sync,
 * tier move, which copies, and drill, which is to be hurt like any caller), so that it answers whatever
 * hangs. One process, one thread; messages for the operator go to stderr and say what to do. */
#ifndef GUARDFS_CTL_CTL_H
#define GUARDFS_CTL_CTL_H

#include "base/base.h"
#include "config/config.h"
#include <jansson.h>

#define CTL_RUN_ROOT "/run/guardfs"
#define CTL_STALE_S \
	15 /* keeper writes status.json at least every few seconds; older than this it is not trusted */
#define CTL_MESSAGE_MAX	 2048
#define CTL_ABSOLUTE_MAX 4096

enum ctl_exit {
	CTL_EXIT_OK = 0,
	CTL_EXIT_DEGRADED = 1, /* health */
	CTL_EXIT_REFUSED = 1,  /* any other command: it could be asked, but the answer is no */
	CTL_EXIT_DOWN = 2,
	CTL_EXIT_TIMEOUT = 75,
	CTL_EXIT_USAGE = 100,
	CTL_EXIT_UNREACHABLE = 111,
};

/* Options as given; NULL or false: not given. A command lists those it takes; the table is in commands.c. */
enum ctl_option {
	CTL_OPTION_JSON = 1 << 0,
	CTL_OPTION_STATE = 1 << 1,
	CTL_OPTION_TIMEOUT = 1 << 2,
	CTL_OPTION_INSTANCE = 1 << 3,
	CTL_OPTION_DRY_RUN = 1 << 4,
	CTL_OPTION_APPLY = 1 << 5,
	CTL_OPTION_FOR = 1 << 6,
	CTL_OPTION_REASON = 1 << 7,
	CTL_OPTION_WAIT = 1 << 8,
	CTL_OPTION_SINCE = 1 << 9,
	CTL_OPTION_BACKEND = 1 << 10,
	CTL_OPTION_LIMIT = 1 << 11,
	CTL_OPTION_HTML = 1 << 12,
	CTL_OPTION_OUTPUT = 1 << 13,
	CTL_OPTION_SIMULATE = 1 << 14,
	CTL_OPTION_PATH = 1 << 15,
	CTL_OPTION_ERRNO = 1 << 16,
	CTL_OPTION_NO_PROGRESS = 1 << 17,
	CTL_OPTION_SIZES = 1 << 18,
	CTL_OPTION_TO = 1 << 19,
	CTL_OPTION_BWLIMIT = 1 << 20,
	CTL_OPTION_DISCARD_OLD = 1 << 21,
	CTL_OPTION_ABORT = 1 << 22,
	CTL_OPTION_LEVEL = 1 << 23,
	CTL_OPTION_REPAIR_TO = 1 << 24,
	CTL_OPTION_JOB = 1 << 25,
	CTL_OPTION_OPEN = 1 << 26,
	CTL_OPTION_SETTLED = 1 << 27,
	CTL_OPTION_ALL = 1 << 28
};

struct ctl_options {
	const char *name;   /* -n */
	const char *config; /* -c */
	bool json;
	const char *state;
	const char *timeout;
	bool dry_run, apply;
	const char *duration; /* --for */
	const char *reason;
	bool wait;
	const char *since;
	const char *backend;
	const char *limit;
	bool html;
	const char *output;
	bool simulate;
	bool sizes;
	const char *path;
	const char *error;	 /* --errno */
	const char *no_progress; /* --require-no-progress-seconds */
	const char *to;
	const char *rate; /* --bwlimit */
	bool discard_old, abort;
	const char *level;
	const char *repair_to;
	const char *job;
	bool open, settled, all;
};

struct ctl_command {
	const char *name;
	const char *arguments; /* for the synopsis */
	const char *summary;   /* one line */
	const char *help;      /* the rest, lines of at most 80 columns */
	unsigned options;      /* enum ctl_option, or-ed */
	int min_arguments, max_arguments;
	int (*run)(const struct ctl_options *options, int argc, char **argv); /* returns the exit status */
};

extern const struct ctl_command ctl_commands[]; /* ends with a NULL name */

/* The command with that name, or NULL. */
const struct ctl_command *ctl_find_command(const char *name);

/* Where the runtime directories are: CTL_RUN_ROOT; tests have their own. */
extern const char *ctl_run_root;

/* What is known of a running guardfs. */
struct ctl_instance {
	char run_dir[CONFIG_PATH_MAX];
	json_t *status; /* owned; NULL: not loaded */
	int64_t now;	/* seconds since the epoch at loading */
	int64_t age;	/* of status.json, in seconds */
};

/* Finds the runtime directory by -n, -c or, with neither, as the only one in root, and loads status.json.
 * Returns CTL_EXIT_OK, or an exit status with message (CTL_MESSAGE_MAX bytes) saying what to do. Release with
 * ctl_instance_release in either case. */
int ctl_instance_open(struct ctl_instance *instance, const struct ctl_options *options, const char *root,
		      char *message) WARN_UNUSED;
void ctl_instance_release(struct ctl_instance *instance);

/* How many run below root; if none does, how many were killed and have left a status. */
int ctl_instance_count(const char *root);

/* Not renewed for CTL_STALE_S: what it says may have changed since. */
bool ctl_instance_stale(const struct ctl_instance *instance);

/* Opens the instance that options mean and runs a command on it; says why, if there is none. Returns the exit
 * status of either. */
int ctl_on_instance(const struct ctl_options *options,
		    int (*run)(const struct ctl_instance *instance, const struct ctl_options *options));

/* Says so on stderr, if it is. */
void ctl_warn_if_stale(const struct ctl_instance *instance);

/* Makes path absolute by text alone (no symlink is followed, nothing is touched): joined to cwd if relative;
 * empty components, "." and ".." resolved. 0, -ENAMETOOLONG, -EINVAL (empty). */
errint_t ctl_path_absolute(const char *cwd, const char *path, char *absolute, size_t size) WARN_UNUSED;

/* Who is responsible for a path, by the tier map in status alone. */
struct ctl_responsible {
	const json_t *condition; /* object with "state", "class", "since": a route or a backend, borrowed from
				    status; NULL: local tier */
	const char *backend;	 /* name, or "local" */
	const json_t *job;	 /* of status.jobs, borrowed; NULL: none that has had files open */
};

/* Longest prefix of the absolute path among the routes, .guardfs/backends/NAME and the backends' `expose`
 * directories. 0, or -ENOENT if it lies neither there nor below the mountpoint. */
errint_t ctl_responsible_for(const json_t *status, const char *absolute,
			     struct ctl_responsible *responsible) WARN_UNUSED;

/* The same for a path as a user gives it: relative to the working directory. The exit status; says what is
 * wrong. */
int ctl_responsible_named(const struct ctl_instance *instance, const char *path,
			  struct ctl_responsible *responsible) WARN_UNUSED;

/* "30s", "500ms", "2m", "1h", "30" (seconds) to milliseconds. 0 or -EINVAL (also for more than a year). */
errint_t ctl_parse_duration(const char *text, uint64_t *ms) WARN_UNUSED;

/* Has what `guardctl wait` waits for come true? state: a state name, or "ok" for the whole; backend: one of
 * them, or NULL for all. 1 yes, 0 no, -ENOENT no such backend. */
int ctl_wait_reached(const json_t *status, const char *state, const char *backend);

/* String or number member of a JSON object, "" or 0 if missing or of another type. Borrowed. */
const char *ctl_text(const json_t *object, const char *key);
int64_t ctl_number(const json_t *object, const char *key);

/* A new JSON string of s, whatever bytes s has (utf8_clean). NULL: short of memory. */
json_t *ctl_json_string(const char *s);

/* Is the string one of an array's? */
bool ctl_lists(const json_t *array, const char *text);

/* The backend with that name in status, or NULL. Borrowed. */
const json_t *ctl_find_backend(const json_t *status, const char *name);

/* "guardctl: ...\n" to stderr, control characters of foreign text made harmless. Returns status, so that
 * callers can write return ctl_fail(CTL_EXIT_USAGE, ...). */
int ctl_fail(int status, const char *format, ...) PRINTF_LIKE(2, 3);

/* Prints an answer as JSON. Returns the exit status. */
int ctl_print_json(const json_t *answer);

/* Asks keeper (docs/PROTOCOL.control.md); arguments may be NULL, the reference is taken. Progress goes to
 * stderr. Returns CTL_EXIT_OK with *result (the caller releases it), or an exit status after having said why.
 */
int ctl_ask(const struct ctl_instance *instance, const char *command, json_t *arguments, uint32_t timeout_ms,
	    json_t **result) WARN_UNUSED;

/* For commands that only ask: finds the instance, asks, releases the instance. As ctl_ask. */
#define CTL_ASK_MS	15000
#define CTL_DIAGNOSE_MS 120000
int ctl_ask_about(const struct ctl_options *options, const char *command, json_t *arguments,
		  uint32_t timeout_ms, json_t **result) WARN_UNUSED;

/* "7d", "30m" (ago), "1767866400" (since the epoch; 9 digits or more), "2026-01-08" (its local midnight) to
 * seconds since the epoch. 0 or -EINVAL. */
errint_t ctl_parse_since(const char *text, int64_t now, int64_t *since) WARN_UNUSED;

/* A whole number from 1 to max. 0 or -EINVAL. */
errint_t ctl_parse_number(const char *text, uint64_t max, uint64_t *value) WARN_UNUSED;

/* A --for: whole seconds, rounded up, at least 1. The exit status; says what is wrong. */
int ctl_parse_for(const char *text, uint64_t *seconds) WARN_UNUSED;

int ctl_cmd_status(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_health(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_wait(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_adopt(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_recover(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_reconnect(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_hold(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_resume(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_diagnose(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_incidents(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_incident(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_report(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_drill(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_doctor(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_classify(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_tiers(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_tier(const struct ctl_options *options, int argc, char **argv);
int ctl_tier_move(const struct ctl_options *options, const char *job); /* part of ctl_cmd_tier */
int ctl_cmd_jobs(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_stalled(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_suspects(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_smoke(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_snapshot(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_sync(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_verify(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_version(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_help(const struct ctl_options *options, int argc, char **argv);
void ctl_print_help(FILE *out);
void ctl_print_command_help(FILE *out, const struct ctl_command *command);

#endif
