/* hooks-child.c: see hooks-child.h; hooks_check_program of hooks.h. */
#include "keeper/hooks-child.h"
#include "base/fd.h"
#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static errint_t check_file(const char *path, char *why, size_t size)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		int err = errno;

		snprintf(why, size, "%s: %s", path, strerror(err));
		return -err;
	}
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0) {
		snprintf(why, size, "%s is not an executable file", path);
		return -EACCES;
	}
	return 0;
}

errint_t hooks_check_program(const char *path, char *why, size_t size)
{
	char resolved[PATH_MAX];
	struct trust_flaw flaw;
	errint_t rc;

	if (path[0] != '/' || strlen(path) >= PATH_MAX) {
		snprintf(why, size, "%.64s is not an absolute path", path);
		return -EINVAL;
	}
	rc = trust_path(path, geteuid(), 0, resolved, &flaw);
	if (rc < 0)
		trust_describe(&flaw, why, size);
	return rc == 0 ? check_file(resolved, why, size) : rc;
}

static void put_variable(struct hook_environment *e, size_t *n, size_t *used, const char *name,
			 const char *value)
{
	size_t left = sizeof(e->text) - *used;
	int length = snprintf(e->text + *used, left, "%s=%s", name, value);

	if (*n == HOOK_VARS_MAX || length < 0 || (size_t)length >= left) {
		*n = HOOK_VARS_MAX + 1;
		return;
	}
	e->vars[(*n)++] = e->text + *used;
	*used += (size_t)length + 1;
}

errint_t hook_environment(struct hook_environment *e, const struct config *config,
			  const struct hook_event *event)
{
	const char *kind = config_hook_name(event->kind);
	size_t n = 0, used = 0;
	char incident[24];

	snprintf(incident, sizeof(incident), "%llu", (unsigned long long)event->incident);
	const struct {
		const char *name, *value;
	} vars[] = {
	    {"PATH", HOOK_PATH},
	    {"GUARDFS_EVENT", strncmp(kind, "on_", 3) == 0 ? kind + 3 : kind},
	    {"GUARDFS_NAME", config->name},
	    {"GUARDFS_MOUNTPOINT", config->mountpoint},
	    {"GUARDFS_RUN_DIR", config->run_dir},
	    {"GUARDFS_INCIDENT", incident},
	    {"GUARDFS_BACKEND", event->backend},
	    {"GUARDFS_CLASS", event->class},
	    {"GUARDFS_STATE", event->state},
	    {"GUARDFS_ROUTES", event->routes},
	    {"GUARDFS_JOBS", event->jobs},
	};

	for (size_t i = 0; i < ARRAY_SIZE(vars) && n <= HOOK_VARS_MAX; i++)
		put_variable(e, &n, &used, vars[i].name, vars[i].value);
	if (n > HOOK_VARS_MAX)
		return -E2BIG;
	e->vars[n] = NULL;
	return 0;
}

static void refuse_to_run(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
static void refuse_to_run(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)!write(HOOK_FD_REFUSAL, text, strlen(text));
	_exit(127);
}

/* The kernel spares guardfs, not an operator's program. */
static void give_up_oom_protection(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "0", 1);
	close(fd);
}

void hook_child(pid_t keeper, char *const *argv, char *const *environment)
{
	char why[256];

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != keeper)
		_exit(127);
	setpgid(0, 0);
	umask(022);
	give_up_oom_protection();
	/* Fails where guardfs is not root: keeper has no own namespace then. */
	(void)setns(HOOK_FD_NAMESPACE, CLONE_NEWNS);
	if (chdir("/") < 0 || dup2(HOOK_FD_INPUT, 0) < 0 || dup2(HOOK_FD_OUTPUT, 1) < 0 ||
	    dup2(HOOK_FD_OUTPUT, 2) < 0)
		refuse_to_run("cannot be run: %s", strerror(errno));
	close(HOOK_FD_INPUT);
	close(HOOK_FD_OUTPUT);
	close(HOOK_FD_NAMESPACE);
	fcntl(HOOK_FD_REFUSAL, F_SETFD, FD_CLOEXEC);
	if (hooks_check_program(argv[0], why, sizeof(why)) < 0)
		refuse_to_run("refused: %s", why);
	execve(argv[0], argv, environment);
	refuse_to_run("cannot be run: %s", strerror(errno));
}
