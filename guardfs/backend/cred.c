#include "backend/cred.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUPS_MAX 256

static long set_groups(size_t n, const gid_t *groups)
{
	return syscall(SYS_setgroups, n, groups);
}

/* None if the thread is gone, unknown, or in more groups than fit. */
static size_t groups_of(pid_t pid, gid_t *groups)
{
	char path[32], status[8192];
	const char *line;
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (pid <= 0 || fd_read_file(path, status, sizeof(status)) < 0)
		return 0;
	line = strstr(status, "\nGroups:");
	if (!line)
		return 0;
	line += strlen("\nGroups:");
	while (n < GROUPS_MAX) {
		char *end;

		line += strspn(line, " \t");
		if (*line < '0' || *line > '9')
			break;
		groups[n++] = (gid_t)strtoul(line, &end, 10);
		line = end;
	}
	return n;
}

/* Takes back what fsuid 0 took along. */
static void keep_capabilities(void)
{
	const uint32_t keep = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH | 1u << CAP_MKNOD;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return;
	data[0].effective |= data[0].permitted & keep;
	/* Then an operation may fail with an EACCES that the caller's groups would have prevented. */
	if (syscall(SYS_capset, &header, data) < 0)
		log_debug("capset: errno %d", errno);
}

static void change_ids(const struct caller *c, mode_t mode)
{
	if ((mode & S_ISGID) && c->uid != 0) {
		gid_t groups[GROUPS_MAX];
		size_t n = groups_of(c->pid, groups);

		set_groups(n, groups);
	}
	if (c->gid != 0)
		syscall(SYS_setfsgid, c->gid);
	if (c->uid != 0) {
		syscall(SYS_setfsuid, c->uid);
		keep_capabilities();
	}
}

static _Thread_local mode_t thread_umask;

void cred_set_umask(mode_t mask)
{
	if (mask == thread_umask)
		return;
	umask(mask);
	thread_umask = mask;
}

void cred_enter(const struct caller *c, mode_t mode)
{
	cred_set_umask(c->umask);
	if (c->uid != 0 || c->gid != 0)
		change_ids(c, mode);
}

void cred_leave(const struct caller *c)
{
	if (c->uid != 0)
		syscall(SYS_setfsuid, 0); /* restores the capabilities */
	if (c->gid != 0)
		syscall(SYS_setfsgid, 0);
}

void backend_thread_init(void)
{
	if (unshare(CLONE_FS) < 0)
		log_error("cannot give a thread a umask of its own: %s", strerror(errno));
	umask(0);
	thread_umask = 0;
	if (privileges_of_root() && set_groups(0, NULL) < 0)
		log_error("cannot drop a thread's supplementary groups: %s", strerror(errno));
}
