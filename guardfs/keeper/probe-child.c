/* probe-child.c: see probe-child.h. Everything may hang. */
#include "keeper/probe-child.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define LIST_ENTRIES 16
#define QUIET_NS     (100 * NSEC_PER_MSEC)

static bool open_root(struct probe_run *run)
{
	run->root = open(run->job->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (run->root < 0)
		return probe_fail(run, ERRCLASS_NONE, errno, ERRCLASS_PATH_MISSING, "%s: %s", run->job->path,
				  strerror(errno));
	return true;
}

/* No cache can have the name. */
static bool prove_alive(struct probe_run *run)
{
	struct stat st;
	char name[64];

	snprintf(name, sizeof(name), ".guardfs-probe.%d.%llx", (int)getpid(),
		 (unsigned long long)run->job->expected.ino);
	if (fstatat(run->root, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT &&
	    errclass_info(errclass_from_errno(errno))->infrastructure)
		return probe_fail(run, ERRCLASS_NONE, errno, ERRCLASS_IO_ERROR,
				  "looking up a name in the root: %s", strerror(errno));
	probe_say_alive(run);
	return true;
}

/* Some entries. 0 or a positive errno, as the next. */
static int list_directory(const struct probe_run *run, const char *path)
{
	CLEANUP_DIR DIR *dir = NULL;
	int fd = openat(run->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		dir = fdopendir(fd);
	if (!dir)
		return errno;
	errno = 0;
	for (unsigned i = 0; i < LIST_ENTRIES && readdir(dir); i++)
		errno = 0;
	return errno;
}

static bool list_root(struct probe_run *run)
{
	int error = list_directory(run, ".");

	if (error)
		return probe_fail(run, ERRCLASS_NONE, error, ERRCLASS_CONFIG, "listing the root: %s",
				  strerror(error));
	probe_say_alive(run);
	return true;
}

static int write_canary(const struct probe_run *run, const char *name)
{
	static const char text[] = "guardfs was here\n";
	CLEANUP_FD int fd = openat(run->root, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	char back[sizeof(text)] = "";

	if (fd < 0)
		return errno;
	if (pwrite(fd, text, sizeof(text), 0) != (ssize_t)sizeof(text) || fsync(fd) < 0 ||
	    pread(fd, back, sizeof(back), 0) != (ssize_t)sizeof(back))
		return errno ? errno : EIO;
	return memcmp(text, back, sizeof(text)) == 0 ? 0 : EIO;
}

/* Unwritable: better known before a crawler finds out. */
static bool try_canary(struct probe_run *run)
{
	char name[64];
	int error;

	snprintf(name, sizeof(name), ".guardfs-canary.%d", (int)getpid());
	error = write_canary(run, name);
	if (unlinkat(run->root, name, 0) < 0 && error == 0)
		error = errno;
	if (error) {
		enum errclass class = errclass_from_errno(error);
		bool telling = class == ERRCLASS_FULL || class == ERRCLASS_READ_ONLY;

		return probe_fail(run, ERRCLASS_NONE, error, telling ? class : ERRCLASS_IO_ERROR,
				  "writing a canary: %s", strerror(error));
	}
	probe_say_alive(run);
	return true;
}

static void say_statfs(struct probe_run *run)
{
	struct probe_report r = {.kind = PROBE_SAYS_STATFS};
	struct statvfs s;

	if (fstatvfs(run->root, &s) < 0) {
		/* sshfs and the kernel remember a removed root's attributes; only this tells. On other errors
		 * the figures stay. */
		if (errno == ENOENT)
			probe_fail(run, ERRCLASS_PATH_MISSING, errno, ERRCLASS_PATH_MISSING,
				   "the root at %s is gone from the server", run->job->path);
		return;
	}
	r.statfs.blocks = s.f_blocks;
	r.statfs.bfree = s.f_bfree;
	r.statfs.bavail = s.f_bavail;
	r.statfs.files = s.f_files;
	r.statfs.ffree = s.f_ffree;
	r.statfs.bsize = (uint32_t)s.f_bsize;
	r.statfs.frsize = (uint32_t)s.f_frsize;
	r.statfs.namelen = (uint32_t)s.f_namemax;
	probe_say(run, &r, -1);
}

/* For seconds sshfs answers stat and listing of a removed directory from its cache; statvfs by path goes to
 * the server. 0, or a positive errno. A server without figures is no reason. */
static int ask_storage_for(const struct probe_run *run, const char *target)
{
	CLEANUP_FD int fd =
	    openat(run->root, target[0] ? target : ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statvfs s;

	if (fd < 0)
		return errno;
	return fstatvfs(fd, &s) < 0 && errno != ENOSYS && errno != EOPNOTSUPP ? errno : 0;
}

/* A directory that can be listed. The kernel's cached attributes are not believed. */
static int look_at_target(const struct probe_run *run, const char *target, bool list)
{
	struct statx sx;
	int error;

	if (statx(run->root, target,
		  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC |
		      (target[0] ? 0 : AT_EMPTY_PATH),
		  STATX_TYPE, &sx) < 0)
		return errno;
	if (!S_ISDIR(sx.stx_mode))
		return ENOTDIR;
	error = ask_storage_for(run, target);
	if (error)
		return error;
	return list ? list_directory(run, target[0] ? target : ".") : 0;
}

/* It does not wake keeper, unless keeper would hear nothing for long. */
static bool is_old_news(const struct probe_run *run, const struct probe_report *r, uint64_t *told_ns)
{
	const struct board_route *route = &run->job->arena->board.routes[r->index];
	uint64_t now_ns = clock_mono_ns();

	if (r->error == 0 && atomic_load(&route->errclass) != ERRCLASS_PATH_MISSING &&
	    now_ns < *told_ns + QUIET_NS)
		return true;
	*told_ns = now_ns;
	return false;
}

static void say_routes(const struct probe_run *run)
{
	CLEANUP_FREE struct tiermap *map = malloc(sizeof(*map));
	struct probe_report r = {.kind = PROBE_SAYS_ROUTE};
	uint64_t told_ns = clock_mono_ns();

	if (!map)
		return;
	r.generation = board_copy_map(&run->job->arena->board, map);
	for (uint32_t i = 0; i < map->n_routes && i < run->job->max_routes; i++) {
		bool list = run->job->tasks & PROBE_LIST_ROUTES && i < run->job->max_listed;

		r.index = (run->job->first_route + i) % map->n_routes;
		if (map->routes[r.index].backend != run->job->backend)
			continue;
		r.error = look_at_target(run, map->routes[r.index].target, list);
		r.errclass = r.error == 0 ? ERRCLASS_NONE : errclass_from_errno(r.error);
		if (r.error && !errclass_info((enum errclass)r.errclass)->infrastructure)
			r.errclass = ERRCLASS_PATH_MISSING;
		if (!is_old_news(run, &r, &told_ns))
			probe_say(run, &r, -1);
	}
}

static bool prove_root(struct probe_run *run)
{
	struct probe_report r = {.kind = PROBE_SAYS_ROOT};

	if (!open_root(run) || !probe_prove_identity(run) || !prove_alive(run))
		return false;
	if ((run->job->tasks & PROBE_LIST) && !list_root(run))
		return false;
	r.root = run->found;
	probe_say(run, &r, run->job->tasks & PROBE_HANDOVER ? run->root : -1);
	return true;
}

void probe_child(const struct probe_job *job, int sock)
{
	const struct config *config = &job->arena->board.config;
	struct probe_run run = {.job = job,
				.config = config,
				.backend = &config->backends[job->backend],
				.sock = sock,
				.root = -1};

	if (prove_root(&run)) {
		if (job->tasks & PROBE_STATFS)
			say_statfs(&run);
		if (job->tasks & PROBE_ROUTES)
			say_routes(&run);
		if (job->tasks & PROBE_PATTERNS)
			probe_search_patterns(&run);
		if (job->tasks & PROBE_CANARY)
			try_canary(&run);
	}
	run.failure.kind = PROBE_SAYS_DONE;
	probe_say(&run, &run.failure, -1);
	_exit(0);
}
