/* outside.c: what is shown outside the mount: run_dir/health and run_dir/status.json, always whole. */
#include "keeper/internal.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "report/report.h"

#include <stdio.h>
#include <unistd.h>

static void write_file(const struct keeper *k, const char *name, const char *text, size_t n)
{
	char path[CONFIG_PATH_MAX + 32];
	errint_t rc;

	snprintf(path, sizeof(path), "%s/%s", k->run_dir, name);
	rc = fd_write_atomic(path, text, n, 0644, false);
	if (rc < 0)
		log_warning("writing %s: %s", path, strerror(-rc));
}

void outside_write(struct keeper *k)
{
	CLEANUP_FREE char *json = NULL;
	char line[REPORT_HEALTH_MAX];
	size_t n;

	write_file(k, "health", line, report_health_line(k->arena, line, sizeof(line)));
	json = report_status_json(k->arena, &n);
	if (json)
		write_file(k, "status.json", json, n);
}

void outside_remove(const struct keeper *k)
{
	static const char *const names[] = {"health", "status.json"};
	char path[CONFIG_PATH_MAX + 32];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", k->run_dir, names[i]);
		unlink(path);
	}
}
