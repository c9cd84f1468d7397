/* The node table: what is found again, by whom it is freed, and what a dead worker leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker-util.h"
#include "fs/view.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

static const struct stat a_dir = {.st_mode = S_IFDIR | 0755, .st_ino = 7};
static const struct stat a_file = {.st_mode = S_IFREG | 0644, .st_ino = 8, .st_size = 100};

static struct node *guarded(const struct node *parent, const char *name, const struct stat *st)
{
	return node_intern_guarded(&fs.guarded[0], node_index(parent), name, st, NODE_LOOKED_UP);
}

static struct node *backend_root(void)
{
	return view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
}

static struct node *local(const char *name, uint8_t handle, mode_t mode)
{
	struct found found = {.st = {.st_mode = mode, .st_ino = handle}, .fh_type = 1, .fh_length = 8};

	memset(found.fh, handle, 8);
	return node_intern_local(0, name, &found, true);
}

static uint32_t live_nodes(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < atomic_load(&fs.arena->nodes_used); i++)
		n += atomic_load(&fs.arena->nodes[i].state) == NODE_LIVE &&
		     fs.arena->nodes[i].backend != NODE_VIRTUAL;
	return n;
}

static void intern_and_forget(void)
{
	struct node *root = backend_root(), *file = guarded(root, "f", &a_file);
	uint64_t id = node_id(file, node_index(file));

	CHECK(guarded(root, "f", &a_file) == file);
	CHECK(atomic_load(&file->nlookup) == 2);
	CHECK(node_from_id(id) == file);
	node_forget(file, 1);
	CHECK(node_from_id(id) == file);
	/* The parent stays as long as a child does. */
	node_forget(root, 1);
	CHECK(atomic_load(&root->state) == NODE_LIVE);
	node_forget(file, 1);
	CHECK(node_from_id(id) == NULL);
	CHECK(live_nodes() == 1);
	/* A record that is used again has another id. */
	file = backend_root();
	CHECK(node_from_id(id) == NULL);
	/* More than there were: never below zero. */
	node_forget(file, 1000);
	CHECK(live_nodes() == 1);
}

static void hard_links_share_a_node(void)
{
	struct node *a = local("a", 5, S_IFREG), *b = local("b", 5, S_IFREG), *c = local("c", 6, S_IFREG);

	CHECK(a == b && a != c);
	CHECK(atomic_load(&a->nlookup) == 2);
}

static void local_directories_move(void)
{
	struct node *d = local("d", 5, S_IFDIR);
	char path[64];

	CHECK(node_path(node_index(d), path, sizeof(path)) == 0 && strcmp(path, "d") == 0);
	CHECK(local("e", 5, S_IFDIR) == d);
	CHECK(node_path(node_index(d), path, sizeof(path)) == 0 && strcmp(path, "e") == 0);
}

static void unlinked_and_made_again(void)
{
	struct node *root = backend_root(), *old = guarded(root, "f", &a_file), *new;
	struct stat st;

	node_recall(old, &st);
	CHECK(st.st_nlink == 1);
	node_unlinked(node_index(root), "f");
	CHECK(old->flags & NODE_UNLINKED);
	node_recall(old, &st);
	CHECK(st.st_nlink == 0);
	CHECK(node_find_guarded(node_index(root), "f", NODE_UNHELD) == NULL);
	new = guarded(root, "f", &a_file);
	CHECK(new != old &&new->ino != old->ino);
	/* Another type under the name is another file. */
	CHECK(guarded(root, "f", &a_dir) != new);
	node_forget(old, 1);
	CHECK(atomic_load(&old->state) == NODE_FREE);
}

/* Whoever has a file open tells another one at its name by the number. */
static void numbers_of_rotated_logs(void)
{
	struct node *root = backend_root(), *first = guarded(root, "log", &a_file), *second, *third;
	uint32_t r = node_index(root);
	uint64_t number = first->ino;

	node_renamed(r, "log", r, "log.1", false);
	CHECK(first->ino == number);
	CHECK(node_child_ino(&fs.guarded[0], r, "log", 0) !=
	      number); /* not known yet: a listing says the same */
	second = guarded(root, "log", &a_file);
	CHECK(second->ino != number && node_child_ino(&fs.guarded[0], r, "log", 0) == second->ino);
	third = guarded(root, "new", &a_file);
	number = third->ino;
	node_renamed(r, "new", r, "log", false);
	CHECK(third->ino == number && second->flags & NODE_UNLINKED && second->ino != third->ino);
	/* Back at its name it is at home. */
	node_renamed(r, "log", r, "new", false);
	node_forget(third, 1);
	CHECK(guarded(root, "new", &a_file)->ino == number);
	/* Nobody wears the others any more. */
	number = first->ino;
	node_forget(first, 1);
	node_forget(second, 1);
	CHECK(guarded(root, "log", &a_file)->ino == number);
}

/* What storage has said of a name is not held against the file that was made under it since. */
static void vanished(void)
{
	struct node *root = backend_root(), *old = guarded(root, "f", &a_file), *new;

	node_unlinked(node_index(root), "f");
	new = guarded(root, "f", &a_file);
	node_vanished(old, node_index(root), "f");
	CHECK(node_find_guarded(node_index(root), "f", NODE_UNHELD) == new);
	node_vanished(new, node_index(root), "f");
	CHECK(node_find_guarded(node_index(root), "f", NODE_UNHELD) == NULL && new->flags &NODE_UNLINKED);
}

/* A task that outlives its request finds the nodes that it works on, whatever the kernel forgets. */
static void held_while_forgotten(void)
{
	struct node *root = backend_root(), *file = guarded(root, "f", &a_file);
	uint64_t id = node_id(file, node_index(file));

	CHECK(node_hold(id) == file);
	node_forget(file, 1);
	CHECK(node_from_id(id) == file && guarded(root, "g", &a_file) != file);
	node_unpin(file);
	CHECK(node_hold(id) == NULL);
	CHECK(node_hold(FUSE_ROOT_ID) == &fs.arena->nodes[0] && node_hold(0) == NULL);
}

static struct node *_Atomic remembered, *_Atomic remembering;

static void *remember(void *arg)
{
	struct node *node;

	(void)arg;
	while ((node = atomic_load(&remembered)) != &fs.arena->nodes[0]) {
		if (node)
			node_remember(node, &a_file);
		atomic_store(&remembering, node);
	}
	return NULL;
}

/* Two threads set two flags of one node. */
static void flags_are_not_lost(void)
{
	enum { FILES = 5000, FEW = 100 };
	static struct node *files[FILES];
	struct node *root = backend_root();
	uint64_t until_ns;
	pthread_t thread;
	char name[16];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		files[i] = guarded(root, name, &a_file);
	}
	CHECK(pthread_create(&thread, NULL, remember, NULL) == 0);
	/* Two threads on one busy processor hand over a file in milliseconds. */
	until_ns = clock_mono_ns() + 3 * NSEC_PER_SEC;
	for (int i = 0; i < FILES && (i < FEW || clock_mono_ns() < until_ns); i++) {
		snprintf(name, sizeof(name), "f%d", i);
		atomic_store(&remembered, files[i]);
		while (atomic_load(&remembering) != files[i])
			sched_yield(); /* it is at it now */
		node_unlinked(node_index(root), name);
		CHECK(files[i]->flags & NODE_UNLINKED);
	}
	atomic_store(&remembered, &fs.arena->nodes[0]);
	CHECK(pthread_join(thread, NULL) == 0);
}

static void renames(void)
{
	struct node *root = backend_root(), *dir = guarded(root, "d", &a_dir),
		    *a = guarded(root, "a", &a_file);
	struct node *b = guarded(dir, "b", &a_file), *below = guarded(dir, "below", &a_file);
	uint32_t r = node_index(root), d = node_index(dir);
	uint64_t ino = below->ino, number = dir->ino;
	char path[64];

	node_renamed(r, "a", d, "b", false);
	CHECK(node_find_guarded(d, "b", NODE_UNHELD) == a && b->flags & NODE_UNLINKED);
	CHECK(node_path(node_index(a), path, sizeof(path)) == 0 &&
	      strcmp(path, ".guardfs/backends/cold/d/b") == 0);
	node_renamed(r, "d", r, "d2", false);
	CHECK(dir->ino == number && below->ino == ino);
	node_renamed(d, "b", d, "below", true);
	CHECK(node_find_guarded(d, "b", NODE_UNHELD) == below &&
	      node_find_guarded(d, "below", NODE_UNHELD) == a);
	node_renamed(d, "below", r, "x", false);
	node_forget(a, 1);
	node_forget(b, 1);
	node_forget(below, 1);
	node_forget(dir, 1);
	node_forget(root, 1);
	CHECK(live_nodes() == 1);
}

static void first_worker(void)
{
	struct node *root = backend_root(), *dir = guarded(root, "d", &a_dir),
		    *f = guarded(dir, "f", &a_file);

	node_remember(f, &a_file);
	node_pin(dir);
	guarded(dir, "moved", &a_file);
	node_renamed(node_index(dir), "moved", node_index(dir), "elsewhere", false);
	atomic_store(&guarded(dir, "dropped", &a_file)->nlookup, 0); /* died before it was freed */
}

static void second_worker(void)
{
	struct node *root = view_backend_root(&fs.guarded[0], NODE_UNHELD), *dir, *f, *moved;
	struct stat st;

	CHECK(root);
	dir = node_find_guarded(node_index(root), "d", NODE_UNHELD);
	CHECK(dir && atomic_load(&dir->pins) == 0 && atomic_load(&dir->children) == 2);
	moved = node_find_guarded(node_index(dir), "elsewhere", NODE_UNHELD);
	CHECK(node_child_ino(&fs.guarded[0], node_index(dir), "moved", 0) != moved->ino);
	node_forget(moved, 1);
	CHECK(node_find_guarded(node_index(dir), "dropped", NODE_UNHELD) == NULL);
	f = node_find_guarded(node_index(dir), "f", NODE_UNHELD);
	CHECK(f && atomic_load(&f->nlookup) == 1);
	node_recall(f, &st);
	CHECK(st.st_size == 100 && S_ISREG(st.st_mode) && st.st_ino == f->ino);
	CHECK(guarded(dir, "f", &a_file) == f);
	node_forget(f, 2);
	node_forget(dir, 1);
	node_forget(root, 1);
	CHECK(live_nodes() == 1);
}

/* ---- several names ---- */

static void links(void)
{
	struct node *root = backend_root(), *dir = guarded(root, "d", &a_dir),
		    *a = guarded(root, "a", &a_file), *other = guarded(dir, "c", &a_file);
	uint32_t r = node_index(root), d = node_index(dir), children = atomic_load(&dir->children);
	char path[64], name[NAME_LENGTH_MAX + 1];
	uint64_t ino = a->ino, id = node_id(a, node_index(a));
	struct stat st = a_file;
	uint32_t parent;

	CHECK(node_names(a) == 1 && node_link(a, r, "b") == 0 && node_link(a, d, "c") == 0);
	CHECK(node_names(a) == 3 && other->flags & NODE_UNLINKED &&
	      atomic_load(&dir->children) == children + 1);
	CHECK(guarded(root, "b", &a_file) == a && guarded(dir, "c", &a_file) == a && a->ino == ino);
	CHECK(node_child_ino(&fs.guarded[0], d, "c", 0) == ino);
	CHECK(node_link(a, d, "c") == 0 && node_names(a) == 3);
	st.st_nlink = 1;
	view_present(a, &st);
	CHECK(st.st_nlink == 3 && st.st_ino == ino);
	CHECK(node_path(node_index(a), path, sizeof(path)) == 0 &&
	      strcmp(path, ".guardfs/backends/cold/a") == 0);
	node_prefer(a, d, "c");
	CHECK(node_path(node_index(a), path, sizeof(path)) == 0 &&
	      strcmp(path, ".guardfs/backends/cold/d/c") == 0);
	CHECK(node_find_guarded(r, "a", NODE_UNHELD) == a && node_find_guarded(r, "b", NODE_UNHELD) == a);
	/* By its own name another type was found: that one is another file. */
	CHECK(guarded(dir, "c", &a_dir) != a && node_names(a) == 2 && !(a->flags & NODE_UNLINKED));
	node_unlinked(d, "c");
	node_renamed(r, "a", d, "e", false);
	node_renamed(r, "b", d, "e", false);
	CHECK(node_names(a) == 2);
	node_unlinked(d, "e");
	CHECK(node_names(a) == 1 && node_place(a, &parent, name) == 0 && parent == r &&
	      strcmp(name, "b") == 0);
	CHECK(node_link(a, r, "f") == 0);
	/* Nobody else gets the number while it is known. */
	CHECK(guarded(root, "a", &a_file)->ino != ino);
	/* What nothing on storage would tell again is remembered. */
	node_forget(a, 3);
	CHECK(node_from_id(id) == a && guarded(root, "f", &a_file) == a);
	node_forget(a, 1);
	node_unlinked(r, "f");
	CHECK(node_from_id(id) == NULL && node_find_guarded(r, "b", NODE_UNHELD) == NULL &&
	      node_find_guarded(r, "f", NODE_UNHELD) == NULL);
	CHECK(atomic_load(&dir->children) == 2); /* the two that are nameless now, and held */
}

/* Until each has been asked for. */
static void links_are_tried_in_turn(void)
{
	struct node *root = backend_root(), *a = guarded(root, "a", &a_file);
	char name[NAME_LENGTH_MAX + 1], tried[16] = "";
	uint32_t r = node_index(root);

	CHECK(node_link(a, r, "b") == 0 && node_link(a, r, "c") == 0 && node_names(a) == 3);
	for (int i = 0; i < 6; i++) {
		CHECK(node_place(a, &r, name) == 0 && strlen(name) == 1);
		CHECK(node_find_guarded(r, strcat(tried, name) + i, NODE_UNHELD) == a &&
		      node_try_next_name(a));
	}
	CHECK(strspn("abc", tried) == 3 && strncmp(tried, tried + 3, 3) == 0);
}

static void links_are_bounded(void)
{
	struct node *root = backend_root(), *a = guarded(root, "a", &a_file);
	uint32_t r = node_index(root), n = 1;
	char name[16];

	for (int rc = 0; rc == 0; n += rc == 0) {
		snprintf(name, sizeof(name), "n%u", n);
		rc = node_link(a, r, name);
		CHECK(rc == 0 || rc == -EMLINK);
	}
	CHECK(n == NODE_NAMES_MAX && node_names(a) == n && live_nodes() == 3);
	CHECK(atomic_load(&root->children) == n);
	for (uint32_t i = 1; i < n; i += 2) {
		snprintf(name, sizeof(name), "n%u", i);
		node_unlinked(r, name);
	}
	node_unlinked(r, "a");
	CHECK(node_names(a) == n / 2 - 1);
	node_forget(a, 1);
	for (uint32_t i = 2; i < n; i += 2) {
		CHECK(node_names(a) == (n - i) / 2);
		snprintf(name, sizeof(name), "n%u", i);
		node_unlinked(r, name);
	}
	CHECK(atomic_load(&root->children) == 0 && live_nodes() == 2);
}

/* A model: which file has which name. Names are of two directories. */
enum { MODEL_NAMES = 24, MODEL_FILES = 1 << 16, MODEL_STEPS = 4000 };

static struct {
	uint32_t file[MODEL_NAMES];
	uint32_t last;
	/* Of the file's node, while it is known: with one lookup. */
	uint64_t id[MODEL_FILES];
	uint64_t ino[MODEL_FILES];
	bool held[MODEL_FILES];
	uint64_t seed;
	uint32_t dirs[2];
} * model;

static uint32_t model_random(uint32_t below)
{
	model->seed = hash_bytes(model->seed, "next", 4);
	return (uint32_t)(model->seed >> 20) % below;
}

static const char *model_name(uint32_t n)
{
	static char names[MODEL_NAMES][16];

	snprintf(names[n], sizeof(names[n]), "n%u", n / 2);
	return names[n];
}

static uint32_t model_dir(uint32_t n)
{
	return model->dirs[n % 2];
}

static uint32_t model_count(uint32_t file)
{
	uint32_t count = 0;

	for (uint32_t n = 0; n < MODEL_NAMES; n++)
		count += model->file[n] == file;
	return count;
}

/* The kernel forgets it. With several names it stays known. */
static void model_forget(uint32_t file)
{
	struct node *node = node_from_id(model->id[file]);

	CHECK(node);
	node_forget(node, atomic_load(&node->nlookup));
	model->held[file] = false;
}

static void model_settle(uint32_t file)
{
	if (!model->id[file])
		return;
	if (model->held[file] && model_count(file) == 0)
		model_forget(file);
	CHECK(!node_from_id(model->id[file]) == !(model->held[file] || model_count(file) > 1));
	if (!node_from_id(model->id[file]))
		model->id[file] = 0;
}

/* The table has done it. */
static void model_take(uint32_t n)
{
	uint32_t file = model->file[n];

	model->file[n] = 0;
	model_settle(file);
}

static struct node *model_look_up(uint32_t n)
{
	struct node *node = guarded(&fs.arena->nodes[model_dir(n)], model_name(n), &a_file);
	uint32_t file = model->file[n];

	CHECK(node);
	if (!file)
		file = model->file[n] = ++model->last;
	CHECK(file < MODEL_FILES);
	if (!model->id[file]) {
		model->id[file] = node_id(node, node_index(node));
		model->ino[file] = node->ino;
	}
	model->held[file] = true;
	CHECK(model->id[file] == node_id(node, node_index(node)) && model->ino[file] == node->ino);
	node_prefer(node, model_dir(n), model_name(n));
	return node;
}

static void model_step(void)
{
	uint32_t a = model_random(MODEL_NAMES), b = model_random(MODEL_NAMES), file;
	struct node *node;

	switch (model_random(7)) {
	case 0:
	case 1:
		model_look_up(a);
		break;
	case 2:
		if (a == b)
			break;
		node = model_look_up(a);
		CHECK(node_link(node, model_dir(b), model_name(b)) == 0);
		if (model->file[a] != model->file[b])
			model_take(b);
		model->file[b] = model->file[a];
		break;
	case 3:
		node_unlinked(model_dir(a), model_name(a));
		model_take(a);
		break;
	case 4:
		model_look_up(a);
		node_renamed(model_dir(a), model_name(a), model_dir(b), model_name(b), false);
		if (model->file[a] == model->file[b])
			break;
		file = model->file[a];
		model_take(b);
		model->file[b] = file;
		model->file[a] = 0;
		break;
	case 5:
		model_look_up(a);
		model_look_up(b);
		node_renamed(model_dir(a), model_name(a), model_dir(b), model_name(b), true);
		file = model->file[a];
		model->file[a] = model->file[b];
		model->file[b] = file;
		break;
	case 6:
		file = model->file[a];
		if (file && model->held[file] && model_random(4) == 0) {
			model_forget(file);
			model_settle(file);
		}
		break;
	}
}

/* The table says what the model says, and has no record too many. */
static void model_check(void)
{
	uint32_t records = 0, names = 0, files = 0;

	for (uint32_t n = 0; n < MODEL_NAMES; n++) {
		const struct node *node = node_find_guarded(model_dir(n), model_name(n), NODE_UNHELD);
		uint32_t file = model->file[n];

		CHECK(!node == !(file && model->id[file]));
		CHECK(!node || (node_id(node, node_index(node)) == model->id[file] &&
				node->ino == model->ino[file] && node_names(node) == model_count(file)));
		names += node != NULL;
	}
	for (uint32_t file = 1; file <= model->last; file++)
		files += model->id[file] != 0;
	for (uint32_t i = 0; i < atomic_load(&fs.arena->nodes_used); i++)
		records += node_is_name(&fs.arena->nodes[i]);
	CHECK(live_nodes() == 4 + files && records == names - files);
}

static void model_worker(void)
{
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);

	model->dirs[0] = node_index(guarded(root, "d", &a_dir));
	model->dirs[1] = node_index(guarded(root, "e", &a_dir));
	model_check();
	for (int i = 0; i < MODEL_STEPS / 10; i++) {
		model_step();
		model_check();
	}
}

static void test_model_of_names(void **state)
{
	(void)state;
	model = mmap(NULL, sizeof(*model), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(model != MAP_FAILED);
	model->seed = 20240611;
	/* Each finds what its predecessor has left. */
	for (int worker = 0; worker < 10; worker++)
		assert_int_equal(as_worker(model_worker), 0);
	munmap(model, sizeof(*model));
}

/* A worker dies while a file's own name and another one change places, or while the other takes its place. */
enum dying { BEFORE_THE_FILE, BEFORE_THE_NAME, BEFORE_ITS_END, WHILE_MOVING_UP };
static enum dying dying;

static struct node *record_of(const struct node *node)
{
	return &fs.arena->nodes[atomic_load(&node->other)];
}

static void die_between(void)
{
	struct node *root = backend_root(), *a = guarded(root, "a", &a_file), *record;
	uint64_t own = atomic_load(&a->place);

	CHECK(node_link(a, node_index(root), "b") == 0);
	record = record_of(a);
	if (dying != WHILE_MOVING_UP) {
		record->next_place = own;
		atomic_store(&record->state, NODE_NAME_MOVING);
	}
	if (dying != BEFORE_THE_FILE)
		atomic_store(&a->place, atomic_load(&record->place));
	if (dying == BEFORE_ITS_END)
		atomic_store(&record->place, own);
}

static void find_both(void)
{
	const struct node *root = view_backend_root(&fs.guarded[0], NODE_UNHELD);
	struct node *a = node_find_guarded(node_index(root), "a", NODE_UNHELD),
		    *b = node_find_guarded(node_index(root), "b", NODE_UNHELD);
	const char *own = dying == BEFORE_THE_FILE ? "a" : "b";
	char name[NAME_LENGTH_MAX + 1];
	uint32_t parent;

	CHECK(b && node_place(b, &parent, name) == 0 && strcmp(name, own) == 0);
	if (dying == WHILE_MOVING_UP)
		CHECK(!a && node_names(b) == 1);
	else
		CHECK(a == b && node_names(a) == 2 && record_of(a) != a);
	CHECK(atomic_load(&root->children) == node_names(b));
	CHECK(arena_check(fs.arena) == 0);
}

static void test_death_between_names(void **state)
{
	(void)state;
	assert_int_equal(as_worker(die_between), 0);
	assert_int_equal(arena_check(fs.arena), 0);
	assert_int_equal(as_worker(find_both), 0);
}

/* What cannot be is dropped. */
static void test_damaged_names(void **state)
{
	struct node *name = NULL;

	(void)state;
	dying = BEFORE_THE_FILE;
	for (int damage = 0; damage < 4; damage++) {
		assert_int_equal(as_worker(die_between), 0);
		for (uint32_t i = 0; i < atomic_load(&fs.arena->nodes_used); i++)
			if (node_is_name(&fs.arena->nodes[i]))
				name = &fs.arena->nodes[i];
		assert_non_null(name);
		if (damage == 0)
			atomic_store(&name->object, NODE_MAX);
		else if (damage == 1)
			atomic_store(&name->object, (uint64_t)(name - fs.arena->nodes));
		else if (damage == 2)
			name->parent = node_object_index(name);
		else
			name->name = UINT32_MAX;
		assert_int_equal(arena_check(fs.arena), 1);
		assert_int_equal(atomic_load(&name->state), NODE_FREE);
	}
}

static int setup_dying(void **state, enum dying at)
{
	dying = at;
	return setup_arena(state);
}

#define DYING(name, at)                        \
	static int name(void **state)          \
	{                                      \
		return setup_dying(state, at); \
	}

DYING(setup_before_file, BEFORE_THE_FILE)
DYING(setup_before_name, BEFORE_THE_NAME)
DYING(setup_before_end, BEFORE_ITS_END)
DYING(setup_moving_up, WHILE_MOVING_UP)

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(intern_and_forget)
WORKER_TEST(hard_links_share_a_node)
WORKER_TEST(local_directories_move)
WORKER_TEST(unlinked_and_made_again)
WORKER_TEST(numbers_of_rotated_logs)
WORKER_TEST(vanished)
WORKER_TEST(held_while_forgotten)
WORKER_TEST(flags_are_not_lost)
WORKER_TEST(renames)
WORKER_TEST(links)
WORKER_TEST(links_are_tried_in_turn)
WORKER_TEST(links_are_bounded)

static void test_next_worker(void **state)
{
	(void)state;
	assert_int_equal(as_worker(first_worker), 0);
	assert_int_equal(as_worker(second_worker), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_intern_and_forget),
	    TEST(test_hard_links_share_a_node),
	    TEST(test_local_directories_move),
	    TEST(test_unlinked_and_made_again),
	    TEST(test_numbers_of_rotated_logs),
	    TEST(test_vanished),
	    TEST(test_held_while_forgotten),
	    TEST(test_flags_are_not_lost),
	    TEST(test_renames),
	    TEST(test_links),
	    TEST(test_links_are_tried_in_turn),
	    TEST(test_links_are_bounded),
	    TEST(test_model_of_names),
	    TEST(test_damaged_names),
	    cmocka_unit_test_setup_teardown(test_death_between_names, setup_before_file, teardown_arena),
	    cmocka_unit_test_setup_teardown(test_death_between_names, setup_before_name, teardown_arena),
	    cmocka_unit_test_setup_teardown(test_death_between_names, setup_before_end, teardown_arena),
	    cmocka_unit_test_setup_teardown(test_death_between_names, setup_moving_up, teardown_arena),
	    TEST(test_next_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
