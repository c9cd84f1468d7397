/* guardctl-util.h: for unit tests: guardctl run as a whole in a child process. Its output lands in the
 * working directory, which is the test's own. */
#ifndef TESTS_UNIT_GUARDCTL_UTIL_H
#define TESTS_UNIT_GUARDCTL_UTIL_H

/* The program's main function is no part of the library: its source is taken in. */
#define main guardctl_main
int guardctl_main(int argc, char **argv);
#include "guardfs/ctl/main.c"
#undef main

#include "base/fd.h"
#include "remove-tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char sandbox[64];
static char output[65536], errors[16384]; /* of the last run */

static inline void read_back(const char *path, char *buf, size_t size)
{
	assert_true(fd_read_file(path, buf, size) >= 0);
}

static inline void redirect(const char *path, int fd)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (file < 0 || dup2(file, fd) < 0)
		_exit(99);
}

static inline pid_t begin_guardctl(const char *line)
{
	char program[] = "guardctl", copy[512], *argv[16] = {program}, *rest = copy, *word;
	int argc = 1;
	pid_t pid;

	assert_int_equal(copy_string(copy, sizeof(copy), line), 0);
	while ((word = strsep(&rest, " ")) && argc < 15)
		argv[argc++] = word;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		redirect("out", 1);
		redirect("err", 2);
		argc = guardctl_main(argc, argv);
		fflush(NULL);
		_exit(argc);
	}
	return pid;
}

static inline int end_guardctl(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	read_back("out", output, sizeof(output));
	read_back("err", errors, sizeof(errors));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Runs guardctl with the words of line (separated by single spaces); returns its exit status. */
static inline int guardctl(const char *line)
{
	return end_guardctl(begin_guardctl(line));
}

/* The sandbox is a new directory in /tmp, and the working directory. */
static inline int enter_sandbox(const char *name)
{
	snprintf(sandbox, sizeof(sandbox), "/tmp/%s.XXXXXX", name);
	return mkdtemp(sandbox) && chdir(sandbox) == 0 ? 0 : -1;
}

static inline int leave_sandbox(void)
{
	return chdir("/") == 0 ? remove_tree(sandbox) : -1;
}

#endif
