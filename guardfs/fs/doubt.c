/* doubt.c: see doubt.h. */
#include "fs/doubt.h"
#include "base/log.h"
#include "fs/node.h"
#include "fs/view.h"
#include "fs/wire.h"

#include <errno.h>
#include <unistd.h>

static void drop(uint64_t nodeid)
{
	uint8_t out[64];

	/* ENOENT: the kernel doesn't know it, so it remembers nothing. */
	if (write(fs.dev_fd, out, wire_drop_attributes(out, nodeid)) < 0 && errno != ENOENT)
		log_debug("the kernel was not told to ask again for node %llu: %s",
			  (unsigned long long)nodeid, strerror(errno));
}

/* Nodes of the local tier are not known by their names. */
static void drop_named(uint64_t parent_id, const char *name)
{
	struct node *parent = node_from_id(parent_id);
	const struct node *node =
	    parent && parent->backend < CONFIG_BACKENDS_MAX ? view_find(parent, name, NODE_UNHELD) : NULL;

	if (node)
		drop(node_id(node, node_index(node)));
}

void doubt_raise(const uint8_t *buffer)
{
	const char *names[2];
	uint64_t ids[2];

	if (!wire_changes(wire_opcode(buffer)))
		return; /* FLUSH and FSYNC wait like changes, and are none */
	wire_nodes(buffer, ids);
	wire_names(buffer, names);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (ids[i])
			drop(ids[i]);
		if (ids[i] && names[i])
			drop_named(ids[i], names[i]);
	}
}
