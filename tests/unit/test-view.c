/* Directories as routes show them: one node for a file, whichever way leads to it; what a route's root shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/tiers.h"
#include "fs/view.h"
#include "worker-util.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const struct stat a_dir = {.st_mode = S_IFDIR | 0755, .st_ino = 7};
static const struct stat a_file = {.st_mode = S_IFREG | 0644, .st_ino = 8, .st_size = 100};

/* The map as keeper puts it onto the board. */
static void route(const char *path, const char *target)
{
	struct route r = {.origin = ROUTE_MANIFEST};
	struct tiermap *map = board_map_begin(fs.board);

	CHECK(copy_string(r.path, sizeof(r.path), path) == 0 &&
	      copy_string(r.target, sizeof(r.target), target) == 0);
	(void)!tiermap_remove(map, path);
	CHECK(target[0] == '!' || tiermap_add(map, &r) == 0);
	board_map_commit(fs.board);
	tiers_refresh();
}

static struct node *root_of(const char *path)
{
	struct route r;

	CHECK(tiers_route_at(0, path, &r));
	return view_route_root(0, path, &r, NODE_LOOKED_UP);
}

static struct node *look_up(struct node *parent, const char *name, const struct stat *st)
{
	struct node *node = view_intern(parent, name, st);

	view_end_request();
	return node;
}

static struct node *object_of(struct node *node)
{
	struct node *object = view_object(node);

	view_end_request();
	return object;
}

static struct node *tree(void)
{
	return view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
}

static const char *path_of(const struct node *node)
{
	static char path[256];

	return node_path(node_index(node), path, sizeof(path)) == 0 ? path : "none";
}

static void one_file_one_node(void)
{
	struct node *top = tree(), *jobs = look_up(top, "jobs", &a_dir),
		    *cold = look_up(jobs, "cold", &a_dir);

	route("hot", "jobs/cold");
	route("nested", "jobs");
	route("again", "jobs/cold");
	struct node *hot = root_of("hot"), *nested = root_of("nested"), *again = root_of("again");
	struct node *file = look_up(hot, "f", &a_file), *dir = look_up(hot, "d", &a_dir);

	CHECK(object_of(hot) == cold && object_of(again) == cold && object_of(nested) == jobs);
	CHECK(look_up(cold, "f", &a_file) == file && look_up(again, "f", &a_file) == file);
	/* A directory is a view of its own in each, of one object. */
	CHECK(dir != look_up(cold, "d", &a_dir) && dir != look_up(again, "d", &a_dir));
	CHECK(object_of(dir) == look_up(cold, "d", &a_dir));
	CHECK(look_up(hot, "d", &a_dir) == dir);
	CHECK(look_up(look_up(nested, "cold", &a_dir), "f", &a_file) == file);
	CHECK(look_up(dir, "below", &a_file) == look_up(object_of(dir), "below", &a_file));
	/* One path for each, whichever way it was reached. */
	CHECK(strcmp(path_of(file), "again/f") == 0 && strcmp(path_of(dir), "again/d") == 0);
	CHECK(strcmp(path_of(look_up(jobs, "x", &a_file)), "nested/x") == 0);
	CHECK(strcmp(path_of(look_up(top, "y", &a_file)), ".guardfs/backends/cold/y") == 0);
	CHECK(view_target_ino(&fs.guarded[0], "jobs/cold") == cold->ino);
}

static void names_are_those_of_the_tree(void)
{
	struct node *top = tree(), *t = look_up(top, "t", &a_dir);

	route("hot", "t");
	struct node *hot = root_of("hot"), *d = look_up(hot, "d", &a_dir), *e = look_up(d, "e", &a_dir);
	struct node *f = look_up(e, "f", &a_file);

	node_renamed(node_index(t), "d", node_index(t), "d2", false);
	CHECK(view_find(hot, "d", NODE_UNHELD) == NULL && view_find(hot, "d2", NODE_UNHELD) == d);
	CHECK(look_up(hot, "d2", &a_dir) == d && look_up(d, "e", &a_dir) == e);
	CHECK(strcmp(path_of(f), "hot/d2/e/f") == 0);
	/* Out of what the route shows: whoever is in it, stays in it. */
	node_renamed(node_index(t), "d2", node_index(top), "out", false);
	CHECK(look_up(e, "f", &a_file) == f && strcmp(path_of(e), ".guardfs/backends/cold/out/e") == 0);
	view_end_request();
}

static void roots_follow_their_targets(void)
{
	struct node *top = tree();

	route("hot", "a/b");
	struct node *hot = root_of("hot"), *assumed = object_of(hot);
	struct node *a = look_up(top, "a", &a_dir), *b = look_up(a, "b", &a_dir);

	/* Assumed to be there before anybody asked, then seen. */
	CHECK(b == assumed && strcmp(path_of(hot), "hot") == 0);
	node_renamed(node_index(a), "b", node_index(a), "c", false);
	CHECK(object_of(hot) != b);
	node_renamed(node_index(a), "c", node_index(a), "b", false);
	CHECK(object_of(hot) == b);
	node_renamed(node_index(top), "a", node_index(top), "z", false);
	CHECK(object_of(hot) != b);
	/* No directory can be at the target: the root shows none, until there is one. */
	CHECK(look_up(look_up(top, "a", &a_dir), "b", &a_file) != b);
	CHECK(object_of(hot) == hot);
	struct node *now = look_up(look_up(top, "a", &a_dir), "b", &a_dir);

	CHECK(object_of(hot) == now);
	route("hot", "other");
	CHECK(object_of(hot) == look_up(top, "other", &a_dir));
	/* The route goes: whoever is in it, stays in it. */
	route("hot", "!");
	CHECK(object_of(hot) == look_up(top, "other", &a_dir));
}

/* What a request has begun with it goes on with. */
static void a_request_sees_one_target(void)
{
	struct node *before;

	route("hot", "one");
	struct node *hot = root_of("hot");

	before = view_object(hot);
	route("hot", "two");
	CHECK(view_object(hot) == before && atomic_load(&before->state) == NODE_LIVE);
	view_end_request();
	CHECK(object_of(hot) != before);
	CHECK(atomic_load(&before->state) == NODE_FREE);
}

static void the_other_places(void)
{
	struct node *top = tree(), *t = look_up(top, "t", &a_dir);
	uint64_t ids[8];

	route("hot", "t");
	route("again", "t");
	struct node *hot = root_of("hot"), *again = root_of("again"), *d = look_up(hot, "d", &a_dir);

	CHECK(view_places(hot, ids, 8) == 2);
	CHECK(ids[0] == node_id(t, node_index(t)) && ids[1] == node_id(again, node_index(again)));
	CHECK(view_places(d, ids, 8) == 0);
	struct node *d2 = look_up(again, "d", &a_dir);

	CHECK(view_places(d, ids, 8) == 1 && ids[0] == node_id(d2, node_index(d2)));
	CHECK(view_places(&fs.arena->nodes[0], ids, 8) == 0);
	view_end_request();
}

static uint32_t live_guarded(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < atomic_load(&fs.arena->nodes_used); i++)
		n += atomic_load(&fs.arena->nodes[i].state) == NODE_LIVE && fs.arena->nodes[i].backend == 0;
	return n;
}

static void first_worker(void)
{
	route("hot", "t/u");
	struct node *hot = root_of("hot"), *d = look_up(hot, "d", &a_dir);

	look_up(d, "f", &a_file);
	look_up(hot, "dropped", &a_dir)->nlookup = 0; /* died before it was freed */
}

static void second_worker(void)
{
	struct node *hot, *d, *f;

	tiers_init();
	hot = root_of("hot");
	d = view_find(hot, "d", NODE_UNHELD);
	CHECK(d && atomic_load(&object_of(d)->children) == 2 && atomic_load(&hot->children) == 1);
	CHECK(view_find(hot, "dropped", NODE_UNHELD) == NULL);
	f = view_find(d, "f", NODE_UNHELD);
	CHECK(f && view_find(object_of(d), "f", NODE_UNHELD) == f);
	node_forget(f, 1);
	node_forget(d, 1);
	view_end_request();
	node_forget(hot, 2);
	CHECK(live_guarded() == 0);
}

static void the_mount_shows_the_tree(void)
{
	struct node *root = &fs.arena->nodes[0], *d = look_up(root, "d", &a_dir),
		    *f = look_up(d, "f", &a_file);

	CHECK(object_of(root) == tree());
	CHECK(d->flags & NODE_VIEW && object_of(d)->parent == node_index(tree()));
	CHECK(view_find(object_of(d), "f", NODE_UNHELD) == f);
	/* Its paths are the mount's. */
	CHECK(strcmp(path_of(root), "") == 0 && strcmp(path_of(d), "d") == 0 &&
	      strcmp(path_of(f), "d/f") == 0);
	CHECK(node_is_below(node_index(f), 0));
	CHECK(view_above(root) == NULL);
	view_end_request();
}

/* The next worker finds it as it was left. */
static void the_mount_shows_it_still(void)
{
	struct node *root = &fs.arena->nodes[0], *d = view_find(root, "d", NODE_UNHELD);

	CHECK(d && object_of(root) == tree() && view_find(d, "f", NODE_UNHELD));
	CHECK(strcmp(path_of(d), "d") == 0);
	view_end_request();
}

static void test_root_of_the_mount(void **state)
{
	struct node *root = &fs.arena->nodes[0];

	(void)state;
	(void)copy_string(fs.board->config.root, CONFIG_NAME_MAX, "cold");
	fs.root = &fs.guarded[0];
	atomic_store(&root->state, NODE_FREE);
	view_mount_root(fs.root, root);
	atomic_store(&root->state, NODE_LIVE);
	assert_int_equal(as_worker(the_mount_shows_the_tree), 0);
	assert_int_equal(arena_check(fs.arena), 0);
	view_mount_root(fs.root, root);
	assert_int_equal(as_worker(the_mount_shows_it_still), 0);
	fs.root = NULL;
}

#define WORKER_TEST(name)                             \
	static void test_##name(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}

WORKER_TEST(one_file_one_node)
WORKER_TEST(names_are_those_of_the_tree)
WORKER_TEST(roots_follow_their_targets)
WORKER_TEST(a_request_sees_one_target)
WORKER_TEST(the_other_places)

static void test_next_worker(void **state)
{
	(void)state;
	assert_int_equal(as_worker(first_worker), 0);
	assert_int_equal(as_worker(second_worker), 0);
}

/* Routes here need no local directories. */
static int setup(void **state)
{
	int rc = setup_arena(state);
	struct found root;

	return rc < 0 ? rc
		      : backend_local_open(fs.arena, open("/", O_RDONLY | O_DIRECTORY), &fs.local, &root);
}

static int teardown(void **state)
{
	close(backend_local_root_fd(&fs.local));
	free(fs.local.state);
	return teardown_arena(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_one_file_one_node),	   TEST(test_names_are_those_of_the_tree),
	    TEST(test_roots_follow_their_targets), TEST(test_a_request_sees_one_target),
	    TEST(test_the_other_places),	   TEST(test_next_worker),
	    TEST(test_root_of_the_mount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
