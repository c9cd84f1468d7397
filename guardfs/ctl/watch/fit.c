#include "ctl/watch/watch.h"
#include "base/utf8.h"

#include <langinfo.h>
#include <stdlib.h>
#include <wchar.h>

struct character {
	/* 0: the end. */
	unsigned bytes;
	/* -1: not to be shown. */
	int columns;
};

static bool is_utf8_locale(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Invisible, or turns the direction of text. */
static bool is_format(uint32_t code)
{
	return (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
	       (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || (code >= 0xFFF9 && code <= 0xFFFB) ||
	       (code >= 0xE0000 && code <= 0xE0FFF);
}

static struct character character_at(const char *s)
{
	size_t n = strnlen(s, 4);
	uint32_t code = 0;
	unsigned bytes = n ? utf8_sequence(s, n, &code) : 0;
	int columns = -1;

	if (!n)
		return (struct character){0, 0};
	if (bytes == 1)
		columns = code >= 0x20 && code < 0x7F ? 1 : -1;
	else if (bytes > 1 && code > 0x9F && !is_format(code) && is_utf8_locale())
		columns = wcwidth((wchar_t)code);
	return columns < 0 ? (struct character){1, -1} : (struct character){bytes, columns};
}

char *watch_clean(const char *s)
{
	char *clean = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&clean, &size);

	if (!out)
		return NULL;
	for (struct character c; (c = character_at(s)).bytes; s += c.bytes) {
		if (c.columns < 0)
			fprintf(out, "\\x%02X", (unsigned char)*s);
		else
			fwrite(s, 1, c.bytes, out);
	}
	return fclose(out) == 0 ? clean : NULL;
}

int watch_columns(const char *clean)
{
	int columns = 0;

	for (struct character c; (c = character_at(clean)).bytes; clean += c.bytes)
		columns += MAX(c.columns, 0);
	return columns;
}

/* Its beginning of at most so many columns, in bytes. *used: its columns. */
static size_t head_of(const char *clean, int columns, int *used)
{
	size_t bytes = 0;

	*used = 0;
	for (struct character c; (c = character_at(clean + bytes)).bytes; bytes += c.bytes) {
		if (*used + c.columns > columns)
			break;
		*used += c.columns;
	}
	return bytes;
}

/* Bytes left out before its end of at most so many columns. */
static size_t tail_of(const char *clean, int columns, int *used)
{
	int all = watch_columns(clean);
	size_t bytes = 0;

	for (struct character c; all > columns && (c = character_at(clean + bytes)).bytes; bytes += c.bytes)
		all -= c.columns;
	/* No mark without its letter. */
	for (struct character c; (c = character_at(clean + bytes)).bytes && c.columns == 0; bytes += c.bytes)
		;
	*used = all;
	return bytes;
}

static char *cut_text(const char *clean, int columns, enum watch_cut cut)
{
	const char *mark = is_utf8_locale() ? "\xE2\x80\xA6" : "~";
	int used, kept = MAX(columns - 1, 0);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (columns < 1) {
		used = kept;
	} else if (cut == WATCH_CUT_START) {
		const char *tail = clean + tail_of(clean, kept, &used);

		fprintf(out, "%s%s", mark, tail);
	} else {
		size_t head = head_of(clean, kept, &used);

		fprintf(out, "%.*s%s", (int)head, clean, mark);
	}
	fprintf(out, "%*s", kept - used, "");
	return fclose(out) == 0 ? text : NULL;
}

char *watch_fit(const char *s, int columns, enum watch_cut cut)
{
	char *clean = watch_clean(s), *text = NULL;
	int used = clean ? watch_columns(clean) : 0;

	if (clean && used > columns)
		text = cut_text(clean, columns, cut);
	else if (clean && asprintf(&text, "%s%*s", clean, columns - used, "") < 0)
		text = NULL;
	free(clean);
	return text;
}

char *watch_wrap(const char **rest, int columns)
{
	const char *from = *rest + strspn(*rest, " ");
	size_t bytes, broken;
	int used;

	if (!*from)
		return NULL;
	bytes = head_of(from, MAX(columns, 4), &used); /* \xHH fits */
	*rest = from + bytes;
	if (**rest && **rest != ' ') {
		for (broken = bytes; broken > 0 && from[broken - 1] != ' '; broken--)
			;
		if (broken > 0) {
			bytes = broken;
			*rest = from + broken;
		}
	}
	while (bytes > 0 && from[bytes - 1] == ' ')
		bytes--;
	return strndup(from, bytes);
}
