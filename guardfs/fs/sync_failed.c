#include "fs/sync_failed.h"
#include "base/log.h"
#include "fs/behind.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "policy/errclass.h"

#include <errno.h>
#include <fcntl.h>

/* Epoch and number of the verdict (board_backend.verdicts); 0: no doubt. */
static uint64_t doubt_of(uint32_t epoch, uint32_t verdict)
{
	return (uint64_t)epoch << 32 | verdict;
}

static bool is_written(const struct handle *h)
{
	return h->backend < CONFIG_BACKENDS_MAX && h->kind == HANDLE_FILE &&
	       (h->flags & O_ACCMODE) != O_RDONLY;
}

bool sync_failed_is_doubted(const struct handle *h)
{
	return atomic_load(&h->sync_doubt) != 0;
}

errint_t sync_failed_judge(struct handle *h, errint_t rc)
{
	const struct errclass_info *info =
	    errclass_info(rc < 0 ? errclass_from_errno((int)-rc) : ERRCLASS_NONE);
	uint64_t none = 0, doubt;

	if (!is_written(h))
		return rc;
	if (rc == 0)
		return sync_failed_is_doubted(h) ? -EIO : 0;
	if (!info->infrastructure || info->trips)
		return rc;
	doubt = doubt_of(atomic_load(&call.slot->epoch),
			 atomic_load(&fs.guarded[h->backend].board->verdicts) + 1);
	/* An earlier one is explained earlier. */
	(void)atomic_compare_exchange_strong(&h->sync_doubt, &none, doubt);
	/* A close that said 0 said so of bytes that may be lost. */
	atomic_store(&h->flushed, 0);
	return rc;
}

static bool is_over_its_connection(const struct backend *b, uint64_t doubt)
{
	uint64_t breaker = atomic_load(&b->board->breaker);

	return breaker_is_closed(breaker) && breaker_epoch(breaker) == (uint32_t)(doubt >> 32);
}

static bool has_verdict(const struct backend *b, uint64_t doubt)
{
	return (int32_t)(atomic_load(&b->board->verdicts) - (uint32_t)doubt) >= 0;
}

/* The thread that ends it. */
static bool end_doubt(struct handle *h, uint64_t doubt)
{
	return atomic_compare_exchange_strong(&h->sync_doubt, &doubt, 0);
}

void sync_failed_settle(struct backend *b, struct handle *h)
{
	uint64_t doubt = atomic_load(&h->sync_doubt);
	struct node *node;

	if (!doubt || !is_written(h))
		return;
	if (!is_over_its_connection(b, doubt)) {
		(void)end_doubt(h, doubt);
		return;
	}
	if (!has_verdict(b, doubt))
		return;
	/* Held first, as in sync_file (fs/sync.c). Of a closed file its RELEASE has told. */
	node = node_hold(node_id(&fs.arena->nodes[h->node], h->node));
	if (node && !atomic_load(&h->closing))
		sync_failed_at_close(b, h);
	if (node)
		node_unpin(node);
}

void sync_failed_at_close(struct backend *b, struct handle *h)
{
	uint64_t doubt = atomic_load(&h->sync_doubt);

	if (!doubt || !is_written(h))
		return;
	/* Told before the doubt ends: a sync finds the one or the other. */
	if (is_over_its_connection(b, doubt) && !atomic_load(&h->error))
		sync_failed(b, h, fs.config->error);
	(void)end_doubt(h, doubt);
}

bool sync_failed_is(ssize_t rc)
{
	return rc < 0 && rc != GUARD_POISONED && rc != BACKEND_NODE_GONE && rc != -EMFILE && rc != -ENFILE &&
	       rc != -ENOMEM && rc != -EINTR && rc != -ENOSYS && rc != -EINVAL && rc != -EOPNOTSUPP;
}

void sync_failed(struct backend *b, struct handle *h, int error)
{
	struct ledger unsynced = {0}, doubtful = {0};
	char path[4096];

	if (!is_written(h))
		return;
	/* Nothing is left of a nameless file: only its programs are told. */
	if (h->unlinked) {
		handle_poison(b, h);
		return;
	}
	(void)handle_add_unsynced(h, &unsynced);
	/* Confirmed, and lost since. */
	for (uint32_t i = 0; i < unsynced.n; i++)
		ledger_put(&doubtful, unsynced.ranges[i].from, unsynced.ranges[i].to, LEDGER_WRITTEN);
	behind_give_up(b->index, h->node, UINT64_MAX, error);
	handle_lost(b, h->node, error, &doubtful);
	log_error("backend %s: %s could not be synced: %s", b->config->name,
		  node_last_path(h->node, path, sizeof(path)) < 0 ? "a file whose name is not known any more"
								  : path,
		  strerror(error));
}
