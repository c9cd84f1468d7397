/* type = command: the program's words, as they are read, printed and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BEFORE                                                               \
	"[mount]\nname = jobs\nmountpoint = /srv/jobs\nlocal = /srv/local\n" \
	"[backend b]\ntype = command\n" /* 6 lines */

static struct config config, again;
static char error[CONFIG_ERROR_MAX];

static void refused(const char *lines, const char *where, const char *what)
{
	char text[4096];

	snprintf(text, sizeof(text), BEFORE "%s", lines);
	assert_int_equal(config_parse("x.conf", text, strlen(text), &config, error), -EINVAL);
	if (strncmp(error, where, strlen(where)) != 0 || !strstr(error, what))
		fail_msg("got '%s', expected '%s' and '%s'", error, where, what);
}

static void what_is_no_command_is_refused(void **state)
{
	char longer[2048] = "command = [\"/bin/true\", \"";

	(void)state;
	refused("", "x.conf:5: ", "'command' is missing in [backend b]");
	refused("command = [\"rclone\", \"mount\"]\n",
		"x.conf:7: ", "a program's absolute path and its arguments");
	refused("command = [\"/bin/true\", 1]\n",
		"x.conf:7: ", "a program's absolute path and its arguments");
	refused("host = x\ncommand = [\"/bin/true\", \"{mountpoint}\"]\n",
		"x.conf:7: ", "'host' means nothing for type = command");
	refused("command = [\"/bin/true\", \"/mnt\"]\n", "x.conf:7: ", "has no {mountpoint}");
	refused("command = [\"/bin/{mountpoint}\"]\n", "x.conf:7: ", "has no {mountpoint}");
	refused("command = [\"/bin/true\"]\ncommand = [\"/bin/true\"]\n", "x.conf:8: ", "was set already");
	memset(longer + strlen(longer), 'a', 1200);
	strcat(longer, "\"]\n");
	refused(longer, "x.conf:7: ", "at most 1023 are possible");
}

static void its_words_are_printed_as_they_were(void **state)
{
	static const char text[] =
	    BEFORE "command = [\"/usr/bin/rclone\", \"mount\", \"box: a\", \"{mountpoint}\"]\n";
	char *words[CONFIG_HOOK_WORDS_MAX + 1], *printed;
	size_t n;
	FILE *out;

	(void)state;
	assert_int_equal(config_parse("x.conf", text, strlen(text), &config, error), 0);
	assert_int_equal(config_program_words(&config.backends[0].command, words), 4);
	assert_string_equal(words[0], "/usr/bin/rclone");
	assert_string_equal(words[2], "box: a");
	assert_null(words[4]);
	out = open_memstream(&printed, &n);
	assert_non_null(out);
	config_print(&config, out);
	fclose(out);
	assert_int_equal(config_parse("again.conf", printed, n, &again, error), 0);
	assert_memory_equal(&config.backends[0].command, &again.backends[0].command,
			    sizeof(config.backends[0].command));
	free(printed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_no_command_is_refused),
	    cmocka_unit_test(its_words_are_printed_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
