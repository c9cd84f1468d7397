/* Reports the start to systemd, and to the starting process (main.c) with backends that do not answer yet. */
#include "base/clock.h"
#include "base/log.h"
#include "guardian/guardian.h"

#include <stdio.h>
#include <unistd.h>

#define SHOWN_LIMIT_MS 5000u
/* A connection or refusal mostly comes within a second. A silent server delays nobody longer. */
#define ANSWER_LIMIT_MS 2000u

void announce_begin(struct guardian *g, bool tell_starter)
{
	g->tell_starter = tell_starter;
	g->announce_by_ns = clock_mono_ns() + SHOWN_LIMIT_MS * NSEC_PER_MSEC;
}

/* Less than a pipe holds: guardian never waits. A server's words must not steer a terminal, nor look like the end. */
static void tell_caller(const struct guardian *g, char *text)
{
	for (char *p = text; *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\n') || *p == 0x7f)
			*p = '?';
	if (!g->tell_starter) {
		text[strcspn(text, "\n")] = '\0';
		log_error("%s", text);
	} else if (write(GUARDIAN_READY, text, strlen(text)) < 0) {
		log_warning("the starting process is gone");
	}
}

static void tell_trouble(const struct guardian *g, const struct board_backend *b,
			 const struct config_backend *config)
{
	const struct errclass_info *info = errclass_info(board_class(b));
	char detail[sizeof(b->detail)], text[1024];

	board_get_detail(b, detail, sizeof(detail));
	if (board_class(b) == ERRCLASS_NONE)
		snprintf(text, sizeof(text), "guardfs: backend %s does not answer yet: it is %s\n",
			 config->name, health_state_name(board_state(b)));
	else
		snprintf(text, sizeof(text), "guardfs: backend %s does not answer yet: %s%s%s; %s\n",
			 config->name, info->summary, detail[0] ? ": " : "", detail, info->advice);
	tell_caller(g, text);
}

/* False: one does not serve; told. */
static bool tell_backends(const struct guardian *g)
{
	const struct board *board = g->board;
	bool all_serve = true;

	for (uint32_t i = 0; i < board->config.n_backends; i++) {
		if (health_serves(board_state(&board->backends[i])))
			continue;
		tell_trouble(g, &board->backends[i], &board->config.backends[i]);
		all_serve = false;
	}
	return all_serve;
}

/* It is mounted: the local tier works already. */
static void tell_starter(struct guardian *g)
{
	const struct board *board = g->board;
	char text[CONFIG_PATH_MAX * 2 + 128];

	if (!tell_backends(g)) {
		snprintf(text, sizeof(text),
			 "guardfs: %s is mounted, and goes on trying; 'guardctl -c %s status' says how it "
			 "stands\n",
			 board->config.mountpoint, board->config.file);
		tell_caller(g, text);
	}
	if (write(GUARDIAN_READY, ANNOUNCE_SERVING, 1) < 0)
		log_warning("the starting process is gone");
	setup_vacate(GUARDIAN_READY);
	g->tell_starter = false;
}

/* Where it must be reached, trouble that passes is waited for. */
static bool is_known(const struct guardian *g, const struct board_backend *b)
{
	enum health_state state = board_state(b);

	if (state == HEALTH_CONNECTING || state == HEALTH_RECOVERING)
		return false;
	return health_serves(state) || !g->must_connect || !errclass_info(board_class(b))->retried;
}

static bool all_known(const struct guardian *g)
{
	for (uint32_t i = 0; i < g->board->config.n_backends; i++)
		if (!is_known(g, &g->board->backends[i]))
			return false;
	return true;
}

/* True: guardfs is to end. */
static bool lacks_backend(struct guardian *g)
{
	static char none[] = "guardfs: nothing is mounted\n"; /* tell_caller may change it */

	if (!g->must_connect)
		return false;
	g->must_connect = false;
	g->unconnected = !tell_backends(g);
	if (g->unconnected)
		tell_caller(g, none);
	return g->unconnected;
}

/* Where a backend is the whole mount nothing works before it: a login is waited for. */
static uint64_t answer_limit_ms(const struct config *config)
{
	return config->root[0] || config->must_connect ? MAX(ANSWER_LIMIT_MS, config->connect_timeout_ms)
						       : ANSWER_LIMIT_MS;
}

static void announce_serving(struct guardian *g, uint64_t now_ns)
{
	g->announced = true;
	g->tell_by_ns = now_ns + answer_limit_ms(&g->board->config) * NSEC_PER_MSEC;
	handover_ready(g);
}

void announce_step(struct guardian *g, uint64_t now_ns)
{
	bool shown = atomic_load(&g->board->shown);

	if (!g->announced && (shown || now_ns >= g->announce_by_ns)) {
		if (!shown)
			log_warning(
			    "serving, but keeper has not shown how things are within %u s: see what it "
			    "says above",
			    SHOWN_LIMIT_MS / 1000u);
		announce_serving(g, now_ns);
	}
	if (!g->announced || (!g->tell_starter && !g->must_connect) ||
	    (now_ns < g->tell_by_ns && !all_known(g)) || lacks_backend(g))
		return;
	if (g->tell_starter)
		tell_starter(g);
}

void announce_now(struct guardian *g)
{
	if (!g->announced)
		announce_serving(g, clock_mono_ns());
	if (g->tell_starter)
		tell_starter(g);
}
