/* append_search.h: has an append been made? Pure: the file's bytes are fed in, piece by piece.
 *
 * An append whose answer was lost (its worker died, its connection broke) must be neither made twice nor
 * left out. The file was known to reach up to some place, the bound: the append lies between the bound and
 * the present end, perhaps among others' bytes. Any thread, one search each. */
#ifndef GUARDFS_FS_APPEND_SEARCH_H
#define GUARDFS_FS_APPEND_SEARCH_H

#include "base/base.h"
#include <errno.h>
#include <sys/types.h>

/* Bytes that are fewer than this, or of fewer different values, are found everywhere: that they were found among others'
 * bytes says little. (The kernel cuts a write at the end of a page, and what comes behind it may be the end of any line.) */
#define APPEND_TELLING	      4
#define APPEND_TELLING_VALUES 6

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
	bool telling;	   /* see APPEND_TELLING */
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

/* Begins a search for n bytes of data (n > 0, below 4 GiB). last: the last n_last bytes of the same writer's
 * append before (0: unknown). data and last must stay until the end. offset: place of the first byte to be
 * fed in. skipped: that place lies behind the bound. 0 or -ENOMEM; then append_search_end is not called. */
errint_t append_search_begin(struct append_search *s, const void *data, size_t n, const void *last,
			     size_t n_last, uint64_t offset, bool skipped) WARN_UNUSED;

/* The next n bytes of the file. */
void append_search_feed(struct append_search *s, const void *bytes, size_t n);

/* After the file's last byte: how many of the data's bytes were appended (all; some, at the end of the file;
 * 0), or APPEND_DOUBTFUL. Frees the search. */
ssize_t append_search_end(struct append_search *s);

#endif
