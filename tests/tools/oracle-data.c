/* oracle-data: the half of the oracle about contents, times, attributes, locks and listings. See oracle.h. */
#include <linux/falloc.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include "tests/tools/oracle.h"

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
	/* Not by F_SETFL: with FUSE passthrough the kernel's own open file keeps the O_APPEND it was opened
	 * with. */
	close_quietly(fd);
	fd = CALL_FD(open("file", O_RDWR));
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
	/* Not COLLAPSE_RANGE and INSERT_RANGE: the kernel never passes them on to a FUSE file system. */
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

/* Runs the program "cat" of this directory, which reads until other_end is closed. Returns its pid when it
 * has begun, or -1. */
static pid_t run_program(int input, int other_end)
{
	int begun[2];
	char byte;
	pid_t pid;

	if (pipe2(begun, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(other_end);
		dup2(input, STDIN_FILENO);
		execl("./cat", "cat", (char *)NULL);
		_exit(127);
	}
	close(begun[1]);
	if (read(begun[0], &byte, 1) != 0)
		say(-1, "wait for the program");
	close(begun[0]);
	return pid;
}

/* A program that runs cannot be changed, but read, renamed and removed. */
static void do_running(void)
{
	int in = open("/bin/cat", O_RDONLY | O_CLOEXEC), out, input[2], status = -1;
	struct stat st;
	pid_t pid;

	out = CALL_FD(open("cat", O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
	if (in < 0 || fstat(in, &st) < 0 || sendfile(out, in, NULL, (size_t)st.st_size) != st.st_size)
		say(-1, "copy the program");
	close_quietly(in);
	close_quietly(out);
	if (pipe2(input, O_CLOEXEC) < 0)
		return;
	pid = run_program(input[0], input[1]);
	close_quietly(CALL_FD(open("cat", O_WRONLY)));
	close_quietly(CALL_FD(open("cat", O_RDWR)));
	close_quietly(CALL_FD(open("cat", O_WRONLY | O_TRUNC)));
	close_quietly(CALL_FD(open("cat", O_RDONLY | O_TRUNC)));
	CALL(truncate("cat", 1));
	content("cat");
	CALL(rename("cat", "renamed"));
	close_quietly(CALL_FD(open("renamed", O_RDONLY | O_TRUNC)));
	content("renamed");
	CALL(unlink("renamed"));
	close(input[0]);
	close(input[1]);
	CALL(waitpid(pid, &status, 0) == pid);
	CALL(status);
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

int main(int argc, char **argv)
{
	static const struct oracle_area areas[] = {
	    {"data", do_data, false},	  {"fallocate", do_fallocate, false}, {"mmap", do_mmap, false},
	    {"direct", do_direct, false}, {"xattrs", do_xattrs, false},	      {"times", do_times, false},
	    {"locks", do_locks, false},	  {"running", do_running, false},     {"listing", do_listing, false},
	    {"statfs", do_statfs, false},
	};

	return oracle_main(argc, argv, areas, ARRAY_SIZE(areas));
}
