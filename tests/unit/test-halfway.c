/* Renames that broke off halfway: what one worker has noted the next one finishes, and takes nothing for a note that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fs/halfway.h"
#include "fs/halfway_finish.h"
#include "fs/handle.h"
#include "fs/view.h"
#include "worker-util.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/syscall.h>
#include <time.h>

#define SIZE 4711

/* No time passes but what tests say. */
static uint64_t passed_ns;

int clock_gettime(clockid_t clock, struct timespec *t)
{
	uint64_t now_ns = 1000 * NSEC_PER_SEC + passed_ns;

	if (clock != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, clock, t);
	*t = (struct timespec){.tv_sec = (time_t)(now_ns / NSEC_PER_SEC),
			       .tv_nsec = (long)(now_ns % NSEC_PER_SEC)};
	return 0;
}

/* For so long the kernel may answer for a name from memory. */
#define REMEMBERED_NS (2 * NSEC_PER_SEC)

static uint32_t make_directory(const char *name)
{
	const struct stat st = {.st_mode = S_IFDIR | 0755};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_UNHELD);
	struct node *dir = node_intern_guarded(&fs.guarded[0], node_index(root), name, &st, NODE_PINNED);

	CHECK(dir);
	return node_index(dir);
}

static void make_file(uint32_t dir, const char *name)
{
	const struct stat st = {.st_mode = S_IFREG | 0644, .st_size = SIZE};
	struct node *file = node_intern_guarded(&fs.guarded[0], dir, name, &st, NODE_LOOKED_UP);

	CHECK(file);
	node_remember(file, &st);
}

/* The rename of one known file over another. */
static void note_rename_over(bool is_open, uint32_t from, const char *name, uint32_t to, const char *newname)
{
	struct {
		struct fuse_in_header header;
		struct fuse_rename_in rename;
		char names[2 * NAME_MAX + 2];
	} request = {
	    .header = {.opcode = FUSE_RENAME, .unique = 7, .nodeid = node_id(&fs.arena->nodes[from], from)},
	    .rename = {.newdir = node_id(&fs.arena->nodes[to], to)}};

	make_file(from, name);
	make_file(to, newname);
	if (is_open)
		CHECK(handle_new(node_index(node_find_guarded(to, newname, NODE_UNHELD)), HANDLE_FILE, 0,
				 O_RDONLY, open("/dev/null", O_RDONLY), 1, HANDLE_NAMED));
	request.header.len = (uint32_t)sizeof(request);
	memcpy(request.names, name, strlen(name) + 1);
	memcpy(request.names + strlen(name) + 1, newname, strlen(newname) + 1);
	memcpy(fs.arena->buffers[0], &request, sizeof(request));
	halfway_note(fs.arena->buffers[0]);
}

static void note_rename(uint32_t from, const char *name, uint32_t to, const char *newname)
{
	note_rename_over(false, from, name, to, newname);
}

/* ---- workers ---- */

/* Nobody had it open: sshfs asked for one step, and what the kernel remembers does not matter. */
static void waits_for_the_verdict_alone(void)
{
	uint32_t dir = make_directory("dir");
	struct halfway h;

	halfway_init();
	atomic_store(&fs.board->backends[0].breaker, breaker_word(1, true));
	atomic_store(&fs.arena->slots[0].epoch, 1);
	note_rename_over(false, dir, "next", dir, "published");
	CHECK(halfway_are_noted(0) && !halfway_may_finish(0));
	atomic_fetch_add(&fs.board->backends[0].verdicts, 1);
	CHECK(halfway_may_finish(0) && halfway_take(0, &h));
}

static void waits_for_another_connection(void)
{
	uint32_t dir = make_directory("dir");
	struct halfway h;

	halfway_init();
	atomic_store(&fs.arena->slots[0].epoch, 1);
	note_rename_over(true, dir, "next", dir, "published");
	CHECK(halfway_are_noted(0) && !halfway_may_finish(0) && !halfway_take(0, &h));
	/* A probe is asked for. Its verdict comes too soon: the kernel still remembers the name. */
	CHECK(atomic_load(&fs.board->backends[0].suspect) == 1);
	atomic_fetch_add(&fs.board->backends[0].verdicts, 1);
	CHECK(halfway_are_noted(0) && !halfway_may_finish(0));
	atomic_store(&fs.board->backends[0].breaker, breaker_word(1, false));
	CHECK(!halfway_may_finish(0));
}

static void have_verdict(void)
{
	atomic_fetch_add(&fs.board->backends[0].verdicts, 1);
}

static uint32_t note_open_one(const char *newname)
{
	uint32_t dir = make_directory("dir");

	halfway_init();
	atomic_store(&fs.board->backends[0].breaker, breaker_word(1, true));
	call.slot = &fs.arena->slots[0];
	atomic_store(&call.slot->epoch, 1);
	note_rename_over(true, dir, "next", dir, newname);
	CHECK(halfway_are_noted(0) && !halfway_may_finish(0));
	return dir;
}

/* The verdict, and the time, and a breaker that is closed. */
static void waits_for_all_three(void)
{
	struct halfway h;

	note_open_one("published");
	have_verdict();
	passed_ns = REMEMBERED_NS - 1;
	CHECK(!halfway_may_finish(0));
	passed_ns = REMEMBERED_NS;
	CHECK(halfway_may_finish(0));
	atomic_store(&fs.board->backends[0].breaker, breaker_word(1, false));
	CHECK(!halfway_may_finish(0) && !halfway_take(0, &h));
	atomic_store(&fs.board->backends[0].breaker, breaker_word(1, true));
	CHECK(halfway_take(0, &h) && h.was_open && strcmp(h.newname, "published") == 0);
}

/* One of before the rename broke off says nothing, and their number may wrap. */
static void waits_for_a_verdict_of_its_own(void)
{
	atomic_store(&fs.board->backends[0].verdicts, UINT32_MAX);
	note_open_one("published");
	passed_ns = 10 * REMEMBERED_NS;
	CHECK(!halfway_may_finish(0));
	have_verdict();
	CHECK(atomic_load(&fs.board->backends[0].verdicts) == 0 && halfway_may_finish(0));
}

/* A try in vain asks for another verdict, and takes as long again. */
static void waits_again_after_a_try(void)
{
	struct halfway h;

	note_open_one("published");
	have_verdict();
	passed_ns = REMEMBERED_NS;
	CHECK(halfway_take(0, &h));
	halfway_begin_try(0, &h);
	halfway_give_back(0, &h);
	have_verdict();
	passed_ns = 2 * REMEMBERED_NS - 1;
	CHECK(halfway_are_noted(0) && !halfway_may_finish(0));
	passed_ns = 2 * REMEMBERED_NS;
	CHECK(halfway_may_finish(0) && halfway_take(0, &h));
}

static void waits_no_longer_over_another_connection(void)
{
	note_open_one("published");
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, true));
	CHECK(halfway_may_finish(0));
}

/* Of a closed file, noted later, none waits for one that was open. */
static void keeps_no_other_waiting(void)
{
	uint32_t dir = note_open_one("published");
	struct halfway h;

	note_rename(dir, "other", dir, "closed");
	have_verdict();
	CHECK(halfway_take(0, &h) && strcmp(h.newname, "closed") == 0 && !halfway_may_finish(0));
	halfway_end(0, &h);
	CHECK(halfway_are_noted(0));
	passed_ns = REMEMBERED_NS;
	CHECK(halfway_take(0, &h) && strcmp(h.newname, "published") == 0);
}

/* A successor cannot know whether the file was open. */
static void notes_a_closed_one_and_dies(void)
{
	uint32_t dir = make_directory("dir");

	halfway_init();
	atomic_store(&fs.board->backends[0].breaker, breaker_word(1, true));
	atomic_store(&fs.arena->slots[0].epoch, 1);
	note_rename(dir, "next", dir, "published");
}

static void takes_it_for_open(void)
{
	halfway_init();
	have_verdict();
	CHECK(halfway_are_noted(0) && !halfway_may_finish(0));
	passed_ns = REMEMBERED_NS;
	CHECK(halfway_may_finish(0));
}

static void goes_on_waiting(void)
{
	struct halfway h;

	halfway_init();
	CHECK(halfway_are_noted(0) && !halfway_may_finish(0) && !halfway_take(0, &h));
	atomic_store(&fs.board->backends[0].breaker, breaker_word(1, true));
	CHECK(!halfway_may_finish(0) && !halfway_take(0, &h));
	atomic_store(&fs.board->backends[0].breaker, breaker_word(2, true));
	CHECK(halfway_may_finish(0) && halfway_take(0, &h));
	/* Tried, in vain, over this one. */
	call.slot = &fs.arena->slots[0];
	atomic_store(&call.slot->epoch, 2);
	halfway_begin_try(0, &h);
	halfway_give_back(0, &h);
	CHECK(halfway_are_noted(0) && !halfway_may_finish(0));
}

/* Nothing but the note keeps the directories: the kernel has forgotten all. */
static void notes_and_dies(void)
{
	uint32_t from = make_directory("from"), to = make_directory("to");

	halfway_init();
	note_rename(from, "next", to, "published");
	CHECK(halfway_are_noted(0));
	for (uint32_t i = 0; i < atomic_load(&fs.arena->nodes_used); i++)
		if (S_ISREG(fs.arena->nodes[i].mode))
			node_forget(&fs.arena->nodes[i], 1);
	node_unpin(&fs.arena->nodes[from]);
	node_unpin(&fs.arena->nodes[to]);
}

static void is_named(uint32_t node, const char *name)
{
	CHECK(atomic_load(&fs.arena->nodes[node].state) == NODE_LIVE);
	CHECK(strcmp(name_get(&fs.arena->names, fs.arena->nodes[node].name), name) == 0);
}

static void takes_and_dies(void)
{
	struct halfway h;

	halfway_init();
	CHECK(halfway_are_noted(0) && halfway_take(0, &h));
	is_named(h.from, "from");
	is_named(h.to, "to");
	CHECK(strcmp(h.name, "next") == 0 && strcmp(h.newname, "published") == 0 && h.size == SIZE);
	CHECK(halfway_are_noted(0) && !halfway_take(0, &h));
}

static void tries_and_dies(void)
{
	struct halfway h;

	halfway_init();
	CHECK(halfway_take(0, &h));
	call.slot = &fs.arena->slots[0];
	halfway_begin_try(0, &h);
}

static void ends(void)
{
	struct halfway h;

	halfway_init();
	CHECK(halfway_take(0, &h));
	halfway_give_back(0, &h);
	CHECK(halfway_are_noted(0) && halfway_take(0, &h));
	halfway_end(0, &h);
	CHECK(!halfway_are_noted(0));
}

static void has_nothing(void)
{
	struct halfway h;

	halfway_init();
	CHECK(!halfway_are_noted(0) && !halfway_take(0, &h));
	for (unsigned b = 0; b < CONFIG_BACKENDS_MAX; b++)
		for (uint32_t i = 0; i < HALFWAY_MAX; i++)
			CHECK(!atomic_load(&fs.arena->halfway.records[b][i].seal));
}

static void has_one(void)
{
	struct halfway h;

	halfway_init();
	CHECK(halfway_take(0, &h) && !halfway_take(0, &h));
}

/* Storage: what stands at the two names, and what it was asked for. */
static struct {
	uint32_t renamed;
	bool published;
} storage;

static errint_t lookup(struct backend *b, uint32_t parent, const char *name, struct found *found)
{
	(void)b;
	is_named(parent, strcmp(name, "next") == 0 ? "from" : "to");
	*found = (struct found){.st = {.st_mode = S_IFREG | 0644, .st_size = SIZE}};
	return strcmp(name, "published") == 0 && !storage.published ? -ENOENT : 0;
}

/* As sshfs, which makes no FIFO. */
static errint_t mknod_(struct backend *b, uint32_t parent, const char *name, mode_t mode, dev_t rdev,
		       const struct caller *c, struct found *found)
{
	(void)b, (void)rdev, (void)c, (void)found;
	is_named(parent, "to");
	CHECK(strcmp(name, "published") == 0 && S_ISFIFO(mode));
	return storage.published ? -EEXIST : -EPERM;
}

static errint_t rename_(struct backend *b, uint32_t parent, const char *name, uint32_t newparent,
			const char *newname, unsigned flags)
{
	(void)b;
	is_named(parent, "from");
	is_named(newparent, "to");
	CHECK(strcmp(name, "next") == 0 && strcmp(newname, "published") == 0 && flags == 0);
	storage.renamed++;
	return 0;
}

static const struct backend_ops ops = {.lookup = lookup, .mknod = mknod_, .rename = rename_};

static void finish(void)
{
	fs.guarded[0].ops = &ops;
	call.slot = &fs.arena->slots[0];
	call.buffer = fs.arena->buffers[0];
	halfway_init();
	CHECK(halfway_may_finish(0));
	halfway_finish(0);
	CHECK(!halfway_are_noted(0));
}

static void finishes(void)
{
	finish();
	CHECK(storage.renamed == 1);
}

static void finds_it_finished(void)
{
	storage.published = true;
	finish();
	CHECK(storage.renamed == 0);
}

static void notes_too_many(void)
{
	uint32_t dir = make_directory("dir");
	struct halfway h;
	char name[16];

	halfway_init();
	for (uint32_t i = 0; i <= HALFWAY_MAX; i++) {
		snprintf(name, sizeof(name), "published%u", i);
		note_rename(dir, "next", dir, name);
		note_rename(dir, "other", dir, name); /* of one name one is enough */
	}
	for (uint32_t i = 0; i < HALFWAY_MAX; i++)
		CHECK(halfway_take(0, &h) && strcmp(h.name, "next") == 0);
	CHECK(!halfway_take(0, &h));
}

static void has_as_many_as_there_is_room_for(void)
{
	struct halfway h;
	uint32_t n = 0;

	halfway_init();
	while (halfway_take(0, &h)) {
		halfway_end(0, &h);
		n++;
	}
	CHECK(n == HALFWAY_MAX && !halfway_are_noted(0));
}

/* ---- tests ---- */

static void a_note_outlives_its_worker(void **state)
{
	(void)state;
	assert_int_equal(as_worker(notes_and_dies), 0);
	assert_int_equal(as_worker(takes_and_dies), 0);
	/* Taken and not ended is noted still. */
	assert_int_equal(as_worker(takes_and_dies), 0);
	assert_int_equal(as_worker(ends), 0);
	assert_int_equal(as_worker(has_nothing), 0);
}

static void but_for_the_verdict_where_the_file_was_closed(void **state)
{
	(void)state;
	assert_int_equal(as_worker(waits_for_the_verdict_alone), 0);
}

#define WORKER(function)                                  \
	static void test_##function(void **state)         \
	{                                                 \
		(void)state;                              \
		assert_int_equal(as_worker(function), 0); \
	}
WORKER(waits_for_all_three)
WORKER(waits_for_a_verdict_of_its_own)
WORKER(waits_again_after_a_try)
WORKER(waits_no_longer_over_another_connection)
WORKER(keeps_no_other_waiting)

static void a_successor_takes_it_for_open(void **state)
{
	(void)state;
	assert_int_equal(as_worker(notes_a_closed_one_and_dies), 0);
	assert_int_equal(as_worker(takes_it_for_open), 0);
}

static void nobody_looks_over_the_same_connection(void **state)
{
	(void)state;
	assert_int_equal(as_worker(waits_for_another_connection), 0);
	assert_int_equal(as_worker(goes_on_waiting), 0);
	assert_int_equal(atomic_load(&fs.arena->halfway.records[0][0].epoch), 2);
	assert_int_equal(atomic_load(&fs.arena->halfway.records[0][0].tries), 1);
}

static void the_next_worker_finishes_it(void **state)
{
	(void)state;
	assert_int_equal(as_worker(notes_and_dies), 0);
	assert_int_equal(as_worker(finishes), 0);
	assert_int_equal(as_worker(has_nothing), 0);
}

static void or_finds_that_its_predecessor_has(void **state)
{
	(void)state;
	assert_int_equal(as_worker(notes_and_dies), 0);
	assert_int_equal(as_worker(tries_and_dies), 0);
	assert_int_equal(as_worker(finds_it_finished), 0);
	assert_int_equal(as_worker(has_nothing), 0);
}

static void one_that_workers_die_of_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(as_worker(notes_and_dies), 0);
	for (uint32_t i = 0; i < HALFWAY_TRIES_MAX; i++)
		assert_int_equal(as_worker(tries_and_dies), 0);
	assert_int_equal(as_worker(has_nothing), 0);
}

static void notes_are_bounded(void **state)
{
	(void)state;
	assert_int_equal(as_worker(notes_too_many), 0);
	assert_int_equal(as_worker(has_as_many_as_there_is_room_for), 0);
	assert_int_equal(as_worker(has_nothing), 0);
}

/* A predecessor's note, and whichever nonsense is made of it. */
static struct halfway_record *one_note(void)
{
	assert_int_equal(as_worker(notes_and_dies), 0);
	assert_true(atomic_load(&fs.arena->halfway.records[0][0].seal) ==
		    halfway_seal(&fs.arena->halfway.records[0][0]));
	return &fs.arena->halfway.records[0][0];
}

static void a_half_written_note_is_none(void **state)
{
	struct halfway_record *r = one_note();

	(void)state;
	memset(r->newname, 'x', 3);
	assert_int_equal(as_worker(has_nothing), 0);
	/* Nor one that was never completed. */
	r = one_note();
	atomic_store(&r->seal, 0);
	assert_int_equal(as_worker(has_nothing), 0);
}

/* Sealed as a true one is. */
static void is_refused(struct halfway_record *r)
{
	atomic_store(&r->seal, halfway_seal(r));
	assert_int_equal(as_worker(has_nothing), 0);
	assert_int_equal(arena_check(fs.arena), 0);
	*r = (struct halfway_record){0};
}

static uint32_t find_node(const char *name)
{
	for (uint32_t i = 0; i < atomic_load(&fs.arena->nodes_used); i++)
		if (strcmp(name_get(&fs.arena->names, fs.arena->nodes[i].name), name) == 0)
			return i;
	return NODE_NONE;
}

static void hostile_names_are_refused(void **state)
{
	static const char *const names[] = {"", ".", "..", "a/b", "/"};
	struct halfway_record *r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		r = one_note();
		(void)copy_string(r->name, sizeof(r->name), names[i]);
		is_refused(r);
		r = one_note();
		(void)copy_string(r->newname, sizeof(r->newname), names[i]);
		is_refused(r);
	}
	r = one_note();
	memset(r->name, 'x', sizeof(r->name));
	is_refused(r);
	r = one_note();
	memset(r->newname, 'x', sizeof(r->newname));
	is_refused(r);
}

static void hostile_directories_are_refused(void **state)
{
	struct halfway_record *r = one_note();

	(void)state;
	r->from = 0;
	is_refused(r);
	r = one_note();
	r->to = UINT64_MAX;
	is_refused(r);
	r = one_note();
	r->to = NODE_MAX;
	is_refused(r);
	r = one_note();
	r->from += 1ull << 32; /* another generation */
	is_refused(r);
	r = one_note();
	r->from = 1; /* the local root */
	is_refused(r);
	r = one_note();
	fs.arena->nodes[find_node("to")].mode = S_IFREG | 0644;
	is_refused(r);
}

static void notes_of_other_backends_are_refused(void **state)
{
	struct halfway_record *r = one_note();

	(void)state;
	r->backend = 1;
	is_refused(r);
	r = one_note();
	r->backend = UINT32_MAX;
	is_refused(r);
	/* At another backend's place, without one there. */
	r = one_note();
	r->backend = CONFIG_BACKENDS_MAX - 1;
	atomic_store(&r->seal, halfway_seal(r));
	memcpy(&fs.arena->halfway.records[r->backend][0], r, sizeof(*r));
	is_refused(r);
	r = one_note();
	fs.board->config.backends[0].type = BACKEND_SFTP;
	is_refused(r);
}

/* Guardian's next one looks first. */
static void the_check_of_the_arena_tells_them_apart(void **state)
{
	struct halfway_record *r = one_note();

	(void)state;
	(void)arena_check(fs.arena);
	assert_true(atomic_load(&r->seal));
	assert_int_equal(as_worker(has_one), 0);
	atomic_store(&r->tries, UINT32_MAX);
	assert_int_equal(arena_check(fs.arena), 1);
	assert_false(atomic_load(&r->seal));
}

static void noise_is_survived(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 5; round++) {
		unsigned char *p = (unsigned char *)&fs.arena->halfway;

		for (size_t i = 0; i < sizeof(fs.arena->halfway); i++)
			p[i] = (unsigned char)rand_r(&seed);
		assert_int_equal(as_worker(has_nothing), 0);
	}
}

static int set_up(void **state)
{
	if (setup_arena(state) < 0)
		return -1;
	fs.board->fds.nudge = -1; /* nobody */
	return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_note_outlives_its_worker),
	    TEST(nobody_looks_over_the_same_connection),
	    TEST(but_for_the_verdict_where_the_file_was_closed),
	    TEST(test_waits_for_all_three),
	    TEST(test_waits_for_a_verdict_of_its_own),
	    TEST(test_waits_again_after_a_try),
	    TEST(test_waits_no_longer_over_another_connection),
	    TEST(test_keeps_no_other_waiting),
	    TEST(a_successor_takes_it_for_open),
	    TEST(the_next_worker_finishes_it),
	    TEST(or_finds_that_its_predecessor_has),
	    TEST(one_that_workers_die_of_is_dropped),
	    TEST(notes_are_bounded),
	    TEST(a_half_written_note_is_none),
	    TEST(hostile_names_are_refused),
	    TEST(hostile_directories_are_refused),
	    TEST(notes_of_other_backends_are_refused),
	    TEST(the_check_of_the_arena_tells_them_apart),
	    TEST(noise_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
