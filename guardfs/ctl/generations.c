/* generations.c: guardctl generations: the last versions of a state file. Read from the local disk; only --restore writes through
 * the mount. */
#include "generations/generations.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "ctl/ctl.h"
#include "ctl/show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Where the versions lie, and the file. */
struct versions {
	char state_dir[CONFIG_PATH_MAX];
	char mountpoint[CONFIG_PATH_MAX];
	/* Absolute; and relative to the mount. */
	char absolute[CTL_ABSOLUTE_MAX];
	const char *path;
	struct generation list[GENERATIONS_MAX];
	size_t n;
};

/* Of the configuration that is named, or that of the guardfs that runs. */
static int find_configuration(const struct ctl_options *o, struct versions *v)
{
	CLEANUP_FREE struct config *config = calloc(1, sizeof(*config));
	char message[CTL_MESSAGE_MAX], file[CONFIG_PATH_MAX] = "";
	struct ctl_instance instance;
	int status = CTL_EXIT_OK;

	if (!config)
		return ctl_fail(CTL_EXIT_REFUSED, "out of memory");
	if (o->config) {
		(void)copy_string(file, sizeof(file), o->config);
	} else {
		status = ctl_instance_open(&instance, o, ctl_run_root, message);
		if (status == CTL_EXIT_OK)
			(void)copy_string(file, sizeof(file), ctl_text(instance.status, "config"));
		ctl_instance_release(&instance);
	}
	if (status)
		return ctl_fail(status, "%s", message);
	if (config_load(file, config, message) < 0)
		return ctl_fail(CTL_EXIT_REFUSED, "%s", message);
	(void)copy_string(v->state_dir, sizeof(v->state_dir), config->state_dir);
	(void)copy_string(v->mountpoint, sizeof(v->mountpoint), config->mountpoint);
	return CTL_EXIT_OK;
}

static int find_versions(const struct ctl_options *o, const char *name, struct versions *v)
{
	int status = find_configuration(o, v);
	size_t n = strlen(v->mountpoint);
	errint_t rc;

	if (status)
		return status;
	if (ctl_path_absolute(v->mountpoint, name, v->absolute, sizeof(v->absolute)) ||
	    strncmp(v->absolute, v->mountpoint, n) != 0 || v->absolute[n] != '/')
		return ctl_fail(CTL_EXIT_USAGE, "%s is not below %s", name, v->mountpoint);
	v->path = v->absolute + n + 1;
	rc = generations_list(v->state_dir, v->path, v->list, &v->n);
	if (rc < 0 && rc != -ENOENT)
		return ctl_fail(CTL_EXIT_REFUSED, "cannot read %s/generations: %s", v->state_dir,
				strerror(-rc));
	return CTL_EXIT_OK;
}

/* ---- listing ---- */

static int print_list(const struct versions *v)
{
	for (size_t i = 0; i < v->n; i++) {
		printf("%3zu  ", i + 1);
		show_time(stdout, (double)v->list[i].real_ns / (double)NSEC_PER_SEC);
		printf("  %llu\n", (unsigned long long)v->list[i].size);
	}
	if (!v->n)
		puts("no version of it is kept");
	return v->n ? CTL_EXIT_OK : CTL_EXIT_REFUSED;
}

static int print_list_json(const struct versions *v)
{
	json_t *list = json_array(), *answer;
	int status;

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "number", (json_int_t)(i + 1),
						      "published_ns", (json_int_t)v->list[i].real_ns, "size",
						      (json_int_t)v->list[i].size));
	answer = json_pack("{s:o, s:o}", "path", ctl_json_string(v->path), "generations", list);
	status = ctl_print_json(answer);
	json_decref(answer);
	return status == CTL_EXIT_OK && !v->n ? CTL_EXIT_REFUSED : status;
}

/* ---- one version ---- */

/* malloc'ed; NULL after having said why. */
static char *load_version(const struct versions *v, const char *text, size_t *size)
{
	uint64_t number;
	struct stat st;
	char *data;

	if (ctl_parse_number(text, GENERATIONS_MAX, &number) || number > v->n) {
		ctl_fail(0, "there is no version %s: %zu are kept", text, v->n);
		return NULL;
	}
	CLEANUP_FD int fd = generations_open(v->state_dir, v->path, v->list[number - 1].real_ns);

	if (fd < 0 || fstat(fd, &st) < 0) {
		ctl_fail(0, "cannot read version %s: %s", text, strerror(fd < 0 ? -fd : errno));
		return NULL;
	}
	*size = (size_t)st.st_size;
	data = malloc(*size + 1);
	if (!data || read(fd, data, *size) != (ssize_t)*size) {
		ctl_fail(0, "cannot read version %s", text);
		free(data);
		return NULL;
	}
	return data;
}

static int show_version(const struct versions *v, const char *number)
{
	size_t size;
	CLEANUP_FREE char *data = load_version(v, number, &size);

	return data && fwrite(data, 1, size, stdout) == size ? CTL_EXIT_OK : CTL_EXIT_REFUSED;
}

/* As any program would rewrite it: what is there is replaced as a whole, or stays. */
static int restore_version(const struct versions *v, const char *number)
{
	size_t size;
	CLEANUP_FREE char *data = load_version(v, number, &size);
	int fd = data ? open(v->absolute, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640) : -1;
	errint_t rc = fd < 0 ? -errno : fd_write_all(fd, data, size);

	if (!data)
		return CTL_EXIT_REFUSED;
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc < 0)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: not restored: %s", v->absolute, strerror(-rc));
	printf("%s: version %s, %zu bytes\n", v->path, number, size);
	return CTL_EXIT_OK;
}

int ctl_cmd_generations(const struct ctl_options *options, int argc, char **argv)
{
	CLEANUP_FREE struct versions *v = calloc(1, sizeof(*v));
	int status;

	(void)argc;
	if (!v)
		return ctl_fail(CTL_EXIT_REFUSED, "out of memory");
	if ((options->show || options->restore) && (options->json || (options->show && options->restore)))
		return ctl_fail(CTL_EXIT_USAGE, "--show, --restore or --json, one of them");
	status = find_versions(options, argv[0], v);
	if (status)
		return status;
	if (options->show)
		return show_version(v, options->show);
	if (options->restore)
		return restore_version(v, options->restore);
	return options->json ? print_list_json(v) : print_list(v);
}
