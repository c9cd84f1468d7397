/* snapshot.h: one look at the board, taken before anything is rendered, so that all parts of a report agree.
 * Private to report/. */
#ifndef GUARDFS_REPORT_SNAPSHOT_H
#define GUARDFS_REPORT_SNAPSHOT_H

#include "base/base.h"
#include "shm/arena.h"

struct report_condition {
	enum health_state state;
	enum errclass class;
	uint64_t since_ns; /* CLOCK_REALTIME, 0: not known */
};

struct report_backend {
	const struct board_backend *board;
	const struct config_backend *config;
	struct report_condition now;
	char detail[256];
};

struct report_route {
	struct report_condition now; /* the worse of its own and its backend's */
	int error;		     /* positive errno that callers get, 0 while it serves */
};

enum report_manifest { REPORT_MANIFEST_BAD, REPORT_MANIFEST_OK, REPORT_MANIFEST_NONE };
enum report_process_state { REPORT_PROCESS_RUNNING, REPORT_PROCESS_DEAD, REPORT_PROCESS_MISSING };

struct report_process {
	int32_t pid; /* 0: missing */
	enum report_process_state state;
};

struct report_snapshot {
	const struct board *board;
	uint64_t real_ns, mono_ns;
	uint32_t n_backends;
	struct report_backend backends[CONFIG_BACKENDS_MAX];
	uint32_t n_routes;
	struct report_route routes[TIERMAP_ROUTES_MAX]; /* parallel to map.routes */
	struct tiermap map;
	enum report_manifest manifest;
	char manifest_error[CONFIG_ERROR_MAX];
	struct report_process processes[PROCESS_COUNT];
	bool serving;	       /* a worker reads requests */
	uint64_t unmounted_ns; /* CLOCK_REALTIME since when it is not mounted in its place; 0: it is */

	/* The verdict: health line and head of status.json. */
	enum health_summary summary;
	const char *cause; /* CLASS of the health line */
	uint64_t since_ns;
	char reason[512]; /* DETAIL of the health line, empty: none; not yet escaped */
};

/* Looks at the board. Returns a malloc'ed snapshot (it is large; the caller frees it with free()) or NULL.
 * Any process. */
struct report_snapshot *report_snapshot_take(const struct arena *arena) WARN_UNUSED;

/* Fills the verdict from the rest. Pure. */
void report_snapshot_judge(struct report_snapshot *snapshot);

/* ---- words.c ---- */

/* Order of states from good (0) to bad: the greater of two is shown. */
unsigned report_badness(enum health_state state);

const char *report_process_name(enum process process);
const char *report_process_state_name(enum report_process_state state);

#endif
