/* A result in one line. */
#include "verify/verify.h"
#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

static bool has_members(const struct verify_result *r)
{
	return r->kind == VERIFY_GZIP || r->kind == VERIFY_WARC_GZIP;
}

static bool has_records(const struct verify_result *r)
{
	return r->kind == VERIFY_WARC || r->kind == VERIFY_WARC_GZIP;
}

static void put_counts(FILE *out, const struct verify_result *r)
{
	const char *between = "";

	if (has_members(r) && r->members) {
		fprintf(out, "%" PRIu64 " member%s", r->members, r->members == 1 ? "" : "s");
		between = ", ";
	}
	if (has_records(r) && r->records) {
		fprintf(out, "%s%" PRIu64 " record%s", between, r->records, r->records == 1 ? "" : "s");
		between = ", ";
	}
	fprintf(out, "%s%" PRIu64 " bytes", between, r->size);
}

static void put_ranges(FILE *out, const struct verify_result *r)
{
	for (unsigned i = 0; i < r->n_ranges; i++)
		fprintf(out, "%s%" PRIu64 "-%" PRIu64, i ? ", " : "", r->ranges[i].from, r->ranges[i].to - 1);
	if (r->more_ranges)
		fputs(", and more", out);
}

static void put_where(FILE *out, const struct verify_result *r)
{
	if (r->verdict == VERIFY_HOLE && r->n_ranges > 0) {
		fputs(" at bytes ", out);
		put_ranges(out, r);
	} else {
		fprintf(out, " at byte %" PRIu64, r->at);
	}
	fprintf(out, ": %s", verify_reason_text(r->reason));
	if (r->kind == VERIFY_DATA || r->level == VERIFY_LEVEL_STAT)
		fprintf(out, " (%" PRIu64 " bytes)", r->size);
	else
		fprintf(out, "; the last whole %s ends at %" PRIu64 " of %" PRIu64,
			has_records(r) ? "record" : "member", r->whole_to, r->size);
}

void verify_put_text(FILE *out, const struct verify_result *r)
{
	fputs(verify_verdict_name(r->verdict), out);
	switch (r->verdict) {
	case VERIFY_WHOLE:
		fputs(" (", out);
		put_counts(out, r);
		if (r->padding)
			fprintf(out, ", of them %" PRIu64 " zeros behind the end", r->padding);
		fputs(r->grown ? ", and growing)" : ")", out);
		break;
	case VERIFY_EMPTY:
	case VERIFY_MISSING:
	case VERIFY_NOT_A_FILE:
		break;
	case VERIFY_UNKNOWN:
		fprintf(out, ": %s; whole to %" PRIu64 " of %" PRIu64,
			r->error ? strerror(r->error) : verify_reason_text(r->reason), r->whole_to, r->size);
		break;
	default:
		put_where(out, r);
	}
}

static json_t *error_of(const struct verify_result *r)
{
	if (r->verdict == VERIFY_WHOLE)
		return json_null();
	if (r->error)
		return json_string(strerror(r->error));
	return json_string(r->reason ? verify_reason_text(r->reason) : verify_verdict_name(r->verdict));
}

static json_t *ranges_of(const struct verify_result *r)
{
	json_t *ranges = json_array();

	for (unsigned i = 0; ranges && i < r->n_ranges; i++)
		(void)json_array_append_new(
		    ranges, json_pack("[I,I]", (json_int_t)r->ranges[i].from, (json_int_t)r->ranges[i].to));
	return ranges;
}

errint_t verify_put_json(FILE *out, const char *path, const struct verify_result *r)
{
	char *name = utf8_clean(path, strlen(path));
	const char *kind = verify_error_kind(r);
	json_t *line =
	    name ? json_pack(
		       "{s:s, s:s, s:b, s:s?, s:o, s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		       "s:o, s:b, s:b, s:s}",
		       "path", name, "verdict", verify_verdict_name(r->verdict), "ok",
		       r->verdict == VERIFY_WHOLE, "error_kind", kind, "error", error_of(r), "kind",
		       verify_kind_name(r->kind), "level", (int)r->level, "errno", r->error, "size",
		       (json_int_t)r->size, "mtime", (json_int_t)r->mtime_s, "at", (json_int_t)r->at,
		       "whole_to", (json_int_t)r->whole_to, "members", (json_int_t)r->members, "records",
		       (json_int_t)r->records, "inflated", (json_int_t)r->inflated, "padding",
		       (json_int_t)r->padding, "ranges", ranges_of(r), "more_ranges", (int)r->more_ranges,
		       "growing", (int)r->grown, "warc_version", r->version)
		 : NULL;
	errint_t err =
	    line && json_dumpf(line, out, JSON_COMPACT) == 0 && fputc('\n', out) != EOF ? 0 : -ENOMEM;

	json_decref(line);
	free(name);
	return err;
}
