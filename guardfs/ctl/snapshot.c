/* guardctl snapshot: an operator's first questions on a page. Slow parts run in a child with a time limit, so
 * the page always comes. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/mounts.h"
#include "control/client.h"
#include "ctl/capture.h"
#include "ctl/ctl.h"
#include "ctl/show.h"
#include "report/report.h"

#include <stdio.h>
#include <sys/utsname.h>

#define PART_MS	  3000 /* for a slow part; doctor runs programs */
#define DOCTOR_MS 15000
#define LINES	  "25"
#define INCIDENTS 5
#define TEXT_MAX  (256u * 1024)

struct page {
	FILE *out;
	const struct ctl_options *options;
	/* status may be NULL */
	const struct ctl_instance *instance;
	const char *message;
};

/* malloc'ed; NULL: not run, or late. */
static char *output_of(const char *const *argv, unsigned ms)
{
	char *text = malloc(TEXT_MAX);

	if (text && capture_run(argv, CAPTURE_OUTPUT, ms, text, TEXT_MAX) >= 0)
		return text;
	free(text);
	return NULL;
}

static void heading(const struct page *p, const char *text)
{
	fprintf(p->out, "\n== %s\n", text);
}

/* Makes each line harmless. */
static void put_lines(const struct page *p, char *text)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n"))) {
		if (!line[0] && !rest)
			break;
		for (char *c = line; *c; c++)
			if (*c == '\t')
				*c = ' ';
		fputs("  ", p->out);
		show_plain(p->out, line);
		fputc('\n', p->out);
	}
}

static void put_status(const struct page *p)
{
	size_t length;
	CLEANUP_FREE char *text = NULL;

	if (!p->instance->status) {
		fputs("  ", p->out);
		show_plain(p->out, p->message);
		fputc('\n', p->out);
		return;
	}
	if (ctl_instance_stale(p->instance))
		fprintf(p->out, "  OLD: written %lld s ago, keeper does not renew it\n",
			(long long)p->instance->age);
	text = report_text_from_json(p->instance->status, p->instance->now, &length);
	fputs(text ? text : "  short of memory\n", p->out);
}

static void put_jobs(const struct page *p)
{
	heading(p, "jobs");
	show_jobs(p->out, p->instance->status, (double)p->instance->now);
}

static void put_incidents(const struct page *p)
{
	json_t *reply = NULL;
	errint_t err;

	heading(p, "last incidents");
	err = control_call(p->instance->run_dir, "incidents", json_pack("{s:i}", "limit", INCIDENTS), PART_MS,
			   NULL, NULL, &reply);
	if (err)
		fprintf(p->out, "  keeper cannot be asked: %s\n", strerror(-err));
	else if (json_is_true(json_object_get(reply, "ok")))
		show_incidents(p->out, json_object_get(reply, "result"));
	else
		fprintf(p->out, "  keeper does not say: %s\n", ctl_text(reply, "message"));
	json_decref(reply);
}

static void put_doctor(const struct page *p)
{
	const char *argv[8] = {"/proc/self/exe", "doctor", "--json"};
	CLEANUP_FREE char *text = NULL;
	const json_t *finding;
	json_t *findings;
	size_t i, n = 3, shown = 0;

	heading(p, "doctor's warnings");
	if (p->options->name || p->options->config || p->options->mountpoint) {
		argv[n++] = p->options->name ? "-n" : p->options->config ? "-c" : "-m";
		argv[n++] = p->options->name	 ? p->options->name
			    : p->options->config ? p->options->config
						 : p->options->mountpoint;
	}
	text = output_of(argv, DOCTOR_MS);
	findings = text ? json_loads(text, 0, NULL) : NULL;
	json_array_foreach(findings, i, finding)
	{
		const char *severity = ctl_text(finding, "severity");

		if (strcmp(severity, "warning") != 0 && strcmp(severity, "error") != 0)
			continue;
		shown++;
		fprintf(p->out, "  %-8s ", severity);
		show_cell(p->out, ctl_text(finding, "id"), 20);
		show_plain(p->out, ctl_text(finding, "found"));
		fputc('\n', p->out);
	}
	if (!json_is_array(findings))
		fputs("  not known: guardctl doctor did not end in time\n", p->out);
	else if (shown == 0)
		fputs("  none\n", p->out);
	json_decref(findings);
}

/* From /proc/PID/status, as one line. */
static void put_process(const struct page *p, const char *what, int64_t pid)
{
	static const char *const keys[] = {"State:", "VmRSS:", "Threads:", "voluntary_ctxt_switches:"};
	char path[64], text[8192];

	snprintf(path, sizeof(path), "/proc/%lld/status", (long long)pid);
	fprintf(p->out, "  %-20.32s %7lld", what, (long long)pid);
	if (pid <= 0 || fd_read_file(path, text, sizeof(text)) <= 0) {
		fputs(" is not there\n", p->out);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *at = strstr(text, keys[i]);

		if (!at)
			continue;
		fprintf(p->out, "  %.*s", (int)strcspn(at, "\t:"), at);
		at += strlen(keys[i]);
		at += strspn(at, " \t");
		fprintf(p->out, " %.*s", (int)strcspn(at, "\n"), at);
	}
	fputc('\n', p->out);
}

static void put_processes(const struct page *p)
{
	static const char *const names[] = {"guardian", "worker", "keeper"};
	const json_t *pids = json_object_get(p->instance->status, "processes"), *backend;
	size_t i;

	heading(p, "processes");
	for (i = 0; i < ARRAY_SIZE(names); i++)
		put_process(p, names[i], ctl_number(pids, names[i]));
	json_array_foreach(json_object_get(p->instance->status, "backends"), i, backend)
	{
		char what[64];

		snprintf(what, sizeof(what), "sshfs of %.32s", ctl_text(backend, "name"));
		if (ctl_number(backend, "pid"))
			put_process(p, what, ctl_number(backend, "pid"));
	}
}

static void put_version(const struct page *p, const char *name, const char *command)
{
	const char *argv[] = {"sh", "-c", command, NULL};
	CLEANUP_FREE char *text = output_of(argv, PART_MS);

	fprintf(p->out, "  %-10s", name);
	show_plain(p->out, text && text[0] ? strtok(text, "\n") : "not known");
	fputc('\n', p->out);
}

static void put_versions(const struct page *p)
{
	char uptime[64] = "";
	struct utsname name;

	heading(p, "versions");
	fprintf(p->out, "  %-10s", "guardfs");
	show_plain(p->out, p->instance->status ? ctl_text(p->instance->status, "version") : "not running");
	fprintf(p->out, "\n  %-10s%s\n", "guardctl", GUARDFS_VERSION);
	if (uname(&name) == 0)
		fprintf(p->out, "  %-10s%s %s %s\n", "kernel", name.release, name.version, name.machine);
	/* fusermount's own comes first. */
	put_version(p, "sshfs", "sshfs -V 2>&1 | grep SSHFS");
	put_version(p, "ssh", "ssh -V 2>&1");
	if (fd_read_file("/proc/uptime", uptime, sizeof(uptime)) > 0) {
		fprintf(p->out, "  %-10s", "up");
		show_span(p->out, strtod(uptime, NULL));
		fputc('\n', p->out);
	}
}

static void put_mounts(const struct page *p)
{
	CLEANUP_FILE FILE *f = fopen("/proc/self/mountinfo", "re");
	CLEANUP_FREE char *line = NULL;
	struct mount_entry *entry = malloc(sizeof(*entry));
	const json_t *backend;
	size_t size = 0, i, shown = 0;

	heading(p, "mounts");
	while (f && entry && getline(&line, &size, f) > 0) {
		bool ours;

		line[strcspn(line, "\n")] = '\0';
		if (mount_parse(line, entry) != 0)
			continue;
		ours = strcmp(entry->mountpoint, ctl_text(p->instance->status, "mountpoint")) == 0;
		json_array_foreach(json_object_get(p->instance->status, "backends"), i, backend) ours |=
		    strcmp(entry->mountpoint, ctl_text(backend, "expose")) == 0;
		if (!ours)
			continue;
		fputs("  ", p->out);
		show_plain(p->out, line);
		fputc('\n', p->out);
		shown++;
	}
	if (shown == 0)
		fputs("  nothing is mounted at its mountpoint\n", p->out);
	free(entry);
}

/* Where guardian's messages go: a regular file, or the journal. */
static void put_log(const struct page *p)
{
	long long pid = ctl_number(json_object_get(p->instance->status, "processes"), "guardian");
	const char *name = ctl_text(p->instance->status, "name");
	const char *tail[] = {"tail", "-n", LINES, NULL, NULL};
	const char *journal[] = {"journalctl", "-n",	    LINES, "--no-pager", "-q",
				 "-o",	       "short-iso", "-u",  NULL,	 NULL};
	char fd[64], unit[CONFIG_NAME_MAX + 16], target[CTL_ABSOLUTE_MAX] = "";
	CLEANUP_FREE char *text = NULL;

	heading(p, "log");
	snprintf(fd, sizeof(fd), "/proc/%lld/fd/2", pid);
	snprintf(unit, sizeof(unit), "guardfs@%.32s", name[0] ? name : "*");
	tail[3] = fd;
	journal[8] = unit;
	if (readlink(fd, target, sizeof(target) - 1) > 0 && target[0] == '/' &&
	    strncmp(target, "/dev/", 5) != 0) {
		fputs("  ", p->out);
		show_plain(p->out, target);
		fputs(":\n", p->out);
		text = output_of(tail, PART_MS);
	} else {
		text = output_of(journal, PART_MS);
	}
	if (text && text[0])
		put_lines(p, text);
	else
		fprintf(p->out, "  cannot be read from here: see journalctl -u '%s'\n", unit);
}

static void put_page(const struct page *p)
{
	char host[256] = "";

	(void)gethostname(host, sizeof(host) - 1);
	fputs("guardctl snapshot of ", p->out);
	show_plain(p->out, host);
	fputs(", ", p->out);
	show_time(p->out, (double)clock_real_ns() / (double)NSEC_PER_SEC);
	fputs("\n\n== status\n", p->out);
	put_status(p);
	put_jobs(p);
	put_incidents(p);
	put_doctor(p);
	put_processes(p);
	put_versions(p);
	put_mounts(p);
	put_log(p);
}

static int write_out(const struct ctl_options *options, const char *text, size_t size)
{
	errint_t err;

	if (!options->output) {
		fwrite(text, 1, size, stdout);
		return CTL_EXIT_OK;
	}
	/* For the operator alone: hosts, paths, failures. */
	err = fd_write_atomic(options->output, text, size, 0600, false);
	if (err)
		return ctl_fail(CTL_EXIT_REFUSED, "cannot write %s: %s", options->output, strerror(-err));
	return CTL_EXIT_OK;
}

int ctl_cmd_snapshot(const struct ctl_options *options, int argc, char **argv)
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX];
	CLEANUP_FREE char *text = NULL;
	size_t size = 0;
	int status = ctl_instance_open(&instance, options, ctl_run_root, message);
	struct page page = {.options = options, .instance = &instance, .message = message};

	(void)argc;
	(void)argv;
	if (status == CTL_EXIT_USAGE) {
		ctl_instance_release(&instance);
		return ctl_fail(status, "%s", message);
	}
	page.out = open_memstream(&text, &size);
	if (page.out) {
		put_page(&page);
		fclose(page.out);
	}
	ctl_instance_release(&instance);
	return text ? write_out(options, text, size) : ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
}
