/* Looks at a file that another client replaces: which of them are believed, and what the kernel is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "fs/context.h"
#include "fs/behind.h"
#include "fs/guard.h"
#include "fs/look.h"
#include "fs/view.h"
#include "worker-util.h"

#include <errno.h>
#include <fcntl.h>

/* Storage: how the file that is open ends, and what is shown under its name, look by look; the last one
 * stays.
 */
static off_t opened_size;
static off_t shown[4];
static unsigned n_shown, n_looks;
static time_t shown_mtime;
static bool connection_lost;

static errint_t fake_open(struct backend *b, uint32_t node, int flags, int *ref)
{
	(void)b;
	(void)node;
	(void)flags;
	*ref = open("/dev/null", O_RDONLY);
	return 0;
}

static errint_t fake_look(struct backend *b, uint32_t node, int ref, struct stat *st)
{
	(void)b;
	(void)node;
	CHECK(ref >= 0);
	*st = (struct stat){.st_mode = S_IFREG, .st_size = shown[MIN(n_looks, n_shown - 1)]};
	st->st_mtim.tv_sec = shown_mtime;
	n_looks++;
	return 0;
}

static errint_t fake_compare_end(struct backend *b, int ref, off_t end)
{
	(void)b;
	CHECK(ref >= 0);
	if (connection_lost)
		return -ECONNABORTED;
	return end < opened_size ? END_BEYOND : end == opened_size ? END_THERE : END_BEFORE;
}

static const struct backend_ops fake = {
    .open = fake_open, .release = fake_close, .look = fake_look, .compare_end = fake_compare_end};

static int messages; /* what is sent to the kernel */

/* How many it has been sent since the last time. */
static unsigned n_messages(void)
{
	uint8_t buf[4096];
	ssize_t n = read(messages, buf, sizeof(buf));

	return n > 0 ? (unsigned)n / 40 : 0;
}

/* A file of 100 bytes, as the kernel knows it. */
static struct node *known_file(void)
{
	const struct stat st = {.st_mode = S_IFREG, .st_size = 100};
	struct node *root = view_backend_root(&fs.guarded[0], NODE_LOOKED_UP);
	int ends[2];

	CHECK(look_init() == 0);
	CHECK(pipe2(ends, O_NONBLOCK) == 0);
	messages = ends[0];
	fs.dev_fd = ends[1];
	fs.guarded[0].ops = &fake;
	call.slot = &fs.arena->slots[0];
	call.buffer = fs.arena->buffers[0];
	call.entered_ns = clock_mono_ns();
	return node_intern_guarded(&fs.guarded[0], node_index(root), "f", &st, NODE_LOOKED_UP);
}

static void begin(struct node *node, struct opened *o)
{
	*o = (struct opened){.ref = -1};
	look_begin(&fs.guarded[0], node, o);
	CHECK(fake_open(&fs.guarded[0], node_index(node), O_RDONLY, &o->ref) == 0);
}

/* The file that is opened has `size`. */
static void look(struct node *node, struct opened *o, off_t size)
{
	opened_size = shown[0] = size;
	n_shown = 1;
	n_looks = 0;
	CHECK(look_at_opened(&fs.guarded[0], node, O_RDONLY, o) == 0);
	look_leave(node);
}

static struct handle *accept_as(struct node *node, struct opened *o, enum handle_name name)
{
	struct handle *h = handle_new(node_index(node), HANDLE_FILE, 0, O_RDONLY, o->ref, 1, HANDLE_STRAY);

	CHECK(look_accept(&fs.guarded[0], node, O_RDONLY, o, h) == (name == HANDLE_NAMED));
	CHECK(h->unlinked == name);
	return h;
}

static void answer(struct node *node, uint64_t known, off_t size, off_t told)
{
	struct stat st = {.st_mode = S_IFREG, .st_size = size};

	look_tell(&fs.guarded[0], node, known, &st);
	CHECK(st.st_size == told);
	CHECK(node_size(node) == (uint64_t)told);
}

/* The first reader may be asking already, and after a second message would not be believed what it is told.
 */
static void one_version_is_told_of_once(void)
{
	struct node *node = known_file();
	struct opened first, second;

	begin(node, &first);
	begin(node, &second);
	look(node, &first, 200);
	look(node, &second, 200);
	accept_as(node, &first, HANDLE_NAMED);
	CHECK(n_messages() == 1);
	accept_as(node, &second, HANDLE_NAMED);
	CHECK(n_messages() == 0);
	CHECK(first.changed && second.changed);
}

static void two_versions_are_not_read_through_one_inode(void)
{
	struct node *node = known_file();
	struct opened first, second;

	begin(node, &first);
	begin(node, &second);
	look(node, &first, 200);
	look(node, &second, 300);
	accept_as(node, &first, HANDLE_NAMED);
	accept_as(node, &second, HANDLE_STRAY);
	CHECK(n_messages() == 1 && node_size(node) == 200);
}

static void answer_that_an_open_has_overtaken(void)
{
	struct node *node = known_file();
	struct opened o;

	begin(node, &o);
	look(node, &o, 100);
	accept_as(node, &o, HANDLE_NAMED);
	CHECK(n_messages() == 0);
	answer(node, 100, 50, 100);
	call.entered_ns = clock_mono_ns() + 1;
	answer(node, 100, 50, 50);
}

/* The kernel is made to ask again at the first open, and at none after it. */
static void is_told_once(struct node *node)
{
	struct opened o;

	begin(node, &o);
	look(node, &o, 200);
	accept_as(node, &o, HANDLE_NAMED);
	CHECK(n_messages() == 1 && o.changed);
	begin(node, &o);
	look(node, &o, 200);
	accept_as(node, &o, HANDLE_NAMED);
	CHECK(n_messages() == 0 && !o.changed);
}

/* Which of several answers the kernel keeps, nobody knows. */
static void open_after_answers(void)
{
	struct node *node = known_file();

	answer(node, 100, 200, 200);
	is_told_once(node);
}

/* The worker dies before the kernel is made to ask again. */
static void die_with_version_told(void)
{
	answer(known_file(), 100, 200, 200);
}

static void open_after_worker_died(void)
{
	is_told_once(known_file());
}

/* An answer about another file, just before an open is accepted, does not shorten the one that is open. */
static void known_end_of_accepted(void)
{
	struct node *node = known_file();
	struct handle *h;
	struct opened o;

	begin(node, &o);
	look(node, &o, 100);
	answer(node, 100, 50, 50);
	h = accept_as(node, &o, HANDLE_NAMED);
	CHECK(handle_known_end(h) == 100 && node_size(node) == 100 && n_messages() == 1);
	answer(node, 100, 50, 100);
	CHECK(handle_known_end(h) == 100);
}

static void old_look_beside_another_is_not_believed(void)
{
	struct node *node = known_file();
	struct opened o;

	look_enter(node);
	begin(node, &o);
	look_leave(node);
	opened_size = 200;
	shown[0] = 100;
	shown[1] = 200;
	n_shown = 2;
	n_looks = 0;
	CHECK(look_at_opened(&fs.guarded[0], node, O_RDONLY, &o) == 0);
	CHECK(o.changed && o.st.st_size == 200);
	look_leave(node);
	/* Alone it is, for a round trip would be needed to do without. */
	begin(node, &o);
	n_looks = 0;
	CHECK(look_at_opened(&fs.guarded[0], node, O_RDONLY, &o) == 0);
	CHECK(!o.changed && o.st.st_size == 100);
}

static void growing_file_is_read_directly(void)
{
	struct node *node = known_file();
	struct opened o;

	begin(node, &o);
	opened_size = 200;
	shown[0] = 150;
	shown[1] = 160;
	n_shown = 2;
	n_looks = 0;
	CHECK(look_at_opened(&fs.guarded[0], node, O_RDONLY, &o) == 0);
	accept_as(node, &o, HANDLE_STRAY);
	CHECK(n_messages() == 0);
}

/* That is an error of the connection, after which the open is run again; no other file's open file. */
static void lost_while_compared(void)
{
	struct node *node = known_file();
	struct opened o;

	connection_lost = true;
	n_shown = 1;
	shown[0] = 200;
	begin(node, &o);
	CHECK(look_at_opened(&fs.guarded[0], node, O_RDONLY, &o) == -ECONNABORTED);
	look_leave(node);
	/* Beside writes to other files sshfs may show older attributes: compared at once. */
	fs.board->config.backends[0].type = BACKEND_SSHFS;
	atomic_store(&fs.board->backends[0].owed_bytes, 1);
	shown[0] = 100;
	begin(node, &o);
	CHECK(look_at_opened(&fs.guarded[0], node, O_RDONLY, &o) == -ECONNABORTED);
	CHECK(o.unsure);
}

/* A handle on a file that was written at second 50, over connection 1. */
static struct handle *open_of_50(struct node *node)
{
	struct opened o;

	shown_mtime = 50;
	begin(node, &o);
	look(node, &o, 100);
	return accept_as(node, &o, HANDLE_NAMED);
}

static const struct stat of_40 = {.st_mode = S_IFREG, .st_size = 100, .st_mtim.tv_sec = 40};

/* Somebody has set the time back: the file that is open has it as well. A server that lost what it had is
 * another matter: nobody sees that over the same connection. */
static void time_set_back(void)
{
	struct node *node = known_file();
	struct handle *h = open_of_50(node);
	struct stat st = of_40;

	call.entered_ns = clock_mono_ns() + 1;
	CHECK(h->mtime_ns == 50 * (int64_t)NSEC_PER_SEC);
	atomic_store(&call.slot->epoch, 2);
	look_tell(&fs.guarded[0], node, 100, &st);
	CHECK(h->mtime_ns == 50 * (int64_t)NSEC_PER_SEC);
	h = open_of_50(node);
	atomic_store(&call.slot->epoch, 1);
	call.entered_ns = clock_mono_ns() + 1;
	look_tell(&fs.guarded[0], node, 100, &st);
	CHECK(h->mtime_ns == 40 * (int64_t)NSEC_PER_SEC);
}

/* Storage shows an open what it remembers from before. */
static void time_set_back_and_remembered(void)
{
	struct node *node = known_file();

	open_of_50(node);
	atomic_store(&call.slot->epoch, 1);
	look_tell_change(node, &of_40);
	CHECK(open_of_50(node)->mtime_ns == 40 * (int64_t)NSEC_PER_SEC);
}

/* For the cache time, and until something is changed. */
static void an_accepted_look_is_recalled(void)
{
	struct node *node = known_file();
	const struct backend *b = &fs.guarded[0];
	struct look_question question;
	struct timespec atime;
	struct opened o;
	struct stat st;

	fs.board->config.guarded_cache_ms = 60000;
	fs.board->config.backends[0].type = BACKEND_SFTP;
	CHECK(look_recall(b, node, &st) <= 0 && !look_is_fresh(b, node, &atime));
	begin(node, &o);
	look(node, &o, 50);
	accept_as(node, &o, HANDLE_NAMED);
	CHECK(look_recall(b, node, &st) > 59 && st.st_size == 50 && look_is_fresh(b, node, &atime));
	question = look_ask(node);
	/* A change ends. */
	call.slot->mutating = 1;
	call.slot->target = guard_target_node(node_index(node));
	CHECK(guard_enter_quietly(&fs.guarded[0], call.slot->target, 0));
	call.slot->mutating = 1;
	guard_leave_quietly(&fs.guarded[0], 0);
	CHECK(look_recall(b, node, &st) <= 0 && look_is_fresh(b, node, &atime));
	/* So it does with an answer to what was asked before. */
	st.st_size = 50;
	look_answered(node, &st, &question);
	CHECK(look_recall(b, node, &st) <= 0);
	question = look_ask(node);
	look_answered(node, &st, &question);
	CHECK(look_recall(b, node, &st) > 59);
	fs.board->config.guarded_cache_ms = 0;
	CHECK(look_recall(b, node, &st) <= 0 && !look_is_fresh(b, node, &atime));
	fs.board->config.guarded_cache_ms = 60000;
	node->generation++; /* another file has its place */
	CHECK(look_recall(b, node, &st) <= 0);
	node->generation--;
	/* Content without blocks would be one of zeros alone. */
	CHECK(look_recall(b, node, &st) > 59 && st.st_blocks == 1);
	fs.board->config.backends[0].type = BACKEND_DIR;
	CHECK(look_recall(b, node, &st) <= 0);
}

static bool owes(struct handle *h, uint64_t offset, uint64_t end)
{
	static uint64_t unique = 100, known;

	return behind_take(&fs.guarded[0], h, ++unique, "0123456789", 10, offset, h->flags & O_APPEND) ==
		   BEHIND_TAKEN &&
	       behind_end(h->node, &known) && known == end;
}

static void the_end_of_what_is_owed_is_known(void)
{
	uint32_t node = node_index(known_file());
	struct handle *h = handle_new(node, HANDLE_FILE, 0, O_WRONLY, 70, 1, HANDLE_NAMED);
	uint64_t end;

	fs.board->config.backends[0].durability = DURABILITY_BEHIND;
	fs.board->config.backends[0].buffer_mib = 8;
	fs.board->config.backends[0].drain_ms = 5000;
	behind_init();
	CHECK(behind_end(node, &end) && end == 0);
	CHECK(owes(h, 0, 10) && owes(h, 500, 510) && owes(h, 200, 510));
	/* Where an append lands storage alone knows. */
	h->flags |= O_APPEND;
	CHECK(!owes(h, 510, 520));
}

#define TEST(name)                                    \
	static void name##_test(void **state)         \
	{                                             \
		(void)state;                          \
		assert_int_equal(as_worker(name), 0); \
	}
TEST(one_version_is_told_of_once)
TEST(two_versions_are_not_read_through_one_inode)
TEST(answer_that_an_open_has_overtaken)
TEST(open_after_answers)
TEST(known_end_of_accepted)
TEST(old_look_beside_another_is_not_believed)
TEST(growing_file_is_read_directly)
TEST(time_set_back)
TEST(time_set_back_and_remembered)
TEST(lost_while_compared)
TEST(an_accepted_look_is_recalled)
TEST(the_end_of_what_is_owed_is_known)

static void open_after_worker_died_test(void **state)
{
	(void)state;
	assert_int_equal(as_worker(die_with_version_told), 0);
	assert_int_equal(as_worker(open_after_worker_died), 0);
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name##_test, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(one_version_is_told_of_once),
	    UNIT(two_versions_are_not_read_through_one_inode),
	    UNIT(answer_that_an_open_has_overtaken),
	    UNIT(open_after_answers),
	    UNIT(open_after_worker_died),
	    UNIT(known_end_of_accepted),
	    UNIT(old_look_beside_another_is_not_believed),
	    UNIT(growing_file_is_read_directly),
	    UNIT(time_set_back),
	    UNIT(time_set_back_and_remembered),
	    UNIT(lost_while_compared),
	    UNIT(an_accepted_look_is_recalled),
	    UNIT(the_end_of_what_is_owed_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
