/* server.h: what an SFTP server may offer, beyond the protocol or by it, and what its users miss without.
 * Pure.
 */
#ifndef GUARDFS_POLICY_SERVER_H
#define GUARDFS_POLICY_SERVER_H

#include "base/base.h"

enum server_feature {
	SERVER_POSIX_RENAME,
	SERVER_FSYNC,
	SERVER_STATVFS,
	SERVER_APPEND,
	SERVER_FEATURE_COUNT
};

/* A set of features that a server lacks: bit 1 << feature; SERVER_KNOWN: it has been asked. */
#define SERVER_KNOWN (1u << 31)
#define SERVER_LACKS (SERVER_KNOWN | ((1u << SERVER_FEATURE_COUNT) - 1))
/* Of this a server says nothing; it is tried where the configuration has a canary written. */
#define SERVER_TRIED (1u << SERVER_APPEND)

struct server_feature_info {
	const char *name;	/* for people and programs */
	const char *extension;	/* its name in SFTP; NULL: it is none */
	const char *version;	/* the one that sshfs uses */
	const char *without_it; /* what that means, for people */
};

const struct server_feature_info *server_feature_info(enum server_feature feature); /* never NULL */

#endif
