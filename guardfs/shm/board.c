/* Breakers, patience, states and the tier map.
 *
 * The map is changed in a private draft, and commit writes the differences: only a death during commit leaves
 * it half written. */
#include "shm/board.h"
#include "shm/words.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define READER_PATIENCE_NS (10 * NSEC_PER_MSEC)
#define HOLDER_PATIENCE_NS (2 * NSEC_PER_SEC)
#define PAUSE_NS	   50000

/* Queues the threads of one process; processes queue at board->map_lock. Protects draft and draft_states. */
static pthread_mutex_t draft_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tiermap draft; /* untouched pages cost nothing */
static struct board_route draft_states[TIERMAP_ROUTES_MAX];

static void pause_briefly(void)
{
	/* sleep-ok: the other side is a process that may be dead, and wakes nobody. */
	nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

#define SESSION_WORD "session "

size_t board_session_text(const struct board *board, char text[BOARD_SESSION_MAX])
{
	return (size_t)snprintf(text, BOARD_SESSION_MAX, SESSION_WORD "%llu\n",
				(unsigned long long)atomic_load(&board->started_real_ns));
}

/* Half written it is another's: nobody writes in a session but who begins it. */
bool board_is_other_session(const struct board *board, const char *text)
{
	char own[BOARD_SESSION_MAX];

	board_session_text(board, own);
	return strncmp(text, SESSION_WORD, strlen(SESSION_WORD)) == 0 && strcmp(text, own) != 0;
}

static uint64_t patience_until_ns(const struct board *board)
{
	return clock_mono_ns() + board->config.patience_ms * NSEC_PER_MSEC;
}

void board_be_patient(struct board *board, unsigned index)
{
	if (index < CONFIG_BACKENDS_MAX)
		atomic_store(&board->backends[index].young_until_ns, patience_until_ns(board));
}

bool board_trip_breaker(struct board *board, unsigned index, uint32_t epoch, enum errclass why,
			enum detector by)
{
	uint64_t closed = breaker_word(epoch, true), young_ns, failed;
	struct board_backend *b;

	if (index >= CONFIG_BACKENDS_MAX)
		return false;
	b = &board->backends[index];
	/* Compared below: a slow opener must not make a later outage young. */
	young_ns = atomic_load(&b->young_until_ns);
	if (atomic_load(&b->breaker) == closed && atomic_load(&b->incident) == 0)
		atomic_compare_exchange_strong(&b->young_until_ns, &young_ns, patience_until_ns(board));
	failed = board_failed(b);
	if (!atomic_compare_exchange_strong(&b->breaker, &closed, breaker_word(epoch, false)))
		return false;
	atomic_store(&b->failed_before, failed);
	atomic_store(&b->opened_by, (uint32_t)by);
	atomic_store(&b->opened_class, (uint32_t)why);
	return true;
}

bool board_is_outage_young(const struct board_backend *b, uint64_t now_ns)
{
	enum health_state state = board_state(b);
	/* Until keeper has seen the open breaker, only its opener knows why. */
	enum errclass class =
	    health_serves(state) ? (enum errclass)atomic_load(&b->opened_class) : board_class(b);

	return now_ns < atomic_load(&b->young_until_ns) && state != HEALTH_HELD &&
	       state != HEALTH_EXHAUSTED && errclass_info(class)->passes;
}

bool board_callers_wait(const struct board_backend *b, uint64_t now_ns)
{
	if (board_state(b) == HEALTH_HELD)
		return atomic_load(&b->hold_waits) != 0;
	return board_is_outage_young(b, now_ns);
}

_Static_assert(sizeof(struct route) % sizeof(word_t) == 0, "routes are copied by words");

static void copy_from(const struct tiermap *shared, struct tiermap *map)
{
	uint32_t n = __atomic_load_n(&shared->n_routes, __ATOMIC_RELAXED);

	map->n_routes = MIN(n, TIERMAP_ROUTES_MAX);
	load_words(map->routes, shared->routes, map->n_routes * sizeof(struct route));
}

static void copy_routes(const struct board *board, struct tiermap *map)
{
	copy_from(&board->map, map);
}

static bool try_copy(const struct board *board, struct tiermap *map, uint32_t *generation)
{
	*generation = atomic_load_explicit(&board->map_generation, memory_order_acquire);
	if (*generation & 1)
		return false;
	if (map)
		copy_routes(board, map);
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&board->map_generation, memory_order_relaxed) == *generation;
}

uint32_t board_copy_map(const struct board *board, struct tiermap *map)
{
	uint64_t give_up = clock_mono_ns() + READER_PATIENCE_NS;
	uint32_t generation;

	while (!try_copy(board, map, &generation)) {
		if (clock_mono_ns() > give_up) {
			/* The writer died in commit: whole routes do until the next writer repairs the
			 * map. */
			if (map) {
				copy_routes(board, map);
				tiermap_repair(map, CONFIG_BACKENDS_MAX);
			}
			return generation | 1;
		}
		pause_briefly();
	}
	return generation;
}

static bool holder_is_dead(pid_t holder)
{
	char state = child_state(holder, NULL);

	/* Our own pid is that of a dead process, since our threads queue at draft_lock. */
	return holder == getpid() || state == 0 || state == 'Z' || state == 'X';
}

static void take_map_lock(struct board *board)
{
	uint64_t give_up = clock_mono_ns() + HOLDER_PATIENCE_NS;
	int32_t holder = 0;

	while (!atomic_compare_exchange_strong(&board->map_lock, &holder, (int32_t)getpid())) {
		/* A live holder needs microseconds. The later commit of a stopped one is void
		 * (board_map_commit). */
		if (!holder_is_dead(holder) && clock_mono_ns() < give_up) {
			pause_briefly();
			holder = 0;
		} else {
			log_warning("tier map: overtaking process %d, which did not finish", (int)holder);
		}
	}
}

struct tiermap *board_map_begin(struct board *board)
{
	pthread_mutex_lock(&draft_lock);
	take_map_lock(board);
	uint32_t generation = atomic_load(&board->map_generation);

	copy_routes(board, &draft);
	if (generation & 1) {
		/* The writer died: go on to its map, which loses no route. */
		if (atomic_load(&board->intended_generation) == generation)
			copy_from(&board->intended, &draft);
		tiermap_repair(&draft, CONFIG_BACKENDS_MAX);
	}
	return &draft;
}

/* A new route has the backend's state. */
static void carry_state(const struct board *board, const struct route *route, struct board_route *state)
{
	const struct route *old = tiermap_find_exact(&board->map, route->path);

	if (old && old->backend == route->backend) {
		const struct board_route *from = &board->routes[old - board->map.routes];

		atomic_store(&state->state, atomic_load(&from->state));
		atomic_store(&state->errclass, atomic_load(&from->errclass));
		atomic_store(&state->error, atomic_load(&from->error));
		atomic_store(&state->since_real_ns, atomic_load(&from->since_real_ns));
		return;
	}
	atomic_store(&state->state, (uint32_t)board_state(&board->backends[route->backend]));
	atomic_store(&state->errclass, (uint32_t)board_class(&board->backends[route->backend]));
	atomic_store(&state->error, 0);
	atomic_store(&state->since_real_ns, clock_real_ns());
}

static void publish_state(struct board_route *to, const struct board_route *from)
{
	atomic_store_explicit(&to->errclass, atomic_load(&from->errclass), memory_order_relaxed);
	atomic_store_explicit(&to->error, atomic_load(&from->error), memory_order_relaxed);
	atomic_store_explicit(&to->since_real_ns, atomic_load(&from->since_real_ns), memory_order_relaxed);
	atomic_store_explicit(&to->state, atomic_load(&from->state), memory_order_relaxed);
}

static void publish_draft(struct board *board)
{
	uint32_t generation = atomic_load(&board->map_generation) | 1;

	/* A dead writer's intended map stands already, and must not be torn. */
	if (atomic_load(&board->intended_generation) != generation) {
		store_words(board->intended.routes, draft.routes, draft.n_routes * sizeof(struct route));
		__atomic_store_n(&board->intended.n_routes, draft.n_routes, __ATOMIC_RELAXED);
		atomic_store(&board->intended_generation, generation);
	}
	atomic_store(&board->map_generation, generation);
	atomic_thread_fence(memory_order_release);
	for (uint32_t i = 0; i < draft.n_routes; i++) {
		if (memcmp(&board->map.routes[i], &draft.routes[i], sizeof(struct route)) != 0)
			store_words(&board->map.routes[i], &draft.routes[i], sizeof(struct route));
		publish_state(&board->routes[i], &draft_states[i]);
	}
	__atomic_store_n(&board->map.n_routes, draft.n_routes, __ATOMIC_RELAXED);
	atomic_store_explicit(&board->map_generation, generation + 1, memory_order_release);
}

void board_map_commit(struct board *board)
{
	int32_t self = (int32_t)getpid();

	for (uint32_t i = 0; i < draft.n_routes; i++)
		carry_state(board, &draft.routes[i], &draft_states[i]);
	if (atomic_load(&board->map_lock) == self) {
		publish_draft(board);
		atomic_compare_exchange_strong(&board->map_lock, &self, 0);
	} else {
		log_warning("tier map: a change was given up, it came too late");
	}
	pthread_mutex_unlock(&draft_lock);
}

static void count_change(struct board_backend *b, enum health_state from, enum health_state to,
			 uint64_t real_ns)
{
	bool lost = atomic_load(&b->lost_real_ns) != 0;

	if (to == HEALTH_RECOVERING && from != to)
		atomic_fetch_add(&b->tries, 1);
	if (!lost && health_serves(from) && !health_serves(to) && to != HEALTH_HELD) {
		atomic_fetch_add(&b->outages, 1);
		atomic_store(&b->lost_real_ns, real_ns ? real_ns : 1);
	} else if (lost && (to == HEALTH_HEALTHY || to == HEALTH_DEGRADED)) {
		atomic_fetch_add(&b->recoveries, 1);
		atomic_store(&b->lost_real_ns, 0);
	}
}

void board_set_state(struct board_backend *backend, enum health_state state, enum errclass class,
		     uint64_t real_ns)
{
	count_change(backend, board_state(backend), state, real_ns);
	atomic_store(&backend->errclass, (uint32_t) class);
	atomic_store(&backend->since_real_ns, real_ns);
	atomic_store(&backend->state, (uint32_t)state);
}

uint32_t board_owed_ms(const struct board *board)
{
	uint32_t ms = 0;

	for (uint32_t i = 0; i < board->config.n_backends; i++)
		if (atomic_load(&board->backends[i].owed_bytes))
			ms = MAX(ms, board->config.backends[i].drain_ms);
	return ms;
}
