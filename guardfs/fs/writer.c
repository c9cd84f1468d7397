#include "fs/writer.h"
#include "base/fd.h"

#include <stdio.h>
#include <stdlib.h>

/* The kernel's, include/linux/sched.h; the same since 2.6. */
#define PF_EXITING  0x4u
#define PF_SIGNALED 0x400u

/* Fields from the state on, behind the name, which may hold anything: flags are the seventh. */
#define FLAGS_FIELD 6

uint32_t writer_task_flags(const char *stat)
{
	const char *at = strrchr(stat, ')');

	for (int i = 0; at && i <= FLAGS_FIELD; i++)
		at = strchr(at + 1, ' ');
	return at ? (uint32_t)strtoul(at + 1, NULL, 10) : 0;
}

static uint32_t flags_of(uint32_t pid)
{
	char path[32], text[1024];

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	return fd_read_file(path, text, sizeof(text)) < 0 ? 0 : writer_task_flags(text);
}

uint32_t writer_process(uint32_t pid)
{
	char path[32], text[4096];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	if (!pid || fd_read_file(path, text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, "\nTgid:");
	return at ? (uint32_t)strtoul(at + strlen("\nTgid:"), NULL, 10) : 0;
}

/* A process's exit may have ended the thread that happens to close last: the process was killed only if
 * its first thread was ended by a signal as well. */
enum writer_closes writer_closes(uint32_t pid, uint32_t owner)
{
	uint32_t process = writer_process(pid), flags;

	if (owner && process && process != owner)
		return WRITER_OTHER;
	flags = pid ? flags_of(pid) : 0;
	if ((flags & (PF_EXITING | PF_SIGNALED)) != (PF_EXITING | PF_SIGNALED))
		return WRITER_CLOSES;
	return !process || process == pid || flags_of(process) & PF_SIGNALED ? WRITER_KILLED : WRITER_CLOSES;
}
