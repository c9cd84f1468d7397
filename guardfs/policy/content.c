#include "policy/content.h"

#include <zlib.h>

uint32_t content_sum(uint32_t sum, const void *data, size_t n)
{
	return (uint32_t)crc32_z(sum, data, n);
}

static void drop_run(struct content *c, uint32_t i)
{
	memmove(&c->runs[i], &c->runs[i + 1], (c->n - i - 1) * sizeof(c->runs[0]));
	c->n--;
}

static void become_unknown(struct content *c, uint32_t era)
{
	c->unknown = 1;
	c->unknown_era = era;
}

/* Stores are seen in this order by a successor. */
static void begin_change(struct content *c)
{
	c->changing = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void end_change(struct content *c)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	c->changing = 0;
}

static void spoil_runs(struct content *c, uint32_t era, uint64_t from, uint64_t n)
{
	uint64_t to = from + n;

	for (uint32_t i = c->n; i-- > 0;) {
		const struct content_run *r = &c->runs[i];

		if (r->from >= to || r->to <= from)
			continue;
		/* A sum says nothing of a part. */
		if (r->from < from || r->to > to)
			become_unknown(c, era);
		drop_run(c, i);
	}
}

/* NULL: no place. Bytes written after a sync began are a run of their own. */
static struct content_run *run_for(struct content *c, uint32_t era, uint64_t from)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (c->runs[i].to == from && c->runs[i].era == era)
			return &c->runs[i];
	if (c->n >= CONTENT_RUNS)
		return NULL;
	c->runs[c->n] = (struct content_run){.from = from, .to = from, .era = era};
	return &c->runs[c->n++];
}

void content_put(struct content *c, uint32_t era, uint64_t from, const void *data, uint64_t n)
{
	struct content_run *r;

	if (n == 0)
		return;
	begin_change(c);
	spoil_runs(c, era, from, n);
	r = data ? run_for(c, era, from) : NULL;
	if (r) {
		r->sum = content_sum(r->sum, data, (size_t)n);
		r->to = from + n;
	} else {
		become_unknown(c, era);
	}
	end_change(c);
}

void content_spoil(struct content *c, uint32_t era, uint64_t from, uint64_t n)
{
	begin_change(c);
	spoil_runs(c, era, from, n);
	end_change(c);
}

void content_synced(struct content *c, uint32_t era)
{
	begin_change(c);
	for (uint32_t i = c->n; i-- > 0;)
		if ((int32_t)(c->runs[i].era - era) <= 0)
			drop_run(c, i);
	if (c->unknown && (int32_t)(c->unknown_era - era) <= 0)
		c->unknown = 0;
	end_change(c);
}

void content_cut(struct content *c, uint32_t era, uint64_t size)
{
	content_spoil(c, era, size, UINT64_MAX - size);
}

bool content_check(struct content *c)
{
	uint32_t n = c->changing ? CONTENT_RUNS + 1 : c->n;

	c->n = n > CONTENT_RUNS ? 0 : n;
	for (uint32_t i = c->n; i-- > 0;)
		if (c->runs[i].from >= c->runs[i].to)
			drop_run(c, i);
	if (c->n != n)
		c->unknown = 1;
	c->changing = 0;
	return c->n != n;
}
