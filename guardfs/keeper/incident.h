/* The record of one outage. */
#ifndef GUARDFS_KEEPER_INCIDENT_H
#define GUARDFS_KEEPER_INCIDENT_H

#include "policy/errclass.h"
#include "shm/board.h"

struct supervised;

/* Times are CLOCK_REALTIME in ns, 0: not yet. */
struct incident {
	uint64_t id;
	bool open, drill, of_routes;
	enum errclass class;
	enum detector by;
	char detail[256];
	uint64_t began_ns, detected_ns, first_error_ns, first_fast_ns, recovered_ns, closed_ns;
	uint64_t callers, failed, bytes_at_risk, tries;
	/* Counters at the opening; in a new arena, where they restart, negative (modulo 2^64). */
	uint64_t failed_before;
};

/* Gives a number, writes the figures to journal and board. */
void incident_open(struct supervised *s, enum errclass class, const char *detail);

/* The backend has settled. */
void incident_close(struct supervised *s);

/* Class, detail or figures are known better. */
void incident_update(struct supervised *s);

/* A predecessor's open incident goes on. */
void incident_recall(struct supervised *s);

/* After incident_recall: the counters at the opening. Ignored unless that incident is open and the counters are
 * the same. */
void incident_recall_counter(struct supervised *s, uint64_t id, uint64_t failed_before);

/* An incident of routes that are down while their backend serves. Call when route states may have changed. */
void incident_of_routes(struct supervised *s);

#endif
