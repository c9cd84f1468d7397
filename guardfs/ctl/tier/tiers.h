/* guardctl tiers and tier. Only tiers_size touches the mount, in a child. */
#ifndef GUARDFS_CTL_TIERS_H
#define GUARDFS_CTL_TIERS_H

#include "base/mounts.h"
#include "config/tiermap.h"
#include "ctl/ctl.h"

/* Inputs are borrowed, JSON is owned. */
struct tiers {
	const struct config *config;
	const json_t *status;
	/* The manifest's, as far as readable; owned. */
	struct tiermap *map;
	char manifest_error[CONFIG_ERROR_MAX];
	/* {path, tier, target, state, class, since, errno, why, why_kind, file, line} */
	json_t *routes;
	/* Job directories {path, why}. */
	json_t *local;
	bool mounted;
	/* {kind, disagreement, path, found, remedy} */
	json_t *found;
};

/* 0 or -ENOMEM. In either case release. */
errint_t tiers_collect(struct tiers *t) WARN_UNUSED;
void tiers_release(struct tiers *t);

/* disagreement: for the exit status. remedy: a sentence, or "". */
void tiers_find(struct tiers *t, const char *kind, bool disagreement, const char *path, const char *remedy,
		const char *format, ...) PRINTF_LIKE(6, 7);

unsigned tiers_disagreements(const struct tiers *t);

/* For mount_scan: judges a mount in the way. arg: struct tiers. */
bool tiers_judge_mount(void *arg, const struct mount_entry *entry);

/* Finds job directories, those that a pattern would route, and those that routes hide. After the routes are known. */
void tiers_look_at_local(struct tiers *t);

/* Disk space below directory, hard links once. 0, -ETIMEDOUT: the child was given up after timeout_ms, or -EIO:
 * part is unknown. */
errint_t tiers_size(const char *directory, uint32_t timeout_ms, uint64_t *bytes, uint64_t *files) WARN_UNUSED;

#endif
