/* A transport in a process of its own, with OpenSSH's sftp-server behind it, and users of its ring: threads, and
 * processes that are killed. Each operation does what it says; no death leaves anybody waiting, or a record in
 * use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "transport-child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESERTED_NS (700 * NSEC_PER_MSEC)

/* ---- the transport ---- */

static int serve_over(struct transport_ends *ends, const char *const *server)
{
	struct connection *metadata = connect_to(server);

	ends->patience_ns = DESERTED_NS;
	return transport_serve(ends, metadata, connect_to(server));
}

static int serve(struct transport_ends *ends)
{
	static const char *const server[] = {SFTP_SERVER, NULL};

	return serve_over(ends, server);
}

/* The servers announce 11 handles each. */
static int serve_small(struct transport_ends *ends)
{
	static const char *const server[] = {"prlimit", "--nofile=16", SFTP_SERVER, NULL};

	return serve_over(ends, server);
}

static int begin_transport(void **state)
{
	(void)state;
	begin_transport_of(serve);
	return 0;
}

static int begin_small_transport(void **state)
{
	(void)state;
	begin_transport_of(serve_small);
	return 0;
}

/* The sftp-servers, as children of the transport. Once one is killed, the transport ends the other by itself. */
static void signal_servers(int signal)
{
	char path[64], text[256];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", transport, transport);
	f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	for (char *at = text; sscanf(at, "%d", &pid) == 1; at = strchr(at, ' ') + 1)
		assert_true(kill(pid, signal) == 0 || (signal == SIGKILL && errno == ESRCH));
}

/* ---- requests ---- */

struct call {
	struct ring_request request;
	const char *names[2];
	const void *data;
	void *back;
	struct ring_result result;
};

static int put_call(const struct ring_user *u, struct call *c)
{
	int i = ring_claim(u);

	if (i < 0)
		return i;
	if (c->request.deadline_ns == 0)
		c->request.deadline_ns = UINT64_MAX;
	for (unsigned k = 0; k < 2; k++) {
		int n = c->names[k]
			    ? snprintf((char *)ring_name_of(u, i, k), RING_NAME_MAX, "%s%s%s",
				       c->names[k][0] == '=' ? "" : dir, c->names[k][0] == '=' ? "" : "/",
				       c->names[k] + (c->names[k][0] == '='))
			    : 0;

		c->request.name_length[k] = (uint32_t)n;
	}
	if (c->data)
		memcpy(ring_data_of(u, i), c->data, c->request.size);
	*ring_request_of(u, i) = c->request;
	ring_submit(u, i);
	return i;
}

/* The error of the operation, or of the ring. */
static errint_t call_through(const struct ring_user *u, struct call *c)
{
	int i = put_call(u, c);
	errint_t rc;

	if (i < 0)
		return i;
	rc = ring_wait(u, i, &c->result);
	if (rc < 0)
		return rc;
	if (c->back)
		memcpy(c->back, ring_data_of(u, i), c->result.size);
	ring_release(u, i);
	return c->result.error;
}

static errint_t call(struct call *c)
{
	return call_through(&user, c);
}

#define CALL(op, ...) call(&(struct call){.request = {.operation = (op), ##__VA_ARGS__}})

static errint_t call_name(enum ring_operation operation, const char *name)
{
	struct call c = {.request = {.operation = operation}, .names = {name}};

	return call(&c);
}

static uint32_t open_file(const struct ring_user *u, const char *name, uint32_t flags)
{
	struct call c = {.request = {.operation = RING_OPEN, .flags = flags}, .names = {name}};

	return call_through(u, &c) == 0 ? c.result.ref : 0;
}

static errint_t close_file(const struct ring_user *u, uint32_t ref)
{
	struct call c = {.request = {.operation = RING_CLOSE, .ref = ref}};

	return call_through(u, &c);
}

/* ---- operations ---- */

static void files(void **state)
{
	static uint8_t written[RING_DATA_MAX], back[RING_DATA_MAX];
	struct call c = {.request = {.operation = RING_OPEN,
				     .flags = SFTP_OPEN_READ | SFTP_OPEN_WRITE | SFTP_OPEN_CREATE |
					      SFTP_OPEN_EXCLUSIVE | RING_WANTS_ATTRIBUTES,
				     .attrs = {.has = SFTP_ATTR_PERMISSIONS, .permissions = 0640}},
			 .names = {"file"}};
	uint32_t ref;

	(void)state;
	for (size_t i = 0; i < sizeof(written); i++)
		written[i] = (uint8_t)(i * 31 >> 4);
	assert_int_equal(call(&c), 0);
	ref = c.result.ref;
	assert_true(ref >= 1u << 30);
	assert_int_equal(c.result.attrs.permissions, S_IFREG | 0640);
	assert_true(c.result.attrs.has & SFTP_ATTR_SIZE && c.result.attrs.size == 0);
	assert_true(call(&c) < 0); /* exclusive */

	c = (struct call){
	    .request = {.operation = RING_WRITE, .ref = ref, .offset = 10, .size = sizeof(written)},
	    .data = written};
	assert_int_equal(call(&c), 0);
	assert_int_equal(c.result.size, sizeof(written));
	assert_int_equal(CALL(RING_FSYNC, .ref = ref), 0);
	c = (struct call){.request = {.operation = RING_READ, .ref = ref, .offset = 10, .size = sizeof(back)},
			  .back = back};
	assert_int_equal(call(&c), 0);
	assert_int_equal(c.result.size, sizeof(back));
	assert_false(c.result.at_end);
	assert_memory_equal(back, written, sizeof(back));
	c.request.offset = sizeof(back);
	assert_int_equal(call(&c), 0);
	assert_int_equal(c.result.size, 10);
	assert_true(c.result.at_end);

	c = (struct call){
	    .request = {.operation = RING_FSETSTAT, .ref = ref, .attrs = {.has = SFTP_ATTR_SIZE, .size = 7}}};
	assert_int_equal(call(&c), 0);
	c = (struct call){.request = {.operation = RING_FSTAT, .ref = ref}};
	assert_int_equal(call(&c), 0);
	assert_int_equal(c.result.attrs.size, 7);
	assert_int_equal(close_file(&user, ref), 0);
	assert_int_equal(close_file(&user, ref), -EBADF);
	assert_int_equal(CALL(RING_READ, .ref = ref, .size = 1), -EBADF);
	assert_int_equal(CALL(RING_READ, .ref = 3, .size = 1), -EBADF);
}

static void names(void **state)
{
	struct call c = {.request = {.operation = RING_MKDIR,
				     .flags = RING_WANTS_ATTRIBUTES,
				     .attrs = {.has = SFTP_ATTR_PERMISSIONS, .permissions = 0700}},
			 .names = {"d"}};
	char text[RING_NAME_MAX + 1] = "";

	(void)state;
	assert_int_equal(call(&c), 0);
	assert_int_equal(c.result.attrs.permissions, S_IFDIR | 0700);
	assert_int_equal(close_file(&user, open_file(&user, "d/a", SFTP_OPEN_WRITE | SFTP_OPEN_CREATE)), 0);
	c = (struct call){.request = {.operation = RING_LINK, .flags = RING_WANTS_ATTRIBUTES},
			  .names = {"d/a", "d/b"}};
	assert_int_equal(call(&c), 0);
	assert_true(S_ISREG(c.result.attrs.permissions));
	/* Replaces, as rename(2) does. */
	assert_int_equal(close_file(&user, open_file(&user, "d/c", SFTP_OPEN_WRITE | SFTP_OPEN_CREATE)), 0);
	c = (struct call){.request = {.operation = RING_RENAME}, .names = {"d/b", "d/c"}};
	assert_int_equal(call(&c), 0);
	assert_int_equal(call_name(RING_LSTAT, "d/b"), -ENOENT);
	c = (struct call){.request = {.operation = RING_SYMLINK, .flags = RING_WANTS_ATTRIBUTES},
			  .names = {"=../else where", "d/l"}};
	assert_int_equal(call(&c), 0);
	assert_true(S_ISLNK(c.result.attrs.permissions));
	c = (struct call){.request = {.operation = RING_READLINK}, .names = {"d/l"}, .back = text};
	assert_int_equal(call(&c), 0);
	assert_string_equal(text, "../else where");
	/* The link's own times: there is nothing where it leads. */
	c = (struct call){.request = {.operation = RING_LSETSTAT,
				      .flags = RING_WANTS_ATTRIBUTES,
				      .attrs = {.has = SFTP_ATTR_TIMES, .atime = 1000, .mtime = 2000}},
			  .names = {"d/l"}};
	assert_int_equal(call(&c), 0);
	assert_true(S_ISLNK(c.result.attrs.permissions));
	assert_int_equal(c.result.attrs.mtime, 2000);
	assert_int_equal(call_name(RING_RMDIR, "d"), -EIO); /* SFTP has no word for it */
	assert_int_equal(call_name(RING_REMOVE, "d/a"), 0);
	assert_int_equal(call_name(RING_REMOVE, "d/c"), 0);
	assert_int_equal(call_name(RING_REMOVE, "d/l"), 0);
	assert_int_equal(call_name(RING_RMDIR, "d"), 0);
	assert_int_equal(call_name(RING_OPENDIR, "d"), -ENOENT);
}

static void listings_and_figures(void **state)
{
	static uint8_t data[RING_DATA_MAX];
	struct call c = {.request = {.operation = RING_OPENDIR}, .names = {""}};
	struct sftp_statvfs figures;
	unsigned seen = 0;
	uint32_t ref;

	(void)state;
	for (unsigned i = 0; i < 250; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%u", i);
		assert_int_equal(
		    close_file(&user, open_file(&user, name, SFTP_OPEN_WRITE | SFTP_OPEN_CREATE)), 0);
	}
	assert_int_equal(call(&c), 0);
	ref = c.result.ref;
	do {
		c = (struct call){.request = {.operation = RING_READDIR, .ref = ref}, .back = data};
		assert_int_equal(call(&c), 0);
		for (uint32_t at = 0; at < c.result.size; seen++) {
			struct ring_entry e;

			memcpy(&e, data + at, sizeof(e));
			assert_int_equal(data[at + sizeof(e)], 'f'); /* neither "." nor ".." */
			assert_true(S_ISREG(e.attrs.permissions));
			at += sizeof(e) + (e.length + 7) / 8 * 8;
		}
	} while (c.result.size > 0);
	assert_int_equal(seen, 250);
	assert_int_equal(close_file(&user, ref), 0);
	c = (struct call){.request = {.operation = RING_STATVFS}, .names = {""}, .back = &figures};
	assert_int_equal(call(&c), 0);
	assert_int_equal(c.result.size, sizeof(figures));
	assert_true(figures.blocks > 0);
}

/* Of a name that is missing the attributes of another one, usually its directory. */
static void two_looks_in_one(void **state)
{
	static const struct {
		const char *names[2];
		errint_t error;
		uint32_t type;
	} table[] = {{{"f", ""}, 0, S_IFREG},
		     {{"none", ""}, -ENOENT, S_IFDIR},
		     {{"none", "f"}, -ENOENT, S_IFREG},
		     {{"none/none", "none"}, -ENOENT, 0}};

	(void)state;
	assert_int_equal(close_file(&user, open_file(&user, "f", SFTP_OPEN_WRITE | SFTP_OPEN_CREATE)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct call c = {.request = {.operation = RING_LSTAT, .flags = RING_WANTS_ATTRIBUTES},
				 .names = {table[i].names[0], table[i].names[1]}};

		assert_int_equal(call(&c), table[i].error);
		assert_int_equal(c.result.attrs.permissions & S_IFMT, table[i].type);
	}
}

/* ---- many at once ---- */

#define THREADS 32
#define ROUNDS	20
#define PIECE	70000u

/* Writes a file of its own and reads it back. 0, or the error met. */
static errint_t write_and_read(const struct ring_user *u, unsigned number, unsigned round)
{
	uint8_t *written = malloc(2 * (size_t)PIECE), *back = written + PIECE;
	struct call c;
	errint_t rc;
	char name[32];
	uint32_t ref;

	snprintf(name, sizeof(name), "t%u", number);
	memset(written, (int)(number * 7 + round), PIECE);
	ref = open_file(u, name, SFTP_OPEN_READ | SFTP_OPEN_WRITE | SFTP_OPEN_CREATE | SFTP_OPEN_TRUNCATE);
	c = (struct call){.request = {.operation = RING_WRITE, .ref = ref, .size = PIECE}, .data = written};
	rc = call_through(u, &c);
	c = (struct call){.request = {.operation = RING_READ, .ref = ref, .size = PIECE}, .back = back};
	if (rc == 0)
		rc = call_through(u, &c);
	if (rc == 0 && (c.result.size != PIECE || memcmp(written, back, PIECE) != 0))
		rc = -EILSEQ;
	if (rc == 0)
		rc = close_file(u, ref);
	free(written);
	return rc;
}

struct caller {
	pthread_t thread;
	unsigned number;
	errint_t rc;
};

static void *call_often(void *arg)
{
	struct caller *c = arg;

	for (unsigned i = 0; i < ROUNDS && c->rc == 0; i++)
		c->rc = write_and_read(&user, c->number, i);
	return NULL;
}

static void assert_empty(void)
{
	for (unsigned i = 0; i < RING_RECORDS; i++)
		assert_int_equal(atomic_load(&user.ring->record[i].word), 0);
}

static void many_callers(void **state)
{
	static struct caller callers[THREADS];

	(void)state;
	memset(callers, 0, sizeof(callers));
	for (unsigned i = 0; i < THREADS; i++) {
		callers[i].number = i;
		assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(callers[i].thread, NULL);
		assert_int_equal(callers[i].rc, 0);
	}
	assert_empty();
}

/* ---- deaths ---- */

static void a_server_that_is_stopped(void **state)
{
	struct call c = {.request = {.operation = RING_LSTAT}, .names = {""}};
	uint64_t began_ns = clock_mono_ns();

	(void)state;
	signal_servers(SIGSTOP);
	c.request.deadline_ns = began_ns + 300 * NSEC_PER_MSEC;
	assert_int_equal(call(&c), -ETIMEDOUT);
	assert_true(clock_mono_ns() >= c.request.deadline_ns);
	signal_servers(SIGCONT);
	c.request.deadline_ns = UINT64_MAX;
	assert_int_equal(call(&c), 0);
	assert_empty();
}

/* All records that a worker can have. */
#define MANY (RING_RECORDS - RING_RESERVED)

/* So many requests were given up that there is no place on the wire for another: those that wait for one end by their
 * deadlines, too. */
static void a_wire_without_room(void **state)
{
	struct call c[MANY];
	int records[MANY];

	(void)state;
	signal_servers(SIGSTOP);
	for (unsigned round = 0; round <= CONNECTION_EXCHANGES_MAX / MANY; round++) {
		uint64_t deadline_ns = clock_mono_ns() + 100 * NSEC_PER_MSEC;

		for (unsigned i = 0; i < MANY; i++) {
			c[i] = (struct call){.request = {.operation = RING_LSTAT, .deadline_ns = deadline_ns},
					     .names = {""}};
			records[i] = put_call(&user, &c[i]);
			assert_true(records[i] >= 0);
		}
		for (unsigned i = 0; i < MANY; i++) {
			assert_int_equal(ring_wait(&user, records[i], &c[i].result), 0);
			assert_int_equal(c[i].result.error, -ETIMEDOUT);
			ring_release(&user, records[i]);
		}
	}
	signal_servers(SIGCONT);
	assert_int_equal(call_name(RING_LSTAT, ""), 0);
	assert_empty();
}

/* A server that announces few handles: "failure" is a want of them when there are few left, and otherwise not. */
static void a_server_with_few_handles(void **state)
{
	struct call directory = {.request = {.operation = RING_OPEN, .flags = SFTP_OPEN_WRITE},
				 .names = {""}};
	struct call c = {0};
	uint32_t refs[16];
	unsigned n = 0;

	(void)state;
	assert_int_equal(call(&directory), -EIO);
	while (n < ARRAY_SIZE(refs)) {
		c = (struct call){
		    .request = {.operation = RING_OPEN, .flags = SFTP_OPEN_WRITE | SFTP_OPEN_CREATE},
		    .names = {"f"}};
		if (call(&c) < 0)
			break;
		refs[n++] = c.result.ref;
	}
	assert_in_range(n, 6, ARRAY_SIZE(refs) - 1);
	assert_int_equal(c.result.error, -ENFILE);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(close_file(&user, refs[i]), 0);
	assert_int_equal(call(&directory), -EIO);
	assert_empty();
}

static void a_server_that_is_killed(void **state)
{
	int status;

	(void)state;
	signal_servers(SIGKILL);
	assert_int_equal(waitpid(transport, &status, 0), transport);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_true(atomic_load(&user.ring->ended));
	assert_int_equal(call_name(RING_LSTAT, ""), -ENOTCONN);
}

static void *call_until_it_fails(void *arg)
{
	struct caller *c = arg;

	for (unsigned i = 0; c->rc == 0; i++)
		c->rc = write_and_read(&user, c->number, i);
	return NULL;
}

/* Killed in the midst of traffic: every caller has an end. */
static void a_transport_that_is_killed(void **state)
{
	static struct caller callers[THREADS];

	(void)state;
	memset(callers, 0, sizeof(callers));
	for (unsigned i = 0; i < THREADS; i++) {
		callers[i].number = i;
		assert_int_equal(pthread_create(&callers[i].thread, NULL, call_until_it_fails, &callers[i]),
				 0);
	}
	assert_int_equal(write_and_read(&user, THREADS, 0), 0);
	kill(transport, SIGKILL);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(callers[i].thread, NULL);
		assert_true(callers[i].rc == -ENOTCONN || callers[i].rc == -EAGAIN);
	}
	assert_true(ring_is_over(&user));
}

/* A worker of a generation that calls until it is killed. */
static pid_t begin_worker(unsigned generation)
{
	pid_t pid = fork();

	if (pid == 0) {
		static struct caller callers[8];

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		user.owner = RING_OWNER_WORKER(generation);
		for (unsigned i = 0; i < ARRAY_SIZE(callers); i++) {
			callers[i].number = i;
			if (pthread_create(&callers[i].thread, NULL, call_until_it_fails, &callers[i]) != 0)
				_exit(1);
		}
		for (unsigned i = 0; i < ARRAY_SIZE(callers); i++)
			pthread_join(callers[i].thread, NULL);
		_exit(2);
	}
	assert_true(pid > 0);
	return pid;
}

static void close_forgotten(void *arg, const struct ring_request *request, const struct ring_result *result)
{
	unsigned *closed = arg;

	if (request->operation == RING_OPEN && result->error == 0)
		*closed += close_file(&user, result->ref) == 0;
}

/* Waits until nothing of the dead worker is with the transport. */
static void inherit(unsigned generation, unsigned *closed)
{
	uint64_t until_ns = clock_mono_ns() + PATIENCE_NS;

	while (ring_inherit(&user, RING_OWNER_WORKER(generation), closed ? close_forgotten : NULL, closed) >
	       0) {
		assert_true(clock_mono_ns() < until_ns);
		poll(NULL, 0, 1);
	}
}

/* Again and again, each at another moment: nothing is left in use, and the transport goes on. */
static void workers_that_are_killed(void **state)
{
	unsigned closed = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		pid_t pid = begin_worker(100 + i);
		int status;

		poll(NULL, 0, (int)(i % 8) + 1);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		inherit(100 + i, &closed);
		assert_empty();
		assert_int_equal(write_and_read(&user, 0, i), 0);
	}
	assert_int_equal(waitpid(transport, NULL, WNOHANG), 0);
}

/* The transport does not answer, and nobody can help: whoever waits can be killed all the same. */
static void a_transport_that_is_stopped(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(kill(transport, SIGSTOP), 0);
	pid = begin_worker(99);
	poll(NULL, 0, 20);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	/* Nothing of it was begun: all is taken back. */
	assert_int_equal(ring_inherit(&user, RING_OWNER_WORKER(99), NULL, NULL), 0);
	assert_empty();
	kill(transport, SIGCONT);
	assert_int_equal(call_name(RING_LSTAT, ""), 0);
}

/* With the users' end everybody who had it has gone. */
static void leave(void)
{
	ring_detach(&user);
	close(users_end);
}

static void come_back(uint32_t epoch)
{
	assert_int_equal(ring_renew(ring_memory, doorstep, &users_end), 0);
	assert_int_equal(ring_attach(users_end, RING_OWNER_WORKER(epoch), &user), 0);
	ring_set_epoch(user.ring, epoch);
}

/* And again, as often as it happens; a request that was under way has ended meanwhile. The next epoch knows no ref of
 * the one before, and closes those files. */
static void users_that_come_back(void **state)
{
	struct call c = {.request = {.operation = RING_LSTAT}, .names = {""}};
	static uint8_t nothing_kept[RING_PLACES / 8];

	(void)state;
	for (uint32_t epoch = 2; epoch < 5; epoch++) {
		uint32_t ref = open_file(&user, "file", SFTP_OPEN_WRITE | SFTP_OPEN_CREATE), again;

		assert_true(ring_ref_is_of(ref, epoch - 1));
		signal_servers(SIGSTOP);
		assert_true(put_call(&user, &c) >= 0);
		leave();
		signal_servers(SIGCONT);
		/* Sometimes before the transport has looked, sometimes after. */
		poll(NULL, 0, epoch % 2 ? 50 : 0);
		come_back(epoch);
		inherit(epoch - 1, NULL);
		assert_int_equal(call_name(RING_LSTAT, ""), 0);
		assert_int_equal(close_file(&user, ref), -EBADF);
		again = open_file(&user, "file", SFTP_OPEN_READ);
		assert_true(ring_ref_is_of(again, epoch));
		assert_int_equal(close_file(&user, again), 0);
		c = (struct call){.request = {.operation = RING_KEEP, .size = sizeof(nothing_kept)},
				  .data = nothing_kept};
		assert_int_equal(call(&c), 0);
		c = (struct call){.request = {.operation = RING_LSTAT}, .names = {""}};
		assert_empty();
	}
	assert_int_equal(waitpid(transport, NULL, WNOHANG), 0);
}

/* Only the last of them has what the others sent. */
static void keepers_that_die_at_the_door(void **state)
{
	int lost;

	(void)state;
	leave();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(ring_renew(ring_memory, doorstep, &lost), 0);
		close(lost);
	}
	come_back(2);
	assert_int_equal(call_name(RING_LSTAT, ""), 0);
}

static void users_that_do_not_come_back(void **state)
{
	uint64_t began_ns = clock_mono_ns();
	int status;

	(void)state;
	close(users_end);
	users_end = -1;
	assert_int_equal(waitpid(transport, &status, 0), transport);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(clock_mono_ns() - began_ns >= DESERTED_NS);
	assert_true(atomic_load(&user.ring->ended));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin_transport, end_transport)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(files),
	    CASE(names),
	    CASE(listings_and_figures),
	    CASE(two_looks_in_one),
	    CASE(many_callers),
	    CASE(a_server_that_is_stopped),
	    CASE(a_wire_without_room),
	    cmocka_unit_test_setup_teardown(a_server_with_few_handles, begin_small_transport, end_transport),
	    CASE(a_server_that_is_killed),
	    CASE(a_transport_that_is_killed),
	    CASE(workers_that_are_killed),
	    CASE(a_transport_that_is_stopped),
	    CASE(users_that_come_back),
	    CASE(keepers_that_die_at_the_door),
	    CASE(users_that_do_not_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
