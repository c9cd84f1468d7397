/* Suspect files (shm/suspect.h). */
#include "report/suspects.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "report/report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* With \xHH for what JSON cannot carry; keeper gets its bytes back. NULL: out of memory. */
static json_t *escaped(const char *path, size_t size)
{
	CLEANUP_FREE char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	utf8_print_escaped(out, path, size);
	return fclose(out) == 0 ? json_stringn(text, length) : NULL;
}

static json_t *ranges_json(const struct ledger *l)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < l->n; i++)
		json_array_append_new(array,
				      json_pack("{s:I, s:I, s:s}", "from", (json_int_t)l->ranges[i].from,
						"to", (json_int_t)l->ranges[i].to, "level",
						ledger_level_name((enum ledger_level)l->ranges[i].level)));
	return array;
}

static json_t *holes_json(const struct suspect *s)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < s->n_holes; i++)
		json_array_append_new(array, json_pack("{s:I, s:I}", "from", (json_int_t)s->holes[i].from,
						       "to", (json_int_t)s->holes[i].to));
	return array;
}

json_t *report_suspect_json(const struct config *config, const struct suspect *s)
{
	CLEANUP_FREE char *job = utf8_clean(s->job, sizeof(s->job));
	uint32_t backend = MIN(s->backend, (uint32_t)CONFIG_BACKENDS_MAX - 1);
	json_t *object, *found;

	object = json_pack("{s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:b, s:s?, s:o, s:o, s:o, s:b, s:b}",
			   "filed_ns", (json_int_t)s->filed_ns, "told_ns", (json_int_t)s->told_ns, "incident",
			   (json_int_t)s->incident, "backend", config->backends[backend].name, "cause",
			   suspect_news_name((enum suspect_news)s->cause), "error", (json_int_t)s->error,
			   "size", (json_int_t)s->size, "overwrote", (int)s->overwrote, "job", job, "path",
			   escaped(s->path, sizeof(s->path)), "object", escaped(s->object, sizeof(s->object)),
			   "ranges", ranges_json(&s->ranges), "again", (int)s->again, "settled",
			   (int)suspect_is_settled((enum suspect_verdict)s->verdict));
	found = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I}", "verdict",
			  suspect_verdict_name((enum suspect_verdict)s->verdict), "why", s->why, "at",
			  (json_int_t)s->at, "whole_to", (json_int_t)s->whole_to, "found_size",
			  (json_int_t)s->found_size, "found_mtime", (json_int_t)s->found_mtime_s,
			  "found_error", (json_int_t)s->found_error, "checked_ns", (json_int_t)s->checked_ns,
			  "holes", holes_json(s), "tries", (json_int_t)s->tries);
	if (!object || !found || json_object_update(object, found) < 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(found);
	return object;
}

/* "6-9,20-29", ends included; "-": none. */
static void put_ranges(FILE *out, const struct ledger *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		fprintf(out, "%s%llu-%llu", i ? "," : "", (unsigned long long)l->ranges[i].from,
			(unsigned long long)l->ranges[i].to - 1);
	if (l->n == 0)
		fputc('-', out);
}

static void put_line(FILE *out, const struct config *config, const struct suspect *s)
{
	uint32_t backend = MIN(s->backend, (uint32_t)CONFIG_BACKENDS_MAX - 1);

	fprintf(out, "%llu\t", (unsigned long long)(s->told_ns / NSEC_PER_SEC));
	utf8_print_escaped(out, config->backends[backend].name, CONFIG_NAME_MAX);
	fprintf(out, "\t%s\t%s\t", suspect_news_name((enum suspect_news)s->cause),
		suspect_verdict_name((enum suspect_verdict)s->verdict));
	put_ranges(out, &s->ranges);
	fprintf(out, "\t%llu\t%llu\t%llu\t", (unsigned long long)s->size, (unsigned long long)s->found_size,
		(unsigned long long)s->whole_to);
	utf8_print_escaped(out, s->job[0] ? s->job : "-", sizeof(s->job));
	fputc('\t', out);
	utf8_print_escaped(out, s->path, sizeof(s->path));
	fputc('\n', out);
}

/* A note that keeper has not taken, as the suspect that it will be. False: none. */
static bool from_note(const struct suspect_note *note, struct suspect *s)
{
	if (note->news > SUSPECT_CRASHED)
		return false;
	memset(s, 0, offsetof(struct suspect, job) + 1);
	s->told_ns = note->real_ns;
	s->backend = note->backend;
	s->cause = note->news;
	s->size = note->size;
	s->ranges = note->ranges;
	s->ranges.n = MIN(s->ranges.n, LEDGER_RANGES);
	memcpy(s->path, note->path, sizeof(s->path));
	s->path[sizeof(s->path) - 1] = '\0';
	return true;
}

/* Newest first. A note taken meanwhile is in the table, or will be. */
static errint_t put_notes(FILE *out, const struct config *config, const struct suspect_table *table,
			  struct suspect *s)
{
	CLEANUP_FREE struct suspect_note *note = malloc(sizeof(*note));
	CLEANUP_FREE uint64_t *places = NULL; /* note i is between places i and i + 1 */
	uint64_t at = SUSPECT_FIRST;
	size_t n = 0, room = 0;

	do {
		if (!note)
			return -ENOMEM;
		if (n == room) {
			uint64_t *more = realloc(places, (room += 256) * sizeof(*places));

			if (!more)
				return -ENOMEM;
			places = more;
		}
		places[n++] = at;
	} while (suspect_next_note(table, &at, note));
	for (n--; n-- > 0;) {
		at = places[n];
		if (suspect_next_note(table, &at, note) && at == places[n + 1] && from_note(note, s))
			put_line(out, config, s);
	}
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return x[0] < y[0] ? 1 : x[0] > y[0] ? -1 : 0;
}

static void put_table(FILE *out, const struct config *config, const struct suspect_table *table,
		      struct suspect *s)
{
	uint64_t order[SUSPECTS_MAX][2]; /* time, index */
	uint32_t n = 0;

	for (uint32_t i = 0; i < MIN(atomic_load(&table->used), SUSPECTS_MAX); i++)
		if (suspect_copy(table, i, s)) {
			order[n][0] = s->told_ns;
			order[n++][1] = i;
		}
	qsort(order, n, sizeof(order[0]), newest_first);
	for (uint32_t i = 0; i < n; i++)
		if (suspect_copy(table, (uint32_t)order[i][1], s))
			put_line(out, config, s);
}

char *report_suspects(const struct arena *arena, size_t *length)
{
	CLEANUP_FREE struct suspect *s = malloc(sizeof(*s));
	char *text = NULL;
	FILE *out = s ? open_memstream(&text, length) : NULL;
	errint_t rc;

	if (!out)
		return NULL;
	fputs("# time\tbackend\tcause\tverdict\tranges\tsize\tfound_size\twhole_to\tjob\tpath\n", out);
	rc = put_notes(out, &arena->board.config, &arena->suspects, s);
	put_table(out, &arena->board.config, &arena->suspects, s);
	if (fclose(out) != 0 || rc < 0) {
		free(text);
		return NULL;
	}
	return text;
}
