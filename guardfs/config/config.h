/* Guardfs.conf, hostile until checked. Parsed by guardian before other processes or a mount exist, and by
 * guardctl. Plain data without pointers, in the arena. keys.c has each key's meaning and default. An empty string
 * means none. */
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
#define CONFIG_IDS_MAX		  64

enum backend_type { BACKEND_LOCAL, BACKEND_DIR, BACKEND_SSHFS, BACKEND_SFTP, BACKEND_COMMAND };
enum config_filter { FILTER_NONE, FILTER_FAULT };
/* docs/WRITEBEHIND.md. */
enum config_durability { DURABILITY_THROUGH, DURABILITY_BEHIND };

/* docs/SFTP.md. */
enum config_stream { STREAM_LIBSSH, STREAM_OPENSSH };

/* 0: never. */
struct config_checkpoint {
	uint32_t mib;
	uint32_t ms;
};

/* Owners or groups: the server's number, and the one that it has here. */
struct config_ids {
	uint32_t n;
	struct config_id {
		uint32_t there, here;
	} pair[CONFIG_IDS_MAX];
};

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
	char path[CONFIG_PATH_MAX];
	char identity[CONFIG_PATH_MAX];
	char known_hosts[CONFIG_PATH_MAX];
	char password_file[CONFIG_PATH_MAX];
	char askpass[CONFIG_PATH_MAX];
	char agent[CONFIG_PATH_MAX];
	bool compression;
	char alias[CONFIG_PATH_MAX];
	char expose[CONFIG_PATH_MAX];
	char marker[64];
	bool adopt;
	/* uid, gid or umask was given: chmod and chown do nothing. */
	bool present_owner;
	bool has_uid, has_gid, has_umask;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	struct config_ids uid_map, gid_map;
	/* EPERM for what the maps do not have. */
	bool map_strictly;
	bool contain_links;
	bool relative_links;
	bool follow_links;
	bool hard_links;
	char sshfs_options[CONFIG_OPTIONS_MAX];
	char sshfs_command[CONFIG_PATH_MAX];
	enum config_stream stream;
	char ssh_command[CONFIG_PATH_MAX];
	/* Words with a shell's quotes. */
	char ssh_arguments[CONFIG_OPTIONS_MAX];
	/* Subsystem, or with a slash a program on the server. */
	char sftp_server[CONFIG_PATH_MAX];
	char ssh_config[CONFIG_PATH_MAX];
	char ssh_options[CONFIG_OPTIONS_MAX];
	bool ssh_lenient;
	char fault_control[CONFIG_PATH_MAX];
	uint32_t max_inflight;
	struct config_program command;
	uint32_t max_memory_mib;
	bool canary;
	uint32_t buffer_mib;
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
	char root[CONFIG_NAME_MAX];
	bool allow_suid, allow_dev;
	bool check_permissions;
	bool allow_other;
	/* Of those others, root alone. */
	bool only_root;
	/* Ends if a backend cannot be reached at the start. */
	bool must_connect;
	char source[CONFIG_PATH_MAX];
	char subtype[CONFIG_NAME_MAX];
	/* Only by mount options (config_apply_options, main.c). */
	bool read_only, no_exec;
	/* Change the present mount: ro, suid, dev, exec. */
	bool remount;
	bool closed;
	bool passthrough;
	bool sandbox;
	uint32_t local_cache_ms;
	uint32_t guarded_cache_ms;
	/* policy/share.h. */
	uint32_t user_share;
	uint32_t max_readahead_kib, readahead_most_kib;
	/* EIO or ETIMEDOUT. */
	int error;
	struct deadlines deadline;
	uint32_t listing_ms;
	char manifest[CONFIG_PATH_MAX];
	uint32_t n_patterns;
	struct config_pattern patterns[CONFIG_PATTERNS_MAX];
	uint32_t n_backends;
	struct config_backend backends[CONFIG_BACKENDS_MAX];
	uint32_t backoff_min_ms, backoff_max_ms;
	uint32_t probe_interval_ms;
	uint32_t probe_timeout_ms;
	uint32_t probe_jitter;
	uint32_t connect_timeout_ms;
	uint32_t confirm_ms;
	uint32_t patience_ms;
	uint32_t recoveries_per_hour;
	uint32_t recoveries_per_day;
	uint32_t flap_count, flap_window_ms;
	bool diagnose;
	uint32_t connections;
	/* Compared with 99th percentiles. */
	uint32_t slow_ms[OP_CLASS_COUNT];
	uint32_t slow_for_ms;
	bool settle;
	uint32_t settle_rate_mib;
	char control_group[CONFIG_NAME_MAX];

	/* Empty: no acts. */
	char sentinel[CONFIG_PATH_MAX];
	uint32_t hook_timeout_ms;
	uint32_t act_confirm_failures, act_confirm_ms;
	uint32_t act_cooldown_ms, act_per_hour, act_per_day;
	uint32_t n_hooks;
	struct config_program hooks[CONFIG_HOOKS_MAX];

	uint32_t journal_keep_days, journal_keep_mib;

	/* docs/STATEFILES.md, policy/statefile.h. */
	char state_files[CONFIG_STATE_FILES_MAX];
	uint32_t state_size_kib;
	uint32_t state_generations, state_keep_mib;

	uint32_t n_job_patterns;
	char job_patterns[CONFIG_JOB_PATTERNS_MAX]
			 /* as config_pattern.pattern */
			 [CONFIG_PATH_MAX];
	/* Empty: on_stall never runs. */
	char stall_sentinel[CONFIG_PATH_MAX];
	uint32_t stall_cooldown_ms, stall_per_day;

	char metrics_textfile[CONFIG_PATH_MAX];
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
