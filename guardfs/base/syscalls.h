/* syscalls.h: seccomp filters that refuse what worker and keeper never ask for. See privileges.h, which uses
 * them; why they list what is refused instead of what is allowed: docs/SECURITY.md. */
#ifndef GUARDFS_BASE_SYSCALLS_H
#define GUARDFS_BASE_SYSCALLS_H

#include "base/base.h"

/* From now on, for this thread and all that it starts: calls by which an intruder would get on are answered
 * EPERM and noted in the kernel's audit log; calls that are newer than this source are answered ENOSYS, as by
 * an older kernel. Nobody is ever killed for a call. Needs no_new_privs or CAP_SYS_ADMIN. Returns 0, -ENOSYS
 * on a machine whose calls are not known here, or the -errno of seccomp(2). */
errint_t syscalls_restrict_worker(bool network) WARN_UNUSED;

/* The same with what neither keeper nor any program that it starts needs: taking over the kernel. New calls
 * go through. */
errint_t syscalls_restrict_keeper(void) WARN_UNUSED;

#endif
