/* The kernel's features and limits. */
#include "ctl/doctor/doctor.h"
#include "base/cleanup.h"
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define OPEN_FILES_MIN 16384ull

/* "6.1.0-18-amd64" to 6001; else 0. */
static unsigned kernel_number(const char *release)
{
	unsigned major = 0, minor = 0;

	return sscanf(release, "%u.%u", &major, &minor) == 2 && major < 1000 && minor < 1000
		   ? major * 1000 + minor
		   : 0;
}

void doctor_judge_kernel(struct doctor *d, const char *release)
{
	unsigned number = kernel_number(release);
	bool wanted = !d->config || d->config->passthrough;

	if (number == 0)
		doctor_find(d, DOCTOR_NOTE, "kernel", "", "the kernel calls itself %.64s: unknown to doctor",
			    release);
	else if (number < 5009)
		doctor_find(
		    d, DOCTOR_ERROR, "kernel",
		    "Use Linux 5.9 or later (Debian 12 has 6.1): guardfs needs close_range, pidfds and "
		    "openat2.",
		    "Linux %.64s is too old", release);
	else if (number < 6009)
		doctor_find(
		    d, DOCTOR_NOTE, "kernel", "",
		    "Linux %.64s: looks up in parallel, but has no FUSE passthrough (6.9): files of the "
		    "local tier are read and written through worker",
		    release);
	else
		doctor_find(d, DOCTOR_OK, "kernel", "", "Linux %.64s: parallel lookups, FUSE passthrough%s",
			    release,
			    !wanted ? " (switched off by the configuration)"
			    : d->status && !json_is_true(json_object_get(d->status, "passthrough"))
				? " (not in use by the running guardfs)"
				: "");
}

void doctor_check_calls(struct doctor *d)
{
	CLEANUP_FD int memory = memfd_create("doctor", MFD_CLOEXEC);
	int memory_error = errno;
	CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int pidfd_error = errno;

	if (memory >= 0 && pidfd >= 0)
		doctor_find(d, DOCTOR_OK, "system-calls", "", "memfd_create and pidfd_open work");
	if (memory < 0)
		doctor_find(d, DOCTOR_ERROR, "system-calls", "Lift what forbids it (seccomp, container).",
			    "memfd_create: %s", strerror(memory_error));
	if (pidfd < 0)
		doctor_find(d, DOCTOR_ERROR, "system-calls", "Lift what forbids it (seccomp, container).",
			    "pidfd_open: %s", strerror(pidfd_error));
}

static bool has_dir_backend(const struct doctor *d)
{
	for (uint32_t i = 0; d->config && i < d->config->n_backends; i++)
		if (d->config->backends[i].type == BACKEND_DIR)
			return true;
	return false;
}

static void check_fusectl(struct doctor *d)
{
	CLEANUP_FREE char *mounts = doctor_read(d, "/proc/self/mountinfo");

	if (mounts && strstr(mounts, " /sys/fs/fuse/connections ") && strstr(mounts, " - fusectl "))
		doctor_find(d, DOCTOR_OK, "fusectl", "", "/sys/fs/fuse/connections is mounted");
	else
		doctor_find(
		    d, has_dir_backend(d) ? DOCTOR_WARNING : DOCTOR_NOTE, "fusectl",
		    "mount -t fusectl none /sys/fs/fuse/connections",
		    "fusectl is not mounted: operations stuck in a dir backend on a FUSE mount cannot be "
		    "freed");
}

void doctor_check_fuse(struct doctor *d)
{
	char full[CTL_ABSOLUTE_MAX];
	struct stat st;

	if (stat(doctor_path(d, "/dev/fuse", full), &st) < 0)
		doctor_find(d, DOCTOR_ERROR, "dev-fuse", "modprobe fuse; in a container, hand in the device.",
			    "/dev/fuse: %s", strerror(errno));
	else if (!S_ISCHR(st.st_mode))
		doctor_find(d, DOCTOR_ERROR, "dev-fuse", "Remove it, then: modprobe fuse.",
			    "/dev/fuse is no character device");
	else
		doctor_find(d, DOCTOR_OK, "dev-fuse", "", "/dev/fuse is there");
	check_fusectl(d);
}

static bool allows_other(const char *text)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += strspn(line, " \t\n");
		if (strncmp(line, "user_allow_other", 16) == 0 && strchr(" \t\r\n", line[16]))
			return true;
	}
	return false;
}

void doctor_check_fuse_conf(struct doctor *d)
{
	CLEANUP_FREE char *text = doctor_read(d, "/etc/fuse.conf");

	if (doctor_guardian_uid(d) == 0)
		doctor_find(d, DOCTOR_OK, "fuse-conf", "",
			    "user_allow_other is not needed: guardfs runs as root");
	else if (text && allows_other(text))
		doctor_find(d, DOCTOR_OK, "fuse-conf", "", "user_allow_other is set");
	else
		doctor_find(
		    d, DOCTOR_ERROR, "fuse-conf", "Add a line user_allow_other to /etc/fuse.conf.",
		    "guardfs does not run as root, and /etc/fuse.conf does not allow it to serve others");
}

static bool nearly(uint64_t used, uint64_t max)
{
	return max && used > max / 10 * 8;
}

void doctor_check_files(struct doctor *d)
{
	CLEANUP_FREE char *text = doctor_read(d, "/proc/sys/fs/file-nr");
	unsigned long long used = 0, max = 0;

	if (!text || sscanf(text, "%llu %*u %llu", &used, &max) != 2)
		doctor_find(d, DOCTOR_NOTE, "files", "", "/proc/sys/fs/file-nr cannot be read");
	else if (nearly(used, max))
		doctor_find(d, DOCTOR_WARNING, "files", "Raise it: sysctl fs.file-max=N.",
			    "%llu of %llu files that the whole system may have open are open", used, max);
	else
		doctor_find(d, DOCTOR_OK, "files", "", "%llu of %llu files are open on the whole system",
			    used, max);
}

static unsigned long long limit_number(const char *word)
{
	return strncmp(word, "unlimited", 9) == 0 ? UINT64_MAX : strtoull(word, NULL, 10);
}

/* From /proc/PID/limits. False: not found. */
static bool open_files_limits(const char *limits, unsigned long long *soft, unsigned long long *hard)
{
	const char *line = strstr(limits, "Max open files");

	if (!line)
		return false;
	line += strlen("Max open files");
	line += strspn(line, " ");
	*soft = limit_number(line);
	line += strcspn(line, " ");
	*hard = limit_number(line + strspn(line, " "));
	return *soft > 0;
}

void doctor_check_open_files(struct doctor *d)
{
	CLEANUP_FREE char *text = NULL;
	unsigned long long soft = 0, hard = 0;
	char name[64];

	if (!doctor_guardian_pid(d))
		return;
	snprintf(name, sizeof(name), "/proc/%d/limits", (int)doctor_guardian_pid(d));
	text = doctor_read(d, name);
	if (!text || !open_files_limits(text, &soft, &hard))
		doctor_find(d, DOCTOR_NOTE, "open-files", "Run guardctl doctor as root.", "%s cannot be read",
			    name);
	else if (soft < OPEN_FILES_MIN)
		doctor_find(
		    d, DOCTOR_WARNING, "open-files",
		    "LimitNOFILE=1048576 in its unit, or ulimit -Hn 1048576 before its start.",
		    "guardian may have %llu files open (hard limit %llu): too few for many open files "
		    "and large trees, and one user gets a part of them only",
		    soft, hard);
	else
		doctor_find(d, DOCTOR_OK, "open-files", "",
			    "guardian may have %llu files open (hard limit %llu)", soft, hard);
}

static uint64_t number_in(const struct doctor *d, const char *path)
{
	CLEANUP_FREE char *text = doctor_read(d, path);
	unsigned long long n = 0;

	return text && sscanf(text, "%llu", &n) == 1 ? n : UINT64_MAX;
}

static uint64_t count_mounts(const struct doctor *d)
{
	CLEANUP_FREE char *mounts = doctor_read(d, "/proc/self/mountinfo");
	uint64_t n = 0;

	for (const char *p = mounts; p && (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

/* A UTS namespace of its own tells a carrier's processes, whatever sessions they make. */
static bool needs_uts_namespaces(const struct doctor *d)
{
	for (uint32_t i = 0; d->config && i < d->config->n_backends; i++)
		if (d->config->backends[i].type == BACKEND_COMMAND ||
		    backend_is_reached_by_ssh(&d->config->backends[i]))
			return true;
	return false;
}

static void check_uts_namespaces(struct doctor *d)
{
	enum doctor_severity severity = needs_uts_namespaces(d) ? DOCTOR_ERROR : DOCTOR_NOTE;
	char path[CTL_ABSOLUTE_MAX];

	if (number_in(d, "/proc/sys/user/max_uts_namespaces") == 0)
		doctor_find(
		    d, severity, "uts-namespaces", "sysctl user.max_uts_namespaces=1000",
		    "no UTS namespace may be made (user.max_uts_namespaces = 0): backends with type = "
		    "command or stream = openssh need one");
	else if (access(doctor_path(d, "/proc/self/ns/uts", path), F_OK) < 0)
		doctor_find(
		    d, severity, "uts-namespaces", "Use a kernel with CONFIG_UTS_NS.",
		    "the kernel has no UTS namespaces: backends with type = command or stream = openssh "
		    "need one");
	else
		doctor_find(d, DOCTOR_OK, "uts-namespaces", "", "keeper may make UTS namespaces");
}

void doctor_check_namespaces(struct doctor *d)
{
	uint64_t max = number_in(d, "/proc/sys/fs/mount-max"), used = count_mounts(d);

	if (number_in(d, "/proc/sys/user/max_mnt_namespaces") == 0)
		doctor_find(d, DOCTOR_ERROR, "namespaces", "sysctl user.max_mnt_namespaces=1000",
			    "no mount namespace may be made (user.max_mnt_namespaces = 0): keeper needs one");
	else
		doctor_find(d, DOCTOR_OK, "namespaces", "", "keeper may make its mount namespace");
	check_uts_namespaces(d);
	if (max == UINT64_MAX)
		doctor_find(d, DOCTOR_NOTE, "mount-max", "", "/proc/sys/fs/mount-max cannot be read");
	else if (nearly(used, max))
		doctor_find(
		    d, DOCTOR_WARNING, "mount-max", "Find what mounts so much, or raise fs.mount-max.",
		    "%llu of %llu mounts are in use", (unsigned long long)used, (unsigned long long)max);
	else
		doctor_find(d, DOCTOR_OK, "mount-max", "", "%llu of %llu mounts are in use",
			    (unsigned long long)used, (unsigned long long)max);
}
