#include "keeper/internal.h"
#include "keeper/spawn.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "diagnose/diagnose.h"
#include "sshfs-compat/sshfs-compat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define KILL_AFTER_MS (INQUIRY_TIMEOUT_MS + 2000u)

void inquiry_init(struct keeper *k)
{
	_Static_assert(ARRAY_SIZE(k->inquiry.last_ns) == CONFIG_BACKENDS_MAX, "one for each backend");
	k->inquiry = (struct inquiry){.sock = -1};
}

void inquiry_wanted(const struct supervised *s)
{
	if (s->keeper->config->diagnose && backend_has_server(s->config->type) &&
	    !backend_is_reached_by_ssh(s->config))
		s->keeper->inquiry.wanted |= 1u << s->index;
}

static bool same_account(const struct config_backend *a, const struct config_backend *b)
{
	return strcmp(a->host, b->host) == 0 && a->port == b->port && strcmp(a->user, b->user) == 0;
}

static unsigned connections_used(const struct keeper *k, unsigned backend)
{
	unsigned used = 0;

	for (unsigned i = 0; i < k->n_backends; i++)
		if (same_account(&k->config->backends[i], &k->config->backends[backend]))
			used += transport_connections(&k->backends[i].transport);
	return used;
}

static void diagnose_in_child(const struct keeper *k, unsigned backend)
{
	struct config_backend b = k->config->backends[backend];
	struct diagnosis d;

	memset(&d, 0, sizeof(d));
	d.refused_ns = transport_refused_ns(&k->backends[backend].transport);
	/* If ssh cannot be asked the configuration names the server. */
	if (b.type == BACKEND_SSHFS && ssh_config_apply(&b) == -ENOTSUP) {
		log_info("backend %s: no diagnosis: by ssh_config its server is reached through a proxy, or "
			 "known by an "
			 "alias of its key",
			 b.name);
		_exit(1);
	}
	diagnose_run(&b, INQUIRY_TIMEOUT_MS, b.canary, &d);
	_exit(fd_send_message(SPAWN_SOCKET, &d, sizeof(d), -1) == 0 ? 0 : 1);
}

errint_t inquiry_begin(struct keeper *k, unsigned backend, struct server_client *client, uint64_t now_ns)
{
	struct inquiry *q = &k->inquiry;
	pid_t pid;

	if (q->sock >= 0)
		return -EBUSY;
	if (connections_used(k, backend) + 1 > k->config->connections)
		return -EDQUOT;
	pid = spawn_with_socket(-1, &q->sock);
	if (pid == 0)
		diagnose_in_child(k, backend);
	if (pid < 0)
		return pid;
	q->pid = pid;
	q->backend = backend;
	q->begun_ns = q->last_ns[backend] = now_ns;
	q->wanted &= ~(1u << backend);
	q->client = client;
	return 0;
}

bool inquiry_join(struct keeper *k, unsigned backend, struct server_client *client)
{
	struct inquiry *q = &k->inquiry;

	if (q->sock < 0 || q->backend != backend || q->client)
		return false;
	q->client = client;
	return true;
}

static void end_inquiry(struct inquiry *q)
{
	close(q->sock);
	q->sock = -1;
	q->pid = 0; /* reaped with the others */
	q->client = NULL;
}

void inquiry_yield(struct keeper *k, unsigned backend)
{
	struct inquiry *q = &k->inquiry;

	if (q->sock < 0 || !same_account(&k->config->backends[q->backend], &k->config->backends[backend]) ||
	    connections_used(k, backend) + 1 +
		    transport_connections_wanted(&k->backends[backend].transport) <=
		k->config->connections)
		return;
	if (q->client)
		server_refuse(k->server, q->client, "busy",
			      "the connection was needed to reconnect ([recovery] connections = %u)",
			      k->config->connections);
	q->wanted |= 1u << q->backend;
	kill(q->pid, SIGKILL);
	end_inquiry(q);
}

bool inquiry_asks_why(const struct supervised *s)
{
	return s->serving && s->course.state == HEALTH_DEGRADED &&
	       (s->course.class == ERRCLASS_IO_ERROR || s->explained != ERRCLASS_NONE);
}

enum inquiry_news inquiry_receive(struct keeper *k, struct inquiry_result *result, uint64_t now_ns)
{
	struct inquiry *q = &k->inquiry;
	int passed = -1;
	ssize_t n;

	if (q->sock < 0)
		return INQUIRY_NOTHING;
	n = fd_receive_message(q->sock, &result->diagnosis, sizeof(result->diagnosis), &passed);
	if (n == -EAGAIN && now_ns < q->begun_ns + KILL_AFTER_MS * NSEC_PER_MSEC)
		return INQUIRY_NOTHING;
	if (passed >= 0)
		close(passed);
	if (n == -EAGAIN)
		kill(q->pid, SIGKILL);
	result->backend = q->backend;
	result->client = q->client;
	result->took_ms = (now_ns - q->begun_ns) / NSEC_PER_MSEC;
	end_inquiry(q);
	return n == (ssize_t)sizeof(result->diagnosis) && diagnosis_valid(&result->diagnosis)
		   ? INQUIRY_DONE
		   : INQUIRY_FAILED;
}

/* A try says as much of a login as a diagnosis, and a wrong password shall be sent once, not by both. */
static bool leaves_it_to_tries(const struct supervised *s)
{
	return !s->serving && s->config->password_file[0] != '\0';
}

static void begin_next_inquiry(struct keeper *k, uint64_t now_ns)
{
	struct inquiry *q = &k->inquiry;

	for (unsigned i = 0; i < k->n_backends; i++) {
		const struct supervised *s = &k->backends[i];
		bool rested = now_ns >= q->last_ns[i] + INQUIRY_PAUSE_MS * NSEC_PER_MSEC;

		if (s->course.state == HEALTH_HELD || leaves_it_to_tries(s) ||
		    !(s->serving ? inquiry_asks_why(s) : s->incident.open)) {
			q->wanted &= ~(1u << i);
			continue;
		}
		if (rested && q->last_ns[i])
			inquiry_wanted(s);
		/* Waits for room in the budget. While the backend serves there is no hurry. */
		if (q->wanted & 1u << i && (rested || !s->serving) && inquiry_begin(k, i, NULL, now_ns) == 0)
			return;
	}
}

uint64_t inquiry_next(struct keeper *k, uint64_t now_ns)
{
	struct inquiry *q = &k->inquiry;

	if (q->sock < 0)
		begin_next_inquiry(k, now_ns);
	return q->sock >= 0 ? q->begun_ns + KILL_AFTER_MS * NSEC_PER_MSEC : UINT64_MAX;
}

void inquiry_forget_client(struct keeper *k, const struct server_client *client)
{
	if (k->inquiry.client == client)
		k->inquiry.client = NULL;
}

void inquiry_stop(struct keeper *k)
{
	if (k->inquiry.sock < 0)
		return;
	kill(k->inquiry.pid, SIGKILL);
	end_inquiry(&k->inquiry);
}
