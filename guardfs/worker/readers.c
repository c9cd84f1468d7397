/* readers.c: see readers.h. `waiting` counts the places taken: threads in read(2) or on their way there. */
#include "worker/readers.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/wire.h"
#include "policy/readers.h"
#include "worker/follow.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

/* Beyond these an unneeded thread ends. */
#define HELD_MAX 8u
/* A reader alone asks once in so many requests whether others wait, by a system call. */
#define SAMPLED 16u

static struct {
	int dev_fd;
	uint32_t processors;
	bool (*start)(void);
	bool watched;

	/* Written by readers at each request. */
	_Alignas(CACHE_LINE) _Atomic uint32_t waiting;
	_Atomic uint32_t wanted;
	_Atomic bool alone_allowed; /* also by the watch */
	_Atomic pid_t alone;	    /* thread id of the last reader alone; 0: none now */
	_Atomic uint64_t taken;	    /* requests */
	_Atomic uint64_t raised_at; /* `taken` at the last change of wanted */
	_Atomic uint64_t window_ns; /* its begin */
	_Atomic uint32_t slow;	    /* slow requests in it */
	_Atomic uint64_t stuck_until_ns;

	pthread_mutex_t lock; /* held, turns; stopping is also read without */
	pthread_cond_t turn, watch;
	uint32_t held;	/* threads without a turn */
	uint32_t turns; /* of threads that have not left yet */
	_Atomic bool stopping;
} readers = {.lock = PTHREAD_MUTEX_INITIALIZER,
	     .turn = PTHREAD_COND_INITIALIZER,
	     .watch = PTHREAD_COND_INITIALIZER,
	     .wanted = READERS_WAITING_SAFE};

static _Thread_local struct {
	bool has_place;
	bool alone;
	pid_t tid;
} self;

/* ---- bringing one ---- */

static bool release_held(void)
{
	ACQUIRE_LOCK(&readers.lock);
	if (readers.held == 0)
		return false;
	readers.held--;
	readers.turns++;
	atomic_fetch_add(&readers.waiting, 1);
	return true;
}

/* If neither is to be had, readers_tick and the watch try again. */
static void bring_reader(void)
{
	if (release_held()) {
		pthread_cond_signal(&readers.turn);
		return;
	}
	/* A new thread inherits how its maker is scheduled. */
	follow_leave(self.tid);
	atomic_fetch_add(&readers.waiting, 1);
	if (!readers.start())
		atomic_fetch_sub(&readers.waiting, 1);
}

static void bring_reader_more(void)
{
	atomic_store(&readers.wanted, readers_raise(atomic_load(&readers.wanted)));
	atomic_store(&readers.raised_at, atomic_load(&readers.taken));
	bring_reader();
}

/* ---- places ---- */

static bool take_place(void)
{
	uint32_t waiting = atomic_load(&readers.waiting);

	while (waiting < atomic_load(&readers.wanted))
		if (atomic_compare_exchange_weak(&readers.waiting, &waiting, waiting + 1))
			return true;
	return false;
}

void readers_have_place(void)
{
	self.has_place = true;
	self.tid = gettid();
}

bool readers_await_turn(void)
{
	self.alone = false;
	if (self.has_place || take_place()) {
		self.has_place = false;
		return true;
	}
	ACQUIRE_LOCK(&readers.lock);
	if (readers.held >= HELD_MAX)
		return false;
	readers.held++;
	while (readers.turns == 0 && !atomic_load(&readers.stopping))
		pthread_cond_wait(&readers.turn, &readers.lock);
	if (readers.turns == 0) {
		readers.held--;
		return false;
	}
	readers.turns--;
	return true;
}

void readers_missed(void)
{
	atomic_fetch_sub(&readers.waiting, 1);
}

/* ---- requests ---- */

static void allow_alone(void)
{
	ACQUIRE_LOCK(&readers.lock);
	atomic_store(&readers.alone_allowed, true);
	pthread_cond_signal(&readers.watch);
}

/* A reader that saw `waiting` at zero before this may be alone; later ones may not. */
static void forbid_alone(void)
{
	atomic_store(&readers.alone_allowed, false);
	if (atomic_load(&readers.waiting) == 0)
		bring_reader();
}

static void end_window(uint64_t taken, uint64_t now_ns)
{
	uint64_t began_ns = atomic_exchange(&readers.window_ns, now_ns);
	uint32_t slow = atomic_exchange(&readers.slow, 0);
	bool allowed = atomic_load(&readers.alone_allowed);
	bool dense = readers_are_dense(now_ns - MIN(began_ns, now_ns), slow);
	uint32_t wanted = atomic_load(&readers.wanted);
	uint32_t lower = readers_lower(wanted, taken - atomic_load(&readers.raised_at), allowed);

	if (lower != wanted) {
		atomic_store(&readers.wanted, lower);
		atomic_store(&readers.raised_at, taken);
	}
	if (!allowed && dense && readers.watched && now_ns >= atomic_load(&readers.stuck_until_ns))
		allow_alone();
	else if (allowed && slow >= READERS_SLOW_MAX)
		forbid_alone();
}

static bool is_request_queued(void)
{
	struct pollfd p = {.fd = readers.dev_fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

static void be_alone(uint64_t taken)
{
	self.alone = true;
	atomic_store(&readers.alone, self.tid);
	if (taken % SAMPLED != 0 || readers.processors < 2 || !is_request_queued())
		return;
	if (readers_may_share(atomic_load(&readers.wanted), readers.processors))
		bring_reader_more();
	else
		atomic_store(&readers.raised_at, taken);
}

void readers_took(const uint8_t *buffer, uint32_t length, uint64_t read_ns)
{
	uint32_t waiting = atomic_fetch_sub(&readers.waiting, 1) - 1;
	uint64_t taken = atomic_fetch_add(&readers.taken, 1) + 1;

	follow_note(wire_pid(buffer));
	if (taken % READERS_WINDOW == 0)
		end_window(taken, read_ns);
	if (waiting)
		return;
	if (readers_want_another(0, atomic_load(&readers.alone_allowed), wire_is_brief(buffer, length)))
		bring_reader_more();
	else
		be_alone(taken);
}

uint64_t readers_taken(void)
{
	return atomic_load(&readers.taken);
}

void readers_served(uint64_t read_ns)
{
	if (clock_mono_ns() - read_ns > READERS_SLOW_NS)
		atomic_fetch_add(&readers.slow, 1);
}

void readers_may_block(void)
{
	if (self.tid && atomic_load_explicit(&readers.alone, memory_order_relaxed) == self.tid)
		atomic_store(&readers.alone, 0);
	follow_leave(self.tid);
	if (!self.alone)
		return;
	self.alone = false;
	if (atomic_load(&readers.waiting) == 0)
		bring_reader_more();
}

void readers_tick(void)
{
	if (atomic_load(&readers.waiting) == 0 && !atomic_load(&readers.alone_allowed) &&
	    !atomic_load(&readers.stopping))
		bring_reader();
}

/* ---- the watch ---- */

static bool watch_begin(void)
{
	ACQUIRE_LOCK(&readers.lock);
	while (!atomic_load(&readers.alone_allowed) && !atomic_load(&readers.stopping))
		pthread_cond_wait(&readers.watch, &readers.lock);
	return !atomic_load(&readers.stopping);
}

/* The reader alone took no request for a tick. If it only lacks a processor, more readers do not help. */
static void help_stuck(void)
{
	pid_t alone = atomic_load(&readers.alone);

	bring_reader_more();
	if (alone && child_state(alone, NULL) == 'R')
		return;
	atomic_store(&readers.stuck_until_ns, clock_mono_ns() + READERS_STUCK_NS);
	forbid_alone();
}

static void look_after(uint64_t before, uint64_t taken)
{
	uint32_t waiting = atomic_load(&readers.waiting);
	bool queued = is_request_queued();
	enum readers_state state = readers_look(waiting, before, taken, queued);

	follow_watch(&readers.alone, (uint32_t)(taken - before), state == READERS_WELL);
	switch (state) {
	case READERS_STUCK:
		help_stuck();
		break;
	case READERS_STARVED:
		bring_reader_more();
		break;
	case READERS_WELL:
		break;
	}
}

static void watch_alone(void)
{
	const struct timespec tick = {.tv_nsec = READERS_TICK_MS * 1000000L};
	uint64_t before = atomic_load(&readers.taken), first = before, taken;

	for (unsigned i = 1; atomic_load(&readers.alone_allowed) && !atomic_load(&readers.stopping); i++) {
		nanosleep(&tick, NULL);
		taken = atomic_load(&readers.taken);
		look_after(before, taken);
		before = taken;
		if (i % READERS_QUIET_TICKS != 0)
			continue;
		if (taken - first < READERS_QUIET_REQUESTS)
			forbid_alone();
		first = taken;
	}
	follow_end();
}

static void *watch(void *arg)
{
	(void)arg;
	while (watch_begin())
		watch_alone();
	return NULL;
}

static uint32_t count_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (uint32_t)CPU_COUNT(&set);
}

void readers_init(int dev_fd, bool (*start)(void))
{
	readers.dev_fd = dev_fd;
	readers.start = start;
	readers.processors = count_processors();
}

errint_t readers_start(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	follow_start();
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, watch, NULL);
	pthread_attr_destroy(&attr);
	readers.watched = rc == 0;
	for (unsigned i = 0; i < READERS_WAITING_SAFE; i++)
		bring_reader();
	return -rc;
}

void readers_stop(void)
{
	ACQUIRE_LOCK(&readers.lock);
	atomic_store(&readers.stopping, true);
	pthread_cond_broadcast(&readers.turn);
	pthread_cond_signal(&readers.watch);
}
