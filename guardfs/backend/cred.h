/* cred.h: making things in the name of a caller, as the local file system would for that user. Private to
 * backend/.
 *
 * Between cred_enter and cred_leave the thread has the caller's fsuid, fsgid and umask, so that storage
 * itself decides owner, group, inherited ACLs, set-group-id and quota. Permission has been checked by the
 * kernel (default_permissions), partly by things not visible here (supplementary groups): CAP_DAC_OVERRIDE
 * therefore stays. CAP_FSETID, CAP_CHOWN and CAP_FOWNER don't, as they decide how the new object looks.
 * Supplementary groups matter for one thing only, whether a set-group-id bit that was asked for stays; only
 * then are they looked up. Raw system calls: glibc's wrappers would change all threads. Any thread that
 * called backend_thread_init. */
#ifndef GUARDFS_BACKEND_CRED_H
#define GUARDFS_BACKEND_CRED_H

#include "backend/backend.h"

void cred_enter(const struct caller *c, mode_t mode);
void cred_leave(const struct caller *c);

#endif
