#include "fs/virtual.h"
#include "fs/jobs.h"
#include "report/report.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static errint_t rendered_text(char *result, char **text)
{
	*text = result;
	return result ? 0 : -ENOMEM;
}

static errint_t render_status(const struct arena *arena, char **text, size_t *length)
{
	return rendered_text(report_status_text(arena, length), text);
}

static errint_t render_status_json(const struct arena *arena, char **text, size_t *length)
{
	jobs_look();
	return rendered_text(report_status_json(arena, length), text);
}

static errint_t render_routes(const struct arena *arena, char **text, size_t *length)
{
	return rendered_text(report_routes(arena, length), text);
}

static errint_t render_incidents(const struct arena *arena, char **text, size_t *length)
{
	return rendered_text(report_incidents(arena, length), text);
}

static errint_t render_suspects(const struct arena *arena, char **text, size_t *length)
{
	return rendered_text(report_suspects(arena, length), text);
}

/* The only look beyond the arena: fstat of open local files. */
static errint_t render_jobs(const struct arena *arena, char **text, size_t *length)
{
	jobs_look();
	return rendered_text(report_jobs(arena, length), text);
}

static errint_t render_metrics(const struct arena *arena, char **text, size_t *length)
{
	return rendered_text(report_metrics(arena, length), text);
}

static errint_t render_health(const struct arena *arena, char **text, size_t *length)
{
	char *line = malloc(REPORT_HEALTH_MAX);

	if (line)
		*length = report_health_line(arena, line, REPORT_HEALTH_MAX);
	return rendered_text(line, text);
}

#define FILE_MODE (S_IFREG | 0444)
#define DIR_MODE  (S_IFDIR | 0555)

/* By id (enum virtual_id). */
static const struct virtual_file files[VIRTUAL_ID_COUNT] = {
    [VIRTUAL_DIR] = {VIRTUAL_MOUNT_ROOT, VIRTUAL_DIR_NAME, DIR_MODE, "what guardfs knows about itself", NULL},
    [VIRTUAL_STATUS] = {VIRTUAL_DIR, "status", FILE_MODE, "state of every backend and route, for people",
			render_status},
    [VIRTUAL_STATUS_JSON] = {VIRTUAL_DIR, "status.json", FILE_MODE, "the same for programs",
			     render_status_json},
    [VIRTUAL_HEALTH] = {VIRTUAL_DIR, "health", FILE_MODE, "one line: ok, degraded or down; why; since when",
			render_health},
    [VIRTUAL_ROUTES] = {VIRTUAL_DIR, "routes", FILE_MODE,
			"one line per route: path, backend, state, class, since", render_routes},
    [VIRTUAL_INCIDENTS] = {VIRTUAL_DIR, "incidents", FILE_MODE, "the last incidents, one line each",
			   render_incidents},
    [VIRTUAL_SUSPECTS] = {VIRTUAL_DIR, "suspects", FILE_MODE,
			  "the last files that may lack what was written to them, one line each",
			  render_suspects},
    [VIRTUAL_JOBS] = {VIRTUAL_DIR, "jobs", FILE_MODE,
		      "one line per job: tier, state, who writes, progress, bytes, errors", render_jobs},
    [VIRTUAL_METRICS] = {VIRTUAL_DIR, "metrics", FILE_MODE, "everything in figures, for Prometheus",
			 render_metrics},
    [VIRTUAL_BACKENDS] = {VIRTUAL_DIR, "backends", DIR_MODE, "the whole tree of every backend, guarded",
			  NULL},
};

const struct virtual_file *virtual_get(unsigned id)
{
	return id < VIRTUAL_ID_COUNT && files[id].name ? &files[id] : NULL;
}

int virtual_next(unsigned parent_id, unsigned id)
{
	for (unsigned next = id < VIRTUAL_ID_COUNT ? id + 1 : VIRTUAL_ID_COUNT; next < VIRTUAL_ID_COUNT;
	     next++)
		if (files[next].name && files[next].parent == parent_id)
			return (int)next;
	return -ENOENT;
}

int virtual_lookup(unsigned parent_id, const char *name)
{
	int id = virtual_next(parent_id, 0);

	while (id >= 0 && strcmp(files[id].name, name) != 0)
		id = virtual_next(parent_id, (unsigned)id);
	return id;
}

errint_t virtual_render(const struct arena *arena, unsigned id, char **text, size_t *length)
{
	const struct virtual_file *file = virtual_get(id);

	*text = NULL;
	*length = 0;
	if (!file)
		return -ENOENT;
	return file->render ? file->render(arena, text, length) : -EISDIR;
}
