/* What of the local tier's directory belongs elsewhere: by patterns, by routes; and when nobody can know. */
#include "base/fd.h"
#include "config/localtier.h"
#include "remove-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char sandbox[64];
static struct config config;
static struct tiermap map;
static char said[8192]; /* a line for each finding */

static int set_up(void **state)
{
	/* One test makes very many entries: in memory that is done at once. */
	const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	(void)state;
	snprintf(sandbox, sizeof(sandbox), "%s/guardfs-test-local.XXXXXX", where);
	if (!mkdtemp(sandbox))
		return -1;
	memset(&config, 0, sizeof(config));
	memset(&map, 0, sizeof(map));
	snprintf(config.local, sizeof(config.local), "%s", sandbox);
	config.n_backends = 2;
	config.n_patterns = 1;
	config.patterns[0].backend = 1;
	snprintf(config.patterns[0].pattern, CONFIG_PATH_MAX, "*/[0-9]*__*-[0-9][0-9][0-9][0-9]0101");
	config.n_job_patterns = 2;
	snprintf(config.job_patterns[0], CONFIG_PATH_MAX, "*/[0-9]*__*");
	snprintf(config.job_patterns[1], CONFIG_PATH_MAX, "imports/*");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return remove_tree(sandbox);
}

static void make(const char *path)
{
	char full[CONFIG_PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", sandbox, path);
	assert_int_equal(fd_mkdir_parents(full, 0755), 0);
}

static void route(const char *path)
{
	struct route r = {.backend = 0};

	assert_int_equal(copy_string(r.path, sizeof(r.path), path), 0);
	assert_int_equal(tiermap_add(&map, &r), 0);
}

static void note(void *arg, const struct localtier_finding *f)
{
	static const char *const kinds[] = {"job", "misplaced", "shadowed", "beneath"};
	size_t n = strlen(said);

	assert_ptr_equal(arg, said);
	snprintf(said + n, sizeof(said) - n, "%s %s %u\n", kinds[f->kind], f->path, f->backend);
}

static errint_t look(void)
{
	said[0] = '\0';
	return localtier_look(&config, &map, note, said);
}

/* Said exactly these, in any order. */
static void expect(const char *const *lines)
{
	size_t length = 0;

	assert_int_equal(look(), 0);
	for (; *lines; lines++) {
		if (!strstr(said, *lines))
			fail_msg("not said: %s of\n%s", *lines, said);
		length += strlen(*lines);
	}
	assert_int_equal(strlen(said), length);
}

#define EXPECT(...) expect((const char *const[]){__VA_ARGS__, NULL})

static void jobs_and_misplaced_ones_are_told_apart(void **state)
{
	(void)state;
	make("hc/20240301T000000Z__hc-2024/inside/20250101T000000Z__x-20250101");
	make("hc/20250101T000500Z__hc-20250101");
	make("hc/lost+found");
	make("imports/legacy");
	make("imports/.hidden");
	make("top");
	EXPECT("job hc/20240301T000000Z__hc-2024 0\n", "misplaced hc/20250101T000500Z__hc-20250101 1\n",
	       "job imports/legacy 0\n");
}

static void what_lies_on_a_route_is_no_job_here(void **state)
{
	(void)state;
	make("hc/20250101T000500Z__hc-20250101");
	make("imports/legacy/inside");
	make("phac/20250101T000500Z__phac-20250101/inside");
	route("hc/20250101T000500Z__hc-20250101");
	route("imports/legacy");
	route("imports/elsewhere");
	route("phac");
	EXPECT("beneath hc/20250101T000500Z__hc-20250101 0\n", "shadowed imports/legacy 0\n",
	       "shadowed phac 0\n");
}

static void without_patterns_only_routes_count(void **state)
{
	(void)state;
	config.n_patterns = config.n_job_patterns = 0;
	make("hc/20250101T000500Z__hc-20250101");
	EXPECT(NULL);
	route("hc");
	EXPECT("shadowed hc 0\n");
}

static void files_and_links_are_no_directories(void **state)
{
	char path[CONFIG_PATH_MAX];

	(void)state;
	make("hc");
	snprintf(path, sizeof(path), "%s/hc/20250101T000500Z__a-20250101", sandbox);
	assert_int_equal(symlink("/", path), 0);
	snprintf(path, sizeof(path), "%s/hc/20250101T000500Z__b-20250101", sandbox);
	assert_int_equal(fd_write_atomic(path, "", 0, 0644, false), 0);
	snprintf(path, sizeof(path), "%s/imports", sandbox);
	assert_int_equal(symlink("hc", path), 0);
	EXPECT(NULL);
	/* But a route hides them. */
	route("hc/20250101T000500Z__a-20250101");
	route("hc/20250101T000500Z__b-20250101");
	EXPECT("shadowed hc/20250101T000500Z__a-20250101 0\n",
	       "shadowed hc/20250101T000500Z__b-20250101 0\n");
}

/* In a child with a mount namespace of its own; its exit status says whether a mount was entered. */
static int look_over_a_mount(void)
{
	char path[CONFIG_PATH_MAX], inside[CONFIG_PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/hc", sandbox);
	snprintf(inside, sizeof(inside), "%s/20250101T000500Z__hc-20250101", path);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", path, "tmpfs", 0, NULL) < 0 || mkdir(inside, 0755) < 0)
		return 77;
	return look() == 0 && said[0] == '\0' ? 0 : 1;
}

static void mounts_are_not_entered(void **state)
{
	int status = 0;
	pid_t pid;

	(void)state;
	make("hc");
	pid = fork();
	if (pid == 0)
		_exit(look_over_a_mount());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* may not mount here */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void half_of_it_is_an_error(void **state)
{
	char path[CONFIG_PATH_MAX];

	(void)state;
	assert_int_equal(localtier_at(&config, "hc"), LOCALTIER_MISSING);
	make("hc");
	assert_int_equal(localtier_at(&config, "hc"), LOCALTIER_EMPTY);
	make("imports/legacy");
	/* One more than are looked at. */
	for (unsigned i = 0; i <= LOCALTIER_ENTRIES_MAX; i++) {
		snprintf(path, sizeof(path), "%s/hc/%u", sandbox, i);
		assert_int_equal(symlink("/", path), 0);
	}
	assert_int_equal(look(), -E2BIG);
	assert_int_equal(localtier_at(&config, "hc"), LOCALTIER_HOLDS);
	snprintf(config.local, sizeof(config.local), "%s/nowhere", sandbox);
	assert_int_equal(look(), -ENOENT);
	assert_int_equal(localtier_at(&config, "hc"), -ENOENT);
}

#define IN_A_SANDBOX(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_A_SANDBOX(jobs_and_misplaced_ones_are_told_apart),
	    IN_A_SANDBOX(what_lies_on_a_route_is_no_job_here),
	    IN_A_SANDBOX(without_patterns_only_routes_count),
	    IN_A_SANDBOX(files_and_links_are_no_directories),
	    IN_A_SANDBOX(mounts_are_not_entered),
	    IN_A_SANDBOX(half_of_it_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
