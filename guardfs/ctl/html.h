/* html.h: guardctl report: an incident as a page of its own. Pure, as show.h. */
#ifndef GUARDFS_CTL_HTML_H
#define GUARDFS_CTL_HTML_H

#include "ctl/show.h"

/* `incident`'s answer as one HTML page without script or external parts. name: of the guardfs; now:
 * seconds since the epoch. */
void html_report(FILE *out, const json_t *result, const char *name, double now);

/* ---- html_text.c ---- */

/* For HTML text and quoted attributes: markup characters become entities, control characters but newline
 * U+FFFD. */
void html_put(FILE *out, const char *s);

/* A name for a class attribute; "unknown" for foreign text. */
const char *html_state(const char *state);

/* ---- html_chart.c ---- */

/* The picture: states over time, errors and latency, as an <svg>. */
void html_chart(FILE *out, const json_t *result);

#endif
