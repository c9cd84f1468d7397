/* Health line and routes, for scripts. */
#include "base/cleanup.h"
#include "report/report.h"
#include "report/snapshot.h"
#include "base/utf8.h"

static void print_health(FILE *out, const struct report_snapshot *s)
{
	fprintf(out, "%s %s %llu", health_summary_name(s->summary), s->cause, s->since_ns / NSEC_PER_SEC);
	if (s->reason[0]) {
		fputc(' ', out);
		utf8_print_escaped(out, s->reason, sizeof(s->reason));
	}
}

size_t report_health_line(const struct arena *arena, char *buf, size_t size)
{
	static const char no_memory[] = "degraded process 0 short of memory";
	CLEANUP_FREE struct report_snapshot *s = report_snapshot_take(arena);
	CLEANUP_FREE char *line = NULL;
	size_t length = 0;
	FILE *out = s ? open_memstream(&line, &length) : NULL;

	if (out)
		print_health(out, s);
	if (!out || fclose(out) != 0 || !line) {
		length = MIN(sizeof(no_memory) - 1, size - 2);
		memcpy(buf, no_memory, length);
	} else {
		length = MIN(length, size - 2);
		memcpy(buf, line, length);
	}
	buf[length++] = '\n';
	buf[length] = '\0';
	return length;
}

static void print_route(FILE *out, const struct report_snapshot *s, uint32_t index)
{
	const struct route *route = &s->map.routes[index];
	const struct report_condition *now = &s->routes[index].now;

	utf8_print_escaped(out, route->path, sizeof(route->path));
	fputc('\t', out);
	if (route->backend < s->n_backends)
		utf8_print_escaped(out, s->backends[route->backend].config->name, CONFIG_NAME_MAX);
	fprintf(out, "\t%s\t%s\t%llu\n", health_state_name(now->state), errclass_info(now->class)->name,
		now->since_ns / NSEC_PER_SEC);
}

char *report_routes(const struct arena *arena, size_t *length)
{
	CLEANUP_FREE struct report_snapshot *s = report_snapshot_take(arena);
	char *text = NULL;
	FILE *out = s ? open_memstream(&text, length) : NULL;

	if (!out)
		return NULL;
	for (uint32_t i = 0; i < s->n_routes; i++)
		print_route(out, s, i);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
