/* guardctl smoke: reads like a reader of archives, names the layer at fault. A child reads, but no route that
 * the tier map calls down, and is left when time is over. */
#include "ctl/smoke.h"
#include "base/clock.h"
#include "ctl/show.h"
#include "policy/health.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SMOKE_MS 20000u /* above default deadlines */

static void put_line(const char *verdict, const char *what, const char *tier, const char *layer)
{
	printf("%-5s", verdict);
	show_cell(stdout, what, 48);
	show_cell(stdout, tier, 12);
	show_cell(stdout, layer, 8);
}

static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* False: time is over. Leaves a child that cannot be killed. */
static bool run_child(struct smoke_seen *seen, const char *dir)
{
	struct pollfd p = {.events = POLLIN};
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		smoke_directory(seen, dir);
		atomic_store(&seen->finished, 1);
		_exit(0);
	}
	if (pid < 0)
		return false;
	p.fd = pidfd_of(pid);
	(void)poll(&p, 1, SMOKE_MS);
	if (!atomic_load(&seen->finished))
		kill(pid, SIGKILL);
	if (p.fd >= 0)
		close(p.fd);
	(void)waitpid(pid, NULL, atomic_load(&seen->finished) ? 0 : WNOHANG);
	return atomic_load(&seen->finished);
}

static bool put_result(const struct smoke_seen *seen, const char *what, const char *tier, bool ended,
		       uint64_t ms)
{
	enum smoke_step step = (enum smoke_step)atomic_load(&seen->step);
	bool good = ended && (step == SMOKE_DONE || step == SMOKE_NONE);
	int error = atomic_load(&seen->error);

	put_line(!good		      ? "FAIL"
		 : step == SMOKE_NONE ? "none"
				      : "ok",
		 what, tier, step == SMOKE_DONE || step == SMOKE_NONE ? "-" : smoke_step_name(step));
	if (!ended)
		printf("no answer within %u s: ", SMOKE_MS / 1000);
	else if (error)
		printf("%s: ", strerror(error));
	show_plain(stdout, seen->detail);
	if (step != SMOKE_NONE) {
		fputs(seen->detail[0] ? ", " : "", stdout);
		show_plain(stdout, seen->path);
	}
	if (step == SMOKE_DONE)
		printf(", %llu ms", (unsigned long long)ms);
	fputc('\n', stdout);
	return good;
}

static bool read_through_mount(const char *dir, const char *what, const char *tier)
{
	uint64_t start_ns = clock_mono_ns();
	struct smoke_seen *seen =
	    mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool ended, good;

	if (seen == MAP_FAILED)
		return ctl_fail(CTL_EXIT_REFUSED, "short of memory") == CTL_EXIT_OK;
	ended = run_child(seen, dir);
	good = put_result(seen, what, tier, ended, (clock_mono_ns() - start_ns) / NSEC_PER_MSEC);
	munmap(seen, sizeof(*seen));
	return good;
}

static bool smoke(const struct ctl_instance *instance, const char *what, const char *dir)
{
	const json_t *status = instance->status;
	struct ctl_responsible responsible;
	int error = ctl_responsible_for(status, dir, &responsible);

	if (error) {
		put_line("FAIL", what, "-", "path");
		printf("not below %s\n", ctl_text(status, "mountpoint"));
		return false;
	}
	if (!json_is_true(json_object_get(status, "serving"))) {
		put_line("FAIL", what, responsible.backend, "guardfs");
		puts("no worker serves");
		return false;
	}
	if (responsible.condition &&
	    !health_serves(health_state_from_name(ctl_text(responsible.condition, "state")))) {
		put_line("FAIL", what, responsible.backend, "route");
		printf("%s: %s\n", ctl_text(responsible.condition, "state"),
		       ctl_text(responsible.condition, "class"));
		return false;
	}
	return read_through_mount(dir, what, responsible.backend);
}

/* A name in the mount, or absolute. */
static bool smoke_job(const struct ctl_instance *instance, const char *job)
{
	char dir[CTL_ABSOLUTE_MAX];

	if (ctl_path_absolute(ctl_text(instance->status, "mountpoint"), job, dir, sizeof(dir))) {
		put_line("FAIL", job, "-", "path");
		puts("no path");
		return false;
	}
	return smoke(instance, job, dir);
}

static int smoke_all(const struct ctl_instance *instance, int argc, char **argv)
{
	const json_t *routes = json_object_get(instance->status, "routes"), *route;
	bool good = true;
	size_t i;

	for (int n = 0; n < argc; n++)
		good &= smoke_job(instance, argv[n]);
	if (argc > 0)
		return good ? CTL_EXIT_OK : CTL_EXIT_REFUSED;
	json_array_foreach(routes, i, route) good &= smoke_job(instance, ctl_text(route, "path"));
	if (json_array_size(routes) == 0)
		puts("there are no routes: name jobs to be read");
	return good ? CTL_EXIT_OK : CTL_EXIT_REFUSED;
}

int ctl_cmd_smoke(const struct ctl_options *options, int argc, char **argv)
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX];
	int status = ctl_instance_open(&instance, options, ctl_run_root, message);

	if (status == CTL_EXIT_UNREACHABLE) {
		put_line("FAIL", "-", "-", "guardfs");
		show_plain(stdout, message);
		fputc('\n', stdout);
		status = CTL_EXIT_REFUSED;
	} else if (status) {
		ctl_fail(status, "%s", message);
	} else {
		status = smoke_all(&instance, argc, argv);
	}
	ctl_instance_release(&instance);
	return status;
}
