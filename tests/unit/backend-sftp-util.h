/* backend-sftp-util.h: the backend that speaks SFTP, over a ring whose other side is the test: a server of some objects. */
#ifndef TESTS_UNIT_BACKEND_SFTP_UTIL_H
#define TESTS_UNIT_BACKEND_SFTP_UTIL_H

#include "backend-util.h"
#include "ring-peer.h"

#include "backend/nodefd.h"

#define BACKEND	   2
#define GENERATION 5u

static struct place *place;
static struct backend sftp;
static struct config_backend *config;
static const struct caller caller = {1000, 1000, 0, 022};
/* Of the backend's tree: its root, a directory in it, a file in that. */
static uint32_t root, directory, file;

/* ---- the server ---- */

struct object {
	const char *path;
	struct sftp_attributes attrs;
};

/* What there is, and what each operation says; both up to a NULL or 0. An operation that succeeds shows what is at its
 * last path. */
static struct {
	struct object objects[8];
	errint_t fails[RING_OPERATION_COUNT];
	struct sftp_statvfs figures;
	/* Each directory is of a file system of its own. */
	bool mounts_everywhere;
	/* Entries of whatever directory. */
	unsigned entries;
	/* Of READLINK. */
	const char *text;
	size_t text_length;
	enum ring_operation dies_at;
	uint32_t next_ref;
} server;

static inline const struct object *object_at(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(server.objects) && server.objects[i].path; i++)
		if (strcmp(server.objects[i].path, path) == 0)
			return &server.objects[i];
	return NULL;
}

static inline void put_object(const char *path, mode_t mode, uint64_t size)
{
	struct object *o = server.objects;

	while (o->path && strcmp(o->path, path) != 0)
		o++;
	assert_true(o < server.objects + ARRAY_SIZE(server.objects));
	*o = (struct object){
	    path,
	    {.has = SFTP_ATTR_PERMISSIONS | SFTP_ATTR_SIZE | SFTP_ATTR_OWNER | SFTP_ATTR_TIMES,
	     .size = size,
	     .uid = 1000,
	     .gid = 1001,
	     .permissions = mode,
	     .atime = 1000,
	     .mtime = 2000}};
}

static inline void say_entry(uint8_t *data, struct ring_result *result)
{
	struct ring_entry e = {.length = 5};

	memcpy(data, &e, sizeof(e));
	memcpy(data + sizeof(e), "entry\0\0\0", 8);
	result->size = sizeof(e) + 8;
}

static inline void say_data(const struct peer_request *asked, uint8_t *data, struct ring_result *result)
{
	switch (asked->request.operation) {
	case RING_STATVFS:
		server.figures.fsid = server.mounts_everywhere ? strlen(asked->names[0]) : 1;
		memcpy(data, &server.figures, sizeof(server.figures));
		result->size = sizeof(server.figures);
		return;
	case RING_READLINK:
		memcpy(data, server.text, server.text_length);
		result->size = (uint32_t)server.text_length;
		return;
	case RING_READDIR:
		result->at_end = server.entries == 0;
		if (server.entries > 0)
			say_entry(data, result);
		server.entries -= server.entries > 0;
		return;
	case RING_WRITE:
		result->size = asked->request.size;
		return;
	default:
		return;
	}
}

static inline enum peer_deed serve(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
				   struct ring_result *result)
{
	bool looks = asked->request.operation == RING_LSTAT;
	const char *last = asked->names[1][0] && !looks ? asked->names[1] : asked->names[0];
	const struct object *o = object_at(last);

	(void)n, (void)record;
	if (asked->request.operation == server.dies_at)
		return PEER_DIES;
	result->error = server.fails[asked->request.operation];
	if (looks && !o && result->error == 0) {
		result->error = -ENOENT;
		o = object_at(asked->names[1]);
		if (o)
			result->attrs = o->attrs;
	}
	if (result->error < 0)
		return PEER_ANSWERS;
	if (o)
		result->attrs = o->attrs;
	result->ref = peer_ref(++server.next_ref);
	say_data(asked, data, result);
	return PEER_ANSWERS;
}

/* ---- beginning and end ---- */

static inline void connect_backend(uint32_t epoch)
{
	struct board_backend *board = &place->arena->board.backends[BACKEND];

	atomic_store(&board->root_fd, dup(peer.users_end));
	atomic_store(&board->root_epoch, epoch);
	atomic_store(&board->breaker, breaker_word(epoch, true));
}

/* A backend is never closed, so its state must stay within reach. */
static void *states[64];
static unsigned n_states;

static inline int begin(void **state)
{
	(void)state;
	memset(&server, 0, sizeof(server));
	server.dies_at = RING_OPERATION_COUNT;
	server.figures = (struct sftp_statvfs){.block_size = 4096,
					       .fragment_size = 4096,
					       .blocks = 1000,
					       .free_blocks = 500,
					       .available_blocks = 500,
					       .files = 100,
					       .free_files = 50,
					       .available_files = 50};
	place = place_new();
	assert_int_equal(nodefd_init(place->arena, 64), 0);
	config = &place->arena->board.config.backends[BACKEND];
	config->type = BACKEND_SFTP;
	strcpy(config->path, "base");
	config->hard_links = true;
	atomic_store(&place->arena->board.worker_generation, GENERATION);
	assert_int_equal(backend_open(place->arena, BACKEND, &sftp), 0);
	assert_true(n_states < ARRAY_SIZE(states));
	states[n_states++] = sftp.state;
	place_node(place, NODE_LOCAL, NODE_NONE, "", S_IFDIR | 0755);
	root = place_node(place, BACKEND, 0, "hot", S_IFDIR | 0755);
	place->arena->nodes[root].flags = NODE_ROUTE_ROOT;
	directory = place_node(place, BACKEND, root, "dir", S_IFDIR | 0755);
	file = place_node(place, BACKEND, directory, "file", S_IFREG | 0644);
	peer_make();
	connect_backend(PEER_EPOCH);
	peer_begin(serve);
	return 0;
}

/* The first request of a worker has all files closed that nobody records: not of interest but in one test. */
static inline void settle(void)
{
	struct found found;

	put_object("base", S_IFDIR | 0755, 0);
	(void)sftp.ops->lookup(&sftp, root, "nothing", &found);
	assert_int_equal(peer.log[0].request.operation, RING_KEEP);
	peer_forget();
}

static inline int begin_settled(void **state)
{
	(void)begin(state);
	settle();
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	peer_stop();
	if (!peer.dead)
		peer_assert_empty();
	close(peer.users_end);
	peer_free();
	place_free(place);
	return 0;
}

#define CASE(test)  cmocka_unit_test_setup_teardown(test, begin_settled, end)
#define FIRST(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
