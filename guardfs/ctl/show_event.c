/* An incident's event, and figures. */
#include "ctl/ctl.h"
#include "ctl/show.h"
#include <stdlib.h>

static void put_part(FILE *out, show_put put, bool *any, const char *before, const char *text,
		     const char *after)
{
	if (!text[0])
		return;
	if (*any)
		fputs(", ", out);
	*any = true;
	fputs(before, out);
	put(out, text);
	fputs(after, out);
}

static void put_states(FILE *out, show_put put, bool *any, const json_t *event)
{
	const char *from = ctl_text(event, "from"), *to = ctl_text(event, "to");

	if (!from[0] && !to[0])
		return;
	*any = true;
	put(out, from);
	put(out, " -> ");
	put(out, to);
}

/* A command says beforehand how long its effect lasts. */
static const char *before_duration(const json_t *event)
{
	const char *kind = ctl_text(event, "kind");

	return strcmp(kind, "hold") == 0 || strcmp(kind, "drill") == 0 ? "for " : "took ";
}

void show_event(FILE *out, const json_t *event, show_put put)
{
	const char *class = ctl_text(event, "class");
	bool any = false;

	put_states(out, put, &any, event);
	put_part(out, put, &any, "", ctl_text(event, "name"), "");
	put_part(out, put, &any, "", strcmp(class, "none") == 0 ? "" : class, "");
	put_part(out, put, &any, "", ctl_text(event, "outcome"), "");
	if (json_is_number(json_object_get(event, "duration_ms")) &&
	    (show_number(event, "duration_ms") > 0 || ctl_text(event, "outcome")[0])) {
		fputs(any ? ", " : "", out);
		fputs(before_duration(event), out);
		show_span(out, show_number(event, "duration_ms") / 1000);
	}
}

/* "fence, drain, start (left out: REASON)", from the journal. */
static char *describe_plan(const json_t *steps)
{
	char *text = NULL;
	size_t size, i;
	const json_t *step;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	json_array_foreach(steps, i, step)
	{
		fputs(i ? ", " : "", out);
		fputs(ctl_text(step, "rung"), out);
		if (ctl_text(step, "skipped")[0])
			fprintf(out, " (left out: %s)", ctl_text(step, "skipped"));
	}
	fclose(out);
	return text;
}

char *show_event_text(const json_t *event)
{
	const char *text = ctl_text(event, "text");
	json_t *plan = NULL;
	char *description = NULL;

	if (!text[0])
		return NULL;
	if (strcmp(ctl_text(event, "kind"), "plan") == 0)
		plan = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (json_array_size(json_object_get(plan, "steps")) > 0)
		description = describe_plan(json_object_get(plan, "steps"));
	json_decref(plan);
	return description ? description : strdup(text);
}

static FILE *begin_figure(struct show_figure *figure, const char *name, size_t *size)
{
	figure->name = name;
	return open_memstream(&figure->value, size);
}

/* "after 4.02 s"; nothing: not yet. */
static void figure_after(struct show_figure *figure, const char *name, const json_t *incident,
			 const char *key)
{
	double began = show_time_of(incident, "began"), when = show_time_of(incident, key);
	size_t size;
	FILE *out = when > 0 && began > 0 ? begin_figure(figure, name, &size) : NULL;

	if (!out)
		return;
	fputs("after ", out);
	show_span(out, when - began);
	fclose(out);
}

static void figure_text(struct show_figure *figure, const char *name, show_put put, const char *text)
{
	size_t size;
	FILE *out = text[0] ? begin_figure(figure, name, &size) : NULL;

	if (!out)
		return;
	put(out, text);
	fclose(out);
}

static void figure_began(struct show_figure *figure, const json_t *incident)
{
	size_t size;
	FILE *out = begin_figure(figure, "began", &size);

	if (!out)
		return;
	show_time(out, show_time_of(incident, "began"));
	fclose(out);
}

static void figure_hurt(struct show_figure *figure, const json_t *incident)
{
	size_t size;
	FILE *out = begin_figure(figure, "hurt", &size);

	if (!out)
		return;
	fprintf(out, "callers: %llu, operations failed: %llu",
		(unsigned long long)show_count(incident, "callers"),
		(unsigned long long)show_count(incident, "failed"));
	fclose(out);
}

static void figure_risk(struct show_figure *figure, const json_t *incident)
{
	size_t size;
	FILE *out = begin_figure(figure, "at risk", &size);

	if (!out)
		return;
	show_bytes(out, show_count(incident, "bytes_at_risk"));
	fputs(" written and not yet synced when it began", out);
	fclose(out);
}

static void figure_tries(struct show_figure *figure, const json_t *incident)
{
	size_t size;
	uint64_t tries = show_count(incident, "tries");
	FILE *out = tries ? begin_figure(figure, "tries", &size) : NULL;

	if (!out)
		return;
	fprintf(out, "%llu to recover", (unsigned long long)tries);
	fclose(out);
}

void show_figures(const json_t *incident, show_put put, struct show_figure figures[SHOW_FIGURES])
{
	struct show_figure *f = figures;

	memset(figures, 0, sizeof(*figures) * SHOW_FIGURES);
	figure_text(f++, "why", put, ctl_text(incident, "detail"));
	figure_began(f++, incident);
	figure_after(f++, "detected", incident, "detected");
	figure_text(f++, "by", put, ctl_text(incident, "detected_by"));
	figure_after(f++, "first error", incident, "first_error");
	figure_after(f++, "first fast", incident, "first_fast");
	figure_after(f++, "recovered", incident, "recovered");
	figure_tries(f++, incident);
	figure_hurt(f++, incident);
	figure_risk(f++, incident);
}

void show_figures_release(struct show_figure figures[SHOW_FIGURES])
{
	for (size_t i = 0; i < SHOW_FIGURES; i++) {
		free(figures[i].value);
		figures[i].value = NULL;
	}
}
