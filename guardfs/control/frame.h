/* Control socket's frames: big-endian length in 4 bytes, and a JSON object
 * (docs/PROTOCOL.control.md). */
#ifndef GUARDFS_CONTROL_FRAME_H
#define GUARDFS_CONTROL_FRAME_H

#include "base/base.h"
#include <jansson.h>

#define CONTROL_VERSION	    1
#define CONTROL_SOCKET	    "control.sock" /* in RUN_DIR */
#define CONTROL_REQUEST_MAX (64u << 10)
#define CONTROL_REPLY_MAX   (8u << 20)
#define FRAME_HEADER	    4u

/* 0: empty or above max, the connection is unusable. */
uint32_t frame_length(const uint8_t header[FRAME_HEADER], uint32_t max);

/* Without header. NULL: no JSON object, too deep, NUL in a string, duplicate name. The caller releases it. */
json_t *frame_parse(const uint8_t *data, size_t n) WARN_UNUSED;

/* malloc'ed, with header; NULL: out of memory, or above max. */
uint8_t *frame_make(const json_t *object, uint32_t max, size_t *size) WARN_UNUSED;

#endif
