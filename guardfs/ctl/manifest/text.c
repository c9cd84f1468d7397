/* Changes the manifest's text. Pure. */
#include "ctl/manifest/manifest.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BLANKS " \t\r\v\f" /* as config/manifest.c splits */

static uint32_t count_lines(const char *text, size_t n)
{
	uint32_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

/* By the last whole line. */
static bool ends_with_crlf(const char *text, size_t n)
{
	while (n > 0 && text[n - 1] != '\n')
		n--;
	return n > 1 && text[n - 2] == '\r';
}

static errint_t splice(const char *old, size_t n, const char *piece, struct manifest_change *edit)
{
	size_t after = edit->old_at + edit->old_size;

	edit->new_size = strlen(piece);
	edit->n = n - edit->old_size + edit->new_size;
	edit->text = malloc(edit->n + 1);
	if (!edit->text)
		return -ENOMEM;
	memcpy(edit->text, old, edit->old_at);
	memcpy(edit->text + edit->old_at, piece, edit->new_size);
	memcpy(edit->text + edit->old_at + edit->new_size, old + after, n - after);
	edit->text[edit->n] = '\0';
	return 0;
}

errint_t manifest_text_add(const char *text, size_t n, const char *cold, const char *hot,
			   struct manifest_change *edit)
{
	const char *end = ends_with_crlf(text, n) ? "\r\n" : "\n";
	bool open = n > 0 && text[n - 1] != '\n'; /* its last line has no end */
	char *piece = NULL;
	errint_t err;

	*edit = (struct manifest_change){.old_at = n, .line = count_lines(text, n) + 1 + open};
	if (asprintf(&piece, "%s%s %s%s", open ? end : "", cold, hot, end) < 0)
		return -ENOMEM;
	err = splice(text, n, piece, edit);
	free(piece);
	return err;
}

/* Has this line (without its end, not terminated) the path hot? */
static bool is_line_of(const char *line, size_t n, const char *hot)
{
	char *copy = strndup(line, n), *rest, *cold, *field;
	bool same = false;
	char path[CTL_ABSOLUTE_MAX];

	cold = copy ? strtok_r(copy, BLANKS, &rest) : NULL;
	field = cold && *cold != '#' ? strtok_r(NULL, BLANKS, &rest) : NULL;
	if (field && *field == '/' && ctl_path_absolute("/", field, path, sizeof(path)) == 0)
		same = strcmp(path, hot) == 0;
	free(copy);
	return same;
}

errint_t manifest_text_remove(const char *text, size_t n, const char *hot, struct manifest_change *edit)
{
	uint32_t number = 1;

	*edit = (struct manifest_change){.text = NULL};
	for (size_t at = 0; at < n; number++) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t length = end ? (size_t)(end - text) - at : n - at;

		if (is_line_of(text + at, length, hot)) {
			edit->line = number;
			edit->old_at = at;
			edit->old_size = length + (end != NULL);
			return splice(text, n, "", edit);
		}
		at += length + (end != NULL);
	}
	return -ENOENT;
}

/* Carriage returns belong to lines. */
static void print_lines(char mark, const char *text, size_t n, FILE *out)
{
	for (size_t at = 0; at < n;) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t length = end ? (size_t)(end - text) - at : n - at;

		fprintf(out, "%c%.*s\n", mark, (int)length, text + at);
		if (!end)
			fputs("\\ No newline at end of file\n", out);
		at += length + 1;
	}
}

/* Without context, to apply widely: patch, git apply --unidiff-zero. */
void manifest_text_print(const struct manifest_change *edit, const char *file, const char *old, FILE *out)
{
	size_t at = edit->old_at;
	uint32_t before, old_lines, new_lines;

	/* An incomplete last line gets its end: it changes too. */
	while (edit->new_size && at > 0 && old[at - 1] != '\n')
		at--;
	before = count_lines(old, at);
	old_lines = at < edit->old_at || edit->old_size ? 1 : 0;
	new_lines = edit->new_size ? old_lines + 1 : 0;
	fprintf(out, "--- %s\n+++ %s\n@@ -%u,%u +%u,%u @@\n", file, file, before + (old_lines > 0), old_lines,
		before + (new_lines > 0), new_lines);
	print_lines('-', old + at, edit->old_at + edit->old_size - at, out);
	print_lines('+', edit->text + at, edit->old_at + edit->new_size - at, out);
}
