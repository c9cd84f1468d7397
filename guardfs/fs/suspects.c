#include "fs/suspects.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/node.h"
#include "fs/tiers.h"
#include "fs/wire.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* How long a thread waits for keeper to make room. By then a stopped keeper is replaced. */
#define ROOM_MS	      2000u
#define ROOM_PAUSE_MS 5u

static pthread_mutex_t filing = PTHREAD_MUTEX_INITIALIZER;
/* A thread has waited in vain, until a note finds room: many notes in a row must not each wait so long. */
static _Atomic bool vain;
static _Atomic bool leaving;

/* "" if too long or not known. */
static void path_of_node(uint32_t node, char path[SUSPECT_PATH_MAX])
{
	if (node_path_in_tier(node, true, path, SUSPECT_PATH_MAX) < 0)
		path[0] = '\0';
}

/* Its path below the mount. */
static void show_object(const struct backend *b, const char *object, char path[SUSPECT_PATH_MAX])
{
	if (!object[0] || tiers_path_of_target(b->index, object, path, SUSPECT_PATH_MAX) < 0)
		path[0] = '\0';
}

/* False: none to be told. */
static bool object_of_name(uint32_t parent, const char *name, char object[SUSPECT_PATH_MAX])
{
	char above[SUSPECT_PATH_MAX];
	int n;

	if (node_path_in_tier(parent, true, above, sizeof(above)) < 0)
		return false;
	n = snprintf(object, SUSPECT_PATH_MAX, "%s%s%s", above, above[0] ? "/" : "", name);
	return n > 0 && (size_t)n < SUSPECT_PATH_MAX;
}

static bool try_to_file(const struct suspect_report *report)
{
	ACQUIRE_LOCK(&filing);
	return suspect_file(&fs.arena->suspects, report);
}

/* The heartbeat's thread must not; nor a worker about to leave, whose keeper may be gone. */
static bool may_wait(void)
{
	return !atomic_load(&vain) && !atomic_load(&leaving) &&
	       atomic_load(&fs.board->heartbeat_tid) != gettid();
}

static bool file_or_wait(const struct suspect_report *report)
{
	const struct timespec pause = {.tv_nsec = ROOM_PAUSE_MS * NSEC_PER_MSEC};
	uint64_t until_ns = clock_mono_ns() + ROOM_MS * NSEC_PER_MSEC;

	while (!try_to_file(report)) {
		if (!may_wait())
			return false;
		if (clock_mono_ns() >= until_ns) {
			atomic_store(&vain, true);
			return false;
		}
		fs_nudge_keeper();
		nanosleep(&pause, NULL);
	}
	atomic_store(&vain, false);
	return true;
}

static void file_report(const struct backend *b, struct suspect_report *report)
{
	report->real_ns = clock_real_ns();
	report->backend = b->index;
	if (file_or_wait(report)) {
		fs_nudge_keeper();
		return;
	}
	atomic_fetch_add(&fs.arena->suspects.missed, 1);
	log_error("backend %s: %s: %s, and there is no room to note it down: keeper does not run?",
		  b->config->name,
		  report->object[0] ? report->object : "a file whose name is not known any more",
		  suspect_news_name(report->news));
}

void suspects_file(const struct backend *b, uint32_t node, const struct suspected *what)
{
	char object[SUSPECT_PATH_MAX], path[SUSPECT_PATH_MAX];

	path_of_node(node, object);
	show_object(b, object, path);
	file_report(b, &(struct suspect_report){.news = what->news,
						.error = (uint32_t)what->error,
						.size = what->size,
						.overwrote = what->overwrote,
						.ranges = what->ranges,
						.path = path,
						.object = object});
}

void suspects_leave(void)
{
	atomic_store(&leaving, true);
}

void suspects_doubt(const uint8_t *buffer, int error)
{
	struct ledger ranges = {0};
	uint64_t id, offset, size;
	const struct node *node;

	if (!wire_writes(buffer, &id, &offset, &size))
		return;
	node = node_from_id(id);
	if (!node || node->backend >= CONFIG_BACKENDS_MAX)
		return;
	ledger_put(&ranges, offset, offset + MIN(size, UINT64_MAX - offset), LEDGER_WRITTEN);
	suspects_file(&fs.guarded[node->backend], node_index(node),
		      &(struct suspected){.news = SUSPECT_FAILED,
					  .error = error,
					  .size = node_size(node),
					  .overwrote = offset < node_size(node),
					  .ranges = &ranges});
}

/* to: where, or "". size: as suspect_note.size. */
static void tell_news(const struct backend *b, enum suspect_news news, const char *object, const char *to,
		      uint64_t size)
{
	char path[SUSPECT_PATH_MAX], to_path[SUSPECT_PATH_MAX];

	show_object(b, object, path);
	show_object(b, to, to_path);
	file_report(b, &(struct suspect_report){.news = news,
						.size = size,
						.path = path,
						.object = object,
						.to_path = to_path,
						.to_object = to});
}

static bool concerns(const struct backend *b, const char *object)
{
	return suspect_concerns(&fs.arena->suspects, b->index, object);
}

void suspects_renamed(const struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
		      const char *newname, bool exchange)
{
	char from[SUSPECT_PATH_MAX], to[SUSPECT_PATH_MAX];

	if (!suspect_is_any(&fs.arena->suspects) || !object_of_name(parent, name, from) ||
	    !object_of_name(newparent, newname, to) || strcmp(from, to) == 0)
		return;
	if (concerns(b, from) || concerns(b, to))
		tell_news(b, exchange ? SUSPECT_EXCHANGED : SUSPECT_RENAMED, from, to, 0);
}

void suspects_removed(const struct backend *b, uint32_t parent, const char *name)
{
	char object[SUSPECT_PATH_MAX];

	if (suspect_is_any(&fs.arena->suspects) && object_of_name(parent, name, object) &&
	    concerns(b, object))
		tell_news(b, SUSPECT_REMOVED, object, "", 0);
}

void suspects_linked(const struct backend *b, uint32_t node, uint32_t newparent, const char *newname)
{
	char from[SUSPECT_PATH_MAX], to[SUSPECT_PATH_MAX];

	if (!suspect_is_any(&fs.arena->suspects) || !object_of_name(newparent, newname, to))
		return;
	path_of_node(node, from);
	if (from[0] && concerns(b, from))
		tell_news(b, SUSPECT_LINKED, from, to, 0);
}

/* False: it has no such name. The own one may be a former one. */
static bool object_of_nth_name(const struct node *file, uint32_t n, char object[SUSPECT_PATH_MAX])
{
	char name[NAME_LENGTH_MAX + 1];
	uint32_t dir;

	if (n == 0)
		path_of_node(node_index(file), object);
	else if (!node_nth_name(file, n, &dir, name))
		return false;
	else if (!object_of_name(dir, name, object))
		object[0] = '\0';
	return true;
}

static void tell_of_file(uint32_t node, enum suspect_news news, uint64_t size)
{
	const struct node *file = &fs.arena->nodes[node];
	char object[SUSPECT_PATH_MAX];

	if (!suspect_is_any(&fs.arena->suspects) || file->backend >= CONFIG_BACKENDS_MAX)
		return;
	for (uint32_t n = 0; object_of_nth_name(file, n, object); n++)
		if (object[0] && concerns(&fs.guarded[file->backend], object))
			tell_news(&fs.guarded[file->backend], news, object, "", size);
}

void suspects_emptied(uint32_t node)
{
	tell_of_file(node, SUSPECT_EMPTIED, 0);
}

void suspects_written(uint32_t node)
{
	tell_of_file(node, SUSPECT_WRITTEN, 0);
}

void suspects_closed(uint32_t node, uint64_t size)
{
	tell_of_file(node, SUSPECT_CLOSED, size);
}
