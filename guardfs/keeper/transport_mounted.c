/* Carriers that mount: sshfs, and any other program. */
#include "keeper/transport.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#define DETACH_MAX 16

static void name_epoch(struct transport *t, uint32_t epoch)
{
	snprintf(t->mountpoint, sizeof(t->mountpoint), "%s/mnt/%s/%u", t->run_dir, t->backend->name, epoch);
	snprintf(t->fsname, sizeof(t->fsname), "guardfs-backend:%s/%s/%u", t->config->name, t->backend->name,
		 epoch);
}

errint_t transport_prepare_mountpoint(struct transport *t, uint32_t epoch, int *keep, size_t *n)
{
	(void)keep;
	(void)n;
	name_epoch(t, epoch);
	return fd_mkdir_parents(t->mountpoint, 0700);
}

errint_t transport_adopt_mount(struct transport *t, const struct transport_heir *heir)
{
	name_epoch(t, heir->epoch);
	return 0;
}

void transport_leave_alone(struct transport *t)
{
	(void)t;
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

/* They live in the mount namespace of a keeper that has gone. ssh may be left alone. */
unsigned transport_clear_mounts(struct transport *t, const char *token, const char *program)
{
	const char *slash = strrchr(program, '/');
	const struct fence_strangers strangers = {
	    .names = {slash ? slash + 1 : program, "ssh"}, .known = t->pid, .token = token};
	unsigned n = fence_kill_strangers(&strangers, &t->dying);

	transport_detach(t);
	return n;
}
