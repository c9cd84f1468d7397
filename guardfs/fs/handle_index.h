/* handle_index.h: a node's open files. The worker's private memory; for handle*.c. */
#ifndef GUARDFS_FS_HANDLE_INDEX_H
#define GUARDFS_FS_HANDLE_INDEX_H

#include "fs/context.h"

/* Before threads; open files are added again. */
void handle_index_init(void);

/* A live handle with its node; one about to be freed. */
void handle_index_add(const struct handle *h);
void handle_index_remove(const struct handle *h);

/* Calls visit for each handle until it returns false (then returns false). Under a lock, below which visit
 * takes ledger locks only; it frees no handle. */
typedef bool (*handle_visit_fn)(struct handle *h, void *arg);
bool handle_index_each(uint32_t node, handle_visit_fn visit, void *arg);

#endif
