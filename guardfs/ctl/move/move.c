/* guardctl tier move: command line and answers. */
#include "ctl/move/move.h"
#include "ctl/manifest/manifest.h"
#include "ctl/show.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_MS 5000u /* children of a killed one notice at their next write */
#define POLL_MS 50

struct copies {
	char source[CTL_ABSOLUTE_MAX], copy[CTL_ABSOLUTE_MAX];
	bool source_whole, copy_whole;
	const char *leads_to;
};

/* Between two steps a copy may have its old name or its new one. */
static const char *name_of(const struct move_run *r, const char *tier, const char *after, const char *before)
{
	return move_exists(r->config, tier, after) == 1 ? after : before;
}

static void find_copies(const struct move_run *r, struct copies *c)
{
	char staging[CONFIG_PATH_MAX + MOVE_STAGING_SIZE];
	bool switched = r->m.step == MOVE_SWITCHED || r->m.step == MOVE_DONE || r->m.step == MOVE_DISCARDING;

	if (r->m.step == MOVE_PLACING)
		switched = move_is_switched(r) > 0;
	if (move_staging_path(r, staging, sizeof(staging)))
		staging[0] = '\0'; /* such a move was refused before it began */
	move_absolute(r->config, r->m.from.tier,
		      switched ? name_of(r, r->m.from.tier, r->m.old, r->m.from.path) : r->m.from.path,
		      c->source, sizeof(c->source));
	move_absolute(r->config, r->m.to.tier,
		      switched ? r->m.to.path : name_of(r, r->m.to.tier, staging, r->m.to.path), c->copy,
		      sizeof(c->copy));
	c->source_whole = r->m.step != MOVE_DISCARDING;
	c->copy_whole = switched || r->m.step == MOVE_PLACING;
	c->leads_to = switched ? r->m.to.tier : r->m.from.tier;
}

static int print_json(const struct move_run *r)
{
	struct copies c;
	json_t *answer;
	int status;

	if (!r->exists)
		answer = json_pack("{s:o, s:n}", "job", ctl_json_string(r->m.job), "step");
	else {
		find_copies(r, &c);
		answer = json_pack(
		    "{s:o, s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:I, s:{s:o, s:b}, s:{s:o, s:b}}", "job",
		    ctl_json_string(r->m.job), "step", move_step_name(r->m.step), "from", r->m.from.tier,
		    "to", r->m.to.tier, "leads_to", c.leads_to, "files", (json_int_t)r->m.files, "bytes",
		    (json_int_t)r->m.bytes, "changed_late", r->m.late, "started", (json_int_t)r->m.started,
		    "old", "path", ctl_json_string(c.source), "whole", c.source_whole, "new", "path",
		    ctl_json_string(c.copy), "whole", c.copy_whole);
	}
	status = answer ? ctl_print_json(answer) : ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	json_decref(answer);
	return status;
}

static const char *next_of(enum move_step step)
{
	static const char *const next[MOVE_STEP_COUNT] = {
	    [MOVE_COPYING] = "repeat it with --to to go on, or give it up with --abort",
	    [MOVE_PLACING] = "repeat it with --to to go on",
	    [MOVE_SWITCHED] = "repeat it with --to to finish it",
	    [MOVE_DONE] = "finished; --discard-old removes the old copy",
	    [MOVE_DISCARDING] = "repeat --discard-old to go on",
	    [MOVE_ABORTING] = "repeat --abort to go on",
	};

	return next[step];
}

static int print_state(const struct move_run *r)
{
	struct copies c;

	if (r->options->json)
		return print_json(r);
	if (!r->exists) {
		printf("%s: no move is under way, and no old copy is kept\n", r->hot);
		return CTL_EXIT_OK;
	}
	find_copies(r, &c);
	printf("%s: from %s to %s: %s. It leads to %s\n", r->hot, r->m.from.tier, r->m.to.tier,
	       move_step_name(r->m.step), c.leads_to);
	printf("  old: %-9s %s\n  new: %-9s %s\n", c.source_whole ? "whole" : "not whole", c.source,
	       c.copy_whole ? "whole" : "not whole", c.copy);
	if (r->m.late)
		puts("  the old copy was changed after it had been compared: see which files before it is "
		     "removed");
	printf("  next: %s\n", next_of(r->m.step));
	return CTL_EXIT_OK;
}

static int print_done(const struct move_run *r, uint64_t began_ns)
{
	struct copies c;

	if (r->options->json)
		(void)print_json(r);
	else {
		find_copies(r, &c);
		printf("%s is on %s: %llu files, ", r->hot, r->m.to.tier, (unsigned long long)r->m.files);
		show_bytes(stdout, r->m.bytes);
		fputs(", verified by SHA-256, ", stdout);
		show_span(stdout, (double)((clock_mono_ns() - began_ns) / NSEC_PER_MSEC) / 1000);
		printf("\nthe old copy is kept at %s until guardctl tier move %s --discard-old\n", c.source,
		       r->m.job);
	}
	return r->m.late ? CTL_EXIT_REFUSED : CTL_EXIT_OK;
}

static int take_options(struct move_run *r)
{
	const struct ctl_options *o = r->options;

	if (!!o->to + o->abort + o->discard_old > 1)
		return ctl_fail(CTL_EXIT_USAGE, "give one of --to, --abort and --discard-old");
	if ((o->rate || o->dry_run) && !o->to)
		return ctl_fail(CTL_EXIT_USAGE, "--bwlimit and --dry-run go with --to TIER");
	if (o->rate && parse_rate(o->rate, &r->rate))
		return ctl_fail(CTL_EXIT_USAGE,
				"--bwlimit: \"%s\" is no rate: 500K, 10M, 1G (bytes a second)", o->rate);
	return CTL_EXIT_OK;
}

static int show_plan(struct move_run *r)
{
	char cold[CTL_ABSOLUTE_MAX], source[CTL_ABSOLUTE_MAX], copy[CTL_ABSOLUTE_MAX];

	move_absolute(r->config, r->m.from.tier, r->m.from.path, source, sizeof(source));
	move_absolute(r->config, r->m.to.tier, r->m.to.path, copy, sizeof(copy));
	printf("%s would be copied from %s (%s)\nto %s (%s), compared, and then led there:\n", r->hot,
	       r->m.from.tier, source, r->m.to.tier, copy);
	return manifest_switch(r->instance, r->options, r->config, move_cold(r, cold, sizeof(cold)), r->hot,
			       MANIFEST_SWITCH_SHOW);
}

/* Does --to name the destination of the begun move? */
static bool is_same_goal(const struct move_run *r)
{
	size_t n = strlen(r->m.to.tier);
	const char *to = r->options->to;

	return strncmp(to, r->m.to.tier, n) == 0 &&
	       (to[n] == '\0' ||
		(to[n] == ':' && strcmp(to + n + 1 + (to[n + 1] == '/'), r->m.to.path) == 0));
}

static int check_goal(const struct move_run *r)
{
	if (!is_same_goal(r) && r->m.step != MOVE_DONE)
		return ctl_fail(
		    CTL_EXIT_REFUSED,
		    "a move of %s to %s:%s is under way (%s). Finish it, or give it up with --abort", r->hot,
		    r->m.to.tier, r->m.to.path, move_step_name(r->m.step));
	if (r->m.step == MOVE_DISCARDING || r->m.step == MOVE_ABORTING)
		return ctl_fail(CTL_EXIT_REFUSED, "a copy of %s is being removed (%s): %s", r->hot,
				move_step_name(r->m.step), next_of(r->m.step));
	if (!is_same_goal(r))
		return ctl_fail(CTL_EXIT_REFUSED,
				"the old copy of the move before is still kept on %s. guardctl tier move %s "
				"--discard-old "
				"removes it; then repeat this",
				r->m.from.tier, r->m.job);
	return CTL_EXIT_OK;
}

static int begin_move(struct move_run *r)
{
	char cold[CTL_ABSOLUTE_MAX];
	int status = move_plan(r);

	if (status != CTL_EXIT_OK || r->options->dry_run)
		return status == CTL_EXIT_OK ? show_plan(r) : status;
	status = manifest_switch(r->instance, r->options, r->config, move_cold(r, cold, sizeof(cold)), r->hot,
				 MANIFEST_SWITCH_CHECK);
	r->m.started = (int64_t)(clock_real_ns() / NSEC_PER_SEC);
	return status == CTL_EXIT_OK ? move_enter(r, MOVE_COPYING) : status;
}

static int go_on(struct move_run *r)
{
	uint64_t began_ns = clock_mono_ns();
	int status = r->exists ? check_goal(r) : begin_move(r);

	if (status != CTL_EXIT_OK || r->options->dry_run)
		return status == CTL_EXIT_OK && r->exists ? print_state(r) : status;
	if (r->m.step == MOVE_DONE)
		return print_state(r);
	status = move_carry_out(r);
	return status == CTL_EXIT_OK ? print_done(r, began_ns) : status;
}

static int act_on_job(struct move_run *r)
{
	int status;

	if (r->options->to)
		return go_on(r);
	if (!r->options->abort && !r->options->discard_old)
		return print_state(r);
	if (!r->exists)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: no move is under way, and no old copy is kept",
				r->hot);
	status = r->options->abort ? move_abort(r) : move_discard(r);
	if (status == CTL_EXIT_OK && r->options->json)
		return print_json(r);
	if (status == CTL_EXIT_OK)
		printf("%s: %s\n", r->hot,
		       r->options->abort ? "given up; what had been copied is removed"
					 : "the old copy is removed");
	return status;
}

/* As a path in the mount. */
static int take_job(struct move_run *r, const char *job)
{
	const char *mountpoint = r->config->mountpoint;
	size_t n = strlen(mountpoint);
	int status = CTL_EXIT_OK;

	if (ctl_path_absolute(mountpoint, job, r->hot, sizeof(r->hot)) || strlen(r->hot) >= CONFIG_PATH_MAX)
		return ctl_fail(CTL_EXIT_USAGE, "JOB: no path, or too long");
	if (strncmp(r->hot, mountpoint, n) != 0 || r->hot[n] != '/')
		return ctl_fail(CTL_EXIT_USAGE, "%s does not lie below %s", r->hot, mountpoint);
	status = manifest_check_field("JOB", r->hot);
	if (status != CTL_EXIT_OK)
		return status;
	(void)copy_string(r->m.job, sizeof(r->m.job), r->hot + n + 1);
	if (!tiermap_path_is_valid(r->m.job) || strncmp(r->m.job, ".guardfs", 8) == 0)
		return ctl_fail(CTL_EXIT_USAGE, "%s is no job", r->hot);
	move_id(r->m.job, r->id);
	return CTL_EXIT_OK;
}

static int name_files(struct move_run *r)
{
	const char *dir = r->config->state_dir;

	if (snprintf(r->file, sizeof(r->file), "%s/moves/%s", dir, r->id) >= (int)sizeof(r->file) ||
	    snprintf(r->list, sizeof(r->list), "%s/moves/%s.list", dir, r->id) >= (int)sizeof(r->list) ||
	    snprintf(r->links, sizeof(r->links), "%s/moves/%s.links", dir, r->id) >= (int)sizeof(r->links))
		return ctl_fail(CTL_EXIT_REFUSED, "%s: the path is too long", dir);
	return CTL_EXIT_OK;
}

static int lock_job(struct move_run *r)
{
	char path[CONFIG_PATH_MAX + 8];
	uint64_t end = clock_mono_ns() + LOCK_MS * NSEC_PER_MSEC;
	errint_t err;

	snprintf(path, sizeof(path), "%s/moves", r->config->state_dir);
	err = fd_mkdir_parents(path, 0700);
	snprintf(path, sizeof(path), "%s.lock", r->file);
	if (!err)
		r->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (err || r->lock < 0)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: %s. Be root", path, strerror(err ? -err : errno));
	while (flock(r->lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || clock_mono_ns() > end)
			return ctl_fail(CTL_EXIT_REFUSED,
					"%s: another guardctl, or an rsync of it, is at work on it", r->hot);
		(void)poll(NULL, 0, POLL_MS);
	}
	fd_remove_leftovers(r->file, true);
	fd_remove_leftovers(r->list, true);
	fd_remove_leftovers(r->links, true);
	return CTL_EXIT_OK;
}

static int load_journal(struct move_run *r)
{
	struct move *m = calloc(1, sizeof(*m));
	errint_t err = m ? move_load(r->file, m) : -ENOMEM;

	if (!err && (strcmp(m->job, r->m.job) != 0 ||
		     config_find_backend(r->config, strcmp(m->to.tier, MOVE_LOCAL) == 0 ? m->from.tier
											: m->to.tier) < 0))
		err = -EINVAL;
	if (!err)
		r->m = *m;
	r->exists = !err;
	free(m);
	if (!err || err == -ENOENT)
		return CTL_EXIT_OK;
	return ctl_fail(CTL_EXIT_REFUSED,
			"%s: %s: it does not say how far the move of %s has come. Nothing is touched. "
			"guardctl tiers says "
			"where it leads; docs/TIERMOVE.md where the copies are",
			r->file, err == -EINVAL ? "damaged, or of another configuration" : strerror(-err),
			r->hot);
}

static int run_move(struct move_run *r, const char *job)
{
	/* Looking needs no lock. */
	bool looks = !r->options->to && !r->options->abort && !r->options->discard_old;
	int status = take_options(r);

	if (status == CTL_EXIT_OK)
		status = take_job(r, job);
	if (status == CTL_EXIT_OK)
		status = name_files(r);
	if (status == CTL_EXIT_OK && !looks && !r->options->dry_run)
		status = lock_job(r);
	if (status == CTL_EXIT_OK)
		status = load_journal(r);
	return status == CTL_EXIT_OK ? act_on_job(r) : status;
}

int ctl_tier_move(const struct ctl_options *options, const char *job)
{
	CLEANUP_FREE struct move_run *r = calloc(1, sizeof(*r));
	CLEANUP_FREE struct config *config = calloc(1, sizeof(*config));
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX], error[CONFIG_ERROR_MAX] = "";
	int status;

	if (!r || !config)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	status = ctl_instance_open(&instance, options, ctl_run_root, message);
	if (status)
		ctl_fail(status, "%s", message);
	else if (config_load(options->config ? options->config : ctl_text(instance.status, "config"), config,
			     error))
		status = ctl_fail(CTL_EXIT_REFUSED, "%s", error);
	else {
		*r = (struct move_run){
		    .options = options, .instance = &instance, .config = config, .lock = -1};
		status = run_move(r, job);
		cleanup_fd(&r->lock);
	}
	ctl_instance_release(&instance);
	return status;
}
