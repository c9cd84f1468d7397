#include "base/trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_owned(const struct stat *st, uid_t user)
{
	return st->st_uid == 0 || st->st_uid == user;
}

static bool is_shared(const struct stat *st, unsigned flags)
{
	if (S_ISLNK(st->st_mode) || !(st->st_mode & (S_IWGRP | S_IWOTH)))
		return false;
	return !(flags & TRUST_STICKY && S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX);
}

errint_t trust_status(const struct stat *st, const char *part, uid_t user, unsigned flags,
		      struct trust_flaw *flaw)
{
	if (is_owned(st, user) && !is_shared(st, flags))
		return 0;
	flaw->kind = is_owned(st, user) ? TRUST_SHARED : TRUST_FOREIGN;
	flaw->owner = st->st_uid;
	flaw->mode = st->st_mode & 07777;
	(void)copy_string(flaw->part, sizeof(flaw->part), part);
	return -EPERM;
}

static errint_t note_missing(struct trust_flaw *flaw, const char *part, int error)
{
	flaw->kind = TRUST_MISSING;
	flaw->error = error;
	(void)copy_string(flaw->part, sizeof(flaw->part), part);
	return -error;
}

static errint_t check_part(const char *part, uid_t user, unsigned flags, struct trust_flaw *flaw)
{
	struct stat st;

	if (lstat(part, &st) < 0)
		return note_missing(flaw, part, errno);
	return trust_status(&st, part, user, flags, flaw);
}

/* Every prefix of path, "/" and path included. */
static errint_t check_chain(const char *path, uid_t user, unsigned flags, struct trust_flaw *flaw)
{
	char part[PATH_MAX];
	errint_t rc = check_part("/", user, flags, flaw);
	size_t n = 0;

	while (rc == 0 && path[n] != '\0') {
		n += strspn(path + n, "/");
		n += strcspn(path + n, "/");
		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		rc = check_part(part, user, flags, flaw);
	}
	return rc;
}

errint_t trust_path(const char *path, uid_t user, unsigned flags, char *resolved, struct trust_flaw *flaw)
{
	errint_t rc;

	if (strlen(path) >= PATH_MAX)
		return note_missing(flaw, path, ENAMETOOLONG);
	if (!realpath(path, resolved))
		return note_missing(flaw, path, errno);
	rc = check_chain(path, user, flags, flaw);
	return rc == 0 ? check_chain(resolved, user, flags, flaw) : rc;
}

void trust_describe(const struct trust_flaw *flaw, char *text, size_t size)
{
	switch (flaw->kind) {
	case TRUST_MISSING:
		snprintf(text, size, "%s: %s", flaw->part, strerror(flaw->error));
		return;
	case TRUST_FOREIGN:
		snprintf(text, size, "%s belongs to user %u", flaw->part, (unsigned)flaw->owner);
		return;
	case TRUST_SHARED:
		break;
	}
	snprintf(text, size, "%s is writable by others (mode %04o)", flaw->part, (unsigned)flaw->mode);
}
