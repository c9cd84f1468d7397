/* A connection against real servers: OpenSSH's sftp-server as a program of its own, through the OpenSSH client, and
 * over a channel of libssh. Written bytes are there, and are read back; a server that is stopped costs no more
 * than a deadline; one that is killed ends everything. As root. */
#include "sftp-server-util.h"

#define HELD_NS (8 * NSEC_PER_SEC) /* no busy machine is so late */
#define ENTRIES 300

/* ---- streams ---- */

static struct stream *begin_ssh(void)
{
	static char port[16], key[128], hosts[160];
	static const char *const argv[] = {
	    "ssh",	     "-F", "none",	     "-p",   port, "-i", key, "-o", hosts, "-o",
	    "BatchMode=yes", "-s", "root@127.0.0.1", "sftp", NULL};
	struct stream *s;

	snprintf(port, sizeof(port), "%d", stage.port);
	stage_path(key, sizeof(key), "user_key");
	snprintf(hosts, sizeof(hosts), "UserKnownHostsFile=%s/known_hosts", stage.dir);
	assert_int_equal(stream_over_program(argv, NULL, &s), 0);
	return s;
}

static const struct {
	const char *name;
	struct stream *(*begin)(void);
} streams[] = {{"sftp-server", begin_program}, {"ssh", begin_ssh}, {"libssh", begin_libssh}};

/* ---- tests ---- */

static void a_file_there_and_back(void)
{
	struct answer opened, closed, seen;
	struct transfer t;

	open_file(&opened, SFTP_OPEN_READ | SFTP_OPEN_WRITE | SFTP_OPEN_CREATE | SFTP_OPEN_EXCLUSIVE);
	transfer_file(&t, &opened, true);
	assert_file_on_disk();
	memset(back, 0, SIZE);
	transfer_file(&t, &opened, false);
	assert_memory_equal(back, written, SIZE);

	/* Asked at once, answered in order. */
	begin_handle_request(SFTP_CLOSE, &opened);
	send_request(&closed);
	begin_request(SFTP_LSTAT, "data/file");
	ask_and_wait(&seen);
	assert_int_equal(closed.code, SFTP_OK);
	assert_int_equal(seen.type, SFTP_ATTRS);
	assert_true(seen.attrs.size == SIZE && S_ISREG(seen.attrs.permissions));

	begin_request(SFTP_REMOVE, "data/file");
	ask_and_wait(&seen);
	assert_int_equal(seen.code, SFTP_OK);
	begin_request(SFTP_LSTAT, "data/file");
	ask_and_wait(&seen);
	assert_int_equal(sftp_error(seen.code), -ENOENT);
}

/* Several READDIRs on the wire at once: each entry comes once, and then the end. */
static void a_listing(void)
{
	struct answer opened, parts[8];
	unsigned names = 0;
	bool more = true;

	run("mkdir %s/data/many && cd %s/data/many && seq -f f%%g 1 %d | xargs touch", stage.dir, stage.dir,
	    ENTRIES);
	begin_request(SFTP_OPENDIR, "data/many");
	ask_and_wait(&opened);
	while (more) {
		for (unsigned i = 0; i < 8; i++) {
			begin_handle_request(SFTP_READDIR, &opened);
			send_request(&parts[i]);
		}
		work_until(&parts[7].calls);
		for (unsigned i = 0; i < 8; i++) {
			names += parts[i].names;
			more &= parts[i].type == SFTP_NAME;
			assert_true(parts[i].type == SFTP_NAME || parts[i].code == SFTP_EOF);
		}
	}
	assert_int_equal(names, ENTRIES + 2);
	run("rm -r %s/data/many", stage.dir);
}

static void every_stream_carries_everything(void **state)
{
	(void)state;
	serve_sftp("");
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		unsigned before = open_descriptors();

		print_message("# %s\n", streams[i].name);
		agree(streams[i].begin());
		assert_true(connection_extensions(client) & 1u << SFTP_POSIX_RENAME);
		assert_true(connection_extensions(client) & 1u << SFTP_FSYNC);
		assert_int_equal(connection_read_max(client), 255u << 10);
		assert_int_equal(connection_write_max(client), 128u << 10);
		a_file_there_and_back();
		a_listing();
		assert_int_equal(connection_counts(client)->dropped, 0);
		connection_free(client);
		assert_int_equal(open_descriptors(), before);
	}
}

/* AES-GCM ciphers what is sent, and never what is received: libssh's check of tags may be broken. */
static void ciphers_of_each_direction(void **state)
{
	bool aes = system("grep -qw aes /proc/cpuinfo") == 0;

	(void)state;
	serve_sftp("");
	agree(begin_libssh());
	assert_string_equal(ssh_get_cipher_in(session_begun), "chacha20-poly1305@openssh.com");
	assert_string_equal(ssh_get_cipher_out(session_begun),
			    aes ? "aes128-gcm@openssh.com" : "chacha20-poly1305@openssh.com");
	a_file_there_and_back();
	connection_free(client);
}

static void a_server_with_nothing_but_gcm(void **state)
{
	(void)state;
	serve_sftp("Ciphers aes256-gcm@openssh.com");
	agree(begin_libssh());
	a_file_there_and_back();
	connection_free(client);
}

/* Nobody answers, and nobody takes what is sent: the thread is never held, and each deadline is kept. */
static void a_stopped_server(void **state)
{
	(void)state;
	serve_sftp("");
	for (size_t i = 1; i < ARRAY_SIZE(streams); i++) {
		struct answer opened, asked = {0};
		struct transfer t;
		uint64_t began_ns, longest_ns = 0;

		print_message("# %s\n", streams[i].name);
		agree(streams[i].begin());
		open_file(&opened, SFTP_OPEN_WRITE | SFTP_OPEN_CREATE);
		signal_below(stage.sshd, SIGSTOP);
		began_ns = clock_mono_ns();
		begin_transfer(&t, &opened, true);
		t.deadline_ns = began_ns + 600 * NSEC_PER_MSEC;
		begin_request(SFTP_LSTAT, "data/file");
		assert_int_equal(
		    connection_ask(client, &packet, began_ns + 300 * NSEC_PER_MSEC, keep_answer, &asked), 0);
		while (transfers_done == 0) {
			uint64_t at_ns = clock_mono_ns(), wake_ns = connection_wake_ns(client);
			struct pollfd p;

			assert_int_equal(connection_work(client, at_ns), 0);
			longest_ns = MAX(longest_ns, clock_mono_ns() - at_ns);
			connection_want(client, &p);
			poll(&p, 1, wake_ns > at_ns ? (int)((wake_ns - at_ns) / NSEC_PER_MSEC) + 1 : 0);
		}
		assert_int_equal(asked.error, -ETIMEDOUT);
		assert_int_equal(t.error, -ETIMEDOUT);
		/* A socket that blocks holds the thread for most of a minute. */
		assert_in_range(clock_mono_ns() - began_ns, 600 * NSEC_PER_MSEC, HELD_NS);
		assert_in_range(longest_ns, 0, HELD_NS);
		signal_below(stage.sshd, SIGCONT);
		connection_free(client);
	}
}

/* Bytes to the server that the kernel holds, sockets closed by their process included. */
static unsigned long queued_bytes(void)
{
	unsigned long queued = 0;
	char line[256];
	FILE *f = fopen("/proc/net/tcp", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long bytes;
		unsigned port;

		if (sscanf(line, " %*u: %*x:%*x %*x:%x %*x %lx:", &port, &bytes) == 2 &&
		    port == (unsigned)stage.port)
			queued += bytes;
	}
	fclose(f);
	return queued;
}

/* Of the old connection nothing arrives later, on top of what a new one has written. */
static void a_connection_that_ends_with_data_on_its_way(void **state)
{
	struct answer opened;
	struct transfer t;

	(void)state;
	serve_sftp("");
	agree(begin_libssh());
	open_file(&opened, SFTP_OPEN_WRITE | SFTP_OPEN_CREATE);
	signal_below(stage.sshd, SIGSTOP);
	begin_transfer(&t, &opened, true);
	for (unsigned i = 0; i < 100 && queued_bytes() == 0; i++) {
		assert_int_equal(connection_work(client, clock_mono_ns()), 0);
		pause_briefly();
	}
	assert_true(queued_bytes() > 0);
	connection_free(client);
	assert_int_equal(queued_bytes(), 0);
	signal_below(stage.sshd, SIGCONT);
}

static void a_killed_server(void **state)
{
	(void)state;
	for (size_t i = 1; i < ARRAY_SIZE(streams); i++) {
		struct answer opened;
		struct transfer t;

		print_message("# %s\n", streams[i].name);
		serve_sftp("");
		agree(streams[i].begin());
		open_file(&opened, SFTP_OPEN_WRITE | SFTP_OPEN_CREATE);
		signal_below(stage.sshd, SIGSTOP);
		begin_transfer(&t, &opened, true);
		assert_int_equal(connection_work(client, clock_mono_ns()), 0);
		stop_sshd();
		work_until(&transfers_done);
		assert_int_equal(transfers_done, 1);
		assert_int_equal(t.error, -ENOTCONN);
		assert_true(connection_error(client) < 0);
		connection_free(client);
	}
}

static void a_program_that_is_not_there(void **state)
{
	static const char *const argv[] = {"/nonexistent", NULL};
	struct stream *s;
	unsigned never = 0;

	(void)state;
	assert_int_equal(stream_over_program(argv, NULL, &s), 0);
	assert_true(stream_program_pid(s) > 0);
	assert_int_equal(connection_new(s, &client), 0);
	work_until(&never);
	assert_int_equal(connection_error(client), -ENOTCONN);
	connection_free(client);
}

/* ---- programs that wait ---- */

static void read_all_of(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
}

/* What is done with a program that was begun, before it is listened to. */
enum first { SEND_BYTE, CLOSE_STREAM, NOTHING };

/* Standard error of the program, until all that have it are gone. */
static void hear(const char *const *argv, const struct stream_program_manner *manner, enum first first,
		 char *text, size_t size)
{
	int fds[2], own = dup(STDERR_FILENO);
	struct stream *s;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	assert_int_equal(stream_over_program(argv, manner, &s), 0);
	dup2(own, STDERR_FILENO);
	close(own);
	if (first == SEND_BYTE)
		assert_int_equal(s->ops->send(s, (const uint8_t *)"x", 1), 1);
	if (first == CLOSE_STREAM)
		s->ops->close(s);
	read_all_of(fds[0], text, size);
	if (first != CLOSE_STREAM)
		s->ops->close(s);
	close(fds[0]);
}

static void a_program_that_waits_for_the_first_byte(void **state)
{
	static const char *const argv[] = {"sh", "-c", "echo ran >&2", NULL};
	const struct stream_program_manner later = {.at_first_byte = true, .left_alone = true};
	char text[64];

	(void)state;
	hear(argv, &later, SEND_BYTE, text, sizeof(text));
	assert_string_equal(text, "ran\n");
	/* Nobody wants it any more. */
	hear(argv, &later, CLOSE_STREAM, text, sizeof(text));
	assert_string_equal(text, "");
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void say_confined(void)
{
	dprintf(STDERR_FILENO, "confined ");
}

static void what_cannot_be_executed_says_so(void **state)
{
	static const char *const argv[] = {"/nonexistent", NULL};
	const struct stream_program_manner manner = {.confine = say_confined};
	char text[128];

	(void)state;
	/* A byte may come too late: this program is gone whenever it likes. */
	hear(argv, &manner, NOTHING, text, sizeof(text));
	assert_string_equal(text, "confined cannot execute /nonexistent: No such file or directory\n");
}

static int all_tests(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(every_stream_carries_everything),
	    CASE(ciphers_of_each_direction),
	    CASE(a_server_with_nothing_but_gcm),
	    CASE(a_stopped_server),
	    CASE(a_connection_that_ends_with_data_on_its_way),
	    CASE(a_killed_server),
	    CASE(a_program_that_is_not_there),
	    CASE(a_program_that_waits_for_the_first_byte),
	    CASE(what_cannot_be_executed_says_so),
	};

	return run_all(tests, ARRAY_SIZE(tests));
}

int main(void)
{
	return run_caged(all_tests);
}
