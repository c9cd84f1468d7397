#include "ctl/html.h"
#include "policy/health.h"
#include "ctl/ctl.h"
#include <stdlib.h>
#include <time.h>

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#5b6570;--line:#d4dae0;--card:#f5f7f9;"
    "--healthy:#2e9e5b;--degraded:#d9a400;--down:#d23f3f;--recovering:#e8833a;--probation:#8fbf4d;"
    "--held:#3f7fd2;--exhausted:#8a4fc4;--connecting:#8c98a4;--unknown:#b9c1c9;--bar:#d23f3f;--curve:#3f7fd2}"
    "\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181c;--fg:#e4e8ec;--dim:#97a3ae;--line:#333c45;"
    "--card:#1d2329;--unknown:#56616c}}\n"
    "@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--card:#fff}tr,svg{break-inside:avoid}}\n"
    "*{box-sizing:border-box;-webkit-print-color-adjust:exact;print-color-adjust:exact}\n"
    "body{margin:0 auto;max-width:72rem;padding:1.5rem;background:var(--bg);color:var(--fg);"
    "font:15px/1.45 system-ui,sans-serif}\n"
    "h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:1.6rem 0 .5rem}\n"
    "p.sub,footer{color:var(--dim);margin:0}footer{margin-top:2rem;font-size:.85rem}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.6rem;margin:1rem "
    "0}\n"
    ".figures div{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.5rem "
    ".7rem}\n"
    ".figures dt{color:var(--dim);font-size:.8rem}.figures dd{margin:0;overflow-wrap:anywhere}\n"
    "table{border-collapse:collapse;width:100%}th{text-align:left;color:var(--dim);font-weight:600}\n"
    "th,td{padding:.3rem .6rem .3rem 0;border-top:1px solid var(--line);vertical-align:top}\n"
    "td{overflow-wrap:anywhere}td.when{white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    "pre{margin:.3rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem;color:var(--dim)}\n"
    "svg{width:100%;height:auto;display:block}svg text{fill:var(--fg);font:11px system-ui,sans-serif}\n"
    "svg .dim{fill:var(--dim)}svg .grid{stroke:var(--line)}svg .mark{stroke:var(--fg);stroke-dasharray:3 3}\n"
    "svg .bar{fill:var(--bar)}svg .curve{fill:none;stroke:var(--curve);stroke-width:1.5}\n"
    "svg .p50{stroke-width:1;stroke-dasharray:2 2}svg .silent{fill:var(--bar);opacity:.13}\n"
    "svg a rect:hover{opacity:.7}a{color:var(--curve)}\n"
    ".wide{overflow-x:auto}.wide svg{min-width:44rem}\n"
    ".wide table{min-width:34rem}.wide table.many{min-width:48rem}p.note{color:var(--dim);margin:1rem 0 0}\n"
    "@media print{.wide{overflow:visible}.wide svg,.wide table,.wide table.many{min-width:0}\n"
    "table{font-size:.8rem}}\n"
    "@media(max-width:40rem){body{padding:1rem}.events thead{display:none}\n"
    ".events tr{display:block;border-top:1px solid var(--line);padding:.3rem 0}\n"
    ".events td{display:inline-block;border:0;padding:0 .8rem 0 0}\n"
    ".events td:last-child{display:block;padding:0}}\n"
    ".legend span{margin-right:1rem;white-space:nowrap}.legend i{display:inline-block;width:.8em;height:.8em;"
    "border-radius:2px;margin-right:.35em}\n";

void html_begin(FILE *out, const char *title)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	      "'unsafe-inline'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
	      out);
	html_put(out, title);
	fprintf(out, "</title>\n<style>\n%s</style></head>\n<body>\n<h1>", style);
	html_put(out, title);
	fputs("</h1>\n", out);
}

void html_end(FILE *out, double now)
{
	fputs("<footer>Written ", out);
	show_time(out, now);
	fputs(" by guardctl " GUARDFS_VERSION ".</footer>\n</body></html>\n", out);
}

static void put_head(FILE *out, const json_t *incident, const char *name)
{
	bool drill = strcmp(ctl_text(incident, "kind"), "drill") == 0;
	char *title = NULL;

	if (asprintf(&title, "%s %lld: %s, %s", drill ? "Drill" : "Incident",
		     (long long)ctl_number(incident, "id"), ctl_text(incident, "backend"),
		     ctl_text(incident, "class")) < 0)
		title = NULL;
	html_begin(out, title ? title : "Incident");
	free(title);
	fputs("<p class=\"sub\">guardfs ", out);
	html_put(out, name);
	fputs(strcmp(ctl_text(incident, "scope"), "routes") == 0 ? ", routes of the backend"
								 : ", the whole backend",
	      out);
	fputs(show_time_of(incident, "closed") > 0 ? ", closed</p>\n" : ", not closed yet</p>\n", out);
}

static void put_figures(FILE *out, const json_t *incident)
{
	struct show_figure figures[SHOW_FIGURES];

	show_figures(incident, html_put, figures);
	fputs("<dl class=\"figures\">\n", out);
	for (size_t i = 0; i < SHOW_FIGURES; i++)
		if (figures[i].value)
			fprintf(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", figures[i].name,
				figures[i].value);
	fputs("</dl>\n", out);
	show_figures_release(figures);
}

static void put_legend(FILE *out)
{
	fputs("<p class=\"legend\">", out);
	for (unsigned i = 0; i < HEALTH_STATE_COUNT; i++) {
		const char *state = health_state_name((enum health_state)i);

		fprintf(out, "<span><i style=\"background:var(--%s)\"></i>%s</span>", state, state);
	}
	fputs("<br>errors: a second, in each sample; callers\xE2\x80\x99 waits: 99th percentile, dashed: "
	      "median, "
	      "shaded: nothing came back</p>\n",
	      out);
}

/* The heading has year and zone. */
static void put_clock(FILE *out, double when)
{
	time_t t = (time_t)when;
	struct tm tm;
	char text[32];

	if (when > 0 && localtime_r(&t, &tm) && strftime(text, sizeof(text), "%m-%d %H:%M:%S", &tm))
		fputs(text, out);
}

static void put_event(FILE *out, const json_t *event, double began)
{
	double when = show_time_of(event, "time");
	char *text = show_event_text(event);

	fputs("<tr><td class=\"when\">", out);
	put_clock(out, when);
	fputs("</td><td class=\"when\">", out);
	if (when > 0 && began > 0) {
		fputs(when < began ? "-" : "+", out);
		show_span(out, when < began ? began - when : when - began);
	}
	fputs("</td><td class=\"when\">", out);
	html_put(out, ctl_text(event, "kind"));
	fputs("</td><td>", out);
	show_event(out, event, html_put);
	if (text) {
		fputs("<pre>", out);
		html_put(out, text);
		fputs("</pre>", out);
	}
	fputs("</td></tr>\n", out);
	free(text);
}

static void put_events(FILE *out, const json_t *result, double began)
{
	const json_t *events = json_object_get(result, "events"), *event;
	size_t i;

	if (json_array_size(events) == 0) {
		fputs("<p>No events are recorded.</p>\n", out);
		return;
	}
	fputs("<table class=\"events\">\n<thead><tr><th>clock</th><th>from its "
	      "beginning</th><th>kind</th><th>what</th></tr></thead>\n<tbody>\n",
	      out);
	json_array_foreach(events, i, event) put_event(out, event, began);
	fputs("</tbody></table>\n", out);
}

static void put_routes(FILE *out, const json_t *incident)
{
	const json_t *routes = json_object_get(incident, "routes"), *route;
	size_t i;

	if (json_array_size(routes) == 0)
		return;
	fputs("<h2>Routes</h2>\n<ul>\n", out);
	json_array_foreach(routes, i, route)
	{
		const char *path = json_string_value(route);

		fputs("<li>", out);
		html_put(out, path ? path : "");
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
}

void html_report(FILE *out, const json_t *result, const char *name, double now)
{
	const json_t *incident = json_object_get(result, "incident");

	put_head(out, incident, name);
	put_figures(out, incident);
	fputs("<h2>Course</h2>\n<div class=\"wide\">", out);
	html_chart(out, result);
	fputs("</div>\n", out);
	put_legend(out);
	fputs("<h2>Events</h2>\n", out);
	put_events(out, result, show_time_of(incident, "began"));
	put_routes(out, incident);
	html_end(out, now);
}
