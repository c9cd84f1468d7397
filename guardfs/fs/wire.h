/* The FUSE protocol where libfuse 3.14 has no call. Follows linux/fuse.h. A "complete" request has passed
 * wire_is_complete. */
#ifndef GUARDFS_FS_WIRE_H
#define GUARDFS_FS_WIRE_H

#define FUSE_USE_VERSION 314
#include "base/base.h"
#include <fuse_lowlevel.h>
#include <sys/types.h>

/* Is it asked by a caller of his own accord, not of a file that he has open, nor by the kernel? */
bool wire_begins_access(uint32_t opcode);

#define WIRE_OP_LOOKUP	     1u
#define WIRE_OP_FORGET	     2u
#define WIRE_OP_GETATTR	     3u
#define WIRE_OP_READLINK     5u
#define WIRE_OP_UNLINK	     10u
#define WIRE_OP_OPEN	     14u
#define WIRE_OP_READ	     15u
#define WIRE_OP_WRITE	     16u
#define WIRE_OP_STATFS	     17u
#define WIRE_OP_RELEASE	     18u
#define WIRE_OP_FSYNC	     20u
#define WIRE_OP_GETXATTR     22u
#define WIRE_OP_LISTXATTR    23u
#define WIRE_OP_FLUSH	     25u
#define WIRE_OP_INIT	     26u
#define WIRE_OP_OPENDIR	     27u
#define WIRE_OP_READDIR	     28u
#define WIRE_OP_RELEASEDIR   29u
#define WIRE_OP_FSYNCDIR     30u
#define WIRE_OP_CREATE	     35u
#define WIRE_OP_INTERRUPT    36u
#define WIRE_OP_DESTROY	     38u
#define WIRE_OP_BATCH_FORGET 42u
#define WIRE_OP_READDIRPLUS  44u
#define WIRE_OP_LSEEK	     46u
#define WIRE_OP_TMPFILE	     51u

struct wire_request {
	uint32_t length;
	uint32_t opcode;
	uint64_t unique;
	uint64_t nodeid;
	uint32_t uid, gid, pid;
};

/* -EINVAL: too short for a header, or another length than was read. */
errint_t wire_parse(const uint8_t *buffer, size_t available, struct wire_request *r) WARN_UNUSED;

/* Is the request as long as its opcode's fixed part, with terminated names? libfuse trusts both. Unknown
 * opcodes are. */
bool wire_is_complete(const uint8_t *buffer, const struct wire_request *r);

/* Nodes of a complete request: ids[0], and ids[1] or 0. */
void wire_nodes(const uint8_t *buffer, uint64_t ids[2]);

/* Names that a complete request makes, removes or moves, names[i] in directory ids[i] of wire_nodes; NULL:
 * none. */
void wire_names(const uint8_t *buffer, const char *names[2]);

/* Does the request change a name in this directory? The buffer may be reused meanwhile, and the answer
 * old. */
bool wire_changes_names_in(const uint8_t *buffer, uint64_t directory);

/* Of a complete request. */
uint32_t wire_opcode(const uint8_t *buffer);

/* Also after unique was cleared. */
uint32_t wire_uid(const uint8_t *buffer);

/* The asking thread, in the pid namespace of the mount; 0: none, or not in that namespace. Of a request of
 * at least a header's length. */
uint32_t wire_pid(const uint8_t *buffer);

/* The handle of a complete WRITE by the kernel itself, for a mapping, as root; 0: another request. */
uint64_t wire_written_back(const uint8_t *buffer);

/* Guardian may read the buffer at the same time. */
uint64_t wire_unique(const uint8_t *buffer);
void wire_clear_unique(uint8_t *buffer);

/* OPEN for execution (the kernel's __FMODE_EXEC). The file stays open while the program runs. */
#define WIRE_OPEN_EXEC 040

/* May the opcode run again after its worker's death? It changes nothing, sets a given value, or finds out
 * what was done (fs/append.h). */
bool wire_is_idempotent(uint32_t opcode);

/* May a complete request run again after a perhaps successful run? Idempotent, or a change of names
 * (fs/again.h). */
bool wire_may_run_again(const uint8_t *buffer);

/* Does a complete request cut its node? To *size. */
bool wire_cuts(const uint8_t *buffer, uint64_t *size);

/* Is a complete request a rename that may take the place of what has the new name? */
bool wire_replaces(const uint8_t *buffer);

/* Or one that exchanges two names? */
bool wire_exchanges(const uint8_t *buffer);

/* Does a complete request write data? Where? */
bool wire_writes(const uint8_t *buffer, uint64_t *nodeid, uint64_t *offset, uint64_t *size);

/* Of a WRITE: its open file, and what it writes; appends: at the end, whatever offset says. False: none. */
bool wire_write_of(const uint8_t *buffer, uint64_t *fh, uint64_t *offset, uint32_t *size, bool *appends);

/* Of a complete FLUSH (wire_sync_of: or FSYNC): its open file. False: none. */
bool wire_flush_of(const uint8_t *buffer, uint64_t *fh);
bool wire_sync_of(const uint8_t *buffer, uint64_t *fh);

/* On storage, size and times included. */
bool wire_changes(uint32_t opcode);
bool wire_wants_reply(uint32_t opcode);

/* Does the local tier answer the request, complete or not, within microseconds unless it waits for a disk? */
bool wire_is_brief(const uint8_t *buffer, uint32_t length);
const char *wire_opcode_name(uint32_t opcode);

/* Of a complete LOOKUP. */
const char *wire_lookup_name(const uint8_t *buffer);

/* Returns the length; 0: size is too small. */
size_t wire_entry_reply(uint8_t *buf, size_t size, uint64_t unique, const struct fuse_entry_param *e);

uint64_t wire_entry_node(const uint8_t *reply);

/* err positive. 16 bytes. */
size_t wire_error_reply(uint8_t *buf, uint64_t unique, int err);

/* Message: ask again for attributes; pages stay. Returns its length, 40. Sending: ENOENT if the kernel
 * does not know the node; may wait for its eviction, hence for requests about it, but for no caller's
 * lock. */
size_t wire_drop_attributes(uint8_t *buf, uint64_t nodeid);

/* The same, dropping pages. Waits for callers that read or write a page. */
size_t wire_drop_pages(uint8_t *buf, uint64_t nodeid);

/* Message: ask again before using name (1..NAME_LENGTH_MAX bytes); or (drop, and always before Linux 6.2)
 * forget it, with all mounts below. Returns its length, at most WIRE_NAME_MAX. Sending: ENOENT if unknown;
 * waits for callers that change names in the directory. */
#define WIRE_NAME_MAX 320
size_t wire_expire_name(uint8_t buf[WIRE_NAME_MAX], uint64_t parent, const char *name, bool drop);

uint64_t wire_reply_unique(const void *reply);

/* 0, or the negative errno that the reply carries. */
errint_t wire_reply_error(const void *reply);

/* To the reply of OPEN or CREATE. */
void wire_set_passthrough(uint8_t *buf, size_t length, int32_t backing_id);

/* Adds what the request offers and libfuse 3.14 cannot ask for: parallel directory operations,
 * HANDLE_KILLPRIV_V2, passthrough if wanted. Returns whether passthrough is agreed. */
bool wire_extend_init(const uint8_t *request, size_t request_length, uint8_t *reply, size_t length,
		      bool passthrough);

/* Fields that libfuse drops. */
bool wire_write_kills_priv(const uint8_t *buffer);
bool wire_setattr_kills_priv(const uint8_t *buffer);
bool wire_open_kills_priv(const uint8_t *buffer); /* OPEN with O_TRUNC, CREATE */
uint64_t wire_interrupted(const uint8_t *buffer);
/* Turns TMPFILE, unknown to libfuse 3.14, into a CREATE: the layouts agree, and no CREATE has the name
 * "/". */
void wire_adopt(uint8_t *buffer);
#define WIRE_TMPFILE_NAME "/"

/* Its id (> 0) or -errno (ENOTTY, EPERM: no passthrough; ELOOP: stacked too deeply). */
int wire_backing_open(int dev_fd, int fd);
void wire_backing_close(int dev_fd, int32_t backing_id);

#endif
