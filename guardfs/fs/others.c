#include "fs/others.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fs/context.h"
#include "fs/view.h"
#include "fs/wire.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define PLACES_MAX   32	  /* beyond, the kernel asks by itself a second later */
#define MESSAGES_MAX 256u /* not yet sent */
#define TELLERS_MAX  8u	  /* one may wait in the kernel for a caller that changes names */
#define LOOK_NS	     (5 * NSEC_PER_MSEC)

struct message {
	/* 0: free. */
	uint64_t number;
	uint64_t place;
	uint8_t bytes[WIRE_NAME_MAX];
	size_t length;
	bool is_taken;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wanted, sent;
	struct message messages[MESSAGES_MAX];
	uint64_t last_number;
	uint32_t tellers, idle;
	bool is_set_up;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .wanted = PTHREAD_COND_INITIALIZER};

/* ENOENT: not cached. */
static void send_message(const uint8_t *bytes, size_t length)
{
	if (write(fs.dev_fd, bytes, length) < 0 && errno != ENOENT)
		log_debug("the kernel was not told of a change: %s", strerror(errno));
}

static struct message *message_to_send(void)
{
	for (size_t i = 0; i < MESSAGES_MAX; i++)
		if (queue.messages[i].number && !queue.messages[i].is_taken)
			return &queue.messages[i];
	return NULL;
}

static void *run_teller(void *arg)
{
	struct message *m;

	(void)arg;
	pthread_mutex_lock(&queue.lock);
	for (;;) {
		while (!(m = message_to_send())) {
			queue.idle++;
			pthread_cond_wait(&queue.wanted, &queue.lock);
			queue.idle--;
		}
		m->is_taken = true;
		pthread_mutex_unlock(&queue.lock);
		send_message(m->bytes, m->length);
		pthread_mutex_lock(&queue.lock);
		m->number = 0;
		pthread_cond_broadcast(&queue.sent);
	}
	return NULL;
}

static void set_up(void)
{
	pthread_condattr_t clock;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&queue.sent, &clock);
	pthread_condattr_destroy(&clock);
	queue.is_set_up = true;
}

/* If all are busy. Signals are for other threads. */
static void start_teller(void)
{
	pthread_t thread;
	sigset_t all, before;

	if (!queue.is_set_up)
		set_up();
	if (queue.idle > 0 || queue.tellers == TELLERS_MAX)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, run_teller, NULL) == 0) {
		pthread_detach(thread);
		queue.tellers++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* NULL: no room, or no thread. */
static struct message *new_message(uint64_t place)
{
	struct message *m = queue.messages;

	start_teller();
	while (m < queue.messages + MESSAGES_MAX && m->number)
		m++;
	if (m == queue.messages + MESSAGES_MAX || queue.tellers == 0)
		return NULL;
	*m = (struct message){.number = ++queue.last_number, .place = place};
	pthread_cond_signal(&queue.wanted);
	return m;
}

static struct message *put_message(uint64_t place, const char *name, bool drop)
{
	struct message *m = new_message(place);

	if (m)
		m->length = wire_expire_name(m->bytes, place, name, drop);
	return m;
}

/* Such a request may wait for our message (docs/INTERNALS.md, "Views"); an answered one does not. */
static bool is_being_changed(uint64_t place)
{
	for (uint32_t i = 0; i < arena_slots_used(fs.arena); i++) {
		const struct slot *slot = &fs.arena->slots[i];
		uint64_t unique = wire_unique(fs.arena->buffers[i]);

		if (slot != call.slot && unique && unique != atomic_load(&slot->answered) &&
		    atomic_load(&slot->state) != SLOT_FREE && !atomic_load(&slot->reply_length) &&
		    wire_changes_names_in(fs.arena->buffers[i], place))
			return true;
	}
	return false;
}

/* False: time is over. */
static bool wait_until(uint64_t end_ns)
{
	uint64_t now_ns = clock_mono_ns(), until_ns = MIN(now_ns + LOOK_NS, end_ns);
	struct timespec until = {.tv_sec = (time_t)(until_ns / NSEC_PER_SEC),
				 .tv_nsec = (long)(until_ns % NSEC_PER_SEC)};

	pthread_cond_timedwait(&queue.sent, &queue.lock, &until);
	return now_ns < end_ns;
}

/* Under the lock. */
static void expire_name(const uint64_t *places, size_t n, const char *name, bool drop)
{
	/* By then the kernel itself forgets. */
	uint64_t begun_ns = clock_mono_ns(), end_ns = begun_ns + fs.config->guarded_cache_ms * NSEC_PER_MSEC;
	const struct message *messages[PLACES_MAX];
	uint64_t numbers[PLACES_MAX];

	for (size_t i = 0; i < n; i++) {
		while (!(messages[i] = put_message(places[i], name, drop)))
			if (!wait_until(end_ns))
				return;
		numbers[i] = messages[i]->number;
	}
	for (size_t i = 0; i < n; i++)
		while (messages[i]->number == numbers[i])
			if (!wait_until(end_ns) ||
			    (clock_mono_ns() - begun_ns >= LOOK_NS && is_being_changed(places[i])))
				break;
}

void others_expire(struct node *shown, const char *name, bool gone)
{
	uint64_t places[PLACES_MAX];
	size_t n = view_places(shown, places, ARRAY_SIZE(places));

	if (n == 0)
		return;
	ACQUIRE_LOCK(&queue.lock);
	expire_name(places, n, name, gone);
}

void others_moved_in(struct node *shown, const char *name)
{
	ACQUIRE_LOCK(&queue.lock);
	if (!put_message(node_id(shown, node_index(shown)), name, true))
		log_debug("the kernel was not told where a directory is now");
}

void others_expire_everywhere(struct node *dir, const char *name)
{
	uint64_t places[PLACES_MAX];
	size_t n = view_places(dir, places, ARRAY_SIZE(places) - 1);

	places[n++] = node_id(dir, node_index(dir));
	ACQUIRE_LOCK(&queue.lock);
	for (size_t i = 0; i < n; i++)
		if (!put_message(places[i], name, false))
			log_debug("the kernel was not told to ask for a name again");
}

void others_drop_pages(const struct node *file)
{
	uint64_t id = node_id(file, node_index(file));
	struct message *m;

	ACQUIRE_LOCK(&queue.lock);
	m = new_message(id);
	if (m)
		m->length = wire_drop_pages(m->bytes, id);
	else
		log_warning("the kernel was not told to read a file anew of which something was lost");
}

void others_drop_attributes(struct node *shown)
{
	uint64_t places[PLACES_MAX];
	size_t n = view_places(shown, places, ARRAY_SIZE(places));
	uint8_t out[64];

	for (size_t i = 0; i < n; i++)
		send_message(out, wire_drop_attributes(out, places[i]));
}
