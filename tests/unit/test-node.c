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

	node_unlinked(node_index(root), "f");
	CHECK(old->flags & NODE_UNLINKED);
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
	    TEST(test_next_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
