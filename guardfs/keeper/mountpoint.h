/* mountpoint.h: is guardfs still mounted where it should be? umount(8) takes a mount from one place in one
 * namespace. The session goes on while anything else keeps the superblock: open files after umount -l, a
 * container, an exposed directory, or keeper's mount namespace where the removal does not propagate to it.
 * Callers of the path find the bare directory meanwhile: so health must not say ok, and guardfs itself
 * must not keep the session going. Keeper only. */
#ifndef GUARDFS_KEEPER_MOUNTPOINT_H
#define GUARDFS_KEEPER_MOUNTPOINT_H

#include "base/base.h"
#include <stdio.h>
#include <sys/types.h>

struct keeper;

struct mountpoint {
	/* Of guardian's namespace; NULL: unreadable. */
	FILE *table;
	/* Changed since last read. */
	bool look;
	/* Looks in a row without the mount. */
	unsigned absences;
	/* Keeper's mounts are not guardian's. */
	bool own_namespace;
	/* The child that sweeps keeper's namespace; 0: none. */
	pid_t sweeper;
};

/* Begins to watch, and sweeps keeper's namespace, which keeper has entered before. */
void mountpoint_start(struct keeper *k);
void mountpoint_stop(struct keeper *k);

/* To be polled for POLLPRI, or -1. changed: poll(2) has reported anything of it. */
int mountpoint_poll_fd(const struct keeper *k);
void mountpoint_changed(struct keeper *k);

/* Looks after a change: board.unmounted_real_ns. Returns when to call again at the latest
 * (CLOCK_MONOTONIC), or UINT64_MAX. */
uint64_t mountpoint_step(struct keeper *k, uint64_t now_ns);

/* A child has ended, this one or another. */
void mountpoint_reaped(struct keeper *k, pid_t pid);

#endif
