/* Processes that write into the job, or mount it. Reads /proc alone, so never hangs. Paths there are the
 * process's; its mounts tell the real ones. */
#include "ctl/move/move.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/mounts.h"

#include <errno.h>
#include <fcntl.h>

#define NAMED_MAX 8

static bool is_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return n && strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

errint_t move_inner_path(const char *root, const char *mountpoint, const char *path, char *inner, size_t size)
{
	size_t n = strcmp(mountpoint, "/") == 0 ? 0 : strlen(mountpoint);
	int length;

	if (strncmp(path, mountpoint, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return -ENOENT;
	length = snprintf(inner, size, "%s%s", strcmp(root, "/") == 0 ? "" : root, path + n);
	if (length == 0)
		length = snprintf(inner, size, "/");
	return length > 0 && (size_t)length < size ? 0 : -ENAMETOOLONG;
}

/* The job, or its place on the backend. */
static bool is_guarded_place(const struct move_writers *w, const char *inner)
{
	const struct move_end *backend = strcmp(w->from->tier, MOVE_LOCAL) == 0 ? w->to : w->from;
	char raw[CTL_ABSOLUTE_MAX];

	snprintf(raw, sizeof(raw), "/.guardfs/backends/%s/%s", backend->tier, backend->path);
	return (inner[0] == '/' && is_within(inner + 1, w->job)) || is_within(inner, raw);
}

/* In the local tier's own directory. */
static bool is_raw_place(const struct move_writers *w, const char *path)
{
	char raw[CTL_ABSOLUTE_MAX];

	snprintf(raw, sizeof(raw), "%s/%s", w->config->local, w->job);
	return is_within(path, raw);
}

static void name_of(const char *pid, char *name, size_t size)
{
	char file[64];

	snprintf(file, sizeof(file), "/proc/%.20s/comm", pid);
	if (fd_read_file(file, name, size) < 0)
		name[0] = '\0';
	name[strcspn(name, "\n")] = '\0';
}

/* guardfs opens files for callers; a caller found is named instead. */
static void report_writer(struct move_writers *w, const char *pid, const char *does, const char *path)
{
	char name[64] = "";

	name_of(pid, name, sizeof(name));
	if (strncmp(name, "guardfs", 7) == 0 || strcmp(name, HOLDER_NAME) == 0) {
		w->served++;
		return;
	}
	if (++w->found <= NAMED_MAX)
		fprintf(w->out, "process %s (%s) %s %s\n", pid, name, does, path);
}

#define MOUNTS_MAX 64

struct process {
	struct move_writers *w;
	const char *pid;
	/* of the guarded mount */
	uint32_t major, minor;
	/* of that device, as the process sees them */
	struct mount_entry *mounts[MOUNTS_MAX];
	size_t n;
};

static bool is_known_mount(const struct process *p, const struct mount_entry *e)
{
	return e->major == p->major && e->minor == p->minor && p->n < MOUNTS_MAX;
}

/* A mount of guardfs whose root lies in the job pins what it shows. */
static void read_mounts(struct process *p)
{
	char path[64];
	CLEANUP_FREE char *line = NULL;
	CLEANUP_FILE FILE *f = NULL;
	size_t room = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/mountinfo", p->pid);
	f = fopen(path, "re");
	while (f && getline(&line, &room, f) > 0) {
		struct mount_entry *e = malloc(sizeof(*e));

		if (!e || mount_parse(line, e) || !is_known_mount(p, e)) {
			free(e);
			continue;
		}
		p->mounts[p->n++] = e;
		if (is_guarded_place(p->w, e->root))
			report_writer(p->w, p->pid, "has the job mounted at", e->mountpoint);
	}
}

static errint_t read_fdinfo(const char *pid, const char *fd, unsigned *flags, uint32_t *mount)
{
	char path[96], text[2048] = "";
	const char *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%.20s", pid, fd);
	/* Some have long ones; the option sought comes first. */
	n = fd_read_file(path, text, sizeof(text));
	if (n < 0 && n != -EFBIG)
		return (errint_t)n;
	text[sizeof(text) - 1] = '\0';
	at = strstr(text, "flags:");
	if (!at || sscanf(at, "flags: %o", flags) != 1)
		return -EINVAL;
	at = strstr(text, "mnt_id:");
	return at && sscanf(at, "mnt_id: %u", mount) == 1 ? 0 : -EINVAL;
}

static bool is_job_file(const struct process *p, uint32_t mount, const char *path)
{
	char inner[CTL_ABSOLUTE_MAX];

	for (size_t i = 0; i < p->n; i++)
		if (p->mounts[i]->id == mount)
			return move_inner_path(p->mounts[i]->root, p->mounts[i]->mountpoint, path, inner,
					       sizeof(inner)) == 0 &&
			       is_guarded_place(p->w, inner);
	return is_raw_place(p->w, path);
}

static void look_at_fd(const struct process *p, int dir, const char *fd)
{
	char path[CTL_ABSOLUTE_MAX];
	ssize_t n = readlinkat(dir, fd, path, sizeof(path) - 1);
	uint32_t mount = 0;
	unsigned flags = 0;

	if (n <= 0 || path[0] != '/')
		return;
	path[n] = '\0';
	if (read_fdinfo(p->pid, fd, &flags, &mount) || (flags & O_ACCMODE) == O_RDONLY)
		return;
	if (is_job_file(p, mount, path))
		report_writer(p->w, p->pid, "has open for writing", path);
}

/* Mapped shared and writable works without a descriptor. maps(5) does not name the mount. */
static void look_at_mapping(const struct process *p, const char *line)
{
	char perms[8], inner[CTL_ABSOLUTE_MAX];
	const char *path = strchr(line, '/');
	bool within;

	if (!path || sscanf(line, "%*s %7s", perms) != 1 || perms[1] != 'w' || perms[3] != 's')
		return;
	within = is_raw_place(p->w, path);
	for (size_t i = 0; i < p->n && !within; i++)
		within = move_inner_path(p->mounts[i]->root, p->mounts[i]->mountpoint, path, inner,
					 sizeof(inner)) == 0 &&
			 is_guarded_place(p->w, inner);
	if (within)
		report_writer(p->w, p->pid, "has mapped for writing", path);
}

static void look_at_mappings(const struct process *p)
{
	char path[64];
	CLEANUP_FREE char *line = NULL;
	CLEANUP_FILE FILE *f = NULL;
	size_t room = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/maps", p->pid);
	f = fopen(path, "re");
	while (f && getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		look_at_mapping(p, line);
	}
}

static void look_at(struct process *p)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;

	read_mounts(p);
	snprintf(path, sizeof(path), "/proc/%.20s/fd", p->pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			look_at_fd(p, dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
	look_at_mappings(p);
	while (p->n > 0)
		free(p->mounts[--p->n]);
}

/* The mount's present state, which worker renders from memory. */
static void look_at_jobs(struct move_writers *w)
{
	char path[CTL_ABSOLUTE_MAX];
	json_t *status;
	const json_t *job;
	size_t i;

	snprintf(path, sizeof(path), "%s/.guardfs/status.json", w->config->mountpoint);
	status = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	json_array_foreach(json_object_get(status, "jobs"), i, job)
	{
		const char *name = ctl_text(job, "name");

		if (ctl_number(job, "writers") <= 0 || (!is_within(name, w->job) && !is_within(w->job, name)))
			continue;
		if (++w->found <= NAMED_MAX)
			fprintf(w->out, "%lld files of job %s are open for writing, by guardfs's own count\n",
				(long long)ctl_number(job, "writers"), name);
	}
	json_decref(status);
}

void move_writers_find(struct move_writers *w)
{
	struct process *p = calloc(1, sizeof(*p));
	CLEANUP_DIR DIR *proc = opendir("/proc");
	struct mount_entry guard;
	struct dirent *entry;

	w->found = w->served = 0;
	if (!p || !proc || mount_find_at(w->config->mountpoint, &guard)) {
		fprintf(w->out, "/proc or the mount cannot be looked at\n");
		w->found = 1;
		free(p);
		return;
	}
	*p = (struct process){.w = w, .major = guard.major, .minor = guard.minor};
	while ((entry = readdir(proc))) {
		if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name))
			continue;
		p->pid = entry->d_name;
		if (atoi(p->pid) != (int)getpid())
			look_at(p);
	}
	free(p);
	/* They include files that no process holds, in transit through a socket. */
	if (!w->found)
		look_at_jobs(w);
	if (!w->found && w->served) {
		w->found = w->served;
		fprintf(w->out,
			"guardfs has files open for writing for a process that cannot be seen from here\n");
	}
}
