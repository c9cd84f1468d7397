/* features.c: what the installed sshfs offers, asked of itself rather than guessed from a version:
 * distributions patch. */
#include "sshfs-compat/sshfs-compat.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#define HELP_MAX 32768

void sshfs_features_parse(const char *help, struct sshfs_features *features)
{
	features->contain_symlinks = strstr(help, "-o contain_symlinks") != NULL;
}

/* In the child: help goes to stdout or stderr, depending on the version. */
static void exec_help(const char *command, int out)
{
	char *const argv[] = {(char *)(uintptr_t)command, (char *)(uintptr_t) "--help", NULL};

	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(command, argv);
	_exit(127);
}

static void read_help(int fd, char *help, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used + 1 < size) {
		n = read(fd, help + used, size - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	help[used] = '\0';
}

void sshfs_features_detect(const char *command, struct sshfs_features *features)
{
	CLEANUP_FREE char *help = malloc(HELP_MAX);
	int fds[2];
	pid_t pid;

	*features = (struct sshfs_features){0};
	if (!help || pipe2(fds, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0)
		exec_help(command, fds[1]);
	close(fds[1]);
	if (pid > 0) {
		read_help(fds[0], help, HELP_MAX);
		sshfs_features_parse(help, features);
	}
	close(fds[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
