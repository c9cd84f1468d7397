#include "keeper/knock.h"
#include "keeper/events.h"
#include "keeper/internal.h"
#include "keeper/spawn.h"
#include "base/clock.h"
#include "base/log.h"
#include "diagnose/diagnose.h"
#include "sshfs-compat/sshfs-compat.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A lost first packet is sent anew after a second. */
#define KNOCK_TIMEOUT_MS 3000u
#define PAUSE_LEAST_MS	 500u
#define PAUSE_MOST_MS	 5000u
/* A try that comes so soon needs nobody to knock. */
#define WAIT_LEAST_NS (500 * NSEC_PER_MSEC)

enum knock_manner knock_manner_of(enum errclass class, bool called)
{
	switch (class) {
	case ERRCLASS_REFUSED:
	case ERRCLASS_UNREACHABLE:
	case ERRCLASS_NAME_RESOLUTION:
	case ERRCLASS_TIMEOUT:
	case ERRCLASS_STALLED:
		return called ? KNOCK_ALERT : KNOCK_AWAY;
	case ERRCLASS_SERVER_GONE:
	case ERRCLASS_NOT_CONNECTED:
	case ERRCLASS_ABORTED:
		return KNOCK_ALERT; /* it was there, and ended the try */
	default:
		return KNOCK_NOT;
	}
}

uint32_t knock_pause_ms(uint64_t since_ms)
{
	return (uint32_t)MIN(MAX(since_ms / 16, (uint64_t)PAUSE_LEAST_MS), (uint64_t)PAUSE_MOST_MS);
}

/* ---- in the child ---- */

static void sleep_until(uint64_t until_ns)
{
	const struct timespec t = {.tv_sec = (time_t)(until_ns / NSEC_PER_SEC),
				   .tv_nsec = (long)(until_ns % NSEC_PER_SEC)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

bool knock_until_back(const struct config_backend *backend, enum knock_manner manner)
{
	uint64_t first_ns = clock_mono_ns();
	bool away = manner == KNOCK_AWAY;

	for (;;) {
		uint64_t began_ns = clock_mono_ns();

		if (diagnose_knock(backend, KNOCK_TIMEOUT_MS))
			return away;
		away = true;
		sleep_until(began_ns + knock_pause_ms((began_ns - first_ns) / NSEC_PER_MSEC) * NSEC_PER_MSEC);
	}
}

static void knock_in_child(const struct config_backend *config, enum knock_manner manner)
{
	struct config_backend b = *config;

	signal(SIGPIPE, SIG_IGN);
	/* Behind a proxy only ssh can reach it. */
	if (b.type == BACKEND_SSHFS && ssh_config_apply(&b) == -ENOTSUP)
		_exit(0);
	if (knock_until_back(&b, manner) && write(SPAWN_SOCKET, "", 1) != 1)
		_exit(1);
	_exit(0);
}

/* ---- in keeper ---- */

void knock_init(struct keeper *k)
{
	for (unsigned i = 0; i < CONFIG_BACKENDS_MAX; i++)
		k->knocks[i] = (struct knock){.sock = -1};
}

int knock_poll_fd(const struct keeper *k, unsigned backend)
{
	return k->knocks[backend].sock;
}

static void end_knock(struct knock *n)
{
	if (n->pid > 0)
		kill(n->pid, SIGKILL);
	if (n->sock >= 0)
		close(n->sock);
	n->sock = -1;
}

static errint_t begin_knock(struct knock *n, const struct config_backend *config, enum knock_manner manner)
{
	pid_t pid;

	if (n->pid)
		return -EBUSY; /* the last one is not reaped */
	pid = spawn_with_socket(-1, &n->sock);
	if (pid == 0)
		knock_in_child(config, manner);
	n->pid = MAX(pid, 0);
	return MIN(pid, 0);
}

/* May a call bring its next try forward, and is that far enough away? */
static bool waits_for_try(const struct supervised *s, uint64_t now_ns)
{
	const struct course *c = &s->course;

	return c->incident && !health_serves(c->state) && c->state != HEALTH_HELD &&
	       c->state != HEALTH_EXHAUSTED && !c->trying && c->next_try_ns > now_ns + WAIT_LEAST_NS &&
	       errclass_info(c->class)->retried;
}

static bool may_be_knocked_at(const struct supervised *s)
{
	return backend_has_server(s->config->type) && !backend_is_reached_by_ssh(s->config);
}

/* One child for each wait: a server that greets, and is no good, is not asked again and again. */
static void begin_if_wanted(struct supervised *s, struct knock *n, uint64_t now_ns)
{
	enum knock_manner manner = knock_manner_of(s->failure_class, n->called);
	errint_t rc;

	if (manner == KNOCK_NOT || !may_be_knocked_at(s) || !waits_for_try(s, now_ns) ||
	    n->try_ns == s->course.try_began_ns)
		return;
	rc = begin_knock(n, s->config, manner);
	if (rc == -EBUSY)
		return;
	n->try_ns = s->course.try_began_ns;
	if (rc < 0)
		log_warning("backend %s: whether its server comes back cannot be listened for (%s): the next "
			    "try waits for the backoff",
			    s->config->name, strerror(-rc));
}

/* True: the server is back. */
static bool hear_knock(struct knock *n)
{
	char said;
	ssize_t size = recv(n->sock, &said, 1, 0);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	end_knock(n);
	return size == 1;
}

void knock_step(struct keeper *k, uint64_t now_ns)
{
	for (unsigned i = 0; i < k->n_backends; i++) {
		struct supervised *s = &k->backends[i];
		struct knock *n = &k->knocks[i];

		if (health_serves(s->course.state))
			n->called = false;
		if (n->sock < 0) {
			begin_if_wanted(s, n, now_ns);
		} else if (!waits_for_try(s, now_ns)) {
			end_knock(n);
		} else if (hear_knock(n)) {
			n->called = true;
			event_network(s, "its server greets again", now_ns);
		}
	}
}

void knock_reaped(struct keeper *k, pid_t pid)
{
	for (unsigned i = 0; i < k->n_backends; i++)
		if (k->knocks[i].pid == pid)
			k->knocks[i].pid = 0;
}

void knock_stop(struct keeper *k)
{
	for (unsigned i = 0; i < k->n_backends; i++)
		end_knock(&k->knocks[i]);
}
