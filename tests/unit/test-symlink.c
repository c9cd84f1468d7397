/* Links: which may lead out of their tree, and absolute ones as seen from where they lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/symlink.h"

static void some_may_lead_out(void **state)
{
	(void)state;
	assert_true(symlink_may_lead_out("/a"));
	assert_true(symlink_may_lead_out("a/../b"));
	assert_false(symlink_may_lead_out("a/..b"));
}

static void absolute_ones_become_relative(void **state)
{
	static const struct {
		const char *base, *link, *target, *relative;
	} table[] = {
	    {"/srv/d", "l", "/srv/d/f", "f"},
	    {"/srv/d", "l", "/srv/d", "."},
	    {"/srv/d/", "a/l", "/srv/d/f", "../f"},
	    {"/srv/d", "a/b/l", "/srv/d/a/f", "../f"},
	    {"/srv/d", "a/b/l", "//srv//d/a/b/f", "f"},
	    {"/srv/d", "a/b/l", "/srv/d", "../../."},
	    {"/", "a/l", "/b/c", "../b/c"},
	    {"/srv/d", "l", "/srv/dd/f", NULL},
	    {"/srv/d", "l", "/srv", NULL},
	    {"/srv/d", "l", "f", NULL},
	    {"d", "l", "/srv/d/f", NULL},
	    {"", "l", "/srv/d/f", NULL},
	    {"/srv/d", "l", "/srv/d/l", NULL},
	};
	char relative[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		bool is = symlink_make_relative(table[i].base, table[i].link, table[i].target, relative,
						sizeof(relative));

		if (is != (table[i].relative != NULL) || (is && strcmp(relative, table[i].relative) != 0))
			fail_msg("%s from %s below %s: %s", table[i].target, table[i].link, table[i].base,
				 is ? relative : "left");
	}
	assert_false(symlink_make_relative("/d", "a/l", "/d/0123456789", relative, 14));
	assert_true(symlink_make_relative("/d", "a/l", "/d/0123456789", relative, 15));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(some_may_lead_out),
	    cmocka_unit_test(absolute_ones_become_relative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
