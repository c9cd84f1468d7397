/* doctor.h: guardctl doctor: checks of the machine, the configuration and the running guardfs, none of which
 * touches a mount. Each check takes what it judges from struct doctor or from its arguments, so that tests
 * can hand in good and bad ones. One process, one thread; private to guardctl. */
#ifndef GUARDFS_CTL_DOCTOR_H
#define GUARDFS_CTL_DOCTOR_H

#include "ctl/ctl.h"

enum doctor_severity { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_WARNING, DOCTOR_ERROR, DOCTOR_SEVERITY_COUNT };

/* Inputs, borrowed, and what was found. */
struct doctor {
	const char *root;	     /* before every path of the system (/proc, /etc, ...): "" but in tests */
	const char *run_root;	     /* where runtime directories are */
	const struct config *config; /* NULL: not known */
	const char *config_message;  /* why not; "": no file was named, and none runs that would name it */
	const json_t *status;	     /* of the running guardfs; NULL: none runs */
	const char *status_message;  /* why not */
	const char *run_dir;	     /* where it can be asked; NULL: nowhere */
	uid_t uid;		     /* who asks */
	int64_t now;		     /* seconds since the epoch */
	json_t *findings;	     /* array of {id, severity, found, remedy}; owned */
};

/* ---- findings.c ---- */

/* "ok", "note", "warning", "error". */
const char *doctor_severity_name(enum doctor_severity severity);

/* Adds a finding. id: what was checked, with a name after a colon where there are several. remedy: what to
 * do, a whole sentence; "" if nothing is to be done. */
void doctor_find(struct doctor *d, enum doctor_severity severity, const char *id, const char *remedy,
		 const char *format, ...) PRINTF_LIKE(5, 6);

/* The worst that was found. */
enum doctor_severity doctor_worst(const struct doctor *d);

/* The text of a file below root, or NULL (errno says why); the caller frees. Regular files and /proc, at most
 * 1 MiB. */
char *doctor_read(const struct doctor *d, const char *path);

/* Writes root and path into buf (CTL_ABSOLUTE_MAX bytes) and returns it. */
const char *doctor_path(const struct doctor *d, const char *path, char *buf);

/* Is it a plain key of this machine: who runs guardfs? Root's unless the running one says otherwise. */
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
/* entry: 1 there is one for the host, 0 there is none, -1 nobody could tell. */
void doctor_judge_known_hosts(struct doctor *d, const struct config_backend *backend, int entry);
void doctor_check_hooks(struct doctor *d); /* sentinel and programs */

/* ---- tiers.c ---- */

void doctor_check_manifest(struct doctor *d);
void doctor_check_routes(struct doctor *d);

/* ---- metrics.c ---- */

void doctor_check_textfile(struct doctor *d); /* no finding where none is configured */

/* ---- mounts.c: by /proc/self/mountinfo alone ---- */

void doctor_check_mounts(struct doctor *d);
/* uncovered: nothing is mounted at the mountpoint, so that the directory itself can be looked at. */
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
void doctor_judge_sshfs(struct doctor *d, const char *version, const char *help); /* what it printed */
/* library: "0.10.6/openssl/zlib"; package: Debian's version of it, "" if there is no such package. */
void doctor_judge_libssh(struct doctor *d, const char *library, const char *package);
void doctor_judge_ssh(struct doctor *d, const char *version);

/* ---- server.c: the one check for which a server is asked, by keeper ---- */

void doctor_check_servers(struct doctor *d);
/* lacks: an array of names (policy/server.h), or anything else: not known. */
void doctor_judge_server(struct doctor *d, const char *backend, const json_t *lacks);

/* ---- state.c: what the running guardfs says ---- */

void doctor_check_instance(struct doctor *d);
void doctor_check_backends(struct doctor *d);
void doctor_check_processes(struct doctor *d);
void doctor_check_journal(struct doctor *d);

#endif
