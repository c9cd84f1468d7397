/* A connection against real servers: OpenSSH's sftp-server as a program of its own, through the OpenSSH client, and
 * over a channel of libssh. Written bytes are there, and are read back; a server that is stopped costs no more
 * than a deadline; one that is killed ends everything. As root. */
#include "diagnose-util.h"
#include "sftp/connection.h"
#include <libssh/libssh.h>

#define SFTP_SERVER "/usr/lib/openssh/sftp-server"
#define MIB	    (1u << 20)
#define SIZE	    (6 * MIB + 4321)
#define PATIENCE_NS (20 * NSEC_PER_SEC)
#define HELD_NS	    (8 * NSEC_PER_SEC) /* no busy machine is so late */
#define ENTRIES	    300

/* The one that is asked. */
static struct connection *client;
/* Another one beside it, over one session: both of them, the first one first. NULL: there is one alone. */
static struct connection *lead, *second;
static uint8_t *written, *back;

/* ---- streams ---- */

static struct stream *begin_program(void)
{
	static const char *const argv[] = {SFTP_SERVER, NULL};
	struct stream *s;

	assert_int_equal(stream_over_program(argv, NULL, &s), 0);
	return s;
}

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

/* Of the stream begun last. */
static ssh_session session_begun;

static struct stream *begin_libssh(void)
{
	const struct diagnose_manner manner = {.timeout_ms = LIMIT_MS, .like = -1};
	struct diagnose_session session;
	struct stream *s;

	if (!diagnose_session_open(&backend, &manner, &diagnosis, &session))
		show_diagnosis();
	assert_true(session.session != NULL);
	session_begun = session.session;
	assert_int_equal(stream_over_channel(session.session, session.channel, session.socket, 30000, &s), 0);
	return s;
}

static const struct {
	const char *name;
	struct stream *(*begin)(void);
} streams[] = {{"sftp-server", begin_program}, {"ssh", begin_ssh}, {"libssh", begin_libssh}};

/* ---- waiting ---- */

static errint_t work_round(void)
{
	uint64_t now_ns = clock_mono_ns();
	errint_t rc;

	if (!second)
		return connection_work(client, now_ns);
	connection_tell_time(second, now_ns);
	rc = connection_work(lead, now_ns);
	return rc < 0 ? rc : connection_work(second, now_ns);
}

static uint64_t wake_ns_of_all(void)
{
	uint64_t wake_ns = connection_wake_ns(second ? lead : client);

	return second ? MIN(wake_ns, connection_wake_ns(second)) : wake_ns;
}

/* Works until *calls is not 0, or a connection has ended. */
static void work_until(const unsigned *calls)
{
	uint64_t until_ns = clock_mono_ns() + PATIENCE_NS;
	errint_t rc = work_round();

	while (rc == 0 && *calls == 0) {
		uint64_t at_ns = clock_mono_ns(), wake_ns = MIN(wake_ns_of_all(), until_ns);
		struct pollfd p;

		assert_true(at_ns < until_ns);
		connection_want(client, &p);
		poll(&p, 1, wake_ns > at_ns ? (int)((wake_ns - at_ns) / NSEC_PER_MSEC) + 1 : 0);
		rc = work_round();
	}
}

static void agree(struct stream *s)
{
	uint64_t until_ns = clock_mono_ns() + PATIENCE_NS;

	assert_int_equal(connection_new(s, &client), 0);
	while (!connection_is_ready(client)) {
		struct pollfd p;

		assert_int_equal(connection_work(client, clock_mono_ns()), 0);
		assert_true(clock_mono_ns() < until_ns);
		connection_want(client, &p);
		if (!connection_is_ready(client))
			poll(&p, 1, 1000);
	}
}

/* ---- requests ---- */

struct answer {
	unsigned calls;
	errint_t error;
	enum sftp_type type;
	uint32_t code;
	struct sftp_attributes attrs;
	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_length;
	unsigned names;
};

static void keep_answer(void *arg, const struct sftp_reply *reply, errint_t error)
{
	struct answer *a = arg;

	a->calls++;
	a->error = error;
	a->type = reply ? reply->type : 0;
	if (a->type == SFTP_STATUS)
		a->code = reply->status.code;
	if (a->type == SFTP_ATTRS)
		a->attrs = reply->attrs;
	if (a->type == SFTP_NAME)
		a->names = reply->names.n;
	if (a->type == SFTP_HANDLE) {
		a->handle_length = reply->handle.n;
		memcpy(a->handle, reply->handle.bytes, reply->handle.n);
	}
}

static struct sftp_packet packet;

static void begin_request(enum sftp_type type, const char *name)
{
	char path[160];

	stage_path(path, sizeof(path), name);
	sftp_begin(&packet, type, 0);
	sftp_put_text(&packet, path);
}

static void begin_handle_request(enum sftp_type type, const struct answer *opened)
{
	sftp_begin(&packet, type, 0);
	sftp_put_bytes(&packet, opened->handle, opened->handle_length);
}

static void send_request(struct answer *a)
{
	*a = (struct answer){0};
	assert_int_equal(connection_ask(client, &packet, UINT64_MAX, keep_answer, a), 0);
}

static void ask_and_wait(struct answer *a)
{
	send_request(a);
	work_until(&a->calls);
	assert_int_equal(a->calls, 1);
}

static void open_file(struct answer *a, uint32_t flags)
{
	begin_request(SFTP_OPEN, "data/file");
	sftp_put_u32(&packet, flags);
	sftp_put_no_attributes(&packet);
	ask_and_wait(a);
	assert_int_equal(a->type, SFTP_HANDLE);
}

static unsigned transfers_done;

static void transfer_done(struct transfer *t)
{
	(void)t;
	transfers_done++;
}

static void begin_transfer(struct transfer *t, const struct answer *opened, bool writes)
{
	*t = (struct transfer){.handle_length = opened->handle_length,
			       .writes = writes,
			       .bytes = writes ? written : back,
			       .size = SIZE,
			       .deadline_ns = UINT64_MAX,
			       .done = transfer_done};
	memcpy(t->handle, opened->handle, opened->handle_length);
	transfers_done = 0;
	assert_int_equal(connection_transfer(client, t), 0);
}

static void transfer_file(struct transfer *t, const struct answer *opened, bool writes)
{
	begin_transfer(t, opened, writes);
	work_until(&transfers_done);
	assert_int_equal(transfers_done, 1);
	assert_int_equal(t->error, 0);
	assert_int_equal(t->result, SIZE);
}

/* ---- tests ---- */

static void assert_file_on_disk(void)
{
	char path[160];
	FILE *f;

	stage_path(path, sizeof(path), "data/file");
	f = fopen(path, "r");
	assert_non_null(f);
	memset(back, 0, SIZE);
	assert_int_equal(fread(back, 1, SIZE + 1, f), SIZE);
	fclose(f);
	assert_memory_equal(back, written, SIZE);
}

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

/* ---- two over one session ---- */

/* Until the second one is ready, or has ended. */
static void begin_second(void)
{
	uint64_t until_ns = clock_mono_ns() + PATIENCE_NS;

	agree(begin_libssh());
	lead = client;
	assert_int_equal(connection_beside(lead, &second), 0);
	while (!connection_is_ready(second) && connection_error(second) == 0) {
		struct pollfd p;

		(void)work_round();
		assert_int_equal(connection_error(lead), 0);
		assert_true(clock_mono_ns() < until_ns);
		connection_want(lead, &p);
		if (wake_ns_of_all() > clock_mono_ns())
			poll(&p, 1, 1000);
	}
}

static void end_both(void)
{
	connection_free(second);
	connection_free(lead);
	lead = second = NULL;
}

/* More than a window of writes on the first one, and reads and look-ups on the second one all the while: all arrive, and
 * neither waits for an event that the other has taken. */
static void a_second_one_over_the_same_session(void **state)
{
	struct answer opened, other, seen;
	struct transfer writes, reads;
	unsigned before;

	(void)state;
	serve_sftp("");
	before = open_descriptors();
	begin_second();
	assert_int_equal(connection_error(second), 0);
	assert_true(connection_extensions(second) == connection_extensions(lead));
	open_file(&opened, SFTP_OPEN_WRITE | SFTP_OPEN_CREATE);
	client = second;
	open_file(&other, SFTP_OPEN_READ);
	for (unsigned i = 0; i < 3; i++) {
		client = lead;
		begin_transfer(&writes, &opened, true);
		client = second;
		begin_request(SFTP_LSTAT, "data");
		ask_and_wait(&seen);
		assert_int_equal(seen.type, SFTP_ATTRS);
		while (transfers_done < 1)
			work_until(&transfers_done);
		assert_int_equal(writes.error, 0);
		client = second;
		memset(back, 0, SIZE);
		begin_transfer(&reads, &other, false);
		client = lead;
		begin_transfer(&writes, &opened, true);
		work_until(&transfers_done);
		transfers_done--;
		work_until(&transfers_done);
		assert_int_equal(reads.error, 0);
		assert_int_equal(writes.error, 0);
		assert_int_equal(reads.result, SIZE);
		assert_memory_equal(back, written, SIZE);
	}
	assert_file_on_disk();
	end_both();
	assert_int_equal(open_descriptors(), before);
}

/* Nobody is kept busy while a server has not said whether it wants a second one. */
static void a_server_that_does_not_say(void **state)
{
	(void)state;
	serve_sftp("");
	agree(begin_libssh());
	lead = client;
	assert_int_equal(connection_beside(lead, &second), 0);
	signal_below(stage.sshd, SIGSTOP);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(work_round(), 0);
	assert_true(wake_ns_of_all() > clock_mono_ns());
	assert_false(connection_is_ready(second));
	signal_below(stage.sshd, SIGCONT);
	end_both();
}

/* The first one serves on, and may be given another one. */
static void a_server_that_wants_no_second_one(void **state)
{
	struct answer opened;
	struct transfer t;
	struct stream *none;

	(void)state;
	serve_sftp("MaxSessions 1");
	begin_second();
	assert_int_equal(connection_error(second), -ECONNREFUSED);
	connection_free(second);
	second = NULL;
	open_file(&opened, SFTP_OPEN_READ | SFTP_OPEN_WRITE | SFTP_OPEN_CREATE);
	transfer_file(&t, &opened, true);
	assert_file_on_disk();
	assert_int_equal(connection_beside(lead, &second), 0);
	assert_int_equal(connection_beside(lead, &client), -EOPNOTSUPP);
	end_both();
	none = begin_program();
	assert_int_equal(stream_beside(none, &none), -EOPNOTSUPP);
	none->ops->close(none);
}

/* Both end with their session. */
static void a_session_of_two_that_is_cut(void **state)
{
	struct answer asked;

	(void)state;
	serve_sftp("");
	begin_second();
	stop_sshd();
	client = second;
	begin_request(SFTP_LSTAT, "data");
	asked.calls = 0;
	if (connection_ask(client, &packet, UINT64_MAX, keep_answer, &asked) == 0) {
		work_until(&asked.calls);
		assert_true(connection_error(lead) < 0);
	}
	end_both();
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
	    CASE(a_second_one_over_the_same_session),
	    CASE(a_server_that_does_not_say),
	    CASE(a_server_that_wants_no_second_one),
	    CASE(a_session_of_two_that_is_cut),
	    CASE(a_stopped_server),
	    CASE(a_connection_that_ends_with_data_on_its_way),
	    CASE(a_killed_server),
	    CASE(a_program_that_is_not_there),
	    CASE(a_program_that_waits_for_the_first_byte),
	    CASE(what_cannot_be_executed_says_so),
	};

	written = malloc(SIZE);
	back = malloc(SIZE + 1);
	for (size_t i = 0; i < SIZE; i++)
		written[i] = (uint8_t)(i * 2654435761u >> 11);
	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}

int main(void)
{
	return run_caged(all_tests);
}
