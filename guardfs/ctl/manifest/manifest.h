/* manifest.h: changes the manifest (guardfs-manifest(5)) by one line, as a whole or not at all, for
 * guardctl tier add, remove and move. One process, one thread; private to guardctl. */
#ifndef GUARDFS_CTL_MANIFEST_MANIFEST_H
#define GUARDFS_CTL_MANIFEST_MANIFEST_H

#include "config/tiermap.h"
#include "ctl/ctl.h"

#define MANIFEST_MAX (1u << 20) /* keeper reads as much */

/* ---- text.c: pure ---- */

struct manifest_change {
	/* The new manifest; the caller's to free(). */
	char *text;
	size_t n;
	/* The line added or removed. */
	uint32_t line;
	/* Place in the old text of that line, or of the last line's end. */
	size_t old_at;
	/* Bytes replaced there. */
	size_t old_size;
	/* Bytes in their place. */
	size_t new_size;
};

/* Pure: the text with a line "COLD HOT" at its end, or without hot's line (normalised). Other bytes stay;
 * line ends as the last line's. -ENOMEM; -ENOENT: no such line. */
errint_t manifest_text_add(const char *text, size_t n, const char *cold, const char *hot,
			   struct manifest_change *edit) WARN_UNUSED;
errint_t manifest_text_remove(const char *text, size_t n, const char *hot,
			      struct manifest_change *edit) WARN_UNUSED;

/* As a unified diff. */
void manifest_text_print(const struct manifest_change *edit, const char *file, const char *old, FILE *out);

/* ---- edit.c ---- */

/* guardctl tier add and remove: adds "COLD HOT", or (cold NULL) removes hot's line; --dry-run prints the
 * change. Waits until it is active, unless instance->status is NULL. The exit status; says what is wrong. */
int manifest_edit(struct ctl_instance *instance, const struct ctl_options *options,
		  const struct config *config, const char *cold, const char *hot) WARN_UNUSED;

/* Can the manifest hold this path? The exit status; says why not. what: the user's word for it. */
int manifest_check_field(const char *what, const char *path) WARN_UNUSED;

/* The line of a path relative to the mount, by guardfs's parser. 1 with *route; 0: none; -1: the manifest
 * is bad, as was said. */
int manifest_line_of(const struct config *config, const char *path, struct route *route) WARN_UNUSED;

enum manifest_switch {
	MANIFEST_SWITCH_CHECK, /* would it be accepted? */
	MANIFEST_SWITCH_SHOW,  /* the same, with the diff */
	MANIFEST_SWITCH_DO     /* makes the change, waits until it is active */
};

/* guardctl tier move's switch: hot (absolute) gets a line to cold, or (NULL) loses it. May hide local
 * content, unlike tier add. Only waits if the manifest is as wanted. The exit status. */
int manifest_switch(struct ctl_instance *instance, const struct ctl_options *options,
		    const struct config *config, const char *cold, const char *hot,
		    enum manifest_switch how) WARN_UNUSED;

#endif
