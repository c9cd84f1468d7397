#include "keeper/finding.h"
#include "keeper/effects.h"
#include "keeper/internal.h"
#include "base/clock.h"
#include "base/log.h"
#include "report/report.h"

#include <jansson.h>
#include <stdio.h>

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

static json_t *pack_diagnosis(const struct supervised *s, const struct diagnosis *d)
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

/* While it serves only the storage's own answers (full, read-only) explain: not a further connection refused. */
static bool explains_trouble(const struct supervised *s, enum errclass class)
{
	return !s->serving ||
	       (inquiry_asks_why(s) && (class == ERRCLASS_NONE || !errclass_info(class)->infrastructure));
}

/* A function not tried this time keeps its former result. */
static void note_lacks(struct keeper *k, struct board_backend *board, const struct diagnosis *d)
{
	uint32_t known = atomic_load(&board->server_lacks), lacks = d->lacks;

	if (d->outcome[DIAGNOSE_WRITE] != DIAGNOSE_PASSED)
		lacks |= known & SERVER_TRIED;
	if (!d->lacks || lacks == known)
		return;
	atomic_store(&board->server_lacks, lacks);
	k->changed = true;
}

static void tell_client(struct keeper *k, const struct supervised *s, const struct inquiry_result *r)
{
	json_t *reply = pack_diagnosis(s, &r->diagnosis);

	if (reply)
		server_reply(k->server, r->client, reply);
	else
		server_refuse(k->server, r->client, "unavailable", "the answer cannot be shown");
}

/* The outage, or probes' trouble, gets the diagnosis's class and detail. */
static void explain_trouble(struct supervised *s, const struct diagnosis *d, uint64_t now_ns)
{
	enum errclass class = (enum errclass)d->class;

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
	/* No transition carries the detail of a class known already. */
	if (s->course.n_effects == 0 && s->course.class == class)
		board_set_detail(s->board, d->detail);
	s->keeper->changed = true;
	effects_drain(s, d->detail, now_ns);
}

static void take_diagnosis(struct keeper *k, const struct inquiry_result *r, uint64_t now_ns)
{
	const struct diagnosis *d = &r->diagnosis;
	struct supervised *s = &k->backends[r->backend];
	enum errclass class = (enum errclass)d->class;
	const char *name = errclass_info(class)->name;
	const char *text = class == ERRCLASS_NONE ? "every step passed" : d->detail;
	const char *step = d->failed_step < DIAGNOSE_STEP_COUNT
			       ? diagnose_step_name((enum diagnose_step)d->failed_step)
			       : "all";

	note_lacks(k, s->board, d);
	if (class == ERRCLASS_AUTH_FAILED && d->refused_ns)
		transport_note_refused(&s->transport, d->refused_ns);
	history_note(s, "diagnosis", step, name, r->took_ms, text);
	log_info("backend %s: the server itself, asked beside the mount: %s: %s", s->config->name, name,
		 text);
	if (r->client)
		tell_client(k, s, r);
	if (explains_trouble(s, class))
		explain_trouble(s, d, now_ns);
}

static void take_failure(struct keeper *k, const struct inquiry_result *r)
{
	log_warning("backend %s: the diagnosis ended without a result", k->config->backends[r->backend].name);
	if (r->client)
		server_refuse(k->server, r->client, "unavailable", "the diagnosis ended without a result");
}

uint64_t finding_step(struct keeper *k, uint64_t now_ns)
{
	struct inquiry_result result;

	switch (inquiry_receive(k, &result, now_ns)) {
	case INQUIRY_DONE:
		take_diagnosis(k, &result, now_ns);
		break;
	case INQUIRY_FAILED:
		take_failure(k, &result);
		break;
	case INQUIRY_NOTHING:
		break;
	}
	return inquiry_next(k, now_ns);
}
