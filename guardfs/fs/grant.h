/* grant.h: lookup counts promised by a reply that is not out yet. They stand in the slot, so that a worker's
 * death before the reply leaves no node that the kernel has never heard of. Worker, any thread;
 * grant_take_back_of before threads. */
#ifndef GUARDFS_FS_GRANT_H
#define GUARDFS_FS_GRANT_H

#include "fs/context.h"

#define GRANT_MAX 8192u

/* One lookup has been counted on node for the reply of the current call. False: no room for more. */
bool grant_has_room(void);
void grant_add(const struct node *node);

/* Nobody gets the reply: takes back what it granted. */
void grant_take_back(void);
void grant_take_back_of(struct slot *slot);

#endif
