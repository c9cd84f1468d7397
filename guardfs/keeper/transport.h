/* transport.h: an sshfs of ours: started, watched, adopted from a predecessor, killed. */
#ifndef GUARDFS_KEEPER_TRANSPORT_H
#define GUARDFS_KEEPER_TRANSPORT_H

#include "base/base.h"
#include "policy/errclass.h"
#include "shm/arena.h"
#include "sshfs-compat/sshfs-compat.h"
#include <sys/types.h>

#define TRANSPORT_TEXT_MAX 2048

/* Features of each backend's sshfs, found out by the first child that starts it; in a page shared with the
 * children. */
struct transport_features {
	_Atomic uint32_t known;
	struct sshfs_features features;
};

struct transport {
	const struct config *config;
	const struct config_backend *backend;
	const char *run_dir; /* real path */
	struct transport_features *features;
	pid_t pid; /* session leader; kept after its death until the next start, 0: none */
	int pidfd; /* -1: none or dead */
	uint64_t start;
	int status; /* as of wait(2), once reaped; -1: not known */
	int stderr_fd;
	size_t used;
	char text[TRANSPORT_TEXT_MAX]; /* the end of what it wrote to stderr */
	bool warned;		       /* about dropped options */
	bool no_login;		       /* a drill: the next ones offer no key to the server */
	char mountpoint[CONFIG_PATH_MAX + 128];
	char fsname[128];
};

/* features: a record in shared memory. run_dir must live as long as the transport. */
void transport_init(struct transport *t, const struct config *config, unsigned backend, const char *run_dir,
		    struct transport_features *features);

/* Starts sshfs for epoch. On failure -errno, message (CONFIG_ERROR_MAX bytes) says why and *class what it is.
 */
errint_t transport_start(struct transport *t, uint32_t epoch, char *message,
			 enum errclass *class) WARN_UNUSED;

/* Takes over the process that a predecessor started for epoch. -ESRCH: it is gone; then it can still be
 * killed (what is left of its session). */
errint_t transport_adopt(struct transport *t, pid_t pid, uint64_t start, uint32_t epoch) WARN_UNUSED;

/* Reads what sshfs wrote. */
void transport_read(struct transport *t);

/* Is there no living sshfs? */
bool transport_dead(const struct transport *t);

/* Is there no living sshfs, and none of its ssh either? Reads all of /proc: for the fence, which waits for
 * it. */
bool transport_gone(const struct transport *t);

/* keeper reaped a child; notes its status if it is this one. */
void transport_reaped(struct transport *t, pid_t pid, int status);

/* Why it died or failed: class by its messages, else by its exit; detail for people. */
enum errclass transport_diagnose(struct transport *t, char *detail, size_t size);

/* Is its mount in the mount table? */
bool transport_mounted(const struct transport *t);

/* Bytes that its connection has received so far; 0: not known (no TCP socket, as through a ProxyCommand over
 * something else). Looks at each process of the machine. */
uint64_t transport_received(const struct transport *t);

/* Bytes that sshfs has in memory, and how many it may have. 0: not known. */
uint64_t transport_memory(const struct transport *t);
uint64_t transport_memory_max(const struct transport *t);

/* Lets the kernel refuse sshfs what goes well beyond that, whether keeper sees it in time or not. Threads'
 * stacks count, pages of programs do not. For an sshfs that has mounted: before, the process may still be
 * keeper's own image. */
void transport_bound_memory(const struct transport *t);

/* Kills sshfs and ssh at once, resetting their connections. Does not wait. */
void transport_kill(struct transport *t);

/* Sends a signal to sshfs and ssh, and nothing else: drills. Returns how many got it. */
unsigned transport_signal(const struct transport *t, int signal);

/* Detaches every mount of this backend, also a predecessor's, and removes the directories beneath. */
void transport_detach(const struct transport *t);

/* Forgets a dead sshfs: closes pipes. */
void transport_forget(struct transport *t);

#endif
