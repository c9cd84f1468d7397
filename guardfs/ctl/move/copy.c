/* rsync and rm as children with the lock: while one lives no other move of the job begins. */
#include "ctl/move/move.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int open_directory(int dir, const char *path)
{
	return fd_open_beneath(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, true);
}

static errint_t make_parents(int root, const char *path)
{
	char part[CONFIG_PATH_MAX];

	if (copy_string(part, sizeof(part), path))
		return -ENAMETOOLONG;
	for (char *slash = part; slash;) {
		CLEANUP_FD int parent = -1;
		char directory[CONFIG_PATH_MAX];
		const char *name;

		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		move_split(part, directory, &name);
		parent = open_directory(root, directory);
		if (parent < 0)
			return parent;
		if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (slash)
			*slash++ = '/';
	}
	return 0;
}

int move_open_below(int root, const char *path, bool make)
{
	int fd = open_directory(root, path);
	errint_t err;

	if (fd != -ENOENT || !make)
		return fd;
	err = make_parents(root, path);
	return err ? err : open_directory(root, path);
}

/* Only the named descriptors cross. Output goes to standard error: standard output is the answer's. */
static void become(char *const *argv, int cwd, int keep, int lock)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0 || fchdir(cwd) < 0 || fcntl(lock, F_SETFD, 0) < 0 ||
	    (keep >= 0 && fcntl(keep, F_SETFD, 0) < 0)) {
		dprintf(STDERR_FILENO, "guardctl: %s cannot be started there: %s\n", argv[0],
			strerror(errno));
		_exit(126);
	}
	execvp(argv[0], argv);
	_exit(127);
}

static int run_tool(char *const *argv, int cwd, int keep, int lock)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become(argv, cwd, keep, lock);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return -ENOENT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Staging loses what the source lost (--delete). Times of directories and links do not matter, and not every
 * backend sets them. */
int move_copy_run(const struct move_copy *copy)
{
	char source[64], limit[48];
	const char *argv[24] = {"rsync", "-rlptgoHSOJ", "--delete", "--numeric-ids", "--one-file-system"};
	size_t n = 5;

	snprintf(source, sizeof(source), "/proc/self/fd/%d/", copy->from);
	if (copy->rate) {
		snprintf(limit, sizeof(limit), "--bwlimit=%lluK",
			 (unsigned long long)MAX(copy->rate >> 10, 1ull));
		argv[n++] = limit;
	}
	if (!copy->owner) {
		argv[n++] = "--no-owner";
		argv[n++] = "--no-group";
		argv[n++] = "--no-perms";
	}
	if (copy->sync_each)
		argv[n++] = "--fsync";
	if (isatty(STDERR_FILENO))
		argv[n++] = "--info=progress2";
	argv[n++] = "--";
	argv[n++] = source;
	argv[n++] = "./";
	/* execvp changes none. */
	return run_tool((char *const *)(uintptr_t)argv, copy->to, copy->from, copy->lock);
}

int move_remove(int dir, const char *name, int lock)
{
	const char *argv[] = {"rm", "-rf", "--one-file-system", "--", name, NULL};

	return run_tool((char *const *)(uintptr_t)argv, dir, -1, lock);
}
