/* utf8.h: bytes of unknown origin (paths, servers' messages) made fit for JSON and terminals. Pure. */
#ifndef GUARDFS_BASE_UTF8_H
#define GUARDFS_BASE_UTF8_H

#include "base/base.h"
#include <stdio.h>

/* Length (1..4) of the well-formed UTF-8 sequence in the first n (>= 1) bytes of s, and its code point
 * (NULL: not wanted). 0: not well-formed, as overlong forms, surrogates, numbers above U+10FFFF. */
unsigned utf8_sequence(const char *s, size_t n, uint32_t *code);

/* A malloc'ed copy of s (at most max bytes, up to NUL) with U+FFFD for each byte outside well-formed
 * UTF-8, for JSON: paths that differ only there look equal. NULL: out of memory. */
char *utf8_clean(const char *s, size_t max);

/* Writes s (as above) on one line that cannot steer a terminal: control characters, backslashes and bytes
 * that are not UTF-8 become \xHH. */
void utf8_print_escaped(FILE *out, const char *s, size_t max);

#endif
