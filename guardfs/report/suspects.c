/* suspects.c: the last suspect files for `.guardfs/suspects`, from the board. */
#include "report/report.h"
#include "report/snapshot.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

static void put_suspect(FILE *out, const struct arena *arena, const struct board_suspect *s)
{
	uint32_t backend = MIN(s->backend, (uint32_t)CONFIG_BACKENDS_MAX - 1);

	fprintf(out, "%llu\t", (unsigned long long)(s->real_ns / NSEC_PER_SEC));
	utf8_print_escaped(out, arena->board.config.backends[backend].name, CONFIG_NAME_MAX);
	fprintf(out, "\t%s\t%llu\t%llu\t", s->written ? "written" : "read", (unsigned long long)s->from,
		(unsigned long long)s->to);
	utf8_print_escaped(out, s->path, sizeof(s->path));
	fputc('\n', out);
}

char *report_suspects(const struct arena *arena, size_t *length)
{
	uint32_t total = atomic_load(&arena->board.suspects_total);
	struct board_suspect suspect;
	char *text = NULL;
	FILE *out = open_memstream(&text, length);

	if (!out)
		return NULL;
	fputs("# since\tbackend\topen for\tfrom\tto\tpath\n", out);
	for (uint32_t n = total; n > 0 && board_get_suspect(&arena->board, n - 1, &suspect); n--)
		put_suspect(out, arena, &suspect);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
