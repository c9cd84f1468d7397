/* Each command is a row of the table. */
#include "keeper/effects.h"
#include "keeper/internal.h"
#include "keeper/plan-json.h"
#include "keeper/try.h"
#include "base/clock.h"
#include "base/log.h"
#include "control/frame.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>

#define HOLD_SECONDS_MAX    (366u * 86400u)
#define STALLED_SECONDS_MAX (366u * 86400u)

struct ask {
	struct keeper *k;
	struct server_client *client;
	const json_t *object;
	/* Or NULL. */
	struct supervised *s;
	uint64_t now_ns;
};

/* ---- arguments ---- */

static const char *text_of(const struct ask *a, const char *name)
{
	const char *text = json_string_value(json_object_get(a->object, name));

	return text ? text : "";
}

static uint64_t number_of(const struct ask *a, const char *name)
{
	double n = json_number_value(json_object_get(a->object, name));

	return n > 0 && n < 1e15 ? (uint64_t)n : 0;
}

static void refuse_usage(const struct ask *a, const char *what)
{
	server_refuse(a->k->server, a->client, "usage", "%s", what);
}

/* ---- plans ---- */

static void add_plan(json_t *plans, const struct supervised *s)
{
	struct plan plan;
	json_t *object;

	try_plan(s, &plan);
	object = plan_json(s, &plan);
	if (object) {
		const char *obstacle = course_obstacle(&s->course, clock_mono_ns());

		json_object_set_new(object, "state", json_string(health_state_name(s->course.state)));
		json_object_set_new(object, "obstacle", json_string(obstacle ? obstacle : ""));
	}
	json_array_append_new(plans, object);
}

static void run_plan(const struct ask *a)
{
	json_t *plans = json_array();

	for (unsigned i = 0; i < a->k->n_backends; i++)
		if (!a->s || a->s == &a->k->backends[i])
			add_plan(plans, &a->k->backends[i]);
	server_reply(a->k->server, a->client, json_pack("{s:o}", "plans", plans));
}

/* Shows the plan that the try climbs after the drain. */
static errint_t reconnect_backend(const struct ask *a, struct supervised *s, json_t *plans)
{
	errint_t rc = course_reconnect(&s->course, a->now_ns);
	json_t *object;

	if (rc < 0)
		return rc;
	board_be_patient(a->k->board, s->index);
	effects_drain(s, "an operator asked for it", a->now_ns);
	course_step(&s->course, a->now_ns);
	effects_drain(s, "", a->now_ns);
	object = plan_json(s, &s->plan);
	json_array_append_new(plans, object);
	return 0;
}

static void refuse_held(const struct ask *a, const struct supervised *s)
{
	server_refuse(a->k->server, a->client, "refused", "%s is held: guardctl resume %s first",
		      s->config->name, s->config->name);
}

static void run_reconnect(const struct ask *a)
{
	json_t *plans = json_array();

	if (reconnect_backend(a, a->s, plans) < 0) {
		json_decref(plans);
		refuse_held(a, a->s);
		return;
	}
	server_reply(a->k->server, a->client, json_pack("{s:o}", "plans", plans));
}

/* A backend named must not serve. */
static void run_recover(const struct ask *a)
{
	json_t *plans = json_array();

	if (a->s && health_serves(a->s->course.state)) {
		json_decref(plans);
		server_refuse(
		    a->k->server, a->client, "refused",
		    "%s serves, there is nothing to recover; guardctl reconnect %s connects it anew",
		    a->s->config->name, a->s->config->name);
		return;
	}
	for (unsigned i = 0; i < a->k->n_backends; i++) {
		struct supervised *s = &a->k->backends[i];

		if ((a->s && a->s != s) || health_serves(s->course.state))
			continue;
		if (reconnect_backend(a, s, plans) < 0 && a->s) {
			json_decref(plans);
			refuse_held(a, s);
			return;
		}
	}
	server_reply(a->k->server, a->client, json_pack("{s:o}", "plans", plans));
}

/* ---- holds ---- */

static void run_hold(const struct ask *a)
{
	struct supervised *s = a->s;
	uint64_t seconds = number_of(a, "seconds"), until_ns = 0, until_real_ns = 0;

	if (seconds > HOLD_SECONDS_MAX) {
		refuse_usage(a, "a hold lasts at most a year");
		return;
	}
	if (seconds) {
		until_ns = a->now_ns + seconds * NSEC_PER_SEC;
		until_real_ns = clock_real_ns() + seconds * NSEC_PER_SEC;
	}
	(void)copy_string(s->hold_reason, sizeof(s->hold_reason), text_of(a, "reason"));
	atomic_store(&s->board->hold_waits, json_is_true(json_object_get(a->object, "wait")));
	atomic_store(&s->board->held_until_real_ns, until_real_ns);
	if (course_hold(&s->course, until_ns, a->now_ns) < 0) {
		server_refuse(a->k->server, a->client, "refused", "%s cannot be held now", s->config->name);
		return;
	}
	history_note(s, "hold", "begun", seconds ? "" : "until resumed", seconds * MSEC_PER_SEC,
		     s->hold_reason);
	effects_drain(s, s->hold_reason, a->now_ns);
	memory_store(s, a->now_ns);
	a->k->changed = true;
	server_reply(a->k->server, a->client,
		     json_pack("{s:f}", "until", (double)(until_real_ns / NSEC_PER_MSEC) / 1000.0));
}

static void run_resume(const struct ask *a)
{
	struct supervised *s = a->s;

	if (course_resume(&s->course, a->now_ns) < 0) {
		server_refuse(a->k->server, a->client, "refused",
			      "%s is neither held nor exhausted: it is %s", s->config->name,
			      health_state_name(s->course.state));
		return;
	}
	history_note(s, "hold", "ended", "by an operator", 0, "");
	effects_drain(s, "resumed", a->now_ns);
	server_reply(a->k->server, a->client,
		     json_pack("{s:s}", "state", health_state_name(s->course.state)));
}

/* ---- diagnosis ---- */

static void run_diagnose(const struct ask *a)
{
	errint_t rc;

	if (a->s->config->type == BACKEND_COMMAND) {
		server_refuse(a->k->server, a->client, "refused",
			      "which server a backend of type command has is known to its program alone");
		return;
	}
	if (backend_is_reached_by_ssh(a->s->config)) {
		server_refuse(
		    a->k->server, a->client, "refused",
		    "with stream = openssh ssh alone knows how to reach the server: guardctl status "
		    "has what it said");
		return;
	}
	rc = inquiry_begin(a->k, a->s->index, a->client, a->now_ns);
	if (rc == -EBUSY && inquiry_join(a->k, a->s->index, a->client))
		return;
	if (rc == -EBUSY)
		server_refuse(a->k->server, a->client, "busy",
			      "a diagnosis is under way: try again in a moment");
	else if (rc == -EDQUOT)
		server_refuse(a->k->server, a->client, "refused",
			      "the connections to this account are used up ([recovery] connections = %u)",
			      a->k->config->connections);
	else if (rc < 0)
		server_refuse(a->k->server, a->client, "unavailable", "it cannot be started: %s",
			      strerror(-rc));
}

/* ---- history ---- */

static void ask_journal(const struct ask *a, const struct journal_query *query)
{
	struct commands *c = &a->k->commands;
	char detail[200] = "";
	uint64_t ticket;

	if (!a->k->journal || c->n == COMMANDS_WAITING_MAX ||
	    journal_ask(a->k->journal, query, &ticket) < 0) {
		enum journal_state state =
		    a->k->journal ? journal_state(a->k->journal, detail, sizeof(detail)) : JOURNAL_OFF;

		server_refuse(a->k->server, a->client, "unavailable",
			      "the journal cannot be asked now: %s %s", journal_state_name(state), detail);
		return;
	}
	c->waiting[c->n].client = a->client;
	c->waiting[c->n++].ticket = ticket;
}

static void run_incidents(const struct ask *a)
{
	struct journal_query query = {.question = JOURNAL_ASK_INCIDENTS,
				      .id = number_of(a, "after"),
				      .since_ns = number_of(a, "since") * NSEC_PER_SEC,
				      .limit = (uint32_t)MIN(number_of(a, "limit"), (uint64_t)1000)};

	if (a->s)
		(void)copy_string(query.backend, sizeof(query.backend), a->s->config->name);
	ask_journal(a, &query);
}

static void run_incident(const struct ask *a)
{
	const struct journal_query query = {.question = JOURNAL_ASK_INCIDENT, .id = number_of(a, "id")};

	if (query.id == 0)
		refuse_usage(a, "expected the number of an incident: see guardctl incidents");
	else
		ask_journal(a, &query);
}

/* ---- suspects ---- */

/* Open ones are in the arena, whatever the journal's state. */
static void run_suspects(const struct ask *a)
{
	json_t *array = suspects_json(a->k, text_of(a, "backend"), text_of(a, "job"));
	char detail[200] = "";

	if (array)
		server_reply(a->k->server, a->client,
			     json_pack("{s:o, s:s}", "suspects", array, "journal",
				       journal_state_name(a->k->journal ? journal_state(a->k->journal, detail,
											sizeof(detail))
									: JOURNAL_OFF)));
	else
		server_refuse(a->k->server, a->client, "unavailable", "short of memory");
}

static void run_suspects_settled(const struct ask *a)
{
	struct journal_query query = {.question = JOURNAL_ASK_SETTLED,
				      .since_ns = number_of(a, "since") * NSEC_PER_SEC,
				      .limit = (uint32_t)MIN(number_of(a, "limit"), (uint64_t)1000)};

	if (a->s)
		(void)copy_string(query.backend, sizeof(query.backend), a->s->config->name);
	if (copy_string(query.job, sizeof(query.job), text_of(a, "job")) < 0)
		refuse_usage(a, "no job has such a long name");
	else
		ask_journal(a, &query);
}

static void run_suspects_accept(const struct ask *a)
{
	const char *path = text_of(a, "path"), *job = text_of(a, "job");

	if (!path[0] && !job[0] && !json_is_true(json_object_get(a->object, "all")))
		refuse_usage(a, "expected a path, a job, or all");
	else
		server_reply(a->k->server, a->client,
			     json_pack("{s:I}", "accepted", (json_int_t)suspects_accept(a->k, path, job)));
}

/* False: its client has gone. */
static bool take_waiting(struct commands *c, uint64_t ticket, struct server_client **client)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (c->waiting[i].ticket != ticket)
			continue;
		*client = c->waiting[i].client;
		c->waiting[i] = c->waiting[--c->n];
		return true;
	}
	return false;
}

void commands_step(struct keeper *k)
{
	struct server_client *client;
	json_t *result;
	errint_t error;
	uint64_t ticket;

	while (k->journal && journal_take_answer(k->journal, &ticket, &result, &error) == 1) {
		char detail[200];

		if (!take_waiting(&k->commands, ticket, &client)) {
			json_decref(result);
			continue;
		}
		if (!result) {
			server_refuse(k->server, client, error == -ENOENT ? "unknown" : "unavailable", "%s",
				      error == -ENOENT ? "there is no such incident: see guardctl incidents"
						       : "the journal cannot be read");
			continue;
		}
		json_object_set_new(
		    result, "journal",
		    json_string(journal_state_name(journal_state(k->journal, detail, sizeof(detail)))));
		server_reply(k->server, client, result);
	}
}

/* ---- drills ---- */

static void run_drill(const struct ask *a)
{
	enum drill_kind kind = drill_kind_from_name(text_of(a, "kind"));
	uint64_t seconds = number_of(a, "seconds");
	char why[256] = "";
	errint_t rc;

	if (kind == DRILL_KIND_COUNT || seconds == 0 || seconds > DRILL_SECONDS_MAX) {
		refuse_usage(
		    a, "expected a kind of drill and a time of at most an hour: see guardctl help drill");
		return;
	}
	rc = drill_begin(a->s, kind, seconds, a->now_ns, why, sizeof(why));
	if (rc == -ENOTSUP)
		server_refuse(a->k->server, a->client, "refused", "%s", why);
	else if (rc == -EBUSY)
		server_refuse(
		    a->k->server, a->client, "refused",
		    "%s does not serve (or not for long enough), or a drill is under way on it: see "
		    "guardctl status",
		    a->s->config->name);
	else if (rc < 0)
		server_refuse(a->k->server, a->client, "unavailable", "it cannot be begun: %s",
			      strerror(-rc));
	else
		server_reply(a->k->server, a->client,
			     json_pack("{s:I, s:f}", "last_incident",
				       (json_int_t)atomic_load(&a->k->board->last_incident), "until",
				       (double)clock_real_ns() / 1e9 + (double)seconds));
}

static void run_drill_stop(const struct ask *a)
{
	drill_stop(a->s);
	server_reply(a->k->server, a->client, json_object());
}

/* ---- jobs ---- */

static void answer_stalled(const struct ask *a, bool act)
{
	uint64_t seconds = number_of(a, "seconds");
	json_t *result;

	if (seconds == 0 || seconds > STALLED_SECONDS_MAX) {
		refuse_usage(a, "expected for how many seconds a job has made no progress");
		return;
	}
	result = stalls_answer(a->k, seconds, act);
	if (result)
		server_reply(a->k->server, a->client, result);
	else
		server_refuse(a->k->server, a->client, "unavailable", "short of memory");
}

static void run_stalled(const struct ask *a)
{
	answer_stalled(a, false);
}

static void run_stalled_act(const struct ask *a)
{
	answer_stalled(a, true);
}

static void run_ping(const struct ask *a)
{
	server_reply(a->k->server, a->client,
		     json_pack("{s:s, s:i, s:i}", "version", GUARDFS_VERSION, "schema", CONTROL_VERSION,
			       "keeper", (int)getpid()));
}

enum backend_argument { NO_BACKEND, MAY_NAME_BACKEND, NAMES_BACKEND };

static const struct command {
	const char *name;
	bool acts;
	enum backend_argument backend;
	/* Besides v, command, backend. */
	const char *arguments;
	void (*run)(const struct ask *a);
} commands[] = {
    {"ping", false, NO_BACKEND, "", run_ping},
    {"plan", false, MAY_NAME_BACKEND, "", run_plan},
    {"recover", true, MAY_NAME_BACKEND, "", run_recover},
    {"reconnect", true, NAMES_BACKEND, "", run_reconnect},
    {"hold", true, NAMES_BACKEND, "seconds reason wait", run_hold},
    {"resume", true, NAMES_BACKEND, "", run_resume},
    {"diagnose", true, NAMES_BACKEND, "", run_diagnose},
    {"incidents", false, MAY_NAME_BACKEND, "since limit after", run_incidents},
    {"incident", false, NO_BACKEND, "id", run_incident},
    {"drill", true, NAMES_BACKEND, "kind seconds", run_drill},
    {"suspects", false, MAY_NAME_BACKEND, "job", run_suspects},
    {"suspects-settled", false, MAY_NAME_BACKEND, "job since limit", run_suspects_settled},
    {"suspects-accept", true, NO_BACKEND, "path job all", run_suspects_accept},
    {"stalled", false, NO_BACKEND, "seconds", run_stalled},
    {"stalled-act", true, NO_BACKEND, "seconds", run_stalled_act},
    {"drill-stop", true, NAMES_BACKEND, "", run_drill_stop},
};

static bool is_word_of(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return n > 0;
	return false;
}

/* A newer guardctl may mean something by it. */
static const char *unknown_member(const struct command *c, const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		bool is_backend = strcmp(key, "backend") == 0 && c->backend != NO_BACKEND;

		if (strcmp(key, "v") != 0 && strcmp(key, "command") != 0 && !is_backend &&
		    !is_word_of(c->arguments, key))
			return key;
	}
	return NULL;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* False: refused. */
static bool find_backend(struct ask *a, const struct command *c)
{
	const char *name = text_of(a, "backend");
	int index = name[0] ? config_find_backend(a->k->config, name) : -1;

	if (c->backend == NO_BACKEND || (c->backend == MAY_NAME_BACKEND && !name[0]))
		return true;
	if (index < 0 || (unsigned)index >= a->k->n_backends) {
		server_refuse(a->k->server, a->client, "unknown",
			      "there is no backend \"%.64s\": guardctl status names them", name);
		return false;
	}
	a->s = &a->k->backends[index];
	return true;
}

static void take_request(void *arg, struct server_client *client, const struct server_request *request)
{
	struct ask a = {.k = arg, .client = client, .object = request->object, .now_ns = clock_mono_ns()};
	const struct command *c = find_command(text_of(&a, "command"));
	const char *unknown = c ? unknown_member(c, request->object) : NULL;

	if (!c)
		server_refuse(a.k->server, client, "unknown",
			      "this keeper (version %s) knows no command \"%.32s\"", GUARDFS_VERSION,
			      text_of(&a, "command"));
	else if (unknown)
		server_refuse(a.k->server, client, "usage",
			      "this keeper (version %s) knows no \"%.32s\" in %s", GUARDFS_VERSION, unknown,
			      c->name);
	else if (c->acts && !request->may_act)
		server_refuse(a.k->server, client, "denied", "only root may %s", c->name);
	else if (find_backend(&a, c)) {
		if (c->acts)
			log_notice("control: %s%s%s, asked for by user %u (process %d)", c->name,
				   a.s ? " " : "", a.s ? a.s->config->name : "", (unsigned)request->uid,
				   (int)request->pid);
		c->run(&a);
	}
}

static void lose_client(void *arg, struct server_client *client)
{
	struct keeper *k = arg;

	inquiry_forget_client(k, client);
	for (unsigned i = 0; i < k->commands.n; i++)
		if (k->commands.waiting[i].client == client)
			k->commands.waiting[i--] = k->commands.waiting[--k->commands.n];
}

static gid_t control_group(const struct keeper *k)
{
	const struct group *group;

	if (!k->config->control_group[0])
		return (gid_t)-1;
	group = getgrnam(k->config->control_group);
	if (group)
		return group->gr_gid;
	log_warning("control_group = %s: there is no such group: only root may use the control socket",
		    k->config->control_group);
	return (gid_t)-1;
}

void commands_start(struct keeper *k)
{
	struct server_options options = {
	    .group = control_group(k), .arg = k, .request = take_request, .lost = lose_client};
	errint_t rc;

	snprintf(options.path, sizeof(options.path), "%s/" CONTROL_SOCKET, k->run_dir);
	rc = server_start(&options, &k->server);
	if (rc < 0) {
		log_error("control socket %s: %s: guardctl can only look, not act", options.path,
			  strerror(-rc));
		k->server = NULL;
	}
}

void commands_stop(struct keeper *k)
{
	server_stop(k->server);
	k->server = NULL;
}
