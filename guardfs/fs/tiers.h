/* Where paths live, by node. Any thread. */
#ifndef GUARDFS_FS_TIERS_H
#define GUARDFS_FS_TIERS_H

#include "fs/context.h"
#include "config/tiermap.h"

/* Takes the first map; completes a dead writer's. Before threads. */
void tiers_init(void);

/* Takes a changed map, and makes its routes' local parents. */
void tiers_refresh(void);

bool tiers_in_use(void);

/* May a child of this local directory be a route, or match a pattern? */
bool tiers_concern(uint32_t parent);

/* Copies the route whose root is `name`. False: none. */
bool tiers_route_at(uint32_t parent, const char *name, struct route *route);

/* Copies the route that a pattern makes for a directory made there. False: none. */
bool tiers_pattern_at(uint32_t parent, const char *name, struct route *route);

/* Is there a route at or below this local path? Then it must not be renamed or removed. */
bool tiers_below(uint32_t parent, const char *name);

/* Adds or removes a pattern-made route on the board's map; keeper saves it. 0 or -errno of
 * tiermap_add/remove. */
errint_t tiers_add(const struct route *route) WARN_UNUSED;
errint_t tiers_remove(const char *path) WARN_UNUSED;

/* Parts of routes directly below a local directory. emit as tiermap_children. */
void tiers_children(uint32_t dir, void (*emit)(void *arg, const char *name, bool is_route), void *arg);

/* Path in the mount: by the nearest route above (the first of several), else below .guardfs/backends. "": the
 * root. 0 or -ENAMETOOLONG. */
errint_t tiers_path_of_target(unsigned backend, const char *target, char *path, size_t size) WARN_UNUSED;

/* As tiers_route_at, pattern-made ones included. */
bool tiers_route_of(uint32_t parent, const char *name, struct route *route);

#endif
