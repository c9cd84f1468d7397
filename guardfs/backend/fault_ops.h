/* fault_ops.h: between fault.c and fault_ops.c. Private to the fault filter. */
#ifndef GUARDFS_BACKEND_FAULT_OPS_H
#define GUARDFS_BACKEND_FAULT_OPS_H

#include "backend/backend.h"
#include "backend/fault_rules.h"

/* What an operation is about: a name, else an open file (ref >= 0), else a node. */
struct fault_subject {
	enum fault_op op;
	uint32_t node;
	int ref;
	const char *name;
};

/* What is to happen to it, after all waiting is done: nothing, error, short, lostack or eio-late; number as
 * in struct fault_rule. */
struct fault_verdict {
	enum fault_action action;
	uint64_t number;
};

/* Makes *b the filter around a copy of *inner, but for its operations. 0 or -ENOMEM. */
errint_t fault_setup(const struct backend *inner, struct backend *b) WARN_UNUSED;

/* Before the operation: waits if rules say so. */
struct fault_verdict fault_begin(struct backend *b, const struct fault_subject *s);

/* After it, with its result: returns the result that the caller is to see. */
ssize_t fault_end(struct backend *b, const struct fault_subject *s, struct fault_verdict verdict, ssize_t rc);

/* Remembers that the next flush or fsync of ref is to fail (false: no room); asks for it and forgets it. */
bool fault_mark_late(struct backend *b, int ref);
bool fault_take_late(struct backend *b, int ref);

#endif
