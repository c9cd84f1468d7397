#include "base/mounts.h"
#include "base/cleanup.h"

#include <errno.h>

/* Copies a space-terminated field, undoing \ooo; advances *p. */
static errint_t take_field(const char **p, char *out, size_t size)
{
	size_t n = 0;

	while (**p && **p != ' ' && **p != '\n') {
		char c = *(*p)++;

		if (c == '\\' && (*p)[0] >= '0' && (*p)[0] <= '3' && (*p)[1] >= '0' && (*p)[1] <= '7' &&
		    (*p)[2] >= '0' && (*p)[2] <= '7') {
			c = (char)(((*p)[0] - '0') << 6 | ((*p)[1] - '0') << 3 | ((*p)[2] - '0'));
			*p += 3;
		}
		if (n + 1 >= size)
			return -ENAMETOOLONG;
		out[n++] = c;
	}
	out[n] = '\0';
	if (**p == ' ')
		(*p)++;
	return n ? 0 : -EINVAL;
}

errint_t mount_parse(const char *line, struct mount_entry *e)
{
	const char *p, *tag;
	int offset = 0;
	errint_t rc;

	/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAGS...] - FSTYPE SOURCE SUPER */
	if (sscanf(line, "%u %*u %u:%u %n", &e->id, &e->major, &e->minor, &offset) != 3 || offset == 0)
		return -EINVAL;
	p = line + offset;
	rc = take_field(&p, e->root, sizeof(e->root));
	if (rc == 0)
		rc = take_field(&p, e->mountpoint, sizeof(e->mountpoint));
	if (rc < 0)
		return rc;
	tag = strstr(p, " shared:");
	p = strstr(p, " - ");
	if (!p)
		return -EINVAL;
	e->shared = tag && tag < p;
	p += 3;
	rc = take_field(&p, e->fstype, sizeof(e->fstype));
	if (rc == 0 && *p == ' ') { /* empty source */
		e->source[0] = '\0';
		return 0;
	}
	return rc < 0 ? rc : take_field(&p, e->source, sizeof(e->source));
}

int mount_scan_table(FILE *table, bool (*visit)(void *arg, const struct mount_entry *entry), void *arg)
{
	CLEANUP_FREE char *line = NULL;
	struct mount_entry entry;
	size_t size = 0;

	rewind(table);
	/* Overlong mounts are not ours. */
	while (getline(&line, &size, table) > 0)
		if (mount_parse(line, &entry) == 0 && visit(arg, &entry))
			return 1;
	return ferror(table) ? -EIO : 0;
}

int mount_scan(bool (*visit)(void *arg, const struct mount_entry *entry), void *arg)
{
	CLEANUP_FILE FILE *f = fopen("/proc/self/mountinfo", "re");

	return f ? mount_scan_table(f, visit, arg) : -errno;
}

struct search {
	const char *path;
	uint32_t id;
	struct mount_entry *entry;
	/* Longest mountpoint's length plus 1. */
	size_t best;
};

static bool visit_at(void *arg, const struct mount_entry *e)
{
	struct search *s = arg;

	if (strcmp(e->mountpoint, s->path) == 0) {
		*s->entry = *e; /* a later line may lie on top */
		s->best = 1;
	}
	return false;
}

static bool visit_id(void *arg, const struct mount_entry *e)
{
	struct search *s = arg;

	if (e->id != s->id)
		return false;
	*s->entry = *e;
	s->best = 1;
	return true;
}

static bool visit_containing(void *arg, const struct mount_entry *e)
{
	struct search *s = arg;
	size_t n = strlen(e->mountpoint);

	if (n == 1)
		n = 0; /* "/" begins every path */
	if (strncmp(e->mountpoint, s->path, n) == 0 && (s->path[n] == '/' || s->path[n] == '\0') &&
	    n + 1 >= s->best) {
		*s->entry = *e;
		s->best = n + 1;
	}
	return false;
}

static errint_t search(struct search *s, bool (*visit)(void *arg, const struct mount_entry *entry))
{
	int rc = mount_scan(visit, s);

	return rc < 0 ? rc : (s->best ? 0 : -ENOENT);
}

errint_t mount_find_at(const char *path, struct mount_entry *entry)
{
	return search(&(struct search){.path = path, .entry = entry}, visit_at);
}

errint_t mount_find_id(uint32_t id, struct mount_entry *entry)
{
	return search(&(struct search){.id = id, .entry = entry}, visit_id);
}

errint_t mount_find_containing(const char *path, struct mount_entry *entry)
{
	return search(&(struct search){.path = path, .entry = entry}, visit_containing);
}

bool mount_shows(const struct mount_entry *entry, uint32_t minor)
{
	return minor && entry->major == 0 && entry->minor == minor;
}

bool mount_is_fuse(const struct mount_entry *entry)
{
	return strcmp(entry->fstype, "fuse") == 0 || strcmp(entry->fstype, "fuseblk") == 0 ||
	       strncmp(entry->fstype, "fuse.", 5) == 0;
}
