/* Asks a backend something in a child that may hang. docs/RECOVERY.md, "A backend serves: probes". */
#ifndef GUARDFS_KEEPER_PROBE_H
#define GUARDFS_KEEPER_PROBE_H

#include "base/base.h"
#include "policy/errclass.h"
#include "shm/arena.h"
#include <sys/types.h>

enum probe_task {
	PROBE_HANDOVER = 1 << 0, /* pass the root's descriptor */
	PROBE_LIST = 1 << 1,	 /* some of the root's entries */
	PROBE_STATFS = 1 << 2,
	PROBE_ROUTES = 1 << 3, /* look at routes' targets */
	PROBE_PATTERNS = 1 << 4,
	PROBE_LIST_ROUTES = 1 << 5, /* with PROBE_ROUTES: some of each target's entries */
	PROBE_CANARY = 1 << 6,
};

/* Enough to notice another directory in its place. */
struct probe_root {
	uint32_t mount_id, major, minor;
	/* 1: served by a user-space process, over the connection named by minor. */
	uint32_t fuse;
	uint64_t ino;
};

struct probe_job {
	const struct arena *arena;
	unsigned backend;
	/* enum probe_task; identity is always proven. */
	unsigned tasks;
	/* Of the backend's root. */
	char path[CONFIG_PATH_MAX + 128];
	/* sshfs: mount source given at its start. */
	char fsname[128];
	/* sftp: the users' end of the transport's ring; else -1. */
	int ring_socket;
	bool has_expected;
	/* Worker's root. */
	struct probe_root expected;
	/* Window over the map, wrapping around. */
	uint32_t first_route, max_routes;
	/* PROBE_LIST_ROUTES: the first so many. */
	uint32_t max_listed;
};

enum probe_kind {
	PROBE_SAYS_ROOT, /* identity proven; root, and the descriptor if asked */
	PROBE_SAYS_STATFS,
	PROBE_SAYS_ROUTE, /* index, generation; error: 0, or why the target is unusable */
	PROBE_SAYS_FOUND, /* text: path of a directory that a pattern may route */
	PROBE_SAYS_ALIVE, /* storage answered something */
	PROBE_SAYS_DONE,  /* the end: error, errclass, text; NONE: all is well */
};

struct probe_report {
	uint32_t kind;
	/* enum errclass. */
	uint32_t errclass;
	/* Positive errno. */
	int32_t error;
	uint32_t index, generation;
	struct probe_root root;
	struct {
		uint64_t blocks, bfree, bavail, files, ffree;
		uint32_t bsize, frsize, namelen;
	} statfs;
	char text[CONFIG_PATH_MAX];
};

struct probe {
	/* 0: reaped. */
	pid_t pid;
	/* -1: no child, not even a dying one. */
	int sock;
	bool abandoned;
	/* DONE was heard, or the child is gone. */
	bool finished;
	unsigned tasks;
	uint64_t begun_ns, heard_ns;
};

void probe_init(struct probe *probe);

/* -EBUSY: an earlier child still exists. */
errint_t probe_begin(struct probe *probe, const struct probe_job *job, uint64_t now_ns) WARN_UNUSED;

/* Takes the next report. *passed_fd as fd_receive_message. 1; 0: none now; -EPIPE: the child is gone. Swallows an
 * abandoned child's reports. */
int probe_receive(struct probe *probe, struct probe_report *report, int *passed_fd,
		  uint64_t now_ns) WARN_UNUSED;

/* Kills it. */
void probe_abandon(struct probe *probe);

static inline bool probe_free(const struct probe *probe)
{
	return probe->sock < 0;
}

static inline bool probe_running(const struct probe *probe)
{
	return probe->sock >= 0 && !probe->abandoned && !probe->finished;
}

#endif
