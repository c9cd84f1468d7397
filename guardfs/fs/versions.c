#include "fs/versions.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/node.h"
#include "fs/publish_io.h"
#include "fs/statefiles.h"
#include "generations/generations.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define WAITING_MAX   32u
#define WAITING_BYTES (16u << 20)
#define SEEN	      1024u

struct version_to_keep {
	struct version_to_keep *next;
	uint64_t real_ns;
	size_t size;
	struct generations_owner owner;
	char path[4096];
	uint8_t data[];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	struct version_to_keep *first, **last;
	uint32_t waiting;
	size_t bytes;
	bool has_thread, complained;
	/* Ids of nodes whose former version was looked at. */
	uint64_t seen[SEEN];
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .wanted = PTHREAD_COND_INITIALIZER, .last = &queue.first};

bool versions_are_kept(void)
{
	return fs.config->state_generations > 0 && fs.config->state_dir[0];
}

static struct version_to_keep *take_version(void)
{
	struct version_to_keep *v;

	ACQUIRE_LOCK(&queue.lock);
	while (!queue.first)
		pthread_cond_wait(&queue.wanted, &queue.lock);
	v = queue.first;
	queue.first = v->next;
	if (!queue.first)
		queue.last = &queue.first;
	return v;
}

static void *keep_versions(void *arg)
{
	struct generations_limit limit = {.count = fs.config->state_generations,
					  .bytes = (uint64_t)fs.config->state_keep_mib << 20};

	(void)arg;
	for (;;) {
		struct version_to_keep *v = take_version();
		errint_t rc = generations_put(fs.config->state_dir, v->path, v->owner, v->real_ns, v->data,
					      v->size, limit);

		pthread_mutex_lock(&queue.lock);
		queue.waiting--;
		queue.bytes -= v->size;
		if (rc < 0 && !queue.complained)
			log_warning("a version of %s is not kept, or older ones are: %s", v->path,
				    strerror(-rc));
		queue.complained = rc < 0;
		pthread_mutex_unlock(&queue.lock);
		free(v);
	}
	return NULL;
}

/* Under the lock. Signals are for other threads. */
static bool start_thread(void)
{
	pthread_t thread;
	sigset_t all, before;

	if (queue.has_thread)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, keep_versions, NULL) == 0) {
		pthread_detach(thread);
		queue.has_thread = true;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return queue.has_thread;
}

void versions_add(uint32_t node, const void *data, size_t size)
{
	const struct node *n = &fs.arena->nodes[node];
	struct version_to_keep *v;

	if (!versions_are_kept())
		return;
	v = malloc(sizeof(*v) + size);
	if (!v || node_path(node, v->path, sizeof(v->path)) < 0) {
		free(v);
		return;
	}
	v->next = NULL;
	v->real_ns = clock_real_ns();
	v->size = size;
	v->owner = (struct generations_owner){n->uid, n->gid, n->mode};
	memcpy(v->data, data, size);
	ACQUIRE_LOCK(&queue.lock);
	if (queue.waiting >= WAITING_MAX || queue.bytes + size > WAITING_BYTES || !start_thread()) {
		free(v);
		return;
	}
	queue.waiting++;
	queue.bytes += size;
	*queue.last = v;
	queue.last = &v->next;
	pthread_cond_signal(&queue.wanted);
}

bool versions_are_under_way(void)
{
	ACQUIRE_LOCK(&queue.lock);
	return queue.waiting > 0;
}

/* By hash; forgetting one costs another look. */
static uint64_t *seen_place(uint64_t id)
{
	return &queue.seen[hash_bytes(0, &id, sizeof(id)) % SEEN];
}

static bool is_first_time(uint64_t id)
{
	ACQUIRE_LOCK(&queue.lock);
	return *seen_place(id) != id;
}

static void note_seen(uint64_t id)
{
	ACQUIRE_LOCK(&queue.lock);
	*seen_place(id) = id;
}

bool versions_former(struct backend *b, uint32_t node, const struct stat *st, bool always)
{
	uint64_t id = node_id(&fs.arena->nodes[node], node);
	void *data = NULL;
	size_t size = 0;
	int ref = -1;
	errint_t rc;

	if (!versions_are_kept() || (!always && !is_first_time(id)) ||
	    (uint64_t)st->st_size > statefiles_size())
		return false;
	if (st->st_size == 0) {
		note_seen(id);
		return false;
	}
	rc = b->ops->open(b, node, O_RDONLY, &ref);
	if (rc == 0)
		rc = publish_read(b, ref, (uint64_t)st->st_size, &data, &size);
	if (rc == 0) {
		versions_add(node, data, size);
		note_seen(id);
	}
	if (ref >= 0)
		b->ops->release(b, ref);
	free(data);
	return rc == 0;
}
