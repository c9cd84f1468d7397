/* A backend's objects as its SFTP server names them. Pure. */
#ifndef GUARDFS_KEEPER_SERVER_PATH_H
#define GUARDFS_KEEPER_SERVER_PATH_H

#include "config/config.h"
#include <limits.h>

struct server_path {
	char text[CONFIG_PATH_MAX + PATH_MAX];
};

/* path: below the backend's root, "" for the root itself; at most PATH_MAX - 2 bytes. */
static inline struct server_path server_path_of(const struct config_backend *b, const char *path)
{
	size_t n = strlen(b->path);
	bool slash = *path && n > 0 && b->path[n - 1] != '/';
	struct server_path p;

	snprintf(p.text, sizeof(p.text), "%s%s%s", n == 0 && !*path ? "." : b->path, slash ? "/" : "", path);
	return p;
}

#endif
