/* Sources of routes: the tiering manifest, and the state directory's list. */
#include "config/keys.h"
#include "config/tiermap.h"

#include <errno.h>
#include <stdlib.h>

#define BLANKS " \t\r\v\f"

struct lines {
	const char *next;
	size_t left;
	uint32_t number;
	/* Terminated copy; owned. */
	char *line;
};

/* 1; 0: the end; -EINVAL: has NUL; -ENOMEM. */
static int lines_next(struct lines *l)
{
	const char *end;
	size_t n;

	free(l->line);
	l->line = NULL;
	if (l->left == 0)
		return 0;
	end = memchr(l->next, '\n', l->left);
	n = end ? (size_t)(end - l->next) : l->left;
	l->line = strndup(l->next, n);
	l->number++;
	if (!l->line)
		return -ENOMEM;
	l->next += n + (end != NULL);
	l->left -= n + (end != NULL);
	return strlen(l->line) == n ? 1 : -EINVAL;
}

/* The first problem, and how many there are. */
struct problems {
	struct config_report report;
	uint32_t count;
};

#define PROBLEM(p, line, ...) ((p)->count++, (void)config_fail(&(p)->report, line, __VA_ARGS__))

/* The longest alias decides; -1: none. */
static int backend_of(const struct config *config, const char *path)
{
	int best = -1;

	for (uint32_t i = 0; i < config->n_backends; i++) {
		const char *alias = config->backends[i].alias;

		if (*alias == '\0' || !config_path_is_within(path, alias))
			continue;
		if (best < 0 || strlen(alias) > strlen(config->backends[best].alias))
			best = (int)i;
	}
	return best;
}

static bool check_field(struct problems *p, uint32_t line, char *path, const char *what)
{
	if (strlen(path) >= CONFIG_PATH_MAX) {
		PROBLEM(p, line, "the %s path has %zu bytes, at most %d are possible", what, strlen(path),
			CONFIG_PATH_MAX - 1);
		return false;
	}
	if (*path != '/') {
		PROBLEM(p, line, "'%.100s': expected an absolute %s path", path, what);
		return false;
	}
	if (!config_normalize_path(path) || (path[1] != '\0' && !tiermap_path_is_valid(path + 1))) {
		PROBLEM(p, line, "'%.100s' has a component \".\", \"..\" or one longer than 255 bytes", path);
		return false;
	}
	return true;
}

static bool fill_target(struct problems *p, const struct config *config, const char *cold,
			struct route *route)
{
	int backend = backend_of(config, cold);
	const char *rest;

	if (backend < 0) {
		PROBLEM(p, route->line, "'%.100s' lies under no backend's alias", cold);
		return false;
	}
	rest = cold + strlen(config->backends[backend].alias);
	route->backend = (uint8_t)backend;
	return copy_string(route->target, sizeof(route->target), *rest == '/' ? rest + 1 : rest) == 0;
}

static bool fill_path(struct problems *p, const struct config *config, const char *hot, struct route *route)
{
	const char *rest = hot + strlen(config->mountpoint);

	if (!config_path_is_within(hot, config->mountpoint) || *rest == '\0') {
		PROBLEM(p, route->line, "'%.100s' does not lie below the mountpoint %.100s", hot,
			config->mountpoint);
		return false;
	}
	if (config_path_is_within(rest, "/.guardfs")) {
		PROBLEM(p, route->line, "'%.100s' lies in .guardfs, which is guardfs's own", hot);
		return false;
	}
	return copy_string(route->path, sizeof(route->path), rest + 1) == 0;
}

static void add_manifest_route(struct problems *p, struct tiermap *map, const struct route *route)
{
	const struct route *other = tiermap_conflict(map, route->path);
	errint_t rc = tiermap_add(map, route);

	if (rc == -ENOSPC)
		PROBLEM(p, route->line, "more than %d routes", TIERMAP_ROUTES_MAX);
	else if (other && strcmp(other->path, route->path) == 0)
		PROBLEM(p, route->line, "'%.100s' has a route already, on line %u", route->path, other->line);
	else if (other)
		PROBLEM(p, route->line, "'%.100s' and '%.100s' on line %u lie inside one another",
			route->path, other->path, other->line);
	else if (rc < 0)
		PROBLEM(p, route->line, "'%.100s' cannot be a route", route->path);
}

static void parse_manifest_line(struct problems *p, const struct config *config, char *line, uint32_t number,
				struct tiermap *map)
{
	struct route route = {.line = number, .origin = ROUTE_MANIFEST};
	char *rest, *cold = strtok_r(line, BLANKS, &rest), *hot;

	if (!cold || *cold == '#')
		return;
	hot = strtok_r(NULL, BLANKS, &rest); /* extra fields are ignored */
	if (!hot) {
		PROBLEM(p, number, "'%.100s' stands alone; expected COLD HOT", cold);
		return;
	}
	if (check_field(p, number, cold, "cold") && check_field(p, number, hot, "hot") &&
	    fill_target(p, config, cold, &route) && fill_path(p, config, hot, &route))
		add_manifest_route(p, map, &route);
}

static errint_t conclude(const struct problems *p)
{
	char *error = p->report.error;
	size_t n = strlen(error);

	if (p->count == 0)
		return 0;
	if (p->count > 1)
		snprintf(error + n, CONFIG_ERROR_MAX - n, " (and %u more)", p->count - 1);
	return -EINVAL;
}

errint_t tiermap_parse_manifest(const struct config *config, const char *file, const char *text, size_t n,
				struct tiermap *map, char *error)
{
	struct problems p = {.report = {.file = file, .error = error}};
	struct lines lines = {.next = text, .left = n};
	int rc;

	error[0] = '\0';
	map->n_routes = 0;
	while ((rc = lines_next(&lines)) != 0) {
		if (rc == -ENOMEM) {
			PROBLEM(&p, lines.number, "out of memory");
			break;
		}
		if (rc < 0)
			PROBLEM(&p, lines.number, "NUL byte");
		else
			parse_manifest_line(&p, config, lines.line, lines.number, map);
	}
	free(lines.line);
	return conclude(&p);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes \xHH. False: another backslash, or \x00. */
static bool unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		int high, low;

		if (*s != '\\') {
			*out++ = *s;
			continue;
		}
		if (s[1] != 'x')
			return false;
		high = hex_digit(s[2]);
		low = high < 0 ? -1 : hex_digit(s[3]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*out++ = (char)(high * 16 + low);
		s += 3;
	}
	*out = '\0';
	return true;
}

static errint_t parse_route_line(const struct config *config, const struct config_report *report, char *line,
				 struct route *route)
{
	char *target = strchr(line, '\t');
	char *path = target ? strchr(target + 1, '\t') : NULL;
	int backend;

	if (!path || strchr(path + 1, '\t'))
		return config_fail(report, route->line,
				   "expected BACKEND, TARGET and PATH, separated by tabs");
	*target++ = '\0';
	*path++ = '\0';
	backend = config_find_backend(config, line);
	if (backend < 0)
		return config_fail(report, route->line,
				   "no backend '%.64s' is configured; remove the route or configure it",
				   line);
	if (!unescape(target) || !unescape(path))
		return config_fail(report, route->line, "expected no backslash but in \\xHH");
	if (copy_string(route->target, sizeof(route->target), target) < 0 ||
	    copy_string(route->path, sizeof(route->path), path) < 0)
		return config_fail(report, route->line, "a path is longer than %d bytes",
				   CONFIG_PATH_MAX - 1);
	route->backend = (uint8_t)backend;
	return 0;
}

static errint_t add_pattern_route(const struct config_report *report, const struct route *route,
				  struct tiermap *map, uint32_t *skipped)
{
	errint_t rc = tiermap_add(map, route);

	if (rc == -EBUSY)
		++*skipped;
	if (rc == -EBUSY || rc == -EEXIST)
		return 0;
	if (rc == -ENOSPC)
		return config_fail(report, route->line, "more than %d routes", TIERMAP_ROUTES_MAX);
	return rc < 0 ? config_fail(report, route->line, "malformed path") : 0;
}

static errint_t take_route_line(const struct config *config, const struct config_report *report,
				const struct lines *lines, struct tiermap *map, uint32_t *skipped)
{
	struct route route = {.line = lines->number, .origin = ROUTE_PATTERN};
	errint_t rc;

	if (lines->line[0] == '\0' || lines->line[0] == '#')
		return 0;
	rc = parse_route_line(config, report, lines->line, &route);
	return rc < 0 ? rc : add_pattern_route(report, &route, map, skipped);
}

errint_t tiermap_parse_routes(const struct config *config, const char *file, const char *text, size_t n,
			      struct tiermap *map, uint32_t *skipped, char *error)
{
	const struct config_report report = {.file = file, .error = error};
	struct lines lines = {.next = text, .left = n};
	errint_t rc = 0;
	int more;

	error[0] = '\0';
	*skipped = 0;
	while (rc == 0 && (more = lines_next(&lines)) != 0) {
		if (more < 0)
			rc = config_fail(&report, lines.number,
					 more == -ENOMEM ? "out of memory" : "NUL byte");
		else
			rc = take_route_line(config, &report, &lines, map, skipped);
	}
	free(lines.line);
	return rc;
}

static void print_escaped(const char *s, FILE *out)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < ' ' || c == 0x7f || c == '\\')
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
}

errint_t tiermap_format_routes(const struct config *config, const struct tiermap *map, char **text, size_t *n)
{
	FILE *out = open_memstream(text, n);
	bool failed;

	if (!out)
		return -ENOMEM;
	for (uint32_t i = 0; i < map->n_routes; i++) {
		const struct route *route = &map->routes[i];

		if (route->origin != ROUTE_PATTERN || route->backend >= config->n_backends)
			continue;
		fprintf(out, "%s\t", config->backends[route->backend].name);
		print_escaped(route->target, out);
		fputc('\t', out);
		print_escaped(route->path, out);
		fputc('\n', out);
	}
	failed = ferror(out);
	if (fclose(out) == 0 && !failed)
		return 0;
	free(*text);
	*text = NULL;
	return -ENOMEM;
}
