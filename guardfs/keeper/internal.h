/* internal.h: keeper's own state; the files of this folder only. */
#ifndef GUARDFS_KEEPER_INTERNAL_H
#define GUARDFS_KEEPER_INTERNAL_H

#include "control/server.h"
#include "journal/journal.h"
#include "keeper/commands.h"
#include "keeper/hooks.h"
#include "keeper/inquiry.h"
#include "keeper/misplaced.h"
#include "keeper/mountpoint.h"
#include "keeper/stalls.h"
#include "keeper/supervised.h"
#include "keeper/textfile.h"

struct manifest_stamp {
	uint64_t mtime_ns, size, ino;
	int error; /* of stat, 0: it exists */
};

struct keeper {
	struct arena *arena;
	struct board *board;
	const struct config *config;
	struct keeper_fds fds;
	char run_dir[CONFIG_PATH_MAX]; /* real path, as mountinfo shows it */
	int signal_fd;
	int guardian_pidfd;
	pid_t guardian;
	uint64_t guardian_lost_ns; /* 0: it is there */
	struct transport_features *features;
	unsigned n_backends;
	struct supervised backends[CONFIG_BACKENDS_MAX];
	struct course_limits limits; /* of every backend */

	struct journal *journal;	  /* NULL: memory was short */
	struct journal_recalled recalled; /* valid during take_over */
	struct hooks *hooks;
	struct stalls *stalls;
	struct server *server; /* NULL: it could not listen */
	struct commands commands;
	struct misplaced misplaced;
	struct mountpoint mountpoint;
	struct textfile textfile;
	struct inquiry inquiry; /* one diagnosis at a time, whatever the backend */
	uint32_t crashes_seen;	/* of workers, as far as the journal has them */

	uint32_t reloads_seen, map_generation_seen;
	struct manifest_stamp manifest;	     /* as it was read */
	struct manifest_stamp manifest_seen; /* as it is now, and since when */
	uint64_t manifest_seen_ns;
	uint64_t routes_hash; /* of the routes file as last written */
	bool routes_loaded;

	bool changed; /* something that outside files show */
	uint64_t next_tick_ns, next_files_ns;
	bool superseded;	 /* what lies in run_dir is another guardfs's */
	bool stop, stop_quietly; /* quietly: another keeper goes on with what runs */
};

/* routes.c: the tier map. */
void routes_load(struct keeper *k); /* manifest and routes file to the board */
void routes_tick(struct keeper *k); /* reload if asked for or changed; save what patterns made */
void routes_found(struct keeper *k, unsigned backend,
		  const char *path);   /* a probe found a directory that a pattern routes */
void routes_refresh(struct keeper *k); /* routes of backends that are down show it */
void routes_result(struct keeper *k, const struct probe_report *report, unsigned backend);

/* history.c: what goes into the journal, and its state onto the board. */
void history_start(struct keeper *k);
void history_stop(struct keeper *k);
void history_tick(struct keeper *k); /* crashes, the journal's state */
void history_transition(const struct supervised *s, const struct course_effect *e, const char *detail);
void history_plan(const struct supervised *s);
void history_rung(void *context, const struct rung *rung, enum ladder_outcome outcome, uint64_t ms);
void history_note(const struct supervised *s, const char *kind, const char *name, const char *outcome,
		  uint64_t duration_ms, const char *text); /* s->incident is the one it belongs to */

/* memory.c: what a keeper must know of its predecessors' decisions: caps, backoff, holds. */
void memory_recall(struct supervised *s, uint64_t now_ns);
void memory_store(const struct supervised *s, uint64_t now_ns);

/* acts.c: what reaches beyond guardfs. */
void act_now(struct supervised *s, const struct course_effect *e);
void act_on_suspects(
    struct supervised *s); /* files could not be found again as they were: on_suspect, once an incident */
void act_done(void *arg, const struct hook_result *result); /* of struct keeper */

/* leftovers.c: removes temporary files of keepers that were killed. First of all: this keeper's own would go
 * as well. */
void leftovers_clear(const struct keeper *k);

/* outside.c: health and status.json in the runtime directory. */
void outside_write(struct keeper *k);
/* Keeper's last: what says that guardfs is there goes with it, unless worker goes on without us; the figures
 * stay and say down. */
void outside_end(struct keeper *k);

#endif
