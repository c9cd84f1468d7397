/* The manifest's file: locked, judged, replaced, made active. */
#include "ctl/manifest/manifest.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "config/localtier.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

#define WAIT_MS	   5000u /* keeper looks every 250 ms */
#define POLL_MS	   50
#define LOCK_TRIES 100

struct edit {
	const struct ctl_options *options;
	/* status NULL: no guardfs runs. */
	struct ctl_instance *instance;
	const struct config *config;
	/* Absolute, normalised, below the mountpoint. */
	const char *hot;
	/* Absolute; NULL: remove. */
	const char *cold;
	/* Without symbolic links. */
	char file[CTL_ABSOLUTE_MAX];
	int fd;
	struct stat st;
	char *old;
	size_t n;
	struct manifest_change change;
	/* As it will be. */
	struct tiermap *map;
	/* It was copied, so local content may be hidden. */
	bool hides;
	bool quiet;
};

/* Waits for other edits; looks again if the file was replaced meanwhile. */
static errint_t open_locked(struct edit *e)
{
	struct stat now;

	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		e->fd = open(e->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (e->fd < 0 || flock(e->fd, LOCK_EX) < 0 || fstat(e->fd, &e->st) < 0)
			return -errno;
		if (stat(e->file, &now) == 0 && now.st_ino == e->st.st_ino && now.st_dev == e->st.st_dev)
			return S_ISREG(e->st.st_mode) ? 0 : -EINVAL;
		close(e->fd);
		e->fd = -1;
	}
	return -EAGAIN;
}

static errint_t read_manifest(struct edit *e)
{
	ssize_t got = 1;

	if (e->st.st_size > (off_t)MANIFEST_MAX)
		return -EFBIG;
	e->old = malloc(MANIFEST_MAX + 1);
	if (!e->old)
		return -ENOMEM;
	while (e->n < MANIFEST_MAX && (got = read(e->fd, e->old + e->n, MANIFEST_MAX - e->n)) > 0)
		e->n += (size_t)got;
	return got < 0 ? -errno : 0;
}

static int load_manifest(struct edit *e)
{
	CLEANUP_FREE char *real = NULL;
	errint_t err;

	if (!e->config->manifest[0])
		return ctl_fail(CTL_EXIT_REFUSED, "%s names no manifest. Add manifest = FILE to [tier]",
				e->config->file);
	real = realpath(e->config->manifest, NULL);
	err = real ? copy_string(e->file, sizeof(e->file), real) : -errno;
	if (!err)
		err = open_locked(e);
	if (!err)
		err = read_manifest(e);
	return err ? ctl_fail(CTL_EXIT_REFUSED, "%s: %s", e->config->manifest, strerror(-err)) : CTL_EXIT_OK;
}

/* The manifest has no quoting. */
int manifest_check_field(const char *what, const char *path)
{
	if (path[0] != '/')
		return ctl_fail(CTL_EXIT_USAGE, "%s: \"%s\" is not absolute", what, path);
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return ctl_fail(CTL_EXIT_USAGE,
					"%s: the manifest has no quoting, so that a path in it can hold no "
					"blanks or control characters: \"%s\"",
					what, path);
	return CTL_EXIT_OK;
}

/* Another route would hide a pattern's data. */
static int check_patterns(const struct edit *e, const struct route *route)
{
	const json_t *active;
	size_t i;

	json_array_foreach(json_object_get(e->instance->status, "routes"), i, active)
	{
		const char *path = ctl_text(active, "path"), *backend = ctl_text(active, "backend");
		size_t a = strlen(path), b = strlen(route->path), shorter = MIN(a, b);

		if (strcmp(ctl_text(active, "origin"), "pattern") != 0 ||
		    strncmp(path, route->path, shorter) != 0 ||
		    (a != b && (a > b ? path : route->path)[shorter] != '/'))
			continue;
		if (a == b && strcmp(backend, e->config->backends[route->backend].name) == 0 &&
		    strcmp(ctl_text(active, "target"), route->target) == 0)
			continue;
		return ctl_fail(CTL_EXIT_REFUSED,
				"%s conflicts with the route of %s to %s:%s, which a pattern made", e->hot,
				path, backend, ctl_text(active, "target"));
	}
	return CTL_EXIT_OK;
}

static const char *relative_hot(const struct edit *e)
{
	return e->hot + strlen(e->config->mountpoint) + 1;
}

static int check_added(const struct edit *e)
{
	const struct route *route = tiermap_find_exact(e->map, relative_hot(e));

	if (!route)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: the new line leads to no route", e->hot);
	if (!e->hides && localtier_assume(e->config, route->path) == LOCALTIER_HOLDS)
		return ctl_fail(CTL_EXIT_REFUSED,
				"%s holds something on the local tier, which the route would hide. Copy it "
				"to %s, then rename it away, and repeat this",
				e->hot, e->cold);
	return check_patterns(e, route);
}

/* Makes the change; guardfs's parser judges it. */
static int judge_change(struct edit *e)
{
	char error[CONFIG_ERROR_MAX] = "";
	errint_t err = e->cold ? manifest_text_add(e->old, e->n, e->cold, e->hot, &e->change)
			       : manifest_text_remove(e->old, e->n, e->hot, &e->change);

	e->map = calloc(1, sizeof(*e->map));
	if (err == -ENOENT)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: no line for %s", e->file, e->hot);
	if (err < 0 || !e->map)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	if (e->change.n > MANIFEST_MAX)
		return ctl_fail(CTL_EXIT_REFUSED, "%s would be too long", e->file);
	if (tiermap_parse_manifest(e->config, e->file, e->change.text, e->change.n, e->map, error) < 0)
		return ctl_fail(CTL_EXIT_REFUSED, "%s. Nothing was changed", error);
	return e->cold ? check_added(e) : CTL_EXIT_OK;
}

static errint_t fill_file(int fd, const struct edit *e)
{
	errint_t err = fd_write_all(fd, e->change.text, e->change.n);

	/* Owner first: chown clears mode bits. */
	if (!err && fchown(fd, e->st.st_uid, e->st.st_gid) < 0)
		err = -errno;
	if (!err && fchmod(fd, e->st.st_mode & 07777) < 0)
		err = -errno;
	if (!err && fsync(fd) < 0)
		err = -errno;
	return err;
}

static void sync_directory(const char *file)
{
	char directory[CTL_ABSOLUTE_MAX];
	CLEANUP_FD int fd = -1;

	(void)copy_string(directory, sizeof(directory), file);
	*strrchr(directory, '/') = '\0';
	fd = open(directory[0] ? directory : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

/* As fd_write_atomic, with the old owner before anybody sees the new file. */
static errint_t replace_manifest(const struct edit *e)
{
	char temporary[CTL_ABSOLUTE_MAX + 16];
	errint_t err;
	int fd;

	fd_remove_leftovers(e->file, false);
	/* As fd_write_atomic does. */
	snprintf(temporary, sizeof(temporary), "%s.tmp.%d", e->file, (int)getpid());
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = fill_file(fd, e);
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err && rename(temporary, e->file) < 0)
		err = -errno;
	if (err)
		unlink(temporary);
	else
		sync_directory(e->file);
	return err;
}

/* The status's guardian, if that process is a guardfs: ids are reused. */
static pid_t guardian_of(const json_t *status)
{
	int64_t pid = ctl_number(json_object_get(status, "processes"), "guardian");
	char path[64], exe[CTL_ABSOLUTE_MAX] = "", *name;

	if (pid <= 1 || pid > INT32_MAX)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (readlink(path, exe, sizeof(exe) - 1) < 0)
		return 0;
	name = strrchr(exe, '/');
	/* "guardfs (deleted)" after an upgrade. */
	return name && (strcmp(name, "/guardfs") == 0 || strcmp(name, "/guardfs (deleted)") == 0) ? (pid_t)pid
												  : 0;
}

static const json_t *find_route(const json_t *status, const char *path)
{
	const json_t *route;
	size_t i;

	json_array_foreach(json_object_get(status, "routes"), i, route)
	{
		if (strcmp(ctl_text(route, "path"), path) == 0)
			return route;
	}
	return NULL;
}

static bool is_active(const struct edit *e, const json_t *status)
{
	const struct route *wanted = tiermap_find_exact(e->map, relative_hot(e));
	const json_t *active = find_route(status, relative_hot(e));

	if (!wanted || !active)
		return !wanted && (!active || strcmp(ctl_text(active, "origin"), "manifest") != 0);
	return strcmp(ctl_text(active, "backend"), e->config->backends[wanted->backend].name) == 0 &&
	       strcmp(ctl_text(active, "target"), wanted->target) == 0;
}

static int report_active(const struct edit *e, const json_t *status)
{
	const json_t *active = find_route(status, relative_hot(e));

	if (e->quiet)
		return CTL_EXIT_OK;
	if (active)
		printf("active: %s leads to %s:%s (%s%s%s)\n", e->hot, ctl_text(active, "backend"),
		       ctl_text(active, "target"), ctl_text(active, "state"),
		       strcmp(ctl_text(active, "class"), "none") == 0 ? "" : ", ",
		       strcmp(ctl_text(active, "class"), "none") == 0 ? "" : ctl_text(active, "class"));
	else
		printf("active: %s is the local tier's\n", e->hot);
	return CTL_EXIT_OK;
}

/* Until the status shows the change. */
static int wait_active(struct edit *e)
{
	uint64_t end = clock_mono_ns() + WAIT_MS * NSEC_PER_MSEC;
	char message[CTL_MESSAGE_MAX];

	do {
		struct ctl_instance now;
		int status = ctl_instance_open(&now, e->options, ctl_run_root, message);

		if (status == CTL_EXIT_OK && is_active(e, now.status)) {
			status = report_active(e, now.status);
			ctl_instance_release(&now);
			return status;
		}
		ctl_instance_release(&now);
		(void)poll(NULL, 0, POLL_MS);
	} while (clock_mono_ns() < end);
	return ctl_fail(CTL_EXIT_TIMEOUT,
			"%s is written, but not active after %u s. See guardctl tiers and the log of guardfs",
			e->file, WAIT_MS / 1000);
}

static int tell_guardian(struct edit *e)
{
	pid_t guardian = e->instance->status ? guardian_of(e->instance->status) : 0;

	if (!e->instance->status) {
		puts("guardfs does not run: it reads the manifest when it starts");
		return CTL_EXIT_OK;
	}
	/* guardfs looks every second anyway. */
	if (!guardian || kill(guardian, SIGHUP) < 0)
		fprintf(stderr, "guardctl: the guardian could not be told; it notices by itself\n");
	return wait_active(e);
}

static int carry_out_edit(struct edit *e)
{
	int status = load_manifest(e);
	errint_t err;

	if (status == CTL_EXIT_OK)
		status = judge_change(e);
	if (status != CTL_EXIT_OK)
		return status;
	if (e->options->dry_run) {
		manifest_text_print(&e->change, e->file, e->old, stdout);
		return CTL_EXIT_OK;
	}
	err = replace_manifest(e);
	if (err)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: %s. Nothing was changed", e->file, strerror(-err));
	printf("%s:%u: %s %s\n", e->file, e->change.line, e->cold ? "added" : "removed", e->hot);
	return tell_guardian(e);
}

static void release_edit(struct edit *e)
{
	cleanup_fd(&e->fd);
	free(e->old);
	free(e->change.text);
	free(e->map);
}

int manifest_edit(struct ctl_instance *instance, const struct ctl_options *options,
		  const struct config *config, const char *cold, const char *hot)
{
	char path[CTL_ABSOLUTE_MAX], target[CTL_ABSOLUTE_MAX];
	struct edit e = {.options = options, .instance = instance, .config = config, .hot = path, .fd = -1};
	size_t n = strlen(config->mountpoint);
	int status = manifest_check_field("HOT", hot);

	if (status == CTL_EXIT_OK && cold)
		status = manifest_check_field("COLD", cold);
	if (status != CTL_EXIT_OK)
		return status;
	if (ctl_path_absolute("/", hot, path, sizeof(path)) < 0 ||
	    (cold && ctl_path_absolute("/", cold, target, sizeof(target)) < 0))
		return ctl_fail(CTL_EXIT_USAGE, "a path is too long");
	if (strncmp(path, config->mountpoint, n) != 0 || path[n] != '/')
		return ctl_fail(CTL_EXIT_USAGE, "%s does not lie below %s", path, config->mountpoint);
	e.cold = cold ? target : NULL;
	status = carry_out_edit(&e);
	release_edit(&e);
	return status;
}

static int parse_manifest(struct edit *e)
{
	char error[CONFIG_ERROR_MAX] = "";

	e->map = calloc(1, sizeof(*e->map));
	if (!e->map)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	if (tiermap_parse_manifest(e->config, e->file, e->old, e->n, e->map, error) < 0)
		return ctl_fail(CTL_EXIT_REFUSED, "%s. Correct it first", error);
	return CTL_EXIT_OK;
}

int manifest_line_of(const struct config *config, const char *path, struct route *route)
{
	struct edit e = {.config = config, .fd = -1};
	const struct route *line = NULL;
	int status = load_manifest(&e);

	if (status == CTL_EXIT_OK)
		status = parse_manifest(&e);
	if (status == CTL_EXIT_OK)
		line = tiermap_find_exact(e.map, path);
	if (line)
		*route = *line;
	release_edit(&e);
	return status == CTL_EXIT_OK ? line != NULL : -1;
}

static bool is_switched(struct edit *e)
{
	const struct route *line = tiermap_find_exact(e->map, relative_hot(e));
	const struct config_backend *backend = line ? &e->config->backends[line->backend] : NULL;
	size_t n = backend ? strlen(backend->alias) : 0;

	if (!line || !e->cold)
		return !line && !e->cold;
	return strncmp(e->cold, backend->alias, n) == 0 && e->cold[n] == '/' &&
	       strcmp(e->cold + n + 1, line->target) == 0;
}

static int switch_loaded(struct edit *e, enum manifest_switch how)
{
	int status = parse_manifest(e);
	errint_t err;

	if (status != CTL_EXIT_OK)
		return status;
	if (is_switched(e))
		return how == MANIFEST_SWITCH_DO ? tell_guardian(e) : CTL_EXIT_OK;
	free(e->map);
	status = judge_change(e);
	if (status != CTL_EXIT_OK)
		return status;
	if (how == MANIFEST_SWITCH_SHOW)
		manifest_text_print(&e->change, e->file, e->old, stdout);
	if (how != MANIFEST_SWITCH_DO)
		return CTL_EXIT_OK;
	err = replace_manifest(e);
	if (err)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: %s. Nothing was switched", e->file, strerror(-err));
	/* Other edits have waited long enough. */
	cleanup_fd(&e->fd);
	e->fd = -1;
	return tell_guardian(e);
}

int manifest_switch(struct ctl_instance *instance, const struct ctl_options *options,
		    const struct config *config, const char *cold, const char *hot, enum manifest_switch how)
{
	struct edit e = {.options = options,
			 .instance = instance,
			 .config = config,
			 .hot = hot,
			 .cold = cold,
			 .fd = -1,
			 .hides = true,
			 .quiet = true};
	int status = load_manifest(&e);

	if (status == CTL_EXIT_OK)
		status = switch_loaded(&e, how);
	release_edit(&e);
	return status;
}
