#include "ctl/ctl.h"
#include "ctl/summary/summary.h"

#include <errno.h>
#include <stdlib.h>

/* ---- the outages ---- */

static bool member_is(const json_t *object, const char *key, const char *text)
{
	return strcmp(ctl_text(object, key), text) == 0;
}

static double end_of(const json_t *incident, double to)
{
	double recovered = show_time_of(incident, "recovered"), closed = show_time_of(incident, "closed");

	return recovered > 0 ? recovered : closed > 0 ? closed : to;
}

static struct summary_outage outage_of(const json_t *incident, double to)
{
	struct summary_outage outage = {
	    .id = ctl_number(incident, "id"),
	    .backend = ctl_text(incident, "backend"),
	    .class = ctl_text(incident, "class"),
	    .began = show_time_of(incident, "began"),
	    .until = end_of(incident, to),
	    .of_routes = member_is(incident, "scope", "routes"),
	    .drill = member_is(incident, "kind", "drill"),
	    .open = show_time_of(incident, "recovered") <= 0 && show_time_of(incident, "closed") <= 0,
	    .callers = show_count(incident, "callers"),
	    .failed = show_count(incident, "failed"),
	};

	/* The clock was set. */
	outage.until = MAX(outage.until, outage.began);
	return outage;
}

static errint_t take_outages(struct summary *s, const json_t *incidents)
{
	const json_t *incident;
	size_t i;

	s->outages = calloc(json_array_size(incidents) + 1, sizeof(*s->outages));
	if (!s->outages)
		return -ENOMEM;
	json_array_foreach(incidents, i, incident)
	{
		struct summary_outage outage = outage_of(incident, s->to);

		if (outage.began > 0 && outage.began < s->to && outage.until >= s->from)
			s->outages[s->n_outages++] = outage;
	}
	return 0;
}

/* ---- the time ---- */

static void take_time(struct summary *s, const json_t *result, double since, double now)
{
	double first = show_time_of(result, "first");

	s->from = since;
	s->to = now;
	s->shortened = first > since;
	if (s->shortened)
		s->from = first;
	if (first <= 0 || s->from >= now)
		s->from = s->to = 0;
}

/* ---- the backends ---- */

static struct summary_backend *backend_named(struct summary *s, const char *name)
{
	for (size_t i = 0; i < s->n_backends; i++)
		if (strcmp(s->backends[i].name, name) == 0)
			return &s->backends[i];
	s->backends[s->n_backends] = (struct summary_backend){.name = name};
	return &s->backends[s->n_backends++];
}

static errint_t take_backends(struct summary *s, const json_t *status)
{
	const json_t *configured = json_object_get(status, "backends"), *backend;
	size_t i;

	s->backends = calloc(json_array_size(configured) + s->n_outages + 1, sizeof(*s->backends));
	if (!s->backends)
		return -ENOMEM;
	json_array_foreach(configured, i, backend)(void) backend_named(s, ctl_text(backend, "name"));
	for (i = 0; i < s->n_outages; i++) {
		const struct summary_outage *o = &s->outages[i];
		struct summary_backend *b = backend_named(s, o->backend);

		b->incidents += !o->drill && !o->of_routes;
		b->of_routes += !o->drill && o->of_routes;
		b->drills += o->drill;
	}
	return 0;
}

static bool counts(const struct summary_outage *o)
{
	return !o->drill && !o->of_routes;
}

static int by_beginning(const void *a, const void *b)
{
	const struct summary_outage *const *x = a, *const *y = b;

	return ((*x)->began > (*y)->began) - ((*x)->began < (*y)->began);
}

static void add_downtime(const struct summary *s, struct summary_backend *b,
			 const struct summary_outage *const *sorted, size_t n)
{
	double until = s->from;

	for (size_t i = 0; i < n; i++) {
		double from = MAX(sorted[i]->began, until), to = MIN(sorted[i]->until, s->to);

		if (strcmp(sorted[i]->backend, b->name) != 0 || to <= from)
			continue;
		b->down += to - from;
		until = to;
	}
}

/* ---- how long it took ---- */

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void spread_of(double *values, size_t n, struct summary_spread *spread)
{
	*spread = (struct summary_spread){.n = n};
	if (n == 0)
		return;
	qsort(values, n, sizeof(*values), by_value);
	spread->median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
	spread->worst = values[n - 1];
}

static errint_t take_spreads(struct summary *s, const json_t *incidents)
{
	double *values = calloc(2 * (json_array_size(incidents) + 1), sizeof(*values));
	double *recovered = values ? values + json_array_size(incidents) + 1 : NULL;
	size_t i, n_detected = 0, n_recovered = 0;
	const json_t *incident;

	if (!values)
		return -ENOMEM;
	json_array_foreach(incidents, i, incident)
	{
		struct summary_outage o = outage_of(incident, s->to);
		double detected = show_time_of(incident, "detected");

		if (!counts(&o) || o.began <= 0 || o.began >= s->to || o.until < s->from)
			continue;
		if (detected > 0)
			values[n_detected++] = MAX(detected - o.began, 0.0);
		if (!o.open)
			recovered[n_recovered++] = o.until - o.began;
	}
	spread_of(values, n_detected, &s->detected);
	spread_of(recovered, n_recovered, &s->recovered);
	free(values);
	return 0;
}

static int by_length(const void *a, const void *b)
{
	const struct summary_outage *const *x = a, *const *y = b;
	double more = ((*y)->until - (*y)->began) - ((*x)->until - (*x)->began);

	return more > 0 ? 1 : more < 0 ? -1 : (*x)->id < (*y)->id ? 1 : -1;
}

static errint_t take_sums(struct summary *s)
{
	const struct summary_outage **sorted = calloc(s->n_outages + 1, sizeof(*sorted));
	size_t n = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_outages; i++)
		if (counts(&s->outages[i]))
			sorted[n++] = &s->outages[i];
	qsort(sorted, n, sizeof(*sorted), by_beginning);
	for (size_t i = 0; i < s->n_backends; i++)
		add_downtime(s, &s->backends[i], sorted, n);
	qsort(sorted, n, sizeof(*sorted), by_length);
	for (; s->n_worst < MIN(n, (size_t)SUMMARY_WORST); s->n_worst++)
		s->worst[s->n_worst] = sorted[s->n_worst];
	free(sorted);
	return 0;
}

errint_t summary_make(const json_t *result, const json_t *status, double since, double now,
		      struct summary *summary)
{
	const json_t *incidents = json_object_get(result, "incidents");
	errint_t err;

	*summary = (struct summary){.from = 0};
	take_time(summary, result, since, now);
	err = take_outages(summary, incidents);
	if (!err)
		err = take_backends(summary, status);
	if (!err)
		err = take_spreads(summary, incidents);
	return err ? err : take_sums(summary);
}

void summary_release(struct summary *summary)
{
	free(summary->outages);
	free(summary->backends);
	*summary = (struct summary){.from = 0};
}

unsigned summary_availability(const struct summary *s, const struct summary_backend *backend)
{
	double up = s->to > s->from ? 1 - backend->down / (s->to - s->from) : 1;
	unsigned value = up > 0 ? (unsigned)(up * 100000) : 0;

	return backend->down > 0 ? MIN(value, 99999u) : 100000;
}
