/* guardctl doctor: the table of checks. */
#include "ctl/doctor/doctor.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

static void check_kernel(struct doctor *d)
{
	struct utsname name;

	if (uname(&name) == 0)
		doctor_judge_kernel(d, name.release);
}

static const struct {
	const char *name;
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
    {"passwords", doctor_check_passwords},
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
			counts[s] += strcmp(ctl_text(finding, "severity"),
					    doctor_severity_name((enum doctor_severity)s)) == 0;
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

/* The file given, or the running guardfs's. */
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
	/* Several run: no guess. */
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
