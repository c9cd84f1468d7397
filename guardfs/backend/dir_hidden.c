/* Files removed while open. libfuse in sshfs renames such a file within its directory, to .fuse_hidden
 * and 16 hexadecimal digits, follows further renames, and removes it at its close. */
#include "backend/dir.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#define HIDDEN_PREFIX ".fuse_hidden"
#define HIDDEN_DIGITS 16u

bool backend_is_hidden(const char *name)
{
	size_t n = strlen(HIDDEN_PREFIX);

	return strncmp(name, HIDDEN_PREFIX, n) == 0 &&
	       strspn(name + n, "0123456789abcdef") == HIDDEN_DIGITS && name[n + HIDDEN_DIGITS] == '\0';
}

typedef errint_t (*hidden_fn)(int dir, const char *name, int above);

/* Removes another mount's leftovers; a file open here only gets another name. */
static errint_t remove_hidden(int dir, const char *name, int above)
{
	(void)above;
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static errint_t move_hidden(int dir, const char *name, int above)
{
	char fresh[64];

	snprintf(fresh, sizeof(fresh), HIDDEN_PREFIX "%016llx",
		 (unsigned long long)hash_bytes(clock_real_ns(), name, strlen(name)));
	/* Gone if closed meanwhile. */
	return renameat(dir, name, above, fresh) < 0 && errno != ENOENT ? -errno : 0;
}

static errint_t each_in(const char *entries, size_t n, int dir, int above, hidden_fn act)
{
	errint_t rc = 0;

	for (size_t at = 0; at < n && rc == 0;) {
		const struct dirent64 *e = (const void *)(entries + at);

		at += e->d_reclen;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		rc = backend_is_hidden(e->d_name) ? act(dir, e->d_name, above) : -ENOTEMPTY;
	}
	return rc;
}

static errint_t each_hidden(int above, const char *name, hidden_fn act)
{
	CLEANUP_FD int dir = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	_Alignas(8) char entries[4096];
	errint_t rc = errint(dir);
	ssize_t n;

	while (rc == 0 && (n = getdents64(dir, entries, sizeof(entries))) != 0)
		rc = n < 0 ? -errno : each_in(entries, (size_t)n, dir, above, act);
	return rc;
}

errint_t dir_rmdir_around_hidden(struct backend *b, uint32_t parent, const char *name)
{
	CLEANUP_REACHED struct reached above = REACHED_NONE;
	errint_t rc = dir_reach(b, parent, &above);

	if (rc == 0)
		rc = each_hidden(above.fd, name, remove_hidden);
	if (rc == 0)
		rc = each_hidden(above.fd, name, move_hidden);
	return rc < 0 ? rc : errint(unlinkat(above.fd, name, AT_REMOVEDIR));
}
