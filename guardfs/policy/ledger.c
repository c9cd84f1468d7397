#include "policy/ledger.h"

/* One more than a ledger keeps, and two for a range cut in two. */
#define ROOM (LEDGER_RANGES + 3)

struct list {
	uint32_t n;
	struct ledger_range ranges[ROOM];
};

const char *ledger_level_name(enum ledger_level level)
{
	static const char *const names[] = {[LEDGER_ACKNOWLEDGED] = "acknowledged",
					    [LEDGER_WRITTEN] = "written",
					    [LEDGER_CONFIRMED] = "confirmed"};

	return (unsigned)level < ARRAY_SIZE(names) ? names[level] : "unknown";
}

/* Appends, or extends the last. */
static void append_range(struct list *list, const struct ledger_range *r)
{
	struct ledger_range *last = list->n ? &list->ranges[list->n - 1] : NULL;

	if (r->from >= r->to)
		return;
	if (last && last->to == r->from && last->level == r->level && last->era == r->era)
		last->to = r->to;
	else
		list->ranges[list->n++] = *r;
}

static void append_part(struct list *list, const struct ledger_range *r, uint64_t from, uint64_t to)
{
	struct ledger_range part = *r;

	part.from = MAX(r->from, from);
	part.to = MIN(r->to, to);
	append_range(list, &part);
}

/* The joined range gets the less safe level. */
static void join_next(struct list *list, uint32_t i)
{
	struct ledger_range *r = &list->ranges[i], *next = r + 1;

	r->to = next->to;
	r->level = MIN(r->level, next->level);
	if ((int32_t)(next->era - r->era) > 0)
		r->era = next->era;
	memmove(next, next + 1, (list->n - i - 2) * sizeof(*next));
	list->n--;
}

/* Joining costs the gap, and a safer neighbour's bytes, which seem less safe. */
static uint64_t cost_of_joining(const struct ledger_range *r, const struct ledger_range *next)
{
	uint64_t gap = next->from - r->to, safer;

	if (r->level == next->level)
		return gap;
	safer = r->level > next->level ? r->to - r->from : next->to - next->from;
	return gap > UINT64_MAX - safer ? UINT64_MAX : gap + safer;
}

static void join_cheapest(struct list *list)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i + 1 < list->n; i++)
		if (cost_of_joining(&list->ranges[i], &list->ranges[i + 1]) <
		    cost_of_joining(&list->ranges[best], &list->ranges[best + 1]))
			best = i;
	join_next(list, best);
}

static void take_list(struct ledger *l, struct list *list)
{
	struct list joined = {0};

	while (list->n > LEDGER_RANGES)
		join_cheapest(list);
	/* Joined ranges may now equal their neighbours. */
	for (uint32_t i = 0; i < list->n; i++)
		append_range(&joined, &list->ranges[i]);
	memcpy(l->ranges, joined.ranges, joined.n * sizeof(l->ranges[0]));
	l->n = joined.n;
}

static void put_range(struct ledger *l, const struct ledger_range *r)
{
	struct list list = {0};
	bool placed = false;

	for (uint32_t i = 0; i < l->n; i++) {
		append_part(&list, &l->ranges[i], 0, r->from);
		if (!placed && l->ranges[i].to > r->from) {
			append_range(&list, r);
			placed = true;
		}
		append_part(&list, &l->ranges[i], r->to, UINT64_MAX);
	}
	if (!placed)
		append_range(&list, r);
	take_list(l, &list);
}

void ledger_put(struct ledger *l, uint64_t from, uint64_t to, enum ledger_level level)
{
	if (from < to)
		put_range(l, &(struct ledger_range){from, to, level, l->era});
}

void ledger_put_all(struct ledger *l, const struct ledger *other)
{
	for (uint32_t i = 0; i < other->n; i++)
		ledger_put(l, other->ranges[i].from, other->ranges[i].to,
			   (enum ledger_level)other->ranges[i].level);
}

uint32_t ledger_sync_begins(struct ledger *l)
{
	struct list list = {0};

	for (uint32_t i = 0; i < l->n; i++) {
		struct ledger_range r = l->ranges[i];

		/* An older sync, still under way, need not have covered it. */
		if (r.level == LEDGER_CONFIRMED)
			r.era = l->era;
		append_range(&list, &r);
	}
	take_list(l, &list);
	return l->era++;
}

void ledger_synced(struct ledger *l, uint32_t era)
{
	struct list list = {0};

	for (uint32_t i = 0; i < l->n; i++)
		if (l->ranges[i].level != LEDGER_CONFIRMED || (int32_t)(l->ranges[i].era - era) > 0)
			append_range(&list, &l->ranges[i]);
	take_list(l, &list);
}

void ledger_cut(struct ledger *l, uint64_t size)
{
	struct list list = {0};

	for (uint32_t i = 0; i < l->n; i++)
		append_part(&list, &l->ranges[i], 0, size);
	take_list(l, &list);
}

uint64_t ledger_bytes(const struct ledger *l)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < MIN(l->n, LEDGER_RANGES); i++)
		bytes += l->ranges[i].to - l->ranges[i].from;
	return bytes;
}

uint64_t ledger_end(const struct ledger *l)
{
	return l->n ? l->ranges[MIN(l->n, LEDGER_RANGES) - 1].to : 0;
}

bool ledger_check(struct ledger *l)
{
	struct ledger as_found = *l;
	uint32_t n = MIN(l->n, LEDGER_RANGES);

	l->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct ledger_range r = as_found.ranges[i];

		r.level = MIN(r.level, (uint32_t)LEDGER_CONFIRMED);
		if (r.from < r.to)
			put_range(l, &r);
	}
	return l->n != as_found.n || memcmp(l->ranges, as_found.ranges, l->n * sizeof(l->ranges[0])) != 0;
}
