/* Keeper's answers (docs/PROTOCOL.control.md) for people.
 *
 * Pure. All is foreign: missing or wrong members become "" or 0, strings harmless, impossible times
 * unknown. */
#ifndef GUARDFS_CTL_SHOW_H
#define GUARDFS_CTL_SHOW_H

#include "base/base.h"
#include <jansson.h>
#include <stdio.h>

/* 0: missing, of another type, or not finite. */
double show_number(const json_t *object, const char *key);

/* Within 0..2^53. */
uint64_t show_count(const json_t *object, const char *key);

/* Seconds since the epoch; 0: unknown. */
double show_time_of(const json_t *object, const char *key);

/* "2026-01-08 10:00:00 +0000", local; "an unknown time" for 0. */
void show_time(FILE *out, double when);

/* "4 ms", "4.02 s", "5 min 3 s", "3 d 4 h". */
void show_span(FILE *out, double seconds);

/* "17 B", "4.2 MiB". */
void show_bytes(FILE *out, uint64_t n);

/* Writes foreign text: on one line of a terminal, or html_put's. */
typedef void (*show_put)(FILE *out, const char *s);
void show_plain(FILE *out, const char *s);

/* Padded to width and a blank more. */
void show_cell(FILE *out, const char *s, int width);

/* {"plans":[PLAN]}. begun: carried out. */
void show_plans(FILE *out, const json_t *result, bool begun);
void show_diagnosis(FILE *out, const json_t *diagnosis);

/* {"incidents":[INCIDENT],"journal":STATE}. */
void show_incidents(FILE *out, const json_t *result);

/* {"incident":INCIDENT,"events":[EVENT],...}: figures, timeline. */
void show_incident(FILE *out, const json_t *result);

/* status.json's jobs. now: seconds since the epoch. */
void show_jobs(FILE *out, const json_t *status, double now);

/* Without time, kind and text. */
void show_event(FILE *out, const json_t *event, show_put put);

/* A plan's rungs, else its text. Malloc'ed; NULL: none. */
char *show_event_text(const json_t *event) WARN_UNUSED;

/* An incident's figures, each a name and a value. */
#define SHOW_FIGURES 10
struct show_figure {
	const char *name;
	/* Malloc'ed, escaped by put; NULL: unknown. */
	char *value;
};
void show_figures(const json_t *incident, show_put put, struct show_figure figures[SHOW_FIGURES]);
void show_figures_release(struct show_figure figures[SHOW_FIGURES]);

#endif
