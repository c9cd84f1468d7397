#include "fs/halfway_finish.h"
#include "base/log.h"
#include "fs/names.h"
#include "fs/guard.h"
#include "fs/halfway.h"
#include "fs/handle.h"
#include "fs/others.h"
#include "fs/suspects.h"

#include <errno.h>
#include <sys/stat.h>

bool halfway_may_finish(unsigned backend)
{
	return halfway_is_ripe(backend);
}

static void tell_finished(const struct backend *b, const struct halfway *h)
{
	char dir[4096];

	if (node_last_path(h->to, dir, sizeof(dir)) < 0)
		(void)copy_string(dir, sizeof(dir), "a directory whose name is not known any more");
	log_notice("backend %s: a rename to %s/%s had stopped halfway, and nothing had the name: finished; "
		   "its caller was "
		   "told of an error",
		   b->config->name, dir, h->newname);
}

/* The file that sshfs moved away had the name. Whoever has it open must not find the one that gets the name in its place, not
 * even a moment before the answer. */
static void let_go_of_replaced(const struct halfway *h)
{
	struct node *replaced = node_find_guarded(h->to, h->newname, NODE_PINNED);

	if (!replaced)
		return;
	if (replaced != node_find_guarded(h->from, h->name, NODE_UNHELD))
		handle_name_removed(replaced, h->to);
	node_unpin(replaced);
}

/* 1, 0, or -errno. The kernel beneath does not know that sshfs has moved the file away, and remembers the name for longer than anybody
 * can wait; it looks anew where something is to be made, and SFTP makes no FIFO. */
static errint_t has_a_file(struct backend *b, const struct halfway *h)
{
	const struct caller nobody = {.uid = 0};
	struct found found;
	errint_t rc = b->ops->mknod(b, h->to, h->newname, S_IFIFO | S_IRUSR, 0, &nobody, &found);

	if (rc == -EPERM)
		rc = b->ops->lookup(b, h->to, h->newname, &found);
	if (rc == -ENOENT)
		return 0;
	return rc == 0 || rc == -EEXIST ? 1 : rc;
}

/* Within a visit. Whoever asks for the name meanwhile waits as for any rename. */
static ssize_t finish_one(struct backend *b, const struct halfway *h)
{
	struct found found;
	errint_t rc = has_a_file(b, h);

	if (rc != 0)
		return MIN(rc, 0);
	rc = b->ops->lookup(b, h->from, h->name, &found);
	/* What has another size is being written anew. */
	if (rc < 0 || !S_ISREG(found.st.st_mode) || (uint64_t)found.st.st_size != h->size)
		return rc;
	let_go_of_replaced(h);
	rc = b->ops->rename(b, h->from, h->name, h->to, h->newname, 0);
	names_doubted(b, h->from);
	names_doubted(b, h->to);
	if (rc < 0)
		return rc;
	suspects_renamed(b, h->from, h->name, h->to, h->newname, false);
	node_renamed(h->from, h->name, h->to, h->newname, false);
	others_expire_everywhere(&fs.arena->nodes[h->from], h->name);
	others_expire_everywhere(&fs.arena->nodes[h->to], h->newname);
	tell_finished(b, h);
	return 0;
}

void halfway_finish(unsigned backend)
{
	struct backend *b = &fs.guarded[backend];
	enum guard_outcome outcome;
	struct halfway h;
	ssize_t rc;

	/* No request has it: nobody answers it. */
	call.unique = 1ull << 63;
	while (guard_breaker_is_closed(b) && halfway_take(backend, &h)) {
		if (guard_visit(b, OP_METADATA, GUARD_TARGET_ALL, 0) != VISIT_IN) {
			halfway_give_back(backend, &h);
			return;
		}
		halfway_begin_try(backend, &h);
		rc = finish_one(b, &h);
		outcome = guard_end_visit(b, rc, true);
		guard_end_request();
		if (outcome != OUTCOME_KNOWN && h.tries < HALFWAY_TRIES_MAX)
			halfway_give_back(backend, &h);
		else
			halfway_end(backend, &h);
	}
}
