/* readahead.h: how much the kernel may read ahead of a program that reads a file from its beginning to its end. Pure. */
#ifndef GUARDFS_POLICY_READAHEAD_H
#define GUARDFS_POLICY_READAHEAD_H

#include "base/base.h"

/* KiB, as many as a backend gives in a quarter of a second at `rate` (bytes a second; 0: unknown): on a fast link with a
 * delay many requests are on the way, on a slow one each keeps the deadline of a read. A power of two of KiB
 * between least_kib and most_kib, or one of those. */
uint32_t readahead_kib(uint64_t rate, uint32_t least_kib, uint32_t most_kib);

#endif
