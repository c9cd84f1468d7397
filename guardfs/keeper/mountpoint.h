/* Is guardfs still mounted where it should be? docs/INTERNALS.md, "The end". */
#ifndef GUARDFS_KEEPER_MOUNTPOINT_H
#define GUARDFS_KEEPER_MOUNTPOINT_H

#include "base/base.h"
#include <stdio.h>
#include <sys/types.h>

struct keeper;

struct mountpoint {
	/* Guardian's mount table; NULL: unreadable. */
	FILE *table;
	/* Changed since read. */
	bool look;
	/* Looks in a row without the mount. */
	unsigned absences;
	/* Keeper's mounts are its own. */
	bool own_namespace;
	/* 0: none. */
	pid_t sweeper;
};

/* Also sweeps keeper's namespace, which keeper has entered. */
void mountpoint_start(struct keeper *k);
void mountpoint_stop(struct keeper *k);

/* For POLLPRI, or -1. changed: poll(2) reported it. */
int mountpoint_poll_fd(const struct keeper *k);
void mountpoint_changed(struct keeper *k);

/* Keeps board.unmounted_real_ns. */
uint64_t mountpoint_step(struct keeper *k, uint64_t now_ns);

void mountpoint_reaped(struct keeper *k, pid_t pid);

#endif
