/* print.c: the effective configuration, in the syntax of the file. */
#include "config/keys.h"

static bool is_shown(const struct config_key *key, const void *owner, enum backend_type type)
{
	const char *field = (const char *)owner + key->offset;

	if (key->given != KEY_NO_FLAG && !*((const bool *)((const char *)owner + key->given)))
		return false;
	if (type != BACKEND_LOCAL && key->backends != 0 && !(key->backends & FOR(type)))
		return false;
	/* Texts come first among the types; an empty one is as good as none. */
	return key->type > VALUE_UUID || *field != '\0';
}

static void print_keys(const char *section, const void *owner, enum backend_type type, FILE *out)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(key->section, section) != 0 || key->type == VALUE_PATTERN ||
		    !is_shown(key, owner, type))
			continue;
		fprintf(out, "%s = ", key->name);
		config_value_print(key, (const char *)owner + key->offset, out);
		fputc('\n', out);
	}
}

void config_print(const struct config *config, FILE *out)
{
	fputs("[mount]\n", out);
	print_keys("mount", config, BACKEND_LOCAL, out);
	for (uint32_t i = 0; i < config->n_backends; i++) {
		const struct config_backend *backend = &config->backends[i];

		fprintf(out, "\n[backend %s]\n", backend->name);
		print_keys("backend", backend, backend->type, out);
	}
	fputs("\n[deadline]\n", out);
	print_keys("deadline", config, BACKEND_LOCAL, out);
	fputs("\n[tier]\n", out);
	print_keys("tier", config, BACKEND_LOCAL, out);
	for (uint32_t i = 0; i < config->n_patterns; i++) {
		const struct config_pattern *pattern = &config->patterns[i];

		fprintf(out, "pattern = %s = %s:%s\n", pattern->pattern,
			config->backends[pattern->backend].name, pattern->target);
	}
	fputs("\n[recovery]\n", out);
	print_keys("recovery", config, BACKEND_LOCAL, out);
}
