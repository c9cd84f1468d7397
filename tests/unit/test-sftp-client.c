/* What a thread makes of a transport's answers: of each status, and of every kind of nonsense. No record stays in use,
 * nobody waits for a dead one, and no byte beyond the caller's room is written. */
#include "ring-client.h"

#include "base/clock.h"

/* ---- statuses ---- */

static errint_t says;

static enum peer_deed say_error(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
				struct ring_result *result)
{
	(void)n, (void)record, (void)asked, (void)data;
	result->error = says;
	return PEER_ANSWERS;
}

static void statuses(void **state)
{
	static const struct {
		errint_t said, heard;
	} table[] = {
	    {-ENOENT, -ENOENT},
	    {-EACCES, -EACCES},
	    {-EEXIST, -EEXIST},
	    {-EBADMSG, -EBADMSG},
	    {-ENOTCONN, -ENOTCONN},
	    {-ETIMEDOUT, -ETIMEDOUT},
	    {-EOPNOTSUPP, -EOPNOTSUPP},
	    {-ENFILE, -ENFILE},
	    /* Of which layers above make something of their own. */
	    {-EDOTDOT, -EIO},
	    {-ESTALE, -EIO},
	    {-EAGAIN, -EIO},
	    {-ENOMEM, -EIO},
	    {-EINTR, -EIO},
	    {-4095, -EIO},
	};
	const struct client_request remove = {.operation = RING_REMOVE, .path = "name"};
	struct sftp_attributes attrs;
	struct sftp_statvfs figures;
	char text[8];
	uint32_t ref;

	(void)state;
	peer_begin(say_error);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		says = table[i].said;
		assert_int_equal(client_change(&user, &remove, NULL), table[i].heard);
		assert_int_equal(client_lstat(&user, "name", &attrs), table[i].heard);
		assert_int_equal(client_fstat(&user, peer_ref(1), &attrs), table[i].heard);
		assert_int_equal(client_open(&user, "name", 0, NULL, &ref, NULL), table[i].heard);
		assert_int_equal(client_opendir(&user, "name", &ref), table[i].heard);
		assert_int_equal(client_close(&user, peer_ref(1)), table[i].heard);
		assert_int_equal(client_read(&user, peer_ref(1), text, sizeof(text), 0, 0), table[i].heard);
		assert_int_equal(client_write(&user, peer_ref(1), text, sizeof(text), 0, NULL),
				 table[i].heard);
		assert_int_equal(client_readlink(&user, "name", text, sizeof(text)), table[i].heard);
		assert_int_equal(client_statvfs(&user, "name", &figures), table[i].heard);
		assert_int_equal(client_readdir(&user, peer_ref(1), NULL, NULL), table[i].heard);
	}
	stop_clean();
}

/* No errno at all: the record is damaged, and used no more. */
static void errors_that_are_none(void **state)
{
	static const errint_t none[] = {1, EIO, -4096, INT32_MIN, INT32_MAX};
	struct sftp_attributes attrs;

	(void)state;
	peer_begin(say_error);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		says = none[i];
		assert_int_equal(client_lstat(&user, "name", &attrs), -EIO);
	}
	peer_stop();
}

/* ---- names ---- */

static enum peer_deed say_file(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
			       struct ring_result *result)
{
	(void)n, (void)record, (void)asked, (void)data;
	result->attrs = (struct sftp_attributes){
	    .has = SFTP_ATTR_PERMISSIONS | SFTP_ATTR_SIZE, .permissions = S_IFREG, .size = 5};
	result->ref = peer_ref(9);
	return PEER_ANSWERS;
}

static void long_names(void **state)
{
	static char name[RING_NAME_MAX + 2];
	struct client_request rename = {.operation = RING_RENAME, .path = "from", .to = name};
	struct sftp_attributes attrs;
	char text[8];
	uint32_t ref;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	peer_begin(say_file);
	assert_int_equal(client_lstat(&user, name, &attrs), -ENAMETOOLONG);
	assert_int_equal(client_open(&user, name, 0, NULL, &ref, NULL), -ENAMETOOLONG);
	assert_int_equal(client_opendir(&user, name, &ref), -ENAMETOOLONG);
	assert_int_equal(client_readlink(&user, name, text, sizeof(text)), -ENAMETOOLONG);
	assert_int_equal(client_change(&user, &rename, NULL), -ENAMETOOLONG);
	assert_int_equal(atomic_load(&peer.n), 0);
	name[RING_NAME_MAX] = '\0';
	assert_int_equal(client_lstat(&user, name, &attrs), 0);
	stop_clean();
	assert_int_equal(peer.log[0].request.name_length[0], RING_NAME_MAX);
}

static void what_is_asked(void **state)
{
	const struct sftp_attributes set = {.has = SFTP_ATTR_PERMISSIONS, .permissions = 0640};
	const struct client_request rename = {
	    .operation = RING_RENAME, .path = "from", .to = "to", .flags = RING_KEEPS_EXISTING};
	struct sftp_attributes attrs = {0};
	uint32_t ref = 0;

	(void)state;
	peer_begin(say_file);
	assert_int_equal(client_open(&user, "file", SFTP_OPEN_WRITE, &set, &ref, &attrs), 0);
	assert_int_equal(ref, peer_ref(9));
	assert_int_equal(attrs.size, 5);
	assert_int_equal(client_change(&user, &rename, NULL), 0);
	assert_int_equal(client_fsetstat(&user, ref, &set, NULL), 0);
	stop_clean();
	assert_string_equal(peer.log[0].names[0], "file");
	assert_int_equal(peer.log[0].request.flags, SFTP_OPEN_WRITE | RING_WANTS_ATTRIBUTES);
	assert_int_equal(peer.log[0].request.attrs.permissions, 0640);
	assert_string_equal(peer.log[1].names[0], "from");
	assert_string_equal(peer.log[1].names[1], "to");
	assert_int_equal(peer.log[1].request.flags, RING_KEEPS_EXISTING);
	assert_int_equal(peer.log[2].request.ref, peer_ref(9));
	assert_int_equal(peer.log[2].request.flags, 0);
	/* Nothing of the request before is left in a record. */
	assert_int_equal(peer.log[2].request.name_length[0], 0);
}

/* ---- refs and attributes ---- */

static uint32_t says_ref;
static uint32_t says_has;

static enum peer_deed say_ref(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
			      struct ring_result *result)
{
	(void)n, (void)record, (void)asked, (void)data;
	result->ref = says_ref;
	result->attrs = (struct sftp_attributes){.has = says_has, .size = 7};
	return PEER_ANSWERS;
}

static void refs_of_nothing(void **state)
{
	const uint32_t wrong[] = {0,
				  5,
				  UINT32_MAX,
				  ring_ref(PEER_EPOCH - 1, 1, 9),
				  ring_ref(PEER_EPOCH + 1, 1, 9),
				  peer_ref(9) | 1u << 31};
	uint32_t ref = 77;

	(void)state;
	peer_begin(say_ref);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		says_ref = wrong[i];
		assert_int_equal(client_open(&user, "name", 0, NULL, &ref, NULL), -EIO);
		assert_int_equal(client_opendir(&user, "name", &ref), -EIO);
		assert_int_equal(ref, 77);
	}
	stop_clean();
}

/* A type is needed of a look, and is not believed to be there after a change. */
static void attributes_without_a_type(void **state)
{
	const struct client_request mkdir = {.operation = RING_MKDIR, .path = "name"};
	struct sftp_attributes attrs;

	(void)state;
	says_has = SFTP_ATTR_SIZE;
	peer_begin(say_ref);
	assert_int_equal(client_lstat(&user, "name", &attrs), -EIO);
	assert_int_equal(client_fstat(&user, peer_ref(1), &attrs), -EIO);
	assert_int_equal(client_change(&user, &mkdir, &attrs), 0);
	assert_int_equal(attrs.has, 0);
	stop_clean();
}

/* ---- data ---- */

static struct ring_result answers[4];

/* One after the other; the last one again and again. The data are the number of the request. */
static enum peer_deed say_in_turn(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
				  struct ring_result *result)
{
	(void)record, (void)asked;
	*result = answers[MIN(n, (unsigned)ARRAY_SIZE(answers) - 1)];
	memset(data, (int)n + 1, RING_DATA_MAX);
	return PEER_ANSWERS;
}

/* A read of n bytes, answered by these; the byte behind the caller's room stays. */
static ssize_t read_answered(size_t n, struct ring_result first, struct ring_result second)
{
	static uint8_t bytes[2 * RING_DATA_MAX + 1];
	ssize_t rc;

	answers[0] = first;
	answers[1] = answers[2] = answers[3] = second;
	peer_forget();
	bytes[n] = 0xee;
	peer_begin(say_in_turn);
	rc = client_read(&user, peer_ref(1), bytes, n, 1000, 0);
	stop_clean();
	assert_int_equal(bytes[n], 0xee);
	for (ssize_t i = 0; i < rc; i++)
		assert_int_equal(bytes[i], i < (ssize_t)RING_DATA_MAX ? 1 : 2);
	return rc;
}

static void reads(void **state)
{
	const struct ring_result whole = {.size = RING_DATA_MAX}, none = {.at_end = 1},
				 error = {.error = -EIO};

	(void)state;
	assert_int_equal(read_answered(100, (struct ring_result){.size = 100}, error), 100);
	assert_int_equal(read_answered(100, (struct ring_result){.size = 40, .at_end = 1}, error), 40);
	assert_int_equal(read_answered(100, none, error), 0);
	/* Fewer bytes without an end, more than asked for, more than there is room for. */
	assert_int_equal(read_answered(100, (struct ring_result){.size = 40}, error), -EIO);
	assert_int_equal(read_answered(100, (struct ring_result){.size = 101}, error), -EIO);
	assert_int_equal(read_answered(100, (struct ring_result){.size = 101, .at_end = 1}, error), -EIO);
	/* Two pieces. */
	assert_int_equal(read_answered(RING_DATA_MAX + 10, whole, (struct ring_result){.size = 10}),
			 RING_DATA_MAX + 10);
	assert_int_equal(peer.log[1].request.offset, 1000 + RING_DATA_MAX);
	assert_int_equal(peer.log[1].request.size, 10);
	assert_int_equal(read_answered(RING_DATA_MAX + 10, whole, none), RING_DATA_MAX);
	assert_int_equal(read_answered(RING_DATA_MAX + 10, whole, error), -EIO);
	assert_int_equal(read_answered(0, error, error), 0);
}

static void a_count_beyond_all_room(void **state)
{
	static uint8_t bytes[200];

	(void)state;
	memset(bytes, 0xee, sizeof(bytes));
	answers[0] = (struct ring_result){.size = UINT32_MAX, .at_end = 1};
	peer_begin(say_in_turn);
	assert_int_equal(client_read(&user, peer_ref(1), bytes, 100, 0, 0), -EIO);
	peer_stop();
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0xee);
}

static ssize_t write_answered(size_t n, struct ring_result first, struct ring_result second, errint_t *error)
{
	static uint8_t bytes[2 * RING_DATA_MAX];
	ssize_t rc;

	answers[0] = first;
	answers[1] = answers[2] = answers[3] = second;
	peer_forget();
	peer_begin(say_in_turn);
	rc = client_write(&user, peer_ref(1), bytes, n, 1000, error);
	stop_clean();
	return rc;
}

static void writes(void **state)
{
	const struct ring_result whole = {.size = RING_DATA_MAX}, none = {0};
	errint_t error = 1;

	(void)state;
	assert_int_equal(write_answered(100, (struct ring_result){.size = 100}, none, &error), 100);
	assert_int_equal(error, 0);
	/* Some bytes, and why not more; none at all. */
	assert_int_equal(write_answered(100, (struct ring_result){.size = 60, .error = -EIO}, none, &error),
			 60);
	assert_int_equal(error, -EIO);
	assert_int_equal(write_answered(100, (struct ring_result){.error = -EACCES}, none, &error), -EACCES);
	/* More than there were, with and without an error; fewer for no reason. */
	assert_int_equal(write_answered(100, (struct ring_result){.size = 101}, none, &error), -EIO);
	assert_int_equal(write_answered(100, (struct ring_result){.size = 101, .error = -EIO}, none, &error),
			 -EIO);
	assert_int_equal(write_answered(100, (struct ring_result){.size = 60}, none, &error), -EIO);
	assert_int_equal(write_answered(100, none, none, &error), -EIO);
	/* Two pieces: what the first one wrote is told, unless the connection is lost. */
	assert_int_equal(write_answered(RING_DATA_MAX + 10, whole, (struct ring_result){.size = 10}, &error),
			 RING_DATA_MAX + 10);
	assert_int_equal(
	    write_answered(RING_DATA_MAX + 10, whole, (struct ring_result){.error = -EACCES}, &error),
	    RING_DATA_MAX);
	assert_int_equal(error, -EACCES);
	assert_int_equal(write_answered(RING_DATA_MAX + 10, whole, (struct ring_result){.size = 11}, &error),
			 RING_DATA_MAX);
	assert_int_equal(error, -EIO);
	assert_int_equal(
	    write_answered(RING_DATA_MAX + 10, whole, (struct ring_result){.error = -ENOTCONN}, &error),
	    -ENOTCONN);
}

static void text_and_figures(void **state)
{
	struct sftp_statvfs figures;
	char text[5] = "....";

	(void)state;
	answers[0] = (struct ring_result){.size = 3};
	answers[1] = (struct ring_result){.size = RING_DATA_MAX};
	answers[2] = (struct ring_result){.size = sizeof(figures) - 1};
	answers[3] = (struct ring_result){.size = sizeof(figures)};
	peer_begin(say_in_turn);
	assert_int_equal(client_readlink(&user, "name", text, 4), 3);
	assert_memory_equal(text, "\1\1\1.", 4);
	/* Cut at the caller's room. */
	assert_int_equal(client_readlink(&user, "name", text, 4), 4);
	assert_memory_equal(text, "\2\2\2\2", 5);
	assert_int_equal(client_statvfs(&user, "name", &figures), -EIO);
	assert_int_equal(client_statvfs(&user, "name", &figures), 0);
	stop_clean();
}

/* ---- late, wrong, and no answers ---- */

static enum peer_deed answer_late(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
				  struct ring_result *result)
{
	poll(NULL, 0, 250); /* sleep-ok: longer than the caller waits before it looks around */
	return say_file(n, record, asked, data, result);
}

static void a_late_answer(void **state)
{
	struct sftp_attributes attrs;

	(void)state;
	peer_begin(answer_late);
	assert_int_equal(client_lstat(&user, "name", &attrs), 0);
	assert_int_equal(attrs.size, 5);
	stop_clean();
}

/* An answer to a record that its owner does not wait for, or has given back, is nobody's: the next user of the record
 * has his own. */
static enum peer_deed answer_twice(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
				   struct ring_result *result)
{
	(void)say_file(n, record, asked, data, result);
	result->attrs.size = n;
	ring_finish(&peer.server, record, result);
	if (n == 0)
		result->attrs.size = 99;
	return n == 0 ? PEER_ANSWERS : PEER_KEEPS;
}

static uint32_t word_said;

static enum peer_deed say_word(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
			       struct ring_result *result)
{
	(void)n, (void)asked, (void)data, (void)result;
	atomic_store(&peer.server.ring->record[record].word, word_said);
	return PEER_KEEPS;
}

static void words_of_others(void **state)
{
	const uint32_t words[] = {0,
				  RING_OWNER_WORKER(8) << 4 | RING_DONE,
				  RING_OWNER_PROBE(1) << 4 | RING_DONE,
				  OWNER << 4 | RING_CLAIMED,
				  OWNER << 4 | 15,
				  UINT32_MAX};
	struct sftp_attributes attrs;

	(void)state;
	peer_begin(say_word);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		word_said = words[i];
		assert_int_equal(client_lstat(&user, "name", &attrs), -EIO);
	}
	peer_stop();
}

static void an_answer_given_twice(void **state)
{
	struct sftp_attributes attrs;

	(void)state;
	peer_begin(answer_twice);
	assert_int_equal(client_lstat(&user, "name", &attrs), 0);
	for (unsigned i = 1; i < RING_RECORDS; i++) {
		errint_t rc = client_lstat(&user, "name", &attrs);

		/* From when one has taken the answer too many, each gets its predecessor's. */
		if (!(rc == 0 && (attrs.size == i || attrs.size == i - 1 || attrs.size == 99)))
			fail_msg("request %u: %d, size %llu", i, rc, (unsigned long long)attrs.size);
	}
	peer_stop();
}

static enum peer_deed die(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
			  struct ring_result *result)
{
	(void)n, (void)record, (void)asked, (void)data, (void)result;
	return PEER_DIES;
}

static enum peer_deed answer_and_die(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
				     struct ring_result *result)
{
	(void)say_file(n, record, asked, data, result);
	ring_finish(&peer.server, record, result);
	return PEER_DIES;
}

/* Nobody knows whether it was carried out; afterwards nothing is asked. */
static void the_end_in_the_midst(void **state)
{
	const struct client_request remove = {.operation = RING_REMOVE, .path = "name"};
	uint64_t began_ns = clock_mono_ns();
	struct sftp_attributes attrs;

	(void)state;
	peer_begin(die);
	assert_int_equal(client_change(&user, &remove, NULL), -ENOTCONN);
	assert_true(clock_mono_ns() - began_ns < 10 * NSEC_PER_SEC);
	peer_stop();
	assert_int_equal(client_lstat(&user, "name", &attrs), -ENOTCONN);
}

/* A last answer is one. */
static void an_answer_before_the_end(void **state)
{
	struct sftp_attributes attrs;

	(void)state;
	peer_begin(answer_and_die);
	assert_int_equal(client_lstat(&user, "name", &attrs), 0);
	assert_int_equal(attrs.size, 5);
	peer_stop();
}

static enum peer_deed die_at_second_piece(unsigned n, int record, const struct peer_request *asked,
					  uint8_t *data, struct ring_result *result)
{
	(void)record, (void)data;
	result->size = asked->request.size;
	return n == 0 ? PEER_ANSWERS : PEER_DIES;
}

static void the_end_between_two_pieces(void **state)
{
	static uint8_t bytes[2 * RING_DATA_MAX];
	errint_t error;

	(void)state;
	peer_begin(die_at_second_piece);
	/* The whole has to be tried again, wherever it got to. */
	assert_int_equal(client_write(&user, peer_ref(1), bytes, sizeof(bytes), 0, &error), -ENOTCONN);
	peer_stop();
}

/* ---- no record is free ---- */

static struct {
	int records[RING_RECORDS];
	unsigned n;
} claimed;

/* All that a worker may have. */
static void claim_all(void)
{
	int record;

	claimed.n = 0;
	while ((record = ring_claim(&user)) >= 0)
		claimed.records[claimed.n++] = record;
	assert_int_equal(record, -EAGAIN);
}

static void *release_all(void *arg)
{
	(void)arg;
	poll(NULL, 0, 20); /* sleep-ok: the other one is to wait */
	for (unsigned i = 0; i < claimed.n; i++)
		ring_release(&user, claimed.records[i]);
	return NULL;
}

static void a_ring_that_is_full(void **state)
{
	struct sftp_attributes attrs;
	pthread_t thread;

	(void)state;
	claim_all();
	peer_begin(say_file);
	assert_int_equal(pthread_create(&thread, NULL, release_all, NULL), 0);
	assert_int_equal(client_lstat(&user, "name", &attrs), 0);
	pthread_join(thread, NULL);
	peer_stop();
	claim_all();
	peer_die();
	assert_int_equal(client_lstat(&user, "name", &attrs), -ENOTCONN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(statuses),
	    CASE(errors_that_are_none),
	    CASE(long_names),
	    CASE(what_is_asked),
	    CASE(refs_of_nothing),
	    CASE(attributes_without_a_type),
	    CASE(reads),
	    CASE(a_count_beyond_all_room),
	    CASE(writes),
	    CASE(text_and_figures),
	    CASE(a_late_answer),
	    CASE(words_of_others),
	    CASE(an_answer_given_twice),
	    CASE(the_end_in_the_midst),
	    CASE(an_answer_before_the_end),
	    CASE(the_end_between_two_pieces),
	    CASE(a_ring_that_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
