/* Has an append been made (docs/INTERNALS.md, "Appends")? Pure: fed with the file's bytes.
 *
 * The file was known to reach the bound: the append lies behind it, perhaps among others' bytes. */
#ifndef GUARDFS_FS_APPEND_SEARCH_H
#define GUARDFS_FS_APPEND_SEARCH_H

#include "base/base.h"
#include <errno.h>
#include <sys/types.h>

/* Fewer bytes, or fewer different values, are found everywhere by chance: the kernel cuts a write at a
 * page's end, and the rest may be the end of any line. */
#define APPEND_TELLING	      4
#define APPEND_TELLING_VALUES 6

/* Nobody can tell whether it was made. */
#define APPEND_DOUBTFUL (-EUCLEAN)

/* After Knuth, Morris and Pratt. */
struct append_pattern {
	const uint8_t *bytes;
	size_t n;	/* 0: nothing is found */
	size_t matched; /* its first bytes that are the stream's last */
	uint32_t *failure;
};

struct append_search {
	struct append_pattern data, last;
	bool telling;	   /* data, by APPEND_TELLING */
	bool last_telling; /* the last append */
	bool same_as_last; /* data and last append cannot be told apart */
	bool skipped;	   /* by APPEND_BOUND_SKIPPED */
	uint64_t offset;
	uint64_t seen;	 /* bytes fed in */
	uint64_t behind; /* those behind the last append; or all */
	bool found;	 /* whole */
	bool adjacent;	 /* right behind the last append */
	bool torn;	 /* in part, with others' bytes behind */
	bool last_seen;
	bool in_doubt; /* found or torn, but what looks like the last append stands behind it */
};

enum append_bound {
	/* The file was known to reach this far. It may have been longer, and have ended in the writer's
	 * earlier appends. */
	APPEND_BOUND_KNOWN,
	/* The file ended here when the append was begun. */
	APPEND_BOUND_EXACT,
	/* Feeding begins behind the bound. */
	APPEND_BOUND_SKIPPED,
};

/* Begins a search for n bytes of data (0 < n < 4 GiB). last: the end of the writer's append before (n_last
 * 0: unknown; not used with an exact bound). Both must stay until the end. offset: of the first byte fed
 * in. 0 or -ENOMEM. */
errint_t append_search_begin(struct append_search *s, const void *data, size_t n, const void *last,
			     size_t n_last, uint64_t offset, enum append_bound bound) WARN_UNUSED;

void append_search_feed(struct append_search *s, const void *bytes, size_t n);

/* After the file's last byte: how many bytes were appended (fewer than all only at the file's end), or
 * APPEND_DOUBTFUL. Frees the search. */
ssize_t append_search_end(struct append_search *s);

#endif
