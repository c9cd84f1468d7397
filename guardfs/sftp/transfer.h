/* transfer.h: reads and writes in pieces, several transfers at once, within one window. Private to sftp/. */
#ifndef GUARDFS_SFTP_TRANSFER_H
#define GUARDFS_SFTP_TRANSFER_H

#include "sftp/exchange.h"

/* Pieces under way at once: WINDOW_MAX in pieces of 32 KiB. */
#define TRANSFER_PIECES_MAX 256u

struct transfers;

struct piece {
	struct transfers *owner;
	struct transfer *transfer;
	/* Within the transfer. */
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
	/* Those that have pieces yet to be begun. */
	struct transfer *first, *last;
	/* Again: came short, to be asked for once more. */
	struct piece *free, *again;
	struct piece pieces[TRANSFER_PIECES_MAX];
};

void transfers_init(struct transfers *ts, struct exchanges *x);

/* As connection_transfer. */
void transfers_add(struct transfers *ts, struct transfer *t);

/* Begins pieces, as many as window, table and outbox have room for, one of each transfer in turn. */
void transfers_fill(struct transfers *ts);

/* Ends the transfers that wait for their first pieces and are over time, and returns the earliest deadline of
 * those that wait on. */
uint64_t transfers_expire(struct transfers *ts);

/* The connection has ended, and the exchanges with it: so do the transfers that no piece has ended. */
void transfers_end(struct transfers *ts);

#endif
