/* States, errors and 99th percentiles over time. */
#include "ctl/ctl.h"
#include "ctl/html.h"

#define WIDTH	   1000.0
#define LEFT	   155.0 /* of the time axis */
#define RIGHT	   985.0
#define BAND	   16.0
#define GAP	   6.0
#define GRAPH	   70.0
#define TOP	   46.0 /* a row for each mark's name */
#define ROUTES_MAX 12
#define LABEL_MAX  20 /* bytes */
#define TICKS_MAX  9
#define SAMPLE_S   10.0	 /* of a sample that does not say so (docs/PROTOCOL.control.md) */
#define AROUND_MIN 1.0	 /* seconds shown before and after, at least */
#define AROUND_MAX 600.0 /* at most */

struct chart {
	FILE *out;
	const json_t *incident, *events, *samples;
	/* seconds since the epoch; from < to */
	double from, to;
	/* where the next row begins */
	double y;
};

static void include_time(struct chart *c, double when)
{
	if (when <= 0)
		return;
	c->from = c->from > 0 ? MIN(c->from, when) : when;
	c->to = MAX(c->to, when);
}

static void include_later(struct chart *c, const json_t *items)
{
	double since = c->from;
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		if (show_time_of(item, "time") >= since)
			include_time(c, show_time_of(item, "time"));
	}
}

/* The incident, with so much around that it stays visible. */
static void find_range(struct chart *c)
{
	static const char *const keys[] = {"began",	 "detected",  "first_error",
					   "first_fast", "recovered", "closed"};
	double around;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		include_time(c, show_time_of(c->incident, keys[i]));
	if (show_time_of(c->incident, "closed") <= 0) { /* it goes on */
		include_later(c, c->events);
		include_later(c, c->samples);
	}
	around = MIN(MAX((c->to - c->from) / 2, AROUND_MIN), AROUND_MAX);
	if (c->from > around)
		c->from -= around;
	c->to += around;
}

static double x_of(const struct chart *c, double when)
{
	double part = (when - c->from) / (c->to - c->from);

	return LEFT + (RIGHT - LEFT) * (part < 0 ? 0 : part > 1 ? 1 : part);
}

void html_label(FILE *out, double x, double y, const char *text, size_t max)
{
	size_t n = strlen(text);

	fprintf(out, "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">", x, y);
	if (n > max) {
		fputs("\xE2\x80\xA6", out); /* a path's end says most */
		text += n - max;
		while (((unsigned char)*text & 0xC0) == 0x80)
			text++; /* not within a character */
	}
	html_put(out, text);
	fputs("</text>\n", out);
}

static void put_label(const struct chart *c, double y, const char *text)
{
	html_label(c->out, LEFT - 8, y, text, LABEL_MAX);
}

static void put_segment(const struct chart *c, double from, double to, const char *state)
{
	const char *known = html_state(state);

	if (to <= from || from >= c->to || to <= c->from)
		return;
	fprintf(
	    c->out,
	    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.0f\" style=\"fill:var(--%s)\"><title>%s, ",
	    x_of(c, from), c->y, MAX(x_of(c, to) - x_of(c, from), 0.5), BAND, known, known);
	show_span(c->out, to - from);
	fputs("</title></rect>\n", c->out);
}

static bool is_transition(const struct chart *c, const json_t *event)
{
	const char *backend = ctl_text(event, "backend");

	return strcmp(ctl_text(event, "kind"), "transition") == 0 && show_time_of(event, "time") > 0 &&
	       (!backend[0] || strcmp(backend, ctl_text(c->incident, "backend")) == 0);
}

/* From the transitions; else from the samples. */
static void put_states(const struct chart *c)
{
	const char *state = NULL;
	double since = c->from;
	const json_t *item;
	size_t i;

	json_array_foreach(c->events, i, item)
	{
		if (!is_transition(c, item))
			continue;
		put_segment(c, since, show_time_of(item, "time"), state ? state : ctl_text(item, "from"));
		since = MAX(since, show_time_of(item, "time"));
		state = ctl_text(item, "to");
	}
	if (!state) {
		json_array_foreach(c->samples, i, item)
		{
			put_segment(c, since, show_time_of(item, "time"),
				    state ? state : ctl_text(item, "state"));
			since = MAX(since, show_time_of(item, "time"));
			state = ctl_text(item, "state");
		}
	}
	put_segment(c, since, c->to, state ? state : "");
}

/* Of a route that was down while its backend served. */
static void put_route_states(const struct chart *c)
{
	double detected = show_time_of(c->incident, "detected"),
	       recovered = show_time_of(c->incident, "recovered");

	if (detected <= 0)
		detected = c->from;
	put_segment(c, c->from, detected, "healthy");
	put_segment(c, detected, recovered > 0 ? recovered : c->to, "down");
	if (recovered > 0)
		put_segment(c, recovered, c->to, "healthy");
}

static void put_bands(struct chart *c)
{
	const json_t *routes = json_object_get(c->incident, "routes"), *route;
	bool by_themselves = strcmp(ctl_text(c->incident, "scope"), "routes") == 0;
	size_t i;

	put_label(c, c->y + BAND - 4, ctl_text(c->incident, "backend"));
	put_states(c);
	c->y += BAND + GAP;
	json_array_foreach(routes, i, route)
	{
		const char *path = json_string_value(route);

		if (i == ROUTES_MAX) {
			fprintf(c->out,
				"<text class=\"dim\" x=\"%.0f\" y=\"%.1f\">and %zu further routes</text>\n",
				LEFT, c->y + BAND - 4, json_array_size(routes) - i);
			c->y += BAND + GAP;
			break;
		}
		put_label(c, c->y + BAND - 4, path ? path : "");
		if (by_themselves)
			put_route_states(c);
		else
			put_states(c); /* a route is as bad as its backend */
		c->y += BAND + GAP;
	}
}

static double span_of(const json_t *sample)
{
	if (!json_is_number(json_object_get(sample, "seconds")))
		return SAMPLE_S;
	/* A change of state may have ended it at once. */
	return MAX(show_number(sample, "seconds"), 0.001);
}

static bool is_shown(const struct chart *c, const json_t *sample)
{
	double when = show_time_of(sample, "time");

	return when >= c->from && when - span_of(sample) <= c->to;
}

static double error_rate(const json_t *sample)
{
	return MAX(show_number(sample, "errors"), 0.0) / span_of(sample);
}

static double p99_of(const json_t *sample)
{
	return show_number(sample, "p99_us");
}

static double p50_of(const json_t *sample)
{
	return show_number(sample, "p50_us");
}

static double largest(const struct chart *c, double (*value_of)(const json_t *sample))
{
	double max = 0;
	const json_t *sample;
	size_t i;

	json_array_foreach(c->samples, i, sample)
	{
		if (is_shown(c, sample))
			max = MAX(max, value_of(sample));
	}
	return max;
}

static void put_frame(const struct chart *c, const char *label)
{
	put_label(c, c->y + GRAPH / 2, label);
	fprintf(c->out, "<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>\n", LEFT,
		RIGHT, c->y + GRAPH, c->y + GRAPH);
}

static void put_errors(struct chart *c)
{
	double max = largest(c, error_rate);
	const json_t *sample;
	size_t i;

	put_frame(c, "errors");
	if (max > 0)
		fprintf(c->out, "<text class=\"dim\" x=\"%.0f\" y=\"%.1f\">at most %.*f a second</text>\n",
			LEFT + 4, c->y + 10, max < 10 ? 1 : 0, max);
	else
		fprintf(c->out, "<text class=\"dim\" x=\"%.0f\" y=\"%.1f\">none</text>\n", LEFT + 4,
			c->y + 10);
	json_array_foreach(c->samples, i, sample)
	{
		double height = max > 0 ? error_rate(sample) / max * (GRAPH - 14) : 0;
		double when = show_time_of(sample, "time"), x = x_of(c, when - span_of(sample));

		if (height > 0 && is_shown(c, sample))
			fprintf(
			    c->out,
			    "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", x,
			    c->y + GRAPH - height, MAX(x_of(c, when) - x, 0.7), height);
	}
	c->y += GRAPH + GAP;
}

/* Linear within decades: nearly logarithmic, without libm. */
static double decades(double value)
{
	double n = 0;

	for (; value >= 10; value /= 10)
		n++;
	return value > 1 ? n + (value - 1) / 9 : n;
}

/* 0: 10 us or less; 1: max_us. */
static double height_of(double us, double max_us)
{
	return MIN(decades(us / 10) / decades(MAX(max_us, 1000) / 10), 1.0);
}

static void put_grid(const struct chart *c, double max_us)
{
	static const struct {
		double us;
		const char *name;
	} lines[] = {{1e3, "1 ms"}, {1e5, "100 ms"}, {1e7, "10 s"}};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		double y = c->y + GRAPH * (1 - height_of(lines[i].us, max_us));

		if (lines[i].us > max_us)
			break;
		fprintf(c->out,
			"<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text class=\"dim\" x=\"%.0f\" y=\"%.1f\">%s</text>\n",
			LEFT, RIGHT, y, y, LEFT + 4, y - 2, lines[i].name);
	}
}

/* Steps as wide as their samples. One without operations, or a gap, breaks the curve. */
static void put_curve(const struct chart *c, const char *class, double (*value_of)(const json_t *),
		      double max_us)
{
	const json_t *sample;
	double until = 0;
	size_t i;

	fprintf(c->out, "<path class=\"curve %s\" d=\"", class);
	json_array_foreach(c->samples, i, sample)
	{
		double us = value_of(sample), to = show_time_of(sample, "time"), from = to - span_of(sample);

		if (!is_shown(c, sample) || us <= 0)
			continue;
		fprintf(c->out, "%c%.1f %.1fH%.1f ",
			until > 0 && from - until < 0.05 * (to - from) ? 'L' : 'M', x_of(c, from),
			c->y + GRAPH * (1 - height_of(us, max_us)), x_of(c, to));
		until = to;
	}
	fputs("\"/>\n", c->out);
}

/* Where callers had begun to wait and none had got an answer. */
static void put_silence(const struct chart *c)
{
	const json_t *sample;
	size_t i;

	json_array_foreach(c->samples, i, sample)
	{
		double to = show_time_of(sample, "time"), x = x_of(c, to - span_of(sample));

		if (is_shown(c, sample) && p99_of(sample) <= 0 &&
		    strcmp(html_state(ctl_text(sample, "state")), "healthy") != 0)
			fprintf(c->out,
				"<rect class=\"silent\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
				"height=\"%.0f\"><title>nothing came back</title></rect>\n",
				x, c->y, MAX(x_of(c, to) - x, 0.5), GRAPH);
	}
}

static void put_latency(struct chart *c)
{
	double max_us = largest(c, p99_of);

	put_silence(c);
	put_frame(c, "callers\xE2\x80\x99 waits");
	put_grid(c, max_us);
	put_curve(c, "p99", p99_of, max_us);
	put_curve(c, "p50", p50_of, max_us);
	c->y += GRAPH + GAP;
}

/* Smallest of 0.1, 0.2, 0.5, 1, 2, 5, 10, 30 s, 1 min and so on, for TICKS_MAX ticks. */
static double tick_step(double range)
{
	static const double steps[] = {0.1, 0.2, 0.5,  1,    2,	   5,	  10,	 30,	60,	120,
				       300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (range / steps[i] <= TICKS_MAX)
			return steps[i];
	return range / TICKS_MAX;
}

static void put_tick(FILE *out, double seconds)
{
	if (seconds < 60 && (double)(int)seconds >= seconds)
		fprintf(out, "%d s", (int)seconds);
	else
		show_span(out, seconds);
}

static void put_axis(const struct chart *c)
{
	double began = show_time_of(c->incident, "began"), zero = began > 0 ? began : c->from;
	double step = tick_step(c->to - c->from);
	int first = (int)((c->from - zero) / step); /* from <= zero */

	for (int i = first; i <= first + TICKS_MAX && zero + i * step <= c->to; i++) {
		double x = x_of(c, zero + i * step);

		fprintf(c->out,
			"<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.1f\"/>"
			"<text class=\"dim\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s",
			x, x, TOP, c->y, MIN(x, WIDTH - 2), c->y + 14, x > RIGHT - 30 ? "end" : "middle",
			i < 0 ? "-" : "+");
		put_tick(c->out, (i < 0 ? -i : i) * step);
		fputs("</text>\n", c->out);
	}
}

static void put_marks(const struct chart *c)
{
	static const struct {
		const char *key, *name;
		double y;
	} marks[] = {{"detected", "detected", 12},
		     {"first_fast", "first fast error", 24},
		     {"recovered", "recovered", 36}};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		double when = show_time_of(c->incident, marks[i].key), x = x_of(c, when);

		if (when <= 0)
			continue;
		fprintf(c->out,
			"<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.1f\"/>"
			"<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"%s\">%s</text>\n",
			x, x, marks[i].y + 3, c->y, x, marks[i].y, x > WIDTH * 0.85 ? "end" : "start",
			marks[i].name);
	}
}

static double height_needed(const struct chart *c)
{
	size_t routes = MIN(json_array_size(json_object_get(c->incident, "routes")), (size_t)ROUTES_MAX + 1);
	bool graphs = json_array_size(c->samples) > 0;

	return TOP + (double)(1 + routes) * (BAND + GAP) + (graphs ? 2 * (GRAPH + GAP) : 0) + 22;
}

void html_chart(FILE *out, const json_t *result)
{
	struct chart c = {.out = out,
			  .incident = json_object_get(result, "incident"),
			  .events = json_object_get(result, "events"),
			  .samples = json_object_get(result, "samples"),
			  .y = TOP};

	find_range(&c);
	if (c.from <= 0) {
		fputs("<p>No times are recorded.</p>\n", out);
		return;
	}
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
		"aria-label=\"states, errors and latency over time\">\n",
		WIDTH, height_needed(&c));
	put_bands(&c);
	if (json_array_size(c.samples) > 0) {
		put_errors(&c);
		put_latency(&c);
	}
	put_axis(&c);
	put_marks(&c);
	fputs("</svg>\n", out);
}
