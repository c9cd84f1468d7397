/* How much the kernel may read ahead. Pure. */
#ifndef GUARDFS_POLICY_READAHEAD_H
#define GUARDFS_POLICY_READAHEAD_H

#include "base/base.h"

/* What a backend gives in a quarter of a second at `rate` (bytes a second; 0: unknown): on a fast link with a
 * delay many requests are on the way, on a slow one each keeps a read's deadline. A power of two between least_kib
 * and most_kib, or one of those. */
uint32_t readahead_kib(uint64_t rate, uint32_t least_kib, uint32_t most_kib);

#endif
