#include "verify/find.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

static void search_in(struct find *f, int parent, const char *name, const char *path, unsigned depth);

static void announce_path(const struct find *f, const char *path)
{
	if (f->touching)
		f->touching(f->context, path);
}

static bool is_warc(const char *name)
{
	enum verify_kind kind = verify_kind_of(name);

	return kind == VERIFY_WARC || kind == VERIFY_WARC_GZIP;
}

static bool is_of_interest(const struct dirent *e)
{
	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
	    strcmp(e->d_name, FIND_QUARANTINE) == 0)
		return false;
	return is_warc(e->d_name) || e->d_type == DT_DIR || e->d_type == DT_UNKNOWN;
}

static void take_entry(struct find *f, int dir, const struct dirent *e, const char *in, unsigned depth)
{
	char path[PATH_MAX];
	struct stat st;

	f->entries++;
	if (!is_of_interest(e))
		return;
	if (snprintf(path, sizeof(path), "%s/%s", in, e->d_name) >= (int)sizeof(path)) {
		f->failed(f->context, in, "the path of something in it", ENAMETOOLONG);
		return;
	}
	announce_path(f, path);
	if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		/* A crawler may have removed it. */
		if (errno != ENOENT)
			f->failed(f->context, path, "stat", errno);
	} else if (S_ISDIR(st.st_mode) && depth < f->depth_max) {
		search_in(f, dir, e->d_name, path, depth + 1);
	} else if (S_ISREG(st.st_mode) && is_warc(e->d_name)) {
		f->found(f->context, dir, e->d_name, path, &st);
	}
}

static void search_in(struct find *f, int parent, const char *name, const char *path, unsigned depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
	CLEANUP_DIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e = NULL;

	if (!dir) {
		f->failed(f->context, path, "opening the directory", errno);
		if (fd >= 0)
			close(fd);
		return;
	}
	if (f->directory)
		f->directory(f->context, dirfd(dir), path);
	errno = 0;
	while (!f->stop && f->entries < f->entries_max && (errno = 0, e = readdir(dir)) != NULL)
		take_entry(f, dirfd(dir), e, path, depth);
	if (!f->stop && !e && errno)
		f->failed(f->context, path, "listing the directory", errno);
}

void find_warcs(struct find *find, const char *path)
{
	announce_path(find, path);
	search_in(find, AT_FDCWD, path, path, 0);
}
