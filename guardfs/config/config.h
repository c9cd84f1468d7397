/* config.h: guardfs.conf, read, checked and bounded. Everything in it is hostile until checked.
 *
 * Parsed in guardian before any process or mount exists, and by guardctl. Plain data without pointers, so
 * that it lies in the arena for every process. */
#ifndef GUARDFS_CONFIG_CONFIG_H
#define GUARDFS_CONFIG_CONFIG_H

#include "base/base.h"
#include "policy/deadline.h"
#include <sys/types.h>

#define CONFIG_NAME_MAX		  32   /* backend and mount names: [A-Za-z0-9_.-]+, terminated */
#define CONFIG_PATH_MAX		  1024 /* any path in the configuration, terminated */
#define CONFIG_OPTIONS_MAX	  1024
#define CONFIG_BACKENDS_MAX	  16
#define CONFIG_PATTERNS_MAX	  32
#define CONFIG_JOB_PATTERNS_MAX	  8
#define CONFIG_INFLIGHT_TOTAL_MAX 768u /* max_inflight of all backends together */
#define CONFIG_ERROR_MAX	  512

enum backend_type { BACKEND_LOCAL, BACKEND_DIR, BACKEND_SSHFS, BACKEND_SFTP };
enum config_filter { FILTER_NONE, FILTER_FAULT };
/* When a write is acknowledged: when storage has it, or before (docs/WRITEBEHIND.md). */
enum config_durability { DURABILITY_THROUGH, DURABILITY_BEHIND };

struct config_backend {
	char name[CONFIG_NAME_MAX];
	enum backend_type type;
	enum config_filter filter;
	enum config_durability durability;
	char host[256];
	uint16_t port; /* default 22 */
	char user[64];
	char path[CONFIG_PATH_MAX]; /* dir: the directory; sshfs: remote path, empty = remote home */
	char identity[CONFIG_PATH_MAX];
	char known_hosts[CONFIG_PATH_MAX];
	char alias[CONFIG_PATH_MAX];  /* absolute prefix by which manifests name this backend; empty: none */
	char expose[CONFIG_PATH_MAX]; /* where .guardfs/backends/NAME is bound on the host; empty: nowhere */
	char marker[64];	      /* UUID expected in .guardfs-id; empty: none */
	bool adopt;		      /* write the marker at first use if there is none */
	bool present_owner; /* any of uid, gid, umask was given: ownership is presented, chmod and chown are
			       no-ops */
	bool has_uid, has_gid, has_umask;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool contain_links; /* links that may lead out of their tree are neither shown nor made */
	char sshfs_options[CONFIG_OPTIONS_MAX]; /* comma-separated, handed on to sshfs */
	char sshfs_command[CONFIG_PATH_MAX];	/* default "sshfs" (looked up in PATH) */
	char
	    fault_control[CONFIG_PATH_MAX]; /* filter = fault: its control file; default RUN_DIR/fault.NAME */
	uint32_t max_inflight;		    /* operations inside the backend at once, default 128, 1..512 */
	uint32_t max_memory_mib;	    /* of its sshfs, default 1024 */
	bool canary;			    /* probes also write, read and remove a small file */
	uint32_t buffer_mib;		    /* durability = behind: so much may be owed to it, default 64 */
	uint32_t drain_ms;		    /* and no more than it takes in this time, default 5 s */
};

/* Events at which the operator's programs are run (keeper/hooks.h). */
enum config_hook {
	CONFIG_HOOK_DOWN,
	CONFIG_HOOK_RECOVERED,
	CONFIG_HOOK_EXHAUSTED,
	CONFIG_HOOK_STALL,
	CONFIG_HOOK_SUSPECT,
	CONFIG_HOOK_COUNT
};
#define CONFIG_HOOKS_MAX      16
#define CONFIG_HOOK_WORDS_MAX 32
#define CONFIG_HOOK_ARGV_MAX  1024

/* A program and its arguments. */
struct config_program {
	uint32_t hook; /* enum config_hook */
	uint32_t argc;
	char argv[CONFIG_HOOK_ARGV_MAX]; /* argc words, each terminated, one after the other */
};

struct config_pattern {
	char pattern[CONFIG_PATH_MAX]; /* fnmatch(3) with FNM_PATHNAME|FNM_PERIOD over the path relative to
					  the mount */
	uint8_t backend;	       /* index into backends */
	char target[CONFIG_PATH_MAX]; /* prefix on the backend; the full relative path is appended; no leading
					 slash */
};

struct config {
	char file[CONFIG_PATH_MAX]; /* absolute path of the configuration file */
	char name[CONFIG_NAME_MAX];
	char mountpoint[CONFIG_PATH_MAX];
	char local[CONFIG_PATH_MAX];
	char run_dir[CONFIG_PATH_MAX];
	char state_dir[CONFIG_PATH_MAX];
	bool allow_suid, allow_dev; /* default false: mounted nosuid,nodev */
	/* By mount options alone (config_apply_options, main.c). */
	char source[CONFIG_PATH_MAX]; /* what the mount table shows as the source; empty: guardfs:NAME */
	bool read_only, no_exec;
	bool remount;		    /* change what is mounted already: ro, suid, dev, exec */
	bool closed;		    /* the mountpoint gives ENOTCONN when guardfs has ended, default false */
	bool passthrough;	    /* FUSE passthrough for regular files of the local tier, default true */
	bool sandbox;		    /* worker and keeper give up what they do not need, default true */
	uint32_t local_cache_ms;    /* entry and attribute time of the local tier, default 1000 */
	uint32_t guarded_cache_ms;  /* the same for guarded tiers, default 1000, at most 1000 */
	uint32_t user_share;	    /* per cent of what is free and his that one user may have, default 50 */
	uint32_t max_readahead_kib; /* read_ahead_kb of the mount, default 1024 */
	int error;		    /* errno for infrastructure trouble: EIO (default) or ETIMEDOUT */
	struct deadlines deadline;
	uint32_t listing_ms;		/* a listing whose entries come may take so long, default 10 min */
	char manifest[CONFIG_PATH_MAX]; /* empty: none */
	uint32_t n_patterns;
	struct config_pattern patterns[CONFIG_PATTERNS_MAX];
	uint32_t n_backends;
	struct config_backend backends[CONFIG_BACKENDS_MAX];
	uint32_t backoff_min_ms, backoff_max_ms; /* defaults 1 s, 60 s */
	uint32_t probe_interval_ms;		 /* default 5 s */
	uint32_t probe_timeout_ms;		 /* default 4 s */
	uint32_t probe_jitter;			 /* per cent of probe_interval, default 10 */
	uint32_t connect_timeout_ms;		 /* a recovery try is given up after this, default 20 s */
	uint32_t confirm_ms;  /* a backend is down for so long before the first try, default 0 */
	uint32_t patience_ms; /* an outage is young for so long: callers wait; default 10 s, 0: never */
	uint32_t recoveries_per_hour; /* outages of one backend that are recovered from; 0: no cap */
	uint32_t recoveries_per_day;
	uint32_t flap_count, flap_window_ms; /* so many breaks in the window: flapping; 0: never */
	bool diagnose;			     /* ask the server beside the mount what is wrong, default yes */
	uint32_t connections;		     /* SSH connections of guardfs to one account at once */
	uint32_t slow_ms[OP_CLASS_COUNT];    /* 99th percentile beyond this is slow; 0: no bound */
	uint32_t slow_for_ms;		     /* slow for so long: degraded */
	char control_group[CONFIG_NAME_MAX]; /* who may read over the control socket; empty: root only */

	/* Acting beyond guardfs: hooks. */
	char sentinel[CONFIG_PATH_MAX]; /* must exist for any of it; empty: nothing of it is ever done */
	uint32_t hook_timeout_ms;
	uint32_t act_confirm_failures, act_confirm_ms; /* failed tries and age of the outage before on_down */
	uint32_t act_cooldown_ms, act_per_hour, act_per_day;
	uint32_t n_hooks;
	struct config_program hooks[CONFIG_HOOKS_MAX];

	uint32_t journal_keep_days, journal_keep_mib;

	/* Jobs: directories whose progress is watched. */
	uint32_t n_job_patterns;
	char job_patterns[CONFIG_JOB_PATTERNS_MAX]
			 [CONFIG_PATH_MAX];	   /* as config_pattern.pattern: of a job's directory */
	char stall_sentinel[CONFIG_PATH_MAX];	   /* must exist for on_stall; empty: it is never run */
	uint32_t stall_cooldown_ms, stall_per_day; /* between two on_stall for a job; how many in a day */

	char metrics_textfile[CONFIG_PATH_MAX]; /* where keeper writes metrics for node_exporter; empty: none
						 */
	bool metrics_healtharchive; /* also under the names that HealthArchive's rules and dashboards use */
};

/* Reads and checks path. Refuses a file, or a directory above it, that others than root and the caller's
 * effective user can write to. On error returns -EINVAL (content), -EPERM (writable by others) or the errno
 * of reading it, and error (CONFIG_ERROR_MAX bytes) holds "FILE:LINE: what was found, what was expected".
 * *config is then undefined. */
errint_t config_load(const char *path, struct config *config, char *error) WARN_UNUSED;

/* The same over text already in memory, without any look at the file system; file names it in messages. For
 * fuzzing and tests. */
errint_t config_parse(const char *file, const char *text, size_t n, struct config *config,
		      char *error) WARN_UNUSED;

/* Overrides from a mount(8) option string "a=b,c": keys of [mount]; generic options, which are applied (ro,
 * rw, suid, dev, exec and their opposites, remount), ask nothing of guardfs (noatime, _netdev, nofail, user,
 * x-*,
 * ...), or are refused, with the reason (sync, dirsync). Returns as config_parse. */
errint_t config_apply_options(struct config *config, const char *options, char *error) WARN_UNUSED;

/* Prints the effective configuration in the syntax that config_parse reads. */
#include <stdio.h>
void config_print(const struct config *config, FILE *out);

/* Index of the backend with that name, or -1. */
int config_find_backend(const struct config *config, const char *name);

const char *backend_type_name(enum backend_type type);

/* "on_down", "on_recovered", ... */
const char *config_hook_name(enum config_hook hook);

/* Is there a program for it? */
bool config_has_hook(const struct config *config, enum config_hook hook);

/* Fills words (CONFIG_HOOK_WORDS_MAX + 1 entries) with the program's words, NULL after the last. They point
 * into program. Returns how many; 0 if it is damaged. */
unsigned config_program_words(const struct config_program *program, char **words);

#endif
