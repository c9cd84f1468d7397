/* A suspect out of the journal, where anybody may have written; and in words. */
#include "keeper/internal.h"
#include "keeper/suspects.h"

#include <jansson.h>
#include <stdio.h>

static uint64_t number_in(const json_t *object, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(object, name));

	return n > 0 ? (uint64_t)n : 0;
}

static const char *text_in(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

bool suspects_unescape(const char *text, char *bytes, size_t size)
{
	size_t n = 0;

	for (; *text && n + 1 < size; n++) {
		int high = text[0] == '\\' && text[1] == 'x' ? hex_digit(text[2]) : -1;
		int low = high >= 0 ? hex_digit(text[3]) : -1;

		bytes[n] = low >= 0 ? (char)(high * 16 + low) : *text;
		text += low >= 0 ? 4 : 1;
	}
	bytes[n] = '\0';
	return *text == '\0';
}

static uint32_t level_from_name(const char *name)
{
	uint32_t level = 0;

	while (level + 1 < LEDGER_LEVEL_COUNT &&
	       strcmp(ledger_level_name((enum ledger_level)level), name) != 0)
		level++;
	return level;
}

static void take_ranges(const json_t *record, struct suspect *s)
{
	const json_t *array = json_object_get(record, "ranges"), *range;
	size_t i;

	json_array_foreach(array, i, range)
	{
		if (i < LEDGER_RANGES)
			ledger_put(&s->ranges, number_in(range, "from"), number_in(range, "to"),
				   (enum ledger_level)level_from_name(text_in(range, "level")));
	}
	array = json_object_get(record, "holes");
	json_array_foreach(array, i, range)
	{
		if (i < SUSPECT_HOLES_MAX)
			s->holes[s->n_holes++] =
			    (struct suspect_range){number_in(range, "from"), number_in(range, "to")};
	}
}

static void take_finding(const json_t *record, struct suspect *s)
{
	s->at = number_in(record, "at");
	s->whole_to = number_in(record, "whole_to");
	s->found_size = number_in(record, "found_size");
	s->found_mtime_s = json_integer_value(json_object_get(record, "found_mtime"));
	s->found_error = (uint32_t)number_in(record, "found_error");
	s->checked_ns = number_in(record, "checked_ns");
	s->tries = (uint32_t)MIN(number_in(record, "tries"), 1000ull);
	(void)copy_string(s->why, sizeof(s->why), text_in(record, "why"));
}

bool suspects_from_json(const struct keeper *k, const json_t *record, struct suspect *s)
{
	int backend = config_find_backend(k->config, text_in(record, "backend"));

	memset(s, 0, sizeof(*s));
	s->filed_ns = number_in(record, "filed_ns");
	s->told_ns = number_in(record, "told_ns");
	s->incident = number_in(record, "incident");
	s->cause = suspect_news_from_name(text_in(record, "cause"));
	s->verdict = suspect_verdict_from_name(text_in(record, "verdict"));
	s->error = (uint32_t)number_in(record, "error");
	s->size = number_in(record, "size");
	s->overwrote = json_is_true(json_object_get(record, "overwrote"));
	s->again = json_is_true(json_object_get(record, "again"));
	take_ranges(record, s);
	take_finding(record, s);
	if (backend < 0 || s->filed_ns == 0 || s->cause > SUSPECT_CRASHED ||
	    s->verdict >= SUSPECT_VERDICT_COUNT ||
	    !suspects_unescape(text_in(record, "path"), s->path, sizeof(s->path)) ||
	    !suspects_unescape(text_in(record, "object"), s->object, sizeof(s->object)))
		return false;
	(void)copy_string(s->job, sizeof(s->job), text_in(record, "job"));
	s->backend = (uint32_t)backend;
	return true;
}

static size_t put_holes(const struct suspect *s, char *text, size_t size)
{
	size_t used = 0;

	for (uint32_t i = 0; i < s->n_holes && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%llu to %llu", i ? ", " : "",
					 (unsigned long long)s->holes[i].from,
					 (unsigned long long)s->holes[i].to - 1);
	return MIN(used, size);
}

void suspects_describe(const struct suspect *s, char *text, size_t size)
{
	const char *name = suspect_verdict_name((enum suspect_verdict)s->verdict);
	char holes[200] = "";

	(void)put_holes(s, holes, sizeof(holes));
	switch ((enum suspect_verdict)s->verdict) {
	case SUSPECT_TRUNCATED:
	case SUSPECT_DAMAGED:
		snprintf(text, size, "%s at byte %llu%s%s; whole to %llu", name, (unsigned long long)s->at,
			 s->why[0] ? ": " : "", s->why, (unsigned long long)s->whole_to);
		break;
	case SUSPECT_HOLE:
		snprintf(text, size, "%s at bytes %s; whole to %llu", name, holes,
			 (unsigned long long)s->whole_to);
		break;
	default:
		snprintf(text, size, "%s%s%s", name, s->why[0] ? ": " : "", s->why);
	}
}
