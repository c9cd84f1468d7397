/* The ring of notes. A note is head, ranges, and texts without an end, and is believed once its parts make up
 * its length. */
#include "shm/suspect.h"

enum text { TEXT_PATH, TEXT_OBJECT, TEXT_TO_PATH, TEXT_TO_OBJECT, TEXT_COUNT };

struct record {
	uint32_t units;
	uint32_t news;
	uint64_t real_ns, size;
	uint32_t backend, error;
	uint32_t era;
	uint16_t length[TEXT_COUNT];
	uint8_t overwrote;
	uint8_t n; /* ranges */
};

_Static_assert(sizeof(struct record) % SUSPECT_UNIT == 0 &&
		   sizeof(struct record) + LEDGER_RANGES * sizeof(struct ledger_range) +
			   TEXT_COUNT * (SUSPECT_PATH_MAX - 1) <=
		       SUSPECT_RECORD_MAX,
	       "the largest record");

static size_t place_of(uint32_t at)
{
	return (size_t)(at % SUSPECT_UNITS) * SUSPECT_UNIT;
}

/* By its parts. 0: they cannot be. */
static uint32_t units_of(const struct record *r)
{
	size_t bytes = sizeof(*r) + r->n * sizeof(struct ledger_range);

	if (r->n > LEDGER_RANGES)
		return 0;
	for (unsigned i = 0; i < TEXT_COUNT; i++) {
		if (r->length[i] >= SUSPECT_PATH_MAX)
			return 0;
		bytes += r->length[i];
	}
	return (uint32_t)((bytes + SUSPECT_UNIT - 1) / SUSPECT_UNIT);
}

/* A copy: whoever reads beside keeper may see it being written over. */
static bool read_head(const struct suspect_table *table, uint32_t at, uint32_t end, struct record *r)
{
	memcpy(r, table->notes + place_of(at), sizeof(*r));
	return r->units && r->units == units_of(r) && r->units <= end - at;
}

/* Where the next note begins; nothing after nonsense. */
static uint32_t after(const struct suspect_table *table, uint32_t at, uint32_t end)
{
	struct record r;

	return read_head(table, at, end, &r) ? at + r.units : end;
}

static void unpack(const struct suspect_table *table, uint32_t at, const struct record *r,
		   struct suspect_note *note)
{
	char *texts[TEXT_COUNT] = {[TEXT_PATH] = note->path,
				   [TEXT_OBJECT] = note->object,
				   [TEXT_TO_PATH] = note->to_path,
				   [TEXT_TO_OBJECT] = note->to_object};
	const uint8_t *from = table->notes + place_of(at) + sizeof(*r);

	note->real_ns = r->real_ns;
	note->news = r->news < SUSPECT_NEWS_COUNT ? r->news : SUSPECT_READ; /* it leads to nothing */
	note->backend = r->backend;
	note->error = r->error;
	note->size = r->size;
	note->overwrote = r->overwrote != 0;
	note->ranges = (struct ledger){.n = r->n, .era = r->era};
	memcpy(note->ranges.ranges, from, r->n * sizeof(struct ledger_range));
	(void)ledger_check(&note->ranges);
	from += r->n * sizeof(struct ledger_range);
	for (unsigned i = 0; i < TEXT_COUNT; from += r->length[i++]) {
		memcpy(texts[i], from, r->length[i]);
		texts[i][r->length[i]] = '\0';
	}
}

bool suspect_file(struct suspect_table *table, const struct suspect_report *report)
{
	const char *texts[TEXT_COUNT] = {[TEXT_PATH] = report->path,
					 [TEXT_OBJECT] = report->object,
					 [TEXT_TO_PATH] = report->to_path,
					 [TEXT_TO_OBJECT] = report->to_object};
	static const struct ledger none;
	const struct ledger *ranges = report->ranges ? report->ranges : &none;
	struct record r = {.news = (uint32_t)report->news,
			   .real_ns = report->real_ns,
			   .size = report->size,
			   .backend = report->backend,
			   .error = report->error,
			   .era = ranges->era,
			   .overwrote = report->overwrote,
			   .n = (uint8_t)MIN(ranges->n, LEDGER_RANGES)};
	uint32_t filed = atomic_load(&table->filed);
	uint8_t *to = table->notes + place_of(filed);

	for (unsigned i = 0; i < TEXT_COUNT; i++)
		r.length[i] = texts[i] ? (uint16_t)strnlen(texts[i], SUSPECT_PATH_MAX - 1) : 0;
	r.units = units_of(&r);
	if (filed - atomic_load(&table->taken) + r.units > SUSPECT_UNITS)
		return false;
	memcpy(to, &r, sizeof(r));
	to += sizeof(r);
	memcpy(to, ranges->ranges, r.n * sizeof(struct ledger_range));
	to += r.n * sizeof(struct ledger_range);
	for (unsigned i = 0; i < TEXT_COUNT; to += r.length[i++])
		if (r.length[i])
			memcpy(to, texts[i], r.length[i]);
	atomic_store(&table->filed, filed + r.units);
	return true;
}

bool suspect_peek(const struct suspect_table *table, struct suspect_note *note)
{
	uint32_t taken = atomic_load(&table->taken), filed = atomic_load(&table->filed);
	struct record r;

	if (taken == filed)
		return false;
	if (!read_head(table, taken, filed, &r))
		r = (struct record){.news = SUSPECT_READ};
	unpack(table, taken, &r, note);
	return true;
}

void suspect_taken(struct suspect_table *table)
{
	atomic_store(&table->taken, after(table, atomic_load(&table->taken), atomic_load(&table->filed)));
}

bool suspect_next_note(const struct suspect_table *table, uint64_t *at, struct suspect_note *note)
{
	for (;;) {
		uint32_t taken = atomic_load(&table->taken), filed = atomic_load(&table->filed);
		uint32_t here = (uint32_t)*at;
		struct record r;

		/* Those before are taken. */
		if (*at == SUSPECT_FIRST || here - taken > filed - taken)
			here = taken;
		if (here == filed)
			return false;
		if (read_head(table, here, filed, &r)) {
			unpack(table, here, &r, note);
			*at = here + r.units;
			/* Else it may have been written over meanwhile. The look comes after the copy. */
			atomic_thread_fence(memory_order_acquire);
			if ((int32_t)(here - atomic_load(&table->taken)) >= 0)
				return true;
		} else if (atomic_load(&table->taken) == taken) {
			return false;
		}
	}
}

uint32_t suspect_check_notes(struct suspect_table *table)
{
	uint32_t taken = atomic_load(&table->taken), filed = atomic_load(&table->filed), at = taken;
	struct record r;

	if (filed - taken > SUSPECT_UNITS)
		filed = taken;
	while (at != filed && read_head(table, at, filed, &r))
		at += r.units;
	if (at == atomic_load(&table->filed))
		return 0;
	atomic_store(&table->filed, at);
	return 1;
}
