#include "worker/recover.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/behind_send.h"
#include "fs/context.h"
#include "fs/doubt.h"
#include "fs/draft.h"
#include "fs/grant.h"
#include "fs/guard.h"
#include "fs/lookup.h"
#include "fs/room.h"
#include "fs/shares.h"
#include "fs/versions.h"
#include "fs/wire.h"
#include "worker/readers.h"
#include "worker/session.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A second death is held against the request. */
#define REPLAYS_MAX 1

/* It lies in two mapped pages (arena_slot_touch): copied whole or not at all. */
#define COPIED_AT_ONCE (SLOT_HEADER_SIZE + SLOT_PAGE)

/* ---- slots ---- */

static void answer_error(struct arena *arena, uint64_t unique)
{
	uint8_t out[64];

	if (session_send(out, wire_error_reply(out, unique, arena->board.config.error)) < 0)
		return; /* answered before */
}

static void release_fallback(struct slot *slot)
{
	lookup_forget_promised(slot);
	slot->fallback_length = 0;
}

static void give_up(struct arena *arena, struct slot *slot, uint64_t unique)
{
	if (!slot->fallback_length || wire_reply_unique(slot->fallback) != unique)
		answer_error(arena, unique);
	else if (session_send(slot->fallback, slot->fallback_length) < 0)
		release_fallback(slot);
}

/* Frees the slot, or keeps it for a task inside. */
static void let_go(struct arena *arena, struct slot *slot)
{
	bool stuck = atomic_load(&slot->inside) && atomic_load(&arena->board.dead_workers);

	wire_clear_unique(arena_slot_buffer(arena, slot));
	slot->park_reason = PARK_NONE;
	if (!stuck)
		atomic_store(&slot->inside, 0);
	atomic_store(&slot->state, stuck ? SLOT_ORPHAN : SLOT_FREE);
	/* The last dead worker has just gone; guardian may have looked too early. */
	if (stuck && !atomic_load(&arena->board.dead_workers)) {
		uint32_t orphan = SLOT_ORPHAN;

		atomic_compare_exchange_strong(&slot->state, &orphan, SLOT_EXPIRED);
	}
}

bool recover_is_doubtful(struct slot *slot)
{
	/* Inside, or before its connection broke. */
	bool doubtful =
	    (atomic_exchange(&slot->inside, 0) || slot->reruns || slot->replays) && slot->mutating;

	if (doubtful) {
		atomic_store(&slot->deadline_ns, 0);
		atomic_store(&slot->state, SLOT_RUNNING);
	}
	return doubtful;
}

static struct slot *move_to_free(struct arena *arena, const struct slot *from)
{
	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		struct slot *to = &arena->slots[i];

		if (atomic_load(&to->state) != SLOT_FREE || atomic_load(&to->inside))
			continue;
		arena_slot_is_used(arena, i);
		memcpy(arena_slot_buffer(arena, to), arena_slot_buffer(arena, from), from->length);
		*to = *from;
		atomic_store(&to->inside, 0);
		return to;
	}
	return NULL;
}

/* Also a change of names: the rerun sees whether the first run did it (fs/again.h). */
static bool may_run_again(const struct slot *slot, const uint8_t *buffer, const struct wire_request *r)
{
	if (slot->replays >= REPLAYS_MAX || r->opcode == WIRE_OP_INTERRUPT)
		return false;
	return wire_is_idempotent(r->opcode) || !wire_wants_reply(r->opcode) ||
	       (wire_is_complete(buffer, r) && wire_may_run_again(buffer));
}

/* Its requests did it no harm. */
static bool has_left_by_plan(const struct arena *arena)
{
	return atomic_load(&arena->board.left_generation) == atomic_load(&arena->board.worker_generation) - 1;
}

/* Tasks on the local tier are not inside. */
static void note_thread(struct slot *slot, const uint8_t *buffer)
{
	uint32_t opcode = wire_opcode(buffer);
	uint64_t size;

	if (slot->ran.tid)
		return; /* nobody began since the wait */
	if (atomic_load(&slot->backend) == SLOT_LOCAL && wire_changes(opcode) &&
	    (opcode != WIRE_OP_OPEN || wire_cuts(buffer, &size)))
		slot->ran = slot->runs;
}

static bool is_gone(struct slot_thread thread)
{
	return syscall(SYS_tgkill, thread.pid, thread.tid, 0) < 0 && errno == ESRCH;
}

bool recover_await_thread(struct slot *slot, unsigned timeout_ms)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	uint64_t until_ns = clock_mono_ns() + timeout_ms * NSEC_PER_MSEC;

	while (slot->ran.tid) {
		if (is_gone(slot->ran))
			slot->ran.tid = 0;
		else if (clock_mono_ns() >= until_ns || atomic_load(&slot->answered) == call.unique)
			return false;
		else
			nanosleep(&pause,
				  NULL); /* sleep-ok: another process's thread tells nobody of its end */
	}
	return true;
}

static bool prepare_again(struct arena *arena, struct slot *slot, uint16_t *ready)
{
	struct slot *again = slot;

	if (atomic_load(&slot->inside) && atomic_load(&arena->board.dead_workers)) {
		again = move_to_free(arena, slot);
		if (!again)
			return false;
		slot->moved = 1;
		let_go(arena, slot);
	}
	note_thread(again, arena_slot_buffer(arena, again));
	if (has_left_by_plan(arena))
		again->reruns += again->reruns < UINT8_MAX;
	else
		again->replays++;
	if (!atomic_load(&again->read_ns))
		atomic_store(&again->read_ns, clock_mono_ns());
	atomic_store(&again->inside, 0);
	atomic_store(&again->reply_length, 0);
	atomic_store(&again->state, SLOT_RUNNING);
	*ready = (uint16_t)(again - arena->slots);
	return true;
}

/* A listing with nodes was being sent. If it did not arrive the kernel takes an error for the request. */
static void settle_big_reply(struct arena *arena, struct slot *slot, uint64_t unique)
{
	uint8_t out[64];

	if (session_send(out, wire_error_reply(out, unique, arena->board.config.error)) == 0)
		grant_take_back_of(slot);
	let_go(arena, slot);
}

/* True: run it again. */
static bool recover_slot(struct arena *arena, struct slot *slot, uint16_t *ready)
{
	const uint8_t *buffer = arena_slot_buffer(arena, slot);
	uint64_t unique = wire_unique(buffer);
	uint32_t reply_length = atomic_load(&slot->reply_length);
	struct wire_request r;

	bool unread = !slot->length;

	if (unread) {
		uint32_t n;

		/* The worker died before noting the length: the header has it. */
		memcpy(&n, buffer, sizeof(n));
		slot->length = MIN(n, (uint32_t)SLOT_BUFFER_SIZE);
	}
	if (!unique || wire_parse(buffer, slot->length, &r) < 0) {
		let_go(arena, slot);
		return false;
	}
	/* Guardian answered it: it never runs again. Answered here too, for guardian may have died meanwhile. */
	if (atomic_load(&slot->answered) == unique) {
		(void)draft_refused_write(buffer);
		grant_take_back_of(slot);
		if (slot->mutating && prepare_again(arena, slot, ready))
			return true; /* not run: the kernel is to ask again */
		answer_error(arena, unique);
		let_go(arena, slot);
		return false;
	}
	if (reply_length && reply_length <= SLOT_REPLY_MAX && wire_reply_unique(slot->reply) == unique) {
		if (session_send(slot->reply, reply_length) == 0)
			log_debug("sent the answer to %s that a dead worker had decided on",
				  wire_opcode_name(r.opcode));
		/* The kernel has the fallback. */
		if (!slot->spent)
			release_fallback(slot);
		let_go(arena, slot);
		return false;
	}
	if (reply_length == SLOT_REPLY_BIG && atomic_load(&slot->n_granted)) {
		settle_big_reply(arena, slot, unique);
		return false;
	}
	grant_take_back_of(slot); /* no reply was begun: the kernel knows none of these nodes */
	/* Killed within read(2): the kernel may have stopped between pages and answered EIO. Bytes after the first
	 * pages may be anything. */
	bool torn = unread && slot->length > COPIED_AT_ONCE;

	if (!torn && wire_is_complete(buffer, &r))
		doubt_replaced(buffer);
	if (!torn && may_run_again(slot, buffer, &r) && prepare_again(arena, slot, ready))
		return true;
	if (wire_wants_reply(r.opcode)) {
		if (slot->replays >= REPLAYS_MAX)
			log_warning("%s (request %llu) was being run when two workers died: answered with an "
				    "error, not run again",
				    wire_opcode_name(r.opcode), (unsigned long long)unique);
		if (wire_is_complete(buffer, &r) && !draft_refused(arena, buffer))
			doubt_raise(buffer);
		guard_end_request();
		give_up(arena, slot, unique);
	}
	let_go(arena, slot);
	return false;
}

bool recover_late(struct arena *arena, struct slot *slot, uint16_t *ready)
{
	slot_reset(slot);
	return recover_slot(arena, slot, ready);
}

uint32_t recover_slots(struct arena *arena, uint16_t ready[SLOT_MAX])
{
	uint32_t n_ready = 0;

	/* Requests move to any slot: note those in use first. */
	bool taken[SLOT_MAX];

	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		uint32_t state = atomic_load(&arena->slots[i].state);

		taken[i] = state == SLOT_READING || state == SLOT_RUNNING;
		if (state == SLOT_PARKED || state == SLOT_EXPIRING) {
			uint32_t b = atomic_load(&arena->slots[i].backend);

			if (b < CONFIG_BACKENDS_MAX) {
				atomic_fetch_add(&arena->board.backends[b].parked, 1);
				shares_restore(SHARE_WAITING, arena->slots[i].uid, 1);
			}
		} else if (state == SLOT_EXPIRED ||
			   (state == SLOT_ORPHAN && !atomic_load(&arena->board.dead_workers))) {
			uint64_t unique = wire_unique(arena->buffers[i]);

			behind_send_no_more(&arena->slots[i]);
			if (unique)
				answer_error(arena, unique);
			if (recover_is_doubtful(&arena->slots[i]))
				ready[n_ready++] = (uint16_t)i;
			else
				atomic_store(&arena->slots[i].state, SLOT_FREE);
		}
	}
	for (uint32_t i = 0; i < SLOT_MAX; i++)
		if (taken[i] && recover_slot(arena, &arena->slots[i], &ready[n_ready]))
			n_ready++;
	room_restore();
	return n_ready;
}

/* ---- descriptors at the start ---- */

#define FDS_MAX (1u << 20)

struct fd_set_big {
	uint64_t bits[FDS_MAX / 64];
};

static void mark_fd(struct fd_set_big *set, int fd)
{
	if (fd >= 0 && (unsigned)fd < FDS_MAX)
		set->bits[fd / 64] |= 1ull << (fd % 64);
}

static bool is_marked(const struct fd_set_big *set, int fd)
{
	return (unsigned)fd >= FDS_MAX || set->bits[fd / 64] >> (fd % 64) & 1;
}

static void mark_of_backend(void *set, int fd)
{
	mark_fd(set, fd);
}

static void mark_recorded(struct arena *arena, struct fd_set_big *set)
{
	for (uint32_t i = 0; i < atomic_load(&arena->handles_used); i++) {
		if (atomic_load(&arena->handles[i].state) != HANDLE_LIVE)
			continue;
		mark_fd(set, atomic_load(&arena->handles[i].fd));
		mark_fd(set, handle_other_fd(atomic_load(&arena->handles[i].other)));
		mark_fd(set, arena->handles[i].snapshot_fd);
	}
	for (uint32_t i = 0; i < atomic_load(&arena->nodes_used); i++)
		mark_fd(set, (int)(atomic_load(&arena->nodes[i].fd) >> 40) - 1);
	for (uint32_t i = 0; i < CONFIG_BACKENDS_MAX; i++)
		mark_fd(set, atomic_load(&arena->board.backends[i].root_fd));
	for (uint32_t i = 0; i < arena->board.config.n_backends; i++)
		backend_each_descriptor(&fs.guarded[i], mark_of_backend, set);
}

struct fd_list {
	uint32_t n;
	int fds[];
};

/* As that of sd_notify. A worker holds the ends of rings (sftp/ring.h), which are SOCK_SEQPACKET; guardian's lie
 * below FD_RESERVED. */
static bool is_socket_of_guardian(int fd)
{
	int domain, type;
	socklen_t size = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type != SOCK_SEQPACKET;
}

/* Guardian, which shares the table, opens pidfds, pipes and the socket of sd_notify, and may hold them for seconds; no worker
 * opens any. Files of the kernel's it holds for a moment. */
enum owner { OWNER_WORKER, OWNER_EITHER, OWNER_GUARDIAN };

static enum owner owner_of(DIR *dir, const char *number, int fd)
{
	static const struct {
		const char *begin;
		enum owner owner;
	} kinds[] = {{"/proc/", OWNER_EITHER},
		     {"/sys/", OWNER_EITHER},
		     {"socket:", OWNER_EITHER},
		     {"pipe:[", OWNER_GUARDIAN},
		     {"anon_inode:[pidfd]", OWNER_GUARDIAN},
		     {"pidfd:[", OWNER_GUARDIAN}};
	char target[32];
	ssize_t n = readlinkat(dirfd(dir), number, target, sizeof(target) - 1);

	if (n < 0 || is_socket_of_guardian(fd))
		return OWNER_GUARDIAN;
	target[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strncmp(target, kinds[i].begin, strlen(kinds[i].begin)) == 0)
			return kinds[i].owner;
	return OWNER_WORKER;
}

/* malloc'ed; NULL: none, or out of memory (the next sweep looks again). sure: without those that guardian may
 * have. */
static struct fd_list *list_unrecorded(struct arena *arena, bool sure)
{
	CLEANUP_FREE struct fd_set_big *recorded = calloc(1, sizeof(*recorded));
	CLEANUP_DIR DIR *dir = opendir("/proc/self/fd");
	struct fd_list *list = NULL;
	struct dirent *d;

	if (!recorded || !dir)
		return NULL;
	mark_recorded(arena, recorded);
	mark_fd(recorded, dirfd(dir));
	while ((d = readdir(dir))) {
		char *end;
		long fd = strtol(d->d_name, &end, 10);

		if (*end || fd < FD_RESERVED || is_marked(recorded, (int)fd) ||
		    owner_of(dir, d->d_name, (int)fd) > (sure ? OWNER_WORKER : OWNER_EITHER))
			continue;
		struct fd_list *grown =
		    realloc(list, sizeof(*list) + ((list ? list->n : 0) + 1) * sizeof(int));

		if (!grown)
			break;
		if (!list)
			grown->n = 0;
		list = grown;
		list->fds[list->n++] = (int)fd;
	}
	return list;
}

/* Threads of close_aside, and others' (recover_closing). While one is left, a number that it has not come to yet looks like any
 * other that nobody has. */
static _Atomic uint32_t closers;

void recover_closing(bool begins)
{
	atomic_fetch_add(&closers, begins ? 1u : UINT32_MAX);
}

static void *close_all(void *arg)
{
	struct fd_list *list = arg;

	for (uint32_t i = 0; i < list->n; i++)
		close(list->fds[i]);
	free(list);
	atomic_fetch_sub(&closers, 1);
	return NULL;
}

static void close_aside(struct fd_list *list)
{
	pthread_attr_t attr;
	pthread_t thread;

	log_debug("closing %u descriptors that a dead worker left unrecorded", list->n);
	atomic_fetch_add(&closers, 1);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, close_all, list) != 0) {
		free(list);
		atomic_fetch_sub(&closers, 1);
	}
	pthread_attr_destroy(&attr);
}

void recover_descriptors(struct arena *arena)
{
	struct fd_list *list = list_unrecorded(arena, true);

	if (list)
		close_aside(list);
}

/* ---- later descriptors ---- */

/* A number that is open and unrecorded at so many quiet looks belongs to nobody alive. One look would do, but for guardian and
 * for threads that take a descriptor from its record to close it. */
#define LATE_LOOKS    3
#define LATE_PAUSE_MS 200u

static struct {
	/* board.reaped_workers at the last sweep's begin. */
	uint32_t reaped;
	bool begun;
	unsigned looks;
	/* No look before it. */
	uint64_t next_ns;
	/* NULL: no sweep is under way. */
	struct fd_list *suspects;
} late;

/* May a thread have a descriptor not recorded, or not closed, yet? *begun changes with every request and visit,
 * counted before they open anything. */
static bool is_anybody_at_work(struct arena *arena, uint64_t *begun)
{
	struct board *board = &arena->board;

	*begun = readers_taken();
	for (uint32_t i = 0; i < board->config.n_backends; i++)
		*begun += atomic_load(&board->backends[i].counters[COUNT_OPS]);
	for (uint32_t i = 0; i < board->config.n_backends; i++)
		if (atomic_load(&board->backends[i].inflight) || atomic_load(&board->backends[i].parked))
			return true;
	for (uint32_t i = 0; i < arena_slots_used(arena); i++)
		if (atomic_load(&arena->slots[i].state) == SLOT_RUNNING)
			return true;
	return versions_are_under_way() || atomic_load(&closers);
}

/* False: somebody was at work. */
static bool list_quietly(struct arena *arena, struct fd_list **list)
{
	uint64_t before, after;

	*list = NULL;
	if (is_anybody_at_work(arena, &before))
		return false;
	*list = list_unrecorded(arena, false);
	if (!is_anybody_at_work(arena, &after) && before == after)
		return true;
	free(*list);
	*list = NULL;
	return false;
}

/* Keeps those also in `now`. */
static void acquit_suspects(const struct fd_list *now)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < late.suspects->n; i++)
		for (uint32_t k = 0; now && k < now->n; k++)
			if (now->fds[k] == late.suspects->fds[i]) {
				late.suspects->fds[n++] = late.suspects->fds[i];
				break;
			}
	late.suspects->n = n;
}

static void end_sweep(void)
{
	if (late.suspects->n)
		close_aside(late.suspects);
	else
		free(late.suspects);
	late.suspects = NULL;
}

void recover_late_descriptors(struct arena *arena, uint64_t now_ns)
{
	uint32_t reaped = atomic_load(&arena->board.reaped_workers);
	struct fd_list *now;

	if (!late.suspects && late.begun && reaped == late.reaped)
		return;
	if (now_ns < late.next_ns || !list_quietly(arena, &now))
		return;
	late.next_ns = now_ns + LATE_PAUSE_MS * NSEC_PER_MSEC;
	if (!late.suspects) {
		late.begun = true;
		late.reaped = reaped;
		late.looks = 1;
		late.suspects = now;
		return;
	}
	acquit_suspects(now);
	free(now);
	if (!late.suspects->n || ++late.looks == LATE_LOOKS)
		end_sweep();
}
