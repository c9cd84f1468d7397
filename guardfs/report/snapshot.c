#include "report/snapshot.h"
#include "base/child.h"
#include "base/clock.h"
#include <errno.h>
#include <stdlib.h>

#define MAP_TRIES 4

static struct report_process look_at_process(int32_t pid)
{
	char letter = pid > 0 ? child_state(pid, NULL) : 0;

	if (pid <= 0)
		return (struct report_process){.state = REPORT_PROCESS_MISSING};
	/* A zombie leader serves nobody, even with stuck threads. */
	if (letter == 0 || letter == 'Z' || letter == 'X')
		return (struct report_process){pid, REPORT_PROCESS_DEAD};
	return (struct report_process){pid, REPORT_PROCESS_RUNNING};
}

/* A last report takes those that will be gone for gone. */
static void look_at_guardfs(struct report_snapshot *s)
{
	uint32_t ended = atomic_load(&s->board->ended);

	for (unsigned p = 0; p < PROCESS_COUNT; p++)
		s->processes[p] = look_at_process(atomic_load(&s->board->pid[p]));
	s->serving = atomic_load(&s->board->serving) == 1;
	s->unmounted_ns = atomic_load(&s->board->unmounted_real_ns);
	if (ended != BOARD_ENDED_NOT)
		s->processes[PROCESS_KEEPER] = (struct report_process){.state = REPORT_PROCESS_MISSING};
	if (ended != BOARD_ENDED_ALL)
		return;
	s->processes[PROCESS_GUARDIAN] = s->processes[PROCESS_WORKER] = s->processes[PROCESS_KEEPER];
	s->serving = false;
	if (!s->unmounted_ns)
		s->unmounted_ns = s->real_ns;
}

/* An open breaker is believed before keeper has published a state (or if it is dead). The last completed
 * operation is the nearest to its time. */
static void believe_the_breaker(struct report_backend *b, uint64_t real_ns, uint64_t mono_ns)
{
	uint64_t last = atomic_load(&b->board->last_completion_ns);
	uint32_t class = atomic_load(&b->board->opened_class);

	if (!health_serves(b->now.state) || breaker_is_closed(atomic_load(&b->board->breaker)))
		return;
	b->now.state = HEALTH_DOWN;
	b->now.class = class < ERRCLASS_COUNT ? (enum errclass) class : ERRCLASS_IO_ERROR;
	if (last && last <= mono_ns && mono_ns - last < real_ns)
		b->now.since_ns = MAX(b->now.since_ns, real_ns - (mono_ns - last));
}

static void look_at_backends(struct report_snapshot *s)
{
	s->n_backends = MIN(s->board->config.n_backends, (uint32_t)CONFIG_BACKENDS_MAX);
	for (uint32_t i = 0; i < s->n_backends; i++) {
		struct report_backend *b = &s->backends[i];

		b->board = &s->board->backends[i];
		b->config = &s->board->config.backends[i];
		b->now.state = board_state(b->board);
		b->now.class = board_class(b->board);
		b->now.since_ns = atomic_load(&b->board->since_real_ns);
		board_get_detail(b->board, b->detail, sizeof(b->detail));
		believe_the_breaker(b, s->real_ns, s->mono_ns);
	}
}

static struct report_condition own_condition(const struct board_route *r)
{
	uint32_t state = atomic_load(&r->state), class = atomic_load(&r->errclass);

	return (struct report_condition){
	    .state = state < HEALTH_STATE_COUNT ? (enum health_state)state : HEALTH_DOWN,
	    .class = class < ERRCLASS_COUNT ? (enum errclass) class : ERRCLASS_IO_ERROR,
	    .since_ns = atomic_load(&r->since_real_ns),
	};
}

static void look_at_route(struct report_snapshot *s, uint32_t index)
{
	const struct board_route *stored = &s->board->routes[index];
	struct report_route *r = &s->routes[index];
	uint8_t backend = s->map.routes[index].backend;
	uint32_t error = atomic_load(&stored->error);

	r->now = own_condition(stored);
	if (backend < s->n_backends) {
		const struct report_condition *below = &s->backends[backend].now;

		/* Until keeper has looked (since 0) a route is as its backend. */
		if (r->now.since_ns == 0 || report_badness(below->state) >= report_badness(r->now.state))
			r->now = *below;
	}
	if (health_serves(r->now.state))
		r->error = 0;
	else
		/* To callers a missing target is not ENOENT. */
		r->error = error && error < 4096 && error != ENOENT ? (int)error : s->board->config.error;
}

static void look_at_routes(struct report_snapshot *s)
{
	uint32_t manifest;

	for (int try = 0; try < MAP_TRIES; try++) {
		uint32_t generation = board_copy_map(s->board, &s->map);

		s->n_routes = MIN(s->map.n_routes, (uint32_t)TIERMAP_ROUTES_MAX);
		for (uint32_t i = 0; i < s->n_routes; i++)
			look_at_route(s, i);
		memcpy(s->manifest_error, s->board->manifest_error, sizeof(s->manifest_error));
		s->manifest_error[sizeof(s->manifest_error) - 1] = '\0';
		if (atomic_load(&s->board->map_generation) == generation)
			break;
	}
	manifest = atomic_load(&s->board->manifest_ok);
	s->manifest = manifest <= REPORT_MANIFEST_NONE ? (enum report_manifest)manifest : REPORT_MANIFEST_BAD;
	if (s->board->config.manifest[0] == '\0')
		s->manifest = REPORT_MANIFEST_NONE;
	if (s->manifest != REPORT_MANIFEST_BAD)
		s->manifest_error[0] = '\0';
}

struct report_snapshot *report_snapshot_take(const struct arena *arena)
{
	struct report_snapshot *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	s->board = &arena->board;
	s->real_ns = clock_real_ns();
	s->mono_ns = clock_mono_ns();
	look_at_guardfs(s);
	look_at_backends(s);
	look_at_routes(s);
	report_snapshot_judge(s);
	return s;
}
