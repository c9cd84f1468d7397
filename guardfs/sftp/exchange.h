/* The requests of a connection on the wire, by id. Private to sftp/. A request given up keeps its place until it is
 * answered, so no answer meets another request. */
#ifndef GUARDFS_SFTP_EXCHANGE_H
#define GUARDFS_SFTP_EXCHANGE_H

#include "sftp/outbox.h"

enum exchange_state { EXCHANGE_FREE, EXCHANGE_WAITING, EXCHANGE_GIVEN_UP };

struct exchange {
	enum exchange_state state;
	/* The server may take its time: it changes something. */
	bool slow;
	uint32_t uses;
	uint64_t deadline_ns;
	connection_answer_fn answer;
	void *arg;
};

struct exchanges {
	/* Not 0: ended. The first one stays. */
	errint_t error;
	unsigned n_free;
	/* On the wire, of the slow kind. */
	unsigned n_slow;
	uint16_t free[CONNECTION_EXCHANGES_MAX];
	struct exchange places[CONNECTION_EXCHANGES_MAX];
	/* No deadline is earlier. */
	uint64_t next_deadline_ns;
	struct connection_counts counts;
	struct outbox outbox;
};

void exchanges_init(struct exchanges *x);

/* On the wire, those given up included. */
static inline unsigned exchanges_under_way(const struct exchanges *x)
{
	return CONNECTION_EXCHANGES_MAX - x->n_free;
}

/* A place, and room for n bytes. */
bool exchanges_have_room(const struct exchanges *x, size_t n);

/* data (may be NULL): n bytes behind packet (sftp_finish_before_data). As connection_ask. */
errint_t exchanges_ask(struct exchanges *x, struct sftp_packet *packet, const void *data, size_t n,
		       uint64_t deadline_ns, connection_answer_fn answer, void *arg) WARN_UNUSED;

/* Calls the caller that waits for it. */
void exchanges_answer(struct exchanges *x, const struct sftp_reply *reply);

/* Who asked with arg wants no answer any more. */
void exchanges_give_up(struct exchanges *x, const void *arg);

void exchanges_expire(struct exchanges *x, uint64_t now_ns);

/* Everything under way ends with -ENOTCONN. */
void exchanges_end(struct exchanges *x, errint_t error);

#endif
