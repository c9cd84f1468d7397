/* What is left after privileges_drop: each role in a child of its own, as there is no way back. */
#include "base/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEVER_A_CALL 100000
#define NO_FD	     (-1)

/* Runs check in a child that has given up what whose gives up. The child says on stderr what was wrong. */
static void after_drop(enum privileges whose, int (*check)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		privileges_drop(whose);
		_exit(check());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		fail_msg("killed by signal %d", WTERMSIG(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int wrong;

/* rc: what a system call has returned; error: the errno it should have failed with, 0: none. */
static void expect(const char *what, long rc, int error)
{
	int found = rc < 0 ? errno : 0;

	if (found == error)
		return;
	fprintf(stderr, "%s: errno %d instead of %d\n", what, found, error);
	wrong = 1;
}

/* With arguments that are wrong anyway: to root, only a filter says EPERM. */
static void machine_is_out_of_reach(int error)
{
	expect("finit_module", syscall(SYS_finit_module, NO_FD, "", 0), error);
	expect("delete_module", syscall(SYS_delete_module, "no-such-module", 0), error);
	expect("bpf", syscall(SYS_bpf, -1, NULL, 0), error);
	expect("swapoff", syscall(SYS_swapoff, NULL), error);
}

/* One of root's, with root's user. */
static void others_live_on(void)
{
	struct rlimit limit = {0, 0};
	int pair[2] = {NO_FD, NO_FD};

	expect("getrlimit", getrlimit(RLIMIT_NOFILE, &limit), 0);
	expect("setrlimit", setrlimit(RLIMIT_NOFILE, &limit), 0);
	expect("prlimit of another", prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit), EPERM);
	expect("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), EPERM);
}

static void *run_thread(void *arg)
{
	*(int *)arg = syscall(SYS_execve, "/bin/true", NULL, NULL) < 0 ? errno : 0;
	return NULL;
}

/* What worker lives on. */
static void works_as_ever(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC), error = 0;
	char path[] = "/tmp/guardfs-test-XXXXXX";
	pthread_t thread;

	expect("memfd_create", fd, 0);
	expect("ftruncate", ftruncate(fd, 4096), 0);
	expect("mmap", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, 0);
	expect("unshare(CLONE_FS)", unshare(CLONE_FS), 0);
	expect("raise", raise(SIGCHLD), 0);
	expect("mkdtemp", mkdtemp(path) ? 0 : -1, 0);
	expect("chmod", chmod(path, 02700), 0);
	expect("rmdir", rmdir(path), 0);
	expect("pthread_create", pthread_create(&thread, NULL, run_thread, &error) == 0 ? 0 : -1, 0);
	pthread_join(thread, NULL);
	errno = error;
	expect("execve in a thread made later", -1, EPERM);
}

/* Nor does another process's. */
static void no_thread_gets_ahead(void)
{
	const struct sched_param ahead = {.sched_priority = 1}, plain = {0};
	uint32_t attributes[14] = {sizeof(attributes)};

	expect("SCHED_FIFO", sched_setscheduler(0, SCHED_FIFO, &ahead), EPERM);
	expect("SCHED_FIFO | SCHED_RESET_ON_FORK",
	       sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &ahead), EPERM);
	expect("sched_setparam", sched_setparam(0, &plain), EPERM);
	expect("sched_setattr", syscall(SYS_sched_setattr, 0, attributes, 0), EPERM);
	expect("setpriority", setpriority(PRIO_PROCESS, 0, -1), EPERM);
	expect("ioprio_set", syscall(SYS_ioprio_set, 1, 0, 2 << 13), EPERM);
	expect("migrate_pages", syscall(SYS_migrate_pages, 0, 0, NULL, NULL), EPERM);
	expect("move_pages", syscall(SYS_move_pages, 0, 0, NULL, NULL, NULL, 0), EPERM);
}

static int check_worker(void)
{
	char *const none[] = {NULL};

	machine_is_out_of_reach(EPERM);
	expect("execve", execve("/bin/true", none, none), EPERM);
	expect("execveat", syscall(SYS_execveat, AT_FDCWD, "/bin/true", none, none, 0), EPERM);
	expect("socket AF_INET", socket(AF_INET, SOCK_STREAM, 0), EPERM);
	expect("socket AF_UNIX", socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
	others_live_on();
	expect("connect", connect(NO_FD, NULL, 0), EPERM);
	expect("mount", syscall(SYS_mount, NULL, "/none", NULL, 0, NULL), EPERM);
	expect("umount2", syscall(SYS_umount2, "/none", 0), EPERM);
	expect("setns", setns(NO_FD, 0), EPERM);
	expect("unshare(CLONE_NEWUSER)", unshare(CLONE_NEWUSER), EPERM);
	expect("unshare(CLONE_FS | CLONE_NEWNS)", unshare(CLONE_FS | CLONE_NEWNS), EPERM);
	expect("unshare with the uppermost flag", syscall(SYS_unshare, 0x80000000ul), EPERM);
	expect("kill", kill(getpid(), 0), EPERM);
	expect("ptrace", syscall(SYS_ptrace, 0, 0, 0, 0), EPERM);
	expect("pidfd_open", syscall(SYS_pidfd_open, getpid(), 0), EPERM);
	expect("io_uring_setup", syscall(SYS_io_uring_setup, 0, NULL), EPERM);
	expect("keyctl", syscall(SYS_keyctl, -1), EPERM);
	expect("a call that is newer than all", syscall(NEVER_A_CALL), ENOSYS);
	no_thread_gets_ahead();
	works_as_ever();
	return wrong;
}

/* What a transport lives on, and what it has not any more. */
static int check_transport(void)
{
	char *const none[] = {NULL};
	struct timespec now;
	int fds[2] = {NO_FD, NO_FD};

	expect("write", write(STDERR_FILENO, "", 0), 0);
	expect("clock_gettime", syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now), 0);
	expect("mmap", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0,
	       0);
	expect("open", open("/dev/null", O_RDONLY), EPERM);
	expect("openat", openat(AT_FDCWD, "/", O_RDONLY), EPERM);
	expect("execve", execve("/bin/true", none, none), EPERM);
	expect("socket", socket(AF_INET, SOCK_STREAM, 0), EPERM);
	expect("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, fds), EPERM);
	expect("fork", syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL), EPERM);
	expect("kill", kill(getpid(), 0), EPERM);
	expect("memfd_create", memfd_create("test", 0), EPERM);
	expect("tgkill of oneself", (int)syscall(SYS_tgkill, getpid(), getpid(), 0), 0);
	expect("tgkill of another", (int)syscall(SYS_tgkill, getpid() + 1, getpid() + 1, 0), EPERM);
	expect("fcntl F_GETFL", fcntl(STDERR_FILENO, F_GETFL) < 0 ? -1 : 0, 0);
	expect("fcntl F_SETOWN", fcntl(STDERR_FILENO, F_SETOWN, getpid()), EPERM);
	expect("ioctl FIOSETOWN", ioctl(STDERR_FILENO, FIOSETOWN, &now), EPERM);
	expect("setuid", setuid(0), EPERM);
	expect("the user", getuid() == 0 || geteuid() == 0 ? -1 : 0, 0);
	return wrong;
}

/* The login of a transport: it reads and connects. Then it becomes nobody. */
static int check_login(void)
{
	char *const none[] = {NULL};
	int fd = open("/etc/passwd", O_RDONLY);

	machine_is_out_of_reach(EPERM);
	expect("open", fd, 0);
	expect("open for writing", open("/etc/passwd", O_RDWR), EPERM);
	expect("openat with O_CREAT", openat(AT_FDCWD, "/tmp/none", O_RDONLY | O_CREAT, 0600), EPERM);
	expect("unlink", unlink("/none"), EPERM);
	expect("rename", rename("/none", "/nothing"), EPERM);
	expect("chmod", chmod("/none", 0600), EPERM);
	expect("symlink", symlink("/none", "/none/none"), EPERM);
	expect("execve", execve("/bin/true", none, none), EPERM);
	expect("kill", kill(getpid(), 0), EPERM);
	expect("ptrace", syscall(SYS_ptrace, 0, 0, 0, 0), EPERM);
	expect("mount", syscall(SYS_mount, NULL, "/none", NULL, 0, NULL), EPERM);
	expect("unshare(CLONE_NEWUSER)", unshare(CLONE_NEWUSER), EPERM);
	expect("socket AF_INET", socket(AF_INET, SOCK_STREAM, 0), 0);
	expect("socket AF_UNIX", socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
	others_live_on();
	expect("setpriority of another", setpriority(PRIO_PROCESS, (id_t)getppid(), 19), EPERM);
	expect("sched_setaffinity", sched_setaffinity(getppid(), 0, NULL), EPERM);
	expect("fcntl F_SETOWN", fcntl(fd, F_SETOWN, getpid()), EPERM);
	expect("ioctl FIOSETOWN", ioctl(fd, FIOSETOWN, none), EPERM);
	expect("tgkill of another", (int)syscall(SYS_tgkill, getpid() + 1, getpid() + 1, 0), EPERM);
	privileges_drop(PRIVILEGES_TRANSPORT);
	return check_transport();
}

static int check_keeper(void)
{
	char *const argv[] = {(char[]){"true"}, NULL}, *const none[] = {NULL};
	int status = -1;
	pid_t pid;

	machine_is_out_of_reach(EPERM);
	expect("reboot", syscall(SYS_reboot, 0, 0, 0, NULL), EPERM);
	expect("socket AF_UNIX", socket(AF_UNIX, SOCK_STREAM, 0), 0);
	expect("kill", kill(getpid(), 0), 0);
	expect("pidfd_open", syscall(SYS_pidfd_open, getpid(), 0), 0);
	expect("a call that is newer than all", syscall(NEVER_A_CALL), ENOSYS);
	pid = fork();
	if (pid == 0) {
		execve("/bin/true", argv, none);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	expect("a child that executes something", status == 0 ? 0 : -1, 0);
	return wrong;
}

static uint64_t permitted(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return UINT64_MAX;
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static int check_worker_capabilities(void)
{
	const uint64_t none = UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_SYS_MODULE |
			      UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_SYS_RESOURCE |
			      UINT64_C(1) << CAP_SETPCAP | UINT64_C(1) << CAP_BPF | UINT64_C(1) << CAP_KILL;

	if (permitted() & none) {
		fprintf(stderr, "permitted: %llx\n", (unsigned long long)permitted());
		wrong = 1;
	}
	expect("no new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1, 0);
	if (geteuid() == 0) {
		expect("bounding set", prctl(PR_CAPBSET_READ, CAP_SYS_MODULE, 0, 0, 0) == 0 ? 0 : -1, 0);
		expect("what stays", permitted() & 1u << CAP_DAC_OVERRIDE ? 0 : -1, 0);
	}
	return wrong;
}

static int check_worker_nice(void)
{
	const uint64_t nice = UINT64_C(1) << CAP_SYS_NICE;
	const struct sched_param plain = {0};

	check_worker_capabilities();
	if (!(permitted() & nice))
		return wrong; /* there was none */
	expect("SCHED_IDLE", sched_setscheduler(0, SCHED_IDLE, &plain), 0);
	expect("back", sched_setscheduler(0, SCHED_OTHER, &plain), 0);
	return wrong;
}

/* A program that is executed gets no more than is left, of what there was. */
static int check_ssh(void)
{
	const uint64_t left = UINT64_C(1) << CAP_DAC_OVERRIDE | UINT64_C(1) << CAP_DAC_READ_SEARCH;

	expect("what stays", permitted() & ~left ? -1 : 0, 0);
	expect("no new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -1, 0);
	if (wrong)
		return wrong;
	execl("/bin/grep", "grep", "-q", "^CapEff:.000000000000000[0246]", "/proc/self/status", NULL);
	return 127;
}

/* What cannot be given up is kept, with a word in the log, and the process goes on. */
static int check_twice(void)
{
	privileges_drop(PRIVILEGES_WORKER);
	return check_worker();
}

static void worker(void **state)
{
	(void)state;
	after_drop(PRIVILEGES_WORKER, check_worker);
	after_drop(PRIVILEGES_WORKER, check_worker_capabilities);
	after_drop(PRIVILEGES_WORKER, check_twice);
	after_drop(PRIVILEGES_WORKER_NICE, check_worker);
	after_drop(PRIVILEGES_WORKER_NICE, check_worker_nice);
}

static int check_holder(void)
{
	check_worker();
	if (permitted() != 0) {
		fprintf(stderr, "permitted: %llx\n", (unsigned long long)permitted());
		wrong = 1;
	}
	return wrong;
}

static void holder(void **state)
{
	(void)state;
	after_drop(PRIVILEGES_HOLDER, check_holder);
}

static void transport(void **state)
{
	(void)state;
	after_drop(PRIVILEGES_TRANSPORT, check_transport);
	after_drop(PRIVILEGES_LOGIN, check_login);
	after_drop(PRIVILEGES_SSH, check_ssh);
}

static void keeper(void **state)
{
	(void)state;
	after_drop(PRIVILEGES_KEEPER, check_keeper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(worker),
	    cmocka_unit_test(holder),
	    cmocka_unit_test(transport),
	    cmocka_unit_test(keeper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
