/* guardctl's commands that ask keeper, run as a whole in child processes against a keeper made up here. */

#include "guardctl-util.h"

#include "base/clock.h"
#include "base/fd.h"
#include "control/frame.h"
#include "control/server.h"
#include "ctl/drill.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static pid_t keeper;

static void holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

/* ---- keeper ---- */

static struct server *server;
static const char *mode; /* an error code, "mute", "endless" (no incident is ever closed), "none", or "" */
static unsigned looks;	 /* at incident 5 */

static json_t *an_incident(bool closed)
{
	return json_pack("{s:{s:i, s:s, s:s, s:s, s:f, s:f, s:f}, s:[], s:[]}", "incident", "id", 5, "kind",
			 "drill", "backend", "box", "class", "timeout", "began", 1767866400.0, "detected",
			 1767866404.0, "closed", closed ? 1767866430.0 : 0.0, "events", "samples");
}

static json_t *a_plan(void)
{
	return json_pack("{s:[{s:s, s:s, s:s, s:[{s:s}]}]}", "plans", "backend", "box", "class", "timeout",
			 "hash", "abc", "steps", "rung", "fence");
}

static json_t *answer_to(const char *command)
{
	if (strcmp(command, "plan") == 0 || strcmp(command, "recover") == 0 ||
	    strcmp(command, "reconnect") == 0)
		return a_plan();
	if (strcmp(command, "hold") == 0)
		return json_pack("{s:i}", "until", 1767866400);
	if (strcmp(command, "resume") == 0)
		return json_pack("{s:s}", "state", "down");
	if (strcmp(command, "diagnose") == 0)
		return json_pack("{s:s, s:s, s:s}", "backend", "box", "class", "refused", "advice",
				 "ring them up");
	if (strcmp(command, "incidents") == 0)
		return json_pack("{s:[{s:i}, {s:i}, {s:i}, s], s:s}", "incidents", "id", 9, "id", 5, "id", 4,
				 "?", "journal", "ok");
	if (strcmp(command, "drill") == 0)
		return json_pack("{s:i, s:i}", "last_incident", strcmp(mode, "none") == 0 ? 9 : 4, "until",
				 1767866420);
	return json_object();
}

/* Every request is kept in a file that the test looks at. */
static void on_request(void *arg, struct server_client *client, const struct server_request *request)
{
	const char *command = ctl_text(request->object, "command");
	char path[64];

	(void)arg;
	snprintf(path, sizeof(path), "request.%s", command);
	if (json_dump_file(request->object, path, JSON_COMPACT | JSON_SORT_KEYS) != 0)
		_exit(98);
	if (strcmp(mode, "mute") == 0)
		return;
	if (mode[0] && strcmp(mode, "endless") != 0 && strcmp(mode, "none") != 0)
		server_refuse(server, client, mode, "because");
	else if (strcmp(command, "incident") != 0)
		server_reply(server, client, answer_to(command));
	else if (++looks == 1)
		server_refuse(server, client, "unknown", "not yet");
	else
		server_reply(server, client, an_incident(looks > 3 && strcmp(mode, "endless") != 0));
}

static void on_lost(void *arg, struct server_client *client)
{
	(void)arg;
	(void)client;
}

static void serve(void)
{
	struct pollfd p[SERVER_POLL_MAX];

	for (;;) {
		uint64_t wake = UINT64_MAX;
		size_t n = server_fill_poll(server, p, &wake);

		if (poll(p, n, 100) >= 0)
			server_step(server, clock_mono_ns());
	}
}

static void start_keeper(const char *how)
{
	struct server_options options = {.group = (gid_t)-1, .request = on_request, .lost = on_lost};

	mode = how;
	looks = 0;
	snprintf(options.path, sizeof(options.path), "%s/run/jobs/" CONTROL_SOCKET, sandbox);
	(void)!unlink(options.path);
	keeper = fork();
	if (keeper == 0) {
		if (server_start(&options, &server) != 0)
			_exit(97);
		serve();
	}
	while (access(options.path, F_OK) != 0) /* it appears whole */
		assert_int_equal(waitpid(keeper, NULL, WNOHANG), 0);
}

static void end_keeper(void)
{
	if (keeper <= 0)
		return;
	kill(keeper, SIGKILL);
	waitpid(keeper, NULL, 0);
	keeper = 0;
}

static void publish_status(void)
{
	char mountpoint[128];
	json_t *status;

	snprintf(mountpoint, sizeof(mountpoint), "%s/mnt", sandbox);
	status = json_pack("{s:i, s:I, s:s, s:s, s:s, s:{s:i}, s:[{s:s}]}", "schema", 1, "time",
			   (json_int_t)time(NULL), "name", "jobs", "state", "ok", "mountpoint", mountpoint,
			   "processes", "guardian", (int)getpid(), "backends", "name", "box");
	assert_int_equal(fd_mkdir_parents("run/jobs", 0755), 0);
	assert_int_equal(fd_mkdir_parents("mnt/.guardfs/backends", 0755), 0);
	assert_int_equal(json_dump_file(status, "run/jobs/status.json", 0), 0);
	json_decref(status);
}

static int set_up(void **state)
{
	(void)state;
	ctl_run_root = "run"; /* relative: the tests run in a directory of their own */
	if (enter_sandbox("guardfs-test-ask") != 0)
		return -1;
	publish_status();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	end_keeper();
	return leave_sandbox();
}

static void was_asked(const char *command, const char *expected)
{
	char path[64], request[1024];

	snprintf(path, sizeof(path), "request.%s", command);
	read_back(path, request, sizeof(request));
	assert_string_equal(request, expected);
	assert_int_equal(unlink(path), 0);
}

/* ---- cases ---- */

static void wrong_usage_asks_nobody(void **state)
{
	static const char *const lines[] = {"recover a b",
					    "recover --dry-run --apply",
					    "recover --wait",
					    "reconnect",
					    "hold box",
					    "hold box --for 30m",
					    "hold box --reason x",
					    "hold box --for 0s --reason x",
					    "hold box --for never --reason x",
					    "hold box --for 1h --reason ",
					    "hold box --for 1h --reason \xff",
					    "resume",
					    "resume \xff",
					    "diagnose",
					    "incidents --since yesterday",
					    "incidents --limit 0",
					    "incidents --limit 1001",
					    "incidents --backend \xff",
					    "incident",
					    "incident 0",
					    "incident x",
					    "incident 1 --html",
					    "report 1",
					    "report x --html",
					    "drill hang",
					    "drill frob box --for 1s",
					    "drill hang box",
					    "drill hang absent --for 1s",
					    "drill hang box --for 1s --simulate --json"};

	(void)state;
	start_keeper("");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (guardctl(lines[i]) != CTL_EXIT_USAGE)
			fail_msg("%s: taken: %s", lines[i], errors);
		assert_string_equal(output, "");
		assert_string_not_equal(errors, "");
	}
	assert_int_equal(access("request.hold", F_OK), -1);
	assert_int_equal(access("request.drill", F_OK), -1);
}

static void recover_is_dry_unless_told_to_apply(void **state)
{
	(void)state;
	start_keeper("");
	assert_int_equal(guardctl("recover"), 0);
	was_asked("plan", "{\"command\":\"plan\",\"v\":1}");
	holds(output, "box: timeout");
	holds(output, "Nothing was done.");
	assert_int_equal(guardctl("recover box --dry-run"), 0);
	was_asked("plan", "{\"backend\":\"box\",\"command\":\"plan\",\"v\":1}");
	assert_int_equal(access("request.recover", F_OK), -1);
	assert_int_equal(guardctl("recover box --apply"), 0);
	was_asked("recover", "{\"backend\":\"box\",\"command\":\"recover\",\"v\":1}");
	holds(output, "Begun.");
	assert_int_equal(guardctl("recover --json"), 0);
	holds(output, "\"plans\"");
	assert_int_equal(guardctl("reconnect box"), 0);
	was_asked("reconnect", "{\"backend\":\"box\",\"command\":\"reconnect\",\"v\":1}");
}

static void hold_says_how_long_and_why(void **state)
{
	(void)state;
	start_keeper("");
	assert_int_equal(guardctl("hold box --for 1500ms --reason disk --wait"), 0);
	was_asked("hold",
		  "{\"backend\":\"box\",\"command\":\"hold\",\"reason\":\"disk\",\"seconds\":2,\"v\":1,"
		  "\"wait\":true}");
	holds(output, "box is held until 2026-01-08 ");
	assert_int_equal(guardctl("hold box --for 30m --reason disk"), 0);
	was_asked("hold",
		  "{\"backend\":\"box\",\"command\":\"hold\",\"reason\":\"disk\",\"seconds\":1800,\"v\":1,"
		  "\"wait\":false}");
	assert_int_equal(guardctl("resume box"), 0);
	was_asked("resume", "{\"backend\":\"box\",\"command\":\"resume\",\"v\":1}");
	assert_string_equal(output, "box goes on: down\n");
}

static void a_failed_diagnosis_is_1(void **state)
{
	(void)state;
	start_keeper("");
	assert_int_equal(guardctl("diagnose box"), CTL_EXIT_REFUSED);
	holds(output, "box: refused");
	holds(output, "ring them up");
	assert_int_equal(guardctl("diagnose box --json"), CTL_EXIT_REFUSED);
	holds(output, "\"class\": \"refused\"");
}

static void history_is_asked_for(void **state)
{
	char page[32768];

	(void)state;
	start_keeper("");
	assert_int_equal(guardctl("incidents --since 1767866400 --backend box --limit 7"), 0);
	was_asked("incidents",
		  "{\"backend\":\"box\",\"command\":\"incidents\",\"limit\":7,\"since\":1767866400,\"v\":1}");
	holds(output, "number  began");
	assert_int_equal(guardctl("incidents"), 0);
	was_asked("incidents", "{\"command\":\"incidents\",\"v\":1}");
	assert_int_equal(guardctl("incident 5"), CTL_EXIT_USAGE); /* the first look: unknown */
	assert_int_equal(guardctl("incident 5"), 0);
	was_asked("incident", "{\"command\":\"incident\",\"id\":5,\"v\":1}");
	holds(output, "drill 5: box, timeout");
	assert_int_equal(guardctl("incident 5 --json"), 0);
	holds(output, "\"detected\"");
	assert_int_equal(guardctl("report 5 --html"), 0);
	holds(output, "<!DOCTYPE html>");
	holds(output, "guardfs jobs");
	assert_int_equal(guardctl("report 5 --html --output page.html"), 0);
	assert_string_equal(output, "");
	read_back("page.html", page, sizeof(page));
	holds(page, "</html>");
	assert_int_equal(guardctl("report 5 --html -o absent/page.html"), CTL_EXIT_REFUSED);
}

static void refusals_have_their_status(void **state)
{
	static const struct {
		const char *code;
		int status;
		const char *hint;
	} cases[] = {{"usage", CTL_EXIT_USAGE, "help"},
		     {"version", CTL_EXIT_USAGE, "because"},
		     {"unknown", CTL_EXIT_USAGE, "because"},
		     {"denied", CTL_EXIT_REFUSED, "root"},
		     {"busy", CTL_EXIT_REFUSED, "Try again"},
		     {"refused", CTL_EXIT_REFUSED, "because"},
		     {"unavailable", CTL_EXIT_UNREACHABLE, "journal"},
		     {"frob", CTL_EXIT_REFUSED, "frob"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		start_keeper(cases[i].code);
		assert_int_equal(guardctl("resume box"), cases[i].status);
		holds(errors, "resume: ");
		holds(errors, "because");
		holds(errors, cases[i].hint);
		end_keeper();
	}
}

static void nobody_there_is_111(void **state)
{
	char path[128];

	(void)state;
	assert_int_equal(guardctl("resume box"), CTL_EXIT_UNREACHABLE);
	holds(errors, "keeper does not listen");
	start_keeper("");
	end_keeper(); /* the socket stays behind */
	snprintf(path, sizeof(path), "run/jobs/%s", CONTROL_SOCKET);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(guardctl("incidents"), CTL_EXIT_UNREACHABLE);
	holds(errors, "keeper does not listen");
	assert_int_equal(unlink("run/jobs/status.json"), 0);
	assert_int_equal(guardctl("incidents"), CTL_EXIT_UNREACHABLE);
	holds(errors, "no guardfs is running");
}

static void a_mute_keeper_is_75(void **state)
{
	json_t *result = NULL;
	struct ctl_instance instance = {.now = 0};

	(void)state;
	start_keeper("mute");
	assert_int_equal(copy_string(instance.run_dir, sizeof(instance.run_dir), "run/jobs"), 0);
	assert_int_equal(ctl_ask(&instance, "ping", NULL, 50, &result), CTL_EXIT_TIMEOUT);
	assert_null(result);
}

static void not_for_everybody(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (getuid() != 0)
		skip();
	start_keeper("");
	assert_int_equal(chmod(sandbox, 0755), 0);
	pid = fork();
	if (pid == 0) {
		json_t *result = NULL;
		struct ctl_instance instance = {.now = 0};

		(void)copy_string(instance.run_dir, sizeof(instance.run_dir), "run/jobs");
		redirect("err", 2);
		if (setresuid(65534, 65534, 65534) != 0)
			_exit(99);
		_exit(ctl_ask(&instance, "ping", NULL, 1000, &result));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), CTL_EXIT_REFUSED);
	read_back("err", errors, sizeof(errors));
	holds(errors, "control_group");
}

static void a_drill_is_measured_by_a_caller(void **state)
{
	json_t *answer, *caller;

	(void)state;
	start_keeper("");
	assert_int_equal(fd_write_atomic("mnt/.guardfs/backends/box", "", 0, 0644, false), 0);
	assert_int_equal(guardctl("drill hang box --for 20s"), 0);
	was_asked("drill",
		  "{\"backend\":\"box\",\"command\":\"drill\",\"kind\":\"hang\",\"seconds\":20,\"v\":1}");
	holds(output, "hang on box for 20 s: begun\n");
	holds(output, "detected      after 4.00 s\n");
	holds(output, "this caller   "); /* what it looks into is a file: */
	holds(output, " errors: the first (ENOTDIR) after ");
	holds(output, "guardctl incident 5 tells all of it\n");
	end_keeper();
	assert_int_equal(unlink("mnt/.guardfs/backends/box"), 0);
	assert_int_equal(fd_mkdir_parents("mnt/.guardfs/backends/box", 0755), 0);
	start_keeper("");
	assert_int_equal(guardctl("drill drop box --for 20s --json"), 0);
	answer = json_loads(output, 0, NULL);
	caller = json_object_get(answer, "caller");
	assert_in_range(ctl_number(caller, "calls"), 1, 1000);
	assert_int_equal(ctl_number(caller, "errors"), 0);
	assert_true(json_number_value(json_object_get(caller, "first_error_ms")) < 0);
	assert_int_equal(ctl_number(json_object_get(answer, "incident"), "id"), 5);
	json_decref(answer);
}

static void a_drill_may_lead_to_no_incident(void **state)
{
	(void)state;
	assert_int_equal(fd_mkdir_parents("mnt/.guardfs/backends/box", 0755), 0);
	start_keeper("none");
	assert_int_equal(guardctl("drill worker-kill box --for 1s"), 0);
	holds(output, "no incident: the backend was never lost\n");
	assert_int_equal(access("request.incident", F_OK), -1);
}

static void a_refused_drill_hurts_nobody(void **state)
{
	(void)state;
	start_keeper("denied");
	assert_int_equal(guardctl("drill hang box --for 20s"), CTL_EXIT_REFUSED);
	assert_string_equal(output, "");
}

static void an_interrupted_drill_is_stopped(void **state)
{
	const struct timespec step = {.tv_nsec = 5000000};
	pid_t pid;

	(void)state;
	start_keeper("endless");
	pid = begin_guardctl("drill hang box --for 20s");
	for (unsigned i = 0; i < 2000 && access("request.incident", F_OK) != 0; i++)
		nanosleep(&step, NULL); /* sleep-ok: between two looks */
	assert_int_equal(kill(pid, SIGINT), 0);
	assert_int_equal(end_guardctl(pid), CTL_EXIT_REFUSED);
	holds(errors, "interrupted: the drill was told to stop");
	was_asked("drill-stop", "{\"backend\":\"box\",\"command\":\"drill-stop\",\"v\":1}");
	holds(output, "this caller   ");
}

static void a_caller_is_gone_after_it_was_stopped(void **state)
{
	struct caller caller;
	pid_t pid;

	(void)state;
	assert_int_equal(caller_start(&caller, sandbox, false), 0);
	pid = caller.pid;
	while (atomic_load(&caller.seen->calls) < 2)
		sched_yield();
	caller_stop(&caller);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(atomic_load(&caller.seen->errors), 0);
	assert_true(atomic_load(&caller.seen->longest_ns) > 0);
	caller_release(&caller);
}

#define IN_A_SANDBOX(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_SANDBOX(wrong_usage_asks_nobody),
	    IN_A_SANDBOX(recover_is_dry_unless_told_to_apply),
	    IN_A_SANDBOX(hold_says_how_long_and_why),
	    IN_A_SANDBOX(a_failed_diagnosis_is_1),
	    IN_A_SANDBOX(history_is_asked_for),
	    IN_A_SANDBOX(refusals_have_their_status),
	    IN_A_SANDBOX(nobody_there_is_111),
	    IN_A_SANDBOX(a_mute_keeper_is_75),
	    IN_A_SANDBOX(not_for_everybody),
	    IN_A_SANDBOX(a_drill_is_measured_by_a_caller),
	    IN_A_SANDBOX(a_drill_may_lead_to_no_incident),
	    IN_A_SANDBOX(a_refused_drill_hurts_nobody),
	    IN_A_SANDBOX(an_interrupted_drill_is_stopped),
	    IN_A_SANDBOX(a_caller_is_gone_after_it_was_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
