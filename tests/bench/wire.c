/* wire: what one SFTP connection, or several, give, with nothing above them: no ring, no FUSE, no read-ahead.
 *
 *     wire PORT KEY KNOWN_HOSTS PATH read|write MIB DEPTH CONNECTIONS
 *
 * Reads or writes a file of the server's in stretches of 1 MiB, DEPTH of them under way at once, in turn over all connections. Prints the rate, the CPU
 * seconds per GiB of this process, and the windows at the end. */
#include "base/clock.h"
#include "diagnose/diagnose.h"
#include "sftp/connection.h"
#include "sftp/window.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define MIB	  (1u << 20)
#define LANES_MAX 8
#define STRETCHES 64

static struct lane {
	struct connection *connection;
	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_length;
} lanes[LANES_MAX];

static struct transfer transfers[STRETCHES];
static unsigned n_lanes, depth, done;
static uint64_t next_mib, most_mib;
static bool writes;
static int like = -1;

static struct connection *connect_lane(char **argv)
{
	const struct diagnose_manner manner = {.timeout_ms = 20000, .like = like};
	static struct config_backend backend;
	struct diagnosis diagnosis;
	struct diagnose_session session;
	struct connection *c;
	struct stream *s;

	backend.type = BACKEND_SFTP;
	strcpy(backend.name, "box");
	strcpy(backend.host, "127.0.0.1");
	strcpy(backend.user, "root");
	backend.port = (uint16_t)atoi(argv[1]);
	snprintf(backend.identity, sizeof(backend.identity), "%s", argv[2]);
	snprintf(backend.known_hosts, sizeof(backend.known_hosts), "%s", argv[3]);
	if (!diagnose_session_open(&backend, &manner, &diagnosis, &session))
		errx(1, "%s", diagnosis.detail);
	like = session.socket;
	if (stream_over_channel(session.session, session.channel, session.socket, 30000, &s) < 0 ||
	    connection_new(s, &c) < 0)
		errx(1, "no connection");
	return c;
}

static void work(void)
{
	struct pollfd p[LANES_MAX];

	for (unsigned i = 0; i < n_lanes; i++)
		if (connection_work(lanes[i].connection, clock_mono_ns()) < 0)
			errx(1, "connection ended: %d", connection_error(lanes[i].connection));
	for (unsigned i = 0; i < n_lanes; i++)
		connection_want(lanes[i].connection, &p[i]);
	poll(p, n_lanes, 100);
}

static void opened(void *arg, const struct sftp_reply *reply, errint_t error)
{
	struct lane *l = arg;

	if (error || reply->type != SFTP_HANDLE)
		errx(1, "cannot open");
	l->handle_length = reply->handle.n;
	memcpy(l->handle, reply->handle.bytes, reply->handle.n);
}

static void open_lane(struct lane *l, const char *path)
{
	struct sftp_packet packet;

	sftp_begin(&packet, SFTP_OPEN, 0);
	sftp_put_text(&packet, path);
	sftp_put_u32(&packet, writes ? SFTP_OPEN_WRITE | SFTP_OPEN_CREATE : SFTP_OPEN_READ);
	sftp_put_no_attributes(&packet);
	if (connection_ask(l->connection, &packet, UINT64_MAX, opened, l) < 0)
		errx(1, "cannot ask");
}

static void begin(struct transfer *t);

static void ended(struct transfer *t)
{
	if (t->error || t->result != MIB)
		errx(1, "transfer: %d, %zu", t->error, t->result);
	done++;
	if (next_mib < most_mib)
		begin(t);
}

static void begin(struct transfer *t)
{
	struct lane *l = &lanes[next_mib % n_lanes];
	uint8_t *bytes = t->bytes;

	*t = (struct transfer){.handle_length = l->handle_length,
			       .writes = writes,
			       .offset = next_mib++ * MIB,
			       .bytes = bytes,
			       .size = MIB,
			       .deadline_ns = UINT64_MAX,
			       .done = ended};
	memcpy(t->handle, l->handle, l->handle_length);
	if (connection_transfer(l->connection, t) < 0)
		errx(1, "cannot begin");
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
	uint64_t began_ns;
	double cpu;

	if (argc != 9)
		errx(100, "usage: wire PORT KEY KNOWN_HOSTS PATH read|write MIB DEPTH CONNECTIONS");
	writes = strcmp(argv[5], "write") == 0;
	most_mib = strtoul(argv[6], NULL, 10);
	depth = (unsigned)MIN(strtoul(argv[7], NULL, 10), STRETCHES);
	n_lanes = (unsigned)MIN(strtoul(argv[8], NULL, 10), LANES_MAX);
	for (unsigned i = 0; i < n_lanes; i++)
		lanes[i].connection = connect_lane(argv);
	for (unsigned i = 0; i < n_lanes; i++) {
		while (!connection_is_ready(lanes[i].connection))
			work();
		open_lane(&lanes[i], argv[4]);
		while (lanes[i].handle_length == 0)
			work();
	}
	cpu = cpu_s();
	began_ns = clock_mono_ns();
	for (unsigned i = 0; i < depth; i++) {
		transfers[i].bytes = calloc(1, MIB);
		memset(transfers[i].bytes, 'x', MIB);
		begin(&transfers[i]);
	}
	while (done < most_mib)
		work();
	began_ns = clock_mono_ns() - began_ns;
	printf("wire %s depth %u connections %u: %.0f MiB/s, CPU s/GiB %.2f\n", argv[5], depth, n_lanes,
	       most_mib * 1e9 / began_ns, (cpu_s() - cpu) * 1024 / most_mib);
	return 0;
}
