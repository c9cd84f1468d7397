/* inquiry.c: see inquiry.h. */
#include "keeper/internal.h"
#include "keeper/spawn.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "diagnose/diagnose.h"
#include "sshfs-compat/sshfs-compat.h"
#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define KILL_AFTER_MS (INQUIRY_TIMEOUT_MS + 2000u)
#define CHILD_SOCK    3

void inquiry_init(struct keeper *k)
{
	_Static_assert(ARRAY_SIZE(k->inquiry.last_ns) == CONFIG_BACKENDS_MAX, "one for each backend");
	k->inquiry = (struct inquiry){.sock = -1};
}

void inquiry_wanted(const struct supervised *s)
{
	if (s->keeper->config->diagnose && s->config->type == BACKEND_SSHFS)
		s->keeper->inquiry.wanted |= 1u << s->index;
}

static bool same_account(const struct config_backend *a, const struct config_backend *b)
{
	return strcmp(a->host, b->host) == 0 && a->port == b->port && strcmp(a->user, b->user) == 0;
}

/* An sshfs is one connection. */
static unsigned connections_used(const struct keeper *k, unsigned backend)
{
	unsigned used = 0;

	for (unsigned i = 0; i < k->n_backends; i++)
		used += same_account(&k->config->backends[i], &k->config->backends[backend]) &&
			!transport_dead(&k->backends[i].transport);
	return used;
}

static void child(const struct keeper *k, unsigned backend)
{
	struct config_backend b = k->config->backends[backend];
	struct diagnosis d;

	memset(&d, 0, sizeof(d));
	/* What cannot be asked is looked up as it is written. */
	if (b.type == BACKEND_SSHFS && ssh_config_apply(&b) == -ENOTSUP) {
		log_info("backend %s: no diagnosis: by ssh_config its server is reached through a proxy, or "
			 "known by an "
			 "alias of its key",
			 b.name);
		_exit(1);
	}
	diagnose_run(&b, INQUIRY_TIMEOUT_MS, b.canary, &d);
	_exit(fd_send_message(CHILD_SOCK, &d, sizeof(d), -1) == 0 ? 0 : 1);
}

errint_t inquiry_begin(struct keeper *k, unsigned backend, struct server_client *client, uint64_t now_ns)
{
	struct inquiry *q = &k->inquiry;
	int pair[2];

	if (q->sock >= 0)
		return -EBUSY;
	if (connections_used(k, backend) + 1 > k->config->connections)
		return -EDQUOT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	q->pid = spawn_fork(&pair[1], 1);
	if (q->pid == 0)
		child(k, backend);
	close(pair[1]);
	if (q->pid < 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0) {
		errint_t rc = q->pid < 0 ? q->pid : -errno;

		close(pair[0]);
		q->pid = 0;
		return rc;
	}
	q->sock = pair[0];
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

static void end(struct inquiry *q)
{
	close(q->sock);
	q->sock = -1;
	q->pid = 0; /* reaped with all other children */
	q->client = NULL;
}

void inquiry_yield(struct keeper *k, unsigned backend)
{
	struct inquiry *q = &k->inquiry;

	if (q->sock < 0 || !same_account(&k->config->backends[q->backend], &k->config->backends[backend]) ||
	    connections_used(k, backend) + 2 <= k->config->connections)
		return;
	if (q->client)
		server_refuse(k->server, q->client, "busy",
			      "the connection was needed to reconnect ([recovery] connections = %u)",
			      k->config->connections);
	q->wanted |= 1u << q->backend;
	kill(q->pid, SIGKILL);
	end(q);
}

static json_t *steps_of(const struct diagnosis *d)
{
	json_t *steps = json_array();

	for (unsigned i = 0; i < DIAGNOSE_STEP_COUNT; i++)
		json_array_append_new(
		    steps, json_pack("{s:s, s:i, s:s}", "name", diagnose_step_name((enum diagnose_step)i),
				     "ms", (int)d->ms[i], "outcome",
				     diagnose_outcome_name((enum diagnose_outcome)d->outcome[i])));
	return steps;
}

static json_t *describe(const struct supervised *s, const struct diagnosis *d)
{
	const struct errclass_info *info = errclass_info((enum errclass)d->class);
	const char *step = d->failed_step < DIAGNOSE_STEP_COUNT
			       ? diagnose_step_name((enum diagnose_step)d->failed_step)
			       : "";

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:o, s:o}", "backend", s->config->name,
			 "class", info->name, "step", step, "summary", info->summary, "advice", info->advice,
			 "detail", d->detail, "server", d->server, "time", (double)clock_real_ns() / 1e9,
			 "steps", steps_of(d), "lacks", report_server_lacks(d->lacks));
}

/* Of one that serves only the storage's own answers (full, read-only) are news: that a further connection is
 * refused explains nothing. */
static bool concerns(const struct supervised *s, enum errclass class)
{
	return !s->serving ||
	       (monitor_asks_why(s) && (class == ERRCLASS_NONE || !errclass_info(class)->infrastructure));
}

/* What the server lacks. What was not tried this time is as it was found before. */
static void learn(struct keeper *k, struct board_backend *board, const struct diagnosis *d)
{
	uint32_t known = atomic_load(&board->server_lacks), lacks = d->lacks;

	if (d->outcome[DIAGNOSE_WRITE] != DIAGNOSE_PASSED)
		lacks |= known & SERVER_TRIED;
	if (!d->lacks || lacks == known)
		return;
	atomic_store(&board->server_lacks, lacks);
	k->changed = true;
}

static void take(struct keeper *k, const struct diagnosis *d, uint64_t now_ns)
{
	struct inquiry *q = &k->inquiry;
	struct supervised *s = &k->backends[q->backend];
	enum errclass class = (enum errclass)d->class;
	const struct errclass_info *info = errclass_info(class);
	const char *step = d->failed_step < DIAGNOSE_STEP_COUNT
			       ? diagnose_step_name((enum diagnose_step)d->failed_step)
			       : "all";

	learn(k, s->board, d);
	history_note(s, "diagnosis", step, info->name, (now_ns - q->begun_ns) / NSEC_PER_MSEC,
		     class == ERRCLASS_NONE ? "every step passed" : d->detail);
	log_info("backend %s: the server itself, asked beside the mount: %s: %s", s->config->name, info->name,
		 class == ERRCLASS_NONE ? "every step passed" : d->detail);
	if (q->client) {
		json_t *reply = describe(s, d);

		if (reply)
			server_reply(k->server, q->client, reply);
		else
			server_refuse(k->server, q->client, "unavailable", "the answer cannot be shown");
	}
	if (!concerns(s, class))
		return;
	s->explained = class;
	(void)copy_string(s->explained_detail, sizeof(s->explained_detail), d->detail);
	if (class == ERRCLASS_NONE)
		return;
	if (s->incident.open) {
		s->incident.class = class;
		(void)copy_string(s->incident.detail, sizeof(s->incident.detail), d->detail);
		incident_update(s);
	}
	if (s->serving)
		course_probed(&s->course, class, now_ns);
	else
		course_explained(&s->course, class);
	/* Of a class that was known already there is no transition to carry the detail. */
	if (s->course.n_effects == 0 && s->course.class == class)
		board_set_detail(s->board, d->detail);
	k->changed = true;
	supervised_drain(s, d->detail, now_ns);
}

static void receive(struct keeper *k, uint64_t now_ns)
{
	struct inquiry *q = &k->inquiry;
	struct diagnosis d;
	int passed = -1;
	ssize_t n = fd_receive_message(q->sock, &d, sizeof(d), &passed);

	if (n == -EAGAIN && now_ns < q->begun_ns + KILL_AFTER_MS * NSEC_PER_MSEC)
		return;
	if (passed >= 0)
		close(passed);
	if (n == (ssize_t)sizeof(d) && diagnosis_valid(&d)) {
		take(k, &d, now_ns);
	} else {
		if (n == -EAGAIN)
			kill(q->pid, SIGKILL);
		log_warning("backend %s: the diagnosis ended without a result",
			    k->config->backends[q->backend].name);
		if (q->client)
			server_refuse(k->server, q->client, "unavailable",
				      "the diagnosis ended without a result");
	}
	end(q);
}

/* One that waits for its turn; of those that stay down, again after a while. */
static void begin_next(struct keeper *k, uint64_t now_ns)
{
	struct inquiry *q = &k->inquiry;

	for (unsigned i = 0; i < k->n_backends; i++) {
		const struct supervised *s = &k->backends[i];
		bool rested = now_ns >= q->last_ns[i] + INQUIRY_PAUSE_MS * NSEC_PER_MSEC;

		if (s->course.state == HEALTH_HELD ||
		    !(s->serving ? monitor_asks_why(s) : s->incident.open)) {
			q->wanted &= ~(1u << i);
			continue;
		}
		if (rested && q->last_ns[i])
			inquiry_wanted(s);
		/* Without room in the budget it goes on waiting. While it serves, each probe that fails may
		 * want one: nobody is in a hurry then. */
		if (q->wanted & 1u << i && (rested || !s->serving) && inquiry_begin(k, i, NULL, now_ns) == 0)
			return;
	}
}

uint64_t inquiry_step(struct keeper *k, uint64_t now_ns)
{
	struct inquiry *q = &k->inquiry;

	if (q->sock >= 0)
		receive(k, now_ns);
	if (q->sock < 0)
		begin_next(k, now_ns);
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
	end(&k->inquiry);
}
