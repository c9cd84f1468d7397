/* generations.c: see generations.h. */
#include "generations/generations.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM	  4096
#define PATH_FILE "path"

static int root_path(char *text, const char *state_dir)
{
	return snprintf(text, ROOM, "%s/generations", state_dir);
}

/* Of the file's versions. */
static errint_t directory_of(char *text, const char *state_dir, const char *path)
{
	int n = snprintf(text, ROOM, "%s/generations/%016llx", state_dir,
			 (unsigned long long)hash_bytes(0, path, strlen(path)));

	return n > 0 && n < ROOM - 64 ? 0 : -ENAMETOOLONG;
}

/* 0: no version's name. */
static uint64_t time_of(const char *name)
{
	char *end;
	uint64_t ns;

	if (name[0] < '0' || name[0] > '9')
		return 0;
	ns = strtoull(name, &end, 10);
	return *end ? 0 : ns;
}

/* ---- listing ---- */

static int newest_first(const void *a, const void *b)
{
	const struct generation *x = a, *y = b;

	return x->real_ns < y->real_ns ? 1 : x->real_ns > y->real_ns ? -1 : 0;
}

static errint_t list_in(const char *directory, struct generation *list, size_t *n)
{
	CLEANUP_DIR DIR *dir = opendir(directory);
	const struct dirent *entry;
	struct stat st;

	*n = 0;
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) && *n < GENERATIONS_MAX) {
		uint64_t ns = time_of(entry->d_name);

		if (ns && fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			list[(*n)++] = (struct generation){ns, (uint64_t)st.st_size};
	}
	qsort(list, *n, sizeof(*list), newest_first);
	return 0;
}

errint_t generations_list(const char *state_dir, const char *path, struct generation list[GENERATIONS_MAX],
			  size_t *n)
{
	char directory[ROOM];
	errint_t rc = directory_of(directory, state_dir, path);

	*n = 0;
	return rc < 0 ? rc : list_in(directory, list, n);
}

static void name_of(char *text, const char *directory, uint64_t real_ns)
{
	snprintf(text, ROOM, "%.*s/%020llu", ROOM - 64, directory, (unsigned long long)real_ns);
}

int generations_open(const char *state_dir, const char *path, uint64_t real_ns)
{
	char directory[ROOM], name[ROOM];
	errint_t rc = directory_of(directory, state_dir, path);
	int fd;

	if (rc < 0)
		return rc;
	name_of(name, directory, real_ns);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* ---- keeping ---- */

static bool has_content(const char *name, const void *data, size_t n)
{
	CLEANUP_FD int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP_FREE char *bytes = malloc(n + 1);

	return fd >= 0 && bytes && read(fd, bytes, n + 1) == (ssize_t)n && memcmp(bytes, data, n) == 0;
}

static void remove_version(const char *directory, uint64_t real_ns)
{
	char name[ROOM];

	name_of(name, directory, real_ns);
	(void)unlink(name);
}

static void keep_count(const char *directory, uint32_t count)
{
	struct generation list[GENERATIONS_MAX];
	size_t n;

	if (list_in(directory, list, &n) < 0)
		return;
	for (size_t i = count; i < n; i++)
		remove_version(directory, list[i].real_ns);
}

struct oldest {
	uint64_t bytes;
	uint64_t real_ns;
	char directory[ROOM];
};

static void add_directory(struct oldest *oldest, const char *directory)
{
	struct generation list[GENERATIONS_MAX];
	size_t n;

	if (list_in(directory, list, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		oldest->bytes += list[i].size;
	if (n && (!oldest->real_ns || list[n - 1].real_ns < oldest->real_ns)) {
		oldest->real_ns = list[n - 1].real_ns;
		(void)copy_string(oldest->directory, sizeof(oldest->directory), directory);
	}
}

/* How much there is in all, and the oldest version. */
static void find_oldest(const char *root, struct oldest *oldest)
{
	CLEANUP_DIR DIR *dir = opendir(root);
	const struct dirent *entry;
	char directory[ROOM];

	oldest->bytes = oldest->real_ns = 0;
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    snprintf(directory, sizeof(directory), "%s/%s", root, entry->d_name) >= ROOM - 64)
			continue;
		add_directory(oldest, directory);
	}
}

/* A file without versions keeps nothing. */
static void remove_if_empty(const char *directory)
{
	struct generation list[GENERATIONS_MAX];
	char name[ROOM];
	size_t n;

	if (list_in(directory, list, &n) < 0 || n > 0)
		return;
	snprintf(name, sizeof(name), "%.*s/" PATH_FILE, ROOM - 64, directory);
	(void)unlink(name);
	(void)rmdir(directory);
}

static void keep_bytes(const char *state_dir, uint64_t bytes)
{
	char root[ROOM];
	struct oldest oldest;

	root_path(root, state_dir);
	for (find_oldest(root, &oldest); oldest.bytes > bytes && oldest.real_ns; find_oldest(root, &oldest)) {
		remove_version(oldest.directory, oldest.real_ns);
		remove_if_empty(oldest.directory);
	}
}

static errint_t make_directory(const char *directory, const char *path)
{
	char name[ROOM];
	errint_t rc = fd_mkdir_parents(directory, 0700);

	snprintf(name, sizeof(name), "%.*s/" PATH_FILE, ROOM - 64, directory);
	if (rc == 0 && access(name, F_OK) < 0)
		rc = fd_write_atomic(name, path, strlen(path), 0600, false);
	return rc;
}

errint_t generations_put(const char *state_dir, const char *path, uint64_t real_ns, const void *data,
			 size_t n, struct generations_limit limit)
{
	struct generation list[GENERATIONS_MAX];
	char directory[ROOM], name[ROOM];
	errint_t rc = directory_of(directory, state_dir, path);
	size_t had = 0;

	if (rc < 0 || limit.count == 0)
		return rc;
	if (list_in(directory, list, &had) == 0 && had > 0) {
		name_of(name, directory, list[0].real_ns);
		if (list[0].size == n && has_content(name, data, n))
			return 0;
		real_ns = MAX(real_ns, list[0].real_ns + 1);
	}
	rc = make_directory(directory, path);
	name_of(name, directory, real_ns);
	if (rc == 0)
		rc = fd_write_atomic(name, data, n, 0600, true);
	if (rc == 0) {
		keep_count(directory, limit.count);
		keep_bytes(state_dir, limit.bytes);
	}
	return rc;
}
