/* Configuration files of any content. What is accepted must come back the same from its own printed form. */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s\n", what, detail);
	abort();
}

static char *print(const struct config *config)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		abort();
	config_print(config, out);
	fclose(out);
	return text;
}

/* The lines of a file are no part of what it says, so that printed forms are compared, not structures. */
static void check_round_trip(const struct config *config)
{
	struct config *again = malloc(sizeof(*again));
	char error[CONFIG_ERROR_MAX];
	char *first = print(config), *second;

	if (config_parse("printed.conf", first, strlen(first), again, error) < 0)
		fail("its own output is refused", error);
	second = print(again);
	if (strcmp(first, second) != 0)
		fail("changed by printing", second);
	free(first);
	free(second);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = malloc(sizeof(*config));
	char error[CONFIG_ERROR_MAX];
	const char *options = memchr(data, '\0', size);
	size_t n = options ? (size_t)(options - (const char *)data) : size;

	if (config_parse("fuzz.conf", (const char *)data, n, config, error) == 0) {
		check_round_trip(config);
		/* What follows a NUL are mount options. */
		if (options) {
			char *copy = strndup(options + 1, size - n - 1);

			if (config_apply_options(config, copy, error) == 0)
				check_round_trip(config);
			else if (error[0] == '\0')
				fail("refused without a message", copy);
			free(copy);
		}
	} else if (error[0] == '\0') {
		fail("refused without a message", "config_parse");
	}
	free(config);
	return 0;
}
