#include "base/utf8.h"
#include <stdlib.h>

#define REPLACEMENT	   "\xEF\xBF\xBD"
#define REPLACEMENT_LENGTH 3

/* By the first byte, with its bits of the code point; 0: no first byte. */
static unsigned announced_length(unsigned char first, uint32_t *bits)
{
	if (first < 0x80) {
		*bits = first;
		return 1;
	}
	if (first >= 0xC2 && first < 0xE0) {
		*bits = first & 0x1Fu;
		return 2;
	}
	if (first >= 0xE0 && first < 0xF0) {
		*bits = first & 0x0Fu;
		return 3;
	}
	if (first >= 0xF0 && first < 0xF5) {
		*bits = first & 0x07u;
		return 4;
	}
	return 0;
}

unsigned utf8_sequence(const char *s, size_t n, uint32_t *code)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t bits = 0;
	unsigned length = announced_length((unsigned char)s[0], &bits);

	if (length == 0 || length > n)
		return 0;
	for (unsigned i = 1; i < length; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c & 0xC0) != 0x80)
			return 0;
		bits = bits << 6 | (c & 0x3Fu);
	}
	if (bits < least[length] || bits > 0x10FFFF || (bits >= 0xD800 && bits < 0xE000))
		return 0;
	if (code)
		*code = bits;
	return length;
}

char *utf8_clean(const char *s, size_t max)
{
	size_t n = strnlen(s, max), used = 0;
	char *clean = malloc(n * REPLACEMENT_LENGTH + 1);

	if (!clean)
		return NULL;
	for (size_t i = 0; i < n;) {
		unsigned length = utf8_sequence(s + i, n - i, NULL);

		if (length) {
			memcpy(clean + used, s + i, length);
			used += length;
			i += length;
		} else {
			memcpy(clean + used, REPLACEMENT, REPLACEMENT_LENGTH);
			used += REPLACEMENT_LENGTH;
			i++;
		}
	}
	clean[used] = '\0';
	return clean;
}

bool utf8_turns(uint32_t code)
{
	return code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
	       (code >= 0x2066 && code <= 0x2069);
}

void utf8_print_escaped(FILE *out, const char *s, size_t max)
{
	size_t n = strnlen(s, max);

	for (size_t i = 0; i < n;) {
		uint32_t code = 0;
		unsigned length = utf8_sequence(s + i, n - i, &code);
		/* Some terminals obey U+0080..U+009F. */
		bool harmless = length && code >= 0x20 && (code < 0x7F || code > 0x9F) && code != '\\' &&
				!utf8_turns(code);

		if (harmless) {
			fwrite(s + i, 1, length, out);
			i += length;
		} else {
			fprintf(out, "\\x%02X", (unsigned char)s[i]);
			i++;
		}
	}
}
