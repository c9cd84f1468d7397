/* Checks between keys. */
#include "config/keys.h"
#include "config/tiermap.h"

#include <ctype.h>
#include <errno.h>

struct context {
	const struct config *config;
	const struct config_lines *lines;
	const struct config_report *report;
};

static size_t key_index(const char *section, const char *name)
{
	return (size_t)(config_key_find(section, name) - config_keys);
}

static unsigned line_of(const struct context *c, const char *section, const char *name)
{
	return c->lines->global[key_index(section, name)];
}

static unsigned backend_line(const struct context *c, uint32_t backend, const char *name)
{
	unsigned line = c->lines->backend[backend][key_index("backend", name)];

	return line ? line : c->lines->section[backend];
}

static void derived_path(const struct config *config, const char *base, char *path)
{
	memset(path, 0, CONFIG_PATH_MAX);
	snprintf(path, CONFIG_PATH_MAX, "%s/%s", base, config->name);
}

static void derived_control(const struct config *config, uint32_t backend, char *path)
{
	int n;

	memset(path, 0, CONFIG_PATH_MAX);
	n = snprintf(path, CONFIG_PATH_MAX, "%s/fault.%s", config->run_dir, config->backends[backend].name);

	if (n < 0 || n >= CONFIG_PATH_MAX)
		path[0] = '\0'; /* run_dir is too long; config_verify asks for fault_control */
}

static void fill_in(char *field, const char *path)
{
	if (field[0] == '\0')
		memcpy(field, path, CONFIG_PATH_MAX);
}

void config_derive(struct config *config)
{
	char path[CONFIG_PATH_MAX];

	derived_path(config, "/run/guardfs", path);
	fill_in(config->run_dir, path);
	derived_path(config, "/var/lib/guardfs", path);
	fill_in(config->state_dir, path);
	for (uint32_t i = 0; i < config->n_backends; i++) {
		struct config_backend *b = &config->backends[i];

		derived_control(config, i, path);
		if (b->filter == FILTER_FAULT)
			fill_in(b->fault_control, path);
		b->present_owner = b->has_uid || b->has_gid || b->has_umask;
	}
}

static void clear_if(char *field, const char *path)
{
	if (strcmp(field, path) == 0)
		field[0] = '\0';
}

void config_underive(struct config *config)
{
	char path[CONFIG_PATH_MAX];

	for (uint32_t i = 0; i < config->n_backends; i++) {
		derived_control(config, i, path);
		clear_if(config->backends[i].fault_control, path);
	}
	derived_path(config, "/run/guardfs", path);
	clear_if(config->run_dir, path);
	derived_path(config, "/var/lib/guardfs", path);
	clear_if(config->state_dir, path);
}

static char *trim_blanks(char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	n = strlen(s);
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s;
}

/* Removes "//" and slashes at both ends. */
static void squeeze_slashes(char *s)
{
	char *out = s;

	for (const char *in = s; *in; in++) {
		if (*in != '/' || (out > s && out[-1] != '/'))
			*out++ = *in;
	}
	if (out > s && out[-1] == '/')
		out--;
	*out = '\0';
}

static errint_t bad_pattern(const struct config_report *report, unsigned line, const char *pattern,
			    const char *why)
{
	return config_fail(report, line, "pattern = %.100s: %s; expected GLOB = BACKEND:PREFIX", pattern,
			   why);
}

static errint_t resolve_pattern(struct config *config, struct config_pattern *pattern, unsigned line,
				const struct config_report *report)
{
	char written[CONFIG_PATH_MAX], value[CONFIG_PATH_MAX];
	char *place, *prefix, *glob;
	int backend;

	(void)copy_string(written, sizeof(written), pattern->pattern);
	(void)copy_string(value, sizeof(value), pattern->pattern);
	/* Globs may hold '=', prefixes may not. */
	place = strrchr(value, '=');
	prefix = place ? strchr(place, ':') : NULL;
	if (!prefix)
		return bad_pattern(report, line, written, place ? "no ':'" : "no second '='");
	*place++ = '\0';
	*prefix++ = '\0';
	backend = config_find_backend(config, trim_blanks(place));
	if (backend < 0)
		return bad_pattern(report, line, written, "no such backend");
	squeeze_slashes(prefix);
	prefix = trim_blanks(prefix);
	if (*prefix && !tiermap_path_is_valid(prefix))
		return bad_pattern(report, line, written,
				   "the prefix has a component \".\", \"..\" or one too long");
	glob = trim_blanks(value);
	if (!tiermap_path_is_valid(glob) || strncmp(glob, ".guardfs", 8) == 0)
		return bad_pattern(report, line, written,
				   "the glob must be a path relative to the mount, outside .guardfs");
	memset(pattern, 0, sizeof(*pattern)); /* nothing of the longer text stays */
	(void)copy_string(pattern->pattern, sizeof(pattern->pattern), glob);
	(void)copy_string(pattern->target, sizeof(pattern->target), prefix);
	pattern->backend = (uint8_t)backend;
	return 0;
}

errint_t config_resolve_patterns(struct config *config, const struct config_lines *lines,
				 const struct config_report *report)
{
	errint_t rc = 0;

	for (uint32_t i = 0; i < config->n_patterns && rc == 0; i++)
		rc = resolve_pattern(config, &config->patterns[i], lines->pattern[i], report);
	return rc;
}

static errint_t check_required(const struct context *c)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(key->section, "mount") == 0 && key->flags & KEY_REQUIRED &&
		    *((const char *)c->config + key->offset) == '\0')
			return config_fail(c->report, 0, "'%s' is missing in [mount]: %s", key->name,
					   key->help);
	}
	return 0;
}

static bool overlap(const char *a, const char *b)
{
	return config_path_is_within(a, b) || config_path_is_within(b, a);
}

/* guardfs must read it while the mount is stuck. */
static errint_t check_outside(const struct context *c, const struct config_key *key, const char *path,
			      unsigned line)
{
	if (!(key->flags & KEY_OUTSIDE) || *path == '\0' ||
	    !config_path_is_within(path, c->config->mountpoint))
		return 0;
	return config_fail(c->report, line,
			   "%s = %.100s lies inside the mountpoint %.100s; choose a place outside", key->name,
			   path, c->config->mountpoint);
}

static errint_t check_places(const struct context *c)
{
	const struct config *config = c->config;

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		errint_t rc;

		if (strcmp(key->section, "backend") == 0)
			continue;
		rc = check_outside(c, key, (const char *)config + key->offset, c->lines->global[i]);
		if (rc < 0)
			return rc;
	}
	if (config_path_is_within(config->mountpoint, config->local))
		return config_fail(c->report, line_of(c, "mount", "mountpoint"),
				   "mountpoint = %.100s lies inside local = %.100s; choose a place outside",
				   config->mountpoint, config->local);
	return 0;
}

static errint_t check_keys_of_type(const struct context *c, uint32_t i)
{
	const struct config_backend *b = &c->config->backends[i];

	for (size_t k = 0; k < config_key_count; k++) {
		const struct config_key *key = &config_keys[k];

		if (c->lines->backend[i][k] != 0 && key->backends != 0 && !(key->backends & FOR(b->type)))
			return config_fail(c->report, c->lines->backend[i][k],
					   "'%s' means nothing for type = %s", key->name,
					   backend_type_name(b->type));
	}
	return 0;
}

/* Else it mounts somewhere else, where guardfs neither finds nor fences it. */
static bool names_mountpoint(const struct config_program *program)
{
	char *words[CONFIG_HOOK_WORDS_MAX + 1];
	unsigned n = config_program_words(program, words);

	for (unsigned i = 1; i < n; i++)
		if (strstr(words[i], "{mountpoint}"))
			return true;
	return false;
}

/* By value: config_print writes the defaults, too. */
static errint_t check_stream(const struct context *c, uint32_t i)
{
	const struct config_backend *b = &c->config->backends[i];
	const char *key = b->ssh_options[0]			? "ssh_options"
			  : b->ssh_config[0]			? "ssh_config"
			  : strcmp(b->ssh_command, "ssh") != 0	? "ssh_command"
			  : b->ssh_arguments[0]			? "ssh_arguments"
			  : strcmp(b->sftp_server, "sftp") != 0 ? "sftp_server"
			  : b->ssh_lenient			? "ssh_lenient"
								: NULL;

	if (!key || backend_is_reached_by_ssh(b))
		return 0;
	return config_fail(c->report, backend_line(c, i, key), "'%s' means nothing without stream = openssh",
			   key);
}

/* ssh has ways of its own, and gets none of them. */
static errint_t check_login(const struct context *c, uint32_t i)
{
	const struct config_backend *b = &c->config->backends[i];
	const char *key = b->password_file[0] ? "password_file"
			  : b->askpass[0]     ? "askpass"
			  : b->agent[0]	      ? "agent"
					      : NULL;

	if (key && backend_is_reached_by_ssh(b))
		return config_fail(
		    c->report, backend_line(c, i, key),
		    "'%s' means nothing with stream = openssh, which has ssh_config and ssh_options", key);
	if (b->compression && backend_is_reached_by_ssh(b))
		return config_fail(
		    c->report, backend_line(c, i, "compression"),
		    "'compression' means nothing with stream = openssh: set ssh_options = Compression=yes");
	if (b->askpass[0] && !b->identity[0])
		return config_fail(
		    c->report, backend_line(c, i, "askpass"),
		    "'askpass' means nothing without identity, of which it prints the passphrase");
	return 0;
}

static errint_t check_type(const struct context *c, uint32_t i)
{
	const struct config_backend *b = &c->config->backends[i];
	unsigned line = backend_line(c, i, "type");

	if (b->type == BACKEND_LOCAL)
		return config_fail(c->report, line,
				   "'type' is missing in [backend %s]: expected dir, sshfs, sftp or command",
				   b->name);
	if (b->type == BACKEND_COMMAND && b->command.argc == 0)
		return config_fail(c->report, backend_line(c, i, "command"),
				   "'command' is missing in [backend %s]: the program that mounts it",
				   b->name);
	if (b->type == BACKEND_COMMAND && !names_mountpoint(&b->command))
		return config_fail(
		    c->report, backend_line(c, i, "command"),
		    "'command' in [backend %s] has no {mountpoint}: where the program has to mount", b->name);
	if (backend_has_server(b->type) && b->host[0] == '\0')
		return config_fail(c->report, backend_line(c, i, "host"), "'host' is missing in [backend %s]",
				   b->name);
	return check_keys_of_type(c, i);
}

/* A directory around or inside the mountpoint would lead guardfs into itself. */
static errint_t check_directory(const struct context *c, uint32_t i)
{
	const struct config_backend *b = &c->config->backends[i];
	unsigned line = backend_line(c, i, "path");
	char path[CONFIG_PATH_MAX];

	if (b->type != BACKEND_DIR)
		return 0;
	if (b->path[0] == '\0')
		return config_fail(c->report, line, "'path' is missing in [backend %s]: the directory",
				   b->name);
	(void)copy_string(path, sizeof(path), b->path);
	if (!config_normalize_path(path))
		return config_fail(c->report, line,
				   "path = %.100s: expected an absolute path without '.' and '..'", b->path);
	if (overlap(path, c->config->mountpoint))
		return config_fail(c->report, line,
				   "path = %.100s and the mountpoint %.100s lie inside one another", b->path,
				   c->config->mountpoint);
	if (b->expose[0] != '\0' && overlap(path, b->expose))
		return config_fail(c->report, backend_line(c, i, "expose"),
				   "expose = %.100s would cover the backend's own directory %.100s",
				   b->expose, b->path);
	return 0;
}

/* A bind over guardfs's own directory would cut it off. */
static errint_t check_expose(const struct context *c, uint32_t i)
{
	const struct config *config = c->config;
	const char *expose = config->backends[i].expose;
	const char *const used[] = {config->mountpoint, config->local, config->run_dir, config->state_dir};

	if (*expose == '\0')
		return 0;
	for (size_t k = 0; k < ARRAY_SIZE(used); k++) {
		if (config_path_is_within(used[k], expose))
			return config_fail(c->report, backend_line(c, i, "expose"),
					   "expose = %.100s would cover %.100s", expose, used[k]);
	}
	for (uint32_t j = 0; j < i; j++) {
		if (config->backends[j].expose[0] != '\0' && overlap(config->backends[j].expose, expose))
			return config_fail(c->report, backend_line(c, i, "expose"),
					   "expose = %.100s and that of backend '%s' lie inside one another",
					   expose, config->backends[j].name);
	}
	return 0;
}

static errint_t check_alias(const struct context *c, uint32_t i)
{
	const struct config_backend *b = c->config->backends;

	for (uint32_t j = 0; b[i].alias[0] != '\0' && j < i; j++) {
		if (strcmp(b[i].alias, b[j].alias) == 0)
			return config_fail(c->report, backend_line(c, i, "alias"),
					   "alias = %.100s is that of backend '%s' already", b[i].alias,
					   b[j].name);
	}
	return 0;
}

static errint_t check_backend_places(const struct context *c, uint32_t i)
{
	for (size_t k = 0; k < config_key_count; k++) {
		const struct config_key *key = &config_keys[k];
		const char *path = (const char *)&c->config->backends[i] + key->offset;
		errint_t rc;

		if (strcmp(key->section, "backend") != 0)
			continue;
		rc = check_outside(c, key, path, backend_line(c, i, key->name));
		if (rc < 0)
			return rc;
	}
	return 0;
}

static errint_t check_filter(const struct context *c, uint32_t i)
{
	const struct config_backend *b = &c->config->backends[i];

	if (b->filter == FILTER_FAULT && b->fault_control[0] == '\0')
		return config_fail(c->report, backend_line(c, i, "filter"),
				   "filter = fault needs fault_control = PATH");
	return 0;
}

/* Operations inside backends hold slots: with all hung some must be left. */
static errint_t check_inflight(const struct context *c)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < c->config->n_backends; i++) {
		total += c->config->backends[i].max_inflight;
		if (total > CONFIG_INFLIGHT_TOTAL_MAX)
			return config_fail(c->report, backend_line(c, i, "max_inflight"),
					   "the max_inflight of all backends up to [backend %s] add up to "
					   "%u; expected at most %u: "
					   "lower them",
					   c->config->backends[i].name, total, CONFIG_INFLIGHT_TOTAL_MAX);
	}
	return 0;
}

/* It has no place for anything else than its one backend. */
static errint_t check_root(const struct context *c)
{
	const struct config *config = c->config;
	int i = config_root_backend(config);

	if (config->root[0] == '\0' && !config->check_permissions)
		return config_fail(
		    c->report, line_of(c, "mount", "permissions"),
		    "permissions = no needs root = BACKEND: of the local tier nobody else would check them");
	if (config->root[0] == '\0')
		return 0;
	if (i < 0 || config->backends[i].type != BACKEND_SFTP)
		return config_fail(c->report, line_of(c, "mount", "root"),
				   "root = %s: expected the name of a backend of type sftp", config->root);
	if (config->manifest[0] != '\0' || config->n_patterns)
		return config_fail(c->report, line_of(c, "mount", "root"),
				   "root = %s: the whole mount is that backend; there is no place for a "
				   "manifest or patterns",
				   config->root);
	if (!config->check_permissions && config->n_backends > 1)
		return config_fail(c->report, line_of(c, "mount", "permissions"),
				   "permissions = no needs that root = %s is the only backend: of the others "
				   "nobody would check them",
				   config->root);
	return 0;
}

static errint_t check_recovery(const struct context *c)
{
	if (c->config->backoff_min_ms > c->config->backoff_max_ms)
		return config_fail(c->report, line_of(c, "recovery", "backoff_min"),
				   "backoff_min (%u ms) is longer than backoff_max (%u ms)",
				   c->config->backoff_min_ms, c->config->backoff_max_ms);
	return 0;
}

errint_t config_verify(const struct config *config, const struct config_lines *lines,
		       const struct config_report *report)
{
	static errint_t (*const for_backend[])(const struct context *, uint32_t) = {
	    check_type,		  check_stream, check_login, check_directory,
	    check_backend_places, check_expose, check_alias, check_filter,
	};
	const struct context c = {config, lines, report};
	errint_t rc = check_required(&c);

	if (rc == 0)
		rc = check_places(&c);
	for (uint32_t i = 0; i < config->n_backends; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(for_backend) && rc == 0; k++)
			rc = for_backend[k](&c, i);
	}
	if (rc == 0)
		rc = check_root(&c);
	if (rc == 0)
		rc = check_inflight(&c);
	return rc < 0 ? rc : check_recovery(&c);
}
