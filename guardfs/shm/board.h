/* Health, breakers, processes and counters, which any process may read at any moment.
 *
 * Each field names its writer. *_real_ns: CLOCK_REALTIME, other *_ns: CLOCK_MONOTONIC; 0: never, none or
 * unknown. Functions that name no process may be called by any. */
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

/* Epoch << 8 | closed flag; at first (0, open). Any process opens (compare-and-swap on the same epoch),
 * keeper alone closes, with a higher epoch. */
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
	COUNT_FAST_FAILS, /* refused at once: breaker open */
	COUNT_PARKED,
	COUNT_LATE,	   /* came back after their deadline */
	COUNT_REOPENED,	   /* handles, after a reconnect */
	COUNT_CHECKPOINTS, /* syncs of `checkpoint` */
	COUNT_POISONED,	   /* handles that could not be reopened */
	COUNT_MADE_BEFORE, /* reruns of changes already made (fs/again.h) */
	COUNT_READ_BYTES,
	COUNT_WRITTEN_BYTES,
	BACKEND_COUNTER_COUNT
};

struct board_statfs {
	/* Stored last. */
	_Atomic uint32_t valid;
	_Atomic uint64_t blocks, bfree, bavail, files, ffree;
	_Atomic uint32_t bsize, frsize, namelen;
};

enum detector {
	DETECTOR_NONE,
	DETECTOR_WORKER,    /* an operation's connection error */
	DETECTOR_GUARDIAN,  /* an operation's deadline */
	DETECTOR_PROBE,	    /* a probe failed or went unanswered */
	DETECTOR_TRANSPORT, /* the transport ended */
	DETECTOR_OPERATOR,
	DETECTOR_DRILL,
	DETECTOR_COUNT
};

const char *detector_name(enum detector detector);

/* Of the last few seconds. Keeper; readers may see parts of two. */
struct board_recent {
	/* 0: none yet. */
	_Atomic uint64_t span_ms;
	_Atomic uint64_t ops, errors, p50_us, p99_us, read_bytes, written_bytes;
};

#define HURT_WORDS 16u
#define HURT_BITS  (64u * HURT_WORDS)

#define BOARD_REFUSED_MAX 8

struct board_backend {
	_Alignas(CACHE_LINE) _Atomic uint64_t breaker;
	/* Tasks inside. Worker; its successor starts at 0. */
	_Atomic uint32_t inflight;
	/* Worker. */
	_Atomic uint32_t parked;
	/* Mutating tasks inside past their deadline. Guardian adds, worker subtracts. */
	_Atomic uint32_t late;
	/* Completed probes. Keeper. */
	_Atomic uint32_t verdicts;
	/* Worker. */
	_Atomic uint64_t last_completion_ns;
	/* Until then the outage is young. Stored before the breaker opens (docs/LOCKING.md). */
	_Atomic uint64_t young_until_ns;
	/* Probe soon. Worker and guardian set, keeper clears. */
	_Atomic uint32_t suspect;

	/* A listing waits for a sign of life. Guardian sets, keeper clears. */
	_Atomic uint32_t watched;
	/* While watched: when the transport last received bytes. Keeper. */
	_Atomic uint64_t received_ns;
	/* Epoch that keeper ended because listings took too much memory. */
	_Atomic uint32_t gorged_epoch;

	/* Users refused for losing the backend repeatedly (board_refused_word). Keeper. */
	_Atomic uint64_t refused[BOARD_REFUSED_MAX];

	/* Worker, under the lane lock. */
	_Atomic uint64_t owed_bytes;
	_Atomic uint32_t owed_files;

	/* The backend's root, stored first, and its epoch. Worker. */
	_Alignas(CACHE_LINE) _Atomic int32_t root_fd;
	_Atomic uint32_t root_epoch;

	/* Keeper, down to counters; opened_* and failed_before by the opener of the breaker. */
	/* enum errclass. */
	_Atomic uint32_t opened_class;
	/* enum detector. */
	_Atomic uint32_t opened_by;
	/* board_failed by then. */
	_Atomic uint64_t failed_before;
	/* enum health_state. */
	_Atomic uint32_t state;
	/* enum errclass: why it is not healthy. */
	_Atomic uint32_t errclass;
	_Atomic uint64_t since_real_ns;
	/* Tries since it was last healthy. */
	_Atomic uint32_t attempts;
	_Atomic uint64_t next_attempt_real_ns;
	/* sshfs. */
	_Atomic int32_t pid;
	/* Its start time (child_state). */
	_Atomic uint64_t pid_start;
	_Atomic uint32_t pid_epoch;
	/* command, and sftp over ssh: identifies all that the program starts (fence.h). 0: none left. */
	_Atomic uint32_t pid_mark;
	_Atomic uint64_t recovered_real_ns;
	/* When the present outage began. */
	_Atomic uint64_t lost_real_ns;
	_Atomic uint32_t outages, recoveries, tries;
	/* The open incident. */
	_Atomic uint64_t incident;
	/* 0: until resumed. */
	_Atomic uint64_t held_until_real_ns;
	/* Held: callers wait for their deadline. */
	_Atomic uint32_t hold_waits;
	/* policy/server.h, as last diagnosed. */
	_Atomic uint32_t server_lacks;
	/* Device minor of its mount (fusectl). */
	_Atomic uint32_t minor;
	/* For people. */
	char detail[256];
	/* Odd while detail is written. */
	_Atomic uint32_t detail_sequence;
	struct board_statfs statfs;
	struct board_recent recent;

	/* Relaxed adds. */
	_Alignas(CACHE_LINE) _Atomic uint64_t counters[BACKEND_COUNTER_COUNT];

	/* Callers that got the infrastructure errno: a bit per hashed thread id (board_hurt). When the first got
	 * it, and the first without waiting. Worker, guardian; keeper clears. */
	_Atomic uint64_t hurt[HURT_WORDS];
	_Atomic uint64_t first_error_real_ns, first_fast_real_ns;

	/* Callers' waits. Worker adds operations that came back, guardian those it answered. */
	struct histogram latency[OP_CLASS_COUNT];
};

/* For `.guardfs/incidents`. Times are CLOCK_REALTIME. */
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

/* Of board.map's route (same index and generation). Keeper. */
struct board_route {
	/* enum health_state, enum errclass, positive errno. */
	_Atomic uint32_t state, errclass, error;
	_Atomic uint64_t since_real_ns;
};

/* Files of the local tier that belong elsewhere (config/localtier.h). Keeper. */
struct board_misplaced {
	/* Directories that a pattern routes. */
	_Atomic uint32_t misplaced;
	/* Routes that hide something. */
	_Atomic uint32_t shadowed;
	/* 0 while the counts change. */
	_Atomic uint64_t looked_ns;
};

/* Newest at (n_crashes - 1) % CRASHES_MAX. Guardian. */
#define CRASHES_MAX 32
struct board_crash {
	uint64_t real_ns;
	uint32_t worker_generation;
	int32_t pid;
	/* For people: "killed by signal 9". */
	char cause[32];
	/* Of the oldest request in flight; 0: none. */
	uint32_t opcode;
	uint64_t unique;
	char path[256];
};

/* KEEPER: guardian is dead, worker may go on. ALL: guardfs ends as asked. */
enum board_ended { BOARD_ENDED_NOT, BOARD_ENDED_KEEPER, BOARD_ENDED_ALL };

/* Drawn on by all users. */
enum share_kind {
	SHARE_OPEN_FILES,  /* up to two descriptors each */
	SHARE_NODES,	   /* that the kernel knows */
	SHARE_KEPT,	   /* descriptors of nodes to which nothing else leads */
	SHARE_LISTING_KIB, /* of open directories */
	SHARE_WAITING,	   /* requests in their buffers: for a backend or for room */
	SHARE_KIND_COUNT
};

const char *share_kind_name(enum share_kind kind);

/* Worker, recounted at its start; refused* since the arena was made. */
struct board_share {
	_Atomic uint64_t used, capacity;
	_Atomic uint64_t refused;
	_Atomic uint64_t refused_real_ns;
	_Atomic uint32_t refused_uid;
};

enum process { PROCESS_GUARDIAN, PROCESS_WORKER, PROCESS_KEEPER, PROCESS_COUNT };

/* From guardian's signal handlers: a change of value is the command. */
struct board_requests {
	/* Keeper reads the manifest again. */
	_Atomic uint32_t reload;
	/* Worker stops reading requests, and exits when all are done or parked. */
	_Atomic uint32_t quiesce;
};

/* Numbers in the descriptor table of guardian and worker. Guardian, before a worker starts. */
struct board_fds {
	/* /dev/fuse */
	int32_t dev;
	/* worker's end of struct keeper_message's socket */
	int32_t keeper_socket;
	/* eventfd: wakes keeper. */
	int32_t nudge;
	/* the local tier's directory */
	int32_t local;
};

struct board {
	/* Guardian. */
	_Atomic int32_t pid[PROCESS_COUNT];
	/* Process about to end as planned. Stored before by guardian or keeper (drill). */
	_Atomic int32_t planned_end[PROCESS_COUNT];
	/* Worker. */
	_Atomic uint64_t heartbeat_ns;
	/* The thread that stores it; 0: none yet. Worker; guardian clears. */
	_Atomic int32_t heartbeat_tid;
	/* Keeper, at least once a second; guardian, when it starts a keeper. */
	_Atomic uint64_t keeper_heartbeat_ns;
	/* Raised at each start. Guardian. */
	_Atomic uint32_t worker_generation;
	/* Of the last worker that ended as asked. Worker. */
	_Atomic uint32_t left_generation;
	/* After an end that was not planned. Guardian. */
	_Atomic uint32_t worker_restarts;
	_Atomic uint32_t keeper_restarts;
	/* A worker reads requests. Worker sets, guardian clears. */
	_Atomic uint32_t serving;
	/* Killed, not reaped: a task is still inside. Guardian. */
	_Atomic uint32_t dead_workers;
	/* When it changes, worker sweeps unrecorded descriptors. Guardian. */
	_Atomic uint32_t reaped_workers;
	/* Guardian, down to crashes. */
	_Atomic uint64_t started_real_ns;
	_Atomic uint32_t crashes_total;
	struct board_crash crashes[CRASHES_MAX];
	/* Index + 1 of the crashing thread's slot; 0: unknown. Worker's fatal-signal handler. */
	_Atomic uint32_t crash_slot;
	struct board_requests requests;
	struct board_fds fds;
	/* st_dev minor of guardfs's mount. Guardian, before any process starts. */
	uint32_t mount_minor;
	/* The mountpoint, without symlinks. As above. */
	char mounted_at[CONFIG_PATH_MAX];
	/* Negotiated. Worker, at INIT. */
	int32_t kernel_passthrough;
	/* Read-ahead that backends are fast enough for; 0: unknown. Worker; guardian sets it. */
	_Atomic uint32_t readahead_kib;

	/* The first tier map stands; worker serves nothing before. Keeper. */
	_Atomic uint32_t map_loaded;
	/* run_dir's files and the control socket exist. Keeper sets, guardian clears before starting a keeper. */
	_Atomic uint32_t shown;

	/* Since when guardfs is not at the mountpoint; 0: mounted. Keeper. */
	_Atomic uint64_t unmounted_real_ns;

	/* enum board_ended. Keeper, before its last look; cleared at its start. */
	_Atomic uint32_t ended;

	/* RLIMIT_NOFILE's soft limit as guardian found it, for keeper and its children. */
	_Atomic uint64_t open_files_before;
	struct board_share shares[SHARE_KIND_COUNT];

	/* Guardian, before any process starts. */
	struct config config;
	struct board_backend backends[CONFIG_BACKENDS_MAX];

	/* The tier map. Writers hold map_lock (a pid); readers copy under map_generation (even: stable). */
	_Atomic uint32_t map_generation;
	_Atomic int32_t map_lock;
	struct tiermap map;
	struct board_route routes[TIERMAP_ROUTES_MAX];
	/* What map becomes, stored before map is touched (docs/LOCKING.md). */
	struct tiermap intended;
	_Atomic uint32_t intended_generation;
	/* 1: manifest read; 0: the last good map stays; 2: none configured. Keeper. */
	_Atomic uint32_t manifest_ok;
	/* Keeper, under map_generation. */
	char manifest_error[CONFIG_ERROR_MAX];

	/* Keeper, from here on. Newest incident: (n_incidents - 1) % BOARD_INCIDENTS_MAX. */
	/* Odd during a write. */
	_Atomic uint32_t incidents_sequence;
	_Atomic uint32_t n_incidents;
	struct board_incident incidents[BOARD_INCIDENTS_MAX];
	_Atomic uint64_t last_incident;
	/* Odd during a write. */
	_Atomic uint32_t note_sequence;
	/* State and message. */
	char journal[256];
	struct board_statfs local;
	struct board_misplaced misplaced;
};

/* RUN_DIR/lock says which session it is held for: text is written by who begins one, and read by a keeper without its
 * guardian. Returns its length. */
#define BOARD_SESSION_MAX 48
size_t board_session_text(const struct board *board, char text[BOARD_SESSION_MAX]);
/* Does it name another session? False: this one, or none. */
bool board_is_other_session(const struct board *board, const char *text);

/* Opens the breaker if closed with this epoch. True: this call did. */
bool board_trip_breaker(struct board *board, unsigned index, uint32_t epoch, enum errclass why,
			enum detector by);

/* Makes an outage young from now. board_trip_breaker does so unless an incident is open. Guardian, keeper. */
void board_be_patient(struct board *board, unsigned index);

/* While open: is the outage young, of a class that may pass soon? */
bool board_is_outage_young(const struct board_backend *backend, uint64_t now_ns);

/* While open: do callers wait? Writes to open files do anyway, unless the backend is held. */
bool board_callers_wait(const struct board_backend *backend, uint64_t now_ns);

/* A word of board_backend.refused: user, and end in whole seconds. */
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

static inline bool board_refuses(const struct board_backend *backend, uint32_t uid, uint64_t now_ns)
{
	for (size_t i = 0; i < BOARD_REFUSED_MAX; i++) {
		uint64_t word = atomic_load_explicit(&backend->refused[i], memory_order_relaxed);

		if (word && board_refused_uid(word) == uid && now_ns < board_refused_until_ns(word))
			return true;
	}
	return false;
}

/* Notes a caller (thread id pid) with the infrastructure errno; fast: without waiting. Worker, guardian. */
void board_hurt(struct board_backend *backend, uint32_t pid, bool fast);

/* About how many callers were noted (linear counting). Keeper, as the next two. */
uint32_t board_hurt_count(const struct board_backend *backend);
void board_hurt_clear(struct board_backend *backend);

/* Adds an incident, or replaces the one with its id. */
void board_put_incident(struct board *board, const struct board_incident *incident);

/* The n-th newest incident, from 0. False: none, or always being written. */
bool board_get_incident(const struct board *board, uint32_t n, struct board_incident *incident);

void board_set_journal(struct board *board, const char *text);
void board_get_journal(const struct board *board, char *text, size_t size);

/* Returns the generation. Waits about 10 ms at most for a writer; route states may then be torn. */
uint32_t board_copy_map(const struct board *board, struct tiermap *map);

/* begin locks and returns a draft; commit publishes it, carries route states along by path, and unlocks.
 * Serialises worker (mkdir makes a route) and keeper (reload). */
struct tiermap *board_map_begin(struct board *board);
void board_map_commit(struct board *board);

void board_set_detail(struct board_backend *backend, const char *text);
void board_get_detail(const struct board_backend *backend, char *text, size_t size);

/* Publishes state, class and since, and counts. An outage lasts from a serving backend's loss until healthy or
 * degraded; each change to recovering is a try. Keeper. */
void board_set_state(struct board_backend *backend, enum health_state state, enum errclass class,
		     uint64_t real_ns);

/* How long the backends need for what is owed to them, at the rate last measured. */
uint32_t board_owed_ms(const struct board *board);

static inline void board_count(struct board_backend *backend, enum backend_counter counter, uint64_t n)
{
	atomic_fetch_add_explicit(&backend->counters[counter], n, memory_order_relaxed);
}

/* Operations answered with the infrastructure errno. */
static inline uint64_t board_failed(const struct board_backend *backend)
{
	return atomic_load(&backend->counters[COUNT_ERRORS]) +
	       atomic_load(&backend->counters[COUNT_FAST_FAILS]);
}

/* Stored values, forced into their range. */
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
