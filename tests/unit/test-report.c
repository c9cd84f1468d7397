/* What is shown of a board: the right words, the right shape, and nothing that a hostile name can break out
 * of. */
#include "base/child.h"
#include "base/clock.h"
#include "report/report.h"
#include "report/snapshot.h"
#include "base/utf8.h"
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SINCE 1700000000ull

static void set_up_config(struct config *c)
{
	copy_string(c->name, sizeof(c->name), "jobs");
	copy_string(c->mountpoint, sizeof(c->mountpoint), "/srv/jobs");
	copy_string(c->local, sizeof(c->local), "/srv/jobs.local");
	copy_string(c->manifest, sizeof(c->manifest), "/etc/binds");
	c->error = EIO;
	c->n_backends = 2;
	copy_string(c->backends[0].name, CONFIG_NAME_MAX, "box");
	c->backends[0].type = BACKEND_SSHFS;
	copy_string(c->backends[0].expose, CONFIG_PATH_MAX, "/srv/box");
	copy_string(c->backends[1].name, CONFIG_NAME_MAX, "nas");
	c->backends[1].type = BACKEND_DIR;
}

static void add_route(struct tiermap *map, const char *path, const char *target, uint8_t backend)
{
	struct route *r = &map->routes[map->n_routes++];

	copy_string(r->path, sizeof(r->path), path);
	copy_string(r->target, sizeof(r->target), target);
	r->backend = backend;
}

/* A healthy board with two backends and a route on each; this process plays all three parts. */
static int set_up(void **state)
{
	int fd = -1, error = 0;
	struct arena *arena = arena_create(&fd, &error);
	struct board *b = arena ? &arena->board : NULL;
	struct tiermap *map;

	if (!b)
		return -1;
	close(fd);
	set_up_config(&b->config);
	for (unsigned i = 0; i < 2; i++) {
		board_set_state(&b->backends[i], HEALTH_HEALTHY, ERRCLASS_NONE, (SINCE + i) * NSEC_PER_SEC);
		atomic_store(&b->backends[i].breaker, breaker_word(3, true));
	}
	map = board_map_begin(b);
	add_route(map, "hc/a", "jobs/hc/a", 0);
	add_route(map, "hc/b", "jobs/hc/b", 1);
	board_map_commit(b);
	atomic_store(&b->manifest_ok, 1);
	for (unsigned p = 0; p < PROCESS_COUNT; p++)
		atomic_store(&b->pid[p], getpid());
	atomic_store(&b->serving, 1);
	atomic_store(&b->started_real_ns, (SINCE - 5) * NSEC_PER_SEC);
	*state = arena;
	return 0;
}

static int tear_down(void **state)
{
	arena_unmap(*state);
	return 0;
}

static void expect_health(struct arena *arena, const char *expected)
{
	char line[REPORT_HEALTH_MAX];
	size_t length = report_health_line(arena, line, sizeof(line));

	assert_int_equal(length, strlen(line));
	assert_string_equal(line, expected);
}

static json_t *parse(const struct arena *arena)
{
	size_t length = 0;
	char *text = report_status_json(arena, &length);
	json_t *status;

	assert_non_null(text);
	assert_int_equal(length, strlen(text));
	assert_int_equal(text[length - 1], '\n');
	status = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(status);
	free(text);
	return status;
}

static const json_t *item(const json_t *status, const char *list, size_t index)
{
	return json_array_get(json_object_get(status, list), index);
}

static void expect_text(const json_t *object, const char *key, const char *expected)
{
	const char *s = json_string_value(json_object_get(object, key));

	assert_non_null(s);
	assert_string_equal(s, expected);
}

static void expect_integer(const json_t *object, const char *key, long long expected)
{
	assert_true(json_is_integer(json_object_get(object, key)));
	assert_int_equal(json_integer_value(json_object_get(object, key)), expected);
}

static void put_down(struct arena *arena, unsigned backend, enum errclass class)
{
	struct board_backend *b = &arena->board.backends[backend];

	atomic_store(&b->breaker, breaker_word(3, false));
	board_set_state(b, HEALTH_DOWN, class, (SINCE + 100) * NSEC_PER_SEC);
}

static pid_t dead_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void health_is_ok_since_the_last_trouble(void **state)
{
	expect_health(*state, "ok none 1700000001\n");
}

static void health_names_the_worst(void **state)
{
	struct arena *arena = *state;

	put_down(arena, 0, ERRCLASS_TIMEOUT);
	expect_health(arena, "degraded timeout 1700000100 box down\n");
	/* Past board_set_detail, which already cleans: as a damaged board would have it. */
	memcpy(arena->board.backends[0].detail, "line\none \033[2J", sizeof("line\none \033[2J"));
	expect_health(arena, "degraded timeout 1700000100 box down: line\\x0Aone \\x1B[2J\n");
	put_down(arena, 1, ERRCLASS_REFUSED);
	assert_int_equal(report_badness(HEALTH_DOWN), 5);
	expect_health(arena, "down timeout 1700000100 box down: line\\x0Aone \\x1B[2J\n");
}

/* Whatever else is the case: who goes by the path finds the bare directory. */
static void health_is_down_while_it_is_not_mounted(void **state)
{
	struct arena *arena = *state;
	json_t *status;
	char *text;
	size_t n;

	atomic_store(&arena->board.unmounted_real_ns, (SINCE + 7) * NSEC_PER_SEC);
	put_down(arena, 0, ERRCLASS_TIMEOUT);
	expect_health(arena,
		      "down unmounted 1700000007 /srv/jobs was unmounted; what still uses it is served "
		      "until it lets go\n");
	status = parse(arena);
	expect_integer(status, "unmounted", 1700000007);
	json_decref(status);
	text = report_status_text(arena, &n);
	assert_non_null(text);
	assert_non_null(strstr(text, "advice: guardfs ends by itself"));
	free(text);
	atomic_store(&arena->board.unmounted_real_ns, 0);
	status = parse(arena);
	expect_integer(status, "unmounted", 0);
	json_decref(status);
}

static void health_knows_routes_processes_and_manifest(void **state)
{
	struct arena *arena = *state;
	struct board *b = &arena->board;

	atomic_store(&b->manifest_ok, 0);
	copy_string(b->manifest_error, sizeof(b->manifest_error), "/etc/binds:3: one field only");
	expect_health(arena, "degraded manifest 0 /etc/binds:3: one field only\n");
	atomic_store(&b->pid[PROCESS_KEEPER], dead_process());
	expect_health(arena, "degraded process 0 keeper is dead\n");
	atomic_store(&b->pid[PROCESS_WORKER], 0);
	expect_health(arena, "degraded process 0 worker is missing\n");
	atomic_store(&b->routes[1].state, HEALTH_DOWN);
	atomic_store(&b->routes[1].errclass, ERRCLASS_PATH_MISSING);
	atomic_store(&b->routes[1].since_real_ns, (SINCE + 7) * NSEC_PER_SEC);
	expect_health(arena, "degraded path_missing 1700000007 route hc/b down\n");
	/* Of that an operator has to hear first. */
	atomic_store(&b->pid[PROCESS_GUARDIAN], dead_process());
	expect_health(arena, "degraded process 0 guardian is dead: start guardfs again, it goes on with the "
			     "session\n");
}

static void health_line_is_cut_to_fit(void **state)
{
	struct arena *arena = *state;
	char line[64], all_x[256];

	memset(all_x, 'x', sizeof(all_x));
	all_x[255] = '\0';
	put_down(arena, 0, ERRCLASS_TIMEOUT);
	board_set_detail(&arena->board.backends[0], all_x);
	assert_int_equal(report_health_line(arena, line, sizeof(line)), 63);
	assert_int_equal(line[62], '\n');
	assert_int_equal(line[63], '\0');
}

static void json_has_the_promised_members(void **state)
{
	json_t *status = parse(*state);
	const json_t *processes = json_object_get(status, "processes");
	const json_t *box = item(status, "backends", 0), *route = item(status, "routes", 1);

	expect_integer(status, "schema", 1);
	assert_in_range(json_integer_value(json_object_get(status, "time")), SINCE, INT64_MAX);
	expect_text(status, "name", "jobs");
	expect_text(status, "state", "ok");
	expect_text(status, "mountpoint", "/srv/jobs");
	expect_integer(processes, "guardian", getpid());
	expect_integer(processes, "worker", getpid());
	expect_integer(processes, "keeper", getpid());
	expect_integer(status, "worker_restarts", 0);
	assert_true(json_is_object(json_object_get(status, "counters")));
	expect_text(box, "name", "box");
	expect_text(box, "type", "sshfs");
	expect_text(box, "state", "healthy");
	expect_text(box, "class", "none");
	expect_integer(box, "since", SINCE);
	expect_integer(box, "epoch", 3);
	expect_integer(box, "pid", 0);
	expect_integer(box, "attempts", 0);
	expect_integer(box, "next_attempt", 0);
	expect_text(route, "path", "hc/b");
	expect_text(route, "backend", "nas");
	expect_text(route, "state", "healthy");
	expect_text(route, "class", "none");
	expect_integer(route, "since", SINCE + 1);
	expect_integer(route, "errno", 0);
	json_decref(status);
}

static void a_route_is_as_bad_as_its_backend(void **state)
{
	struct arena *arena = *state;
	json_t *status;

	atomic_store(&arena->board.routes[0].state, HEALTH_HEALTHY);
	atomic_store(&arena->board.routes[0].since_real_ns, SINCE * NSEC_PER_SEC);
	put_down(arena, 0, ERRCLASS_SERVER_GONE);
	status = parse(arena);
	expect_text(item(status, "routes", 0), "state", "down");
	expect_text(item(status, "routes", 0), "class", "server_gone");
	expect_integer(item(status, "routes", 0), "since", SINCE + 100);
	expect_integer(item(status, "routes", 0), "errno", EIO);
	expect_text(item(status, "routes", 1), "state", "healthy");
	expect_text(status, "state", "degraded");
	json_decref(status);
}

/* Keeper is dead and worker has opened the breaker: nobody updates the state, and still the report must not
 * say healthy. */
static void the_breaker_is_believed_before_the_state(void **state)
{
	struct arena *arena = *state;
	json_t *status;

	atomic_store(&arena->board.backends[0].last_completion_ns, clock_mono_ns());
	assert_true(board_trip_breaker(&arena->board, 0, 3, ERRCLASS_NOT_CONNECTED, DETECTOR_PROBE));
	status = parse(arena);
	expect_text(item(status, "backends", 0), "state", "down");
	expect_text(item(status, "backends", 0), "class", "not_connected");
	expect_text(item(status, "backends", 0), "breaker", "open");
	assert_in_range(json_integer_value(json_object_get(item(status, "backends", 0), "since")),
			clock_real_ns() / NSEC_PER_SEC - 5, clock_real_ns() / NSEC_PER_SEC);
	json_decref(status);
}

static void counters_are_summed(void **state)
{
	struct arena *arena = *state;
	json_t *status;

	board_count(&arena->board.backends[0], COUNT_TIMEOUTS, 2);
	board_count(&arena->board.backends[1], COUNT_TIMEOUTS, 3);
	status = parse(arena);
	expect_integer(json_object_get(status, "counters"), "timeouts", 5);
	expect_integer(json_object_get(item(status, "backends", 1), "counters"), "timeouts", 3);
	json_decref(status);
}

static void hostile_names_stay_inside(void **state)
{
	struct arena *arena = *state;
	struct route *r = &arena->board.map.routes[0];
	size_t length = 0;
	char *text;
	json_t *status;

	copy_string(r->path, sizeof(r->path), "a\"b\\c\xff\n\t\xe2\x82");
	status = parse(arena);
	expect_text(item(status, "routes", 0), "path", "a\"b\\c\xEF\xBF\xBD\n\t\xEF\xBF\xBD\xEF\xBF\xBD");
	json_decref(status);
	text = report_routes(arena, &length);
	assert_string_equal(text, "a\"b\\x5Cc\\xFF\\x0A\\x09\\xE2\\x82\tbox\thealthy\tnone\t1700000000\n"
				  "hc/b\tnas\thealthy\tnone\t1700000001\n");
	assert_int_equal(length, strlen(text));
	free(text);
}

/* Whatever a crash left in the arena, a report comes out and nothing is read out of bounds (run under the
 * sanitizers too). */
static void a_damaged_board_is_still_reported(void **state)
{
	struct arena *arena = *state;
	struct board *b = &arena->board;
	size_t length = 0;
	char *text;

	memset(b->backends[0].detail, 'd', sizeof(b->backends[0].detail));
	memset(b->map.routes[0].path, 'p', sizeof(b->map.routes[0].path));
	memset(b->config.backends[0].name, 'n', sizeof(b->config.backends[0].name));
	memset(b->manifest_error, 'm', sizeof(b->manifest_error));
	memset(b->crashes, 'c', sizeof(b->crashes));
	atomic_store(&b->backends[0].state, 77);
	atomic_store(&b->backends[0].errclass, 77);
	atomic_store(&b->routes[1].state, 77);
	atomic_store(&b->routes[1].error, 1u << 31);
	atomic_store(&b->manifest_ok, 77);
	atomic_store(&b->crashes_total, UINT32_MAX);
	atomic_store(&b->pid[0], -5);
	b->map.routes[1].backend = 200;
	b->config.n_backends = 1000;
	b->map.n_routes = 1u << 30;
	json_decref(parse(arena));
	text = report_status_text(arena, &length);
	assert_non_null(text);
	free(text);
}

static void text_tells_a_person_what_to_do(void **state)
{
	struct arena *arena = *state;
	struct board *b = &arena->board;
	size_t length = 0;
	char *text;

	put_down(arena, 0, ERRCLASS_AUTH_FAILED);
	board_set_detail(&b->backends[0], "Permission denied (publickey).");
	atomic_store(&b->backends[0].next_attempt_real_ns, clock_real_ns() + 30 * NSEC_PER_SEC);
	atomic_store(&b->backends[0].attempts, 7);
	atomic_store(&b->pid[PROCESS_KEEPER], 0);
	atomic_store(&b->worker_restarts, 4);
	b->crashes[0] =
	    (struct board_crash){.real_ns = SINCE * NSEC_PER_SEC, .cause = "killed by signal 9", .opcode = 1};
	atomic_store(&b->crashes_total, 1);
	text = report_status_text(arena, &length);
	assert_int_equal(length, strlen(text));
	assert_non_null(strstr(text, "guardfs jobs on /srv/jobs: degraded"));
	assert_non_null(strstr(text, "box (sshfs): down since 2023-11-1"));
	assert_non_null(strstr(text, errclass_info(ERRCLASS_AUTH_FAILED)->advice));
	assert_non_null(strstr(text, "Permission denied (publickey)."));
	assert_non_null(strstr(text, "next try in "));
	assert_non_null(strstr(text, "tries so far: 7"));
	assert_non_null(strstr(text, "hc/a -> box:jobs/hc/a  down, auth_failed"));
	assert_non_null(strstr(text, "keeper    MISSING"));
	assert_non_null(strstr(text, "restarted 4 times"));
	assert_non_null(strstr(text, "killed by signal 9"));
	free(text);
}

static void text_survives_any_json(void **state)
{
	static const char *const inputs[] = {"{}", "{\"backends\":3,\"routes\":[1,null,{}],\"processes\":[]}",
					     "{\"backends\":[{\"name\":{}}],\"crashes\":[7]}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
		json_t *status = json_loads(inputs[i], 0, NULL);
		size_t length = 0;
		char *text = report_text_from_json(status, 0, &length);

		assert_non_null(text);
		free(text);
		json_decref(status);
	}
}

static void utf8_is_strict(void **state)
{
	static const char *const bad[] = {
	    "\x80",	    "\xC0\x80",		"\xC1\xBF",	    "\xE0\x80\x80",
	    "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82",
	    "\xF0\x9F\x98"};
	uint32_t code = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(utf8_sequence(bad[i], strlen(bad[i]), NULL), 0);
	assert_int_equal(utf8_sequence("\xF0\x9F\x98\x80", 4, &code), 4);
	assert_int_equal(code, 0x1F600);
	assert_int_equal(utf8_sequence("\xC3\xA9", 2, &code), 2);
	assert_int_equal(code, 0xE9);
}

#define ON_A_BOARD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_A_BOARD(health_is_ok_since_the_last_trouble),
	    ON_A_BOARD(health_names_the_worst),
	    ON_A_BOARD(health_knows_routes_processes_and_manifest),
	    ON_A_BOARD(health_is_down_while_it_is_not_mounted),
	    ON_A_BOARD(health_line_is_cut_to_fit),
	    ON_A_BOARD(json_has_the_promised_members),
	    ON_A_BOARD(a_route_is_as_bad_as_its_backend),
	    ON_A_BOARD(the_breaker_is_believed_before_the_state),
	    ON_A_BOARD(counters_are_summed),
	    ON_A_BOARD(hostile_names_stay_inside),
	    ON_A_BOARD(a_damaged_board_is_still_reported),
	    ON_A_BOARD(text_tells_a_person_what_to_do),
	    cmocka_unit_test(text_survives_any_json),
	    cmocka_unit_test(utf8_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
