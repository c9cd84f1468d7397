/* behind-util.h: what tests of what is owed to storage have in common: files of a backend that writes behind, and what is put
 * there and taken. Builds on worker-util.h. */
#ifndef TESTS_UNIT_BEHIND_UTIL_H
#define TESTS_UNIT_BEHIND_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/behind.h"
#include "fs/view.h"
#include "worker-util.h"

#include <fcntl.h>

#define KIB 1024u
#define MIB 1048576u

static uint8_t bytes[MIB];
static uint64_t unique = 100;

static inline struct node *make_file(const char *name)
{
	const struct stat st = {.st_mode = S_IFREG};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);

	return node_intern_guarded(&fs.guarded[0], node_index(root), name, &st, NODE_LOOKED_UP);
}

static inline struct handle *open_file(const struct node *node, int flags)
{
	struct handle *h =
	    handle_new(node_index(node), HANDLE_FILE, 0, flags, open("/dev/null", O_RDWR), 1, HANDLE_NAMED);

	CHECK(h);
	return h;
}

static inline void configure(void)
{
	fs.board->config.backends[0].durability = DURABILITY_BEHIND;
	fs.board->config.backends[0].buffer_mib = 8;
	fs.board->config.backends[0].drain_ms = 5000;
	behind_init();
}

static inline enum behind_taken take(struct handle *h, uint64_t offset, size_t n, uint8_t with)
{
	memset(bytes, with, n);
	return behind_take(&fs.guarded[0], h, ++unique, bytes, n, offset, h->flags & O_APPEND);
}

static inline bool next(struct behind_work *work)
{
	return behind_next(0, 1, 0, work);
}

#endif
