/* handle_index.h: the open files of a node, without looking at all that are open. The worker's private
 * memory; for handle*.c. */
#ifndef GUARDFS_FS_HANDLE_INDEX_H
#define GUARDFS_FS_HANDLE_INDEX_H

#include "fs/context.h"

/* Before threads; what is open is to be added again. */
void handle_index_init(void);

/* A handle that lives, with its node; and one that is about to be free. */
void handle_index_add(const struct handle *h);
void handle_index_remove(const struct handle *h);

/* Calls visit for each handle of the node until it returns false. Under a lock, below which visit may take
 * ledger locks only; it must not free a handle. Returns false if visit did. */
typedef bool (*handle_visit_fn)(struct handle *h, void *arg);
bool handle_index_each(uint32_t node, handle_visit_fn visit, void *arg);

#endif
