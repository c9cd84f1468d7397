/* Routes' reasons; disagreements of manifest, local directory and mount table with the map. */
#include "ctl/manifest/manifest.h"
#include "ctl/move/move.h"
#include "ctl/tier/tiers.h"
#include "base/cleanup.h"
#include <errno.h>
#include <fnmatch.h>
#include <sys/stat.h>

static char *read_manifest(const char *path, size_t *n)
{
	CLEANUP_FILE FILE *f = fopen(path, "re");
	char *text = f ? malloc(MANIFEST_MAX) : NULL;

	*n = text ? fread(text, 1, MANIFEST_MAX, f) : 0;
	if (!text || !ferror(f))
		return text;
	free(text);
	return NULL;
}

/* Good lines beside bad ones are reasons too. */
static void load_manifest(struct tiers *t)
{
	const char *path = t->config->manifest;
	CLEANUP_FREE char *text = NULL;
	size_t n = 0;

	if (!path[0])
		return;
	text = read_manifest(path, &n);
	if (!text)
		snprintf(t->manifest_error, sizeof(t->manifest_error), "%.300s: %s", path, strerror(errno));
	else if (tiermap_parse_manifest(t->config, path, text, n, t->map, t->manifest_error) == 0)
		t->manifest_error[0] = '\0';
	if (t->manifest_error[0])
		tiers_find(t, "manifest", true, path,
			   "Correct it. Until then guardfs stays with the last good map.", "%s",
			   t->manifest_error);
}

static const json_t *find_active(const struct tiers *t, const char *path)
{
	const json_t *route;
	size_t i;

	json_array_foreach(json_object_get(t->status, "routes"), i, route)
	{
		if (strcmp(ctl_text(route, "path"), path) == 0)
			return route;
	}
	return NULL;
}

static void compare_manifest(struct tiers *t)
{
	for (uint32_t i = 0; i < t->map->n_routes; i++) {
		const struct route *r = &t->map->routes[i];
		const char *backend = t->config->backends[r->backend].name;
		const json_t *active = find_active(t, r->path);

		if (active && strcmp(ctl_text(active, "backend"), backend) == 0 &&
		    strcmp(ctl_text(active, "target"), r->target) == 0)
			continue;
		tiers_find(t, "inactive", true, r->path,
			   "kill -HUP the guardian, or see its log for why it keeps the map it has.",
			   "%s:%u leads it to %s:%s, but the active map %s", t->config->manifest, r->line,
			   backend, r->target, active ? "leads it elsewhere" : "has no such route");
	}
}

static const struct config_pattern *pattern_of(const struct config *config, const char *path)
{
	for (uint32_t i = 0; i < config->n_patterns; i++)
		if (fnmatch(config->patterns[i].pattern, path, FNM_PATHNAME | FNM_PERIOD) == 0)
			return &config->patterns[i];
	return NULL;
}

static void explain_pattern(const struct tiers *t, json_t *entry, const char *path)
{
	const struct config_pattern *pattern = pattern_of(t->config, path);

	json_object_set_new(entry, "why_kind", json_string("pattern"));
	if (pattern)
		json_object_set_new(entry, "why",
				    json_sprintf("pattern %s in %s", pattern->pattern, t->config->file));
	else
		json_object_set_new(
		    entry, "why",
		    json_sprintf("a pattern that is no longer in the configuration; kept in %s/routes",
				 t->config->state_dir));
}

static void explain_manifest(struct tiers *t, json_t *entry, const char *path)
{
	const struct route *line = tiermap_find_exact(t->map, path);

	json_object_set_new(entry, "why_kind", json_string("manifest"));
	json_object_set_new(entry, "file", ctl_json_string(t->config->manifest));
	json_object_set_new(entry, "line", json_integer(line ? line->line : 0));
	if (line) {
		json_object_set_new(entry, "why",
				    json_sprintf("manifest %s:%u", t->config->manifest, line->line));
		return;
	}
	json_object_set_new(entry, "why",
			    json_sprintf("the manifest as it was; %s no longer has it", t->config->manifest));
	if (!t->manifest_error[0])
		tiers_find(t, "outdated", true, path,
			   "kill -HUP the guardian, or see its log for why it keeps the map it has.",
			   "is in the active map, but no longer in %s", t->config->manifest);
}

static void describe_route(struct tiers *t, const json_t *route)
{
	const char *path = ctl_text(route, "path"), *backend = ctl_text(route, "backend");
	json_t *entry = json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "path", path, "tier", backend, "target",
	    ctl_text(route, "target"), "state", ctl_text(route, "state"), "class", ctl_text(route, "class"),
	    "since", (json_int_t)ctl_number(route, "since"), "errno", (json_int_t)ctl_number(route, "errno"));

	if (strcmp(ctl_text(route, "origin"), "pattern") == 0)
		explain_pattern(t, entry, path);
	else
		explain_manifest(t, entry, path);
	json_array_append_new(t->routes, entry);
	if (strcmp(ctl_text(route, "class"), "path_missing") == 0)
		tiers_find(t, "target", true, path,
			   "Create the directory on the backend, or take the line out.",
			   "leads to %s on %s, which is not there", ctl_text(route, "target"), backend);
}

static bool is_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	return strncmp(path, directory, n) == 0 && path[n] == '/';
}

bool tiers_judge_mount(void *arg, const struct mount_entry *entry)
{
	static const char remedy[] = "umount it, and stop what mounts it there.";
	bool ours = strcmp(entry->fstype, "fuse.guardfs") == 0;
	struct tiers *t = arg;

	/* The last is on top. */
	if (strcmp(entry->mountpoint, t->config->mountpoint) == 0)
		t->mounted = ours;
	if (is_below(entry->mountpoint, t->config->mountpoint))
		tiers_find(t, "foreign-mount", true, entry->mountpoint, remedy,
			   "has %s (%s) mounted on it: nothing guards it", entry->source, entry->fstype);
	for (uint32_t i = 0; i < t->config->n_backends; i++)
		if (!ours && strcmp(entry->mountpoint, t->config->backends[i].expose) == 0)
			tiers_find(t, "foreign-mount", true, entry->mountpoint, remedy,
				   "has %s (%s) mounted on it, where %s should appear: nothing guards it",
				   entry->source, entry->fstype, t->config->backends[i].name);
	return false;
}

static void check_mounts(struct tiers *t)
{
	if (mount_scan(tiers_judge_mount, t) < 0)
		tiers_find(t, "unreadable", true, "/proc/self/mountinfo", "", "cannot be read");
	else if (!t->mounted)
		tiers_find(t, "mount", true, t->config->mountpoint, "guardctl doctor says more.",
			   "is not guardfs here: something else is mounted over it, or it was unmounted");
}

static void look_at_move(struct tiers *t, const char *file)
{
	CLEANUP_FREE struct move *m = calloc(1, sizeof(*m));
	errint_t err = m ? move_load(file, m) : -ENOMEM;

	if (err == -EINVAL)
		tiers_find(t, "move", true, file, "docs/TIERMOVE.md says where the copies are.",
			   "is damaged");
	if (!err)
		tiers_find(t, "move", false, m->job, "guardctl tier move JOB says where it is whole.",
			   m->step == MOVE_DONE ? "was moved from %s to %s; the old copy is kept (%s)"
						: "is being moved from %s to %s (%s)",
			   m->from.tier, m->to.tier, move_step_name(m->step));
}

/* Root alone can. */
static void look_at_moves(struct tiers *t)
{
	char path[CONFIG_PATH_MAX + 64];
	CLEANUP_DIR DIR *dir = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/moves", t->config->state_dir);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (strlen(entry->d_name) != MOVE_ID_SIZE - 1 || strchr(entry->d_name, '.'))
			continue;
		snprintf(path, sizeof(path), "%s/moves/%.32s", t->config->state_dir, entry->d_name);
		look_at_move(t, path);
	}
}

errint_t tiers_collect(struct tiers *t)
{
	const json_t *route;
	size_t i;

	t->map = calloc(1, sizeof(*t->map));
	t->routes = json_array();
	t->local = json_array();
	t->found = json_array();
	if (!t->map || !t->routes || !t->local || !t->found)
		return -ENOMEM;
	load_manifest(t);
	json_array_foreach(json_object_get(t->status, "routes"), i, route) describe_route(t, route);
	compare_manifest(t);
	tiers_look_at_local(t);
	check_mounts(t);
	look_at_moves(t);
	return 0;
}

void tiers_release(struct tiers *t)
{
	free(t->map);
	json_decref(t->routes);
	json_decref(t->local);
	json_decref(t->found);
	t->map = NULL;
	t->routes = t->local = t->found = NULL;
}
