#include "fs/guard.h"
#include "base/clock.h"
#include "fs/again.h"
#include "fs/behind.h"
#include "fs/context.h"
#include "fs/doubt.h"
#include "fs/grant.h"
#include "fs/halfway.h"
#include "fs/jobs.h"
#include "fs/node.h"
#include "fs/room.h"
#include "fs/shares.h"
#include "fs/suspects.h"
#include "fs/view.h"
#include "fs/wire.h"
#include "policy/errclass.h"

#include <errno.h>
#include <unistd.h>

enum verdict { GO, DOWN, WAIT_LATE, WAIT_FULL };

/* docs/INTERNALS.md, "Running again". */
#define RERUNS_MAX 2

/* The kernel and sshfs answer from caches: a quicker answer that changes nothing is no sign of life. */
#define CACHED_NS (5 * NSEC_PER_MSEC)
/* A change without effect (chmod under a presented owner) is quicker. */
#define UNCHANGED_NS (NSEC_PER_MSEC / 10)

bool guard_breaker_is_closed(const struct backend *b)
{
	return !b->board || breaker_is_closed(atomic_load(&b->board->breaker));
}

static bool late_task_on(const struct slot *mine, uint64_t now_ns)
{
	for (uint32_t i = 0; i < arena_slots_used(fs.arena); i++) {
		const struct slot *s = &fs.arena->slots[i];

		if (s == mine || !atomic_load(&s->inside) ||
		    atomic_load(&s->backend) != atomic_load(&mine->backend))
			continue;
		if (slot_is_late(s, wire_unique(fs.arena->buffers[i]), now_ns) && s->mutating &&
		    (s->target == mine->target || s->target == GUARD_TARGET_ALL ||
		     mine->target == GUARD_TARGET_ALL))
			return true;
	}
	return false;
}

/* By backend. During a rename over sshfs the name may be missing (fs/statefiles.h). */
static _Atomic uint32_t renames_ended[CONFIG_BACKENDS_MAX];
#define RENAMES_WAITED_FOR 8

/* Inside; or it was, and is to be run again, or its caller was answered. */
static bool is_begun(const struct slot *s)
{
	uint32_t state = atomic_load(&s->state);

	return atomic_load(&s->inside) ||
	       (state != SLOT_FREE && state != SLOT_READING && (s->replays > 0 || s->reruns > 0));
}

static bool is_rename_begun(const struct slot *mine)
{
	for (uint32_t i = 0; i < arena_slots_used(fs.arena); i++) {
		const struct slot *s = &fs.arena->slots[i];

		if (s != mine && is_begun(s) && atomic_load(&s->backend) == atomic_load(&mine->backend) &&
		    s->mutating && s->target == GUARD_TARGET_ALL)
			return true;
	}
	return halfway_are_noted(atomic_load(&mine->backend));
}

/* Is or was the object being replaced? */
static bool is_doubtfully_missing(const struct backend *b, ssize_t rc)
{
	const struct slot *slot = call.slot;

	return call.flags & GUARD_BY_NAME && (rc == -ENOENT || rc == -ESTALE || rc == BACKEND_NODE_GONE) &&
	       slot->renames < RENAMES_WAITED_FOR &&
	       (atomic_load(&renames_ended[b->index]) != call.renames || is_rename_begun(slot));
}

static _Atomic uint32_t writes_ended[CONFIG_BACKENDS_MAX], changes_ended[CONFIG_BACKENDS_MAX];

uint32_t guard_writes_ended(const struct backend *b)
{
	return atomic_load(&writes_ended[b->index]);
}

uint32_t guard_changes_ended(const struct backend *b)
{
	return atomic_load(&changes_ended[b->index]);
}

/* Of nodes, by index: several share one. */
#define NODE_CHANGES 4096u

static _Atomic uint32_t node_changes[NODE_CHANGES];

uint32_t guard_changes_of(uint32_t node)
{
	return atomic_load(&node_changes[node % NODE_CHANGES]);
}

bool guard_is_write_inside(const struct backend *b)
{
	for (uint32_t i = 0; i < arena_slots_used(fs.arena); i++) {
		const struct slot *s = &fs.arena->slots[i];

		if (s != call.slot && atomic_load(&s->inside) && atomic_load(&s->backend) == b->index &&
		    s->op_class == OP_WRITE)
			return true;
	}
	return atomic_load(&b->board->owed_bytes) != 0;
}

static void leave_slot(struct backend *b, uid_t uid)
{
	if (call.slot && call.slot->op_class == OP_WRITE)
		atomic_fetch_add(&writes_ended[b->index], 1);
	if (call.slot && call.slot->mutating)
		atomic_fetch_add(&changes_ended[b->index], 1);
	if (call.slot && call.slot->mutating && guard_is_node_target(call.slot->target))
		atomic_fetch_add(&node_changes[(uint32_t)call.slot->target % NODE_CHANGES], 1);
	if (call.slot && call.slot->mutating && call.slot->target == GUARD_TARGET_ALL)
		atomic_fetch_add(&renames_ended[b->index], 1);
	if (call.slot)
		atomic_store(&call.slot->inside, 0);
	shares_leave(b->index, uid);
}

/* Tasks without a slot are few: they enter a full backend too. */
static enum verdict try_enter(struct backend *b, uid_t uid)
{
	struct slot *slot = call.slot;
	uint64_t breaker = atomic_load(&b->board->breaker);

	if (!breaker_is_closed(breaker))
		return DOWN;
	/* Guardian may not have counted a dead worker's late tasks yet. */
	if (slot && slot->mutating &&
	    (atomic_load(&b->board->late) || atomic_load(&fs.board->dead_workers)) &&
	    late_task_on(slot, clock_mono_ns()))
		return WAIT_LATE;
	if (!shares_enter(b->index, uid, !slot))
		return WAIT_FULL;
	if (fs.may_block)
		fs.may_block();
	if (slot) {
		call.entered_ns = clock_mono_ns();
		atomic_store(&slot->entered_ns, call.entered_ns);
		atomic_store(&slot->epoch, breaker_epoch(breaker));
		atomic_store(&slot->inside, 1);
		call.renames = atomic_load(&renames_ended[b->index]);
	}
	if (atomic_load(&b->board->breaker) != breaker) {
		leave_slot(b, uid);
		return DOWN;
	}
	board_count(b->board, COUNT_OPS, 1);
	return GO;
}

static uid_t payer_of_request(void)
{
	const struct handle *written = arena_handle(fs.arena, wire_written_back(call.buffer));

	return written ? written->uid : call.uid;
}

static void publish_request(struct backend *b, enum op_class op_class, unsigned flags, uint64_t target)
{
	struct slot *slot = call.slot;

	call.flags = flags;
	call.changed_nothing = false;
	slot->uid = payer_of_request();
	slot->op_class = (uint8_t)op_class;
	slot->mutating = flags & GUARD_MUTATING ? 1 : 0;
	slot->parkable = flags & GUARD_PARKABLE ? 1 : 0;
	slot->listing = flags & GUARD_LISTING ? 1 : 0;
	slot->target = target;
	atomic_store(&slot->backend, b->index);
	atomic_store(&slot->deadline_ns,
		     atomic_load(&slot->read_ns) + fs.config->deadline.ms[op_class] * NSEC_PER_MSEC);
}

/* docs/INTERNALS.md, "Late tasks". False: the kernel has forgotten the nodes already. */
static bool hold_nodes(void)
{
	uint64_t ids[2];

	if (call.held[0])
		return true;
	wire_nodes(call.buffer, ids);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		call.held[i] = ids[i] ? node_hold(ids[i]) : NULL;
		if (ids[i] && !call.held[i])
			return false;
	}
	return true;
}

void guard_end_request(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(call.held); i++) {
		if (call.held[i])
			node_unpin(call.held[i]);
		call.held[i] = NULL;
	}
	view_end_request();
	backend_end_request();
}

/* Is something owed that was acknowledged before the request came (docs/WRITEBEHIND.md)? */
static bool is_owed_one(const struct node *node)
{
	if (!node || !behind_is_owed(node_index(node), call.slot->owed_point))
		return false;
	call.slot->owed_node = node_index(node);
	return true;
}

static bool is_owed_named(uint64_t parent_id, const char *name)
{
	struct node *parent = node_from_id(parent_id);

	return parent && parent->backend < CONFIG_BACKENDS_MAX &&
	       is_owed_one(view_find(parent, name, NODE_UNHELD));
}

static bool is_owed(const struct backend *b, uint64_t target)
{
	const char *names[2];
	uint64_t ids[2];

	if (!atomic_load(&b->board->owed_bytes))
		return false;
	if (!call.slot->owed_point)
		call.slot->owed_point = behind_now();
	if (guard_is_node_target(target) && is_owed_one(&fs.arena->nodes[(uint32_t)target]))
		return true;
	wire_nodes(call.buffer, ids);
	wire_names(call.buffer, names);
	if (wire_opcode(call.buffer) == WIRE_OP_LOOKUP)
		names[0] = wire_lookup_name(call.buffer);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (ids[i] &&
		    (is_owed_one(node_from_id(ids[i])) || (names[i] && is_owed_named(ids[i], names[i]))))
			return true;
	return false;
}

/* The caller gets the infrastructure errno. */
static void count_error(fuse_req_t req, struct backend *b, enum errclass class)
{
	jobs_error(class);
	board_count(b->board, COUNT_ERRORS, 1);
	board_hurt(b->board, (uint32_t)fuse_req_ctx(req)->pid, false);
}

/* Releases req; the caller has left the backend. False: no room, nothing was done. */
static bool park_request(fuse_req_t req, const struct backend *b, enum slot_park_reason reason)
{
	struct slot *slot = call.slot;

	if (!room_take(b->index, slot->uid))
		return false;
	fuse_reply_none(req);
	board_count(b->board, COUNT_PARKED, 1);
	slot->park_reason = (uint8_t)reason;
	slot->park_sequence = atomic_load(&b->board->verdicts) + 1;
	call.parked = true;
	call.parked_for = b->index;
	call.slot = NULL;
	atomic_store(&slot->state, SLOT_PARKED); /* the slot is anybody's now */
	return true;
}

void guard_unparked(const struct slot *slot)
{
	room_give_back(atomic_load(&slot->backend), slot->uid);
}

/* A sync failed over a sound connection (fs/sync_failed.h). */
static bool is_final_error(const struct backend *b, enum op_class op_class)
{
	uint64_t breaker = atomic_load(&b->board->breaker);

	return call.slot->asked && op_class == OP_SYNC && breaker_is_closed(breaker) &&
	       breaker_epoch(breaker) == atomic_load(&call.slot->epoch);
}

/* docs/INTERNALS.md, "Parking", has the rule; for a held backend the operator decides. */
static bool waits_while_down(const struct board_backend *b, bool parkable)
{
	return (parkable && board_state(b) != HEALTH_HELD) || board_callers_wait(b, clock_mono_ns());
}

/* Publishes the request. False: answered, or its nodes are forgotten. */
static bool begin_visit(struct backend *b, enum op_class op_class, unsigned flags, uint64_t target)
{
	if (!hold_nodes())
		return false;
	publish_request(b, op_class, flags, target);
	return !call_answered(); /* else guardian was faster */
}

/* The first run of what is not run again may have made it. */
static void doubt_first_run(void)
{
	if (again_is_running())
		doubt_raise(call.buffer);
}

/* The caller of guard_try answers. */
static enum guard_result refuse_request(fuse_req_t req, struct backend *b)
{
	atomic_store(&call.slot->deadline_ns, 0);
	if (call.flags & GUARD_RECALLS)
		return GUARD_DOWN; /* from memory */
	doubt_first_run();
	board_count(b->board, COUNT_FAST_FAILS, 1);
	jobs_error((enum errclass)atomic_load(&b->board->opened_class));
	board_hurt(b->board, (uint32_t)fuse_req_ctx(req)->pid, true);
	return GUARD_DOWN;
}

static enum guard_result wait_or_refuse(fuse_req_t req, struct backend *b, enum slot_park_reason reason)
{
	return park_request(req, b, reason) ? GUARD_GONE : refuse_request(req, b);
}

static enum guard_result find_down(fuse_req_t req, struct backend *b)
{
	if (call.flags & GUARD_RECALLS || !waits_while_down(b->board, call.flags & GUARD_PARKABLE))
		return refuse_request(req, b);
	return wait_or_refuse(req, b, PARK_DOWN);
}

enum guard_result guard_try(fuse_req_t req, struct backend *b, enum op_class op_class, unsigned flags,
			    uint64_t target)
{
	if (!b->board)
		return GUARD_GO;
	if (!(flags & GUARD_REWRITES) && is_final_error(b, op_class)) {
		count_error(req, b, ERRCLASS_IO_ERROR);
		fuse_reply_err(req, fs.config->error);
		return GUARD_GONE;
	}
	if (!begin_visit(b, op_class, flags, target)) {
		doubt_first_run();
		return GUARD_DOWN;
	}
	if (board_refuses(b->board, call.slot->uid, atomic_load(&call.slot->read_ns)))
		return refuse_request(req, b);
	if (is_owed(b, target) &&
	    (guard_breaker_is_closed(b) || waits_while_down(b->board, call.slot->parkable)))
		return wait_or_refuse(req, b, PARK_OWED);
	/* What is to get a name must not change before it has it. */
	if (flags & GUARD_MUTATING && halfway_are_noted(b->index) && guard_breaker_is_closed(b))
		return wait_or_refuse(req, b, PARK_LATE);
	switch (try_enter(b, call.slot->uid)) {
	case GO:
		return GUARD_GO;
	case WAIT_LATE:
		return wait_or_refuse(req, b, PARK_LATE);
	case WAIT_FULL:
		return wait_or_refuse(req, b, PARK_FULL);
	case DOWN:
		break;
	}
	return find_down(req, b);
}

static bool may_go_on(fuse_req_t req, enum guard_result result)
{
	if (result == GUARD_DOWN)
		fuse_reply_err(req, fs.config->error);
	return result == GUARD_GO;
}

bool guard_enter(fuse_req_t req, struct backend *b, enum op_class op_class, unsigned flags, uint64_t target)
{
	return may_go_on(req, guard_try(req, b, op_class, flags, target));
}

bool guard_await(fuse_req_t req, struct backend *b)
{
	if (guard_breaker_is_closed(b))
		return true;
	return may_go_on(req, begin_visit(b, OP_METADATA, GUARD_NONE, 0) ? find_down(req, b) : GUARD_DOWN);
}

static void tell_breaker(struct backend *b, uint32_t epoch, enum errclass class, bool by_storage,
			 uint64_t now_ns)
{
	const struct errclass_info *info = errclass_info(class);

	if (!info->infrastructure) {
		if (by_storage)
			atomic_store_explicit(&b->board->last_completion_ns, now_ns, memory_order_relaxed);
		return;
	}
	if (info->trips) {
		if (board_trip_breaker(fs.board, b->index, epoch, class, DETECTOR_WORKER))
			fs_nudge_keeper();
	} else if (info->triggers_probe && atomic_exchange(&b->board->suspect, 1) == 0) {
		fs_nudge_keeper();
	}
}

void guard_heard(struct backend *b, uint64_t since_ns)
{
	uint64_t now_ns = clock_mono_ns();

	if (now_ns - since_ns >= CACHED_NS)
		tell_breaker(b, 0, ERRCLASS_NONE, true, now_ns);
}

static bool answered_by_storage(const struct slot *slot, ssize_t rc, uint64_t waited_ns)
{
	bool changed = slot->mutating && slot->op_class != OP_SYNC && rc >= 0;

	return waited_ns >= (changed ? UNCHANGED_NS : CACHED_NS);
}

static bool is_long_listing(const struct slot *slot, uint64_t now_ns)
{
	return slot->listing && now_ns >= atomic_load(&slot->deadline_ns);
}

/* PARK_NONE: the error is answered. */
static enum slot_park_reason why_again(const struct backend *b, const struct errclass_info *info)
{
	const struct slot *slot = call.slot;
	bool repeats = fs.config->patience_ms && !(call.flags & GUARD_RECALLS) && slot->reruns < RERUNS_MAX &&
		       wire_may_run_again(call.buffer);

	if (!slot->parkable && !repeats)
		return PARK_NONE;
	if (info->trips)
		return waits_while_down(b->board, slot->parkable) ? PARK_DOWN : PARK_NONE;
	/* EIO waits for a probe (docs/INTERNALS.md, "Running again"). A sync runs again only over a new
	 * connection. */
	return info->triggers_probe && !slot->asked ? PARK_VERDICT : PARK_NONE;
}

/* False: no room to wait. */
static bool park_again(fuse_req_t req, const struct backend *b, enum slot_park_reason reason)
{
	struct slot *slot = call.slot;

	grant_take_back();
	slot->reruns += slot->reruns < UINT8_MAX;
	slot->asked |= reason == PARK_VERDICT;
	return park_request(req, b, reason);
}

bool guard_leave(fuse_req_t req, struct backend *b, ssize_t *rc)
{
	struct slot *slot = call.slot;
	enum slot_park_reason again;
	enum errclass class;
	const struct errclass_info *info;
	uint64_t now_ns;

	if (!b->board)
		return true;
	if (is_doubtfully_missing(b, *rc) && !call_answered()) {
		leave_slot(b, slot->uid);
		slot->renames++;
		if (park_request(req, b, PARK_RENAME))
			return false;
		*rc = *rc == BACKEND_NODE_GONE ? -ESTALE : *rc;
		return true;
	}
	/* Something has gone of which a listing may still tell. */
	if (*rc == BACKEND_NODE_GONE || *rc == -ESTALE || (*rc == -ENOENT && call.flags & GUARD_BY_NAME))
		atomic_fetch_add(&changes_ended[b->index], 1);
	/* A configured route without its target is down. */
	if (*rc == BACKEND_NODE_GONE && view_is_route_asked())
		*rc = -ESTALE;
	/* guardfs's own decision. */
	if (*rc == GUARD_POISONED || *rc == BACKEND_NODE_GONE) {
		leave_slot(b, slot->uid);
		if (*rc == GUARD_POISONED)
			jobs_error(ERRCLASS_STALE);
		if (*rc == GUARD_POISONED && slot->mutating && again_is_running())
			doubt_raise(call.buffer);
		*rc = *rc == GUARD_POISONED ? -fs.config->error : -ESTALE;
		return true;
	}
	class = *rc < 0 ? errclass_from_errno((int)-*rc) : ERRCLASS_NONE;
	info = errclass_info(class);
	now_ns = clock_mono_ns();
	tell_breaker(b, atomic_load(&slot->epoch), class,
		     answered_by_storage(slot, *rc, now_ns - call.entered_ns), now_ns);
	/* No epoch begins while somebody is inside. */
	again = info->infrastructure ? why_again(b, info) : PARK_NONE;
	/* Before another connection can come, and before another change. */
	if (info->infrastructure || (call_answered() && *rc < 0))
		doubt_replaced(call.buffer);
	if ((call_answered() && *rc < 0) || (info->infrastructure && again == PARK_NONE))
		halfway_note(call.buffer);
	leave_slot(b, slot->uid);
	if (call_answered()) {
		board_count(b->board, COUNT_LATE, 1);
		if (slot->mutating && !call.changed_nothing)
			(*rc < 0 ? doubt_raise : doubt_made)(call.buffer);
		return true; /* the reply is refused, and its grants are taken back */
	}
	if (!is_long_listing(slot, now_ns))
		histogram_add(&b->board->latency[slot->op_class], now_ns - atomic_load(&slot->read_ns));
	if (!info->infrastructure) {
		if (class == ERRCLASS_FULL || class == ERRCLASS_READ_ONLY)
			jobs_error(class);
		/* Some of it may have found room. */
		if (class == ERRCLASS_FULL && !call.changed_nothing)
			suspects_doubt(call.buffer, (int)-*rc);
		return true;
	}
	if (again != PARK_NONE && park_again(req, b, again))
		return false;
	if (slot->mutating && !call.changed_nothing)
		doubt_raise(call.buffer);
	*rc = -fs.config->error;
	if (!(call.flags & GUARD_RECALLS)) /* else its caller does not see it */
		count_error(req, b, class);
	return true;
}

bool guard_takes_writes(const struct backend *b)
{
	if (board_refuses(b->board, call.uid, atomic_load(&call.slot->read_ns)))
		return false;
	return guard_breaker_is_closed(b) || waits_while_down(b->board, true);
}

enum guard_result guard_await_room(fuse_req_t req, struct backend *b, uint32_t node)
{
	if (!begin_visit(b, OP_WRITE, GUARD_MUTATING | GUARD_PARKABLE, guard_target_node(node)))
		return GUARD_DOWN;
	call.slot->owed_node = node;
	return wait_or_refuse(req, b, PARK_ROOM);
}

enum guard_visit guard_visit(struct backend *b, enum op_class op_class, uint64_t target, uid_t uid)
{
	atomic_store(&call.slot->read_ns, clock_mono_ns());
	publish_request(b, op_class, GUARD_MUTATING, target);
	call.slot->uid = uid;
	switch (try_enter(b, uid)) {
	case GO:
		return VISIT_IN;
	case DOWN:
		return VISIT_DOWN;
	default:
		return VISIT_LATER;
	}
}

enum guard_outcome guard_end_visit(struct backend *b, ssize_t rc, bool by_storage)
{
	bool ours = rc == GUARD_POISONED || rc == BACKEND_NODE_GONE;
	enum errclass class = rc < 0 && !ours ? errclass_from_errno((int)-rc) : ERRCLASS_NONE;
	const struct errclass_info *info = errclass_info(class);
	uint64_t now_ns = clock_mono_ns();

	if (!ours)
		tell_breaker(b, atomic_load(&call.slot->epoch), class,
			     by_storage && answered_by_storage(call.slot, rc, now_ns - call.entered_ns),
			     now_ns);
	leave_slot(b, call.slot->uid);
	atomic_store(&call.slot->deadline_ns, 0);
	if (!info->infrastructure)
		return OUTCOME_KNOWN;
	return info->trips ? OUTCOME_LOST : OUTCOME_DOUBTED;
}

/* nested: within a request's visit, whose slot counts for both. */
static _Thread_local struct {
	uint32_t epoch;
	uid_t uid;
	bool nested;
} quiet;

bool guard_enter_quietly(struct backend *b, uint64_t target, uid_t uid)
{
	struct slot *slot = call.slot;

	quiet.epoch = breaker_epoch(atomic_load(&b->board->breaker));
	quiet.nested = slot && atomic_load(&slot->inside);
	if (quiet.nested)
		return guard_breaker_is_closed(b);
	quiet.uid = uid;
	if (slot) {
		slot->uid = uid;
		atomic_store(&slot->deadline_ns, 0);
		slot->mutating = 0;
		slot->target = target;
		atomic_store(&slot->backend, b->index);
	}
	/* No request waits for these visits, but some slots must stay free. */
	return try_enter(b, uid) == GO;
}

void guard_leave_quietly(struct backend *b, ssize_t rc)
{
	tell_breaker(b, quiet.epoch, rc < 0 ? errclass_from_errno((int)-rc) : ERRCLASS_NONE, false,
		     clock_mono_ns());
	if (!quiet.nested)
		leave_slot(b, quiet.uid);
}

bool guard_may_run(const struct slot *slot)
{
	const struct board_backend *bb = &fs.board->backends[atomic_load(&slot->backend)];
	bool closed = breaker_is_closed(atomic_load(&bb->breaker));

	switch (slot->park_reason) {
	case PARK_DOWN:
		return closed || !waits_while_down(bb, slot->parkable);
	case PARK_FULL:
		/* It runs to be refused at once. */
		return !closed || shares_has_place(atomic_load(&slot->backend), slot->uid);
	case PARK_LATE:
		return !closed || (!late_task_on(slot, clock_mono_ns()) &&
				   !halfway_are_noted(atomic_load(&slot->backend)));
	case PARK_VERDICT:
		return !closed || (int32_t)(atomic_load(&bb->verdicts) - slot->park_sequence) >= 0;
	case PARK_RENAME:
		return !closed || !is_rename_begun(slot);
	case PARK_OWED:
		return (!closed && !waits_while_down(bb, slot->parkable)) ||
		       !behind_is_owed(slot->owed_node, slot->owed_point);
	case PARK_ROOM:
		return (!closed && !waits_while_down(bb, slot->parkable)) ||
		       behind_has_room(atomic_load(&slot->backend), slot->owed_node, slot->length);
	default:
		return true;
	}
}
