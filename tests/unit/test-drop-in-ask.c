/* sshfs-guard's asker: what it keeps, what ssh is told, and what becomes of an ssh for which there is no answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sshfs-compat/drop-in.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSWORD_PROMPT "ann@example.org's password: "

static char directory[64], path[96];

/* Like ssh: runs the program that asks, and waits for it. */
static void play_ssh(const char *prompt, int words)
{
	pid_t asks;
	int status;

	dup2(words, STDOUT_FILENO);
	dup2(words, STDERR_FILENO);
	asks = fork();
	if (asks == 0) {
		int answered = drop_in_ask(path, prompt);

		fflush(NULL);
		_exit(answered);
	}
	close(words);
	_exit(waitpid(asks, &status, 0) == asks && WIFEXITED(status) ? WEXITSTATUS(status) : 99);
}

/* Status of that ssh. said: what was printed, up to the end of both. */
static int ask_as_ssh(const char *prompt, char *said, size_t size)
{
	int words[2], status;
	size_t used = 0;
	ssize_t n;
	pid_t ssh;

	assert_int_equal(pipe(words), 0);
	ssh = fork();
	if (ssh == 0) {
		close(words[0]);
		play_ssh(prompt, words[1]);
	}
	assert_true(ssh > 0);
	close(words[1]);
	while ((n = read(words[0], said + used, size - 1 - used)) > 0)
		used += (size_t)n;
	said[used] = '\0';
	close(words[0]);
	assert_int_equal(waitpid(ssh, &status, 0), ssh);
	return status;
}

static bool is_ended(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
}

/* It would send an empty password, again and again: the account is locked. */
static void an_ssh_without_an_answer_ends(void **state)
{
	char said[256];

	(void)state;
	assert_true(is_ended(ask_as_ssh(PASSWORD_PROMPT, said, sizeof(said))));
	assert_non_null(strstr(said, "Permission denied ("));
	assert_true(is_ended(ask_as_ssh("(ann@example.org) Verification code: ", said, sizeof(said))));
}

/* What ssh does not send: it goes on. */
static void an_ssh_without_a_passphrase_goes_on(void **state)
{
	int status;
	char said[256];

	(void)state;
	status = ask_as_ssh("Enter passphrase for key '/home/ann/.ssh/key': ", said, sizeof(said));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	status = ask_as_ssh("Are you sure you want to continue connecting (yes/no/[fingerprint])? ", said,
			    sizeof(said));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_string_equal(said, "");
}

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/guardfs-ask-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/ask", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)rmdir(directory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_ssh_without_an_answer_ends),
	    cmocka_unit_test(an_ssh_without_a_passphrase_goes_on),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
