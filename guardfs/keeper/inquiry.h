/* inquiry.h: a diagnosis (diagnose/diagnose.h) in a child: at a loss or on an operator's order, one at a
 * time, within the account's budget of connections. Keeper only. */
#ifndef GUARDFS_KEEPER_INQUIRY_H
#define GUARDFS_KEEPER_INQUIRY_H

#include "base/base.h"
#include "diagnose/diagnose.h"
#include <sys/types.h>

#define INQUIRY_TIMEOUT_MS 15000u /* of the whole diagnosis; the child is killed 2 s later */
#define INQUIRY_PAUSE_MS   60000u /* between two diagnoses of a backend that stays down */

struct keeper;
struct supervised;
struct server_client;

struct inquiry {
	/* 0: none. */
	pid_t pid;
	/* -1: none. */
	int sock;
	unsigned backend;
	uint64_t begun_ns;
	/* A bit for each backend in turn. */
	uint32_t wanted;
	/* By backend; 0: never. */
	uint64_t last_ns[16];
	/* The client waiting for the answer, or NULL. */
	struct server_client *client;
};

void inquiry_init(struct keeper *k);

/* A backend is down, and not by an operator's will. */
void inquiry_wanted(const struct supervised *s);

/* Now, for a client. 0, -EBUSY (one is under way), -EDQUOT (no connection left in the budget), or -errno. */
errint_t inquiry_begin(struct keeper *k, unsigned backend, struct server_client *client,
		       uint64_t now_ns) WARN_UNUSED;

/* Makes a client wait for the diagnosis of that backend under way. False: there is none, or another client
 * waits. */
bool inquiry_join(struct keeper *k, unsigned backend, struct server_client *client);

/* A transport of that backend is about to connect: a diagnosis that leaves it no room in the budget is
 * broken off and has its turn later. */
void inquiry_yield(struct keeper *k, unsigned backend);

/* Backend s serves, but its probes' answers are known only as io_error, or by a diagnosis. */
bool inquiry_asks_why(const struct supervised *s);

enum inquiry_news {
	INQUIRY_NOTHING, /* none under way, or it goes on */
	INQUIRY_DONE,	 /* the result is complete */
	INQUIRY_FAILED,	 /* ended without a diagnosis, or was killed for its time */
};

struct inquiry_result {
	unsigned backend;
	uint64_t took_ms;
	/* The client waiting for the answer; NULL: none. */
	struct server_client *client;
	struct diagnosis diagnosis;
};

/* Takes the answer of the diagnosis under way and ends it. now_ns: CLOCK_MONOTONIC. */
enum inquiry_news inquiry_receive(struct keeper *k, struct inquiry_result *result, uint64_t now_ns);

/* Begins the next diagnosis if none is under way. Returns when to call inquiry_receive at the latest
 * (CLOCK_MONOTONIC, ns). */
uint64_t inquiry_next(struct keeper *k, uint64_t now_ns);

void inquiry_forget_client(struct keeper *k, const struct server_client *client);
void inquiry_stop(struct keeper *k);

#endif
