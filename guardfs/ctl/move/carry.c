/* Can the destination hold the job? Before a byte is copied. */
#include "ctl/move/move.h"
#include "base/cleanup.h"
#include "policy/symlink.h"

#include <errno.h>

#define NAMED_MAX     10		 /* obstacles told */
#define SFTP_TIME_END ((int64_t)1 << 32) /* SFTP: 32 bits of seconds since 1970 */

const char *move_carry_obstacle(const struct config_backend *backend, const struct move_entry *e)
{
	if (e->attrs[0] == 'l')
		return backend->contain_links && symlink_may_lead_out(e->attrs + 2)
			   ? "a symbolic link that is absolute or goes up (contain_links)"
			   : NULL;
	if (backend_has_server(backend->type) && (e->mtime_s < 0 || e->mtime_s >= SFTP_TIME_END))
		return "its time lies before 1970 or after 2105, which SFTP cannot tell";
	return NULL;
}

/* Returns how many there are. */
static size_t say_obstacles(const struct config_backend *backend, const struct move_tree *tree)
{
	size_t n = 0;

	for (size_t i = 0; i < tree->n; i++) {
		const char *why = move_carry_obstacle(backend, &tree->entries[i]);

		if (why && n++ < NAMED_MAX)
			ctl_fail(CTL_EXIT_REFUSED, "%s: %s", tree->entries[i].path, why);
	}
	return n;
}

int move_check_carry(const struct move_run *r)
{
	CLEANUP_FD int from = -1;
	int backend = config_find_backend(r->config, r->m.to.tier), status;
	char what[MOVE_NAME_MAX];
	struct move_tree tree;
	errint_t err;
	size_t n;

	if (backend < 0)
		return CTL_EXIT_OK; /* local holds whatever a backend does */
	from = move_open_directory(r, r->m.from.tier, r->m.from.path, false);
	if (from < 0)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: %s", r->hot, strerror(-from));
	err = move_tree_read(from, false, &tree, what);
	n = err ? 0 : say_obstacles(&r->config->backends[backend], &tree);
	move_tree_release(&tree);
	status = err ? move_refuse_entry(r, what, err) : CTL_EXIT_OK;
	if (status != CTL_EXIT_OK)
		return status;
	if (err)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: %s: %s", r->hot, what, strerror(-err));
	if (n)
		return ctl_fail(CTL_EXIT_REFUSED,
				"%s cannot hold %zu of what %s has (above: the first). Change or take them "
				"away, then repeat this",
				r->m.to.tier, n, r->hot);
	return CTL_EXIT_OK;
}
