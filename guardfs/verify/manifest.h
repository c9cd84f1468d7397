/* manifest.h: sizes of consolidated WARCs in HealthArchive's warcs/manifest.json. Private to verify/.
 *
 * Content does not show a file that ends early after a whole record, nor a missing file. */
#ifndef GUARDFS_VERIFY_MANIFEST_H
#define GUARDFS_VERIFY_MANIFEST_H

#include "verify/verify.h"

#define MANIFEST_NAME "manifest.json"
#define MANIFEST_MAX  (64u << 20) /* Bytes. */

struct manifest;

/* Of the directory open as dir. NULL: none, or unreadable. Call manifest_release. */
struct manifest *manifest_load(int dir, const char *path);
void manifest_release(struct manifest *manifest); /* may be NULL */

/* Bytes of the file path in the manifest's directory; 0: unknown. */
uint64_t manifest_size(const struct manifest *manifest, const char *path);

/* Calls missing for each file named in the manifest and not in the directory open as dir. */
void manifest_missing(const struct manifest *manifest, int dir,
		      void (*missing)(void *context, const char *path), void *context);

#endif
