#include "keeper/mountpoint.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mounts.h"
#include "keeper/internal.h"
#include "keeper/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A kernel before 5.8 may omit a line of a table that changes. */
#define ABSENCES_MAX 2u
#define AGAIN_NS     (50 * NSEC_PER_MSEC)
#define SWEEP_MAX    64u
#define SWEEP_S	     30

struct sweep {
	const struct board *board;
	size_t n;
	char paths[SWEEP_MAX][CONFIG_PATH_MAX];
};

static bool collect_mount(void *arg, const struct mount_entry *e)
{
	struct sweep *sweep = arg;

	if (mount_shows(e, sweep->board->mount_minor) &&
	    copy_string(sweep->paths[sweep->n], sizeof(sweep->paths[0]), e->mountpoint) == 0)
		sweep->n++;
	return sweep->n == SWEEP_MAX;
}

/* In the child: detaching walks a path that may hang. */
static int sweep_now(const struct board *board)
{
	static struct sweep sweep;

	sweep.board = board;
	if (mount_scan(collect_mount, &sweep) < 0)
		return 1;
	while (sweep.n-- > 0)
		if (umount2(sweep.paths[sweep.n], MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL)
			return 1;
	return 0;
}

/* Keeper needs none of guardfs's mounts. */
static void sweep(struct keeper *k)
{
	pid_t keeper = getpid(), pid;

	if (!k->mountpoint.own_namespace || k->mountpoint.sweeper)
		return;
	pid = spawn_fork(NULL, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != keeper)
			_exit(1);
		alarm(SWEEP_S);
		_exit(sweep_now(k->board));
	}
	k->mountpoint.sweeper = MAX(pid, 0);
}

void mountpoint_reaped(struct keeper *k, pid_t pid)
{
	if (pid == k->mountpoint.sweeper)
		k->mountpoint.sweeper = 0;
}

/* A sweep in guardian's namespace would unmount for everybody. */
static bool is_apart(pid_t guardian)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)guardian);
	return stat("/proc/self/ns/mnt", &ours) == 0 && stat(path, &theirs) == 0 &&
	       ours.st_ino != theirs.st_ino;
}

void mountpoint_start(struct keeper *k)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)k->guardian);
	k->mountpoint = (struct mountpoint){
	    .table = fopen(path, "re"), .look = true, .own_namespace = is_apart(k->guardian)};
	if (!k->mountpoint.table)
		log_warning("cannot see whether %s stays mounted: %s: %s", k->config->mountpoint, path,
			    strerror(errno));
	sweep(k);
}

void mountpoint_stop(struct keeper *k)
{
	if (k->mountpoint.table)
		fclose(k->mountpoint.table);
	k->mountpoint.table = NULL;
}

int mountpoint_poll_fd(const struct keeper *k)
{
	return k->mountpoint.table ? fileno(k->mountpoint.table) : -1;
}

void mountpoint_changed(struct keeper *k)
{
	k->mountpoint.look = true;
}

/* Not one exposed directory. */
static bool is_the_mount(void *arg, const struct mount_entry *e)
{
	const struct board *board = arg;

	return mount_shows(e, board->mount_minor) && strcmp(e->root, "/") == 0 &&
	       strcmp(e->mountpoint, board->mounted_at) == 0;
}

static void publish_mounted(struct keeper *k, bool mounted)
{
	_Atomic uint64_t *since = &k->board->unmounted_real_ns;

	if (mounted == (atomic_load(since) == 0))
		return;
	atomic_store(since, mounted ? 0 : clock_real_ns());
	k->changed = true;
	if (atomic_load(&k->board->planned_end[PROCESS_GUARDIAN]) == k->guardian)
		log_debug("%s was unmounted by guardian, which ends", k->board->mounted_at);
	else if (mounted)
		log_notice("%s is mounted again", k->board->mounted_at);
	else
		log_warning("%s was unmounted: what still uses it is served, and guardfs ends after that",
			    k->board->mounted_at);
	sweep(k);
}

uint64_t mountpoint_step(struct keeper *k, uint64_t now_ns)
{
	struct mountpoint *m = &k->mountpoint;
	int found;

	if (!m->table || !m->look)
		return UINT64_MAX;
	found = mount_scan_table(m->table, is_the_mount, k->board);
	if (found < 0)
		return now_ns + AGAIN_NS;
	m->absences = found ? 0 : m->absences + 1;
	m->look = !found && m->absences < ABSENCES_MAX;
	if (m->look)
		return now_ns + AGAIN_NS;
	publish_mounted(k, found);
	return UINT64_MAX;
}
