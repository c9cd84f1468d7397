/* frame.h: frames of the control socket: big-endian length in 4 bytes, and a JSON object
 * (docs/PROTOCOL.control.md). Pure but for memory. */
#ifndef GUARDFS_CONTROL_FRAME_H
#define GUARDFS_CONTROL_FRAME_H

#include "base/base.h"
#include <jansson.h>

#define CONTROL_VERSION	    1
#define CONTROL_SOCKET	    "control.sock" /* in RUN_DIR */
#define CONTROL_REQUEST_MAX (64u << 10)
#define CONTROL_REPLY_MAX   (8u << 20)
#define FRAME_HEADER	    4u

/* A header's length; 0: it is 0 or above max, and the connection is unusable. */
uint32_t frame_length(const uint8_t header[FRAME_HEADER], uint32_t max);

/* Parses the n bytes after the header. NULL: no JSON object, nested too deeply, or with a NUL in a string
 * or a name twice. The caller releases it. */
json_t *frame_parse(const uint8_t *data, size_t n) WARN_UNUSED;

/* A malloc'ed frame with header, and its size; NULL: out of memory, or longer than max. */
uint8_t *frame_make(const json_t *object, uint32_t max, size_t *size) WARN_UNUSED;

#endif
