/* Lists and hashes a directory, without following links. */
#include "ctl/move/move.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define DEPTH_MAX 256
#define CHUNK	  (1u << 20)

struct reading {
	struct move_tree *tree;
	size_t room;
	bool owner;
	dev_t dev;
	char *what;
};

static errint_t fail_at(char *what, const char *path, errint_t err)
{
	snprintf(what, MOVE_NAME_MAX, "%s", path);
	return err;
}

static char type_letter(mode_t mode)
{
	return S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : 'f';
}

/* Of a symbolic link only the target counts: storage may not set the rest. */
static errint_t describe_entry(int dir, const char *name, const struct stat *st, bool owner,
			       struct move_entry *e)
{
	char target[PATH_MAX + 1], rights[64] = "";
	ssize_t n;

	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dir, name, target, sizeof(target) - 1);
		if (n < 0)
			return -errno;
		target[n] = '\0';
		return asprintf(&e->attrs, "l %s", target) < 0 ? -ENOMEM : 0;
	}
	if (owner)
		snprintf(rights, sizeof(rights), " %o %u:%u", st->st_mode & 07777, st->st_uid, st->st_gid);
	if (S_ISDIR(st->st_mode))
		return asprintf(&e->attrs, "d%s", rights) < 0 ? -ENOMEM : 0;
	e->regular = true;
	e->size = (uint64_t)st->st_size;
	if (asprintf(&e->stamp, "%lld.%09ld %lld.%09ld", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		     (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec) < 0)
		e->stamp = NULL;
	return asprintf(&e->attrs, "f %llu bytes, time %lld%s", (unsigned long long)st->st_size,
			(long long)st->st_mtim.tv_sec, rights) < 0
		   ? -ENOMEM
		   : 0;
}

struct move_entry *move_tree_append(struct move_tree *tree, size_t *room)
{
	struct move_entry *more;

	if (tree->n == *room) {
		more = reallocarray(tree->entries, *room ? *room * 2 : 256, sizeof(*more));
		if (!more)
			return NULL;
		tree->entries = more;
		*room = *room ? *room * 2 : 256;
	}
	more = &tree->entries[tree->n++];
	memset(more, 0, sizeof(*more));
	return more;
}

static errint_t add_entry(struct reading *r, int dir, const char *name, const char *path,
			  const struct stat *st)
{
	struct move_entry *e = move_tree_append(r->tree, &r->room);
	errint_t err = e ? describe_entry(dir, name, st, r->owner, e) : -ENOMEM;

	if (err)
		return err;
	e->path = strdup(path);
	if (!e->stamp)
		e->stamp = strdup("");
	e->first = strdup("");
	e->dev = st->st_dev;
	e->mtime_s = S_ISLNK(st->st_mode) ? 0 : st->st_mtim.tv_sec;
	/* 0: no other name. */
	e->ino = type_letter(st->st_mode) == 'f' && st->st_nlink > 1 ? st->st_ino : 0;
	r->tree->files += e->regular;
	r->tree->bytes += e->size;
	r->tree->disk += e->ino ? 0 : (uint64_t)st->st_blocks * 512;
	return e->path && e->stamp && e->first ? 0 : -ENOMEM;
}

static errint_t walk_directory(struct reading *r, int fd, const char *at, unsigned depth);

static errint_t descend_into(struct reading *r, int dir, const char *name, const char *path, unsigned depth)
{
	int child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (child < 0)
		return fail_at(r->what, path, -errno);
	if (depth == 0) {
		close(child);
		return fail_at(r->what, path, -ELOOP);
	}
	return walk_directory(r, child, path, depth - 1);
}

static errint_t visit(struct reading *r, int dir, const char *name, const char *path, unsigned depth)
{
	struct stat st;
	errint_t err;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_at(r->what, path, -errno);
	if (st.st_dev != r->dev)
		return fail_at(r->what, path, -EXDEV);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return fail_at(r->what, path, -EMEDIUMTYPE);
	err = add_entry(r, dir, name, path, &st);
	if (err)
		return fail_at(r->what, path, err);
	return S_ISDIR(st.st_mode) ? descend_into(r, dir, name, path, depth) : 0;
}

/* Takes fd. readdir's errno counts: half a listing is none. */
static errint_t walk_directory(struct reading *r, int fd, const char *at, unsigned depth)
{
	CLEANUP_DIR DIR *dir = fdopendir(fd);
	struct dirent *entry;
	errint_t err = 0;

	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (!err && (errno = 0, entry = readdir(dir))) {
		CLEANUP_FREE char *path = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (asprintf(&path, "%s%s%s", at, *at ? "/" : "", entry->d_name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		err = visit(r, dirfd(dir), entry->d_name, path, depth);
	}
	return !err && errno ? fail_at(r->what, at, -errno) : err;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct move_entry *)a)->path, ((const struct move_entry *)b)->path);
}

static int by_inode(const void *a, const void *b)
{
	const struct move_entry *x = *(struct move_entry *const *)a, *y = *(struct move_entry *const *)b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* Each group gets its first member's name. Links from elsewhere are no group. */
static errint_t find_links(struct move_tree *tree)
{
	CLEANUP_FREE struct move_entry **linked = calloc(tree->n + 1, sizeof(struct move_entry *));
	size_t n = 0;

	if (!linked)
		return -ENOMEM;
	for (size_t i = 0; i < tree->n; i++)
		if (tree->entries[i].ino)
			linked[n++] = &tree->entries[i];
	qsort(linked, n, sizeof(struct move_entry *), by_inode);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1;
		     end < n && linked[end]->ino == linked[i]->ino && linked[end]->dev == linked[i]->dev;)
			end++;
		tree->disk += linked[i]->size;
		for (size_t k = i; k < end && end - i > 1; k++, tree->links++) {
			free(linked[k]->first);
			linked[k]->first = strdup(linked[i]->path);
			if (!linked[k]->first)
				return -ENOMEM;
		}
	}
	return 0;
}

errint_t move_tree_read(int dir, bool owner, struct move_tree *tree, char *what)
{
	struct reading r = {.tree = tree, .owner = owner, .what = what};
	struct stat st;
	errint_t err;
	int fd;

	memset(tree, 0, sizeof(*tree));
	what[0] = '\0';
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return fail_at(what, ".", err);
	}
	r.dev = st.st_dev;
	err = walk_directory(&r, fd, "", DEPTH_MAX);
	if (err)
		return err;
	if (tree->n)
		qsort(tree->entries, tree->n, sizeof(*tree->entries), by_path);
	return find_links(tree);
}

void move_tree_release(struct move_tree *tree)
{
	for (size_t i = 0; i < tree->n; i++) {
		free(tree->entries[i].path);
		free(tree->entries[i].attrs);
		free(tree->entries[i].stamp);
		free(tree->entries[i].first);
	}
	free(tree->entries);
	memset(tree, 0, sizeof(*tree));
}

/* guardfs shows some of its own at every file. */
static bool names_attributes(const char *names, ssize_t n)
{
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1)
		if ((strncmp(names + at, "user.", 5) == 0 && strncmp(names + at, "user.guardfs.", 13) != 0) ||
		    strncmp(names + at, "system.posix_acl_", 17) == 0)
			return true;
	return false;
}

size_t move_tree_count_attributes(int dir, const struct move_tree *tree)
{
	char path[PATH_MAX + 64], names[4096];
	size_t found = 0;

	for (size_t i = 0; i < tree->n; i++) {
		const struct move_entry *e = &tree->entries[i];
		ssize_t n = -1;

		if (snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, e->path) < (int)sizeof(path))
			n = llistxattr(path, names, sizeof(names));
		/* Too many to fit. */
		found += n < 0 ? errno == ERANGE : names_attributes(names, n);
	}
	return found;
}

struct hashing {
	EVP_MD_CTX *context;
	unsigned char *chunk;
	uint64_t rate, done, total, start_ns, shown_ns;
	const char *progress;
};

static void pace_hashing(struct hashing *h, uint64_t n)
{
	uint64_t now = clock_mono_ns(), due;

	h->done += n;
	if (isatty(STDERR_FILENO) && now - h->shown_ns > 200 * NSEC_PER_MSEC) {
		h->shown_ns = now;
		fprintf(stderr, "\r%s: %3u %% ", h->progress,
			(unsigned)(h->total ? (double)h->done * 100 / (double)h->total : 0));
	}
	if (!h->rate)
		return;
	due = h->start_ns + (uint64_t)((double)h->done / (double)h->rate * (double)NSEC_PER_SEC);
	if (due > now)
		(void)poll(NULL, 0, (int)MIN((due - now) / NSEC_PER_MSEC, 60000ull));
}

static errint_t hash_file(struct hashing *h, int dir, struct move_entry *e)
{
	CLEANUP_FD int fd = openat(dir, e->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 1;

	if (fd < 0 || EVP_DigestInit_ex(h->context, EVP_sha256(), NULL) != 1)
		return fd < 0 ? -errno : -EIO;
	/* From the disk, not the cache. */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	while (n > 0 && (n = read(fd, h->chunk, CHUNK)) > 0) {
		if (EVP_DigestUpdate(h->context, h->chunk, (size_t)n) != 1)
			return -EIO;
		pace_hashing(h, (uint64_t)n);
	}
	if (n < 0)
		return -errno;
	return EVP_DigestFinal_ex(h->context, e->hash, NULL) == 1 ? 0 : -EIO;
}

static errint_t hash_all(struct hashing *h, int dir, struct move_tree *tree, char *what)
{
	for (size_t i = 0; i < tree->n; i++) {
		struct move_entry *e = &tree->entries[i];
		errint_t err = e->regular ? hash_file(h, dir, e) : 0;

		if (err)
			return fail_at(what, e->path, err);
	}
	if (h->shown_ns != h->start_ns)
		fputs("\r\033[K", stderr);
	return 0;
}

errint_t move_tree_hash(int dir, struct move_tree *tree, uint64_t rate, const char *progress, char *what)
{
	struct hashing h = {.context = EVP_MD_CTX_new(),
			    .chunk = malloc(CHUNK),
			    .rate = rate,
			    .total = tree->bytes,
			    .progress = progress};
	errint_t err;

	h.start_ns = h.shown_ns = clock_mono_ns();
	err = h.context && h.chunk ? hash_all(&h, dir, tree, what) : -ENOMEM;
	EVP_MD_CTX_free(h.context);
	free(h.chunk);
	return err;
}
