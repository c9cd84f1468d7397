/* guardian.h: the process that must not fail: holds /dev/fuse, answers at deadlines, restarts the others. One
 * thread; allocates nothing after start; never opens, stats or closes anything on a backend; takes no lock
 * that another process takes. */
#ifndef GUARDFS_GUARDIAN_GUARDIAN_H
#define GUARDFS_GUARDIAN_GUARDIAN_H

#include "base/base.h"
#include "base/child.h"
#include "shm/arena.h"
#include <poll.h>
#include <sys/types.h>

/* Fixed descriptor numbers, below FD_RESERVED: they are the same in worker (one table) and after a
 * re-execution. */
enum guardian_fd {
	GUARDIAN_DEV = 3,
	GUARDIAN_ARENA,
	GUARDIAN_WORKER_SOCKET, /* worker's end of the socket from keeper */
	GUARDIAN_KEEPER_SOCKET, /* keeper's end */
	GUARDIAN_NUDGE,
	GUARDIAN_NAMESPACE,
	GUARDIAN_SIGNALS,
	GUARDIAN_LOCK,
	GUARDIAN_WORKER_PID,
	GUARDIAN_KEEPER_PID,
	GUARDIAN_LOCAL, /* the local tier's directory: every worker uses this one, whatever its name leads to
			 */
	GUARDIAN_READY, /* pipe to the process that waits for us to serve; -1 after that */
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
	char **argv;		    /* for re-execution */
	char exe[4096];		    /* path of this program */
	uint64_t open_files_before; /* setup_open_files */
	bool mounted;		    /* the mount is ours to remove */
	bool has_namespace;
	bool locked; /* we hold the lock of the runtime directory, and made what is in there */

	/* processes.c */
	pid_t worker, keeper;
	uint64_t worker_started_ns, keeper_started_ns;
	uint64_t worker_start_at_ns, keeper_start_at_ns; /* 0: nothing to start */
	uint32_t worker_quick_deaths, keeper_quick_deaths;
	pid_t dead[DEAD_WORKERS_MAX]; /* killed, not yet reaped: some thread of theirs is in D state */
	uint32_t n_dead;
	pid_t dead_keeper;	   /* the same of a keeper; 0: none */
	uint64_t keeper_killed_ns; /* the keeper that runs has been sent SIGKILL; 0: it has not */
	uint64_t last_tick_ns;
	bool unmounted;	    /* the kernel has ended the session */
	bool withdrawn;	    /* mount.c: what is exposed was taken away, for the mount was */
	uint64_t served_ns; /* when a worker was last seen serving */
	bool standing_in;   /* stand_in.c: requests are answered here, for want of a worker */

	/* announce.c: whoever started us is told once that we serve. */
	bool announced, tell_starter;
	uint64_t announce_by_ns, tell_by_ns; /* then at the latest */
};

/* Starts everything over config (checked; mountpoint free) or resumes what is there, and runs until the end.
 * ready_fd: a pipe, or -1; when guardfs serves and shows it (board.h), what the caller should be told of
 * backends that do not answer yet is written there, and ANNOUNCE_SERVING after it. Returns the exit status.
 */
int guardian_main(const struct config *config, char **argv, int ready_fd);

/* The end of what is said to the starting process: guardfs serves. One byte, which no text has. */
#define ANNOUNCE_SERVING "\x04"

/* Where no supervisor is: runs guardian_main in a child, and a guardian that is killed once it has served is
 * replaced by executing `again` from the path of this program, which goes on with the session of the living
 * worker; capped. argv, ready_fd: guardian's. Returns the exit status, in both processes. */
int standby_main(const struct config *config, char **argv, char **again, int ready_fd);

/* The path of this program, where an upgrade puts the next one. Empty: not known. */
void guardian_find_exe(char *exe, size_t size);

/* Continues after a re-execution: descriptors and arena are in place. Returns the exit status. */
int guardian_resume_main(char **argv);

/* setup.c: descriptors, directories, lock, namespace. Each says what is wrong. 0 or -errno. */
/* Raises the number of descriptors that guardian and worker may have, as far as the kernel lets us. Returns
 * the soft limit from before: children are to have that, for some of them close, or wait for, all that they
 * may have. */
uint64_t setup_open_files(void);
void setup_open_files_again(uint64_t before); /* in such a child */
errint_t setup_descriptors(int ready_fd) WARN_UNUSED;
errint_t setup_place(int fd, enum guardian_fd place) WARN_UNUSED; /* moves fd to its fixed number */
void setup_vacate(enum guardian_fd place);			  /* closes it; the number stays held */
errint_t setup_directories(const struct config *config) WARN_UNUSED;
errint_t setup_local(const struct config *config) WARN_UNUSED;
/* The lock of run_dir, held by guardian and worker as long as either lives. -EBUSY if somebody holds it after
 * wait_ms. */
errint_t setup_lock(const struct config *config, unsigned wait_ms) WARN_UNUSED;
errint_t setup_channels(void) WARN_UNUSED;
errint_t setup_signals(void) WARN_UNUSED;
void setup_namespace(void);
/* In the background: standard error becomes RUN_DIR/log, for everything after the start. */
void setup_log_file(const struct config *config);
void setup_board(struct guardian *g);

/* mount.c */
errint_t mount_check_device(void) WARN_UNUSED; /* is there a /dev/fuse? */
errint_t mount_check(const struct config *config) WARN_UNUSED;
errint_t mount_begin(struct guardian *g) WARN_UNUSED; /* mount(2), INIT saved in the arena */
/* mount -o remount: gives what is mounted already the configuration's read_only, allow_suid, allow_dev and
 * no_exec; all else stays. Called without a guardian. Says what is wrong. */
errint_t mount_remount(const struct config *config) WARN_UNUSED;
void mount_finish(struct guardian *g); /* once serving: read-ahead, exposed binds */
/* What is exposed is there as long as the mount is in its place: an exposed bind alone would keep a session
 * going whose mount somebody has taken away by umount(8). */
void mount_follow(struct guardian *g);
/* Detaches binds and mount, as far as they are ours, and keeps the place closed where that is configured. */
void mount_end(struct guardian *g);

/* watch.c: answers what is past its deadline. Returns the CLOCK_MONOTONIC time of the next deadline, or
 * UINT64_MAX. */
uint64_t watch_deadlines(struct guardian *g, uint64_t now_ns);
/* Polls one descriptor for at most timeout_ms without letting a deadline pass. True: it is ready. */
bool watch_while(struct guardian *g, struct pollfd *p, unsigned timeout_ms);
/* No task of a dead worker is left inside a backend. */
void watch_release_orphans(struct guardian *g);
/* Parked slots that a guardian was about to answer when it was killed. On resume, before a worker starts. */
void watch_settle(struct guardian *g);

/* processes.c */
errint_t processes_start_worker(struct guardian *g) WARN_UNUSED;
errint_t processes_start_keeper(struct guardian *g) WARN_UNUSED;
errint_t processes_wait_serving(struct guardian *g, unsigned timeout_ms) WARN_UNUSED;
void processes_tick(struct guardian *g, uint64_t now_ns);
void processes_stop(struct guardian *g, bool stop_keeper);
errint_t processes_quiesce(struct guardian *g) WARN_UNUSED;

/* announce.c. begin: once serving. step: often. now: without waiting for anything more. */
void announce_begin(struct guardian *g, bool tell_starter);
void announce_step(struct guardian *g, uint64_t now_ns);
void announce_now(struct guardian *g);

/* stand_in.c: between two tries to start a worker, when none has served for a while: answers with an error
 * what waits on the device. Takes no longer than some ms. */
void stand_in(struct guardian *g, uint64_t now_ns);

/* handover.c */
void handover_reexecute(struct guardian *g); /* returns only if it was refused, with everything as before */
void handover_recall_dead(
    struct guardian *g); /* after a re-execution: the killed workers still to be reaped */
/* Takes what systemd's fd store has given, before anything else has one of the fixed numbers. */
void handover_collect(void);
void handover_store(void);		       /* descriptors to systemd's fd store */
void handover_forget(void);		       /* takes them back */
void handover_ready(const struct guardian *g); /* READY=1 to systemd */
/* Looks for a session to go on with: systemd's fd store, or (locked: somebody holds the lock) a worker that
 * outlived its guardian. 0: arena and device are in place, g->arena set; -ENOENT: none; other -errno: there
 * is one, but it cannot be resumed, or it is served (said why). */
errint_t handover_find(struct guardian *g, const struct config *config, bool locked) WARN_UNUSED;
void handover_print_layout(void); /* guardfs --arena-layout */

#endif
