/* probe.h: asking a backend something in a child that may hang without harm.
 *
 * The child opens the backend's root by its path, proves what it is, looks at figures and routes, and reports
 * in datagrams as it goes. A child that hangs is killed and left: it sits in D state until the storage lets
 * it go, and until then no second one is started. */
#ifndef GUARDFS_KEEPER_PROBE_H
#define GUARDFS_KEEPER_PROBE_H

#include "base/base.h"
#include "policy/errclass.h"
#include "shm/arena.h"
#include <sys/types.h>

enum probe_task {
	PROBE_HANDOVER = 1 << 0, /* pass the descriptor of the root back */
	PROBE_LIST = 1 << 1,	 /* read some entries of the root */
	PROBE_STATFS = 1 << 2,
	PROBE_ROUTES = 1 << 3,	    /* look at the targets of routes */
	PROBE_PATTERNS = 1 << 4,    /* search the directories that patterns route */
	PROBE_LIST_ROUTES = 1 << 5, /* with PROBE_ROUTES: also read some entries of each target */
	PROBE_CANARY = 1 << 6,	    /* write, read and remove a small file in the root */
};

/* Which directory the root is: enough to notice that another one took its place. */
struct probe_root {
	uint32_t mount_id, major, minor;
	uint32_t fuse; /* served by a user-space process: minor names its connection */
	uint64_t ino;
};

struct probe_job {
	const struct arena *arena;
	unsigned backend;
	unsigned tasks;			  /* enum probe_task; identity is always proven */
	char path[CONFIG_PATH_MAX + 128]; /* of the backend's root */
	char fsname[128];		  /* sshfs: the mount source it was started with */
	bool has_expected;
	struct probe_root expected;	  /* the root that worker uses */
	uint32_t first_route, max_routes; /* PROBE_ROUTES: window over the map, wrapping around */
	uint32_t max_listed;		  /* PROBE_LIST_ROUTES: only so many of them, the first */
};

enum probe_kind {
	PROBE_SAYS_ROOT,   /* identity proven; root (and the descriptor with PROBE_HANDOVER) */
	PROBE_SAYS_STATFS, /* figures */
	PROBE_SAYS_ROUTE,  /* index, generation; error 0 or why the target cannot be used */
	PROBE_SAYS_FOUND,  /* text: path of a directory that a pattern may route */
	PROBE_SAYS_ALIVE,  /* something was answered */
	PROBE_SAYS_DONE,   /* the end: error, errclass, text; NONE if all is well */
};

struct probe_report {
	uint32_t kind;
	uint32_t errclass; /* enum errclass */
	int32_t error;	   /* positive errno */
	uint32_t index, generation;
	struct probe_root root;
	struct {
		uint64_t blocks, bfree, bavail, files, ffree;
		uint32_t bsize, frsize, namelen;
	} statfs;
	char text[CONFIG_PATH_MAX];
};

struct probe {
	pid_t pid; /* 0: reaped */
	int sock;  /* -1: no child; else open until the child is really gone */
	bool abandoned;
	bool finished; /* DONE was heard, or the child is gone */
	unsigned tasks;
	uint64_t begun_ns, heard_ns;
};

void probe_init(struct probe *probe);

/* Starts a probe. -EBUSY while an earlier child still exists. */
errint_t probe_begin(struct probe *probe, const struct probe_job *job, uint64_t now_ns) WARN_UNUSED;

/* Takes the next report if there is one. *passed_fd as fd_receive_message. Returns 1, 0 for none now, or
 * -EPIPE when the child is gone (probe_free then is true). Reports of an abandoned child are swallowed. */
int probe_receive(struct probe *probe, struct probe_report *report, int *passed_fd,
		  uint64_t now_ns) WARN_UNUSED;

/* Kills the child and forgets what it might say. */
void probe_abandon(struct probe *probe);

/* May another probe be started? */
static inline bool probe_free(const struct probe *probe)
{
	return probe->sock < 0;
}

/* A probe whose answer is awaited. */
static inline bool probe_running(const struct probe *probe)
{
	return probe->sock >= 0 && !probe->abandoned && !probe->finished;
}

#endif
