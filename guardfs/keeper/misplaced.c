#include "keeper/misplaced.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "config/localtier.h"
#include "keeper/internal.h"
#include "keeper/spawn.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define INTERVAL_NS (60 * NSEC_PER_SEC)
#define LIMIT_S	    30

struct counts {
	uint32_t misplaced, shadowed;
};

static void count_finding(void *arg, const struct localtier_finding *f)
{
	struct counts *counts = arg;

	counts->misplaced += f->kind == LOCALTIER_MISPLACED;
	counts->shadowed += f->kind == LOCALTIER_SHADOWED;
}

/* looked_ns 0: unknown. */
static void publish_counts(struct board_misplaced *b, const struct counts *counts, uint64_t looked_ns)
{
	atomic_store(&b->looked_ns, 0);
	atomic_store(&b->misplaced, counts->misplaced);
	atomic_store(&b->shadowed, counts->shadowed);
	atomic_store(&b->looked_ns, looked_ns);
}

/* In the child. A partial count would look like good news. */
static int look_at_local(struct board *board)
{
	CLEANUP_FREE struct tiermap *map = malloc(sizeof(*map));
	struct counts counts = {0, 0};

	if (!map)
		return 1;
	board_copy_map(board, map);
	if (localtier_look(&board->config, map, count_finding, &counts) < 0)
		return 1;
	publish_counts(&board->misplaced, &counts, clock_mono_ns());
	return 0;
}

static void begin_look(struct keeper *k)
{
	pid_t keeper = getpid(), pid = spawn_fork(NULL, 0);

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != keeper)
			_exit(1);
		alarm(LIMIT_S);
		_exit(look_at_local(k->board));
	}
	k->misplaced.pid = MAX(pid, 0);
}

void misplaced_tick(struct keeper *k, uint64_t now_ns)
{
	uint32_t generation = atomic_load(&k->board->map_generation);

	if (k->misplaced.pid || (now_ns < k->misplaced.next_ns && generation == k->misplaced.map_generation))
		return;
	k->misplaced.map_generation = generation;
	k->misplaced.next_ns = now_ns + INTERVAL_NS;
	begin_look(k);
}

void misplaced_reaped(struct keeper *k, pid_t pid, int status)
{
	static const struct counts none;

	if (pid != k->misplaced.pid)
		return;
	k->misplaced.pid = 0;
	if (status != 0)
		publish_counts(&k->board->misplaced, &none, 0);
	k->changed = true;
}
