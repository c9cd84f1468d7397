/* Reports for people and programs.
 *
 * Made from the board and /proc/PID/stat, never from a backend: they come while all else is stuck. May allocate;
 * takes no lock. Any process with the arena but guardian, any thread. A damaged arena is shown as far as it makes
 * sense. Functions return malloc'ed terminated text, the caller's, and its length; NULL: out of memory. Times:
 * CLOCK_REALTIME in seconds; 0: unknown. */
#ifndef GUARDFS_REPORT_REPORT_H
#define GUARDFS_REPORT_REPORT_H

#include "base/base.h"
#include "shm/arena.h"

#define REPORT_SCHEMA	  1
#define REPORT_HEALTH_MAX 1024 /* enough for every health line */

struct json_t;

/* JSON array of policy/server.h's names; null: unknown. The caller's. */
struct json_t *report_server_lacks(uint32_t lacks) WARN_UNUSED;

/* For people: backends and routes, since when, why, guardfs's action, next try, advice. Local time. */
char *report_status_text(const struct arena *arena, size_t *length) WARN_UNUSED;

/* guardfs(8), STATUS.JSON, with a newline. Bytes that are not UTF-8 become U+FFFD. */
char *report_status_json(const struct arena *arena, size_t *length) WARN_UNUSED;

/* One line, STATE CLASS SINCE[ DETAIL]\n, as in guardfs(8). Of several reasons the worst backend's comes
 * first, then the worst route's. Control characters in DETAIL as \xHH. Writes at most size (>= 64) bytes,
 * terminated; truncated lines end in a newline. Returns the length. */
size_t report_health_line(const struct arena *arena, char *buf, size_t size);

/* Lines PATH \t BACKEND \t STATE \t CLASS \t SINCE \n, sorted by path. A route is as bad as its backend.
 * Control characters, those that turn text, backslashes and invalid UTF-8 in PATH as \xHH. No routes: "". */
char *report_routes(const struct arena *arena, size_t *length) WARN_UNUSED;

/* The board's last incidents, newest first, below a comment line (guardfs(8)). */
char *report_incidents(const struct arena *arena, size_t *length) WARN_UNUSED;

/* Suspect files and the last settled ones, in that form. */
char *report_suspects(const struct arena *arena, size_t *length) WARN_UNUSED;

/* Prometheus's text format (guardfs(8), METRICS). NULL also if incomplete. */
char *report_metrics(const struct arena *arena, size_t *length) WARN_UNUSED;

/* In report_jobs_visit's order, below a comment line (guardfs(8)). */
char *report_jobs(const struct arena *arena, size_t *length) WARN_UNUSED;

/* Jobs in status.json. */
#define REPORT_JOBS_MAX 256

/* What guardfs does about it, in a few words, of an element of status.json's backends. Static. */
const char *report_activity(const struct json_t *backend);

/* Status text from status.json, for guardctl. Missing or wrong members are empty or 0. now: seconds. Pure but for the
 * time zone. */
char *report_text_from_json(const struct json_t *status, int64_t now, size_t *length) WARN_UNUSED;

#endif
