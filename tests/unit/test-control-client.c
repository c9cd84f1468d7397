/* The asking side of the control socket, beside a server that runs in a child process; and who may do what.
 */
#include "base/clock.h"
#include "control/client.h"
#include "control/frame.h"
#include "control/server.h"

#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OTHER_ID    65533
#define PATIENCE_MS 10000

static char sandbox[64];
static struct server *server;

static int set_up(void **state)
{
	(void)state;
	snprintf(sandbox, sizeof(sandbox), "/tmp/guardfs-test-control.XXXXXX");
	return mkdtemp(sandbox) && chmod(sandbox, 0755) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	char path[128];

	(void)state;
	server_stop(server);
	server = NULL;
	snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET, sandbox);
	unlink(path);
	return rmdir(sandbox);
}

/* How the child treats its clients. */
enum manner { ANSWER, PROGRESS, REFUSE, SILENT, HANG_UP, NONSENSE, NO_OBJECT };

static enum manner manner;

static void served(void *arg, struct server_client *client, const struct server_request *request)
{
	(void)arg;
	switch (manner) {
	case PROGRESS:
		server_progress(server, client, json_pack("{s:s}", "name", "one"));
		server_progress(server, client, json_pack("{s:s}", "name", "two"));
		server_reply(server, client, json_object());
		break;
	case ANSWER:
		server_reply(server, client,
			     json_pack("{s:b, s:i, s:O}", "may_act", request->may_act, "uid",
				       (int)request->uid, "echo", request->object));
		break;
	case REFUSE:
		server_refuse(server, client, "refused", "no");
		break;
	case HANG_UP:
		_exit(0);
	case NO_OBJECT:
		server_reply(server, client, json_integer(1));
		break;
	default:
		break;
	}
}

static void forgotten(void *arg, struct server_client *client)
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

static pid_t start_serving(enum manner how, gid_t group)
{
	struct server_options options = {.group = group, .request = served, .lost = forgotten};
	pid_t pid;

	snprintf(options.path, sizeof(options.path), "%s/" CONTROL_SOCKET, sandbox);
	manner = how;
	server_stop(server);
	assert_int_equal(server_start(&options, &server), 0);
	pid = fork();
	if (pid == 0)
		serve();
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void note_progress(void *arg, const json_t *object)
{
	char *names = arg;

	strcat(names, json_string_value(json_object_get(object, "name")));
}

static void a_call_gets_its_answer(void **state)
{
	pid_t pid = start_serving(ANSWER, (gid_t)-1);
	json_t *reply = NULL, *echo;

	(void)state;
	assert_int_equal(control_call(sandbox, "plan", json_pack("{s:s}", "backend", "box"), PATIENCE_MS,
				      NULL, NULL, &reply),
			 0);
	echo = json_object_get(json_object_get(reply, "result"), "echo");
	assert_string_equal(json_string_value(json_object_get(echo, "command")), "plan");
	assert_string_equal(json_string_value(json_object_get(echo, "backend")), "box");
	assert_int_equal(json_object_size(echo), 3);
	json_decref(reply);
	end(pid);
}

static void a_call_hears_progress_and_refusals(void **state)
{
	char names[32] = "";
	json_t *reply = NULL;
	pid_t pid = start_serving(PROGRESS, (gid_t)-1);

	(void)state;
	assert_int_equal(control_call(sandbox, "diagnose", NULL, PATIENCE_MS, note_progress, names, &reply),
			 0);
	assert_string_equal(names, "onetwo");
	json_decref(reply);
	end(pid);
	pid = start_serving(REFUSE, (gid_t)-1);
	assert_int_equal(control_call(sandbox, "resume", NULL, PATIENCE_MS, NULL, NULL, &reply), 0);
	assert_string_equal(json_string_value(json_object_get(reply, "error")), "refused");
	json_decref(reply);
	end(pid);
}

static errint_t call_of(enum manner how, uint32_t timeout_ms)
{
	json_t *reply = NULL;
	pid_t pid = start_serving(how, (gid_t)-1);
	errint_t err = control_call(sandbox, "ping", NULL, timeout_ms, NULL, NULL, &reply);

	assert_null(reply);
	end(pid);
	return err;
}

static void a_call_never_hangs(void **state)
{
	char nowhere[128];
	json_t *reply = NULL;

	(void)state;
	assert_int_equal(call_of(SILENT, 100), -ETIMEDOUT);
	assert_int_equal(call_of(HANG_UP, PATIENCE_MS), -ECONNRESET);
	assert_int_equal(call_of(NO_OBJECT, PATIENCE_MS), -EPROTO);
	server_stop(server);
	server = NULL;
	assert_int_equal(control_call(sandbox, "ping", NULL, 100, NULL, NULL, &reply), -ENOENT);
	snprintf(nowhere, sizeof(nowhere), "%s/absent", sandbox);
	assert_int_equal(control_call(nowhere, "ping", NULL, 100, NULL, NULL, &reply), -ENOENT);
	end(start_serving(SILENT, (gid_t)-1));
	/* Nobody steps the server of this process: a keeper that is stopped. */
	assert_int_equal(control_call(sandbox, "ping", NULL, 100, NULL, NULL, &reply), -ETIMEDOUT);
}

/* A server that says anything at all. */
static errint_t call_answered_by(const void *bytes, size_t n)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), one;
	json_t *reply = NULL;
	errint_t err;
	pid_t pid;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" CONTROL_SOCKET, sandbox);
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 4), 0);
	pid = fork();
	if (pid == 0) {
		one = accept(fd, NULL, NULL);
		_exit(write(one, bytes, n) != (ssize_t)n);
	}
	close(fd);
	err = control_call(sandbox, "ping", NULL, PATIENCE_MS, NULL, NULL, &reply);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_null(reply);
	return err;
}

static void answers_without_sense_are_told_apart(void **state)
{
	(void)state;
	server_stop(server);
	server = NULL;
	assert_int_equal(call_answered_by("\0\0\0\0", 4), -EPROTO);
	assert_int_equal(call_answered_by("\xff\xff\xff\xff", 4), -EPROTO);
	assert_int_equal(call_answered_by("\0\0\0\2[]", 6), -EPROTO);
	assert_int_equal(call_answered_by("\0\0\0\2{}", 6), -EPROTO);
	assert_int_equal(call_answered_by("\0\0\0\013{\"ok\":true}", 15), -EPROTO);
	assert_int_equal(call_answered_by("\0\0\0\014{\"ok\":false}", 16), -EPROTO);
	assert_int_equal(call_answered_by("\0\0\0\016{\"progress\":1}", 18), -EPROTO);
	assert_int_equal(call_answered_by("\0\0\0\011{}", 6), -ECONNRESET);
	assert_int_equal(call_answered_by("", 0), -ECONNRESET);
}

/* ---- credentials ---- */

/* What one with these ids hears: 1 may act, 0 may read, -errno, or -1000: `denied`. */
static int heard_as(uid_t uid, gid_t gid, gid_t supplementary)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		json_t *reply = NULL;
		errint_t err;

		if (setgroups(supplementary != (gid_t)-1, &supplementary) != 0 ||
		    setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
			_exit(99);
		err = control_call(sandbox, "ping", NULL, PATIENCE_MS, NULL, NULL, &reply);
		if (err)
			_exit(-err);
		if (json_is_false(json_object_get(reply, "ok")))
			_exit(strcmp(json_string_value(json_object_get(reply, "error")), "denied") == 0
				  ? 201
				  : 202);
		_exit(json_is_true(json_object_get(json_object_get(reply, "result"), "may_act")) ? 200 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	status = WEXITSTATUS(status);
	return status == 200 ? 1 : status == 201 ? -1000 : -status;
}

static void rights_are_those_of_the_kernel(void **state)
{
	char path[128];
	pid_t pid;

	(void)state;
	if (getuid() != 0)
		skip();
	pid = start_serving(ANSWER, OTHER_ID);
	assert_int_equal(heard_as(0, 0, (gid_t)-1), 1);
	assert_int_equal(heard_as(1234, OTHER_ID, (gid_t)-1), 0);
	assert_int_equal(heard_as(1234, 1234, OTHER_ID), 0);
	assert_int_equal(heard_as(1234, 1234, 1235), -EACCES);
	/* Were the mode wrong, the credentials would still count. */
	snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET, sandbox);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(heard_as(1234, 1234, 1235), -1000);
	assert_int_equal(heard_as(1234, 1234, (gid_t)-1), -1000);
	end(pid);
	pid = start_serving(ANSWER, (gid_t)-1);
	assert_int_equal(heard_as(0, 0, (gid_t)-1), 1);
	assert_int_equal(heard_as(1234, 0, 0), -EACCES);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(heard_as(1234, 0, 0), -1000);
	end(pid);
}

#define IN_A_SANDBOX(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_SANDBOX(a_call_gets_its_answer),
	    IN_A_SANDBOX(a_call_hears_progress_and_refusals),
	    IN_A_SANDBOX(a_call_never_hangs),
	    IN_A_SANDBOX(answers_without_sense_are_told_apart),
	    IN_A_SANDBOX(rights_are_those_of_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
