/* One look at the board, so that a report's parts agree. Private to report/. */
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
	/* Callers' positive errno; 0: serves. */
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
	/* CLOCK_REALTIME since when it is not mounted; 0: mounted. */
	uint64_t unmounted_ns;

	/* For health line and status.json: */
	enum health_summary summary;
	/* CLASS. */
	const char *cause;
	uint64_t since_ns;
	/* DETAIL, not escaped. */
	char reason[512];
};

/* free() it; NULL: out of memory. */
struct report_snapshot *report_snapshot_take(const struct arena *arena) WARN_UNUSED;

/* Fills the verdict. Pure. */
void report_snapshot_judge(struct report_snapshot *snapshot);

/* ---- words.c ---- */

/* Order of states from good (0) to bad. */
unsigned report_badness(enum health_state state);

const char *report_process_name(enum process process);
const char *report_process_state_name(enum report_process_state state);

#endif
