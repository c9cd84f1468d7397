/* The fault filter: rules as text, and what they do to operations on a plain directory behind it. */
#include "backend-util.h"

#include "backend/fault_rules.h"
#include "base/clock.h"

#include <pthread.h>

static struct place *place;
static struct backend faulty;
static char control[96];
static uint32_t root;
static const struct caller nobody = {0, 0, 0, 0};

static int setup(void **state)
{
	struct board_backend *board;
	struct config_backend *config;
	char tree[96];

	(void)state;
	place = place_new();
	board = &place->arena->board.backends[0];
	config = &place->arena->board.config.backends[0];
	assert_int_equal(nodefd_init(place->arena, 16), 0);
	snprintf(tree, sizeof(tree), "%s/tree", place->dir);
	assert_int_equal(mkdir(tree, 0755), 0);
	snprintf(control, sizeof(control), "%s/fault.box", place->dir);
	strcpy(config->name, "box");
	strcpy(place->arena->board.config.run_dir, place->dir);
	config->type = BACKEND_DIR;
	config->filter = FILTER_FAULT;
	assert_int_equal(backend_open(place->arena, 0, &faulty), 0);
	assert_non_null(faulty.next);
	atomic_store(&board->root_fd, open(tree, O_PATH | O_DIRECTORY));
	atomic_store(&board->root_epoch, 1);
	atomic_store(&board->breaker, breaker_word(1, true));
	root = place_node(place, 0, NODE_NONE, "hot", S_IFDIR | 0755);
	place->arena->nodes[root].flags = NODE_ROUTE_ROOT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < place->arena->nodes_used; i++)
		nodefd_drop(place->arena, i);
	free(faulty.next->state);
	free(faulty.state);
	place_free(place);
	return 0;
}

/* Replaces the control file in one step; NULL removes it. */
static void say(const char *rules)
{
	char tmp[128];
	int fd;

	if (!rules) {
		assert_int_equal(unlink(control), 0);
		return;
	}
	snprintf(tmp, sizeof(tmp), "%s.new", control);
	fd = open(tmp, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, rules, strlen(rules)), (ssize_t)strlen(rules));
	close(fd);
	assert_int_equal(rename(tmp, control), 0);
}

static errint_t look_up(const char *name)
{
	struct found found;

	return faulty.ops->lookup(&faulty, root, name, &found);
}

static int create(const char *name)
{
	struct found found;
	int ref;
	errint_t rc = faulty.ops->create(&faulty, root, name, O_RDWR | O_CREAT, 0600, &nobody, &found, &ref);

	return rc < 0 ? rc : ref;
}

static void assert_parses(const char *text, uint32_t n_rules)
{
	struct fault_rules rules;
	char error[FAULT_ERROR_MAX] = "";

	assert_int_equal(fault_rules_parse(text, &rules, error), 0);
	assert_int_equal(rules.n_rules, n_rules);
}

static void assert_refused(const char *text, const char *expected)
{
	struct fault_rules rules;
	char error[FAULT_ERROR_MAX] = "";

	assert_int_equal(fault_rules_parse(text, &rules, error), -EINVAL);
	assert_string_equal(error, expected);
}

static void test_parse(void **state)
{
	struct fault_rules rules;
	char error[FAULT_ERROR_MAX];

	(void)state;
	assert_parses("", 0);
	assert_parses("# comment\n\n  \t\r\n", 0);
	assert_parses("all hang", 1);
	assert_parses("read,write delay 100\r\nmetadata error ENOSPC count=3 prob=0.5 path=*.gz\n", 2);
	assert_parses(
	    "write lostack\nwrite lostack EIO\nwrite lostack count=1\nwrite eio-late\nwrite short 5", 5);
	assert_int_equal(fault_rules_parse("lookup,mkdir error EEXIST count=2 path=a*", &rules, error), 0);
	assert_int_equal(rules.rules[0].action, FAULT_ERROR);
	assert_int_equal(rules.rules[0].number, EEXIST);
	assert_true(fault_rule_matches(&rules.rules[0], FAULT_MKDIR, "abc"));
	assert_false(fault_rule_matches(&rules.rules[0], FAULT_MKDIR, "bc"));
	assert_false(fault_rule_matches(&rules.rules[0], FAULT_RMDIR, "abc"));
}

static void test_parse_errors(void **state)
{
	char text[FAULT_RULES_MAX * 16 + 64] = "";

	(void)state;
	assert_refused("all hang\nnonsense hang",
		       "line 2: expected operation names or all, read, write, sync, metadata");
	assert_refused(", hang", "line 1: expected operation names");
	assert_refused("all", "line 1: expected delay, hang, error, short, lostack or eio-late");
	assert_refused("all explode", "line 1: expected delay, hang, error, short, lostack or eio-late");
	assert_refused("all delay", "line 1: expected a number");
	assert_refused("all delay -5", "line 1: expected a number");
	assert_refused("all delay 99999999999999999999", "line 1: expected a number");
	assert_refused("all error", "line 1: expected an errno's name");
	assert_refused("all error 5", "line 1: expected an errno's name");
	assert_refused("all hang 5", "line 1: expected count=, prob= or path=");
	assert_refused("all hang count=x", "line 1: expected count=NUMBER");
	assert_refused("all hang prob=1.5", "line 1: expected prob=0..1");
	assert_refused("all hang prob=nan", "line 1: expected prob=0..1");
	for (int i = 0; i <= FAULT_RULES_MAX; i++)
		strcat(text, "all hang\n");
	assert_refused(text, "line 65: expected at most 64 rules");
}

static void test_count_and_probability(void **state)
{
	struct fault_rules rules;
	char error[FAULT_ERROR_MAX];

	(void)state;
	assert_int_equal(
	    fault_rules_parse("all error EIO count=2\nread error EPERM prob=0.5\nread error EACCES prob=0",
			      &rules, error),
	    0);
	assert_int_equal(fault_rules_apply(&rules, 0, FAULT_READ, "", 0), 0);
	assert_int_equal(fault_rules_apply(&rules, 0, FAULT_READ, "", 0), 0);
	assert_int_equal(fault_rules_apply(&rules, 0, FAULT_READ, "", 0), 1);
	assert_int_equal(fault_rules_apply(&rules, 0, FAULT_READ, "", UINT32_MAX), 3);
	assert_int_equal(fault_rules_apply(&rules, 0, FAULT_WRITE, "", 0), 3);
}

static void test_error_comes_and_goes(void **state)
{
	(void)state;
	assert_int_equal(look_up("x"), -ENOENT);
	say("lookup error EACCES path=x\n");
	wait_until(look_up("x") == -EACCES);
	assert_int_equal(look_up("y"), -ENOENT);
	say(NULL);
	wait_until(look_up("x") == -ENOENT);
}

static void test_bad_file_keeps_good_rules(void **state)
{
	(void)state;
	say("lookup error EACCES\n");
	wait_until(look_up("x") == -EACCES);
	say("lookup error EXDEV\nlookup explode\n");
	/* Long enough for it to be seen: the next good file is, after it. */
	for (uint64_t end = clock_mono_ns() + 150 * NSEC_PER_MSEC; clock_mono_ns() < end;)
		assert_int_equal(look_up("x"), -EACCES);
	say("lookup error EXDEV\n");
	wait_until(look_up("x") == -EXDEV);
}

static _Atomic int result;

static void *look_up_in_thread(void *arg)
{
	atomic_store(&result, look_up(arg));
	return NULL;
}

static void *write_in_thread(void *arg)
{
	int ref = *(int *)arg;

	atomic_store(&result, (int)faulty.ops->write(&faulty, ref, "abcd", 4, 0, false));
	return NULL;
}

#define PENDING 1000

static pthread_t start(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	atomic_store(&result, PENDING);
	assert_int_equal(pthread_create(&thread, NULL, run, arg), 0);
	return thread;
}

static void assert_stays_pending(void)
{
	for (uint64_t end = clock_mono_ns() + 150 * NSEC_PER_MSEC; clock_mono_ns() < end;)
		assert_int_equal(atomic_load(&result), PENDING);
}

static void test_hang_ends_with_rule(void **state)
{
	pthread_t thread;

	(void)state;
	say("lookup hang path=stuck\nlookup error EXDEV path=marker\n");
	wait_until(look_up("marker") == -EXDEV);
	thread = start(look_up_in_thread, (void *)(uintptr_t) "stuck");
	assert_stays_pending();
	say("lookup hang path=st*\n"); /* other words, but still it hangs */
	assert_stays_pending();
	say("lookup hang path=other\n");
	wait_until(atomic_load(&result) == -ENOENT);
	pthread_join(thread, NULL);
}

static void test_delay(void **state)
{
	uint64_t begin;

	(void)state;
	say("lookup error EXDEV path=marker\nlookup delay 120 path=slow\nlookup error EPERM path=slow\n");
	wait_until(look_up("marker") == -EXDEV);
	begin = clock_mono_ns();
	assert_int_equal(look_up("slow"), -EPERM);
	assert_in_range(clock_mono_ns() - begin, 120 * NSEC_PER_MSEC, 5000 * NSEC_PER_MSEC);
}

static void test_short(void **state)
{
	int ref = create("f");
	char buf[8];

	(void)state;
	assert_true(ref >= 0);
	say("write short 3\nread short 2\nlookup error EXDEV\n");
	wait_until(look_up("marker") == -EXDEV);
	assert_int_equal(faulty.ops->write(&faulty, ref, "abcdef", 6, 0, false), 3);
	assert_int_equal(faulty.ops->read(&faulty, ref, buf, sizeof(buf), 0, 0), 2);
	assert_int_equal(faulty.ops->release(&faulty, ref), 0);
}

/* Done, but nobody is told: at once an error, or never. */
static void test_lost_ack(void **state)
{
	int ref = create("f");
	pthread_t thread;
	char buf[8];

	(void)state;
	assert_true(ref >= 0);
	say("create lostack EIO\nwrite lostack path=f\nlookup error EXDEV path=marker\n");
	wait_until(look_up("marker") == -EXDEV);
	assert_int_equal(create("g"), -EIO);
	assert_int_equal(look_up("g"), 0);
	thread = start(write_in_thread, &ref);
	wait_until(faulty.ops->read(&faulty, ref, buf, sizeof(buf), 0, 0) == 4);
	assert_stays_pending();
	say("");
	wait_until(atomic_load(&result) == -EIO);
	pthread_join(thread, NULL);
	assert_int_equal(faulty.ops->release(&faulty, ref), 0);
}

/* A failed open leaves nothing open. */
static void test_lost_open_leaks_nothing(void **state)
{
	unsigned before;

	(void)state;
	say("create,release lostack EIO\nlookup error EXDEV\n");
	wait_until(look_up("marker") == -EXDEV);
	assert_int_equal(create("a"), -EIO);
	before = count_descriptors();
	for (int i = 0; i < 10; i++)
		assert_int_equal(create("a"), -EIO);
	assert_int_equal(count_descriptors(), before);
}

static void test_eio_late(void **state)
{
	int ref = create("f");
	char buf[8];

	(void)state;
	assert_true(ref >= 0);
	say("write eio-late count=1\nlookup error EXDEV\n");
	wait_until(look_up("marker") == -EXDEV);
	assert_int_equal(faulty.ops->write(&faulty, ref, "lost", 4, 0, false), 4);
	assert_int_equal(faulty.ops->read(&faulty, ref, buf, sizeof(buf), 0, 0), 0);
	assert_int_equal(faulty.ops->fsync(&faulty, ref, false), -EIO);
	assert_int_equal(faulty.ops->fsync(&faulty, ref, false), 0);
	assert_int_equal(faulty.ops->write(&faulty, ref, "here", 4, 0, false), 4);
	assert_int_equal(faulty.ops->flush(&faulty, ref), 0);
	assert_int_equal(faulty.ops->release(&faulty, ref), 0);
}

/* What was said of a file that is given up is not said of the next one with its number. */
static void test_dropped_ref_is_forgotten(void **state)
{
	int ref = create("f"), next;

	(void)state;
	assert_true(ref >= 0);
	say("write eio-late count=1\nlookup error EXDEV\n");
	wait_until(look_up("marker") == -EXDEV);
	assert_int_equal(faulty.ops->write(&faulty, ref, "lost", 4, 0, false), 4);
	faulty.ops->drop(&faulty, ref);
	next = create("g");
	assert_int_equal(next, ref);
	assert_int_equal(faulty.ops->fsync(&faulty, next, false), 0);
	assert_int_equal(faulty.ops->release(&faulty, next), 0);
}

/* Rules on open files and nodes go by the name as well. */
static void test_path_of_open_file(void **state)
{
	int f = create("data.gz"), g = create("other");

	(void)state;
	say("write error ENOSPC path=*.gz\nlookup error EXDEV\n");
	wait_until(look_up("marker") == -EXDEV);
	assert_int_equal(faulty.ops->write(&faulty, f, "x", 1, 0, false), -ENOSPC);
	assert_int_equal(faulty.ops->write(&faulty, g, "x", 1, 0, false), 1);
	assert_int_equal(faulty.ops->release(&faulty, f), 0);
	assert_int_equal(faulty.ops->release(&faulty, g), 0);
}

/* With no rules every operation is the backend's own. */
static void test_passes_everything_on(void **state)
{
	const void *const *ops = (const void *)faulty.ops;

	(void)state;
	for (size_t i = 0; i < sizeof(*faulty.ops) / sizeof(void *); i++)
		assert_non_null(ops[i]);
	assert_int_equal(create("x") >= 0, 1);
	assert_int_equal(faulty.ops->rename(&faulty, root, "x", root, "y", 0), 0);
	assert_int_equal(look_up("y"), 0);
	assert_int_equal(faulty.ops->unlink(&faulty, root, "y"), 0);
	assert_int_equal(look_up("y"), -ENOENT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_parse_errors),
	    cmocka_unit_test(test_count_and_probability),
	    TEST(test_error_comes_and_goes),
	    TEST(test_bad_file_keeps_good_rules),
	    TEST(test_hang_ends_with_rule),
	    TEST(test_delay),
	    TEST(test_short),
	    TEST(test_lost_ack),
	    TEST(test_lost_open_leaks_nothing),
	    TEST(test_eio_late),
	    TEST(test_dropped_ref_is_forgotten),
	    TEST(test_path_of_open_file),
	    TEST(test_passes_everything_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
