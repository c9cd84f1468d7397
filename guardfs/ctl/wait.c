/* guardctl wait --state STATE --timeout DUR [BACKEND] */
#include "base/clock.h"
#include "ctl/ctl.h"
#include "policy/health.h"
#include <errno.h>
#include <time.h>

#define POLL_MS 50

/* -1: go on (message says for what), or the exit status. */
static int look_at_status(const struct ctl_options *options, const char *backend, char *message)
{
	struct ctl_instance instance;
	int status = ctl_instance_open(&instance, options, ctl_run_root, message);

	if (status == CTL_EXIT_UNREACHABLE) {
		status = -1; /* may be starting */
	} else if (status == CTL_EXIT_OK && ctl_instance_stale(&instance)) {
		snprintf(message, CTL_MESSAGE_MAX, "%s/status.json is not renewed: keeper does not run",
			 instance.run_dir);
		status = -1;
	} else if (status == CTL_EXIT_OK) {
		int reached = ctl_wait_reached(instance.status, options->state, backend);

		snprintf(message, CTL_MESSAGE_MAX, "it is: %s %s %s", ctl_text(instance.status, "state"),
			 ctl_text(instance.status, "class"), ctl_text(instance.status, "detail"));
		status = reached == 1 ? CTL_EXIT_OK : -1;
		if (reached == -ENOENT) {
			snprintf(message, CTL_MESSAGE_MAX,
				 "there is no backend \"%s\". guardctl status names them", backend);
			status = CTL_EXIT_USAGE;
		}
	}
	ctl_instance_release(&instance);
	return status;
}

static int poll_until(uint64_t end_ns, const struct ctl_options *options, const char *backend)
{
	const struct timespec step = {.tv_nsec = POLL_MS * (long)NSEC_PER_MSEC};
	char message[CTL_MESSAGE_MAX] = "";

	for (;;) {
		int status = look_at_status(options, backend, message);

		if (status >= 0)
			return status == CTL_EXIT_OK ? status : ctl_fail(status, "%s", message);
		if (clock_mono_ns() >= end_ns)
			return ctl_fail(CTL_EXIT_TIMEOUT, "timed out waiting for %s %s; %s",
					backend ? backend : "all to be", options->state, message);
		nanosleep(&step, NULL);
	}
}

int ctl_cmd_wait(const struct ctl_options *options, int argc, char **argv)
{
	uint64_t ms = 0;

	if (!options->state || !options->timeout)
		return ctl_fail(
		    CTL_EXIT_USAGE,
		    "wait needs --state STATE and --timeout DURATION, e.g. guardctl wait --state healthy "
		    "--timeout 30s");
	if (strcmp(options->state, "ok") != 0 && health_state_from_name(options->state) == HEALTH_STATE_COUNT)
		return ctl_fail(CTL_EXIT_USAGE, "--state: \"%s\" is no state. See guardctl help wait",
				options->state);
	if (ctl_parse_duration(options->timeout, &ms))
		return ctl_fail(CTL_EXIT_USAGE,
				"--timeout: \"%s\" is no duration: a number with ms, s, m or h, e.g. 30s",
				options->timeout);
	return poll_until(clock_mono_ns() + ms * NSEC_PER_MSEC, options, argc ? argv[0] : NULL);
}
