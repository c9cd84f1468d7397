/* supervised.h: keeper's record of one backend, and the step that has each part do what is due. */
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

#define PROBATION_MS	 200   /* trouble so soon after closing counts as the same outage */
#define SHORT_MS	 10000 /* a backend that served shorter is not retried at once for ever */
#define IDENTITY_MS	 30000 /* identity is probed so often, whatever the traffic */
#define SUSPECT_PAUSE_MS 200   /* between two probes asked for by worker or guardian */
#define ROUTES_LISTED	 8     /* of these; the others are only stat'ed */
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
	/* Of the last try. */
	struct plan plan;
	/* Of the present or the last outage. */
	struct incident incident;
	struct incident routes_incident;
	struct latency_watch latency;
	struct signs signs;
	struct drill drill;
	struct charge_watch charge;
	char hold_reason[160];
	/* Files of it that became suspect since the last look. */
	uint32_t suspects_new;
	uint64_t poisoned_seen,
	    /* Counter as last seen; the incident that on_suspect ran for. */
	    suspect_incident;
	/* The last one logged. */
	enum errclass told_class;
	/* Keeper holds the breaker closed, with epoch. */
	bool serving;
	/* Served, or to be served by the try under way. */
	uint32_t epoch;

	/* sshfs only. */
	struct transport transport;
	/* The course has begun a try whose first rung is not entered yet. */
	bool try_begun;
	struct ladder ladder;
	/* By the plan. */
	struct rung rungs[RUNG_ID_COUNT];
	struct probe probe;
	struct heard heard;
	bool root_known;
	/* As handed to worker. */
	struct probe_root root;
	/* Traffic replaced the last due probe. */
	bool probe_spared;
	/* Start of the next probe's window over the map. */
	uint32_t next_route;

	/* The try goes on with the present transport: worker has only lost the root with guardian. */
	bool reopens;
	/* To be handed over; -1: done. */
	int root_fd;
	bool root_sent;
	/* Of the worker it was sent to. */
	uint32_t sent_generation;
	/* Messages to worker that did not fit yet. */
	bool closed_unsent, verdict_unsent;

	/* Result of the last diagnosis of this outage, or of its probes' trouble while it serves; NONE:
	 * nothing found, or no diagnosis. */
	enum errclass explained;
	char explained_detail[256];

	/* Of a failed try, for people. */
	enum errclass failure_class;
	char failure_detail[256];

	/* In this fence: the wait was logged; fusectl was used. */
	bool drain_told, abort_done;
	/* When the fence began. */
	uint64_t fenced_ns;
	uint64_t next_probe_ns, identity_ns;
	/* Patterns were searched in this epoch. */
	uint32_t routes_epoch;
};

/* Takes over backend index from the board: adopts what runs, recovers what is gone. */
void supervised_init(struct supervised *s, struct keeper *keeper, unsigned index, uint64_t now_ns);

/* Does whatever is due. Returns when to call again at the latest. */
uint64_t supervised_step(struct supervised *s, uint64_t now_ns);

/* A child has ended, this backend's or another's; status as of waitpid(2). */
void supervised_reaped(struct supervised *s, pid_t pid, int status);

/* For good: opens the breaker, kills sshfs, detaches mounts. Does not wait. */
void supervised_stop(struct supervised *s);

#endif
