/* The worker's copy of the tier map, and a cache of local directories that routes concern. */
#include "fs/tiers.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "fs/node.h"
#include "fs/virtual.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
	/* Of map and generation. */
	pthread_rwlock_t lock;
	struct tiermap map;
	/* Until known to be whole. */
	struct tiermap fresh;
	_Atomic uint32_t generation;
	/* The board's map was torn: not before then. */
	uint64_t retry_ns;
	/* By node index: generation of the node << 32 | node_paths_version << 1 | answer. */
	_Atomic uint64_t *concerns;
} tiers = {.lock = PTHREAD_RWLOCK_INITIALIZER, .generation = UINT32_MAX};

/* Following no symbolic link. */
static void make_local_dir(int root, const char *path)
{
	char buf[CONFIG_PATH_MAX];

	if (copy_string(buf, sizeof(buf), path) < 0)
		return;
	for (char *slash = strchr(buf, '/'); slash; slash = strchr(slash + 1, '/')) {
		char *last;
		int dir = root;

		*slash = '\0';
		last = strrchr(buf, '/');
		if (last) {
			*last = '\0';
			dir = fd_open_beneath(root, buf, O_PATH | O_DIRECTORY | O_CLOEXEC, false);
			*last = '/';
		}
		/* A failure shows when the route is looked up. */
		if (dir >= 0 && mkdirat(dir, last ? last + 1 : buf, 0755) < 0)
			errno = 0;
		if (dir >= 0 && dir != root)
			close(dir);
		*slash = '/';
	}
}

#define TORN_RETRY_NS (100 * NSEC_PER_MSEC)

/* An empty change completes a dead writer's. */
static void mend_map(void)
{
	board_map_begin(fs.board);
	board_map_commit(fs.board);
}

/* A torn copy may lack routes, whose paths would land on the local disk. */
static void take_map(void)
{
	int root = backend_local_root_fd(&fs.local);
	uint32_t generation = board_copy_map(fs.board, &tiers.fresh);

	if (generation & 1) {
		tiers.retry_ns = clock_mono_ns() + TORN_RETRY_NS;
		return;
	}
	for (uint32_t i = 0; i < tiers.fresh.n_routes; i++)
		if (!tiermap_find_exact(&tiers.map, tiers.fresh.routes[i].path))
			make_local_dir(root, tiers.fresh.routes[i].path);
	memcpy(&tiers.map, &tiers.fresh, sizeof(tiers.map));
	atomic_store(&tiers.generation, generation);
	node_paths_changed();
}

static bool is_up_to_date(void)
{
	return atomic_load(&fs.board->map_generation) == atomic_load(&tiers.generation);
}

void tiers_refresh(void)
{
	if (is_up_to_date())
		return;
	pthread_rwlock_wrlock(&tiers.lock);
	if (!tiers.concerns) {
		void *p = mmap(NULL, (size_t)NODE_MAX * sizeof(*tiers.concerns), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		tiers.concerns = p == MAP_FAILED ? NULL : p;
	}
	if (!is_up_to_date() && clock_mono_ns() >= tiers.retry_ns)
		take_map();
	pthread_rwlock_unlock(&tiers.lock);
}

void tiers_init(void)
{
	tiers_refresh();
	if (!is_up_to_date()) {
		mend_map();
		tiers.retry_ns = 0;
		tiers_refresh();
	}
}

static errint_t child_path(uint32_t parent, const char *name, char *path, size_t size)
{
	errint_t rc = node_path_in_tier(parent, false, path, size);
	size_t used;

	if (rc < 0)
		return rc;
	used = strlen(path);
	if (used + strlen(name) + 2 > size)
		return -ENAMETOOLONG;
	if (used)
		path[used++] = '/';
	return copy_string(path + used, size - used, name);
}

static unsigned depth_of(const char *path)
{
	unsigned depth = path[0] ? 1 : 0;

	for (; *path; path++)
		depth += *path == '/';
	return depth;
}

static void found_child(void *arg, const char *name, bool is_route)
{
	(void)name;
	(void)is_route;
	*(bool *)arg = true;
}

static bool compute_concern(uint32_t parent)
{
	char path[CONFIG_PATH_MAX];
	bool found = false;

	if (node_path_in_tier(parent, false, path, sizeof(path)) < 0)
		return false;
	for (uint32_t i = 0; i < fs.config->n_patterns && !found; i++)
		found = depth_of(fs.config->patterns[i].pattern) == depth_of(path) + 1;
	if (!found) {
		pthread_rwlock_rdlock(&tiers.lock);
		tiermap_children(&tiers.map, path, found_child, &found);
		pthread_rwlock_unlock(&tiers.lock);
	}
	return found;
}

bool tiers_in_use(void)
{
	return tiers.map.n_routes || fs.config->n_patterns;
}

bool tiers_concern(uint32_t parent)
{
	uint64_t key, cached;
	bool answer;

	tiers_refresh();
	if (!tiers_in_use())
		return false;
	if (!tiers.concerns)
		return compute_concern(parent);
	key = (uint64_t)fs.arena->nodes[parent].generation << 32 | (uint32_t)(node_paths_version() << 1);
	cached = atomic_load(&tiers.concerns[parent]);
	if ((cached & ~1ull) == key)
		return cached & 1;
	answer = compute_concern(parent);
	atomic_store(&tiers.concerns[parent], key | (answer ? 1 : 0));
	return answer;
}

static bool find_exact(const char *path, struct route *route)
{
	const struct route *found;

	pthread_rwlock_rdlock(&tiers.lock);
	found = tiermap_find_exact(&tiers.map, path);
	if (found)
		*route = *found;
	pthread_rwlock_unlock(&tiers.lock);
	return found != NULL;
}

bool tiers_route_at(uint32_t parent, const char *name, struct route *route)
{
	char path[CONFIG_PATH_MAX];

	return child_path(parent, name, path, sizeof(path)) == 0 && find_exact(path, route);
}

bool tiers_pattern_at(uint32_t parent, const char *name, struct route *route)
{
	char path[CONFIG_PATH_MAX];

	return fs.config->n_patterns && child_path(parent, name, path, sizeof(path)) == 0 &&
	       tiermap_match_pattern(fs.config, path, route);
}

bool tiers_route_of(uint32_t parent, const char *name, struct route *route)
{
	return tiers_route_at(parent, name, route) || tiers_pattern_at(parent, name, route);
}

bool tiers_below(uint32_t parent, const char *name)
{
	char path[CONFIG_PATH_MAX];
	struct route route;
	bool found = false;

	tiers_refresh();
	if (tiers.map.n_routes == 0 || child_path(parent, name, path, sizeof(path)) < 0)
		return false;
	if (find_exact(path, &route))
		return true;
	pthread_rwlock_rdlock(&tiers.lock);
	tiermap_children(&tiers.map, path, found_child, &found);
	pthread_rwlock_unlock(&tiers.lock);
	return found;
}

errint_t tiers_add(const struct route *route)
{
	errint_t rc = tiermap_add(board_map_begin(fs.board), route);

	board_map_commit(fs.board);
	tiers_refresh();
	fs_nudge_keeper();
	return rc == -EEXIST ? 0 : rc;
}

errint_t tiers_remove(const char *path)
{
	errint_t rc = tiermap_remove(board_map_begin(fs.board), path);

	board_map_commit(fs.board);
	tiers_refresh();
	fs_nudge_keeper();
	return rc;
}

void tiers_children(uint32_t dir, void (*emit)(void *arg, const char *name, bool is_route), void *arg)
{
	char path[CONFIG_PATH_MAX];

	if (!tiers_concern(dir) || node_path_in_tier(dir, false, path, sizeof(path)) < 0)
		return;
	pthread_rwlock_rdlock(&tiers.lock);
	tiermap_children(&tiers.map, path, emit, arg);
	pthread_rwlock_unlock(&tiers.lock);
}

errint_t tiers_path_of_target(unsigned backend, const char *target, char *path, size_t size)
{
	const struct route *route;
	const char *rest, *slash;
	char buf[PATH_MAX];
	int n;

	pthread_rwlock_rdlock(&tiers.lock);
	route = tiermap_nearest(&tiers.map, backend, target, &rest);
	slash = *rest ? "/" : "";
	if (route)
		n = snprintf(buf, sizeof(buf), "%s%s%s", route->path, slash, rest);
	else if (fs.root && fs.root->index == backend)
		n = snprintf(buf, sizeof(buf), "%s", target);
	else
		n = snprintf(buf, sizeof(buf), VIRTUAL_DIR_NAME "/backends/%s%s%s",
			     fs.config->backends[backend].name, slash, rest);
	pthread_rwlock_unlock(&tiers.lock);
	return n < 0 || (size_t)n >= sizeof(buf) ? -ENAMETOOLONG : copy_string(path, size, buf);
}
