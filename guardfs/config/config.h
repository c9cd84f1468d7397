/* config.h: guardfs.conf, hostile until checked. Parsed by guardian before other processes or a mount exist,
 * and by guardctl. Plain data without pointers, in the arena. keys.c has the defaults. An empty string means
 * none. */
#ifndef GUARDFS_CONFIG_CONFIG_H
#define GUARDFS_CONFIG_CONFIG_H

#include "base/base.h"
#include "policy/deadline.h"
#include <sys/types.h>

#define CONFIG_NAME_MAX		  32   /* with terminator: [A-Za-z0-9_.-]+ */
#define CONFIG_PATH_MAX		  1024 /* with terminator */
#define CONFIG_OPTIONS_MAX	  1024
#define CONFIG_BACKENDS_MAX	  16
#define CONFIG_PATTERNS_MAX	  32
#define CONFIG_JOB_PATTERNS_MAX	  8
#define CONFIG_INFLIGHT_TOTAL_MAX 768u /* of all backends together */
#define CONFIG_ERROR_MAX	  512
#define CONFIG_STATE_FILES_MAX	  256

enum backend_type { BACKEND_LOCAL, BACKEND_DIR, BACKEND_SSHFS, BACKEND_SFTP, BACKEND_COMMAND };
enum config_filter { FILTER_NONE, FILTER_FAULT };
/* When is a write acknowledged? docs/WRITEBEHIND.md. */
enum config_durability { DURABILITY_THROUGH, DURABILITY_BEHIND };

/* What carries SFTP's packets: libssh in the transport, or the OpenSSH client (docs/SFTP.md). */
enum config_stream { STREAM_LIBSSH, STREAM_OPENSSH };

/* A file that is written syncs by itself when so much of it is not synced, or has not been for so long; 0: never. */
struct config_checkpoint {
	uint32_t mib;
	uint32_t ms;
};

/* How is an open file known again after a reconnect? */
enum config_replay_check { REPLAY_SIZE, REPLAY_CONTENT };

#define CONFIG_HOOK_WORDS_MAX 32
#define CONFIG_HOOK_ARGV_MAX  1024

struct config_program {
	/* enum config_hook. */
	uint32_t hook;
	uint32_t argc;
	/* argc terminated words. */
	char argv[CONFIG_HOOK_ARGV_MAX];
};

struct config_backend {
	char name[CONFIG_NAME_MAX];
	enum backend_type type;
	enum config_filter filter;
	enum config_durability durability;
	char host[256];
	uint16_t port;
	char user[64];
	/* dir: the directory; sshfs: the remote path, empty: the home. */
	char path[CONFIG_PATH_MAX];
	char identity[CONFIG_PATH_MAX];
	char known_hosts[CONFIG_PATH_MAX];
	/* STREAM_LIBSSH: file with the user's password; program that prints the passphrase of identity; socket of an agent. */
	char password_file[CONFIG_PATH_MAX];
	char askpass[CONFIG_PATH_MAX];
	char agent[CONFIG_PATH_MAX];
	/* STREAM_LIBSSH: ask for compression. */
	bool compression;
	/* Absolute prefix in manifests. */
	char alias[CONFIG_PATH_MAX];
	/* .guardfs/backends/NAME is bound here. */
	char expose[CONFIG_PATH_MAX];
	/* UUID in .guardfs-id. */
	char marker[64];
	/* Write a missing marker at first use. */
	bool adopt;
	/* uid, gid or umask was given: chmod and chown do nothing. */
	bool present_owner;
	bool has_uid, has_gid, has_umask;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	/* Neither show nor make links that may lead out of their tree. */
	bool contain_links;
	/* Show an absolute link into the tree as a relative one. */
	bool relative_links;
	/* Comma-separated. */
	char sshfs_options[CONFIG_OPTIONS_MAX];
	/* Name in PATH, or path. */
	char sshfs_command[CONFIG_PATH_MAX];
	/* sftp. */
	enum config_stream stream;
	/* STREAM_OPENSSH: name in PATH, or path; the file for its -F; comma-separated "Name=value". */
	char ssh_command[CONFIG_PATH_MAX];
	char ssh_config[CONFIG_PATH_MAX];
	char ssh_options[CONFIG_OPTIONS_MAX];
	/* The same: host keys and ways to log in are ssh_config's affair, and ssh_options'. */
	bool ssh_lenient;
	char
	    /* Control file of filter = fault. */
	    fault_control[CONFIG_PATH_MAX];
	/* Operations inside the backend at once. */
	uint32_t max_inflight;
	/* command: the program that mounts it. */
	struct config_program command;
	/* Of its sshfs. */
	uint32_t max_memory_mib;
	/* Probes write, read and remove a small file. */
	bool canary;
	/* durability = behind: limit of owed data, */
	uint32_t buffer_mib;
	/* and of the time to drain it. */
	uint32_t drain_ms;
	struct config_checkpoint checkpoint;
	enum config_replay_check replay_check;
};

/* Events that run operators' programs (keeper/hooks.h). */
enum config_hook {
	CONFIG_HOOK_DOWN,
	CONFIG_HOOK_RECOVERED,
	CONFIG_HOOK_EXHAUSTED,
	CONFIG_HOOK_STALL,
	CONFIG_HOOK_SUSPECT,
	CONFIG_HOOK_COUNT
};
#define CONFIG_HOOKS_MAX 16
struct config_pattern {
	/* Matched with the path in the mount by fnmatch(3), FNM_PATHNAME|FNM_PERIOD. */
	char pattern[CONFIG_PATH_MAX];
	/* Index into backends. */
	uint8_t backend;
	/* Precedes the relative path on the backend; no leading slash. */
	char target[CONFIG_PATH_MAX];
};

struct config {
	char file[CONFIG_PATH_MAX];
	char name[CONFIG_NAME_MAX];
	char mountpoint[CONFIG_PATH_MAX];
	char local[CONFIG_PATH_MAX];
	char run_dir[CONFIG_PATH_MAX];
	char state_dir[CONFIG_PATH_MAX];
	/* Backend whose tree the whole mount shows, but for .guardfs; empty: the local tier. */
	char root[CONFIG_NAME_MAX];
	/* False: nosuid, nodev. */
	bool allow_suid, allow_dev;
	/* False: those of the server alone. */
	bool check_permissions;
	/* False: the user who mounts, and nobody else. */
	bool allow_other;
	/* Source in the mount table; empty: guardfs:NAME. */
	char source[CONFIG_PATH_MAX];
	/* What follows "fuse." there. */
	char subtype[CONFIG_NAME_MAX];
	/* Only by mount options (config_apply_options, main.c). */
	bool read_only, no_exec;
	/* Change the present mount: ro, suid, dev, exec. */
	bool remount;
	/* The mountpoint gives ENOTCONN after guardfs's end. */
	bool closed;
	/* For regular files of the local tier. */
	bool passthrough;
	/* Worker and keeper give up needless privileges. */
	bool sandbox;
	/* Entry and attribute time of the local tier. */
	uint32_t local_cache_ms;
	/* The same of guarded tiers, at most 1000. */
	uint32_t guarded_cache_ms;
	/* Per cent of what is free and the user's (policy/share.h). */
	uint32_t user_share;
	/* To begin with, and when backends are slow; when they are fast. */
	uint32_t max_readahead_kib, readahead_most_kib;
	/* For infrastructure trouble: EIO or ETIMEDOUT. */
	int error;
	struct deadlines deadline;
	/* Longest time of a listing whose entries keep coming. */
	uint32_t listing_ms;
	char manifest[CONFIG_PATH_MAX];
	uint32_t n_patterns;
	struct config_pattern patterns[CONFIG_PATTERNS_MAX];
	uint32_t n_backends;
	struct config_backend backends[CONFIG_BACKENDS_MAX];
	uint32_t backoff_min_ms, backoff_max_ms;
	uint32_t probe_interval_ms;
	uint32_t probe_timeout_ms;
	/* Per cent of the interval. */
	uint32_t probe_jitter;
	/* Time of a recovery try. */
	uint32_t connect_timeout_ms;
	/* From outage to first try. */
	uint32_t confirm_ms;
	/* Callers wait in a younger outage; 0: never. */
	uint32_t patience_ms;
	/* Recovered outages of one backend; 0: no cap. */
	uint32_t recoveries_per_hour;
	uint32_t recoveries_per_day;
	/* So many breaks in the window are flapping; 0: never. */
	uint32_t flap_count, flap_window_ms;
	/* Ask the server beside the mount what is wrong. */
	bool diagnose;
	/* SSH connections to one account at once. */
	uint32_t connections;
	/* A 99th percentile beyond this is slow; 0: no bound. */
	uint32_t slow_ms[OP_CLASS_COUNT];
	/* Slow for so long is degraded. */
	uint32_t slow_for_ms;
	/* Keeper looks what has become of suspect files. */
	bool settle;
	/* At most so many MiB a second of a backend. */
	uint32_t settle_rate_mib;
	/* Group that may read over the control socket; empty: root only. */
	char control_group[CONFIG_NAME_MAX];

	/* Acting beyond guardfs: hooks. */
	/* Must exist for any act; empty: no acts. */
	char sentinel[CONFIG_PATH_MAX];
	uint32_t hook_timeout_ms;
	/* Failed tries and age of an outage before on_down. */
	uint32_t act_confirm_failures, act_confirm_ms;
	uint32_t act_cooldown_ms, act_per_hour, act_per_day;
	uint32_t n_hooks;
	struct config_program hooks[CONFIG_HOOKS_MAX];

	uint32_t journal_keep_days, journal_keep_mib;

	/* State files (docs/STATEFILES.md): which (policy/statefile.h; empty: none), and up to what size. */
	char state_files[CONFIG_STATE_FILES_MAX];
	uint32_t state_size_kib;
	/* Versions of each that are kept; MiB of all. */
	uint32_t state_generations, state_keep_mib;

	/* Directories whose progress is watched. */
	uint32_t n_job_patterns;
	char job_patterns[CONFIG_JOB_PATTERNS_MAX]
			 /* as config_pattern.pattern */
			 [CONFIG_PATH_MAX];
	/* Must exist for on_stall; empty: never. */
	char stall_sentinel[CONFIG_PATH_MAX];
	/* Of on_stall for one job: pause, and runs a day. */
	uint32_t stall_cooldown_ms, stall_per_day;

	/* Keeper's metrics for node_exporter. */
	char metrics_textfile[CONFIG_PATH_MAX];
	/* Also under HealthArchive's names. */
	bool metrics_healtharchive;
};

/* Reads and checks path. -EINVAL: content; -EPERM: others than root and the effective user may write the file
 * or a directory above; or reading's errno. error (CONFIG_ERROR_MAX bytes) is then "FILE:LINE: found,
 * expected", *config undefined. */
errint_t config_load(const char *path, struct config *config, char *error) WARN_UNUSED;

/* The same for text in memory, without the file system. file: its name in messages. For fuzzing and tests. */
errint_t config_parse(const char *file, const char *text, size_t n, struct config *config,
		      char *error) WARN_UNUSED;

/* Applies a mount(8) option string "a=b,c": keys of [mount]; generic options are applied (ro, rw, suid, dev,
 * exec, opposites, remount), ignored (noatime, _netdev, nofail, user, x-*), or refused (sync, dirsync).
 * Returns as config_parse. */
errint_t config_apply_options(struct config *config, const char *options, char *error) WARN_UNUSED;

/* The effective configuration, in config_parse's syntax. */
#include <stdio.h>
void config_print(const struct config *config, FILE *out);

/* Index, or -1. */
int config_find_backend(const struct config *config, const char *name);

const char *backend_type_name(enum backend_type type);

/* Is it reached through a process that keeper starts, kills and restarts? */
static inline bool backend_has_carrier(enum backend_type type)
{
	return type == BACKEND_SSHFS || type == BACKEND_SFTP || type == BACKEND_COMMAND;
}

/* Is there an SFTP server at its end? */
static inline bool backend_has_server(enum backend_type type)
{
	return type == BACKEND_SSHFS || type == BACKEND_SFTP;
}

/* Does the OpenSSH client alone know how to reach its server: jump hosts, agents, certificates? */
static inline bool backend_is_reached_by_ssh(const struct config_backend *b)
{
	return b->type == BACKEND_SFTP && b->stream == STREAM_OPENSSH;
}

/* Is its carrier a program that mounts it for keeper? */
static inline bool backend_is_mounted(enum backend_type type)
{
	return type == BACKEND_SSHFS || type == BACKEND_COMMAND;
}

/* Does it have owners, errors and mounts as any file system, without the ways of SFTP? */
static inline bool backend_is_plain(enum backend_type type)
{
	return type == BACKEND_DIR || type == BACKEND_COMMAND;
}

/* Index of the backend that is the mount's root, or -1: the local tier is. */
int config_root_backend(const struct config *config);

/* Such as "on_down". */
const char *config_hook_name(enum config_hook hook);

bool config_has_hook(const struct config *config, enum config_hook hook);

/* Fills words (CONFIG_HOOK_WORDS_MAX + 1) with pointers into program, then NULL. Returns the number; 0:
 * damaged. */
unsigned config_program_words(const struct config_program *program, char **words);

#endif
