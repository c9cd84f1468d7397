/* A time as an HTML page. */
#include "base/cleanup.h"
#include "ctl/html.h"
#include "ctl/summary/summary.h"

#include <stdlib.h>
#include <time.h>

#define WIDTH	  1000.0
#define LEFT	  155.0 /* of the time axis */
#define RIGHT	  985.0
#define ROW	  26.0
#define BAR	  18.0
#define TOP	  6.0
#define TICKS_MAX 10
#define ROWS_MAX  64
#define LABEL_MAX 20 /* characters */
#define DAY_S	  86400.0

struct page {
	FILE *out;
	const struct summary *s;
	summary_link link;
	const void *context;
};

/* ---- figures ---- */

static void put_spread(FILE *out, const char *name, const struct summary_spread *spread)
{
	fprintf(out, "<div><dt>%s</dt><dd>", name);
	if (spread->n) {
		fputs("median ", out);
		show_span(out, spread->median);
		fputs(", worst ", out);
		show_span(out, spread->worst);
	} else {
		fputs("-", out);
	}
	fputs("</dd></div>\n", out);
}

static void put_figures(const struct page *p)
{
	const struct summary *s = p->s;
	unsigned incidents = 0;

	for (size_t i = 0; i < s->n_backends; i++)
		incidents += s->backends[i].incidents;
	fprintf(p->out, "<dl class=\"figures\">\n<div><dt>incidents</dt><dd>%u</dd></div>\n", incidents);
	put_spread(p->out, "detected after", &s->detected);
	put_spread(p->out, "serving again after", &s->recovered);
	fputs("</dl>\n", p->out);
}

static void put_backends(const struct page *p)
{
	fputs(
	    "<h2>Backends</h2>\n<div class=\"wide\"><table>\n<thead><tr><th>backend</th><th>availability</th>"
	    "<th>down for</th><th>incidents</th><th>of routes "
	    "alone</th><th>drills</th></tr></thead>\n<tbody>\n",
	    p->out);
	for (size_t i = 0; i < p->s->n_backends; i++) {
		const struct summary_backend *b = &p->s->backends[i];
		unsigned available = summary_availability(p->s, b);

		fputs("<tr><td>", p->out);
		html_put(p->out, b->name);
		fprintf(p->out, "</td><td class=\"when\">%u.%03u %%</td><td class=\"when\">",
			available / 1000, available % 1000);
		show_span(p->out, b->down);
		fprintf(p->out, "</td><td>%u</td><td>%u</td><td>%u</td></tr>\n", b->incidents, b->of_routes,
			b->drills);
	}
	fputs("</tbody></table></div>\n", p->out);
}

/* ---- the time line ---- */

static double x_of(const struct page *p, double when)
{
	double part = (when - p->s->from) / (p->s->to - p->s->from);

	return LEFT + (RIGHT - LEFT) * MIN(MAX(part, 0.0), 1.0);
}

static void put_link(const struct page *p, int64_t id, const char *end)
{
	CLEANUP_FREE char *link = p->link ? p->link(p->context, id) : NULL;

	if (!link)
		return;
	if (end[0]) {
		fputs(end, p->out);
		return;
	}
	fputs("<a href=\"", p->out);
	html_put(p->out, link);
	fputs("\">", p->out);
}

static void put_bar(const struct page *p, const struct summary_outage *o, double y)
{
	double x = x_of(p, o->began), width = MAX(x_of(p, o->until) - x, 2.0);

	put_link(p, o->id, "");
	fprintf(p->out,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.0f\" style=\"fill:var(--%s)\"><title>",
		x, y, width, BAR,
		o->drill       ? "held"
		: o->of_routes ? "degraded"
			       : "down");
	fprintf(p->out, "%s %lld, ", o->drill ? "drill" : "incident", (long long)o->id);
	html_put(p->out, o->class);
	fputs(", ", p->out);
	show_span(p->out, o->until - o->began);
	fputs("</title></rect>\n", p->out);
	put_link(p, o->id, "</a>");
}

static void put_row(const struct page *p, const struct summary_backend *b, double y)
{
	html_label(p->out, LEFT - 8, y + BAR - 5, b->name, LABEL_MAX);
	fprintf(
	    p->out,
	    "<rect x=\"%.0f\" y=\"%.1f\" width=\"%.0f\" height=\"%.0f\" style=\"fill:var(--healthy)\"/>\n",
	    LEFT, y, RIGHT - LEFT, BAR);
	for (size_t i = p->s->n_outages; i > 0; i--)
		if (strcmp(p->s->outages[i - 1].backend, b->name) == 0)
			put_bar(p, &p->s->outages[i - 1], y);
}

/* In hours, or whole days; 0 hours: days. */
static void choose_step(double range, int *hours, int *days)
{
	static const int of_hours[] = {1, 2, 6, 12}, of_days[] = {1, 2, 7, 14, 31, 92, 366};

	*days = 0;
	for (size_t i = 0; i < ARRAY_SIZE(of_hours); i++) {
		*hours = of_hours[i];
		if (range / 3600 / *hours <= TICKS_MAX)
			return;
	}
	*hours = 0;
	for (size_t i = 0; i < ARRAY_SIZE(of_days); i++) {
		*days = of_days[i];
		if (range / DAY_S / *days <= TICKS_MAX)
			return;
	}
}

/* From a local midnight on. */
static void put_axis(const struct page *p, double bottom)
{
	time_t from = (time_t)p->s->from, when;
	int hours, days;
	struct tm tm;
	char text[32];

	choose_step(p->s->to - p->s->from, &hours, &days);
	if (!localtime_r(&from, &tm))
		return;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	for (unsigned i = 0; i < 64; i++) {
		tm.tm_isdst = -1;
		when = mktime(&tm);
		tm.tm_hour += hours;
		tm.tm_mday += days;
		if (when == (time_t)-1 || (double)when > p->s->to)
			return;
		if ((double)when < p->s->from || !localtime_r(&when, &(struct tm){0}))
			continue;
		strftime(text, sizeof(text), hours ? "%m-%d %H:%M" : "%Y-%m-%d",
			 localtime_r(&when, &(struct tm){0}));
		fprintf(p->out,
			"<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.1f\"/>"
			"<text class=\"dim\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
			x_of(p, (double)when), x_of(p, (double)when), TOP, bottom + 2, x_of(p, (double)when),
			bottom + 14, x_of(p, (double)when) > RIGHT - 40 ? "end" : "middle", text);
	}
}

static void put_time_line(const struct page *p)
{
	size_t rows = MIN(p->s->n_backends, (size_t)ROWS_MAX);
	double bottom = TOP + (double)rows * ROW;

	fprintf(p->out,
		"<h2>Time line</h2>\n<div class=\"wide\"><svg xmlns=\"http://www.w3.org/2000/svg\" "
		"viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"outages over time\">\n",
		WIDTH, bottom + 22);
	for (size_t i = 0; i < rows; i++)
		put_row(p, &p->s->backends[i], TOP + (double)i * ROW);
	put_axis(p, bottom);
	fputs("</svg></div>\n<p class=\"legend\"><span><i style=\"background:var(--healthy)\"></i>no "
	      "incident</span>"
	      "<span><i style=\"background:var(--down)\"></i>incident</span>"
	      "<span><i style=\"background:var(--degraded)\"></i>of routes alone</span>"
	      "<span><i style=\"background:var(--held)\"></i>drill</span></p>\n",
	      p->out);
}

/* ---- the worst ---- */

static void put_worst_row(const struct page *p, const struct summary_outage *o)
{
	fputs("<tr><td>", p->out);
	put_link(p, o->id, "");
	fprintf(p->out, "%lld", (long long)o->id);
	put_link(p, o->id, "</a>");
	fputs("</td><td>", p->out);
	show_time(p->out, o->began);
	fputs("</td><td>", p->out);
	html_put(p->out, o->backend);
	fputs("</td><td>", p->out);
	html_put(p->out, o->class);
	fputs("</td><td class=\"when\">", p->out);
	show_span(p->out, o->until - o->began);
	fprintf(p->out, "%s</td><td>%llu</td><td>%llu</td></tr>\n", o->open ? ", goes on" : "",
		(unsigned long long)o->callers, (unsigned long long)o->failed);
}

static void put_worst(const struct page *p)
{
	if (p->s->n_worst == 0)
		return;
	fputs("<h2>The longest</h2>\n<div class=\"wide\"><table "
	      "class=\"many\">\n<thead><tr><th>incident</th><th>began</th>"
	      "<th>backend</th><th>class</th><th>lasted</th><th>callers hurt</th><th>failed "
	      "operations</th></tr></thead>\n<tbody>\n",
	      p->out);
	for (size_t i = 0; i < p->s->n_worst; i++)
		put_worst_row(p, p->s->worst[i]);
	fputs("</tbody></table></div>\n", p->out);
}

static void put_head(const struct page *p, const char *name)
{
	CLEANUP_FREE char *title = NULL;

	if (asprintf(&title, "guardfs %s: availability", name) < 0)
		title = NULL;
	html_begin(p->out, title ? title : "guardfs");
	fputs("<p class=\"sub\">", p->out);
	if (p->s->to <= 0) {
		fputs("Nothing is recorded of this time.</p>\n", p->out);
		return;
	}
	show_time(p->out, p->s->from);
	fputs(" to ", p->out);
	show_time(p->out, p->s->to);
	fputs(" (", p->out);
	show_span(p->out, p->s->to - p->s->from);
	fputs(")", p->out);
	if (p->s->shortened)
		fputs("; nothing is recorded from before", p->out);
	fputs("</p>\n", p->out);
}

void summary_page(FILE *out, const struct summary *s, const char *name, double now, summary_link link,
		  const void *context)
{
	struct page p = {out, s, link, context};

	put_head(&p, name);
	if (s->to > 0) {
		put_figures(&p);
		put_backends(&p);
		put_time_line(&p);
		put_worst(&p);
		fputs("<p class=\"note\">Available is what no incident of the whole backend covers, from its "
		      "beginning "
		      "until the backend served again. Holds and drills are no incidents. While guardfs does "
		      "not run "
		      "nothing is recorded.</p>\n",
		      out);
	}
	html_end(out, now);
}
