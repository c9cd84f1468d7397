/* transport_sshfs.c: the carrier sshfs. See transport.h. */
#include "keeper/transport.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DETACH_MAX 16

static void name_epoch(struct transport *t, uint32_t epoch)
{
	snprintf(t->mountpoint, sizeof(t->mountpoint), "%s/mnt/%s/%u", t->run_dir, t->backend->name, epoch);
	snprintf(t->fsname, sizeof(t->fsname), "guardfs-backend:%s/%s/%u", t->config->name, t->backend->name,
		 epoch);
}

static const struct sshfs_features *known_features(const struct transport *t)
{
	const char *command = t->backend->sshfs_command[0] ? t->backend->sshfs_command : "sshfs";

	if (!atomic_load(&t->features->known)) {
		sshfs_features_detect(command, &t->features->features);
		atomic_store(&t->features->known, 1);
	}
	return &t->features->features;
}

static struct sshfs_target make_target(const struct transport *t)
{
	/* ssh should have said what is wrong before the try is given up. */
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
	struct sshfs_command command;

	if (sshfs_command_build(&command, t->backend, known_features(t), &target, message) == 0) {
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

static errint_t prepare_sshfs(struct transport *t, uint32_t epoch, int *keep, size_t *n)
{
	(void)keep;
	(void)n;
	name_epoch(t, epoch);
	return fd_mkdir_parents(t->mountpoint, 0700);
}

static errint_t adopt_sshfs(struct transport *t, const struct transport_heir *heir)
{
	name_epoch(t, heir->epoch);
	return 0;
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

void transport_bound_memory(const struct transport *t)
{
	uint64_t bytes = transport_memory_max(t) + TRANSPORT_MEMORY_MORE;
	struct rlimit limit;

	if (t->kind != &transport_sshfs || prlimit(t->pid, RLIMIT_DATA, NULL, &limit) < 0 ||
	    limit.rlim_cur <= bytes)
		return;
	limit.rlim_cur = bytes;
	if (prlimit(t->pid, RLIMIT_DATA, &limit, NULL) < 0)
		log_warning("backend %s: the memory of its sshfs is not bounded: %s", t->backend->name,
			    strerror(errno));
}

struct detach_list {
	const char *prefix;
	size_t n;
	char paths[DETACH_MAX][CONFIG_PATH_MAX + 128];
};

static bool collect_mount(void *arg, const struct mount_entry *e)
{
	struct detach_list *list = arg;

	if (strncmp(e->mountpoint, list->prefix, strlen(list->prefix)) == 0)
		(void)copy_string(list->paths[list->n++], sizeof(list->paths[0]), e->mountpoint);
	return list->n == DETACH_MAX;
}

void transport_detach(const struct transport *t)
{
	char prefix[CONFIG_PATH_MAX + 128];
	struct detach_list list = {.prefix = prefix};

	snprintf(prefix, sizeof(prefix), "%s/mnt/%s/", t->run_dir, t->backend->name);
	if (mount_scan(collect_mount, &list) < 0)
		return;
	while (list.n-- > 0) {
		if (umount2(list.paths[list.n], MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			log_warning("backend %s: detaching %s: %s", t->backend->name, list.paths[list.n],
				    strerror(errno));
		rmdir(list.paths[list.n]);
	}
	rmdir(t->mountpoint); /* a try that never mounted */
	prefix[strlen(prefix) - 1] = '\0';
	rmdir(prefix);
}

static void clear_sshfs(const struct transport *t, const char *token)
{
	(void)token;
	transport_detach(t);
}

static void leave_alone(struct transport *t)
{
	(void)t;
}

const struct transport_kind transport_sshfs = {.name = "sshfs",
					       .check = check_sshfs,
					       .prepare = prepare_sshfs,
					       .exec = exec_sshfs,
					       .adopt = adopt_sshfs,
					       .ready = is_sshfs_mounted,
					       .explain = explain_sshfs,
					       .end = leave_alone,
					       .forget = leave_alone,
					       .clear = clear_sshfs};
