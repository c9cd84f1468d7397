/* timed: runs one file operation and says how it ended and how long it took.
 *
 *     timed [-n COUNT] OPERATION PATH [ARGUMENT]
 *
 * Prints one line per repetition: "OK" or the errno's name, and the microseconds spent in the system call.
 * PATH may be fd:N for the operations on open files: the descriptor N, inherited. `read` and `append` on a
 * path time the open as well, as a person would see it. Exit status 0 whatever the operation's result was. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "base/base.h"
#include "base/clock.h"
#include "tests/tools/jitter.h"

struct target {
	const char *path;
	const char *argument;
	int fd; /* held open, or -1 */
};

/* Each returns 0 or an errno. */
typedef int (*operation)(const struct target *t);

static int result(long rc)
{
	return rc < 0 ? errno : 0;
}

static int op_stat(const struct target *t)
{
	struct stat st;

	return result(t->fd >= 0 ? fstat(t->fd, &st) : stat(t->path, &st));
}

static int op_lstat(const struct target *t)
{
	struct stat st;

	return result(lstat(t->path, &st));
}

static int open_and_close(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		return errno;
	return result(close(fd));
}

static int op_open(const struct target *t)
{
	return open_and_close(t->path, O_RDONLY);
}

static int op_create(const struct target *t)
{
	return open_and_close(t->path, O_WRONLY | O_CREAT | O_EXCL);
}

static int op_truncate(const struct target *t)
{
	return t->fd >= 0 ? result(ftruncate(t->fd, 0))
			  : open_and_close(t->path, O_WRONLY | O_CREAT | O_TRUNC);
}

static int op_read(const struct target *t)
{
	static char buf[4096];
	off_t offset = t->argument ? atoll(t->argument) : 0;
	int fd = t->fd >= 0 ? t->fd : open(t->path, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return errno;
	err = result(pread(fd, buf, sizeof(buf), offset));
	if (t->fd < 0)
		close(fd);
	return err;
}

static int op_write(const struct target *t)
{
	off_t offset = t->argument ? atoll(t->argument) : 0;

	return result(pwrite(t->fd, "written by timed", 16, offset));
}

static int op_append(const struct target *t)
{
	const char *text = t->argument ? t->argument : "appended\n";
	int fd = t->fd >= 0 ? t->fd : open(t->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	int err;

	if (fd < 0)
		return errno;
	err = result(write(fd, text, strlen(text)));
	if (t->fd < 0 && close(fd) < 0 && !err)
		err = errno;
	return err;
}

static int op_fsync(const struct target *t)
{
	return result(fsync(t->fd));
}

static int op_close(const struct target *t)
{
	return result(close(t->fd));
}

static int op_readdir(const struct target *t)
{
	DIR *dir = opendir(t->path);
	int err;

	if (!dir)
		return errno;
	do
		errno = 0;
	while (readdir(dir));
	err = errno;
	closedir(dir);
	return err;
}

static int op_mkdir(const struct target *t)
{
	return result(mkdir(t->path, 0755));
}

static int op_rmdir(const struct target *t)
{
	return result(rmdir(t->path));
}

static int op_unlink(const struct target *t)
{
	return result(unlink(t->path));
}

static int op_rename(const struct target *t)
{
	return result(rename(t->path, t->argument));
}

static int op_link(const struct target *t)
{
	return result(link(t->path, t->argument));
}

static int op_symlink(const struct target *t)
{
	return result(symlink(t->argument, t->path));
}

static int op_readlink(const struct target *t)
{
	char buf[4096];

	return result(readlink(t->path, buf, sizeof(buf)));
}

static int op_chmod(const struct target *t)
{
	return result(chmod(t->path, (mode_t)strtoul(t->argument, NULL, 8)));
}

static int op_access(const struct target *t)
{
	return result(access(t->path, R_OK));
}

static int op_statvfs(const struct target *t)
{
	struct statvfs st;

	return result(statvfs(t->path, &st));
}

static int op_getxattr(const struct target *t)
{
	char buf[1024];

	return result(getxattr(t->path, t->argument, buf, sizeof(buf)));
}

static int op_setxattr(const struct target *t)
{
	return result(setxattr(t->path, t->argument, "v", 1, 0));
}

static int op_chdir(const struct target *t)
{
	return result(chdir(t->path));
}

static int op_getcwd(const struct target *t)
{
	char buf[4096];

	(void)t;
	return getcwd(buf, sizeof(buf)) ? 0 : errno;
}

static const struct {
	const char *name;
	operation run;
	bool on_fd, needs_argument;
} operations[] = {
    {"stat", op_stat, false, false},	     {"lstat", op_lstat, false, false},
    {"open", op_open, false, false},	     {"create", op_create, false, false},
    {"truncate", op_truncate, false, false}, {"read", op_read, false, false},
    {"write", op_write, true, false},	     {"append", op_append, false, false},
    {"fsync", op_fsync, true, false},	     {"close", op_close, true, false},
    {"readdir", op_readdir, false, false},   {"mkdir", op_mkdir, false, false},
    {"rmdir", op_rmdir, false, false},	     {"unlink", op_unlink, false, false},
    {"rename", op_rename, false, true},	     {"link", op_link, false, true},
    {"symlink", op_symlink, false, true},    {"readlink", op_readlink, false, false},
    {"chmod", op_chmod, false, true},	     {"access", op_access, false, false},
    {"statvfs", op_statvfs, false, false},   {"getxattr", op_getxattr, false, true},
    {"setxattr", op_setxattr, false, true},  {"chdir", op_chdir, false, false},
    {"getcwd", op_getcwd, false, false},
};

__attribute__((noreturn)) static void usage(void)
{
	fprintf(
	    stderr,
	    "usage: timed OPERATION PATH [ARGUMENT]\n       timed -i read|write|append PATH\noperations:");
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		fprintf(stderr, " %s", operations[i].name);
	fprintf(stderr, "\n");
	exit(100);
}

static void run(const char *name, const struct target *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		uint64_t start, us;
		int err;

		if (strcmp(operations[i].name, name) != 0)
			continue;
		if ((operations[i].on_fd && t->fd < 0) || (operations[i].needs_argument && !t->argument))
			usage();
		if (!jitter_start())
			exit(1);
		start = clock_mono_ns();
		err = operations[i].run(t);
		us = (clock_mono_ns() - start) / 1000;
		jitter_stop();
		printf("%s %llu %u\n", err ? strerrorname_np(err) : "OK", (unsigned long long)us,
		       jitter.max_us);
		return;
	}
	usage();
}

static void interact(const char *mode, const char *path)
{
	int flags = strcmp(mode, "read") == 0	  ? O_RDONLY
		    : strcmp(mode, "append") == 0 ? O_WRONLY | O_APPEND
						  : O_RDWR;
	struct target t = {.path = path};
	char line[70000];

	t.fd = open(path, flags | (flags == O_RDONLY ? 0 : O_CREAT), 0644);
	printf("%s 0 0\n", t.fd < 0 ? strerrorname_np(errno) : "OK");
	while (t.fd >= 0 && fgets(line, sizeof(line), stdin)) {
		char *space = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (space)
			*space = '\0';
		if (strcmp(line, "exit") == 0)
			return;
		t.argument = space ? space + 1 : NULL;
		run(line, &t);
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "-i") == 0) {
		interact(argv[2], argv[3]);
	} else if (argc == 3 || argc == 4) {
		struct target t = {.path = argv[2], .argument = argv[3], .fd = -1};

		run(argv[1], &t);
	} else {
		usage();
	}
	return 0;
}
