/* Findings, and reading files. */
#include "ctl/doctor/doctor.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#define FILE_SIZE_MAX (1u << 20)

static const char *const severity_names[DOCTOR_SEVERITY_COUNT] = {"ok", "note", "warning", "error"};

const char *doctor_severity_name(enum doctor_severity severity)
{
	return severity_names[severity];
}

void doctor_find(struct doctor *d, enum doctor_severity severity, const char *id, const char *remedy,
		 const char *format, ...)
{
	CLEANUP_FREE char *found = NULL, *clean = NULL;
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clean = utf8_clean(text, sizeof(text));
	found = utf8_clean(id, SIZE_MAX);
	json_array_append_new(d->findings, json_pack("{s:s, s:s, s:s, s:s}", "id", found ? found : "",
						     "severity", severity_names[severity], "found",
						     clean ? clean : "", "remedy", remedy));
}

enum doctor_severity doctor_worst(const struct doctor *d)
{
	enum doctor_severity worst = DOCTOR_OK;
	const json_t *finding;
	size_t i;

	json_array_foreach(d->findings, i, finding)
	{
		for (unsigned s = worst; s < DOCTOR_SEVERITY_COUNT; s++)
			if (strcmp(ctl_text(finding, "severity"), severity_names[s]) == 0)
				worst = (enum doctor_severity)s;
	}
	return worst;
}

const char *doctor_path(const struct doctor *d, const char *path, char *buf)
{
	snprintf(buf, CTL_ABSOLUTE_MAX, "%s%s", d->root, path);
	return buf;
}

static char *read_all(int fd)
{
	char *text = malloc(FILE_SIZE_MAX);
	size_t used = 0;
	ssize_t n = 0;

	while (text && used + 1 < FILE_SIZE_MAX && (n = read(fd, text + used, FILE_SIZE_MAX - 1 - used)) > 0)
		used += (size_t)n;
	if (!text)
		return NULL;
	text[used] = '\0';
	return text;
}

char *doctor_read(const struct doctor *d, const char *path)
{
	char full[CTL_ABSOLUTE_MAX];
	CLEANUP_FD int fd = open(doctor_path(d, path, full), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	return read_all(fd);
}

pid_t doctor_guardian_pid(const struct doctor *d)
{
	int64_t pid = ctl_number(json_object_get(d->status, "processes"), "guardian");

	return pid > 1 && pid < INT32_MAX ? (pid_t)pid : 0;
}

uid_t doctor_guardian_uid(const struct doctor *d)
{
	char name[32], full[CTL_ABSOLUTE_MAX];
	struct stat st;

	snprintf(name, sizeof(name), "/proc/%d", (int)doctor_guardian_pid(d));
	return doctor_guardian_pid(d) && stat(doctor_path(d, name, full), &st) == 0 ? st.st_uid : 0;
}
