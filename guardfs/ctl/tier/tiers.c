/* guardctl tiers. */
#include "ctl/tier/tiers.h"
#include "ctl/show.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include <errno.h>
#include <sys/statvfs.h>

#define SIZE_TIMEOUT_MS 10000 /* for each route without --timeout */

static json_t *describe_local_tier(const struct config *config)
{
	json_t *tier = json_pack("{s:s, s:s, s:o, s:s}", "name", "local", "type", "local", "path",
				 ctl_json_string(config->local), "state", "healthy");
	struct statvfs v;

	if (statvfs(config->local, &v) < 0) {
		json_object_set_new(tier, "state", json_string("down"));
		return tier;
	}
	json_object_set_new(tier, "used_bytes",
			    json_integer((json_int_t)((v.f_blocks - v.f_bfree) * v.f_frsize)));
	json_object_set_new(tier, "free_bytes", json_integer((json_int_t)(v.f_bavail * v.f_frsize)));
	return tier;
}

static json_t *describe_tiers(const struct tiers *t)
{
	json_t *tiers = json_array();
	const json_t *b;
	size_t i;

	json_array_append_new(tiers, describe_local_tier(t->config));
	json_array_foreach(json_object_get(t->status, "backends"), i, b)
	{
		json_array_append_new(
		    tiers, json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", ctl_text(b, "name"), "type",
				     ctl_text(b, "type"), "state", ctl_text(b, "state"), "class",
				     ctl_text(b, "class"), "expose", ctl_text(b, "expose")));
	}
	return tiers;
}

static bool serves(const json_t *entry)
{
	const char *state = ctl_text(entry, "state");

	return !*state || strcmp(state, "healthy") == 0 || strcmp(state, "degraded") == 0 ||
	       strcmp(state, "probation") == 0;
}

static void measure_all(const struct tiers *t, json_t *entries, uint32_t timeout_ms)
{
	char path[2 * CONFIG_PATH_MAX];
	uint64_t bytes, files;
	json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		errint_t err = -EIO;

		snprintf(path, sizeof(path), "%s/%s", t->config->mountpoint, ctl_text(entry, "path"));
		if (serves(entry))
			err = tiers_size(path, timeout_ms, &bytes, &files);
		if (err == 0) {
			json_object_set_new(entry, "used_bytes", json_integer((json_int_t)bytes));
			json_object_set_new(entry, "files", json_integer((json_int_t)files));
		} else {
			json_object_set_new(entry, "used_bytes", json_null());
			json_object_set_new(entry, "used_unknown",
					    json_string(!serves(entry)	    ? "down"
							: err == -ETIMEDOUT ? "no answer in time"
									    : "part of it cannot be read"));
		}
	}
}

static void print_size(const json_t *entry)
{
	const json_t *used = json_object_get(entry, "used_bytes");

	if (!used)
		return;
	fputs("    used: ", stdout);
	if (json_is_null(used)) {
		printf("not known (%s)\n", ctl_text(entry, "used_unknown"));
		return;
	}
	show_bytes(stdout, show_count(entry, "used_bytes"));
	printf(" in %llu files\n", (unsigned long long)show_count(entry, "files"));
}

static void print_tiers(const json_t *tiers)
{
	const json_t *tier;
	size_t i;

	puts("Tiers");
	json_array_foreach(tiers, i, tier)
	{
		fputs("  ", stdout);
		show_cell(stdout, ctl_text(tier, "name"), 15);
		show_cell(stdout, ctl_text(tier, "type"), 6);
		show_plain(stdout, ctl_text(tier, "state"));
		if (*ctl_text(tier, "class") && strcmp(ctl_text(tier, "class"), "none") != 0)
			printf(" (%s)", ctl_text(tier, "class"));
		if (json_object_get(tier, "free_bytes")) {
			fputs(", ", stdout);
			show_bytes(stdout, show_count(tier, "used_bytes"));
			fputs(" used, ", stdout);
			show_bytes(stdout, show_count(tier, "free_bytes"));
			fputs(" free, ", stdout);
			show_plain(stdout, ctl_text(tier, "path"));
		}
		putchar('\n');
	}
}

static void print_routes(const json_t *routes)
{
	const json_t *route;
	size_t i;

	puts(json_array_size(routes) ? "Routes" : "No routes");
	json_array_foreach(routes, i, route)
	{
		fputs("  ", stdout);
		show_plain(stdout, ctl_text(route, "path"));
		printf(" -> %s:", ctl_text(route, "tier"));
		show_plain(stdout, ctl_text(route, "target"));
		printf("  %s", ctl_text(route, "state"));
		if (*ctl_text(route, "class") && strcmp(ctl_text(route, "class"), "none") != 0)
			printf(" (%s)", ctl_text(route, "class"));
		fputs("\n    why: ", stdout);
		show_plain(stdout, ctl_text(route, "why"));
		putchar('\n');
		print_size(route);
	}
}

static void print_local(const json_t *local)
{
	const json_t *job;
	size_t i;

	if (json_array_size(local))
		puts("Job directories on the local tier (by default: no route and no pattern took them)");
	json_array_foreach(local, i, job)
	{
		fputs("  ", stdout);
		show_plain(stdout, ctl_text(job, "path"));
		putchar('\n');
		print_size(job);
	}
}

static void print_found(const struct tiers *t)
{
	const json_t *found;
	size_t i;

	json_array_foreach(t->found, i, found)
	{
		printf("%s %s: ", json_is_true(json_object_get(found, "disagreement")) ? "DISAGREES" : "note",
		       ctl_text(found, "kind"));
		show_plain(stdout, ctl_text(found, "path"));
		putchar(' ');
		show_plain(stdout, ctl_text(found, "found"));
		printf("\n    -> %s\n", ctl_text(found, "remedy"));
	}
	printf("%u disagreements\n", tiers_disagreements(t));
}

static int print_json(const struct tiers *t, json_t *tiers)
{
	json_t *answer =
	    json_pack("{s:o, s:o, s:O, s:O, s:O, s:i}", "mountpoint", ctl_json_string(t->config->mountpoint),
		      "tiers", json_incref(tiers), "routes", t->routes, "local", t->local, "found", t->found,
		      "disagreements", (int)tiers_disagreements(t));
	int status = ctl_print_json(answer);

	json_decref(answer);
	return status;
}

static int print_all(const struct tiers *t, bool json)
{
	json_t *tiers = describe_tiers(t);
	int status = CTL_EXIT_OK;

	if (json) {
		status = print_json(t, tiers);
	} else {
		print_tiers(tiers);
		print_routes(t->routes);
		print_local(t->local);
		print_found(t);
	}
	json_decref(tiers);
	return status;
}

static int show_tiers(const struct ctl_instance *instance, const struct config *config,
		      const struct ctl_options *options, uint32_t timeout_ms)
{
	struct tiers t = {.config = config, .status = instance->status};
	int status = CTL_EXIT_UNREACHABLE;

	if (tiers_collect(&t) < 0) {
		ctl_fail(status, "short of memory");
	} else {
		if (options->sizes) {
			measure_all(&t, t.routes, timeout_ms);
			measure_all(&t, t.local, timeout_ms);
		}
		status = print_all(&t, options->json);
		if (status == CTL_EXIT_OK && tiers_disagreements(&t))
			status = CTL_EXIT_REFUSED;
	}
	tiers_release(&t);
	return status;
}

static int run_tiers(const struct ctl_instance *instance, const struct ctl_options *options)
{
	CLEANUP_FREE struct config *config = calloc(1, sizeof(*config));
	const char *file = options->config ? options->config : ctl_text(instance->status, "config");
	char error[CONFIG_ERROR_MAX] = "";
	uint64_t timeout_ms = SIZE_TIMEOUT_MS;
	errint_t err = config ? config_load(file, config, error) : -ENOMEM;

	if (err < 0)
		return ctl_fail(CTL_EXIT_REFUSED, "%s", error[0] ? error : strerror(-err));
	if (options->timeout && (ctl_parse_duration(options->timeout, &timeout_ms) < 0 || timeout_ms == 0 ||
				 timeout_ms > INT32_MAX))
		return ctl_fail(CTL_EXIT_USAGE, "--timeout: \"%s\" is no duration, such as 10s",
				options->timeout);
	return show_tiers(instance, config, options, (uint32_t)timeout_ms);
}

int ctl_cmd_tiers(const struct ctl_options *options, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return ctl_on_instance(options, run_tiers);
}
