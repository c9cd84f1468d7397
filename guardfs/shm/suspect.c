#include "shm/suspect.h"

#define COPY_TRIES 100

static const char *const news_names[SUSPECT_NEWS_COUNT] = {
    [SUSPECT_LOST] = "lost",	   [SUSPECT_POISONED] = "poisoned",   [SUSPECT_FAILED] = "failed",
    [SUSPECT_CRASHED] = "crashed", [SUSPECT_READ] = "read",	      [SUSPECT_RENAMED] = "renamed",
    [SUSPECT_LINKED] = "linked",   [SUSPECT_EXCHANGED] = "exchanged", [SUSPECT_REMOVED] = "removed",
    [SUSPECT_EMPTIED] = "emptied", [SUSPECT_WRITTEN] = "written",     [SUSPECT_CLOSED] = "closed"};

static const char *const verdict_names[SUSPECT_VERDICT_COUNT] = {
    [SUSPECT_PENDING] = "pending", [SUSPECT_TRUNCATED] = "truncated", [SUSPECT_HOLE] = "hole",
    [SUSPECT_DAMAGED] = "damaged", [SUSPECT_MISSING] = "missing",     [SUSPECT_CHANGED] = "changed",
    [SUSPECT_UNKNOWN] = "unknown", [SUSPECT_WHOLE] = "whole",	      [SUSPECT_ACCEPTED] = "accepted",
    [SUSPECT_GONE] = "gone",	   [SUSPECT_REPLACED] = "replaced"};

static unsigned find_name(const char *const *names, unsigned n, const char *name)
{
	unsigned i = 0;

	while (i < n && strcmp(names[i], name) != 0)
		i++;
	return i;
}

const char *suspect_news_name(enum suspect_news news)
{
	return (unsigned)news < SUSPECT_NEWS_COUNT ? news_names[news] : "unknown";
}

enum suspect_news suspect_news_from_name(const char *name)
{
	return (enum suspect_news)find_name(news_names, SUSPECT_NEWS_COUNT, name);
}

const char *suspect_verdict_name(enum suspect_verdict verdict)
{
	return (unsigned)verdict < SUSPECT_VERDICT_COUNT ? verdict_names[verdict] : "unknown";
}

enum suspect_verdict suspect_verdict_from_name(const char *name)
{
	return (enum suspect_verdict)find_name(verdict_names, SUSPECT_VERDICT_COUNT, name);
}

static uint32_t places_used(const struct suspect_table *table)
{
	return MIN(atomic_load(&table->used), SUSPECTS_MAX);
}

bool suspect_copy(const struct suspect_table *table, uint32_t place, struct suspect *copy)
{
	const struct suspect_place *p = &table->places[place];

	for (unsigned tries = 0; place < SUSPECTS_MAX && tries < COPY_TRIES; tries++) {
		uint32_t before = atomic_load(&p->sequence);

		if (before & 1)
			continue;
		if (p->suspect.filed_ns == 0)
			return false;
		memcpy(copy, &p->suspect, sizeof(*copy));
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load(&p->sequence) != before)
			continue;
		copy->why[sizeof(copy->why) - 1] = copy->job[sizeof(copy->job) - 1] = '\0';
		copy->path[sizeof(copy->path) - 1] = copy->object[sizeof(copy->object) - 1] = '\0';
		copy->n_holes = MIN(copy->n_holes, SUSPECT_HOLES_MAX);
		copy->ranges.n = MIN(copy->ranges.n, LEDGER_RANGES);
		return copy->filed_ns != 0;
	}
	return false;
}

static uint32_t count_open(const struct suspect_table *table)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < places_used(table); i++)
		n += table->places[i].suspect.filed_ns &&
		     !suspect_is_settled((enum suspect_verdict)table->places[i].suspect.verdict);
	return n;
}

void suspect_complete(struct suspect_table *table)
{
	uint32_t place = atomic_load(&table->putting) - 1;
	struct suspect_place *p;
	uint32_t before;

	if (place >= SUSPECTS_MAX)
		return;
	p = &table->places[place];
	/* Odd already, if a keeper died here. */
	before = atomic_load(&p->sequence) | 1;
	atomic_store(&p->sequence, before);
	memcpy(&p->suspect, &table->put, sizeof(p->suspect));
	atomic_store(&p->sequence, before + 1);
	if (place >= atomic_load(&table->used))
		atomic_store(&table->used, place + 1);
	atomic_store(&table->open, count_open(table));
	atomic_store(&table->putting, 0);
}

void suspect_put(struct suspect_table *table, uint32_t place, const struct suspect *suspect)
{
	memcpy(&table->put, suspect, sizeof(table->put));
	atomic_store(&table->putting, place + 1);
	suspect_complete(table);
}

bool suspect_path_is_below(const char *path, const char *above)
{
	size_t n = strlen(above);

	return n == 0 || (strncmp(path, above, n) == 0 && (path[n] == '/' || path[n] == '\0'));
}

/* In place; the sequence tells afterwards whether to believe it. */
static bool place_concerns(const struct suspect_place *p, uint32_t backend, const char *object)
{
	uint32_t before = atomic_load(&p->sequence);
	bool concerns = p->suspect.filed_ns && p->suspect.backend == backend &&
			!suspect_is_settled((enum suspect_verdict)p->suspect.verdict) &&
			p->suspect.object[sizeof(p->suspect.object) - 1] == '\0' &&
			suspect_path_is_below(p->suspect.object, object);

	atomic_thread_fence(memory_order_acquire);
	return concerns || before & 1 || atomic_load(&p->sequence) != before;
}

static bool is_one_below_the_other(const char *a, const char *b)
{
	return a[0] && (suspect_path_is_below(a, b) || suspect_path_is_below(b, a));
}

/* A renamed directory takes along what lies below it. */
static bool note_concerns(const struct suspect_note *n, uint32_t backend, const char *object)
{
	return n->backend == backend && n->news != SUSPECT_READ &&
	       (is_one_below_the_other(n->object, object) || is_one_below_the_other(n->to_object, object));
}

/* Not any note: without keeper each name changed would file another, until a loss finds no room. */
static bool notes_concern(const struct suspect_table *table, uint32_t backend, const char *object)
{
	uint64_t at = SUSPECT_FIRST;
	struct suspect_note note;

	while (suspect_next_note(table, &at, &note))
		if (note_concerns(&note, backend, object))
			return true;
	return false;
}

bool suspect_concerns(const struct suspect_table *table, uint32_t backend, const char *object)
{
	if (!suspect_is_any(table))
		return false;
	/* Notes first: one that is taken meanwhile is in the table by then. */
	if (notes_concern(table, backend, object))
		return true;
	for (uint32_t i = 0; i < places_used(table); i++)
		if (place_concerns(&table->places[i], backend, object))
			return true;
	return false;
}

uint32_t suspect_count_of_job(const struct suspect_table *table, const char *job)
{
	uint32_t n = 0;

	if (!atomic_load(&table->open) || !job[0])
		return 0;
	for (uint32_t i = 0; i < places_used(table); i++) {
		const struct suspect *s = &table->places[i].suspect;

		/* Each of its own moment: a count for people. */
		n += s->filed_ns && !suspect_is_settled((enum suspect_verdict)s->verdict) &&
		     strncmp(s->job, job, sizeof(s->job)) == 0;
	}
	return n;
}

uint32_t suspect_count_below(const struct suspect_table *table, const char *path)
{
	uint32_t n = 0;

	for (uint32_t i = 0; atomic_load(&table->open) && i < places_used(table); i++) {
		const struct suspect *s = &table->places[i].suspect;

		n += s->filed_ns && !suspect_is_settled((enum suspect_verdict)s->verdict) &&
		     s->path[sizeof(s->path) - 1] == '\0' && suspect_path_is_below(s->path, path);
	}
	return n;
}

static uint32_t force_string(char *s, size_t size)
{
	if (memchr(s, '\0', size))
		return 0;
	s[size - 1] = '\0';
	return 1;
}

#define FORCE(s) force_string(s, sizeof(s))

/* A bool other than 0 and 1 must not even be read. */
static uint32_t force_flag(bool *flag)
{
	uint8_t byte;

	memcpy(&byte, flag, 1);
	if (byte <= 1)
		return 0;
	*flag = true;
	return 1;
}

#define FORCE_FLAG(flag) force_flag(&(flag))

static bool is_possible(const struct suspect *s, uint32_t n_backends)
{
	return s->backend < n_backends && s->cause <= SUSPECT_CRASHED && s->verdict < SUSPECT_VERDICT_COUNT;
}

static uint32_t check_suspect(struct suspect *s, uint32_t n_backends)
{
	uint32_t changed =
	    FORCE(s->why) + FORCE(s->job) + FORCE(s->path) + FORCE(s->object) + ledger_check(&s->ranges);

	changed += FORCE_FLAG(s->again) + FORCE_FLAG(s->unwritten) + FORCE_FLAG(s->overwrote);
	if (s->n_holes > SUSPECT_HOLES_MAX) {
		s->n_holes = SUSPECT_HOLES_MAX;
		changed++;
	}
	if (is_possible(s, n_backends))
		return changed;
	s->filed_ns = 0;
	return changed + 1;
}

uint32_t suspect_check(struct suspect_table *table, uint32_t n_backends)
{
	uint32_t changed = suspect_check_notes(table);

	if (atomic_load(&table->used) > SUSPECTS_MAX) {
		atomic_store(&table->used, SUSPECTS_MAX);
		changed++;
	}
	if (atomic_load(&table->putting) > SUSPECTS_MAX) {
		atomic_store(&table->putting, 0);
		changed++;
	}
	suspect_complete(table);
	for (uint32_t i = 0; i < places_used(table); i++) {
		struct suspect_place *p = &table->places[i];

		atomic_store(&p->sequence, (atomic_load(&p->sequence) + 1) & ~1u);
		if (p->suspect.filed_ns)
			changed += check_suspect(&p->suspect, n_backends);
	}
	atomic_store(&table->open, count_open(table));
	return changed;
}
