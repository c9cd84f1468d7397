/* The carrier sshfs. */
#include "keeper/transport.h"
#include "base/log.h"
#include "base/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sshfs_target make_target(const struct transport *t)
{
	/* As sftp_ssh_timeout_s. */
	uint32_t ms = t->config->connect_timeout_ms;

	return (struct sshfs_target){.mountpoint = t->mountpoint,
				     .fsname = t->fsname,
				     .connect_timeout_s = ms > 2000 ? (ms - 1000) / 1000 : 1,
				     .no_login = t->no_login};
}

static void exec_sshfs(const struct transport *t)
{
	const struct sshfs_target target = make_target(t);
	char message[CONFIG_ERROR_MAX];
	struct sshfs_features features;
	struct sshfs_command command;

	/* At each start: meanwhile another may have been installed. */
	sshfs_features_detect(sshfs_program(t->backend->sshfs_command), &features);
	if (sshfs_command_build(&command, t->backend, &features, &target, message) == 0) {
		syscall(SYS_close_range, 3u, ~0u, 0);
		execvp(command.argv[0], command.argv);
		snprintf(message, sizeof(message), "cannot execute %.200s: %s (is sshfs installed?)",
			 command.argv[0], strerror(errno));
	}
	dprintf(STDERR_FILENO, "%s\n", message);
	_exit(127);
}

/* Built once beforehand, for its complaints. */
static errint_t check_sshfs(struct transport *t, char *message)
{
	const struct sshfs_features none = {0};
	const struct sshfs_target target = make_target(t);
	struct sshfs_command command;
	errint_t rc = sshfs_command_build(&command, t->backend, &none, &target, message);

	if (rc == 0 && message[0] && !t->warned)
		log_warning("backend %s: %s", t->backend->name, message);
	t->warned = true;
	return rc;
}

static enum errclass explain_sshfs(struct transport *t, char *detail, size_t size)
{
	return sshfs_diagnose(t->text, t->used, detail, size);
}

static bool is_sshfs_mounted(const struct transport *t)
{
	struct mount_entry e;

	return mount_find_at(t->mountpoint, &e) == 0 && strcmp(e.fstype, SSHFS_FSTYPE) == 0 &&
	       strcmp(e.source, t->fsname) == 0;
}

static unsigned clear_sshfs(struct transport *t, const char *token)
{
	return transport_clear_mounts(t, token, sshfs_program(t->backend->sshfs_command));
}

const struct transport_kind transport_sshfs = {.name = "sshfs",
					       .check = check_sshfs,
					       .prepare = transport_prepare_mountpoint,
					       .exec = exec_sshfs,
					       .adopt = transport_adopt_mount,
					       .ready = is_sshfs_mounted,
					       .explain = explain_sshfs,
					       .end = transport_leave_alone,
					       .forget = transport_leave_alone,
					       .clear = clear_sshfs};
