/* Clock, disks, systemd units, needrestart. */
#include "ctl/doctor/doctor.h"
#include "base/cleanup.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#define YEAR_MIN 2025
#define YEAR_MAX 2100

void doctor_judge_clock(struct doctor *d, bool synchronised)
{
	int64_t written = ctl_number(d->status, "time");
	time_t now = (time_t)d->now;
	struct tm tm = {0};
	char shown[40];

	gmtime_r(&now, &tm);
	strftime(shown, sizeof(shown), "%Y-%m-%d %H:%M:%S UTC", &tm);
	if (tm.tm_year + 1900 < YEAR_MIN || tm.tm_year + 1900 > YEAR_MAX)
		doctor_find(d, DOCTOR_ERROR, "clock", "Set it: timedatectl, or hwclock.", "the clock says %s",
			    shown);
	else if (d->now + 5 < written)
		doctor_find(d, DOCTOR_WARNING, "clock", "Find out what set it back.",
			    "the clock says %s, %lld s before guardfs last wrote its status", shown,
			    (long long)(written - d->now));
	else if (!synchronised)
		doctor_find(
		    d, DOCTOR_NOTE, "clock", "timedatectl set-ntp true",
		    "the clock says %s, but nothing keeps it in step: times in the journal may be off",
		    shown);
	else
		doctor_find(d, DOCTOR_OK, "clock", "", "the clock says %s, kept in step", shown);
}

void doctor_check_clock(struct doctor *d)
{
	struct timex t = {.modes = 0};

	doctor_judge_clock(d, adjtimex(&t) >= 0 && !(t.status & STA_UNSYNC));
}

#define FEW_BYTES (256ull << 20)

void doctor_judge_disk(struct doctor *d, const char *what, const char *path, const struct statvfs *v)
{
	unsigned long long free_bytes = (unsigned long long)v->f_bavail * v->f_frsize;
	unsigned long long bytes = (unsigned long long)v->f_blocks * v->f_frsize;
	bool no_inodes = v->f_files > 0 && v->f_favail <= v->f_files / 100;
	char id[64];

	snprintf(id, sizeof(id), "disk:%s", what);
	if (free_bytes == 0 || (v->f_files > 0 && v->f_favail == 0))
		doctor_find(d, DOCTOR_ERROR, id, "Free space, or inodes (df, df -i).", "no %s is left for %s",
			    free_bytes ? "inode" : "space", path);
	else if (no_inodes)
		doctor_find(d, DOCTOR_WARNING, id, "Remove small files (df -i).",
			    "%llu inodes are left for %s", (unsigned long long)v->f_favail, path);
	else if (free_bytes < MIN(bytes / 20, FEW_BYTES))
		doctor_find(d, DOCTOR_WARNING, id, "Free space (df).", "%llu MiB are left for %s",
			    free_bytes >> 20, path);
	else
		doctor_find(d, DOCTOR_OK, id, "", "%llu MiB are left for %s", free_bytes >> 20, path);
}

static void check_disk(struct doctor *d, const char *what, const char *path)
{
	struct statvfs v;
	char id[64];

	if (statvfs(path, &v) == 0) {
		doctor_judge_disk(d, what, path, &v);
		return;
	}
	snprintf(id, sizeof(id), "disk:%s", what);
	/* guardfs makes it at its start, except the local tier. */
	if (errno == ENOENT && !d->status && strcmp(what, "local") != 0)
		doctor_find(d, DOCTOR_NOTE, id, "", "%s is not there yet", path);
	else
		doctor_find(d, errno == EACCES ? DOCTOR_NOTE : DOCTOR_ERROR, id,
			    errno == EACCES ? "Run guardctl doctor as root." : "Create it.", "%s: %s", path,
			    strerror(errno));
}

void doctor_check_disk(struct doctor *d)
{
	if (!d->config)
		return;
	check_disk(d, "state_dir", d->config->state_dir);
	check_disk(d, "run_dir", d->config->run_dir);
	check_disk(d, "local", d->config->local);
}

/* Each gives the service its own mount namespace: the host does not see mounts there. */
static const char *const namespace_keys[] = {
    "PrivateTmp",	    "PrivateDevices",	   "PrivateMounts",

    "ProtectSystem",	    "ProtectHome",	   "ProtectKernelTunables",
    "ProtectKernelModules", "ProtectKernelLogs",   "ProtectControlGroups",
    "ProtectProc",	    "ProcSubset",	   "ReadOnlyPaths",
    "ReadWritePaths",	    "InaccessiblePaths",   "ExecPaths",
    "NoExecPaths",	    "TemporaryFileSystem", "BindPaths",
    "BindReadOnlyPaths",    "RootDirectory",	   "RootImage",
    "MountFlags",	    "MountAPIVFS",	   "DynamicUser",

};

static bool is_off(const char *value)
{
	static const char *const words[] = {"", "no", "false", "off", "0", "default", "all"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return false;
}

struct unit {
	bool kill_mode, fd_store, bad;
};

static char *trimmed(char *s)
{
	size_t n;

	s += strspn(s, " \t\r");
	for (n = strlen(s); n > 0 && isspace((unsigned char)s[n - 1]); n--)
		s[n - 1] = '\0';
	return s;
}

static void judge_setting(struct doctor *d, const char *id, struct unit *u, const char *key,
			  const char *value)
{
	if (strcmp(key, "KillMode") == 0)
		u->kill_mode = strcmp(value, "process") == 0;
	if (strcmp(key, "FileDescriptorStoreMax") == 0)
		u->fd_store = atoi(value) >= 2;
	for (size_t i = 0; i < ARRAY_SIZE(namespace_keys); i++) {
		if (strcmp(key, namespace_keys[i]) != 0 || is_off(value))
			continue;
		u->bad = true;
		doctor_find(d, DOCTOR_ERROR, id, "Take it out, systemctl daemon-reload, restart guardfs.",
			    "%s=%s gives guardfs a mount namespace of its own: nobody else sees its mount",
			    key, value);
	}
}

static void read_unit(struct doctor *d, const char *id, const char *path, struct unit *u)
{
	CLEANUP_FREE char *text = doctor_read(d, path);
	char *rest = text, *line;

	while (rest && (line = strsep(&rest, "\n"))) {
		char *value;

		line = trimmed(line);
		value = strchr(line, '=');
		if (!value || line[0] == '#' || line[0] == ';')
			continue;
		*value++ = '\0';
		judge_setting(d, id, u, trimmed(line), trimmed(value));
	}
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void read_drop_ins(struct doctor *d, const char *id, const char *unit_path, struct unit *u)
{
	char path[CTL_ABSOLUTE_MAX], full[CTL_ABSOLUTE_MAX];
	CLEANUP_DIR DIR *dir = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%.2000s.d", unit_path);
	dir = opendir(doctor_path(d, path, full));
	while (dir && (entry = readdir(dir))) {
		if (!ends_with(entry->d_name, ".conf"))
			continue;
		snprintf(full, sizeof(full), "%.2000s/%.255s", path, entry->d_name);
		read_unit(d, id, full, u);
	}
}

static void check_unit(struct doctor *d, const char *directory, const char *name)
{
	char path[CTL_ABSOLUTE_MAX], id[300];
	struct unit u = {.bad = false};

	snprintf(path, sizeof(path), "%.1000s/%.255s", directory, name);
	snprintf(id, sizeof(id), "unit:%.255s", name);
	read_unit(d, id, path, &u);
	read_drop_ins(d, id, path, &u);
	if (!u.kill_mode)
		doctor_find(d, DOCTOR_ERROR, id, "KillMode=process",
			    "KillMode is not process: when guardian dies, systemd kills worker and keeper, "
			    "which could go on");
	if (!u.fd_store)
		doctor_find(d, DOCTOR_WARNING, id, "FileDescriptorStoreMax=8",
			    "no file descriptor store: the mount is lost with guardian");
	if (u.kill_mode && u.fd_store && !u.bad)
		doctor_find(d, DOCTOR_OK, id, "", "%s keeps the mount visible and alive", path);
}

void doctor_check_units(struct doctor *d)
{
	static const char *const places[] = {"/etc/systemd/system", "/run/systemd/system",
					     "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"};
	char full[CTL_ABSOLUTE_MAX];
	unsigned units = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		CLEANUP_DIR DIR *dir = opendir(doctor_path(d, places[i], full));
		struct dirent *entry;

		while (dir && (entry = readdir(dir))) {
			if (strncmp(entry->d_name, "guardfs", 7) != 0 ||
			    !ends_with(entry->d_name, ".service"))
				continue;
			check_unit(d, places[i], entry->d_name);
			units++;
		}
	}
	if (units == 0)
		doctor_find(d, DOCTOR_NOTE, "unit", "systemctl enable --now guardfs@NAME",
			    "no systemd unit of guardfs: nothing starts it again");
}

#define NEEDRESTART "/etc/needrestart"

static bool names_guardfs(const struct doctor *d, const char *path)
{
	CLEANUP_FREE char *text = doctor_read(d, path);
	char *rest = text, *line;

	while (rest && (line = strsep(&rest, "\n")))
		if (trimmed(line)[0] != '#' && strstr(line, "guardfs") != NULL)
			return true;
	return false;
}

/* needrestart restarts services after a library's update, on Ubuntu by itself. */
void doctor_check_needrestart(struct doctor *d)
{
	char path[CTL_ABSOLUTE_MAX], full[CTL_ABSOLUTE_MAX];
	CLEANUP_DIR DIR *dir = opendir(doctor_path(d, NEEDRESTART "/conf.d", full));
	bool spared = names_guardfs(d, NEEDRESTART "/needrestart.conf");
	struct dirent *entry;

	if (!dir)
		return;
	while (!spared && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), NEEDRESTART "/conf.d/%.255s", entry->d_name);
		spared = ends_with(entry->d_name, ".conf") && names_guardfs(d, path);
	}
	if (spared)
		doctor_find(d, DOCTOR_OK, "needrestart", "",
			    "needrestart is told about guardfs in " NEEDRESTART);
	else
		doctor_find(
		    d, DOCTOR_WARNING, "needrestart",
		    "Copy examples/needrestart/guardfs.conf of guardfs's documentation to " NEEDRESTART
		    "/conf.d.",
		    "after an update of a library needrestart restarts guardfs, which unmounts: containers "
		    "that bound "
		    "the mount lose it");
}
