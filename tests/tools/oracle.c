/* oracle: does one of everything in a directory and says what came of it, so that two file systems can be
 * compared.
 *
 *     oracle DIR [AREA]
 *
 * Prints one line per call, "AREA: CALL -> RESULT", with the attributes where they matter. Numbers that are
 * not the same on two file systems (inodes, devices, times that were not set) are left out. Run it in a
 * directory of the file system that counts (ext4) and in one of the mount, and diff. As root it also plays
 * other users. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include "base/base.h"

#define ALICE 61001
#define BOB   61002
#define TEAM  61010

static const char *area = "";

/* Prints how a call ended. Returns rc. */
__attribute__((format(printf, 2, 3))) static long say(long rc, const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	printf("%s: ", area);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	if (rc < 0)
		printf(" -> %s\n", strerrorname_np(err));
	else
		printf(" -> %ld\n", rc);
	errno = err;
	return rc;
}

/* The call as text and its result. Descriptors are reported as 0: their numbers say nothing. */
#define CALL(call)    say((long)(call), "%s", #call)
#define CALL_FD(call) call_fd((call), #call)

static int call_fd(int fd, const char *text)
{
	say(fd < 0 ? fd : 0, "%s", text);
	return fd;
}

static void say_stat(const char *what, const struct stat *st)
{
	printf("%s: %s: mode %o nlink %lu uid %u gid %u", area, what, st->st_mode,
	       (unsigned long)st->st_nlink, st->st_uid, st->st_gid);
	/* The size of a directory is the file system's own affair. */
	if (!S_ISDIR(st->st_mode))
		printf(" size %lld", (long long)st->st_size);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		printf(" rdev %u:%u", major(st->st_rdev), minor(st->st_rdev));
	printf("\n");
}

static void attributes(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		say(-1, "lstat %s", path);
	else
		say_stat(path, &st);
}

static void content(const char *path)
{
	unsigned char buf[65536];
	unsigned long sum = 5381;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long total = 0;
	ssize_t n;

	if (fd < 0) {
		say(-1, "open %s", path);
		return;
	}
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 33 + buf[i];
		total += n;
	}
	close(fd);
	printf("%s: content of %s: %ld bytes, %lx%s\n", area, path, total, sum, n < 0 ? " and an error" : "");
}

static void make_file(const char *path, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char buf[1000];

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)('a' + i % 26);
	for (size_t done = 0; fd >= 0 && done < size;) {
		ssize_t n = write(fd, buf, MIN(sizeof(buf), size - done));

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void listing(const char *path)
{
	char *names[512], text[300];
	size_t n = 0;
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir) {
		say(-1, "opendir %s", path);
		return;
	}
	while ((e = readdir(dir)) && n < ARRAY_SIZE(names)) {
		snprintf(text, sizeof(text), "%s/%u", e->d_name, e->d_type);
		names[n++] = strdup(text);
	}
	closedir(dir);
	qsort(names, n, sizeof(names[0]), compare_names);
	printf("%s: listing of %s:", area, path);
	for (size_t i = 0; i < n; i++) {
		printf(" %s", names[i]);
		free(names[i]);
	}
	printf("\n");
}

static void close_quietly(int fd)
{
	if (fd >= 0)
		close(fd);
}

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

static void do_data(void)
{
	char buf[100];
	int fd = CALL_FD(open("file", O_RDWR | O_CREAT | O_APPEND, 0644)), out;
	off_t in_off = 3, out_off = 0;

	CALL(write(fd, "0123456789", 10));
	CALL(pwrite(fd, "appended", 8, 0));
	content("file");
	CALL(lseek(fd, 0, SEEK_CUR));
	CALL(pread(fd, buf, 100, 5));
	CALL(pread(fd, buf, 100, 1000));
	CALL(ftruncate(fd, 100000));
	CALL(ftruncate(fd, -1));
	CALL(truncate("file", 12));
	CALL(truncate("none", 12));
	CALL(truncate(".", 12));
	content("file");
	CALL(fcntl(fd, F_SETFL, 0));
	CALL(pwrite(fd, "tail", 4, 1 << 20));
	CALL(lseek(fd, 0, SEEK_END));
	out = CALL_FD(open("copy", O_WRONLY | O_CREAT, 0644));
	CALL(copy_file_range(fd, &in_off, out, &out_off, 50000, 0));
	CALL(sendfile(out, fd, &in_off, 1000));
	CALL(write(fd, NULL, 0));
	CALL(read(out, buf, 1));
	CALL(fsync(fd));
	CALL(fdatasync(out));
	CALL(syncfs(fd));
	CALL(pwrite(fd, "x", 1, -1));
	close_quietly(out);
	close_quietly(fd);
	content("copy");
	content("file");
	fd = CALL_FD(open(".", O_RDONLY | O_DIRECTORY));
	CALL(fsync(fd));
	CALL(read(fd, buf, 1));
	close_quietly(fd);
}

static void do_fallocate(void)
{
	int fd;

	make_file("file", 65536);
	fd = CALL_FD(open("file", O_RDWR));
	CALL(fallocate(fd, 0, 0, 131072));
	attributes("file");
	CALL(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 262144));
	attributes("file");
	CALL(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 16384));
	CALL(lseek(fd, 0, SEEK_HOLE));
	CALL(lseek(fd, 8192, SEEK_DATA));
	CALL(lseek(fd, 1 << 30, SEEK_DATA));
	CALL(fallocate(fd, FALLOC_FL_ZERO_RANGE, 1000, 1000));
	CALL(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
	CALL(fallocate(fd, FALLOC_FL_INSERT_RANGE, 4096, 4096));
	CALL(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 100));
	CALL(fallocate(fd, 0, -1, 100));
	CALL(fallocate(fd, 0, 0, 0));
	CALL(posix_fallocate(fd, 0, 300000));
	close_quietly(fd);
	attributes("file");
	content("file");
}

static void do_mmap(void)
{
	int fd;
	char *p;

	make_file("file", 8192);
	fd = CALL_FD(open("file", O_RDWR));
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say(p == MAP_FAILED ? -1 : 0, "mmap shared");
	if (p != MAP_FAILED) {
		memcpy(p + 5000, "through the map", 15);
		CALL(msync(p, 8192, MS_SYNC));
		content("file");
		CALL(pwrite(fd, "written", 7, 100));
		say(memcmp(p + 100, "written", 7), "seen through the map");
		munmap(p, 8192);
	}
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	say(p == MAP_FAILED ? -1 : 0, "mmap private");
	if (p != MAP_FAILED) {
		p[0] = 'Z';
		munmap(p, 4096);
	}
	close_quietly(fd);
	content("file");
}

static void do_direct(void)
{
	int fd = CALL_FD(open("file", O_RDWR | O_CREAT | O_DIRECT, 0644));
	void *buf = NULL;

	if (posix_memalign(&buf, 4096, 8192) != 0)
		return;
	memset(buf, 'd', 8192);
	CALL(pwrite(fd, buf, 8192, 0));
	CALL(pwrite(fd, buf, 8192, 4096));
	CALL(pread(fd, buf, 8192, 0));
	CALL(pread(fd, buf, 8192, 8192));
	CALL(pread(fd, buf, 4096, 1 << 20));
	close_quietly(fd);
	free(buf);
	content("file");
}

static void do_xattrs(void)
{
	static char big[70000];
	char buf[100];

	make_file("file", 1);
	CALL(mkdir("dir", 0755));
	CALL(symlink("file", "link"));
	CALL(setxattr("file", "user.one", "first", 5, XATTR_CREATE));
	CALL(setxattr("file", "user.one", "again", 5, XATTR_CREATE));
	CALL(setxattr("file", "user.one", "second", 6, XATTR_REPLACE));
	CALL(setxattr("file", "user.two", "x", 1, XATTR_REPLACE));
	CALL(setxattr("file", "user.empty", "", 0, 0));
	CALL(getxattr("file", "user.one", buf, sizeof(buf)));
	CALL(getxattr("file", "user.one", NULL, 0));
	CALL(getxattr("file", "user.one", buf, 2));
	CALL(getxattr("file", "user.none", buf, sizeof(buf)));
	CALL(getxattr("file", "user.empty", buf, sizeof(buf)));
	CALL(listxattr("file", NULL, 0));
	CALL(listxattr("file", buf, 3));
	CALL(listxattr("file", buf, sizeof(buf)));
	CALL(setxattr("file", "user.big", big, sizeof(big), 0));
	CALL(setxattr("file", "user.", "x", 1, 0));
	CALL(setxattr("file", "nonsense", "x", 1, 0));
	CALL(setxattr("file", "trusted.t", "x", 1, 0));
	CALL(setxattr("file", "security.s", "x", 1, 0));
	CALL(lsetxattr("link", "user.l", "x", 1, 0));
	CALL(setxattr("dir", "user.d", "x", 1, 0));
	CALL(getxattr("dir", "user.d", buf, sizeof(buf)));
	CALL(removexattr("file", "user.one"));
	CALL(removexattr("file", "user.one"));
	CALL(setxattr("none", "user.a", "x", 1, 0));
}

static void say_times(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		printf("%s: times of %s: %lld.%09ld %lld.%09ld\n", area, path, (long long)st.st_atim.tv_sec,
		       st.st_atim.tv_nsec, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static void do_times(void)
{
	struct timespec both[2] = {{1000000000, 123456789}, {1100000000, 987654321}};
	struct timespec one[2] = {{0, UTIME_OMIT}, {-5, 5}};
	struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
	struct timespec late[2] = {{5000000000, 1}, {5000000000, 2}};
	struct timespec bad[2] = {{0, 1000000001}, {0, 0}};
	struct stat st;

	make_file("file", 1);
	CALL(mkdir("dir", 0755));
	CALL(symlink("file", "link"));
	CALL(utimensat(AT_FDCWD, "file", both, 0));
	say_times("file");
	CALL(utimensat(AT_FDCWD, "file", one, 0));
	say_times("file");
	CALL(utimensat(AT_FDCWD, "dir", late, 0));
	say_times("dir");
	CALL(utimensat(AT_FDCWD, "link", both, AT_SYMLINK_NOFOLLOW));
	say_times("link");
	CALL(utimensat(AT_FDCWD, "file", bad, 0));
	CALL(utimensat(AT_FDCWD, "file", now, 0));
	stat("file", &st);
	say(st.st_atim.tv_sec > 1500000000 && st.st_mtim.tv_sec == -5, "now and omit");
	CALL(utimensat(AT_FDCWD, "file", NULL, 0));
	make_file("file", 1);
	stat("file", &st);
	say(st.st_mtim.tv_sec > 1500000000 && st.st_ctim.tv_sec > 1500000000, "written now");
}

static void do_locks(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10}, look;
	int a, b;

	make_file("file", 100);
	a = CALL_FD(open("file", O_RDWR));
	b = CALL_FD(open("file", O_RDWR));
	CALL(flock(a, LOCK_EX | LOCK_NB));
	CALL(flock(b, LOCK_SH | LOCK_NB));
	CALL(flock(a, LOCK_UN));
	CALL(flock(b, LOCK_SH | LOCK_NB));
	CALL(fcntl(a, F_OFD_SETLK, &lock));
	look = lock;
	CALL(fcntl(b, F_OFD_GETLK, &look));
	CALL(look.l_type == F_WRLCK);
	CALL(fcntl(b, F_OFD_SETLK, &lock));
	close_quietly(a);
	CALL(fcntl(b, F_OFD_SETLK, &lock));
	close_quietly(b);
}

static void do_listing(void)
{
	char name[40];
	long n = 0, position = 0;
	DIR *dir;
	struct dirent *e;

	CALL(mkdir("dir", 0755));
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "dir/entry-%03d", i);
		make_file(name, 0);
	}
	listing("dir");
	dir = opendir("dir");
	while (dir && (e = readdir(dir))) {
		if (++n == 100)
			position = telldir(dir);
	}
	say(n, "entries read");
	if (!dir)
		return;
	seekdir(dir, position);
	for (n = 0; readdir(dir);)
		n++;
	say(n, "entries after a seek");
	rewinddir(dir);
	for (n = 0; (e = readdir(dir)); n++) {
		if (e->d_name[0] != '.' && unlinkat(dirfd(dir), e->d_name, 0) < 0)
			say(-1, "unlink while listing");
	}
	say(n, "entries read while they are removed");
	closedir(dir);
	CALL(rmdir("dir"));
}

static void do_statfs(void)
{
	struct statvfs st;

	CALL(statvfs(".", &st));
	printf("%s: bsize %lu frsize %lu namemax %lu, has blocks %d\n", area, st.f_bsize, st.f_frsize,
	       st.f_namemax, st.f_blocks > 0);
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

/* -- all of it
 * -------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(void);
	bool as_root;
} areas[] = {
    {"open", do_open, false},	    {"modes", do_modes, false},	  {"names", do_names, false},
    {"remove", do_remove, false},   {"links", do_links, false},	  {"rename", do_rename, false},
    {"special", do_special, false}, {"data", do_data, false},	  {"fallocate", do_fallocate, false},
    {"mmap", do_mmap, false},	    {"direct", do_direct, false}, {"xattrs", do_xattrs, false},
    {"times", do_times, false},	    {"locks", do_locks, false},	  {"listing", do_listing, false},
    {"statfs", do_statfs, false},   {"users", do_users, true},	  {"suid", do_suid, true},
};

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: oracle DIR [AREA]: %s\n", strerror(errno));
		return 100;
	}
	for (size_t i = 0; i < ARRAY_SIZE(areas); i++) {
		if (areas[i].as_root && getuid() != 0)
			continue;
		if (argc > 2 && strcmp(argv[2], areas[i].name) != 0)
			continue;
		area = areas[i].name;
		umask(022);
		if (mkdir(area, 0755) < 0 || chdir(area) < 0) {
			say(-1, "prepare");
			return 1;
		}
		areas[i].run();
		if (chdir("..") < 0)
			return 1;
	}
	return 0;
}
