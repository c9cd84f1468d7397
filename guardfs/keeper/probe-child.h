/* The probe's work, in the child. */
#ifndef GUARDFS_KEEPER_PROBE_CHILD_H
#define GUARDFS_KEEPER_PROBE_CHILD_H

#include "keeper/probe.h"
#include "sftp/ring.h"
#include <sys/statvfs.h>

struct probe_run;

/* One entry of a listing: its type is DT_*. False: enough. */
typedef bool (*probe_entry_fn)(void *arg, const char *name, unsigned type);

/* How the storage is asked. Paths are relative to the root, "": the root itself; in a directory nothing on the way
 * is followed out of it, but SFTP's server follows every link. No cache may answer, where there is a choice. Each
 * returns 0 or a positive errno; all may hang. */
struct probe_storage {
	/* Makes what the others need. False: probe_fail was called. */
	bool (*open_root)(struct probe_run *run);
	/* Fills in run->found. False: probe_fail was called. */
	bool (*look_at_root)(struct probe_run *run);
	/* Type of an object that is no link: S_IFMT of it. */
	int (*look)(const struct probe_run *run, const char *path, unsigned *type);
	/* Is a route's target still there, past every cache? */
	int (*look_twice)(const struct probe_run *run, const char *path);
	int (*list)(const struct probe_run *run, const char *path, probe_entry_fn emit, void *arg);
	int (*figures)(const struct probe_run *run, struct statvfs *figures);
	/* The beginning of a small file of the root; its length, or a negative errno. */
	ssize_t (*read_file)(const struct probe_run *run, const char *name, void *bytes, size_t size);
	/* A new one, synced. */
	int (*write_file)(const struct probe_run *run, const char *name, const void *bytes, size_t n,
			  unsigned mode);
	int (*remove_file)(const struct probe_run *run, const char *name);
};

extern const struct probe_storage probe_directory, probe_sftp;

struct probe_run {
	const struct probe_job *job;
	const struct config *config;
	const struct config_backend *backend;
	int sock;
	const struct probe_storage *storage;
	/* To be handed over: an O_PATH descriptor, or the ring's socket. */
	int root;
	/* sftp. */
	struct ring_user ring;
	struct probe_root found;
	/* errclass NONE: none. */
	struct probe_report failure;
};

/* Does the job, reporting over sock. */
void probe_child(const struct probe_job *job, int sock);

/* Notes the first failure; returns false. class NONE: by the table of errors; fallback if that says a real error. */
bool probe_fail(struct probe_run *run, enum errclass class, int error, enum errclass fallback,
		const char *fmt, ...) PRINTF_LIKE(5, 6);

/* Ends the child when keeper is gone. */
void probe_say(const struct probe_run *run, struct probe_report *report, int passed_fd);

void probe_say_alive(const struct probe_run *run);

/* identity.c. */
bool probe_prove_identity(struct probe_run *run);

/* patterns.c: directories that patterns route here. */
void probe_search_patterns(const struct probe_run *run);

#endif
