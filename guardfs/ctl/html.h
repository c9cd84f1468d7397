/* Pages of guardctl report, and that of an incident. Pure, as show.h. */
#ifndef GUARDFS_CTL_HTML_H
#define GUARDFS_CTL_HTML_H

#include "ctl/show.h"

/* `incident`'s answer, without script or external parts. name: guardfs's; now: seconds since the epoch. */
void html_report(FILE *out, const json_t *result, const char *name, double now);

/* A page around others' parts. title: not escaped yet. */
void html_begin(FILE *out, const char *title);
void html_end(FILE *out, double now);

/* An <text> of a picture that ends at x; of a longer one the end of so many bytes at most. */
void html_label(FILE *out, double x, double y, const char *text, size_t max);

/* For text and quoted attributes: markup as entities, control characters but newline as U+FFFD. */
void html_put(FILE *out, const char *s);

/* For a class attribute; "unknown": foreign. */
const char *html_state(const char *state);

/* An <svg>: states, errors, latency. */
void html_chart(FILE *out, const json_t *result);

#endif
