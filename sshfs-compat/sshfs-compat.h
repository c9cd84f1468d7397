/* sshfs-compat.h: all that guardfs knows about sshfs and the ssh beneath it: options, command line, features,
 * failures.
 *
 * Nothing elsewhere spells an sshfs option or reads an sshfs message. Used by keeper (and, for checks, by
 * guardctl). */
#ifndef SSHFS_COMPAT_H
#define SSHFS_COMPAT_H

#include "config/config.h"
#include "policy/errclass.h"

#define SSHFS_FSTYPE   "fuse.sshfs" /* as /proc/self/mountinfo shows its mounts */
#define SSHFS_ARGV_MAX 160

/* What this sshfs can do beyond the oldest supported one (3.7.1). All false is safe. */
struct sshfs_features {
	bool contain_symlinks; /* refuses symlinks that lead out of the mount (CVE-2026-47187) */
};

/* Where and as what to mount. */
struct sshfs_target {
	const char *mountpoint;
	const char *fsname;	    /* the mount's source in mount tables */
	uint32_t connect_timeout_s; /* ssh gives up connecting after this */
	bool no_login;		    /* a drill: offer no key, so that the server refuses */
};

struct sshfs_command {
	char *argv[SSHFS_ARGV_MAX]; /* NULL-terminated, pointing into text */
	size_t n;
	size_t used;
	char text[16384];
};

/* Builds the command line for a backend of type sshfs. message (CONFIG_ERROR_MAX bytes) is empty, or holds a
 * warning (an option of the user's was dropped: why) when 0 is returned, or what is wrong with -EINVAL (a
 * host, user or path that ssh would take for something else) and -E2BIG. Pure. */
errint_t sshfs_command_build(struct sshfs_command *command, const struct config_backend *backend,
			     const struct sshfs_features *features, const struct sshfs_target *target,
			     char *message) WARN_UNUSED;

/* Reads the features out of what `sshfs --help` prints. Pure. */
void sshfs_features_parse(const char *help, struct sshfs_features *features);

/* Runs `command --help` and reads the features; all false when it cannot be run. Blocks as long as the
 * program does: only in a child that may be killed. */
void sshfs_features_detect(const char *command, struct sshfs_features *features);

/* Fills in what ssh takes from its configuration files (/etc/ssh/ssh_config, ~/.ssh/config): the host behind
 * an alias, and port and user where the backend names none. 0; -ENOTSUP: a proxy or an alias of the host key,
 * with which only ssh itself can connect (backend stays as it is); -EIO: ssh could not be asked. Blocks as
 * long as ssh does: only in a child that may be killed. parse: the same from what `ssh -G` has printed, which
 * is cut to pieces. Pure. */
errint_t ssh_config_apply(struct config_backend *backend) WARN_UNUSED;
errint_t ssh_config_parse(char *answer, struct config_backend *backend) WARN_UNUSED;

/* Runs argv and reads what it prints, on both streams; its exit status, or -1. Of this folder only. */
int sshfs_ask(char *const *argv, char *answer, size_t size);

/* Recognises what ssh and sshfs wrote to stderr. Returns the class of the most telling line and puts that
 * line, cleaned of control characters, into detail; ERRCLASS_NONE and the last line (or "") when nothing is
 * recognised. Pure; text is hostile (a server's banner is part of it). */
enum errclass sshfs_diagnose(const char *text, size_t n, char *detail, size_t size);

/* Do its sshfs_options keep what was written in this machine's memory when a file is opened again? Then
 * reading it back says nothing of the server. Pure. */
bool sshfs_keeps_pages(const struct config_backend *backend);

#endif
