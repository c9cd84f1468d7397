/* The mount. A child with a time limit makes calls that may hang. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mounts.h"
#include "base/privileges.h"
#include "guardian/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_TIMEOUT_MS 5000
#define INIT_TIMEOUT_MS	 10000
#define DEFAULT_TYPE	 "fuse.guardfs"
#define CLOSED_TYPE	 "fuse.guardfs-closed"

/* g NULL: no deadlines to keep. Returns fn's result (0 or -errno), or -ETIMEDOUT: the child was killed and left. */
static errint_t run_in_child(struct guardian *g, errint_t (*fn)(const void *arg), const void *arg)
{
	int status, pidfd = -1;
	struct pollfd p = {.events = POLLIN};
	pid_t pid = child_clone(NULL, 0, &pidfd);

	if (pid == 0)
		_exit(-fn(arg) & 0xff);
	if (pid < 0)
		return pid;
	p.fd = pidfd;
	bool ready = g ? watch_while(g, &p, CHILD_TIMEOUT_MS) : poll(&p, 1, CHILD_TIMEOUT_MS) > 0;

	close(pidfd);
	if (!ready) {
		kill(pid, SIGKILL);
		return -ETIMEDOUT;
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

static errint_t check_mountpoint(const void *arg)
{
	struct stat st;

	if (stat(arg, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static errint_t detach(const void *arg)
{
	if (!privileges_of_root())
		return mount_user_end(arg);
	return umount2(arg, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
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

/* Unlike stat(2), never answered from the kernel's cache. */
static errint_t ask(const void *arg)
{
	struct statfs st;

	return statfs(arg, &st) < 0 ? -errno : 0;
}

static void describe_mount(const struct config *config, char *source, size_t source_size, char *type,
			   size_t type_size)
{
	snprintf(type, type_size, "fuse.%s", config->subtype);
	if (config->source[0])
		(void)copy_string(source, source_size, config->source);
	else
		snprintf(source, source_size, "guardfs:%s", config->name);
}

/* Other programs may mount as the configured type: then the source tells. */
static bool is_of_guardfs(const struct mount_entry *there, const struct config *config)
{
	char source[CONFIG_PATH_MAX], type[CONFIG_NAME_MAX + 8];

	describe_mount(config, source, sizeof(source), type, sizeof(type));
	return strcmp(there->fstype, DEFAULT_TYPE) == 0 || strcmp(there->fstype, CLOSED_TYPE) == 0 ||
	       (strcmp(there->fstype, type) == 0 && strcmp(there->source, source) == 0);
}

/* Removes the mount of a guardfs killed with all holders of its /dev/fuse. */
static void clear_dead(const char *path, const struct config *config)
{
	struct mount_entry there;

	while (mount_find_at(path, &there) == 0 && is_of_guardfs(&there, config) &&
	       run_in_child(NULL, ask, path) == -ENOTCONN && run_in_child(NULL, detach, path) == 0)
		log_notice("%s was %s: opened", path,
			   strcmp(there.fstype, CLOSED_TYPE) == 0
			       ? "kept closed"
			       : "still mounted by a guardfs that is dead");
}

errint_t mount_check(const struct config *config)
{
	struct mount_entry there;
	errint_t rc;

	clear_dead(config->mountpoint, config);
	for (uint32_t i = 0; i < config->n_backends; i++)
		if (config->backends[i].expose[0])
			clear_dead(config->backends[i].expose, config);
	if (mount_find_at(config->mountpoint, &there) == 0) {
		log_error(
		    "%s is a mountpoint already, of %s (%s); unmount that first (umount, or umount -l if "
		    "it is dead)",
		    config->mountpoint, there.source, there.fstype);
		return -EBUSY;
	}
	rc = run_in_child(NULL, check_mountpoint, config->mountpoint);
	if (rc < 0)
		log_error("mountpoint %s: %s; it must be an existing directory", config->mountpoint,
			  strerror(-rc));
	return rc;
}

/* A session's first request, kept for all workers. */
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

/* Device, and place in the mount table. Nobody serves yet: the kernel answers. */
static errint_t note_mount(struct board *board)
{
	struct mount_entry ours;
	struct statx st;

	if (statx(AT_FDCWD, board->config.mountpoint, AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) < 0)
		return -errno;
	board->mount_minor = st.stx_dev_minor;
	if ((st.stx_mask & STATX_MNT_ID) && mount_find_id((uint32_t)st.stx_mnt_id, &ours) == 0)
		return copy_string(board->mounted_at, sizeof(board->mounted_at), ours.mountpoint);
	return copy_string(board->mounted_at, sizeof(board->mounted_at), board->config.mountpoint);
}

static unsigned long mount_flags(const struct config *config)
{
	return (config->allow_suid ? 0 : MS_NOSUID) | (config->allow_dev ? 0 : MS_NODEV) |
	       (config->read_only ? MS_RDONLY : 0) | (config->no_exec ? MS_NOEXEC : 0);
}

errint_t mount_remount(const struct config *config)
{
	struct mount_entry there;
	errint_t rc;

	if (mount_find_at(config->mountpoint, &there) < 0 || !is_of_guardfs(&there, config)) {
		log_error("no guardfs is mounted at %s: nothing to remount", config->mountpoint);
		return -EINVAL;
	}
	if (mount(NULL, config->mountpoint, NULL, MS_REMOUNT | mount_flags(config), NULL) == 0)
		return 0;
	rc = -errno;
	log_error("cannot remount %s: %s%s", config->mountpoint, strerror(-rc),
		  rc == -EBUSY ? "; files are open for writing" : "");
	return rc;
}

static errint_t mount_as_root(const struct config *config)
{
	char source[CONFIG_PATH_MAX], type[CONFIG_NAME_MAX + 8], options[256];
	errint_t rc;
	int fd = open("/dev/fuse", O_RDWR);

	if (fd < 0)
		return -errno;
	rc = setup_place(fd, GUARDIAN_DEV);
	if (rc < 0)
		return rc;
	describe_mount(config, source, sizeof(source), type, sizeof(type));
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0%s%s", GUARDIAN_DEV,
		 config->check_permissions ? ",default_permissions" : "",
		 config->allow_other ? ",allow_other" : "");
	if (mount(source, config->mountpoint, type, mount_flags(config), options) == 0)
		return 0;
	rc = -errno;
	log_error("cannot mount at %s: %s%s", config->mountpoint, strerror(-rc),
		  rc == -EPERM ? "; guardfs must run as root" : "");
	return rc;
}

static errint_t mount_as_user(const struct config *config)
{
	char source[CONFIG_PATH_MAX], type[CONFIG_NAME_MAX + 8];
	int fd;

	describe_mount(config, source, sizeof(source), type, sizeof(type));
	fd = mount_user_begin(config, source);
	return fd < 0 ? fd : setup_place(fd, GUARDIAN_DEV);
}

errint_t mount_begin(struct guardian *g)
{
	const struct config *config = &g->board->config;
	errint_t rc = privileges_of_root() ? mount_as_root(config) : mount_as_user(config);

	if (rc < 0)
		return rc;
	g->mounted = true;
	rc = note_mount(g->board);
	if (rc < 0) {
		log_error("cannot look at what was mounted at %s: %s", config->mountpoint, strerror(-rc));
		if (detach(config->mountpoint) < 0)
			log_warning("%s stays mounted", config->mountpoint);
		return rc;
	}
	rc = save_init(g);
	if (rc < 0)
		log_error("the kernel did not begin the FUSE session: %s", strerror(-rc));
	return rc;
}

/* ---- once serving ---- */

/* Is the topmost mount ours? */
static bool is_ours_at(const struct board *board, const char *path)
{
	struct mount_entry there;

	return mount_find_at(path, &there) == 0 && mount_shows(&there, board->mount_minor);
}

/* A resumed session has its binds. Another on top would outlast guardfs and keep the superblock, unserved. */
static errint_t bind_exposed(const void *arg)
{
	const struct board *board = arg;
	char source[CONFIG_PATH_MAX + 64];
	errint_t rc = 0;

	for (uint32_t i = 0; i < board->config.n_backends; i++) {
		const struct config_backend *b = &board->config.backends[i];

		if (!b->expose[0] || is_ours_at(board, b->expose))
			continue;
		snprintf(source, sizeof(source), "%s/.guardfs/backends/%s", board->config.mountpoint,
			 b->name);
		if (fd_mkdir_parents(b->expose, 0755) < 0 ||
		    mount(source, b->expose, NULL, MS_BIND, NULL) < 0)
			rc = -errno;
	}
	return rc;
}

/* Leaves others' mounts. */
static errint_t unbind_exposed(const void *arg)
{
	const struct board *board = arg;
	errint_t rc = 0;

	for (uint32_t i = 0; i < board->config.n_backends; i++) {
		const char *expose = board->config.backends[i].expose;

		if (expose[0] && is_ours_at(board, expose) && detach(expose) < 0)
			rc = -errno;
	}
	return rc;
}

static errint_t unmount(const void *arg)
{
	const struct board *board = arg;

	return is_ours_at(board, board->mounted_at) ? detach(board->mounted_at) : 0;
}

/* Mounts without a server: the bare directory would say that files are gone (ENOENT), and take writes. */
static errint_t close_place(const void *arg)
{
	const struct board *board = arg;
	char source[CONFIG_NAME_MAX + 32], options[128];
	struct mount_entry there;

	if (mount_find_at(board->mounted_at, &there) == 0)
		return 0;
	CLEANUP_FD int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(source, sizeof(source), "guardfs-closed:%s", board->config.name);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
	return mount(source, board->mounted_at, CLOSED_TYPE, MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0
		   ? -errno
		   : 0;
}

static void keep_closed(struct guardian *g)
{
	errint_t rc;

	if (!g->board->config.closed)
		return;
	rc = run_in_child(g, close_place, g->board);
	if (rc < 0)
		log_error("cannot keep %s closed: %s", g->board->mounted_at, strerror(-rc));
}

static bool exposes_anything(const struct config *config)
{
	for (uint32_t i = 0; i < config->n_backends; i++)
		if (config->backends[i].expose[0])
			return true;
	return false;
}

/* Of files opened from now on. */
static void set_readahead(struct guardian *g, uint32_t kib)
{
	char path[64], value[16];
	int n;

	g->readahead_kib = kib;
	snprintf(path, sizeof(path), "/sys/class/bdi/0:%u/read_ahead_kb", g->board->mount_minor);
	n = snprintf(value, sizeof(value), "%u", kib);
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, (size_t)n) < 0)
		log_info("read-ahead stays as the kernel set it: %s: %s", path, strerror(errno));
}

static void expose(struct guardian *g)
{
	errint_t rc;

	if (!exposes_anything(&g->board->config))
		return;
	rc = run_in_child(g, bind_exposed, g->board);
	if (rc < 0)
		log_error("cannot expose a backend: %s; see expose in %s", strerror(-rc),
			  g->board->config.file);
}

static void withdraw_exposed(struct guardian *g)
{
	errint_t rc;

	if (!exposes_anything(&g->board->config))
		return;
	rc = run_in_child(g, unbind_exposed, g->board);
	if (rc < 0)
		log_error("cannot unmount what was exposed: %s", strerror(-rc));
}

void mount_finish(struct guardian *g)
{
	set_readahead(g, g->board->config.max_readahead_kib);
	g->withdrawn = atomic_load(&g->board->unmounted_real_ns) != 0;
	if (!g->withdrawn)
		expose(g);
}

void mount_follow(struct guardian *g)
{
	bool gone = atomic_load(&g->board->unmounted_real_ns) != 0;
	uint32_t kib = atomic_load(&g->board->readahead_kib);

	if (kib && kib != g->readahead_kib)
		set_readahead(g, kib);
	if (gone == g->withdrawn)
		return;
	g->withdrawn = gone;
	if (!gone) {
		expose(g);
		return;
	}
	withdraw_exposed(g);
	keep_closed(g);
}

void mount_end(struct guardian *g)
{
	errint_t rc;

	withdraw_exposed(g);
	if (!g->mounted)
		return;
	rc = g->unmounted ? 0 : run_in_child(g, unmount, g->board);
	if (rc < 0 && rc != -EINVAL)
		log_error("cannot unmount %s: %s", g->board->mounted_at, strerror(-rc));
	g->mounted = false;
	keep_closed(g);
}
