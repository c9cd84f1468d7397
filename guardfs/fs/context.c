#include "fs/context.h"
#include "policy/symlink.h"

#include <unistd.h>

struct fs fs;
_Thread_local struct call call;

double fs_cache_seconds(const struct backend *b)
{
	return (b->board ? fs.config->guarded_cache_ms : fs.config->local_cache_ms) / 1000.0;
}

bool fs_hides_link(const struct backend *b, const char *target)
{
	return b->config && b->config->contain_links && symlink_may_lead_out(target);
}

void fs_nudge_keeper(void)
{
	uint64_t one = 1;

	/* A full counter wakes keeper already; a starting keeper looks by itself. */
	if (write(fs.board->fds.nudge, &one, sizeof(one)) < 0)
		return;
}

struct caller fs_caller(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct caller){.uid = ctx->uid, .gid = ctx->gid, .pid = ctx->pid, .umask = ctx->umask};
}
