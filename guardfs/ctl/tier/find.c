/* The disagreements. */
#include "ctl/tier/tiers.h"
#include <stdarg.h>

void tiers_find(struct tiers *t, const char *kind, bool disagreement, const char *path, const char *remedy,
		const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(t->found, json_pack("{s:s, s:b, s:o, s:o, s:s}", "kind", kind, "disagreement",
						  disagreement, "path", ctl_json_string(path), "found",
						  ctl_json_string(text), "remedy", remedy));
}

unsigned tiers_disagreements(const struct tiers *t)
{
	const json_t *found;
	unsigned n = 0;
	size_t i;

	json_array_foreach(t->found, i, found) n += json_is_true(json_object_get(found, "disagreement"));
	return n;
}
