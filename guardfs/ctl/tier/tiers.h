/* tiers.h: guardctl tiers and tier: places, reasons, disagreements. No backend is touched; tiers_size goes
 * through the mount, in a child. One process, one thread; private to guardctl. */
#ifndef GUARDFS_CTL_TIERS_H
#define GUARDFS_CTL_TIERS_H

#include "base/mounts.h"
#include "config/tiermap.h"
#include "ctl/ctl.h"

/* Inputs, borrowed, and findings; the JSON is owned. */
struct tiers {
	const struct config *config;
	const json_t *status;
	/* Of the manifest, as far as readable; owned. */
	struct tiermap *map;
	char manifest_error[CONFIG_ERROR_MAX];
	/* {path, tier, target, state, class, since, errno, why, why_kind, file, line} */
	json_t *routes;
	/* {path, why}: local job directories. */
	json_t *local;
	/* guardfs is visible at the mountpoint. */
	bool mounted;
	/* {kind, disagreement, path, found, remedy} */
	json_t *found;
};

/* 0 or -ENOMEM. In either case release. */
errint_t tiers_collect(struct tiers *t) WARN_UNUSED;
void tiers_release(struct tiers *t);

/* ---- find.c ---- */

/* disagreement: counts for the exit status. remedy: a sentence, or "". */
void tiers_find(struct tiers *t, const char *kind, bool disagreement, const char *path, const char *remedy,
		const char *format, ...) PRINTF_LIKE(6, 7);

unsigned tiers_disagreements(const struct tiers *t);

/* ---- collect.c ---- */

/* For mount_scan: a mount in the way. arg: the struct tiers. */
bool tiers_judge_mount(void *arg, const struct mount_entry *entry);

/* ---- local.c: the local tier's own directory; never across a mount ---- */

/* Local job directories, those that a pattern would route, and those that routes hide. After the routes
 * are known. */
void tiers_look_at_local(struct tiers *t);

/* ---- size.c ---- */

/* Disk space below directory, hard links once, by a child that is given up after timeout_ms. 0,
 * -ETIMEDOUT, or -EIO: part of it is unknown. */
errint_t tiers_size(const char *directory, uint32_t timeout_ms, uint64_t *bytes, uint64_t *files) WARN_UNUSED;

#endif
