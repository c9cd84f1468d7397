/* Changes answered with an error that may have been made (docs/INTERNALS.md, "Doubt"). */
#ifndef GUARDFS_FS_DOUBT_H
#define GUARDFS_FS_DOUBT_H

#include "shm/node.h"

/* Has the kernel ask again for the attributes of a node that an unanswered request uses. Pages stay. */
void doubt_node(const struct node *node);

/* The same for all nodes that the buffer's request can have changed. Files that may have been cut have no
 * known end any more; files written to are suspect. Before the answer, or later, when the change may have
 * been made: then it may wait for requests about the nodes (wire_drop_attributes), so no other thread may
 * depend on this one. */
void doubt_raise(const uint8_t *buffer);

/* Of a rename or removal that may have been made, or will be: before its backend is left, so that no file open
 * as the one replaced, removed or exchanged is found by the name over another connection. */
void doubt_replaced(const uint8_t *buffer);

/* The same of a change that was made as it should be, with an answer that came too late. */
void doubt_made(const uint8_t *buffer);

/* The same after a request whose caller got another run's answer: what it wrote is what was acknowledged. */
void doubt_ask_again(const uint8_t *buffer);

#endif
