/* report.h: status, status.json, health, routes, incidents, metrics, for people and programs.
 *
 * Rendered from the board and /proc/PID/stat of guardfs's processes alone, never from a backend: answers
 * while all else is stuck. May allocate; takes no lock. Any process that maps the arena (not guardian,
 * which allocates nothing), any thread. A damaged arena is shown as far as it makes sense, and never
 * followed out of bounds.
 *
 * Times are CLOCK_REALTIME in whole seconds since the epoch; 0: never, none or unknown. */
#ifndef GUARDFS_REPORT_REPORT_H
#define GUARDFS_REPORT_REPORT_H

#include "base/base.h"
#include "shm/arena.h"

#define REPORT_SCHEMA	  1
#define REPORT_HEALTH_MAX 1024 /* enough for every health line */

struct json_t;

/* Missing features of a server (policy/server.h) as a JSON array; null: unknown. The caller's. */
struct json_t *report_server_lacks(uint32_t lacks) WARN_UNUSED;

/* For people, in local time: state of every backend and route, since when, why, guardfs's action, the next
 * try, advice. A malloc'ed, terminated string and its length; NULL: out of memory. The caller frees. */
char *report_status_text(const struct arena *arena, size_t *length) WARN_UNUSED;

/* For programs: guardfs(8), STATUS.JSON, ending in a newline. JSON takes only UTF-8: other bytes become
 * U+FFFD. Returns as above. */
char *report_status_json(const struct arena *arena, size_t *length) WARN_UNUSED;

/* One line: STATE CLASS SINCE[ DETAIL]\n
 *   STATE   ok        every process runs, every backend and route is healthy, the manifest was read
 *           down      every backend is down
 *           degraded  anything else
 *   CLASS   why: a name from the error table (policy/errclass.h), "unmounted" (somebody
 * has unmounted it: down), "process" (a process of guardfs is missing), "manifest" (it could not be read, the
 * last good one stays), or "none". Of several reasons the worst backend's comes first, then the worst
 * route's. SINCE   seconds since the epoch when that began (ok: when the last trouble ended); 0: not known
 * DETAIL  the rest of the line, for people: which backend and what is known; control characters as \xHH
 * Writes at most size bytes, terminated (truncated lines still end in a newline). Returns the length. size
 * >= 64. */
size_t report_health_line(const struct arena *arena, char *buf, size_t size);

/* One line per route, sorted by path: PATH \t BACKEND \t STATE \t CLASS \t SINCE \n, where a route is as bad
 * as its backend. Control characters, backslashes and invalid UTF-8 in PATH as \xHH. Returns as
 * report_status_text; no routes: an empty string. */
char *report_routes(const struct arena *arena, size_t *length) WARN_UNUSED;

/* The last incidents, newest first, a line each after a comment line with the columns (guardfs(8)). From
 * the board: guardctl incidents has all. Returns as report_status_text. */
char *report_incidents(const struct arena *arena, size_t *length) WARN_UNUSED;

/* Files that may lack acknowledged bytes, and the last settled ones, newest first, in the same form. */
char *report_suspects(const struct arena *arena, size_t *length) WARN_UNUSED;

/* The board's figures in Prometheus's text format (version 0.0.4), as in guardfs(8), METRICS. Unknown ones
 * are absent. Returns as report_status_text; NULL also for a partial result. */
char *report_metrics(const struct arena *arena, size_t *length) WARN_UNUSED;

/* Jobs (shm/job.h) in the order of report_jobs_visit, a line each after a comment line with the columns
 * (guardfs(8)). Returns as report_status_text. */
char *report_jobs(const struct arena *arena, size_t *length) WARN_UNUSED;

/* Jobs in status.json. */
#define REPORT_JOBS_MAX 256

/* report_status_text's text from a parsed status.json, for guardctl. Missing members, or of a wrong type,
 * are shown as empty or 0. now: seconds since the epoch, for ages. Pure but for the time zone. */
char *report_text_from_json(const struct json_t *status, int64_t now, size_t *length) WARN_UNUSED;

#endif
