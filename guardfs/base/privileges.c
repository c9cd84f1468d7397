/* capset(2) is per thread, and here is one: libcap is not needed. */
#include "base/privileges.h"
#include "base/log.h"
#include "base/syscalls.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

bool privileges_of_root(void)
{
	return geteuid() == 0;
}

void privileges_admit_heirs(void)
{
	/* The kernel may lack Yama. */
	if (!privileges_of_root() && prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0) < 0)
		errno = 0;
}

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* Access to files as root and as callers. */
#define FILES (CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH) | CAP(FOWNER) | CAP(FSETID))

/* Why: docs/SECURITY.md, "worker". SYS_ADMIN also for attributes security.*. */
#define WORKER (FILES | CAP(SETUID) | CAP(SETGID) | CAP(MKNOD) | CAP(SETFCAP) | CAP(SYS_ADMIN))

/* Why: docs/SECURITY.md, "keeper". */
#define KEEPER \
	(FILES | CAP(SETUID) | CAP(SETGID) | CAP(KILL) | CAP(SYS_ADMIN) | CAP(SYS_CHROOT) | CAP(SYS_PTRACE))

/* First, since it needs SETPCAP. */
static errint_t shrink_bounding_set(uint64_t keep)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		int has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (has < 0) /* unknown to the kernel */
			break;
		if (has && !(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	}
	return 0;
}

/* Ambient ones go with the inheritable ones. */
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

#define LOGIN (CAP(DAC_READ_SEARCH) | CAP(SETUID) | CAP(SETGID))

static void drop_for_login(void)
{
	complain("capabilities", shrink_sets(LOGIN));
	complain("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0);
	complain("system calls", syscalls_restrict_login());
}

/* An OpenSSH client's: another user's keys and agent. Executing it gives no more (no_new_privs). */
#define SSH (CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH))

static void drop_for_ssh(void)
{
	complain("capabilities", shrink_sets(SSH));
	complain("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0);
}

/* With root's ids go all capabilities; the bounding set, which needs one to be shrunk, means nothing to a process
 * that starts no program. */
static void become_nobody(void)
{
	complain("groups", setgroups(0, NULL) < 0 ? -errno : 0);
	complain("group", setresgid(NOBODY, NOBODY, NOBODY) < 0 ? -errno : 0);
	complain("user", setresuid(NOBODY, NOBODY, NOBODY) < 0 ? -errno : 0);
	/* Another user's process is what the system's setting for set-id programs says. */
	complain("core files", prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : 0);
}

/* A user's process stays that user's: keeper has no other right to it. */
static void drop_all(void)
{
	if (privileges_of_root())
		become_nobody();
	complain("capabilities", shrink_sets(0));
	complain("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0);
	complain("system calls", syscalls_restrict_transport());
}

static void drop_for_good(uint64_t keep)
{
	/* A user's process has none, and gets none (no_new_privs). */
	if (privileges_of_root())
		complain("capability bounding set", shrink_bounding_set(keep));
	complain("capabilities", shrink_sets(keep));
	complain("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0);
}

void privileges_drop(enum privileges whose)
{
	switch (whose) {
	case PRIVILEGES_WORKER:
		drop_for_good(WORKER);
		complain("system calls", syscalls_restrict_worker());
		break;
	case PRIVILEGES_WORKER_NICE:
		drop_for_good(WORKER | CAP(SYS_NICE));
		complain("system calls", syscalls_restrict_worker());
		break;
	case PRIVILEGES_KEEPER:
		drop_for_good(KEEPER);
		complain("system calls", syscalls_restrict_keeper());
		break;
	case PRIVILEGES_HOLDER:
		drop_for_good(0);
		complain("system calls", syscalls_restrict_worker());
		break;
	case PRIVILEGES_LOGIN:
		drop_for_login();
		break;
	case PRIVILEGES_SSH:
		drop_for_ssh();
		break;
	case PRIVILEGES_TRANSPORT:
		drop_all();
		break;
	}
}
