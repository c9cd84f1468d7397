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

/* What is shorter than this is found everywhere: that it was found among others' bytes says little. */
#define APPEND_TELLING 4

/* It cannot be told whether it was made. */
#define APPEND_DOUBTFUL (-EUCLEAN)

/* Finds a pattern in a stream of bytes, after Knuth, Morris and Pratt. */
struct append_pattern {
	const uint8_t *bytes; /* the caller's */
	size_t n;	      /* 0: there is none, and nothing is found */
	size_t matched;	      /* so many of its first bytes are the last of the stream */
	uint32_t *failure;
};

struct append_search {
	struct append_pattern data, last;
	bool same_as_last; /* the data cannot be told from what was appended last */
	bool skipped;	   /* not all from the bound on is fed in */
	uint64_t offset;   /* where we are in the file */
	uint64_t seen;	   /* bytes fed in */
	uint64_t behind;   /* of them, behind the last append; or all */
	bool found;	   /* the data, whole */
	bool adjacent;	   /* and right behind the last append */
	bool torn;	   /* a part of them, with others' bytes behind it */
	bool last_seen;
};

/* Begins a search for n bytes of data (n > 0, below 4 GiB). last: how the same writer's append before ended,
 * n_last bytes (0: nothing is known of it). Both must stay until the end. offset: where in the file the first
 * byte to be fed in lies. skipped: that is not the bound, but a place behind it. 0 or -ENOMEM; then
 * append_search_end is not called. */
errint_t append_search_begin(struct append_search *s, const void *data, size_t n, const void *last,
			     size_t n_last, uint64_t offset, bool skipped) WARN_UNUSED;

/* The next n bytes of the file. */
void append_search_feed(struct append_search *s, const void *bytes, size_t n);

/* After the last byte of the file: how many of the data's bytes have been appended (all; some, at the end of
 * the file; 0), or APPEND_DOUBTFUL. Frees what the search holds. */
ssize_t append_search_end(struct append_search *s);

#endif
