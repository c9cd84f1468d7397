/* Finds directories that patterns routed to a backend, below their target prefix. In probe children. */
#include "keeper/probe-child.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>

#define SEARCH_ENTRIES_MAX 20000 /* a probe: a wide tree must not keep the breaker open */

struct search {
	const struct probe_run *run;
	/* From the component on that this directory's names are to match. */
	const char *pattern;
	char component[CONFIG_PATH_MAX];
	/* Within the backend: where the search began, and below, the directory searched. */
	const char *base;
	char path[CONFIG_PATH_MAX];
	unsigned *entries;
};

static void search_dir(struct search *s);

/* base/path, in storage's words. False: too long. */
static bool join(const char *base, const char *path, const char *name, char *whole, size_t size)
{
	int n = snprintf(whole, size, "%s%s%s%s%s", base, *base && *path ? "/" : "", path,
			 *name && (*base || *path) ? "/" : "", name);

	return n >= 0 && (size_t)n < size;
}

static bool is_directory(const struct search *s, const char *name, unsigned type)
{
	char whole[2 * CONFIG_PATH_MAX];
	unsigned mode;

	if (type != DT_UNKNOWN)
		return type == DT_DIR;
	return join(s->base, s->path, name, whole, sizeof(whole)) &&
	       s->run->storage->look(s->run, whole, &mode) == 0 && S_ISDIR(mode);
}

/* Reports a match of the last component; descends into any other. */
static void take_match(const struct search *s, const char *name)
{
	const char *slash = strchr(s->pattern, '/');
	struct probe_report found = {.kind = PROBE_SAYS_FOUND};
	struct search below = {
	    .run = s->run, .pattern = slash ? slash + 1 : "", .base = s->base, .entries = s->entries};

	if (!join("", s->path, name, below.path, sizeof(below.path)))
		return;
	if (slash)
		search_dir(&below);
	else if (copy_string(found.text, sizeof(found.text), below.path) == 0)
		probe_say(s->run, &found, -1);
}

static bool look_at_entry(void *arg, const char *name, unsigned type)
{
	struct search *s = arg;

	if (++*s->entries > SEARCH_ENTRIES_MAX)
		return false;
	if (fnmatch(s->component, name, FNM_PERIOD) == 0 && is_directory(s, name, type))
		take_match(s, name);
	return true;
}

static void search_dir(struct search *s)
{
	size_t n = strcspn(s->pattern, "/");
	char whole[2 * CONFIG_PATH_MAX];

	if (n >= sizeof(s->component) || !join(s->base, s->path, "", whole, sizeof(whole)))
		return;
	memcpy(s->component, s->pattern, n);
	s->component[n] = '\0';
	probe_say_alive(s->run);
	(void)s->run->storage->list(s->run, whole, look_at_entry, s);
}

void probe_search_patterns(const struct probe_run *run)
{
	for (uint32_t i = 0; i < run->config->n_patterns; i++) {
		const struct config_pattern *p = &run->config->patterns[i];
		unsigned entries = 0;
		struct search s = {.run = run, .pattern = p->pattern, .base = p->target, .entries = &entries};

		if (p->backend == run->job->backend)
			search_dir(&s);
	}
}
