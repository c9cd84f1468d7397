/* The fault filter, for tests and drills. Private to backend/. */
#ifndef GUARDFS_BACKEND_FAULT_H
#define GUARDFS_BACKEND_FAULT_H

#include "backend/backend.h"

/* Makes *b the filter around a copy of *inner. Control file (fault_rules.h): config->fault_control, by
 * default RUN_DIR/fault.NAME. 0 or -ENOMEM. Before threads. */
errint_t fault_wrap(const struct backend *inner, struct backend *b) WARN_UNUSED;

#endif
