/* Sizes in HealthArchive's warcs/manifest.json. Private to verify/. Content shows neither a missing file nor
 * an early end after a whole record. */
#ifndef GUARDFS_VERIFY_MANIFEST_H
#define GUARDFS_VERIFY_MANIFEST_H

#include "verify/verify.h"

#define MANIFEST_NAME "manifest.json"
#define MANIFEST_MAX  (64u << 20) /* Bytes. */

struct manifest;

/* dir: open. NULL: none, or unreadable. Call manifest_release. */
struct manifest *manifest_load(int dir, const char *path);
void manifest_release(struct manifest *manifest); /* may be NULL */

/* Bytes; 0: unknown. */
uint64_t manifest_size(const struct manifest *manifest, const char *path);

/* Calls missing for files that the manifest names and the open directory dir lacks. */
void manifest_missing(const struct manifest *manifest, int dir,
		      void (*missing)(void *context, const char *path), void *context);

#endif
