/* What a thread makes of a transport's answers to READDIR: names that lead elsewhere, entries cut off, answers in another
 * order, errors and ends between them. */
#include "ring-client.h"

static struct {
	uint8_t bytes[4096];
	size_t used;
} listing;

/* length: as the entry says it; n: bytes that follow. */
static void put_entry(uint32_t length, const void *name, size_t n)
{
	struct ring_entry e = {.length = length};

	memcpy(listing.bytes + listing.used, &e, sizeof(e));
	memset(listing.bytes + listing.used + sizeof(e), 0, (n + 7) / 8 * 8);
	memcpy(listing.bytes + listing.used + sizeof(e), name, n);
	listing.used += sizeof(e) + (n + 7) / 8 * 8;
}

static void put_name(const char *name)
{
	put_entry((uint32_t)strlen(name), name, strlen(name));
}

/* The listing in the first answer, then the end. */
static enum peer_deed say_listing(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
				  struct ring_result *result)
{
	(void)record, (void)asked;
	result->at_end = n > 0;
	result->size = n == 0 ? (uint32_t)listing.used : 0;
	memcpy(data, listing.bytes, listing.used);
	return PEER_ANSWERS;
}

static struct {
	unsigned n, enough_at;
	char names[8][256];
} heard;

static bool hear_name(void *arg, const char *name, size_t length, const struct sftp_attributes *attrs)
{
	(void)arg, (void)attrs;
	assert_int_equal(strlen(name), length);
	assert_true(heard.n < ARRAY_SIZE(heard.names));
	strcpy(heard.names[heard.n++], name);
	return heard.n != heard.enough_at;
}

static errint_t list(peer_script script)
{
	errint_t rc;

	memset(&heard, 0, sizeof(heard));
	peer_forget();
	peer_begin(script);
	rc = client_readdir(&user, peer_ref(1), hear_name, NULL);
	stop_clean();
	return rc;
}

static void names_of_entries(void **state)
{
	static const struct {
		uint32_t length;
		const char *name;
		size_t n;
	} bad[] = {
	    {0, "", 0},	 {1, ".", 1},	 {2, "..", 2},	 {3, "a/b", 3},
	    {1, "/", 1}, {3, "a\0b", 3}, {4000, "x", 1}, {UINT32_MAX, "x", 1},
	};
	char name[257];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	listing.used = 0;
	put_name("first");
	put_name(name);
	put_name("last");
	assert_int_equal(list(say_listing), 0);
	assert_int_equal(heard.n, 3);
	assert_string_equal(heard.names[1], name);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		listing.used = 0;
		put_name("good");
		put_entry(bad[i].length, bad[i].name, bad[i].n);
		put_name("after");
		assert_int_equal(list(say_listing), -EIO);
		/* Entries before it are known, none after it. */
		assert_int_equal(heard.n, 1);
	}
	listing.used = 0;
	name[255] = 'n';
	put_entry(256, name, 256);
	assert_int_equal(list(say_listing), -EIO);
	/* Cut off in an entry's head, and in its name. */
	listing.used = 0;
	put_name("good");
	put_name("another");
	listing.used -= 8 + 1;
	assert_int_equal(list(say_listing), -EIO);
	listing.used = sizeof(struct ring_entry) - 1;
	assert_int_equal(list(say_listing), -EIO);
	assert_int_equal(heard.n, 0);
}

static void a_listing_that_is_long_enough(void **state)
{
	(void)state;
	listing.used = 0;
	put_name("first");
	put_name("second");
	put_name("third");
	peer_forget();
	memset(&heard, 0, sizeof(heard));
	heard.enough_at = 2;
	peer_begin(say_listing);
	assert_int_equal(client_readdir(&user, peer_ref(1), hear_name, NULL), 0);
	stop_clean();
	assert_int_equal(heard.n, 2);
}

/* The second of the two that are asked for at once says the end: no third one is asked for and waited for. */
static void a_small_listing_is_asked_for_twice(void **state)
{
	(void)state;
	listing.used = 0;
	put_name("only");
	assert_int_equal(list(say_listing), 0);
	assert_int_equal(heard.n, 1);
	assert_int_equal(atomic_load(&peer.n), 2);
}

/* The two that are asked for at once are answered in the other order: the end is known before the entries. */
static enum peer_deed answer_backwards(unsigned n, int record, const struct peer_request *asked,
				       uint8_t *data, struct ring_result *result)
{
	static int first;

	(void)asked;
	if (n == 0) {
		first = record;
		memcpy(data, listing.bytes, listing.used);
		return PEER_KEEPS;
	}
	result->at_end = 1;
	if (n == 1) {
		const struct ring_result entries = {.size = (uint32_t)listing.used};

		ring_finish(&peer.server, record, result);
		poll(NULL, 0, 20); /* sleep-ok: it must be the earlier one */
		ring_finish(&peer.server, first, &entries);
		return PEER_KEEPS;
	}
	return PEER_ANSWERS;
}

static enum peer_deed fail_second(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
				  struct ring_result *result)
{
	(void)say_listing(0, record, asked, data, result);
	result->error = n == 1 ? -EACCES : 0;
	return PEER_ANSWERS;
}

static enum peer_deed die_at_second(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
				    struct ring_result *result)
{
	(void)say_listing(0, record, asked, data, result);
	return n == 1 ? PEER_DIES : PEER_ANSWERS;
}

static void answers_to_a_listing(void **state)
{
	(void)state;
	listing.used = 0;
	put_name("only");
	assert_int_equal(list(answer_backwards), 0);
	assert_int_equal(heard.n, 1);
	assert_int_equal(list(fail_second), -EACCES);
	assert_int_equal(heard.n, 1);
}

static void a_listing_cut_short(void **state)
{
	(void)state;
	listing.used = 0;
	put_name("only");
	peer_begin(die_at_second);
	assert_int_equal(client_readdir(&user, peer_ref(1), hear_name, NULL), -ENOTCONN);
	peer_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(names_of_entries),
	    CASE(a_listing_that_is_long_enough),
	    CASE(a_small_listing_is_asked_for_twice),
	    CASE(answers_to_a_listing),
	    CASE(a_listing_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
