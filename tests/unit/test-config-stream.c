/* stream = openssh: its keys, as they are read, printed and refused. */
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
	"[backend b]\nhost = x\n" /* 6 lines */

static struct config config, again;
static char error[CONFIG_ERROR_MAX];

static void refused(const char *lines, const char *where, const char *what)
{
	char text[1024];

	snprintf(text, sizeof(text), BEFORE "%s", lines);
	assert_int_equal(config_parse("x.conf", text, strlen(text), &config, error), -EINVAL);
	if (strncmp(error, where, strlen(where)) != 0 || !strstr(error, what))
		fail_msg("got '%s', expected '%s' and '%s'", error, where, what);
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	refused("type = sftp\nstream = ssh\n", "x.conf:8: ", "libssh or openssh");
	refused("type = sshfs\nstream = openssh\n", "x.conf:8: ", "'stream' means nothing for type = sshfs");
	refused("type = sftp\nssh_options = ProxyJump=j\n",
		"x.conf:8: ", "'ssh_options' means nothing without stream = openssh");
	refused("type = sftp\nstream = libssh\nssh_config = /c\n",
		"x.conf:9: ", "'ssh_config' means nothing without stream = openssh");
	refused("type = sftp\nssh_command = /c\n",
		"x.conf:8: ", "'ssh_command' means nothing without stream = openssh");
	refused("type = sftp\nstream = openssh\nssh_command = ./ssh\n",
		"x.conf:9: ", "a program's name or absolute path");
	refused("type = sftp\nstream = openssh\nssh_config = none\n", "x.conf:9: ", "an absolute path");
}

static void ways_to_log_in_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	refused("type = sshfs\npassword_file = /p\n",
		"x.conf:8: ", "'password_file' means nothing for type = sshfs");
	refused("type = sftp\nstream = openssh\npassword_file = /p\n",
		"x.conf:9: ", "'password_file' means nothing with stream = openssh");
	refused("type = sftp\nstream = openssh\nagent = /a\n",
		"x.conf:9: ", "'agent' means nothing with stream = openssh");
	refused("type = sftp\nstream = openssh\ncompression = yes\n",
		"x.conf:9: ", "ssh_options = Compression=yes");
	refused("type = sftp\naskpass = /a\n", "x.conf:8: ", "'askpass' means nothing without identity");
	refused("type = sftp\nagent = $SSH_AUTH_SOCK\n", "x.conf:8: ", "an absolute path");
	refused("type = sftp\npassword_file = /srv/jobs/p\n", "x.conf:8: ", "inside the mountpoint");
}

static void it_is_printed_as_it_was(void **state)
{
	static const char text[] =
	    BEFORE "type = sftp\nstream = openssh\nssh_config = "
		   "/etc//jump\nssh_options = ProxyJump=a\\,b,Compression=yes\n"
		   "[backend near]\ntype = sftp\nhost = y\nidentity = /k\naskpass = /a\n"
		   "agent = /s\npassword_file = /p\n";
	const struct config_backend *far = &config.backends[0], *near = &config.backends[1];
	char *printed;
	size_t n;
	FILE *out;

	(void)state;
	assert_int_equal(config_parse("x.conf", text, strlen(text), &config, error), 0);
	assert_true(backend_is_reached_by_ssh(far));
	assert_string_equal(far->ssh_command, "ssh");
	assert_string_equal(far->ssh_config, "/etc/jump");
	assert_string_equal(far->ssh_options, "ProxyJump=a\\,b,Compression=yes");
	assert_false(backend_is_reached_by_ssh(near));
	assert_string_equal(near->password_file, "/p");
	assert_string_equal(near->askpass, "/a");
	assert_string_equal(near->agent, "/s");
	out = open_memstream(&printed, &n);
	assert_non_null(out);
	config_print(&config, out);
	fclose(out);
	assert_int_equal(config_parse("x.conf", printed, n, &again, error), 0);
	assert_memory_equal(config.backends, again.backends, sizeof(config.backends));
	free(printed);
}

static void parsed_whole(const char *text, const char *where, const char *what)
{
	assert_int_equal(config_parse("x.conf", text, strlen(text), &config, error), -EINVAL);
	if (strncmp(error, where, strlen(where)) != 0 || !strstr(error, what))
		fail_msg("got '%s', expected '%s' and '%s'", error, where, what);
}

/* The whole mount may be one backend of type sftp, and nothing else. */
static void the_root_of_a_mount(void **state)
{
#define ROOT "[mount]\nname = a\nmountpoint = /m\nlocal = /l\nroot = far\n" /* 5 lines */
#define FAR  "[backend far]\nhost = x\ntype = "

	static const char good[] =
	    ROOT "permissions = no\nothers = no\nsubtype = sshfs\nsource = ann@x: y\n" FAR
		 "sftp\nstream = openssh\nssh_lenient = yes\n";

	(void)state;
	assert_int_equal(config_parse("x.conf", good, strlen(good), &config, error), 0);
	assert_int_equal(config_root_backend(&config), 0);
	assert_false(config.check_permissions || config.allow_other);
	assert_string_equal(config.subtype, "sshfs");
	assert_string_equal(config.source, "ann@x: y");
	assert_true(config.backends[0].ssh_lenient);
	parsed_whole(ROOT FAR "sshfs\n", "x.conf:5: ", "of type sftp");
	parsed_whole(ROOT "[backend other]\ntype = sftp\nhost = x\n", "x.conf:5: ", "of type sftp");
	parsed_whole(ROOT FAR "sftp\n[tier]\nmanifest = /etc/m\n", "x.conf:5: ", "no place for a manifest");
	parsed_whole("[mount]\nname = a\nmountpoint = /m\nlocal = /l\npermissions = no\n",
		     "x.conf:5: ", "needs root");
	/* Below .guardfs/backends nobody would check. */
	parsed_whole(ROOT "permissions = no\n" FAR "sftp\n[backend near]\ntype = dir\npath = /n\n",
		     "x.conf:6: ", "the only backend");
	parsed_whole(ROOT FAR "sftp\nssh_lenient = yes\n", "x.conf:9: ", "without stream = openssh");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_does_not_fit_is_refused),
	    cmocka_unit_test(ways_to_log_in_that_do_not_fit_are_refused),
	    cmocka_unit_test(it_is_printed_as_it_was),
	    cmocka_unit_test(the_root_of_a_mount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
