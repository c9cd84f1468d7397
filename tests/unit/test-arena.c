/* The arena: made, found again, refused when it is another's, and put right after damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shm/arena.h"
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena *arena;
static int arena_fd;
static struct name_allocator *names;

static int setup(void **state)
{
	int error;

	(void)state;
	arena = arena_create(&arena_fd, &error);
	names = arena ? name_allocator_new(&arena->names) : NULL;
	return names ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	name_allocator_free(names);
	arena_unmap(arena);
	return close(arena_fd);
}

static struct node *make_node(uint32_t index, uint32_t parent, uint8_t backend, const char *name)
{
	struct node *node = &arena->nodes[index];

	node->parent = parent;
	node->backend = backend;
	node->name = name ? name_store(names, name, strlen(name)) : 0;
	atomic_store(&node->state, NODE_LIVE);
	if (atomic_load(&arena->nodes_used) <= index)
		atomic_store(&arena->nodes_used, index + 1);
	return node;
}

static struct node *make_local(uint32_t index, uint32_t parent)
{
	struct node *node = make_node(index, parent, NODE_LOCAL, "local");

	node->fh_length = 8;
	return node;
}

/* What a route shows of a guarded directory: a route's root has a name. */
static struct node *make_view(uint32_t index, uint32_t parent, const char *name, uint32_t object)
{
	struct node *node = make_node(index, parent, 0, name);

	node->flags = name ? NODE_VIEW | NODE_ROUTE_ROOT : NODE_VIEW;
	node->mode = S_IFDIR;
	atomic_store(&node->object, object);
	return node;
}

static struct handle *make_handle(uint32_t index, uint32_t node)
{
	struct handle *h = &arena->handles[index];

	h->node = node;
	h->backend = NODE_LOCAL;
	h->snapshot_fd = -1;
	atomic_store(&h->fd, -1);
	atomic_store(&h->state, HANDLE_LIVE);
	if (atomic_load(&arena->handles_used) <= index)
		atomic_store(&arena->handles_used, index + 1);
	return h;
}

static bool is_live(uint32_t node)
{
	return atomic_load(&arena->nodes[node].state) == NODE_LIVE;
}

static void is_sparse_and_inherited(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(fstat(arena_fd, &st), 0);
	assert_true((uint64_t)st.st_size >= sizeof(struct arena));
	assert_true(st.st_blocks * 512 < 1 << 20);
	assert_int_equal(fcntl(arena_fd, F_GETFD), 0);
	assert_int_equal(atomic_load(&arena->board.backends[3].root_fd), -1);
}

static void is_found_again(void **state)
{
	char message[CONFIG_ERROR_MAX];
	struct arena *again;
	int error;

	(void)state;
	arena->header.n_backends = 3;
	again = arena_open(arena_fd, &error, message);
	assert_non_null(again);
	assert_int_equal(again->header.n_backends, 3);
	arena_slot_buffer(again, &again->slots[SLOT_MAX - 1])[SLOT_BUFFER_SIZE - 1] = 7;
	assert_int_equal(arena_slot_buffer(arena, &arena->slots[SLOT_MAX - 1])[SLOT_BUFFER_SIZE - 1], 7);
	arena_unmap(again);
}

static void expect_refusal(int fd, int expected, const char *word)
{
	char message[CONFIG_ERROR_MAX];
	int error;

	assert_null(arena_open(fd, &error, message));
	assert_int_equal(error, expected);
	assert_non_null(strstr(message, word));
}

static void refuses_what_is_no_arena(void **state)
{
	int pipes[2], fd = memfd_create("other", MFD_CLOEXEC);

	(void)state;
	expect_refusal(fd, -EINVAL, "not an arena");
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	expect_refusal(fd, -EINVAL, "magic");
	close(fd);
	expect_refusal(fd, -EBADF, "descriptor");
	assert_int_equal(pipe(pipes), 0);
	expect_refusal(pipes[0], -EINVAL, "not an arena");
	close(pipes[0]);
	close(pipes[1]);
}

static void refuses_other_layouts(void **state)
{
	(void)state;
	arena->header.layout++;
	expect_refusal(arena_fd, -EPROTO, "layout");
	arena->header.layout--;
	arena->header.fingerprint ^= 1;
	expect_refusal(arena_fd, -EPROTO, "layout");
	arena->header.fingerprint ^= 1;
	arena->header.size++;
	expect_refusal(arena_fd, -EPROTO, "bytes");
	arena->header.size--;
	atomic_store(&arena->header.complete, 0);
	expect_refusal(arena_fd, -ENODATA, "completed");
}

/* Holders cannot shrink it under one another. */
static void cannot_be_resized(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(arena_fd, 4096), -1);
	assert_int_equal(errno, EPERM);
}

static void ids_name_live_records_only(void **state)
{
	struct node *node = make_node(5, NODE_NONE, NODE_LOCAL, NULL);
	struct handle *h = make_handle(2, 5);

	(void)state;
	node->generation = 9;
	assert_ptr_equal(arena_node(arena, node_id(node, 5)), node);
	assert_null(arena_node(arena, node_id(node, 5) + (1ull << 32)));
	assert_null(arena_node(arena, 4));
	assert_null(arena_node(arena, 0));
	assert_null(arena_node(arena, 7));
	assert_null(arena_node(arena, UINT64_MAX));
	assert_null(arena_node(arena, (uint64_t)NODE_MAX + 1));
	assert_ptr_equal(arena_handle(arena, handle_id(h, 2)), h);
	assert_null(arena_handle(arena, 0));
	assert_null(arena_handle(arena, HANDLE_MAX + 1));
	assert_null(arena_handle(arena, UINT64_MAX));
	atomic_store(&h->state, HANDLE_FREE);
	assert_null(arena_handle(arena, handle_id(h, 2)));
}

/* In KiB, of the arena's file. A look at a page that nobody has used makes one of it. */
static unsigned long used_kib(void)
{
	struct stat st;

	assert_int_equal(fstat(arena_fd, &st), 0);
	return (unsigned long)st.st_blocks / 2;
}

/* And is quick about it, at every start of a worker: no look at the millions of nodes that nobody has used. */
static void check_leaves_a_sound_arena(void **state)
{
	(void)state;
	make_local(0, NODE_NONE);
	make_local(1, 0);
	make_handle(0, 1);
	arena->board.config.error = EIO;
	assert_int_equal(arena_check(arena), 0);
	assert_in_range(used_kib(), 1, 4096);
	assert_true(is_live(1));
	assert_non_null(arena_handle(arena, 1));
}

/* A worker that was killed at no matter which moment leaves no damage: the number of a file that is closed by now, or was
 * about to be made. */
static void check_leaves_what_a_death_leaves(void **state)
{
	char which[ARENA_TOLD_MAX];

	(void)state;
	make_local(0, NODE_NONE);
	make_handle(0, 0);
	atomic_store(&arena->handles_used, 3);
	arena->board.config.error = EIO;
	for (uint32_t i = 0; i < 3; i++) {
		arena->slots[i].handle = i + 1;
		atomic_store(&arena->slots[i].state, i == 2 ? SLOT_RUNNING : SLOT_FREE);
	}
	assert_int_equal(arena_check_telling(arena, which), 0);
	assert_string_equal(which, "");
	assert_int_equal(arena->slots[0].handle, 1);
	assert_int_equal(arena->slots[1].handle, 0);
	assert_int_equal(arena->slots[2].handle, 0);
	assert_int_equal(atomic_load(&arena->slots[2].state), SLOT_RUNNING);
	/* Beyond all that were made: damage. */
	arena->slots[1].handle = 4;
	make_handle(1, 4000);
	assert_int_equal(arena_check_telling(arena, which), 2);
	assert_string_equal(which, "handles: 1, slots: 1");
}

/* Of a ledger that makes no sense the next worker must know that it was torn: of all bytes it is open then whether they
 * are synced. One that was being changed is no damage. */
static void check_tells_of_a_torn_ledger(void **state)
{
	struct handle *h;

	(void)state;
	make_local(0, NODE_NONE);
	h = make_handle(0, 0);
	arena->board.config.error = EIO;
	for (uint32_t in_change = 0; in_change <= 1; in_change++) {
		h->unsynced =
		    (struct ledger){.n = 2, .ranges = {{.from = 10, .to = 5}, {.from = 20, .to = 30}}};
		atomic_store(&h->ledger_changing, (uint8_t)in_change);
		h->content =
		    (struct content){.n = 1, .changing = in_change, .runs = {{.from = 20, .to = 30}}};
		assert_int_equal(arena_check(arena), 1 - in_change);
		assert_int_equal(atomic_load(&h->ledger_changing), 1);
		assert_int_equal(h->unsynced.n, 1);
		assert_int_equal(h->content.unknown, in_change);
	}
}

static void check_bounds_counts(void **state)
{
	(void)state;
	atomic_store(&arena->nodes_used, UINT32_MAX);
	atomic_store(&arena->handles_used, UINT32_MAX);
	atomic_store(&arena->names.pages_used, UINT32_MAX);
	arena->header.n_backends = 1000;
	arena->header.init_request_length = 1000;
	atomic_store(&arena->header.init_reply_length, 1000);
	arena->board.config.n_backends = 1000;
	arena->board.config.n_patterns = 1000;
	arena->board.map.n_routes = UINT32_MAX;
	arena->slots[0].length = UINT32_MAX;
	arena->slots[0].handle = UINT32_MAX;
	atomic_store(&arena->slots[0].state, 77);
	atomic_store(&arena->slots[0].reply_length, 4096);
	assert_true(arena_check(arena) >= 10);
	assert_int_equal(atomic_load(&arena->nodes_used), NODE_MAX);
	assert_int_equal(atomic_load(&arena->handles_used), HANDLE_MAX);
	assert_int_equal(atomic_load(&arena->names.pages_used), NAME_PAGES);
	assert_int_equal(arena->header.init_request_length, 0);
	assert_int_equal(arena->board.config.n_backends, 0);
	assert_int_equal(arena->board.map.n_routes, 0);
	assert_int_equal(arena->slots[0].length, 0);
	assert_int_equal(arena->slots[0].handle, 0);
	assert_int_equal(atomic_load(&arena->slots[0].state), SLOT_FREE);
	assert_int_equal(atomic_load(&arena->slots[0].reply_length), 0);
}

static void check_bounds_patience(void **state)
{
	struct board_backend *b = arena->board.backends;

	(void)state;
	arena->board.config.error = EIO;
	arena->board.config.patience_ms = 5000;
	board_be_patient(&arena->board, 0);
	assert_int_equal(arena_check(arena), 0);
	assert_true(atomic_load(&b[0].young_until_ns) > 0);
	atomic_store(&b[1].young_until_ns, UINT64_MAX);
	assert_int_equal(arena_check(arena), 1);
	assert_int_equal(atomic_load(&b[1].young_until_ns), 0);
}

static void check_cuts_cycles_of_parents(void **state)
{
	(void)state;
	arena->board.config.n_backends = 1;
	make_local(0, NODE_NONE);
	make_node(1, 2, 0, "a");
	make_node(2, 3, 0, "b");
	make_node(3, 1, 0, "c");
	make_node(4, 3, 0, "below a cycle");
	make_node(5, 5, 0, "its own parent");
	make_view(6, 0, "sound", 6);
	arena_check(arena);
	for (uint32_t i = 1; i <= 5; i++)
		assert_false(is_live(i));
	assert_true(is_live(0));
	assert_true(is_live(6));
}

/* A node of the local tier is found by its file handle; it and what hangs on it survive the loss of what was
 * above. */
static void check_keeps_what_can_be_found(void **state)
{
	(void)state;
	arena->board.config.n_backends = 1;
	make_local(0, NODE_NONE);
	make_node(1, 900, 0, "dead parent");
	make_local(2, 1);
	make_local(3, 2);
	make_view(4, 3, "a route's root, below local", 4);
	arena_check(arena);
	assert_false(is_live(1));
	assert_true(is_live(2) && is_live(3) && is_live(4));
	assert_int_equal(arena->nodes[2].parent, NODE_NONE);
	assert_int_equal(arena->nodes[3].parent, 2);
	assert_int_equal(arena->nodes[4].parent, 3);
}

/* A backend's tree below the virtual directory, a route's root, what it shows below. */
static void make_tree_and_views(void)
{
	arena->board.config.n_backends = 2;
	arena->board.config.error = EIO;
	make_local(0, NODE_NONE);
	make_node(1, NODE_NONE, NODE_VIRTUAL, NULL);
	make_node(2, 1, 0, "backend")->flags = NODE_ROUTE_ROOT;
	make_node(3, 2, 0, "target");
	make_node(4, 3, 0, "d");
	for (uint32_t i = 2; i <= 4; i++)
		arena->nodes[i].mode = S_IFDIR | 0755;
	make_view(5, 0, "hot", 3);
	make_view(6, 5, NULL, 4);
}

static void check_keeps_sound_views(void **state)
{
	(void)state;
	make_tree_and_views();
	assert_int_equal(arena_check(arena), 0);
	for (uint32_t i = 0; i <= 6; i++)
		assert_true(is_live(i));
}

static void check_drops_senseless_views(void **state)
{
	(void)state;
	make_tree_and_views();
	make_node(7, 4, 0, "file")->mode = S_IFREG;
	make_view(8, 5, NULL, 7);      /* of a file */
	make_view(9, 5, NULL, 6);      /* of another view */
	make_view(10, 6, NULL, 4);     /* not below a route's root */
	make_view(11, 5, NULL, 99999); /* of nothing */
	make_view(12, 0, "r", 99999);  /* a root that leads nowhere stays, and shows it */
	make_node(13, 5, 0, "tree, below a view");
	make_node(14, 2, 1, "of another backend");
	make_view(15, 5, NULL, 14);
	make_view(16, 2, "a root in a backend", 3);
	assert_true(arena_check(arena) >= 9);
	for (uint32_t i = 8; i <= 16; i++)
		assert_int_equal(is_live(i), i == 12);
	assert_int_equal(node_object_index(&arena->nodes[12]), 12);
	for (uint32_t i = 0; i <= 7; i++)
		assert_true(is_live(i));
	/* The tree goes: its views go with it, the root of the route stays. */
	atomic_store(&arena->nodes[2].state, 99);
	assert_true(arena_check(arena) > 0);
	assert_true(is_live(5) && node_object_index(&arena->nodes[5]) == 5);
	assert_false(is_live(3) || is_live(4) || is_live(6));
	assert_int_equal(arena_check(arena), 0);
}

static void check_drops_senseless_records(void **state)
{
	(void)state;
	arena->board.config.n_backends = 1;
	make_local(0, NODE_NONE);
	make_node(1, 0, 0, NULL); /* guarded, and no name to find it by */
	make_node(2, 0, 7, "no such backend");
	make_local(3, 0)->fh_length = NODE_FH_MAX + 1;
	make_local(4, 0)->name = 12345;
	make_local(5, 0);
	atomic_store(&arena->nodes[5].state, 99);
	make_handle(0, 2);
	make_handle(1, 4000);
	make_handle(2, 0)->kind = 9;
	make_handle(3, 0);
	assert_true(arena_check(arena) >= 8);
	for (uint32_t i = 1; i <= 5; i++)
		assert_false(is_live(i));
	assert_null(arena_handle(arena, 1));
	assert_null(arena_handle(arena, 2));
	assert_null(arena_handle(arena, 3));
	assert_non_null(arena_handle(arena, 4));
}

/* Worker closes what records name; guardian's own descriptors must not be among them. */
static void check_protects_guardians_descriptors(void **state)
{
	struct node *node = make_local(0, NODE_NONE);
	struct handle *h = make_handle(0, 0);

	(void)state;
	atomic_store(&node->fd, (uint64_t)(3 + 1) << 40);
	atomic_store(&h->fd, FD_RESERVED - 1);
	atomic_store(&h->other, handle_other(5, FD_RESERVED - 1));
	h->snapshot_fd = INT32_MIN;
	h->flags = O_WRONLY | O_APPEND | O_TRUNC;
	atomic_store(&arena->board.backends[0].root_fd, 0);
	arena_check(arena);
	assert_int_equal(atomic_load(&node->fd), 0);
	assert_int_equal(atomic_load(&h->fd), -1);
	assert_int_equal(h->snapshot_fd, -1);
	assert_int_equal(atomic_load(&h->other), 0);
	assert_int_equal(h->flags, O_WRONLY | O_APPEND);
	assert_int_equal(atomic_load(&arena->board.backends[0].root_fd), -1);
	atomic_store(&h->fd, FD_RESERVED);
	atomic_store(&h->other, handle_other(5, FD_RESERVED));
	arena_check(arena);
	assert_int_equal(atomic_load(&h->fd), FD_RESERVED);
	assert_int_equal(handle_other_fd(atomic_load(&h->other)), FD_RESERVED);
	assert_int_equal(handle_other_epoch(atomic_load(&h->other)), 5);
}

/* The transport lives, and has the files open: a ref is no damaged descriptor. Removed files can be had by it alone. */
static void check_keeps_refs_of_a_transport(void **state)
{
	const int ref = HANDLE_NO_DESCRIPTOR | 0x1234567;
	struct handle *h;

	(void)state;
	arena->board.config.n_backends = 2;
	arena->board.config.error = EIO;
	arena->board.config.backends[0].type = BACKEND_SFTP;
	arena->board.config.backends[1].type = BACKEND_SSHFS;
	for (uint32_t i = 0; i < 2; i++)
		arena->board.config.backends[i].max_inflight = 1;
	make_local(0, NODE_NONE);
	h = make_handle(0, 0);
	atomic_store(&h->fd, ref);
	atomic_store(&h->other, handle_other(5, ref));
	h->backend = 0;
	assert_int_equal(arena_check(arena), 0);
	assert_int_equal(atomic_load(&h->fd), ref);
	assert_int_equal(handle_other_fd(atomic_load(&h->other)), ref);
	/* Elsewhere it is damage. */
	h->backend = 1;
	assert_int_equal(arena_check(arena), 2);
	assert_int_equal(atomic_load(&h->fd), -1);
	assert_int_equal(atomic_load(&h->other), 0);
}

/* A place that no file can have would wrap when an append is searched from there. */
static void check_bounds_extents(void **state)
{
	struct extent *e = &arena->owed.extents[3];
	struct handle *h;

	(void)state;
	make_tree_and_views();
	make_node(7, 4, 0, "file")->mode = S_IFREG;
	h = make_handle(0, 7);
	h->backend = 0;
	e->fh = handle_id(h, 0);
	e->sequence = 1;
	e->appends = 1;
	atomic_store(&e->length, 100);
	atomic_store(&e->state, EXTENT_SENT);
	(void)arena_check(arena);
	assert_int_equal(atomic_load(&e->state), EXTENT_SENT);
	e->append_begun = APPEND_FOLLOWED;
	e->append_from = UINT64_MAX - 50;
	assert_int_equal(arena_check(arena), 1);
	assert_true(e->append_from == 0 && e->append_begun == APPEND_FOLLOWED);
	e->append_begun = 9;
	assert_int_equal(arena_check(arena), 1);
	assert_int_equal(e->append_begun, APPEND_FOLLOWED);
	e->done = 101;
	assert_int_equal(arena_check(arena), 1);
	assert_int_equal(atomic_load(&e->state), EXTENT_FREE);
}

static void check_survives_noise(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20; round++) {
		unsigned char *p = (unsigned char *)arena;
		/* Up to the first nodes; all else is reached through the counts that lie there. */
		size_t end = offsetof(struct arena, nodes) + 1000 * sizeof(struct node);
		size_t start = round % 2 ? offsetof(struct arena, handles_used) : 0;

		for (size_t i = start; i < end; i += (size_t)rand_r(&seed) % 64 + 1)
			p[i] = (unsigned char)rand_r(&seed);
		atomic_store(&arena->nodes_used, 1000);
		arena_check(arena);
		assert_int_equal(arena_check(arena), 0);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(is_sparse_and_inherited),
	    TEST(is_found_again),
	    TEST(refuses_what_is_no_arena),
	    TEST(refuses_other_layouts),
	    TEST(cannot_be_resized),
	    TEST(ids_name_live_records_only),
	    TEST(check_leaves_a_sound_arena),
	    TEST(check_leaves_what_a_death_leaves),
	    TEST(check_tells_of_a_torn_ledger),
	    TEST(check_bounds_counts),
	    TEST(check_bounds_patience),
	    TEST(check_cuts_cycles_of_parents),
	    TEST(check_keeps_what_can_be_found),
	    TEST(check_keeps_sound_views),
	    TEST(check_drops_senseless_views),
	    TEST(check_drops_senseless_records),
	    TEST(check_protects_guardians_descriptors),
	    TEST(check_keeps_refs_of_a_transport),
	    TEST(check_bounds_extents),
	    TEST(check_survives_noise),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
