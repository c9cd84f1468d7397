/* What a server's answers mean, without any server: texts, banners, errnos, statuses, figures; and which
 * records may be trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "diagnose/classify.h"
#include "diagnose/diagnose.h"

#include <errno.h>

static void texts_are_made_harmless(void **state)
{
	char text[64];

	(void)state;
	diagnose_clean(text, sizeof(text), "  hello\r\n\t world\x1b[2J\xff ", 22);
	assert_string_equal(text, "hello world?[2J?");
	diagnose_clean(text, sizeof(text), "a\0b", 3);
	assert_string_equal(text, "a b");
	diagnose_clean(text, 5, "abcdefgh", 8);
	assert_string_equal(text, "abcd");
	diagnose_clean(text, 5, "abc defgh", 9);
	assert_string_equal(text, "abcd");
	diagnose_clean(text, 1, "abc", 3);
	assert_string_equal(text, "");
	diagnose_clean(text, sizeof(text), "", 0);
	assert_string_equal(text, "");
}

static void any_bytes_become_text_that_fits(void **state)
{
	unsigned char all[512];
	char text[40];

	(void)state;
	for (unsigned i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)(i * 7);
	for (size_t size = 1; size <= sizeof(text); size++)
		for (size_t from = 0; from < 256; from++) {
			memset(text, 1, sizeof(text));
			diagnose_clean(text, size, all + from, sizeof(all) - from);
			assert_true(strnlen(text, size) < size);
			for (char *p = text; *p; p++)
				assert_true(*p >= 0x20 && *p < 0x7f);
		}
}

static void connecting(void **state)
{
	(void)state;
	assert_int_equal(diagnose_connect_class(ECONNREFUSED), ERRCLASS_REFUSED);
	assert_int_equal(diagnose_connect_class(ENETUNREACH), ERRCLASS_UNREACHABLE);
	assert_int_equal(diagnose_connect_class(EHOSTUNREACH), ERRCLASS_UNREACHABLE);
	assert_int_equal(diagnose_connect_class(EACCES), ERRCLASS_UNREACHABLE);
	assert_int_equal(diagnose_connect_class(ETIMEDOUT), ERRCLASS_TIMEOUT);
	assert_int_equal(diagnose_connect_class(ECONNRESET), ERRCLASS_SERVER_GONE);
	assert_int_equal(diagnose_connect_class(EMFILE), ERRCLASS_NO_RESOURCES);
}

static void of_several_addresses_the_nearest_tells(void **state)
{
	(void)state;
	assert_int_equal(diagnose_more_telling(ERRCLASS_UNREACHABLE, ERRCLASS_REFUSED), ERRCLASS_REFUSED);
	assert_int_equal(diagnose_more_telling(ERRCLASS_REFUSED, ERRCLASS_UNREACHABLE), ERRCLASS_REFUSED);
	assert_int_equal(diagnose_more_telling(ERRCLASS_UNREACHABLE, ERRCLASS_TIMEOUT), ERRCLASS_TIMEOUT);
	assert_int_equal(diagnose_more_telling(ERRCLASS_NONE, ERRCLASS_UNREACHABLE), ERRCLASS_UNREACHABLE);
}

static enum diagnose_banner banner(const char *bytes, const char **line, size_t *length)
{
	return diagnose_banner(bytes, strlen(bytes), line, length);
}

static void banners(void **state)
{
	static char flood[DIAGNOSE_BANNER_MAX];
	const char *line = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(banner("SSH-2.0-OpenSSH_9.2p1\r\n\x14\x03", &line, &n), BANNER_SSH);
	assert_int_equal(n, 22); /* with the carriage return */
	assert_int_equal(banner("SSH-1.99-old\n", &line, &n), BANNER_SSH);
	assert_int_equal(banner("Mind the gap.\r\nSSH-2.0-x\r\n", &line, &n), BANNER_SSH);
	assert_memory_equal(line, "SSH-2.0-x", 9);
	assert_int_equal(banner("SSH-1.5-ancient\n", &line, &n), BANNER_FOREIGN);
	assert_int_equal(banner("", &line, &n), BANNER_INCOMPLETE);
	assert_int_equal(banner("SSH-2.0-x", &line, &n), BANNER_INCOMPLETE);
	assert_int_equal(banner("HTTP/1.1 400\r\n\r\n", &line, &n), BANNER_INCOMPLETE);
	memset(flood, 'x', sizeof(flood));
	assert_int_equal(diagnose_banner(flood, sizeof(flood), &line, &n), BANNER_FOREIGN);
	memset(flood, '\n', sizeof(flood));
	assert_int_equal(diagnose_banner(flood, sizeof(flood), &line, &n), BANNER_FOREIGN);
	assert_int_equal(diagnose_banner(flood, sizeof(flood) - 1, &line, &n), BANNER_INCOMPLETE);
}

static enum errclass closed_after(const char *bytes)
{
	return diagnose_no_banner_class(bytes, strlen(bytes));
}

static void closed_without_a_banner(void **state)
{
	(void)state;
	assert_int_equal(closed_after(""), ERRCLASS_TOO_MANY_CONNECTIONS);
	assert_int_equal(closed_after("SS"), ERRCLASS_TOO_MANY_CONNECTIONS);
	assert_int_equal(closed_after("SSH-2.0-Op"), ERRCLASS_TOO_MANY_CONNECTIONS);
	assert_int_equal(closed_after("Exceeded MaxStartups\r\n"), ERRCLASS_TOO_MANY_CONNECTIONS);
	assert_int_equal(closed_after("Not allowed at this time\r\n"), ERRCLASS_TOO_MANY_CONNECTIONS);
	assert_int_equal(closed_after("421 TOO MANY connections from you"), ERRCLASS_TOO_MANY_CONNECTIONS);
	assert_int_equal(closed_after("HTTP/1.1 400 Bad Request\r\n"), ERRCLASS_SERVER_GONE);
	assert_int_equal(closed_after("S3"), ERRCLASS_SERVER_GONE);
}

static void disconnects(void **state)
{
	(void)state;
	assert_int_equal(
	    diagnose_disconnect_class("Received SSH_MSG_DISCONNECT: 2:Too many authentication failures",
				      ERRCLASS_NONE),
	    ERRCLASS_AUTH_FAILED);
	assert_int_equal(
	    diagnose_disconnect_class("Received SSH_MSG_DISCONNECT: 12:Too many connections", ERRCLASS_NONE),
	    ERRCLASS_TOO_MANY_CONNECTIONS);
	assert_int_equal(diagnose_disconnect_class("kex error : no match for method mac algo client->server",
						   ERRCLASS_SERVER_GONE),
			 ERRCLASS_CONFIG);
	assert_int_equal(
	    diagnose_disconnect_class("Socket error: Connection reset by peer", ERRCLASS_AUTH_FAILED),
	    ERRCLASS_SERVER_GONE);
	assert_int_equal(diagnose_disconnect_class("what is this", ERRCLASS_AUTH_FAILED),
			 ERRCLASS_AUTH_FAILED);
	assert_int_equal(diagnose_disconnect_class("", ERRCLASS_SERVER_GONE), ERRCLASS_SERVER_GONE);
}

static void paths(void **state)
{
	(void)state;
	assert_int_equal(diagnose_path_class(SFTP_NO_SUCH_FILE), ERRCLASS_PATH_MISSING);
	assert_int_equal(diagnose_path_class(SFTP_NOT_A_DIRECTORY), ERRCLASS_PATH_MISSING);
	assert_int_equal(diagnose_path_class(SFTP_PERMISSION_DENIED), ERRCLASS_PATH_MISSING);
	assert_int_equal(diagnose_path_class(SFTP_CONNECTION_LOST), ERRCLASS_SERVER_GONE);
	assert_int_equal(diagnose_path_class(SFTP_FAILURE), ERRCLASS_IO_ERROR);
	assert_int_equal(diagnose_path_class(UINT32_MAX), ERRCLASS_IO_ERROR);
}

static void space(void **state)
{
	struct sftp_statvfs s = {
	    .blocks = 100, .available_blocks = 10, .files = 50, .available_files = 5, .flags = 2};
	const char *why;

	(void)state;
	assert_int_equal(diagnose_space_class(&s, &why), ERRCLASS_NONE);
	s.available_files = 0;
	assert_int_equal(diagnose_space_class(&s, &why), ERRCLASS_FULL);
	assert_non_null(strstr(why, "inode"));
	s.files = 0; /* a file system that does not count them */
	assert_int_equal(diagnose_space_class(&s, &why), ERRCLASS_NONE);
	s.available_blocks = 0;
	assert_int_equal(diagnose_space_class(&s, &why), ERRCLASS_FULL);
	s.flags |= SFTP_STATVFS_READ_ONLY;
	assert_int_equal(diagnose_space_class(&s, &why), ERRCLASS_READ_ONLY);
	assert_int_equal(diagnose_space_class(&(struct sftp_statvfs){0}, &why), ERRCLASS_NONE);
}

static enum errclass written(bool creating, uint32_t status, const char *message)
{
	const char *why = NULL;
	enum errclass class = diagnose_write_class(
	    creating, status, (struct sftp_slice){(const uint8_t *)message, strlen(message)}, &why);

	assert_non_null(why);
	return class;
}

static void writing(void **state)
{
	(void)state;
	assert_int_equal(written(false, SFTP_FAILURE, "Failure"), ERRCLASS_FULL);
	assert_int_equal(written(true, SFTP_FAILURE, "Failure"), ERRCLASS_FULL);
	assert_int_equal(written(true, SFTP_FAILURE, "Read-only file system"), ERRCLASS_READ_ONLY);
	assert_int_equal(written(false, SFTP_FAILURE, "Disk QUOTA exceeded"), ERRCLASS_FULL);
	assert_int_equal(written(false, SFTP_FAILURE, "Input/output error"), ERRCLASS_IO_ERROR);
	assert_int_equal(written(true, SFTP_PERMISSION_DENIED, "Permission denied"), ERRCLASS_READ_ONLY);
	assert_int_equal(written(false, SFTP_NO_SPACE, ""), ERRCLASS_FULL);
	assert_int_equal(written(false, SFTP_QUOTA_EXCEEDED, ""), ERRCLASS_FULL);
	assert_int_equal(written(true, SFTP_WRITE_PROTECT, ""), ERRCLASS_READ_ONLY);
	assert_int_equal(written(true, SFTP_NO_SUCH_FILE, ""), ERRCLASS_PATH_MISSING);
	assert_int_equal(written(false, SFTP_CONNECTION_LOST, ""), ERRCLASS_SERVER_GONE);
	assert_int_equal(written(false, 4711, ""), ERRCLASS_IO_ERROR);
}

static void errnos(void **state)
{
	(void)state;
	assert_int_equal(diagnose_errno_class(ENOENT), ERRCLASS_PATH_MISSING);
	assert_int_equal(diagnose_errno_class(ENOTDIR), ERRCLASS_PATH_MISSING);
	assert_int_equal(diagnose_errno_class(ENOSPC), ERRCLASS_FULL);
	assert_int_equal(diagnose_errno_class(EDQUOT), ERRCLASS_FULL);
	assert_int_equal(diagnose_errno_class(EROFS), ERRCLASS_READ_ONLY);
	assert_int_equal(diagnose_errno_class(ENOTCONN), ERRCLASS_NOT_CONNECTED);
	assert_int_equal(diagnose_errno_class(EIO), ERRCLASS_IO_ERROR);
	assert_int_equal(diagnose_errno_class(EXDEV), ERRCLASS_IO_ERROR);
}

static struct diagnosis good_failure(void)
{
	struct diagnosis d = {.class = ERRCLASS_REFUSED, .failed_step = DIAGNOSE_CONNECT};

	d.outcome[DIAGNOSE_CONFIG] = d.outcome[DIAGNOSE_RESOLVE] = DIAGNOSE_PASSED;
	d.outcome[DIAGNOSE_CONNECT] = DIAGNOSE_FAILED;
	strcpy(d.detail, "connecting to 127.0.0.1 port 1: Connection refused");
	return d;
}

static void only_sound_records_are_valid(void **state)
{
	struct diagnosis healthy = {.class = ERRCLASS_NONE, .failed_step = DIAGNOSE_STEP_COUNT};
	struct diagnosis d = good_failure();

	(void)state;
	assert_true(diagnosis_valid(&healthy));
	assert_true(diagnosis_valid(&d));
	d.class = ERRCLASS_COUNT;
	assert_false(diagnosis_valid(&d));
	d.class = ERRCLASS_NONE;
	assert_false(diagnosis_valid(&d));
	d = good_failure();
	d.failed_step = DIAGNOSE_STEP_COUNT + 1;
	assert_false(diagnosis_valid(&d));
	d.failed_step = DIAGNOSE_GREET;
	assert_false(diagnosis_valid(&d));
	d = good_failure();
	d.outcome[DIAGNOSE_WRITE] = DIAGNOSE_SKIPPED + 1;
	assert_false(diagnosis_valid(&d));
	d.outcome[DIAGNOSE_WRITE] = DIAGNOSE_FAILED;
	assert_false(diagnosis_valid(&d));
	d = good_failure();
	d.detail[3] = '\x1b';
	assert_false(diagnosis_valid(&d));
	memset(d.detail, 'x', sizeof(d.detail));
	assert_false(diagnosis_valid(&d));
	d = good_failure();
	memset(d.server, 'x', sizeof(d.server));
	assert_false(diagnosis_valid(&d));
	healthy.outcome[DIAGNOSE_KEY] = DIAGNOSE_FAILED;
	assert_false(diagnosis_valid(&healthy));
}

static void everything_has_a_name(void **state)
{
	(void)state;
	for (unsigned a = 0; a < DIAGNOSE_STEP_COUNT; a++)
		for (unsigned b = 0; b < a; b++)
			assert_string_not_equal(diagnose_step_name(a), diagnose_step_name(b));
	assert_string_equal(diagnose_step_name(DIAGNOSE_HOST_KEY), "host_key");
	assert_string_equal(diagnose_step_name(DIAGNOSE_STEP_COUNT), "none");
	assert_string_equal(diagnose_outcome_name(DIAGNOSE_SKIPPED), "skipped");
	assert_string_equal(diagnose_outcome_name(99), "invalid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_are_made_harmless),
	    cmocka_unit_test(any_bytes_become_text_that_fits),
	    cmocka_unit_test(connecting),
	    cmocka_unit_test(of_several_addresses_the_nearest_tells),
	    cmocka_unit_test(banners),
	    cmocka_unit_test(closed_without_a_banner),
	    cmocka_unit_test(disconnects),
	    cmocka_unit_test(paths),
	    cmocka_unit_test(space),
	    cmocka_unit_test(writing),
	    cmocka_unit_test(errnos),
	    cmocka_unit_test(only_sound_records_are_valid),
	    cmocka_unit_test(everything_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
