/* manifest.h: the manifest (docs/man, guardfs-manifest), changed by one line: as a whole or not at all. For
 * guardctl tier add, remove and move. One process, one thread; private to guardctl. */
#ifndef GUARDFS_CTL_MANIFEST_MANIFEST_H
#define GUARDFS_CTL_MANIFEST_MANIFEST_H

#include "config/tiermap.h"
#include "ctl/ctl.h"

#define MANIFEST_MAX (1u << 20) /* as much as keeper reads */

/* ---- text.c: pure ---- */

struct manifest_change {
	char *text; /* the new manifest; owned by the caller, free() */
	size_t n;
	uint32_t line;	 /* the line that was added or taken out */
	size_t old_at;	 /* where in the old text that line, or the end that is continued, begins */
	size_t old_size; /* bytes of the old text that are replaced there */
	size_t new_size; /* bytes of the new text in their place */
};

/* Pure: the text with a line "COLD HOT" at its end, or without the line whose hot path is hot (normalised).
 * All other bytes stay; the line end is that of the last line. -ENOMEM; -ENOENT: no such line. */
errint_t manifest_text_add(const char *text, size_t n, const char *cold, const char *hot,
			   struct manifest_change *edit) WARN_UNUSED;
errint_t manifest_text_remove(const char *text, size_t n, const char *hot,
			      struct manifest_change *edit) WARN_UNUSED;

/* The change as a unified diff. */
void manifest_text_print(const struct manifest_change *edit, const char *file, const char *old, FILE *out);

/* ---- edit.c ---- */

/* guardctl tier add and remove: a line "COLD HOT" is added, or (cold NULL) the line for hot taken out. With
 * --dry-run the change is printed. Waits until the change is active, if instance->status is not NULL. The
 * exit status; says what is wrong. */
int manifest_edit(struct ctl_instance *instance, const struct ctl_options *options,
		  const struct config *config, const char *cold, const char *hot) WARN_UNUSED;

/* Can the manifest say this path? The exit status; says why not. what: what the user calls it. */
int manifest_check_field(const char *what, const char *path) WARN_UNUSED;

/* The manifest's line for a path relative to the mount, as the parser of guardfs reads it. 1 with *route, 0:
 * it has none, -1 after having said what is wrong with the manifest. */
int manifest_line_of(const struct config *config, const char *path, struct route *route) WARN_UNUSED;

enum manifest_switch {
	MANIFEST_SWITCH_CHECK, /* would it be accepted? */
	MANIFEST_SWITCH_SHOW,  /* the same, and prints the diff */
	MANIFEST_SWITCH_DO     /* makes the change, and waits until it is active */
};

/* The switch of guardctl tier move: the manifest gets a line for hot (absolute) that leads to cold, or loses
 * its line (cold NULL). Unlike tier add it may hide what the local tier holds. If the manifest is as wanted
 * already it only waits. The exit status. */
int manifest_switch(struct ctl_instance *instance, const struct ctl_options *options,
		    const struct config *config, const char *cold, const char *hot,
		    enum manifest_switch how) WARN_UNUSED;

#endif
