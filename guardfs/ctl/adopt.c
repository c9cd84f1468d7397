/* guardctl adopt BACKEND: marks a backend, so that no empty stand-in is taken for it. Goes through the mount:
 * guardfs bounds its time. */
#include "base/cleanup.h"
#include "base/fd.h"
#include "ctl/ctl.h"
#include <errno.h>
#include <fcntl.h>

#define MARKER_NAME ".guardfs-id"
#define UUID_LENGTH 36

static int fresh_uuid(char *uuid, size_t size)
{
	ssize_t n = fd_read_file("/proc/sys/kernel/random/uuid", uuid, size);

	if (n < UUID_LENGTH)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "cannot read /proc/sys/kernel/random/uuid: %s",
				n < 0 ? strerror((int)-n) : "too short");
	uuid[UUID_LENGTH] = '\0';
	return CTL_EXIT_OK;
}

static void print_marker(const char *backend, const char *marker)
{
	printf("%s\n", marker);
	printf("# in the configuration, section [backend %s], then restart guardfs:\nmarker = %s\n", backend,
	       marker);
}

/* Refuses; shows what is fit to be shown. */
static int show_existing(const char *backend, const char *path)
{
	char marker[128];
	ssize_t n = fd_read_file(path, marker, sizeof(marker));

	if (n < 0)
		return ctl_fail(CTL_EXIT_REFUSED, "%s exists, but cannot be read: %s", path,
				strerror((int)-n));
	marker[strcspn(marker, "\r\n")] = '\0';
	if (strspn(marker, "0123456789abcdefABCDEF-") != UUID_LENGTH || marker[UUID_LENGTH])
		return ctl_fail(CTL_EXIT_REFUSED,
				"%s exists, but holds no UUID. Find out who wrote it; remove it only if the "
				"storage is yours",
				path);
	print_marker(backend, marker);
	return ctl_fail(CTL_EXIT_REFUSED, "%s is already marked; nothing was changed", backend);
}

static errint_t write_marker(int fd, const char *uuid)
{
	errint_t err = fd_write_all(fd, uuid, UUID_LENGTH);

	if (!err)
		err = fd_write_all(fd, "\n", 1);
	if (!err && fsync(fd) != 0)
		err = -errno;
	if (close(fd) != 0 && !err)
		err = -errno;
	return err;
}

static int create_marker(const char *backend, const char *path)
{
	char uuid[64];
	errint_t err;
	int fd, status = fresh_uuid(uuid, sizeof(uuid));

	if (status)
		return status;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return show_existing(backend, path);
	if (fd < 0)
		return ctl_fail(errno == EIO || errno == ETIMEDOUT ? CTL_EXIT_UNREACHABLE : CTL_EXIT_REFUSED,
				"cannot create %s: %s. It needs %s to be healthy (guardctl status) and the "
				"right to write there",
				path, strerror(errno), backend);
	err = write_marker(fd, uuid);
	if (err) {
		unlink(path); /* half a marker would lock the backend out */
		return ctl_fail(CTL_EXIT_UNREACHABLE, "cannot write %s: %s; it was removed again", path,
				strerror(-err));
	}
	print_marker(backend, uuid);
	return CTL_EXIT_OK;
}

static int adopt_backend(const struct ctl_instance *instance, const char *backend)
{
	char path[CTL_ABSOLUTE_MAX];
	const json_t *known = ctl_find_backend(instance->status, backend);

	if (!known)
		return ctl_fail(CTL_EXIT_USAGE, "there is no backend \"%s\". guardctl status names them",
				backend);
	if (snprintf(path, sizeof(path), "%s/.guardfs/backends/%s/" MARKER_NAME,
		     ctl_text(instance->status, "mountpoint"), ctl_text(known, "name")) >= (int)sizeof(path))
		return ctl_fail(CTL_EXIT_USAGE, "the path of the marker is too long");
	return create_marker(backend, path);
}

int ctl_cmd_adopt(const struct ctl_options *options, int argc, char **argv)
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX];
	int status = ctl_instance_open(&instance, options, ctl_run_root, message);

	(void)argc;
	if (status)
		ctl_fail(status, "%s", message);
	else
		status = adopt_backend(&instance, argv[0]);
	ctl_instance_release(&instance);
	return status;
}
