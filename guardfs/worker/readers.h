/* Which threads read the device, and which are held until needed. policy/readers.h has the rules,
 * docs/INTERNALS.md ("Readers") the states. A place is the right to wait in read(2). */
#ifndef GUARDFS_WORKER_READERS_H
#define GUARDFS_WORKER_READERS_H

#include "base/base.h"

/* start makes a reader thread that has its place; false: it could not. Before threads. */
void readers_init(int dev_fd, bool (*start)(void));

/* Brings the first readers, and starts the watch. -errno: without a watch no reader is ever alone. */
errint_t readers_start(void) WARN_UNUSED;

/* Reader threads, in this order at each request. */

/* A new thread, started with a place. */
void readers_have_place(void);
/* False: the thread is to end (enough are held, or readers_stop). */
bool readers_await_turn(void);
/* No request was read: the place is free. */
void readers_missed(void);
/* A request of length bytes was read at read_ns (CLOCK_MONOTONIC): the place is free. Brings another thread if
 * need be. */
void readers_took(const uint8_t *buffer, uint32_t length, uint64_t read_ns);
/* The request, of the local tier, is over. */
void readers_served(uint64_t read_ns);

/* So far. Any thread. */
uint64_t readers_taken(void);

/* This thread may wait: a reader that is alone brings another. Any thread. */
void readers_may_block(void);

/* Brings a reader that could not be brought when needed. Control thread, as the next. */
void readers_tick(void);

void readers_stop(void);

#endif
