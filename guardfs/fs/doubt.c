#include "fs/doubt.h"
#include "base/log.h"
#include "fs/halfway.h"
#include "fs/handle.h"
#include "fs/handle_index.h"
#include "fs/node.h"
#include "fs/node_numbers.h"
#include "fs/suspects.h"
#include "fs/view.h"
#include "fs/wire.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static void drop_attributes(uint64_t nodeid)
{
	uint8_t out[64];

	/* ENOENT: the kernel does not know it. */
	if (write(fs.dev_fd, out, wire_drop_attributes(out, nodeid)) < 0 && errno != ENOENT)
		log_debug("the kernel was not told to ask again for node %llu: %s",
			  (unsigned long long)nodeid, strerror(errno));
}

void doubt_node(const struct node *node)
{
	drop_attributes(node_id(node, node_index(node)));
}

/* Local nodes are not known by name. */
static void drop_named(uint64_t parent_id, const char *name)
{
	struct node *parent = node_from_id(parent_id);
	const struct node *node =
	    parent && parent->backend < CONFIG_BACKENDS_MAX ? view_find(parent, name, NODE_UNHELD) : NULL;

	if (node)
		doubt_node(node);
}

/* The file may have been cut: missing bytes beyond its end are not lost. */
static void lower_bounds(const uint8_t *buffer, uint64_t nodeid)
{
	struct node *node = node_from_id(nodeid);
	uint64_t size;

	if (!node || node->backend >= CONFIG_BACKENDS_MAX || !wire_cuts(buffer, &size))
		return;
	handle_truncated(node_index(node), NULL, size);
	node_cut(node, size);
}

void doubt_ask_again(const uint8_t *buffer)
{
	const char *names[2];
	uint64_t ids[2];

	if (!wire_changes(wire_opcode(buffer)))
		return; /* FLUSH and FSYNC */
	wire_nodes(buffer, ids);
	wire_names(buffer, names);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (ids[i])
			drop_attributes(ids[i]);
		if (ids[i] && names[i])
			drop_named(ids[i], names[i]);
	}
}

void doubt_made(const uint8_t *buffer)
{
	uint64_t ids[2];

	if (!wire_changes(wire_opcode(buffer)))
		return;
	wire_nodes(buffer, ids);
	lower_bounds(buffer, ids[0]);
	suspects_doubt(buffer, fs.config->error);
	doubt_ask_again(buffer);
}

static bool mark_perhaps_replaced(struct handle *h, void *arg)
{
	(void)arg;
	atomic_store(&h->perhaps_replaced, 1);
	return true;
}

/* NULL: none, or it is known to have lost it. */
static const struct node *losing_name(const uint8_t *buffer)
{
	const struct node *first, *second;
	struct node *from, *to;
	const char *names[2];
	uint64_t ids[2];
	bool replaces = wire_replaces(buffer);

	if (!replaces && wire_opcode(buffer) != WIRE_OP_UNLINK)
		return NULL;
	wire_nodes(buffer, ids);
	wire_names(buffer, names);
	from = node_from_id(ids[0]);
	if (!from || from->backend >= CONFIG_BACKENDS_MAX)
		return NULL;
	first = view_find(from, names[0], NODE_UNHELD);
	if (!replaces)
		return first;
	to = node_from_id(ids[1]);
	/* Without a source the nodes have their new names: the one that has this one was not replaced. */
	if (!first || !to || to->backend != from->backend)
		return NULL;
	second = view_find(to, names[1], NODE_UNHELD);
	return second != first ? second : NULL;
}

/* Files open below a directory are found by names that lead through it. */
static void mark_perhaps_moved(const struct node *node)
{
	uint32_t used = S_ISDIR(node->mode) ? atomic_load(&fs.arena->handles_used) : 0;

	handle_index_each(node_index(node), mark_perhaps_replaced, NULL);
	for (uint32_t i = 0; i < used; i++) {
		struct handle *h = &fs.arena->handles[i];

		if (atomic_load(&h->state) == HANDLE_LIVE && h->kind == HANDLE_FILE &&
		    h->backend == node->backend && node_is_below(h->node, node_index(node)))
			(void)mark_perhaps_replaced(h, NULL);
	}
}

/* Either name may lead to what had the other one. Where inode numbers last that is seen by them. */
static void doubt_exchanged(const uint8_t *buffer)
{
	const char *names[2];
	uint64_t ids[2];

	wire_nodes(buffer, ids);
	wire_names(buffer, names);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct node *dir = node_from_id(ids[i]);
		const struct node *node =
		    dir && dir->backend < CONFIG_BACKENDS_MAX && !number_is_of_storage(fs_backend(dir))
			? view_find(dir, names[i], NODE_UNHELD)
			: NULL;

		if (node)
			mark_perhaps_moved(node);
	}
}

void doubt_replaced(const uint8_t *buffer)
{
	const struct node *node = losing_name(buffer);

	if (node)
		handle_index_each(node_index(node), mark_perhaps_replaced, NULL);
	else if (wire_exchanges(buffer))
		doubt_exchanged(buffer);
}

void doubt_raise(const uint8_t *buffer)
{
	doubt_replaced(buffer);
	if (wire_changes(wire_opcode(buffer)))
		halfway_note(buffer);
	doubt_made(buffer);
}
