/* oracle-names: the half of the oracle about names, modes and owners. See oracle.h. */
#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include "tests/tools/oracle.h"

#define ALICE 61001
#define BOB   61002
#define TEAM  61010

static void do_open(void)
{
	int fd;

	make_file("file", 10);
	CALL(mkdir("dir", 0755));
	CALL(symlink("file", "link"));
	CALL(symlink("nowhere", "dangling"));
	close_quietly(CALL_FD(open("file", O_WRONLY | O_CREAT | O_EXCL, 0600)));
	close_quietly(CALL_FD(open("file", O_RDONLY | O_DIRECTORY)));
	close_quietly(CALL_FD(open("dir", O_WRONLY)));
	close_quietly(CALL_FD(open("dir", O_RDONLY | O_CREAT, 0600)));
	close_quietly(CALL_FD(open("link", O_RDONLY | O_NOFOLLOW)));
	close_quietly(CALL_FD(open("dangling", O_RDONLY)));
	close_quietly(CALL_FD(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0600)));
	close_quietly(CALL_FD(open("dangling", O_WRONLY | O_CREAT, 0600)));
	attributes("nowhere");
	close_quietly(CALL_FD(open("none/file", O_WRONLY | O_CREAT, 0600)));
	close_quietly(CALL_FD(open("file/file", O_RDONLY)));
	close_quietly(CALL_FD(open("file", O_WRONLY | O_TRUNC)));
	attributes("file");
	fd = CALL_FD(open("dir", O_TMPFILE | O_RDWR, 0640));
	CALL(write(fd, "unnamed", 7));
	CALL(linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH));
	close_quietly(fd);
	fd = CALL_FD(open("dir", O_TMPFILE | O_RDWR | O_EXCL, 0640));
	CALL(linkat(fd, "", AT_FDCWD, "named-2", AT_EMPTY_PATH));
	close_quietly(fd);
	attributes("named");
	content("named");
	fd = CALL_FD(open("file", O_PATH));
	CALL(read(fd, (char[1]){0}, 1));
	close_quietly(fd);
}

static void do_modes(void)
{
	static const mode_t umasks[] = {0, 022, 077, 0777};
	static const mode_t modes[] = {0, 0644, 0755, 0777, 04755, 02755, 01777, 06711};
	char name[40];

	for (size_t u = 0; u < ARRAY_SIZE(umasks); u++) {
		umask(umasks[u]);
		for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
			snprintf(name, sizeof(name), "f-%o-%o", umasks[u], modes[m]);
			close_quietly(open(name, O_WRONLY | O_CREAT, modes[m]));
			attributes(name);
			snprintf(name, sizeof(name), "d-%o-%o", umasks[u], modes[m]);
			mkdir(name, modes[m]);
			attributes(name);
			snprintf(name, sizeof(name), "p-%o-%o", umasks[u], modes[m]);
			mkfifo(name, modes[m]);
			attributes(name);
		}
	}
	umask(022);
	make_file("file", 1);
	CALL(chmod("file", 07777));
	attributes("file");
	CALL(chmod("file", 0));
	attributes("file");
	CALL(chown("file", (uid_t)-1, (gid_t)-1));
	CALL(chmod("none", 0644));
	CALL(fchmodat(AT_FDCWD, "file", 0600, 0));
	attributes("file");
}

static void long_name(char *name, size_t length)
{
	memset(name, 'n', length);
	name[length] = '\0';
}

static void do_names(void)
{
	char name[300];

	for (size_t length = 254; length <= 256; length++) {
		long_name(name, length);
		say(mkdir(name, 0755), "mkdir of %zu bytes", length);
		say(symlink("x", name), "symlink of %zu bytes", length);
		say(rmdir(name), "rmdir of %zu bytes", length);
		say(access(name, F_OK), "access of %zu bytes", length);
	}
	CALL(mkdir("\xff\xfe not utf-8 \x80", 0755));
	CALL(mkdir("new\nline", 0755));
	CALL(mkdir(" ", 0755));
	CALL(mkdir("...", 0755));
	CALL(mkdir(".hidden", 0755));
	CALL(mkdir("-rf *", 0755));
	CALL(mkdir("", 0755));
	CALL(mkdir(".", 0755));
	CALL(mkdir("..", 0755));
	CALL(rmdir("."));
	CALL(rmdir("...."));
	CALL(rmdir("..."));
	CALL(rmdir("./"));
	CALL(unlink("."));
	listing(".");
}

static void do_remove(void)
{
	struct stat st;
	int fd;

	CALL(mkdir("dir", 0755));
	CALL(mkdir("dir/sub", 0755));
	CALL(rmdir("dir"));
	CALL(unlink("dir"));
	make_file("file", 100);
	CALL(rmdir("file"));
	fd = CALL_FD(open("file", O_RDWR));
	CALL(unlink("file"));
	CALL(unlink("file"));
	CALL(fstat(fd, &st));
	say_stat("unlinked", &st);
	CALL(pwrite(fd, "more", 4, 100));
	CALL(ftruncate(fd, 50));
	CALL(fstat(fd, &st));
	say_stat("unlinked", &st);
	CALL(fchmod(fd, 0600));
	CALL(fsetxattr(fd, "user.a", "b", 1, 0));
	CALL(fstat(fd, &st));
	say_stat("unlinked", &st);
	close_quietly(fd);
	fd = CALL_FD(open("dir/sub", O_RDONLY | O_DIRECTORY));
	CALL(rmdir("dir/sub"));
	CALL(fstat(fd, &st));
	say_stat("removed", &st);
	CALL(openat(fd, "x", O_WRONLY | O_CREAT, 0600));
	close_quietly(fd);
	CALL(rmdir("dir"));
	CALL(rmdir("dir"));
}

static void do_links(void)
{
	struct stat a, b;

	make_file("a", 10);
	CALL(link("a", "b"));
	CALL(link("a", "b"));
	attributes("a");
	stat("a", &a);
	stat("b", &b);
	say(a.st_ino == b.st_ino && a.st_dev == b.st_dev, "same inode");
	CALL(rename("a", "b"));
	listing(".");
	CALL(unlink("a"));
	attributes("b");
	CALL(mkdir("dir", 0755));
	CALL(link("dir", "dir2"));
	CALL(link("none", "x"));
	CALL(symlink("b", "s"));
	CALL(link("s", "s2"));
	attributes("s2");
	CALL(linkat(AT_FDCWD, "s", AT_FDCWD, "s3", AT_SYMLINK_FOLLOW));
	attributes("s3");
	CALL(symlink("loop", "loop"));
	CALL(access("loop", F_OK));
	CALL(readlink("s", (char[10]){0}, 10));
	CALL(readlink("s", (char[10]){0}, 1));
	CALL(readlink("b", (char[10]){0}, 10));
	CALL(symlink("", "empty"));
}

static void do_rename(void)
{
	make_file("f1", 1);
	make_file("f2", 2);
	CALL(mkdir("d1", 0755));
	CALL(mkdir("d2", 0755));
	CALL(mkdir("d2/full", 0755));
	CALL(rename("f1", "d1"));
	CALL(rename("d1", "f1"));
	CALL(rename("d1", "d2"));
	CALL(rename("d2", "d2/full/inside"));
	CALL(rename("none", "x"));
	CALL(rename("f1", "none/x"));
	CALL(renameat2(AT_FDCWD, "f1", AT_FDCWD, "f2", RENAME_NOREPLACE));
	CALL(renameat2(AT_FDCWD, "f1", AT_FDCWD, "d2", RENAME_EXCHANGE));
	attributes("f1");
	attributes("d2");
	CALL(renameat2(AT_FDCWD, "f1", AT_FDCWD, "none", RENAME_EXCHANGE));
	CALL(renameat2(AT_FDCWD, "f1", AT_FDCWD, "d2", RENAME_EXCHANGE | RENAME_NOREPLACE));
	CALL(renameat2(AT_FDCWD, "f2", AT_FDCWD, "f3", RENAME_WHITEOUT));
	attributes("f2");
	attributes("f3");
	CALL(rename("f3", "d1/f3"));
	CALL(rename("d1/f3", "f1/full/f3"));
	listing(".");
	listing("f1/full");
	CALL(rename(".", "dot"));
	CALL(rename("d1", "d1"));
	CALL(rename("d1", "d3"));
	attributes("d3");
}

static void do_special(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CALL(mknod("fifo", S_IFIFO | 0644, 0));
	CALL(mknod("char", S_IFCHR | 0644, makedev(1, 3)));
	CALL(mknod("block", S_IFBLK | 0600, makedev(7, 200)));
	CALL(mknod("regular", S_IFREG | 0600, 0));
	CALL(mknod("fifo", S_IFIFO | 0644, 0));
	CALL(bind(s, (struct sockaddr *)&a, sizeof(a)));
	close(s);
	attributes("fifo");
	attributes("char");
	attributes("block");
	attributes("regular");
	attributes("socket");
	close_quietly(CALL_FD(open("fifo", O_WRONLY | O_NONBLOCK)));
	close_quietly(CALL_FD(open("socket", O_RDONLY)));
	listing(".");
}

/* -- other users
 * ------------------------------------------------------------------------------------------------ */

static void become(uid_t uid, gid_t gid, gid_t extra)
{
	gid_t groups[1] = {extra};

	if (setresuid(0, 0, 0) < 0 || setgroups(extra ? 1 : 0, groups) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, 0) < 0)
		say(-1, "become %u", uid);
}

static void do_users(void)
{
	CALL(mkdir("sticky", 01777));
	CALL(chmod("sticky", 01777));
	CALL(mkdir("team", 0755));
	CALL(chown("team", 0, TEAM));
	CALL(chmod("team", 02775));
	CALL(mkdir("closed", 0700));
	make_file("closed/file", 1);
	become(ALICE, ALICE, TEAM);
	make_file("sticky/alice", 10);
	attributes("sticky/alice");
	make_file("team/alice", 10);
	attributes("team/alice");
	CALL(mkdir("team/dir", 0755));
	attributes("team/dir");
	CALL(mkdir("team/dir/sub", 0755));
	attributes("team/dir/sub");
	CALL(chmod("team/alice", 02755));
	attributes("team/alice");
	CALL(chown("team/alice", (uid_t)-1, TEAM));
	CALL(chown("team/alice", BOB, (gid_t)-1));
	CALL(chown("team/alice", (uid_t)-1, BOB));
	CALL(access("closed/file", F_OK));
	CALL(mknod("sticky/device", S_IFCHR | 0600, makedev(1, 3)));
	become(BOB, BOB, 0);
	CALL(unlink("sticky/alice"));
	CALL(rename("sticky/alice", "sticky/bob"));
	close_quietly(CALL_FD(open("sticky/alice", O_WRONLY)));
	close_quietly(CALL_FD(open("sticky/alice", O_RDONLY)));
	CALL(chmod("sticky/alice", 0666));
	CALL(mkdir("team/bob", 0755));
	CALL(link("sticky/alice", "sticky/hard"));
	CALL(utimensat(AT_FDCWD, "sticky/alice", NULL, 0));
	CALL(truncate("sticky/alice", 0));
	become(0, 0, 0);
}

static void do_suid(void)
{
	int fd;

	make_file("suid", 10);
	CALL(chown("suid", ALICE, TEAM));
	CALL(chmod("suid", 06777));
	attributes("suid");
	become(BOB, BOB, 0);
	fd = CALL_FD(open("suid", O_WRONLY));
	CALL(write(fd, "x", 1));
	close_quietly(fd);
	attributes("suid");
	become(0, 0, 0);
	CALL(chmod("suid", 06777));
	CALL(chown("suid", BOB, BOB));
	attributes("suid");
	CALL(chmod("suid", 06777));
	become(ALICE, ALICE, 0);
	CALL(truncate("suid", 3));
	become(0, 0, 0);
	attributes("suid");
}

int main(int argc, char **argv)
{
	static const struct oracle_area areas[] = {
	    {"open", do_open, false},	    {"modes", do_modes, false}, {"names", do_names, false},
	    {"remove", do_remove, false},   {"links", do_links, false}, {"rename", do_rename, false},
	    {"special", do_special, false}, {"users", do_users, true},	{"suid", do_suid, true},
	};

	return oracle_main(argc, argv, areas, ARRAY_SIZE(areas));
}
