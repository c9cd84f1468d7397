/* html.h: an incident as a page that stands alone: guardctl report. Pure, as show.h. */
#ifndef GUARDFS_CTL_HTML_H
#define GUARDFS_CTL_HTML_H

#include "ctl/show.h"

/* The answer to `incident` as one HTML page: no script, nothing loaded from anywhere. name: of the guardfs;
 * now: seconds since the epoch. */
void html_report(FILE *out, const json_t *result, const char *name, double now);

/* ---- html_text.c ---- */

/* Foreign text in HTML, in text as well as in quoted attributes: markup characters become entities, control
 * characters other than newline U+FFFD. */
void html_put(FILE *out, const char *s);

/* "healthy", ..., a name that can stand in a class attribute; "unknown" for all other text. */
const char *html_state(const char *state);

/* ---- html_chart.c ---- */

/* The picture: states over time, errors and latency, as an <svg>. */
void html_chart(FILE *out, const json_t *result);

#endif
