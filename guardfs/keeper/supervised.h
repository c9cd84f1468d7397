/* Keeper's record of one backend, and its step (docs/RECOVERY.md). */
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

#define PROBATION_MS	 200   /* trouble so soon after closing is the same outage */
#define SHORT_MS	 10000 /* shorter service does not earn immediate retries for ever */
#define IDENTITY_MS	 30000 /* between proofs of identity, whatever the traffic */
#define SUSPECT_PAUSE_MS 200   /* between probes asked for by worker or guardian */
#define ROUTES_LISTED	 8     /* the others are only stat'ed */
#define ROUTES_PER_PROBE 64    /* while serving */

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
	/* Present or last one. */
	struct incident incident;
	struct incident routes_incident;
	struct latency_watch latency;
	struct signs signs;
	struct drill drill;
	struct charge_watch charge;
	char hold_reason[160];
	/* Files that became suspect since the last look. */
	uint32_t suspects_new;
	uint64_t poisoned_seen, made_before_seen,
	    /* As last seen; the incident for which on_suspect ran. */
	    suspect_incident;
	/* Last logged. */
	enum errclass told_class;
	/* Keeper holds the breaker closed. */
	bool serving;
	/* Served, or to be served by the try. */
	uint32_t epoch;

	/* Of backends that have a carrier. */
	struct transport transport;
	/* Its first rung is not entered yet. */
	bool try_begun;
	struct ladder ladder;
	struct rung rungs[RUNG_ID_COUNT];
	struct probe probe;
	struct heard heard;
	bool root_known;
	/* As handed to worker. */
	struct probe_root root;
	/* Traffic replaced the last probe. */
	bool probe_spared;
	/* Start of the next probe's window over the map. */
	uint32_t next_route;

	/* The try keeps the transport: worker lost only the root, with guardian. */
	bool reopens;
	/* -1: handed over. */
	int root_fd;
	bool root_sent;
	/* The worker to which it was sent. */
	uint32_t sent_generation;
	/* Messages that did not fit. */
	bool closed_unsent, verdict_unsent;

	/* By the last diagnosis of this outage, or of probes' trouble; NONE: nothing. */
	enum errclass explained;
	char explained_detail[256];

	/* Of a failed try, for people. */
	enum errclass failure_class;
	char failure_detail[256];

	/* In this fence: waiting was logged; fusectl was used. */
	bool drain_told, abort_done;
	uint64_t fenced_ns;
	uint64_t next_probe_ns, identity_ns;
	/* The epoch in which patterns were searched. */
	uint32_t routes_epoch;
};

static inline bool has_carrier(const struct supervised *s)
{
	return backend_has_carrier(s->config->type);
}

/* Takes the backend over: adopts what runs, recovers what is gone. */
void supervised_init(struct supervised *s, struct keeper *keeper, unsigned index, uint64_t now_ns);

uint64_t supervised_step(struct supervised *s, uint64_t now_ns);

/* status as of waitpid(2). */
void supervised_reaped(struct supervised *s, pid_t pid, int status);

/* For good: opens the breaker, kills the transport. Does not wait. */
void supervised_stop(struct supervised *s);

#endif
