/* Items, bounded in number and bytes. */
#include "journal/internal.h"

#include <stdlib.h>

static void free_list(struct journal_item *items)
{
	while (items) {
		struct journal_item *next = items->next;

		free(items);
		items = next;
	}
}

static uint64_t *counter_of(struct journal_lost *lost, enum journal_item_type type)
{
	switch (type) {
	case ITEM_SAMPLE:
		return &lost->samples;
	case ITEM_EVENT:
		return &lost->events;
	default:
		return &lost->others;
	}
}

void journal_queue_count_lost(struct journal_queue *queue, enum journal_item_type type)
{
	++*counter_of(&queue->lost, type);
	++*counter_of(&queue->lost_for_ever, type);
}

void journal_queue_noted(struct journal_queue *queue, const struct journal_lost *noted)
{
	queue->lost.samples -= noted->samples;
	queue->lost.events -= noted->events;
	queue->lost.others -= noted->others;
}

static void append_item(struct journal_queue *queue, struct journal_item *item)
{
	item->next = NULL;
	if (queue->tail)
		queue->tail->next = item;
	else
		queue->head = item;
	queue->tail = item;
	queue->count++;
	queue->bytes += item->size;
}

/* before: the item in front, or NULL. */
static void drop_item(struct journal_queue *queue, struct journal_item *before, struct journal_item *item)
{
	if (before)
		before->next = item->next;
	else
		queue->head = item->next;
	if (queue->tail == item)
		queue->tail = before;
	queue->count--;
	queue->bytes -= item->size;
	free(item);
}

static bool overtaken_by(const struct journal_item *old, const struct journal_item *item)
{
	if (item->type == ITEM_INCIDENT)
		return old->type == ITEM_INCIDENT &&
		       old->numbers[INCIDENT_ID] == item->numbers[INCIDENT_ID] &&
		       (item->texts[INCIDENT_ROUTES] || !old->texts[INCIDENT_ROUTES]);
	if (item->type == ITEM_SUSPECT)
		return old->type == ITEM_SUSPECT &&
		       old->numbers[SUSPECT_ITEM_FILED] == item->numbers[SUSPECT_ITEM_FILED];
	return (item->type == ITEM_REMEMBER || item->type == ITEM_FORGET) &&
	       (old->type == ITEM_REMEMBER || old->type == ITEM_FORGET) &&
	       strcmp(old->texts[MEMORY_KEY], item->texts[MEMORY_KEY]) == 0;
}

static bool drop_overtaken(struct journal_queue *queue, const struct journal_item *item)
{
	struct journal_item *before = NULL;

	for (struct journal_item *i = queue->head; i; before = i, i = i->next) {
		if (overtaken_by(i, item)) {
			drop_item(queue, before, i);
			return true;
		}
	}
	return false;
}

static bool drop_oldest_sample(struct journal_queue *queue)
{
	struct journal_item *before = NULL;

	for (struct journal_item *i = queue->head; i; before = i, i = i->next) {
		if (i->type == ITEM_SAMPLE) {
			drop_item(queue, before, i);
			journal_queue_count_lost(queue, ITEM_SAMPLE);
			return true;
		}
	}
	return false;
}

static bool drop_newest_event(struct journal_queue *queue)
{
	struct journal_item *before = NULL, *event = NULL, *before_event = NULL;

	for (struct journal_item *i = queue->head; i; before = i, i = i->next) {
		if (i->type == ITEM_EVENT) {
			event = i;
			before_event = before;
		}
	}
	if (!event)
		return false;
	drop_item(queue, before_event, event);
	journal_queue_count_lost(queue, ITEM_EVENT);
	return true;
}

static bool fits(const struct journal_queue *queue, const struct journal_item *item)
{
	return queue->count < JOURNAL_QUEUE_MAX && queue->bytes + item->size <= JOURNAL_QUEUE_BYTES;
}

/* Samples give way to events, new events to incidents and memory. */
static bool make_room(struct journal_queue *queue, const struct journal_item *item)
{
	while (!fits(queue, item)) {
		if (drop_overtaken(queue, item) || drop_oldest_sample(queue))
			continue;
		if (item->type == ITEM_SAMPLE || item->type == ITEM_EVENT || !drop_newest_event(queue))
			return false;
	}
	return true;
}

bool journal_queue_put(struct journal_queue *queue, struct journal_item *item)
{
	free_list(queue->done);
	queue->done = NULL;
	if (make_room(queue, item)) {
		append_item(queue, item);
		return true;
	}
	if (item->type != ITEM_SUSPECT)
		journal_queue_count_lost(queue, item->type);
	free(item);
	return false;
}

struct journal_item *journal_queue_take(struct journal_queue *queue)
{
	struct journal_item *items = queue->head;

	queue->head = queue->tail = NULL;
	queue->taken = queue->count;
	queue->taken_bytes = queue->bytes;
	return items;
}

static struct journal_item *last_of(struct journal_item *items)
{
	while (items && items->next)
		items = items->next;
	return items;
}

void journal_queue_return(struct journal_queue *queue, struct journal_item *items)
{
	struct journal_item *last = last_of(items);

	queue->taken = queue->taken_bytes = 0;
	if (!last)
		return;
	last->next = queue->head;
	queue->head = items;
	if (!queue->tail)
		queue->tail = last;
}

void journal_queue_written(struct journal_queue *queue, struct journal_item *items)
{
	struct journal_item *last = last_of(items);

	queue->count -= queue->taken;
	queue->bytes -= queue->taken_bytes;
	queue->taken = queue->taken_bytes = 0;
	if (!last)
		return;
	last->next = queue->done;
	queue->done = items;
}

void journal_queue_clear(struct journal_queue *queue, bool all)
{
	journal_queue_written(queue, journal_queue_take(queue));
	queue->lost = (struct journal_lost){0};
	if (!all)
		return;
	free_list(queue->done);
	queue->done = NULL;
}
