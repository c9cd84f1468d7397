/* A node's open files, in private memory; for handle*.c. */
#ifndef GUARDFS_FS_HANDLE_INDEX_H
#define GUARDFS_FS_HANDLE_INDEX_H

#include "fs/context.h"

/* Before threads; open files are added again. */
void handle_index_init(void);

void handle_index_add(const struct handle *h);
void handle_index_remove(const struct handle *h);

/* Calls visit for each handle until it returns false, which is then returned. Under a lock: visit takes
 * ledger locks only, and frees nothing. */
typedef bool (*handle_visit_fn)(struct handle *h, void *arg);
bool handle_index_each(uint32_t node, handle_visit_fn visit, void *arg);

#endif
