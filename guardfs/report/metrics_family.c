/* Families and samples. */
#include "report/metrics.h"
#include "base/utf8.h"

#include <inttypes.h>

/* As utf8_print_escaped: different bytes stay different (equal series spoil a scrape), routes are named as in
 * .guardfs/routes. Then escaped for the format. */
static void put_value(FILE *out, const char *s, size_t max)
{
	size_t n = strnlen(s, max ? max : SIZE_MAX);

	for (size_t i = 0; i < n;) {
		uint32_t code = 0;
		unsigned length = utf8_sequence(s + i, n - i, &code);

		if (length == 0 || code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == '\\' ||
		    utf8_turns(code)) {
			fprintf(out, "\\\\x%02X", (unsigned char)s[i++]);
			continue;
		}
		if (code == '"')
			fputc('\\', out);
		fwrite(s + i, 1, length, out);
		i += length;
	}
}

static void put_label(struct metrics *m, const struct metric_label *label, char before)
{
	fprintf(m->out, "%c%s=\"", before, label->name);
	put_value(m->out, label->value, label->max);
	fputc('"', m->out);
}

static void put_labels(struct metrics *m, const struct metric_label *labels)
{
	const char *name = m->s->board->config.name;
	char before = '{';

	if (!m->bare) {
		put_label(m, &(struct metric_label){"mount", name, CONFIG_NAME_MAX}, before);
		before = ',';
	}
	for (; labels->name; labels++, before = ',')
		put_label(m, labels, before);
	if (before == ',')
		fputc('}', m->out);
}

void metrics_family(struct metrics *m, const char *name, const char *type, const char *help)
{
	m->name = name;
	m->type = type;
	m->help = help;
	m->headed = false;
}

void metrics_put_part(struct metrics *m, const char *part, const struct metric_label *labels,
		      struct metric_value v)
{
	if (v.kind == METRIC_ABSENT)
		return;
	if (!m->headed)
		fprintf(m->out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
	m->headed = true;
	fprintf(m->out, "%s%s", m->name, part);
	put_labels(m, labels);
	if (v.kind == METRIC_NANOSECONDS)
		fprintf(m->out, " %" PRId64 ".%09" PRId64 "\n", v.n / (int64_t)NSEC_PER_SEC,
			v.n % (int64_t)NSEC_PER_SEC);
	else
		fprintf(m->out, " %" PRId64 "\n", v.n);
}

void metrics_put(struct metrics *m, const struct metric_label *labels, struct metric_value value)
{
	metrics_put_part(m, "", labels, value);
}

bool metrics_backend_is_shown(const struct metrics *m, uint32_t index)
{
	for (uint32_t i = 0; i < index; i++)
		if (strncmp(m->s->backends[i].config->name, m->s->backends[index].config->name,
			    CONFIG_NAME_MAX) == 0)
			return false;
	return true;
}
