/* Hears that a server is back before the backoff asks: docs/RECOVERY.md, "The server comes back". While a backend waits for
 * its next try a child of keeper's connects to its server every few seconds, and hangs up when the server greets. */
#ifndef GUARDFS_KEEPER_KNOCK_H
#define GUARDFS_KEEPER_KNOCK_H

#include "base/base.h"
#include "config/config.h"
#include "policy/errclass.h"
#include <sys/types.h>

struct keeper;

struct knock {
	/* 0: none, or reaped. */
	pid_t pid;
	/* -1: no child. */
	int sock;
	/* The failed try after which the last child was begun. */
	uint64_t try_ns;
	/* A greeting has brought a try forward since the backend served. */
	bool called;
};

enum knock_manner {
	KNOCK_NOT,   /* the class says that a server is there, or nothing of it */
	KNOCK_ALERT, /* it may have been there all the while: its greeting is news after a vain knock */
	KNOCK_AWAY,  /* its greeting is news */
};

/* class: of the failed try; it may be of an earlier one, or of a diagnosis. So it is believed once; then (called, as in struct
 * knock) a vain knock has to show that the server is away. Pure. */
enum knock_manner knock_manner_of(enum errclass class, bool called);

/* In the child, for each knock, in ms since the first one: how long until the next, in ms. Pure. */
uint32_t knock_pause_ms(uint64_t since_ms);

/* The child's work: returns when the server has come back (true), or has been there from the beginning. */
bool knock_until_back(const struct config_backend *backend, enum knock_manner manner) WARN_UNUSED;

void knock_init(struct keeper *k);

/* -1: none. */
int knock_poll_fd(const struct keeper *k, unsigned backend);

/* Begins and ends children, and takes what they say to the backends' courses. now_ns: CLOCK_MONOTONIC. */
void knock_step(struct keeper *k, uint64_t now_ns);

void knock_reaped(struct keeper *k, pid_t pid);

/* Kills all children. Does not wait. */
void knock_stop(struct keeper *k);

#endif
