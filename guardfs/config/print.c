/* Prints the configuration in the file's syntax. */
#include "config/keys.h"

static bool is_shown(const struct config_key *key, const void *owner, enum backend_type type)
{
	const char *field = (const char *)owner + key->offset;

	if (key->given != KEY_NO_FLAG && !*((const bool *)((const char *)owner + key->given)))
		return false;
	if (type != BACKEND_LOCAL && key->backends != 0 && !(key->backends & FOR(type)))
		return false;
	/* Texts come first; empty means none. */
	return key->type > VALUE_UUID || *field != '\0';
}

static void print_keys(const char *section, const void *owner, enum backend_type type, FILE *out)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(key->section, section) != 0 || key->type == VALUE_PATTERN ||
		    key->type == VALUE_GLOB || key->type == VALUE_PROGRAM || !is_shown(key, owner, type))
			continue;
		fprintf(out, "%s = ", key->name);
		config_value_print(key, (const char *)owner + key->offset, out);
		fputc('\n', out);
	}
}

static void print_patterns(const struct config *config, FILE *out)
{
	for (uint32_t i = 0; i < config->n_patterns; i++) {
		const struct config_pattern *pattern = &config->patterns[i];

		fprintf(out, "pattern = %s = %s:%s\n", pattern->pattern,
			config->backends[pattern->backend].name, pattern->target);
	}
}

static void print_hooks(const struct config *config, FILE *out)
{
	for (uint32_t i = 0; i < config->n_hooks; i++) {
		const char *name = config_hook_name((enum config_hook)config->hooks[i].hook);

		fprintf(out, "%s = ", name);
		config_value_print(config_key_find("hooks", name), &config->hooks[i], out);
		fputc('\n', out);
	}
}

static void print_jobs(const struct config *config, FILE *out)
{
	for (uint32_t i = 0; i < config->n_job_patterns; i++)
		fprintf(out, "pattern = %s\n", config->job_patterns[i]);
}

static void print_backends(const struct config *config, FILE *out)
{
	for (uint32_t i = 0; i < config->n_backends; i++) {
		const struct config_backend *backend = &config->backends[i];

		fprintf(out, "\n[backend %s]\n", backend->name);
		print_keys("backend", backend, backend->type, out);
	}
}

void config_print(const struct config *config, FILE *out)
{
	for (const char *const *section = config_sections; *section; section++) {
		fprintf(out, "%s[%s]\n", section == config_sections ? "" : "\n", *section);
		print_keys(*section, config, BACKEND_LOCAL, out);
		if (strcmp(*section, "mount") == 0)
			print_backends(config, out);
		else if (strcmp(*section, "tier") == 0)
			print_patterns(config, out);
		else if (strcmp(*section, "hooks") == 0)
			print_hooks(config, out);
		else if (strcmp(*section, "jobs") == 0)
			print_jobs(config, out);
	}
}
