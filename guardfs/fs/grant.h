/* grant.h: lookups promised by a reply not sent yet. They stand in the slot: after a worker's death no
 * node is left that the kernel never heard of. Worker, any thread; grant_take_back_of before threads. */
#ifndef GUARDFS_FS_GRANT_H
#define GUARDFS_FS_GRANT_H

#include "fs/context.h"

#define GRANT_MAX 8192u

/* A lookup was counted on node for the present reply. False: no room. */
bool grant_has_room(void);
void grant_add(const struct node *node);

/* Nobody gets the reply: takes its lookups back. */
void grant_take_back(void);
void grant_take_back_of(struct slot *slot);

#endif
