/* sshfs-compat.h: all of guardfs's knowledge of sshfs and its ssh: options, command line, features,
 * failures.
 *
 * Nothing elsewhere spells an sshfs option or reads an sshfs message. For keeper, and guardctl's checks. */
#ifndef SSHFS_COMPAT_H
#define SSHFS_COMPAT_H

#include "config/config.h"
#include "policy/errclass.h"

#define SSHFS_FSTYPE   "fuse.sshfs" /* type in /proc/self/mountinfo */
#define SSHFS_ARGV_MAX 160

/* Beyond the oldest supported sshfs (3.7.1). All false is safe. */
struct sshfs_features {
	/* Refuses symlinks that lead out of the mount (CVE-2026-47187). */
	bool contain_symlinks;
};

/* Place and name of the mount. */
struct sshfs_target {
	const char *mountpoint;
	/* The source in mount tables. */
	const char *fsname;
	/* ssh's time for connecting. */
	uint32_t connect_timeout_s;
	/* A drill: offer no key, so that the server refuses. */
	bool no_login;
};

struct sshfs_command {
	/* NULL-terminated, pointing into text. */
	char *argv[SSHFS_ARGV_MAX];
	size_t n;
	size_t used;
	char text[16384];
};

/* The command line for an sshfs backend. 0: message (CONFIG_ERROR_MAX bytes) is empty, or warns of a
 * user's option that was dropped. -EINVAL (ssh would misread host, user or path), -E2BIG: message says
 * why. Pure. */
errint_t sshfs_command_build(struct sshfs_command *command, const struct config_backend *backend,
			     const struct sshfs_features *features, const struct sshfs_target *target,
			     char *message) WARN_UNUSED;

/* From `sshfs --help`'s output. Pure. */
void sshfs_features_parse(const char *help, struct sshfs_features *features);

/* Runs `command --help`; all false if that is impossible. Blocks as long as the program: only in a child
 * that may be killed. */
void sshfs_features_detect(const char *command, struct sshfs_features *features);

/* Fills in ssh's configuration (/etc/ssh/ssh_config, ~/.ssh/config): host behind an alias; port and user
 * unless the backend names them. 0; -ENOTSUP: a proxy or host key alias, with which only ssh can connect
 * (backend unchanged); -EIO: ssh could not be asked. Blocks as long as ssh: only in a child that may be
 * killed. parse: from `ssh -G`'s output, which is cut to pieces; pure. */
errint_t ssh_config_apply(struct config_backend *backend) WARN_UNUSED;
errint_t ssh_config_parse(char *answer, struct config_backend *backend) WARN_UNUSED;

/* Runs argv and reads both its outputs; exit status, or -1. For this folder. */
int sshfs_ask(char *const *argv, char *answer, size_t size);

/* Classifies ssh's and sshfs's stderr. Returns the class of the most telling line, put into detail without
 * control characters; ERRCLASS_NONE: the last line, or "". Pure; text is hostile (it includes a server's
 * banner). */
enum errclass sshfs_diagnose(const char *text, size_t n, char *detail, size_t size);

/* Do sshfs_options keep written pages in memory over opens? Then reading back proves nothing of the
 * server. Pure. */
bool sshfs_keeps_pages(const struct config_backend *backend);

#endif
