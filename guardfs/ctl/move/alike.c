/* Copies until both are proven alike. */
#include "ctl/move/move.h"
#include "sshfs-compat/sshfs-compat.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROUNDS_MAX 3

static int refuse_source(const struct move_run *r, const char *what, errint_t err)
{
	int status = move_refuse_entry(r, what, err);

	return status == CTL_EXIT_OK ? move_stay(r, r->m.from.tier, what, err) : status;
}

/* Room for the missing bytes, and a twentieth more. */
static int check_room(const struct move_run *r, int dir, uint64_t needed, uint64_t there)
{
	uint64_t missing = needed > there ? needed - there : 0, free_bytes;
	struct statvfs fs;

	missing += missing / 20;
	if (fstatvfs(dir, &fs) < 0)
		return move_stay(r, r->m.to.tier, "", -errno);
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	/* Some servers do not say. */
	if (fs.f_blocks == 0 || free_bytes >= missing)
		return CTL_EXIT_OK;
	return ctl_fail(CTL_EXIT_REFUSED,
			"%s has %llu MiB free, %llu MiB are needed for %s. Make room there, then repeat this",
			r->m.to.tier, (unsigned long long)free_bytes >> 20, (unsigned long long)missing >> 20,
			r->hot);
}

/* A backend's line is shared with others; the local disk is fast enough. */
static uint64_t rate_of(const struct move_run *r, const char *tier)
{
	return strcmp(tier, MOVE_LOCAL) == 0 ? 0 : r->rate;
}

static void warn_of_attributes(const struct move_run *r, int dir, const struct move_tree *tree)
{
	size_t n = move_tree_count_attributes(dir, tree);

	if (n)
		fprintf(stderr,
			"guardctl: %zu files or directories in %s have extended attributes or ACLs, which "
			"are not "
			"copied. The old copy has them until --discard-old\n",
			n, r->hot);
}

/* Warns if the copy is compared from memory, not from the server. */
static void warn_of_memory(const struct move_run *r)
{
	int backend = config_find_backend(r->config, r->m.to.tier);

	if (backend >= 0 && sshfs_keeps_pages(&r->config->backends[backend]))
		fprintf(stderr,
			"guardctl: sshfs_options of %s keep what is written in memory: the copy is compared "
			"as this "
			"machine remembers it, which need not be what the server has. Before --discard-old: "
			"guardctl "
			"reconnect %s, then diff -r of both copies\n",
			r->m.to.tier, r->m.to.tier);
}

static int check_before(const struct move_run *r, const struct move_ends *e)
{
	struct move_tree source, staged;
	char what[MOVE_NAME_MAX];
	errint_t err = move_tree_read(e->from, true, &source, what);
	int status = err ? refuse_source(r, what, err) : CTL_EXIT_OK;

	memset(&staged, 0, sizeof(staged));
	if (status == CTL_EXIT_OK && e->staging >= 0) {
		err = move_tree_read(e->staging, true, &staged, what);
		status = err ? move_stay(r, r->m.to.tier, what, err) : CTL_EXIT_OK;
	}
	if (status == CTL_EXIT_OK)
		status = check_room(r, e->parent, source.disk, staged.disk);
	if (status == CTL_EXIT_OK) {
		warn_of_attributes(r, e->from, &source);
		warn_of_memory(r);
	}
	move_tree_release(&source);
	move_tree_release(&staged);
	return status;
}

static int copy_once(const struct move_run *r, const struct move_ends *e)
{
	struct move_copy job = {.from = e->from,
				.to = e->staging,
				.lock = r->lock,
				.rate = r->rate,
				.owner = move_has_owner(r),
				.sync_each = !move_to_local(r)};
	int rc = move_copy_run(&job);

	if (rc == -ENOENT)
		return ctl_fail(CTL_EXIT_REFUSED, "there is no rsync here. Install it, then repeat this");
	if (rc < 0)
		return move_stay(r, "rsync", "", rc);
	/* 24: files vanished. The comparison tells. */
	if (rc != 0 && rc != 24)
		return ctl_fail(
		    CTL_EXIT_REFUSED,
		    "rsync ended with %d before all was copied. Nothing was switched: %s is whole on %s. "
		    "guardctl status says how the tiers are; repeat this to go on, or give it up with "
		    "--abort",
		    rc, r->hot, r->m.from.tier);
	if (move_to_local(r) && syncfs(e->staging) < 0)
		return move_stay(r, r->m.to.tier, "sync", -errno);
	move_point("copied");
	return CTL_EXIT_OK;
}

struct trees {
	struct move_tree source, staged, after;
};

/* Removes wrong copies: rsync would take them for done. */
static unsigned remove_wrong(const struct move_run *r, const struct move_ends *e,
			     const struct move_tree *source, const struct move_tree *staged)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < source->n && i < staged->n; i++) {
		const struct move_entry *a = &source->entries[i], *b = &staged->entries[i];

		if (strcmp(a->path, b->path) != 0 || !a->regular || !b->regular ||
		    memcmp(a->hash, b->hash, sizeof(a->hash)) == 0)
			continue;
		wrong++;
		ctl_fail(0, "%s: the copy on %s has other content (SHA-256): copied again", a->path,
			 r->m.to.tier);
		(void)unlinkat(e->staging, b->path, 0);
	}
	return wrong;
}

/* Staging is ours. rsync's rename over a link of the same file does nothing, so old names may stay. */
static unsigned remove_surplus(const struct move_ends *e, const struct move_tree *source,
			       const struct move_tree *staged)
{
	unsigned removed = 0;
	size_t i = 0;

	for (size_t k = 0; k < staged->n; k++) {
		const struct move_entry *own = &staged->entries[k];

		while (i < source->n && strcmp(source->entries[i].path, own->path) < 0)
			i++;
		if (own->attrs[0] != 'd' &&
		    (i == source->n || strcmp(source->entries[i].path, own->path) != 0))
			removed += unlinkat(e->staging, own->path, 0) == 0;
	}
	return removed;
}

/* Lists staging after its surplus is removed. */
static errint_t read_staged(const struct move_run *r, const struct move_ends *e, struct trees *t, char *what)
{
	errint_t err = move_tree_read(e->staging, move_has_owner(r), &t->staged, what);

	if (err || !remove_surplus(e, &t->source, &t->staged))
		return err;
	move_tree_release(&t->staged);
	return move_tree_read(e->staging, move_has_owner(r), &t->staged, what);
}

/* SFTP shows no hard links: remakes those from before the move to the backend. */
static errint_t relink_copy(const struct move_run *r, const struct move_ends *e, struct move_tree *staged,
			    char *what)
{
	struct move_tree old;
	size_t made = 0;
	errint_t err = move_tree_load(r->links, &old);

	if (!err)
		err = move_tree_relink(e->staging, staged, &old, &made, what);
	move_tree_release(&old);
	if (made)
		fprintf(stderr, "guardctl: %zu hard links made again\n", made);
	return err == -ENOENT || err == -EINVAL ? 0 : err;
}

static unsigned what_to_compare(const struct move_run *r, const struct trees *t)
{
	bool links = t->source.links > 0 && (t->staged.links > 0 || move_to_local(r));

	return MOVE_COMPARE_HASH | (links ? MOVE_COMPARE_LINKS : 0);
}

/* 1: alike; 0: copy again; -1: failed, as was said. t->after: the source after it. */
static int compare_copies(const struct move_run *r, const struct move_ends *e, struct trees *t)
{
	bool owner = move_has_owner(r);
	char what[MOVE_NAME_MAX];
	errint_t err = move_tree_read(e->from, owner, &t->source, what);

	if (err)
		return refuse_source(r, what, err), -1;
	err = read_staged(r, e, t, what);
	if (!err && move_tree_differs(&t->source, &t->staged, 0, what)) {
		fprintf(stderr, "guardctl: %s\n", what);
		return 0;
	}
	if (!err)
		err =
		    move_tree_hash(e->staging, &t->staged, rate_of(r, r->m.to.tier), "comparing, copy", what);
	if (!err && move_to_local(r) && t->source.links == 0)
		err = relink_copy(r, e, &t->staged, what);
	if (err)
		return move_stay(r, r->m.to.tier, what, err), -1;
	err = move_tree_hash(e->from, &t->source, rate_of(r, r->m.from.tier), "comparing, original", what);
	if (!err && remove_wrong(r, e, &t->source, &t->staged))
		return 0;
	if (!err && move_tree_differs(&t->source, &t->staged, what_to_compare(r, t), what)) {
		fprintf(stderr, "guardctl: %s\n", what);
		return 0;
	}
	if (!err)
		err = move_tree_read(e->from, owner, &t->after, what);
	if (err)
		return refuse_source(r, what, err), -1;
	return !move_tree_differs(&t->source, &t->after, MOVE_COMPARE_STAMP, what);
}

static int remember_compared(struct move_run *r, const struct trees *t)
{
	errint_t err = move_tree_save(&t->after, r->list);

	r->m.files = t->source.files;
	r->m.bytes = t->source.bytes;
	return err ? move_stay(r, r->list, "", err) : CTL_EXIT_OK;
}

static int copy_round(struct move_run *r, const struct move_ends *e, bool *alike)
{
	struct trees t = {.source = {.n = 0}};
	int status = move_check_writers(r), rc = 0;

	if (status == CTL_EXIT_OK)
		status = copy_once(r, e);
	if (status == CTL_EXIT_OK)
		rc = compare_copies(r, e, &t);
	if (status == CTL_EXIT_OK && rc < 0)
		status = CTL_EXIT_REFUSED;
	*alike = rc > 0;
	if (*alike)
		status = remember_compared(r, &t);
	move_tree_release(&t.source);
	move_tree_release(&t.staged);
	move_tree_release(&t.after);
	return status;
}

int move_copy_until_alike(struct move_run *r)
{
	struct move_ends e;
	errint_t err = move_ends_open(r, &e, true);
	bool alike = false;
	int status = err	  ? move_stay(r, r->m.to.tier, "", err)
		     : e.from < 0 ? move_stay(r, r->m.from.tier, r->m.from.path, e.from)
				  : check_before(r, &e);

	for (unsigned i = 0; status == CTL_EXIT_OK && !alike && i < ROUNDS_MAX; i++)
		status = copy_round(r, &e, &alike);
	move_ends_close(&e);
	if (status == CTL_EXIT_OK && !alike)
		status = ctl_fail(
		    CTL_EXIT_REFUSED,
		    "after %u rounds the copy on %s still is not what %s is: somebody changes it, or "
		    "storage does. Nothing was switched; repeat this, or give it up with --abort",
		    ROUNDS_MAX, r->m.to.tier, r->hot);
	move_point("compared");
	return status == CTL_EXIT_OK ? move_check_writers(r) : status;
}
