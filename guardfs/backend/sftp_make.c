/* Making and removing names. */
#include "backend/sftp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* A server that does not say what was made is asked. */
static errint_t describe_made(struct backend *b, const struct sftp_link *link, const char *path,
			      struct sftp_attributes *attrs, struct found *found)
{
	errint_t rc = attrs->has ? 0 : client_lstat(&link->user, path, attrs);

	if (rc == 0)
		sftp_describe(b, attrs, found);
	return rc;
}

static errint_t mend_entry(const struct ring_user *user, const struct client_request *request, errint_t rc)
{
	if (request->operation != RING_LINK)
		return sftp_mend_make(user, request->to ? request->to : request->path, false, rc);
	/* Without the extension for it. */
	return rc == -EOPNOTSUPP ? -EPERM : sftp_mend_link(user, request->path, request->to, rc);
}

/* request's path, or with a target its second one, is filled in here. */
static errint_t make_entry(struct backend *b, uint32_t parent, const char *name,
			   struct client_request *request, struct found *found)
{
	struct sftp_attributes attrs;
	struct sftp_place place;
	errint_t rc = sftp_reach(b, parent, name, &place);

	if (rc < 0)
		return rc;
	*(request->path ? &request->to : &request->path) = place.at.path;
	rc = client_change(&place.link->user, request, &attrs);
	if (rc == 0)
		rc = describe_made(b, place.link, place.at.path, &attrs, found);
	else
		rc = mend_entry(&place.link->user, request, rc);
	sftp_leave(b, place.link);
	return rc;
}

errint_t sftp_mkdir(struct backend *b, uint32_t parent, const char *name, mode_t mode, const struct caller *c,
		    struct found *found)
{
	mode_t wanted = guarded_new_mode(b, c, S_IFDIR | (mode & 07777));
	const struct sftp_attributes set = {.has = SFTP_ATTR_PERMISSIONS, .permissions = wanted & 07777};
	struct client_request request = {.operation = RING_MKDIR, .set = &set};

	return make_entry(b, parent, name, &request, found);
}

/* SFTP makes regular files only. */
errint_t sftp_mknod(struct backend *b, uint32_t parent, const char *name, mode_t mode, dev_t rdev,
		    const struct caller *c, struct found *found)
{
	int ref;
	errint_t rc;

	(void)rdev;
	if (mode & S_IFMT && !S_ISREG(mode))
		return -EPERM;
	rc = sftp_create(b, parent, name, O_WRONLY | O_CREAT | O_EXCL, mode, c, found, &ref);
	if (rc == 0)
		(void)sftp_release(b, ref);
	return rc;
}

errint_t sftp_symlink(struct backend *b, const char *target, uint32_t parent, const char *name,
		      const struct caller *c, struct found *found)
{
	struct client_request request = {.operation = RING_SYMLINK, .path = target};

	(void)c;
	return make_entry(b, parent, name, &request, found);
}

errint_t sftp_link_to(struct backend *b, uint32_t node, uint32_t parent, const char *name,
		      struct found *found)
{
	struct client_request request = {.operation = RING_LINK};
	struct sftp_place place;
	errint_t rc = b->config->hard_links ? sftp_path(b, node, NULL, &place) : -EPERM;

	if (rc < 0)
		return rc;
	request.path = place.at.path;
	return make_entry(b, parent, name, &request, found);
}

typedef errint_t (*mend_fn)(const struct ring_user *user, const char *path, errint_t rc);

static errint_t remove_entry(struct backend *b, uint32_t parent, const char *name,
			     enum ring_operation operation, mend_fn mend)
{
	struct client_request request = {.operation = operation};
	struct sftp_place place;
	errint_t rc = sftp_reach(b, parent, name, &place);

	if (rc < 0)
		return rc;
	request.path = place.at.path;
	rc = client_change(&place.link->user, &request, NULL);
	if (rc < 0)
		rc = mend(&place.link->user, place.at.path, rc);
	sftp_leave(b, place.link);
	return rc;
}

errint_t sftp_unlink(struct backend *b, uint32_t parent, const char *name)
{
	return remove_entry(b, parent, name, RING_REMOVE, sftp_mend_unlink);
}

/* A removed file that is open has no name anywhere: nothing is in the way. */
errint_t sftp_rmdir(struct backend *b, uint32_t parent, const char *name, bool holds_removed)
{
	(void)holds_removed;
	return remove_entry(b, parent, name, RING_RMDIR, sftp_mend_rmdir);
}

/* By the plain request a server refuses to replace: with RING_KEEPS_EXISTING, or without the extension. */
errint_t sftp_rename(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
		     const char *newname, unsigned flags)
{
	bool keeps = flags & RENAME_NOREPLACE;
	struct client_request request = {.operation = RING_RENAME, .flags = keeps ? RING_KEEPS_EXISTING : 0};
	struct sftp_place from, to;
	errint_t rc = sftp_path(b, parent, name, &from);

	if (flags & ~(unsigned)RENAME_NOREPLACE)
		return -EINVAL;
	if (rc == 0)
		rc = sftp_reach(b, newparent, newname, &to);
	if (rc < 0)
		return rc;
	request.path = from.at.path;
	request.to = to.at.path;
	rc = client_change(&to.link->user, &request, NULL);
	if (rc < 0)
		rc = sftp_mend_rename(&to.link->user, from.at.path, to.at.path, keeps, rc);
	sftp_leave(b, to.link);
	return rc;
}
