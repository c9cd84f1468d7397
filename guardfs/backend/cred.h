/* cred.h: making things in a caller's name, as a local file system would. Private to backend/.
 *
 * Between cred_enter and cred_leave the thread has the caller's fsuid, fsgid and umask: storage itself
 * decides owner, group, inherited ACLs, set-group-id and quota. The kernel has checked permission
 * (default_permissions), partly by things not visible here (supplementary groups): so CAP_DAC_OVERRIDE
 * stays. CAP_FSETID, CAP_CHOWN and CAP_FOWNER go, for they decide how the new object looks. Supplementary
 * groups decide only whether a requested set-group-id bit stays, and are looked up only then. Raw system
 * calls: glibc's wrappers would change all threads. Any thread that called backend_thread_init. */
#ifndef GUARDFS_BACKEND_CRED_H
#define GUARDFS_BACKEND_CRED_H

#include "backend/backend.h"

/* The thread's umask from now on. It is left at the last caller's: the next has the same, mostly. So whoever makes
 * something sets it first. */
void cred_set_umask(mode_t mask);

void cred_enter(const struct caller *c, mode_t mode);
void cred_leave(const struct caller *c);

#endif
