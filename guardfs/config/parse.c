/* Text to struct config. Lines are not joined, so that a complaint has its line. */
#include "config/keys.h"
#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/* Key and value; a command is longer. */
#define ASSIGNMENT_MAX 198

struct parser {
	const char *text;
	size_t left;
	unsigned line;
	struct config *config;
	/* Without a backend's name; "": none yet. */
	char section[16];
	/* The section's struct. */
	void *owner;
	unsigned *key_lines;
	struct config_lines lines;
	struct config_report report;
};

static char *trim_blanks(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return s;
}

static errint_t open_backend(struct parser *p, const char *name)
{
	static const struct config_key name_key = {.type = VALUE_NAME, .size = CONFIG_NAME_MAX};
	struct config *config = p->config;
	struct config_backend *backend = &config->backends[config->n_backends];
	int other = config_find_backend(config, name);

	if (other >= 0)
		return config_fail(&p->report, p->line, "backend '%s' is there already, on line %u", name,
				   p->lines.section[other]);
	if (config->n_backends == CONFIG_BACKENDS_MAX)
		return config_fail(&p->report, p->line, "more than %d backends", CONFIG_BACKENDS_MAX);
	memset(backend, 0, sizeof(*backend));
	if (!config_value_parse(&name_key, name, backend->name) || strcmp(name, "local") == 0) {
		char expected[128];

		config_value_expected(&name_key, expected, sizeof(expected));
		return config_fail(&p->report, p->line,
				   "'%.64s' cannot name a backend: expected %s; 'local' is taken", name,
				   expected);
	}
	config_set_defaults("backend", backend);
	p->owner = backend;
	p->key_lines = p->lines.backend[config->n_backends];
	p->lines.section[config->n_backends++] = p->line;
	return 0;
}

/* "[mount]" or "[backend NAME]". */
static errint_t open_section(struct parser *p, char *header)
{
	size_t n = strlen(header);
	char *word, *name, list[160];

	if (header[n - 1] != ']')
		return config_fail(&p->report, p->line, "expected ']' at the end of the section's name");
	header[n - 1] = '\0';
	word = trim_blanks(header + 1);
	name = word + strcspn(word, " \t");
	if (*name)
		*name++ = '\0';
	name = trim_blanks(name);
	if (!config_section_exists(word)) {
		config_section_list(list, sizeof(list));
		return config_fail(&p->report, p->line, "unknown section [%.64s]; known: %s", word, list);
	}
	if ((strcmp(word, "backend") == 0) != (*name != '\0'))
		return config_fail(&p->report, p->line,
				   *name ? "section [%s] takes no name" : "expected [%s NAME]", word);
	(void)copy_string(p->section, sizeof(p->section), word);
	if (*name)
		return open_backend(p, name);
	p->owner = p->config;
	p->key_lines = p->lines.global;
	return 0;
}

static errint_t set_pattern(struct parser *p, const struct config_key *key, const char *value)
{
	struct config *config = p->config;

	if (config->n_patterns == CONFIG_PATTERNS_MAX)
		return config_fail(&p->report, p->line, "more than %d patterns", CONFIG_PATTERNS_MAX);
	if (!config_value_parse(key, value, config->patterns[config->n_patterns].pattern))
		return config_fail(&p->report, p->line, "pattern = %.64s: expected GLOB = BACKEND:PREFIX",
				   value);
	p->lines.pattern[config->n_patterns++] = p->line;
	return 0;
}

static errint_t set_glob(struct parser *p, const struct config_key *key, const char *value)
{
	struct config *config = p->config;
	char expected[160];

	if (config->n_job_patterns == CONFIG_JOB_PATTERNS_MAX)
		return config_fail(&p->report, p->line, "more than %d patterns of jobs",
				   CONFIG_JOB_PATTERNS_MAX);
	if (!config_value_parse(key, value, config->job_patterns[config->n_job_patterns])) {
		config_value_expected(key, expected, sizeof(expected));
		return config_fail(&p->report, p->line, "%s = %.100s: expected %s", key->name, value,
				   expected);
	}
	config->n_job_patterns++;
	return 0;
}

static errint_t set_program(struct parser *p, const struct config_key *key, const char *value)
{
	struct config *config = p->config;
	struct config_program *program = &config->hooks[config->n_hooks];
	char expected[160];

	if (config->n_hooks == CONFIG_HOOKS_MAX)
		return config_fail(&p->report, p->line, "more than %d hooks", CONFIG_HOOKS_MAX);
	if (!config_value_parse(key, value, program)) {
		config_value_expected(key, expected, sizeof(expected));
		return config_fail(&p->report, p->line, "%s = %.100s: expected %s", key->name, value,
				   expected);
	}
	for (unsigned hook = 0; hook < CONFIG_HOOK_COUNT; hook++)
		if (strcmp(config_hook_name((enum config_hook)hook), key->name) == 0)
			program->hook = hook;
	config->n_hooks++;
	return 0;
}

errint_t config_set_key(const struct config_report *report, unsigned line, const struct config_key *key,
			const char *value, void *owner)
{
	char expected[160];

	if (!config_value_parse(key, value, config_field(owner, key))) {
		config_value_expected(key, expected, sizeof(expected));
		return config_fail(report, line, "%s = %.100s: expected %s", key->name, value, expected);
	}
	if (key->given != KEY_NO_FLAG)
		*(bool *)((char *)owner + key->given) = true;
	return 0;
}

const struct config_key *config_known_key(const struct config_report *report, unsigned line,
					  const char *section, const char *name)
{
	const struct config_key *key = config_key_find(section, name);
	char list[400];

	if (!key) {
		config_key_list(section, list, sizeof(list));
		config_fail(report, line, "unknown key '%.64s' in [%s]; known: %s", name, section, list);
	}
	return key;
}

static errint_t take_key(struct parser *p, const char *name, const char *value)
{
	size_t index, n = strlen(name) + strlen(value), max = ASSIGNMENT_MAX;
	const struct config_key *key;

	if (p->section[0] == '\0')
		return config_fail(&p->report, p->line,
				   "'%.64s' stands before the first section; expected [mount]", name);
	key = config_known_key(&p->report, p->line, p->section, name);
	if (!key)
		return -EINVAL;
	if (key->type == VALUE_ARGV)
		max = CONFIG_HOOK_ARGV_MAX;
	if (n >= max)
		return config_fail(&p->report, p->line,
				   "key and value have %zu bytes, at most %zu are possible", n, max - 1);
	if (key->type == VALUE_PATTERN)
		return set_pattern(p, key, value);
	if (key->type == VALUE_GLOB)
		return set_glob(p, key, value);
	if (key->type == VALUE_PROGRAM)
		return set_program(p, key, value);
	index = (size_t)(key - config_keys);
	if (p->key_lines[index] != 0)
		return config_fail(&p->report, p->line, "'%s' was set already, on line %u", name,
				   p->key_lines[index]);
	p->key_lines[index] = p->line;
	return config_set_key(&p->report, p->line, key, value, p->owner);
}

static void cut_comment(char *line)
{
	if (*line == '#')
		*line = '\0';
	for (char *s = line; *s; s++) {
		if (*s == ';' && (s == line || isspace((unsigned char)s[-1]))) {
			*s = '\0';
			return;
		}
	}
}

/* "name = value" or "name: value". */
static errint_t take_assignment(struct parser *p, char *line)
{
	char *value = line + strcspn(line, "=:"), *name;

	if (*value == '\0')
		return config_fail(&p->report, p->line, "'%.64s': expected [section] or key = value", line);
	*value++ = '\0';
	name = trim_blanks(line);
	value = trim_blanks(value);
	return take_key(p, name, value);
}

static errint_t take_line(struct parser *p, const char *raw, size_t n)
{
	CLEANUP_FREE char *copy = strndup(raw, n);
	char *line;

	if (!copy)
		return config_fail(&p->report, p->line, "out of memory");
	line = trim_blanks(copy);
	cut_comment(line);
	line = trim_blanks(line);
	if (*line == '[')
		return open_section(p, line);
	return *line == '\0' ? 0 : take_assignment(p, line);
}

static errint_t check_characters(struct parser *p, const char *raw, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)raw[i];

		if ((c < ' ' && c != '\t' && !(c == '\r' && i == n - 1)) || c == 0x7f)
			return config_fail(&p->report, p->line, "control character 0x%02x at column %zu", c,
					   i + 1);
	}
	return 0;
}

static errint_t take_next_line(struct parser *p)
{
	const char *raw = p->text, *end = memchr(raw, '\n', p->left);
	size_t n = end ? (size_t)(end - raw) : p->left;
	errint_t rc;

	p->line++;
	p->text += n + (end != NULL);
	p->left -= n + (end != NULL);
	rc = check_characters(p, raw, n);
	return rc < 0 ? rc : take_line(p, raw, n);
}

static errint_t parse_text(struct parser *p)
{
	static const char bom[] = "\xef\xbb\xbf";
	errint_t rc = 0;

	if (p->left >= 3 && memcmp(p->text, bom, 3) == 0) {
		p->text += 3;
		p->left -= 3;
	}
	while (rc == 0 && p->left > 0)
		rc = take_next_line(p);
	if (rc < 0)
		return rc;
	config_derive(p->config);
	rc = config_resolve_patterns(p->config, &p->lines, &p->report);
	return rc < 0 ? rc : config_verify(p->config, &p->lines, &p->report);
}

errint_t config_parse(const char *file, const char *text, size_t n, struct config *config, char *error)
{
	struct parser *p = calloc(1, sizeof(*p));
	errint_t rc;

	error[0] = '\0';
	if (!p) {
		(void)copy_string(error, CONFIG_ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	memset(config, 0, sizeof(*config));
	(void)copy_string(config->file, sizeof(config->file), file);
	for (const char *const *section = config_sections; *section; section++)
		config_set_defaults(*section, config);
	p->text = text;
	p->left = n;
	p->config = config;
	p->report = (struct config_report){.file = file, .error = error};
	rc = parse_text(p);
	free(p);
	return rc;
}
