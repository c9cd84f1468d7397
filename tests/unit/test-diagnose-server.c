/* Diagnoses of real servers: an sshd of its own for every way in which one can fail, and false ones for what
 * no sshd does. Each must be told apart, within its limit. As root. */
#include "diagnose-util.h"

/* ---- healthy ---- */

static void a_healthy_server(void **state)
{
	(void)state;
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_healthy();
	for (unsigned i = 0; i < DIAGNOSE_STEP_COUNT; i++)
		assert_int_equal(diagnosis.outcome[i], DIAGNOSE_PASSED);
	assert_non_null(strstr(diagnosis.server, "SSH-2.0-OpenSSH"));
	assert_no_canary("data");
}

static void nothing_is_written_unless_asked_for(void **state)
{
	struct stat before, after;
	char path[128];

	(void)state;
	stage_path(path, sizeof(path), "data");
	serve_sftp("");
	assert_int_equal(stat(path, &before), 0);
	ask(LIMIT_MS, false);
	assert_healthy();
	assert_int_equal(diagnosis.outcome[DIAGNOSE_WRITE], DIAGNOSE_SKIPPED);
	assert_int_equal(stat(path, &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
}

static void a_server_without_statvfs_is_healthy_too(void **state)
{
	char subsystem[128];

	(void)state;
	snprintf(subsystem, sizeof(subsystem), "Subsystem sftp internal-sftp -P statvfs -d %s/data",
		 stage.dir);
	serve("", subsystem);
	ask(LIMIT_MS, true);
	assert_healthy();
	assert_int_equal(diagnosis.outcome[DIAGNOSE_SPACE], DIAGNOSE_SKIPPED);
}

/* As ssh does without configuration: keys and known hosts of the user. */
static void defaults_of_the_user(void **state)
{
	(void)state;
	run("mkdir -m 700 /root/.ssh && cp %s/user_key /root/.ssh/id_ed25519 && cp %s/known_hosts "
	    "/root/.ssh/",
	    stage.dir, stage.dir);
	backend.identity[0] = backend.known_hosts[0] = '\0';
	serve_sftp("");
	ask(LIMIT_MS, false);
	assert_healthy();
}

static void a_certificate_beside_the_key(void **state)
{
	char lines[128];

	(void)state;
	run("cd %s && ssh-keygen -q -t ed25519 -N '' -f ca && ssh-keygen -q -t ed25519 -N '' -f signed && "
	    "ssh-keygen -q -s ca -I test -n root signed.pub",
	    stage.dir);
	set_path(backend.identity, "signed");
	snprintf(lines, sizeof(lines), "TrustedUserCAKeys %s/ca.pub", stage.dir);
	serve_sftp(lines);
	ask(LIMIT_MS, false);
	assert_healthy();
}

static void a_percent_sign_in_a_path(void **state)
{
	(void)state;
	run("mkdir '%s/100%%h' && cp %s/known_hosts '%s/100%%h/'", stage.dir, stage.dir, stage.dir);
	set_path(backend.known_hosts, "100%h/known_hosts");
	serve_sftp("");
	ask(LIMIT_MS, false);
	assert_healthy();
}

/* ---- configuration ---- */

static void no_key_file(void **state)
{
	(void)state;
	set_path(backend.identity, "absent");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "No such file");
}

static void a_key_file_that_others_can_read(void **state)
{
	(void)state;
	run("cp %s/user_key %s/open_key && chmod 644 %s/open_key", stage.dir, stage.dir, stage.dir);
	set_path(backend.identity, "open_key");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "0644 is too open");
}

static void a_key_with_a_passphrase(void **state)
{
	(void)state;
	run("ssh-keygen -q -t ed25519 -N secret-words -f %s/locked_key", stage.dir);
	set_path(backend.identity, "locked_key");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "passphrase");
}

static void something_that_is_no_key(void **state)
{
	(void)state;
	write_text("no_key", "my secret diary\n");
	set_path(backend.identity, "no_key");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "not a private key");
	assert_null(strstr(diagnosis.detail, "diary"));
}

static void no_known_hosts_file(void **state)
{
	(void)state;
	set_path(backend.known_hosts, "absent");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "known_hosts");
}

/* ---- the way there ---- */

static void a_name_that_nobody_knows(void **state)
{
	(void)state;
	strcpy(backend.host, "storage.guardfs.invalid");
	ask_elsewhere(LIMIT_MS, true, "nameserver 127.0.0.1\noptions attempts:1\n", false);
	assert_failed(ERRCLASS_NAME_RESOLUTION, DIAGNOSE_RESOLVE, "storage.guardfs.invalid");
}

static void a_name_server_that_is_silent(void **state)
{
	(void)state;
	strcpy(backend.host, "storage.guardfs.invalid");
	ask_elsewhere(SHORT_MS, true, "nameserver 127.0.0.1\n", true);
	assert_failed(ERRCLASS_NAME_RESOLUTION, DIAGNOSE_RESOLVE, "no answer");
}

static void no_route(void **state)
{
	(void)state;
	strcpy(backend.host, "192.0.2.1");
	ask_elsewhere(LIMIT_MS, false, NULL, false);
	assert_failed(ERRCLASS_UNREACHABLE, DIAGNOSE_CONNECT, "192.0.2.1");
}

static void nobody_listens(void **state)
{
	(void)state;
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_REFUSED, DIAGNOSE_CONNECT, "Connection refused");
}

/* Connections that are not taken fill the queue; then the kernel no longer answers. */
static void packets_that_vanish(void **state)
{
	int s = listen_on_loopback(0), held[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
		struct sockaddr_in a = {.sin_family = AF_INET,
					.sin_port = htons(backend.port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

		held[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(held[i], (struct sockaddr *)&a, sizeof(a));
	}
	ask(SHORT_MS, false);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		close(held[i]);
	close(s);
	assert_failed(ERRCLASS_TIMEOUT, DIAGNOSE_CONNECT, "no answer");
}

/* ---- greeting ---- */

static void a_server_that_accepts_and_is_silent(void **state)
{
	(void)state;
	serve_falsehood(&(struct falsehood){.first = "", .stay = true});
	ask(SHORT_MS, false);
	assert_failed(ERRCLASS_TIMEOUT, DIAGNOSE_GREET, "waiting for its greeting");
}

static void a_stopped_server(void **state)
{
	(void)state;
	serve_sftp("");
	kill(stage.sshd, SIGSTOP);
	ask(SHORT_MS, false);
	assert_failed(ERRCLASS_TIMEOUT, DIAGNOSE_GREET, "no answer within 700 ms");
}

static void a_server_that_is_silent_after_its_banner(void **state)
{
	(void)state;
	serve_falsehood(&(struct falsehood){.first = "SSH-2.0-fake \x1b[31mred\r\n", .stay = true});
	ask(SHORT_MS, false);
	assert_failed(ERRCLASS_TIMEOUT, DIAGNOSE_GREET, "key exchange");
	assert_string_equal(diagnosis.server, "SSH-2.0-fake ?[31mred");
}

static void a_server_that_closes_at_once(void **state)
{
	(void)state;
	serve_falsehood(&(struct falsehood){.first = ""});
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_TOO_MANY_CONNECTIONS, DIAGNOSE_GREET, "without a word");
}

static void a_server_that_closes_after_its_banner(void **state)
{
	(void)state;
	serve_falsehood(&(struct falsehood){.first = "SSH-2.0-fake\r\n"});
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SERVER_GONE, DIAGNOSE_GREET, "");
}

static void a_web_server(void **state)
{
	(void)state;
	serve_falsehood(&(struct falsehood){.first = "HTTP/1.1 400 Bad\x07 Request\r\n\r\n"});
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SERVER_GONE, DIAGNOSE_GREET, "HTTP/1.1 400 Bad? Request");
}

static void a_server_that_speaks_without_end(void **state)
{
	(void)state;
	serve_falsehood(&(struct falsehood){.first = "", .repeat = "all work and no play\r\n"});
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SERVER_GONE, DIAGNOSE_GREET, "not an SSH server");
}

static void a_banner_and_then_bytes_without_end(void **state)
{
	(void)state;
	serve_falsehood(&(struct falsehood){.first = "SSH-2.0-fake\r\n", .repeat = "\xff\xff\xff\xff"});
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SERVER_GONE, DIAGNOSE_GREET, "");
}

/* Packets that are allowed at any time and mean nothing: SSH_MSG_IGNORE, 12 bytes long, padding 9. */
static void a_banner_and_then_packets_without_end(void **state)
{
	static const char ignore[] = "\x01\x01\x01\x01";

	(void)state;
	serve_falsehood(&(struct falsehood){.first = "SSH-2.0-fake\r\n", .repeat = ignore});
	ask(SHORT_MS, false);
	assert_true(diagnosis.class == ERRCLASS_SERVER_GONE || diagnosis.class == ERRCLASS_TIMEOUT);
	assert_int_equal(diagnosis.failed_step, DIAGNOSE_GREET);
}

/* Takes the only place. The connection by which start_sshd looked may still hold it for a moment. */
static int occupy_the_only_place(void)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)stage.port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	for (int i = 0; i < 2500; i++) {
		char banner[64] = "";
		int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		assert_int_equal(connect(s, (const struct sockaddr *)&a, sizeof(a)), 0);
		if (read(s, banner, sizeof(banner)) > 4 && memcmp(banner, "SSH-", 4) == 0)
			return s;
		close(s);
		pause_briefly();
	}
	fail();
	return -1;
}

static void a_server_that_has_no_room_for_further_logins(void **state)
{
	int first;

	(void)state;
	serve_sftp("MaxStartups 1");
	first = occupy_the_only_place();
	ask(LIMIT_MS, false);
	close(first);
	assert_failed(ERRCLASS_TOO_MANY_CONNECTIONS, DIAGNOSE_GREET, "closed the connection");
}

static void no_common_cipher(void **state)
{
	(void)state;
	serve_sftp("Ciphers aes128-cbc");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_GREET, "no match");
}

/* ---- host key ---- */

/* The same key is known, and revoked. */
static void a_revoked_host_key(void **state)
{
	(void)state;
	run("cd %s && (cat known_hosts; echo \"@revoked * $(cut -d' ' -f1,2 host_key.pub) stolen\") > "
	    "revoking_hosts",
	    stage.dir);
	set_path(backend.known_hosts, "revoking_hosts");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_HOST_KEY_CHANGED, DIAGNOSE_HOST_KEY, "revoked: ");
	/* Another one is. */
	run("cd %s && (cat known_hosts; echo '@revoked * ssh-ed25519 AAAA other') > revoking_hosts",
	    stage.dir);
	ask(LIMIT_MS, true);
	assert_healthy();
}

static void another_host_key(void **state)
{
	(void)state;
	set_path(backend.known_hosts, "other_hosts");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_HOST_KEY_CHANGED, DIAGNOSE_HOST_KEY, "changed: ");
	assert_non_null(strstr(diagnosis.detail, "SHA256:"));
}

static void a_host_key_of_another_kind(void **state)
{
	(void)state;
	run("ssh-keygen -q -t ecdsa -N '' -f %s/ecdsa_key && "
	    "echo \"[127.0.0.1]:%d $(cut -d' ' -f1,2 %s/ecdsa_key.pub)\" > %s/ecdsa_hosts",
	    stage.dir, stage.port, stage.dir, stage.dir);
	set_path(backend.known_hosts, "ecdsa_hosts");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_HOST_KEY_CHANGED, DIAGNOSE_HOST_KEY, "changed: ");
}

static void a_host_never_seen(void **state)
{
	(void)state;
	write_text("empty_hosts", "");
	set_path(backend.known_hosts, "empty_hosts");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_HOST_KEY_CHANGED, DIAGNOSE_HOST_KEY, "unknown: ");
}

static void a_host_known_by_an_authority(void **state)
{
	(void)state;
	run("echo \"@cert-authority [127.0.0.1]:%d $(cut -d' ' -f1,2 %s/other_key.pub)\" > %s/signed_hosts",
	    stage.port, stage.dir, stage.dir);
	set_path(backend.known_hosts, "signed_hosts");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_HOST_KEY_CHANGED, DIAGNOSE_HOST_KEY, "set stream = openssh");
}

/* ---- login ---- */

static void a_key_that_the_server_rejects(void **state)
{
	(void)state;
	set_path(backend.identity, "other_key");
	serve_sftp("");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_KEY, "rejected user root");
	assert_non_null(strstr(diagnosis.detail, "it offers publickey"));
}

static void a_server_that_counts_attempts(void **state)
{
	(void)state;
	set_path(backend.identity, "other_key");
	serve_sftp("MaxAuthTries 1");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_KEY, "Too many authentication failures");
}

static void a_user_that_does_not_exist(void **state)
{
	(void)state;
	strcpy(backend.user, "nobody-of-that-name");
	serve_sftp("");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_KEY, "nobody-of-that-name");
}

static void a_server_that_wants_a_second_factor(void **state)
{
	(void)state;
	serve_sftp("AuthenticationMethods publickey,password\nPasswordAuthentication yes");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_KEY, "wants more: password");
}

static int all_tests(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(a_healthy_server),
	    CASE(nothing_is_written_unless_asked_for),
	    CASE(a_server_without_statvfs_is_healthy_too),
	    CASE(defaults_of_the_user),
	    CASE(a_certificate_beside_the_key),
	    CASE(a_percent_sign_in_a_path),
	    CASE(no_key_file),
	    CASE(a_key_file_that_others_can_read),
	    CASE(a_key_with_a_passphrase),
	    CASE(something_that_is_no_key),
	    CASE(no_known_hosts_file),
	    CASE(a_name_that_nobody_knows),
	    CASE(a_name_server_that_is_silent),
	    CASE(no_route),
	    CASE(nobody_listens),
	    CASE(packets_that_vanish),
	    CASE(a_server_that_accepts_and_is_silent),
	    CASE(a_stopped_server),
	    CASE(a_server_that_is_silent_after_its_banner),
	    CASE(a_server_that_closes_at_once),
	    CASE(a_server_that_closes_after_its_banner),
	    CASE(a_web_server),
	    CASE(a_server_that_speaks_without_end),
	    CASE(a_banner_and_then_bytes_without_end),
	    CASE(a_banner_and_then_packets_without_end),
	    CASE(a_server_that_has_no_room_for_further_logins),
	    CASE(no_common_cipher),
	    CASE(a_revoked_host_key),
	    CASE(another_host_key),
	    CASE(a_host_key_of_another_kind),
	    CASE(a_host_never_seen),
	    CASE(a_host_known_by_an_authority),
	    CASE(a_key_that_the_server_rejects),
	    CASE(a_server_that_counts_attempts),
	    CASE(a_user_that_does_not_exist),
	    CASE(a_server_that_wants_a_second_factor),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}

int main(void)
{
	return run_caged(all_tests);
}
