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

/* Owner and mode as configured, by the rule of libfuse's options uid, gid and umask. */
void guarded_present(const struct backend *b, struct stat *st);

/* The mode of something new. Where all files show one mode nobody sees or mends a file that keeps out our account,
 * and a read-only one could not be reopened for writing after a reconnect. So our account keeps its rights. */
mode_t guarded_new_mode(const struct backend *b, const struct caller *c, mode_t mode);

/* As backend_open, without filter. */
errint_t backend_dir_open(struct arena *arena, unsigned index, struct backend *b) WARN_UNUSED;
errint_t backend_sftp_open(struct arena *arena, unsigned index, struct backend *b) WARN_UNUSED;

#endif
