#include "generations/generations.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM	  4096
#define PATH_FILE "path"
/* Paths of one hash. */
#define SAME_HASH_MAX 8u
#define TIME_DIGITS   20u
/* The sum is counted anew after so many versions: somebody else may remove some. */
#define COUNTED_AGAIN 1000u

static int root_path(char *text, const char *state_dir)
{
	return snprintf(text, ROOM, "%s/generations", state_dir);
}

static errint_t numbered(char *text, const char *state_dir, const char *path, unsigned number)
{
	unsigned long long hash = hash_bytes(0, path, strlen(path));
	int n = number ? snprintf(text, ROOM, "%s/generations/%016llx-%u", state_dir, hash, number)
		       : snprintf(text, ROOM, "%s/generations/%016llx", state_dir, hash);

	return n > 0 && n < ROOM - 64 ? 0 : -ENAMETOOLONG;
}

static bool is_of_path(const char *directory, const char *path)
{
	char name[ROOM], text[ROOM];
	ssize_t n;

	snprintf(name, sizeof(name), "%.*s/" PATH_FILE, ROOM - 64, directory);
	n = fd_read_file(name, text, sizeof(text));
	return n >= 0 && (size_t)n == strlen(path) && memcmp(text, path, (size_t)n) == 0;
}

/* Of the file's versions; if there are none, a free one. Two paths may have one hash on purpose: users name files.
 * -EEXIST: none is free. */
static errint_t directory_of(char *text, const char *state_dir, const char *path)
{
	unsigned free_one = SAME_HASH_MAX;
	errint_t rc;

	for (unsigned i = 0; i < SAME_HASH_MAX; i++) {
		rc = numbered(text, state_dir, path, i);
		if (rc < 0 || is_of_path(text, path))
			return rc;
		if (free_one == SAME_HASH_MAX && access(text, F_OK) < 0)
			free_one = i;
	}
	return free_one == SAME_HASH_MAX ? -EEXIST : numbered(text, state_dir, path, free_one);
}

/* 0: no version's name. */
static uint64_t time_of(const char *name)
{
	return strlen(name) == TIME_DIGITS && strspn(name, "0123456789") == TIME_DIGITS
		   ? strtoull(name, NULL, 10)
		   : 0;
}

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

		if (ns && fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
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

static bool has_content(const char *name, const void *data, size_t n)
{
	CLEANUP_FD int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP_FREE char *bytes = malloc(n + 1);

	return fd >= 0 && bytes && read(fd, bytes, n + 1) == (ssize_t)n && memcmp(bytes, data, n) == 0;
}

/* What all versions below a directory take. */
static struct {
	pthread_mutex_t lock;
	char state_dir[ROOM];
	uint64_t bytes;
	uint32_t age; /* versions kept since it was counted */
} sum = {.lock = PTHREAD_MUTEX_INITIALIZER, .age = COUNTED_AGAIN};

static errint_t remove_version(const char *directory, const struct generation *g)
{
	char name[ROOM];

	name_of(name, directory, g->real_ns);
	if (unlink(name) < 0)
		return errno == ENOENT ? 0 : -errno;
	sum.bytes -= MIN(sum.bytes, g->size);
	return 0;
}

static errint_t keep_count(const char *directory, uint32_t count)
{
	struct generation list[GENERATIONS_MAX];
	size_t n;
	errint_t rc = list_in(directory, list, &n);

	for (size_t i = count; i < n && rc == 0; i++)
		rc = remove_version(directory, &list[i]);
	return rc;
}

struct spare {
	uint64_t bytes;
	size_t n; /* versions of its file */
	struct generation oldest;
	char directory[ROOM];
};

/* Files that are rewritten all the time go first: the only version of a quiet one is worth more. */
static void add_directory(struct spare *spare, const char *directory)
{
	struct generation list[GENERATIONS_MAX];
	size_t n;

	if (list_in(directory, list, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		spare->bytes += list[i].size;
	if (n > spare->n || (n && n == spare->n && list[n - 1].real_ns < spare->oldest.real_ns)) {
		spare->n = n;
		spare->oldest = list[n - 1];
		(void)copy_string(spare->directory, sizeof(spare->directory), directory);
	}
}

static void find_spare(const char *root, struct spare *spare)
{
	CLEANUP_DIR DIR *dir = opendir(root);
	const struct dirent *entry;
	char directory[ROOM];

	spare->bytes = 0;
	spare->n = 0;
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    snprintf(directory, sizeof(directory), "%s/%s", root, entry->d_name) >= ROOM - 64)
			continue;
		add_directory(spare, directory);
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

/* Under the lock. A look at all files takes long: only beyond the limit. */
static errint_t keep_bytes(const char *state_dir, uint64_t bytes)
{
	char root[ROOM];
	struct spare spare;
	errint_t rc = 0;

	if (sum.bytes <= bytes && sum.age < COUNTED_AGAIN && strcmp(sum.state_dir, state_dir) == 0)
		return 0;
	root_path(root, state_dir);
	for (find_spare(root, &spare); rc == 0 && spare.bytes > bytes && spare.n; find_spare(root, &spare)) {
		rc = remove_version(spare.directory, &spare.oldest);
		remove_if_empty(spare.directory);
	}
	(void)copy_string(sum.state_dir, sizeof(sum.state_dir), state_dir);
	sum.bytes = spare.bytes;
	sum.age = 0;
	return rc;
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

/* In a directory of root's. An owner that cannot be noted is root. */
static errint_t write_version(const char *name, struct generations_owner owner, const void *data, size_t n)
{
	errint_t rc = fd_write_atomic(name, data, n, 0600, true);

	if (rc == 0 && chown(name, owner.uid, owner.gid) == 0 && chmod(name, owner.mode & 0777) < 0)
		rc = -errno;
	return rc;
}

errint_t generations_put(const char *state_dir, const char *path, struct generations_owner owner,
			 uint64_t real_ns, const void *data, size_t n, struct generations_limit limit)
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
		rc = write_version(name, owner, data, n);
	if (rc < 0)
		return rc;
	ACQUIRE_LOCK(&sum.lock);
	sum.bytes += n;
	sum.age++;
	rc = keep_count(directory, limit.count);
	return rc < 0 ? rc : keep_bytes(state_dir, limit.bytes);
}
