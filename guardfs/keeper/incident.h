/* incident.h: the record of one outage, from its opening to its closing. docs/RECOVERY.md says what each
 * figure means. Keeper only. */
#ifndef GUARDFS_KEEPER_INCIDENT_H
#define GUARDFS_KEEPER_INCIDENT_H

#include "policy/errclass.h"
#include "shm/board.h"

struct supervised;

/* Times are CLOCK_REALTIME in ns, 0: not yet. */
struct incident {
	uint64_t id; /* 0: there has been none */
	bool open, drill, of_routes;
	enum errclass class;
	enum detector by;
	char detail[256];
	uint64_t began_ns, detected_ns, first_error_ns, first_fast_ns, recovered_ns, closed_ns;
	uint64_t callers, failed, bytes_at_risk, tries;
	/* What the backend's counters said when it opened; one that goes on in a new arena, whose counters
	 * begin anew, is below zero here (modulo 2^64). */
	uint64_t failed_before;
};

/* The backend is down: a new number, the figures so far, the journal, the board. */
void incident_open(struct supervised *s, enum errclass class, const char *detail);

/* It has settled. */
void incident_close(struct supervised *s);

/* Something is known better now (class, detail, figures): written again. */
void incident_update(struct supervised *s);

/* After keeper's start: an incident that a predecessor opened goes on; the course closes it when the backend
 * has settled. */
void incident_recall(struct supervised *s);

/* After incident_recall: what the counters said when incident id opened. Ignored if it is not the open one,
 * or the counters are others. */
void incident_recall_counter(struct supervised *s, uint64_t id, uint64_t failed_before);

/* Routes that are down by themselves while their backend serves: an incident of their own. Called when route
 * states may have changed. */
void incident_of_routes(struct supervised *s);

#endif
