#include "worker/follow.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "policy/follow.h"

#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

struct times {
	pid_t reader, caller;
	uint64_t waited_ns; /* the reader */
	uint64_t ran_ns;    /* the caller */
};

static struct {
	_Atomic bool possible;

	/* Written by readers. */
	_Alignas(CACHE_LINE) _Atomic uint32_t caller; /* of the last request */
	_Atomic uint32_t changes;		      /* of caller, in all */

	_Alignas(CACHE_LINE) pthread_mutex_t lock; /* of the next two, and of the follower's attributes */
	_Atomic pid_t tid;			   /* follows; 0: none does. Also read without */
	cpu_set_t before;			   /* its processors otherwise */

	/* The watch's. */
	struct follow_state state;
	uint32_t changes_seen;
	int processor;
	struct times times; /* when last counted, while following */
} follow = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Back from SCHED_IDLE, which counts as nice 20, to the process's nice. */
static rlim_t needed_limit(void)
{
	return (rlim_t)(20 - getpriority(PRIO_PROCESS, 0));
}

bool follow_init(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NICE, &limit) < 0)
		return false;
	if (limit.rlim_cur >= needed_limit())
		return true;
	limit.rlim_cur = needed_limit();
	limit.rlim_max = MAX(limit.rlim_max, limit.rlim_cur);
	return setrlimit(RLIMIT_NICE, &limit) == 0;
}

static bool has_sys_nice(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	return syscall(SYS_capget, &header, data) == 0 && data[0].effective & 1u << CAP_SYS_NICE;
}

/* Else a thread that became SCHED_IDLE would stay so. */
static bool may_return_from_idle(void)
{
	struct rlimit limit;

	return has_sys_nice() || (getrlimit(RLIMIT_NICE, &limit) == 0 && limit.rlim_cur >= needed_limit());
}

void follow_start(void)
{
	atomic_store(&follow.possible, sched_getscheduler(0) == SCHED_OTHER && may_return_from_idle());
}

void follow_note(uint32_t pid)
{
	if (!pid || pid == atomic_load_explicit(&follow.caller, memory_order_relaxed))
		return;
	atomic_store_explicit(&follow.caller, pid, memory_order_relaxed);
	atomic_fetch_add_explicit(&follow.changes, 1, memory_order_relaxed);
}

static errint_t set_policy(pid_t tid, int policy)
{
	const struct sched_param param = {0};

	return sched_setscheduler(tid, policy, &param) < 0 ? -errno : 0;
}

/* ESRCH: the thread has ended. */
static void reset_policy(pid_t tid)
{
	errint_t rc = set_policy(tid, SCHED_OTHER);

	if (rc == 0 || rc == -ESRCH)
		return;
	log_error("cannot give thread %d its scheduling back: %s", (int)tid, strerror(-rc));
	atomic_store(&follow.possible, false);
}

/* With the lock. */
static void let_go(pid_t tid)
{
	reset_policy(tid);
	/* Fails when none of them is left: the kernel has chosen others. */
	if (sched_setaffinity(tid, sizeof(follow.before), &follow.before) < 0)
		log_debug("processors of thread %d: %s", (int)tid, strerror(errno));
	atomic_store(&follow.tid, 0);
}

static bool bind_reader(pid_t tid, int processor)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)processor, &one);
	return CPU_ISSET((size_t)processor, &follow.before) &&
	       sched_setaffinity(tid, sizeof(one), &one) == 0 && set_policy(tid, SCHED_IDLE) == 0;
}

/* The one that is alone may be entering a backend (docs/LOCKING.md, "Readers"). */
static bool let_follow(const _Atomic pid_t *alone, int processor)
{
	pid_t tid = atomic_load(alone);

	ACQUIRE_LOCK(&follow.lock);
	if (atomic_load(&follow.tid) && atomic_load(&follow.tid) != tid)
		let_go(atomic_load(&follow.tid));
	if (!tid)
		return false;
	if (!atomic_load(&follow.tid)) {
		if (sched_getaffinity(tid, sizeof(follow.before), &follow.before) < 0 ||
		    CPU_COUNT(&follow.before) < 2)
			return false;
		atomic_store(&follow.tid, tid);
	}
	if (atomic_load(alone) == tid && bind_reader(tid, processor))
		return true;
	let_go(tid);
	return false;
}

void follow_leave(pid_t tid)
{
	if (atomic_load(&follow.tid) != tid || !tid)
		return;
	reset_policy(tid); /* with the lock it must not be kept from running */
	ACQUIRE_LOCK(&follow.lock);
	if (atomic_load(&follow.tid) == tid)
		let_go(tid);
}

/* So far. False: it ended, or the kernel does not count (CONFIG_SCHED_INFO). */
static bool read_times(pid_t tid, uint64_t *ran_ns, uint64_t *waited_ns)
{
	char path[48], times[64];
	unsigned long long ran, waited;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)tid, (int)tid);
	if (fd_read_file(path, times, sizeof(times)) < 0 || sscanf(times, "%llu %llu", &ran, &waited) != 2)
		return false;
	*ran_ns = ran;
	*waited_ns = waited;
	return ran > 0;
}

/* Since the last call for the same two; otherwise 0. */
static uint64_t count_lack(void)
{
	struct times now = {.reader = atomic_load(&follow.tid), .caller = (pid_t)atomic_load(&follow.caller)};
	struct times before = follow.times;
	uint64_t unused;

	if (!read_times(now.reader, &unused, &now.waited_ns) || !read_times(now.caller, &now.ran_ns, &unused))
		now = (struct times){0};
	follow.times = now;
	if (!now.reader || now.reader != before.reader || now.caller != before.caller)
		return 0;
	return follow_lack(now.waited_ns - before.waited_ns, now.ran_ns - before.ran_ns);
}

static void look_for_caller(const _Atomic pid_t *alone)
{
	int processor = child_processor((pid_t)atomic_load(&follow.caller));
	bool moved = processor != follow.processor;
	bool follows = processor >= 0 && processor < CPU_SETSIZE;

	if (follows && (!follow.state.following || moved || atomic_load(&follow.tid) != atomic_load(alone)))
		follows = let_follow(alone, processor);
	if (follows && !follow.state.following) {
		count_lack();
		follows = follow.times.reader != 0;
	}
	follow.processor = processor;
	follow_looked(&follow.state, follows, moved);
}

void follow_end(void)
{
	ACQUIRE_LOCK(&follow.lock);
	if (atomic_load(&follow.tid))
		let_go(atomic_load(&follow.tid));
	follow_rest(&follow.state);
}

void follow_watch(const _Atomic pid_t *alone, uint32_t requests, bool well)
{
	uint32_t changes = atomic_load(&follow.changes);
	const struct follow_seen seen = {.requests = requests,
					 .changes = changes - follow.changes_seen,
					 .well = well,
					 .lacked_ns = follow_asks_lack(&follow.state) ? count_lack() : 0,
					 .now_ns = clock_mono_ns()};

	follow.changes_seen = changes;
	if (!atomic_load(&follow.possible))
		return;
	switch (follow_tick(&follow.state, &seen)) {
	case FOLLOW_LOOK:
		look_for_caller(alone);
		if (!follow.state.following)
			follow_end();
		break;
	case FOLLOW_END:
		follow_end();
		break;
	case FOLLOW_GO_ON:
		break;
	}
}
