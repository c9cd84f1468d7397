/* board.h: health, breakers, processes and counters, which every process may read at any moment.
 *
 * Each field says which process writes it. Words that are read together carry their own consistency
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

/* A backend's breaker and epoch in one word, so that both change together: epoch << 8 | closed flag. Starts
 * as (0, open). Any process opens it (compare-and-swap on closed with the same epoch); keeper alone closes
 * it, with a higher epoch. */
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
	COUNT_OPS,	  /* operations that entered the backend */
	COUNT_ERRORS,	  /* answered with the infrastructure errno, for whatever reason */
	COUNT_TIMEOUTS,	  /* answered at their deadline by guardian */
	COUNT_FAST_FAILS, /* refused at once because the breaker was open */
	COUNT_PARKED,	  /* waited in their buffers */
	COUNT_LATE,	  /* came back after their deadline */
	COUNT_REOPENED,	  /* handles found again after a reconnect */
	COUNT_POISONED,	  /* handles that could not be */
	COUNT_READ_BYTES,
	COUNT_WRITTEN_BYTES,
	BACKEND_COUNTER_COUNT
};

struct board_statfs {
	_Atomic uint32_t valid; /* 0: never known. Stored last */
	_Atomic uint64_t blocks, bfree, bavail, files, ffree;
	_Atomic uint32_t bsize, frsize, namelen;
};

/* Who noticed that a backend had failed. */
enum detector {
	DETECTOR_NONE,
	DETECTOR_WORKER,    /* an operation came back with a connection error */
	DETECTOR_GUARDIAN,  /* an operation did not come back by its deadline */
	DETECTOR_PROBE,	    /* a probe failed or got no answer */
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
	/* Tasks of the living worker inside. Worker; reset by a new worker. */
	_Atomic uint32_t inflight;
	_Atomic uint32_t parked; /* slots parked for it. Worker */
	/* Tasks inside that change something and are past their deadline. Guardian counts them; the worker
	 * that ends one subtracts it. */
	_Atomic uint32_t late;
	_Atomic uint32_t verdicts; /* probes completed since start. Keeper */
	/* When an operation last came back that storage itself answered (guard_leave). Worker. */
	_Atomic uint64_t last_completion_ns;
	/* CLOCK_MONOTONIC: until then the outage is young and its callers wait (board_is_outage_young).
	 * Stored before the breaker is opened by a process that sees no open incident; by guardian at the
	 * start; by keeper when an operator releases the backend. */
	_Atomic uint64_t young_until_ns;
	/* Something looked wrong: probe soon. Worker and guardian set it, keeper clears it. */
	_Atomic uint32_t suspect;

	/* A listing waits for signs of life. Guardian sets it, keeper clears it. */
	_Atomic uint32_t watched;
	/* While watched: when bytes last arrived for the transport, CLOCK_MONOTONIC. Keeper. */
	_Atomic uint64_t received_ns;
	/* Epoch whose transport was ended for the memory that listings took. Keeper. */
	_Atomic uint32_t gorged_epoch;

	/* Users who are let in no more for a while: it was lost over their operations again and again
	 * (board_refused_word). 0: none. Keeper. */
	_Atomic uint64_t refused[BOARD_REFUSED_MAX];

	/* What is acknowledged and not on storage yet (fs/behind.h). Worker, under its lock for the backend. */
	_Atomic uint64_t owed_bytes;
	_Atomic uint32_t owed_files;

	/* The descriptor of the backend's root, and its epoch: the descriptor is stored first. Worker. */
	_Alignas(CACHE_LINE) _Atomic int32_t root_fd;
	_Atomic uint32_t root_epoch;

	/* Keeper, from here to counters (opened_class: whoever opened the breaker). */
	_Atomic uint32_t opened_class;	       /* enum errclass with which the breaker was last opened */
	_Atomic uint32_t opened_by;	       /* enum detector: who did. As opened_class */
	_Atomic uint64_t failed_before;	       /* operations that had failed by then. As opened_class */
	_Atomic uint32_t state;		       /* enum health_state */
	_Atomic uint32_t errclass;	       /* enum errclass, why it is not healthy */
	_Atomic uint64_t since_real_ns;	       /* CLOCK_REALTIME of the last change of state */
	_Atomic uint32_t attempts;	       /* recovery tries since it was last healthy */
	_Atomic uint64_t next_attempt_real_ns; /* 0: none planned */
	_Atomic int32_t pid;		       /* sshfs, 0: none */
	_Atomic uint64_t pid_start;	       /* its start time (child_state) */
	_Atomic uint32_t pid_epoch;	       /* epoch that this sshfs serves or is to serve */
	_Atomic uint64_t recovered_real_ns;    /* when it last became healthy again, 0: never */
	_Atomic uint64_t lost_real_ns; /* when the outage that lasts began, 0: none (board_set_state) */
	_Atomic uint32_t outages, recoveries, tries; /* since the arena was made, by the changes of state */
	_Atomic uint64_t incident;		     /* number of the open incident, 0: none */
	_Atomic uint64_t held_until_real_ns;	     /* held: until then; 0: until resumed */
	_Atomic uint32_t hold_waits;   /* held: callers wait for their deadline instead of failing at once */
	_Atomic uint32_t server_lacks; /* policy/server.h, as of the last diagnosis; 0: not known */
	_Atomic uint32_t minor;	       /* device minor of its mount while connected (fusectl), 0: unknown */
	char detail[256]; /* last message worth showing (sshfs's stderr, ...); under detail_sequence */
	_Atomic uint32_t detail_sequence; /* odd while detail is written */
	struct board_statfs statfs;

	_Alignas(CACHE_LINE) _Atomic uint64_t counters[BACKEND_COUNTER_COUNT]; /* relaxed adds by anybody */

	/* Callers that got the infrastructure errno since keeper last emptied this: a bit for the hash of
	 * each thread's id (board_hurt). With it, when the first caller got it, and when the first got it
	 * without waiting. Worker, guardian. */
	_Atomic uint64_t hurt[HURT_WORDS];
	_Atomic uint64_t first_error_real_ns, first_fast_real_ns;

	/* How long callers waited, by operation class. Worker adds operations that came back, guardian those
	 * that it answered. */
	struct histogram latency[OP_CLASS_COUNT];
};

/* An incident as `.guardfs/incidents` shows it. Times are CLOCK_REALTIME, 0: not yet. */
#define BOARD_INCIDENTS_MAX 32
struct board_incident {
	uint64_t id, began_ns, recovered_ns, closed_ns;
	uint32_t drill, of_routes;
	uint32_t errclass; /* enum errclass */
	uint32_t callers;
	uint64_t failed;
	char backend[CONFIG_NAME_MAX];
	char detail[128];
};

/* State of each route, parallel to board.map (same index, same generation). Keeper. */
struct board_route {
	_Atomic uint32_t state, errclass, error; /* enum health_state, enum errclass, positive errno */
	_Atomic uint64_t since_real_ns;
};

/* Files in the local tier's directory that belong elsewhere (config/localtier.h), as last counted. Keeper.
 */
struct board_misplaced {
	_Atomic uint32_t misplaced; /* directories that a pattern leads to a backend */
	_Atomic uint32_t shadowed;  /* routes that hide something */
	_Atomic uint64_t looked_ns; /* when, CLOCK_MONOTONIC; 0: not known */
};

/* Last crashes of workers, newest at (n_crashes - 1) % CRASHES_MAX. Guardian. */
#define CRASHES_MAX 32
struct board_crash {
	uint64_t real_ns;
	uint32_t worker_generation;
	int32_t pid;
	char cause[32];	 /* "killed by signal 9", "stopped answering", ... */
	uint32_t opcode; /* of the oldest request in flight, 0: none */
	uint64_t unique;
	char path[256]; /* of that request, as far as known */
};

/* The last open files that could not go on after a reconnect: data written to them may be lost. Number n is
 * at n % SUSPECTS_MAX. Worker. */
#define SUSPECTS_MAX 64
struct board_suspect {
	uint64_t real_ns;
	/* Range of acknowledged bytes that were not synced; to 0: all were synced. */
	uint64_t from, to;
	uint32_t backend;
	uint32_t written; /* 1: it was open for writing */
	/* Path below the mount, its end if it is too long, "" if unknown. */
	char path[512];
};

/* Figures outlive the processes that wrote them. KEEPER: guardian is dead, worker may go on. ALL: guardfs
 * ends as asked. */
enum board_ended { BOARD_ENDED_NOT, BOARD_ENDED_KEEPER, BOARD_ENDED_ALL };

/* What all users of the mount draw on. */
enum share_kind {
	SHARE_OPEN_FILES, /* open files and directories, of which each may need two descriptors */
	SHARE_NODES,	  /* names that the kernel knows of */
	SHARE_KEPT, /* of those, the ones of which a descriptor must be kept: nothing else leads to them */
	SHARE_LISTING_KIB, /* memory for listings of open directories */
	SHARE_WAITING, /* requests that wait in their buffers: for a backend to come back, or for room there
			*/
	SHARE_KIND_COUNT
};

const char *share_kind_name(enum share_kind kind);

/* Worker, which counts again when it starts. `refused` and its details: since the arena was made. */
struct board_share {
	_Atomic uint64_t used, capacity;
	_Atomic uint64_t refused;	  /* how often somebody got no more */
	_Atomic uint64_t refused_real_ns; /* when last, 0: never; and who */
	_Atomic uint32_t refused_uid;
};

enum process { PROCESS_GUARDIAN, PROCESS_WORKER, PROCESS_KEEPER, PROCESS_COUNT };

/* Commands from guardian's signal handlers to keeper and worker. A process compares each value with the last
 * it saw. */
struct board_requests {
	_Atomic uint32_t reload; /* SIGHUP: keeper reads the manifest again. Guardian */
	/* Worker must stop reading requests, and exit when all are done or parked. Guardian. */
	_Atomic uint32_t quiesce;
};

/* Descriptor numbers in the table that guardian and worker share. */
struct board_fds {
	int32_t dev;	       /* /dev/fuse */
	int32_t keeper_socket; /* worker's end: struct keeper_message arrives here */
	int32_t nudge;	       /* eventfd: wakes keeper */
	int32_t local;	       /* the local tier's directory */
};

struct board {
	_Atomic int32_t pid[PROCESS_COUNT]; /* guardian */
	/* Pid of a process whose end is planned: neither a crash nor a restart. Stored before by guardian
	 * (its own end, a re-execution) or keeper (a drill). */
	_Atomic int32_t planned_end[PROCESS_COUNT];
	_Atomic uint64_t heartbeat_ns; /* CLOCK_MONOTONIC, worker */
	_Atomic int32_t heartbeat_tid; /* the thread that sets it, 0: none yet. Worker; cleared by guardian */
	/* CLOCK_MONOTONIC. Keeper, each time round its loop (a second at most); guardian, when it starts a
	 * keeper. */
	_Atomic uint64_t keeper_heartbeat_ns;
	_Atomic uint32_t worker_generation; /* guardian, raised at each start of a worker */
	_Atomic uint32_t left_generation; /* of the last worker that ended because it was asked to. Worker */
	_Atomic uint32_t worker_restarts; /* guardian: starts after an end that was not planned */
	_Atomic uint32_t keeper_restarts; /* guardian: the same */
	_Atomic uint32_t serving;	  /* 1: a worker reads requests. Worker sets, guardian clears */
	/* killed but not yet reaped: some task of theirs is still inside. Guardian */
	_Atomic uint32_t dead_workers;
	_Atomic uint32_t reaped_workers;  /* guardian: worker sweeps unrecorded descriptors when it changes */
	_Atomic uint64_t started_real_ns; /* guardian */
	_Atomic uint32_t crashes_total;	  /* guardian */
	struct board_crash crashes[CRASHES_MAX];
	/* worker's fatal-signal handler: index + 1 of the slot it was running; 0: unknown */
	_Atomic uint32_t crash_slot;
	struct board_requests requests;
	struct board_fds fds; /* guardian, before a worker starts */
	uint32_t mount_minor; /* st_dev minor of our own mount. Guardian, before any process starts */
	/* The mountpoint as the mount table has it, without symlinks. Guardian, as above. */
	char mounted_at[CONFIG_PATH_MAX];
	int32_t kernel_passthrough; /* negotiated: 1, 0. Worker, at INIT */

	/* 1 once the first tier map stands. A worker serves nothing before: paths of a guarded tier would go
	 * to the local one. Keeper. */
	_Atomic uint32_t map_loaded;
	/* 1: the files in run_dir and the control socket exist. Keeper sets it, guardian clears it before it
	 * starts a keeper. */
	_Atomic uint32_t shown;

	/* Since when nothing of ours is mounted at the mountpoint while the session goes on (open files,
	 * other mounts). 0: mounted. Keeper. */
	_Atomic uint64_t unmounted_real_ns;

	/* enum board_ended: the end that keeper's last look reports. Keeper, which clears it at its start.
	 */
	_Atomic uint32_t ended;

	/* RLIMIT_NOFILE's soft limit as guardian found it: keeper and its children have it. */
	_Atomic uint64_t open_files_before;
	struct board_share shares[SHARE_KIND_COUNT];

	struct config config; /* guardian, before any process starts */
	struct board_backend backends[CONFIG_BACKENDS_MAX];

	/* The tier map. Writers hold map_lock (a pid, see board_map_lock); readers copy under map_generation
	 * (even = stable). */
	_Atomic uint32_t map_generation;
	_Atomic int32_t map_lock;
	struct tiermap map;
	struct board_route routes[TIERMAP_ROUTES_MAX];
	/* The whole map that a change leads to, stored before map is touched. With intended_generation equal
	 * to an odd map_generation it is complete; the next writer goes on from it if this one died.
	 * Writers. */
	struct tiermap intended;
	_Atomic uint32_t intended_generation;
	/* keeper: 1 the manifest was read; 0 the last good map stays; 2 none configured */
	_Atomic uint32_t manifest_ok;
	char manifest_error[CONFIG_ERROR_MAX]; /* keeper, under map_generation */

	/* Keeper, from here on. The newest incident is at (n_incidents - 1) % BOARD_INCIDENTS_MAX. */
	_Atomic uint32_t incidents_sequence; /* odd while one is written */
	_Atomic uint32_t n_incidents;
	struct board_incident incidents[BOARD_INCIDENTS_MAX];
	_Atomic uint64_t last_incident; /* highest number given so far */
	_Atomic uint32_t note_sequence; /* odd while journal is written */
	char journal[256];		/* state of the journal, and what is worth telling about it */
	struct board_statfs local;	/* of the local tier: files, and how full its file system is */
	struct board_misplaced misplaced;

	_Atomic uint32_t suspects_total; /* worker */
	struct board_suspect suspects[SUSPECTS_MAX];
};

/* Opens the breaker of backend index if it is closed with this epoch. Returns true if this call opened it.
 * Any process. */
bool board_trip_breaker(struct board *board, unsigned index, uint32_t epoch, enum errclass why,
			enum detector by);

/* Makes an outage of backend index young for [recovery] patience from now on. For an outage that is no part
 * of an open incident board_trip_breaker does so. Guardian, keeper. */
void board_be_patient(struct board *board, unsigned index);

/* While the breaker is open: is the outage young at now_ns (CLOCK_MONOTONIC), and of a kind that may be over
 * in a moment? Then callers wait for its end. Any process. */
bool board_is_outage_young(const struct board_backend *backend, uint64_t now_ns);

/* While the breaker is open: do callers wait for it to close? Yes while the outage is young, or an
 * operator's hold says so. Writes to open files wait in any case, unless the backend is held. Any process.
 */
bool board_callers_wait(const struct board_backend *backend, uint64_t now_ns);

/* A word of board_backend.refused: a user, and until when (CLOCK_MONOTONIC, to the second). */
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

/* Is this user let in no more, at now_ns? Any process. */
static inline bool board_refuses(const struct board_backend *backend, uint32_t uid, uint64_t now_ns)
{
	for (size_t i = 0; i < BOARD_REFUSED_MAX; i++) {
		uint64_t word = atomic_load_explicit(&backend->refused[i], memory_order_relaxed);

		if (word && board_refused_uid(word) == uid && now_ns < board_refused_until_ns(word))
			return true;
	}
	return false;
}

/* Notes a caller (its thread's id) that got the infrastructure errno; fast: without waiting. Worker,
 * guardian. */
void board_hurt(struct board_backend *backend, uint32_t pid, bool fast);

/* About how many callers that were (linear counting), and the emptying of it. Keeper. */
uint32_t board_hurt_count(const struct board_backend *backend);
void board_hurt_clear(struct board_backend *backend);

/* Notes one; the caller sees to it that there is one caller at a time. */
void board_put_suspect(struct board *board, const struct board_suspect *suspect);

/* Copies suspect number n, from 0 on. False: it is not there yet, or not any more. */
bool board_get_suspect(const struct board *board, uint32_t n, struct board_suspect *copy);

/* Adds an incident, or changes the one with its id. Keeper. */
void board_put_incident(struct board *board, const struct board_incident *incident);

/* Copies the n-th incident from the newest (0). False: there is none, or it is being written all the time.
 * Any process. */
bool board_get_incident(const struct board *board, uint32_t n, struct board_incident *incident);

void board_set_journal(struct board *board, const char *text);
void board_get_journal(const struct board *board, char *text, size_t size);

/* Copies the tier map and the route states (any pointer may be NULL) and returns the map's generation. Waits
 * about 10 ms at most for an active writer (the next writer overtakes a dead one): after that the route
 * states may be torn. Any process. */
uint32_t board_copy_map(const struct board *board, struct tiermap *map);

/* Replaces the map. begin locks it and returns the map to change in place; commit moves the route states
 * along with their paths and unlocks. Serialises worker (mkdir makes a route) and keeper (reload); a dead
 * holder is recognised by pid and start time and overtaken. */
struct tiermap *board_map_begin(struct board *board);
void board_map_commit(struct board *board);

void board_set_detail(struct board_backend *backend, const char *text);
void board_get_detail(const struct board_backend *backend, char *text, size_t size);

/* Publishes a backend's state, class and since, and counts: an outage lasts from the loss of a serving
 * backend until it is healthy or degraded again, through whatever states. Taking a backend out of service
 * (an operator) starts no outage. Each change to recovering starts a try. Keeper. */
void board_set_state(struct board_backend *backend, enum health_state state, enum errclass class,
		     uint64_t real_ns);

/* How long the backends may take, at the rate last measured, for what is owed to them (durability = behind). 0: nothing is
 * owed. Any process. */
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

/* A stored value that may come from a damaged arena, forced into its range. */
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
