/* supervised.h: one backend's record in keeper, and the step that lets each of its parts do what is due. */
#ifndef GUARDFS_KEEPER_SUPERVISE_H
#define GUARDFS_KEEPER_SUPERVISE_H

#include "keeper/charge.h"
#include "keeper/drill.h"
#include "keeper/incident.h"
#include "keeper/keeper.h"
#include "keeper/ladder.h"
#include "keeper/latency.h"
#include "keeper/probe.h"
#include "keeper/signs.h"
#include "keeper/transport.h"
#include "policy/course.h"
#include "policy/plan.h"

#define PROBATION_MS	 200   /* trouble within this after closing counts as the same outage */
#define SHORT_MS	 10000 /* who served shorter than this is not retried at once for ever */
#define IDENTITY_MS	 30000 /* identity is probed at least this often, whatever the traffic */
#define SUSPECT_PAUSE_MS 200   /* between two probes asked for by worker or guardian */
#define ROUTES_LISTED	 8     /* of them; the others are only asked for */
#define ROUTES_PER_PROBE 64    /* while serving; a recovery looks at all */

struct keeper;

/* The last probe, as heard so far. */
struct heard {
	bool root, done, slow;
	enum errclass class;
	int error;
	char text[256];
};

struct supervised {
	struct keeper *keeper;
	unsigned index;
	const struct config_backend *config;
	struct board_backend *board;
	struct course course;
	struct plan plan;	  /* of the last try */
	struct incident incident; /* of the outage; of the last one when there is none */
	struct incident routes_incident;
	struct latency_watch latency;
	struct signs signs;
	struct drill drill;
	struct charge_watch charge;
	char hold_reason[160];
	uint32_t suspects_seen; /* of the board's, as last looked */
	uint64_t poisoned_seen,
	    suspect_incident;	  /* counter as last looked at; incident that on_suspect ran for */
	enum errclass told_class; /* last one logged */
	bool serving;		  /* we hold the breaker closed, with epoch */
	uint32_t epoch;		  /* served, or to be served by the try under way */

	struct transport transport; /* sshfs only */
	bool try_begun;		    /* the course has begun a try, and its first rung is not entered yet */
	struct ladder ladder;
	struct rung rungs[RUNG_ID_COUNT]; /* as the plan says */
	struct probe probe;
	struct heard heard;
	bool root_known;
	struct probe_root root; /* as handed to worker */
	bool probe_spared;	/* the last one that was due, by traffic */
	uint32_t next_route;	/* where the next probe's window over the map begins */

	bool reopens; /* the try under way, or about to begin, goes on with the transport there is: worker has
			 lost the root with guardian, no more */
	int root_fd;  /* to be handed over; -1: done */
	bool root_sent;
	uint32_t sent_generation;	    /* of the worker it was sent to */
	bool closed_unsent, verdict_unsent; /* messages to worker that did not fit yet */

	/* What the last diagnosis of this outage, or of what probes meet while it serves, found: NONE if
	 * nothing, or if there was none. */
	enum errclass explained;
	char explained_detail[256];

	/* A failed try: what to say about it. */
	enum errclass failure_class;
	char failure_detail[256];

	bool drain_told, abort_done; /* in this fence: that it waits was said, fusectl was used */
	uint64_t fenced_ns;	     /* when the fence began */
	uint64_t next_probe_ns, identity_ns;
	uint32_t routes_epoch; /* patterns were searched in this epoch */
};

/* Takes over backend index from the board: what runs is adopted, what is gone is recovered. */
void supervised_init(struct supervised *s, struct keeper *keeper, unsigned index, uint64_t now_ns);

/* Does whatever is due. Returns when to call again at the latest. */
uint64_t supervised_step(struct supervised *s, uint64_t now_ns);

/* A child of keeper's has ended, this backend's or another's; status as of waitpid(2). */
void supervised_reaped(struct supervised *s, pid_t pid, int status);

/* Ends it for good: breaker opened, sshfs killed, mounts detached. Does not wait. */
void supervised_stop(struct supervised *s);

#endif
