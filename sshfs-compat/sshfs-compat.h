/* All knowledge of sshfs's and its ssh's options and messages. For keeper and guardctl. message: CONFIG_ERROR_MAX
 * bytes. */
#ifndef SSHFS_COMPAT_H
#define SSHFS_COMPAT_H

#include "config/config.h"
#include "policy/errclass.h"

#define SSHFS_FSTYPE   "fuse.sshfs" /* in /proc/self/mountinfo */
#define SSHFS_ARGV_MAX 160
#define SSH_WORDS_MAX  32 /* of ssh_arguments */

/* Beyond sshfs 3.7.1, the oldest supported. False is safe. */
struct sshfs_features {
	/* Refuses links out of the mount (CVE-2026-47187). */
	bool contain_symlinks;
	/* It is sshfs-guard. */
	bool is_guard;
	/* ssh has ForkAfterAuthentication and StdinNull (OpenSSH 8.7). */
	bool ssh_session_options;
};

struct sshfs_target {
	const char *mountpoint;
	/* In mount tables. */
	const char *fsname;
	uint32_t connect_timeout_s;
	/* For a drill: no key, so the server refuses. */
	bool no_login;
	/* ssh alone: keys as ever, but no password and no answer to a question. */
	bool no_password;
};

struct sshfs_command {
	/* Points into text; NULL ends. */
	char *argv[SSHFS_ARGV_MAX];
	size_t n;
	size_t used;
	char text[16384];
};

/* Pure. 0: message is empty, or warns of a dropped option. -EINVAL (ssh would misread host, user or path; the
 * program is sshfs-guard, by features), -E2BIG: see message. */
errint_t sshfs_command_build(struct sshfs_command *command, const struct config_backend *backend,
			     const struct sshfs_features *features, const struct sshfs_target *target,
			     char *message) WARN_UNUSED;

/* To carry sftp on standard input and output, or to tell the configuration (-G). */
enum ssh_errand { SSH_CONNECT, SSH_TELL };

/* The same for ssh alone (stream = openssh). Of features, ssh's; of target, connect_timeout_s, no_login and
 * no_password. */
errint_t ssh_command_build(struct sshfs_command *command, const struct config_backend *backend,
			   const struct sshfs_features *features, const struct sshfs_target *target,
			   enum ssh_errand errand, char *message) WARN_UNUSED;

/* In the environment of ssh: what answers its questions (SSH_ASKPASS) is to hand out no password, for the server has
 * refused one lately. */
#define SSH_ASK_NO_PASSWORD "GUARDFS_ASK_NO_PASSWORD"

/* Runs the backend's ssh with -V and an option. As sshfs_features_detect. */
void ssh_features_detect(const struct config_backend *backend, struct sshfs_features *features);

/* Cuts text into the words of a command line: blanks part them, but within '...' and "..." and behind a backslash.
 * room: as large as text with its end. Their number, at most max; -EINVAL: a quote has no end; -E2BIG. Pure. */
int ssh_split_words(const char *text, char *room, char **words, int max) WARN_UNUSED;

/* The sshfs to run, where sshfs_command is configured. The package guardfs-sshfs sets /usr/bin/sshfs aside, for `sshfs` may be sshfs-guard by
 * the system's alternatives: for "", "sshfs" and "/usr/bin/sshfs" it is the one that was set aside, if there is one. configured, or static text. */
const char *sshfs_program(const char *configured);

/* From `sshfs --help`. Pure. */
void sshfs_features_parse(const char *help, struct sshfs_features *features);

/* Runs `command --help`; all false if it cannot run. Blocks as long as the program: for a child that may be killed. */
void sshfs_features_detect(const char *command, struct sshfs_features *features);

/* Applies /etc/ssh/ssh_config and ~/.ssh/config, or what a backend with stream = openssh says instead: an alias's
 * host; port and user unless given. 0; -ENOTSUP: only ssh can connect (proxy, host key alias), backend unchanged;
 * -EIO: ssh did not answer. Blocks as long as ssh: for a child that may be killed. parse: from `ssh -G`, whose text
 * it cuts to pieces; pure. */
errint_t ssh_config_apply(struct config_backend *backend) WARN_UNUSED;
errint_t ssh_config_parse(char *answer, struct config_backend *backend) WARN_UNUSED;

/* Runs argv, reads both its outputs. Exit status, or -1. For this folder. */
int sshfs_ask(char *const *argv, char *answer, size_t size);

/* Classifies ssh's and sshfs's stderr by its most telling line, which detail gets without control characters.
 * ERRCLASS_NONE: detail is the last line, or "". Pure; text is hostile (a server's banner). */
enum errclass sshfs_diagnose(const char *text, size_t n, char *detail, size_t size);

/* Do sshfs_options keep written pages over opens? Reading back then proves nothing of the server. Pure. */
bool sshfs_keeps_pages(const struct config_backend *backend);

#endif
