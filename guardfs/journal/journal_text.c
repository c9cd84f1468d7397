/* journal_text.c: see internal.h. Whatever a server or a program said, what leaves the journal is UTF-8. */
#include "journal/internal.h"

#include <stdlib.h>

#define REPLACEMENT	   "\xEF\xBF\xBD"
#define REPLACEMENT_LENGTH 3

/* Length of the sequence that a first byte announces, and the least and greatest second byte that make it
 * well-formed (Unicode, table 3-7: that excludes overlong forms, surrogates and what lies above U+10FFFF). 0:
 * cannot be first. */
static unsigned announced(unsigned char first, unsigned char *least, unsigned char *greatest)
{
	*least = 0x80;
	*greatest = 0xBF;
	if (first < 0x80)
		return 1;
	if (first < 0xC2 || first > 0xF4)
		return 0;
	if (first < 0xE0)
		return 2;
	if (first < 0xF0) {
		*least = first == 0xE0 ? 0xA0 : 0x80;
		*greatest = first == 0xED ? 0x9F : 0xBF;
		return 3;
	}
	*least = first == 0xF0 ? 0x90 : 0x80;
	*greatest = first == 0xF4 ? 0x8F : 0xBF;
	return 4;
}

/* Length of the well-formed sequence at s (n >= 1 bytes), or 0. */
static unsigned sequence(const char *s, size_t n)
{
	unsigned char least, greatest;
	unsigned length = announced((unsigned char)s[0], &least, &greatest);

	if (length == 0 || length > n)
		return 0;
	for (unsigned i = 1; i < length; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < least || c > greatest)
			return 0;
		least = 0x80;
		greatest = 0xBF;
	}
	return length;
}

char *journal_text_clean(const char *s, size_t n)
{
	char *clean, *p;

	n = n ? strnlen(s, n) : 0;
	clean = malloc(n * REPLACEMENT_LENGTH + 1);
	if (!clean)
		return NULL;
	p = clean;
	for (size_t i = 0; i < n;) {
		unsigned length = sequence(s + i, n - i);

		memcpy(p, length ? s + i : REPLACEMENT, length ? length : REPLACEMENT_LENGTH);
		p += length ? length : REPLACEMENT_LENGTH;
		i += length ? length : 1;
	}
	*p = '\0';
	return clean;
}
