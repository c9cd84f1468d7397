/* `.guardfs/incidents` from the board, without keeper or its database. */
#include "report/report.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void put_time(FILE *out, uint64_t ns)
{
	time_t t = (time_t)(ns / NSEC_PER_SEC);
	struct tm tm;
	char text[40];

	if (ns && localtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &tm))
		fputs(text, out);
	else
		fputc('-', out);
}

static void put_incident(FILE *out, const struct board_incident *i)
{
	uint64_t end_ns = i->recovered_ns ? i->recovered_ns : i->closed_ns;

	fprintf(out, "%llu\t%s\t", (unsigned long long)i->id, i->drill ? "drill" : "incident");
	put_time(out, i->began_ns);
	fputc('\t', out);
	if (i->closed_ns)
		fprintf(
		    out, "%llu",
		    (unsigned long long)(end_ns > i->began_ns ? (end_ns - i->began_ns) / NSEC_PER_SEC : 0));
	else
		fputs("open", out);
	fputc('\t', out);
	utf8_print_escaped(out, i->backend, sizeof(i->backend));
	fprintf(out, "\t%s\t%s\t%u\t%llu\t", i->of_routes ? "routes" : "backend",
		errclass_info((enum errclass)i->errclass)->name, i->callers, (unsigned long long)i->failed);
	utf8_print_escaped(out, i->detail, sizeof(i->detail));
	fputc('\n', out);
}

char *report_incidents(const struct arena *arena, size_t *length)
{
	struct board_incident incident;
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		return NULL;
	fputs("# number\tkind\tbegan\tseconds\tbackend\tscope\tclass\tcallers\tfailed\tdetail\n", out);
	for (uint32_t n = 0; board_get_incident(&arena->board, n, &incident); n++)
		put_incident(out, &incident);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
