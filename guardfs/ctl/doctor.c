/* doctor.c: guardctl doctor: the table of checks, and what is printed. */
#include "ctl/doctor.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define FILE_SIZE_MAX (1u << 20)

static const char *const severity_names[DOCTOR_SEVERITY_COUNT] = {"ok", "note", "warning", "error"};

const char *doctor_severity_name(enum doctor_severity severity)
{
	return severity_names[severity];
}

/* ---- for the checks ---- */

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

/* ---- the checks ---- */

static void check_kernel(struct doctor *d)
{
	struct utsname name;

	if (uname(&name) == 0)
		doctor_judge_kernel(d, name.release);
}

static const struct {
	const char *name; /* for people who read the code */
	void (*run)(struct doctor *d);
} checks[] = {
    {"which guardfs", doctor_check_instance},
    {"kernel", check_kernel},
    {"system calls", doctor_check_calls},
    {"/dev/fuse and fusectl", doctor_check_fuse},
    {"/etc/fuse.conf", doctor_check_fuse_conf},
    {"open files of the system", doctor_check_files},
    {"open files of guardian", doctor_check_open_files},
    {"mounts and namespaces", doctor_check_namespaces},
    {"configuration", doctor_check_config},
    {"private keys", doctor_check_identities},
    {"known hosts", doctor_check_known_hosts},
    {"sentinel and hooks", doctor_check_hooks},
    {"manifest", doctor_check_manifest},
    {"routes", doctor_check_routes},
    {"figures for node_exporter", doctor_check_textfile},
    {"mount table", doctor_check_mounts},
    {"clock", doctor_check_clock},
    {"disk space", doctor_check_disk},
    {"systemd units", doctor_check_units},
    {"needrestart", doctor_check_needrestart},
    {"programs and libraries", doctor_check_programs},
    {"backends", doctor_check_backends},
    {"what their servers offer", doctor_check_servers},
    {"processes", doctor_check_processes},
    {"journal", doctor_check_journal},
};

/* ---- the command ---- */

static void print_findings(const struct doctor *d)
{
	unsigned counts[DOCTOR_SEVERITY_COUNT] = {0};
	const json_t *finding;
	size_t i;

	json_array_foreach(d->findings, i, finding)
	{
		printf("%-8s %-22s ", ctl_text(finding, "severity"), ctl_text(finding, "id"));
		utf8_print_escaped(stdout, ctl_text(finding, "found"), SIZE_MAX);
		putchar('\n');
		if (*ctl_text(finding, "remedy"))
			printf("%32s%s\n", "-> ", ctl_text(finding, "remedy"));
		for (unsigned s = 0; s < DOCTOR_SEVERITY_COUNT; s++)
			counts[s] += strcmp(ctl_text(finding, "severity"), severity_names[s]) == 0;
	}
	printf("%u errors, %u warnings, %u notes, %u ok\n", counts[DOCTOR_ERROR], counts[DOCTOR_WARNING],
	       counts[DOCTOR_NOTE], counts[DOCTOR_OK]);
}

static int examine(struct doctor *d, bool json)
{
	enum doctor_severity worst;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		checks[i].run(d);
	if (json)
		(void)ctl_print_json(d->findings);
	else
		print_findings(d);
	worst = doctor_worst(d);
	return worst == DOCTOR_ERROR	 ? CTL_EXIT_DOWN
	       : worst == DOCTOR_WARNING ? CTL_EXIT_DEGRADED
					 : CTL_EXIT_OK;
}

/* The file given, or the one that the running guardfs was started with. */
static void load_config(struct doctor *d, struct config *config, const struct ctl_options *options,
			char *error)
{
	const char *file = options->config ? options->config : ctl_text(d->status, "config");
	errint_t err = file[0] ? config_load(file, config, error) : -ENOENT;

	if (err == 0)
		d->config = config;
	else if (file[0] && !error[0])
		snprintf(error, CONFIG_ERROR_MAX, "%.300s: %s", file, strerror(-err));
}

int ctl_cmd_doctor(const struct ctl_options *options, int argc, char **argv)
{
	CLEANUP_FREE struct config *config = calloc(1, sizeof(*config));
	char message[CTL_MESSAGE_MAX], error[CONFIG_ERROR_MAX] = "";
	struct ctl_instance instance;
	struct doctor d = {.root = "",
			   .run_root = ctl_run_root,
			   .config_message = error,
			   .status_message = message,
			   .uid = geteuid(),
			   .now = (int64_t)(clock_real_ns() / NSEC_PER_SEC),
			   .findings = json_array()};
	int status;

	(void)argc;
	(void)argv;
	if (!config || !d.findings)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	status = ctl_instance_open(&instance, options, ctl_run_root, message);
	/* Several, and none named: which one is meant is not to be guessed. */
	if (status == CTL_EXIT_USAGE && !options->config) {
		ctl_instance_release(&instance);
		json_decref(d.findings);
		return ctl_fail(status, "%s", message);
	}
	d.status = status == CTL_EXIT_OK ? instance.status : NULL;
	d.run_dir = d.status ? instance.run_dir : NULL;
	load_config(&d, config, options, error);
	status = examine(&d, options->json);
	ctl_instance_release(&instance);
	json_decref(d.findings);
	return status;
}
