/* tiers.h: guardctl tiers and tier: where things live, why, and what disagrees about it. Nothing here touches
 * a backend; tiers_size goes through the mount, in a child. One process, one thread; private to guardctl. */
#ifndef GUARDFS_CTL_TIERS_H
#define GUARDFS_CTL_TIERS_H

#include "base/mounts.h"
#include "config/tiermap.h"
#include "ctl/ctl.h"

#define TIERS_MANIFEST_MAX (1u << 20) /* as much as keeper reads */

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

/* Adds to what was found. disagreement: counts for the exit status; else it is only worth knowing. remedy: a
 * sentence, or "". */
void tiers_find(struct tiers *t, const char *kind, bool disagreement, const char *path, const char *remedy,
		const char *format, ...) PRINTF_LIKE(6, 7);

/* How many disagreements. */
unsigned tiers_disagreements(const struct tiers *t);

/* For mount_scan: a mount that stands in the way. arg: the struct tiers. */
bool tiers_judge_mount(void *arg, const struct mount_entry *entry);

/* A string for JSON, whatever bytes it has. */
json_t *tiers_string(const char *s);

/* ---- tiers_local.c: the local tier's own directory; never across a mount ---- */

/* Job directories there, those that a pattern would have routed elsewhere, and what routes hide. After the
 * routes are known. */
void tiers_look_at_local(struct tiers *t);

enum tiers_local_state { TIERS_LOCAL_MISSING, TIERS_LOCAL_EMPTY, TIERS_LOCAL_HOLDS };

/* What the local tier has at a path relative to the mount: nothing, an empty directory, or something. */
enum tiers_local_state tiers_local_at(const struct config *config, const char *path);

/* ---- tiers_size.c ---- */

/* Adds up the disk space used below directory, hard links once, in a child that is given up after timeout_ms.
 * 0, -ETIMEDOUT, or -EIO if part of it could not be seen. */
errint_t tiers_size(const char *directory, uint32_t timeout_ms, uint64_t *bytes, uint64_t *files) WARN_UNUSED;

/* ---- tier_edit.c: the manifest as text ---- */

struct tier_edit {
	char *text; /* the new manifest; owned by the caller, free() */
	size_t n;
	uint32_t line;	 /* the line that was added or taken out */
	size_t old_at;	 /* where in the old text that line, or the end that is continued, begins */
	size_t old_size; /* bytes of the old text that are replaced there */
	size_t new_size; /* bytes of the new text in their place */
};

/* Pure: the text with a line "COLD HOT" at its end, or without the line whose hot path is hot (normalised).
 * All other bytes stay; the line end is that of the last line. -ENOMEM; -ENOENT: no such line. */
errint_t tier_edit_add(const char *text, size_t n, const char *cold, const char *hot,
		       struct tier_edit *edit) WARN_UNUSED;
errint_t tier_edit_remove(const char *text, size_t n, const char *hot, struct tier_edit *edit) WARN_UNUSED;

/* Can the manifest say this path? The exit status; says why not. what: what the user calls it. */
int tier_check_field(const char *what, const char *path) WARN_UNUSED;

/* The manifest's line for a path relative to the mount, as the parser of guardfs reads it. 1 with *route, 0:
 * it has none, -1 after having said what is wrong with the manifest. */
int tier_line_of(const struct config *config, const char *path, struct route *route) WARN_UNUSED;

enum tier_switch {
	TIER_SWITCH_CHECK, /* would it be accepted? */
	TIER_SWITCH_SHOW,  /* the same, and prints the diff */
	TIER_SWITCH_DO	   /* makes the change, and waits until it is active */
};

/* The switch of guardctl tier move: the manifest gets a line for hot (absolute) that leads to cold, or loses
 * its line (cold NULL). Unlike tier add it may hide what the local tier holds. If the manifest is as wanted
 * already it only waits. The exit status. */
int tier_switch(struct ctl_instance *instance, const struct ctl_options *options, const struct config *config,
		const char *cold, const char *hot, enum tier_switch how) WARN_UNUSED;

/* The change as a unified diff. */
void tier_edit_print(const struct tier_edit *edit, const char *file, const char *old, FILE *out);

#endif
