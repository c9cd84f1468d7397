/* guardctl, run as a whole in child processes against runtime directories made up here: exit statuses,
 * output, staleness, lookup. */
#include "guardctl-util.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "ctl/complete.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>

static json_t *backend_json(const char *name, const char *state, const char *class)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "name", name, "type", "dir", "state", state,
			 "class", class, "since", 1700000000, "expose",
			 strcmp(name, "box") == 0 ? "/srv/box" : "");
}

static json_t *route_json(const char *path, const char *backend, const char *state, const char *class)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i}", "path", path, "backend", backend, "state", state,
			 "class", class, "since", 1700000001);
}

/* A status of guardfs NAME, age seconds old, whose guardian is pid; box is down, nas healthy. */
static json_t *status_json(const char *name, int age, int pid)
{
	char mountpoint[128];

	snprintf(mountpoint, sizeof(mountpoint), "%s/mnt", sandbox);
	return json_pack(
	    "{s:i, s:I, s:s, s:s, s:s, s:{s:i}, s:b, s:i, s:[o,o], s:[o,o,o]}", "schema", 1, "time",
	    (json_int_t)time(NULL) - age, "name", name, "state", "degraded", "mountpoint", mountpoint,
	    "processes", "guardian", pid, "serving", 1, "started", 1699999999, "backends",
	    backend_json("box", "down", "timeout"), backend_json("nas", "healthy", "none"), "routes",
	    route_json("hc/a", "box", "down", "timeout"), route_json("hc/a/deep", "nas", "healthy", "none"),
	    route_json("odd\xEF\xBF\xBD", "nas", "degraded", "io_error"));
}

static void publish(const char *name, json_t *status, const char *health)
{
	char path[256];

	snprintf(path, sizeof(path), "run/%s", name);
	assert_int_equal(fd_mkdir_parents(path, 0755), 0);
	snprintf(path, sizeof(path), "run/%s/status.json", name);
	assert_int_equal(json_dump_file(status, path, 0), 0);
	json_decref(status);
	snprintf(path, sizeof(path), "run/%s/health", name);
	assert_int_equal(fd_write_atomic(path, health, strlen(health), 0644, false), 0);
}

static int set_up(void **state)
{
	(void)state;
	ctl_run_root = "run"; /* relative: the tests run in a directory of their own */
	return enter_sandbox("guardfs-test-ctl");
}

static int tear_down(void **state)
{
	(void)state;
	return leave_sandbox();
}

static pid_t dead_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void wrong_usage_is_100(void **state)
{
	static const char *const lines[] = {"",
					    "frob",
					    "status extra",
					    "status --state x",
					    "health a b",
					    "adopt",
					    "--frob",
					    "-n",
					    "-n ../jobs status",
					    "-n jobs -c /f status",
					    "wait --state healthy",
					    "wait --timeout 1s",
					    "wait --state nonsense --timeout 1s",
					    "wait --state healthy --timeout 1x",
					    "help frob"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(guardctl(lines[i]), CTL_EXIT_USAGE);
		assert_string_equal(output, "");
		assert_string_not_equal(errors, "");
	}
}

static void every_command_has_help(void **state)
{
	(void)state;
	assert_int_equal(guardctl("--help"), 0);
	for (const struct ctl_command *c = ctl_commands; c->name; c++) {
		char line[64];

		guardctl("--help");
		assert_non_null(strstr(output, c->name));
		snprintf(line, sizeof(line), "%s --help", c->name);
		assert_int_equal(guardctl(line), 0);
		assert_non_null(strstr(output, c->summary));
		snprintf(line, sizeof(line), "help %s", c->name);
		assert_int_equal(guardctl(line), 0);
	}
	assert_int_equal(guardctl("--version"), 0);
	assert_string_equal(output, "guardctl " GUARDFS_VERSION "\n");
}

/* The manual page without its marks, so that it can be compared with what --help prints. */
static char *read_page(void)
{
	char *page = malloc(1 << 16), *to = page;
	ssize_t n = fd_read_file("docs/man/guardctl.1.scd", page, 1 << 16);

	assert_true(n > 0);
	for (const char *from = page; *from; from++)
		if (!strchr("*_\\", *from))
			*to++ = *from;
	*to = '\0';
	return page;
}

static void the_manual_page_knows_every_command(void **state)
{
	char *page = read_page(), line[256];

	(void)state;
	for (const struct ctl_command *c = ctl_commands; c->name; c++) {
		const char *space = c->arguments[0] ? " " : "";

		snprintf(line, sizeof(line), "guardctl %s%s%s%s", c->options ? "[-n NAME | -c FILE] " : "",
			 c->name, space, c->arguments);
		if (!strstr(page, line))
			fail_msg("SYNOPSIS lacks: %s", line);
		snprintf(line, sizeof(line), "\n%s%s%s\n", c->name, space, c->arguments);
		if (c->options && !strstr(page, line))
			fail_msg("COMMANDS lacks:%s", line);
	}
	for (size_t i = 0; i < CTL_OPTION_ROWS; i++) {
		snprintf(line, sizeof(line), "--%s", ctl_option_rows[i].name);
		if (!strstr(page, line))
			fail_msg("the page lacks %s", line);
	}
	free(page);
}

static void nothing_running_is_111(void **state)
{
	(void)state;
	assert_int_equal(guardctl("status"), CTL_EXIT_UNREACHABLE);
	assert_int_equal(guardctl("health"), CTL_EXIT_UNREACHABLE);
	assert_int_equal(guardctl("-n jobs health"), CTL_EXIT_UNREACHABLE);
	assert_non_null(strstr(errors, "not running"));
}

static void the_only_one_is_found_several_are_named(void **state)
{
	(void)state;
	publish("jobs", status_json("jobs", 0, getpid()), "degraded timeout 1700000000 box down\n");
	assert_int_equal(guardctl("status"), 0);
	assert_non_null(strstr(output, "guardfs jobs on "));
	publish("other", status_json("other", 0, getpid()), "ok none 1700000000\n");
	assert_int_equal(guardctl("status"), CTL_EXIT_USAGE);
	assert_non_null(strstr(errors, " jobs"));
	assert_non_null(strstr(errors, " other"));
	assert_int_equal(guardctl("-n other health"), 0);
	assert_string_equal(output, "ok none 1700000000\n");
	assert_int_equal(guardctl("health -n jobs"), CTL_EXIT_DEGRADED);
}

static void one_is_found_by_its_mountpoint(void **state)
{
	char line[256];

	(void)state;
	publish("jobs", status_json("jobs", 0, getpid()), "ok none 1700000000\n");
	snprintf(line, sizeof(line), "-m %s/mnt/ health", sandbox);
	assert_int_equal(guardctl(line), 0);
	snprintf(line, sizeof(line), "-m %s/other health", sandbox);
	assert_int_equal(guardctl(line), CTL_EXIT_UNREACHABLE);
	assert_non_null(strstr(errors, "/other"));
	assert_int_equal(guardctl("-m .. health"), CTL_EXIT_USAGE);
	snprintf(line, sizeof(line), "-n jobs -m %s/mnt health", sandbox);
	assert_int_equal(guardctl(line), CTL_EXIT_USAGE);
}

static void what_has_stopped_is_no_instance(void **state)
{
	(void)state;
	publish("jobs", status_json("jobs", 0, getpid()), "ok none 1\n");
	assert_int_equal(fd_mkdir_parents("run/stopped", 0755), 0);
	assert_int_equal(fd_write_atomic("run/stopped/log", "ending\n", 7, 0640, false), 0);
	publish("killed", status_json("killed", 60, dead_process()), "ok none 1\n");
	assert_int_equal(guardctl("health"), 0);
	publish("jobs", status_json("jobs", 60, dead_process()), "ok none 1\n");
	assert_int_equal(guardctl("health"), CTL_EXIT_USAGE); /* neither runs: which one is meant? */
	assert_non_null(strstr(errors, " killed"));
	assert_null(strstr(errors, " stopped"));
}

static void a_configuration_leads_to_its_runtime_directory(void **state)
{
	char config[512], line[256];

	(void)state;
	snprintf(config, sizeof(config),
		 "[mount]\nname = x\nmountpoint = %s/mnt\nlocal = %s/l\nrun_dir = %s/run/jobs\n", sandbox,
		 sandbox, sandbox);
	assert_int_equal(fd_write_atomic("conf", config, strlen(config), 0600, false), 0);
	publish("jobs", status_json("jobs", 0, getpid()), "ok none 1\n");
	publish("other", status_json("other", 0, getpid()), "down timeout 1\n");
	snprintf(line, sizeof(line), "-c %s/conf health", sandbox);
	assert_int_equal(guardctl(line), 0);
	assert_string_equal(output, "ok none 1\n");
	assert_int_equal(fd_write_atomic("conf", "trash\n", 6, 0600, false), 0);
	assert_int_equal(guardctl(line), CTL_EXIT_USAGE);
	assert_non_null(strstr(errors, "conf:1: "));
	assert_int_equal(guardctl("-c /nonexistent/conf health"), CTL_EXIT_UNREACHABLE);
}

static void damaged_status_is_111(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "{\"schema\":2}", "{\"schema\":1,\"schema\":1}"};

	(void)state;
	assert_int_equal(fd_mkdir_parents("run/jobs", 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(fd_write_atomic("run/jobs/status.json", bad[i], strlen(bad[i]), 0644, false),
				 0);
		assert_int_equal(guardctl("status"), CTL_EXIT_UNREACHABLE);
	}
	assert_int_equal(unlink("run/jobs/status.json"), 0);
	assert_int_equal(mkfifo("run/jobs/status.json", 0644), 0); /* must not hang */
	assert_int_equal(guardctl("status"), CTL_EXIT_UNREACHABLE);
}

static void staleness_is_noticed(void **state)
{
	(void)state;
	publish("jobs", status_json("jobs", 60, dead_process()), "ok none 1\n");
	assert_int_equal(guardctl("health"), CTL_EXIT_UNREACHABLE);
	assert_non_null(strstr(errors, "not running"));
	publish("jobs", status_json("jobs", 60, getpid()), "ok none 1\n");
	assert_int_equal(guardctl("health"), CTL_EXIT_DEGRADED);
	assert_non_null(strstr(output, "degraded process 0 not renewed for 6"));
	assert_int_equal(guardctl("status"), 0);
	assert_non_null(strstr(errors, "warning"));
	publish("jobs", status_json("jobs", 5, dead_process()), "down timeout 1\n");
	assert_int_equal(guardctl("health"), CTL_EXIT_DOWN);
}

static void status_json_is_handed_through(void **state)
{
	json_t *parsed;

	(void)state;
	publish("jobs", status_json("jobs", 0, getpid()), "ok none 1\n");
	assert_int_equal(guardctl("status --json"), 0);
	parsed = json_loads(output, 0, NULL);
	assert_string_equal(ctl_text(parsed, "name"), "jobs");
	json_decref(parsed);
}

static void health_of(const char *path, int status, const char *expected)
{
	char line[256];

	snprintf(line, sizeof(line), "health %s", path);
	assert_int_equal(guardctl(line), status);
	assert_string_equal(output, expected);
}

/* None of these paths exists: nothing but the map can have answered. */
static void health_of_a_path_is_by_the_map(void **state)
{
	char below[128];

	(void)state;
	publish("jobs", status_json("jobs", 0, getpid()), "degraded timeout 1700000000 box down\n");
	health_of("mnt", 0, "ok none 1699999999 local\n");
	health_of("mnt/hc/ab", 0, "ok none 1699999999 local\n");
	health_of("mnt/hc/a", CTL_EXIT_DOWN, "down timeout 1700000001 box\n");
	health_of("./mnt//hc/./x/../a/f", CTL_EXIT_DOWN, "down timeout 1700000001 box\n");
	health_of("mnt/hc/a/deep/f", 0, "ok none 1700000001 nas\n");
	health_of("mnt/odd\xff/f", CTL_EXIT_DEGRADED, "degraded io_error 1700000001 nas\n");
	health_of("mnt/.guardfs/backends/box/f", CTL_EXIT_DOWN, "down timeout 1700000000 box\n");
	health_of("/srv/box/f", CTL_EXIT_DOWN, "down timeout 1700000000 box\n");
	snprintf(below, sizeof(below), "%s/mnt/hc/a/x", sandbox);
	health_of(below, CTL_EXIT_DOWN, "down timeout 1700000001 box\n");
	health_of("/srv/boxes", CTL_EXIT_USAGE, "");
	health_of("mnt/..", CTL_EXIT_USAGE, "");
}

static void wait_ends_in_time(void **state)
{
	(void)state;
	publish("jobs", status_json("jobs", 0, getpid()), "degraded timeout 1700000000 box down\n");
	assert_int_equal(guardctl("wait --state healthy --timeout 10s nas"), 0);
	assert_int_equal(guardctl("wait --state down --timeout 10s box"), 0);
	assert_int_equal(guardctl("wait --state healthy --timeout 120ms"), CTL_EXIT_TIMEOUT);
	assert_int_equal(guardctl("wait --state ok --timeout 0s"), CTL_EXIT_TIMEOUT);
	assert_int_equal(guardctl("wait --state healthy --timeout 10s absent"), CTL_EXIT_USAGE);
	assert_int_equal(guardctl("-n absent wait --state healthy --timeout 0s"), CTL_EXIT_TIMEOUT);
}

static void adopt_marks_once(void **state)
{
	static const char marker[] = "mnt/.guardfs/backends/box/.guardfs-id";
	char first[128], second[128];

	(void)state;
	publish("jobs", status_json("jobs", 0, getpid()), "ok none 1\n");
	assert_int_equal(guardctl("adopt absent"), CTL_EXIT_USAGE);
	assert_int_equal(guardctl("adopt box"), CTL_EXIT_REFUSED); /* no such directory */
	assert_int_equal(fd_mkdir_parents("mnt/.guardfs/backends/box", 0755), 0);
	assert_int_equal(guardctl("adopt box"), 0);
	read_back(marker, first, sizeof(first));
	assert_int_equal(strlen(first), 36 + 1);
	assert_memory_equal(output, first, 36 + 1);
	assert_non_null(strstr(output, "marker = "));
	assert_int_equal(guardctl("adopt box"), CTL_EXIT_REFUSED);
	assert_memory_equal(output, first, 36 + 1);
	read_back(marker, second, sizeof(second));
	assert_string_equal(first, second);
	assert_int_equal(fd_write_atomic(marker, "\033[2Jtrash\n", 10, 0644, false), 0);
	assert_int_equal(guardctl("adopt box"), CTL_EXIT_REFUSED);
	assert_string_equal(output, "");
}

static void paths_are_resolved_by_text(void **state)
{
	static const struct {
		const char *cwd, *path, *expected;
	} cases[] = {{"/a/b", "c", "/a/b/c"},	 {"/a/b", "../c", "/a/c"},
		     {"/a", "../../../c", "/c"}, {"/a", "/b/./c//d/", "/b/c/d"},
		     {"/a", "..", "/"},		 {"/a", "/", "/"},
		     {"/", "a", "/a"},		 {"/a", "...", "/a/..."}};
	char absolute[CTL_ABSOLUTE_MAX], small[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(ctl_path_absolute(cases[i].cwd, cases[i].path, absolute, sizeof(absolute)),
				 0);
		assert_string_equal(absolute, cases[i].expected);
	}
	assert_int_equal(ctl_path_absolute("/", "", absolute, sizeof(absolute)), -EINVAL);
	assert_int_equal(ctl_path_absolute("/", "abc", small, sizeof(small)), -ENAMETOOLONG);
	assert_int_equal(ctl_path_absolute("/", "ab", small, sizeof(small)), 0);
}

static void durations_have_units(void **state)
{
	static const char *const bad[] = {"", "s", "-1s", "1 s", "1d", "1.5s", "99999999999", "9999999999h"};
	uint64_t ms = 0;

	(void)state;
	assert_int_equal(ctl_parse_duration("250ms", &ms), 0);
	assert_int_equal(ms, 250);
	assert_int_equal(ctl_parse_duration("30", &ms), 0);
	assert_int_equal(ms, 30000);
	assert_int_equal(ctl_parse_duration("2m", &ms), 0);
	assert_int_equal(ms, 120000);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ctl_parse_duration(bad[i], &ms), -EINVAL);
}

/* The words offered for line, in order; its last word may be empty. */
static void assert_completes(const char *line, const char *expected)
{
	char words[4096] = "", *rest = output, *row, given[256];
	size_t used = 0;

	snprintf(given, sizeof(given), "complete -- %s", line);
	assert_int_equal(guardctl(given), 0);
	assert_string_equal(errors, "");
	while ((row = strsep(&rest, "\n")) && *row)
		used += (size_t)snprintf(words + used, sizeof(words) - used, "%s%.*s", used ? " " : "",
					 (int)strcspn(row, "\t"), row);
	assert_string_equal(words, expected);
}

static void lines_are_completed(void **state)
{
	(void)state;
	publish("jobs", status_json("jobs", 0, (int)getpid()), "degraded\n");
	assert_completes("rec", "recover reconnect");
	assert_completes("nonsense ",
			 "status watch health wait adopt recover reconnect hold resume diagnose incidents "
			 "incident report drill doctor classify tiers tier jobs stalled suspects "
			 "generations smoke snapshot sync verify complete version help");
	assert_completes("hold ", "box nas");
	assert_completes("hold n", "nas");
	assert_completes("hold nas ", "");
	assert_completes("hold nas --reason box --f", "--for");
	assert_completes("status --", "--name --config --mountpoint --json --help");
	assert_completes("drill h", "hang");
	assert_completes("drill hang b", "box");
	assert_completes("tier ", "add remove move");
	assert_completes("tier move x --to ", "local box nas");
	assert_completes("tier add x", ":directory");
	assert_completes("suspects ", "accept");
	assert_completes("suspects accept ", ":file");
	assert_completes("suspects --settled ", "accept");
	assert_completes("verify ", ":file");
	assert_completes("help sn", "snapshot");
	assert_completes("wait --state d", "degraded down");
	/* As zsh and as bash split it. */
	assert_completes("wait --state=d", "--state=degraded --state=down");
	assert_completes("wait --state = d", "degraded down");
	assert_completes("wait --state =",
			 "connecting healthy degraded down recovering probation held exhausted ok");
	/* Nobody answers for incidents. */
	assert_completes("incident ", "");
}

static void names_of_all_instances_are_offered(void **state)
{
	json_t *status = status_json("other", 0, (int)getpid());

	(void)state;
	json_object_set_new(status, "backends",
			    json_pack("[{s:s, s:s}, {s:s}, {s:s}, {s:s}, {s:s}]", "name", "third", "state",
				      "held", "name", ":file", "name", "a\nb", "name",
				      "a\xC2\x9B"
				      "b",
				      "name",
				      "a\xE2\x80\xAE"
				      "b"));
	publish("jobs", status_json("jobs", 0, (int)getpid()), "degraded\n");
	publish("other", status, "degraded\n");
	assert_completes("-n j", "jobs");
	assert_completes("-n other resume ", "third");
	assert_completes("--name=jobs resume ", "box nas");
	assert_completes("resume t", "third");
}

static void a_word_is_known(const char *word, void *arg)
{
	(void)arg;
	assert_true(complete_knows(word));
}

/* Who adds a command says in complete.c where its words come from. */
static void every_synopsis_can_be_completed(void **state)
{
	(void)state;
	for (const struct ctl_command *c = ctl_commands; c->name; c++)
		for (unsigned n = 0; n < 3; n++) {
			char move[] = "move", accept[] = "accept";
			char *const words[][3] = {{move, move, move}, {accept, accept, accept}};

			for (size_t i = 0; i < ARRAY_SIZE(words); i++)
				complete_positions(c, words[i], n, a_word_is_known, NULL);
		}
}

#define IN_A_SANDBOX(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_manual_page_knows_every_command), /* from the root of the sources */
	    IN_A_SANDBOX(wrong_usage_is_100),
	    IN_A_SANDBOX(every_command_has_help),
	    IN_A_SANDBOX(nothing_running_is_111),
	    IN_A_SANDBOX(the_only_one_is_found_several_are_named),
	    IN_A_SANDBOX(one_is_found_by_its_mountpoint),
	    IN_A_SANDBOX(what_has_stopped_is_no_instance),
	    IN_A_SANDBOX(a_configuration_leads_to_its_runtime_directory),
	    IN_A_SANDBOX(damaged_status_is_111),
	    IN_A_SANDBOX(staleness_is_noticed),
	    IN_A_SANDBOX(status_json_is_handed_through),
	    IN_A_SANDBOX(health_of_a_path_is_by_the_map),
	    IN_A_SANDBOX(wait_ends_in_time),
	    IN_A_SANDBOX(adopt_marks_once),
	    cmocka_unit_test(paths_are_resolved_by_text),
	    cmocka_unit_test(durations_have_units),
	    IN_A_SANDBOX(lines_are_completed),
	    IN_A_SANDBOX(names_of_all_instances_are_offered),
	    cmocka_unit_test(every_synopsis_can_be_completed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
