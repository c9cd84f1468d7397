/* Making things in a caller's name, as a local file system would. Private to backend/. Any thread that called
 * backend_thread_init.
 *
 * Between cred_enter and cred_leave the thread has the caller's fsuid, fsgid and umask: storage decides
 * owner, group, inherited ACLs, set-group-id and quota. The kernel has checked permission, so
 * CAP_DAC_OVERRIDE stays; CAP_FSETID, CAP_CHOWN and CAP_FOWNER would affect the object, and go. Supplementary
 * groups are looked up only for a set-group-id bit. System calls are raw: glibc's would change all
 * threads. */
#ifndef GUARDFS_BACKEND_CRED_H
#define GUARDFS_BACKEND_CRED_H

#include "backend/backend.h"

/* The umask stays the last caller's, since the next mostly has the same: set it before making anything. */
void cred_set_umask(mode_t mask);

void cred_enter(const struct caller *c, mode_t mode);
void cred_leave(const struct caller *c);

#endif
