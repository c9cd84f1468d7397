/* plan-json.h: a plan in JSON, as control clients and the journal get it (docs/PROTOCOL.control.md, PLAN).
 * Keeper only. */
#ifndef GUARDFS_KEEPER_PLAN_JSON_H
#define GUARDFS_KEEPER_PLAN_JSON_H

#include <jansson.h>

struct plan;
struct supervised;

/* plan is one of backend s. Returns a new reference; NULL: no memory. */
json_t *plan_json(const struct supervised *s, const struct plan *plan);

#endif
