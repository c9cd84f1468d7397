/* oracle.h: a program that does one of everything in a directory and says what came of it, so that two file
 * systems can be compared. Its parts are oracle-names.c, oracle-data.c and oracle-rights.c:
 *
 *     oracle-names DIR [AREA]
 *
 * Prints one line per call, "AREA: CALL -> RESULT", with the attributes where they matter. Numbers that are
 * not the same on two file systems (inodes, devices, times that were not set) are left out. Run it in a
 * directory of the file system that counts (ext4) and in one of the mount, and diff. As root it also plays
 * other users. */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "base/base.h"

struct oracle_area {
	const char *name;
	void (*run)(void);
	bool as_root;
};

/* Name of the area being played, the first word of every line. */
static const char *area = "";

/* Prints how a call ended. Returns rc. */
__attribute__((format(printf, 2, 3))) static inline long say(long rc, const char *fmt, ...)
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

static inline int call_fd(int fd, const char *text)
{
	say(fd < 0 ? fd : 0, "%s", text);
	return fd;
}

static inline void say_stat(const char *what, const struct stat *st)
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

static inline void attributes(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		say(-1, "lstat %s", path);
	else
		say_stat(path, &st);
}

static inline void content(const char *path)
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

static inline void make_file(const char *path, size_t size)
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

static inline int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void listing(const char *path)
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

static inline void close_quietly(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Plays the areas, each in a directory of its own. Returns the exit status. */
static inline int oracle_main(int argc, char **argv, const struct oracle_area *areas, size_t n)
{
	if (argc < 2 || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: %s DIR [AREA]: %s\n", argv[0], strerror(errno));
		return 100;
	}
	for (size_t i = 0; i < n; i++) {
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

#endif
