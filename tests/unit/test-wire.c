/* FUSE's wire format, where guardfs speaks it itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fuse.h>

static _Alignas(8) uint8_t buffer[4096];
static struct wire_request request;

static bool accepts(uint32_t opcode, const void *body, size_t n)
{
	struct fuse_in_header in = {
	    .len = (uint32_t)(sizeof(in) + n), .opcode = opcode, .unique = 77, .nodeid = 1};

	memset(buffer, 0x55, sizeof(buffer));
	memcpy(buffer, &in, sizeof(in));
	memcpy(buffer + sizeof(in), body, n);
	assert_int_equal(wire_parse(buffer, in.len, &request), 0);
	return wire_is_complete(buffer, &request);
}

static void test_parse(void **state)
{
	(void)state;
	assert_true(accepts(FUSE_LOOKUP, "name", 5));
	assert_int_equal(request.unique, 77);
	assert_int_equal(request.opcode, FUSE_LOOKUP);
	assert_int_equal(wire_parse(buffer, 39, &request), -EINVAL);
	assert_int_equal(wire_parse(buffer, 44, &request), -EINVAL);
	assert_int_equal(wire_parse(buffer, 46, &request), -EINVAL);
}

static void test_names(void **state)
{
	(void)state;
	assert_false(accepts(FUSE_LOOKUP, "name", 4)); /* not terminated */
	assert_false(accepts(FUSE_LOOKUP, "", 1));
	assert_false(accepts(FUSE_LOOKUP, "", 0));
	assert_true(accepts(FUSE_SYMLINK, "a\0b", 4));
	assert_false(accepts(FUSE_SYMLINK, "a\0b", 3));
	assert_false(accepts(FUSE_SYMLINK, "a", 2));
	assert_true(accepts(4095, "", 0)); /* unknown: libfuse answers ENOSYS */
}

static void test_data(void **state)
{
	struct {
		struct fuse_write_in in;
		char data[8];
	} w = {.in = {.size = 8}};
	struct {
		struct fuse_batch_forget_in in;
		struct fuse_forget_one one[2];
	} f = {.in = {.count = 2}};

	struct {
		struct fuse_ioctl_in in;
		uint64_t fh;
	} i = {.in = {.in_size = 8}};

	(void)state;
	assert_true(accepts(FUSE_IOCTL, &i, sizeof(i)));
	assert_false(accepts(FUSE_IOCTL, &i, sizeof(i) - 1));
	assert_true(accepts(FUSE_WRITE, &w, sizeof(w)));
	assert_false(accepts(FUSE_WRITE, &w, sizeof(w) - 1));
	assert_false(accepts(FUSE_WRITE, &w, sizeof(w.in) - 1));
	w.in.size = UINT32_MAX;
	assert_false(accepts(FUSE_WRITE, &w, sizeof(w)));
	assert_true(accepts(FUSE_BATCH_FORGET, &f, sizeof(f)));
	f.in.count = 0x10000001; /* times 16 wraps around in 32 bits */
	assert_false(accepts(FUSE_BATCH_FORGET, &f, sizeof(f)));
}

static void test_replay_rules(void **state)
{
	static const uint32_t once[] = {FUSE_UNLINK, FUSE_RENAME, FUSE_MKDIR,	FUSE_CREATE,  FUSE_LINK,
					FUSE_RMDIR,  FUSE_MKNOD,  FUSE_SYMLINK, FUSE_RENAME2, 4095};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(once); i++)
		assert_false(wire_is_idempotent(once[i]));
	assert_true(wire_is_idempotent(FUSE_WRITE));
	assert_true(wire_is_idempotent(FUSE_SETATTR));
	assert_true(wire_is_idempotent(FUSE_LOOKUP));
	assert_false(wire_wants_reply(FUSE_FORGET));
	assert_false(wire_wants_reply(FUSE_BATCH_FORGET));
	assert_false(wire_wants_reply(FUSE_INTERRUPT));
	assert_true(wire_wants_reply(FUSE_RELEASE));
	assert_string_equal(wire_opcode_name(4095), "unknown");
	for (size_t i = 0; i + 1 < ARRAY_SIZE(once); i++)
		assert_true(wire_changes(once[i]));
	assert_true(wire_changes(FUSE_WRITE) && wire_changes(FUSE_SETATTR) && wire_changes(FUSE_OPEN));
	assert_false(wire_changes(FUSE_READ) || wire_changes(FUSE_GETATTR) || wire_changes(4095));
}

static void test_replies(void **state)
{
	const struct fuse_entry_param e = {.ino = 0x500000003, .attr_timeout = 1.5, .attr = {.st_size = 9}};
	struct fuse_out_header out;
	struct fuse_entry_out entry;
	uint8_t reply[160];

	(void)state;
	assert_int_equal(wire_entry_reply(reply, 100, 5, &e), 0);
	assert_int_equal(wire_entry_reply(reply, sizeof(reply), 5, &e), sizeof(out) + sizeof(entry));
	assert_int_equal(wire_reply_unique(reply), 5);
	assert_int_equal(wire_reply_error(reply), 0);
	assert_int_equal(wire_entry_node(reply), 0x500000003);
	memcpy(&entry, reply + sizeof(out), sizeof(entry));
	assert_int_equal(entry.attr_valid, 1);
	assert_int_equal(entry.attr_valid_nsec, 500000000);
	assert_int_equal(entry.attr.size, 9);
	assert_int_equal(wire_error_reply(reply, 6, EIO), 16);
	assert_int_equal(wire_reply_error(reply), -EIO);
	memcpy(&out, reply, sizeof(out));
	assert_int_equal(out.error, -EIO);
	assert_int_equal(out.unique, 6);
}

static void test_nodes(void **state)
{
	struct {
		struct fuse_rename2_in in;
		char names[4];
	} r = {.in = {.newdir = 8}, .names = "a\0b"};
	struct {
		struct fuse_link_in in;
		char name[2];
	} l = {.in = {.oldnodeid = 9}, .name = "a"};
	struct fuse_copy_file_range_in c = {.nodeid_out = 10};
	const char *names[2];
	uint64_t ids[2];

	(void)state;
	assert_true(accepts(FUSE_LOOKUP, "n", 2));
	wire_nodes(buffer, ids);
	wire_names(buffer, names);
	assert_true(ids[0] == 1 && ids[1] == 0 && !names[0] && !names[1]);
	assert_true(accepts(FUSE_RENAME2, &r, sizeof(r)));
	wire_nodes(buffer, ids);
	wire_names(buffer, names);
	assert_true(ids[0] == 1 && ids[1] == 8);
	assert_string_equal(names[0], "a");
	assert_string_equal(names[1], "b");
	assert_true(wire_may_run_again(buffer));
	r.in.flags = RENAME_NOREPLACE;
	assert_true(accepts(FUSE_RENAME2, &r, sizeof(r)) && wire_may_run_again(buffer));
	r.in.flags = RENAME_EXCHANGE;
	assert_true(accepts(FUSE_RENAME2, &r, sizeof(r)) && !wire_may_run_again(buffer));
	assert_true(accepts(FUSE_UNLINK, "a", 2) && wire_may_run_again(buffer));
	assert_true(accepts(FUSE_SYMLINK, "link\0target", 12) && wire_may_run_again(buffer));
	assert_true(accepts(FUSE_LOOKUP, "a", 2) && wire_may_run_again(buffer));
	assert_true(accepts(FUSE_REMOVEXATTR, "a", 2) && !wire_may_run_again(buffer));
	assert_true(accepts(FUSE_SYMLINK, "link\0target", 12));
	wire_names(buffer, names);
	assert_string_equal(names[0], "link");
	assert_null(names[1]);
	assert_true(accepts(FUSE_RENAME, &(struct fuse_rename_in){.newdir = 7},
			    sizeof(struct fuse_rename_in)) == false); /* its names are missing */
	wire_nodes(buffer, ids);
	assert_int_equal(ids[1], 7);
	assert_true(accepts(FUSE_LINK, &l, offsetof(struct fuse_link_in, oldnodeid) + 8 + 2));
	wire_nodes(buffer, ids);
	wire_names(buffer, names);
	assert_int_equal(ids[1], 9);
	assert_string_equal(names[0], "a");
	assert_true(accepts(FUSE_COPY_FILE_RANGE, &c, sizeof(c)));
	wire_nodes(buffer, ids);
	assert_int_equal(ids[1], 10);
}

static void test_cuts(void **state)
{
	struct fuse_setattr_in set = {.valid = FATTR_SIZE | FATTR_FH, .size = 12};
	struct fuse_open_in open = {.flags = O_WRONLY | O_TRUNC};
	uint64_t size = 0;

	(void)state;
	assert_true(accepts(FUSE_SETATTR, &set, sizeof(set)) && wire_cuts(buffer, &size));
	assert_int_equal(size, 12);
	set.valid = FATTR_MODE;
	assert_true(accepts(FUSE_SETATTR, &set, sizeof(set)) && !wire_cuts(buffer, &size));
	assert_true(accepts(FUSE_OPEN, &open, sizeof(open)) && wire_cuts(buffer, &size));
	assert_int_equal(size, 0);
	open.flags = O_WRONLY | O_APPEND;
	assert_true(accepts(FUSE_OPEN, &open, sizeof(open)) && !wire_cuts(buffer, &size));
	assert_true(accepts(FUSE_LOOKUP, "n", 2) && !wire_cuts(buffer, &size));
}

static void test_unique(void **state)
{
	(void)state;
	assert_true(accepts(FUSE_LOOKUP, "n", 2));
	assert_int_equal(wire_unique(buffer), 77);
	wire_clear_unique(buffer);
	assert_int_equal(wire_unique(buffer), 0);
	assert_int_equal(wire_parse(buffer, 42, &request), 0);
}

static void test_tmpfile(void **state)
{
	struct make {
		struct fuse_create_in in;
		char name[2];
	} c = {.name = "/"};

	(void)state;
	assert_true(accepts(WIRE_OP_TMPFILE, &c, offsetof(struct make, name) + 2));
	wire_adopt(buffer);
	assert_int_equal(wire_parse(buffer, request.length, &request), 0);
	assert_int_equal(request.opcode, FUSE_CREATE);
}

static void test_passthrough(void **state)
{
	struct {
		struct fuse_out_header out;
		struct fuse_open_out open;
	} reply = {.out = {.len = sizeof(reply)}, .open = {.fh = 3, .open_flags = FOPEN_KEEP_CACHE}};
	int32_t backing_id;

	(void)state;
	wire_set_passthrough((uint8_t *)&reply, sizeof(reply), 12);
	/* Its name differs between versions of libfuse's header. */
	memcpy(&backing_id, (uint8_t *)&reply + sizeof(reply) - sizeof(backing_id), sizeof(backing_id));
	assert_int_equal(reply.open.open_flags, 1u << 7);
	assert_int_equal(backing_id, 12);
	assert_int_equal(reply.open.fh, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),	 cmocka_unit_test(test_names),
	    cmocka_unit_test(test_data),	 cmocka_unit_test(test_replies),
	    cmocka_unit_test(test_replay_rules), cmocka_unit_test(test_unique),
	    cmocka_unit_test(test_tmpfile),	 cmocka_unit_test(test_passthrough),
	    cmocka_unit_test(test_nodes),	 cmocka_unit_test(test_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
