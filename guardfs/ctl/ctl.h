/* Shared by guardctl's commands. One process, one thread. Functions that return an exit status have said what
 * is wrong.
 *
 * guardctl reads status.json and health in RUN_DIR and asks keeper over control.sock. It never touches the
 * mount, so it answers whatever hangs. Exceptions: adopt, generations --restore, smoke, verify, sync, drill,
 * tier move. */
#ifndef GUARDFS_CTL_CTL_H
#define GUARDFS_CTL_CTL_H

#include "base/base.h"
#include "config/config.h"
#include <jansson.h>

#define CTL_RUN_ROOT	 "/run/guardfs"
#define CTL_STALE_S	 15 /* status.json is renewed every few seconds */
#define CTL_MESSAGE_MAX	 2048
#define CTL_ABSOLUTE_MAX 4096

enum ctl_exit {
	CTL_EXIT_OK = 0,
	CTL_EXIT_DEGRADED = 1, /* health */
	CTL_EXIT_REFUSED = 1,  /* other commands: the answer is no */
	CTL_EXIT_DOWN = 2,
	CTL_EXIT_TIMEOUT = 75,
	CTL_EXIT_USAGE = 100,
	CTL_EXIT_UNREACHABLE = 111,
};

/* NULL or false: not given. commands.c says which a command takes. */
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
	CTL_OPTION_ALL = 1 << 28,
	CTL_OPTION_SHOW = 1 << 29,
	CTL_OPTION_RESTORE = 1 << 30,
	CTL_OPTION_ONCE = 1ull << 31
};

struct ctl_options {
	/* -n */
	const char *name;
	/* -c */
	const char *config;
	/* -m */
	const char *mountpoint;
	bool json;
	const char *state;
	const char *timeout;
	bool dry_run, apply;
	/* --for */
	const char *duration;
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
	/* --errno */
	const char *error;
	/* --require-no-progress-seconds */
	const char *no_progress;
	const char *to;
	/* --bwlimit */
	const char *rate;
	bool discard_old, abort;
	const char *level;
	const char *repair_to;
	const char *job;
	bool open, settled, all;
	const char *show, *restore;
	bool once;
};

/* An option: a string, or a bool for one without a value, at offset in struct ctl_options. */
struct ctl_option_row {
	const char *name;
	/* short form, or 0 */
	int letter;
	bool has_value;
	enum ctl_option bit;
	size_t offset;
};

#define CTL_OPTION_ROWS 34
extern const struct ctl_option_row ctl_option_rows[CTL_OPTION_ROWS];

struct ctl_command {
	const char *name;
	/* For the synopsis. */
	const char *arguments;
	/* One line. */
	const char *summary;
	/* Lines of at most 80 columns. */
	const char *help;
	/* Of enum ctl_option. */
	uint64_t options;
	int min_arguments, max_arguments;
	/* Returns the exit status. */
	int (*run)(const struct ctl_options *options, int argc, char **argv);
};

extern const struct ctl_command ctl_commands[]; /* NULL name ends. */

const struct ctl_command *ctl_find_command(const char *name);

/* CTL_RUN_ROOT, but in tests. */
extern const char *ctl_run_root;

struct ctl_instance {
	char run_dir[CONFIG_PATH_MAX];
	/* Owned; NULL: not loaded. */
	json_t *status;
	/* When loaded, in seconds since the epoch. */
	int64_t now;
	/* Of status.json, in seconds. */
	int64_t age;
};

/* Finds the instance by -n, -c, -m or, with none, as the only one of an ordinary user's own, or in root; loads
 * status.json. CTL_EXIT_OK, or an exit status with message (CTL_MESSAGE_MAX bytes). In either case
 * ctl_instance_release. */
int ctl_instance_open(struct ctl_instance *instance, const struct ctl_options *options, const char *root,
		      char *message) WARN_UNUSED;
void ctl_instance_release(struct ctl_instance *instance);

/* Reads status.json of one that was opened again. As ctl_instance_open; where there is none, the last stays. */
int ctl_instance_reload(struct ctl_instance *instance, char *message) WARN_UNUSED;

/* Calls found for each status below root. status, and arg, are the caller's. */
void ctl_instance_each(const char *root, void (*found)(const char *name, const json_t *status, void *arg),
		       void *arg);

/* Where an ordinary user's own ones are; "": none, or root. */
void ctl_instance_own_root(char run[CONFIG_PATH_MAX]);

/* Running ones below root; if there is none, killed ones that left a status. */
int ctl_instance_count(const char *root);

/* Not renewed for CTL_STALE_S. */
bool ctl_instance_stale(const struct ctl_instance *instance);

/* On the options' instance. The exit status. */
int ctl_on_instance(const struct ctl_options *options,
		    int (*run)(const struct ctl_instance *instance, const struct ctl_options *options));

void ctl_warn_if_stale(const struct ctl_instance *instance);

/* By text alone: joins cwd, resolves empty components, "." and "..". 0, -ENAMETOOLONG, -EINVAL (empty). */
errint_t ctl_path_absolute(const char *cwd, const char *path, char *absolute, size_t size) WARN_UNUSED;

/* The tier that answers for a path, by status's tier map. Pointers are borrowed. */
struct ctl_responsible {
	/* Route or backend with "state", "class", "since"; NULL: local tier. */
	const json_t *condition;
	/* Or "local". */
	const char *backend;
	/* NULL: no job with files open so far. */
	const json_t *job;
};

/* The longest of routes, .guardfs/backends/NAME and `expose` directories. 0, or -ENOENT: also outside the
 * mountpoint. */
errint_t ctl_responsible_for(const json_t *status, const char *absolute,
			     struct ctl_responsible *responsible) WARN_UNUSED;

/* path: a user's, relative to the working directory. The exit status. */
int ctl_responsible_named(const struct ctl_instance *instance, const char *path,
			  struct ctl_responsible *responsible) WARN_UNUSED;

/* "30s", "500ms", "2m", "1h", "30" (seconds). 0 or -EINVAL (also above a year). */
errint_t ctl_parse_duration(const char *text, uint64_t *ms) WARN_UNUSED;

/* For guardctl wait. state: or "ok" for the whole. backend NULL: all. 1, 0, -ENOENT: no such backend. */
int ctl_wait_reached(const json_t *status, const char *state, const char *backend);

/* A member; "" or 0: missing or of another type. Borrowed. */
const char *ctl_text(const json_t *object, const char *key);
int64_t ctl_number(const json_t *object, const char *key);

/* Of any bytes, by utf8_clean. NULL: out of memory. */
json_t *ctl_json_string(const char *s);

bool ctl_lists(const json_t *array, const char *text);

/* Borrowed; NULL: none. */
const json_t *ctl_find_backend(const json_t *status, const char *name);

/* "guardctl: TEXT" on stderr, harmless to terminals. Returns status. */
int ctl_fail(int status, const char *format, ...) PRINTF_LIKE(2, 3);

/* The exit status. */
int ctl_print_json(const json_t *answer);

/* Asks keeper (docs/PROTOCOL.control.md). arguments: reference taken, may be NULL. Progress goes to stderr.
 * CTL_EXIT_OK with *result (the caller's), or an exit status. */
int ctl_ask(const struct ctl_instance *instance, const char *command, json_t *arguments, uint32_t timeout_ms,
	    json_t **result) WARN_UNUSED;

/* As ctl_ask, on the options' instance. */
#define CTL_ASK_MS	15000
#define CTL_DIAGNOSE_MS 120000
int ctl_ask_about(const struct ctl_options *options, const char *command, json_t *arguments,
		  uint32_t timeout_ms, json_t **result) WARN_UNUSED;

/* number: an incident's, as typed. As ctl_ask_about. */
int ctl_ask_incident(const struct ctl_options *options, const char *number, json_t **result) WARN_UNUSED;

/* "7d", "30m" (ago), "1767866400" (since the epoch; 9 digits or more), "2026-01-08" (local midnight). 0 or
 * -EINVAL. */
errint_t ctl_parse_since(const char *text, int64_t now, int64_t *since) WARN_UNUSED;

/* 1 to max. 0 or -EINVAL. */
errint_t ctl_parse_number(const char *text, uint64_t max, uint64_t *value) WARN_UNUSED;

/* --for: whole seconds, rounded up, at least 1. The exit status. */
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
int ctl_cmd_generations(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_smoke(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_snapshot(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_sync(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_verify(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_watch(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_complete(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_version(const struct ctl_options *options, int argc, char **argv);
int ctl_cmd_help(const struct ctl_options *options, int argc, char **argv);
void ctl_print_help(FILE *out);
void ctl_print_command_help(FILE *out, const struct ctl_command *command);

#endif
