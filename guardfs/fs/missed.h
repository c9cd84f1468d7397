/* Names of which storage has said, no longer ago than attributes may be old, that they are missing: in directories in
 * which names are being made through the mount. A program that makes files, or gives them their names, asks more than
 * once whether there is one. In quiet directories each question is storage's: somebody may wait for a file to
 * appear. Worker threads. */
#ifndef GUARDFS_FS_MISSED_H
#define GUARDFS_FS_MISSED_H

#include "fs/listed.h"

/* Storage, asked at begun, has said that dir lacks the name. */
void missed_note(const struct backend *b, uint32_t dir, const char *name, const struct listed_moment *begun);

/* False: ask storage. */
bool missed_lacks(const struct backend *b, uint32_t dir, const char *name);

/* The name was made in dir, and listed.h knows. NULL: nobody knows which. */
void missed_made(const struct backend *b, uint32_t dir, const char *name);

#endif
