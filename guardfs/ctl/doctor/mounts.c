/* The mount table as text. Touches no mount. */
#include "ctl/doctor/doctor.h"
#include "base/cleanup.h"
#include "base/mounts.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define GUARDFS_TYPE "fuse.guardfs"
#define CLOSED_TYPE  "fuse.guardfs-closed"

struct table {
	/* In order: the last at a place is on top. */
	struct mount_entry *rows;
	size_t n;
};

static struct table parse_table(char *text)
{
	struct table t = {.rows = NULL};
	size_t lines = 1;
	char *line;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	t.rows = calloc(lines, sizeof(*t.rows));
	while (t.rows && (line = strsep(&text, "\n")))
		t.n += mount_parse(line, &t.rows[t.n]) == 0;
	return t;
}

static const struct mount_entry *top_at(const struct table *t, const char *point, unsigned *count)
{
	const struct mount_entry *top = NULL;

	*count = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->rows[i].mountpoint, point) != 0)
			continue;
		top = &t->rows[i];
		++*count;
	}
	return top;
}

static bool is_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	return n > 1 && strncmp(path, directory, n) == 0 && path[n] == '/';
}

static bool is_guardfs(const struct mount_entry *row)
{
	return row && strcmp(row->fstype, GUARDFS_TYPE) == 0;
}

static void check_running(struct doctor *d, const char *point, const struct mount_entry *top, unsigned count)
{
	if (!top)
		doctor_find(d, DOCTOR_ERROR, "mount",
			    "Restart guardfs; give its unit nothing that makes a mount namespace.",
			    "guardfs runs, but nothing is mounted at %s here: it lives in another mount "
			    "namespace, or "
			    "somebody has unmounted it",
			    point);
	else if (!is_guardfs(top))
		doctor_find(d, DOCTOR_ERROR, "mount", "umount it, and stop what mounts it there.",
			    "%s (%s) is mounted over guardfs at %s", top->source, top->fstype, point);
	else if (count > 1)
		doctor_find(d, DOCTOR_WARNING, "mount", "Once guardfs is stopped: umount what is left there.",
			    "%u mounts lie upon one another at %s", count, point);
	else
		doctor_find(d, DOCTOR_OK, "mount", "", "%s is mounted at %s", top->source, point);
}

static void check_stopped(struct doctor *d, const char *point, const struct mount_entry *top)
{
	if (top && strcmp(top->fstype, CLOSED_TYPE) == 0)
		doctor_find(d, DOCTOR_OK, "mount", "", "%s is kept closed until guardfs starts", point);
	else if (is_guardfs(top))
		doctor_find(d, DOCTOR_ERROR, "mount",
			    "If no guardfs serves it: umount -l it, then start guardfs.",
			    "%s is mounted at %s, but no guardfs says that it serves it", top->source, point);
	else if (top)
		doctor_find(d, DOCTOR_WARNING, "mount", "umount it before guardfs starts.",
			    "%s (%s) is mounted at %s", top->source, top->fstype, point);
}

static void check_below(struct doctor *d, const struct table *t, const char *point)
{
	unsigned foreign = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct mount_entry *row = &t->rows[i];

		if (!is_below(row->mountpoint, point))
			continue;
		foreign++;
		doctor_find(d, DOCTOR_WARNING, "foreign-mount",
			    "umount it, and disable what mounts it: the manifest makes bind mounts needless.",
			    "%s (%s) is mounted at %s: nothing guards what lies there", row->source,
			    row->fstype, row->mountpoint);
	}
	if (foreign == 0)
		doctor_find(d, DOCTOR_OK, "foreign-mount", "", "nothing is mounted below %s", point);
}

static void check_stale(struct doctor *d, const struct table *t, const struct config *c)
{
	static const char deleted[] = "//deleted";

	for (size_t i = 0; i < t->n; i++) {
		const struct mount_entry *row = &t->rows[i];
		size_t n = strlen(row->root);
		bool gone =
		    n >= sizeof(deleted) - 1 && strcmp(row->root + n - (sizeof(deleted) - 1), deleted) == 0;

		if (gone)
			doctor_find(d, DOCTOR_WARNING, "stale-mount", "umount -l it.",
				    "%s shows a directory of %s that no longer exists", row->mountpoint,
				    row->source);
		if (c && is_below(row->mountpoint, c->run_dir) && mount_is_fuse(row))
			doctor_find(d, DOCTOR_WARNING, "stale-mount", "umount -l it.",
				    "%s (%s) is mounted at %s, where keeper's own mounts are: here they "
				    "should not be seen",
				    row->source, row->fstype, row->mountpoint);
	}
}

static void check_expose(struct doctor *d, const struct table *t, const struct config_backend *b)
{
	const struct mount_entry *top;
	unsigned count;
	char id[64];

	if (!b->expose[0])
		return;
	snprintf(id, sizeof(id), "expose:%s", b->name);
	top = top_at(t, b->expose, &count);
	if (is_guardfs(top))
		doctor_find(d, DOCTOR_OK, id, "", "%s shows the backend, guarded", b->expose);
	else if (top)
		doctor_find(d, DOCTOR_ERROR, id,
			    "umount it, stop what mounts it (sshfs unit, fstab), restart guardfs.",
			    "%s (%s) is mounted at %s: whoever uses it is not guarded", top->source,
			    top->fstype, b->expose);
	else if (d->status)
		doctor_find(d, DOCTOR_WARNING, id, "Restart guardfs; look into its log for why it could not.",
			    "nothing is mounted at %s, where the backend should appear", b->expose);
}

static bool has_docker(const struct doctor *d)
{
	static const char *const places[] = {"/run/docker.sock", "/var/run/docker.sock"};
	char full[CTL_ABSOLUTE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(doctor_path(d, places[i], full), F_OK) == 0)
			return true;
	return false;
}

/* The mount below the mountpoint, without those at it. */
static const struct mount_entry *carrier(const struct table *t, const char *point)
{
	const struct mount_entry *best = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const struct mount_entry *row = &t->rows[i];

		if (strcmp(row->mountpoint, "/") != 0 && !is_below(point, row->mountpoint))
			continue;
		if (!best || strlen(row->mountpoint) >= strlen(best->mountpoint))
			best = row;
	}
	return best;
}

static void check_propagation(struct doctor *d, const struct table *t, const char *point)
{
	const struct mount_entry *row = carrier(t, point);

	if (!row)
		return;
	if (row->shared)
		doctor_find(d, DOCTOR_OK, "propagation", "",
			    "%s is shared: namespaces that follow it see a new mount", row->mountpoint);
	else
		doctor_find(d, has_docker(d) ? DOCTOR_WARNING : DOCTOR_NOTE, "propagation",
			    "mount --make-rshared it.",
			    "%s is not shared: containers%s that run already do not see it when guardfs is "
			    "mounted anew",
			    row->mountpoint, has_docker(d) ? " (docker is here)" : "");
	if (has_docker(d))
		doctor_find(d, DOCTOR_NOTE, "containers",
			    "-v with :rslave where a container must see a new mount.",
			    "docker binds with rprivate unless told otherwise: a container keeps the mount "
			    "it was started "
			    "with");
}

static bool is_empty(const char *path)
{
	CLEANUP_DIR DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return false;
	return true;
}

static bool is_immutable(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int flags = 0;

	return fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL);
}

void doctor_judge_mountpoint(struct doctor *d, bool uncovered)
{
	const char *point = d->config ? d->config->mountpoint : "";
	struct stat st;

	if (!point[0])
		return;
	if (!uncovered)
		doctor_find(d, DOCTOR_NOTE, "mountpoint",
			    "chattr +i, set while it is not mounted, keeps others from writing there.",
			    "what lies beneath %s cannot be seen while it is mounted", point);
	else if (stat(point, &st) < 0 || !S_ISDIR(st.st_mode))
		doctor_find(d, DOCTOR_ERROR, "mountpoint", "mkdir -p it.", "%s is no directory", point);
	else if (!is_empty(point))
		doctor_find(
		    d, DOCTOR_WARNING, "mountpoint",
		    "Move its files to the local tier: they are out of sight while guardfs is mounted.",
		    "%s is not empty although nothing is mounted: somebody wrote there", point);
	else if (!is_immutable(point))
		doctor_find(d, DOCTOR_NOTE, "mountpoint", "chattr +i it while nothing is mounted.",
			    "%s can be written to (mode %04o) while guardfs is not mounted", point,
			    (unsigned)st.st_mode & 07777);
	else
		doctor_find(d, DOCTOR_OK, "mountpoint", "", "%s is empty and immutable", point);
}

void doctor_check_mounts(struct doctor *d)
{
	const char *point = d->config ? d->config->mountpoint : ctl_text(d->status, "mountpoint");
	CLEANUP_FREE char *text = doctor_read(d, "/proc/self/mountinfo");
	CLEANUP_FREE struct mount_entry *rows = NULL;
	struct table t = {.rows = NULL};
	const struct mount_entry *top;
	unsigned count;

	if (!text) {
		doctor_find(d, DOCTOR_NOTE, "mount", "",
			    "/proc/self/mountinfo cannot be read: no mount was checked");
		return;
	}
	t = parse_table(text);
	rows = t.rows;
	check_stale(d, &t, d->config);
	if (!point[0])
		return;
	top = top_at(&t, point, &count);
	if (d->status)
		check_running(d, point, top, count);
	else
		check_stopped(d, point, top);
	check_below(d, &t, point);
	for (uint32_t i = 0; d->config && i < d->config->n_backends; i++)
		check_expose(d, &t, &d->config->backends[i]);
	check_propagation(d, &t, point);
	doctor_judge_mountpoint(d, !top && !d->status);
}
