/* Optional features of SFTP servers. */
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

/* Bits 1 << feature; SERVER_KNOWN: the server was asked. */
#define SERVER_KNOWN (1u << 31)
#define SERVER_LACKS (SERVER_KNOWN | ((1u << SERVER_FEATURE_COUNT) - 1))
/* Servers do not announce it; a canary tries it. */
#define SERVER_TRIED (1u << SERVER_APPEND)

struct server_feature_info {
	const char *name;
	/* In SFTP; NULL: no extension. */
	const char *extension;
	/* As sshfs uses it. */
	const char *version;
	/* For people. */
	const char *without_it;
};

const struct server_feature_info *server_feature_info(enum server_feature feature); /* Never NULL. */

#endif
