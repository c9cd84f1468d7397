/* Asks sshfs for its features: distributions patch, so versions tell little. */
#include "sshfs-compat/sshfs-compat.h"
#include "base/cleanup.h"
#include "sshfs-compat/drop-in.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELP_MAX 32768

void sshfs_features_parse(const char *help, struct sshfs_features *features)
{
	features->contain_symlinks = strstr(help, "-o contain_symlinks") != NULL;
	features->is_guard = strstr(help, DROP_IN_HELP_MARK) != NULL;
}

static void read_answer(int fd, char *help, size_t size)
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

int sshfs_ask(char *const *argv, char *answer, size_t size)
{
	int fds[2], status = -1;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Depends on the version. */
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	answer[0] = '\0';
	if (pid > 0)
		read_answer(fds[0], answer, size);
	close(fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void sshfs_features_detect(const char *command, struct sshfs_features *features)
{
	char *const argv[] = {(char *)(uintptr_t)command, (char *)(uintptr_t) "--help", NULL};
	CLEANUP_FREE char *help = malloc(HELP_MAX);

	*features = (struct sshfs_features){0};
	if (help && sshfs_ask(argv, help, HELP_MAX) >= 0)
		sshfs_features_parse(help, features);
}

void ssh_features_detect(const struct config_backend *backend, struct sshfs_features *features)
{
	static const char *const question[] = {"-o", "ForkAfterAuthentication=no", "-V", NULL};
	char *argv[1 + SSH_WORDS_MAX + ARRAY_SIZE(question)], room[sizeof(backend->ssh_arguments)];
	int n = ssh_split_words(backend->ssh_arguments, room, argv + 1, SSH_WORDS_MAX);
	char answer[1024];

	features->ssh_session_options = false;
	if (n < 0)
		return;
	argv[0] = (char *)(uintptr_t)backend->ssh_command;
	for (size_t i = 0; i < ARRAY_SIZE(question); i++)
		argv[1 + (size_t)n + i] = (char *)(uintptr_t)question[i];
	features->ssh_session_options = sshfs_ask(argv, answer, sizeof(answer)) == 0;
}
