/* sftp.h: the packets of SFTP version 3 (draft-ietf-secsh-filexfer-02) that a diagnosis needs, built and
 * parsed within bounds.
 *
 * Pure: no system call, no allocation. Everything parsed is hostile. tests/unit/test-diagnose-sftp.c,
 * tests/fuzz/fuzz-sftp.c. */
#ifndef GUARDFS_DIAGNOSE_SFTP_H
#define GUARDFS_DIAGNOSE_SFTP_H

#include "base/base.h"
#include "policy/server.h"

#define SFTP_VERSION_SPOKEN 3u
#define SFTP_REQUEST_MAX    4096u  /* bytes of a request, its length field included */
#define SFTP_REPLY_MAX	    16384u /* the same for a reply: no answer to our questions is longer */

enum sftp_type {
	SFTP_INIT = 1,
	SFTP_VERSION = 2,
	SFTP_OPEN = 3,
	SFTP_CLOSE = 4,
	SFTP_WRITE = 6,
	SFTP_REMOVE = 13,
	SFTP_REALPATH = 16,
	SFTP_STAT = 17,
	SFTP_STATUS = 101,
	SFTP_HANDLE = 102,
	SFTP_NAME = 104,
	SFTP_ATTRS = 105,
	SFTP_EXTENDED = 200,
	SFTP_EXTENDED_REPLY = 201
};

/* Status codes; those from 10 on are of later versions, which some servers send nevertheless. */
enum sftp_status {
	SFTP_OK = 0,
	SFTP_NO_SUCH_FILE = 2,
	SFTP_PERMISSION_DENIED = 3,
	SFTP_FAILURE = 4,
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
	SFTP_OPEN_WRITE = 2,
	SFTP_OPEN_APPEND = 4,
	SFTP_OPEN_CREATE = 8,
	SFTP_OPEN_EXCLUSIVE = 32
};

/* A request under construction. */
struct sftp_packet {
	size_t used;
	bool overflow; /* something did not fit: not to be sent */
	uint8_t bytes[SFTP_REQUEST_MAX];
};

/* Begins a packet. id: the request's number; for INIT the version. */
void sftp_begin(struct sftp_packet *packet, enum sftp_type type, uint32_t id);
void sftp_put_u32(struct sftp_packet *packet, uint32_t value);
void sftp_put_u64(struct sftp_packet *packet, uint64_t value);
void sftp_put_bytes(struct sftp_packet *packet, const void *bytes, size_t n); /* a string, with its length */
void sftp_put_text(struct sftp_packet *packet, const char *text);
void sftp_put_no_attributes(struct sftp_packet *packet);

/* Fills in the length. 0, or -EMSGSIZE. */
errint_t sftp_finish(struct sftp_packet *packet) WARN_UNUSED;

/* Part of a packet; not terminated, may hold anything. Borrowed. */
struct sftp_slice {
	const uint8_t *bytes;
	size_t n;
};

struct sftp_statvfs {
	uint64_t block_size, fragment_size, blocks, free_blocks, available_blocks;
	uint64_t files, free_files, available_files, fsid, flags, name_max;
};
#define SFTP_STATVFS_READ_ONLY 1u

struct sftp_reply {
	enum sftp_type type;
	uint32_t id; /* VERSION: 0 */
	union {
		struct {
			uint32_t version;
			uint32_t lacks; /* bits 1 << enum server_feature */
		} version;
		struct {
			uint32_t code;		   /* enum sftp_status or anything else */
			struct sftp_slice message; /* empty if the server sends none */
		} status;
		struct sftp_slice handle; /* 1..256 bytes */
		struct sftp_slice name;	  /* NAME: the first one */
		struct {
			bool has_size, has_permissions;
			uint64_t size;
			uint32_t permissions; /* st_mode */
		} attrs;
		struct sftp_slice extended;
	};
};

/* How many of the n bytes at the beginning of the stream are the first packet: 0 if it is not complete yet,
 * or -EPROTO if its length is one that no answer has. */
int sftp_packet_length(const uint8_t *bytes, size_t n) WARN_UNUSED;

/* Parses a whole packet (length field included). -EPROTO: damaged, or of a type that is no reply. The slices
 * point into bytes. */
errint_t sftp_parse(const uint8_t *bytes, size_t n, struct sftp_reply *reply) WARN_UNUSED;

/* Parses the answer to statvfs@openssh.com. -EPROTO: too short. */
errint_t sftp_parse_statvfs(struct sftp_slice extended, struct sftp_statvfs *statvfs) WARN_UNUSED;

#endif
