/* backend-util.h: what the tests of backends share: an arena, nodes made by hand, a directory to work in. */
#ifndef TESTS_UNIT_BACKEND_UTIL_H
#define TESTS_UNIT_BACKEND_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "base/child.h"
#include "shm/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct place {
	struct arena *arena;
	struct name_allocator *names;
	char dir[64];
};

static inline uint32_t place_node(struct place *p, uint8_t backend, uint32_t parent, const char *name,
				  mode_t mode)
{
	uint32_t index = atomic_fetch_add(&p->arena->nodes_used, 1);
	struct node *n = &p->arena->nodes[index];

	memset(n, 0, sizeof(*n));
	n->backend = backend;
	n->parent = parent;
	n->name = name[0] ? name_store(p->names, name, strlen(name)) : 0;
	n->mode = mode;
	atomic_store(&n->state, NODE_LIVE);
	return index;
}

/* A node for what a backend found. */
static inline uint32_t place_found(struct place *p, uint8_t backend, uint32_t parent, const char *name,
				   const struct found *found)
{
	uint32_t index = place_node(p, backend, parent, name, found->st.st_mode);
	struct node *n = &p->arena->nodes[index];

	n->ino = found->st.st_ino;
	n->fh_type = found->fh_type;
	n->fh_length = found->fh_length;
	memcpy(n->fh, found->fh, sizeof(n->fh));
	/* As fs/node.c does it. */
	if (backend == NODE_LOCAL && found->fh_length == 0)
		memcpy(n->fh, (const uint64_t[]){found->st.st_dev, found->st.st_ino}, 2 * sizeof(uint64_t));
	n->flags = found->mounted ? NODE_MOUNTED : 0;
	return index;
}

/* Everything opened from now on has a number as in a worker. */
static inline void reserve_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
	} while (fd < FD_RESERVED - 1);
}

static inline struct place *place_new(void)
{
	struct place *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");
	int fd, error;

	assert_non_null(p);
	reserve_descriptors();
	p->arena = arena_create(&fd, &error);
	assert_non_null(p->arena);
	p->names = name_allocator_new(&p->arena->names);
	assert_non_null(p->names);
	snprintf(p->dir, sizeof(p->dir), "%s/guardfs-test.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(chmod(p->dir, 0777), 0);
	return p;
}

static inline void place_free(struct place *p)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", p->dir);
	assert_int_equal(system(command), 0);
	name_allocator_free(p->names);
	arena_unmap(p->arena);
	free(p);
}

/* How many descriptors this process has open. */
static inline unsigned count_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Waits for a condition by looking, at most ten seconds. */
#define wait_until(condition)                                                             \
	do {                                                                              \
		struct timespec pause_ = {0, 2000000};                                    \
		unsigned tries_ = 0;                                                      \
		while (!(condition) && tries_++ < 5000)                                   \
			nanosleep(&pause_, NULL); /* sleep-ok: polling with a deadline */ \
		assert_true(condition);                                                   \
	} while (0)

#endif
