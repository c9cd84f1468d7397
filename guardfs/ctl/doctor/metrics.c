/* The copy for node_exporter, and its neighbours. Of equal series node_exporter (1.5) shows the first file's,
 * perhaps a forgotten timer's, and notes it only in its log. */
#include "ctl/doctor/doctor.h"
#include "base/cleanup.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define FRESH_S 60

/* Name and labels of a sample; 0: no sample. */
static size_t series_length(const char *line)
{
	size_t n = strcspn(line, "\n");
	const char *brace = memchr(line, '{', n), *end = brace ? memrchr(line, '}', n) : NULL;

	if (n == 0 || line[0] == '#')
		return 0;
	return brace ? (end ? (size_t)(end + 1 - line) : 0) : strcspn(line, " \t\n");
}

/* The next sample from *rest on, for the caller to free; NULL: none. */
static char *next_series(const char **rest)
{
	while (**rest) {
		const char *line = *rest;
		size_t n = series_length(line);

		*rest += strcspn(line, "\n");
		*rest += **rest == '\n';
		if (n)
			return strndup(line, n);
	}
	return NULL;
}

static json_t *read_series(const char *text)
{
	json_t *set = json_object();
	char *series;

	while ((series = next_series(&text))) {
		json_object_set_new_nocheck(set, series, json_true());
		free(series);
	}
	return set;
}

static bool is_collected(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && strcmp(name + n - 5, ".prom") == 0;
}

static bool judge_other(struct doctor *d, const char *path, const json_t *ours)
{
	CLEANUP_FREE char *text = doctor_read(d, path);
	const char *rest = text;
	char *series;

	while (rest && (series = next_series(&rest))) {
		bool twice = json_object_get(ours, series);

		if (twice)
			doctor_find(d, DOCTOR_ERROR, "textfile",
				    "Stop what writes it (guardfs(8), METRICS), then remove the file.",
				    "%s has %s, too: node_exporter shows one of the two, and rules go by it",
				    path, series);
		free(series);
		if (twice)
			return false;
	}
	return true;
}

static bool judge_others(struct doctor *d, const char *directory, const char *own, const json_t *ours)
{
	char full[CTL_ABSOLUTE_MAX], path[CTL_ABSOLUTE_MAX];
	CLEANUP_DIR DIR *dir = opendir(doctor_path(d, directory, full));
	struct dirent *entry;
	bool good = true;

	while (dir && (entry = readdir(dir)))
		if (is_collected(entry->d_name) && strcmp(entry->d_name, own) != 0 &&
		    snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) < (int)sizeof(path))
			good &= judge_other(d, path, ours);
	return good;
}

/* Is the copy there, and new enough? */
static bool judge_own(struct doctor *d, const char *path)
{
	char full[CTL_ABSOLUTE_MAX];
	struct stat st;

	if (!d->status)
		return true;
	if (stat(doctor_path(d, path, full), &st) < 0)
		doctor_find(d, DOCTOR_WARNING, "textfile",
			    "Make the directory, and see the log of guardfs: it tries every five seconds.",
			    "%s: %s", path, strerror(errno));
	else if (d->now - st.st_mtime > FRESH_S)
		doctor_find(d, DOCTOR_WARNING, "textfile", "See the log of guardfs for why.",
			    "%s was last written %lld s ago", path, (long long)(d->now - st.st_mtime));
	else
		return true;
	return false;
}

void doctor_check_textfile(struct doctor *d)
{
	const char *path = d->config ? d->config->metrics_textfile : "";
	const char *name = strrchr(path, '/');
	CLEANUP_FREE char *text = NULL;
	char directory[CONFIG_PATH_MAX];
	json_t *ours;
	bool good;

	if (!name)
		return;
	if (!is_collected(name))
		doctor_find(d, DOCTOR_WARNING, "textfile", "Name it NAME.prom.",
			    "%s: node_exporter reads no file but *.prom", path);
	snprintf(directory, sizeof(directory), "%.*s", (int)(name - path), path);
	text = doctor_read(d, path);
	ours = read_series(text ? text : "");
	good = judge_own(d, path);
	good &= judge_others(d, directory, name + 1, ours);
	if (good && is_collected(name))
		doctor_find(d, DOCTOR_OK, "textfile", "", "%s%s", path,
			    d->status ? " is written, and nothing else has its series" : "");
	json_decref(ours);
}
