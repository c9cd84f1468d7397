/* Manifests and routes files of any content. The map must be sound, and what was made from a routes file must
 * come back from its written form. First byte: which of the two. */
#include "config/tiermap.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config config;
static struct tiermap map, copy;

static void set_up(void)
{
	static const char text[] = "[mount]\nname=f\nmountpoint=/m\nlocal=/l\n"
				   "[backend a]\ntype=dir\npath=/a\nalias=/cold\n"
				   "[backend b]\ntype=dir\npath=/b\nalias=/cold/deeper\n"
				   "[tier]\npattern=*/[0-9]* = b:jobs\n";
	char error[CONFIG_ERROR_MAX];

	if (config.n_backends == 0 && config_parse("fuzz.conf", text, sizeof(text) - 1, &config, error) < 0) {
		fputs(error, stderr);
		abort();
	}
}

static void require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "violated: %s\n", what);
		abort();
	}
}

static void count_child(void *arg, const char *name, bool is_route)
{
	(void)is_route;
	require(*name != '\0', "children have names");
	++*(uint32_t *)arg;
}

static void check_map(void)
{
	uint32_t children = 0;

	copy.n_routes = map.n_routes;
	memcpy(copy.routes, map.routes, map.n_routes * sizeof(map.routes[0]));
	require(tiermap_repair(&copy, config.n_backends) == 0, "a parsed map needs no repair");
	for (uint32_t i = 0; i < map.n_routes; i++) {
		require(tiermap_find(&map, map.routes[i].path) == &map.routes[i], "every route is found");
		require(tiermap_find_exact(&map, map.routes[i].path) == &map.routes[i],
			"every route is found exactly");
	}
	tiermap_children(&map, "", count_child, &children);
	require(children <= map.n_routes && (children > 0) == (map.n_routes > 0),
		"children come from routes");
}

static void check_written_form(void)
{
	char error[CONFIG_ERROR_MAX];
	uint32_t skipped, n = map.n_routes;
	char *text;
	size_t length;

	require(tiermap_format_routes(&config, &map, &text, &length) == 0, "routes can be written");
	copy.n_routes = 0;
	require(tiermap_parse_routes(&config, "written", text, length, &copy, &skipped, error) == 0, error);
	require(skipped == 0 && copy.n_routes == n, "all routes come back");
	for (uint32_t i = 0; i < n; i++)
		require(strcmp(copy.routes[i].path, map.routes[i].path) == 0 &&
			    strcmp(copy.routes[i].target, map.routes[i].target) == 0,
			"routes come back unchanged");
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CONFIG_ERROR_MAX];
	uint32_t skipped;
	errint_t rc;

	set_up();
	if (size == 0)
		return 0;
	map.n_routes = 0;
	if (data[0] == 'r')
		rc = tiermap_parse_routes(&config, "routes", (const char *)data + 1, size - 1, &map, &skipped,
					  error);
	else
		rc = tiermap_parse_manifest(&config, "manifest", (const char *)data + 1, size - 1, &map,
					    error);
	require((rc < 0) == (error[0] != '\0'), "an error has a message");
	check_map();
	if (data[0] == 'r')
		check_written_form();
	return 0;
}
