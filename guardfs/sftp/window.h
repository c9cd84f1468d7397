/* How many bytes of data may be on the way to and from a server: twice the bandwidth-delay product, within bounds.
 * While it is the limit the measured rate grows with it, so it doubles until the link is full. Pure.
 * CLOCK_MONOTONIC. */
#ifndef GUARDFS_SFTP_WINDOW_H
#define GUARDFS_SFTP_WINDOW_H

#include "base/base.h"

/* Measured with OpenSSH on loopback behind a delay: less than 4 MiB wastes the first round trips, and queues
 * deeper than 8 MiB were served at a fifth of the rate. */
#define WINDOW_FIRST (4u << 20)
#define WINDOW_MIN   (2u << 20)
#define WINDOW_MAX   (8u << 20)

struct window {
	/* Bytes that may be on the way. */
	uint64_t allowed;
	uint64_t on_way;
	/* Bytes in all. */
	uint64_t confirmed;
	/* The smallest round trip and best rate (bytes a second) of this period and the one before. */
	uint64_t rtt_ns[2];
	uint64_t rate[2];
	/* Its beginning; 0: not yet. */
	uint64_t period_ns;
};

struct window_mark {
	uint64_t sent_ns;
	/* The window's, when it was sent. */
	uint64_t confirmed;
};

void window_init(struct window *w);

/* A piece always goes when nothing is on the way. */
bool window_has_room(const struct window *w, uint64_t n);

void window_send(struct window *w, uint64_t n, uint64_t now_ns, struct window_mark *mark);

/* A piece of n bytes was confirmed, or answered with an error after delivered <= n bytes. */
void window_confirm(struct window *w, uint64_t n, uint64_t delivered, const struct window_mark *mark,
		    uint64_t now_ns);

/* A piece is not waited for any more. */
void window_drop(struct window *w, uint64_t n);

#endif
