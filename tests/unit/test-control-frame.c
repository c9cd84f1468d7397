/* Frames of the control socket: what is taken for one, what is made into one. */
#include "control/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void lengths_are_bounded(void **state)
{
	(void)state;
	assert_int_equal(frame_length((const uint8_t[]){0, 0, 0, 1}, 10), 1);
	assert_int_equal(frame_length((const uint8_t[]){0, 0, 0, 10}, 10), 10);
	assert_int_equal(frame_length((const uint8_t[]){0, 0, 0, 11}, 10), 0);
	assert_int_equal(frame_length((const uint8_t[]){0, 0, 0, 0}, 10), 0);
	assert_int_equal(frame_length((const uint8_t[]){0xff, 0xff, 0xff, 0xff}, CONTROL_REPLY_MAX), 0);
	assert_int_equal(frame_length((const uint8_t[]){0, 1, 0, 0}, CONTROL_REQUEST_MAX),
			 CONTROL_REQUEST_MAX);
	assert_int_equal(frame_length((const uint8_t[]){0, 1, 0, 1}, CONTROL_REQUEST_MAX), 0);
}

static void parsed(const char *text, bool good)
{
	json_t *object = frame_parse((const uint8_t *)text, strlen(text));

	if (good != (object != NULL))
		fail_msg("%s: %s", text, good ? "refused" : "taken");
	json_decref(object);
}

static void only_sound_objects_are_parsed(void **state)
{
	static const char *const good[] = {
	    "{}", " {\"a\":[1,2,{\"b\":null}]} ", "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[\"}",
	    "{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[\"}", "{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}"};
	static const char *const bad[] = {"",
					  "[]",
					  "1",
					  "null",
					  "{",
					  "{}x",
					  "{}{}",
					  "{\"a\":1,\"a\":2}",
					  "{\"x\":{\"a\":1,\"a\":2}}",
					  "{\"a\":\"\\u0000\"}",
					  "{\"\\u0000\":1}",
					  "{\"a\":\"\xff\"}",
					  "{\"a\":NaN}",
					  "{\"a\":1e999}",
					  "{\"a\":99999999999999999999}",
					  "{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		parsed(good[i], true);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		parsed(bad[i], false);
	assert_null(frame_parse((const uint8_t *)"{}\0", 3));
	assert_null(frame_parse((const uint8_t *)"{\"a\":\"\0\"}", 9));
}

static void many_thousand_brackets_are_refused(void **state)
{
	size_t n = CONTROL_REQUEST_MAX;
	char *deep = malloc(n);

	(void)state;
	assert_non_null(deep);
	memset(deep, '[', n);
	memcpy(deep, "{\"a\":", 5);
	assert_null(frame_parse((const uint8_t *)deep, n));
	free(deep);
}

static void frames_are_made_within_their_limit(void **state)
{
	json_t *object = json_pack("{s:s}", "a", "b"); /* 9 bytes */
	size_t size = 0;
	uint8_t *frame = frame_make(object, 9, &size);

	(void)state;
	assert_non_null(frame);
	assert_int_equal(size, 13);
	assert_memory_equal(frame, "\0\0\0\011{\"a\":\"b\"}", 13);
	free(frame);
	assert_null(frame_make(object, 8, &size));
	assert_null(frame_make(NULL, 8, &size));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lengths_are_bounded),
	    cmocka_unit_test(only_sound_objects_are_parsed),
	    cmocka_unit_test(many_thousand_brackets_are_refused),
	    cmocka_unit_test(frames_are_made_within_their_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
