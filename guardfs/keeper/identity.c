/* Is the directory at a backend's path the storage meant? docs/RECOVERY.md ("A backend serves: probes") says
 * how it is known; SFTP's, by its connection. In probe children. */
#include "keeper/probe-child.h"
#include "base/mounts.h"
#include "sshfs-compat/sshfs-compat.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MARKER_NAME ".guardfs-id"
#define MARKER_MAX  64 /* config_backend.marker */

static errint_t state_path(const struct probe_run *run, const char *suffix, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/%s.%s", run->config->state_dir, run->backend->name, suffix);

	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

static void trim(char *s)
{
	size_t n = strcspn(s, "\r\n");

	while (n > 0 && isspace((unsigned char)s[n - 1]))
		n--;
	s[n] = '\0';
}

/* Of a small file in the state directory; "": none. */
static errint_t recall_line(const struct probe_run *run, const char *suffix, char *line, size_t size)
{
	char path[CONFIG_PATH_MAX + 64];
	errint_t rc = state_path(run, suffix, path, sizeof(path));
	ssize_t n;

	line[0] = '\0';
	if (rc < 0)
		return rc;
	n = fd_read_file(path, line, size);
	if (n == -ENOENT)
		return 0;
	trim(line);
	return n < 0 ? (errint_t)n : 0;
}

static errint_t remember_line(const struct probe_run *run, const char *suffix, const char *line)
{
	char path[CONFIG_PATH_MAX + 64], text[4 * CONFIG_PATH_MAX];
	errint_t rc = state_path(run, suffix, path, sizeof(path));
	int n = snprintf(text, sizeof(text), "%s\n", line);

	if (rc == 0 && (n < 0 || (size_t)n >= sizeof(text)))
		rc = -ENAMETOOLONG;
	return rc < 0 ? rc : fd_write_atomic(path, text, (size_t)n, 0600, true);
}

static bool prove_own_mount(struct probe_run *run, const struct mount_entry *mount)
{
	/* A program that could not connect has just ended: the bare directory. */
	if (strcmp(mount->mountpoint, run->job->path) != 0)
		return probe_fail(run, ERRCLASS_NOT_CONNECTED, 0, ERRCLASS_NOT_CONNECTED,
				  "the mount at %s is gone", run->job->path);
	/* The kernel's own mounts go on writing when the program is dead. */
	if (run->backend->type == BACKEND_COMMAND && !run->found.fuse)
		return probe_fail(
		    run, ERRCLASS_CONFIG, 0, ERRCLASS_CONFIG,
		    "it mounted %s: only FUSE can be fenced; mount it by fstab, and guard it as type = dir",
		    mount->fstype);
	/* Other programs name their mounts as they like. */
	if (run->backend->type == BACKEND_COMMAND)
		return true;
	if (strcmp(mount->fstype, SSHFS_FSTYPE) != 0 || strcmp(mount->source, run->job->fsname) != 0 ||
	    mount->minor != run->found.minor)
		return probe_fail(run, ERRCLASS_IDENTITY_MISMATCH, 0, ERRCLASS_IDENTITY_MISMATCH,
				  "%s is not the sshfs that was started there", run->job->path);
	return true;
}

/* Else worker's root is useless. */
static bool prove_unchanged(struct probe_run *run)
{
	const struct probe_root *e = &run->job->expected, *f = &run->found;

	if (run->job->has_expected &&
	    (e->mount_id != f->mount_id || e->major != f->major || e->minor != f->minor || e->ino != f->ino))
		return probe_fail(run, ERRCLASS_NOT_CONNECTED, 0, ERRCLASS_NOT_CONNECTED,
				  "another directory or mount has taken the place of %s", run->job->path);
	return true;
}

/* "": none. *there: there is a file. */
static bool read_marker(struct probe_run *run, char *marker, bool *there)
{
	ssize_t n = run->storage->read_file(run, MARKER_NAME, marker, MARKER_MAX - 1);

	marker[n > 0 ? n : 0] = '\0';
	*there = n >= 0;
	if (n < 0 && n != -ENOENT)
		return probe_fail(run, ERRCLASS_NONE, (int)-n, ERRCLASS_IDENTITY_MISMATCH,
				  "reading " MARKER_NAME ": %s", strerror((int)-n));
	trim(marker);
	return true;
}

static errint_t write_marker(const struct probe_run *run, const char *marker)
{
	char line[MARKER_MAX + 2];
	int n = snprintf(line, sizeof(line), "%s\n", marker);

	return -run->storage->write_file(run, MARKER_NAME, line, (size_t)n, 0644);
}

/* An empty one was left by who could not write it. */
static bool remove_empty_marker(struct probe_run *run)
{
	int error = run->storage->remove_file(run, MARKER_NAME);

	return error == 0 || error == ENOENT ||
	       probe_fail(run, ERRCLASS_NONE, error, ERRCLASS_CONFIG,
			  "adopt: removing an empty " MARKER_NAME ": %s", strerror(error));
}

static bool adopt_storage(struct probe_run *run, char *marker)
{
	errint_t rc = 0;

	(void)copy_string(marker, MARKER_MAX, run->backend->marker);
	if (!marker[0]) {
		rc = fd_read_file("/proc/sys/kernel/random/uuid", marker, MARKER_MAX) < 0 ? -EIO : 0;
		trim(marker);
	}
	if (rc == 0)
		rc = write_marker(run, marker);
	if (rc < 0)
		return probe_fail(run, ERRCLASS_NONE, -rc, ERRCLASS_CONFIG,
				  "adopt: writing " MARKER_NAME ": %s", strerror(-rc));
	return true;
}

/* expected: configured, else remembered. Storage seen with a marker is not adopted again: the marker is lost. */
static bool prove_marker(struct probe_run *run, const char *expected, const char *remembered)
{
	bool first_use = !remembered[0] && run->backend->adopt;
	char marker[MARKER_MAX];
	errint_t rc = 0;
	bool there;

	if (!read_marker(run, marker, &there))
		return false;
	if (!marker[0] && first_use && there && !remove_empty_marker(run))
		return false;
	if (!marker[0] && first_use && !adopt_storage(run, marker))
		return false;
	if (!marker[0])
		return probe_fail(run, ERRCLASS_IDENTITY_MISMATCH, ENOENT, ERRCLASS_IDENTITY_MISMATCH,
				  "there is no " MARKER_NAME " (expected %s)",
				  expected[0] ? expected : "one");
	if (expected[0] && strcasecmp(marker, expected) != 0)
		return probe_fail(run, ERRCLASS_IDENTITY_MISMATCH, 0, ERRCLASS_IDENTITY_MISMATCH,
				  MARKER_NAME " says %s, expected %s", marker, expected);
	if (strcasecmp(marker, remembered) != 0)
		rc = remember_line(run, "marker", marker);
	if (rc < 0)
		return probe_fail(run, errclass_of_own(-rc), -rc, ERRCLASS_CONFIG,
				  "remembering the marker in %s: %s", run->config->state_dir, strerror(-rc));
	return true;
}

/* The descriptor's real path: the configured one may hold symlinks. */
static bool is_mountpoint(const struct probe_run *run, const struct mount_entry *mount)
{
	char link[48], real[CONFIG_PATH_MAX + 128];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", run->root);
	n = readlink(link, real, sizeof(real) - 1);
	if (n < 0)
		return false;
	real[n] = '\0';
	return strcmp(mount->mountpoint, real) == 0;
}

/* A dir must remain as first found. Anonymous device numbers change with every mount. */
static bool prove_remembered(struct probe_run *run, const struct mount_entry *mount)
{
	char now[3 * CONFIG_PATH_MAX], before[3 * CONFIG_PATH_MAX], device[32] = "-";
	errint_t rc = recall_line(run, "identity", before, sizeof(before));

	if (run->found.major != 0)
		snprintf(device, sizeof(device), "%u:%u", run->found.major, run->found.minor);
	snprintf(now, sizeof(now), "%s %s %s %s", mount->fstype, device,
		 is_mountpoint(run, mount) ? "mountpoint" : "directory", mount->source);
	trim(now);
	if (rc == 0 && !before[0])
		rc = remember_line(run, "identity", now);
	else if (rc == 0 && strcmp(now, before) != 0)
		return probe_fail(run, ERRCLASS_IDENTITY_MISMATCH, 0, ERRCLASS_IDENTITY_MISMATCH,
				  "found \"%.120s\", at first use it was \"%.120s\"", now, before);
	if (rc < 0)
		return probe_fail(run, errclass_of_own(-rc), -rc, ERRCLASS_CONFIG,
				  "remembering the identity in %s: %s", run->config->state_dir,
				  strerror(-rc));
	return true;
}

/* Of a directory: what it lies on. */
static bool prove_mount(struct probe_run *run, struct mount_entry *mount)
{
	if (mount_find_id(run->found.mount_id, mount) < 0)
		return probe_fail(run, ERRCLASS_NOT_CONNECTED, 0, ERRCLASS_NOT_CONNECTED,
				  "the mount at %s is gone", run->job->path);
	run->found.fuse = mount_is_fuse(mount);
	return !backend_is_mounted(run->backend->type) || prove_own_mount(run, mount);
}

bool probe_prove_identity(struct probe_run *run)
{
	char remembered[MARKER_MAX];
	struct mount_entry mount;
	errint_t rc;

	if (!run->storage->look_at_root(run))
		return false;
	if (run->backend->type != BACKEND_SFTP && !prove_mount(run, &mount))
		return false;
	if (!prove_unchanged(run))
		return false;
	rc = recall_line(run, "marker", remembered, sizeof(remembered));
	if (rc < 0)
		return probe_fail(run, errclass_of_own(-rc), -rc, ERRCLASS_CONFIG,
				  "reading the remembered marker in %s: %s", run->config->state_dir,
				  strerror(-rc));
	if (run->backend->marker[0] || run->backend->adopt || remembered[0])
		return prove_marker(run, run->backend->marker[0] ? run->backend->marker : remembered,
				    remembered);
	return run->backend->type != BACKEND_DIR || prove_remembered(run, &mount);
}
