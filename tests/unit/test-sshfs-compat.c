/* sshfs: the command line from a configuration, features from its help, classes from what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sshfs-compat/drop-in.h"
#include "sshfs-compat/sshfs-compat.h"

#include <errno.h>

static const struct sshfs_target target = {
    .mountpoint = "/run/m", .fsname = "guardfs-backend:a/b/1", .connect_timeout_s = 19};
static struct config_backend backend;
static struct sshfs_features features;
static struct sshfs_command command;
static char message[CONFIG_ERROR_MAX];

static int setup(void **state)
{
	(void)state;
	backend = (struct config_backend){
	    .type = BACKEND_SSHFS, .host = "box.example", .user = "u1", .port = 23, .path = "data"};
	features = (struct sshfs_features){.contain_symlinks = true};
	return 0;
}

static errint_t build(void)
{
	return sshfs_command_build(&command, &backend, &features, &target, message);
}

static errint_t build_ssh(enum ssh_errand errand)
{
	backend.type = BACKEND_SFTP;
	backend.stream = STREAM_OPENSSH;
	return ssh_command_build(&command, &backend, &features, &target, errand, message);
}

/* Number of options "-o ITEM". */
static unsigned given(const char *item)
{
	unsigned n = 0;

	for (size_t i = 0; i + 1 < command.n; i++)
		n += strcmp(command.argv[i], "-o") == 0 && strcmp(command.argv[i + 1], item) == 0;
	return n;
}

static unsigned named(const char *name)
{
	unsigned n = 0;

	for (size_t i = 1; i < command.n; i++)
		n += strncmp(command.argv[i], name, strlen(name)) == 0;
	return n;
}

static void the_defaults_are_strict(void **state)
{
	static const char *const always[] = {"sshfs_sync",
					     "direct_io",
					     "allow_other",
					     "BatchMode=yes",
					     "StrictHostKeyChecking=yes",
					     "PasswordAuthentication=no",
					     "ControlMaster=no",
					     "ControlPath=none",
					     "ServerAliveInterval=15",
					     "ServerAliveCountMax=3",
					     "ConnectTimeout=19",
					     "port=23",
					     "negative_timeout=0.05",
					     "no_contain_symlinks",
					     "fsname=guardfs-backend:a/b/1"};

	(void)state;
	assert_int_equal(build(), 0);
	assert_string_equal(message, "");
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		assert_int_equal(given(always[i]), 1);
	assert_int_equal(named("reconnect"), 0);
	assert_int_equal(named("IdentityFile"), 0);
	assert_int_equal(named("UserKnownHostsFile"), 0);
	assert_string_equal(command.argv[0], sshfs_program(""));
	assert_string_equal(command.argv[1], "-f");
	assert_string_equal(command.argv[command.n - 2], "u1@box.example:data");
	assert_string_equal(command.argv[command.n - 1], "/run/m");
	assert_null(command.argv[command.n]);
}

static void keys_and_hosts_as_configured(void **state)
{
	(void)state;
	(void)copy_string(backend.identity, sizeof(backend.identity), "/k/with space,and%d");
	(void)copy_string(backend.known_hosts, sizeof(backend.known_hosts), "/k/hosts");
	assert_int_equal(build(), 0);
	assert_int_equal(given("IdentityFile=\"/k/with space\\,and%%d\""), 1);
	assert_int_equal(given("IdentitiesOnly=yes"), 1);
	assert_int_equal(given("UserKnownHostsFile=\"/k/hosts\""), 1);
	assert_int_equal(given("GlobalKnownHostsFile=/dev/null"), 1);
}

static void options_of_the_user(void **state)
{
	(void)state;
	(void)copy_string(
	    backend.sshfs_options, sizeof(backend.sshfs_options),
	    "kernel_cache, reconnect,serveraliveinterval=5,StrictHostKeyChecking=no,,dcache_timeout=1");
	assert_int_equal(build(), 0);
	assert_int_equal(given("kernel_cache"), 1);
	assert_int_equal(given("serveraliveinterval=5"), 1);
	assert_int_equal(named("ServerAliveInterval"), 0);
	assert_int_equal(given("dcache_timeout=1"), 1);
	assert_int_equal(given("dcache_timeout=10"), 0);
	assert_int_equal(named("reconnect"), 0);
	assert_int_equal(given("StrictHostKeyChecking=yes"), 1);
	assert_int_equal(given("StrictHostKeyChecking=no"), 0);
	assert_non_null(strstr(message, "reconnect"));
	assert_non_null(strstr(message, "StrictHostKeyChecking"));
}

static void links_are_for_guardfs_to_hide_unless_the_user_says_otherwise(void **state)
{
	(void)state;
	(void)copy_string(backend.sshfs_options, sizeof(backend.sshfs_options), "contain_symlinks");
	assert_int_equal(build(), 0);
	assert_int_equal(given("contain_symlinks"), 1);
	assert_int_equal(named("no_contain_symlinks"), 0);
	assert_string_equal(message, "");
}

static void pages_that_are_kept(void **state)
{
	static const char *const keep[] = {"kernel_cache", "reconnect, auto_cache",
					   "ciphers=a\\,b,kernel_cache "};
	static const char *const keep_not[] = {"", "kernel_cache=x", "no_kernel_cache",
					       "ciphers=a\\,kernel_cache"};
	struct config_backend b = {.type = BACKEND_SSHFS};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keep); i++) {
		strcpy(b.sshfs_options, keep[i]);
		assert_true(sshfs_keeps_pages(&b));
	}
	for (size_t i = 0; i < ARRAY_SIZE(keep_not); i++) {
		strcpy(b.sshfs_options, keep_not[i]);
		assert_false(sshfs_keeps_pages(&b));
	}
	strcpy(b.sshfs_options, "kernel_cache");
	b.type = BACKEND_DIR;
	assert_false(sshfs_keeps_pages(&b));
}

static void an_older_sshfs(void **state)
{
	(void)state;
	features.contain_symlinks = false;
	assert_int_equal(build(), 0);
	assert_int_equal(named("no_contain_symlinks"), 0);
	sshfs_features_parse("  -o contain_symlinks    reject\n", &features);
	assert_true(features.contain_symlinks);
	sshfs_features_parse("  -o reconnect  \n", &features);
	assert_false(features.contain_symlinks);
	sshfs_features_detect("/nonexistent/sshfs", &features);
	assert_false(features.contain_symlinks);
}

static void the_guard_is_no_sshfs(void **state)
{
	char help[32768] = "", detail[256];
	FILE *f = fmemopen(help, sizeof(help), "w");

	(void)state;
	assert_non_null(f);
	drop_in_usage(f);
	fclose(f);
	sshfs_features_parse(help, &features);
	assert_true(features.is_guard);
	assert_int_equal(build(), -EINVAL);
	assert_int_equal(sshfs_diagnose(message, strlen(message), detail, sizeof(detail)), ERRCLASS_CONFIG);
	assert_string_equal(detail, message);
	assert_non_null(strstr(message, "install sshfs"));
	/* sshfs names itself as it was called. */
	sshfs_features_parse("usage: /opt/sshfs-guard/bin/sshfs [user@]host:[dir] mountpoint [options]\n",
			     &features);
	assert_false(features.is_guard);
	assert_int_equal(build(), 0);
}

static void another_sshfs_as_configured(void **state)
{
	(void)state;
	assert_string_equal(sshfs_program("sshfs-3.8"), "sshfs-3.8");
	assert_string_equal(sshfs_program("/opt/sshfs"), "/opt/sshfs");
	assert_string_equal(sshfs_program("sshfs"), sshfs_program(""));
}

static void addresses(void **state)
{
	(void)state;
	(void)copy_string(backend.host, sizeof(backend.host), "2001:db8::1");
	backend.user[0] = '\0';
	backend.path[0] = '\0';
	assert_int_equal(build(), 0);
	assert_string_equal(command.argv[command.n - 2], "[2001:db8::1]:");
}

static void what_ssh_would_misunderstand_is_refused(void **state)
{
	static const char *const hosts[] = {"", "-oProxyCommand=x", "a b", "a/b", "a@b", "a,b", "a\nb"};
	static const char *const users[] = {"-l", "a b", "a@b", "a:b", "a,b"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		setup(NULL);
		(void)copy_string(backend.host, sizeof(backend.host), hosts[i]);
		assert_int_equal(build(), -EINVAL);
		assert_string_not_equal(message, "");
	}
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		setup(NULL);
		(void)copy_string(backend.user, sizeof(backend.user), users[i]);
		assert_int_equal(build(), -EINVAL);
	}
	setup(NULL);
	(void)copy_string(backend.identity, sizeof(backend.identity), "/a\"b");
	assert_int_equal(build(), -EINVAL);
	(void)copy_string(backend.identity, sizeof(backend.identity), "/${HOME}");
	assert_int_equal(build(), -EINVAL);
}

static void too_much_is_an_error(void **state)
{
	(void)state;
	for (size_t i = 0; i + 2 < sizeof(backend.sshfs_options); i += 2)
		memcpy(backend.sshfs_options + i, "x,", 3);
	assert_int_equal(build(), -E2BIG);
}

static void messages_are_recognised(void **state)
{
	static const struct {
		const char *text;
		enum errclass class;
		const char *detail;
	} cases[] = {
	    {"", ERRCLASS_NONE, ""},
	    {"Warning: something\nnothing special\n", ERRCLASS_NONE, "nothing special"},
	    {"@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@\nHost key "
	     "verification failed.\r\nread: "
	     "Connection reset by peer\n",
	     ERRCLASS_HOST_KEY_CHANGED, "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!"},
	    {"No ED25519 host key is known for [h]:23 and you have requested strict checking.\nHost key "
	     "verification failed.\n",
	     ERRCLASS_HOST_KEY_CHANGED,
	     "No ED25519 host key is known for [h]:23 and you have requested strict checking."},
	    {"u@h: Permission denied (publickey).\r\nread: Connection reset by peer\n", ERRCLASS_AUTH_FAILED,
	     "u@h: Permission denied (publickey)."},
	    {"no such identity: /k: No such file or directory\nu@h: Permission denied (publickey).\n",
	     ERRCLASS_CONFIG, "no such identity: /k: No such file or directory"},
	    {"@@@\n@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\n@@@\nPermissions 0644 for "
	     "'/k' are too open.\n"
	     "u@h: Permission denied (publickey).\n",
	     ERRCLASS_CONFIG, "Permissions 0644 for '/k' are too open."},
	    {"ssh: Could not resolve hostname h: Name or service not known\r\nremote host has disconnected\n",
	     ERRCLASS_NAME_RESOLUTION, "ssh: Could not resolve hostname h: Name or service not known"},
	    {"ssh: connect to host h port 23: Connection refused\r\n", ERRCLASS_REFUSED,
	     "ssh: connect to host h port 23: Connection refused"},
	    {"ssh: connect to host h port 23: No route to host\r\n", ERRCLASS_UNREACHABLE,
	     "ssh: connect to host h port 23: No route to host"},
	    {"ssh: connect to host h port 23: Connection timed out\r\n", ERRCLASS_TIMEOUT,
	     "ssh: connect to host h port 23: Connection timed out"},
	    {"Timeout, server h not responding.\r\nremote host has disconnected\n", ERRCLASS_TIMEOUT,
	     "Timeout, server h not responding."},
	    {"subsystem request failed on channel 0\nremote host has disconnected\n", ERRCLASS_SFTP_REFUSED,
	     "subsystem request failed on channel 0"},
	    {"u@h:gone: No such file or directory\n", ERRCLASS_PATH_MISSING,
	     "u@h:gone: No such file or directory"},
	    {"cannot execute sshfs: No such file or directory (is sshfs installed?)\n", ERRCLASS_CONFIG,
	     "cannot execute sshfs: No such file or directory (is sshfs installed?)"},
	    {"cannot execute ssh: No such file or directory\n", ERRCLASS_CONFIG,
	     "cannot execute ssh: No such file or directory"},
	    {"Can't open user config file /c: No such file or directory\r\n", ERRCLASS_CONFIG,
	     "Can't open user config file /c: No such file or directory"},
	    {"command-line: line 0: Bad configuration option: proxijump\r\n", ERRCLASS_CONFIG,
	     "command-line: line 0: Bad configuration option: proxijump"},
	    {"channel 0: open failed: administratively prohibited: open failed\r\nstdio forwarding "
	     "failed\r\nkex_exchange_identification: Connection closed by remote host\r\n",
	     ERRCLASS_CONFIG, "channel 0: open failed: administratively prohibited: open failed"},
	    {"channel 0: open failed: connect failed: Connection refused\r\nstdio forwarding failed\r\n"
	     "kex_exchange_identification: Connection closed by remote host\r\n",
	     ERRCLASS_REFUSED, "channel 0: open failed: connect failed: Connection refused"},
	    {"sign_and_send_pubkey: signing failed for ED25519 \"k\" from agent: agent refused operation\n"
	     "u@h: Permission denied (publickey).\n",
	     ERRCLASS_AUTH_FAILED,
	     "sign_and_send_pubkey: signing failed for ED25519 \"k\" from agent: agent refused operation"},
	    {"remote host has disconnected\n", ERRCLASS_SERVER_GONE, "remote host has disconnected"},
	    {"banner \x1b[2J\x07 Connection refused", ERRCLASS_REFUSED, "banner ?[2J? Connection refused"},
	};
	char detail[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(sshfs_diagnose(cases[i].text, strlen(cases[i].text), detail, sizeof(detail)),
				 cases[i].class);
		assert_string_equal(detail, cases[i].detail);
	}
	assert_int_equal(sshfs_diagnose("Connection refused", 18, detail, 5), ERRCLASS_REFUSED);
	assert_string_equal(detail, "Conn");
}

/* ---- ssh alone ---- */

static void ssh_is_as_strict(void **state)
{
	static const char *const always[] = {"BatchMode=yes",
					     "StrictHostKeyChecking=yes",
					     "PasswordAuthentication=no",
					     "ControlMaster=no",
					     "ControlPath=none",
					     "ClearAllForwardings=yes",
					     "RemoteCommand=none",
					     "PermitLocalCommand=no",
					     "ForkAfterAuthentication=no",
					     "StdinNull=no",
					     "ServerAliveInterval=15",
					     "ConnectTimeout=19",
					     "port=23"};
	static const char *const end[] = {"-l", "u1", "-s", "--", "box.example", "sftp"};

	(void)state;
	features.ssh_session_options = true;
	assert_int_equal(build_ssh(SSH_CONNECT), 0);
	assert_string_equal(message, "");
	assert_string_equal(command.argv[0], "ssh");
	assert_string_equal(command.argv[1], "-o");
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		assert_int_equal(given(always[i]), 1);
	for (size_t i = 0; i < ARRAY_SIZE(end); i++)
		assert_string_equal(command.argv[command.n - ARRAY_SIZE(end) + i], end[i]);
	/* Of sshfs there is nothing. */
	assert_int_equal(named("fsname") + named("allow_other") + named("direct_io") + named("dcache"), 0);
	/* An older ssh would end at them. */
	features.ssh_session_options = false;
	assert_int_equal(build_ssh(SSH_CONNECT), 0);
	assert_int_equal(named("ForkAfterAuthentication") + named("StdinNull"), 0);
}

static void words_of_the_user_for_ssh(void **state)
{
	size_t ours = 0, theirs = 0;

	(void)state;
	(void)copy_string(backend.ssh_command, sizeof(backend.ssh_command), "/opt/ssh");
	(void)copy_string(backend.ssh_config, sizeof(backend.ssh_config), "/etc/jump, 1");
	(void)copy_string(backend.identity, sizeof(backend.identity), "/k/a,b \\c");
	(void)copy_string(backend.ssh_options, sizeof(backend.ssh_options),
			  "ProxyJump=a\\,b, ProxyCommand nc -X 5 %h\\, %p ,controlmaster=auto,BatchMode no,"
			  "ServerAliveInterval=5,LocalForward=1 x:2");
	backend.user[0] = '\0';
	backend.port = 0;
	assert_int_equal(build_ssh(SSH_CONNECT), 0);
	assert_string_equal(command.argv[0], "/opt/ssh");
	assert_string_equal(command.argv[1], "-F");
	assert_string_equal(command.argv[2], "/etc/jump, 1");
	assert_int_equal(given("ProxyJump=a,b"), 1);
	assert_int_equal(given("ProxyCommand nc -X 5 %h, %p"), 1);
	assert_int_equal(given("IdentityFile=\"/k/a,b \\c\""), 1);
	assert_int_equal(named("controlmaster") + named("BatchMode no"), 0);
	assert_int_equal(given("ControlMaster=no"), 1);
	assert_int_equal(given("ServerAliveInterval=5"), 1);
	assert_int_equal(given("ServerAliveInterval=15"), 0);
	assert_int_equal(named("-l") + named("port"), 0);
	assert_non_null(strstr(message, "ssh_options: controlmaster=auto is set by guardfs, dropped"));
	assert_non_null(strstr(message, "BatchMode no is set by guardfs"));
	/* ssh takes the first value that it meets, whatever name the user may have found for it. */
	for (size_t i = 0; i < command.n; i++) {
		ours = strcmp(command.argv[i], "StrictHostKeyChecking=yes") == 0 ? i : ours;
		theirs = strcmp(command.argv[i], "ProxyJump=a,b") == 0 ? i : theirs;
	}
	assert_true(ours > 0 && ours < theirs);
}

static void ssh_is_asked_what_it_would_do(void **state)
{
	(void)state;
	assert_int_equal(build_ssh(SSH_TELL), 0);
	assert_string_equal(command.argv[command.n - 3], "-G");
	assert_string_equal(command.argv[command.n - 1], "box.example");
}

static void a_drill_offers_ssh_no_key(void **state)
{
	const struct sshfs_target drill = {.connect_timeout_s = 1, .no_login = true};

	(void)state;
	backend.type = BACKEND_SFTP;
	assert_int_equal(ssh_command_build(&command, &backend, &features, &drill, SSH_CONNECT, message), 0);
	assert_int_equal(given("PubkeyAuthentication=no"), 1);
}

/* Before what the user says: ssh takes the first value. A passphrase may still be asked for. */
static void a_password_is_withheld(void **state)
{
	const struct sshfs_target without = {.connect_timeout_s = 1, .no_password = true};

	(void)state;
	backend.ssh_lenient = true;
	strcpy(backend.ssh_options, "PasswordAuthentication=yes,BatchMode=no");
	assert_int_equal(build_ssh(SSH_CONNECT), 0);
	assert_int_equal(named("PasswordAuthentication=no") + named("KbdInteractiveAuthentication=no"), 0);
	assert_int_equal(ssh_command_build(&command, &backend, &features, &without, SSH_CONNECT, message), 0);
	assert_string_equal(command.argv[2], "PasswordAuthentication=no");
	assert_string_equal(command.argv[4], "KbdInteractiveAuthentication=no");
	assert_int_equal(given("BatchMode=no"), 1);
	assert_int_equal(given("BatchMode=yes"), 0);
}

static void what_ssh_alone_would_misunderstand(void **state)
{
	(void)state;
	(void)copy_string(backend.host, sizeof(backend.host), "-oProxyCommand=x");
	assert_int_equal(build_ssh(SSH_CONNECT), -EINVAL);
	setup(NULL);
	(void)copy_string(backend.host, sizeof(backend.host), "2001:db8::1");
	assert_int_equal(build_ssh(SSH_CONNECT), 0);
	assert_string_equal(command.argv[command.n - 2], "2001:db8::1");
	for (size_t i = 0; i + 2 < sizeof(backend.ssh_options); i += 2)
		memcpy(backend.ssh_options + i, "x,", 3);
	assert_int_equal(build_ssh(SSH_CONNECT), -E2BIG);
}

static void ssh_config_fills_in_what_is_not_said(void **state)
{
	struct config_backend b = {.type = BACKEND_SSHFS, .host = "box"},
			      told = {.type = BACKEND_SSHFS, .host = "box", .port = 23, .user = "u1"};
	char answer[] =
	    "user haadmin\nhostname u1.example\nport 2222\nproxyjump none\nidentityfile ~/.ssh/id\n";
	char again[sizeof(answer)], proxy[] = "hostname inner\nproxyjump bastion\n";

	(void)state;
	memcpy(again, answer, sizeof(answer));
	assert_int_equal(ssh_config_parse(answer, &b), 0);
	assert_string_equal(b.host, "u1.example");
	assert_string_equal(b.user, "haadmin");
	assert_int_equal(b.port, 2222);
	assert_int_equal(ssh_config_parse(again, &told), 0);
	assert_string_equal(told.host, "u1.example");
	assert_string_equal(told.user, "u1");
	assert_int_equal(told.port, 23);
	assert_int_equal(ssh_config_parse(proxy, &told), -ENOTSUP);
	assert_string_equal(told.host, "u1.example");
}

/* As where ssh is typed: host keys and logins are left to ssh_config, and may be said; nobody is asked unless that is said. */
static void a_lenient_command_line(void **state)
{
	(void)state;
	backend.ssh_lenient = true;
	assert_int_equal(build_ssh(SSH_CONNECT), 0);
	assert_int_equal(given("BatchMode=yes"), 1);
	assert_int_equal(named("StrictHostKeyChecking"), 0);
	assert_int_equal(named("PasswordAuthentication"), 0);
	assert_int_equal(named("UpdateHostKeys"), 0);
	assert_int_equal(given("ControlMaster=no"), 1);
	(void)copy_string(backend.ssh_options, sizeof(backend.ssh_options),
			  "BatchMode=no,StrictHostKeyChecking=accept-new,ControlMaster=auto");
	assert_int_equal(build_ssh(SSH_CONNECT), 0);
	assert_int_equal(given("BatchMode=yes"), 0);
	assert_int_equal(given("BatchMode=no"), 1);
	assert_int_equal(given("StrictHostKeyChecking=accept-new"), 1);
	assert_int_equal(given("ControlMaster=auto"), 0);
	assert_non_null(strstr(message, "ControlMaster"));
	assert_null(strstr(message, "BatchMode"));
	/* sshfs's is strict whatever is said. */
	backend.type = BACKEND_SSHFS;
	assert_int_equal(build(), 0);
	assert_int_equal(given("StrictHostKeyChecking=yes"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_lenient_command_line, setup),
	    cmocka_unit_test_setup(the_defaults_are_strict, setup),
	    cmocka_unit_test_setup(keys_and_hosts_as_configured, setup),
	    cmocka_unit_test_setup(options_of_the_user, setup),
	    cmocka_unit_test_setup(links_are_for_guardfs_to_hide_unless_the_user_says_otherwise, setup),
	    cmocka_unit_test(ssh_config_fills_in_what_is_not_said),
	    cmocka_unit_test(pages_that_are_kept),
	    cmocka_unit_test_setup(an_older_sshfs, setup),
	    cmocka_unit_test_setup(the_guard_is_no_sshfs, setup),
	    cmocka_unit_test_setup(another_sshfs_as_configured, setup),
	    cmocka_unit_test_setup(addresses, setup),
	    cmocka_unit_test_setup(what_ssh_would_misunderstand_is_refused, setup),
	    cmocka_unit_test_setup(too_much_is_an_error, setup),
	    cmocka_unit_test_setup(messages_are_recognised, setup),
	    cmocka_unit_test_setup(ssh_is_as_strict, setup),
	    cmocka_unit_test_setup(words_of_the_user_for_ssh, setup),
	    cmocka_unit_test_setup(ssh_is_asked_what_it_would_do, setup),
	    cmocka_unit_test_setup(a_drill_offers_ssh_no_key, setup),
	    cmocka_unit_test_setup(a_password_is_withheld, setup),
	    cmocka_unit_test_setup(what_ssh_alone_would_misunderstand, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
