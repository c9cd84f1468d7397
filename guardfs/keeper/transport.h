/* transport.h: keeper's sshfs: started, watched, adopted from a predecessor, killed. */
#ifndef GUARDFS_KEEPER_TRANSPORT_H
#define GUARDFS_KEEPER_TRANSPORT_H

#include "base/base.h"
#include "policy/errclass.h"
#include "shm/arena.h"
#include "sshfs-compat/sshfs-compat.h"
#include <sys/types.h>

#define TRANSPORT_TEXT_MAX 2048

/* Of each backend's sshfs, found by the first child that starts it; shared with the children. */
struct transport_features {
	_Atomic uint32_t known;
	struct sshfs_features features;
};

struct transport {
	const struct config *config;
	const struct config_backend *backend;
	/* Real path. */
	const char *run_dir;
	struct transport_features *features;
	/* Session leader; kept after its death until the next start, 0: none. */
	pid_t pid;
	/* -1: none or dead. */
	int pidfd;
	uint64_t start;
	/* Of wait(2); -1: unknown. */
	int status;
	int stderr_fd;
	size_t used;
	/* The end of its stderr. */
	char text[TRANSPORT_TEXT_MAX];
	/* The complaint about dropped options was made. */
	bool warned;
	/* In a drill: new ones offer no key. */
	bool no_login;
	char mountpoint[CONFIG_PATH_MAX + 128];
	char fsname[128];
};

/* features: in shared memory. run_dir must outlive the transport. */
void transport_init(struct transport *t, const struct config *config, unsigned backend, const char *run_dir,
		    struct transport_features *features);

/* Starts sshfs for epoch. -errno: message (CONFIG_ERROR_MAX bytes) says why, *class what it is. */
errint_t transport_start(struct transport *t, uint32_t epoch, char *message,
			 enum errclass *class) WARN_UNUSED;

/* Takes over the predecessor's process. -ESRCH: it is gone; the rest of its session can still be killed. */
errint_t transport_adopt(struct transport *t, pid_t pid, uint64_t start, uint32_t epoch) WARN_UNUSED;

/* Reads sshfs's stderr. */
void transport_read(struct transport *t);

/* Is there no living sshfs? */
bool transport_dead(const struct transport *t);

/* Nor its ssh? Reads all of /proc, for the fence, which waits for it. */
bool transport_gone(const struct transport *t);

void transport_reaped(struct transport *t, pid_t pid, int status);

/* Why it died or failed: class by its messages, else by its exit; detail for people. */
enum errclass transport_diagnose(struct transport *t, char *detail, size_t size);

/* Is its mount in the mount table? */
bool transport_mounted(const struct transport *t);

/* Bytes received; 0: unknown (no TCP socket, as with some ProxyCommands). Looks at every process of the
 * machine. */
uint64_t transport_received(const struct transport *t);

/* Bytes that sshfs has, and may have; 0: unknown. */
uint64_t transport_memory(const struct transport *t);
uint64_t transport_memory_max(const struct transport *t);

/* Has the kernel refuse sshfs memory well beyond that. Thread stacks count, pages of programs do not. Only
 * once mounted: before, the process may still be keeper's image. */
void transport_bound_memory(const struct transport *t);

/* Kills sshfs and ssh, resetting their connections. Does not wait. */
void transport_kill(struct transport *t);

/* Signals sshfs and ssh, for drills. Returns how many got it. */
unsigned transport_signal(const struct transport *t, int signal);

/* Detaches every mount of this backend, a predecessor's too, and removes their directories. */
void transport_detach(const struct transport *t);

/* Closes a dead sshfs's pipes. */
void transport_forget(struct transport *t);

#endif
