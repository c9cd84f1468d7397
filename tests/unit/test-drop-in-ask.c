/* sshfs-guard's asker: what it keeps, what ssh is told, and what becomes of an ssh for which there is no answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sshfs-compat/drop-in.h"
#include "sshfs-compat/sshfs-compat.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSWORD_PROMPT "ann@example.org's password: "

static char directory[64], path[96], other[96];

/* Like ssh: runs the program that asks, so many times, and waits for each. */
static void play_ssh(unsigned times, const char *prompt, int words)
{
	int status = 0;

	dup2(words, STDOUT_FILENO);
	dup2(words, STDERR_FILENO);
	for (unsigned i = 0; i < times; i++) {
		pid_t asks = fork();

		if (asks == 0) {
			int answered = drop_in_ask(path, prompt);

			fflush(NULL);
			_exit(answered);
		}
		if (waitpid(asks, &status, 0) != asks)
			_exit(99);
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
}

/* Status of that ssh. said: what was printed, up to the end of both. */
static int ask_times_as_ssh(unsigned times, const char *prompt, char *said, size_t size)
{
	int words[2], status;
	size_t used = 0;
	ssize_t n;
	pid_t ssh;

	assert_int_equal(pipe(words), 0);
	ssh = fork();
	if (ssh == 0) {
		close(words[0]);
		play_ssh(times, prompt, words[1]);
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

static int ask_as_ssh(const char *prompt, char *said, size_t size)
{
	return ask_times_as_ssh(1, prompt, said, size);
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

/* The password on the caller's stack, which is not locked, is wiped. */
static errint_t start_asker(struct drop_in_asker *asker, const char *password)
{
	char copy[64];
	errint_t rc;

	snprintf(copy, sizeof(copy), "%s", password);
	rc = drop_in_asker_start(asker, path, copy);
	for (size_t i = 0; i <= strlen(password); i++)
		assert_int_equal(copy[i], '\0');
	return rc;
}

/* Asked prompt before it settles, the asker keeps the answer. */
static bool keeps_answer_to(const char *prompt)
{
	struct drop_in_asker asker;
	char said[256];
	bool kept;

	assert_int_equal(start_asker(&asker, "secret"), 0);
	assert_int_equal(ask_as_ssh(prompt, said, sizeof(said)), 0);
	assert_string_equal(said, "secret\n");
	kept = drop_in_asker_settle(&asker, "/nowhere");
	if (kept) {
		assert_int_equal(ask_as_ssh(prompt, said, sizeof(said)), 0);
		assert_string_equal(said, "secret\n");
	}
	drop_in_asker_end(&asker);
	return kept;
}

/* A code that is given again is a wrong one, at each reconnect. */
static void codes_are_not_kept(void **state)
{
	(void)state;
	assert_true(keeps_answer_to(PASSWORD_PROMPT));
	assert_true(keeps_answer_to("(ann@example.org) Password: "));
	assert_true(keeps_answer_to("Enter passphrase for key '/home/ann/.ssh/key': "));
	assert_false(keeps_answer_to("(ann@example.org) One-time password (OATH) for `ann': "));
	assert_false(keeps_answer_to("Password (OTP): "));
}

/* All of guardfs is killed and the same mount made again: the first asker ends only then. */
static void an_asker_leaves_the_next_ones_socket(void **state)
{
	struct drop_in_asker first, second;
	char said[256];

	(void)state;
	assert_int_equal(start_asker(&first, "secret"), 0);
	assert_int_equal(ask_as_ssh(PASSWORD_PROMPT, said, sizeof(said)), 0);
	assert_true(drop_in_asker_settle(&first, "/nowhere"));
	assert_int_equal(start_asker(&second, "other"), 0);
	/* A second word ends it. */
	assert_int_equal(send(first.control, "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(waitpid(first.pid, NULL, 0), first.pid);
	close(first.control);
	assert_int_equal(ask_as_ssh(PASSWORD_PROMPT, said, sizeof(said)), 0);
	assert_string_equal(said, "other\n");
	drop_in_asker_end(&second);
}

/* Of a jump host, whose ssh gets no option: the environment tells. Keys are tried all the same. */
static void a_refused_password_is_withheld(void **state)
{
	const char *const key = "Enter passphrase for key '/home/ann/.ssh/key': ";
	struct drop_in_asker asker;
	char said[256];

	(void)state;
	assert_int_equal(start_asker(&asker, "secret"), 0);
	assert_int_equal(ask_as_ssh(PASSWORD_PROMPT, said, sizeof(said)), 0);
	assert_true(drop_in_asker_settle(&asker, "/nowhere"));
	assert_int_equal(setenv(SSH_ASK_NO_PASSWORD, "1", 1), 0);
	assert_true(is_ended(ask_as_ssh(PASSWORD_PROMPT, said, sizeof(said))));
	assert_non_null(strstr(said, "Permission denied ("));
	assert_null(strstr(said, "secret"));
	/* Nothing is kept for it: that ssh goes on all the same. */
	assert_false(is_ended(ask_as_ssh(key, said, sizeof(said))));
	assert_int_equal(unsetenv(SSH_ASK_NO_PASSWORD), 0);
	assert_int_equal(ask_as_ssh(PASSWORD_PROMPT, said, sizeof(said)), 0);
	assert_string_equal(said, "secret\n");
	drop_in_asker_end(&asker);
}

/* As a jump host's ssh does, which gets no NumberOfPasswordPrompts. */
static int ask_twice_as_ssh(const char *prompt, char *said, size_t size)
{
	return ask_times_as_ssh(2, prompt, said, size);
}

/* The same words again would be the same failure, and servers count those. */
static void an_ssh_that_asks_again_was_refused(void **state)
{
	const char *const key = "Enter passphrase for key '/home/ann/.ssh/key': ";
	struct drop_in_asker asker;
	char said[256];
	int status;

	(void)state;
	assert_int_equal(start_asker(&asker, "secret"), 0);
	assert_int_equal(ask_as_ssh(PASSWORD_PROMPT, said, sizeof(said)), 0);
	assert_true(drop_in_asker_settle(&asker, "/nowhere"));
	assert_true(is_ended(ask_twice_as_ssh(PASSWORD_PROMPT, said, sizeof(said))));
	assert_true(strncmp(said, "secret\nPermission denied (", 26) == 0);
	assert_null(strstr(said + 7, "secret"));
	/* More than are remembered, one after the other: each gets it once. */
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(ask_as_ssh(PASSWORD_PROMPT, said, sizeof(said)), 0);
		assert_string_equal(said, "secret\n");
	}
	drop_in_asker_end(&asker);

	/* A key that has another passphrase now: ssh tries the next one. */
	assert_int_equal(start_asker(&asker, "secret"), 0);
	assert_int_equal(ask_as_ssh(key, said, sizeof(said)), 0);
	assert_true(drop_in_asker_settle(&asker, "/nowhere"));
	status = ask_twice_as_ssh(key, said, sizeof(said));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_string_equal(said, "secret\n");
	drop_in_asker_end(&asker);
}

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/guardfs-ask-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/ask", directory);
	/* An asker that ends removes the directory if it is empty. */
	snprintf(other, sizeof(other), "%s/other", directory);
	return mkdir(other, 0700);
}

static int remove_directory(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)rmdir(other);
	(void)rmdir(directory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_ssh_without_an_answer_ends),
	    cmocka_unit_test(an_ssh_without_a_passphrase_goes_on),
	    cmocka_unit_test(codes_are_not_kept),
	    cmocka_unit_test(a_refused_password_is_withheld),
	    cmocka_unit_test(an_ssh_that_asks_again_was_refused),
	    cmocka_unit_test(an_asker_leaves_the_next_ones_socket),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
