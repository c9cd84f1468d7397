/* Keeper's own state, for this folder. */
#ifndef GUARDFS_KEEPER_INTERNAL_H
#define GUARDFS_KEEPER_INTERNAL_H

#include "control/server.h"
#include "journal/journal.h"
#include "keeper/commands.h"
#include "keeper/hooks.h"
#include "keeper/inquiry.h"
#include "keeper/knock.h"
#include "keeper/misplaced.h"
#include "keeper/mountpoint.h"
#include "keeper/network.h"
#include "keeper/settle.h"
#include "keeper/stalls.h"
#include "keeper/supervised.h"
#include "keeper/suspects.h"
#include "keeper/textfile.h"
#include "keeper/writers.h"

struct manifest_stamp {
	uint64_t mtime_ns, size, ino;
	/* 0: the file exists. */
	int error;
};

struct keeper {
	struct arena *arena;
	struct board *board;
	const struct config *config;
	struct keeper_fds fds;
	/* Real path, as mountinfo shows it. */
	char run_dir[CONFIG_PATH_MAX];
	int signal_fd;
	int guardian_pidfd;
	pid_t guardian;
	/* 0: lives. */
	uint64_t guardian_lost_ns;
	unsigned n_backends;
	struct supervised backends[CONFIG_BACKENDS_MAX];
	struct course_limits limits;

	/* NULL: out of memory. */
	struct journal *journal;
	/* During take_over. */
	struct journal_recalled recalled;
	struct hooks *hooks;
	struct stalls *stalls;
	/* NULL: it could not listen. */
	struct server *server;
	struct commands commands;
	struct misplaced misplaced;
	struct suspects suspects;
	struct settle settle;
	struct writers *writers;
	struct mountpoint mountpoint;
	struct network network;
	struct knock knocks[CONFIG_BACKENDS_MAX];
	struct textfile textfile;
	struct inquiry inquiry;
	/* Crashes that the journal has. */
	uint32_t crashes_seen;

	uint32_t reloads_seen, map_generation_seen;
	/* As read. */
	struct manifest_stamp manifest;
	/* The present one, and since when. */
	struct manifest_stamp manifest_seen;
	uint64_t manifest_seen_ns;
	/* As last written. */
	uint64_t routes_hash;
	bool routes_loaded;
	/* Of the first map. */
	uint32_t map_tries;

	/* Outside files must change. */
	bool changed;
	uint64_t next_tick_ns, next_files_ns;
	/* run_dir belongs to another guardfs. */
	bool superseded;
	/* Quietly: another keeper goes on. */
	bool stop, stop_quietly;
};

/* routes.c: the tier map */
/* To the board. Worker waits for the first map (map_loaded), which routes_tick loads if it could not be read here. */
void routes_load(struct keeper *k);
void routes_tick(struct keeper *k); /* reloads if asked or changed; saves pattern-made routes */
/* A probe found a directory that a pattern routes. */
void routes_found(struct keeper *k, unsigned backend, const char *path);
/* Routes show that their backend is down. */
void routes_refresh(struct keeper *k);
void routes_result(struct keeper *k, const struct probe_report *report, unsigned backend);

/* history.c: the journal, and its state on the board */
void history_start(struct keeper *k);
void history_stop(struct keeper *k);
void history_tick(struct keeper *k); /* crashes, the journal's state */
void history_transition(const struct supervised *s, const struct course_effect *e, const char *detail);
void history_plan(const struct supervised *s);
void history_rung(void *context, const struct rung *rung, enum ladder_outcome outcome, uint64_t ms);
void history_note(const struct supervised *s, const char *kind, const char *name, const char *outcome,
		  uint64_t duration_ms, const char *text); /* of incident s->incident */

/* memory.c: predecessors' caps, backoff, holds */
void memory_recall(struct supervised *s, uint64_t now_ns);
void memory_store(const struct supervised *s, uint64_t now_ns);

/* acts.c: what reaches beyond guardfs */
void act_now(struct supervised *s, const struct course_effect *e);
void act_on_suspects(struct supervised *s);		    /* on_suspect, once an incident */
void act_done(void *arg, const struct hook_result *result); /* arg: struct keeper */

/* leftovers.c: killed keepers' temporary files. First of all: this keeper's would go too. */
void leftovers_clear(const struct keeper *k);

/* outside.c: health and status.json in the runtime directory */
void outside_write(struct keeper *k);
/* Last act: removes guardfs's signs unless worker goes on; the figures stay and say down. */
void outside_end(struct keeper *k);

#endif
