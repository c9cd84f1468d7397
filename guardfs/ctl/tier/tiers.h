/* tiers.h: guardctl tiers and tier: where things live, why, and what disagrees about it. Nothing here touches
 * a backend; tiers_size goes through the mount, in a child. One process, one thread; private to guardctl. */
#ifndef GUARDFS_CTL_TIERS_H
#define GUARDFS_CTL_TIERS_H

#include "base/mounts.h"
#include "config/tiermap.h"
#include "ctl/ctl.h"

/* Inputs, borrowed, and what was found; the JSON is owned. */
struct tiers {
	const struct config *config;
	const json_t *status;
	struct tiermap *map; /* of the manifest, as far as it can be read; owned */
	char manifest_error[CONFIG_ERROR_MAX];
	json_t *routes; /* {path, tier, target, state, class, since, errno, why, why_kind, file, line} */
	json_t *local;	/* {path, why}: job directories on the local tier */
	bool mounted;	/* guardfs is what is seen at the mountpoint */
	json_t *found;	/* {kind, disagreement, path, found, remedy} */
};

/* Fills all of it. 0 or -ENOMEM. Release in either case. */
errint_t tiers_collect(struct tiers *t) WARN_UNUSED;
void tiers_release(struct tiers *t);

/* ---- find.c ---- */

/* Adds to what was found. disagreement: counts for the exit status; else it is only worth knowing. remedy: a
 * sentence, or "". */
void tiers_find(struct tiers *t, const char *kind, bool disagreement, const char *path, const char *remedy,
		const char *format, ...) PRINTF_LIKE(6, 7);

/* How many disagreements. */
unsigned tiers_disagreements(const struct tiers *t);

/* ---- collect.c ---- */

/* For mount_scan: a mount that stands in the way. arg: the struct tiers. */
bool tiers_judge_mount(void *arg, const struct mount_entry *entry);

/* ---- local.c: the local tier's own directory; never across a mount ---- */

/* Job directories there, those that a pattern would have routed elsewhere, and what routes hide. After the
 * routes are known. */
void tiers_look_at_local(struct tiers *t);

/* ---- size.c ---- */

/* Adds up the disk space used below directory, hard links once, in a child that is given up after timeout_ms.
 * 0, -ETIMEDOUT, or -EIO if part of it could not be seen. */
errint_t tiers_size(const char *directory, uint32_t timeout_ms, uint64_t *bytes, uint64_t *files) WARN_UNUSED;

#endif
