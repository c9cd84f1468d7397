/* append.h: writes that go to the end of a file (O_APPEND): to the end that it has when they are made,
 * whatever the caller's kernel takes for it. Worker; any thread. */
#ifndef GUARDFS_FS_APPEND_H
#define GUARDFS_FS_APPEND_H

#include "fs/context.h"

/* Carries out the WRITE of this thread's call, within guard_enter/leave: appends n bytes to the file open as
 * h; offset is where the caller's kernel takes its end to be. Run again (its worker died, its connection
 * broke, a probe was waited for), it first looks what of it has been made, and makes the rest. Returns how
 * many bytes have been appended, in whichever run, or -errno; GUARD_POISONED (for the local tier the
 * configured errno) where it cannot be told whether it was made. */
ssize_t append_write(struct backend *b, struct handle *h, const void *data, size_t n, off_t offset,
		     bool kill_priv);

#endif
