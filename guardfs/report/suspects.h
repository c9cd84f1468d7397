/* suspects.h (report): SUSPECT of docs/PROTOCOL.control.md. Private to report/ and keeper, whose journal has
 * it too. */
#ifndef GUARDFS_REPORT_SUSPECTS_H
#define GUARDFS_REPORT_SUSPECTS_H

#include "shm/arena.h"

struct json_t;

/* NULL: out of memory. */
struct json_t *report_suspect_json(const struct config *config, const struct suspect *s) WARN_UNUSED;

#endif
