#include "fs/checkpoint_wait.h"
#include "base/cleanup.h"
#include "policy/server.h"

#include <pthread.h>
#include <time.h>

static struct {
	pthread_mutex_t lock;
	/* By CLOCK_MONOTONIC. */
	pthread_cond_t noted;
	bool is_noted[CONFIG_BACKENDS_MAX];
} waiting = {.lock = PTHREAD_MUTEX_INITIALIZER};
static pthread_once_t begun = PTHREAD_ONCE_INIT;

static void begin_waiting(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&waiting.noted, &attr);
	pthread_condattr_destroy(&attr);
}

static const struct config_checkpoint *setting_of(unsigned backend)
{
	return &fs.config->backends[backend].checkpoint;
}

static uint64_t limit_of(unsigned backend)
{
	const struct config_checkpoint *c = setting_of(backend);

	return c->mib ? (uint64_t)c->mib << 20 : UINT64_MAX;
}

bool checkpoint_is_set(unsigned backend)
{
	return backend < CONFIG_BACKENDS_MAX && (setting_of(backend)->mib || setting_of(backend)->ms);
}

/* By backend: root_epoch of the connection over which it cannot. */
static _Atomic uint32_t unable[CONFIG_BACKENDS_MAX];

void checkpoint_is_unable(const struct backend *b)
{
	atomic_store(&unable[b->index], atomic_load(&b->board->root_epoch));
}

bool checkpoint_can_sync(unsigned backend)
{
	const struct board_backend *b = &fs.board->backends[backend];

	return !(atomic_load(&b->server_lacks) & 1u << SERVER_FSYNC) &&
	       (!atomic_load(&unable[backend]) ||
		atomic_load(&unable[backend]) != atomic_load(&b->root_epoch));
}

bool checkpoint_is_on(unsigned backend)
{
	return checkpoint_is_set(backend) && checkpoint_can_sync(backend);
}

void checkpoint_note(unsigned backend, uint64_t before, uint64_t unsynced)
{
	if (!checkpoint_is_on(backend))
		return;
	if (before != 0 && (before >= limit_of(backend) || unsynced < limit_of(backend)))
		return;
	pthread_once(&begun, begin_waiting);
	ACQUIRE_LOCK(&waiting.lock);
	waiting.is_noted[backend] = true;
	pthread_cond_broadcast(&waiting.noted);
}

bool checkpoint_is_due(unsigned backend, uint64_t unsynced, uint64_t since_ns, uint64_t now_ns,
		       uint64_t *due_ns)
{
	uint32_t ms = setting_of(backend)->ms;
	uint64_t when_ns = ms ? since_ns + ms * NSEC_PER_MSEC : UINT64_MAX;

	if (unsynced == 0)
		return false;
	if (unsynced >= limit_of(backend) || when_ns <= now_ns)
		return true;
	*due_ns = MIN(*due_ns, when_ns);
	return false;
}

void checkpoint_wait(unsigned backend, uint64_t until_ns)
{
	const struct timespec until = {.tv_sec = (time_t)(until_ns / NSEC_PER_SEC),
				       .tv_nsec = (long)(until_ns % NSEC_PER_SEC)};

	pthread_once(&begun, begin_waiting);
	ACQUIRE_LOCK(&waiting.lock);
	while (!waiting.is_noted[backend]) {
		if (until_ns == UINT64_MAX)
			pthread_cond_wait(&waiting.noted, &waiting.lock);
		else if (pthread_cond_timedwait(&waiting.noted, &waiting.lock, &until) != 0)
			break;
	}
	waiting.is_noted[backend] = false;
}
