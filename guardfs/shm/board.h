/* board.h: health, breakers, processes and counters. Every process may read them at any moment.
 *
 * Each field says which process writes it. Words that belong together carry their own consistency
 * (breaker; sequence counters). */
#ifndef GUARDFS_SHM_BOARD_H
#define GUARDFS_SHM_BOARD_H

#include "base/base.h"
#include "config/config.h"
#include "config/tiermap.h"
#include "policy/errclass.h"
#include "policy/health.h"
#include "policy/histogram.h"
#include <stdatomic.h>
#include <sys/types.h>

/* A backend's epoch and breaker in one word, so that both change together: epoch << 8 | closed flag; at
 * first (0, open). Any process opens it (compare-and-swap on closed with the same epoch). Keeper alone
 * closes it, with a higher epoch. */
#define BREAKER_CLOSED 1u

static inline uint32_t breaker_epoch(uint64_t breaker)
{
	return (uint32_t)(breaker >> 8);
}

static inline bool breaker_is_closed(uint64_t breaker)
{
	return breaker & BREAKER_CLOSED;
}

static inline uint64_t breaker_word(uint32_t epoch, bool closed)
{
	return (uint64_t)epoch << 8 | (closed ? BREAKER_CLOSED : 0);
}

enum backend_counter {
	COUNT_OPS,	  /* entered the backend */
	COUNT_ERRORS,	  /* answered with the infrastructure errno */
	COUNT_TIMEOUTS,	  /* answered by guardian at the deadline */
	COUNT_FAST_FAILS, /* refused at once: the breaker was open */
	COUNT_PARKED,	  /* waited in their buffers */
	COUNT_LATE,	  /* came back after their deadline */
	COUNT_REOPENED,	  /* handles reopened after a reconnect */
	COUNT_POISONED,	  /* handles that could not be reopened */
	COUNT_READ_BYTES,
	COUNT_WRITTEN_BYTES,
	BACKEND_COUNTER_COUNT
};

struct board_statfs {
	/* 0: never known. Stored last. */
	_Atomic uint32_t valid;
	_Atomic uint64_t blocks, bfree, bavail, files, ffree;
	_Atomic uint32_t bsize, frsize, namelen;
};

/* The first to notice that a backend had failed. */
enum detector {
	DETECTOR_NONE,
	DETECTOR_WORKER,    /* an operation's connection error */
	DETECTOR_GUARDIAN,  /* an operation's deadline */
	DETECTOR_PROBE,	    /* a probe failed or was not answered */
	DETECTOR_TRANSPORT, /* sshfs ended */
	DETECTOR_OPERATOR,
	DETECTOR_DRILL,
	DETECTOR_COUNT
};

const char *detector_name(enum detector detector);

/* Bits of board_backend.hurt. */
#define HURT_WORDS 16u
#define HURT_BITS  (64u * HURT_WORDS)

#define BOARD_REFUSED_MAX 8

struct board_backend {
	_Alignas(CACHE_LINE) _Atomic uint64_t breaker;
	/* Tasks of the living worker inside. Worker; its successor resets it. */
	_Atomic uint32_t inflight;
	/* Parked slots. Worker. */
	_Atomic uint32_t parked;
	/* Mutating tasks inside that are past their deadline. Guardian counts a task, the worker that ends
	 * the task subtracts it. */
	_Atomic uint32_t late;
	/* Probes completed since the start. Keeper. */
	_Atomic uint32_t verdicts;
	/* When storage itself last answered an operation (guard_leave). Worker. */
	_Atomic uint64_t last_completion_ns;
	/* CLOCK_MONOTONIC: until then the outage is young and its callers wait (board_is_outage_young).
	 * Stored before the breaker is opened by a process that sees no open incident; by guardian at the
	 * start; by keeper when an operator releases the backend. */
	_Atomic uint64_t young_until_ns;
	/* Probe soon. Worker and guardian set it, keeper clears it. */
	_Atomic uint32_t suspect;

	/* A listing waits for signs of life. Guardian sets it, keeper clears it. */
	_Atomic uint32_t watched;
	/* While watched: when the transport last received bytes, CLOCK_MONOTONIC. Keeper. */
	_Atomic uint64_t received_ns;
	/* Epoch whose transport keeper ended because listings took too much memory. Keeper. */
	_Atomic uint32_t gorged_epoch;

	/* Users refused for a while, because their operations lost the backend again and again
	 * (board_refused_word). 0: none. Keeper. */
	_Atomic uint64_t refused[BOARD_REFUSED_MAX];

	/* Acknowledged, and not on storage yet (fs/behind.h). Worker, under the backend's lane lock. */
	_Atomic uint64_t owed_bytes;
	_Atomic uint32_t owed_files;

	/* Descriptor of the backend's root, stored first, and its epoch. Worker. */
	_Alignas(CACHE_LINE) _Atomic int32_t root_fd;
	_Atomic uint32_t root_epoch;

	/* Keeper, from here to counters; opened_* and failed_before by the process that opened the
	 * breaker. */
	/* enum errclass: why the breaker was last opened. */
	_Atomic uint32_t opened_class;
	/* enum detector. */
	_Atomic uint32_t opened_by;
	/* Operations that had failed by then. */
	_Atomic uint64_t failed_before;
	/* enum health_state. */
	_Atomic uint32_t state;
	/* enum errclass: why the backend is not healthy. */
	_Atomic uint32_t errclass;
	/* CLOCK_REALTIME of the last change of state. */
	_Atomic uint64_t since_real_ns;
	/* Recovery tries since the backend was last healthy. */
	_Atomic uint32_t attempts;
	/* 0: none planned. */
	_Atomic uint64_t next_attempt_real_ns;
	/* sshfs; 0: none. */
	_Atomic int32_t pid;
	/* Its start time (child_state). */
	_Atomic uint64_t pid_start;
	/* The epoch that this sshfs serves or will serve. */
	_Atomic uint32_t pid_epoch;
	/* When it last became healthy again; 0: never. */
	_Atomic uint64_t recovered_real_ns;
	/* When the present outage began; 0: none (board_set_state). */
	_Atomic uint64_t lost_real_ns;
	/* Since the arena was made. */
	_Atomic uint32_t outages, recoveries, tries;
	/* Number of the open incident; 0: none. */
	_Atomic uint64_t incident;
	/* End of a hold; 0: until resumed. */
	_Atomic uint64_t held_until_real_ns;
	/* Held: callers wait for their deadline instead of failing at once. */
	_Atomic uint32_t hold_waits;
	/* policy/server.h, as last diagnosed; 0: not known. */
	_Atomic uint32_t server_lacks;
	/* Device minor of its mount while connected (fusectl); 0: unknown. */
	_Atomic uint32_t minor;
	/* Last message worth showing (sshfs's stderr), under detail_sequence. */
	char detail[256];
	/* Odd while detail is written. */
	_Atomic uint32_t detail_sequence;
	struct board_statfs statfs;

	/* Relaxed adds by any process. */
	_Alignas(CACHE_LINE) _Atomic uint64_t counters[BACKEND_COUNTER_COUNT];

	/* Callers that got the infrastructure errno since keeper last cleared this: one bit for the hash
	 * of each thread id (board_hurt). Beside it when the first caller got it, and the first without
	 * waiting. Worker, guardian. */
	_Atomic uint64_t hurt[HURT_WORDS];
	_Atomic uint64_t first_error_real_ns, first_fast_real_ns;

	/* How long callers waited, by operation class. Worker adds operations that came back, guardian
	 * those that it answered. */
	struct histogram latency[OP_CLASS_COUNT];
};

/* An incident as `.guardfs/incidents` shows it. Times are CLOCK_REALTIME, 0: not yet. */
#define BOARD_INCIDENTS_MAX 32
struct board_incident {
	uint64_t id, began_ns, recovered_ns, closed_ns;
	uint32_t drill, of_routes;
	/* enum errclass. */
	uint32_t errclass;
	uint32_t callers;
	uint64_t failed;
	char backend[CONFIG_NAME_MAX];
	char detail[128];
};

/* State of each route of board.map (same index, same generation). Keeper. */
struct board_route {
	/* enum health_state, enum errclass, positive errno. */
	_Atomic uint32_t state, errclass, error;
	_Atomic uint64_t since_real_ns;
};

/* Files in the local tier's directory that belong elsewhere (config/localtier.h), as last counted. Keeper. */
struct board_misplaced {
	/* Directories that a pattern leads to a backend. */
	_Atomic uint32_t misplaced;
	/* Routes that hide something. */
	_Atomic uint32_t shadowed;
	/* CLOCK_MONOTONIC of the count; 0: not known. */
	_Atomic uint64_t looked_ns;
};

/* Last crashes of workers, newest at (n_crashes - 1) % CRASHES_MAX. Guardian. */
#define CRASHES_MAX 32
struct board_crash {
	uint64_t real_ns;
	uint32_t worker_generation;
	int32_t pid;
	/* "killed by signal 9", "stopped answering". */
	char cause[32];
	/* Of the oldest request in flight; 0: none. */
	uint32_t opcode;
	uint64_t unique;
	/* Of that request, as far as known. */
	char path[256];
};

/* Which figures outlive their writers. KEEPER: guardian is dead, worker may go on. ALL: guardfs ends as
 * asked. */
enum board_ended { BOARD_ENDED_NOT, BOARD_ENDED_KEEPER, BOARD_ENDED_ALL };

/* Shared by all users of the mount. */
enum share_kind {
	SHARE_OPEN_FILES,  /* open files and directories: up to two descriptors each */
	SHARE_NODES,	   /* names that the kernel knows */
	SHARE_KEPT,	   /* nodes whose descriptor must be kept: nothing else leads to them */
	SHARE_LISTING_KIB, /* memory for listings of open directories */
	SHARE_WAITING,	   /* requests waiting in their buffers: for a backend or for room */
	SHARE_KIND_COUNT
};

const char *share_kind_name(enum share_kind kind);

/* Worker, recounted at its start. `refused` and its details: since the arena was made. */
struct board_share {
	_Atomic uint64_t used, capacity;
	/* Refusals. */
	_Atomic uint64_t refused;
	/* Time of the last refusal (0: never), and its user. */
	_Atomic uint64_t refused_real_ns;
	_Atomic uint32_t refused_uid;
};

enum process { PROCESS_GUARDIAN, PROCESS_WORKER, PROCESS_KEEPER, PROCESS_COUNT };

/* Commands from guardian's signal handlers. Keeper and worker compare each value with the last they saw. */
struct board_requests {
	/* SIGHUP: keeper reads the manifest again. Guardian. */
	_Atomic uint32_t reload;
	/* Worker stops reading requests, and exits when all are done or parked. Guardian. */
	_Atomic uint32_t quiesce;
};

/* Descriptor numbers in the table that guardian and worker share. */
struct board_fds {
	/* /dev/fuse */
	int32_t dev;
	/* Worker's end: struct keeper_message arrives here. */
	int32_t keeper_socket;
	/* eventfd: wakes keeper. */
	int32_t nudge;
	/* The local tier's directory. */
	int32_t local;
};

struct board {
	/* Guardian. */
	_Atomic int32_t pid[PROCESS_COUNT];
	/* Pid of a process about to end as planned: neither a crash nor a restart. Stored before by
	 * guardian (its own end, a re-execution) or keeper (a drill). */
	_Atomic int32_t planned_end[PROCESS_COUNT];
	/* CLOCK_MONOTONIC. Worker. */
	_Atomic uint64_t heartbeat_ns;
	/* The thread that stores the heartbeat; 0: none yet. Worker; guardian clears it. */
	_Atomic int32_t heartbeat_tid;
	/* CLOCK_MONOTONIC. Keeper, each round of its loop (a second at most); guardian, when it starts a
	 * keeper. */
	_Atomic uint64_t keeper_heartbeat_ns;
	/* Raised at each start of a worker. Guardian. */
	_Atomic uint32_t worker_generation;
	/* Of the last worker that ended as asked. Worker. */
	_Atomic uint32_t left_generation;
	/* Starts after an end that was not planned. Guardian, as the next field. */
	_Atomic uint32_t worker_restarts;
	_Atomic uint32_t keeper_restarts;
	/* 1: a worker reads requests. Worker sets it, guardian clears it. */
	_Atomic uint32_t serving;
	/* Killed and not reaped: a task of theirs is still inside. Guardian. */
	_Atomic uint32_t dead_workers;
	/* When it changes, worker sweeps unrecorded descriptors. Guardian. */
	_Atomic uint32_t reaped_workers;
	/* Guardian, as the next two fields. */
	_Atomic uint64_t started_real_ns;
	_Atomic uint32_t crashes_total;
	struct board_crash crashes[CRASHES_MAX];
	/* Index + 1 of the slot that the crashing thread was running; 0: unknown. Worker's fatal-signal
	 * handler. */
	_Atomic uint32_t crash_slot;
	struct board_requests requests;
	/* Guardian, before a worker starts. */
	struct board_fds fds;
	/* st_dev minor of guardfs's mount. Guardian, before any process starts. */
	uint32_t mount_minor;
	/* The mountpoint as in the mount table, without symlinks. Guardian, as above. */
	char mounted_at[CONFIG_PATH_MAX];
	/* Negotiated: 1 or 0. Worker, at INIT. */
	int32_t kernel_passthrough;

	/* 1: the first tier map stands. A worker serves nothing before: paths of a guarded tier would go
	 * to the local one. Keeper. */
	_Atomic uint32_t map_loaded;
	/* 1: the files in run_dir and the control socket exist. Keeper sets it, guardian clears it before
	 * it starts a keeper. */
	_Atomic uint32_t shown;

	/* Since when guardfs is not mounted at the mountpoint although the session goes on (open files,
	 * other mounts). 0: mounted. Keeper. */
	_Atomic uint64_t unmounted_real_ns;

	/* enum board_ended. Keeper, before its last look; cleared at its start. */
	_Atomic uint32_t ended;

	/* Soft limit of RLIMIT_NOFILE as guardian found it: keeper and its children have it. */
	_Atomic uint64_t open_files_before;
	struct board_share shares[SHARE_KIND_COUNT];

	/* Guardian, before any process starts. */
	struct config config;
	struct board_backend backends[CONFIG_BACKENDS_MAX];

	/* The tier map. Writers hold map_lock (a pid, see board_map_begin); readers copy under
	 * map_generation (even: stable). */
	_Atomic uint32_t map_generation;
	_Atomic int32_t map_lock;
	struct tiermap map;
	struct board_route routes[TIERMAP_ROUTES_MAX];
	/* The whole map that a change leads to, stored before map is touched. It is complete when
	 * intended_generation equals an odd map_generation: then the next writer goes on from it. Writers. */
	struct tiermap intended;
	_Atomic uint32_t intended_generation;
	/* 1: the manifest was read; 0: the last good map stays; 2: none configured. Keeper. */
	_Atomic uint32_t manifest_ok;
	/* Keeper, under map_generation. */
	char manifest_error[CONFIG_ERROR_MAX];

	/* Keeper, from here on. The newest incident is at (n_incidents - 1) % BOARD_INCIDENTS_MAX. */
	/* Odd while an incident is written. */
	_Atomic uint32_t incidents_sequence;
	_Atomic uint32_t n_incidents;
	struct board_incident incidents[BOARD_INCIDENTS_MAX];
	/* Highest number given so far. */
	_Atomic uint64_t last_incident;
	/* Odd while journal is written. */
	_Atomic uint32_t note_sequence;
	/* State of the journal, and its message. */
	char journal[256];
	/* Of the local tier. */
	struct board_statfs local;
	struct board_misplaced misplaced;
};

/* Opens the breaker of backend index if it is closed with this epoch. True: this call opened it. Any
 * process. */
bool board_trip_breaker(struct board *board, unsigned index, uint32_t epoch, enum errclass why,
			enum detector by);

/* Makes an outage of backend index young for [recovery] patience from now on. board_trip_breaker does so
 * by itself unless an incident is open. Guardian, keeper. */
void board_be_patient(struct board *board, unsigned index);

/* While the breaker is open: is the outage young at now_ns (CLOCK_MONOTONIC), and of a class that may pass
 * in a moment? Any process. */
bool board_is_outage_young(const struct board_backend *backend, uint64_t now_ns);

/* While the breaker is open: do callers wait for it to close? They do in a young outage, and when an
 * operator's hold says so. Writes to open files wait anyway, unless the backend is held. Any process. */
bool board_callers_wait(const struct board_backend *backend, uint64_t now_ns);

/* A word of board_backend.refused: a user, and until when (CLOCK_MONOTONIC, whole seconds). */
static inline uint64_t board_refused_word(uint32_t uid, uint64_t until_ns)
{
	return (until_ns / NSEC_PER_SEC + 1) << 32 | uid;
}

static inline uint32_t board_refused_uid(uint64_t word)
{
	return (uint32_t)word;
}

static inline uint64_t board_refused_until_ns(uint64_t word)
{
	return (word >> 32) * NSEC_PER_SEC;
}

/* Is this user refused at now_ns? Any process. */
static inline bool board_refuses(const struct board_backend *backend, uint32_t uid, uint64_t now_ns)
{
	for (size_t i = 0; i < BOARD_REFUSED_MAX; i++) {
		uint64_t word = atomic_load_explicit(&backend->refused[i], memory_order_relaxed);

		if (word && board_refused_uid(word) == uid && now_ns < board_refused_until_ns(word))
			return true;
	}
	return false;
}

/* Notes a caller (thread id pid) that got the infrastructure errno; fast: without waiting. Worker,
 * guardian. */
void board_hurt(struct board_backend *backend, uint32_t pid, bool fast);

/* Roughly how many callers were noted (linear counting), and clearing them. Keeper. */
uint32_t board_hurt_count(const struct board_backend *backend);
void board_hurt_clear(struct board_backend *backend);

/* Adds an incident, or changes the one with its id. Keeper. */
void board_put_incident(struct board *board, const struct board_incident *incident);

/* Copies the n-th newest incident (from 0). False: there is none, or it is always being written. Any
 * process. */
bool board_get_incident(const struct board *board, uint32_t n, struct board_incident *incident);

void board_set_journal(struct board *board, const char *text);
void board_get_journal(const struct board *board, char *text, size_t size);

/* Copies the tier map and returns its generation. Waits about 10 ms at most for an active writer; route
 * states may then be torn. Any process. */
uint32_t board_copy_map(const struct board *board, struct tiermap *map);

/* Replaces the map. begin locks it and returns the draft to change; commit publishes the draft, moves
 * route states along with their paths, and unlocks. Serialises worker (mkdir makes a route) and keeper
 * (reload). A holder that is dead (pid, start time) is overtaken. */
struct tiermap *board_map_begin(struct board *board);
void board_map_commit(struct board *board);

void board_set_detail(struct board_backend *backend, const char *text);
void board_get_detail(const struct board_backend *backend, char *text, size_t size);

/* Publishes state, class and since, and counts. An outage lasts from the loss of a serving backend until
 * it is healthy or degraded, through any states between. Taking a backend out of service starts no outage.
 * Each change to recovering starts a try. Keeper. */
void board_set_state(struct board_backend *backend, enum health_state state, enum errclass class,
		     uint64_t real_ns);

/* Time in ms that the backends need, at the rate last measured, for what is owed to them (durability =
 * behind). 0: nothing is owed. Any process. */
uint32_t board_owed_ms(const struct board *board);

static inline void board_count(struct board_backend *backend, enum backend_counter counter, uint64_t n)
{
	atomic_fetch_add_explicit(&backend->counters[counter], n, memory_order_relaxed);
}

/* Operations answered with the infrastructure errno, at their deadline or at once. Any process. */
static inline uint64_t board_failed(const struct board_backend *backend)
{
	return atomic_load(&backend->counters[COUNT_ERRORS]) +
	       atomic_load(&backend->counters[COUNT_FAST_FAILS]);
}

/* Stored values, which a damaged arena may hold out of range, forced into their range. */
static inline enum health_state board_state(const struct board_backend *b)
{
	uint32_t s = atomic_load(&b->state);

	return s < HEALTH_STATE_COUNT ? (enum health_state)s : HEALTH_DOWN;
}

static inline enum errclass board_class(const struct board_backend *b)
{
	uint32_t c = atomic_load(&b->errclass);

	return c < ERRCLASS_COUNT ? (enum errclass)c : ERRCLASS_IO_ERROR;
}

#endif
