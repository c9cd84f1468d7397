/* SFTP packets: what is built is what the protocol says, what is parsed stays within bounds, and every
 * truncation of a good answer is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sftp/packet.h"

#include <errno.h>
#include <stdlib.h>

static struct sftp_packet packet;

static void builds_what_the_protocol_says(void **state)
{
	static const uint8_t init[] = {0, 0, 0, 5, 1, 0, 0, 0, 3};
	static const uint8_t stat[] = {0, 0, 0, 10, 17, 0, 0, 0, 7, 0, 0, 0, 1, '.'};
	static const uint8_t write[] = {0, 0, 0, 0x18, 6, 0, 0, 0, 9, 0, 0, 0, 1,   'h',
					1, 2, 3, 4,    5, 6, 7, 8, 0, 0, 0, 2, 'x', 'y'};

	(void)state;
	sftp_begin(&packet, SFTP_INIT, 3);
	assert_int_equal(sftp_finish(&packet), 0);
	assert_int_equal(packet.used, sizeof(init));
	assert_memory_equal(packet.bytes, init, sizeof(init));

	sftp_begin(&packet, SFTP_STAT, 7);
	sftp_put_text(&packet, ".");
	assert_int_equal(sftp_finish(&packet), 0);
	assert_int_equal(packet.used, sizeof(stat));
	assert_memory_equal(packet.bytes, stat, sizeof(stat));

	sftp_begin(&packet, SFTP_WRITE, 9);
	sftp_put_bytes(&packet, "h", 1);
	sftp_put_u64(&packet, 0x0102030405060708ull);
	sftp_put_bytes(&packet, "xy", 2);
	assert_int_equal(sftp_finish(&packet), 0);
	assert_int_equal(packet.used, sizeof(write));
	assert_memory_equal(packet.bytes, write, sizeof(write));
}

static void what_does_not_fit_is_not_sent(void **state)
{
	static char big[SFTP_REQUEST_MAX + 1];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	sftp_begin(&packet, SFTP_STAT, 1);
	sftp_put_text(&packet, big);
	assert_int_equal(sftp_finish(&packet), -EMSGSIZE);
	big[SFTP_REQUEST_MAX - 13] = '\0'; /* exactly: length, type, id, length */
	sftp_begin(&packet, SFTP_STAT, 1);
	sftp_put_text(&packet, big);
	assert_int_equal(sftp_finish(&packet), 0);
	assert_int_equal(packet.used, SFTP_REQUEST_MAX);
	sftp_put_u32(&packet, 1);
	assert_int_equal(sftp_finish(&packet), -EMSGSIZE);
	/* Once something was missing, nothing that would fit is put after it. */
	sftp_begin(&packet, SFTP_STAT, 1);
	sftp_put_bytes(&packet, big, SIZE_MAX);
	sftp_put_text(&packet, "x");
	assert_int_equal(sftp_finish(&packet), -EMSGSIZE);
}

static void lengths(void **state)
{
	static const uint8_t least[] = {0, 0, 0, 5, 101, 0, 0, 0, 1};
	static const uint8_t tiny[] = {0, 0, 0, 4, 101, 0, 0, 0};
	static const uint8_t text[] = "Welcome to";
	uint8_t most[4] = {0, 0, 0x3f, 0xfc}; /* 16384 with the length itself */

	(void)state;
	for (size_t n = 0; n < sizeof(least); n++)
		assert_int_equal(sftp_packet_length(least, n, SFTP_REPLY_MAX), 0);
	assert_int_equal(sftp_packet_length(least, sizeof(least), SFTP_REPLY_MAX), sizeof(least));
	assert_int_equal(sftp_packet_length(tiny, sizeof(tiny), SFTP_REPLY_MAX), -EPROTO);
	assert_int_equal(sftp_packet_length(text, sizeof(text), SFTP_REPLY_MAX), -EPROTO);
	assert_int_equal(sftp_packet_length(most, sizeof(most), 16384), 0);
	most[3]++;
	assert_int_equal(sftp_packet_length(most, sizeof(most), 16384), -EPROTO);
}

/* ---- replies: made with the same building blocks ---- */

static void make_version(void)
{
	sftp_begin(&packet, SFTP_VERSION, 3);
	sftp_put_text(&packet, "posix-rename@openssh.com");
	sftp_put_text(&packet, "1");
	sftp_put_text(&packet, "statvfs@openssh.com");
	sftp_put_text(&packet, "2");
}

static void make_status(void)
{
	sftp_begin(&packet, SFTP_STATUS, 5);
	sftp_put_u32(&packet, SFTP_FAILURE);
	sftp_put_text(&packet, "Disk quota exceeded");
	sftp_put_text(&packet, "en");
}

static void make_handle(void)
{
	sftp_begin(&packet, SFTP_HANDLE, 5);
	sftp_put_bytes(&packet, "\0\0\0\1", 4);
}

static void make_name(void)
{
	const struct sftp_attributes a = {.has = SFTP_ATTR_PERMISSIONS, .permissions = 0100644};

	sftp_begin(&packet, SFTP_NAME, 5);
	sftp_put_u32(&packet, 2);
	sftp_put_text(&packet, "/home");
	sftp_put_text(&packet, "drwxr-xr-x /home");
	sftp_put_no_attributes(&packet);
	sftp_put_text(&packet, "b");
	sftp_put_text(&packet, "");
	sftp_put_attributes(&packet, &a);
}

static void make_data(void)
{
	sftp_begin(&packet, SFTP_DATA, 5);
	sftp_put_bytes(&packet, "bytes", 5);
}

/* Size, owner, permissions, times, and one pair that means nothing to us. */
static void make_all_attrs(void)
{
	sftp_begin(&packet, SFTP_ATTRS, 5);
	sftp_put_u32(&packet, 0x8000000fu);
	sftp_put_u64(&packet, 1ull << 40);
	sftp_put_u32(&packet, 1000);
	sftp_put_u32(&packet, 1001);
	sftp_put_u32(&packet, 0100600);
	sftp_put_u32(&packet, 7);
	sftp_put_u32(&packet, 8);
	sftp_put_u32(&packet, 1);
	sftp_put_text(&packet, "acl@example.org");
	sftp_put_text(&packet, "x");
}

static void make_attrs(void)
{
	sftp_begin(&packet, SFTP_ATTRS, 5);
	sftp_put_u32(&packet, 1 | 2 | 4);
	sftp_put_u64(&packet, 4096);
	sftp_put_u64(&packet, 0);
	sftp_put_u32(&packet, 040755);
}

static errint_t parse(struct sftp_reply *reply)
{
	assert_int_equal(sftp_finish(&packet), 0);
	assert_int_equal(sftp_packet_length(packet.bytes, packet.used, SFTP_REPLY_MAX), packet.used);
	return sftp_parse(packet.bytes, packet.used, reply);
}

static void good_answers(void **state)
{
	struct sftp_reply r;

	(void)state;
	make_version();
	assert_int_equal(parse(&r), 0);
	assert_int_equal(r.version.version, 3);
	assert_false(r.version.lacks & 1u << SERVER_STATVFS);
	assert_int_equal(r.id, 0);

	make_status();
	assert_int_equal(parse(&r), 0);
	assert_int_equal(r.id, 5);
	assert_int_equal(r.status.code, SFTP_FAILURE);
	assert_int_equal(r.status.message.n, 19);
	assert_memory_equal(r.status.message.bytes, "Disk quota exceeded", 19);

	make_handle();
	assert_int_equal(parse(&r), 0);
	assert_int_equal(r.handle.n, 4);

	make_attrs();
	assert_int_equal(parse(&r), 0);
	assert_true(r.attrs.has & SFTP_ATTR_PERMISSIONS);
	assert_int_equal(r.attrs.permissions, 040755);

	make_data();
	assert_int_equal(parse(&r), 0);
	assert_int_equal(r.data.n, 5);
	assert_memory_equal(r.data.bytes, "bytes", 5);
}

static void extensions_in_the_version_that_is_known(void **state)
{
	struct sftp_reply r;

	(void)state;
	sftp_begin(&packet, SFTP_VERSION, 3);
	for (unsigned i = 0; i < SFTP_EXTENSION_COUNT; i++) {
		sftp_put_text(&packet, sftp_extension_name((enum sftp_extension)i));
		sftp_put_text(&packet, i == SFTP_STATVFS_PATH ? "2" : "1");
	}
	assert_int_equal(parse(&r), 0);
	assert_int_equal(r.version.extensions, (1u << SFTP_EXTENSION_COUNT) - 1);
	sftp_begin(&packet, SFTP_VERSION, 3);
	sftp_put_text(&packet, "fsync@openssh.com");
	sftp_put_text(&packet, "2");
	assert_int_equal(parse(&r), 0);
	assert_int_equal(r.version.extensions, 0);
}

static void attributes_of_every_kind(void **state)
{
	struct sftp_attributes a;
	struct sftp_reply r;

	(void)state;
	make_all_attrs();
	assert_int_equal(parse(&r), 0);
	a = r.attrs;
	assert_int_equal(a.has, 15);
	assert_true(a.size == 1ull << 40);
	assert_int_equal(a.uid, 1000);
	assert_int_equal(a.gid, 1001);
	assert_int_equal(a.permissions, 0100600);
	assert_int_equal(a.atime, 7);
	assert_int_equal(a.mtime, 8);
	/* And back, without the pair, and without a bit that no field follows. */
	a.has |= 0x80000010u;
	sftp_begin(&packet, SFTP_ATTRS, 5);
	sftp_put_attributes(&packet, &a);
	assert_int_equal(parse(&r), 0);
	a.has = 15;
	assert_memory_equal(&r.attrs, &a, sizeof(a));
	assert_int_equal(packet.used, 9 + 4 + 8 + 4 * 5);
	/* More pairs than there are bytes. */
	sftp_begin(&packet, SFTP_ATTRS, 5);
	sftp_put_u32(&packet, 0x80000000u);
	sftp_put_u32(&packet, 0xffffffffu);
	sftp_put_text(&packet, "x");
	assert_int_equal(parse(&r), -EPROTO);
}

static void names_with_attributes(void **state)
{
	struct sftp_name name;
	struct sftp_reply r;

	(void)state;
	make_name();
	assert_int_equal(parse(&r), 0);
	assert_int_equal(r.names.n, 2);
	assert_true(sftp_next_name(&r.names, &name));
	assert_int_equal(name.name.n, 5);
	assert_memory_equal(name.name.bytes, "/home", 5);
	assert_int_equal(name.attrs.has, 0);
	assert_true(sftp_next_name(&r.names, &name));
	assert_int_equal(name.name.n, 1);
	assert_int_equal(name.attrs.permissions, 0100644);
	assert_false(sftp_next_name(&r.names, &name));
	/* More entries than the packet can hold: not even looked for. */
	sftp_begin(&packet, SFTP_NAME, 5);
	sftp_put_u32(&packet, 0xffffffffu);
	sftp_put_text(&packet, "a");
	sftp_put_text(&packet, "");
	sftp_put_no_attributes(&packet);
	assert_int_equal(parse(&r), -EPROTO);
}

static bool is_entry(const char *bytes, size_t n)
{
	return sftp_is_entry_name((struct sftp_slice){(const uint8_t *)bytes, n});
}

static void names_that_can_stand_in_a_listing(void **state)
{
	static char longest[256];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_true(is_entry("a", 1) && is_entry("...", 3) && is_entry(".a", 2) && is_entry(longest, 255));
	assert_false(is_entry("", 0) || is_entry(".", 1) || is_entry("..", 2) || is_entry(longest, 256));
	assert_false(is_entry("a/b", 3) || is_entry("/", 1) || is_entry("a\0b", 3));
}

static void data_right_behind_a_write(void **state)
{
	static const uint8_t write[] = {0,   0, 0, 0x18, 6, 0, 0, 0, 9, 0, 0, 0, 1,
					'h', 0, 0, 0,	 0, 0, 0, 0, 5, 0, 0, 0, 2};

	(void)state;
	sftp_begin(&packet, SFTP_WRITE, 0);
	sftp_put_bytes(&packet, "h", 1);
	sftp_put_u64(&packet, 5);
	sftp_set_id(&packet, 9);
	assert_int_equal(sftp_finish_before_data(&packet, 2), 0);
	assert_int_equal(packet.used, sizeof(write));
	assert_memory_equal(packet.bytes, write, sizeof(write));
	assert_int_equal(sftp_finish_before_data(&packet, SIZE_MAX), -EMSGSIZE);
}

static void statvfs_of_another_version_is_not_used(void **state)
{
	struct sftp_reply r;

	(void)state;
	sftp_begin(&packet, SFTP_VERSION, 3);
	sftp_put_text(&packet, "statvfs@openssh.com");
	sftp_put_text(&packet, "1");
	assert_int_equal(parse(&r), 0);
	assert_true(r.version.lacks & 1u << SERVER_STATVFS);
}

static void old_servers_send_no_message(void **state)
{
	struct sftp_reply r;

	(void)state;
	sftp_begin(&packet, SFTP_STATUS, 5);
	sftp_put_u32(&packet, SFTP_NO_SUCH_FILE);
	assert_int_equal(parse(&r), 0);
	assert_int_equal(r.status.code, SFTP_NO_SUCH_FILE);
	assert_int_equal(r.status.message.n, 0);
}

/* Cut at any byte, with a length that says so: never accepted, except where the cut leaves a whole answer
 * (extensions and messages may be missing). From a buffer of exactly that size, so that AddressSanitizer sees
 * every byte read beyond. */
static void assert_no_cut_is_misread(void (*make)(void), size_t whole_a, size_t whole_b)
{
	make();
	for (size_t n = 9; n < packet.used; n++) {
		uint8_t *cut = malloc(n);
		struct sftp_reply r;

		memcpy(cut, packet.bytes, n);
		cut[0] = cut[1] = 0;
		cut[2] = (uint8_t)((n - 4) >> 8);
		cut[3] = (uint8_t)(n - 4);
		assert_int_equal(sftp_parse(cut, n, &r), n == whole_a || n == whole_b ? 0 : -EPROTO);
		free(cut);
	}
}

static void cut_answers_are_refused(void **state)
{
	(void)state;
	assert_no_cut_is_misread(make_version, 9, 9 + 4 + 24 + 4 + 1);
	assert_no_cut_is_misread(make_handle, 0, 0);
	assert_no_cut_is_misread(make_name, 0, 0);
	assert_no_cut_is_misread(make_attrs, 0, 0);
	assert_no_cut_is_misread(make_all_attrs, 0, 0);
	assert_no_cut_is_misread(make_data, 0, 0);
}

static void a_message_longer_than_its_packet_is_refused(void **state)
{
	struct sftp_reply r;

	(void)state;
	sftp_begin(&packet, SFTP_STATUS, 5);
	sftp_put_u32(&packet, SFTP_FAILURE);
	sftp_put_u32(&packet, 0xffffffffu);
	assert_int_equal(parse(&r), -EPROTO);
}

static void handles_and_names_have_bounds(void **state)
{
	static const uint8_t big[257];
	struct sftp_reply r;

	(void)state;
	sftp_begin(&packet, SFTP_HANDLE, 5);
	sftp_put_bytes(&packet, big, 256);
	assert_int_equal(parse(&r), 0);
	sftp_begin(&packet, SFTP_HANDLE, 5);
	sftp_put_bytes(&packet, big, 257);
	assert_int_equal(parse(&r), -EPROTO);
	sftp_begin(&packet, SFTP_HANDLE, 5);
	sftp_put_bytes(&packet, big, 0);
	assert_int_equal(parse(&r), -EPROTO);
	sftp_begin(&packet, SFTP_NAME, 5);
	sftp_put_u32(&packet, 0);
	sftp_put_text(&packet, "x");
	assert_int_equal(parse(&r), -EPROTO);
}

static void requests_are_no_answers(void **state)
{
	struct sftp_reply r;

	(void)state;
	sftp_begin(&packet, SFTP_STAT, 5);
	sftp_put_text(&packet, "x");
	assert_int_equal(parse(&r), -EPROTO);
	assert_int_equal(sftp_parse(packet.bytes, 4, &r), -EPROTO);
}

static void figures_of_the_file_system(void **state)
{
	struct sftp_statvfs s;
	struct sftp_limits l;
	struct sftp_reply r;

	(void)state;
	sftp_begin(&packet, SFTP_EXTENDED_REPLY, 5);
	for (uint64_t i = 1; i <= 11; i++)
		sftp_put_u64(&packet, i << 40);
	assert_int_equal(parse(&r), 0);
	assert_int_equal(sftp_parse_statvfs(r.extended, &s), 0);
	assert_true(s.block_size == 1ull << 40 && s.available_blocks == 5ull << 40);
	assert_true(s.available_files == 8ull << 40 && s.flags == 10ull << 40 && s.name_max == 11ull << 40);
	assert_int_equal(sftp_parse_limits(r.extended, &l), 0);
	assert_true(l.packet == 1ull << 40 && l.handles == 4ull << 40);
	assert_int_equal(sftp_parse_limits((struct sftp_slice){r.extended.bytes, 31}, &l), -EPROTO);
	r.extended.n--;
	assert_int_equal(sftp_parse_statvfs(r.extended, &s), -EPROTO);
	assert_int_equal(sftp_parse_statvfs((struct sftp_slice){NULL, 0}, &s), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(builds_what_the_protocol_says),
	    cmocka_unit_test(what_does_not_fit_is_not_sent),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(good_answers),
	    cmocka_unit_test(statvfs_of_another_version_is_not_used),
	    cmocka_unit_test(old_servers_send_no_message),
	    cmocka_unit_test(cut_answers_are_refused),
	    cmocka_unit_test(a_message_longer_than_its_packet_is_refused),
	    cmocka_unit_test(handles_and_names_have_bounds),
	    cmocka_unit_test(requests_are_no_answers),
	    cmocka_unit_test(extensions_in_the_version_that_is_known),
	    cmocka_unit_test(attributes_of_every_kind),
	    cmocka_unit_test(names_with_attributes),
	    cmocka_unit_test(names_that_can_stand_in_a_listing),
	    cmocka_unit_test(data_right_behind_a_write),
	    cmocka_unit_test(figures_of_the_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
