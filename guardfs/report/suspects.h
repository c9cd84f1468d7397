/* suspects.h (report): a suspect as programs see it: docs/PROTOCOL.control.md, SUSPECT. Private to report/ and
 * keeper, which also keeps it in the journal. */
#ifndef GUARDFS_REPORT_SUSPECTS_H
#define GUARDFS_REPORT_SUSPECTS_H

#include "shm/arena.h"

struct json_t;

/* A new object; NULL: short of memory. */
struct json_t *report_suspect_json(const struct config *config, const struct suspect *s) WARN_UNUSED;

#endif
