/* Directories' nodes as routes show them; see view.h. */
#include "fs/view.h"
#include "fs/context.h"
#include "fs/node_numbers.h"
#include "fs/node_table.h"
#include "fs/tiers.h"
#include "fs/virtual.h"

#include <errno.h>
#include <pthread.h>

/* Of directories that storage was not asked about. */
static struct stat assumed_attributes(const struct backend *b)
{
	const struct config_backend *c = b->config;

	return (struct stat){.st_mode = S_IFDIR | (c->has_umask ? 0777 & ~c->umask : 0755),
			     .st_uid = c->has_uid ? c->uid : 0,
			     .st_gid = c->has_gid ? c->gid : 0,
			     .st_nlink = 2};
}

struct node *view_backend_root(const struct backend *b, enum node_reference reference)
{
	struct node *backends = node_intern_virtual(VIRTUAL_BACKENDS, false);
	struct stat st = assumed_attributes(b);

	return !backends ? NULL
			 : ntable_intern(&(struct node_key){.backend = b->index,
							    .parent = node_index(backends),
							    .name = b->config->name,
							    .ino = number_of_root(b)},
					 &st, NODE_ROUTE_ROOT, reference);
}

/* From *dir, pinned. */
static errint_t enter_assumed(const struct backend *b, struct node **dir, const char *name)
{
	struct stat st = assumed_attributes(b);
	struct node *parent = *dir;
	struct node_key k = {.backend = b->index, .parent = node_index(parent), .name = name};
	struct node *node = ntable_intern(&k, &st, NODE_TARGET, NODE_PINNED);

	node_unpin(parent);
	*dir = node;
	if (!node)
		return -ENOMEM;
	atomic_fetch_or(&node->flags, NODE_TARGET);
	if (S_ISDIR(node->mode))
		return 0;
	node_unpin(node);
	return -ENOTDIR;
}

errint_t view_target(const struct backend *b, const char *target, struct node **dir)
{
	char buf[CONFIG_PATH_MAX], *rest = NULL;
	errint_t rc = copy_string(buf, sizeof(buf), target);

	if (rc < 0)
		return rc;
	*dir = view_backend_root(b, NODE_PINNED);
	if (!*dir)
		return -ENOMEM;
	for (char *name = strtok_r(buf, "/", &rest); name && rc == 0; name = strtok_r(NULL, "/", &rest))
		rc = enter_assumed(b, dir, name);
	return rc;
}

/* From the last known node on by names. */
uint64_t view_target_ino(const struct backend *b, const char *target)
{
	const struct node *dir = view_backend_root(b, NODE_UNHELD);
	uint64_t ino = number_of_root(b);
	char name[NAME_LENGTH_MAX + 1];

	while (*target) {
		size_t n = strcspn(target, "/");

		if (dir && n < sizeof(name)) {
			memcpy(name, target, n);
			name[n] = '\0';
			dir = node_find_guarded(node_index(dir), name, NODE_UNHELD);
		}
		ino = dir ? dir->ino : number_below(ino, target, n);
		target += n + (target[n] == '/');
	}
	return ino;
}

/* Pinned. */
static struct node *target_or_self(struct node *root, const char *target)
{
	struct node *object;

	if (view_target(fs_backend(root), target, &object) == 0)
		return object;
	node_pin(root);
	return root;
}

/* Takes object's pin (NULL: keep the present one). version: of the map. was: root->object before version
 * was read. Another thread's change is as good. */
static void point_root(struct node *root, uint64_t was, uint32_t version, struct node *object)
{
	uint32_t present = (uint32_t)was, next = object ? node_index(object) : present;
	uint32_t counted = next;

	ntable_show(root, next);
	if (atomic_compare_exchange_strong(&root->object, &was, (uint64_t)version << 32 | next))
		counted = present;
	ntable_show_no_more(root, counted);
	if (object)
		node_unpin(object);
}

/* Pinned. NULL: the route is gone; its root keeps its object, like a detached file system in use. */
static struct node *find_object(struct node *root)
{
	struct route route;

	if (node_index(root) == 0)
		return target_or_self(root, "");
	if (!tiers_route_of(root->parent, ntable_name(root), &route) || route.backend != root->backend)
		return NULL;
	return target_or_self(root, route.target);
}

struct node *view_route_root(uint32_t parent, const char *name, const struct route *route,
			     enum node_reference reference)
{
	const struct backend *b = &fs.guarded[route->backend];
	struct stat st = assumed_attributes(b);
	struct node *root = ntable_intern(&(struct node_key){.backend = b->index,
							     .parent = parent,
							     .name = name,
							     .ino = view_target_ino(b, route->target)},
					  &st, NODE_ROUTE_ROOT | NODE_VIEW, reference);

	/* Whether the map still has the route is checked when the object is needed. */
	if (root && atomic_load(&root->object) == node_index(root))
		point_root(root, node_index(root), 0, target_or_self(root, route->target));
	return root;
}

void view_mount_root(const struct backend *b, struct node *root)
{
	struct stat st = assumed_attributes(b);

	/* A former worker's shows its object already. */
	if (atomic_load(&root->state) == NODE_LIVE)
		return;
	root->backend = b->index;
	atomic_store(&root->flags, NODE_ROUTE_ROOT | NODE_VIEW);
	root->mode = st.st_mode;
	root->uid = st.st_uid;
	root->gid = st.st_gid;
	root->nlink = (uint32_t)st.st_nlink;
	root->ino = number_of_root(b);
	atomic_store(&root->object, 0); /* itself, until it is asked for */
}

static bool pin_object(const struct node *root, uint32_t object)
{
	struct node_shard *s = ntable_lock_shard(ntable_at(object));
	bool same = node_object_index(root) == object;

	/* A root counts its object, and lets go after showing another: this is still the object. */
	if (same)
		node_pin(ntable_at(object));
	pthread_mutex_unlock(&s->lock);
	return same;
}

static struct node *hold_object(struct node *root)
{
	uint64_t word = atomic_load(&root->object);
	uint32_t version = node_paths_version(), object;

	if (word >> 32 != version || (uint32_t)word == node_index(root))
		point_root(root, word, version, find_object(root));
	do
		object = node_object_index(root);
	while (!pin_object(root, object));
	return ntable_at(object);
}

static struct node *root_object(struct node *root)
{
	struct call_target *free_one = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(call.targets); i++) {
		if (call.targets[i].root == root)
			return call.targets[i].object;
		if (!call.targets[i].root)
			free_one = &call.targets[i];
	}
	if (!free_one)
		return root; /* no request names so many */
	free_one->object = hold_object(root);
	free_one->root = root;
	return free_one->object;
}

void view_end_request(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(call.targets); i++) {
		if (call.targets[i].root)
			node_unpin(call.targets[i].object);
		call.targets[i] = (struct call_target){NULL, NULL};
	}
}

bool view_is_route_asked(void)
{
	bool asked = false;

	for (size_t i = 0; i < ARRAY_SIZE(call.targets); i++)
		asked |= call.targets[i].root != NULL;
	return asked;
}

/* ---- views ---- */

struct node *view_object(struct node *node)
{
	if (!(node->flags & NODE_VIEW))
		return node;
	return node->flags & NODE_ROUTE_ROOT ? root_object(node) : ntable_at(node_object_index(node));
}

static struct node_key key_of(const struct node *parent, const struct node *object)
{
	return (struct node_key){.backend = object->backend,
				 .parent =
				     parent->flags & NODE_ROUTE_ROOT ? node_index(parent) : parent->parent,
				 .object = node_index(object)};
}

struct node *view_intern(struct node *parent, const char *name, const struct stat *st)
{
	bool is_view = parent->flags & NODE_VIEW && S_ISDIR(st->st_mode);
	struct node *object = node_intern_guarded(fs_backend(parent), view_object_index(parent), name, st,
						  is_view ? NODE_PINNED : NODE_LOOKED_UP);
	struct node *view;

	if (!object || !is_view)
		return object;
	struct node_key k = key_of(parent, object);

	view = ntable_intern(&k, st, NODE_VIEW, NODE_LOOKED_UP);
	node_unpin(object);
	return view;
}

static struct node *show_below_root(struct node *root, struct node *object)
{
	struct node_key k = key_of(root, object);
	struct stat st;

	if (view_object(root) == object) {
		node_look_up(root);
		return root;
	}
	node_recall(object, &st);
	return ntable_intern(&k, &st, NODE_VIEW, NODE_LOOKED_UP);
}

/* The virtual tree has one directory level. */
static struct node *above_virtual(const struct node *dir)
{
	if (dir->ino != VIRTUAL_DIR)
		return node_intern_virtual(VIRTUAL_DIR, true);
	node_look_up(ntable_at(0));
	return ntable_at(0);
}

struct node *view_above(struct node *dir)
{
	if (dir->backend == NODE_VIRTUAL)
		return above_virtual(dir);

	bool is_inner = dir->flags & NODE_VIEW && !(dir->flags & NODE_ROUTE_ROOT);
	struct node *above = node_hold_parent(is_inner ? view_object(dir) : dir), *shown = above;

	if (!above)
		return NULL;
	/* A directory moved out of the route is still shown. */
	if (!is_inner)
		node_look_up(shown);
	else if (above->backend == dir->backend)
		shown = show_below_root(ntable_at(dir->parent), above);
	else
		shown = NULL;
	node_unpin(above);
	return shown;
}

static struct node *find_view(const struct node *parent, const struct node *object,
			      enum node_reference reference)
{
	struct node_key k = key_of(parent, object);

	return ntable_look_up(&k, reference);
}

struct node *view_find(struct node *parent, const char *name, enum node_reference reference)
{
	struct node *object = node_find_guarded(view_object_index(parent), name, NODE_PINNED), *found;

	if (!object)
		return NULL;
	if (parent->flags & NODE_VIEW && S_ISDIR(object->mode)) {
		found = find_view(parent, object, reference);
	} else {
		found = object;
		ntable_refer(found, reference);
	}
	node_unpin(object);
	return found;
}

/* ---- places ---- */

/* The directory, and those above that it. */
struct chain {
	uint32_t nodes[64];
	size_t n;
};

static void find_chain(const struct node *object, struct chain *c)
{
	c->n = 0;
	pthread_rwlock_rdlock(&ntable.tree_lock);
	for (uint32_t i = 0; ntable_is_guarded(object) && i < 256; i++, object = ntable_at(object->parent)) {
		if (object->flags & (NODE_TARGET | NODE_ROUTE_ROOT) && c->n < ARRAY_SIZE(c->nodes))
			c->nodes[c->n++] = node_index(object);
		if (object->parent == NODE_NONE)
			break;
	}
	pthread_rwlock_unlock(&ntable.tree_lock);
}

static bool is_in_chain(const struct chain *c, uint32_t node)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->nodes[i] == node)
			return true;
	return false;
}

size_t view_places(struct node *shown, uint64_t *ids, size_t size)
{
	uint32_t roots[64], n_roots = 0, at = 0;
	struct node *object;
	struct chain chain;
	size_t n = 0;

	if (!ntable_is_guarded(shown))
		return 0;
	object = view_object(shown);
	if (object != shown && atomic_load(&object->nlookup) && n < size)
		ids[n++] = node_id(object, node_index(object));
	find_chain(object, &chain);
	while ((n_roots = ntable_roots(&at, roots, ARRAY_SIZE(roots))) > 0) {
		for (uint32_t i = 0; i < n_roots && n < size; i++) {
			const struct node *root = ntable_at(roots[i]), *view;
			uint32_t target = node_object_index(root);

			if (!is_in_chain(&chain, target))
				continue;
			view = target == node_index(object) ? root : find_view(root, object, NODE_UNHELD);
			if (view && view != shown && atomic_load(&view->nlookup))
				ids[n++] = node_id(view, node_index(view));
		}
	}
	return n;
}

void view_present(struct node *node, struct stat *st)
{
	const struct node *object = view_object(node);

	st->st_ino = object->ino;
	/* Storage that shows no numbers counts no links. */
	if (st->st_nlink && node_names(object) > 1 && !number_is_of_storage(fs_backend(object)))
		st->st_nlink = MAX(st->st_nlink, (nlink_t)node_names(object));
}
