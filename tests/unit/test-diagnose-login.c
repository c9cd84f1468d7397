/* Logins other than by a key that lies open: passwords, questions, locked keys, agents. What cannot work must say so, with
 * what to do, and cost the account at most one wrong try. As root. */
#include "diagnose-util.h"
#include "diagnose/secrets.h"

#include <libssh/server.h>

/* Half of that is a helper's, the rest is for a machine that is busy. */
#define HELPER_MS 4000

#define PASSWORD "open sesame, 12"

/* root of this mount namespace alone has that password. */
static void give_root_a_password(void)
{
	run("(printf 'root:%%s:19000:0:99999:7:::\\n' \"$(openssl passwd -6 '%s')\"; grep -v ^root: "
	    "/etc/shadow) > %s/shadow "
	    "&& chmod 600 %s/shadow && mount --bind %s/shadow /etc/shadow",
	    PASSWORD, stage.dir, stage.dir, stage.dir);
}

/* The file of the backend, with these bytes. */
static void use_password(const char *text)
{
	write_text("password", text);
	run("chmod 600 %s/password", stage.dir);
	set_path(backend.password_file, "password");
}

static void use_password_alone(const char *text)
{
	use_password(text);
	backend.identity[0] = '\0';
}

#define TAKES_PASSWORDS "PasswordAuthentication yes\nPermitRootLogin yes\n"

/* How often sshd has judged a password, or a key. */
static unsigned count_in_log(const char *words)
{
	char text[32768];
	unsigned n = 0;

	read_text("sshd.log", text, sizeof(text));
	for (const char *p = text; (p = strstr(p, words)); p += strlen(words))
		n++;
	return n;
}

/* The detail never tells it. */
static void assert_secret_is_kept(void)
{
	assert_null(strstr(diagnosis.detail, "sesame"));
}

static void a_password(void **state)
{
	(void)state;
	use_password_alone(PASSWORD "\n");
	serve_sftp(TAKES_PASSWORDS);
	ask(LIMIT_MS, true);
	assert_healthy();
	use_password_alone(PASSWORD); /* without the end of the line */
	ask(LIMIT_MS, false);
	assert_healthy();
}

static void a_wrong_password_is_sent_once(void **state)
{
	unsigned before;

	(void)state;
	use_password_alone("open sesame, 13\n");
	run("rm -f %s/sshd.log", stage.dir);
	serve_sftp(TAKES_PASSWORDS);
	before = count_in_log("Failed password for root");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_KEY, "rejected the password of user root");
	assert_secret_is_kept();
	assert_non_null(strstr(diagnosis.detail, "/password"));
	assert_int_equal(count_in_log("Failed password for root") - before, 1);
	assert_true(diagnosis.refused_ns != 0);

	/* Not again, as long as the file is the same. */
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_CONFIG, "not sent again within an hour");
	assert_int_equal(count_in_log("Failed password for root") - before, 1);
	assert_int_equal(diagnosis.refused_ns, 0);

	/* Another file is. */
	use_password_alone(PASSWORD "\n");
	ask(LIMIT_MS, false);
	assert_healthy();
}

/* As one does that allows few tries: it says why, and hangs up. */
static void a_password_refused_by_hanging_up(void **state)
{
	unsigned before;

	(void)state;
	use_password_alone("open sesame, 15\n");
	serve_sftp(TAKES_PASSWORDS "MaxAuthTries 1\n");
	before = count_in_log("Failed password for root");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_KEY, "Too many authentication failures");
	assert_true(diagnosis.refused_ns != 0);
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_CONFIG, "not sent again within an hour");
	assert_int_equal(count_in_log("Failed password for root") - before, 1);
}

static void a_key_and_then_a_password(void **state)
{
	(void)state;
	use_password(PASSWORD "\n");
	serve_sftp(TAKES_PASSWORDS "AuthenticationMethods publickey,password\n");
	ask(LIMIT_MS, false);
	assert_healthy();
}

static void a_key_refused_and_a_password_taken(void **state)
{
	(void)state;
	use_password(PASSWORD "\n");
	set_path(backend.identity, "other_key");
	serve_sftp(TAKES_PASSWORDS);
	ask(LIMIT_MS, false);
	assert_healthy();
}

static void a_server_that_takes_no_passwords(void **state)
{
	(void)state;
	use_password_alone(PASSWORD "\n");
	serve_sftp("");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_KEY, "takes no password: it offers publickey");
}

static void password_files_that_are_not_used(void **state)
{
	char long_text[SECRET_MAX + 2];

	(void)state;
	set_path(backend.password_file, "absent");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "No such file");
	use_password_alone(PASSWORD);
	run("chmod 640 %s/password", stage.dir);
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "mode 0640 lets others have it; chmod 600");
	run("chmod 600 %s/password && chown 65534 %s/password", stage.dir, stage.dir);
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "belongs to user 65534");
	run("rm %s/password", stage.dir);
	use_password_alone("\nsecond\n");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "the first line is empty");
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	use_password_alone(long_text);
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "longer than");
	set_path(backend.password_file, "data");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "not a file");
}

/* ---- questions ---- */

#define ASKS "KbdInteractiveAuthentication yes\nPermitRootLogin yes\nUsePAM yes\n"

/* PAM's rules for sshd. */
static void set_pam(const char *rules)
{
	write_text("pam", rules);
	run("umount /etc/pam.d/sshd 2>/dev/null; mount --bind %s/pam /etc/pam.d/sshd", stage.dir);
}

#define MAY_GO_ON "account required pam_permit.so\nsession required pam_permit.so\n"

static void a_server_that_asks_one_question(void **state)
{
	(void)state;
	set_pam("auth required pam_unix.so\n" MAY_GO_ON);
	use_password_alone(PASSWORD "\n");
	serve_sftp(ASKS);
	ask(LIMIT_MS, false);
	assert_healthy();
}

static void a_server_that_wants_more_than_a_password(void **state)
{
	(void)state;
	set_pam("auth required pam_unix.so\n" MAY_GO_ON);
	use_password_alone(PASSWORD "\n");
	serve_sftp(ASKS "AuthenticationMethods keyboard-interactive:pam,publickey\n");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_KEY,
		      "took the password of user root, but wants more: publickey");
	assert_true(diagnosis.refused_ns != 0);
}

/* Questions in rounds[n] of them each, until -1; whatever is answered is then refused. */
static void question_client(ssh_session session, const int *rounds)
{
	const char *prompts[] = {"Password: ", "Code: "};
	char echo[] = {0, 0};
	ssh_message m;

	if (ssh_handle_key_exchange(session) != SSH_OK)
		return;
	while ((m = ssh_message_get(session))) {
		bool asks = ssh_message_type(m) == SSH_REQUEST_AUTH &&
			    ssh_message_subtype(m) == SSH_AUTH_METHOD_INTERACTIVE;

		ssh_message_auth_set_methods(m, SSH_AUTH_METHOD_INTERACTIVE);
		if (asks && *rounds >= 0)
			ssh_message_auth_interactive_request(m, "", "", (unsigned)*rounds++, prompts, echo);
		else
			ssh_message_reply_default(m);
		ssh_message_free(m);
	}
}

static void serve_questions(const int *rounds)
{
	int s = listen_on_loopback(16);
	char key[128];

	stage_path(key, sizeof(key), "host_key");
	run("echo \"[127.0.0.1]:%u $(cut -d' ' -f1,2 %s/host_key.pub)\" >> %s/known_hosts", backend.port,
	    stage.dir, stage.dir);
	false_server = fork();
	if (false_server == 0) {
		ssh_bind bind = ssh_bind_new();
		ssh_session session = ssh_new();

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, key) == SSH_OK &&
		    ssh_bind_accept_fd(bind, session, accept(s, NULL, NULL)) == SSH_OK)
			question_client(session, rounds);
		_exit(0);
	}
	close(s);
}

static void assert_too_many_questions(const int *rounds)
{
	use_password_alone(PASSWORD "\n");
	serve_questions(rounds);
	ask(LIMIT_MS, false);
	stop_false_server();
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_KEY, "more than one question");
	assert_true(diagnosis.refused_ns != 0);
}

static void a_server_that_asks_more(void **state)
{
	(void)state;
	assert_too_many_questions((const int[]){2, -1});
	assert_too_many_questions((const int[]){1, 1, -1});
	assert_too_many_questions((const int[]){0, 0, 0, 0, 0, 0, -1});
}

static void a_wrong_answer(void **state)
{
	(void)state;
	set_pam("auth required pam_unix.so\n" MAY_GO_ON);
	use_password_alone("open sesame, 14\n");
	serve_sftp(ASKS);
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_KEY, "rejected the password");
	assert_true(diagnosis.refused_ns != 0);
}

/* ---- a locked key ---- */

/* A program below /root, which only root can change, of these lines. */
static void use_askpass(const char *lines)
{
	write_text("askpass", lines);
	run("cp %s/askpass /root/askpass && chmod 700 /root/askpass", stage.dir);
	strcpy(backend.askpass, "/root/askpass");
}

static void lock_key(void)
{
	run("cd %s && rm -f locked_key* && cp user_key locked_key && chmod 600 locked_key && ssh-keygen -q "
	    "-p -N 'key words' -f "
	    "locked_key",
	    stage.dir);
	set_path(backend.identity, "locked_key");
}

static void a_program_that_knows_the_passphrase(void **state)
{
	char question[256];

	(void)state;
	lock_key();
	use_askpass("#!/bin/sh\necho \"$1\" >/root/question\necho 'key words'\n");
	serve_sftp("");
	ask(LIMIT_MS, false);
	assert_healthy();
	run("cp /root/question %s/question", stage.dir);
	read_text("question", question, sizeof(question));
	assert_non_null(strstr(question, "locked_key"));
}

static void programs_that_do_not(void **state)
{
	(void)state;
	lock_key();
	use_askpass("#!/bin/sh\necho 'other words'\n");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "is not its passphrase");
	assert_null(strstr(diagnosis.detail, "other words"));
	use_askpass("#!/bin/sh\nexit 3\n");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "exit status 3");
	use_askpass("#!/bin/sh\n");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "the first line is empty");
	use_askpass("#!/bin/sh\nsleep 1000 & wait\n"); /* sleep-ok: a program that hangs */
	ask(HELPER_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "no passphrase within");
	use_askpass("#!/bin/sh\nexec >&-; exec sleep 1000\n"); /* sleep-ok: a program that hangs */
	ask(HELPER_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "no passphrase within");
	run("chmod 722 /root/askpass");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "never run");
	backend.askpass[0] = '\0';
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "set askpass");
}

/* ---- an agent ---- */

static pid_t agent;

/* With the keys of these files. */
static void start_agent(const char *keys)
{
	char text[16];

	run("cd %s && rm -f agent && ssh-agent -s -a %s/agent | sed -n "
	    "'s/.*SSH_AGENT_PID=\\([0-9]*\\);.*/\\1/p' > agent.pid",
	    stage.dir, stage.dir);
	read_text("agent.pid", text, sizeof(text));
	agent = (pid_t)strtol(text, NULL, 10);
	assert_true(agent > 1);
	if (keys[0])
		run("cd %s && SSH_AUTH_SOCK=%s/agent ssh-add -q %s", stage.dir, stage.dir, keys);
	set_path(backend.agent, "agent");
	backend.identity[0] = '\0';
}

static void stop_agent(void)
{
	kill(agent, SIGKILL);
	while (!is_gone(agent))
		pause_briefly();
}

static void an_agent_with_the_key(void **state)
{
	(void)state;
	start_agent("other_key user_key");
	serve_sftp("");
	ask(LIMIT_MS, false);
	assert_healthy();
	/* A locked key may be the one that it has. */
	lock_key();
	ask(LIMIT_MS, false);
	stop_agent();
	assert_healthy();
}

static void agents_that_do_not_help(void **state)
{
	(void)state;
	serve_sftp("");
	start_agent("other_key");
	ask(LIMIT_MS, false);
	stop_agent();
	assert_failed(ERRCLASS_AUTH_FAILED, DIAGNOSE_KEY, "rejected the keys of the agent");
	start_agent("");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "it has no key; ssh-add one");
	run("cd %s && for i in 1 2 3 4 5; do rm -f many$i many$i.pub; ssh-keygen -q -t ed25519 -N '' -f "
	    "many$i; done; "
	    "SSH_AUTH_SOCK=%s/agent ssh-add -q many?",
	    stage.dir, stage.dir);
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "it has 5 keys");
	kill(agent, SIGSTOP);
	ask(HELPER_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "timed out");
	stop_agent();
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "Connection refused");
	set_path(backend.agent, "absent");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_CONFIG, DIAGNOSE_CONFIG, "No such file");
}

/* ---- ---- */

static int set_up_logins(void **state)
{
	set_up_all(state);
	give_root_a_password();
	return 0;
}

static int tear_down_logins(void **state)
{
	run("umount /etc/pam.d/sshd 2>/dev/null; umount /etc/shadow");
	return tear_down_all(state);
}

static int all_tests(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(a_password),
	    CASE(a_wrong_password_is_sent_once),
	    CASE(a_key_and_then_a_password),
	    CASE(a_password_refused_by_hanging_up),
	    CASE(a_key_refused_and_a_password_taken),
	    CASE(a_server_that_takes_no_passwords),
	    CASE(password_files_that_are_not_used),
	    CASE(a_server_that_asks_one_question),
	    CASE(a_server_that_wants_more_than_a_password),
	    CASE(a_server_that_asks_more),
	    CASE(a_wrong_answer),
	    CASE(a_program_that_knows_the_passphrase),
	    CASE(programs_that_do_not),
	    CASE(an_agent_with_the_key),
	    CASE(agents_that_do_not_help),
	};

	return cmocka_run_group_tests(tests, set_up_logins, tear_down_logins);
}

int main(void)
{
	return run_caged(all_tests);
}
