/* What keeper takes from a transport, which may be anybody's by then: its output, its words on the login, its memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "keeper/sftp-child.h"
#include "keeper/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct config_backend by_libssh = {.type = BACKEND_SFTP};

static struct transport begin_transport(void)
{
	return (struct transport){.backend = &by_libssh,
				  .kind = &transport_sftp,
				  .pidfd = -1,
				  .stderr_fd = -1,
				  .mark_fd = -1,
				  .status = -1,
				  .ring_socket = -1};
}

/* ---- its output ---- */

static _Atomic bool enough;

static void *write_without_end(void *arg)
{
	char text[4096];

	memset(text, 'x', sizeof(text));
	while (!enough)
		if (write(*(const int *)arg, text, sizeof(text)) < 0 && errno != EAGAIN)
			break;
	return NULL;
}

/* As quick as the reader: what was there, and a little more, is read. */
static void output_without_end(void **state)
{
	struct transport t = begin_transport();
	pthread_t writers[2];
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	t.stderr_fd = fds[0];
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, write_without_end, &fds[1]), 0);
	while (t.used == 0)
		transport_read(&t);
	for (unsigned i = 0; i < 200; i++)
		transport_read(&t);
	assert_in_range(t.used, 1, sizeof(t.text));
	enough = true;
	for (unsigned i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
	close(fds[0]);
	close(fds[1]);
}

/* All that is read at once. */
static void output_is_read_in_part(void **state)
{
	struct transport t = begin_transport();
	char block[4096];
	int fds[2], left = 0, wrote = 0;

	(void)state;
	memset(block, 'x', sizeof(block));
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
	for (ssize_t n; (n = write(fds[1], block, sizeof(block))) > 0;)
		wrote += (int)n;
	t.stderr_fd = fds[0];
	transport_read(&t);
	assert_int_equal(ioctl(fds[0], FIONREAD, &left), 0);
	assert_in_range(left, wrote - (1 << 17), wrote - 1);
	close(fds[0]);
	close(fds[1]);
}

/* ---- the login ---- */

static void words_on_the_login(void **state)
{
	static struct sftp_job job;
	struct transport t = begin_transport();
	char detail[256];

	(void)state;
	job.diagnosis = (struct diagnosis){.class = ERRCLASS_AUTH_FAILED, .failed_step = DIAGNOSE_KEY};
	job.diagnosis.outcome[DIAGNOSE_KEY] = DIAGNOSE_FAILED;
	strcpy(job.diagnosis.detail, "refused");
	t.job = &job;
	assert_int_equal(transport_explain(&t, detail, sizeof(detail)), ERRCLASS_AUTH_FAILED);
	assert_string_equal(detail, "refused");
	/* It had logged in: this is no longer for it to say. */
	t.served = true;
	atomic_store(&job.ended, -EPROTO);
	assert_int_equal(transport_explain(&t, detail, sizeof(detail)), ERRCLASS_NONE);
	assert_non_null(strstr(detail, "make no sense"));
}

/* ssh says why it ends. What comes over a connection that served may be the server's: its banner, its own errors. */
static void words_of_ssh(void **state)
{
	static const struct config_backend by_ssh = {.type = BACKEND_SFTP, .stream = STREAM_OPENSSH};
	static struct sftp_job job;
	struct transport t = begin_transport();
	char detail[256];

	(void)state;
	t.backend = &by_ssh;
	t.job = &job;
	atomic_store(&job.ended, -ENOTCONN);
	assert_int_equal(transport_explain(&t, detail, sizeof(detail)), ERRCLASS_NONE);
	assert_string_equal(detail, "the server closed the connection");
	strcpy(t.text, "u@h: Permission denied (publickey).\r\n");
	t.used = strlen(t.text);
	assert_int_equal(transport_explain(&t, detail, sizeof(detail)), ERRCLASS_AUTH_FAILED);
	assert_string_equal(detail, "u@h: Permission denied (publickey).");
	t.served = true;
	assert_int_equal(transport_explain(&t, detail, sizeof(detail)), ERRCLASS_SERVER_GONE);
	strcpy(t.text, "Timeout, server h not responding.\r\n");
	t.used = strlen(t.text);
	assert_int_equal(transport_explain(&t, detail, sizeof(detail)), ERRCLASS_TIMEOUT);
	strcpy(t.text, "a word\n");
	t.used = strlen(t.text);
	assert_int_equal(transport_explain(&t, detail, sizeof(detail)), ERRCLASS_NONE);
	assert_string_equal(detail, "a word");
	atomic_store(&job.ended, -EPROTO);
	assert_int_equal(transport_explain(&t, detail, sizeof(detail)), ERRCLASS_NONE);
	assert_non_null(strstr(detail, "make no sense"));
}

/* What ssh was told on a terminal, and the server refuses, is sent once an hour at most. */
static void a_refused_password_of_ssh(void **state)
{
	static const struct config_backend by_ssh = {
	    .type = BACKEND_SFTP, .stream = STREAM_OPENSSH, .ssh_lenient = true};
	struct transport t = begin_transport();
	uint64_t until_ns;
	char detail[256];

	(void)state;
	t.backend = &by_ssh;
	strcpy(t.text, "u@h: Permission denied (publickey,password).\r\n");
	t.used = strlen(t.text);
	t.served = true; /* it may be the server's word */
	(void)transport_explain(&t, detail, sizeof(detail));
	assert_int_equal(transport_refused_ns(&t), 0);
	t.served = false;
	assert_int_equal(transport_explain(&t, detail, sizeof(detail)), ERRCLASS_AUTH_FAILED);
	assert_int_not_equal(transport_refused_ns(&t), 0);
	/* A login without the password does not lengthen the hour. */
	until_ns = t.refused_until_ns;
	(void)transport_explain(&t, detail, sizeof(detail));
	assert_true(t.refused_until_ns == until_ns);
	t.refused_until_ns = 0;
	assert_int_equal(transport_refused_ns(&t), 0);
}

/* ---- its memory ---- */

#define MEMORY (64u << 20)

/* Private or shared memory is filled. */
static uint64_t memory_of_child(int flags)
{
	struct transport t = begin_transport();
	int ready[2], status;
	uint64_t bytes;
	char byte;

	assert_int_equal(pipe(ready), 0);
	t.pid = fork();
	if (t.pid == 0) {
		void *p = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		memset(p, 1, MEMORY);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	t.pidfd = (int)syscall(SYS_pidfd_open, t.pid, 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	bytes = transport_memory(&t);
	kill(t.pid, SIGKILL);
	assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
	close(t.pidfd);
	close(ready[0]);
	close(ready[1]);
	return bytes;
}

/* The ring is not its own. */
static void memory_of_its_own(void **state)
{
	(void)state;
	assert_true(memory_of_child(MAP_PRIVATE) >= MEMORY);
	assert_in_range(memory_of_child(MAP_SHARED), 1, MEMORY / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(output_without_end),	 cmocka_unit_test(output_is_read_in_part),
	    cmocka_unit_test(words_on_the_login),	 cmocka_unit_test(words_of_ssh),
	    cmocka_unit_test(a_refused_password_of_ssh), cmocka_unit_test(memory_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
