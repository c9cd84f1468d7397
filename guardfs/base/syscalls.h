/* syscalls.h: seccomp filters for worker and keeper, used by privileges.h. docs/SECURITY.md: why they list
 * the refused calls. */
#ifndef GUARDFS_BASE_SYSCALLS_H
#define GUARDFS_BASE_SYSCALLS_H

#include "base/base.h"

/* For this thread and all it starts from now on: an intruder's calls get EPERM and a line in the kernel's
 * audit log; calls newer than this source get ENOSYS, as from an older kernel. Nothing is killed. Needs
 * no_new_privs or CAP_SYS_ADMIN. 0, -ENOSYS (unknown machine), or seccomp(2)'s -errno. */
errint_t syscalls_restrict_worker(bool network) WARN_UNUSED;

/* The same with the calls by which the kernel is taken over. New calls pass. */
errint_t syscalls_restrict_keeper(void) WARN_UNUSED;

#endif
