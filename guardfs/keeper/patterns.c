/* patterns.c: finds directories that patterns routed to a backend, below the patterns' target prefix. In
 * probe children. */
#include "keeper/probe-child.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>

#define SEARCH_ENTRIES_MAX 20000 /* a probe: a wide tree must not keep the breaker open */

struct search {
	const struct probe_run *run;
	/* Being searched, relative to the mount. */
	char path[CONFIG_PATH_MAX];
	size_t length;
	unsigned entries;
};

static void search_dir(struct search *s, int dir_fd, const char *pattern);

static bool is_directory(int dir_fd, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Descends unless it is the last component. */
static void take_match(struct search *s, int dir_fd, const char *name, const char *rest)
{
	struct probe_report found = {.kind = PROBE_SAYS_FOUND};
	size_t before = s->length;
	int n = snprintf(s->path + before, sizeof(s->path) - before, "%s%s", before ? "/" : "", name);

	if (n > 0 && before + (size_t)n < sizeof(s->path)) {
		s->length = before + (size_t)n;
		if (rest)
			search_dir(s, openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
				   rest);
		else if (copy_string(found.text, sizeof(found.text), s->path) == 0)
			probe_say(s->run, &found, -1);
	}
	s->length = before;
	s->path[before] = '\0';
}

/* Consumes dir_fd. */
static void search_dir(struct search *s, int dir_fd, const char *pattern)
{
	const char *slash = strchr(pattern, '/');
	size_t n = slash ? (size_t)(slash - pattern) : strlen(pattern);
	CLEANUP_DIR DIR *dir = dir_fd >= 0 ? fdopendir(dir_fd) : NULL;
	char component[CONFIG_PATH_MAX];
	struct dirent *e;

	if (!dir || n >= sizeof(component))
		return;
	memcpy(component, pattern, n);
	component[n] = '\0';
	probe_say(s->run, &(struct probe_report){.kind = PROBE_SAYS_ALIVE}, -1);
	while (s->entries < SEARCH_ENTRIES_MAX && (e = readdir(dir)) != NULL) {
		s->entries++;
		if (fnmatch(component, e->d_name, FNM_PERIOD) == 0 && is_directory(dirfd(dir), e))
			take_match(s, dirfd(dir), e->d_name, slash ? slash + 1 : NULL);
	}
}

void probe_search_patterns(const struct probe_run *run)
{
	for (uint32_t i = 0; i < run->config->n_patterns; i++) {
		const struct config_pattern *p = &run->config->patterns[i];
		struct search s = {.run = run};

		if (p->backend == run->job->backend)
			search_dir(&s,
				   openat(run->root, p->target[0] ? p->target : ".",
					  O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				   p->pattern);
	}
}
