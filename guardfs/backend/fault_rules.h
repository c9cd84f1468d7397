/* The fault filter's control file, parsed into rules. Private to backend/. Pure.
 *
 * One rule per line; blank lines and those starting with # are skipped:
 *
 * 	OPS ACTION [ARG] [count=N] [prob=P] [path=GLOB]
 *
 * OPS: comma-separated names of struct backend_ops, or groups: all, read (read), write (write, copy_range,
 * fallocate), sync (flush, fsync), metadata (all others but release). ACTION:
 * 	delay MS          waits first
 * 	hang              waits until no rule says so, then goes on, as a thawed mount would
 * 	error ERRNO       fails with it, e.g. error EIO; nothing is done
 * 	short BYTES       read and write: does at most that much
 * 	lostack [ERRNO]   does it and fails with ERRNO at once; without: hangs as above, then fails (EIO)
 * 	eio-late          write: says yes, does nothing; the file's next flush or fsync fails with EIO.
 * 	                  Others: as lostack EIO
 * count: how often it applies (default: always). prob: 0..1. path: fnmatch(3) on the last name component.
 * Delays add up, the first rule of another kind decides. */
#ifndef GUARDFS_BACKEND_FAULT_RULES_H
#define GUARDFS_BACKEND_FAULT_RULES_H

#include "base/base.h"
#include "shm/name.h"

enum fault_op {
	FAULT_LOOKUP,
	FAULT_GETATTR,
	FAULT_SETATTR,
	FAULT_READLINK,
	FAULT_MKDIR,
	FAULT_MKNOD,
	FAULT_SYMLINK,
	FAULT_LINK,
	FAULT_UNLINK,
	FAULT_RMDIR,
	FAULT_RENAME,
	FAULT_OPEN,
	FAULT_CREATE,
	FAULT_TMPFILE,
	FAULT_READ,
	FAULT_WRITE,
	FAULT_FLUSH,
	FAULT_FSYNC,
	FAULT_RELEASE,
	FAULT_FALLOCATE,
	FAULT_LSEEK,
	FAULT_COPY_RANGE,
	FAULT_OPENDIR,
	FAULT_READDIR,
	FAULT_GETXATTR,
	FAULT_SETXATTR,
	FAULT_LISTXATTR,
	FAULT_REMOVEXATTR,
	FAULT_STATFS,
	FAULT_OP_COUNT
};

enum fault_action {
	FAULT_NOTHING,
	FAULT_DELAY,
	FAULT_HANG,
	FAULT_ERROR,
	FAULT_SHORT,
	FAULT_LOST_ACK,
	FAULT_EIO_LATE,
	FAULT_ACTION_COUNT
};

#define FAULT_RULES_MAX 64
#define FAULT_TEXT_MAX	16384
#define FAULT_ERROR_MAX 256

struct fault_rule {
	uint64_t ops;
	enum fault_action action;
	/* ms, bytes, or positive errno (lostack: 0: hang). */
	uint64_t number;
	/* UINT64_MAX: no limit. */
	uint64_t left;
	/* Applies to random numbers up to this. */
	uint32_t threshold;
	/* Empty: any. */
	char glob[NAME_LENGTH_MAX + 1];
};

struct fault_rules {
	uint32_t n_rules;
	struct fault_rule rules[FAULT_RULES_MAX];
};

/* -EINVAL: error (FAULT_ERROR_MAX bytes) says "LINE: what", rules is undefined. */
errint_t fault_rules_parse(const char *text, struct fault_rules *rules, char *error) WARN_UNUSED;

/* Regardless of count and prob. */
bool fault_rule_matches(const struct fault_rule *rule, enum fault_op op, const char *name);

/* The first rule from `from` on that matches and applies (its count is lowered); n_rules: none. */
uint32_t fault_rules_apply(struct fault_rules *rules, uint32_t from, enum fault_op op, const char *name,
			   uint32_t random);

const char *fault_op_name(enum fault_op op);

#endif
