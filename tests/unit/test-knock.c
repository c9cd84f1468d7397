/* Knocking at a server that was away: which greeting is news, and how often it is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "keeper/knock.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct config_backend backend;

/* A server that says each of `says` to one caller, in turn; the callers counted. NULL: it hangs up at once. */
struct server {
	int sock;
	const char *const *says;
	unsigned n, callers;
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct server *s = arg;

	while (s->callers < s->n) {
		int fd = accept(s->sock, NULL, NULL);
		const char *said = s->says[s->callers];

		assert_true(fd >= 0);
		s->callers++;
		if (said)
			assert_int_equal(send(fd, said, strlen(said), MSG_NOSIGNAL), strlen(said));
		close(fd);
	}
	return NULL;
}

static void server_start(struct server *s, const char *const *says, unsigned n)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);

	*s = (struct server){.says = says, .n = n};
	s->sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->sock >= 0);
	assert_int_equal(bind(s->sock, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->sock, 8), 0);
	assert_int_equal(getsockname(s->sock, (struct sockaddr *)&a, &size), 0);
	backend =
	    (struct config_backend){.type = BACKEND_SFTP, .host = "127.0.0.1", .port = ntohs(a.sin_port)};
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	close(s->sock);
}

static void test_greeting_is_news_where_none_was_expected(void **state)
{
	static const char *const says[] = {"SSH-2.0-test\r\n"};
	struct server s;

	(void)state;
	server_start(&s, says, 1);
	assert_true(knock_until_back(&backend, KNOCK_AWAY));
	server_end(&s);
}

static void test_greeting_is_no_news_where_the_server_never_went(void **state)
{
	static const char *const says[] = {"SSH-2.0-test\r\n"};
	struct server s;

	(void)state;
	server_start(&s, says, 1);
	assert_false(knock_until_back(&backend, KNOCK_ALERT));
	server_end(&s);
}

static void test_goes_on_until_ssh_is_spoken(void **state)
{
	static const char *const says[] = {NULL, "220 mail\r\n", "SSH-2.0-test\r\n"};
	struct server s;

	(void)state;
	server_start(&s, says, 3);
	assert_true(knock_until_back(&backend, KNOCK_ALERT));
	server_end(&s);
	assert_int_equal(s.callers, 3);
}

static void test_classes(void **state)
{
	(void)state;
	assert_int_equal(knock_manner_of(ERRCLASS_REFUSED, false), KNOCK_AWAY);
	assert_int_equal(knock_manner_of(ERRCLASS_UNREACHABLE, false), KNOCK_AWAY);
	/* One greeting in an outage; then a vain knock has to show that it is away. */
	assert_int_equal(knock_manner_of(ERRCLASS_REFUSED, true), KNOCK_ALERT);
	assert_int_equal(knock_manner_of(ERRCLASS_TIMEOUT, true), KNOCK_ALERT);
	assert_int_equal(knock_manner_of(ERRCLASS_SERVER_GONE, true), KNOCK_ALERT);
	assert_int_equal(knock_manner_of(ERRCLASS_TIMEOUT, false), KNOCK_AWAY);
	/* One that takes logins and drops them is not to be tried more often. */
	assert_int_equal(knock_manner_of(ERRCLASS_SERVER_GONE, false), KNOCK_ALERT);
	/* A server is there that will not have us: greeting, it says nothing new. */
	assert_int_equal(knock_manner_of(ERRCLASS_AUTH_FAILED, true), KNOCK_NOT);
	assert_int_equal(knock_manner_of(ERRCLASS_HOST_KEY_CHANGED, true), KNOCK_NOT);
	assert_int_equal(knock_manner_of(ERRCLASS_TOO_MANY_CONNECTIONS, true), KNOCK_NOT);
	assert_int_equal(knock_manner_of(ERRCLASS_IDENTITY_MISMATCH, true), KNOCK_NOT);
	assert_int_equal(knock_manner_of(ERRCLASS_NONE, true), KNOCK_NOT);
}

static void test_pauses_grow_and_are_bounded(void **state)
{
	(void)state;
	assert_int_equal(knock_pause_ms(0), 500);
	assert_int_equal(knock_pause_ms(8000), 500);
	assert_int_equal(knock_pause_ms(16000), 1000);
	assert_int_equal(knock_pause_ms(32000), 2000);
	assert_int_equal(knock_pause_ms(80000), 5000);
	assert_int_equal(knock_pause_ms(UINT64_MAX), 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_greeting_is_news_where_none_was_expected),
	    cmocka_unit_test(test_greeting_is_no_news_where_the_server_never_went),
	    cmocka_unit_test(test_goes_on_until_ssh_is_spoken),
	    cmocka_unit_test(test_classes),
	    cmocka_unit_test(test_pauses_grow_and_are_bounded),
	};

	return cmocka_run_group_tests_name("knock", tests, NULL, NULL);
}
