/* A move's progress, lines "key value". */
#include "ctl/move/move.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#define HEAD "guardfs-move 1"

static const char *const step_names[MOVE_STEP_COUNT] = {"copying", "placing",	 "switched",
							"done",	   "discarding", "aborting"};

const char *move_step_name(enum move_step step)
{
	return (unsigned)step < MOVE_STEP_COUNT ? step_names[step] : "invalid";
}

void move_id(const char *job, char *id)
{
	snprintf(id, MOVE_ID_SIZE, "%016" PRIx64, hash_bytes(0, job, strlen(job)));
}

void move_split(const char *path, char *directory, const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	snprintf(directory, CONFIG_PATH_MAX, "%.*s", slash ? (int)(slash - path) : 0, path);
}

static errint_t take_field(char **text, const char *key, char *value, size_t size)
{
	char *line = strsep(text, "\n");
	size_t n = strlen(key);

	if (!line || !*text || strncmp(line, key, n) != 0 || line[n] != ' ')
		return -EINVAL;
	return copy_string(value, size, line + n + 1) == 0 && value[0] ? 0 : -EINVAL;
}

static errint_t take_number(char **text, const char *key, uint64_t *number)
{
	char value[24];

	if (take_field(text, key, value, sizeof(value)) || value[strspn(value, "0123456789")] ||
	    strlen(value) > 18)
		return -EINVAL;
	*number = strtoull(value, NULL, 10);
	return 0;
}

static errint_t take_path(char **text, const char *key, char *path)
{
	return take_field(text, key, path, CONFIG_PATH_MAX) == 0 && tiermap_path_is_valid(path) ? 0 : -EINVAL;
}

static errint_t take_tier(char **text, const char *key, char *tier)
{
	if (take_field(text, key, tier, CONFIG_NAME_MAX))
		return -EINVAL;
	return strchr(tier, '/') || tier[0] == '.' ? -EINVAL : 0;
}

static errint_t take_step(char **text, enum move_step *step)
{
	char value[32];

	if (take_field(text, "step", value, sizeof(value)))
		return -EINVAL;
	for (unsigned i = 0; i < MOVE_STEP_COUNT; i++) {
		if (strcmp(value, step_names[i]) == 0) {
			*step = (enum move_step)i;
			return 0;
		}
	}
	return -EINVAL;
}

static errint_t parse_lines(char *text, struct move *m)
{
	uint64_t late, started;
	char *head = strsep(&text, "\n");

	if (!text || strcmp(head, HEAD) != 0 || take_step(&text, &m->step) ||
	    take_path(&text, "job", m->job) || take_tier(&text, "from-tier", m->from.tier) ||
	    take_path(&text, "from", m->from.path) || take_tier(&text, "to-tier", m->to.tier) ||
	    take_path(&text, "to", m->to.path) || take_path(&text, "old", m->old) ||
	    take_number(&text, "late", &late) || take_number(&text, "started", &started) ||
	    take_number(&text, "files", &m->files) || take_number(&text, "bytes", &m->bytes))
		return -EINVAL;
	m->late = late != 0;
	m->started = (int64_t)started;
	return strcmp(text, "end\n") == 0 ? 0 : -EINVAL;
}

/* Named as in ends.c, since nothing else may be renamed or removed. */
static bool is_consistent(const struct move *m)
{
	bool from_local = strcmp(m->from.tier, MOVE_LOCAL) == 0,
	     to_local = strcmp(m->to.tier, MOVE_LOCAL) == 0;
	const char *name;
	char directory[CONFIG_PATH_MAX];

	if (from_local == to_local || strcmp(from_local ? m->from.path : m->to.path, m->job) != 0)
		return false;
	move_split(m->old, directory, &name);
	return from_local ? strncmp(name, MOVE_OLD_PREFIX, strlen(MOVE_OLD_PREFIX)) == 0
			  : strcmp(m->old, m->from.path) == 0;
}

errint_t move_parse(const char *text, size_t n, struct move *m)
{
	CLEANUP_FREE char *copy = n <= MOVE_FILE_MAX ? strndup(text, n) : NULL;

	memset(m, 0, sizeof(*m));
	if (!copy || strlen(copy) != n || parse_lines(copy, m) || !is_consistent(m))
		return -EINVAL;
	return 0;
}

errint_t move_format(const struct move *m, char *text, size_t size)
{
	int n = snprintf(text, size,
			 HEAD "\nstep %s\njob %s\nfrom-tier %s\nfrom %s\nto-tier %s\nto %s\nold %s\n"
			      "late %d\nstarted %" PRId64 "\nfiles %" PRIu64 "\nbytes %" PRIu64 "\nend\n",
			 move_step_name(m->step), m->job, m->from.tier, m->from.path, m->to.tier, m->to.path,
			 m->old, m->late, m->started, m->files, m->bytes);

	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

errint_t move_load(const char *file, struct move *m)
{
	CLEANUP_FREE char *text = malloc(MOVE_FILE_MAX);
	ssize_t n = text ? fd_read_file(file, text, MOVE_FILE_MAX) : -ENOMEM;

	return n < 0 ? (errint_t)n : move_parse(text, (size_t)n, m);
}

errint_t move_sync_directory_of(const char *file)
{
	char directory[CTL_ABSOLUTE_MAX];
	CLEANUP_FD int fd = -1;
	char *slash;

	if (copy_string(directory, sizeof(directory), file))
		return -ENAMETOOLONG;
	slash = strrchr(directory, '/');
	if (slash)
		slash[slash == directory] = '\0';
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

errint_t move_store(const char *file, const struct move *m)
{
	CLEANUP_FREE char *text = malloc(MOVE_FILE_MAX);
	errint_t err = text ? move_format(m, text, MOVE_FILE_MAX) : -ENOMEM;

	if (!err)
		err = fd_write_atomic(file, text, strlen(text), 0600, true);
	return err ? err : move_sync_directory_of(file);
}
