/* A diagnosis (diagnose/diagnose.h) in a child: at a loss or on order, one at a time, within the account's
 * budget of connections. */
#ifndef GUARDFS_KEEPER_INQUIRY_H
#define GUARDFS_KEEPER_INQUIRY_H

#include "base/base.h"
#include "diagnose/diagnose.h"
#include <sys/types.h>

#define INQUIRY_TIMEOUT_MS 15000u /* the child is killed 2 s later */
#define INQUIRY_PAUSE_MS   60000u /* between diagnoses of a backend that stays down */

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
	uint32_t wanted;
	/* 0: never. */
	uint64_t last_ns[16];
	/* Waits for the answer, or NULL. */
	struct server_client *client;
};

void inquiry_init(struct keeper *k);

/* The backend is down, and not by an operator's will. */
void inquiry_wanted(const struct supervised *s);

/* Begins now; client (may be NULL) gets the answer. -EBUSY (one is under way), -EDQUOT (no connection left),
 * or -errno. */
errint_t inquiry_begin(struct keeper *k, unsigned backend, struct server_client *client,
		       uint64_t now_ns) WARN_UNUSED;

/* Lets a client wait for that backend's diagnosis. False: none is under way, or another client waits. */
bool inquiry_join(struct keeper *k, unsigned backend, struct server_client *client);

/* Before a transport connects: a diagnosis that leaves it no room in the budget is broken off, and made later. */
void inquiry_yield(struct keeper *k, unsigned backend);

/* s serves, but its probes' trouble is known only as io_error, or by a diagnosis. */
bool inquiry_asks_why(const struct supervised *s);

enum inquiry_news {
	INQUIRY_NOTHING, /* none, or it goes on */
	INQUIRY_DONE,	 /* complete */
	INQUIRY_FAILED,	 /* ended without a diagnosis, or out of time */
};

struct inquiry_result {
	unsigned backend;
	uint64_t took_ms;
	/* Or NULL. */
	struct server_client *client;
	struct diagnosis diagnosis;
};

enum inquiry_news inquiry_receive(struct keeper *k, struct inquiry_result *result, uint64_t now_ns);

/* Begins the next diagnosis. Returns when to call inquiry_receive. */
uint64_t inquiry_next(struct keeper *k, uint64_t now_ns);

void inquiry_forget_client(struct keeper *k, const struct server_client *client);
void inquiry_stop(struct keeper *k);

#endif
