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

/* ---- SFTP ---- */

static void no_further_session(void **state)
{
	(void)state;
	serve_sftp("MaxSessions 0");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_TOO_MANY_CONNECTIONS, DIAGNOSE_SFTP, "no further channel");
}

static void no_sftp(void **state)
{
	(void)state;
	serve("", "");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SFTP_REFUSED, DIAGNOSE_SFTP, "refuses SFTP");
}

static void a_shell_that_greets(void **state)
{
	(void)state;
	serve("", "Subsystem sftp /bin/echo Welcome to the server");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SFTP_REFUSED, DIAGNOSE_SFTP, "'Welcome to the server'");
}

static void a_shell_that_speaks_without_end(void **state)
{
	(void)state;
	serve("", "Subsystem sftp /usr/bin/yes");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SFTP_REFUSED, DIAGNOSE_SFTP, "not SFTP");
}

/* A packet of a length that is allowed, and of which the end never comes. */
static void half_an_answer(void **state)
{
	char subsystem[128];

	(void)state;
	write_text("half",
		   "printf '\\000\\000\\000\\020\\002'; exec sleep 60\n"); /* sleep-ok: hangs on purpose */
	snprintf(subsystem, sizeof(subsystem), "Subsystem sftp /bin/sh %s/half", stage.dir);
	serve("", subsystem);
	ask(SHORT_MS + 500, false);
	assert_failed(ERRCLASS_TIMEOUT, DIAGNOSE_SFTP, "waiting for its version");
}

static void an_sftp_server_that_ends(void **state)
{
	(void)state;
	serve("", "Subsystem sftp /bin/true");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SFTP_REFUSED, DIAGNOSE_SFTP, "ended its SFTP service");
}

static void a_server_stopped_midway(void **state)
{
	(void)state;
	serve("", "Subsystem sftp kill -STOP $PPID");
	ask(SHORT_MS + 500, false);
	assert_failed(ERRCLASS_TIMEOUT, DIAGNOSE_SFTP, "no answer");
}

static void a_server_killed_midway(void **state)
{
	(void)state;
	serve("", "Subsystem sftp kill -KILL $PPID");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SERVER_GONE, DIAGNOSE_SFTP, "");
}

/* ---- storage ---- */

static void a_path_that_is_missing(void **state)
{
	(void)state;
	strcpy(backend.path, "no/such/place");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_PATH_MISSING, DIAGNOSE_PATH, "no/such/place");
}

static void a_path_that_is_a_file(void **state)
{
	(void)state;
	set_path(backend.path, "host_key.pub");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_PATH_MISSING, DIAGNOSE_PATH, "not a directory");
}

/* Of 64 KiB and that many files: whatever a test does, it cannot take the machine's memory. */
static void mount_small(const char *name, unsigned files)
{
	char path[128], options[64];

	stage_path(path, sizeof(path), name);
	mkdir(path, 0755);
	snprintf(options, sizeof(options), "size=64k,nr_inodes=%u", files);
	assert_int_equal(mount("none", path, "tmpfs", 0, options), 0);
	set_path(backend.path, name);
}

/* Makes a file of at most 1 MiB: fails if there is still room then. */
static void fill_up(const char *name)
{
	char path[160], block[4096] = "";
	unsigned blocks = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s/filler", stage.dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (blocks < 256 && write(fd, block, sizeof(block)) > 0)
		blocks++;
	close(fd);
	assert_in_range(blocks, 1, 255);
}

/* The root directory of a file system for two files is one of them. */
static void use_up_files(const char *name)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/only", stage.dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void a_full_disk(void **state)
{
	(void)state;
	mount_small("full", 100);
	fill_up("full");
	serve_sftp("");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_FULL, DIAGNOSE_SPACE, "no block");
}

static void a_disk_without_inodes(void **state)
{
	(void)state;
	mount_small("files", 2);
	use_up_files("files");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_FULL, DIAGNOSE_SPACE, "inode");
}

/* As with a quota: the figures tell nothing, the canary does. */
static void a_full_disk_that_only_the_canary_finds(void **state)
{
	(void)state;
	mount_small("full2", 100);
	fill_up("full2");
	serve("", "Subsystem sftp internal-sftp -P statvfs");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_FULL, DIAGNOSE_WRITE, "took no data");
	assert_no_canary("full2");
}

static void no_further_file(void **state)
{
	(void)state;
	mount_small("files2", 2);
	use_up_files("files2");
	serve("", "Subsystem sftp internal-sftp -P statvfs");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_FULL, DIAGNOSE_WRITE, "would not make a file");
}

static void mount_read_only(const char *name)
{
	char path[128];

	mount_small(name, 100);
	stage_path(path, sizeof(path), name);
	assert_int_equal(mount(path, path, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
}

static void a_read_only_disk(void **state)
{
	(void)state;
	mount_read_only("ro");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_READ_ONLY, DIAGNOSE_SPACE, "read-only");
}

static void a_read_only_disk_that_only_the_canary_finds(void **state)
{
	(void)state;
	mount_read_only("ro2");
	serve("", "Subsystem sftp internal-sftp -P statvfs");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_READ_ONLY, DIAGNOSE_WRITE, "none removed");
}

static void a_read_only_account(void **state)
{
	(void)state;
	serve("", "Subsystem sftp internal-sftp -R");
	set_path(backend.path, "data");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_READ_ONLY, DIAGNOSE_WRITE, "not permitted");
}

/* ---- directories ---- */

static void directories(void **state)
{
	(void)state;
	backend.type = BACKEND_DIR;
	set_path(backend.path, "data");
	ask(LIMIT_MS, true);
	assert_healthy();
	assert_int_equal(diagnosis.outcome[DIAGNOSE_CONNECT], DIAGNOSE_NOT_REACHED);
	assert_int_equal(diagnosis.outcome[DIAGNOSE_WRITE], DIAGNOSE_PASSED);
	assert_no_canary("data");
	set_path(backend.path, "absent");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_PATH_MISSING, DIAGNOSE_PATH, "No such file");
	set_path(backend.path, "host_key.pub");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_PATH_MISSING, DIAGNOSE_PATH, "not a directory");
	mount_small("dirfull", 100);
	fill_up("dirfull");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_FULL, DIAGNOSE_SPACE, "no block");
	mount_read_only("dirro");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_READ_ONLY, DIAGNOSE_SPACE, "read-only");
}

/* A FUSE mount whose server never says a word: whoever looks at it hangs. */
static void a_directory_that_hangs(void **state)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char path[128], options[64];

	(void)state;
	if (fuse < 0)
		skip();
	stage_path(path, sizeof(path), "hung");
	mkdir(path, 0755);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	assert_int_equal(mount("hung", path, "fuse.test", 0, options), 0);
	backend.type = BACKEND_DIR;
	set_path(backend.path, "hung");
	ask(SHORT_MS, true);
	umount2(path, MNT_DETACH);
	close(fuse);
	assert_failed(ERRCLASS_TIMEOUT, DIAGNOSE_PATH, "no answer within 700 ms");
}

/* ---- the diagnosis itself ---- */

/* Kills the next child of its parent that is neither it nor the server. */
static pid_t start_killer(void)
{
	pid_t parent = getpid(), pid = fork();
	char path[64], text[256];

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	for (;;) {
		int used;
		pid_t child;

		pause_briefly();
		if (fd_read_file(path, text, sizeof(text)) <= 0)
			continue;
		for (char *p = text; sscanf(p, "%d%n", &child, &used) == 1; p += used)
			if (child != getpid() && child != false_server) {
				pause_briefly(); /* it has begun by now */
				kill(child, SIGSEGV);
				_exit(0);
			}
	}
}

static void a_diagnosis_that_crashes(void **state)
{
	pid_t killer;

	(void)state;
	serve_falsehood(&(struct falsehood){.first = "", .stay = true});
	killer = start_killer();
	ask(LIMIT_MS, false);
	waitpid(killer, NULL, 0);
	assert_int_equal(diagnosis.class, ERRCLASS_IO_ERROR);
	assert_non_null(strstr(diagnosis.detail, "died of signal 11"));
}

static void hardly_any_time(void **state)
{
	(void)state;
	serve_sftp("");
	for (uint32_t ms = 0; ms < 30; ms++)
		ask(ms, true);
	assert_no_canary("data");
}

/* ---- stage ---- */

static int set_up_all(void **state)
{
	(void)state;
	strcpy(stage.dir, "/tmp/guardfs-diagnose-XXXXXX");
	assert_non_null(mkdtemp(stage.dir));
	make_server();
	return 0;
}

static int tear_down_all(void **state)
{
	(void)state;
	/* Nothing of what the tests mounted is in the way, and the namespace goes with us. */
	run("cut -d' ' -f5 /proc/self/mountinfo | grep '^%s/' | sort -r | xargs -r umount -l", stage.dir);
	remove_tree(stage.dir);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	reset_backend();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stop_sshd();
	stop_false_server();
	/* No child of a diagnosis goes on. */
	for (int i = 0; i < 1000 && waitpid(-1, NULL, WNOHANG) >= 0; i++)
		pause_briefly();
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return 0;
}

static void needs_root_and_an_sshd(void **state)
{
	(void)state;
	skip();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

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
	    CASE(another_host_key),
	    CASE(a_host_key_of_another_kind),
	    CASE(a_host_never_seen),
	    CASE(a_key_that_the_server_rejects),
	    CASE(a_server_that_counts_attempts),
	    CASE(a_user_that_does_not_exist),
	    CASE(a_server_that_wants_a_second_factor),
	    CASE(no_further_session),
	    CASE(no_sftp),
	    CASE(a_shell_that_greets),
	    CASE(a_shell_that_speaks_without_end),
	    CASE(half_an_answer),
	    CASE(an_sftp_server_that_ends),
	    CASE(a_server_stopped_midway),
	    CASE(a_server_killed_midway),
	    CASE(a_path_that_is_missing),
	    CASE(a_path_that_is_a_file),
	    CASE(a_full_disk),
	    CASE(a_disk_without_inodes),
	    CASE(a_full_disk_that_only_the_canary_finds),
	    CASE(no_further_file),
	    CASE(a_read_only_disk),
	    CASE(a_read_only_disk_that_only_the_canary_finds),
	    CASE(a_read_only_account),
	    CASE(directories),
	    CASE(a_directory_that_hangs),
	    CASE(a_diagnosis_that_crashes),
	    CASE(hardly_any_time),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}

int main(void)
{
	const struct CMUnitTest none[] = {cmocka_unit_test(needs_root_and_an_sshd)};

	if (geteuid() != 0 || access(SSHD, X_OK) < 0)
		return cmocka_run_group_tests(none, NULL, NULL);
	return run_caged(all_tests);
}
