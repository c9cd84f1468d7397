/* readers.h: which threads read the device, and which are held until they are needed. The rules are in
 * policy/readers.h, the states in docs/INTERNALS.md ("Readers"). A place is the right to wait in read(2). */
#ifndef GUARDFS_WORKER_READERS_H
#define GUARDFS_WORKER_READERS_H

#include "base/base.h"

/* start: makes another reader thread, which has its place already (its first readers_await_turn returns at once).
 * False if it could not. Before threads. */
void readers_init(int dev_fd, bool (*start)(void));

/* Brings the first ones, and starts the watch. 0 or -errno (of the watch: without it no reader is ever alone, and
 * all else is as it should be). */
errint_t readers_start(void) WARN_UNUSED;

/* Reader threads, in this order for each request. */

/* For a new thread: it was started with a place. */
void readers_have_place(void);
/* Waits until this thread is to read, and takes a place. False: enough are held already, or readers_stop: it ends. */
bool readers_await_turn(void);
/* read(2) came back without a request, or the thread ends before it: the place is free again. */
void readers_missed(void);
/* read(2) came back with a request (buffer, of length bytes) at read_ns, CLOCK_MONOTONIC: the place is free again.
 * Another thread is brought if need be. */
void readers_took(const uint8_t *buffer, uint32_t length, uint64_t read_ns);
/* The request was one of the local tier's and is over. */
void readers_served(uint64_t read_ns);

/* This thread is about to wait for something. If it is alone another reader is brought. Any thread of worker. */
void readers_may_block(void);

/* Control thread: brings a reader if there is none, as none could be brought when it was needed. */
void readers_tick(void);

/* Control thread: sends the threads that are held home, and the watch. */
void readers_stop(void);

#endif
