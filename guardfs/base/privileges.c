/* privileges.c: see privileges.h. Without libcap: capset(2) is per thread, and this runs before there are
 * others. */
#include "base/privileges.h"
#include "base/log.h"
#include "base/syscalls.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* To read, write and make files as root and as callers. */
#define FILES (CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH) | CAP(FOWNER) | CAP(FSETID))

/* SETUID, SETGID: setfsuid(2) and setgroups(2). MKNOD, SETFCAP: callers' own rights. SYS_ADMIN:
 * passthrough (the kernel demands it to register a file), extended attributes trusted.* and security.*.
 * Without SYS_RESOURCE disk quotas hold through the mount as below it. */
#define WORKER (FILES | CAP(SETUID) | CAP(SETGID) | CAP(MKNOD) | CAP(SETFCAP) | CAP(SYS_ADMIN))

/* SYS_ADMIN: mount(2), umount(2); with SYS_CHROOT setns(2), by which a hook gets back to the host's
 * mounts. SYS_PTRACE: environment and sockets of a former keeper's sshfs. KILL, SETUID, SETGID: hooks that
 * run as other users, and ending them. */
#define KEEPER \
	(FILES | CAP(SETUID) | CAP(SETGID) | CAP(KILL) | CAP(SYS_ADMIN) | CAP(SYS_CHROOT) | CAP(SYS_PTRACE))

/* First: it takes SETPCAP, which goes. */
static errint_t shrink_bounding_set(uint64_t keep)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		int has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (has < 0) /* the kernel knows no more */
			break;
		if (has && !(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	}
	return 0;
}

/* Inheritable ones go too, and with them ambient ones: no child needs them. */
static errint_t shrink_sets(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (unsigned i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static void complain(const char *what, errint_t rc)
{
	if (rc < 0)
		log_warning("cannot give up privileges: %s: %s; going on with them", what, strerror(-rc));
}

void privileges_drop(enum privileges whose)
{
	uint64_t keep = whose == PRIVILEGES_KEEPER ? KEEPER : WORKER;

	complain("capability bounding set", shrink_bounding_set(keep));
	complain("capabilities", shrink_sets(keep));
	complain("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0);
	if (whose == PRIVILEGES_KEEPER)
		complain("system calls", syscalls_restrict_keeper());
	else
		complain("system calls", syscalls_restrict_worker(whose == PRIVILEGES_WORKER_NETWORK));
}
