/* guardctl health [PATH] */
#include "base/fd.h"
#include "ctl/ctl.h"
#include "policy/health.h"
#include "report/report.h"
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static int exit_of_word(const char *line)
{
	size_t n = strcspn(line, " \n");

	if (n == 2 && memcmp(line, "ok", n) == 0)
		return CTL_EXIT_OK;
	return n == 8 && memcmp(line, "degraded", n) == 0 ? CTL_EXIT_DEGRADED : CTL_EXIT_DOWN;
}

/* An "ok" that nobody renews is not passed on. */
static int print_line(const struct ctl_instance *instance, const char *line)
{
	int status = exit_of_word(line);

	if (status == CTL_EXIT_OK && ctl_instance_stale(instance)) {
		printf("degraded process 0 not renewed for %lld s, before that: %s\n",
		       (long long)instance->age, line);
		return CTL_EXIT_DEGRADED;
	}
	puts(line);
	return status;
}

static int whole(const struct ctl_instance *instance)
{
	char path[CONFIG_PATH_MAX + 16], line[REPORT_HEALTH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/health", instance->run_dir);
	n = fd_read_file(path, line, sizeof(line));
	if (n <= 0)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "cannot read %s: %s. Is guardfs running?", path,
				n ? strerror((int)-n) : "it is empty");
	line[strcspn(line, "\n")] = '\0';
	return print_line(instance, line);
}

/* getcwd(3) may walk upwards; the call touches nothing. */
static errint_t working_directory(char *buf, size_t size)
{
	if (syscall(SYS_getcwd, buf, size) < 0)
		return -errno;
	return buf[0] == '/' ? 0 : -ENOENT;
}

static int print_responsible(const struct ctl_instance *instance, const struct ctl_responsible *responsible)
{
	char line[REPORT_HEALTH_MAX];
	enum health_state state = HEALTH_HEALTHY;
	const char *class = "none";
	int64_t since = ctl_number(instance->status, "started");

	if (responsible->condition) {
		state = health_state_from_name(ctl_text(responsible->condition, "state"));
		class = ctl_text(responsible->condition, "class");
		since = ctl_number(responsible->condition, "since");
	}
	if (health_summarize(&state, 1) == HEALTH_SUMMARY_OK &&
	    !json_is_true(json_object_get(instance->status, "serving"))) {
		state = HEALTH_DEGRADED;
		class = "process";
		since = 0;
	}
	if (ctl_number(instance->status, "unmounted")) {
		state = HEALTH_DOWN;
		class = "unmounted";
		since = ctl_number(instance->status, "unmounted");
	}
	snprintf(line, sizeof(line), "%s %s %lld %s", health_summary_name(health_summarize(&state, 1)), class,
		 (long long)since, responsible->backend);
	return print_line(instance, line);
}

int ctl_responsible_named(const struct ctl_instance *instance, const char *path,
			  struct ctl_responsible *responsible)
{
	char cwd[CTL_ABSOLUTE_MAX] = "", absolute[CTL_ABSOLUTE_MAX];
	errint_t err = path[0] == '/' ? 0 : working_directory(cwd, sizeof(cwd));

	if (err)
		return ctl_fail(CTL_EXIT_USAGE, "the working directory has no path (%s): give PATH from / on",
				strerror(-err));
	err = ctl_path_absolute(cwd, path, absolute, sizeof(absolute));
	if (err)
		return ctl_fail(CTL_EXIT_USAGE, "PATH: %s", strerror(-err));
	err = ctl_responsible_for(instance->status, absolute, responsible);
	if (err == -ENOENT)
		return ctl_fail(CTL_EXIT_USAGE,
				"%s is not below %s, where this guardfs is mounted (symbolic links are not "
				"followed here). "
				"Give a path below it, or another -n NAME",
				absolute, ctl_text(instance->status, "mountpoint"));
	if (err)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "%s", strerror(-err));
	return CTL_EXIT_OK;
}

static int of_path(const struct ctl_instance *instance, const char *path)
{
	struct ctl_responsible responsible;
	int status = ctl_responsible_named(instance, path, &responsible);

	return status ? status : print_responsible(instance, &responsible);
}

int ctl_cmd_health(const struct ctl_options *options, int argc, char **argv)
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX];
	int status = ctl_instance_open(&instance, options, ctl_run_root, message);

	if (status)
		ctl_fail(status, "%s", message);
	else
		status = argc ? of_path(&instance, argv[0]) : whole(&instance);
	ctl_instance_release(&instance);
	return status;
}
