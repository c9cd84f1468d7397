/* Unlink, rename, paths within a tier. */
#include "fs/node_numbers.h"
#include "fs/node_table.h"
#include "base/cleanup.h"

#include <errno.h>

/* expected: NULL: any node. */
static void take_name(uint32_t parent, const char *name, const struct node *expected)
{
	bool has_several = false;
	struct node *node;

	/* The lock keeps the node in its shard, the pin keeps it live. */
	pthread_rwlock_rdlock(&ntable.tree_lock);
	node = node_find_guarded(parent, name, NODE_PINNED);
	if (node && (!expected || node == expected)) {
		struct node_shard *s = ntable_lock_shard(node);

		has_several = node_names(node) > 1;
		if (!has_several && !(node->flags & NODE_UNLINKED))
			node_lose_name(s, node);
		pthread_mutex_unlock(&s->lock);
	}
	pthread_rwlock_unlock(&ntable.tree_lock);
	if (has_several)
		node_drop_name(node, parent, name);
	if (node)
		node_unpin(node);
}

void node_unlinked(uint32_t parent, const char *name)
{
	take_name(parent, name, NULL);
}

void node_vanished(const struct node *node, uint32_t parent, const char *name)
{
	take_name(parent, name, node);
}

void node_replaced(struct node *node)
{
	char name[NAME_LENGTH_MAX + 1];
	uint32_t parent;

	if (node_place(node, &parent, name) == 0)
		take_name(parent, name, node);
}

/* A record with the name, in node's backend; NULL: no room. */
static struct node *make_record(const struct node *node, uint32_t parent, const char *name)
{
	const struct node_key k = {.backend = node->backend, .parent = parent, .name = name};

	return ntable_make(&k, parent, name, &(struct stat){.st_mode = node->mode});
}

errint_t node_link(struct node *node, uint32_t parent, const char *name)
{
	struct node *record, *known = node_find_guarded(parent, name, NODE_PINNED);
	errint_t rc;

	if (known == node) {
		node_unpin(known);
		return 0;
	}
	if (known) {
		take_name(parent, name, known);
		node_unpin(known);
	}
	record = make_record(node, parent, name);
	if (!record)
		return -ENFILE;
	pthread_rwlock_wrlock(&ntable.tree_lock);
	rc = ntable_add_name(node, record);
	pthread_rwlock_unlock(&ntable.tree_lock);
	if (rc < 0) {
		ntable_give_back(record);
		ntable_child_removed(parent);
	}
	return rc;
}

void node_prefer(struct node *node, uint32_t parent, const char *name)
{
	struct node *record;

	if (node_names(node) == 1)
		return;
	pthread_rwlock_rdlock(&ntable.tree_lock);
	record = ntable_record(node, parent, name);
	pthread_rwlock_unlock(&ntable.tree_lock);
	if (!record || record == node)
		return;
	pthread_rwlock_wrlock(&ntable.tree_lock);
	record = ntable_record(node, parent, name);
	if (record && record != node)
		ntable_prefer_name(node, record);
	pthread_rwlock_unlock(&ntable.tree_lock);
}

bool node_try_next_name(struct node *node)
{
	bool has_another;

	if (node_names(node) == 1)
		return false;
	pthread_rwlock_wrlock(&ntable.tree_lock);
	has_another = atomic_load(&node->other) != NODE_NONE;
	if (has_another)
		ntable_prefer_next(node);
	pthread_rwlock_unlock(&ntable.tree_lock);
	return has_another;
}

bool node_nth_name(const struct node *node, uint32_t n, uint32_t *parent, char name[NAME_LENGTH_MAX + 1])
{
	uint32_t index = node_index(node);
	bool found;

	pthread_rwlock_rdlock(&ntable.tree_lock);
	while (n-- > 0 && index != NODE_NONE)
		index = atomic_load(&ntable_at(index)->other);
	found = index != NODE_NONE && !(node->flags & NODE_UNLINKED) &&
		copy_string(name, NAME_LENGTH_MAX + 1, ntable_name(ntable_at(index))) == 0;
	if (found)
		*parent = ntable_at(index)->parent;
	pthread_rwlock_unlock(&ntable.tree_lock);
	return found;
}

void node_left(struct node *node, uint32_t parent)
{
	atomic_store(&node->left, parent);
}

/* Under tree_lock for writing. file: of the record. */
static void unindex_record(const struct node *file, struct node *record)
{
	struct node_shard *s = ntable_shard(ntable.links[node_index(record)].hash);

	ACQUIRE_LOCK(&s->lock);
	if (record == file)
		number_keep(record);
	ntable_remove(s, node_index(record));
}

static void reindex_record(struct node *record)
{
	struct node_key k = ntable_key_of(record);
	uint32_t hash = ntable_hash(&k);
	struct node_shard *s = ntable_shard(hash);

	ACQUIRE_LOCK(&s->lock);
	ntable_insert(s, hash, node_index(record));
}

/* name_ref: in exchange for the former one's. */
static void place_record(struct node *file, struct node *record, uint32_t parent, uint32_t *name_ref)
{
	struct node next = {.parent = parent, .name = *name_ref};

	*name_ref = record->name;
	atomic_store(&record->place, atomic_load(&next.place));
	reindex_record(record);
	if (record != file)
		return;
	node_target_moved(file);
	number_settle(file);
}

/* A name on its way from one place to another. */
struct moving {
	struct node *file;
	uint32_t parent, newparent;
	const char *name;
	/* The new name; afterwards what is to be dropped. 0: no room. */
	uint32_t ref;
	/* NULL: the file has the name no more, or there was no room. */
	struct node *record;
};

static struct moving moving_from(struct node *file, uint32_t parent, const char *name, uint32_t newparent,
				 const char *newname)
{
	return (struct moving){.file = file,
			       .parent = parent,
			       .newparent = newparent,
			       .name = name,
			       .ref = file ? ntable_name_put(newname) : 0};
}

/* Under tree_lock for writing, as the next one. */
static void begin_move(struct moving *m)
{
	m->record = m->ref ? ntable_record(m->file, m->parent, m->name) : NULL;
	if (m->record)
		unindex_record(m->file, m->record);
}

static void end_move(struct moving *m)
{
	if (m->record)
		place_record(m->file, m->record, m->newparent, &m->ref);
}

static void settle_move(const struct moving *m)
{
	ntable_name_drop(m->ref);
	if (!m->record || m->parent == m->newparent)
		return;
	ntable_child_added(m->newparent);
	ntable_child_removed(m->parent);
}

static void rename_guarded(uint32_t parent, const char *name, uint32_t newparent, const char *newname,
			   bool exchange)
{
	struct node *from = node_find_guarded(parent, name, NODE_PINNED);
	struct node *to = node_find_guarded(newparent, newname, NODE_PINNED);
	struct node *const held[] = {from, to};
	struct moving there, back;

	/* Two names of one file: rename(2) does nothing. */
	if (from && from == to)
		from = to = NULL;
	else if (to && !exchange)
		node_unlinked(newparent, newname);
	there = moving_from(from, parent, name, newparent, newname);
	back = moving_from(exchange ? to : NULL, newparent, newname, parent, name);
	pthread_rwlock_wrlock(&ntable.tree_lock);
	begin_move(&there);
	begin_move(&back);
	end_move(&there);
	end_move(&back);
	pthread_rwlock_unlock(&ntable.tree_lock);
	settle_move(&there);
	settle_move(&back);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		if (held[i])
			node_unpin(held[i]);
}

void node_renamed(uint32_t parent, const char *name, uint32_t newparent, const char *newname, bool exchange)
{
	/* Only guarded nodes are known by names; a local directory is placed by the next lookup. */
	if (ntable_is_guarded(ntable_at(parent)))
		rename_guarded(parent, name, newparent, newname, exchange);
}

/* Built from its end. */
struct path {
	char text[4096];
	size_t at;
};

static errint_t path_prepend(struct path *p, const char *name)
{
	size_t length = strlen(name), slash = p->text[p->at] != '\0';

	if (length + slash > p->at)
		return -ENAMETOOLONG;
	if (slash)
		p->text[--p->at] = '/';
	p->at -= length;
	memcpy(p->text + p->at, name, length);
	return 0;
}

static bool is_backend_root(const struct node *node)
{
	return ntable_is_guarded(node) && (node->flags & (NODE_ROUTE_ROOT | NODE_VIEW)) == NODE_ROUTE_ROOT;
}

/* Under tree_lock. A nameless node keeps its last name. */
static errint_t path_up(uint32_t index, bool lost, struct path *p)
{
	errint_t rc = 0;

	p->at = sizeof(p->text) - 1;
	p->text[p->at] = '\0';
	for (uint32_t n = index; n != 0 && rc == 0; n = ntable_at(n)->parent) {
		const struct node *node = n == NODE_NONE ? NULL : ntable_at(n);

		if (!node || (node->flags & NODE_UNLINKED && !lost) || !node->name)
			return -ESTALE;
		if (is_backend_root(node))
			return 0;
		rc = path_prepend(p, ntable_name(node));
	}
	return rc;
}

errint_t node_path_in_tier(uint32_t index, bool lost, char *path, size_t size)
{
	struct path p;
	errint_t rc;

	pthread_rwlock_rdlock(&ntable.tree_lock);
	rc = path_up(index, lost, &p);
	pthread_rwlock_unlock(&ntable.tree_lock);
	return rc < 0 ? rc : copy_string(path, size, p.text + p.at);
}

errint_t node_place(const struct node *node, uint32_t *parent, char name[NAME_LENGTH_MAX + 1])
{
	errint_t rc = -ESTALE;

	pthread_rwlock_rdlock(&ntable.tree_lock);
	if (ntable_is_guarded(node) && !(node->flags & (NODE_ROUTE_ROOT | NODE_VIEW)) && node->name) {
		*parent = node->parent;
		rc = copy_string(name, NAME_LENGTH_MAX + 1, ntable_name(node));
	}
	pthread_rwlock_unlock(&ntable.tree_lock);
	return rc;
}
