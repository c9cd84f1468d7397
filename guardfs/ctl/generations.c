/* guardctl generations: the last versions of a state file. Only --restore writes through the mount. */
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
#include <sys/vfs.h>
#include <unistd.h>

#define FUSE_SUPER_MAGIC 0x65735546

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

/* malloc'ed; NULL after having said why. st: with the file's owner and mode. */
static char *load_version(const struct versions *v, const char *text, struct stat *st)
{
	uint64_t number;
	size_t size;
	char *data;

	if (ctl_parse_number(text, GENERATIONS_MAX, &number) || number > v->n) {
		ctl_fail(0, "there is no version %s: %zu are kept", text, v->n);
		return NULL;
	}
	CLEANUP_FD int fd = generations_open(v->state_dir, v->path, v->list[number - 1].real_ns);

	if (fd < 0 || fstat(fd, st) < 0) {
		ctl_fail(0, "cannot read version %s: %s", text, strerror(fd < 0 ? -fd : errno));
		return NULL;
	}
	size = (size_t)st->st_size;
	data = malloc(size + 1);
	if (!data || read(fd, data, size) != (ssize_t)size) {
		ctl_fail(0, "cannot read version %s", text);
		free(data);
		return NULL;
	}
	return data;
}

static int show_version(const struct versions *v, const char *number)
{
	struct stat st;
	CLEANUP_FREE char *data = load_version(v, number, &st);

	return data && fwrite(data, 1, (size_t)st.st_size, stdout) == (size_t)st.st_size ? CTL_EXIT_OK
											 : CTL_EXIT_REFUSED;
}

/* -ENOTCONN: no guardfs is mounted there. */
static int open_mount(const char *mountpoint)
{
	int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) == 0 && fs.f_type == FUSE_SUPER_MAGIC)
		return fd;
	close(fd);
	return -ENOTCONN;
}

/* A directory's owner may have put a link or something else there: root writes through none of that. -errno. */
static int open_file(const struct versions *v, const struct stat *version)
{
	const int flags = O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
	CLEANUP_FD int mount = open_mount(v->mountpoint);
	struct stat st;
	int fd;

	if (mount < 0)
		return mount;
	fd = fd_open_beneath(mount, v->path, flags, true);
	if (fd == -ENOENT) {
		fd = fd_open_beneath(mount, v->path, flags | O_CREAT | O_EXCL, true);
		if (fd >= 0 && (fchown(fd, version->st_uid, version->st_gid) < 0 ||
				fchmod(fd, version->st_mode & 0777) < 0)) {
			close(fd);
			return -errno;
		}
	}
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return -ENOTSUP;
	}
	return fd;
}

/* As any program would: what is there is replaced as a whole, or stays, where it is a state file on a guarded tier. */
static errint_t rewrite(int fd, const char *data, size_t size)
{
	errint_t rc = ftruncate(fd, 0) < 0 ? -errno : 0;

	if (rc == 0)
		rc = fd_write_all(fd, data, size);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	return rc;
}

static int restore_version(const struct versions *v, const char *number)
{
	struct stat st;
	CLEANUP_FREE char *data = load_version(v, number, &st);
	int fd = data ? open_file(v, &st) : -1;
	errint_t rc = fd < 0 ? fd : rewrite(fd, data, (size_t)st.st_size);

	if (!data)
		return CTL_EXIT_REFUSED;
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc < 0)
		return ctl_fail(CTL_EXIT_REFUSED, "%s: not restored: %s", v->absolute,
				rc == -ELOOP || rc == -EXDEV
				    ? "a symbolic link or another mount is on its way"
				: rc == -ENOTSUP  ? "it is no regular file"
				: rc == -ENOTCONN ? "no guardfs is mounted there"
						  : strerror(-rc));
	printf("%s: version %s, %zu bytes\n", v->path, number, (size_t)st.st_size);
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
