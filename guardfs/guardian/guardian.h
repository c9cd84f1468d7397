/* The process that must not fail. One thread; allocates nothing after the start; takes no lock that others
 * take; never opens, stats or closes anything on a backend. */
#ifndef GUARDFS_GUARDIAN_GUARDIAN_H
#define GUARDFS_GUARDIAN_GUARDIAN_H

#include "base/base.h"
#include "base/child.h"
#include "shm/arena.h"
#include <poll.h>
#include <sys/types.h>

/* Below FD_RESERVED: the same in worker and after re-execution. */
enum guardian_fd {
	GUARDIAN_DEV = 3,
	GUARDIAN_ARENA,
	GUARDIAN_WORKER_SOCKET, /* worker's end of keeper's socket */
	GUARDIAN_KEEPER_SOCKET, /* keeper's end */
	GUARDIAN_NUDGE,
	GUARDIAN_NAMESPACE,
	GUARDIAN_SIGNALS,
	GUARDIAN_LOCK,
	GUARDIAN_WORKER_PID,
	GUARDIAN_KEEPER_PID,
	GUARDIAN_LOCAL, /* the local tier's directory */
	GUARDIAN_READY, /* pipe to the starting process; -1 later */
	GUARDIAN_FD_COUNT
};
_Static_assert(GUARDIAN_FD_COUNT <= FD_RESERVED, "guardian's descriptors must stay below FD_RESERVED");

#define GUARDIAN_EXIT_FAILED 1
#define GUARDIAN_EXIT_CONFIG 2
#define GUARDIAN_EXIT_USAGE  100

#define DEAD_WORKERS_MAX 64

struct guardian {
	struct arena *arena;
	struct board *board;
	/* For re-execution. */
	char **argv;
	char exe[4096];
	/* See setup_open_files. */
	uint64_t open_files_before;
	/* The mount is ours to remove. */
	bool mounted;
	bool has_namespace;
	/* We hold the runtime directory's lock, and made what is in it. */
	bool locked;

	/* processes.c */
	pid_t worker, keeper, holder;
	uint64_t worker_started_ns, keeper_started_ns;
	/* 0: nothing to start. */
	uint64_t worker_start_at_ns, keeper_start_at_ns;
	uint64_t holder_started_ns, holder_start_at_ns;
	uint32_t worker_quick_deaths;
	/* In a row. */
	uint32_t keeper_early_ends;
	/* Killed, not yet reaped: a thread is in D state. */
	pid_t dead[DEAD_WORKERS_MAX];
	uint32_t n_dead;
	/* As `dead`, of a keeper; 0: none. */
	pid_t dead_keeper;
	/* When it got SIGKILL; 0: not. */
	uint64_t keeper_killed_ns;
	uint64_t last_tick_ns;
	/* The kernel ended the session. */
	bool unmounted;
	/* Exposed binds went with the mount. */
	bool withdrawn;
	/* mount.c: read-ahead last set. */
	uint32_t readahead_kib;
	/* Worker last seen serving. */
	uint64_t served_ns;
	/* Without a worker stand_in.c answers requests. */
	bool standing_in;

	/* The starting process is told once that guardfs serves. */
	bool announced, tell_starter;
	/* A new session's backends must be reached; they were not. */
	bool must_connect, unconnected;
	uint64_t announce_by_ns, tell_by_ns;
};

/* Starts over a checked configuration with a free mountpoint, or resumes a session, and runs to the end. ready_fd:
 * pipe or -1; gets a report of silent backends, then ANNOUNCE_SERVING once guardfs serves. Returns the exit
 * status. */
int guardian_main(const struct config *config, char **argv, int ready_fd);

/* Ends the report; no text has this byte. */
#define ANNOUNCE_SERVING "\x04"

/* Without a supervisor: runs guardian_main in a child. If guardian is killed after it served, executes `again`
 * from this program's path, to resume the living worker's session; capped. Returns the exit status, in both
 * processes. */
int standby_main(const struct config *config, char **argv, char **again, int ready_fd);

/* This program's path; "": unknown. */
void guardian_find_exe(char *exe, size_t size);

/* After re-execution, with descriptors and arena in place. As guardian_main. */
int guardian_resume_main(char **argv);

/* setup.c: before there is a mount. Each logs its error. 0 or -errno. */
/* Returns the old soft limit for children, some of which close all that they may have. */
uint64_t setup_open_files(void);
void setup_open_files_again(uint64_t before); /* gives it back, in such a child */
errint_t setup_descriptors(int ready_fd) WARN_UNUSED;
errint_t setup_place(int fd, enum guardian_fd place) WARN_UNUSED; /* moves fd to its number */
void setup_vacate(enum guardian_fd place);			  /* closes it, keeps the number */
errint_t setup_directories(const struct config *config) WARN_UNUSED;
errint_t setup_local(const struct config *config) WARN_UNUSED;
/* Held while guardian or worker lives. -EBUSY: somebody else has it after wait_ms. */
errint_t setup_lock(const struct config *config, unsigned wait_ms) WARN_UNUSED;
errint_t setup_channels(void) WARN_UNUSED;
errint_t setup_signals(void) WARN_UNUSED;
void setup_namespace(void);
/* In the background: standard error goes to RUN_DIR/log. */
void setup_log_file(const struct config *config);
void setup_board(struct guardian *g);
/* In the lock's file, for a keeper of the session before. Once the board is set up. */
void setup_name_session(const struct board *board);

/* mount.c */
errint_t mount_check_device(void) WARN_UNUSED; /* is there /dev/fuse? */
errint_t mount_check(const struct config *config) WARN_UNUSED;
errint_t mount_begin(struct guardian *g) WARN_UNUSED; /* mount(2), INIT into the arena */
/* mount -o remount: the mount gets read_only, allow_suid, allow_dev and no_exec. Logs its error. */
/* Without root, by fusermount3 (mount_user.c). source: for the mount table. The session's descriptor, or -errno
 * after a message. The other, in a child: lazily; 0 or -errno. */
int mount_user_begin(const struct config *config, const char *source) WARN_UNUSED;
errint_t mount_user_end(const char *path) WARN_UNUSED;
errint_t mount_remount(const struct config *config) WARN_UNUSED;
void mount_finish(struct guardian *g); /* once serving: read-ahead, exposed binds */
/* Sets the read-ahead that worker found; takes exposed binds away with the mount (docs/INTERNALS.md, "The
 * end"). */
void mount_follow(struct guardian *g);
/* Detaches binds and mount; closes the place if configured. */
void mount_end(struct guardian *g);

/* watch.c: answers overdue requests. Returns the next deadline (CLOCK_MONOTONIC), or UINT64_MAX. */
uint64_t watch_deadlines(struct guardian *g, uint64_t now_ns);
/* Polls at most timeout_ms, keeping deadlines. True: ready. */
bool watch_while(struct guardian *g, struct pollfd *p, unsigned timeout_ms);
/* No dead worker's task is inside a backend. */
void watch_release_orphans(struct guardian *g);
/* Settles parked slots that a killed guardian was answering. On resume, before a worker starts. */
void watch_settle(struct guardian *g);

/* processes.c */
errint_t processes_start_worker(struct guardian *g) WARN_UNUSED;
errint_t processes_start_keeper(struct guardian *g) WARN_UNUSED;
errint_t processes_wait_serving(struct guardian *g, unsigned timeout_ms) WARN_UNUSED;
void processes_tick(struct guardian *g, uint64_t now_ns);
void processes_stop(struct guardian *g, bool stop_keeper);
errint_t processes_quiesce(struct guardian *g) WARN_UNUSED;

/* holder.c. Starts it if there is none, and before the first worker. Without one guardian goes on. */
void holder_tick(struct guardian *g, uint64_t now_ns);
/* Before re-execution, which leaves a shared table by copying it. */
void holder_end(struct guardian *g);
/* At the end, after worker's: guardian leaves the table, holder closes what is open in it. */
void holder_leave(struct guardian *g);

/* begin: once serving; step: often; now: without waiting. */
void announce_begin(struct guardian *g, bool tell_starter);
void announce_step(struct guardian *g, uint64_t now_ns);
void announce_now(struct guardian *g);

/* stand_in.c: after a while without worker, answers waiting requests with an error. Takes some ms. */
void stand_in(struct guardian *g, uint64_t now_ns);

/* handover.c */
void handover_reexecute(struct guardian *g);   /* returns, unchanged, if refused */
void handover_recall_dead(struct guardian *g); /* killed workers to reap, after re-execution */
/* Takes the descriptors of systemd's fd store, before others get the fixed numbers. */
void handover_collect(void);
void handover_store(void);		       /* descriptors to systemd's fd store */
void handover_forget(void);		       /* takes them back */
void handover_ready(const struct guardian *g); /* READY=1 to systemd */
/* Finds a session to resume: in systemd's fd store, or of a worker that outlived its guardian (locked: the lock is
 * held). 0: arena and device are in place, g->arena is set; -ENOENT: none; other -errno: it cannot be resumed, or
 * is served (logged). */
errint_t handover_find(struct guardian *g, const struct config *config, bool locked) WARN_UNUSED;
void handover_print_layout(void); /* guardfs --arena-layout */

#endif
