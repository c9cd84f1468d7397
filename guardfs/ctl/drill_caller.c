/* A child that touches the backend and notes its waits. */
#include "base/clock.h"
#include "base/fd.h"
#include "ctl/drill.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_MS 50
#define REAP_MS	  1000

static void sleep_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * (long)NSEC_PER_MSEC};

	nanosleep(&t, NULL);
}

static void note_wait(struct caller_seen *seen, uint64_t ns)
{
	if (ns > atomic_load(&seen->longest_ns))
		atomic_store(&seen->longest_ns, ns);
}

static void note_error(struct caller_seen *seen, int err, uint64_t now_ns)
{
	if (atomic_fetch_add(&seen->errors, 1) == 0) {
		atomic_store(&seen->first_errno, err);
		atomic_store(&seen->first_error_ns, now_ns);
	}
	atomic_store(&seen->last_error_ns, now_ns);
}

/* A new name each time: caches know old ones, and the root's attributes. "No such file" is a good answer. 0
 * or an errno. */
static int look_up_fresh_name(const char *path, uint64_t number)
{
	char fresh[PATH_MAX];
	struct stat st;

	snprintf(fresh, sizeof(fresh), "%s/.drill-%d-%" PRIu64, path, (int)getpid(), number);
	return lstat(fresh, &st) == 0 || errno == ENOENT ? 0 : errno;
}

/* 0 or an errno. */
static int write_a_line(const char *file)
{
	static const char line[] = "guardctl drill\n";
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	errint_t err = fd < 0 ? -errno : fd_write_all(fd, line, strlen(line));

	if (fd >= 0 && close(fd) < 0 && err == 0)
		err = -errno;
	return -err;
}

static void call_once(const struct caller *caller, const char *path, uint64_t number)
{
	struct caller_seen *seen = caller->seen;
	uint64_t start_ns = clock_mono_ns(), end_ns;
	int err;

	atomic_store(&seen->inside_since_ns, start_ns);
	err = caller->file[0] ? write_a_line(caller->file) : look_up_fresh_name(path, number);
	end_ns = clock_mono_ns();
	atomic_store(&seen->inside_since_ns, 0);
	atomic_fetch_add(&seen->calls, 1);
	note_wait(seen, end_ns - start_ns);
	if (err)
		note_error(seen, err, end_ns);
}

static _Noreturn void call_for_ever(const struct caller *caller, const char *path, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (uint64_t n = 0; getppid() == parent; n++) { /* it may have died before the prctl */
		call_once(caller, path, n);
		sleep_ms(PERIOD_MS);
	}
	_exit(0);
}

errint_t caller_start(struct caller *caller, const char *path, bool writes)
{
	pid_t parent = getpid();

	*caller = (struct caller){.pid = -1};
	if (writes && snprintf(caller->file, sizeof(caller->file), "%s/.drill-%d", path, (int)parent) >=
			  (int)sizeof(caller->file))
		return -ENAMETOOLONG;
	caller->seen =
	    mmap(NULL, sizeof(*caller->seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (caller->seen == MAP_FAILED) {
		caller->seen = NULL;
		return -errno;
	}
	fflush(NULL);
	caller->pid = fork();
	if (caller->pid == 0)
		call_for_ever(caller, path, parent);
	if (caller->pid < 0) {
		errint_t err = -errno;

		caller_release(caller);
		return err;
	}
	return 0;
}

void caller_stop(struct caller *caller)
{
	uint64_t since_ns, now_ns = clock_mono_ns();

	if (caller->pid <= 0)
		return;
	since_ns = atomic_load(&caller->seen->inside_since_ns);
	if (since_ns && since_ns < now_ns)
		note_wait(caller->seen, now_ns - since_ns);
	kill(caller->pid, SIGKILL);
	for (unsigned ms = 0; ms < REAP_MS && waitpid(caller->pid, NULL, WNOHANG) == 0; ms += 10)
		sleep_ms(10);
	caller->pid = -1;
	if (caller->file[0])
		unlink(caller->file);
}

void caller_release(struct caller *caller)
{
	if (caller->seen)
		munmap(caller->seen, sizeof(*caller->seen));
	caller->seen = NULL;
}
