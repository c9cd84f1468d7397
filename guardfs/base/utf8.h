/* Bytes of unknown origin made fit for JSON and terminals. Pure. */
#ifndef GUARDFS_BASE_UTF8_H
#define GUARDFS_BASE_UTF8_H

#include "base/base.h"
#include <stdio.h>

/* Length (1..4) of the UTF-8 sequence in the first n (>= 1) bytes, and its code point (may be NULL). 0:
 * malformed, overlong, surrogate, or above U+10FFFF. */
unsigned utf8_sequence(const char *s, size_t n, uint32_t *code);

/* malloc'ed copy of at most max bytes, up to NUL, with U+FFFD for each malformed byte. NULL: out of
 * memory. */
char *utf8_clean(const char *s, size_t max);

/* It turns the direction of the text around it, or breaks its line: a name with it shows as another. */
bool utf8_turns(uint32_t code);

/* So that s cannot steer a terminal, nor show as something else: control characters, those that turn text, backslashes
 * and malformed bytes as \xHH, byte by byte. */
void utf8_print_escaped(FILE *out, const char *s, size_t max);

#endif
