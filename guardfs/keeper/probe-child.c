/* probe-child.c: see probe-child.h. Everything may hang. */
#include "keeper/probe-child.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define LIST_ENTRIES 16
#define QUIET_NS     (100 * NSEC_PER_MSEC)

/* No cache can have the name: "no such file" comes from the storage. */
static bool prove_alive(struct probe_run *run)
{
	unsigned type;
	char name[64];
	int error;

	snprintf(name, sizeof(name), ".guardfs-probe.%d.%llx", (int)getpid(),
		 (unsigned long long)run->job->expected.ino);
	error = run->storage->look(run, name, &type);
	if (error && error != ENOENT && errclass_info(errclass_from_errno(error))->infrastructure)
		return probe_fail(run, ERRCLASS_NONE, error, ERRCLASS_IO_ERROR,
				  "looking up a name in the root: %s", strerror(error));
	probe_say_alive(run);
	return true;
}

static bool count_entry(void *arg, const char *name, unsigned type)
{
	unsigned *left = arg;

	(void)name;
	(void)type;
	return --*left > 0;
}

/* Some entries. 0 or a positive errno. */
static int list_directory(const struct probe_run *run, const char *path)
{
	unsigned left = LIST_ENTRIES;

	return run->storage->list(run, path, count_entry, &left);
}

static bool list_root(struct probe_run *run)
{
	int error = list_directory(run, "");

	if (error)
		return probe_fail(run, ERRCLASS_NONE, error, ERRCLASS_CONFIG, "listing the root: %s",
				  strerror(error));
	probe_say_alive(run);
	return true;
}

static int write_canary(const struct probe_run *run, const char *name)
{
	static const char text[] = "guardfs was here\n";
	char back[sizeof(text)] = "";
	int error = run->storage->write_file(run, name, text, sizeof(text), 0600);
	ssize_t n;

	if (error)
		return error;
	n = run->storage->read_file(run, name, back, sizeof(back));
	if (n < 0)
		return (int)-n;
	return n == (ssize_t)sizeof(back) && memcmp(text, back, sizeof(text)) == 0 ? 0 : EIO;
}

static bool try_canary(struct probe_run *run)
{
	char name[64];
	int error, removed;

	snprintf(name, sizeof(name), ".guardfs-canary.%d", (int)getpid());
	error = write_canary(run, name);
	removed = run->storage->remove_file(run, name);
	error = error ? error : removed;
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
	int error = run->storage->figures(run, &s);

	if (error) {
		/* sshfs and the kernel remember a removed root's attributes; only this tells of its removal. After
		 * other errors the figures stay: other steps judge the storage. */
		if (error == ENOENT)
			probe_fail(run, ERRCLASS_PATH_MISSING, error, ERRCLASS_PATH_MISSING,
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

/* The target must be a directory that can be listed. */
static int look_at_target(const struct probe_run *run, const char *target, bool list)
{
	unsigned type;
	int error = run->storage->look(run, target, &type);

	if (error)
		return error;
	if (!S_ISDIR(type))
		return ENOTDIR;
	error = run->storage->look_twice(run, target);
	if (error)
		return error;
	return list ? list_directory(run, target) : 0;
}

/* Wakes keeper only if it would hear nothing for long. */
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

	if (!run->storage->open_root(run) || !probe_prove_identity(run) || !prove_alive(run))
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
	bool sftp = run.backend->type == BACKEND_SFTP;

	run.storage = sftp ? &probe_sftp : &probe_directory;

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
