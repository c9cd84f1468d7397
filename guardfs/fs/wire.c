#include "fs/wire.h"
#include "shm/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

/* Of Linux 6.9: Debian 12's linux/fuse.h (7.38) lacks these. */
#define INIT_PASSTHROUGH_FLAGS2 (1u << 5) /* FUSE_PASSTHROUGH is 1ull << 37 */
#define INIT_MINOR_PASSTHROUGH	40u
#define OPEN_PASSTHROUGH	(1u << 7) /* FOPEN_PASSTHROUGH */

struct backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define IOC_BACKING_OPEN  _IOW(FUSE_DEV_IOC_MAGIC, 1, struct backing_map)
#define IOC_BACKING_CLOSE _IOW(FUSE_DEV_IOC_MAGIC, 2, uint32_t)
#ifndef FUSE_DEV_IOC_MAGIC
#define FUSE_DEV_IOC_MAGIC 229
#endif

#define BODY(buffer, type) ((const type *)(const void *)((buffer) + sizeof(struct fuse_in_header)))

_Static_assert(SLOT_HEADER_SIZE == sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in),
	       "the data of a WRITE begins with a page");

enum opcode_flags {
	REPEATABLE = 1 << 0, /* may run twice */
	CHANGES = 1 << 1,    /* can change storage */
	PROVABLE = 1 << 2,   /* a second run can tell the first's effect */
	BRIEF = 1 << 3	     /* see wire_is_brief */
};

/* The fixed part's size, then NUL-terminated names. */
struct opcode {
	const char *name;
	uint16_t fixed;
	uint8_t names;
	uint8_t flags;
};

static const struct opcode opcodes[] = {
    [FUSE_LOOKUP] = {"LOOKUP", 0, 1, REPEATABLE | BRIEF},
    [FUSE_FORGET] = {"FORGET", sizeof(struct fuse_forget_in), 0, BRIEF},
    [FUSE_GETATTR] = {"GETATTR", sizeof(struct fuse_getattr_in), 0, REPEATABLE | BRIEF},
    [FUSE_SETATTR] = {"SETATTR", sizeof(struct fuse_setattr_in), 0, REPEATABLE | CHANGES | BRIEF},
    [FUSE_READLINK] = {"READLINK", 0, 0, REPEATABLE | BRIEF},
    [FUSE_SYMLINK] = {"SYMLINK", 0, 2, CHANGES | PROVABLE | BRIEF},
    [FUSE_MKNOD] = {"MKNOD", sizeof(struct fuse_mknod_in), 1, CHANGES | PROVABLE | BRIEF},
    [FUSE_MKDIR] = {"MKDIR", sizeof(struct fuse_mkdir_in), 1, CHANGES | PROVABLE | BRIEF},
    [FUSE_UNLINK] = {"UNLINK", 0, 1, CHANGES | PROVABLE | BRIEF},
    [FUSE_RMDIR] = {"RMDIR", 0, 1, CHANGES | PROVABLE | BRIEF},
    [FUSE_RENAME] = {"RENAME", sizeof(struct fuse_rename_in), 2, CHANGES | PROVABLE | BRIEF},
    [FUSE_LINK] = {"LINK", sizeof(struct fuse_link_in), 1, CHANGES | PROVABLE | BRIEF},
    [FUSE_OPEN] = {"OPEN", sizeof(struct fuse_open_in), 0, REPEATABLE | CHANGES | BRIEF},
    [FUSE_READ] = {"READ", sizeof(struct fuse_read_in), 0, REPEATABLE | BRIEF},
    [FUSE_WRITE] = {"WRITE", sizeof(struct fuse_write_in), 0, REPEATABLE | CHANGES | BRIEF},
    [FUSE_STATFS] = {"STATFS", 0, 0, REPEATABLE | BRIEF},
    [FUSE_RELEASE] = {"RELEASE", sizeof(struct fuse_release_in), 0, REPEATABLE | BRIEF},
    [FUSE_FSYNC] = {"FSYNC", sizeof(struct fuse_fsync_in), 0, REPEATABLE},
    [FUSE_SETXATTR] = {"SETXATTR", FUSE_COMPAT_SETXATTR_IN_SIZE, 1, CHANGES | BRIEF},
    [FUSE_GETXATTR] = {"GETXATTR", sizeof(struct fuse_getxattr_in), 1, REPEATABLE | BRIEF},
    [FUSE_LISTXATTR] = {"LISTXATTR", sizeof(struct fuse_getxattr_in), 0, REPEATABLE | BRIEF},
    [FUSE_REMOVEXATTR] = {"REMOVEXATTR", 0, 1, CHANGES | BRIEF},
    [FUSE_FLUSH] = {"FLUSH", sizeof(struct fuse_flush_in), 0, REPEATABLE | BRIEF},
    [FUSE_INIT] = {"INIT", 16, 0, 0},
    [FUSE_OPENDIR] = {"OPENDIR", sizeof(struct fuse_open_in), 0, REPEATABLE | BRIEF},
    [FUSE_READDIR] = {"READDIR", sizeof(struct fuse_read_in), 0, REPEATABLE},
    [FUSE_RELEASEDIR] = {"RELEASEDIR", sizeof(struct fuse_release_in), 0, REPEATABLE | BRIEF},
    [FUSE_FSYNCDIR] = {"FSYNCDIR", sizeof(struct fuse_fsync_in), 0, REPEATABLE},
    [FUSE_GETLK] = {"GETLK", sizeof(struct fuse_lk_in), 0, 0},
    [FUSE_SETLK] = {"SETLK", sizeof(struct fuse_lk_in), 0, 0},
    [FUSE_SETLKW] = {"SETLKW", sizeof(struct fuse_lk_in), 0, 0},
    [FUSE_ACCESS] = {"ACCESS", sizeof(struct fuse_access_in), 0, REPEATABLE | BRIEF},
    [FUSE_CREATE] = {"CREATE", sizeof(struct fuse_create_in), 1, CHANGES | PROVABLE | BRIEF},
    [FUSE_INTERRUPT] = {"INTERRUPT", sizeof(struct fuse_interrupt_in), 0, BRIEF},
    [FUSE_BMAP] = {"BMAP", sizeof(struct fuse_bmap_in), 0, REPEATABLE},
    [FUSE_DESTROY] = {"DESTROY", 0, 0, 0},
    [FUSE_IOCTL] = {"IOCTL", sizeof(struct fuse_ioctl_in), 0, REPEATABLE},
    [FUSE_POLL] = {"POLL", sizeof(struct fuse_poll_in), 0, REPEATABLE},
    [FUSE_BATCH_FORGET] = {"BATCH_FORGET", sizeof(struct fuse_batch_forget_in), 0, BRIEF},
    [FUSE_FALLOCATE] = {"FALLOCATE", sizeof(struct fuse_fallocate_in), 0, CHANGES},
    [FUSE_READDIRPLUS] = {"READDIRPLUS", sizeof(struct fuse_read_in), 0, REPEATABLE},
    [FUSE_RENAME2] = {"RENAME2", sizeof(struct fuse_rename2_in), 2, CHANGES | PROVABLE | BRIEF},
    [FUSE_LSEEK] = {"LSEEK", sizeof(struct fuse_lseek_in), 0, REPEATABLE | BRIEF},
    [FUSE_COPY_FILE_RANGE] = {"COPY_FILE_RANGE", sizeof(struct fuse_copy_file_range_in), 0,
			      REPEATABLE | CHANGES},
    [WIRE_OP_TMPFILE] = {"TMPFILE", sizeof(struct fuse_create_in), 1, CHANGES | PROVABLE | BRIEF},
};

static const struct opcode *opcode_info(uint32_t opcode)
{
	return opcode < ARRAY_SIZE(opcodes) && opcodes[opcode].name ? &opcodes[opcode] : NULL;
}

errint_t wire_parse(const uint8_t *buffer, size_t available, struct wire_request *r)
{
	struct fuse_in_header in;

	if (available < sizeof(in))
		return -EINVAL;
	memcpy(&in, buffer, sizeof(in));
	if (in.len != available)
		return -EINVAL;
	*r = (struct wire_request){.length = in.len,
				   .opcode = in.opcode,
				   .unique = in.unique,
				   .nodeid = in.nodeid,
				   .uid = in.uid,
				   .gid = in.gid,
				   .pid = in.pid};
	return 0;
}

static bool names_are_terminated(const uint8_t *p, size_t n, unsigned names)
{
	while (names-- > 0) {
		const uint8_t *end = memchr(p, 0, n);

		if (!end || end == p)
			return false;
		n -= (size_t)(end + 1 - p);
		p = end + 1;
	}
	return true;
}

/* As the fixed part says. */
static bool data_is_complete(const uint8_t *buffer, const struct wire_request *r)
{
	const uint8_t *body = buffer + sizeof(struct fuse_in_header);
	size_t n = r->length - sizeof(struct fuse_in_header);

	if (r->opcode == FUSE_WRITE) {
		struct fuse_write_in in;

		memcpy(&in, body, sizeof(in));
		return in.size <= n - sizeof(in);
	}
	if (r->opcode == FUSE_IOCTL) {
		struct fuse_ioctl_in in;

		memcpy(&in, body, sizeof(in));
		return in.in_size <= n - sizeof(in);
	}
	if (r->opcode == FUSE_BATCH_FORGET) {
		struct fuse_batch_forget_in in;

		memcpy(&in, body, sizeof(in));
		return in.count <= (n - sizeof(in)) / sizeof(struct fuse_forget_one);
	}
	if (r->opcode == FUSE_SETXATTR) {
		struct fuse_setxattr_in in = {0};
		const uint8_t *name = body + FUSE_COMPAT_SETXATTR_IN_SIZE;
		const uint8_t *end = memchr(name, 0, n - FUSE_COMPAT_SETXATTR_IN_SIZE);

		memcpy(&in, body, FUSE_COMPAT_SETXATTR_IN_SIZE);
		return end && in.size <= n - (size_t)(end + 1 - body);
	}
	return true;
}

bool wire_is_complete(const uint8_t *buffer, const struct wire_request *r)
{
	const struct opcode *op = opcode_info(r->opcode);
	size_t n = r->length - sizeof(struct fuse_in_header);

	if (!op)
		return true;
	if (n < op->fixed)
		return false;
	return names_are_terminated(buffer + sizeof(struct fuse_in_header) + op->fixed, n - op->fixed,
				    op->names) &&
	       data_is_complete(buffer, r);
}

uint32_t wire_opcode(const uint8_t *buffer)
{
	return ((const struct fuse_in_header *)(const void *)buffer)->opcode;
}

uint32_t wire_uid(const uint8_t *buffer)
{
	return ((const struct fuse_in_header *)(const void *)buffer)->uid;
}

uint32_t wire_pid(const uint8_t *buffer)
{
	return ((const struct fuse_in_header *)(const void *)buffer)->pid;
}

uint64_t wire_written_back(const uint8_t *buffer)
{
	const struct fuse_write_in *in = BODY(buffer, struct fuse_write_in);

	return wire_opcode(buffer) == FUSE_WRITE && in->write_flags & FUSE_WRITE_CACHE ? in->fh : 0;
}

uint64_t wire_unique(const uint8_t *buffer)
{
	const struct fuse_in_header *in = (const void *)buffer;

	return __atomic_load_n(&in->unique, __ATOMIC_ACQUIRE);
}

void wire_clear_unique(uint8_t *buffer)
{
	struct fuse_in_header *in = (void *)buffer;

	__atomic_store_n(&in->unique, 0, __ATOMIC_RELEASE);
}

bool wire_is_idempotent(uint32_t opcode)
{
	const struct opcode *op = opcode_info(opcode);

	return op && op->flags & REPEATABLE;
}

bool wire_may_run_again(const uint8_t *buffer)
{
	const struct opcode *op = opcode_info(wire_opcode(buffer));

	/* One exchange looks like two, and a whiteout leaves something at the old name. */
	if (op && op == &opcodes[FUSE_RENAME2] &&
	    BODY(buffer, struct fuse_rename2_in)->flags & ~(uint32_t)RENAME_NOREPLACE)
		return false;
	return op && op->flags & (REPEATABLE | PROVABLE);
}

bool wire_replaces(const uint8_t *buffer)
{
	switch (wire_opcode(buffer)) {
	case FUSE_RENAME:
		return true;
	case FUSE_RENAME2:
		return BODY(buffer, struct fuse_rename2_in)->flags == 0;
	default:
		return false;
	}
}

bool wire_exchanges(const uint8_t *buffer)
{
	return wire_opcode(buffer) == FUSE_RENAME2 &&
	       BODY(buffer, struct fuse_rename2_in)->flags & RENAME_EXCHANGE;
}

bool wire_cuts(const uint8_t *buffer, uint64_t *size)
{
	const struct fuse_setattr_in *set = BODY(buffer, struct fuse_setattr_in);

	switch (wire_opcode(buffer)) {
	case FUSE_SETATTR:
		*size = set->size;
		return set->valid & FATTR_SIZE;
	case FUSE_OPEN:
		*size = 0;
		return BODY(buffer, struct fuse_open_in)->flags & O_TRUNC;
	default:
		return false;
	}
}

bool wire_write_of(const uint8_t *buffer, uint64_t *fh, uint64_t *offset, uint32_t *size, bool *appends)
{
	const struct fuse_write_in *write = BODY(buffer, struct fuse_write_in);

	if (wire_opcode(buffer) != FUSE_WRITE)
		return false;
	*fh = write->fh;
	*offset = write->offset;
	*size = write->size;
	*appends = write->flags & O_APPEND && !(write->write_flags & FUSE_WRITE_CACHE);
	return true;
}

bool wire_flush_of(const uint8_t *buffer, uint64_t *fh)
{
	if (wire_opcode(buffer) != FUSE_FLUSH)
		return false;
	*fh = BODY(buffer, struct fuse_flush_in)->fh;
	return true;
}

bool wire_sync_of(const uint8_t *buffer, uint64_t *fh)
{
	if (wire_opcode(buffer) != FUSE_FSYNC)
		return wire_flush_of(buffer, fh);
	*fh = BODY(buffer, struct fuse_fsync_in)->fh;
	return true;
}

bool wire_writes(const uint8_t *buffer, uint64_t *nodeid, uint64_t *offset, uint64_t *size)
{
	const struct fuse_write_in *write = BODY(buffer, struct fuse_write_in);
	const struct fuse_copy_file_range_in *copy = BODY(buffer, struct fuse_copy_file_range_in);
	uint64_t ids[2];

	wire_nodes(buffer, ids);
	switch (wire_opcode(buffer)) {
	case FUSE_WRITE:
		*nodeid = ids[0];
		*offset = write->offset;
		*size = write->size;
		return true;
	case FUSE_COPY_FILE_RANGE:
		*nodeid = ids[1];
		*offset = copy->off_out;
		*size = copy->len;
		return true;
	default:
		return false;
	}
}

bool wire_changes(uint32_t opcode)
{
	const struct opcode *op = opcode_info(opcode);

	return op && op->flags & CHANGES;
}

bool wire_wants_reply(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT;
}

#define BRIEF_DATA_MAX (64u * 1024u)

bool wire_is_brief(const uint8_t *buffer, uint32_t length)
{
	const struct opcode *op =
	    length < sizeof(struct fuse_in_header) ? NULL : opcode_info(wire_opcode(buffer));

	if (!op || !(op->flags & BRIEF) ||
	    length > sizeof(struct fuse_in_header) + op->fixed + BRIEF_DATA_MAX)
		return false;
	return op != &opcodes[FUSE_READ] || (length >= sizeof(struct fuse_in_header) + op->fixed &&
					     BODY(buffer, struct fuse_read_in)->size <= BRIEF_DATA_MAX);
}

bool wire_begins_access(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_INIT:
	case FUSE_DESTROY:
	case FUSE_INTERRUPT:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_READ:
	case FUSE_WRITE:
	case FUSE_LSEEK:
	case FUSE_FLUSH:
	case FUSE_FSYNC:
	case FUSE_RELEASE:
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
	case FUSE_FSYNCDIR:
	case FUSE_RELEASEDIR:
	case FUSE_NOTIFY_REPLY:
		return false;
	default:
		return true;
	}
}

const char *wire_opcode_name(uint32_t opcode)
{
	const struct opcode *op = opcode_info(opcode);

	return op ? op->name : "unknown";
}

const char *wire_lookup_name(const uint8_t *buffer)
{
	return (const char *)buffer + sizeof(struct fuse_in_header);
}

static void split_seconds(double seconds, uint64_t *whole, uint32_t *ns)
{
	*whole = (uint64_t)seconds;
	*ns = (uint32_t)((seconds - (double)*whole) * 1e9);
}

size_t wire_entry_reply(uint8_t *buf, size_t size, uint64_t unique, const struct fuse_entry_param *e)
{
	struct fuse_out_header out = {.len = sizeof(out) + sizeof(struct fuse_entry_out), .unique = unique};
	struct fuse_entry_out entry = {.nodeid = e->ino, .generation = e->generation};

	if (size < out.len)
		return 0;
	split_seconds(e->entry_timeout, &entry.entry_valid, &entry.entry_valid_nsec);
	split_seconds(e->attr_timeout, &entry.attr_valid, &entry.attr_valid_nsec);
	entry.attr = (struct fuse_attr){.ino = e->attr.st_ino,
					.size = (uint64_t)e->attr.st_size,
					.blocks = (uint64_t)e->attr.st_blocks,
					.atime = (uint64_t)e->attr.st_atim.tv_sec,
					.mtime = (uint64_t)e->attr.st_mtim.tv_sec,
					.ctime = (uint64_t)e->attr.st_ctim.tv_sec,
					.atimensec = (uint32_t)e->attr.st_atim.tv_nsec,
					.mtimensec = (uint32_t)e->attr.st_mtim.tv_nsec,
					.ctimensec = (uint32_t)e->attr.st_ctim.tv_nsec,
					.mode = e->attr.st_mode,
					.nlink = (uint32_t)e->attr.st_nlink,
					.uid = e->attr.st_uid,
					.gid = e->attr.st_gid,
					.rdev = (uint32_t)e->attr.st_rdev,
					.blksize = (uint32_t)e->attr.st_blksize};
	memcpy(buf, &out, sizeof(out));
	memcpy(buf + sizeof(out), &entry, sizeof(entry));
	return out.len;
}

uint64_t wire_entry_node(const uint8_t *reply)
{
	struct fuse_entry_out entry;

	memcpy(&entry, reply + sizeof(struct fuse_out_header), sizeof(entry));
	return entry.nodeid;
}

size_t wire_error_reply(uint8_t *buf, uint64_t unique, int err)
{
	struct fuse_out_header out = {.len = sizeof(out), .error = -err, .unique = unique};

	memcpy(buf, &out, sizeof(out));
	return sizeof(out);
}

/* offset: -1: attributes; 0: all pages too. */
static size_t inval_inode(uint8_t *buf, uint64_t nodeid, int64_t offset)
{
	struct {
		struct fuse_out_header header;
		struct fuse_notify_inval_inode_out inode;
	} out = {.header = {.len = sizeof(out), .error = FUSE_NOTIFY_INVAL_INODE},
		 .inode = {.ino = nodeid, .off = offset}};

	memcpy(buf, &out, sizeof(out));
	return sizeof(out);
}

size_t wire_drop_attributes(uint8_t *buf, uint64_t nodeid)
{
	return inval_inode(buf, nodeid, -1);
}

size_t wire_drop_pages(uint8_t *buf, uint64_t nodeid)
{
	return inval_inode(buf, nodeid, 0);
}

/* FUSE_EXPIRE_ONLY */
#define EXPIRE_ONLY 1

size_t wire_expire_name(uint8_t buf[WIRE_NAME_MAX], uint64_t parent, const char *name, bool drop)
{
	uint32_t length = (uint32_t)strlen(name), flags = drop ? 0 : EXPIRE_ONLY;
	struct fuse_notify_inval_entry_out entry = {.parent = parent, .namelen = length};
	struct fuse_out_header out = {.len = (uint32_t)(sizeof(out) + sizeof(entry) + length + 1),
				      .error = FUSE_NOTIFY_INVAL_ENTRY};

	/* Padding in older headers, flags in newer. */
	memcpy((uint8_t *)&entry + sizeof(entry) - sizeof(flags), &flags, sizeof(flags));
	memcpy(buf, &out, sizeof(out));
	memcpy(buf + sizeof(out), &entry, sizeof(entry));
	memcpy(buf + sizeof(out) + sizeof(entry), name, length + 1);
	return out.len;
}

uint64_t wire_reply_unique(const void *reply)
{
	struct fuse_out_header out;

	memcpy(&out, reply, sizeof(out));
	return out.unique;
}

errint_t wire_reply_error(const void *reply)
{
	struct fuse_out_header out;

	memcpy(&out, reply, sizeof(out));
	return out.error;
}

void wire_set_passthrough(uint8_t *buf, size_t length, int32_t backing_id)
{
	struct fuse_open_out open;
	uint8_t *at = buf + length - sizeof(open);

	if (length < sizeof(struct fuse_out_header) + sizeof(open))
		return;
	memcpy(&open, at, sizeof(open));
	open.open_flags |= OPEN_PASSTHROUGH;
	open.open_flags &= ~(uint32_t)FOPEN_KEEP_CACHE;
	memcpy(at, &open, sizeof(open));
	/* Padding in older headers, backing_id in newer. */
	memcpy(at + sizeof(open) - sizeof(backing_id), &backing_id, sizeof(backing_id));
}

bool wire_extend_init(const uint8_t *request, size_t request_length, uint8_t *reply, size_t length,
		      bool passthrough)
{
	struct fuse_init_in in = {0};
	struct fuse_init_out out;
	uint8_t *at = reply + sizeof(struct fuse_out_header);
	const size_t header = sizeof(struct fuse_in_header);

	if (length < sizeof(struct fuse_out_header) + sizeof(out) || request_length < header + 16)
		return false;
	memcpy(&in, request + header, MIN(request_length - header, sizeof(in)));
	memcpy(&out, at, sizeof(out));
	out.flags |= in.flags & (FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2);
	if (out.flags & FUSE_HANDLE_KILLPRIV_V2)
		out.flags &= ~(uint32_t)FUSE_HANDLE_KILLPRIV;
	passthrough = passthrough && in.flags & FUSE_INIT_EXT && in.flags2 & INIT_PASSTHROUGH_FLAGS2;
	if (passthrough) {
		/* max_stack_depth: the 32-bit word behind flags2 since 7.40. */
		uint32_t max_stack_depth = 1;

		out.flags |= FUSE_INIT_EXT;
		out.flags2 |= INIT_PASSTHROUGH_FLAGS2;
		out.minor = MAX(out.minor, INIT_MINOR_PASSTHROUGH);
		memcpy((uint8_t *)&out + offsetof(struct fuse_init_out, flags2) + sizeof(out.flags2),
		       &max_stack_depth, sizeof(max_stack_depth));
	}
	memcpy(at, &out, sizeof(out));
	return passthrough;
}

bool wire_write_kills_priv(const uint8_t *buffer)
{
	return BODY(buffer, struct fuse_write_in)->write_flags & FUSE_WRITE_KILL_SUIDGID;
}

bool wire_setattr_kills_priv(const uint8_t *buffer)
{
	return BODY(buffer, struct fuse_setattr_in)->valid & FATTR_KILL_SUIDGID;
}

bool wire_open_kills_priv(const uint8_t *buffer)
{
	const struct fuse_in_header *in = (const void *)buffer;

	if (in->opcode == FUSE_CREATE)
		return BODY(buffer, struct fuse_create_in)->open_flags & FUSE_OPEN_KILL_SUIDGID;
	return BODY(buffer, struct fuse_open_in)->open_flags & FUSE_OPEN_KILL_SUIDGID;
}

void wire_nodes(const uint8_t *buffer, uint64_t ids[2])
{
	const struct fuse_in_header *in = (const void *)buffer;

	ids[0] = in->nodeid;
	switch (in->opcode) {
	case FUSE_RENAME:
		ids[1] = BODY(buffer, struct fuse_rename_in)->newdir;
		break;
	case FUSE_RENAME2:
		ids[1] = BODY(buffer, struct fuse_rename2_in)->newdir;
		break;
	case FUSE_LINK:
		ids[1] = BODY(buffer, struct fuse_link_in)->oldnodeid;
		break;
	case FUSE_COPY_FILE_RANGE:
		ids[1] = BODY(buffer, struct fuse_copy_file_range_in)->nodeid_out;
		break;
	default:
		ids[1] = 0;
	}
}

/* In directories. */
static unsigned names_changed(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_SYMLINK:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
	case FUSE_LINK:
	case FUSE_CREATE:
		return 1;
	case FUSE_RENAME:
	case FUSE_RENAME2:
		return 2;
	default:
		return 0;
	}
}

void wire_names(const uint8_t *buffer, const char *names[2])
{
	const struct fuse_in_header *in = (const void *)buffer;
	unsigned n = names_changed(in->opcode);

	names[0] = n > 0 ? (const char *)buffer + sizeof(*in) + opcodes[in->opcode].fixed : NULL;
	names[1] = n > 1 ? names[0] + strlen(names[0]) + 1 : NULL;
}

bool wire_changes_names_in(const uint8_t *buffer, uint64_t directory)
{
	uint64_t ids[2];

	if (!names_changed(wire_opcode(buffer)))
		return false;
	wire_nodes(buffer, ids);
	return ids[0] == directory || ids[1] == directory;
}

uint64_t wire_interrupted(const uint8_t *buffer)
{
	return BODY(buffer, struct fuse_interrupt_in)->unique;
}

void wire_adopt(uint8_t *buffer)
{
	struct fuse_in_header *in = (void *)buffer;

	if (in->opcode == WIRE_OP_TMPFILE)
		in->opcode = FUSE_CREATE;
}

int wire_backing_open(int dev_fd, int fd)
{
	struct backing_map map = {.fd = fd};
	int id = ioctl(dev_fd, IOC_BACKING_OPEN, &map);

	return id < 0 ? -errno : id;
}

void wire_backing_close(int dev_fd, int32_t backing_id)
{
	uint32_t id = (uint32_t)backing_id;

	/* An unregistered id is no loss. */
	if (ioctl(dev_fd, IOC_BACKING_CLOSE, &id) < 0)
		errno = 0;
}
