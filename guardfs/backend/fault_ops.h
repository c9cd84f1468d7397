/* Between fault.c and fault_ops.c. Private to the fault filter. */
#ifndef GUARDFS_BACKEND_FAULT_OPS_H
#define GUARDFS_BACKEND_FAULT_OPS_H

#include "backend/backend.h"
#include "backend/fault_rules.h"

/* By name, else open file (ref >= 0), else node. */
struct fault_subject {
	enum fault_op op;
	uint32_t node;
	int ref;
	const char *name;
};

/* After all waiting; number as in struct fault_rule. */
struct fault_verdict {
	enum fault_action action;
	uint64_t number;
};

/* As fault_wrap, but without operations. */
errint_t fault_setup(const struct backend *inner, struct backend *b) WARN_UNUSED;

/* Before the operation. May wait. */
struct fault_verdict fault_begin(struct backend *b, const struct fault_subject *s);

/* After it. Returns the caller's result. */
ssize_t fault_end(struct backend *b, const struct fault_subject *s, struct fault_verdict verdict, ssize_t rc);

/* Marks ref's next flush or fsync to fail (false: no room); take asks and clears. */
bool fault_mark_late(struct backend *b, int ref);
bool fault_take_late(struct backend *b, int ref);

#endif
