/* utf8.h: bytes of unknown origin (paths, messages of servers) made fit for JSON and for terminals. Pure. */
#ifndef GUARDFS_BASE_UTF8_H
#define GUARDFS_BASE_UTF8_H

#include "base/base.h"
#include <stdio.h>

/* Length (1..4) of the well-formed UTF-8 sequence at s, of which at most n bytes may be looked at, and its
 * code point in *code (may be NULL). 0: not well-formed (overlong forms, surrogates and numbers above
 * U+10FFFF included). n >= 1. */
unsigned utf8_sequence(const char *s, size_t n, uint32_t *code);

/* A malloc'ed, terminated copy of the string s (at most max bytes, ending at the first NUL) in which every
 * byte that is not part of well-formed UTF-8 is replaced by U+FFFD. JSON knows no other encoding: two paths
 * that differ only in such bytes look equal in it. NULL when memory is short; the caller frees. */
char *utf8_clean(const char *s, size_t max);

/* Writes s (as above) to out so that it stays on one line and cannot steer a terminal: control characters,
 * backslashes and bytes that are not UTF-8 become \xHH. */
void utf8_print_escaped(FILE *out, const char *s, size_t max);

#endif
