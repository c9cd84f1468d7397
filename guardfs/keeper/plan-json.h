/* A plan in JSON, for control clients and the journal (docs/PROTOCOL.control.md, PLAN). */
#ifndef GUARDFS_KEEPER_PLAN_JSON_H
#define GUARDFS_KEEPER_PLAN_JSON_H

#include <jansson.h>

struct plan;
struct supervised;

/* A new reference; NULL: out of memory. */
json_t *plan_json(const struct supervised *s, const struct plan *plan);

#endif
