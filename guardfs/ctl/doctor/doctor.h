/* doctor.h: guardctl doctor: checks of machine, configuration and running guardfs, none of which touches a
 * mount. A check judges struct doctor or its arguments, so that tests pass good and bad ones. One process,
 * one thread; private to guardctl. */
#ifndef GUARDFS_CTL_DOCTOR_H
#define GUARDFS_CTL_DOCTOR_H

#include "ctl/ctl.h"

enum doctor_severity { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_WARNING, DOCTOR_ERROR, DOCTOR_SEVERITY_COUNT };

/* Inputs, borrowed, and findings. */
struct doctor {
	/* Before every path of the system (/proc, /etc); "" but in tests. */
	const char *root;
	/* Place of runtime directories. */
	const char *run_root;
	/* NULL: unknown. */
	const struct config *config;
	/* Why not; "": no file named, and no guardfs runs. */
	const char *config_message;
	/* Of the running guardfs; NULL: none runs. */
	const json_t *status;
	/* Why not. */
	const char *status_message;
	/* Its control socket; NULL: none. */
	const char *run_dir;
	/* The caller. */
	uid_t uid;
	/* Seconds since the epoch. */
	int64_t now;
	/* Array of {id, severity, found, remedy}; owned. */
	json_t *findings;
};

/* ---- findings.c ---- */

/* "ok", "note", "warning", "error". */
const char *doctor_severity_name(enum doctor_severity severity);

/* id: the check, with ":NAME" where there are several. remedy: an order, a whole sentence, or "". */
void doctor_find(struct doctor *d, enum doctor_severity severity, const char *id, const char *remedy,
		 const char *format, ...) PRINTF_LIKE(5, 6);

enum doctor_severity doctor_worst(const struct doctor *d);

/* A file below root, or NULL with errno; the caller frees. Regular files and /proc, at most 1 MiB. */
char *doctor_read(const struct doctor *d, const char *path);

/* Joins root and path in buf (CTL_ABSOLUTE_MAX bytes), which is returned. */
const char *doctor_path(const struct doctor *d, const char *path, char *buf);

/* The running guardfs's user, else root. */
uid_t doctor_guardian_uid(const struct doctor *d);
pid_t doctor_guardian_pid(const struct doctor *d); /* 0: none runs */

/* ---- kernel.c ---- */

void doctor_judge_kernel(struct doctor *d, const char *release); /* as uname -r prints it */
void doctor_check_calls(struct doctor *d);
void doctor_check_fuse(struct doctor *d);	/* /dev/fuse, fusectl */
void doctor_check_fuse_conf(struct doctor *d);	/* user_allow_other */
void doctor_check_files(struct doctor *d);	/* fs.file-nr */
void doctor_check_open_files(struct doctor *d); /* RLIMIT_NOFILE of guardian */
void doctor_check_namespaces(struct doctor *d); /* fs.mount-max, user.max_* */

/* ---- files.c ---- */

void doctor_check_config(struct doctor *d);
void doctor_check_identities(struct doctor *d);
void doctor_check_known_hosts(struct doctor *d);
/* entry: 1 the host has one, 0 none, -1 unknown. */
void doctor_judge_known_hosts(struct doctor *d, const struct config_backend *backend, int entry);
void doctor_check_hooks(struct doctor *d); /* sentinel and programs */

/* ---- tiers.c ---- */

void doctor_check_manifest(struct doctor *d);
void doctor_check_routes(struct doctor *d);

/* ---- metrics.c ---- */

void doctor_check_textfile(struct doctor *d); /* no finding where none is configured */

/* ---- mounts.c: by /proc/self/mountinfo alone ---- */

void doctor_check_mounts(struct doctor *d);
/* uncovered: nothing is mounted there, so the directory itself can be looked at. */
void doctor_judge_mountpoint(struct doctor *d, bool uncovered);

/* ---- machine.c ---- */

void doctor_check_clock(struct doctor *d);
void doctor_judge_clock(struct doctor *d, bool synchronised);
void doctor_check_disk(struct doctor *d);
struct statvfs;
void doctor_judge_disk(struct doctor *d, const char *what, const char *path, const struct statvfs *v);
void doctor_check_units(struct doctor *d);
void doctor_check_needrestart(struct doctor *d); /* no finding where it is not installed */

/* ---- programs.c ---- */

#define DOCTOR_PROGRAM_MS 5000 /* for each program that is asked */

void doctor_check_programs(struct doctor *d);
void doctor_judge_sshfs(struct doctor *d, const char *version, const char *help); /* its output */
/* library: "0.10.6/openssl/zlib"; package: Debian's version; "": none. */
void doctor_judge_libssh(struct doctor *d, const char *library, const char *package);
void doctor_judge_ssh(struct doctor *d, const char *version);

/* ---- server.c: the one check for which a server is asked, by keeper ---- */

void doctor_check_servers(struct doctor *d);
/* lacks: array of names (policy/server.h); anything else: unknown. */
void doctor_judge_server(struct doctor *d, const char *backend, const json_t *lacks);

/* ---- state.c: what the running guardfs says ---- */

void doctor_check_instance(struct doctor *d);
void doctor_check_backends(struct doctor *d);
void doctor_check_processes(struct doctor *d);
void doctor_check_journal(struct doctor *d);

#endif
