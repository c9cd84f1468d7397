/* fd: what is left of files that were being replaced. */
#include "base/fd.h"
#include "unit/remove-tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];

static int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/guardfs-test-fd-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	remove_tree(directory);
	return 0;
}

static const char *in(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void put(const char *name)
{
	assert_int_equal(fd_write_atomic(in(name), "x", 1, 0600, false), 0);
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(in(name), &st) == 0;
}

/* The number of a process that is no more. */
static pid_t dead_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static void only_leftovers_go(void **state)
{
	static const char *const kept[] = {"routes",  "routes.tmp",    "routes.tmp.",	    "routes.tmp.12x",
					   ".tmp.12", "routes.tmp.-1", "routes.tmp.12.bak", "routes.bad"};
	static const char *const gone[] = {"routes.tmp.12", "status.json.tmp.4194304", "a.tmp.b.tmp.7"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		put(kept[i]);
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		put(gone[i]);
	assert_int_equal(mkdir(in("d.tmp.12"), 0700), 0);
	fd_remove_leftovers(in(""), true);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		assert_true(is_there(kept[i]));
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		assert_false(is_there(gone[i]));
	assert_true(is_there("d.tmp.12"));
}

static void of_one_file_only(void **state)
{
	(void)state;
	put("guardfs.prom.tmp.12");
	put("other.prom.tmp.12");
	put("x.guardfs.prom.tmp.12");
	fd_remove_leftovers(in("guardfs.prom"), true);
	assert_false(is_there("guardfs.prom.tmp.12"));
	assert_true(is_there("other.prom.tmp.12"));
	assert_true(is_there("x.guardfs.prom.tmp.12"));
}

static void who_may_be_writing_is_left_alone(void **state)
{
	char living[64], dead[64], own[64];

	(void)state;
	snprintf(living, sizeof(living), "manifest.tmp.%d", (int)getppid());
	snprintf(dead, sizeof(dead), "manifest.tmp.%d", (int)dead_process());
	snprintf(own, sizeof(own), "manifest.tmp.%d", (int)getpid());
	put(living);
	put(dead);
	put(own);
	fd_remove_leftovers(in("manifest"), false);
	assert_true(is_there(living));
	assert_false(is_there(dead));
	assert_false(is_there(own));
}

static void a_directory_that_is_not_there(void **state)
{
	(void)state;
	fd_remove_leftovers(in("none/"), true);
	fd_remove_leftovers("", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(only_leftovers_go, make_directory, remove_directory),
	    cmocka_unit_test_setup_teardown(of_one_file_only, make_directory, remove_directory),
	    cmocka_unit_test_setup_teardown(who_may_be_writing_is_left_alone, make_directory,
					    remove_directory),
	    cmocka_unit_test_setup_teardown(a_directory_that_is_not_there, make_directory, remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
