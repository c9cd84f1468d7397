/* Lists of directories: compared, stored, hard links remade. */
#include "ctl/move/move.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define LIST_HEAD "guardfs-list 1"
#define LIST_MAX  (1u << 30) /* bytes: millions of files */
#define FIELDS	  4

/* ---- comparing ---- */

/* Why two entries of a path differ; NULL: they are alike. */
static const char *difference(const struct move_entry *a, const struct move_entry *b, unsigned compare)
{
	if (strcmp(a->attrs, b->attrs) != 0)
		return "differs";
	if (compare & MOVE_COMPARE_STAMP && strcmp(a->stamp, b->stamp) != 0)
		return "was touched";
	if (compare & MOVE_COMPARE_LINKS && strcmp(a->first, b->first) != 0)
		return "has other hard links";
	if (compare & MOVE_COMPARE_HASH && memcmp(a->hash, b->hash, sizeof(a->hash)) != 0)
		return "has other content";
	return NULL;
}

/* Steps through both; calls emit for each difference until it returns true. a or b NULL: only in the
 * other. */
static bool each_difference(const struct move_tree *a, const struct move_tree *b, unsigned compare,
			    bool (*emit)(void *arg, const struct move_entry *a, const struct move_entry *b,
					 const char *why),
			    void *arg)
{
	size_t i = 0, k = 0;

	while (i < a->n || k < b->n) {
		const struct move_entry *x = i < a->n ? &a->entries[i] : NULL;
		const struct move_entry *y = k < b->n ? &b->entries[k] : NULL;
		int order = !x ? 1 : !y ? -1 : strcmp(x->path, y->path);
		const char *why = order < 0 ? "is missing" : order > 0 ? "is new" : NULL;

		if (order == 0)
			why = difference(x, y, compare);
		i += order <= 0;
		k += order >= 0;
		if (why && emit(arg, order <= 0 ? x : NULL, order >= 0 ? y : NULL, why))
			return true;
	}
	return false;
}

static bool put_first(void *what, const struct move_entry *a, const struct move_entry *b, const char *why)
{
	const char *path = (a ? a : b)->path;

	if (a && b && strcmp(a->attrs, b->attrs) != 0)
		snprintf(what, MOVE_NAME_MAX, "%.200s %s: %.100s, but %.100s", path, why, a->attrs, b->attrs);
	else
		snprintf(what, MOVE_NAME_MAX, "%.400s %s", path, why);
	return true;
}

bool move_tree_differs(const struct move_tree *a, const struct move_tree *b, unsigned compare, char *what)
{
	what[0] = '\0';
	return each_difference(a, b, compare, put_first, what);
}

struct printing {
	FILE *out;
	unsigned left;
};

static bool put_line(void *arg, const struct move_entry *a, const struct move_entry *b, const char *why)
{
	struct printing *p = arg;

	fprintf(p->out, "%s %s\n", (a ? a : b)->path, why);
	return --p->left == 0;
}

void move_tree_print_changes(const struct move_tree *a, const struct move_tree *b, unsigned max, FILE *out)
{
	struct printing p = {out, max};

	if (each_difference(a, b, MOVE_COMPARE_STAMP, put_line, &p))
		fputs("and possibly more\n", out);
}

/* ---- in a file: an entry's fields, each with NUL ---- */

errint_t move_tree_save(const struct move_tree *tree, const char *file)
{
	CLEANUP_FREE char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	errint_t err;

	if (!out)
		return -ENOMEM;
	fprintf(out, "%s%c", LIST_HEAD, 0);
	for (size_t i = 0; i < tree->n; i++) {
		const struct move_entry *e = &tree->entries[i];

		fprintf(out, "%s%c%s%c%s%c%s%c", e->path, 0, e->attrs, 0, e->stamp, 0, e->first, 0);
	}
	if (fclose(out) != 0)
		return -ENOMEM;
	err = fd_write_atomic(file, text, n, 0600, true);
	return err ? err : move_sync_directory_of(file);
}

static errint_t read_all(const char *file, char **text, size_t *n)
{
	CLEANUP_FILE FILE *in = fopen(file, "re");
	struct stat st;

	if (!in || fstat(fileno(in), &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)LIST_MAX)
		return -EINVAL;
	*text = malloc((size_t)st.st_size + 1);
	if (!*text)
		return -ENOMEM;
	*n = fread(*text, 1, (size_t)st.st_size, in);
	return ferror(in) || *n != (size_t)st.st_size ? -EIO : 0;
}

/* Paths ascend; none leads out. */
static bool is_good_path(const struct move_tree *tree, const char *path)
{
	const char *before = tree->n ? tree->entries[tree->n - 1].path : "";

	if (strcmp(before, path) >= 0 || path[0] == '/')
		return false;
	for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
		if (strncmp(part, "../", 3) == 0 || strcmp(part, "..") == 0 || *part == '/' || !*part)
			return false;
	return true;
}

static errint_t take_entry(struct move_tree *tree, size_t *room, const char *const *fields)
{
	struct move_entry *e;

	if (!is_good_path(tree, fields[0]))
		return -EINVAL;
	e = move_tree_append(tree, room);
	if (!e)
		return -ENOMEM;
	*e = (struct move_entry){.path = strdup(fields[0]),
				 .attrs = strdup(fields[1]),
				 .stamp = strdup(fields[2]),
				 .first = strdup(fields[3]),
				 .regular = fields[1][0] == 'f'};
	tree->links += fields[3][0] != '\0';
	return e->path && e->attrs && e->stamp && e->first ? 0 : -ENOMEM;
}

errint_t move_tree_parse(const char *text, size_t n, struct move_tree *tree)
{
	const char *fields[FIELDS];
	size_t room = 0;
	errint_t err = 0;

	memset(tree, 0, sizeof(*tree));
	if (n < sizeof(LIST_HEAD) || text[n - 1] || strcmp(text, LIST_HEAD) != 0)
		return -EINVAL;
	for (size_t at = sizeof(LIST_HEAD); at < n && !err;) {
		size_t k;

		for (k = 0; k < FIELDS && at < n; k++) {
			fields[k] = text + at;
			at += strlen(text + at) + 1;
		}
		err = k == FIELDS ? take_entry(tree, &room, fields) : -EINVAL;
	}
	return err;
}

errint_t move_tree_load(const char *file, struct move_tree *tree)
{
	CLEANUP_FREE char *text = NULL;
	size_t n = 0;
	errint_t err = read_all(file, &text, &n);

	memset(tree, 0, sizeof(*tree));
	return err ? err : move_tree_parse(text, n, tree);
}

/* ---- hard links ---- */

static int compare_path(const void *key, const void *e)
{
	return strcmp(key, ((const struct move_entry *)e)->path);
}

static const struct move_entry *find(const struct move_tree *tree, const char *path)
{
	return tree->n ? bsearch(path, tree->entries, tree->n, sizeof(*tree->entries), compare_path) : NULL;
}

/* Without a moment in which path is missing. */
static errint_t link_over(int dir, const char *first, const char *path)
{
	CLEANUP_FREE char *temporary = NULL;

	if (asprintf(&temporary, "%s.guardfs-link", path) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	(void)unlinkat(dir, temporary, 0);
	if (linkat(dir, first, dir, temporary, 0) < 0)
		return -errno;
	if (renameat(dir, temporary, dir, path) < 0) {
		errint_t err = -errno;

		(void)unlinkat(dir, temporary, 0);
		return err;
	}
	return 0;
}

errint_t move_tree_relink(int dir, const struct move_tree *tree, const struct move_tree *old, size_t *made,
			  char *what)
{
	*made = 0;
	for (size_t i = 0; i < old->n; i++) {
		const struct move_entry *was = &old->entries[i], *first, *now;
		errint_t err;

		if (!was->first[0] || strcmp(was->first, was->path) == 0)
			continue;
		first = find(tree, was->first);
		now = find(tree, was->path);
		if (!first || !now || !first->regular || !now->regular ||
		    (now->first[0] && strcmp(now->first, first->first) == 0) ||
		    difference(first, now, MOVE_COMPARE_HASH))
			continue;
		err = link_over(dir, first->path, now->path);
		if (err) {
			snprintf(what, MOVE_NAME_MAX, "%s", now->path);
			return err;
		}
		++*made;
	}
	return 0;
}
