/* News of the network from the kernel, and of sleep: docs/RECOVERY.md, "The network comes back". Keeper's thread. */
#ifndef GUARDFS_KEEPER_NETWORK_H
#define GUARDFS_KEEPER_NETWORK_H

#include "base/base.h"

#define NETWORK_LINKS_MAX 64

struct network {
	/* -1: none. */
	int sock;
	/* CLOCK_BOOTTIME beyond CLOCK_MONOTONIC, as last seen. */
	uint64_t slept_ns;
	/* When news last asked for probes (0: never), and whether some has come since that has not. */
	uint64_t probed_ns;
	bool probe_owed;
	/* Links that are known not to carry anything; a full table forgets the oldest. */
	int32_t down[NETWORK_LINKS_MAX];
	uint32_t next;
};

struct keeper;

/* Before rights are given up. Without a socket (logged) only sleep is noticed. */
void network_start(struct network *n);

int network_poll_fd(const struct network *n);

/* Takes what the kernel has said, and looks at the clocks; tells the backends' courses. now_ns: CLOCK_MONOTONIC. */
void network_step(struct keeper *k, uint64_t now_ns);

/* What a message of n bytes from the kernel says: a word for people, or NULL: nothing has come back. Pure, but for
 * n->down; the macros that read a message drop a const. */
const char *network_hear(struct network *n, void *message, size_t size);

/* Are backends that serve to be probed now? Not each time where containers come and go; the last news counts later. Pure, but
 * for n's members of probes. */
bool network_asks_probe(struct network *n, bool news, uint64_t now_ns);

#endif
