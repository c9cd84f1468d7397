/* show.h: keeper's answers (docs/PROTOCOL.control.md) for people: as text, or as a page.
 *
 * Pure: parsed JSON to a stream. All of it is foreign: members missing or of a wrong type are left out (""
 * or 0), strings are made harmless, impossible times are unknown. */
#ifndef GUARDFS_CTL_SHOW_H
#define GUARDFS_CTL_SHOW_H

#include "base/base.h"
#include <jansson.h>
#include <stdio.h>

/* ---- values ---- */

/* 0: missing, of another type, or not finite. */
double show_number(const json_t *object, const char *key);

/* A number of things, within 0..2^53. */
uint64_t show_count(const json_t *object, const char *key);

/* Seconds since the epoch; 0: missing, or impossible. */
double show_time_of(const json_t *object, const char *key);

/* "2026-01-08 10:00:00 +0000", local time; "an unknown time" for 0. */
void show_time(FILE *out, double when);

/* "4 ms", "4.02 s", "5 min 3 s", "2 h 5 min", "3 d 4 h". */
void show_span(FILE *out, double seconds);

/* "17 B", "4.2 MiB". */
void show_bytes(FILE *out, uint64_t n);

/* Writes foreign text: show_plain on one line for a terminal, html_put (html.h) for a page. */
typedef void (*show_put)(FILE *out, const char *s);
void show_plain(FILE *out, const char *s);

/* As show_plain, padded with blanks to width, and one more. */
void show_cell(FILE *out, const char *s, int width);

/* ---- answers, as text ---- */

/* {"plans":[PLAN]}. begun: carried out, not only planned. */
void show_plans(FILE *out, const json_t *result, bool begun);
void show_diagnosis(FILE *out, const json_t *diagnosis);

/* {"incidents":[INCIDENT],"journal":STATE}: a table, newest first as they come. */
void show_incidents(FILE *out, const json_t *result);

/* {"incident":INCIDENT,"events":[EVENT],...}: figures, then the timeline. */
void show_incident(FILE *out, const json_t *result);

/* status.json's "jobs": a table; now: seconds since the epoch. */
void show_jobs(FILE *out, const json_t *status, double now);

/* ---- parts that text and page share ---- */

/* An event in one line, without its time, kind and text. */
void show_event(FILE *out, const json_t *event, show_put put);

/* For people; of a plan the rungs. Malloc'ed; NULL: none. */
char *show_event_text(const json_t *event) WARN_UNUSED;

/* An incident's figures, one by one: name, and value written to a stream. */
#define SHOW_FIGURES 10
struct show_figure {
	const char *name;
	/* Malloc'ed, escaped by put; NULL: unknown. */
	char *value;
};
void show_figures(const json_t *incident, show_put put, struct show_figure figures[SHOW_FIGURES]);
void show_figures_release(struct show_figure figures[SHOW_FIGURES]);

#endif
