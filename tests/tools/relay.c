/* relay: a TCP relay on the loopback that can be slow, late, silent or broken.
 *
 *     relay LISTEN_PORT TO_PORT CONTROL
 *
 * CONTROL is a FIFO made by the relay; each line written to it is a command, and is echoed to standard output
 * once it is in effect.
 *
 *     rate KIB	   at most so many KiB/s in each direction, over all connections together; 0: no limit
 *     delay MS	   everything arrives so much later
 *     freeze	   pass nothing on, accept nothing; keep connections
 *     thaw	   go on
 *     cut	   reset all connections
 *     refuse	   close the listening socket (and cut); thaw opens it again
 *     take N	   accept N connections more, and let all others wait
 *     room KIB	   how much may be under way in each direction of a connection: 1024, at most 16384
 *
 * Everything is bounded: 64 connections.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/base.h"
#include "base/clock.h"

#define CONNECTIONS_MAX 64
#define CHUNK_SIZE	(16 * 1024)
#define CHUNKS_MAX	1024		    /* per direction of a connection */
#define MERGE_NS	(NSEC_PER_MSEC / 4) /* what comes so soon after other bytes goes with them */

struct chunk {
	uint64_t due_ns;
	uint32_t length, sent;
	char data[CHUNK_SIZE];
};

/* What is under way from one socket to another: a ring. */
struct flow {
	struct chunk *chunks; /* CHUNKS_MAX of them */
	unsigned first, n;
	bool ended;  /* the sender has shut down */
	bool passed; /* and so has been told to the receiver */
};

struct connection {
	int fd[2];	     /* -1: free slot */
	struct flow flow[2]; /* flow[i] reads from fd[i] and writes to fd[1 - i] */
};

static struct {
	uint16_t listen_port, to_port;
	int listen_fd, control_fd;
	bool frozen;
	unsigned long takes; /* connections that may still come */
	uint64_t rate;	     /* bytes/s, 0: no limit */
	uint64_t delay_ns;
	unsigned room; /* in chunks */
	uint64_t tokens[2], refilled_ns;
	struct connection connections[CONNECTIONS_MAX];
} relay = {.listen_fd = -1, .takes = ULONG_MAX, .room = 64};

static void fail(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in loopback(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static void open_listener(void)
{
	struct sockaddr_in a = loopback(relay.listen_port);
	int one = 1;

	if (relay.listen_fd >= 0)
		return;
	relay.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(relay.listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(relay.listen_fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(relay.listen_fd, 64) < 0)
		fail("cannot listen");
}

static void set_options(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void free_connection(struct connection *c, bool reset)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	for (int i = 0; i < 2; i++) {
		if (reset)
			setsockopt(c->fd[i], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(c->fd[i]);
		free(c->flow[i].chunks);
		c->flow[i] = (struct flow){0};
		c->fd[i] = -1;
	}
}

static void cut_all(void)
{
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
		if (relay.connections[i].fd[0] >= 0)
			free_connection(&relay.connections[i], true);
	}
}

static void accept_one(void)
{
	struct sockaddr_in a = loopback(relay.to_port);
	int in = accept4(relay.listen_fd, NULL, NULL, SOCK_CLOEXEC), out;
	struct connection *c = NULL;

	for (unsigned i = 0; i < CONNECTIONS_MAX && !c; i++) {
		if (relay.connections[i].fd[0] < 0)
			c = &relay.connections[i];
	}
	if (in < 0)
		return;
	relay.takes--;
	out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* To the loopback: connects or fails at once. */
	if (!c || connect(out, (struct sockaddr *)&a, sizeof(a)) < 0) {
		close(in);
		close(out);
		return;
	}
	set_options(in);
	set_options(out);
	c->fd[0] = in;
	c->fd[1] = out;
	for (int i = 0; i < 2; i++) {
		c->flow[i].chunks = calloc(CHUNKS_MAX, sizeof(struct chunk));
		if (!c->flow[i].chunks)
			fail("no memory");
	}
}

static void command(const char *line)
{
	unsigned long value;

	if (sscanf(line, "rate %lu", &value) == 1) {
		relay.rate = value * 1024;
		relay.tokens[0] = relay.tokens[1] = 0;
	} else if (sscanf(line, "delay %lu", &value) == 1) {
		relay.delay_ns = value * NSEC_PER_MSEC;
	} else if (sscanf(line, "take %lu", &value) == 1) {
		relay.takes = value;
	} else if (sscanf(line, "room %lu", &value) == 1) {
		relay.room = (unsigned)MIN(MAX(value * 1024 / CHUNK_SIZE, 1), CHUNKS_MAX);
	} else if (strcmp(line, "freeze") == 0) {
		relay.frozen = true;
	} else if (strcmp(line, "thaw") == 0) {
		relay.frozen = false;
		open_listener();
	} else if (strcmp(line, "cut") == 0) {
		cut_all();
	} else if (strcmp(line, "refuse") == 0) {
		if (relay.listen_fd >= 0)
			close(relay.listen_fd);
		relay.listen_fd = -1;
		cut_all();
	} else {
		printf("unknown command: %s\n", line);
		return;
	}
	printf("%s\n", line);
}

static void read_commands(void)
{
	char text[512];
	ssize_t n = read(relay.control_fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		command(line);
}

static void refill(uint64_t now)
{
	uint64_t add = (now - relay.refilled_ns) * relay.rate / NSEC_PER_SEC;

	if (add == 0)
		return;
	relay.refilled_ns = now;
	for (int i = 0; i < 2; i++)
		relay.tokens[i] =
		    MIN(relay.tokens[i] + add, MAX(relay.rate / 10, 1024)); /* a burst of 100 ms */
}

/* The last one, for small packets shall not take the room of large ones; else an empty one. */
static struct chunk *chunk_for(struct flow *f, uint64_t now)
{
	struct chunk *k = &f->chunks[(f->first + f->n - 1) % CHUNKS_MAX];

	if (f->n > 0 && k->length < CHUNK_SIZE && now + relay.delay_ns < k->due_ns + MERGE_NS)
		return k;
	k = &f->chunks[(f->first + f->n) % CHUNKS_MAX];
	k->length = k->sent = 0;
	return k;
}

static void pull(struct connection *c, int side, uint64_t now)
{
	struct flow *f = &c->flow[side];

	while (!f->ended && f->n < relay.room) {
		struct chunk *k = chunk_for(f, now);
		ssize_t n = recv(c->fd[side], k->data + k->length, CHUNK_SIZE - k->length, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			f->ended = true;
			return;
		}
		if (k->length == 0) {
			k->due_ns = now + relay.delay_ns;
			f->n++;
		}
		k->length += (uint32_t)n;
	}
}

/* Sends what is due and within the rate. Returns false when the receiver is gone. */
static bool push(struct connection *c, int side, uint64_t now)
{
	struct flow *f = &c->flow[side];

	while (f->n > 0 && f->chunks[f->first].due_ns <= now) {
		struct chunk *k = &f->chunks[f->first];
		uint32_t want = k->length - k->sent;
		ssize_t n;

		if (relay.rate)
			want = (uint32_t)MIN((uint64_t)want, relay.tokens[side]);
		if (want == 0)
			return true;
		n = send(c->fd[1 - side], k->data + k->sent, want, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (relay.rate)
			relay.tokens[side] -= (uint64_t)n;
		k->sent += (uint32_t)n;
		if (k->sent == k->length) {
			f->first = (f->first + 1) % CHUNKS_MAX;
			f->n--;
		}
	}
	if (f->ended && f->n == 0 && !f->passed) {
		shutdown(c->fd[1 - side], SHUT_WR);
		f->passed = true;
	}
	return true;
}

static void serve(struct connection *c, uint64_t now)
{
	bool alive = true;

	for (int side = 0; side < 2 && alive; side++) {
		pull(c, side, now);
		alive = push(c, side, now);
	}
	if (!alive || (c->flow[0].passed && c->flow[1].passed))
		free_connection(c, !alive);
}

static short wanted_events(const struct connection *c, int side)
{
	short events = 0;

	if (!c->flow[side].ended && c->flow[side].n < relay.room)
		events |= POLLIN;
	/* With a rate or a delay the clock says when to send, not the socket. */
	if (c->flow[1 - side].n > 0 && !relay.rate && !relay.delay_ns)
		events |= POLLOUT;
	return events;
}

static void wait_for_work(void)
{
	struct pollfd p[2 + 2 * CONNECTIONS_MAX];
	nfds_t n = 0;
	bool timed = false;

	p[n++] = (struct pollfd){.fd = relay.control_fd, .events = POLLIN};
	if (!relay.frozen && relay.takes > 0)
		p[n++] = (struct pollfd){.fd = relay.listen_fd, .events = POLLIN};
	for (unsigned i = 0; i < CONNECTIONS_MAX && !relay.frozen; i++) {
		const struct connection *c = &relay.connections[i];

		for (int side = 0; side < 2 && c->fd[0] >= 0; side++) {
			timed |= c->flow[side].n > 0 && (relay.rate || relay.delay_ns);
			p[n++] = (struct pollfd){.fd = wanted_events(c, side) ? c->fd[side] : -1,
						 .events = wanted_events(c, side)};
		}
	}
	poll(p, n, timed ? 1 : 1000);
	if (p[0].revents)
		read_commands();
}

static void step(void)
{
	uint64_t now;

	wait_for_work();
	now = clock_mono_ns();
	refill(now);
	if (relay.frozen)
		return;
	if (relay.listen_fd >= 0 && relay.takes > 0)
		accept_one();
	/* Another one first each time, so that a rate is shared fairly. */
	for (unsigned i = 0, start = (unsigned)(now / 1000000); i < CONNECTIONS_MAX; i++) {
		struct connection *c = &relay.connections[(start + i) % CONNECTIONS_MAX];

		if (c->fd[0] >= 0)
			serve(c, now);
	}
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: relay LISTEN_PORT TO_PORT CONTROL\n");
		return 100;
	}
	relay.listen_port = (uint16_t)atoi(argv[1]);
	relay.to_port = (uint16_t)atoi(argv[2]);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		relay.connections[i].fd[0] = relay.connections[i].fd[1] = -1;
	if (mkfifo(argv[3], 0600) < 0 && errno != EEXIST)
		fail(argv[3]);
	/* Read and write: so that it never sees the end of the file. */
	relay.control_fd = open(argv[3], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (relay.control_fd < 0)
		fail(argv[3]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	relay.refilled_ns = clock_mono_ns();
	open_listener();
	printf("ready\n");
	for (;;)
		step();
}
