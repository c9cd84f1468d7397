/* The journal's thread, its start and end. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "journal/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#define NEVER	     UINT64_MAX
#define ROOM_STEPS   20 /* of deletion on a full disk */
#define AT_ONCE	     1	/* in the past */
#define START_RETAIN (60 * NSEC_PER_SEC)

static struct journal_tuning usual = {.retry_ms = 10000, .retain_ms = 3600 * 1000, .busy_ms = 200};

const char *journal_state_name(enum journal_state state)
{
	static const char *const names[] = {[JOURNAL_STARTING] = "starting",
					    [JOURNAL_OK] = "ok",
					    [JOURNAL_FULL] = "full",
					    [JOURNAL_LOCKED] = "locked",
					    [JOURNAL_NEWER] = "newer",
					    [JOURNAL_FAILED] = "failed",
					    [JOURNAL_OFF] = "off"};

	return (unsigned)state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static enum journal_state state_of(errint_t error)
{
	switch (error) {
	case 0:
		return JOURNAL_OK;
	case -ENOSPC:
		return JOURNAL_FULL;
	case -EBUSY:
		return JOURNAL_LOCKED;
	case -ENOTSUP:
		return JOURNAL_NEWER;
	case -ENODEV:
		return JOURNAL_OFF;
	default:
		return JOURNAL_FAILED;
	}
}

/* Wakes waiters at news. */
static void publish_state(struct journal *j, errint_t error)
{
	enum journal_state state = state_of(error);
	const char *why = error < 0 ? j->db.error : "";

	ACQUIRE_LOCK(&j->lock);
	j->open = j->db.sql != NULL;
	if (!j->started)
		pthread_cond_broadcast(&j->told);
	if (state == JOURNAL_NEWER && !j->hopeless) {
		j->hopeless = true;
		journal_queue_clear(&j->queue, false);
	}
	if (j->started && j->state == state && strcmp(j->error, why) == 0 &&
	    strcmp(j->aside, j->db.aside) == 0)
		return;
	j->started = true;
	if (j->state != state && state == JOURNAL_OK)
		log_notice("history: written to %s", j->db.path);
	else if (j->state != state)
		log_warning("history: %s: %s", journal_state_name(state), why);
	j->state = state;
	(void)copy_string(j->error, sizeof(j->error), why);
	(void)copy_string(j->aside, sizeof(j->aside), j->db.aside);
	journal_signal(j);
}

enum journal_state journal_state(struct journal *journal, char *detail, size_t size)
{
	const struct journal_lost *lost = &journal->queue.lost_for_ever;
	char parts[3][320] = {"", "", ""};
	size_t used = 0;

	ACQUIRE_LOCK(&journal->lock);
	(void)copy_string(parts[0], sizeof(parts[0]), journal->error);
	if (journal->aside[0])
		snprintf(parts[1], sizeof(parts[1]), "a damaged database was set aside as %s",
			 journal->aside);
	if (lost->samples || lost->events || lost->others)
		snprintf(parts[2], sizeof(parts[2]),
			 "lost: %" PRIu64 " samples, %" PRIu64 " events, %" PRIu64 " other entries",
			 lost->samples, lost->events, lost->others);
	if (size > 0)
		detail[0] = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		if (parts[i][0] && used < size)
			used +=
			    (size_t)snprintf(detail + used, size - used, "%s%s", used ? "; " : "", parts[i]);
	}
	return journal->state;
}

int journal_event_fd(const struct journal *journal)
{
	return journal->event_fd;
}

/* The first success recalls history for keeper; a new database gets the memory back. */
static errint_t exchange_memory(struct journal *j)
{
	struct journal_recalled recalled;
	errint_t error;

	if (j->recalled_valid) /* only this thread writes it */
		return journal_write_memory(&j->db);
	error = journal_read_recalled(&j->db, &recalled);
	if (error < 0)
		return error;
	j->db.memory = json_deep_copy(recalled.memory);
	ACQUIRE_LOCK(&j->lock);
	j->recalled = recalled;
	j->recalled_valid = true;
	return 0;
}

static errint_t open_database(struct journal *j)
{
	errint_t error;

	j->db.busy_ms = atomic_load(&j->tuning->busy_ms);
	j->db.max_pages = atomic_load(&j->tuning->max_pages);
	error = journal_db_open(&j->db);
	if (error == 0)
		error = exchange_memory(j);
	if (error < 0) /* reopened next time: memory is certainly exchanged */
		journal_db_close(&j->db, true);
	if (j->retain_ns == 0)
		j->retain_ns =
		    clock_mono_ns() + MIN(START_RETAIN, atomic_load(&j->tuning->retain_ms) * NSEC_PER_MSEC);
	return error;
}

static errint_t write_queue(struct journal *j)
{
	struct journal_item *items;
	struct journal_lost lost;
	errint_t error;

	pthread_mutex_lock(&j->lock);
	items = journal_queue_take(&j->queue);
	lost = j->queue.lost;
	pthread_mutex_unlock(&j->lock);
	error = journal_write(&j->db, items, &lost);
	ACQUIRE_LOCK(&j->lock);
	if (error < 0) {
		journal_queue_return(&j->queue, items);
		return error;
	}
	journal_queue_written(&j->queue, items);
	journal_queue_noted(&j->queue, &lost);
	return 0;
}

static bool to_be_written(struct journal *j)
{
	const struct journal_lost *lost = &j->queue.lost;

	ACQUIRE_LOCK(&j->lock);
	return j->queue.head || lost->samples || lost->events || lost->others;
}

/* Before another try on a full disk, which shows any error. */
static void make_room(struct journal *j)
{
	bool more = true;

	j->db.max_pages = atomic_load(&j->tuning->max_pages);
	if (journal_db_configure(&j->db) < 0 || journal_db_exec(&j->db, "PRAGMA wal_checkpoint(PASSIVE)") < 0)
		return;
	for (unsigned i = 0; more && i < ROOM_STEPS; i++) {
		if (journal_retain(&j->db, &j->options, &more) < 0)
			return;
	}
}

/* The file was moved or removed: later writes would be lost to sight. */
static void look_for_file(struct journal *j)
{
	if (!j->db.sql || journal_db_in_place(&j->db))
		return;
	log_warning("history: %s is no longer the file that was opened", j->db.path);
	journal_db_close(&j->db, true);
	j->retry_ns = AT_ONCE;
}

static errint_t write_all(struct journal *j)
{
	errint_t error = 0;

	look_for_file(j);
	if (!j->db.sql)
		error = open_database(j);
	else if (j->retry_ns)
		make_room(j);
	while (error == 0 && to_be_written(j))
		error = write_queue(j);
	return error;
}

/* Only damage is an error here; the asker hears the rest. */
static errint_t answer_all(struct journal *j)
{
	struct journal_waiting_question question;
	errint_t damage = 0;

	while (journal_next_question(j, &question)) {
		bool usable = j->db.sql && damage == 0;
		json_t *result = NULL;
		errint_t error = usable ? journal_read_answer(&j->db, &question.query, &result) : -EIO;

		if (error == -EUCLEAN)
			damage = error;
		journal_answer(j, question.ticket, result, error == 0 || error == -ENOENT ? error : -EIO);
	}
	return damage;
}

static errint_t retain(struct journal *j, uint64_t now)
{
	bool more = false;
	errint_t error;

	if (!j->db.sql || j->retry_ns || now < j->retain_ns)
		return 0;
	error = journal_retain(&j->db, &j->options, &more);
	if (!more)
		j->retain_ns = now + atomic_load(&j->tuning->retain_ms) * NSEC_PER_MSEC;
	return error;
}

/* The next turn begins a new database, at once unless the last was short-lived. */
static errint_t mend(struct journal *j, uint64_t now, uint64_t retry_ns)
{
	errint_t error;
	bool lasted;

	log_warning("history: damaged: %s", j->db.error);
	journal_db_close(&j->db, true);
	error = journal_set_aside(&j->db);
	lasted = j->damaged_ns == 0 || now >= j->damaged_ns + retry_ns;
	j->retry_ns = error == 0 && lasted ? AT_ONCE : now + retry_ns;
	j->damaged_ns = now;
	return error;
}

static void settle_turn(struct journal *j, errint_t error)
{
	uint64_t now = clock_mono_ns(), retry_ns = atomic_load(&j->tuning->retry_ms) * NSEC_PER_MSEC;

	j->retry_ns = error == 0 ? 0 : now + retry_ns;
	if (error == -EUCLEAN) {
		error = mend(j, now, retry_ns);
		if (j->retry_ns == AT_ONCE)
			return; /* no need to show the moment between */
		error = error < 0 ? error : -EIO;
	} else if (error < 0 && error != -ENOSPC && error != -EBUSY) {
		journal_db_close(&j->db, true);
	}
	if (error == -ENOTSUP)
		j->retry_ns = NEVER;
	publish_state(j, error);
}

static void turn(struct journal *j)
{
	uint64_t now = clock_mono_ns();
	bool due = now >= j->retry_ns || (atomic_load(&j->stopping) && j->retry_ns != NEVER);
	errint_t error, damage = 0;

	journal_db_wait_for_disk(&j->db);
	error = due ? write_all(j) : 0;
	if (error != -EUCLEAN)
		damage = answer_all(j);
	if (error == 0 && damage == 0)
		error = retain(j, now);
	if (due || damage < 0)
		settle_turn(j, damage < 0 ? damage : error);
}

static bool has_work(struct journal *j, uint64_t now)
{
	const struct journal_lost *lost = &j->queue.lost;

	if (atomic_load(&j->stopping) || j->n_questions)
		return true;
	if (j->retry_ns)
		return now >= j->retry_ns;
	return j->queue.head || lost->samples || lost->events || lost->others || now >= j->retain_ns;
}

static void wait_for_work(struct journal *j)
{
	ACQUIRE_LOCK(&j->lock);
	while (!has_work(j, clock_mono_ns())) {
		uint64_t next = j->retry_ns ? j->retry_ns : j->retain_ns;
		struct timespec until = journal_timespec(next);

		if (next == NEVER)
			pthread_cond_wait(&j->wake, &j->lock);
		else
			pthread_cond_timedwait(&j->wake, &j->lock, &until);
	}
}

static void *run(void *arg)
{
	struct journal *j = arg;
	bool stopping;

	do {
		wait_for_work(j);
		stopping =
		    atomic_load(&j->stopping); /* before the turn, which writes all that was put until then */
		turn(j);
	} while (!stopping || j->retry_ns == AT_ONCE);
	journal_db_close(&j->db, false);
	ACQUIRE_LOCK(&j->lock);
	j->finished = true;
	pthread_cond_broadcast(&j->told);
	return NULL;
}

static void init_conditions(struct journal *j)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&j->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&j->wake, &monotonic);
	pthread_cond_init(&j->told, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

/* Keeper's thread handles signals. */
static int start_thread(struct journal *j)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&j->thread, NULL, run, j);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

static void stay_off(struct journal *j, const char *why)
{
	(void)copy_string(j->error, sizeof(j->error), why);
	j->state = JOURNAL_OFF;
	j->started = j->finished = j->hopeless = true;
	journal_signal(j);
}

struct journal *journal_start_tuned(const struct journal_options *options, struct journal_tuning *tuning)
{
	struct journal *j = calloc(1, sizeof(*j));
	int error;

	if (!j)
		return NULL;
	j->options = *options;
	j->tuning = tuning;
	j->retry_ns = AT_ONCE;
	j->db.stopping = &j->stopping;
	(void)copy_string(j->db.directory, sizeof(j->db.directory), options->directory);
	snprintf(j->db.path, sizeof(j->db.path), "%s/%s", options->directory, JOURNAL_FILE);
	init_conditions(j);
	/* Seeds jansson now: a child cloned during another thread's seeding would wait for ever. */
	json_object_seed(0);
	j->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	error = j->event_fd < 0 ? errno : options->directory[0] ? start_thread(j) : ENOENT;
	if (error)
		stay_off(j, strerror(error));
	return j;
}

struct journal *journal_start(const struct journal_options *options)
{
	return journal_start_tuned(options, &usual);
}

static void release_journal(struct journal *j)
{
	journal_queue_clear(&j->queue, true);
	for (unsigned i = 0; i < j->n_answers; i++)
		json_decref(j->answers[i].result);
	json_decref(j->recalled.memory);
	json_decref(j->recalled.open);
	json_decref(j->recalled.suspects);
	json_decref(j->db.memory);
	free(j->db.numbers);
	pthread_cond_destroy(&j->wake);
	pthread_cond_destroy(&j->told);
	pthread_mutex_destroy(&j->lock);
	if (j->event_fd >= 0)
		close(j->event_fd);
	free(j);
}

void journal_stop(struct journal *journal, uint32_t timeout_ms)
{
	struct timespec until = journal_timespec(clock_mono_ns() + timeout_ms * NSEC_PER_MSEC);
	bool finished, thread;

	if (!journal)
		return;
	pthread_mutex_lock(&journal->lock);
	thread = !journal->finished;
	atomic_store(&journal->stopping, true);
	pthread_cond_signal(&journal->wake);
	while (!journal->finished && pthread_cond_timedwait(&journal->told, &journal->lock, &until) == 0)
		;
	finished = journal->finished;
	pthread_mutex_unlock(&journal->lock);
	if (!finished) {
		log_warning("history: its thread does not end (a hung disk?) and is left behind");
		pthread_detach(journal->thread);
		return;
	}
	if (thread)
		pthread_join(journal->thread, NULL);
	release_journal(journal);
}
