/* What the backend that speaks SFTP makes of a server's "failure", which may mean anything: by looking. */
#include "backend-sftp-util.h"

static errint_t make_directory(void)
{
	struct found found;

	return sftp.ops->mkdir(&sftp, directory, "new", 0755, &caller, &found);
}

static errint_t make_exclusively(void)
{
	struct found found;
	int ref;

	return sftp.ops->create(&sftp, directory, "new", O_WRONLY | O_CREAT | O_EXCL, 0644, &caller, &found,
				&ref);
}

static errint_t make(void)
{
	struct found found;
	int ref;

	return sftp.ops->create(&sftp, directory, "new", O_WRONLY | O_CREAT, 0644, &caller, &found, &ref);
}

static errint_t make_link(void)
{
	struct found found;

	return sftp.ops->link(&sftp, file, directory, "new", &found);
}

/* Longer than names are on a server that encrypts them. */
#define LONG_NAME                                              \
	"0123456789012345678901234567890123456789012345678901" \
	"0123456789012345678901234567890123456789012345678901" \
	"0123456789012345678901234567890123456789012345678901"

static errint_t make_long_link(void)
{
	struct found found;

	return sftp.ops->link(&sftp, file, directory, LONG_NAME, &found);
}

static errint_t make_symlink(void)
{
	struct found found;

	return sftp.ops->symlink(&sftp, "target", directory, "new", &caller, &found);
}

static errint_t remove_file(void)
{
	return sftp.ops->unlink(&sftp, directory, "new");
}

static errint_t remove_directory(void)
{
	return sftp.ops->rmdir(&sftp, directory, "new", false);
}

static errint_t move(void)
{
	return sftp.ops->rename(&sftp, directory, "old", directory, "new", 0);
}

static errint_t move_keeping(void)
{
	return sftp.ops->rename(&sftp, directory, "old", directory, "new", RENAME_NOREPLACE);
}

static errint_t write_some(void)
{
	static const uint8_t bytes[65536];

	return (errint_t)sftp.ops->write(&sftp, (int)peer_ref(1), bytes, sizeof(bytes), 0, false);
}

static errint_t sync_it(void)
{
	return sftp.ops->fsync(&sftp, (int)peer_ref(1), false);
}

/* What is at base/dir/new and base/dir/old: 0: nothing. */
#define DIR   (S_IFDIR | 0755)
#define FILE_ (S_IFREG | 0644)

static const struct failure {
	const char *what;
	errint_t (*call)(void);
	enum ring_operation fails;
	errint_t said;
	mode_t new, old;
	unsigned entries;
	errint_t meant;
} failures[] = {
    {"mkdir, there", make_directory, RING_MKDIR, -EIO, FILE_, 0, 0, -EEXIST},
    {"mkdir, unexplained", make_directory, RING_MKDIR, -EIO, 0, 0, 0, -EIO},
    {"mkdir, no such parent", make_directory, RING_MKDIR, -ENOENT, 0, 0, 0, -ENOENT},
    {"mkdir, refused", make_directory, RING_MKDIR, -EACCES, 0, 0, 0, -EACCES},
    {"mkdir, bad message", make_directory, RING_MKDIR, -EBADMSG, 0, 0, 0, -EINVAL},
    {"symlink, there", make_symlink, RING_SYMLINK, -EIO, FILE_, 0, 0, -EEXIST},
    {"link, there", make_link, RING_LINK, -EIO, FILE_, 0, 0, -EEXIST},
    {"link, bad message", make_link, RING_LINK, -EBADMSG, 0, 0, 0, -EINVAL},
    {"link, a long name", make_long_link, RING_LINK, -EBADMSG, 0, 0, 0, -ENAMETOOLONG},
    {"link, not offered", make_link, RING_LINK, -EOPNOTSUPP, 0, 0, 0, -EPERM},
    {"link, unexplained", make_link, RING_LINK, -EIO, 0, 0, 0, -EIO},
    {"exclusive, there", make_exclusively, RING_OPEN, -EIO, FILE_, 0, 0, -EEXIST},
    {"exclusive, unexplained", make_exclusively, RING_OPEN, -EIO, 0, 0, 0, -EIO},
    {"create, a directory", make, RING_OPEN, -EIO, DIR, 0, 0, -EISDIR},
    {"create, a file", make, RING_OPEN, -EIO, FILE_, 0, 0, -EIO},
    {"unlink, a directory", remove_file, RING_REMOVE, -EIO, DIR, 0, 0, -EISDIR},
    {"unlink, unexplained", remove_file, RING_REMOVE, -EIO, FILE_, 0, 0, -EIO},
    {"unlink, gone", remove_file, RING_REMOVE, -ENOENT, 0, 0, 0, -ENOENT},
    {"rmdir, not empty", remove_directory, RING_RMDIR, -EIO, DIR, 0, 3, -ENOTEMPTY},
    {"rmdir, empty", remove_directory, RING_RMDIR, -EIO, DIR, 0, 0, -EIO},
    {"rmdir, a file", remove_directory, RING_RMDIR, -ENOENT, FILE_, 0, 0, -ENOTDIR},
    {"rmdir, gone", remove_directory, RING_RMDIR, -ENOENT, 0, 0, 0, -ENOENT},
    {"rename, unexplained", move, RING_RENAME, -EIO, 0, FILE_, 0, -EIO},
    {"rename, gone", move, RING_RENAME, -ENOENT, FILE_, 0, 0, -ENOENT},
    {"rename, file over directory", move, RING_RENAME, -EIO, DIR, FILE_, 0, -EISDIR},
    {"rename, directory over file", move, RING_RENAME, -EIO, FILE_, DIR, 0, -ENOTDIR},
    {"rename, over a full directory", move, RING_RENAME, -EIO, DIR, DIR, 3, -ENOTEMPTY},
    {"rename, replacing not offered", move, RING_RENAME, -EIO, FILE_, FILE_, 0, -EPERM},
    {"rename, into itself", move, RING_RENAME, -EBADMSG, 0, DIR, 0, -EINVAL},
    {"rename, keeping what is there", move_keeping, RING_RENAME, -EIO, FILE_, FILE_, 0, -EEXIST},
    {"write, unexplained", write_some, RING_WRITE, -EIO, 0, 0, 0, -EIO},
    {"write, lost count", write_some, RING_WRITE, -EBADF, 0, 0, 0, -EIO},
    {"fsync, unexplained", sync_it, RING_FSYNC, -EIO, 0, 0, 0, -EIO},
    {"fsync, not offered", sync_it, RING_FSYNC, -EOPNOTSUPP, 0, 0, 0, -EOPNOTSUPP},
};

static void fail_once(const struct failure *f, errint_t meant)
{
	memset(server.objects, 0, sizeof(server.objects));
	memset(server.fails, 0, sizeof(server.fails));
	if (f->new)
		put_object("base/dir/new", f->new, 0);
	if (f->old)
		put_object("base/dir/old", f->old, 0);
	server.entries = f->entries;
	server.fails[f->fails] = f->said;
	if (f->call() != meant)
		fail_msg("%s: not %s", f->what, strerror(-meant));
}

static void failures_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		fail_once(&failures[i], failures[i].meant);
}

static bool makes_room_matter(const struct failure *f)
{
	return f->said == -EIO && f->meant == -EIO;
}

static bool needs_a_node(const struct failure *f)
{
	return f->new == 0 && (f->fails == RING_MKDIR || f->fails == RING_OPEN || f->fails == RING_SYMLINK);
}

static void failures_for_want_of_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		if (!makes_room_matter(&failures[i]))
			continue;
		server.figures.available_blocks = 0;
		fail_once(&failures[i], -ENOSPC);
		/* More important than that there is no room. */
		server.figures.flags = SFTP_STATVFS_READ_ONLY;
		fail_once(&failures[i], -EROFS);
		server.figures.flags = 0;
		server.figures.available_blocks = 500;
	}
	/* No node left for a new name; bytes and old names need none. */
	server.figures.files = 100;
	server.figures.available_files = 0;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (makes_room_matter(&failures[i]))
			fail_once(&failures[i], needs_a_node(&failures[i]) ? -ENOSPC : -EIO);
	server.figures.files = 0;
	fail_once(&failures[1], -EIO);
	/* A server that does not tell, or has no blocks at all, explains nothing. */
	server.figures.blocks = server.figures.available_blocks = 0;
	fail_once(&failures[1], -EIO);
}

static errint_t link_elsewhere(void)
{
	struct found found;

	return sftp.ops->link(&sftp, file, root, "new", &found);
}

static errint_t move_elsewhere(void)
{
	return sftp.ops->rename(&sftp, directory, "old", root, "new", 0);
}

static void another_file_system(void **state)
{
	static const struct failure linking = {"link", link_elsewhere, RING_LINK, -EIO, 0, FILE_, 0, -EXDEV};
	static const struct failure moving = {"rename", move_elsewhere, RING_RENAME, -EIO,
					      0,	FILE_,		0,	     -EXDEV};

	(void)state;
	server.mounts_everywhere = true;
	fail_once(&linking, -EXDEV);
	fail_once(&moving, -EXDEV);
	server.mounts_everywhere = false;
	fail_once(&linking, -EIO);
	fail_once(&moving, -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(failures_explained),
	    CASE(failures_for_want_of_room),
	    CASE(another_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
