/* What a close says of the closing program (docs/STATEFILES.md, "Closes"). Reads /proc. Worker, any
 * thread. */
#ifndef GUARDFS_FS_WRITER_H
#define GUARDFS_FS_WRITER_H

#include "base/base.h"

enum writer_closes {
	WRITER_CLOSES, /* by itself, or at its regular end */
	WRITER_KILLED, /* by a signal */
	WRITER_OTHER,  /* another process than owner */
};

/* The process of a thread, by FUSE's pid; 0: not known. */
uint32_t writer_process(uint32_t pid);

/* Of a FLUSH by pid; owner: writer_process, when the file was opened. Unknown is a close. */
enum writer_closes writer_closes(uint32_t pid, uint32_t owner);

/* The flags of a task, in the text of /proc/PID/stat; 0: no such text. Pure. */
uint32_t writer_task_flags(const char *stat);

#endif
