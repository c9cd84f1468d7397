#include "shm/job.h"

#include <fnmatch.h>

static uint64_t get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static enum errclass class_of(uint32_t number)
{
	return number < ERRCLASS_COUNT ? (enum errclass)number : ERRCLASS_IO_ERROR;
}

static void view_counters(const struct job *j, struct job_view *view)
{
	view->read_bytes = get(&j->read_bytes);
	view->written_bytes = get(&j->written_bytes);
	view->ops = get(&j->ops);
	view->opens = get(&j->opens);
	view->progress_ns = get(&j->progress_ns);
	view->active_ns = get(&j->active_ns);
	view->error_ns = get(&j->error_ns);
	view->last_error = class_of(atomic_load(&j->last_error));
	for (unsigned c = 0; c < ERRCLASS_COUNT; c++) {
		view->errors[c] = atomic_load_explicit(&j->errors[c], memory_order_relaxed);
		view->n_errors += view->errors[c];
	}
}

bool job_view(const struct job_table *table, uint32_t index, struct job_view *view)
{
	const struct job *j;

	memset(view, 0, sizeof(*view));
	if (index >= JOB_MAX)
		return false;
	j = &table->jobs[index];
	if (atomic_load(&j->state) != JOB_LIVE)
		return false;
	view->index = index;
	view->generation = j->generation;
	memcpy(view->name, j->name, sizeof(view->name));
	view->name[sizeof(view->name) - 1] = '\0';
	view->backend = atomic_load(&j->backend);
	view->by_stat = atomic_load(&j->flags) & JOB_BY_STAT;
	view->handles = atomic_load(&j->handles);
	view->writers = MIN(atomic_load(&j->writers), view->handles);
	view->first_ns = j->first_ns;
	view->writing_since_ns = get(&j->writing_since_ns);
	view->writer_closed_ns = get(&j->writer_closed_ns);
	view_counters(j, view);
	/* Given away meanwhile: half the copy would be another job's. */
	return atomic_load(&j->state) == JOB_LIVE && j->generation == view->generation;
}

uint32_t job_choose_slot(const struct job_table *table)
{
	uint32_t used = MIN(atomic_load(&table->used), JOB_MAX), best = JOB_MAX;
	uint64_t oldest = UINT64_MAX;

	for (uint32_t i = 0; i < used; i++) {
		const struct job *j = &table->jobs[i];

		if (atomic_load(&j->state) != JOB_LIVE)
			return i;
		if (atomic_load(&j->handles) == 0 && get(&j->active_ns) < oldest) {
			oldest = get(&j->active_ns);
			best = i;
		}
	}
	return used < JOB_MAX ? used : best;
}

uint32_t job_check(struct job_table *table)
{
	uint32_t changed = 0, used = atomic_load(&table->used);

	if (used > JOB_MAX) {
		atomic_store(&table->used, JOB_MAX);
		used = JOB_MAX;
		changed++;
	}
	for (uint32_t i = 0; i < used; i++) {
		struct job *j = &table->jobs[i];
		uint32_t state = atomic_load(&j->state);

		if (state == JOB_FREE)
			continue;
		if (state != JOB_LIVE || j->name[0] == '\0' || !memchr(j->name, '\0', sizeof(j->name))) {
			atomic_store(&j->state, JOB_FREE);
			changed++;
			continue;
		}
		if (atomic_load(&j->last_error) >= ERRCLASS_COUNT) {
			atomic_store(&j->last_error, ERRCLASS_IO_ERROR);
			changed++;
		}
	}
	return changed;
}

size_t job_match(const char *pattern, const char *path)
{
	char head[JOB_NAME_MAX];
	const char *end = path;

	for (const char *p = pattern; *p; p++) {
		if (*p != '/')
			continue;
		end = strchr(end, '/');
		if (!end)
			return 0;
		end++;
	}
	end = strchr(end, '/');
	if (!end || (size_t)(end - path) >= sizeof(head))
		return 0;
	memcpy(head, path, (size_t)(end - path));
	head[end - path] = '\0';
	return fnmatch(pattern, head, FNM_PATHNAME | FNM_PERIOD) == 0 ? strlen(head) : 0;
}
