/* mount.c: the mount itself. What may touch a file system runs in a child with a time limit: guardian must
 * never hang. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mounts.h"
#include "guardian/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_TIMEOUT_MS 5000
#define INIT_TIMEOUT_MS	 10000

/* Runs fn in a child of its own. Returns what it returns (0 or -errno), or -ETIMEDOUT: then it is killed and
 * left behind. */
static errint_t run_in_child(errint_t (*fn)(const struct config *config), const struct config *config)
{
	int status, pidfd = -1;
	struct pollfd p = {.events = POLLIN};
	pid_t pid = child_clone(NULL, 0, &pidfd);

	if (pid == 0)
		_exit(-fn(config) & 0xff);
	if (pid < 0)
		return pid;
	p.fd = pidfd;
	int ready = poll(&p, 1, CHILD_TIMEOUT_MS);

	close(pidfd);
	if (ready <= 0) {
		kill(pid, SIGKILL);
		return -ETIMEDOUT;
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

static errint_t check_mountpoint(const struct config *config)
{
	struct stat st;

	if (stat(config->mountpoint, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

errint_t mount_check_device(void)
{
	errint_t rc;

	if (access("/dev/fuse", R_OK | W_OK) == 0)
		return 0;
	rc = -errno;
	log_error("/dev/fuse: %s; load the module (modprobe fuse), or give this container the device",
		  strerror(-rc));
	return rc;
}

/* The lock of this name is ours, so nobody serves a mount of this name any more: everything that could was
 * killed at once. */
static bool is_our_dead_mount(const struct config *config, const struct mount_entry *there)
{
	char source[CONFIG_NAME_MAX + 16];

	snprintf(source, sizeof(source), "guardfs:%s", config->name);
	return strcmp(there->fstype, "fuse.guardfs") == 0 && strcmp(there->source, source) == 0;
}

static errint_t detach(const struct config *config)
{
	return umount2(config->mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}

errint_t mount_check(const struct config *config)
{
	struct mount_entry there;
	errint_t rc;

	if (mount_find_at(config->mountpoint, &there) == 0 && is_our_dead_mount(config, &there) &&
	    run_in_child(detach, config) == 0)
		log_warning("%s was still mounted by a guardfs that is dead: detached", config->mountpoint);
	if (mount_find_at(config->mountpoint, &there) == 0) {
		log_error(
		    "%s is a mountpoint already, of %s (%s); unmount that first (umount, or umount -l if "
		    "it is dead)",
		    config->mountpoint, there.source, there.fstype);
		return -EBUSY;
	}
	rc = run_in_child(check_mountpoint, config);
	if (rc < 0)
		log_error("mountpoint %s: %s; it must be an existing directory", config->mountpoint,
			  strerror(-rc));
	return rc;
}

/* FUSE_INIT is the first request of a session. It is kept for every worker to come. */
static errint_t save_init(struct guardian *g)
{
	struct pollfd p = {.fd = GUARDIAN_DEV, .events = POLLIN};
	uint8_t *buffer = arena_slot_buffer(g->arena, &g->arena->slots[0]);
	ssize_t n;

	if (poll(&p, 1, INIT_TIMEOUT_MS) <= 0)
		return -ETIMEDOUT;
	n = read(GUARDIAN_DEV, buffer, SLOT_BUFFER_SIZE);
	if (n < 0)
		return -errno;
	if (n > INIT_MAX)
		return -EPROTO;
	memcpy(g->arena->header.init_request, buffer, (size_t)n);
	memset(buffer, 0, (size_t)n);
	g->arena->header.init_request_length = (uint32_t)n;
	return 0;
}

errint_t mount_begin(struct guardian *g)
{
	const struct config *config = &g->board->config;
	unsigned long flags = (config->allow_suid ? 0 : MS_NOSUID) | (config->allow_dev ? 0 : MS_NODEV);
	char source[CONFIG_NAME_MAX + 16], options[256];
	errint_t rc;
	int fd = open("/dev/fuse", O_RDWR);

	if (fd < 0)
		return -errno;
	rc = setup_place(fd, GUARDIAN_DEV);
	if (rc < 0)
		return rc;
	snprintf(source, sizeof(source), "guardfs:%s", config->name);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", GUARDIAN_DEV);
	if (mount(source, config->mountpoint, "fuse.guardfs", flags, options) < 0) {
		rc = -errno;
		log_error("cannot mount at %s: %s%s", config->mountpoint, strerror(-rc),
			  rc == -EPERM ? "; guardfs must run as root" : "");
		return rc;
	}
	g->mounted = true;
	rc = save_init(g);
	if (rc < 0)
		log_error("the kernel did not begin the FUSE session: %s", strerror(-rc));
	return rc;
}

/* ---- once serving ---- */

/* A guardian that goes on with a session finds its predecessor's. A second one on top would stay when we end,
 * and with it the superblock, served by nobody. */
static bool is_bound(const struct config *config, const char *expose)
{
	struct mount_entry ours, there;

	return mount_find_at(config->mountpoint, &ours) == 0 && mount_find_at(expose, &there) == 0 &&
	       there.major == ours.major && there.minor == ours.minor;
}

static errint_t bind_exposed(const struct config *config)
{
	char source[CONFIG_PATH_MAX + 64];
	errint_t rc = 0;

	for (uint32_t i = 0; i < config->n_backends; i++) {
		const struct config_backend *b = &config->backends[i];

		if (!b->expose[0] || is_bound(config, b->expose))
			continue;
		snprintf(source, sizeof(source), "%s/.guardfs/backends/%s", config->mountpoint, b->name);
		if (fd_mkdir_parents(b->expose, 0755) < 0 ||
		    mount(source, b->expose, NULL, MS_BIND, NULL) < 0)
			rc = -errno;
	}
	return rc;
}

static errint_t unbind_exposed(const struct config *config)
{
	errint_t rc = 0;

	for (uint32_t i = 0; i < config->n_backends; i++)
		if (config->backends[i].expose[0] &&
		    umount2(config->backends[i].expose, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			rc = -errno;
	return rc;
}

static bool exposes_anything(const struct config *config)
{
	for (uint32_t i = 0; i < config->n_backends; i++)
		if (config->backends[i].expose[0])
			return true;
	return false;
}

void mount_finish(struct guardian *g)
{
	const struct config *config = &g->board->config;
	struct mount_entry ours = {.minor = 0};
	char path[64], value[16];
	int n;

	if (mount_find_at(config->mountpoint, &ours) < 0)
		log_warning("%s is not in the mount table", config->mountpoint);
	g->board->mount_minor = ours.minor;
	snprintf(path, sizeof(path), "/sys/class/bdi/0:%u/read_ahead_kb", g->board->mount_minor);
	n = snprintf(value, sizeof(value), "%u", config->max_readahead_kib);
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, (size_t)n) < 0)
		log_info("read-ahead stays as the kernel set it: %s: %s", path, strerror(errno));
	if (exposes_anything(config)) {
		errint_t rc = run_in_child(bind_exposed, config);

		if (rc < 0)
			log_error("cannot expose a backend: %s; see expose in %s", strerror(-rc),
				  config->file);
	}
}

void mount_end(struct guardian *g)
{
	const struct config *config = &g->board->config;
	errint_t rc;

	if (exposes_anything(config))
		run_in_child(unbind_exposed, config);
	if (!g->mounted || g->unmounted)
		return;
	rc = run_in_child(detach, config);
	if (rc < 0 && rc != -EINVAL)
		log_error("cannot unmount %s: %s", config->mountpoint, strerror(-rc));
	g->mounted = false;
}
