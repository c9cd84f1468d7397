/* internal.h: keeper's own state; the files of this folder only. */
#ifndef GUARDFS_KEEPER_INTERNAL_H
#define GUARDFS_KEEPER_INTERNAL_H

#include "keeper/supervised.h"

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

	uint32_t reloads_seen, map_generation_seen;
	struct manifest_stamp manifest;
	uint64_t routes_hash; /* of the routes file as last written */
	bool routes_loaded;

	bool changed; /* something that outside files show */
	uint64_t next_tick_ns, next_files_ns;
	bool stop, stop_quietly; /* quietly: another keeper goes on with what runs */
};

/* routes.c: the tier map. */
void routes_load(struct keeper *k); /* manifest and routes file to the board */
void routes_tick(struct keeper *k); /* reload if asked for or changed; save what patterns made */
void routes_found(struct keeper *k, unsigned backend,
		  const char *path);   /* a probe found a directory that a pattern routes */
void routes_refresh(struct keeper *k); /* routes of backends that are down show it */
void routes_result(struct keeper *k, const struct probe_report *report, unsigned backend);

/* outside.c: health and status.json in the runtime directory. */
void outside_write(struct keeper *k);
void outside_remove(const struct keeper *k);

#endif
