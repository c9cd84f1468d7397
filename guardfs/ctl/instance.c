/* Finds a guardfs and its status. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "ctl/ctl.h"
#include "sshfs-compat/drop-in.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

#define STATUS_SIZE_MAX (64l << 20) /* 1024 routes of 2 KiB and the rest are less */

const char *ctl_run_root = CTL_RUN_ROOT;

static PRINTF_LIKE(3, 4) int explain_status(char *message, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(message, CTL_MESSAGE_MAX, format, args);
	va_end(args);
	return status;
}

static bool valid_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return name[0] && name[0] != '.' && name[strspn(name, allowed)] == '\0' &&
	       strlen(name) < CONFIG_NAME_MAX;
}

static errint_t load_json(const char *path, json_t **status)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > STATUS_SIZE_MAX)
		return -EINVAL;
	*status = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
	return json_is_object(*status) ? 0 : -EINVAL;
}

struct instances {
	int n;
	char last[CONFIG_NAME_MAX];
	/* for messages */
	char list[512];
};

static void add_instance(struct instances *i, const char *name)
{
	size_t used = strlen(i->list);

	i->n++;
	(void)copy_string(i->last, sizeof(i->last), name);
	snprintf(i->list + used, sizeof(i->list) - used, " %s", name);
}

static bool guardian_lives(const json_t *status)
{
	int64_t pid = ctl_number(json_object_get(status, "processes"), "guardian");

	return pid > 0 && pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

/* A stopped guardfs leaves no status; one wholly killed leaves one without guardian. */
static void sort_instance(const char *root, const char *name, struct instances *living,
			  struct instances *dead)
{
	char path[CONFIG_PATH_MAX + 64];
	json_t *status = NULL;

	if (!valid_name(name) ||
	    snprintf(path, sizeof(path), "%s/%s/status.json", root, name) >= (int)sizeof(path) ||
	    load_json(path, &status) == -ENOENT)
		return;
	add_instance(!status || guardian_lives(status) ? living : dead, name);
	json_decref(status);
}

/* Running ones; else those that seem to have run. */
static void find_instances(const char *root, struct instances *found)
{
	CLEANUP_DIR DIR *dir = opendir(root);
	struct instances dead = {.n = 0};
	struct dirent *entry;

	*found = (struct instances){.n = 0};
	while (dir && (entry = readdir(dir)))
		sort_instance(root, entry->d_name, found, &dead);
	if (found->n == 0)
		*found = dead;
}

int ctl_instance_count(const char *root)
{
	struct instances found;

	find_instances(root, &found);
	return found.n;
}

static int find_only_instance(struct ctl_instance *instance, const char *root, char *message)
{
	struct instances found;

	find_instances(root, &found);
	if (found.n == 0)
		return explain_status(message, CTL_EXIT_UNREACHABLE,
				      "no guardfs is running: nothing in %s. Start one (systemctl start "
				      "guardfs@NAME, or guardfs -c FILE); "
				      "if its run_dir is elsewhere, give -c FILE",
				      root);
	if (found.n > 1)
		return explain_status(message, CTL_EXIT_USAGE,
				      "several in %s: say which with -n NAME, one of:%s", root, found.list);
	if (snprintf(instance->run_dir, sizeof(instance->run_dir), "%s/%s", root, found.last) >=
	    (int)sizeof(instance->run_dir))
		return explain_status(message, CTL_EXIT_USAGE, "%s: path too long", root);
	return CTL_EXIT_OK;
}

static int run_dir_of_config(struct ctl_instance *instance, const char *file, char *message)
{
	CLEANUP_FREE struct config *config = calloc(1, sizeof(*config));
	char error[CONFIG_ERROR_MAX] = "";
	errint_t err = config ? config_load(file, config, error) : -ENOMEM;

	if (err)
		return explain_status(
		    message, err == -ENOENT || err == -EACCES ? CTL_EXIT_UNREACHABLE : CTL_EXIT_USAGE, "%s%s",
		    error[0] ? error : strerror(-err),
		    err == -EACCES ? ". Use -n NAME, which needs no access to the configuration" : "");
	(void)copy_string(instance->run_dir, sizeof(instance->run_dir), config->run_dir);
	return CTL_EXIT_OK;
}

/* Its name, without a look at what is mounted there, which may hang. */
static errint_t absolute_mountpoint(const char *typed, char *path, size_t size)
{
	char above[PATH_MAX], real[PATH_MAX], copy[CONFIG_PATH_MAX];
	const char *name;
	char *slash;
	size_t n;

	if (copy_string(copy, sizeof(copy), typed) < 0)
		return -ENAMETOOLONG;
	for (n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	slash = strrchr(copy, '/');
	name = slash ? slash + 1 : copy;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || !*name)
		return -EINVAL;
	if (slash)
		snprintf(above, sizeof(above), "%.*s/", (int)(slash - copy), copy);
	else
		snprintf(above, sizeof(above), ".");
	if (!realpath(above, real))
		return -errno;
	return snprintf(path, size, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name) < (int)size
		   ? 0
		   : -ENAMETOOLONG;
}

void ctl_instance_each(const char *root, void (*found)(const char *name, const json_t *status, void *arg),
		       void *arg)
{
	CLEANUP_DIR DIR *dir = opendir(root);
	char path[CONFIG_PATH_MAX + 300];
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		json_t *status = NULL;

		if (valid_name(entry->d_name) &&
		    snprintf(path, sizeof(path), "%s/%s/status.json", root, entry->d_name) <
			(int)sizeof(path) &&
		    load_json(path, &status) == 0)
			found(entry->d_name, status, arg);
		json_decref(status);
	}
}

struct mounted_search {
	struct ctl_instance *instance;
	const char *root, *mountpoint;
	bool found;
};

static void compare_mountpoint(const char *name, const json_t *status, void *arg)
{
	struct mounted_search *s = arg;

	if (!s->found && strcmp(ctl_text(status, "mountpoint"), s->mountpoint) == 0)
		s->found = snprintf(s->instance->run_dir, sizeof(s->instance->run_dir), "%s/%s", s->root,
				    name) < (int)sizeof(s->instance->run_dir);
}

/* True: in instance->run_dir. */
static bool find_mounted_in(struct ctl_instance *instance, const char *root, const char *mountpoint)
{
	struct mounted_search search = {instance, root, mountpoint, false};

	ctl_instance_each(root, compare_mountpoint, &search);
	return search.found;
}

void ctl_instance_own_root(char run[CONFIG_PATH_MAX])
{
	char state[CONFIG_PATH_MAX], ignored[CONFIG_ERROR_MAX];

	if (geteuid() == 0 || drop_in_roots(run, state, ignored) < 0)
		run[0] = '\0';
}

static int find_mounted(struct ctl_instance *instance, const char *typed, const char *root, char *message)
{
	char mountpoint[CONFIG_PATH_MAX], own[CONFIG_PATH_MAX];
	errint_t rc = absolute_mountpoint(typed, mountpoint, sizeof(mountpoint));

	if (rc < 0)
		return explain_status(message, CTL_EXIT_USAGE,
				      "-m %s: %s; expected the name of the directory where it is mounted",
				      typed, strerror(-rc));
	ctl_instance_own_root(own);
	if ((own[0] && find_mounted_in(instance, own, mountpoint)) ||
	    find_mounted_in(instance, root, mountpoint))
		return CTL_EXIT_OK;
	return explain_status(message, CTL_EXIT_UNREACHABLE,
			      "no guardfs says that it is mounted at %s: nothing of that in %s%s%s. Another "
			      "user's is known to that user",
			      mountpoint, root, own[0] ? " and " : "", own);
}

static int find_run_dir(struct ctl_instance *instance, const struct ctl_options *options, const char *root,
			char *message)
{
	char own[CONFIG_PATH_MAX];

	if (!!options->name + !!options->config + !!options->mountpoint > 1)
		return explain_status(message, CTL_EXIT_USAGE, "give one of -n NAME, -c FILE and -m DIR");
	if (options->config)
		return run_dir_of_config(instance, options->config, message);
	if (options->mountpoint)
		return find_mounted(instance, options->mountpoint, root, message);
	ctl_instance_own_root(own);
	if (!options->name)
		return find_only_instance(instance, own[0] && ctl_instance_count(own) > 0 ? own : root,
					  message);
	if (!valid_name(options->name))
		return explain_status(
		    message, CTL_EXIT_USAGE,
		    "-n: \"%s\" is not a name: letters, digits, _ . - and fewer than %d of them",
		    options->name, CONFIG_NAME_MAX);
	if (snprintf(instance->run_dir, sizeof(instance->run_dir), "%s/%s", root, options->name) >=
	    (int)sizeof(instance->run_dir))
		return explain_status(message, CTL_EXIT_USAGE, "%s: path too long", root);
	return CTL_EXIT_OK;
}

static int explain_unreadable(const char *path, errint_t err, char *message)
{
	if (err == -ENOENT)
		return explain_status(message, CTL_EXIT_UNREACHABLE,
				      "guardfs is not running: there is no %s. Start it (systemctl start "
				      "guardfs@NAME, or guardfs -c FILE)",
				      path);
	if (err == -EINVAL)
		return explain_status(message, CTL_EXIT_UNREACHABLE,
				      "%s is not a status of guardfs. Look at what wrote it", path);
	return explain_status(message, CTL_EXIT_UNREACHABLE, "cannot read %s: %s", path, strerror(-err));
}

static int check_status(const struct ctl_instance *instance, const char *path, char *message)
{
	const json_t *status = instance->status;

	if (ctl_number(status, "schema") != 1)
		return explain_status(
		    message, CTL_EXIT_UNREACHABLE,
		    "%s has schema %lld, this guardctl knows 1. Use the guardctl of the same installation",
		    path, (long long)ctl_number(status, "schema"));
	/* Both: a container may hide the process, and the file is old while keeper is replaced. */
	if (ctl_instance_stale(instance) && !guardian_lives(status))
		return explain_status(
		    message, CTL_EXIT_UNREACHABLE,
		    "guardfs is not running: %s is %lld s old and its guardian (pid %lld) is gone. Start it "
		    "(systemctl start guardfs@NAME, or guardfs -c FILE)",
		    path, (long long)instance->age,
		    (long long)ctl_number(json_object_get(status, "processes"), "guardian"));
	return CTL_EXIT_OK;
}

static int load_status(struct ctl_instance *instance, char *message)
{
	char path[CONFIG_PATH_MAX + 16];
	errint_t err;

	snprintf(path, sizeof(path), "%s/status.json", instance->run_dir);
	err = load_json(path, &instance->status);
	if (err)
		return explain_unreadable(path, err, message);
	instance->now = (int64_t)(clock_real_ns() / NSEC_PER_SEC);
	instance->age = MAX(instance->now - ctl_number(instance->status, "time"), 0);
	return check_status(instance, path, message);
}

int ctl_instance_open(struct ctl_instance *instance, const struct ctl_options *options, const char *root,
		      char *message)
{
	int status;

	memset(instance, 0, sizeof(*instance));
	message[0] = '\0';
	status = find_run_dir(instance, options, root, message);
	return status ? status : load_status(instance, message);
}

void ctl_instance_release(struct ctl_instance *instance)
{
	json_decref(instance->status);
	instance->status = NULL;
}

int ctl_instance_reload(struct ctl_instance *instance, char *message)
{
	struct ctl_instance newer = {.age = 0};
	int status;

	message[0] = '\0';
	memcpy(newer.run_dir, instance->run_dir, sizeof(newer.run_dir));
	status = load_status(&newer, message);
	if (json_is_object(newer.status) && ctl_number(newer.status, "schema") == 1) {
		ctl_instance_release(instance);
		*instance = newer;
	} else {
		ctl_instance_release(&newer);
	}
	return status;
}

bool ctl_instance_stale(const struct ctl_instance *instance)
{
	return instance->age > CTL_STALE_S;
}

void ctl_warn_if_stale(const struct ctl_instance *instance)
{
	if (ctl_instance_stale(instance))
		ctl_fail(
		    0, "warning: this is %lld s old: keeper does not renew it. See journalctl -u 'guardfs@*'",
		    (long long)instance->age);
}

int ctl_on_instance(const struct ctl_options *options,
		    int (*run)(const struct ctl_instance *instance, const struct ctl_options *options))
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX];
	int status = ctl_instance_open(&instance, options, ctl_run_root, message);

	if (status)
		ctl_fail(status, "%s", message);
	else
		status = run(&instance, options);
	ctl_instance_release(&instance);
	return status;
}
