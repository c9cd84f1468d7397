/* Operation classes and deadlines. */
#ifndef GUARDFS_POLICY_DEADLINE_H
#define GUARDFS_POLICY_DEADLINE_H

#include "base/base.h"

enum op_class { OP_METADATA, OP_READ, OP_WRITE, OP_SYNC, OP_CLASS_COUNT };

struct deadlines {
	uint32_t ms[OP_CLASS_COUNT];
};

static inline const char *op_class_name(enum op_class c)
{
	static const char *const names[OP_CLASS_COUNT] = {"metadata", "read", "write", "sync"};

	return (unsigned)c < OP_CLASS_COUNT ? names[c] : "invalid";
}

#endif
