/* Copies into items; caller's thread. */
#include "base/cleanup.h"
#include "base/log.h"
#include "journal/internal.h"

#include <stdlib.h>

#define NAME_MAX_LENGTH	  256	/* of kind, state, backend and such */
#define DETAIL_MAX_LENGTH 2048	/* of an incident */
#define WHOLE_MAX_LENGTH  65536 /* of routes and memory, useless when cut */
#define CUT_MARK	  "\n[... cut here ...]\n"

const struct journal_item_shape journal_item_shapes[ITEM_TYPE_COUNT] = {
    [ITEM_INCIDENT] = {11, 7}, [ITEM_EVENT] = {3, 8},  [ITEM_SAMPLE] = {6, 2},
    [ITEM_REMEMBER] = {0, 2},  [ITEM_FORGET] = {0, 1}, [ITEM_SUSPECT] = {3, 3},
};

struct text {
	const char *s;
	/* Longer ones are cut in the middle. */
	size_t max;
};

/* Keeps beginning and end. Returns the copy's end. */
static char *copy_cut(char *to, const struct text *text)
{
	size_t n = strnlen(text->s, text->max + 1), mark = strlen(CUT_MARK), front;

	if (n <= text->max) {
		memcpy(to, text->s, n + 1);
		return to + n + 1;
	}
	n = strlen(text->s);
	front = (text->max - mark) / 2;
	memcpy(to, text->s, front);
	memcpy(to + front, CUT_MARK, mark);
	to += front + mark;
	front = text->max - mark - front;
	memcpy(to, text->s + n - front, front + 1);
	return to + front + 1;
}

static size_t room_for(const struct text *texts, unsigned n)
{
	size_t room = 0;

	for (unsigned i = 0; i < n; i++)
		room += texts[i].s ? strnlen(texts[i].s, texts[i].max) + 1 : 0;
	return room;
}

static struct journal_item *make_item(enum journal_item_type type, const uint64_t *numbers,
				      const struct text *texts)
{
	const struct journal_item_shape *shape = &journal_item_shapes[type];
	size_t size = sizeof(struct journal_item) + room_for(texts, shape->n_texts);
	struct journal_item *item = calloc(1, size);
	char *to;

	if (!item)
		return NULL;
	item->type = type;
	item->size = size;
	if (shape->n_numbers)
		memcpy(item->numbers, numbers, shape->n_numbers * sizeof(*numbers));
	to = item->bytes;
	for (unsigned i = 0; i < shape->n_texts; i++) {
		if (!texts[i].s)
			continue;
		item->texts[i] = to;
		to = copy_cut(to, &texts[i]);
	}
	return item;
}

/* False: not kept. */
static bool put_item(struct journal *journal, enum journal_item_type type, const uint64_t *numbers,
		     const struct text *texts)
{
	struct journal_item *item = make_item(type, numbers, texts);
	bool kept = false;

	ACQUIRE_LOCK(&journal->lock);
	if (journal->hopeless)
		free(item);
	else if (!item)
		journal_queue_count_lost(&journal->queue, type);
	else
		kept = journal_queue_put(&journal->queue, item);
	pthread_cond_signal(&journal->wake);
	return kept;
}

static struct text name(const char *s)
{
	return (struct text){s ? s : "", NAME_MAX_LENGTH};
}

static struct text long_text(const char *s, size_t max)
{
	return (struct text){s ? s : "", max};
}

/* Useless when cut: counted as lost. */
static bool too_long(struct journal *journal, enum journal_item_type type, const char *what, const char *s)
{
	if (!s || strnlen(s, WHOLE_MAX_LENGTH + 1) <= WHOLE_MAX_LENGTH)
		return false;
	log_warning("history: %s of more than %d bytes is not kept", what, WHOLE_MAX_LENGTH);
	ACQUIRE_LOCK(&journal->lock);
	journal_queue_count_lost(&journal->queue, type);
	return true;
}

void journal_put_incident(struct journal *journal, const struct journal_incident *in)
{
	bool no_routes = too_long(journal, ITEM_INCIDENT, "a list of routes", in->routes);
	const uint64_t numbers[] = {
	    in->id,	      in->began_ns,  in->detected_ns, in->first_error_ns, in->first_fast_ns,
	    in->recovered_ns, in->closed_ns, in->callers,     in->failed,	  in->bytes_at_risk,
	    in->tries};
	const struct text texts[] = {name(in->kind),
				     name(in->scope),
				     name(in->backend),
				     name(in->class),
				     long_text(in->detail, DETAIL_MAX_LENGTH),
				     name(in->detected_by),
				     {no_routes ? NULL : in->routes, WHOLE_MAX_LENGTH}};

	(void)put_item(journal, ITEM_INCIDENT, numbers, texts);
}

void journal_put_event(struct journal *journal, const struct journal_event *event)
{
	const uint64_t numbers[] = {event->time_ns, event->incident, event->duration_ms};
	const struct text texts[] = {name(event->kind),	      name(event->backend),
				     name(event->from_state), name(event->to_state),
				     name(event->class),      name(event->name),
				     name(event->outcome),    long_text(event->text, JOURNAL_TEXT_MAX)};

	(void)put_item(journal, ITEM_EVENT, numbers, texts);
}

void journal_put_sample(struct journal *journal, const struct journal_sample *sample)
{
	const uint64_t numbers[] = {sample->time_ns, sample->ops,    sample->errors,
				    sample->p50_us,  sample->p99_us, sample->span_ms};
	const struct text texts[] = {name(sample->backend), name(sample->state)};

	(void)put_item(journal, ITEM_SAMPLE, numbers, texts);
}

bool journal_put_suspect(struct journal *journal, const struct journal_suspect *s)
{
	const uint64_t numbers[] = {s->filed_ns, s->changed_ns, s->settled};
	const struct text texts[] = {
	    name(s->backend), long_text(s->job, DETAIL_MAX_LENGTH), {s->record, WHOLE_MAX_LENGTH}};

	return too_long(journal, ITEM_SUSPECT, "a suspect", s->record) ||
	       put_item(journal, ITEM_SUSPECT, numbers, texts);
}

bool journal_is_written(struct journal *journal)
{
	ACQUIRE_LOCK(&journal->lock);
	return journal->queue.count == 0 && !journal->hopeless;
}

void journal_put_memory(struct journal *journal, const char *key, const char *value)
{
	const struct text texts[] = {{key ? key : "", WHOLE_MAX_LENGTH}, {value, WHOLE_MAX_LENGTH}};

	if (!too_long(journal, ITEM_REMEMBER, "a key", key) &&
	    !too_long(journal, ITEM_REMEMBER, "a value", value))
		(void)put_item(journal, value ? ITEM_REMEMBER : ITEM_FORGET, NULL, texts);
}
