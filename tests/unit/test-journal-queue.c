/* What waits to be written: while the database is locked, while the disk is full, and when it is too much. */
#include "journal-util.h"

#include "base/child.h"
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* ---- locked ---- */

static void locked_and_released(void **state)
{
	sqlite3 *sql;

	(void)state;
	start_and_wait(JOURNAL_OK);
	sql = open_beside(stage.path);
	exec_beside(sql, "BEGIN EXCLUSIVE");
	put_incident(1, T0, 0);
	WAIT(state_now() == JOURNAL_LOCKED);
	put_events(500);
	json_decref(ask_incidents(0, "", 0)); /* can still be read */
	assert_int_equal(state_now(), JOURNAL_LOCKED);
	exec_beside(sql, "COMMIT");
	WAIT(state_now() == JOURNAL_OK);
	assert_int_equal(number("SELECT count(*) FROM events"), 500);
	assert_int_equal(number("SELECT count(*) FROM incidents"), 1);
	assert_int_equal(number("SELECT count(DISTINCT time) FROM events"), 500);
	assert_false(detail_has("lost"));
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
}

static void locked_from_the_start(void **state)
{
	sqlite3 *sql;

	(void)state;
	start();
	put_incident(1, T0, 0);
	stop();
	sql = open_beside(stage.path);
	exec_beside(sql, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
	start_and_wait(JOURNAL_LOCKED);
	put_incident(1, T0 + 500 * SECOND, 0); /* it could not recall, so it counts from 1 */
	exec_beside(sql, "COMMIT");
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
	WAIT(state_now() == JOURNAL_OK && number("SELECT count(*) FROM incidents") == 2);
}

/* ---- full ---- */

static void full_and_room_again(void **state)
{
	(void)state;
	atomic_store(&stage.tuning.max_pages, 20);
	start_and_wait(JOURNAL_OK);
	put_incident(1, T0, 0);
	put_events(900);
	WAIT(state_now() == JOURNAL_FULL);
	assert_true(detail_has("full"));
	put_sample(T0);
	atomic_store(&stage.tuning.max_pages, 100000);
	WAIT(state_now() == JOURNAL_OK);
	assert_int_equal(number("SELECT count(*) FROM events"), 900);
	assert_int_equal(number("SELECT count(*) FROM samples"), 1);
	assert_int_equal(number("SELECT count(*) FROM incidents"), 1);
	assert_false(detail_has("lost"));
}

/* What is too old makes room before the disk is tried again. */
static void full_makes_room_by_retention(void **state)
{
	uint64_t day = 24 * 3600 * SECOND, old = clock_real_ns() - 20 * day;

	(void)state;
	start();
	for (unsigned i = 1; i < 20; i++)
		put_sample(old + i * day);
	for (unsigned i = 0; i < 900; i++)
		put_event(0, old + i, "old, and in the way of what is new");
	stop();
	stage.options.keep_days = 10;
	atomic_store(&stage.tuning.max_pages, (uint32_t)number("PRAGMA page_count"));
	start();
	for (unsigned i = 0; i < 600; i++)
		put_event(0, clock_real_ns(),
			  "new, and just as long as the old: it fits only where that was");
	WAIT(number("SELECT count(*) FROM events WHERE text LIKE 'new%'") == 600);
	WAIT(state_now() == JOURNAL_OK);
	assert_int_equal(number("SELECT count(*) FROM events"), 600);
}

static bool mount_small(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("small", stage.dir, "tmpfs", 0, "size=512k") == 0;
}

static void fill_disk(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	char block[4096] = "";

	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void full_disk(void **state)
{
	char ballast[128];

	(void)state;
	if (!mount_small()) {
		print_message("needs root and a mount namespace\n");
		skip();
	}
	snprintf(ballast, sizeof(ballast), "%s/ballast", stage.dir);
	start_and_wait(JOURNAL_OK);
	put_incident(1, T0, 0);
	WAIT(number("SELECT count(*) FROM incidents") == 1);
	fill_disk(ballast);
	put_events(900);
	WAIT(state_now() == JOURNAL_FULL);
	put_incident(2, T0, 0);
	assert_int_equal(unlink(ballast), 0);
	WAIT(state_now() == JOURNAL_OK);
	assert_int_equal(number("SELECT count(*) FROM events"), 900);
	assert_int_equal(number("SELECT count(*) FROM incidents"), 2);
	stop();
	/* Full from the start: nothing can even be made. */
	assert_int_equal(umount(stage.dir), 0);
	assert_int_equal(mount("small", stage.dir, "tmpfs", 0, "size=64k"), 0);
	fill_disk(ballast);
	start_and_wait(JOURNAL_FULL);
	put_incident(1, T0, 0);
	assert_int_equal(mount("small", stage.dir, "tmpfs", MS_REMOUNT, "size=4m"), 0);
	WAIT(state_now() == JOURNAL_OK);
	assert_int_equal(number("SELECT count(*) FROM incidents"), 1);
	stop();
	assert_int_equal(umount(stage.dir), 0);
}

static void read_only_disk(void **state)
{
	(void)state;
	if (!mount_small()) {
		print_message("needs root and a mount namespace\n");
		skip();
	}
	start();
	put_incident(1, T0, 0);
	stop();
	assert_int_equal(mount("small", stage.dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=512k"), 0);
	start_and_wait(JOURNAL_FAILED);
	assert_true(detail_has("Read-only"));
	put_incident(2, T0, 0);
	assert_int_equal(mount("small", stage.dir, "tmpfs", MS_REMOUNT, "size=512k"), 0);
	WAIT(state_now() == JOURNAL_OK);
	assert_int_equal(number("SELECT count(*) FROM incidents"), 2);
	stop();
	assert_int_equal(umount(stage.dir), 0);
}

/* ---- overflow ---- */

/* Without a thread: what is dropped, in which order. */
static void samples_give_way_then_events(void **state)
{
	(void)state;
	stage.options.directory[0] = '\0';
	start();
	stage.journal->hopeless = false; /* nobody takes anything out */
	for (uint64_t i = 0; i < 24; i++)
		put_sample(T0 + i);
	for (uint64_t i = 0; i < 1010; i++)
		put_event(0, T0 + i, "e");
	assert_int_equal(stage.journal->queue.count, JOURNAL_QUEUE_MAX);
	assert_int_equal(stage.journal->queue.lost.samples, 10);
	assert_true(stage.journal->queue.head->numbers[0] == T0 + 10); /* the oldest went */
	put_incident(1, T0, 0);
	assert_int_equal(stage.journal->queue.lost.samples, 11);
	for (uint64_t i = 0; i < 13; i++)
		put_event(0, T0 + 2000 + i, "e");
	assert_int_equal(stage.journal->queue.lost.samples, 24);
	put_event(0, T0, "e"); /* the newest event is this one */
	put_sample(T0);
	assert_int_equal(stage.journal->queue.lost.events, 1);
	assert_int_equal(stage.journal->queue.lost.samples, 25);
	put_incident(2, T0, 0);	    /* an event goes for it */
	put_incident(2, T0 + 1, 0); /* takes the place of the one before */
	assert_int_equal(stage.journal->queue.lost.events, 2);
	assert_true(stage.journal->queue.tail->numbers[INCIDENT_BEGAN] == T0 + 1);
	for (unsigned i = 0; i < 1200; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%u", i);
		journal_put_memory(stage.journal, key, "v");
	}
	assert_int_equal(stage.journal->queue.count, JOURNAL_QUEUE_MAX);
	assert_int_equal(stage.journal->queue.lost.others, 1200 - (JOURNAL_QUEUE_MAX - 2));
	assert_true(detail_has("lost: 25 samples"));
}

static void bytes_are_bounded_too(void **state)
{
	char text[JOURNAL_TEXT_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	stage.options.directory[0] = '\0';
	start();
	stage.journal->hopeless = false;
	for (unsigned i = 0; i < 1000; i++)
		put_event(0, T0, text);
	assert_in_range(stage.journal->queue.bytes, JOURNAL_QUEUE_BYTES - 10000, JOURNAL_QUEUE_BYTES);
	assert_true(stage.journal->queue.lost.events > 400);
}

/* The numbers after these words in all notes of what was lost, added up. */
#define NOTED_AFTER(words)                                                                \
	"SELECT coalesce(sum(CAST(substr(text, instr(text, '" words "') + length('" words \
	"')) AS INTEGER)), 0) "                                                           \
	"FROM events WHERE kind = 'note' AND text LIKE '%lost because too much%, 0 other%'"

static void lost_ones_are_noted(void **state)
{
	uint64_t events, samples;
	sqlite3 *sql;

	(void)state;
	start_and_wait(JOURNAL_OK);
	sql = open_beside(stage.path);
	exec_beside(sql, "BEGIN EXCLUSIVE");
	for (uint64_t i = 0; i < 300; i++)
		put_sample(T0 + i);
	put_events(1500);
	WAIT(state_now() == JOURNAL_LOCKED && detail_has("lost"));
	pthread_mutex_lock(&stage.journal->lock);
	samples = stage.journal->queue.lost.samples;
	events = stage.journal->queue.lost.events;
	pthread_mutex_unlock(&stage.journal->lock);
	assert_int_equal(samples + events, 1800 - JOURNAL_QUEUE_MAX);
	exec_beside(sql, "COMMIT");
	WAIT(state_now() == JOURNAL_OK);
	/* The queue is written in several steps, and each says what had been lost when it began. */
	WAIT(number(NOTED_AFTER("lost because too much had to wait: ")) == (int64_t)samples &&
	     number(NOTED_AFTER(" samples, ")) == (int64_t)events);
	WAIT(number(
		 "SELECT count(*) FROM events WHERE coalesce(text, '') NOT LIKE '%lost because too much%'") ==
	     1500 - (int64_t)events);
	assert_int_equal(number("SELECT count(*) FROM samples"), 300 - (int64_t)samples);
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
}

/* ---- beside keeper's children ---- */

#ifdef __has_feature
#define FEATURE(f) __has_feature(f)
#else
#define FEATURE(f) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || FEATURE(address_sanitizer) || \
    FEATURE(thread_sanitizer)
#define OWN_ALLOCATOR true /* of a sanitizer, which knows nothing of a raw clone(2) */
#else
#define OWN_ALLOCATOR false
#endif

#define CHILDREN 1000

static void child_allocates(void)
{
	void *blocks[200];

	alarm(5); /* ends a child that waits for ever */
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		blocks[i] = malloc(16 + i * 97 % 9000);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		free(blocks[i]);
	_exit(0);
}

/* A child that is cloned while the journal's thread frees what this thread has allocated finds the arena
 * locked, for ever. */
static void children_can_allocate(void **state)
{
	char text[4000];

	(void)state;
	if (OWN_ALLOCATOR)
		skip();
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	start_and_wait(JOURNAL_OK);
	for (unsigned i = 0; i < CHILDREN; i++) {
		int status = -1;
		pid_t pid;

		for (unsigned k = 0; k < 10; k++) {
			put_event(1, T0, text);
			put_event(1, T0, "short");
			put_sample(T0);
		}
		pid = child_clone(NULL, 0, NULL);
		if (pid == 0)
			child_allocates();
		assert_true(pid > 0);
		WAIT(waitpid(pid, &status, WNOHANG) == pid);
		assert_int_equal(status, 0);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(locked_and_released),
	    TEST(locked_from_the_start),
	    TEST(full_and_room_again),
	    TEST(full_makes_room_by_retention),
	    TEST(full_disk),
	    TEST(read_only_disk),
	    TEST(samples_give_way_then_events),
	    TEST(bytes_are_bounded_too),
	    TEST(lost_ones_are_noted),
	    TEST(children_can_allocate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
