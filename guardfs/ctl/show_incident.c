/* Incidents as table and timeline. */
#include "ctl/ctl.h"
#include "ctl/show.h"
#include <stdlib.h>

static void put_span_cell(FILE *out, double from, double to, int width)
{
	char *cell = NULL;
	size_t size = 0;
	FILE *buffer = open_memstream(&cell, &size);

	if (!buffer)
		return;
	if (from > 0 && to > 0)
		show_span(buffer, to - from);
	else
		fputs("-", buffer);
	fclose(buffer);
	show_cell(out, cell, width);
	free(cell);
}

static const char *outcome_of(const json_t *incident)
{
	if (show_time_of(incident, "closed") > 0)
		return "closed";
	return show_time_of(incident, "recovered") > 0 ? "serving" : "open";
}

static void put_row(FILE *out, const json_t *incident)
{
	double began = show_time_of(incident, "began");
	bool drill = strcmp(ctl_text(incident, "kind"), "drill") == 0;
	char *when = NULL;
	size_t size = 0;
	FILE *buffer = open_memstream(&when, &size);

	if (!buffer)
		return;
	show_time(buffer, began);
	fclose(buffer);
	fprintf(out, "%6lld  ", (long long)ctl_number(incident, "id"));
	show_cell(out, when, 25);
	free(when);
	show_cell(out, ctl_text(incident, "backend"), 12);
	show_cell(out, ctl_text(incident, "class"), 18);
	put_span_cell(out, began, show_time_of(incident, "detected"), 10);
	put_span_cell(out, began, show_time_of(incident, "recovered"), 12);
	fprintf(out, "%7llu %8llu  %s%s\n", (unsigned long long)show_count(incident, "callers"),
		(unsigned long long)show_count(incident, "failed"), outcome_of(incident),
		drill ? ", a drill" : "");
}

static bool incidents_any(const json_t *result)
{
	return json_array_size(json_object_get(result, "incidents")) > 0;
}

void show_incidents(FILE *out, const json_t *result)
{
	const json_t *incidents = json_object_get(result, "incidents"), *incident;
	const char *journal = ctl_text(result, "journal");
	size_t i;

	if (incidents_any(result))
		fprintf(out, "%6s  %-25s %-12s %-18s %-10s %-12s %7s %8s  %s\n", "number", "began", "backend",
			"class", "detected", "recovered", "callers", "failed", "now");
	else
		fputs("no incidents\n", out);
	json_array_foreach(incidents, i, incident) put_row(out, incident);
	if (json_is_true(json_object_get(result, "more")))
		fputs("There are older ones, for which the answer has no room\n", out);
	if (journal[0] && strcmp(journal, "ok") != 0) {
		fputs("The journal is ", out);
		show_plain(out, journal);
		fputs(": this may not be all. See guardctl status\n", out);
	}
}

static void put_routes(FILE *out, const json_t *incident)
{
	const json_t *routes = json_object_get(incident, "routes"), *route;
	size_t i;

	json_array_foreach(routes, i, route)
	{
		const char *path = json_string_value(route);

		fputs(i ? "               " : "  routes       ", out);
		show_plain(out, path ? path : "");
		fputc('\n', out);
	}
}

static void put_head(FILE *out, const json_t *incident)
{
	bool drill = strcmp(ctl_text(incident, "kind"), "drill") == 0;

	fprintf(out, "%s %lld: ", drill ? "drill" : "incident", (long long)ctl_number(incident, "id"));
	show_plain(out, ctl_text(incident, "backend"));
	if (strcmp(ctl_text(incident, "scope"), "routes") == 0)
		fputs(", routes of it", out);
	fputs(", ", out);
	show_plain(out, ctl_text(incident, "class"));
	fprintf(out, ", %s\n", outcome_of(incident));
}

/* Makes each line harmless. */
static void put_text(FILE *out, char *text)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n"))) {
		if (!line[0] && !rest)
			break; /* the end */
		for (char *c = line; *c; c++)
			if (*c == '\t' || (*c == '\r' && c[1] == '\0'))
				*c = ' ';
		fputs("                | ", out);
		show_plain(out, line);
		fputc('\n', out);
	}
}

static void put_event(FILE *out, const json_t *event, double began, const char *backend)
{
	double when = show_time_of(event, "time");
	char *text = show_event_text(event), *after = NULL;
	size_t size = 0;
	FILE *buffer = open_memstream(&after, &size);

	if (buffer) {
		fputc(when < began ? '-' : '+', buffer);
		show_span(buffer, when < began ? began - when : when - began);
		fclose(buffer);
		fputs("  ", out);
		show_cell(out, when > 0 && began > 0 ? after : "?", 13);
		free(after);
	}
	show_cell(out, ctl_text(event, "kind"), 11);
	if (ctl_text(event, "backend")[0] && strcmp(ctl_text(event, "backend"), backend) != 0) {
		show_plain(out, ctl_text(event, "backend"));
		fputs(": ", out);
	}
	show_event(out, event, show_plain);
	fputc('\n', out);
	if (text)
		put_text(out, text);
	free(text);
}

void show_incident(FILE *out, const json_t *result)
{
	const json_t *incident = json_object_get(result, "incident"),
		     *events = json_object_get(result, "events"), *event;
	struct show_figure figures[SHOW_FIGURES];
	size_t i;

	put_head(out, incident);
	show_figures(incident, show_plain, figures);
	for (i = 0; i < SHOW_FIGURES; i++)
		if (figures[i].value)
			fprintf(out, "  %-12s %s\n", figures[i].name, figures[i].value);
	show_figures_release(figures);
	put_routes(out, incident);
	fputc('\n', out);
	json_array_foreach(events, i, event)
	    put_event(out, event, show_time_of(incident, "began"), ctl_text(incident, "backend"));
	if (json_array_size(events) == 0)
		fputs("  no events are recorded\n", out);
}
