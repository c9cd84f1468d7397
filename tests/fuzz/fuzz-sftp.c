/* Answers of any content, as a hostile SFTP server would send them: no slice leads beyond the packet, no
 * length beyond what was received; and any bytes as banner, as text, as status message. */
#include "diagnose/classify.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Within the packet, and every byte of it may be read (AddressSanitizer watches). */
static void check_slice(struct sftp_slice s, const uint8_t *packet, size_t n)
{
	char text[64];

	require(s.n == 0 || (s.bytes >= packet && s.bytes + s.n <= packet + n));
	diagnose_clean(text, sizeof(text), s.bytes, s.n);
	require(strlen(text) < sizeof(text));
}

/* As many as are announced, each within the packet. */
static void check_names(struct sftp_names names, const uint8_t *packet, size_t n)
{
	uint32_t announced = names.n, found = 0;
	struct sftp_name name;

	require(announced > 0);
	for (; sftp_next_name(&names, &name); found++) {
		check_slice(name.name, packet, n);
		if (sftp_is_entry_name(name.name))
			require(name.name.n <= 255 && name.name.bytes[0] != '/');
	}
	require(found == announced);
}

static void check_reply(const struct sftp_reply *r, const uint8_t *packet, size_t n)
{
	struct sftp_statvfs s;
	struct sftp_limits limits;
	const char *why = NULL;

	switch (r->type) {
	case SFTP_VERSION:
		require(r->id == 0 && r->version.extensions >> SFTP_EXTENSION_COUNT == 0);
		break;
	case SFTP_STATUS:
		check_slice(r->status.message, packet, n);
		require(diagnose_write_class(n & 1, r->status.code, r->status.message, &why) <
			ERRCLASS_COUNT);
		require(why && diagnose_path_class(r->status.code) != ERRCLASS_NONE);
		break;
	case SFTP_HANDLE:
		require(r->handle.n > 0 && r->handle.n <= SFTP_HANDLE_MAX);
		check_slice(r->handle, packet, n);
		break;
	case SFTP_NAME:
		check_names(r->names, packet, n);
		break;
	case SFTP_DATA:
		check_slice(r->data, packet, n);
		break;
	case SFTP_ATTRS:
		break;
	case SFTP_EXTENDED_REPLY:
		check_slice(r->extended, packet, n);
		if (sftp_parse_statvfs(r->extended, &s) == 0)
			require(diagnose_space_class(&s, &why) < ERRCLASS_COUNT && why);
		(void)sftp_parse_limits(r->extended, &limits);
		break;
	default:
		abort();
	}
}

/* Packet after packet, each from a buffer of exactly its size. */
static void check_stream(const uint8_t *data, size_t size)
{
	while (size > 0) {
		int n = sftp_packet_length(data, size, SFTP_REPLY_MAX);
		struct sftp_reply reply;
		uint8_t *packet;

		if (n <= 0)
			return;
		require((size_t)n <= size && (size_t)n <= SFTP_REPLY_MAX);
		packet = malloc((size_t)n);
		memcpy(packet, data, (size_t)n);
		if (sftp_parse(packet, (size_t)n, &reply) == 0)
			check_reply(&reply, packet, (size_t)n);
		free(packet);
		data += n;
		size -= (size_t)n;
	}
}

static void check_banner(const char *bytes, size_t n)
{
	const char *line = NULL;
	size_t length = 0;

	n = MIN(n, (size_t)DIAGNOSE_BANNER_MAX);
	if (diagnose_banner(bytes, n, &line, &length) == BANNER_SSH)
		require(line >= bytes && line + length < bytes + n && length >= 8);
	require(diagnose_no_banner_class(bytes, n) != ERRCLASS_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	check_stream(data, size);
	memcpy(text, data, size);
	text[size] = '\0';
	check_banner(text, size);
	require(diagnose_disconnect_class(text, ERRCLASS_TIMEOUT) != ERRCLASS_NONE);
	free(text);
	return 0;
}
