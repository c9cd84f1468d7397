#include "fs/listed.h"
#include "backend/tree.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/guard.h"

#include <dirent.h>
#include <stdlib.h>
#include <strings.h>

/* A handful of listings, each with a table of names. Private memory. */

#define LISTINGS_MAX 16u
/* Of one listing. A larger one is not kept. */
#define ENTRIES_MAX (64u << 10)

struct entry {
	uint64_t at_ns, size;
	int64_t atime_s, mtime_s;
	uint32_t mode, uid, gid, name;
};

struct listed {
	uint8_t backend;
	uint32_t dir, changes;
	/* Of dir, whose index another directory may have by now. */
	uint32_t generation;
	uint64_t begun_ns;
	/* Who has had it. */
	pid_t caller;
	/* There is an entry that is not among these. */
	bool partial;
	uint32_t n, n_room;
	size_t used, room;
	struct entry *entries;
	char *names;
	/* Twice as many as entries: index + 1. */
	uint32_t n_table;
	uint32_t *table;
};

static struct {
	pthread_mutex_t lock;
	/* Changed under the lock. */
	_Atomic uint32_t n;
	struct listed *of[LISTINGS_MAX];
} listings = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void free_listed(struct listed *l)
{
	if (!l)
		return;
	free(l->entries);
	free(l->names);
	free(l->table);
	free(l);
}

void listed_begin(struct listed_maker *maker, const struct backend *b, uint32_t dir, pid_t caller)
{
	maker->made = calloc(1, sizeof(*maker->made));
	if (maker->made)
		*maker->made = (struct listed){.backend = b->index,
					       .dir = dir,
					       .caller = caller,
					       .generation = fs.arena->nodes[dir].generation,
					       .changes = guard_changes_ended(b),
					       .begun_ns = clock_mono_ns()};
}

static bool make_room(struct listed *l, size_t length)
{
	if (l->n == l->n_room) {
		uint32_t n_room = MAX(l->n_room * 2, 64u);
		struct entry *entries =
		    n_room <= ENTRIES_MAX ? realloc(l->entries, n_room * sizeof(*entries)) : NULL;

		if (!entries)
			return false;
		l->entries = entries;
		l->n_room = n_room;
	}
	if (l->used + length + 1 > l->room) {
		size_t room = MAX(l->room * 2, (size_t)4096);
		char *names = realloc(l->names, room);

		if (!names)
			return false;
		l->names = names;
		l->room = room;
	}
	return true;
}

void listed_add(struct listed_maker *maker, const char *name, size_t length, const struct stat *st)
{
	struct listed *l = maker->made;

	if (!l)
		return;
	l->partial |= !st;
	if (!st)
		return;
	if (length > 255 || !make_room(l, length)) {
		listed_end(maker, false);
		return;
	}
	l->entries[l->n++] = (struct entry){.at_ns = clock_mono_ns(),
					    .size = (uint64_t)st->st_size,
					    .atime_s = st->st_atim.tv_sec,
					    .mtime_s = st->st_mtim.tv_sec,
					    .mode = st->st_mode,
					    .uid = st->st_uid,
					    .gid = st->st_gid,
					    .name = (uint32_t)l->used};
	memcpy(l->names + l->used, name, length);
	l->names[l->used + length] = '\0';
	l->used += length + 1;
}

/* Of ASCII. Names differing only in case have one place to begin at. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static uint32_t first_place(const struct listed *l, const char *name)
{
	char folded[NAME_LENGTH_MAX];
	size_t n = strnlen(name, sizeof(folded));

	for (size_t i = 0; i < n; i++)
		folded[i] = lower(name[i]);
	return (uint32_t)hash_bytes(0, folded, n) & (l->n_table - 1);
}

static bool make_table(struct listed *l)
{
	l->n_table = 64;
	while (l->n_table < 2 * l->n)
		l->n_table *= 2;
	l->table = calloc(l->n_table, sizeof(*l->table));
	for (uint32_t i = 0; l->table && i < l->n; i++) {
		uint32_t place = first_place(l, l->names + l->entries[i].name);

		while (l->table[place])
			place = (place + 1) & (l->n_table - 1);
		l->table[place] = i + 1;
	}
	return l->table != NULL;
}

static bool is_expired(const struct listed *l, uint64_t now_ns)
{
	return now_ns > l->begun_ns + 60 * NSEC_PER_SEC ||
	       l->changes != guard_changes_ended(&fs.guarded[l->backend]);
}

/* An empty place, an older listing's of the directory, or the oldest's. */
static uint32_t place_for(const struct listed *new)
{
	uint32_t best = 0;

	for (uint32_t i = 0; i < LISTINGS_MAX; i++) {
		const struct listed *l = listings.of[i];

		if (l && l->backend == new->backend && l->dir == new->dir)
			return i;
		if (listings.of[best] && (!l || l->begun_ns < listings.of[best]->begun_ns))
			best = i;
	}
	return best;
}

static void forget_expired(uint64_t now_ns)
{
	for (uint32_t i = 0; i < LISTINGS_MAX; i++)
		if (listings.of[i] && is_expired(listings.of[i], now_ns)) {
			free_listed(listings.of[i]);
			listings.of[i] = NULL;
			atomic_fetch_sub(&listings.n, 1);
		}
}

void listed_end(struct listed_maker *maker, bool complete)
{
	struct listed *l = maker->made;
	uint32_t place;

	maker->made = NULL;
	if (!l || !complete || l->n == 0 || !make_table(l)) {
		free_listed(l);
		return;
	}
	ACQUIRE_LOCK(&listings.lock);
	forget_expired(clock_mono_ns());
	place = place_for(l);
	if (!listings.of[place])
		atomic_fetch_add(&listings.n, 1);
	free_listed(listings.of[place]);
	listings.of[place] = l;
}

/* ---- asking ---- */

/* same: strcmp, or strcasecmp. */
static const struct entry *find_entry(const struct listed *l, const char *name,
				      int (*same)(const char *, const char *))
{
	uint32_t place = first_place(l, name), i;

	while ((i = l->table[place]) != 0) {
		const struct entry *e = &l->entries[i - 1];

		if (same(l->names + e->name, name) == 0)
			return e;
		place = (place + 1) & (l->n_table - 1);
	}
	return NULL;
}

static void show_entry(const struct entry *e, struct found *found)
{
	*found = (struct found){.st = {.st_size = (off_t)e->size,
				       .st_mode = e->mode,
				       .st_uid = e->uid,
				       .st_gid = e->gid,
				       .st_nlink = 1,
				       .st_blocks = (blkcnt_t)(e->size / 512 + (e->size % 512 != 0)),
				       .st_blksize = 4096,
				       .st_atim = {.tv_sec = e->atime_s},
				       .st_mtim = {.tv_sec = e->mtime_s},
				       .st_ctim = {.tv_sec = e->mtime_s}}};
}

static bool is_ascii(const char *name)
{
	while (*name && (unsigned char)*name < 0x80)
		name++;
	return *name == '\0';
}

/* May a server that folds case, or Unicode, take the name for a listed one? */
static bool may_be_listed(const struct listed *l, const char *name)
{
	return !is_ascii(name) || find_entry(l, name, strcasecmp);
}

static bool is_any_kept(void)
{
	return atomic_load_explicit(&listings.n, memory_order_relaxed) != 0;
}

/* Under the lock. */
static const struct listed *find_listed(const struct backend *b, uint32_t dir)
{
	for (uint32_t i = 0; i < LISTINGS_MAX; i++) {
		const struct listed *l = listings.of[i];

		if (l && l->backend == b->index && l->dir == dir &&
		    l->generation == fs.arena->nodes[dir].generation)
			return l;
	}
	return NULL;
}

bool listed_find(const struct backend *b, uint32_t dir, const char *name, struct found *found, double *age_s)
{
	const struct listed *l;
	const struct entry *e;
	uint64_t now_ns;

	if (!is_any_kept())
		return false;
	ACQUIRE_LOCK(&listings.lock);
	l = find_listed(b, dir);
	now_ns = clock_mono_ns();
	e = l && !is_expired(l, now_ns) ? find_entry(l, name, strcmp) : NULL;
	if (!e)
		return false;
	*age_s = (double)(now_ns - e->at_ns) / (double)NSEC_PER_SEC;
	if (*age_s >= fs_cache_seconds(b))
		return false;
	show_entry(e, found);
	return true;
}

/* Of the whole directory, and no older than attributes may be. */
static bool is_whole(const struct backend *b, const struct listed *l)
{
	uint64_t now_ns = clock_mono_ns();

	return !l->partial && !is_expired(l, now_ns) &&
	       (double)(now_ns - l->begun_ns) / (double)NSEC_PER_SEC < fs_cache_seconds(b);
}

bool listed_lacks(const struct backend *b, uint32_t dir, const char *name)
{
	const struct listed *l;

	if (!is_any_kept())
		return false;
	ACQUIRE_LOCK(&listings.lock);
	l = find_listed(b, dir);
	return l && is_whole(b, l) && !may_be_listed(l, name);
}

bool listed_repeat(const struct backend *b, uint32_t dir, pid_t caller, readdir_fn emit, void *arg)
{
	const struct listed *l;
	bool more;

	if (caller == 0 || !is_any_kept())
		return false;
	ACQUIRE_LOCK(&listings.lock);
	l = find_listed(b, dir);
	if (!l || l->caller != caller || !is_whole(b, l))
		return false;
	more = emit(arg, ".", 1, 0, DT_DIR, 0, NULL) && emit(arg, "..", 2, 0, DT_DIR, 0, NULL);
	for (uint32_t i = 0; more && i < l->n; i++) {
		const struct entry *e = &l->entries[i];
		const char *name = l->names + e->name;
		struct found found;

		show_entry(e, &found);
		more = emit(arg, name, strlen(name), 0, (e->mode & S_IFMT) >> 12, i + 1, &found.st);
	}
	return true;
}

bool listed_find_node(const struct backend *b, const struct node *node, struct stat *st, double *age_s)
{
	char name[NAME_LENGTH_MAX + 1];
	struct found found;
	uint32_t parent;

	if (!is_any_kept() || !b->board)
		return false;
	parent = tree_place(b, node, name);
	if (parent >= NODE_MAX || !name[0] || node->flags & (NODE_VIEW | NODE_ROUTE_ROOT) ||
	    !listed_find(b, parent, name, &found, age_s))
		return false;
	*st = found.st;
	return true;
}
