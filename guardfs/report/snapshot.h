/* snapshot.h: one look at the board before rendering, so that all parts of a report agree. Private to
 * report/. */
#ifndef GUARDFS_REPORT_SNAPSHOT_H
#define GUARDFS_REPORT_SNAPSHOT_H

#include "base/base.h"
#include "shm/arena.h"

struct report_condition {
	enum health_state state;
	enum errclass class;
	/* CLOCK_REALTIME; 0: unknown. */
	uint64_t since_ns;
};

struct report_backend {
	const struct board_backend *board;
	const struct config_backend *config;
	struct report_condition now;
	char detail[256];
};

struct report_route {
	/* The worse of its own and its backend's. */
	struct report_condition now;
	/* Callers' positive errno; 0: it serves. */
	int error;
};

enum report_manifest { REPORT_MANIFEST_BAD, REPORT_MANIFEST_OK, REPORT_MANIFEST_NONE };
enum report_process_state { REPORT_PROCESS_RUNNING, REPORT_PROCESS_DEAD, REPORT_PROCESS_MISSING };

struct report_process {
	/* 0: missing. */
	int32_t pid;
	enum report_process_state state;
};

struct report_snapshot {
	const struct board *board;
	uint64_t real_ns, mono_ns;
	uint32_t n_backends;
	struct report_backend backends[CONFIG_BACKENDS_MAX];
	uint32_t n_routes;
	/* Parallel to map.routes. */
	struct report_route routes[TIERMAP_ROUTES_MAX];
	struct tiermap map;
	enum report_manifest manifest;
	char manifest_error[CONFIG_ERROR_MAX];
	struct report_process processes[PROCESS_COUNT];
	/* A worker reads requests. */
	bool serving;
	/* CLOCK_REALTIME since when it is not mounted in its place; 0: mounted. */
	uint64_t unmounted_ns;

	/* For the health line and the head of status.json. */
	enum health_summary summary;
	/* CLASS of the health line. */
	const char *cause;
	uint64_t since_ns;
	/* DETAIL of the health line, not escaped; "": none. */
	char reason[512];
};

/* A malloc'ed snapshot (large; free() it), or NULL. Any process. */
struct report_snapshot *report_snapshot_take(const struct arena *arena) WARN_UNUSED;

/* Fills the verdict from the rest. Pure. */
void report_snapshot_judge(struct report_snapshot *snapshot);

/* ---- words.c ---- */

/* Order of states from good (0) to bad: the greater is shown. */
unsigned report_badness(enum health_state state);

const char *report_process_name(enum process process);
const char *report_process_state_name(enum report_process_state state);

#endif
