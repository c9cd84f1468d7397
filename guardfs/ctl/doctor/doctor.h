/* guardctl doctor: checks of machine, configuration and guardfs. None touches a mount. A check judges struct
 * doctor or its arguments: tests can pass bad ones. */
#ifndef GUARDFS_CTL_DOCTOR_H
#define GUARDFS_CTL_DOCTOR_H

#include "ctl/ctl.h"

enum doctor_severity { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_WARNING, DOCTOR_ERROR, DOCTOR_SEVERITY_COUNT };

/* Inputs are borrowed. */
struct doctor {
	/* Prefix of system paths; "" but in tests. */
	const char *root;
	const char *run_root;
	/* NULL: unknown. */
	const struct config *config;
	/* "": no file named, and no guardfs runs. */
	const char *config_message;
	/* NULL: none runs. */
	const json_t *status;
	const char *status_message;
	/* Has the control socket; NULL: none. */
	const char *run_dir;
	uid_t uid;
	/* Seconds since the epoch. */
	int64_t now;
	/* {id, severity, found, remedy}; owned. */
	json_t *findings;
};

/* ---- findings.c ---- */

const char *doctor_severity_name(enum doctor_severity severity);

/* id: the check, perhaps with ":NAME". remedy: a sentence, or "". */
void doctor_find(struct doctor *d, enum doctor_severity severity, const char *id, const char *remedy,
		 const char *format, ...) PRINTF_LIKE(5, 6);

enum doctor_severity doctor_worst(const struct doctor *d);

/* A regular file below root or in /proc, at most 1 MiB; the caller frees. NULL with errno. */
char *doctor_read(const struct doctor *d, const char *path);

/* Returns buf (CTL_ABSOLUTE_MAX bytes). */
const char *doctor_path(const struct doctor *d, const char *path, char *buf);

/* The running guardfs's user, else root. */
uid_t doctor_guardian_uid(const struct doctor *d);
pid_t doctor_guardian_pid(const struct doctor *d); /* 0: none */

/* ---- kernel.c ---- */

void doctor_judge_kernel(struct doctor *d, const char *release); /* uname -r */
void doctor_check_calls(struct doctor *d);
void doctor_check_fuse(struct doctor *d);	/* /dev/fuse, fusectl */
void doctor_check_fuse_conf(struct doctor *d);	/* user_allow_other */
void doctor_check_files(struct doctor *d);	/* fs.file-nr */
void doctor_check_open_files(struct doctor *d); /* guardian's RLIMIT_NOFILE */
void doctor_check_namespaces(struct doctor *d); /* fs.mount-max, user.max_* */

/* ---- files.c ---- */

void doctor_check_config(struct doctor *d);
void doctor_check_identities(struct doctor *d);
void doctor_check_passwords(struct doctor *d);
void doctor_check_known_hosts(struct doctor *d);
/* entry: 1, 0: none, -1: unknown. */
void doctor_judge_known_hosts(struct doctor *d, const struct config_backend *backend, int entry);
void doctor_check_hooks(struct doctor *d); /* sentinel and programs */

/* ---- tiers.c ---- */

void doctor_check_manifest(struct doctor *d);
void doctor_check_routes(struct doctor *d);

/* ---- metrics.c ---- */

void doctor_check_textfile(struct doctor *d); /* no finding if none is configured */

/* ---- mounts.c: by /proc/self/mountinfo ---- */

void doctor_check_mounts(struct doctor *d);
/* uncovered: nothing is mounted there. */
void doctor_judge_mountpoint(struct doctor *d, bool uncovered);

/* ---- machine.c ---- */

void doctor_check_clock(struct doctor *d);
void doctor_judge_clock(struct doctor *d, bool synchronised);
void doctor_check_disk(struct doctor *d);
struct statvfs;
void doctor_judge_disk(struct doctor *d, const char *what, const char *path, const struct statvfs *v);
void doctor_check_units(struct doctor *d);
void doctor_check_needrestart(struct doctor *d); /* no finding if not installed */

/* ---- programs.c ---- */

#define DOCTOR_PROGRAM_MS 5000 /* for each program */

void doctor_check_programs(struct doctor *d);
void doctor_judge_sshfs(struct doctor *d, const char *version, const char *help);
/* library: "0.10.6/openssl/zlib"; package: Debian's version; "": none. */
void doctor_judge_libssh(struct doctor *d, const char *library, const char *package);
void doctor_judge_ssh(struct doctor *d, const char *version);
/* Of type command. */
void doctor_judge_command(struct doctor *d, const struct config_backend *b);

/* ---- server.c: keeper asks a server ---- */

void doctor_check_servers(struct doctor *d);
/* lacks: array of names (policy/server.h); else unknown. */
void doctor_judge_server(struct doctor *d, const char *backend, const json_t *lacks);

/* ---- state.c: by guardfs's status ---- */

void doctor_check_instance(struct doctor *d);
void doctor_check_backends(struct doctor *d);
void doctor_check_processes(struct doctor *d);
void doctor_check_journal(struct doctor *d);

#endif
