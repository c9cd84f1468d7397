/* The packets of SFTP version 3 (draft-ietf-secsh-filexfer-02) and of OpenSSH's extensions, built and parsed within
 * bounds. Pure, without allocation. Everything parsed is hostile. */
#ifndef GUARDFS_SFTP_PACKET_H
#define GUARDFS_SFTP_PACKET_H

#include "base/base.h"
#include "policy/server.h"

#define SFTP_VERSION_SPOKEN 3u
/* With length field, without a WRITE's data: two paths of PATH_MAX fit. */
#define SFTP_REQUEST_MAX 9216u
/* With length field. OpenSSH sends at most 256 KiB. */
#define SFTP_REPLY_MAX	(256u << 10)
#define SFTP_HANDLE_MAX 256u

enum sftp_type {
	SFTP_INIT = 1,
	SFTP_VERSION = 2,
	SFTP_OPEN = 3,
	SFTP_CLOSE = 4,
	SFTP_READ = 5,
	SFTP_WRITE = 6,
	SFTP_LSTAT = 7,
	SFTP_FSTAT = 8,
	SFTP_SETSTAT = 9,
	SFTP_FSETSTAT = 10,
	SFTP_OPENDIR = 11,
	SFTP_READDIR = 12,
	SFTP_REMOVE = 13,
	SFTP_MKDIR = 14,
	SFTP_RMDIR = 15,
	SFTP_REALPATH = 16,
	SFTP_STAT = 17,
	SFTP_RENAME = 18,
	SFTP_READLINK = 19,
	SFTP_SYMLINK = 20,
	SFTP_STATUS = 101,
	SFTP_HANDLE = 102,
	SFTP_DATA = 103,
	SFTP_NAME = 104,
	SFTP_ATTRS = 105,
	SFTP_EXTENDED = 200,
	SFTP_EXTENDED_REPLY = 201
};

/* From 10 on of later versions; some servers send them. */
enum sftp_status {
	SFTP_OK = 0,
	SFTP_EOF = 1,
	SFTP_NO_SUCH_FILE = 2,
	SFTP_PERMISSION_DENIED = 3,
	SFTP_FAILURE = 4,
	SFTP_BAD_MESSAGE = 5,
	SFTP_NO_CONNECTION = 6,
	SFTP_CONNECTION_LOST = 7,
	SFTP_OP_UNSUPPORTED = 8,
	SFTP_NO_SUCH_PATH = 10,
	SFTP_WRITE_PROTECT = 12,
	SFTP_NO_SPACE = 14,
	SFTP_QUOTA_EXCEEDED = 15,
	SFTP_NOT_A_DIRECTORY = 19
};

enum sftp_open_flag {
	SFTP_OPEN_READ = 1,
	SFTP_OPEN_WRITE = 2,
	SFTP_OPEN_APPEND = 4,
	SFTP_OPEN_CREATE = 8,
	SFTP_OPEN_TRUNCATE = 16,
	SFTP_OPEN_EXCLUSIVE = 32
};

/* 0 for OK, else -errno. FAILURE says nothing: -EIO; EOF: -ENODATA; BAD_MESSAGE: -EBADMSG, OpenSSH's word for what a
 * system call found invalid or too long. */
errint_t sftp_error(uint32_t status);

/* Those that guardfs uses, each in one version. */
enum sftp_extension {
	SFTP_POSIX_RENAME,
	SFTP_STATVFS_PATH,
	SFTP_HARDLINK,
	SFTP_FSYNC,
	SFTP_LSETSTAT,
	SFTP_LIMITS,
	SFTP_COPY_DATA,
	SFTP_EXPAND_PATH,
	SFTP_USERS_GROUPS,
	SFTP_EXTENSION_COUNT
};

/* Its name on the wire. */
const char *sftp_extension_name(enum sftp_extension extension);

enum sftp_attribute {
	SFTP_ATTR_SIZE = 1,
	SFTP_ATTR_OWNER = 2,
	SFTP_ATTR_PERMISSIONS = 4,
	SFTP_ATTR_TIMES = 8,
};

struct sftp_attributes {
	uint64_t size;
	/* enum sftp_attribute; other fields are 0. */
	uint32_t has;
	uint32_t uid, gid;
	/* As st_mode. */
	uint32_t permissions;
	/* Seconds since 1970. */
	uint32_t atime, mtime;
};

struct sftp_packet {
	size_t used;
	/* Something did not fit: not to be sent. */
	bool overflow;
	uint8_t bytes[SFTP_REQUEST_MAX];
};

/* id: for INIT the version. */
void sftp_begin(struct sftp_packet *packet, enum sftp_type type, uint32_t id);
void sftp_put_u32(struct sftp_packet *packet, uint32_t value);
void sftp_put_u64(struct sftp_packet *packet, uint64_t value);
void sftp_put_bytes(struct sftp_packet *packet, const void *bytes, size_t n); /* a string */
void sftp_put_text(struct sftp_packet *packet, const char *text);
/* Unknown bits of has are left out. */
void sftp_put_attributes(struct sftp_packet *packet, const struct sftp_attributes *attributes);
void sftp_put_no_attributes(struct sftp_packet *packet);

/* For a request already begun. */
void sftp_set_id(struct sftp_packet *packet, uint32_t id);
enum sftp_type sftp_type_of(const struct sftp_packet *packet);

/* Fills in the length. 0, or -EMSGSIZE. */
errint_t sftp_finish(struct sftp_packet *packet) WARN_UNUSED;

/* For a WRITE whose n bytes of data follow the packet. 0, or -EMSGSIZE (also: n is beyond a length). */
errint_t sftp_finish_before_data(struct sftp_packet *packet, size_t n) WARN_UNUSED;

/* Part of a packet, unterminated, any bytes. Borrowed. */
struct sftp_slice {
	const uint8_t *bytes;
	size_t n;
};

struct sftp_statvfs {
	uint64_t block_size, fragment_size, blocks, free_blocks, available_blocks;
	uint64_t files, free_files, available_files, fsid, flags, name_max;
};
#define SFTP_STATVFS_READ_ONLY 1u

/* 0: unknown. */
struct sftp_limits {
	uint64_t packet, read, write, handles;
};

struct sftp_names {
	uint32_t n;
	struct sftp_slice entries;
};

struct sftp_reply {
	enum sftp_type type;
	/* VERSION: 0. */
	uint32_t id;
	union {
		struct {
			uint32_t version;
			/* Bits 1 << enum server_feature. */
			uint32_t lacks;
			/* Bits 1 << enum sftp_extension. */
			uint32_t extensions;
		} version;
		struct {
			/* enum sftp_status, or anything else. */
			uint32_t code;
			/* May be empty. */
			struct sftp_slice message;
		} status;
		/* 1..SFTP_HANDLE_MAX bytes. */
		struct sftp_slice handle;
		/* May be empty. */
		struct sftp_slice data;
		/* At least one; sftp_next_name finds n. */
		struct sftp_names names;
		struct sftp_attributes attrs;
		struct sftp_slice extended;
	};
};

/* Bytes needed to look at the packet again: its length field, or all of it. -EPROTO as below. */
int sftp_packet_need(const uint8_t *bytes, size_t n, size_t max) WARN_UNUSED;

/* Length of the first packet; 0: incomplete; -EPROTO: no answer of at most max (<= SFTP_REPLY_MAX) bytes has it. */
int sftp_packet_length(const uint8_t *bytes, size_t n, size_t max) WARN_UNUSED;

/* A whole packet, length field included. -EPROTO: damaged, or no reply. Slices point into bytes. */
errint_t sftp_parse(const uint8_t *bytes, size_t n, struct sftp_reply *reply) WARN_UNUSED;

struct sftp_name {
	/* Any bytes: slashes, NUL. */
	struct sftp_slice name;
	struct sftp_attributes attrs;
};

/* False: none is left. */
bool sftp_next_name(struct sftp_names *names, struct sftp_name *name);

/* For a listing: 1..255 bytes, no slash, no NUL, neither "." nor "..". */
bool sftp_is_entry_name(struct sftp_slice name);

/* Parse the answers to statvfs@openssh.com, limits@openssh.com. -EPROTO: too short. */
errint_t sftp_parse_statvfs(struct sftp_slice extended, struct sftp_statvfs *statvfs) WARN_UNUSED;
errint_t sftp_parse_limits(struct sftp_slice extended, struct sftp_limits *limits) WARN_UNUSED;

#endif
