/* Which ranges of a file are on their way, against a model that knows the level of each byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/ledger.h"

#include <stdio.h>
#include <stdlib.h>

static void appender_needs_one_range(void **state)
{
	struct ledger l = {0};

	(void)state;
	for (uint64_t i = 0; i < 100000; i++)
		ledger_put(&l, 5000 + i * 77, 5000 + (i + 1) * 77, LEDGER_CONFIRMED);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.ranges[0].from, 5000);
	assert_int_equal(l.ranges[0].to, 5000 + 7700000);
	/* Syncs that fail leave it at that. */
	for (uint64_t i = 0; i < 50; i++) {
		uint64_t end = ledger_end(&l);

		(void)ledger_sync_begins(&l);
		ledger_put(&l, end, end + 10, LEDGER_CONFIRMED);
		assert_in_range(l.n, 1, 2);
	}
}

static void sync_covers_what_came_before_it(void **state)
{
	struct ledger l = {0};
	uint32_t first, second;

	(void)state;
	ledger_put(&l, 0, 100, LEDGER_CONFIRMED);
	ledger_put(&l, 100, 150, LEDGER_WRITTEN);
	first = ledger_sync_begins(&l);
	ledger_put(&l, 150, 200, LEDGER_CONFIRMED);
	ledger_put(&l, 10, 20, LEDGER_CONFIRMED); /* anew */
	second = ledger_sync_begins(&l);
	ledger_synced(&l, second);
	assert_int_equal(l.n, 1);
	assert_int_equal(ledger_bytes(&l), 50); /* what was never confirmed */
	ledger_put(&l, 0, 1, LEDGER_CONFIRMED);
	ledger_synced(&l, first);
	assert_int_equal(ledger_bytes(&l), 51);
}

static void too_many_are_joined_where_it_costs_least(void **state)
{
	struct ledger l = {0};

	(void)state;
	for (uint64_t i = 0; i < LEDGER_RANGES; i++)
		ledger_put(&l, i * 1000, i * 1000 + 100, LEDGER_CONFIRMED);
	ledger_put(&l, 3110, 3120, LEDGER_CONFIRMED);
	assert_int_equal(l.n, LEDGER_RANGES);
	assert_int_equal(l.ranges[3].from, 3000);
	assert_int_equal(l.ranges[3].to, 3120);
	assert_int_equal(ledger_bytes(&l), LEDGER_RANGES * 100 + 20);
}

static void ends(void **state)
{
	struct ledger l = {0};

	(void)state;
	assert_int_equal(ledger_end(&l), 0);
	ledger_put(&l, 7, 7, LEDGER_WRITTEN);
	ledger_put(&l, 8, 7, LEDGER_WRITTEN);
	assert_int_equal(l.n, 0);
	ledger_put(&l, UINT64_MAX - 1, UINT64_MAX, LEDGER_WRITTEN);
	ledger_put(&l, 0, UINT64_MAX, LEDGER_ACKNOWLEDGED);
	assert_int_equal(l.n, 1);
	ledger_cut(&l, 10);
	assert_int_equal(ledger_end(&l), 10);
	ledger_cut(&l, 0);
	assert_int_equal(l.n, 0);
}

/* ---- against a model ---- */

#define BYTES  160u
#define SAFE   LEDGER_LEVEL_COUNT
#define ROUNDS 3000u

struct model {
	uint8_t level[BYTES]; /* SAFE: durable, or never written */
	uint32_t era[BYTES];
	uint32_t now;
	bool exact; /* no ranges had to be joined so far */
};

static void model_put(struct model *m, uint64_t from, uint64_t to, enum ledger_level level)
{
	for (uint64_t i = from; i < to; i++) {
		m->level[i] = (uint8_t)level;
		m->era[i] = m->now;
	}
}

static void model_sync_begins(struct model *m)
{
	for (uint32_t i = 0; i < BYTES; i++)
		if (m->level[i] == LEDGER_CONFIRMED)
			m->era[i] = m->now;
	m->now++;
}

static void model_synced(struct model *m, uint32_t era)
{
	for (uint32_t i = 0; i < BYTES; i++)
		if (m->level[i] == LEDGER_CONFIRMED && (int32_t)(m->era[i] - era) <= 0)
			m->level[i] = SAFE;
}

/* How many ranges the model would need. */
static uint32_t model_runs(const struct model *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < BYTES; i++)
		n += m->level[i] != SAFE &&
		     (i == 0 || m->level[i] != m->level[i - 1] || m->era[i] != m->era[i - 1]);
	return n;
}

static void check_shape(const struct ledger *l)
{
	assert_in_range(l->n, 0, LEDGER_RANGES);
	for (uint32_t i = 0; i < l->n; i++) {
		const struct ledger_range *r = &l->ranges[i], *next = r + 1;

		assert_true(r->from < r->to && r->level < LEDGER_LEVEL_COUNT);
		assert_true(i + 1 == l->n || r->to < next->from ||
			    (r->to == next->from && (r->level != next->level || r->era != next->era)));
	}
}

/* Each byte that is not safe is known to be so, at least as unsafe as it is. */
static void compare(const struct ledger *l, struct model *m)
{
	uint8_t level[BYTES];

	check_shape(l);
	memset(level, SAFE, sizeof(level));
	for (uint32_t i = 0; i < l->n; i++)
		for (uint64_t b = l->ranges[i].from; b < l->ranges[i].to; b++)
			level[b] = (uint8_t)l->ranges[i].level;
	m->exact &= model_runs(m) <= LEDGER_RANGES;
	for (uint32_t i = 0; i < BYTES; i++) {
		assert_true(level[i] <= m->level[i]);
		assert_true(!m->exact || level[i] == m->level[i]);
	}
}

static void random_history(unsigned seed)
{
	struct ledger l = {0};
	struct model m = {.exact = true};
	uint32_t syncs[3] = {UINT32_MAX, UINT32_MAX, UINT32_MAX};

	memset(m.level, SAFE, sizeof(m.level));
	srand(seed);
	/* Eras begin anywhere, also where they wrap. */
	l.era = m.now = seed % 3 ? (uint32_t)seed : UINT32_MAX - 2;
	syncs[0] = syncs[1] = syncs[2] = m.now - 1;
	for (unsigned step = 0; step < 60; step++) {
		uint64_t from = (uint64_t)rand() % BYTES, to = from + 1 + (uint64_t)rand() % (BYTES - from);
		unsigned which = (unsigned)rand() % 3;

		switch (rand() % 6) {
		case 0:
			syncs[which] = ledger_sync_begins(&l);
			model_sync_begins(&m);
			break;
		case 1:
			ledger_synced(&l, syncs[which]);
			model_synced(&m, syncs[which]);
			break;
		case 2:
			if (rand() % 4)
				break;
			ledger_cut(&l, from);
			memset(m.level + from, SAFE, BYTES - from);
			break;
		default:
			to = rand() % 2 ? to : MIN(to, from + 7);
			ledger_put(&l, from, to, (enum ledger_level)which);
			model_put(&m, from, to, (enum ledger_level)which);
		}
		compare(&l, &m);
	}
}

static void as_the_model(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= ROUNDS; seed++)
		random_history(seed);
}

static void garbage_is_forced_into_shape(void **state)
{
	struct ledger l;

	(void)state;
	srand(7);
	for (unsigned i = 0; i < 20000; i++) {
		for (size_t b = 0; b < sizeof(l); b++)
			((uint8_t *)&l)[b] = (uint8_t)(rand() % (i % 2 ? 256 : 3));
		(void)ledger_check(&l);
		check_shape(&l);
		assert_false(ledger_check(&l));
		ledger_put(&l, 5, 100, LEDGER_WRITTEN);
		check_shape(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(appender_needs_one_range),
	    cmocka_unit_test(sync_covers_what_came_before_it),
	    cmocka_unit_test(too_many_are_joined_where_it_costs_least),
	    cmocka_unit_test(ends),
	    cmocka_unit_test(as_the_model),
	    cmocka_unit_test(garbage_is_forced_into_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
