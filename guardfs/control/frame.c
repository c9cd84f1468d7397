#include "control/frame.h"

#include <stdlib.h>

#define DEPTH_MAX 16 /* 5 are needed */

uint32_t frame_length(const uint8_t header[FRAME_HEADER], uint32_t max)
{
	uint32_t length = (uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 |
			  (uint32_t)header[3];

	return length <= max ? length : 0;
}

/* Counts brackets outside strings. The parser recurses up to 2,048 deep, too much for some threads'
 * stacks. */
static bool is_nested_too_deeply(const uint8_t *data, size_t n)
{
	unsigned depth = 0;
	bool string = false;

	for (size_t i = 0; i < n; i++) {
		if (string && data[i] == '\\')
			i++;
		else if (data[i] == '"')
			string = !string;
		else if (!string && (data[i] == '{' || data[i] == '[') && ++depth > DEPTH_MAX)
			return true;
		else if (!string && (data[i] == '}' || data[i] == ']') && depth > 0)
			depth--;
	}
	return false;
}

json_t *frame_parse(const uint8_t *data, size_t n)
{
	json_t *object;

	if (is_nested_too_deeply(data, n))
		return NULL;
	/* Errors: a NUL in a string, bytes after the object. */
	object = json_loadb((const char *)data, n, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(object))
		return object;
	json_decref(object);
	return NULL;
}

uint8_t *frame_make(const json_t *object, uint32_t max, size_t *size)
{
	size_t length = json_dumpb(object, NULL, 0, JSON_COMPACT);
	uint8_t *frame;

	if (length == 0 || length > max)
		return NULL;
	frame = malloc(FRAME_HEADER + length);
	if (!frame)
		return NULL;
	if (json_dumpb(object, (char *)frame + FRAME_HEADER, length, JSON_COMPACT) != length) {
		free(frame);
		return NULL;
	}
	for (unsigned i = 0; i < FRAME_HEADER; i++)
		frame[i] = (uint8_t)(length >> (24 - 8 * i));
	*size = FRAME_HEADER + length;
	return frame;
}
