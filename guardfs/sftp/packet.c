#include "sftp/packet.h"

#include <errno.h>

#define ATTR_KNOWN    (SFTP_ATTR_SIZE | SFTP_ATTR_OWNER | SFTP_ATTR_PERMISSIONS | SFTP_ATTR_TIMES)
#define ATTR_EXTENDED 0x80000000u
#define ENTRY_MIN     12u /* two empty strings, no attributes */
#define NAME_MAX_SFTP 255u

static const struct {
	const char *name, *version;
} extensions[SFTP_EXTENSION_COUNT] = {
    [SFTP_POSIX_RENAME] = {"posix-rename@openssh.com", "1"},
    [SFTP_STATVFS_PATH] = {"statvfs@openssh.com", "2"},
    [SFTP_HARDLINK] = {"hardlink@openssh.com", "1"},
    [SFTP_FSYNC] = {"fsync@openssh.com", "1"},
    [SFTP_LSETSTAT] = {"lsetstat@openssh.com", "1"},
    [SFTP_LIMITS] = {"limits@openssh.com", "1"},
    [SFTP_COPY_DATA] = {"copy-data", "1"},
    [SFTP_EXPAND_PATH] = {"expand-path@openssh.com", "1"},
    [SFTP_USERS_GROUPS] = {"users-groups-by-id@openssh.com", "1"},
};

const char *sftp_extension_name(enum sftp_extension extension)
{
	return extensions[extension].name;
}

errint_t sftp_error(uint32_t status)
{
	static const struct {
		uint32_t status;
		errint_t error;
	} errors[] = {
	    {SFTP_OK, 0},
	    {SFTP_EOF, -ENODATA},
	    {SFTP_NO_SUCH_FILE, -ENOENT},
	    {SFTP_NO_SUCH_PATH, -ENOENT},
	    {SFTP_PERMISSION_DENIED, -EACCES},
	    {SFTP_BAD_MESSAGE, -EBADMSG},
	    {SFTP_OP_UNSUPPORTED, -EOPNOTSUPP},
	    {SFTP_WRITE_PROTECT, -EROFS},
	    {SFTP_NO_SPACE, -ENOSPC},
	    {SFTP_QUOTA_EXCEEDED, -EDQUOT},
	    {SFTP_NOT_A_DIRECTORY, -ENOTDIR},
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].status == status)
			return errors[i].error;
	return -EIO;
}

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

void sftp_put_attributes(struct sftp_packet *packet, const struct sftp_attributes *a)
{
	uint32_t has = a->has & ATTR_KNOWN;

	sftp_put_u32(packet, has);
	if (has & SFTP_ATTR_SIZE)
		sftp_put_u64(packet, a->size);
	if (has & SFTP_ATTR_OWNER) {
		sftp_put_u32(packet, a->uid);
		sftp_put_u32(packet, a->gid);
	}
	if (has & SFTP_ATTR_PERMISSIONS)
		sftp_put_u32(packet, a->permissions);
	if (has & SFTP_ATTR_TIMES) {
		sftp_put_u32(packet, a->atime);
		sftp_put_u32(packet, a->mtime);
	}
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

void sftp_set_id(struct sftp_packet *packet, uint32_t id)
{
	store_u32(packet->bytes + 5, id);
}

enum sftp_type sftp_type_of(const struct sftp_packet *packet)
{
	return (enum sftp_type)packet->bytes[4];
}

errint_t sftp_finish(struct sftp_packet *packet)
{
	if (packet->overflow)
		return -EMSGSIZE;
	store_u32(packet->bytes, (uint32_t)(packet->used - 4));
	return 0;
}

errint_t sftp_finish_before_data(struct sftp_packet *packet, size_t n)
{
	if (n > UINT32_MAX - SFTP_REQUEST_MAX)
		return -EMSGSIZE;
	sftp_put_u32(packet, (uint32_t)n);
	if (packet->overflow)
		return -EMSGSIZE;
	store_u32(packet->bytes, (uint32_t)(packet->used - 4 + n));
	return 0;
}

/* Once something was missing bad stays set, and all reads as 0 or empty. */
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

static uint32_t feature_offered(struct sftp_slice name, struct sftp_slice version)
{
	for (unsigned i = 0; i < SERVER_FEATURE_COUNT; i++) {
		const struct server_feature_info *f = server_feature_info((enum server_feature)i);

		if (f->extension && slice_is(name, f->extension) && slice_is(version, f->version))
			return 1u << i;
	}
	return 0;
}

static uint32_t extension_offered(struct sftp_slice name, struct sftp_slice version)
{
	for (unsigned i = 0; i < SFTP_EXTENSION_COUNT; i++)
		if (slice_is(name, extensions[i].name) && slice_is(version, extensions[i].version))
			return 1u << i;
	return 0;
}

static void parse_version(struct reader *r, struct sftp_reply *reply)
{
	reply->version.version = reply->id;
	reply->id = 0;
	reply->version.lacks = SERVER_LACKS & ~(SERVER_KNOWN | SERVER_TRIED);
	while (r->left > 0 && !r->bad) {
		struct sftp_slice name = take_string(r), data = take_string(r);

		if (r->bad)
			return;
		reply->version.lacks &= ~feature_offered(name, data);
		reply->version.extensions |= extension_offered(name, data);
	}
}

/* Servers before version 3 send no message. */
static void parse_status(struct reader *r, struct sftp_reply *reply)
{
	reply->status.code = take_u32(r);
	if (r->left > 0)
		reply->status.message = take_string(r);
}

static void parse_handle(struct reader *r, struct sftp_reply *reply)
{
	reply->handle = take_string(r);
	if (reply->handle.n == 0 || reply->handle.n > SFTP_HANDLE_MAX)
		r->bad = true;
}

static void parse_data(struct reader *r, struct sftp_reply *reply)
{
	reply->data = take_string(r);
}

/* Pairs of name and value, unused. */
static void skip_extended(struct reader *r)
{
	uint32_t n = take_u32(r);

	for (; n > 0 && !r->bad; n--) {
		take_string(r);
		take_string(r);
	}
}

static void take_attributes(struct reader *r, struct sftp_attributes *a)
{
	uint32_t flags = take_u32(r);

	/* Version 3 knows no others; sshfs skips them too. */
	*a = (struct sftp_attributes){.has = flags & ATTR_KNOWN};
	if (flags & SFTP_ATTR_SIZE)
		a->size = take_u64(r);
	if (flags & SFTP_ATTR_OWNER) {
		a->uid = take_u32(r);
		a->gid = take_u32(r);
	}
	if (flags & SFTP_ATTR_PERMISSIONS)
		a->permissions = take_u32(r);
	if (flags & SFTP_ATTR_TIMES) {
		a->atime = take_u32(r);
		a->mtime = take_u32(r);
	}
	if (flags & ATTR_EXTENDED)
		skip_extended(r);
}

static void parse_attrs(struct reader *r, struct sftp_reply *reply)
{
	take_attributes(r, &reply->attrs);
}

/* The line between name and attributes is for people. */
static void take_name(struct reader *r, struct sftp_name *name)
{
	name->name = take_string(r);
	take_string(r);
	take_attributes(r, &name->attrs);
}

/* So that later readers need not check. */
static void parse_names(struct reader *r, struct sftp_reply *reply)
{
	struct sftp_name name;
	uint32_t n = take_u32(r);

	if (n == 0 || n > r->left / ENTRY_MIN)
		r->bad = true;
	reply->names.n = n;
	reply->names.entries = (struct sftp_slice){.bytes = r->at, .n = r->left};
	for (; n > 0 && !r->bad; n--)
		take_name(r, &name);
}

static void parse_extended(struct reader *r, struct sftp_reply *reply)
{
	reply->extended = (struct sftp_slice){.bytes = r->at, .n = r->left};
}

static const struct {
	enum sftp_type type;
	void (*parse)(struct reader *r, struct sftp_reply *reply);
} replies[] = {
    {SFTP_VERSION, parse_version},
    {SFTP_STATUS, parse_status},
    {SFTP_HANDLE, parse_handle},
    {SFTP_DATA, parse_data},
    {SFTP_NAME, parse_names},
    {SFTP_ATTRS, parse_attrs},
    {SFTP_EXTENDED_REPLY, parse_extended},
};

int sftp_packet_need(const uint8_t *bytes, size_t n, size_t max)
{
	struct reader r = {.at = bytes, .left = n};
	uint32_t length;

	if (n < 4)
		return 4;
	length = take_u32(&r);
	/* At least type and id (or version). */
	return length < 5 || length > max - 4 ? -EPROTO : (int)length + 4;
}

int sftp_packet_length(const uint8_t *bytes, size_t n, size_t max)
{
	int need = sftp_packet_need(bytes, n, max);

	return need < 0 || (n >= 4 && n >= (size_t)need) ? need : 0;
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

bool sftp_next_name(struct sftp_names *names, struct sftp_name *name)
{
	struct reader r = {.at = names->entries.bytes, .left = names->entries.n};

	if (names->n == 0)
		return false;
	take_name(&r, name);
	names->n--;
	names->entries = (struct sftp_slice){.bytes = r.at, .n = r.left};
	return !r.bad;
}

bool sftp_is_entry_name(struct sftp_slice name)
{
	return name.n > 0 && name.n <= NAME_MAX_SFTP && !slice_is(name, ".") && !slice_is(name, "..") &&
	       !memchr(name.bytes, '/', name.n) && !memchr(name.bytes, '\0', name.n);
}

static errint_t take_numbers(struct sftp_slice from, uint64_t *const *fields, size_t n)
{
	struct reader r = {.at = from.bytes, .left = from.n};

	for (size_t i = 0; i < n; i++)
		*fields[i] = take_u64(&r);
	return r.bad ? -EPROTO : 0;
}

errint_t sftp_parse_statvfs(struct sftp_slice extended, struct sftp_statvfs *s)
{
	uint64_t *const fields[] = {
	    &s->block_size, &s->fragment_size,	 &s->blocks, &s->free_blocks, &s->available_blocks, &s->files,
	    &s->free_files, &s->available_files, &s->fsid,   &s->flags,	      &s->name_max};

	return take_numbers(extended, fields, ARRAY_SIZE(fields));
}

errint_t sftp_parse_limits(struct sftp_slice extended, struct sftp_limits *l)
{
	uint64_t *const fields[] = {&l->packet, &l->read, &l->write, &l->handles};

	return take_numbers(extended, fields, ARRAY_SIZE(fields));
}
