/* The table of jobs: which directory is one, who gets a slot, what a damaged table comes to; and the worker's
 * side of it, over an arena without a mount. */
#include "fs/handle.h"
#include "fs/jobs.h"
#include "fs/room.h"
#include "fs/shares.h"
#include "fs/node_table.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;
static struct slot *slot;

static int set_up(void **state)
{
	int fd, error;

	(void)state;
	arena = arena_create(&fd, &error);
	if (!arena)
		return -1;
	close(fd);
	fs.arena = arena;
	fs.board = &arena->board;
	fs.config = &arena->board.config;
	arena->board.config.n_job_patterns = 2;
	strcpy(arena->board.config.job_patterns[0], "*/[0-9]*__*");
	strcpy(arena->board.config.job_patterns[1], "imports/*");
	slot = &arena->slots[0];
	call.slot = slot;
	arena->nodes[0].backend = NODE_LOCAL;
	arena->nodes[0].parent = NODE_NONE;
	atomic_store(&arena->nodes_used, 1);
	atomic_store(&arena->nodes[0].state, NODE_LIVE);
	shares_init(1 << 20, 16, true, room_whole());
	return node_init() || handle_init() ? -1 : (jobs_init(), 0);
}

/* Node and name tables live as long as a worker: nothing frees them. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static int tear_down(void **state)
{
	(void)state;
	call.slot = NULL;
	for (uint32_t i = 0; i < NTABLE_SHARDS; i++)
		free(ntable.shards[i].buckets);
	name_allocator_free(ntable.names);
	munmap(ntable.links, (size_t)NODE_MAX * sizeof(struct node_link));
	arena_unmap(arena);
	return 0;
}

/* ---- which path ---- */

static void a_pattern_names_directories(void **state)
{
	static const struct {
		const char *pattern, *path;
		size_t length;
	} cases[] = {
	    {"*/[0-9]*__*", "hc/2026__x/log", 10},
	    {"*/[0-9]*__*", "hc/2026__x/.tmp1/collections/crawl-1/archive/rec.warc.gz", 10},
	    {"*/[0-9]*__*", "hc/2026__x", 0}, /* the directory itself, or a file of that name */
	    {"*/[0-9]*__*", "hc/other/log", 0},
	    {"*/[0-9]*__*", "hc", 0},
	    {"*/[0-9]*__*", "a/hc/2026__x/log", 0}, /* deeper */
	    {"*/[0-9]*__*", ".guardfs/0__x/log", 0},
	    {"imports/*", "imports/one/two/three", 11},
	    {"imports/*", "imports/.hidden/file", 0},
	    {"imports/*", "import/one/file", 0},
	    {"*", "job/file", 3},
	    {"*", "file", 0},
	    {"a/b/c", "a/b/c/d", 5},
	    {"a/b/c", "a/b/c", 0},
	    {"*", "", 0},
	    {"*", "/x", 0},
	};
	char path[2 * JOB_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(job_match(cases[i].pattern, cases[i].path), cases[i].length);
	memset(path, 'x', sizeof(path));
	strcpy(path + JOB_NAME_MAX - 1, "/f");
	assert_int_equal(job_match("*", path), JOB_NAME_MAX - 1);
	memset(path, 'x', sizeof(path));
	strcpy(path + JOB_NAME_MAX, "/f");
	assert_int_equal(job_match("*", path), 0); /* too long to be kept */
}

/* ---- the worker's side ---- */

/* A directory of the local tier below parent; and a file last found there. */
static struct node *make_node(uint32_t parent, const char *name, mode_t mode)
{
	static uint8_t number;
	struct found found = {.fh_type = 1, .fh_length = 8};

	found.fh[0] = ++number;
	found.fh[1] = (uint8_t)parent;
	memcpy(found.fh + 2, name, MIN(strlen(name), (size_t)6));
	found.st.st_mode = mode;
	found.st.st_ino = number;
	return node_intern_local(parent, name, &found, true);
}

static struct node *make_directory(uint32_t parent, const char *name)
{
	return make_node(parent, name, S_IFDIR | 0755);
}

static struct handle *open_as(uint32_t job, const struct node *node, int flags)
{
	struct handle *h = handle_new(node_index(node), HANDLE_FILE, NODE_LOCAL, flags, -1, 0, HANDLE_NAMED);

	assert_non_null(h);
	jobs_opened(h, job);
	return h;
}

static struct job_view view_of(uint32_t job)
{
	struct job_view v;

	assert_true(job_view(&arena->jobs, job - 1, &v));
	return v;
}

static void files_find_their_job(void **state)
{
	struct node *hc = make_directory(0, "hc"), *dir = make_directory(node_index(hc), "20260101__a");
	struct node *below = make_directory(node_index(dir), ".tmp"),
		    *file = make_node(node_index(below), "rec.warc", S_IFREG | 0644),
		    *outside = make_node(node_index(hc), "file", S_IFREG | 0644);
	uint32_t job;

	(void)state;
	assert_int_equal(jobs_enter(outside), JOB_NONE);
	assert_int_equal(jobs_enter_below(hc), JOB_NONE);
	job = jobs_enter(file);
	assert_int_not_equal(job, JOB_NONE);
	assert_string_equal(view_of(job).name, "hc/20260101__a");
	assert_int_equal(atomic_load(&slot->job), job);
	assert_int_equal(jobs_enter_below(dir), job);
	assert_int_equal(jobs_enter_below(below), job);
	assert_int_equal(view_of(job).handles, 3);
	/* Its directory is forgotten, and the record another's: nobody's file. */
	below->generation++;
	assert_int_equal(jobs_enter(file), JOB_NONE);
	/* Without patterns nothing is looked for. */
	arena->board.config.n_job_patterns = 0;
	assert_int_equal(jobs_enter_below(dir), JOB_NONE);
}

static void what_is_done_is_counted(void **state)
{
	struct node *imports = make_directory(0, "imports"),
		    *dir = make_directory(node_index(imports), "one");
	struct node *file = make_node(node_index(dir), "log", S_IFREG | 0644);
	uint64_t now_ns = jobs_now_ns();
	struct handle *writer, *reader;
	struct job_view v;
	uint32_t job = jobs_enter(file);

	(void)state;
	writer = open_as(job, file, O_WRONLY);
	reader = open_as(jobs_enter(file), file, O_RDONLY);
	assert_int_equal(view_of(job).handles, 2);
	assert_int_equal(view_of(job).writers, 1);
	jobs_done(writer, true, 100);
	jobs_done(writer, true, 11);
	jobs_done(reader, false, 7);
	jobs_done(reader, false, 0);
	jobs_done(reader, false, -ENOENT); /* none of ours */
	jobs_done(writer, true, -ENOSPC);
	jobs_begin(writer);
	jobs_error(ERRCLASS_TIMEOUT);
	v = view_of(job);
	assert_int_equal(v.written_bytes, 111);
	assert_int_equal(v.read_bytes, 7);
	assert_int_equal(v.ops, 6);
	assert_int_equal(v.opens, 2);
	assert_int_equal(v.n_errors, 2);
	assert_int_equal(v.errors[ERRCLASS_FULL], 1);
	assert_int_equal(v.errors[ERRCLASS_TIMEOUT], 1);
	assert_int_equal(v.last_error, ERRCLASS_TIMEOUT);
	assert_true(v.progress_ns >= now_ns && v.active_ns >= v.progress_ns && v.writing_since_ns >= now_ns);
	assert_int_equal(v.writer_closed_ns, 0);
	jobs_closed(writer);
	jobs_closed(writer); /* once is enough */
	assert_int_equal(view_of(job).writers, 0);
	assert_true(view_of(job).writer_closed_ns >= now_ns);
	/* A task that comes back late finds the file released. */
	jobs_done(writer, true, 1000);
	assert_int_equal(view_of(job).written_bytes, 111);
	jobs_closed(reader);
	assert_int_equal(view_of(job).handles, 0);
}

static void a_new_worker_counts_open_files_again(void **state)
{
	struct node *imports = make_directory(0, "imports"),
		    *dir = make_directory(node_index(imports), "one");
	uint32_t job = jobs_enter_below(dir);
	struct handle *h = open_as(job, dir, O_RDWR), *released, *astray;

	(void)state;
	jobs_done(h, true, 5);
	released = open_as(jobs_enter_below(dir), dir, O_RDWR);
	atomic_store(&released->closing, 1);
	astray = open_as(JOB_NONE, dir, O_RDWR);
	atomic_store(&astray->job, JOB_MAX); /* a slot that is nobody's */
	jobs_enter_below(dir);		     /* a worker that died within an open */
	assert_int_equal(view_of(job).handles, 3);
	jobs_init();
	assert_int_equal(view_of(job).handles, 1);
	assert_int_equal(view_of(job).writers, 1);
	assert_int_equal(view_of(job).written_bytes, 5);
	assert_int_equal(atomic_load(&astray->job), JOB_NONE);
	assert_int_equal(jobs_enter_below(dir), job); /* found again by its name */
}

static void the_longest_idle_gives_way(void **state)
{
	struct node *imports = make_directory(0, "imports");
	uint32_t jobs[JOB_MAX], again;

	(void)state;
	for (uint32_t i = 0; i < JOB_MAX; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%u", i);
		jobs[i] = jobs_enter_below(make_directory(node_index(imports), name));
		assert_int_not_equal(jobs[i], JOB_NONE);
		atomic_store(&arena->jobs.jobs[jobs[i] - 1].active_ns, 1000 + i);
	}
	/* All have a file open: none gives way, and what is new is not counted. */
	assert_int_equal(jobs_enter_below(make_directory(node_index(imports), "new")), JOB_NONE);
	assert_int_equal(atomic_load(&arena->jobs.missed), 1);
	for (uint32_t i = 5; i < 10; i++)
		jobs_leave(jobs[i]);
	again = jobs_enter_below(make_directory(node_index(imports), "new"));
	assert_int_equal(again, jobs[5]);
	assert_string_equal(view_of(again).name, "imports/new");
	assert_int_equal(view_of(again).active_ns, 0);
	assert_int_equal(atomic_load(&arena->jobs.evicted), 1);
	assert_int_equal(atomic_load(&arena->jobs.used), JOB_MAX);
	/* Whom it was taken from gets another, and is found under its name no more than once. */
	again = jobs_enter_below(make_directory(node_index(imports), "5"));
	assert_int_equal(again, jobs[6]);
	assert_int_equal(jobs_enter_below(make_directory(node_index(imports), "5")), again);
	assert_int_equal(view_of(again).handles, 2);
}

/* ---- a table of any content ---- */

static void a_damaged_table_makes_sense_again(void **state)
{
	struct job_table *t = &arena->jobs;
	struct job_view v;

	(void)state;
	memset(t, 0xa5, sizeof(*t));
	assert_true(job_check(t) > 0);
	assert_true(atomic_load(&t->used) <= JOB_MAX);
	for (uint32_t i = 0; i < JOB_MAX; i++)
		assert_false(job_view(t, i, &v)); /* names that do not end */
	assert_int_equal(job_check(t), 0);
	strcpy(t->jobs[3].name, "odd");
	atomic_store(&t->jobs[3].state, JOB_LIVE);
	assert_true(job_view(t, 3, &v)); /* before a check, too */
	assert_true(v.last_error < ERRCLASS_COUNT);
	assert_true(job_check(t) > 0);
	assert_int_equal(atomic_load(&t->jobs[3].last_error), ERRCLASS_IO_ERROR);
	assert_false(job_view(t, JOB_MAX, &v));
	assert_false(job_view(t, UINT32_MAX, &v));
	job_error(t, 0, ERRCLASS_TIMEOUT, 1);
	job_error(t, JOB_MAX + 1, ERRCLASS_TIMEOUT, 1);
	job_error(t, UINT32_MAX, ERRCLASS_TIMEOUT, 1);
	job_error(t, 1, ERRCLASS_COUNT, 1);
	jobs_init();
}

int main(void)
{
#define IN_AN_ARENA(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_pattern_names_directories), IN_AN_ARENA(files_find_their_job),
	    IN_AN_ARENA(what_is_done_is_counted),	   IN_AN_ARENA(a_new_worker_counts_open_files_again),
	    IN_AN_ARENA(the_longest_idle_gives_way),	   IN_AN_ARENA(a_damaged_table_makes_sense_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
