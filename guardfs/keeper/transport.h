/* Keeper's carrier of a backend: started, watched, adopted from a predecessor, killed. */
#ifndef GUARDFS_KEEPER_TRANSPORT_H
#define GUARDFS_KEEPER_TRANSPORT_H

#include "base/base.h"
#include "base/clock.h"
#include "keeper/fence.h"
#include "policy/errclass.h"
#include "sftp/ring.h"
#include "shm/arena.h"
#include "sshfs-compat/sshfs-compat.h"
#include <sys/types.h>

#define TRANSPORT_TEXT_MAX 2048
#define TRANSPORT_LINE_MAX 256

struct transport_kind;
struct sftp_job;

struct transport {
	const struct config *config;
	const struct config_backend *backend;
	/* NULL: the backend has none. */
	const struct transport_kind *kind;
	/* Real path. */
	const char *run_dir;
	/* Session leader; kept after its death until the next start, 0: none. */
	pid_t pid;
	/* -1: none or dead. */
	int pidfd;
	uint64_t start;
	/* Identifies all that it starts; 0: its session does. On the board, for the next keeper, from before the
	 * start until none of them is left (NULL: nowhere). */
	uint32_t mark;
	_Atomic uint32_t *mark_kept;
	/* Keeps its number from being reused. -1: not held. */
	int mark_fd;
	/* A former guardfs's, killed, not ended yet. */
	struct fence_dying dying;
	/* Of wait(2); -1: unknown. */
	int status;
	int stderr_fd;
	size_t used;
	/* The end of its stderr. */
	char text[TRANSPORT_TEXT_MAX];
	/* command: the line it is saying; how many were logged since, and how many not. */
	char line[TRANSPORT_LINE_MAX];
	size_t line_used;
	uint64_t lines_since_ns;
	uint32_t lines_logged, lines_left_out;
	/* The complaint about dropped options was made. */
	bool warned;
	/* It was ready. */
	bool served;
	/* Callers have used it: its words may be about their files. */
	bool used_by_callers;
	/* In a drill: new ones offer no key. */
	bool no_login;

	/* sshfs. */
	char mountpoint[CONFIG_PATH_MAX + 128];
	char fsname[128];

	/* sftp: the users' end of the ring's socket (-1: none), the ring (ring.ring NULL: none), and what the
	 * process is told and tells (NULL: none, as of an adopted one). */
	int ring_socket;
	struct ring_user ring;
	struct sftp_job *job;
	/* Until then one connection, for a second hung. Kept over starts. */
	uint64_t alone_until_ns;
	/* Until then a password_file changed at refused_ns holds a password that the server has refused. With
	 * ssh_lenient it is one that ssh asks for, and refused_ns 1. Kept over starts. */
	uint64_t refused_ns, refused_until_ns;
};

/* run_dir must outlive the transport. */
void transport_init(struct transport *t, const struct config *config, unsigned backend, const char *run_dir);

/* For people: "sshfs". */
const char *transport_name(const struct transport *t);

/* Starts one for epoch. -errno: message (CONFIG_ERROR_MAX bytes) says why, *class what it is. */
errint_t transport_start(struct transport *t, uint32_t epoch, char *message,
			 enum errclass *class) WARN_UNUSED;

/* A predecessor's process, as the board has it. */
struct transport_heir {
	/* 0: none; what it started may be there, under its mark. */
	pid_t pid;
	uint64_t start;
	uint32_t epoch;
	uint32_t mark;
	/* Guardian has worker's descriptors: among them root_fd, -1: none of that epoch. */
	int guardian_pidfd, root_fd;
};

/* -ESRCH: it is gone, or cannot be reached; the rest of its session can still be killed. */
errint_t transport_adopt(struct transport *t, const struct transport_heir *heir) WARN_UNUSED;

/* A living one goes on as another epoch's carrier, while no worker uses it. Returns its process's epoch then, for
 * a transport_heir. */
uint32_t transport_set_epoch(struct transport *t, uint32_t epoch, uint32_t present);

/* Reads its output. */
void transport_read(struct transport *t);

/* Is there no living process? */
bool transport_dead(const struct transport *t);

/* Nor any other of its session, or of all that a command, or ssh, has started? Reads all of /proc, for the fence,
 * which waits for it. */
bool transport_gone(const struct transport *t);

/* May there be any? */
static inline bool transport_known(const struct transport *t)
{
	return t->pid > 0 || t->mark != 0;
}

void transport_reaped(struct transport *t, pid_t pid, int status);

/* Its own words on a failure; ERRCLASS_NONE: none that tell. detail for people. */
enum errclass transport_explain(struct transport *t, char *detail, size_t size);

/* Why it died or failed: class by its words, else its exit; detail for people. */
enum errclass transport_diagnose(struct transport *t, char *detail, size_t size);

/* A program that mounts: is the mount there? sftp: does it serve? */
bool transport_ready(const struct transport *t);

/* sftp: of struct diagnosis: what a login told, and what the next is told. */
void transport_note_refused(struct transport *t, uint64_t changed_ns);
uint64_t transport_refused_ns(const struct transport *t);

/* SSH connections that it has, or makes. */
unsigned transport_connections(const struct transport *t);
/* The same of one to be started. SFTP's second leaves room for a diagnosis. */
static inline unsigned transport_connections_wanted(const struct transport *t)
{
	return t->backend->type == BACKEND_SFTP && t->config->connections > 2 &&
		       clock_mono_ns() >= t->alone_until_ns
		   ? 2
		   : 1;
}

/* sftp, once ready: as board_backend.server_lacks. */
uint32_t transport_server_lacks(const struct transport *t);

/* sftp: notes that it is ready, and logs if one connection serves where two were wanted. All its output was read:
 * ssh's words on the login are forgotten. */
void transport_serves(struct transport *t);

/* sftp: gives back what dead probes had in its ring. */
void transport_inherit(struct transport *t);

/* 0: unknown (no TCP socket, as with some ProxyCommands). Reads all of /proc. */
uint64_t transport_received(const struct transport *t);

/* Bytes that it has for itself (a command, or ssh, with all that it started), and may have. 0: unknown. */
uint64_t transport_memory(const struct transport *t);
static inline uint64_t transport_memory_max(const struct transport *t)
{
	return (uint64_t)t->backend->max_memory_mib << 20;
}

/* Beyond max_memory. */
#define TRANSPORT_MEMORY_MORE (256ull << 20)

/* Has the kernel refuse a program that mounts what goes well beyond max_memory, whether keeper sees it in time or
 * not. Stacks of threads count, pages of programs do not. Only after it has mounted: before, the process may still
 * be keeper's image. (A transport of SFTP bounds itself.) */
void transport_bound_memory(const struct transport *t);

/* Kills it with its session, or with all that a command, or ssh, started, resetting their connections. Does not
 * wait. */
void transport_kill(struct transport *t);

/* Kills those of this backend that a former guardfs left and nobody knows of, but for this one, and detaches their
 * mounts if they are here. */
void transport_clear(struct transport *t);

/* Are they gone? */
static inline bool transport_is_clear(struct transport *t)
{
	return !fence_is_dying(&t->dying);
}

/* Reads all of /proc. */
void transport_each(const struct transport *t, void (*visit)(pid_t pid, void *arg), void *arg);

/* Only signals its session, or all that a command started: drills. Returns 0 if nobody got it. */
unsigned transport_signal(const struct transport *t, int signal);

/* A program that mounts: detaches all mounts of this backend, a predecessor's too, and removes the directories. */
void transport_detach(const struct transport *t);

/* It is gone. sftp: ends its ring, and lets all waiters go. */
void transport_end(struct transport *t);

void transport_forget(struct transport *t);

/* ---- the kinds: transport_sshfs.c, transport_command.c, transport_sftp.c ---- */

#define TRANSPORT_KEEP_MAX 6
/* The pipe of standard error in the child; what prepare keeps comes next. */
#define TRANSPORT_STDERR 3

struct transport_kind {
	const char *name;
	/* Any program: its processes are marked, and their output always has a reader. */
	bool any_program;
	/* Complaints about the configuration, before the first child. */
	errint_t (*check)(struct transport *t, char *message);
	/* Before the fork: what the child needs. keep: descriptors for it, closed here afterwards; *n counts them.
	 * message as in transport_start. */
	errint_t (*prepare)(struct transport *t, uint32_t epoch, int *keep, size_t *n);
	/* In the child, leader of its session, with token and pipes in place: never returns. */
	void (*exec)(const struct transport *t);
	/* Of a living process with these figures. */
	errint_t (*adopt)(struct transport *t, const struct transport_heir *heir);
	/* NULL: its process keeps its epoch. */
	void (*set_epoch)(struct transport *t, uint32_t epoch);
	/* NULL, or: it said that. */
	void (*hear)(struct transport *t, const char *words, size_t n);
	bool (*ready)(const struct transport *t);
	enum errclass (*explain)(struct transport *t, char *detail, size_t size);
	void (*end)(struct transport *t);
	void (*forget)(struct transport *t);
	/* As transport_clear. Returns how many it has killed. */
	unsigned (*clear)(struct transport *t, const char *token);
};

/* ---- transport_mounted.c ---- */

errint_t transport_prepare_mountpoint(struct transport *t, uint32_t epoch, int *keep, size_t *n);
errint_t transport_adopt_mount(struct transport *t, const struct transport_heir *heir);
void transport_leave_alone(struct transport *t);
/* program: its file, whose name identifies what was left. */
unsigned transport_clear_mounts(struct transport *t, const char *token, const char *program);

extern const struct transport_kind transport_sshfs, transport_sftp, transport_command;

#endif
