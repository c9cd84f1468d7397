/* The tier map: manifest, pattern-made routes, and the routes' states on the board. */
#include "keeper/internal.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define MANIFEST_MAX (1u << 20)
#define ROUTES_MAX   (8u << 20) /* TIERMAP_ROUTES_MAX lines of two escaped paths */
/* Editors and shells empty a file before writing it. A half-written manifest lacks routes, whose paths would land
 * on the local disk: it is read when unchanged for so long, or on order. */
#define SETTLE_NS (900 * NSEC_PER_MSEC) /* the next tick but one */
/* So long the first map waits for what this machine's trouble keeps from being read. */
#define FIRST_MAP_TRIES 10 /* ticks */

enum manifest_state { MANIFEST_BAD = 0, MANIFEST_GOOD = 1, MANIFEST_NONE = 2 };

/* At most limit bytes; *text is the caller's. */
static ssize_t read_text(const char *path, size_t limit, char **text)
{
	CLEANUP_FILE FILE *f = fopen(path, "re");
	struct stat st;
	size_t n;

	*text = NULL;
	if (!f || fstat(fileno(f), &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (size_t)st.st_size > limit)
		return -EFBIG;
	*text = malloc((size_t)st.st_size + 1);
	if (!*text)
		return -ENOMEM;
	n = fread(*text, 1, (size_t)st.st_size, f);
	(*text)[n] = '\0';
	return ferror(f) ? -EIO : (ssize_t)n;
}

/* Trouble of this machine, not of the file, which is read again. */
static bool is_passing(errint_t rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM || rc == -EAGAIN || rc == -EINTR || rc == -EIO;
}

static struct manifest_stamp stamp_manifest(const struct keeper *k)
{
	struct manifest_stamp stamp = {0};
	struct stat st;

	if (!k->config->manifest[0])
		return stamp;
	if (stat(k->config->manifest, &st) < 0) {
		stamp.error = errno;
		return stamp;
	}
	stamp.mtime_ns = (uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	stamp.size = (uint64_t)st.st_size;
	stamp.ino = st.st_ino;
	return stamp;
}

static bool same_stamp(const struct manifest_stamp *a, const struct manifest_stamp *b)
{
	return a->mtime_ns == b->mtime_ns && a->size == b->size && a->ino == b->ino && a->error == b->error;
}

static bool is_settled(struct keeper *k, const struct manifest_stamp *now)
{
	uint64_t now_ns = clock_mono_ns();

	if (!same_stamp(now, &k->manifest_seen)) {
		k->manifest_seen = *now;
		k->manifest_seen_ns = now_ns;
	}
	return now_ns - k->manifest_seen_ns >= SETTLE_NS;
}

struct text {
	char *text;
	size_t n;
};

/* On error map holds the good lines. */
static errint_t read_manifest(const struct keeper *k, const char *path, struct text *read,
			      struct tiermap *map, char *error)
{
	ssize_t n;

	map->n_routes = 0;
	error[0] = '\0';
	n = read_text(path, MANIFEST_MAX, &read->text);
	read->n = (size_t)MAX(n, 0);
	if (n < 0) {
		snprintf(error, CONFIG_ERROR_MAX, "%.300s: %s", path, strerror((int)-n));
		return (errint_t)n;
	}
	return tiermap_parse_manifest(k->config, path, read->text, read->n, map, error);
}

static errint_t state_path(const struct keeper *k, char *path, size_t size, const char *name)
{
	int n = snprintf(path, size, "%s/%s", k->config->state_dir, name);

	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

/* ---- the last good manifest ---- */

#define LAST_GOOD "manifest.good"

/* A bad manifest is often noticed only at the next boot. */
static void keep_good(const struct keeper *k, const struct text *good)
{
	char path[CONFIG_PATH_MAX + 32];
	CLEANUP_FREE char *kept = NULL;
	errint_t rc = state_path(k, path, sizeof(path), LAST_GOOD);

	if (rc == 0 && read_text(path, MANIFEST_MAX, &kept) == (ssize_t)good->n &&
	    memcmp(kept, good->text, good->n) == 0)
		return;
	if (rc == 0)
		rc = fd_write_atomic(path, good->text, good->n, 0600, true);
	if (rc < 0)
		log_warning("manifest: writing %s: %s", path, strerror(-rc));
}

/* For a start with a bad manifest. fresh: the last good one; else false, and the good lines. */
static bool recall_good(const struct keeper *k, struct tiermap *fresh)
{
	CLEANUP_FREE struct tiermap *good = calloc(1, sizeof(*good));
	char path[CONFIG_PATH_MAX + 32], error[CONFIG_ERROR_MAX];
	struct text read = {NULL, 0};
	bool known = good && state_path(k, path, sizeof(path), LAST_GOOD) == 0 &&
		     read_manifest(k, path, &read, good, error) == 0;

	if (known) {
		memcpy(fresh, good, sizeof(*fresh));
		log_warning("manifest: the last good one is used, %s", path);
	}
	free(read.text);
	return known;
}

/* Of former lives. An unreadable file is put aside: its routes are found again at connect. */
static void parse_routes_file(const struct keeper *k, const char *text, ssize_t n, struct tiermap *map)
{
	char path[CONFIG_PATH_MAX + 32], aside[CONFIG_PATH_MAX + 32], error[CONFIG_ERROR_MAX] = "";
	uint32_t skipped = 0;

	if (n == -ENOENT)
		return;
	if (state_path(k, path, sizeof(path), "routes") < 0 ||
	    state_path(k, aside, sizeof(aside), "routes.bad") < 0)
		n = -ENAMETOOLONG;
	if (n >= 0)
		n = tiermap_parse_routes(k->config, path, text, (size_t)n, map, &skipped, error);
	if (n < 0) {
		log_error("routes: %s; %s is kept as %s", error[0] ? error : strerror((int)-n), path, aside);
		if (rename(path, aside) < 0)
			log_error("routes: renaming %s: %s", path, strerror(errno));
	}
	if (skipped)
		log_warning("routes: %u routes in %s conflict with the manifest and are left out", skipped,
			    path);
}

static ssize_t read_routes_file(const struct keeper *k, char **text)
{
	char path[CONFIG_PATH_MAX + 32];

	return state_path(k, path, sizeof(path), "routes") < 0 ? -ENAMETOOLONG
							       : read_text(path, ROUTES_MAX, text);
}

/* Pattern-made routes, as room allows; all if there is no new manifest. */
static void carry_over(const struct tiermap *from, struct tiermap *to, bool all)
{
	for (uint32_t i = 0; i < from->n_routes; i++) {
		const struct route *r = &from->routes[i];
		errint_t rc = all || r->origin == ROUTE_PATTERN ? tiermap_add(to, r) : 0;

		if (rc < 0 && rc != -EEXIST)
			log_warning("routes: %s is left out: %s", r->path,
				    rc == -EBUSY ? "it conflicts with the manifest" : strerror(-rc));
	}
}

/* Under the map's lock: no route of worker's is lost. Of the routes file n bytes, or why it was not read. */
static void publish_map(struct keeper *k, struct tiermap *fresh, const char *routes, ssize_t n,
			const char *error)
{
	struct board *board = k->board;
	bool bad = error[0] != '\0';
	struct tiermap *map = board_map_begin(board);

	carry_over(map, fresh, bad);
	if (!k->routes_loaded)
		parse_routes_file(k, routes, n, fresh);
	k->routes_loaded = true;
	map->n_routes = fresh->n_routes;
	memcpy(map->routes, fresh->routes, fresh->n_routes * sizeof(fresh->routes[0]));
	(void)copy_string(board->manifest_error, sizeof(board->manifest_error), error);
	atomic_store(&board->manifest_ok, !k->config->manifest[0] ? MANIFEST_NONE
					  : bad			  ? MANIFEST_BAD
								  : MANIFEST_GOOD);
	board_map_commit(board);
}

/* May the first map wait a tick? Without it worker serves nothing. */
static bool map_can_wait(struct keeper *k)
{
	return !atomic_load(&k->board->map_loaded) && ++k->map_tries < FIRST_MAP_TRIES;
}

/* False: changed during the read, or to be read again, which the next tick does. */
static bool load_manifest(struct keeper *k, struct tiermap *fresh, char *error)
{
	struct manifest_stamp after;
	struct text read = {NULL, 0};
	bool known = true;
	errint_t err;

	k->manifest = stamp_manifest(k);
	err = read_manifest(k, k->config->manifest, &read, fresh, error);
	after = stamp_manifest(k);
	if (k->routes_loaded && !same_stamp(&after, &k->manifest)) {
		free(read.text);
		return false;
	}
	if (is_passing(err))
		k->manifest = (struct manifest_stamp){.error = -err}; /* no stamp that the file has */
	if (err == 0) {
		keep_good(k, &read);
	} else if (atomic_load(&k->board->map_loaded)) {
		log_error("manifest: %s; the last good map stays in use", error);
		fresh->n_routes = 0;
	} else {
		log_error("manifest: %s", error);
		known = recall_good(k, fresh);
	}
	free(read.text);
	if (!known && is_passing(err) && map_can_wait(k))
		return false;
	if (!known)
		log_error("manifest: no good one is known; %u of its lines are used", fresh->n_routes);
	return true;
}

void routes_load(struct keeper *k)
{
	CLEANUP_FREE struct tiermap *fresh = calloc(1, sizeof(*fresh));
	CLEANUP_FREE char *routes = NULL;
	char error[CONFIG_ERROR_MAX] = "";
	ssize_t n = 0;

	if (!fresh) {
		k->manifest = (struct manifest_stamp){.error = ENOMEM};
		return;
	}
	if (k->config->manifest[0] && !load_manifest(k, fresh, error))
		return;
	if (!k->routes_loaded)
		n = read_routes_file(k, &routes);
	if (n < 0 && is_passing((errint_t)n) && map_can_wait(k)) {
		log_error("routes: STATE_DIR/routes: %s", strerror((int)-n));
		return;
	}
	publish_map(k, fresh, routes, n, error);
	atomic_store(&k->board->map_loaded, 1);
	log_info("tier map: %u routes%s", fresh->n_routes, error[0] ? " (manifest not read)" : "");
	routes_refresh(k);
	for (unsigned i = 0; i < k->n_backends; i++)
		atomic_store(&k->board->backends[i].suspect, 1); /* new targets are probed soon */
	k->changed = true;
}

static void save_routes(struct keeper *k)
{
	CLEANUP_FREE struct tiermap *map = malloc(sizeof(*map));
	char path[CONFIG_PATH_MAX + 32];
	CLEANUP_FREE char *text = NULL;
	uint64_t hash;
	size_t n = 0;
	errint_t rc;

	if (!map)
		return;
	board_copy_map(k->board, map);
	rc = tiermap_format_routes(k->config, map, &text, &n);
	hash = rc == 0 ? hash_bytes(1, text, n) : 0;
	if (rc < 0 || hash == k->routes_hash || (n == 0 && k->routes_hash == 0))
		return;
	rc = state_path(k, path, sizeof(path), "routes");
	if (rc == 0)
		rc = fd_write_atomic(path, text, n, 0600, true);
	if (rc == 0)
		k->routes_hash = hash;
	else
		log_error("routes: writing %s: %s", path, strerror(-rc));
}

void routes_tick(struct keeper *k)
{
	uint32_t reloads = atomic_load(&k->board->requests.reload);
	struct manifest_stamp now = stamp_manifest(k);
	uint32_t generation;

	if (reloads != k->reloads_seen || !atomic_load(&k->board->map_loaded) ||
	    (!same_stamp(&now, &k->manifest) && is_settled(k, &now))) {
		k->reloads_seen = reloads;
		routes_load(k);
	}
	generation = atomic_load(&k->board->map_generation);
	if (generation != k->map_generation_seen) {
		k->map_generation_seen = generation;
		k->changed = true;
		if (k->routes_loaded) /* else those of former lives would be lost */
			save_routes(k);
	}
	routes_refresh(k);
}

void routes_found(struct keeper *k, unsigned backend, const char *path)
{
	struct tiermap *map;
	struct route route;
	errint_t rc;

	if (!tiermap_path_is_valid(path) || !tiermap_match_pattern(k->config, path, &route) ||
	    route.backend != backend)
		return;
	if (tiermap_find_exact(&k->board->map, path)) /* without a lock: only keeper removes routes */
		return;
	map = board_map_begin(k->board);
	rc = tiermap_add(map, &route);
	board_map_commit(k->board);
	if (rc == 0)
		log_info("routes: found %s on backend %s", path, k->config->backends[backend].name);
	else if (rc != -EEXIST)
		log_warning("routes: %s on backend %s cannot be routed: %s", path,
			    k->config->backends[backend].name,
			    rc == -EBUSY ? "it conflicts with another route" : strerror(-rc));
}

static void set_route(struct keeper *k, uint32_t index, enum health_state state, enum errclass class,
		      int error)
{
	struct board_route *r = &k->board->routes[index];

	if (atomic_load(&r->state) == (uint32_t)state && atomic_load(&r->errclass) == (uint32_t) class &&
	    atomic_load(&r->error) == (uint32_t)error)
		return;
	atomic_store(&r->errclass, (uint32_t) class);
	atomic_store(&r->error, (uint32_t)error);
	atomic_store(&r->since_real_ns, clock_real_ns());
	atomic_store(&r->state, (uint32_t)state);
	k->changed = true;
}

/* No lock: the next tick repairs states that a change shuffles. */
void routes_refresh(struct keeper *k)
{
	uint32_t n = MIN(k->board->map.n_routes, (uint32_t)TIERMAP_ROUTES_MAX);

	for (uint32_t i = 0; i < n; i++) {
		uint8_t b = k->board->map.routes[i].backend;
		bool missing = atomic_load(&k->board->routes[i].errclass) == ERRCLASS_PATH_MISSING;

		if (b >= k->n_backends)
			continue;
		if (!health_serves(k->backends[b].course.state))
			set_route(k, i, k->backends[b].course.state, k->backends[b].course.class,
				  k->config->error);
		else if (!missing)
			set_route(k, i, k->backends[b].course.state, k->backends[b].course.class, 0);
	}
}

void routes_result(struct keeper *k, const struct probe_report *r, unsigned backend)
{
	struct supervised *s = &k->backends[backend];

	if (r->generation != atomic_load(&k->board->map_generation) || r->index >= k->board->map.n_routes ||
	    k->board->map.routes[r->index].backend != backend)
		return; /* the next probe knows */
	if (r->error == 0)
		set_route(k, r->index, s->serving ? s->course.state : HEALTH_HEALTHY,
			  s->serving ? s->course.class : ERRCLASS_NONE, 0);
	else if (r->errclass == ERRCLASS_PATH_MISSING)
		set_route(k, r->index, HEALTH_DOWN, ERRCLASS_PATH_MISSING, r->error);
}
