/* Seccomp filters for privileges.h. docs/SECURITY.md says why they list refused calls. */
#ifndef GUARDFS_BASE_SYSCALLS_H
#define GUARDFS_BASE_SYSCALLS_H

#include "base/base.h"

/* For this thread and what it starts. An intruder's calls get EPERM and an audit line; calls newer than this
 * source ENOSYS. Needs no_new_privs or CAP_SYS_ADMIN. 0, -ENOSYS (unknown machine), or seccomp(2)'s
 * -errno. */
errint_t syscalls_restrict_worker(void) WARN_UNUSED;

/* The same, but refuses only calls that take over the kernel. New calls pass. */
errint_t syscalls_restrict_keeper(void) WARN_UNUSED;

/* For a transport's login, as root: docs/SECURITY.md, "The transport of type sftp". */
errint_t syscalls_restrict_login(void) WARN_UNUSED;

/* Only a transport's calls pass. */
errint_t syscalls_restrict_transport(void) WARN_UNUSED;

#endif
