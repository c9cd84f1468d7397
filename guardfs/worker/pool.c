#include "worker/pool.h"
#include "backend/backend.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/behind.h"
#include "fs/behind_send.h"
#include "fs/checkpoint.h"
#include "fs/context.h"
#include "fs/doubt.h"
#include "fs/draft.h"
#include "fs/fs.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/halfway_finish.h"
#include "fs/leftovers.h"
#include "fs/publish_last.h"
#include "fs/suspects.h"
#include "fs/wire.h"
#include "worker/readers.h"
#include "worker/ready.h"
#include "worker/recover.h"
#include "worker/session.h"
#include "worker/worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bring to a backend what is owed to it. Each may wait for a round trip. */
#define SENDERS_MAX 32u
#define STACK_SIZE  (256u * 1024u)
/* A change of the local tier waits so long for a dead worker's thread. */
#define AWAIT_THREAD_MS 10000u
/* At the end: what is closed is published and synced within that, or is lost or suspect. */
#define PUBLISH_MS 15000u
/* Larger slot buffers give pages back when a thread ends. */
#define BUFFER_KEPT (64u * 1024u)

/* Our own work, in a slot: to publish what was closed; to sweep what rewritings left; to finish renames. */
enum chore { CHORE_PUBLISH, CHORE_SWEEP, CHORE_FINISH, N_CHORES };
static void (*const chores[])(unsigned backend) = {publish_last_waiting, leftovers_sweep, halfway_finish};

static struct {
	struct arena *arena;
	int dev_fd;
	uint32_t generation;

	pthread_mutex_t lock; /* free slots, reader threads */
	pthread_cond_t slot_freed;
	uint16_t free[SLOT_MAX];
	uint32_t n_free;
	uint32_t runners;
	uint32_t senders[CONFIG_BACKENDS_MAX];
	bool chores[N_CHORES][CONFIG_BACKENDS_MAX]; /* a thread is at it */
	pthread_t readers[SLOT_MAX];
	bool reading[SLOT_MAX]; /* of readers[]: live */

	_Atomic uint32_t idle;
	_Atomic uint32_t n_readers;
	_Atomic bool stopping;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .slot_freed = PTHREAD_COND_INITIALIZER};

static _Thread_local struct slot_thread this_thread;

static struct slot *slot_at(uint32_t i)
{
	return &pool.arena->slots[i];
}

static uint16_t index_of(const struct slot *slot)
{
	return (uint16_t)(slot - pool.arena->slots);
}

/* ---- slots ---- */

/* Has a dead worker's thread read into this free slot since this worker looked? (recover_late) */
static bool holds_late_request(uint16_t i)
{
	return wire_unique(pool.arena->buffers[i]) != 0;
}

static struct slot *slot_take(bool wait)
{
	struct slot *slot = NULL;

	ACQUIRE_LOCK(&pool.lock);
	while (wait && pool.n_free == 0 && !atomic_load(&pool.stopping))
		pthread_cond_wait(&pool.slot_freed, &pool.lock);
	for (uint32_t k = pool.n_free; k-- > 0 && !slot;) {
		uint16_t i = pool.free[k];

		if (holds_late_request(i))
			continue;
		pool.free[k] = pool.free[--pool.n_free];
		arena_slot_is_used(pool.arena, i);
		slot = slot_at(i);
	}
	return slot;
}

static bool slot_take_one(uint16_t i)
{
	ACQUIRE_LOCK(&pool.lock);
	for (uint32_t k = 0; k < pool.n_free; k++) {
		if (pool.free[k] != i)
			continue;
		pool.free[k] = pool.free[--pool.n_free];
		return true;
	}
	return false;
}

static void slot_give_back(struct slot *slot)
{
	wire_clear_unique(arena_slot_buffer(pool.arena, slot));
	atomic_store(&slot->deadline_ns, 0);
	atomic_store(&slot->inside, 0);
	atomic_store(&slot->state, SLOT_FREE);
	ACQUIRE_LOCK(&pool.lock);
	pool.free[pool.n_free++] = index_of(slot);
	pthread_cond_signal(&pool.slot_freed);
}

/* Its unique goes first: guardian then leaves the slot alone. */
static void slot_prepare(struct slot *slot)
{
	wire_clear_unique(arena_slot_buffer(pool.arena, slot));
	arena_slot_touch(pool.arena, slot);
	slot_reset(slot);
	slot->worker = pool.generation;
	atomic_store(&slot->state, SLOT_READING);
}

/* ---- running ---- */

static void call_setup(struct slot *slot)
{
	call.slot = slot;
	slot->runs = this_thread;
	call.buffer = arena_slot_buffer(pool.arena, slot);
	call.unique = wire_unique(call.buffer);
	call.parked = false;
	call.backing_id = 0;
}

static void reply_error(uint64_t unique, int err)
{
	uint8_t out[64];

	/* ENOENT: guardian or the kernel has ended it. */
	if (session_send(out, wire_error_reply(out, unique, err)) < 0)
		return;
}

/* Ends a request whose caller was answered by guardian, or by a worker for a dead one (then without a unique). */
static void run_no_more(const struct slot *slot)
{
	behind_send_no_more(slot);
	/* Before its handle is let go: if closed meanwhile it is released here, in this slot. */
	if (slot->mutating && slot->moved)
		doubt_ask_again(call.buffer);
	else if (slot->mutating)
		doubt_raise(call.buffer);
	if (!slot->moved)
		(void)draft_refused_write(call.buffer);
	guard_end_request();
	handle_end_request();
	if (call.unique)
		reply_error(call.unique, pool.arena->board.config.error);
}

/* Nobody can tell whether the change is or will be made. */
static void leave_in_doubt(const struct slot *slot, uint32_t opcode)
{
	log_warning("%s (request %llu): a dead worker's thread is still at it after %u s; answered with an "
		    "error, not run again",
		    wire_opcode_name(opcode), (unsigned long long)call.unique, AWAIT_THREAD_MS / 1000);
	doubt_raise(call.buffer);
	run_no_more(slot);
}

/* only_root: the kernel lets everybody in. */
static bool is_stranger(uint32_t uid, uint32_t opcode)
{
	return pool.arena->board.config.only_root && uid != 0 && uid != geteuid() &&
	       wire_begins_access(opcode);
}

/* False: the request was parked, and the slot is nobody's. */
static bool run_request(struct slot *slot)
{
	struct wire_request r;

	call_setup(slot);
	if (wire_parse(call.buffer, slot->length, &r) < 0 || !wire_is_complete(call.buffer, &r)) {
		log_error("the kernel sent a malformed request of %u bytes (opcode %u): answered EINVAL",
			  slot->length, slot->length >= sizeof(r) ? r.opcode : 0);
		reply_error(call.unique, EINVAL);
		return true;
	}
	if (!recover_await_thread(slot, AWAIT_THREAD_MS) && !call_answered()) {
		leave_in_doubt(slot, r.opcode);
		return true;
	}
	/* Its caller was told that it failed: it must change nothing. */
	if (!call.unique || call_answered()) {
		run_no_more(slot);
		return true;
	}
	call.uid = r.uid;
	if (is_stranger(r.uid, r.opcode)) {
		reply_error(call.unique, EACCES);
		return true;
	}
	if (r.opcode == WIRE_OP_INTERRUPT) {
		fs_interrupt(call.buffer);
		return true;
	}
	/* Never run twice: the slot now counts as empty. */
	if (!wire_wants_reply(r.opcode))
		wire_clear_unique(call.buffer);
	wire_adopt(call.buffer);
	session_dispatch(slot->length);
	guard_end_request();
	handle_end_request();
	return !call.parked;
}

/* NULL: none may run now. */
static struct slot *take_parked(unsigned backend)
{
	struct slot *oldest;

	for (;;) {
		uint32_t parked = SLOT_PARKED;

		oldest = NULL;
		for (uint32_t i = 0; i < arena_slots_used(pool.arena); i++) {
			struct slot *s = slot_at(i);

			if (atomic_load(&s->state) != SLOT_PARKED || atomic_load(&s->backend) != backend ||
			    !guard_may_run(s))
				continue;
			if (!oldest || atomic_load(&s->read_ns) < atomic_load(&oldest->read_ns))
				oldest = s;
		}
		if (!oldest)
			return NULL;
		if (atomic_compare_exchange_strong(&oldest->state, &parked, SLOT_RUNNING)) {
			guard_unparked(oldest);
			return oldest;
		}
	}
}

/* Requests that waited for this visit go next, in this thread. */
static void run_waiting(unsigned backend)
{
	struct slot *slot;

	fs_close_waiting(backend);
	while (backend < pool.arena->board.config.n_backends &&
	       atomic_load(&pool.arena->board.backends[backend].parked) && (slot = take_parked(backend)))
		if (run_request(slot))
			slot_give_back(slot);
	call.slot = NULL;
}

/* ---- threads ---- */

static bool thread_begin(void)
{
	void *data = mmap(NULL, CALL_DATA_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	this_thread = (struct slot_thread){getpid(), gettid()};
	if (data == MAP_FAILED)
		return false;
	call.data = data;
	backend_thread_init();
	return true;
}

static void thread_end(void)
{
	munmap(call.data, CALL_DATA_SIZE);
	call.data = NULL;
}

static errint_t thread_start(void *(*run)(void *), void *arg, pthread_t *thread)
{
	pthread_attr_t attr;
	pthread_t ignored;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(thread ? thread : &ignored, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return -rc;
}

static void *read_requests(void *arg);

static bool start_reader(void)
{
	if (atomic_load(&pool.stopping))
		return false;
	ACQUIRE_LOCK(&pool.lock);
	for (uint32_t i = 0; i < SLOT_MAX && pool.n_free; i++) {
		if (pool.reading[i])
			continue;
		pool.reading[i] = true;
		atomic_fetch_add(&pool.n_readers, 1);
		atomic_fetch_add(&pool.idle, 1);
		if (thread_start(read_requests, &pool.reading[i], &pool.readers[i]) < 0) {
			/* The next request tries again. */
			pool.reading[i] = false;
			atomic_fetch_sub(&pool.n_readers, 1);
			atomic_fetch_sub(&pool.idle, 1);
			return false;
		}
		return true;
	}
	return false;
}

/* A mount taken away by force closes no open file, but owed bytes, and what was closed before, are brought to
 * storage. All readers get here: the first ends the process, and no other may while it names what is lost. */
static void await_owed(void)
{
	static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER; /* never let go */

	const struct timespec pause = {.tv_nsec = 10000000};
	uint64_t now_ns = clock_mono_ns();
	uint64_t owed_until_ns = now_ns + 2 * board_owed_ms(&pool.arena->board) * NSEC_PER_MSEC;
	/* Guardian waits a little longer. */
	uint64_t last_until_ns =
	    now_ns + MIN(pool.arena->board.config.deadline.ms[OP_SYNC], PUBLISH_MS) * NSEC_PER_MSEC;

	pthread_mutex_lock(&first);
	while ((board_owed_ms(&pool.arena->board) && now_ns < owed_until_ns) ||
	       ((publish_last_waits() || checkpoint_waits()) && now_ns < last_until_ns)) {
		nanosleep(&pause, NULL);
		now_ns = clock_mono_ns();
	}
	publish_last_give_up();
	checkpoint_give_up();
}

/* False: interrupted, or an aborted request. */
static bool read_request(struct slot *slot)
{
	ssize_t n = read(pool.dev_fd, arena_slot_buffer(pool.arena, slot), SLOT_BUFFER_SIZE);

	if (n >= 0) {
		slot->length = (uint32_t)n;
		atomic_store_explicit(&slot->read_ns, clock_mono_ns(), memory_order_relaxed);
		atomic_store_explicit(&slot->state, SLOT_RUNNING, memory_order_release);
		return true;
	}
	if (errno == ENODEV || errno == EBADF) {
		await_owed();
		_exit(WORKER_EXIT_UNMOUNTED);
	}
	if (errno != EINTR && errno != ENOENT && errno != EAGAIN)
		log_error("reading /dev/fuse: %s", strerror(errno));
	return false;
}

/* Also runs what waited for its end. *slot: NULL if the request keeps it and no other is free. */
static void run_one(struct slot **slot)
{
	uint64_t read_ns = atomic_load_explicit(&(*slot)->read_ns, memory_order_relaxed);
	unsigned backend;

	if (run_request(*slot)) {
		backend = atomic_load(&(*slot)->backend);
		if (backend == SLOT_LOCAL)
			readers_served(read_ns);
		run_waiting(backend);
		return;
	}
	/* It may have come during the parking. */
	run_waiting(call.parked_for);
	readers_may_block();
	*slot = slot_take(true);
}

/* False: the thread is to end. */
static bool serve_one(struct slot **slot)
{
	slot_prepare(*slot);
	if (!readers_await_turn())
		return false;
	if (!read_request(*slot)) {
		readers_missed();
		return true;
	}
	atomic_fetch_sub(&pool.idle, 1);
	readers_took(arena_slot_buffer(pool.arena, *slot), (*slot)->length,
		     atomic_load_explicit(&(*slot)->read_ns, memory_order_relaxed));
	run_one(slot);
	atomic_fetch_add(&pool.idle, 1);
	return true;
}

static void *read_requests(void *arg)
{
	bool *registered = arg;
	struct slot *slot = NULL;

	readers_have_place();
	if (thread_begin()) {
		/* A place must not wait for a slot: others rely on it. */
		slot = slot_take(false);
		if (!slot)
			readers_missed();
		while (slot && !atomic_load(&pool.stopping))
			if (!serve_one(&slot))
				break;
		thread_end();
	} else {
		readers_missed();
	}
	if (slot) {
		/* The last page begins the next slot's buffer. */
		madvise(arena_slot_buffer(pool.arena, slot) + SLOT_HEADER_SIZE + BUFFER_KEPT,
			SLOT_BUFFER_SIZE - BUFFER_KEPT - SLOT_PAGE, MADV_REMOVE);
		slot_give_back(slot);
	}
	atomic_fetch_sub(&pool.idle, 1);
	pthread_mutex_lock(&pool.lock);
	*registered = false;
	pthread_mutex_unlock(&pool.lock);
	atomic_fetch_sub(&pool.n_readers, 1);
	return NULL;
}

static void *run_waiting_requests(void *arg)
{
	uint16_t i;

	(void)arg;
	if (!thread_begin()) {
		ready_lose_runner();
		return NULL;
	}
	while ((i = ready_take()) != READY_NONE) {
		if (run_request(slot_at(i)))
			slot_give_back(slot_at(i));
		call.slot = NULL;
	}
	thread_end();
	return NULL;
}

static void make_ready(const struct slot *slot)
{
	if (ready_add(index_of(slot)) && thread_start(run_waiting_requests, NULL, NULL) < 0)
		ready_lose_runner();
}

/* ---- senders ---- */

static void *sender(void *arg);

static void start_sender(unsigned backend)
{
	ACQUIRE_LOCK(&pool.lock);
	if (pool.senders[backend] >= SENDERS_MAX || atomic_load(&pool.stopping))
		return;
	pool.senders[backend]++;
	if (thread_start(sender, (void *)(uintptr_t)backend, NULL) < 0)
		pool.senders[backend]--; /* the others go on */
}

/* In an empty slot, which shows it to guardian and keeper. */
static void send_owed(unsigned backend)
{
	struct slot *slot = slot_take(true);

	if (!slot)
		return;
	slot_prepare(slot);
	atomic_store(&slot->state, SLOT_RUNNING);
	call_setup(slot);
	/* Another is ready before this one may be stuck. */
	do {
		if (behind_is_short_handed(backend))
			start_sender(backend);
		if (atomic_load(&pool.arena->board.backends[backend].parked))
			pool_run_parked(backend);
	} while (!atomic_load(&pool.stopping) && behind_send_step(backend));
	slot_give_back(slot);
	call.slot = NULL;
}

static void *sender(void *arg)
{
	unsigned backend = (unsigned)(uintptr_t)arg;
	uint64_t seen = behind_changes(backend);

	if (thread_begin()) {
		while (behind_wait(backend, &seen))
			send_owed(backend);
		thread_end();
	}
	ACQUIRE_LOCK(&pool.lock);
	pool.senders[backend]--;
	return NULL;
}

/* ---- chores ---- */

static void *do_chore(void *arg)
{
	unsigned chore = (unsigned)(uintptr_t)arg / CONFIG_BACKENDS_MAX;
	unsigned backend = (unsigned)(uintptr_t)arg % CONFIG_BACKENDS_MAX;
	struct slot *slot = NULL;

	if (thread_begin()) {
		slot = slot_take(true);
		if (slot) {
			slot_prepare(slot);
			atomic_store(&slot->state, SLOT_RUNNING);
			call_setup(slot);
			chores[chore](backend);
			slot_give_back(slot);
			call.slot = NULL;
		}
		thread_end();
	}
	ACQUIRE_LOCK(&pool.lock);
	pool.chores[chore][backend] = false;
	return NULL;
}

static void start_chore(enum chore chore, unsigned backend)
{
	ACQUIRE_LOCK(&pool.lock);
	if (pool.chores[chore][backend] || atomic_load(&pool.stopping))
		return;
	pool.chores[chore][backend] =
	    thread_start(do_chore, (void *)(uintptr_t)(chore * CONFIG_BACKENDS_MAX + backend), NULL) == 0;
}

/* ---- control ---- */

void pool_run_parked(unsigned backend)
{
	struct slot *slot;

	if (atomic_load(&pool.stopping))
		return;
	while ((slot = take_parked(backend)))
		make_ready(slot);
}

/* Those seen in two ticks: the thread that read them has ended. */
static void take_up_late_requests(void)
{
	static uint64_t seen[SLOT_MAX];

	for (uint16_t i = 0; i < arena_slots_used(pool.arena); i++) {
		uint64_t unique =
		    atomic_load(&slot_at(i)->state) == SLOT_FREE ? wire_unique(pool.arena->buffers[i]) : 0;
		bool before = unique && seen[i] == unique;
		uint16_t ready;

		seen[i] = unique;
		if (!before || !slot_take_one(i))
			continue;
		log_info("a request that a dead worker's thread had read at its end is taken up");
		if (recover_late(pool.arena, slot_at(i), &ready))
			make_ready(slot_at(ready));
		else
			slot_give_back(slot_at(i));
	}
}

void pool_tick(void)
{
	take_up_late_requests();
	for (uint32_t i = 0; i < arena_slots_used(pool.arena); i++) {
		struct slot *slot = slot_at(i);

		if (atomic_load(&slot->state) != SLOT_EXPIRED)
			continue;
		behind_send_no_more(slot);
		if (atomic_load(&slot->backend) < CONFIG_BACKENDS_MAX && slot->park_reason != PARK_NONE)
			guard_unparked(slot);
		if (recover_is_doubtful(slot))
			make_ready(slot);
		else
			slot_give_back(slot);
	}
	for (uint32_t b = 0; b < pool.arena->board.config.n_backends; b++) {
		if (atomic_load(&pool.arena->board.backends[b].parked))
			pool_run_parked(b);
		if (publish_last_has_waiting(b))
			start_chore(CHORE_PUBLISH, b);
		if (leftovers_are_seen(b))
			start_chore(CHORE_SWEEP, b);
		if (halfway_may_finish(b))
			start_chore(CHORE_FINISH, b);
		if (!atomic_load(&pool.arena->board.backends[b].owed_bytes))
			continue;
		if (behind_is_short_handed(b))
			start_sender(b);
		behind_wake(b);
	}
	behind_tick(clock_mono_ns());
	readers_tick();
}

static void interrupt_read(int sig)
{
	(void)sig; /* makes read(2) return EINTR */
}

static bool running_outside_backends(void)
{
	for (uint32_t i = 0; i < SLOT_MAX; i++)
		if (atomic_load(&slot_at(i)->state) == SLOT_RUNNING && !atomic_load(&slot_at(i)->inside))
			return true;
	return false;
}

void pool_quiesce(unsigned timeout_ms)
{
	uint64_t until_ns = clock_mono_ns() + timeout_ms * NSEC_PER_MSEC;

	atomic_store(&pool.stopping, true);
	suspects_leave();
	behind_stop();
	readers_stop();
	pthread_cond_broadcast(&pool.slot_freed);
	ready_stop();
	while ((atomic_load(&pool.idle) || running_outside_backends()) && clock_mono_ns() < until_ns) {
		const struct timespec pause = {.tv_nsec = 1000000};

		pthread_mutex_lock(&pool.lock);
		for (uint32_t i = 0; i < SLOT_MAX; i++)
			if (pool.reading[i])
				pthread_kill(pool.readers[i], SIGUSR1);
		pthread_mutex_unlock(&pool.lock);
		nanosleep(&pause, NULL);
	}
	atomic_store(&pool.arena->board.left_generation, pool.generation);
}

errint_t pool_init(struct arena *arena, int dev_fd, uint32_t generation)
{
	struct sigaction sa = {.sa_handler = interrupt_read}; /* without SA_RESTART */
	static uint16_t waited[SLOT_MAX];

	pool.arena = arena;
	pool.dev_fd = dev_fd;
	pool.generation = generation;
	if (sigaction(SIGUSR1, &sa, NULL) < 0)
		return -errno;
	readers_init(dev_fd, start_reader);
	fs.may_block = readers_may_block;
	pool.runners = ready_init(waited, recover_slots(arena, waited));
	/* Low slots first, so that few pages are touched. */
	for (uint32_t i = SLOT_MAX; i-- > 0;)
		if (atomic_load(&slot_at(i)->state) == SLOT_FREE)
			pool.free[pool.n_free++] = (uint16_t)i;
	return 0;
}

errint_t pool_start(void)
{
	errint_t rc = 0;

	for (uint32_t i = 0; i < pool.runners && rc == 0; i++)
		rc = thread_start(run_waiting_requests, NULL, NULL);
	if (rc == 0 && readers_start() < 0)
		log_warning(
		    "cannot start the thread that looks after readers: the local tier is slower for it");
	for (uint32_t b = 0; b < pool.arena->board.config.n_backends; b++)
		if (pool.arena->board.config.backends[b].durability == DURABILITY_BEHIND ||
		    atomic_load(&pool.arena->board.backends[b].owed_bytes))
			start_sender(b);
	return rc < 0 || atomic_load(&pool.n_readers) == 0 ? (rc < 0 ? rc : -EAGAIN) : 0;
}
