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
	/* A name that was taken away keeps its place in the table. */
	bool removed;
};

struct listed {
	uint8_t backend;
	uint32_t dir;
	/* Attributes are good while nothing else has been changed. */
	uint32_t changes;
	/* Of dir, whose index another directory may have by now. */
	uint32_t generation;
	struct listed_moment begun;
	/* Who has had it; 0: nobody. */
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

/* The directories in which names were changed last, by ticket. Under the lock of listings, as `last`. */
#define CHANGES_KEPT 64u

static struct {
	uint32_t dirs[CHANGES_KEPT];
	_Atomic uint32_t last;
} tickets;

static uint32_t epoch_of(const struct backend *b)
{
	return atomic_load(&b->board->root_epoch);
}

struct listed_moment listed_now(const struct backend *b)
{
	return (struct listed_moment){
	    .ticket = atomic_load(&tickets.last), .epoch = epoch_of(b), .at_ns = clock_mono_ns()};
}

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
					       .begun = listed_now(b)};
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

static void put_entry(struct listed *l, const char *name, size_t length, const struct stat *st,
		      uint64_t at_ns)
{
	l->entries[l->n++] = (struct entry){.at_ns = at_ns,
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
	put_entry(l, name, length, st, clock_mono_ns());
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

static void put_in_table(struct listed *l, uint32_t i)
{
	uint32_t place = first_place(l, l->names + l->entries[i].name);

	while (l->table[place])
		place = (place + 1) & (l->n_table - 1);
	l->table[place] = i + 1;
}

static bool make_table(struct listed *l)
{
	uint32_t n_table = 64;
	uint32_t *table;

	while (n_table < 2 * l->n)
		n_table *= 2;
	table = calloc(n_table, sizeof(*table));
	if (!table)
		return false;
	free(l->table);
	l->table = table;
	l->n_table = n_table;
	for (uint32_t i = 0; i < l->n; i++)
		put_in_table(l, i);
	return true;
}

static bool is_expired(const struct listed *l, uint64_t now_ns)
{
	const struct backend *b = &fs.guarded[l->backend];

	return now_ns > l->begun.at_ns + 60 * NSEC_PER_SEC || l->begun.epoch != epoch_of(b);
}

/* An empty place, an older listing's of the directory, or the oldest's. */
static uint32_t place_for(const struct listed *new)
{
	uint32_t best = 0;

	for (uint32_t i = 0; i < LISTINGS_MAX; i++) {
		const struct listed *l = listings.of[i];

		if (l && l->backend == new->backend && l->dir == new->dir)
			return i;
		if (listings.of[best] && (!l || l->begun.at_ns < listings.of[best]->begun.at_ns))
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

/* Under the lock: may a name in dir have been changed since? */
static bool is_changed_since(const struct backend *b, uint32_t dir, const struct listed_moment *then)
{
	uint32_t last = atomic_load(&tickets.last);

	if (last - then->ticket > CHANGES_KEPT || then->epoch != epoch_of(b))
		return true;
	for (uint32_t i = then->ticket; i != last; i++)
		if (tickets.dirs[i % CHANGES_KEPT] == dir)
			return true;
	return false;
}

bool listed_is_changed_since(const struct backend *b, uint32_t dir, const struct listed_moment *then)
{
	ACQUIRE_LOCK(&listings.lock);
	return is_changed_since(b, dir, then);
}

static void keep_listed(struct listed *l)
{
	uint32_t place;

	forget_expired(clock_mono_ns());
	place = place_for(l);
	if (!listings.of[place])
		atomic_fetch_add(&listings.n, 1);
	free_listed(listings.of[place]);
	listings.of[place] = l;
}

void listed_end(struct listed_maker *maker, bool complete)
{
	struct listed *l = maker->made;

	maker->made = NULL;
	if (!l || !complete || !make_table(l)) {
		free_listed(l);
		return;
	}
	ACQUIRE_LOCK(&listings.lock);
	l->partial |= is_changed_since(&fs.guarded[l->backend], l->dir, &l->begun);
	keep_listed(l);
}

/* ---- asking ---- */

/* same: strcmp, or strcasecmp. */
static struct entry *find_entry(const struct listed *l, const char *name,
				int (*same)(const char *, const char *))
{
	uint32_t place = first_place(l, name), i;

	while ((i = l->table[place]) != 0) {
		struct entry *e = &l->entries[i - 1];

		if (!e->removed && same(l->names + e->name, name) == 0)
			return e;
		place = (place + 1) & (l->n_table - 1);
	}
	return NULL;
}

static void show_entry(const struct entry *e, struct found *found)
{
	*found = (struct found){.st = {.st_mode = e->mode,
				       .st_uid = e->uid,
				       .st_gid = e->gid,
				       .st_nlink = 1,
				       .st_blksize = 4096,
				       .st_atim = {.tv_sec = e->atime_s},
				       .st_mtim = {.tv_sec = e->mtime_s},
				       .st_ctim = {.tv_sec = e->mtime_s}}};
	backend_show_size(&found->st, (off_t)e->size);
}

static bool is_ascii(const char *name)
{
	while (*name && (unsigned char)*name < 0x80)
		name++;
	return *name == '\0';
}

/* Snapshots, which a server may show to whoever asks for them by name. */
static bool is_listed_by_none(const char *name)
{
	static const char *const names[] = {".zfs", ".snapshot", ".snapshots", "~snapshot"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

/* May a server that folds case, or Unicode, take the name for a listed one, or have it unlisted? */
static bool may_be_there(const struct listed *l, const char *name)
{
	return !is_ascii(name) || is_listed_by_none(name) || find_entry(l, name, strcasecmp);
}

static bool is_any_kept(void)
{
	return atomic_load_explicit(&listings.n, memory_order_relaxed) != 0;
}

/* Under the lock. */
static struct listed *find_listed(const struct backend *b, uint32_t dir)
{
	for (uint32_t i = 0; i < LISTINGS_MAX; i++) {
		struct listed *l = listings.of[i];

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
	if (!l || is_expired(l, now_ns) || l->changes != guard_changes_ended(b))
		return false;
	e = find_entry(l, name, strcmp);
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
	       (double)(now_ns - l->begun.at_ns) / (double)NSEC_PER_SEC < fs_cache_seconds(b);
}

bool listed_lacks(const struct backend *b, uint32_t dir, const char *name)
{
	const struct listed *l;

	if (!is_any_kept())
		return false;
	ACQUIRE_LOCK(&listings.lock);
	l = find_listed(b, dir);
	return l && is_whole(b, l) && !may_be_there(l, name);
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

		if (e->removed)
			continue;
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

/* ---- changes through this mount ---- */

static void forget_listed(struct listed *l)
{
	for (uint32_t i = 0; i < LISTINGS_MAX; i++)
		if (listings.of[i] == l) {
			free_listed(l);
			listings.of[i] = NULL;
			atomic_fetch_sub(&listings.n, 1);
		}
}

/* Under the lock. NULL: none that can be brought up to date. Of two changes at once nobody knows which came last. */
static struct listed *note_change(const struct backend *b, uint32_t dir, const struct listed_moment *begun)
{
	bool beside_others = is_changed_since(b, dir, begun);
	struct listed *l = find_listed(b, dir);

	tickets.dirs[atomic_load(&tickets.last) % CHANGES_KEPT] = dir;
	atomic_fetch_add(&tickets.last, 1);
	if (l && beside_others) {
		forget_listed(l);
		l = NULL;
	}
	return l;
}

static void take_out(struct listed *l, const char *name)
{
	struct entry *e = l ? find_entry(l, name, strcmp) : NULL;

	if (e)
		e->removed = true;
}

/* Its attributes may be others by the next change: they are not told. */
static bool put_in(struct listed *l, const char *name, const struct stat *st)
{
	size_t length = strlen(name);

	take_out(l, name);
	if (length > NAME_LENGTH_MAX || !make_room(l, length))
		return false;
	put_entry(l, name, length, st, 0);
	if (2 * l->n > l->n_table)
		return make_table(l);
	put_in_table(l, l->n - 1);
	return true;
}

static void put_in_or_forget(struct listed *l, const char *name, const struct stat *st)
{
	if (l && !put_in(l, name, st))
		forget_listed(l);
}

void listed_made(const struct backend *b, uint32_t dir, const char *name, const struct stat *st,
		 const struct listed_moment *begun)
{
	ACQUIRE_LOCK(&listings.lock);
	put_in_or_forget(note_change(b, dir, begun), name, st);
}

void listed_removed(const struct backend *b, uint32_t dir, const char *name,
		    const struct listed_moment *begun)
{
	ACQUIRE_LOCK(&listings.lock);
	take_out(note_change(b, dir, begun), name);
}

void listed_renamed(const struct backend *b, uint32_t dir, const char *name, uint32_t new_dir,
		    const char *new_name, const struct stat *st, const struct listed_moment *begun)
{
	struct listed *from, *to;

	ACQUIRE_LOCK(&listings.lock);
	from = note_change(b, dir, begun);
	to = new_dir == dir ? from : note_change(b, new_dir, begun);
	take_out(from, name);
	put_in_or_forget(to, new_name, st);
}

void listed_doubted(const struct backend *b, uint32_t dir)
{
	const struct listed_moment now = listed_now(b);
	struct listed *l;

	ACQUIRE_LOCK(&listings.lock);
	l = note_change(b, dir, &now);
	if (l)
		forget_listed(l);
}

void listed_new(const struct backend *b, uint32_t dir, const struct listed_moment *begun)
{
	struct listed_maker maker;

	listed_begin(&maker, b, dir, 0);
	if (maker.made)
		maker.made->begun = *begun;
	listed_end(&maker, true);
}
