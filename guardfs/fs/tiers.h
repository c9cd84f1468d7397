/* tiers.h: which path lives where, seen from nodes. Worker; any thread. */
#ifndef GUARDFS_FS_TIERS_H
#define GUARDFS_FS_TIERS_H

#include "fs/context.h"
#include "config/tiermap.h"

/* The first look at the map; a map that a dead writer left half changed is put in order. Before threads. */
void tiers_init(void);

/* Takes the map from the board if it changed, and makes the local parent directories of its routes. */
void tiers_refresh(void);

/* Are there any routes or patterns at all? */
bool tiers_in_use(void);

/* Could a child of this local directory be a route, or routed by a pattern? False at the price of one
 * comparison when there are none. */
bool tiers_concern(uint32_t parent);

/* Route whose root is `name` in local directory parent; copies it. false: none. */
bool tiers_route_at(uint32_t parent, const char *name, struct route *route);

/* Would a directory made there be routed by a pattern? */
bool tiers_pattern_at(uint32_t parent, const char *name, struct route *route);

/* Are there routes at or below this local path? (It must then not be renamed or removed.) */
bool tiers_below(uint32_t parent, const char *name);

/* Adds a pattern-made route to the board's map, or removes one; keeper is nudged to write it down. 0 or
 * -errno of tiermap_add/remove. */
errint_t tiers_add(const struct route *route) WARN_UNUSED;
errint_t tiers_remove(const char *path) WARN_UNUSED;

/* Route components directly below a local directory, for its listing. emit as tiermap_children. */
void tiers_children(uint32_t dir, void (*emit)(void *arg, const char *name, bool is_route), void *arg);

/* Path relative to the mount of what lies at target on the backend ("" for its root): by the route whose
 * target is nearest above it (of equal ones the first), else below .guardfs/backends. 0 or -ENAMETOOLONG. */
errint_t tiers_path_of_target(unsigned backend, const char *target, char *path, size_t size) WARN_UNUSED;

/* The route that a route's root, known as `name` in local directory parent, belongs to, its pattern included.
 */
bool tiers_route_of(uint32_t parent, const char *name, struct route *route);

#endif
