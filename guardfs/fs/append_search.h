/* append_search.h: has an append been made? Pure: what the file holds is fed in, piece by piece.
 *
 * An append whose answer was lost (its worker died, its connection broke) must not be made twice, nor be
 * left out. Of the file is known up to where it reached before: what was appended lies between there (the
 * bound) and its present end, perhaps among what others have appended meanwhile. Any thread, one search each.
 */
#ifndef GUARDFS_FS_APPEND_SEARCH_H
#define GUARDFS_FS_APPEND_SEARCH_H

#include "base/base.h"
#include <errno.h>
#include <sys/types.h>

/* What ends an earlier append of the same writer; no longer than this. */
#define APPEND_LAST_MAX 16

/* What is shorter than this is found everywhere: that it was found among other's bytes says nothing. */
#define APPEND_TELLING 4

/* It cannot be told whether it was made. */
#define APPEND_DOUBTFUL (-EUCLEAN)

struct append_search {
	const uint8_t *data; /* to be appended, n bytes; the caller's */
	size_t n;
	uint8_t last[APPEND_LAST_MAX];
	size_t n_last;	   /* 0: nothing is known of earlier appends, or it tells nothing */
	bool same_as_last; /* the data cannot be told from what was appended last */
	bool skipped;	   /* not all from the bound on is fed in */

	uint32_t *failure;		 /* of data, after Knuth, Morris and Pratt */
	size_t matched;			 /* so many of its first bytes end where we are */
	uint64_t offset;		 /* where we are in the file */
	uint64_t seen;			 /* bytes fed in */
	uint8_t recent[APPEND_LAST_MAX]; /* the last of them; a ring */
	bool found, torn, last_seen;
};

/* Begins a search for n bytes of data (n > 0, below 4 GiB), how the writer's append before ended in last (at
 * most APPEND_LAST_MAX bytes; 0: none). offset: where in the file the first byte to be fed in lies. skipped:
 * that is not the bound, but a place behind it. 0 or -ENOMEM; then append_search_end is not called. */
errint_t append_search_begin(struct append_search *s, const void *data, size_t n, const void *last,
			     size_t n_last, uint64_t offset, bool skipped) WARN_UNUSED;

/* The next n bytes of the file. */
void append_search_feed(struct append_search *s, const void *bytes, size_t n);

/* After the last byte of the file: how many of the data's bytes have been appended (all; some, at the end of
 * the file; 0), or APPEND_DOUBTFUL. Frees what the search holds. */
ssize_t append_search_end(struct append_search *s);

#endif
