/* What is removed with a directory that has held state files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/context.h"
#include "fs/statefiles.h"
#include "policy/statefile.h"
#include "worker-util.h"

#define DIR 0u

static void take_slot(void)
{
	call.slot = &fs.arena->slots[0];
	call.buffer = fs.arena->buffers[0];
	call.unique = 7;
}

static char beside[STATEFILE_NAME_SIZE];
static unsigned n_listed, n_there, n_asked;

static errint_t fake_opendir(struct backend *b, uint32_t node, int *ref)
{
	(void)b, (void)node;
	*ref = 1;
	return 0;
}

/* Shows it out of its cache, whether it is there or not. */
static errint_t fake_readdir(struct backend *b, int ref, int64_t offset, readdir_fn entry, void *arg)
{
	(void)b, (void)ref, (void)offset;
	n_listed++;
	(void)entry(arg, beside, strlen(beside), 1, 0, 1, NULL);
	return 0;
}

static errint_t fake_release(struct backend *b, int ref)
{
	(void)b, (void)ref;
	return 0;
}

static errint_t fake_unlink(struct backend *b, uint32_t parent, const char *name)
{
	(void)b, (void)parent, (void)name;
	n_asked++;
	if (n_there == 0)
		return -ENOENT;
	n_there--;
	return 0;
}

static const struct backend_ops fake = {
    .opendir = fake_opendir, .readdir = fake_readdir, .release = fake_release, .unlink = fake_unlink};

static void names_out_of_a_cache_are_not_asked_for_for_ever(void)
{
	alarm(60);
	take_slot();
	fs.guarded[0].ops = &fake;
	CHECK(statefile_beside("state.json", 7, beside) == 0);
	n_there = 1;
	CHECK(statefiles_clear(&fs.guarded[0], DIR) == 0);
	CHECK(n_there == 0 && n_asked == 2 && n_listed == 2);
}

#define WORKER(function)                                  \
	static void test_##function(void **state)         \
	{                                                 \
		(void)state;                              \
		assert_int_equal(as_worker(function), 0); \
	}
WORKER(names_out_of_a_cache_are_not_asked_for_for_ever)

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_names_out_of_a_cache_are_not_asked_for_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
