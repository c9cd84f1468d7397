/* sshfs-guard: its command line, the configuration that it writes, the first login. docs/SSHFS.md. message:
 * CONFIG_ERROR_MAX bytes. */
#ifndef SSHFS_COMPAT_DROP_IN_H
#define SSHFS_COMPAT_DROP_IN_H

#include "config/config.h"
#include "policy/errclass.h"
#include <stdio.h>

#define DROP_IN_PROGRAM "sshfs-guard"
#define DROP_IN_BACKEND "server" /* the name of the only one */
/* In its help, and in no sshfs's. */
#define DROP_IN_HELP_MARK "Without effect (" DROP_IN_PROGRAM "(1) says why):"
#define DROP_IN_KEYS_MAX  24
/* Environment variable of ssh: the place of the asker's socket. */
#define DROP_IN_ASK_SOCKET "SSHFS_GUARD_ASK"

/* Of guardfs.conf(5), by -o guard=SECTION.KEY=VALUE. */
struct drop_in_key {
	char section[16], name[32];
	char value[256];
};

/* What was typed. */
struct drop_in {
	bool help, version, foreground;
	/* "" if missing; mountpoint as typed. */
	char source[CONFIG_PATH_MAX], mountpoint[CONFIG_PATH_MAX];
	/* Of source. */
	char user[64], host[256], path[CONFIG_PATH_MAX];
	uint32_t port;
	/* ConnectTimeout; 0: not given. */
	uint32_t connect_timeout_s;
	char ssh_command[CONFIG_PATH_MAX], ssh_config[CONFIG_PATH_MAX];
	char ssh_arguments[CONFIG_OPTIONS_MAX], sftp_server[CONFIG_PATH_MAX];
	/* directport; 0: by ssh. */
	uint32_t direct_port;
	/* As the backend's key has them. */
	char ssh_options[CONFIG_OPTIONS_MAX];
	/* transport=libssh. */
	bool libssh;
	bool allow_other, allow_root, default_permissions, read_only, no_exec, suid, dev;
	bool nonempty, delay_connect, no_check_root, password_stdin;
	/* Every write waits for the server. */
	bool sync;
	bool contain_links, relative_links, follow_links, no_hard_links;
	/* Names and attributes are kept for so long. */
	bool has_cache;
	uint32_t cache_ms;
	/* One connection for everything. */
	bool alone;
	/* idmap=user. */
	bool mine;
	/* idmap=file: files of NAME:ID, "" if not given; nomap=ignore. Then, as the backend's keys have them. */
	bool mapped, map_loosely;
	char uid_file[CONFIG_PATH_MAX], gid_file[CONFIG_PATH_MAX];
	char uid_map[CONFIG_OPTIONS_MAX * 2], gid_map[CONFIG_OPTIONS_MAX * 2];
	bool has_uid, has_gid, has_umask;
	uint32_t uid, gid, umask;
	char fsname[CONFIG_PATH_MAX], subtype[CONFIG_NAME_MAX];
	uint32_t n_keys;
	struct drop_in_key keys[DROP_IN_KEYS_MAX];
	/* What has no effect, and why, a line each. */
	char notes[4096];
};

enum drop_in_fate { FATE_HONOURED, FATE_WITHOUT_EFFECT, FATE_REFUSED };

/* An option of -o. */
struct drop_in_option {
	const char *name;
	enum drop_in_value { HAS_VALUE_NEVER, HAS_VALUE_ALWAYS, HAS_VALUE_MAYBE } value;
	enum drop_in_fate fate;
	/* What it does, why it does nothing, or why it is refused. */
	const char *text;
	/* HONOURED: 0, or -EINVAL with message. value: "" if there is none. */
	errint_t (*take)(struct drop_in *d, const char *value, char *message);
};

extern const struct drop_in_option drop_in_options[];
extern const size_t drop_in_option_count;

/* Names of ssh_config(5) handed on; NULL ends. */
extern const char *const drop_in_ssh_options[];

/* cwd: for relative names of files. argv is permuted. 0, or -EINVAL: message says what is wrong, and what to do.
 * Without help or version source and mountpoint are there. */
errint_t drop_in_parse(struct drop_in *d, int argc, char **argv, const char *cwd, char *message) WARN_UNUSED;

void drop_in_usage(FILE *out);

/* For idmap=file: reads the files of ids, looks the names up here. Those that nobody has here are left out, and said on
 * standard error. 0; -EINVAL with message: no file of ours, or no such line. */
errint_t drop_in_read_ids(struct drop_in *d, char *message) WARN_UNUSED;

/* In the place of ssh, for directport: `SELF DROP_IN_DIRECT PORT ... -- HOST ...` carries bytes between standard input
 * and output and that TCP port. Exit status, once both ends are at their end. */
#define DROP_IN_DIRECT "--direct"
int drop_in_direct(int argc, char **argv);

struct drop_in_places {
	/* Absolute; without links, as far as can be known. self: this program. */
	const char *mountpoint, *self;
	/* Directories of all mounts of this user: what is of this moment, and what is to last. */
	const char *run_root, *state_root;
	uint32_t uid, gid;
};

/* run_root and state_root of who runs this. 0; -ENOENT, -ENAMETOOLONG with message. */
errint_t drop_in_roots(char run[CONFIG_PATH_MAX], char state[CONFIG_PATH_MAX], char *message) WARN_UNUSED;

/* From the mount's host and whole mountpoint. Pure. */
void drop_in_name(const struct drop_in *d, const char *mountpoint, char name[CONFIG_NAME_MAX]);

/* The configuration's text. asks: somebody can be asked for passwords (SSH_ASKPASS). Pure. 0; -EINVAL, -E2BIG with
 * message. */
errint_t drop_in_config(const struct drop_in *d, const struct drop_in_places *places, bool asks, char *text,
			size_t size, char *message) WARN_UNUSED;

/* The first login, on the terminal; then the directory is looked for. Without a terminal nobody answers what ssh
 * asks: ended after limit_ms. 0; else message says in one line what is wrong and what to do, and ssh's own words
 * were shown. */
errint_t drop_in_login(const struct config_backend *backend, bool looks_for_directory, int limit_ms,
		       char *message) WARN_UNUSED;

/* What the user is to do about trouble of this class with the first login. Pure. */
const char *drop_in_advice(enum errclass class);

/* Who answers ssh: docs/SSHFS.md, "Questions". */
struct drop_in_asker {
	pid_t pid;
	/* Its parent's end of a socket; -1: there is none. */
	int control;
	char socket[CONFIG_PATH_MAX + 8];
};

/* password: answers the first question for a password, from standard input; or NULL. The asker has it in memory that
 * is not swapped out; wiped here, in both processes. socket: its place. Sets the environment for ssh. 0 or
 * -errno. */
errint_t drop_in_asker_start(struct drop_in_asker *a, const char *socket, char *password) WARN_UNUSED;

/* After the first login: does the asker keep anything? If not it ends, and the environment is as before. */
bool drop_in_asker_settle(struct drop_in_asker *a, const char *mountpoint);

/* No mount came of it. */
void drop_in_asker_end(struct drop_in_asker *a);

/* In the program that ssh runs: the answer to standard output; exit status. Without one to what the server asks, ssh,
 * the parent, is ended by SIGTERM. */
int drop_in_ask(const char *socket, const char *prompt);

#endif
