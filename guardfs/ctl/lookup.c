/* Answers from a status.json. Pure. */
#include "ctl/ctl.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include <errno.h>
#include <time.h>

const char *ctl_text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

json_t *ctl_json_string(const char *s)
{
	CLEANUP_FREE char *clean = utf8_clean(s, SIZE_MAX);

	return json_string(clean ? clean : "");
}

bool ctl_lists(const json_t *array, const char *text)
{
	const json_t *value;
	size_t i;

	json_array_foreach(array, i, value)
	{
		if (json_is_string(value) && strcmp(json_string_value(value), text) == 0)
			return true;
	}
	return false;
}

int64_t ctl_number(const json_t *object, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(object, key));
}

const json_t *ctl_find_backend(const json_t *status, const char *name)
{
	const json_t *backends = json_object_get(status, "backends"), *backend;
	size_t i;

	json_array_foreach(backends, i,
			   backend) if (strcmp(ctl_text(backend, "name"), name) == 0) return backend;
	return NULL;
}

errint_t ctl_path_absolute(const char *cwd, const char *path, char *absolute, size_t size)
{
	char joined[2 * CTL_ABSOLUTE_MAX];
	size_t used = 0;
	char *rest = joined, *part;

	if (path[0] == '\0' || size < 2)
		return -EINVAL;
	if (snprintf(joined, sizeof(joined), "%s/%s", path[0] == '/' ? "" : cwd, path) >= (int)sizeof(joined))
		return -ENAMETOOLONG;
	absolute[0] = '\0';
	while ((part = strsep(&rest, "/"))) {
		if (part[0] == '\0' || strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0) {
			while (used > 0 && absolute[--used] != '/')
				;
			absolute[used] = '\0';
			continue;
		}
		if (used + 1 + strlen(part) >= size)
			return -ENAMETOOLONG;
		used += (size_t)snprintf(absolute + used, size - used, "/%s", part);
	}
	return used ? 0 : copy_string(absolute, size, "/");
}

/* Longest prefix offered. */
struct search {
	const char *path;
	/* of the best; 0: none */
	size_t length;
	struct ctl_responsible responsible;
};

static void consider_prefix(struct search *search, const char *prefix, const json_t *condition,
			    const char *backend)
{
	size_t n = strlen(prefix);

	if (n == 0 || n <= search->length || strncmp(search->path, prefix, n) != 0)
		return;
	if (search->path[n] != '/' && search->path[n] != '\0')
		return;
	search->length = n;
	search->responsible = (struct ctl_responsible){.condition = condition, .backend = backend};
}

static void consider_all(struct search *search, const json_t *status)
{
	const char *mountpoint = ctl_text(status, "mountpoint");
	const json_t *routes = json_object_get(status, "routes"),
		     *backends = json_object_get(status, "backends"), *item;
	char prefix[2 * CTL_ABSOLUTE_MAX];
	size_t i;

	consider_prefix(search, mountpoint, NULL, "local");
	json_array_foreach(routes, i, item)
	{
		snprintf(prefix, sizeof(prefix), "%s/%s", mountpoint, ctl_text(item, "path"));
		consider_prefix(search, prefix, item, ctl_text(item, "backend"));
	}
	json_array_foreach(backends, i, item)
	{
		snprintf(prefix, sizeof(prefix), "%s/.guardfs/backends/%s", mountpoint,
			 ctl_text(item, "name"));
		consider_prefix(search, prefix, item, ctl_text(item, "name"));
		consider_prefix(search, ctl_text(item, "expose"), item, ctl_text(item, "name"));
	}
}

/* The job at or above path. */
static const json_t *job_of(const json_t *status, const char *path)
{
	const char *mountpoint = ctl_text(status, "mountpoint");
	const json_t *jobs = json_object_get(status, "jobs"), *job;
	size_t n = strlen(mountpoint), i;

	if (n == 0 || strncmp(path, mountpoint, n) != 0 || path[n] != '/')
		return NULL;
	path += n + 1;
	json_array_foreach(jobs, i, job)
	{
		n = strlen(ctl_text(job, "name"));
		if (n && strncmp(path, ctl_text(job, "name"), n) == 0 && (path[n] == '/' || path[n] == '\0'))
			return job;
	}
	return NULL;
}

errint_t ctl_responsible_for(const json_t *status, const char *absolute, struct ctl_responsible *responsible)
{
	/* status.json has U+FFFD for bytes that are not UTF-8. */
	CLEANUP_FREE char *clean = utf8_clean(absolute, SIZE_MAX);
	struct search search = {.path = clean};

	if (!clean)
		return -ENOMEM;
	consider_all(&search, status);
	*responsible = search.responsible;
	responsible->job = job_of(status, clean);
	return search.length ? 0 : -ENOENT;
}

errint_t ctl_parse_duration(const char *text, uint64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}};
	size_t digits = strspn(text, "0123456789");
	uint64_t value = 0;

	if (digits == 0 || digits > 10)
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text + digits, units[i].unit) != 0)
			continue;
		*ms = value * units[i].ms;
		return *ms <= 366ull * 24 * 3600 * 1000 ? 0 : -EINVAL;
	}
	return -EINVAL;
}

errint_t ctl_parse_number(const char *text, uint64_t max, uint64_t *value)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 18 || text[digits])
		return -EINVAL;
	*value = strtoull(text, NULL, 10);
	return *value >= 1 && *value <= max ? 0 : -EINVAL;
}

/* In local time. */
static errint_t parse_day(const char *text, int64_t *since)
{
	struct tm tm = {.tm_isdst = -1};
	const char *rest = strptime(text, "%Y-%m-%d", &tm);
	time_t when;

	if (!rest || *rest || strlen(text) != strlen("2026-01-08"))
		return -EINVAL;
	when = mktime(&tm);
	*since = when;
	return when >= 0 ? 0 : -EINVAL;
}

errint_t ctl_parse_since(const char *text, int64_t now, int64_t *since)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t value = 0;

	if (text[digits] == '-')
		return parse_day(text, since);
	if (digits >= 9 && text[digits] == '\0') {
		if (ctl_parse_number(text, INT64_MAX, &value))
			return -EINVAL;
		*since = (int64_t)value;
		return 0;
	}
	if (digits >= 1 && digits <= 5 && strcmp(text + digits, "d") == 0)
		value = strtoull(text, NULL, 10) * 86400 * MSEC_PER_SEC;
	else if (ctl_parse_duration(text, &value))
		return -EINVAL;
	*since = MAX(now - (int64_t)(value / MSEC_PER_SEC), 0);
	return 0;
}

int ctl_wait_reached(const json_t *status, const char *state, const char *backend)
{
	const json_t *backends = json_object_get(status, "backends"), *item;
	size_t i;

	if (backend) {
		item = ctl_find_backend(status, backend);
		if (!item)
			return -ENOENT;
		return strcmp(ctl_text(item, "state"), strcmp(state, "ok") == 0 ? "healthy" : state) == 0;
	}
	if (strcmp(state, "ok") == 0)
		return strcmp(ctl_text(status, "state"), "ok") == 0;
	json_array_foreach(backends, i, item) if (strcmp(ctl_text(item, "state"), state) != 0) return 0;
	return 1;
}
