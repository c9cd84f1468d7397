/* mountpoint.h: is guardfs still mounted where it should be? umount(8) takes a mount away from one place in
 * one namespace. The session goes on as long as anything else keeps the superblock: open files after umount
 * -l, a container, what is exposed, and keeper's own mount namespace where the mount's removal does not
 * propagate to it. Callers of the path meanwhile find the bare directory, so that health must not say ok, and
 * what is guardfs's own must not keep the session going. Keeper only. */
#ifndef GUARDFS_KEEPER_MOUNTPOINT_H
#define GUARDFS_KEEPER_MOUNTPOINT_H

#include "base/base.h"
#include <stdio.h>
#include <sys/types.h>

struct keeper;

struct mountpoint {
	FILE *table;	    /* the mount table of guardian's namespace; NULL: it cannot be read */
	bool look;	    /* it has changed since it was last read */
	unsigned absences;  /* so many looks in a row did not find the mount */
	bool own_namespace; /* keeper's mounts are not guardian's */
	pid_t sweeper;	    /* the child that takes our mounts out of keeper's namespace; 0: none */
};

/* Begins to watch, and sweeps keeper's namespace. After keeper has entered it. */
void mountpoint_start(struct keeper *k);
void mountpoint_stop(struct keeper *k);

/* The descriptor to be polled for POLLPRI, or -1; and what to do when poll(2) has reported anything of it. */
int mountpoint_poll_fd(const struct keeper *k);
void mountpoint_changed(struct keeper *k);

/* Looks if there was a change: board.unmounted_real_ns. Returns when it is to be called again at the latest,
 * CLOCK_MONOTONIC, or UINT64_MAX. */
uint64_t mountpoint_step(struct keeper *k, uint64_t now_ns);

/* A child has ended; it may have been ours. */
void mountpoint_reaped(struct keeper *k, pid_t pid);

#endif
