#include "ctl/summary/summary.h"
#include <stdlib.h>

static void put_time(FILE *out, const struct summary *s)
{
	fputs("  from ", out);
	show_time(out, s->from);
	fputs(" to ", out);
	show_time(out, s->to);
	fputs(" (", out);
	show_span(out, s->to - s->from);
	fputs(")\n", out);
	if (s->shortened)
		fputs("  nothing is recorded from before\n", out);
}

static void put_backend(FILE *out, const struct summary *s, const struct summary_backend *b)
{
	unsigned available = summary_availability(s, b);

	fputs("  ", out);
	show_cell(out, b->name, 20);
	fprintf(out, "%3u.%03u %%  down for ", available / 1000, available % 1000);
	show_span(out, b->down);
	fprintf(out, " in %u incident%s", b->incidents, b->incidents == 1 ? "" : "s");
	if (b->of_routes)
		fprintf(out, ", %u of routes alone", b->of_routes);
	if (b->drills)
		fprintf(out, ", %u drill%s", b->drills, b->drills == 1 ? "" : "s");
	fputc('\n', out);
}

static void put_spread(FILE *out, const char *name, const struct summary_spread *spread)
{
	fprintf(out, "  %-14s ", name);
	if (spread->n == 0) {
		fputs("-\n", out);
		return;
	}
	fputs("median ", out);
	show_span(out, spread->median);
	fputs(", worst ", out);
	show_span(out, spread->worst);
	fprintf(out, " (of %zu)\n", spread->n);
}

static void put_worst(FILE *out, const struct summary_outage *o)
{
	fprintf(out, "  %6lld  ", (long long)o->id);
	show_time(out, o->began);
	fputs("  ", out);
	show_cell(out, o->backend, 16);
	show_cell(out, o->class, 18);
	show_span(out, o->until - o->began);
	fprintf(out, "%s; %llu callers, %llu failed\n", o->open ? ", and goes on" : "",
		(unsigned long long)o->callers, (unsigned long long)o->failed);
}

void summary_print(FILE *out, const struct summary *s, const char *name)
{
	fputs("guardfs ", out);
	show_plain(out, name);
	fputs(": availability\n", out);
	if (s->to <= 0) {
		fputs("  nothing is recorded of this time\n", out);
		return;
	}
	put_time(out, s);
	fputc('\n', out);
	for (size_t i = 0; i < s->n_backends; i++)
		put_backend(out, s, &s->backends[i]);
	fputc('\n', out);
	put_spread(out, "detected after", &s->detected);
	put_spread(out, "serving after", &s->recovered);
	if (s->n_worst)
		fputs("\nthe longest (guardctl incident N tells more)\n", out);
	for (size_t i = 0; i < s->n_worst; i++)
		put_worst(out, s->worst[i]);
	fputs("\nHolds and drills are no incidents. While guardfs does not run nothing is recorded.\n", out);
}
