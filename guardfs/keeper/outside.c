/* Files outside the mount, always whole: run_dir/health, run_dir/status.json, node_exporter's metrics. */
#include "keeper/internal.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "report/report.h"

#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum outside_file { OUTSIDE_HEALTH, OUTSIDE_STATUS, OUTSIDE_COUNT };

static void make_path(const struct keeper *k, enum outside_file file, char *path, size_t size)
{
	static const char *const names[] = {[OUTSIDE_HEALTH] = "health", [OUTSIDE_STATUS] = "status.json"};

	snprintf(path, size, "%s/%s", k->run_dir, names[file]);
}

/* Every few seconds: a new error is logged. */
static void write_file(const struct keeper *k, enum outside_file file, const char *text, size_t n)
{
	static errint_t told[OUTSIDE_COUNT];
	char path[CONFIG_PATH_MAX + 32];
	errint_t rc;

	make_path(k, file, path, sizeof(path));
	rc = fd_write_atomic(path, text, n, 0644, false);
	if (rc < 0 && rc != told[file])
		log_warning("writing %s: %s", path, strerror(-rc));
	told[file] = rc;
}

/* Worker's threads, which render .guardfs, must not ask the disk. */
static void look_at_local(struct keeper *k)
{
	struct board_statfs *b = &k->board->local;
	struct statvfs st;

	if (statvfs(k->config->local, &st) < 0) {
		atomic_store(&b->valid, 0);
		return;
	}
	atomic_store(&b->blocks, st.f_blocks);
	atomic_store(&b->bfree, st.f_bfree);
	atomic_store(&b->bavail, st.f_bavail);
	atomic_store(&b->files, st.f_files);
	atomic_store(&b->ffree, st.f_ffree);
	atomic_store(&b->bsize, (uint32_t)st.f_bsize);
	atomic_store(&b->frsize, (uint32_t)st.f_frsize);
	atomic_store(&b->namelen, (uint32_t)st.f_namemax);
	atomic_store(&b->valid, 1);
}

static void write_state(struct keeper *k)
{
	CLEANUP_FREE char *json = NULL;
	char line[REPORT_HEALTH_MAX];
	size_t n;

	write_file(k, OUTSIDE_HEALTH, line, report_health_line(k->arena, line, sizeof(line)));
	json = report_status_json(k->arena, &n);
	if (json)
		write_file(k, OUTSIDE_STATUS, json, n);
}

void outside_write(struct keeper *k)
{
	look_at_local(k);
	write_state(k);
	textfile_write(k);
}

static void remove_state(const struct keeper *k)
{
	char path[CONFIG_PATH_MAX + 32];

	for (int file = 0; file < OUTSIDE_COUNT; file++) {
		make_path(k, (enum outside_file)file, path, sizeof(path));
		unlink(path);
	}
}

void outside_end(struct keeper *k)
{
	if (atomic_load(&k->board->ended) == BOARD_ENDED_ALL)
		remove_state(k);
	else
		write_state(k);
	textfile_end(k);
}
