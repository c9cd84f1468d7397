/* Lookups promised by a reply not sent yet, noted in the slot for a successor. Any thread;
 * grant_take_back_of before threads. */
#ifndef GUARDFS_FS_GRANT_H
#define GUARDFS_FS_GRANT_H

#include "fs/context.h"

#define GRANT_MAX 8192u

bool grant_has_room(void);
void grant_add(const struct node *node);

/* Nobody gets the reply. */
void grant_take_back(void);
void grant_take_back_of(struct slot *slot);

#endif
