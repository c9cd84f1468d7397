/* Plans and diagnoses as text. */
#include "ctl/ctl.h"
#include "ctl/show.h"
#include "policy/health.h"
#include "policy/server.h"

static void put_detail(FILE *out, const char *name, const char *text)
{
	if (!text[0])
		return;
	fprintf(out, "       %-9s ", name);
	show_plain(out, text);
	fputc('\n', out);
}

static void put_step(FILE *out, size_t number, const json_t *step)
{
	double deadline = show_number(step, "deadline_ms");

	fprintf(out, "  %2zu  ", number);
	show_plain(out, ctl_text(step, "rung"));
	if (ctl_text(step, "skipped")[0]) {
		fputs(": left out, ", out);
		show_plain(out, ctl_text(step, "skipped"));
		fputc('\n', out);
		return;
	}
	if (deadline > 0) {
		fputs(", within ", out);
		show_span(out, deadline / 1000);
	}
	fputc('\n', out);
	put_detail(out, "does", ctl_text(step, "does"));
	put_detail(out, "requires", ctl_text(step, "requires"));
	put_detail(out, "proof", ctl_text(step, "proof"));
}

static void put_hash(FILE *out, const json_t *plan)
{
	const json_t *hash = json_object_get(plan, "hash");

	if (json_is_integer(hash))
		fprintf(out, ", plan %llx", (unsigned long long)json_integer_value(hash));
	else if (ctl_text(plan, "hash")[0]) {
		fputs(", plan ", out);
		show_plain(out, ctl_text(plan, "hash"));
	}
}

/* recover leaves serving backends alone. */
static bool is_left_alone(const json_t *plan)
{
	enum health_state state = health_state_from_name(ctl_text(plan, "state"));

	if (state == HEALTH_STATE_COUNT)
		return strcmp(ctl_text(plan, "class"), "none") == 0;
	return health_serves(state);
}

static void put_plan(FILE *out, const json_t *plan, bool begun)
{
	const json_t *steps = json_object_get(plan, "steps"), *step;
	const char *class = ctl_text(plan, "class"), *state = ctl_text(plan, "state");
	size_t i;

	show_plain(out, ctl_text(plan, "backend"));
	fputs(": ", out);
	show_plain(out, state);
	if (strcmp(state, class) != 0) {
		fputs(state[0] ? ", " : "", out);
		show_plain(out, strcmp(class, "none") == 0 ? "nothing is wrong" : class);
	}
	fprintf(out, "; epoch %lld", (long long)ctl_number(plan, "epoch"));
	put_hash(out, plan);
	fputc('\n', out);
	if (!begun && is_left_alone(plan))
		fputs("  recover leaves it alone; reconnect would do this:\n", out);
	else if (!begun && ctl_text(plan, "obstacle")[0]) {
		fputs("  not begun by itself now: ", out);
		show_plain(out, ctl_text(plan, "obstacle"));
		fputc('\n', out);
	}
	json_array_foreach(steps, i, step) put_step(out, i + 1, step);
}

void show_plans(FILE *out, const json_t *result, bool begun)
{
	const json_t *plans = json_object_get(result, "plans"), *plan;
	size_t i;

	json_array_foreach(plans, i, plan)
	{
		if (i)
			fputc('\n', out);
		put_plan(out, plan, begun);
	}
	if (json_array_size(plans) == 0)
		fputs("nothing needs recovery\n", out);
}

static void put_diagnosis_step(FILE *out, const json_t *step)
{
	const char *outcome = ctl_text(step, "outcome");

	fputs("  ", out);
	show_cell(out, ctl_text(step, "name"), 12);
	show_cell(out, outcome, 12);
	if (strcmp(outcome, "passed") == 0 || strcmp(outcome, "failed") == 0)
		show_span(out, show_number(step, "ms") / 1000);
	fputc('\n', out);
}

static void put_line(FILE *out, const char *before, const char *text)
{
	if (!text[0])
		return;
	fputs(before, out);
	show_plain(out, text);
	fputc('\n', out);
}

/* No trouble, but worth knowing. */
static void put_lacks(FILE *out, const json_t *lacks)
{
	for (unsigned i = 0; i < SERVER_FEATURE_COUNT; i++) {
		const struct server_feature_info *f = server_feature_info((enum server_feature)i);

		if (ctl_lists(lacks, f->name))
			fprintf(out, "the server offers no %s: %s\n", f->name, f->without_it);
	}
}

void show_diagnosis(FILE *out, const json_t *diagnosis)
{
	const json_t *steps = json_object_get(diagnosis, "steps"), *step;
	const char *class = ctl_text(diagnosis, "class");
	size_t i;

	show_plain(out, ctl_text(diagnosis, "backend"));
	fputs(": ", out);
	show_plain(out, strcmp(class, "none") == 0 ? "every step passed" : class);
	fputs(", asked at ", out);
	show_time(out, show_time_of(diagnosis, "time"));
	fputc('\n', out);
	json_array_foreach(steps, i, step) put_diagnosis_step(out, step);
	put_lacks(out, json_object_get(diagnosis, "lacks"));
	if (strcmp(class, "none") == 0) {
		fputs("The server is as it should be. If the backend is down all the same: guardctl status\n",
		      out);
		return;
	}
	put_line(out, "failed at   ", ctl_text(diagnosis, "step"));
	put_line(out, "seen        ", ctl_text(diagnosis, "detail"));
	put_line(out, "means       ", ctl_text(diagnosis, "summary"));
	put_line(out, "to do       ", ctl_text(diagnosis, "advice"));
}
