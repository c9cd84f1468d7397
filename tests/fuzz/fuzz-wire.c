/* Requests of any content, as if the kernel had sent them. What is accepted must be safe to hand to libfuse:
 * no name, and no data, may lead beyond what was read. */
#include "fs/wire.h"

#include <linux/fuse.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Every byte of a buffer of exactly this size may be read, not one more (AddressSanitizer watches). */
static void check_accepted(uint8_t *buffer, const struct wire_request *r)
{
	uint8_t reply[64];

	switch (r->opcode) {
	case FUSE_LOOKUP:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
		require(strlen((const char *)buffer + sizeof(struct fuse_in_header)) > 0);
		break;
	case FUSE_RENAME2: {
		const char *name =
		    (const char *)buffer + sizeof(struct fuse_in_header) + sizeof(struct fuse_rename2_in);

		require(strlen(name) > 0 && strlen(name + strlen(name) + 1) > 0);
		break;
	}
	case FUSE_WRITE:
		wire_write_kills_priv(buffer);
		break;
	case FUSE_SETATTR:
		wire_setattr_kills_priv(buffer);
		break;
	case FUSE_OPEN:
	case FUSE_CREATE:
		wire_open_kills_priv(buffer);
		break;
	case FUSE_INTERRUPT:
		wire_interrupted(buffer);
		break;
	default:
		break;
	}
	require(wire_error_reply(reply, r->unique, 5) == 16 && wire_reply_unique(reply) == r->unique);
	wire_adopt(buffer);
	require(wire_parse(buffer, r->length, &(struct wire_request){0}) == 0);
	wire_clear_unique(buffer);
	require(wire_unique(buffer) == 0);
}

static void check_init(const uint8_t *data, size_t size)
{
	uint8_t reply[256] = {0};

	wire_extend_init(data, size, reply, sizeof(struct fuse_out_header) + sizeof(struct fuse_init_out),
			 true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *buffer = malloc(size ? size : 1);
	struct wire_request r;

	memcpy(buffer, data, size);
	/* The length is right mostly: else nearly nothing would come further. */
	if (size >= sizeof(struct fuse_in_header) && data[3] != 0xff)
		memcpy(buffer, &(uint32_t){(uint32_t)size}, sizeof(uint32_t));
	if (wire_parse(buffer, size, &r) == 0) {
		require(r.length == size);
		require(wire_opcode_name(r.opcode) != NULL);
		require(!wire_is_idempotent(r.opcode) || wire_wants_reply(r.opcode));
		if (wire_is_complete(buffer, &r))
			check_accepted(buffer, &r);
	}
	check_init(buffer, size);
	free(buffer);
	return 0;
}
