/* guardctl sync [PATH] */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sync-ioctl.h"
#include "base/utf8.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define WAITED_NS (500 * NSEC_PER_MSEC)

struct progress {
	unsigned synced, failed;
	/* Backends that failed to sync a file in time: their other files would wait as long. */
	char silent[CONFIG_BACKENDS_MAX][sizeof(((struct sync_open_file *)0)->tier)];
	unsigned n_silent;
};

static bool is_silent(const struct progress *p, const char *tier)
{
	for (unsigned i = 0; i < p->n_silent; i++)
		if (strcmp(p->silent[i], tier) == 0)
			return true;
	return false;
}

static void tell_failed(const struct sync_open_file *file, const char *why)
{
	fputs("  not synced: ", stdout);
	utf8_print_escaped(stdout, file->path[0] ? file->path : "?", sizeof(file->path));
	fputs(strcmp(file->tier, "local") == 0 ? " (a file in it, " : " (", stdout);
	utf8_print_escaped(stdout, file->tier, sizeof(file->tier));
	printf("): %s\n", why);
}

/* Files closed meanwhile need none. */
static void sync_file(int fd, const struct sync_open_file *file, struct progress *p)
{
	uint64_t fh = file->fh, begun_ns = clock_mono_ns();

	if (is_silent(p, file->tier)) {
		tell_failed(file, "not tried, for the one before had no answer");
		p->failed++;
	} else if (ioctl(fd, SYNC_IOCTL_FILE, &fh) == 0) {
		p->synced++;
	} else if (errno != EBADF) {
		tell_failed(file, strerror(errno));
		p->failed++;
		if (clock_mono_ns() - begun_ns >= WAITED_NS && p->n_silent < CONFIG_BACKENDS_MAX)
			memcpy(p->silent[p->n_silent++], file->tier, sizeof(file->tier));
	}
}

/* 0 or a positive errno: no list. */
static int sync_files(int fd, struct progress *p)
{
	struct sync_open_file file = {.cursor = 0};

	for (;;) {
		if (ioctl(fd, SYNC_IOCTL_NEXT, &file) < 0)
			return errno;
		file.tier[sizeof(file.tier) - 1] = file.path[sizeof(file.path) - 1] = '\0';
		if (!file.fh)
			return 0;
		sync_file(fd, &file, p);
	}
}

static int explain_error(const char *path, int error)
{
	switch (error) {
	case ENOTTY:
		return ctl_fail(
		    CTL_EXIT_USAGE,
		    "%s is not in a mount of guardfs, or of a version that cannot sync. For other "
		    "file systems there is sync -f",
		    path);
	case EPERM:
		return ctl_fail(CTL_EXIT_REFUSED, "sync is root's");
	default:
		return ctl_fail(CTL_EXIT_REFUSED, "%s: %s. See guardctl status", path, strerror(error));
	}
}

static void tell_local(uint32_t done, int error, uint64_t took_ns)
{
	if (error)
		printf("local tier: NOT synced: %s\n", strerror(error));
	else if (done)
		printf("local tier: synced (%.1f s)\n", (double)took_ns / NSEC_PER_SEC);
}

static int sync_below(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	uint64_t begun_ns = clock_mono_ns();
	struct progress p = {.n_silent = 0};
	uint32_t done = 0;
	int error = 0, failed;

	if (fd < 0)
		return explain_error(path, errno);
	/* Shared mappings' changes go to guardfs; for FUSE the kernel does not await their end. */
	if (syncfs(fd) < 0 || ioctl(fd, SYNC_IOCTL_LOCAL, &done) < 0)
		error = errno;
	if (error == ENOTTY || error == EPERM)
		return explain_error(path, error);
	tell_local(done, error, clock_mono_ns() - begun_ns);
	failed = sync_files(fd, &p);
	printf("open files: %u synced, %u not\n", p.synced, p.failed);
	if (failed)
		return explain_error(path, failed);
	return error || p.failed ? CTL_EXIT_REFUSED : CTL_EXIT_OK;
}

static int sync_mount(const struct ctl_instance *instance, const struct ctl_options *options)
{
	(void)options;
	return sync_below(ctl_text(instance->status, "mountpoint"));
}

int ctl_cmd_sync(const struct ctl_options *options, int argc, char **argv)
{
	return argc ? sync_below(argv[0]) : ctl_on_instance(options, sync_mount);
}
