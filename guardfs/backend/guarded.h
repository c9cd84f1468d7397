/* What guarded backends of all types have in common. Private to backend/. Worker, any thread. */
#ifndef GUARDFS_BACKEND_GUARDED_H
#define GUARDFS_BACKEND_GUARDED_H

#include "backend/backend.h"

/* Is there a root of the breaker's epoch? 0 or -ENOTCONN. */
errint_t guarded_epoch(const struct backend *b, uint32_t *epoch);

/* A duplicate of that epoch's root, the caller's. -ENOTCONN: the root is another epoch's by now; or a want of
 * descriptors. */
int guarded_hold_root(const struct backend *b, uint32_t epoch) WARN_UNUSED;

/* Before guarded_present. */
void guarded_note_stored(struct found *found);

/* Owner and mode as configured, by the rule of libfuse's options uid, gid and umask, or by the maps of ids. */
void guarded_present(const struct backend *b, struct stat *st);

/* For map_strictly: 0, or -EPERM for a server's owner or group that no map has. */
errint_t guarded_known_owner(const struct backend *b, uint32_t uid, uint32_t gid) WARN_UNUSED;

/* Of want, what set names, from here to the server's numbers. 0; -EPERM (map_strictly). */
errint_t guarded_owner_there(const struct backend *b, unsigned set, struct stat *want) WARN_UNUSED;

/* The mode of something new. Where all files show one mode nobody sees or mends a file that keeps out our account,
 * and a read-only one could not be reopened for writing after a reconnect. So our account keeps its rights. */
mode_t guarded_new_mode(const struct backend *b, const struct caller *c, mode_t mode);

/* As backend_open, without filter. */
errint_t backend_dir_open(struct arena *arena, unsigned index, struct backend *b) WARN_UNUSED;
errint_t backend_sftp_open(struct arena *arena, unsigned index, struct backend *b) WARN_UNUSED;

#endif
