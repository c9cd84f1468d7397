/* Changes one line of the manifest (guardfs-manifest(5)), atomically. Exit statuses as in ctl.h. */
#ifndef GUARDFS_CTL_MANIFEST_MANIFEST_H
#define GUARDFS_CTL_MANIFEST_MANIFEST_H

#include "config/tiermap.h"
#include "ctl/ctl.h"

#define MANIFEST_MAX (1u << 20) /* keeper reads as much */

/* ---- text.c: pure ---- */

struct manifest_change {
	/* New manifest; the caller frees. */
	char *text;
	size_t n;
	/* The line added or removed. */
	uint32_t line;
	/* Place of that line in the old text, or of the last line's end. */
	size_t old_at;
	/* Bytes replaced there. */
	size_t old_size;
	/* Bytes in their place. */
	size_t new_size;
};

/* Adds a line "COLD HOT" at the end, or removes hot's (normalised). Other bytes stay; line ends are as the
 * last line's. -ENOMEM; -ENOENT: no such line. */
errint_t manifest_text_add(const char *text, size_t n, const char *cold, const char *hot,
			   struct manifest_change *edit) WARN_UNUSED;
errint_t manifest_text_remove(const char *text, size_t n, const char *hot,
			      struct manifest_change *edit) WARN_UNUSED;

/* As a unified diff. */
void manifest_text_print(const struct manifest_change *edit, const char *file, const char *old, FILE *out);

/* guardctl tier add, and remove (cold NULL); --dry-run prints. Waits until active, unless instance->status is NULL.
 * The exit status. */
int manifest_edit(struct ctl_instance *instance, const struct ctl_options *options,
		  const struct config *config, const char *cold, const char *hot) WARN_UNUSED;

/* Can the manifest hold path? what: the user's word for it. The exit status. */
int manifest_check_field(const char *what, const char *path) WARN_UNUSED;

/* The line for a path in the mount. 1 with *route; 0: none; -1: bad manifest, as was said. */
int manifest_line_of(const struct config *config, const char *path, struct route *route) WARN_UNUSED;

enum manifest_switch {
	MANIFEST_SWITCH_CHECK, /* only judge */
	MANIFEST_SWITCH_SHOW,  /* judge, print */
	MANIFEST_SWITCH_DO     /* make, wait until active */
};

/* guardctl tier move: sets hot's (absolute) line to cold; NULL: removes it. May hide local content. If the
 * manifest has it, only waits. The exit status. */
int manifest_switch(struct ctl_instance *instance, const struct ctl_options *options,
		    const struct config *config, const char *cold, const char *hot,
		    enum manifest_switch how) WARN_UNUSED;

#endif
