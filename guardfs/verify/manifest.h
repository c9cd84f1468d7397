/* manifest.h: the sizes that HealthArchive has noted of consolidated WARCs (warcs/manifest.json). Private to
 * verify/.
 *
 * Content alone does not tell that a file ends too early if it ends after a whole record, nor that one is
 * gone. */
#ifndef GUARDFS_VERIFY_MANIFEST_H
#define GUARDFS_VERIFY_MANIFEST_H

#include "verify/verify.h"

#define MANIFEST_NAME "manifest.json"
#define MANIFEST_MAX  (64u << 20) /* bytes of the file */

struct manifest;

/* That of the directory open as dir, whose path is given. NULL: there is none, or it cannot be read. Release
 * with manifest_release. */
struct manifest *manifest_load(int dir, const char *path);
void manifest_release(struct manifest *manifest); /* may be NULL */

/* The size in bytes of the file path, which is in the manifest's directory; 0: it is not in it, or nothing is
 * known. */
uint64_t manifest_size(const struct manifest *manifest, const char *path);

/* Calls missing with the path of each file that the manifest names and the directory, open as dir, does not
 * have. */
void manifest_missing(const struct manifest *manifest, int dir,
		      void (*missing)(void *context, const char *path), void *context);

#endif
