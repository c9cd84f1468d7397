/* A move's steps. docs/TIERMOVE.md says what each leaves on disk. */
#include "ctl/manifest/manifest.h"
#include "ctl/move/move.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define CHANGES_MAX 10
#define LIVE_MS	    15000u
#define POLL_MS	    50

int move_enter(struct move_run *r, enum move_step step)
{
	errint_t err;

	r->m.step = step;
	err = move_store(r->file, &r->m);
	if (err)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: %s. %s stays as it is; repeat this to go on", r->file,
				strerror(-err), r->hot);
	r->exists = true;
	move_point(move_step_name(step));
	return CTL_EXIT_OK;
}

static bool is_there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void sync_names(int dir)
{
	/* Not every backend can. */
	(void)fsync(dir);
}

/* Staging gets its final name, unseen behind the route or without one. With a pattern this is the switch, and
 * the copy is whole. */
static int place_staging(const struct move_run *r)
{
	struct move_ends e;
	errint_t err = move_ends_open(r, &e, false);

	if (!err && e.staging >= 0) {
		sync_names(e.staging);
		if (renameat(e.parent, e.staging_name, e.parent, e.final_name) < 0)
			err = -errno;
		sync_names(e.parent);
	}
	move_ends_close(&e);
	if (err)
		return move_stay(r, r->m.to.tier, r->m.to.path, err);
	move_point("placed");
	return CTL_EXIT_OK;
}

/* Cut off before the switch: back to staging, since the source may have changed. */
static int take_back_staging(const struct move_run *r)
{
	struct move_ends e;
	errint_t err = move_ends_open(r, &e, false);

	if (!err && e.staging < 0 && is_there(e.parent, e.final_name)) {
		if (renameat(e.parent, e.final_name, e.parent, e.staging_name) < 0)
			err = -errno;
		sync_names(e.parent);
	}
	move_ends_close(&e);
	return err == -ENOENT || !err ? CTL_EXIT_OK : move_stay(r, r->m.to.tier, r->m.to.path, err);
}

/* Does the path lead to the new copy's tier? guardfs tells at the directory. */
static bool is_live(const struct move_run *r)
{
	char tier[CONFIG_NAME_MAX];
	ssize_t n = getxattr(r->hot, "user.guardfs.tier", tier, sizeof(tier) - 1);

	tier[MAX(n, 0)] = '\0';
	return n > 0 && strcmp(tier, r->m.to.tier) == 0;
}

/* The kernel remembers for up to its cache time where a path led. */
static int wait_live(const struct move_run *r)
{
	uint64_t end = clock_mono_ns() + (LIVE_MS + r->config->local_cache_ms) * NSEC_PER_MSEC;

	while (!is_live(r)) {
		if (clock_mono_ns() > end)
			return ctl_fail(
			    CTL_EXIT_TIMEOUT,
			    "the manifest is changed, but %s does not show the copy on %s yet. Both copies "
			    "are whole. See guardctl tiers and guardctl status, then repeat this",
			    r->hot, r->m.to.tier);
		(void)poll(NULL, 0, POLL_MS);
	}
	return CTL_EXIT_OK;
}

static int switch_over(struct move_run *r)
{
	char cold[CTL_ABSOLUTE_MAX];
	int status = manifest_switch(r->instance, r->options, r->config, move_cold(r, cold, sizeof(cold)),
				     r->hot, MANIFEST_SWITCH_DO);

	move_point("edited");
	return status == CTL_EXIT_OK ? wait_live(r) : status;
}

/* Has the old copy changed since the comparison? 1, 0; -1: unknown, as was said. */
static int old_changed(const struct move_run *r, const char *path, bool print)
{
	CLEANUP_FD int fd = move_open_directory(r, r->m.from.tier, path, false);
	struct move_tree was, now;
	char what[MOVE_NAME_MAX] = "";
	errint_t err = fd < 0 ? fd : move_tree_read(fd, move_has_owner(r), &now, what), list_err;
	int changed;

	if (fd < 0)
		memset(&now, 0, sizeof(now));
	list_err = move_tree_load(r->list, &was);
	changed = err || list_err ? -1 : move_tree_differs(&was, &now, MOVE_COMPARE_STAMP, what);
	if (changed > 0 && print)
		move_tree_print_changes(&was, &now, CHANGES_MAX, stderr);
	move_tree_release(&was);
	move_tree_release(&now);
	if (changed < 0)
		ctl_fail(CTL_EXIT_REFUSED, "the old copy cannot be compared: %s: %s. %s is whole on %s",
			 what[0] ? what : path, strerror(err ? -err : -list_err), r->hot, r->m.to.tier);
	return changed;
}

/* A local copy leaves its name, hidden by the route. */
static errint_t put_aside(const struct move_run *r)
{
	CLEANUP_FD int root = move_open_tier(r->config, r->m.from.tier);
	CLEANUP_FD int dir = -1;
	char directory[CONFIG_PATH_MAX];
	const char *name, *old;

	if (root < 0)
		return root;
	move_split(r->m.from.path, directory, &name);
	dir = move_open_below(root, directory, false);
	if (dir < 0)
		return dir;
	move_split(r->m.old, directory, &old);
	if (is_there(dir, old))
		return 0;
	if (renameat(dir, name, dir, old) < 0)
		return -errno;
	sync_names(dir);
	return 0;
}

static int settle_move(struct move_run *r)
{
	CLEANUP_FD int fd = move_open_directory(r, r->m.from.tier, r->m.old, false);
	int in_use = move_check_writers(r),
	    changed = old_changed(r, fd >= 0 ? r->m.old : r->m.from.path, true);
	errint_t err;

	if (changed < 0)
		return CTL_EXIT_REFUSED;
	if (in_use != CTL_EXIT_OK)
		fprintf(
		    stderr,
		    "guardctl: the switch is made nevertheless; look whether they write into the old copy\n");
	err = put_aside(r);
	move_point("aside");
	if (err)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: %s. %s is whole on %s; repeat this to go on", r->m.old,
				strerror(-err), r->hot, r->m.to.tier);
	r->m.late = changed > 0;
	return move_enter(r, MOVE_DONE);
}

/* The manifest tells where a move stands that was cut off at "placing". */
static int find_position(struct move_run *r)
{
	int switched, status;

	if (r->m.step != MOVE_PLACING)
		return CTL_EXIT_OK;
	switched = move_is_switched(r);
	if (switched)
		return switched < 0 ? CTL_EXIT_REFUSED : CTL_EXIT_OK;
	status = take_back_staging(r);
	return status == CTL_EXIT_OK ? move_enter(r, MOVE_COPYING) : status;
}

int move_carry_out(struct move_run *r)
{
	int status = find_position(r);

	if (status == CTL_EXIT_OK && r->m.step == MOVE_COPYING) {
		status = move_check_health(r);
		if (status == CTL_EXIT_OK)
			status = move_copy_until_alike(r);
		if (status == CTL_EXIT_OK)
			status = move_enter(r, MOVE_PLACING);
		if (status == CTL_EXIT_OK)
			status = place_staging(r);
	}
	if (status == CTL_EXIT_OK && r->m.step == MOVE_PLACING) {
		status = switch_over(r);
		if (status == CTL_EXIT_OK)
			status = move_enter(r, MOVE_SWITCHED);
	}
	if (status == CTL_EXIT_OK && r->m.step == MOVE_SWITCHED)
		status = settle_move(r);
	return status;
}

/* For the way back: SFTP shows no hard links. A missing list was taken before a power cut. */
static void keep_links(const struct move_run *r)
{
	struct move_tree list;
	errint_t err = move_tree_load(r->list, &list);

	if (!err && list.links)
		(void)rename(r->list, r->links);
	else if (!err)
		(void)unlink(r->links);
	move_tree_release(&list);
}

/* Only the hard links of a move to a backend stay. */
static int forget_move(struct move_run *r, bool given_up)
{
	errint_t err;

	if (!given_up && !move_to_local(r))
		keep_links(r);
	else if (!given_up)
		(void)unlink(r->links);
	(void)unlink(r->list);
	err = unlink(r->file) < 0 && errno != ENOENT ? -errno : move_sync_directory_of(r->file);
	if (err)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: %s. Repeat this", r->file, strerror(-err));
	r->exists = false;
	return CTL_EXIT_OK;
}

static errint_t remove_tree(const struct move_run *r, const char *tier, const char *path, const char *name)
{
	char directory[CONFIG_PATH_MAX];
	const char *own;
	CLEANUP_FD int root = move_open_tier(r->config, tier);
	CLEANUP_FD int dir = -1;
	int rc;

	if (root < 0)
		return root;
	move_split(path, directory, &own);
	dir = move_open_below(root, directory, false);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	rc = move_remove(dir, name ? name : own, r->lock);
	sync_names(dir);
	return rc > 0 ? -EIO : rc;
}

/* The old copy may go only while everybody sees the new one. */
static int check_discard(struct move_run *r)
{
	char absolute[CTL_ABSOLUTE_MAX];
	int changed;

	if (move_is_switched(r) != 1 || !is_live(r))
		return ctl_fail(
		    CTL_EXIT_REFUSED,
		    "%s does not lead to the copy on %s now: nothing is removed. See guardctl tiers and "
		    "guardctl status",
		    r->hot, r->m.to.tier);
	if (r->m.step == MOVE_DISCARDING)
		return CTL_EXIT_OK;
	changed = old_changed(r, r->m.old, true);
	if (changed == 0)
		return CTL_EXIT_OK;
	if (changed < 0)
		return CTL_EXIT_REFUSED;
	move_absolute(r->config, r->m.from.tier, r->m.old, absolute, sizeof(absolute));
	return ctl_fail(
	    CTL_EXIT_REFUSED,
	    "the old copy is not what was compared: nothing is removed. Take over what %s lacks, then "
	    "remove it by hand and repeat this: rm -r %s",
	    r->hot, absolute);
}

int move_discard(struct move_run *r)
{
	CLEANUP_FD int fd = move_open_directory(r, r->m.from.tier, r->m.old, false);
	int status;
	errint_t err;

	if (r->m.step != MOVE_DONE && r->m.step != MOVE_DISCARDING)
		return ctl_fail(CTL_EXIT_REFUSED,
				"the move of %s is not finished (%s). Repeat it first: guardctl tier "
				"move %s --to %s",
				r->hot, move_step_name(r->m.step), r->m.job, r->m.to.tier);
	if (fd == -ENOENT)
		return forget_move(r, false);
	status = check_discard(r);
	if (status == CTL_EXIT_OK)
		status = move_enter(r, MOVE_DISCARDING);
	if (status != CTL_EXIT_OK)
		return status;
	err = remove_tree(r, r->m.from.tier, r->m.old, NULL);
	move_point("discarded");
	if (err)
		return ctl_fail(CTL_EXIT_REFUSED,
				"the old copy on %s is not all removed: %s. Repeat this; %s is whole on %s",
				r->m.from.tier, strerror(-err), r->hot, r->m.to.tier);
	return forget_move(r, false);
}

int move_abort(struct move_run *r)
{
	char staging[MOVE_STAGING_SIZE];
	int status = find_position(r);
	errint_t err;

	if (status != CTL_EXIT_OK)
		return status;
	if (r->m.step != MOVE_COPYING && r->m.step != MOVE_ABORTING)
		return ctl_fail(
		    CTL_EXIT_REFUSED,
		    "%s leads to %s already: it cannot be given up. Repeat the move to finish it; then it "
		    "can be moved back",
		    r->hot, r->m.to.tier);
	status = move_enter(r, MOVE_ABORTING);
	if (status != CTL_EXIT_OK)
		return status;
	move_staging_name(r, staging);
	err = remove_tree(r, r->m.to.tier, r->m.to.path, staging);
	if (err)
		return ctl_fail(CTL_EXIT_REFUSED,
				"the copy on %s is not all removed: %s. Repeat this; %s is whole on %s",
				r->m.to.tier, strerror(-err), r->hot, r->m.from.tier);
	return forget_move(r, true);
}
