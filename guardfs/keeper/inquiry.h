/* inquiry.h: a diagnosis (diagnose/diagnose.h) in a child: started when a backend goes down or an operator
 * asks, never two at once, never beyond the account's budget of connections. Keeper only. */
#ifndef GUARDFS_KEEPER_INQUIRY_H
#define GUARDFS_KEEPER_INQUIRY_H

#include "base/base.h"
#include "diagnose/diagnose.h"
#include <sys/types.h>

#define INQUIRY_TIMEOUT_MS 15000u /* for the whole diagnosis; the child is killed 2 s later */
#define INQUIRY_PAUSE_MS   60000u /* between two of one backend that stays down */

struct keeper;
struct supervised;
struct server_client;

struct inquiry {
	pid_t pid; /* 0: none */
	int sock;  /* -1: none */
	unsigned backend;
	uint64_t begun_ns;
	uint32_t wanted;	      /* bit per backend that waits for its turn */
	uint64_t last_ns[16];	      /* by backend; 0: never */
	struct server_client *client; /* who waits for the answer, or NULL */
};

void inquiry_init(struct keeper *k);

/* A backend is down, and not by an operator's will. */
void inquiry_wanted(const struct supervised *s);

/* Now, for a client. 0, -EBUSY (one is under way), -EDQUOT (no connection is left in the budget), or -errno.
 */
errint_t inquiry_begin(struct keeper *k, unsigned backend, struct server_client *client,
		       uint64_t now_ns) WARN_UNUSED;

/* Lets a client wait for the diagnosis of that backend that is under way. False: there is none, or somebody
 * waits already. */
bool inquiry_join(struct keeper *k, unsigned backend, struct server_client *client);

/* A transport of that backend is about to connect: a diagnosis that leaves no room for it in the account's
 * budget is broken off, and has its turn later. */
void inquiry_yield(struct keeper *k, unsigned backend);

/* Backend s serves, but the answers that its probes got have no better name than io_error, or were named by a
 * diagnosis. */
bool inquiry_asks_why(const struct supervised *s);

enum inquiry_news {
	INQUIRY_NOTHING, /* none is under way, or it goes on */
	INQUIRY_DONE,	 /* all of the result is there */
	INQUIRY_FAILED,	 /* it ended without a diagnosis, or was killed for its time */
};

struct inquiry_result {
	unsigned backend;
	uint64_t took_ms;
	struct server_client *client; /* waits for the answer; NULL: nobody */
	struct diagnosis diagnosis;
};

/* Takes the answer of the diagnosis under way, which is over then. now_ns: CLOCK_MONOTONIC. */
enum inquiry_news inquiry_receive(struct keeper *k, struct inquiry_result *result, uint64_t now_ns);

/* Begins the next diagnosis, if none is under way and a backend waits for one. Returns when to call
 * inquiry_receive at the latest (CLOCK_MONOTONIC, ns). */
uint64_t inquiry_next(struct keeper *k, uint64_t now_ns);

void inquiry_forget_client(struct keeper *k, const struct server_client *client);
void inquiry_stop(struct keeper *k);

#endif
