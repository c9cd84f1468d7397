#include "verify/manifest.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>

struct manifest {
	/* Name: bytes. */
	json_t *sizes;
	char path[PATH_MAX];
};

/* No path may lead elsewhere. */
static bool is_name(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static void take_entry(json_t *sizes, const json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "stable_name"));
	json_int_t size = json_integer_value(json_object_get(entry, "size_bytes"));

	if (name && is_name(name))
		(void)json_object_set_new(sizes, name, json_integer(MAX(size, (json_int_t)0)));
}

static json_t *read_sizes(int dir)
{
	CLEANUP_FD int fd = openat(dir, MANIFEST_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const json_t *entries, *entry;
	json_t *all, *sizes;
	struct stat st;
	size_t i;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)MANIFEST_MAX)
		return NULL;
	all = json_loadfd(fd, 0, NULL);
	entries = json_object_get(all, "entries");
	sizes = json_is_array(entries) ? json_object() : NULL;
	json_array_foreach(entries, i, entry) take_entry(sizes, entry);
	json_decref(all);
	return sizes;
}

struct manifest *manifest_load(int dir, const char *path)
{
	json_t *sizes = read_sizes(dir);
	struct manifest *m = sizes ? calloc(1, sizeof(*m)) : NULL;

	if (!m || copy_string(m->path, sizeof(m->path), path)) {
		json_decref(sizes);
		free(m);
		return NULL;
	}
	m->sizes = sizes;
	return m;
}

void manifest_release(struct manifest *manifest)
{
	if (manifest)
		json_decref(manifest->sizes);
	free(manifest);
}

uint64_t manifest_size(const struct manifest *manifest, const char *path)
{
	size_t n = strlen(manifest->path);

	if (strncmp(path, manifest->path, n) != 0 || path[n] != '/')
		return 0;
	return (uint64_t)json_integer_value(json_object_get(manifest->sizes, path + n + 1));
}

void manifest_missing(const struct manifest *manifest, int dir,
		      void (*missing)(void *context, const char *path), void *context)
{
	char path[PATH_MAX];
	const char *name;
	struct stat st;
	json_t *size;

	json_object_foreach(manifest->sizes, name, size)
	{
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", manifest->path, name) < (int)sizeof(path))
			missing(context, path);
	}
}
