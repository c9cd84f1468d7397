/* sftp.c: see sftp.h. */
#include "diagnose/sftp.h"

#include <errno.h>

#define ATTR_SIZE	 0x00000001u
#define ATTR_UIDGID	 0x00000002u
#define ATTR_PERMISSIONS 0x00000004u
#define HANDLE_MAX	 256u

/* ---- building ---- */

static void put_raw(struct sftp_packet *packet, const void *bytes, size_t n)
{
	if (packet->overflow || n > sizeof(packet->bytes) - packet->used) {
		packet->overflow = true;
		return;
	}
	memcpy(packet->bytes + packet->used, bytes, n);
	packet->used += n;
}

static void store_u32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

void sftp_put_u32(struct sftp_packet *packet, uint32_t value)
{
	uint8_t bytes[4];

	store_u32(bytes, value);
	put_raw(packet, bytes, sizeof(bytes));
}

void sftp_put_u64(struct sftp_packet *packet, uint64_t value)
{
	sftp_put_u32(packet, (uint32_t)(value >> 32));
	sftp_put_u32(packet, (uint32_t)value);
}

void sftp_put_bytes(struct sftp_packet *packet, const void *bytes, size_t n)
{
	if (n > sizeof(packet->bytes)) {
		packet->overflow = true;
		return;
	}
	sftp_put_u32(packet, (uint32_t)n);
	put_raw(packet, bytes, n);
}

void sftp_put_text(struct sftp_packet *packet, const char *text)
{
	sftp_put_bytes(packet, text, strlen(text));
}

void sftp_put_no_attributes(struct sftp_packet *packet)
{
	sftp_put_u32(packet, 0);
}

void sftp_begin(struct sftp_packet *packet, enum sftp_type type, uint32_t id)
{
	uint8_t byte = (uint8_t)type;

	packet->used = 0;
	packet->overflow = false;
	sftp_put_u32(packet, 0);
	put_raw(packet, &byte, 1);
	sftp_put_u32(packet, id);
}

errint_t sftp_finish(struct sftp_packet *packet)
{
	if (packet->overflow)
		return -EMSGSIZE;
	store_u32(packet->bytes, (uint32_t)(packet->used - 4));
	return 0;
}

/* ---- parsing ---- */

/* What is left to read. Once something was missing, bad stays set and everything reads as 0 or empty. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static const uint8_t *take_raw(struct reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	r->at += n;
	r->left -= n;
	return at;
}

static uint32_t take_u32(struct reader *r)
{
	const uint8_t *b = take_raw(r, 4);

	return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

static uint64_t take_u64(struct reader *r)
{
	uint64_t high = take_u32(r);

	return high << 32 | take_u32(r);
}

static struct sftp_slice take_string(struct reader *r)
{
	uint32_t n = take_u32(r);
	const uint8_t *bytes = take_raw(r, n);

	return (struct sftp_slice){.bytes = bytes, .n = bytes ? n : 0};
}

static bool slice_is(struct sftp_slice s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.bytes, text, s.n) == 0;
}

static uint32_t offered(struct sftp_slice name, struct sftp_slice version)
{
	for (unsigned i = 0; i < SERVER_FEATURE_COUNT; i++) {
		const struct server_feature_info *f = server_feature_info((enum server_feature)i);

		if (f->extension && slice_is(name, f->extension) && slice_is(version, f->version))
			return 1u << i;
	}
	return 0;
}

static void parse_version(struct reader *r, struct sftp_reply *reply)
{
	reply->version.version = reply->id;
	reply->id = 0;
	reply->version.lacks = SERVER_LACKS & ~(SERVER_KNOWN | SERVER_TRIED);
	while (r->left > 0 && !r->bad) {
		struct sftp_slice name = take_string(r), data = take_string(r);

		if (!r->bad)
			reply->version.lacks &= ~offered(name, data);
	}
}

/* Servers older than version 3 send no message. */
static void parse_status(struct reader *r, struct sftp_reply *reply)
{
	reply->status.code = take_u32(r);
	if (r->left > 0)
		reply->status.message = take_string(r);
}

static void parse_handle(struct reader *r, struct sftp_reply *reply)
{
	reply->handle = take_string(r);
	if (reply->handle.n == 0 || reply->handle.n > HANDLE_MAX)
		r->bad = true;
}

static void parse_name(struct reader *r, struct sftp_reply *reply)
{
	if (take_u32(r) == 0)
		r->bad = true;
	reply->name = take_string(r);
}

static void parse_attrs(struct reader *r, struct sftp_reply *reply)
{
	uint32_t flags = take_u32(r);

	if (flags & ATTR_SIZE) {
		reply->attrs.size = take_u64(r);
		reply->attrs.has_size = true;
	}
	if (flags & ATTR_UIDGID)
		take_u64(r);
	if (flags & ATTR_PERMISSIONS) {
		reply->attrs.permissions = take_u32(r);
		reply->attrs.has_permissions = true;
	}
}

static void parse_extended(struct reader *r, struct sftp_reply *reply)
{
	reply->extended = (struct sftp_slice){.bytes = r->at, .n = r->left};
}

static const struct {
	enum sftp_type type;
	void (*parse)(struct reader *r, struct sftp_reply *reply);
} replies[] = {
    {SFTP_VERSION, parse_version}, {SFTP_STATUS, parse_status}, {SFTP_HANDLE, parse_handle},
    {SFTP_NAME, parse_name},	   {SFTP_ATTRS, parse_attrs},	{SFTP_EXTENDED_REPLY, parse_extended},
};

int sftp_packet_length(const uint8_t *bytes, size_t n)
{
	struct reader r = {.at = bytes, .left = n};
	uint32_t length;

	if (n < 4)
		return 0;
	length = take_u32(&r);
	/* At least type and id (or version). */
	if (length < 5 || length > SFTP_REPLY_MAX - 4)
		return -EPROTO;
	return n - 4 >= length ? (int)length + 4 : 0;
}

errint_t sftp_parse(const uint8_t *bytes, size_t n, struct sftp_reply *reply)
{
	struct reader r = {.at = bytes, .left = n};
	const uint8_t *type;

	memset(reply, 0, sizeof(*reply));
	if (take_u32(&r) != n - 4)
		return -EPROTO;
	type = take_raw(&r, 1);
	reply->id = take_u32(&r);
	if (r.bad)
		return -EPROTO;
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		if (*type != replies[i].type)
			continue;
		reply->type = replies[i].type;
		replies[i].parse(&r, reply);
		return r.bad ? -EPROTO : 0;
	}
	return -EPROTO;
}

errint_t sftp_parse_statvfs(struct sftp_slice extended, struct sftp_statvfs *s)
{
	struct reader r = {.at = extended.bytes, .left = extended.n};
	uint64_t *const fields[] = {
	    &s->block_size, &s->fragment_size,	 &s->blocks, &s->free_blocks, &s->available_blocks, &s->files,
	    &s->free_files, &s->available_files, &s->fsid,   &s->flags,	      &s->name_max};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		*fields[i] = take_u64(&r);
	return r.bad ? -EPROTO : 0;
}
