/* An arena with any content, as a crash might leave it: after arena_check nothing in it may lead a reader
 * astray, and a second check finds nothing more to do. The input is a list of pokes: area (1 byte), offset
 * within it (3), length (1), bytes. */
#include "shm/arena.h"
#include "base/child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NODES	48 /* in use before the pokes, so that chains and names exist to be damaged */
#define HANDLES 8
#define JOBS	4
#define AREAS	10

static struct arena *arena;

static void require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "violated: %s\n", what);
		abort();
	}
}

static void fill_config(struct config *config)
{
	static const char text[] =
	    "[mount]\nname=f\nmountpoint=/m\nlocal=/l\n"
	    "[backend a]\ntype=dir\npath=/a\nalias=/cold\n[backend b]\ntype=sshfs\nhost=h\n";
	char error[CONFIG_ERROR_MAX];

	require(config_parse("fuzz.conf", text, sizeof(text) - 1, config, error) == 0, error);
}

/* Local root, virtual directory, the roots of two backends; then by turns a local directory, the trees of the
 * backends, roots of routes to them, and what these show. */
static struct node model_node(uint32_t i)
{
	uint32_t k = i % 8;

	if (i == 0)
		return (struct node){.parent = NODE_NONE, .backend = NODE_LOCAL, .fh_length = 8};
	if (i == 1)
		return (struct node){.parent = NODE_NONE, .backend = NODE_VIRTUAL};
	if (i < 4)
		return (struct node){
		    .parent = 1, .backend = (uint8_t)(i - 2), .mode = S_IFDIR, .flags = NODE_ROUTE_ROOT};
	if (k == 4 || k == 5)
		return (struct node){
		    .parent = i < 8 ? k - 2 : i - 8, .backend = (uint8_t)(k - 4), .mode = S_IFDIR};
	if (k == 6)
		return (struct node){.parent = i < 14 ? 0 : i - 6,
				     .backend = 0,
				     .mode = S_IFDIR,
				     .flags = NODE_VIEW | NODE_ROUTE_ROOT,
				     .object = i - 2};
	if (k == 7)
		return (struct node){
		    .parent = i - 1, .backend = 0, .mode = S_IFDIR, .flags = NODE_VIEW, .object = i - 3};
	return (struct node){.parent = i < 16 ? 0 : i - 8, .backend = NODE_LOCAL, .fh_length = i % 2 ? 0 : 8};
}

static void fill_nodes(void)
{
	struct name_allocator *a = name_allocator_new(&arena->names);

	for (uint32_t i = 0; i < NODES; i++) {
		struct node *node = &arena->nodes[i];

		*node = model_node(i);
		if (i > 1 && !node_is_below_route(node))
			node->name = name_store(a, "a name in the fuzzed arena", i % 26 + 1);
		atomic_store(&node->state, NODE_LIVE);
	}
	atomic_store(&arena->nodes_used, NODES);
	name_allocator_free(a);
}

/* In a directory of the second backend, which is of type sshfs. */
static void fill_halfway(void)
{
	struct halfway_record *r = &arena->halfway.records[1][0];

	*r = (struct halfway_record){.backend = 1, .size = 1, .name = "next", .newname = "published"};
	r->from = r->to = node_id(&arena->nodes[5], 5);
	atomic_store(&r->seal, halfway_seal(r));
	require(arena_halfway(arena, 1, 0), "a sound note is one");
}

static void fill(void)
{
	struct route route = {.path = "jobs/x", .target = "x"};

	fill_config(&arena->board.config);
	fill_nodes();
	for (uint32_t i = 0; i < HANDLES; i++) {
		arena->handles[i].node = i;
		arena->handles[i].snapshot_fd = -1;
		atomic_store(&arena->handles[i].fd, FD_RESERVED + (int)i);
		atomic_store(&arena->handles[i].state, HANDLE_LIVE);
	}
	for (uint32_t i = 0; i < JOBS; i++) {
		snprintf(arena->jobs.jobs[i].name, JOB_NAME_MAX, "hc/job-%u", i);
		atomic_store(&arena->jobs.jobs[i].state, JOB_LIVE);
		atomic_store(&arena->handles[i].job, i + 1);
	}
	atomic_store(&arena->jobs.used, JOBS);
	for (size_t i = 0; i < CONFIG_BACKENDS_MAX; i++)
		atomic_store(&arena->board.backends[i].root_fd, -1);
	atomic_store(&arena->handles_used, HANDLES);
	require(tiermap_add(&arena->board.map, &route) == 0, "a route can be added");
	fill_halfway();
	require(arena_check(arena) == 0, "a sound arena is left as it is");
}

/* Where an input may write: what is in use, and the counts. */
static void *area(unsigned which, size_t *size)
{
	struct board *board = &arena->board;

	switch (which % AREAS) {
	case 0:
		*size = sizeof(arena->header);
		return &arena->header;
	case 1:
		*size =
		    offsetof(struct board, map) + offsetof(struct tiermap, routes) + 4 * sizeof(struct route);
		return board;
	case 2:
		*size = sizeof(arena->slots[0]) * 4;
		return arena->slots;
	case 3:
		*size = sizeof(arena->handles[0]) * (HANDLES + 2);
		return arena->handles;
	case 4:
		*size = sizeof(arena->nodes[0]) * (NODES + 4);
		return arena->nodes;
	case 5:
		*size = offsetof(struct name_heap, bytes) + 4096;
		return &arena->names;
	case 6:
		*size = sizeof(*board) - offsetof(struct board, routes);
		return board->routes;
	case 8:
		*size = offsetof(struct job_table, jobs) + sizeof(struct job) * (JOBS + 1);
		return &arena->jobs;
	case 9:
		*size = sizeof(arena->halfway);
		return &arena->halfway;
	default:
		*size = sizeof(arena->handles_used) + sizeof(arena->nodes_used);
		return &arena->handles_used;
	}
}

static void poke(const uint8_t *data, size_t size)
{
	while (size >= 5) {
		size_t room, n = data[4];
		size_t offset = (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3];
		uint8_t *to = area(data[0], &room);

		offset %= room;
		n = MIN(MIN(n, size - 5), room - offset);
		memcpy(to + offset, data + 5, n);
		data += 5 + n;
		size -= 5 + n;
	}
}

static void walk_view(const struct node *node, uint32_t i)
{
	uint32_t object = node_object_index(node);
	const struct node *shown = &arena->nodes[object];

	require(object < atomic_load(&arena->nodes_used), "objects exist");
	require(node->backend < NODE_VIRTUAL && shown->backend == node->backend,
		"views stay in their backend");
	require(atomic_load(&shown->state) == NODE_LIVE, "objects live");
	require((object == i && node->flags & NODE_ROUTE_ROOT) ||
		    (!(shown->flags & NODE_VIEW) && S_ISDIR(shown->mode)),
		"views show directories");
}

static void walk_nodes(void)
{
	uint32_t used = atomic_load(&arena->nodes_used);

	for (uint32_t i = 0; i < MIN(used, 1000u); i++) {
		const struct node *node = &arena->nodes[i];
		uint32_t steps = 0;

		if (!arena_node(arena, node_id(node, i)))
			continue;
		for (uint32_t at = i; at != NODE_NONE; at = arena->nodes[at].parent) {
			require(at < used && steps++ <= used, "parents end");
			require(atomic_load(&arena->nodes[at].state) == NODE_LIVE, "parents live");
		}
		require(strlen(name_get(&arena->names, node->name)) <= NAME_LENGTH_MAX, "names end");
		require(node->backend < arena->board.config.n_backends || node->backend >= NODE_VIRTUAL,
			"backends exist");
		require(node->fh_length <= NODE_FH_MAX, "file handles fit");
		if (node->flags & NODE_VIEW)
			walk_view(node, i);
	}
}

static void walk_handles(void)
{
	for (uint32_t i = 0; i < MIN(atomic_load(&arena->handles_used), 1000u); i++) {
		const struct handle *h = &arena->handles[i];
		int32_t fd = atomic_load(&h->fd);

		if (!arena_handle(arena, handle_id(h, i)))
			continue;
		require(atomic_load(&arena->nodes[h->node].state) == NODE_LIVE, "a handle has a node");
		require(fd == -1 || fd >= FD_RESERVED, "guardian's descriptors are out of reach");
		require(!atomic_load(&h->other) || handle_other_fd(atomic_load(&h->other)) >= FD_RESERVED,
			"guardian's descriptors are out of reach");
		require(atomic_load(&h->tail_length) <= HANDLE_TAIL_MAX, "the end of an append fits");
		require(atomic_load(&h->job) <= JOB_MAX, "a handle's job exists");
		require(h->snapshot_fd == -1 || h->snapshot_fd >= FD_RESERVED,
			"guardian's descriptors are out of reach");
	}
}

static void walk_jobs(void)
{
	uint32_t used = atomic_load(&arena->jobs.used);
	struct job_view view;

	require(used <= JOB_MAX, "jobs are bounded");
	require(job_choose_slot(&arena->jobs) <= JOB_MAX, "a slot is in range");
	for (uint32_t i = 0; i < used; i++) {
		if (!job_view(&arena->jobs, i, &view))
			continue;
		require(view.name[0] && strlen(view.name) < JOB_NAME_MAX, "names of jobs end");
		require(view.last_error < ERRCLASS_COUNT && view.writers <= view.handles, "jobs make sense");
	}
}

static void walk_halfway(void)
{
	for (unsigned b = 0; b < CONFIG_BACKENDS_MAX; b++)
		for (uint32_t i = 0; i < HALFWAY_MAX; i++) {
			const struct halfway_record *r = arena_halfway(arena, b, i);

			require(r || !atomic_load(&arena->halfway.records[b][i].seal),
				"what is no note is free");
			if (!r)
				continue;
			require(strlen(r->name) <= NAME_LENGTH_MAX && strlen(r->newname) <= NAME_LENGTH_MAX,
				"names end");
			require(arena_node(arena, r->from)->backend == b &&
				    arena_node(arena, r->to)->backend == b,
				"directories are the backend's");
		}
}

static void walk_board(void)
{
	struct board *board = &arena->board;
	static struct tiermap map;
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	config_print(&board->config, out);
	fclose(out);
	free(text);
	require(!(board_copy_map(board, &map) & 1), "the map is stable");
	require(tiermap_repair(&map, MAX(board->config.n_backends, 1u)) == 0, "the map is sound");
	for (unsigned i = 0; i < CONFIG_BACKENDS_MAX; i++)
		require(strlen(board->backends[i].detail) < sizeof(board->backends[i].detail), "details end");
}

/* What inputs and checks can change, kept as it was when the arena was sound, and put back before each input.
 */
static struct {
	void *at;
	size_t size;
	void *kept;
} sound[AREAS];

static void keep(size_t i, void *at, size_t size)
{
	sound[i].at = at;
	sound[i].size = size;
	sound[i].kept = malloc(size);
	memcpy(sound[i].kept, at, size);
}

static void set_up(void)
{
	arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	require(arena != MAP_FAILED, "there is address space");
	fill();
	for (unsigned i = 0; i < AREAS; i++) {
		size_t size;
		void *at = area(i, &size);

		keep(i, at, size);
	}
}

static void put_back(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(sound) && sound[i].at; i++)
		memcpy(sound[i].at, sound[i].kept, sound[i].size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!arena)
		set_up();
	put_back();
	poke(data, size);
	/* Walking four million empty nodes finds nothing and takes long; the unit test does it once. */
	atomic_store(&arena->nodes_used, atomic_load(&arena->nodes_used) % 4096);
	arena_check(arena);
	walk_nodes();
	walk_handles();
	walk_jobs();
	walk_halfway();
	walk_board();
	require(arena_check(arena) == 0, "a second check finds nothing");
	return 0;
}
