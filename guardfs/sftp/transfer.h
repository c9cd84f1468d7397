/* Reads and writes in pieces, of several transfers at once, within one window. Private to sftp/. */
#ifndef GUARDFS_SFTP_TRANSFER_H
#define GUARDFS_SFTP_TRANSFER_H

#include "sftp/exchange.h"

/* WINDOW_MAX in pieces of 32 KiB. */
#define TRANSFER_PIECES_MAX 256u

struct transfers;

struct piece {
	struct transfers *owner;
	struct transfer *transfer;
	size_t from, n;
	struct window_mark mark;
	/* In free or again. */
	struct piece *next;
};

struct transfers {
	struct exchanges *x;
	struct window window;
	size_t read_max, write_max;
	/* Of this round of work. */
	uint64_t now_ns;
	/* With pieces yet to be begun: reads, writes. */
	struct transfer_queue {
		struct transfer *first, *last;
	} queues[2];
	/* again: pieces that came short. */
	struct piece *free, *again;
	struct piece pieces[TRANSFER_PIECES_MAX];
};

void transfers_init(struct transfers *ts, struct exchanges *x);

/* As connection_transfer. */
void transfers_add(struct transfers *ts, struct transfer *t);

/* Begins pieces while there is room: reads and writes in turn, each read in its turn; of a write all pieces before
 * the next write's (docs/SFTP.md, "Connections and windows"). */
void transfers_fill(struct transfers *ts);

/* Ends transfers past their deadline that wait for their first pieces. Returns the earliest deadline of the
 * others. */
uint64_t transfers_expire(struct transfers *ts);

/* The connection and its exchanges have ended. */
void transfers_end(struct transfers *ts);

#endif
