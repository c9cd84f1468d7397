/* guardctl drill KIND BACKEND --for DURATION [--simulate] */
#include "ctl/drill.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "control/client.h"
#include "ctl/ctl.h"
#include "ctl/show.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#define CONFIG_DIR   "/etc/guardfs"
#define POLL_MS	     250
#define NONE_AFTER_S 3	 /* after the drill: later trouble is no outage of it */
#define GRACE_S	     180 /* after the drill: until its incident must be closed */

struct drill {
	const struct ctl_options *options;
	struct ctl_instance instance;
	const char *kind, *backend;
	uint64_t seconds;
	/* CLOCK_MONOTONIC */
	uint64_t begun_ns;
	/* its incident's number is greater */
	int64_t last;
	/* of its incident; 0: none yet */
	int64_t id;
	/* last answer, or NULL */
	json_t *incident;
	struct caller caller;
};

/* ---- simulation ---- */

/* The configuration of the instance. The exit status. */
static int find_config(const struct ctl_options *options, char *file, size_t size)
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX];
	int status = CTL_EXIT_OK;
	bool cut = false;

	if (options->config)
		return copy_string(file, size, options->config) ? ctl_fail(CTL_EXIT_USAGE, "-c: too long")
								: 0;
	if (options->name) {
		cut = snprintf(file, size, CONFIG_DIR "/%s.conf", options->name) >= (int)size;
	} else {
		status = ctl_instance_open(&instance, options, ctl_run_root, message);
		cut = snprintf(file, size, CONFIG_DIR "/%s.conf", ctl_text(instance.status, "name")) >=
		      (int)size;
		ctl_instance_release(&instance);
	}
	if (status)
		return ctl_fail(status, "%s", message);
	return cut ? ctl_fail(CTL_EXIT_USAGE, "-n: too long") : CTL_EXIT_OK;
}

static int simulate(const struct ctl_options *options, enum drill_kind kind, const char *backend,
		    uint64_t seconds)
{
	CLEANUP_FREE struct config *config = calloc(1, sizeof(*config));
	char file[CONFIG_PATH_MAX], error[CONFIG_ERROR_MAX] = "";
	int status = find_config(options, file, sizeof(file)), index;
	errint_t err;

	if (status)
		return status;
	err = config ? config_load(file, config, error) : -ENOMEM;
	if (err)
		return ctl_fail(
		    CTL_EXIT_USAGE, "%s%s%s. --simulate reads the configuration: give it with -c FILE",
		    error[0] ? error : file, error[0] ? "" : ": ", error[0] ? "" : strerror(-err));
	index = config_find_backend(config, backend);
	if (index < 0)
		return ctl_fail(CTL_EXIT_USAGE, "%s has no [backend %s]", file, backend);
	drill_simulate(stdout, config, &config->backends[index], kind, seconds);
	return CTL_EXIT_OK;
}

/* ---- for real ---- */

static volatile sig_atomic_t interrupted;

static void note_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void catch_interrupts(void)
{
	struct sigaction action = {.sa_handler = note_interrupt}; /* no SA_RESTART: nanosleep(2) shall wake */

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* Silent: keeper may just be killed. Owned result, or NULL. */
static json_t *ask_quietly(const struct drill *drill, const char *command, json_t *arguments)
{
	json_t *reply = NULL, *result;

	if (control_call(drill->instance.run_dir, command, arguments, CTL_ASK_MS, NULL, NULL, &reply))
		return NULL;
	result = json_incref(json_object_get(reply, "result"));
	json_decref(reply);
	return result;
}

static void take_incident(struct drill *drill, json_t *incident)
{
	if (!json_is_object(incident))
		return;
	json_decref(drill->incident);
	drill->incident = json_incref(incident);
	drill->id = ctl_number(incident, "id");
}

/* The backend's first since the drill began. */
static void find_incident(struct drill *drill)
{
	json_t *result = ask_quietly(drill, "incidents", json_pack("{s:s}", "backend", drill->backend));
	json_t *incidents = json_object_get(result, "incidents"), *incident, *found = NULL;
	size_t i;

	json_array_foreach(incidents, i, incident)
	{
		int64_t id = ctl_number(incident, "id");

		if (id > drill->last && (!found || id < ctl_number(found, "id")))
			found = incident;
	}
	take_incident(drill, found);
	json_decref(result);
}

static void look_at_incident(struct drill *drill)
{
	json_t *result;

	if (drill->id == 0) {
		find_incident(drill);
		return;
	}
	result = ask_quietly(drill, "incident", json_pack("{s:I}", "id", (json_int_t)drill->id));
	take_incident(drill, json_object_get(result, "incident"));
	json_decref(result);
}

/* Its incident is closed, or none will come. */
static bool is_over(struct drill *drill)
{
	look_at_incident(drill);
	if (drill->id)
		return show_time_of(drill->incident, "closed") > 0;
	return clock_mono_ns() >= drill->begun_ns + (drill->seconds + NONE_AFTER_S) * NSEC_PER_SEC;
}

static int wait_for_the_end(struct drill *drill)
{
	const struct timespec step = {.tv_nsec = POLL_MS * (long)NSEC_PER_MSEC};
	uint64_t end_ns = drill->begun_ns + (drill->seconds + GRACE_S) * NSEC_PER_SEC;
	json_t *ignored = NULL;

	while (!is_over(drill)) {
		if (interrupted) {
			(void)!ctl_ask(&drill->instance, "drill-stop",
				       json_pack("{s:s}", "backend", drill->backend), CTL_ASK_MS, &ignored);
			json_decref(ignored);
			return ctl_fail(CTL_EXIT_REFUSED, "interrupted: the drill was told to stop");
		}
		if (clock_mono_ns() >= end_ns)
			return ctl_fail(CTL_EXIT_TIMEOUT,
					"its incident %lld is still not closed. See guardctl status",
					(long long)drill->id);
		nanosleep(&step, NULL);
	}
	return CTL_EXIT_OK;
}

/* -1: not yet. */
static double since_begun_ms(const struct drill *drill, uint64_t when_ns)
{
	if (when_ns == 0)
		return -1;
	return when_ns > drill->begun_ns ? (double)(when_ns - drill->begun_ns) / (double)NSEC_PER_MSEC : 0;
}

static int print_drill_json(const struct drill *drill)
{
	const struct caller_seen *seen = drill->caller.seen;
	json_t *answer = json_pack(
	    "{s:O?, s:{s:I, s:I, s:f, s:f, s:f, s:s}}", "incident", drill->incident, "caller", "calls",
	    (json_int_t)atomic_load(&seen->calls), "errors", (json_int_t)atomic_load(&seen->errors),
	    "longest_ms", (double)atomic_load(&seen->longest_ns) / (double)NSEC_PER_MSEC, "first_error_ms",
	    since_begun_ms(drill, atomic_load(&seen->first_error_ns)), "last_error_ms",
	    since_begun_ms(drill, atomic_load(&seen->last_error_ns)), "first_error",
	    seen->first_errno ? strerrorname_np(seen->first_errno) : "");
	int status = ctl_print_json(answer);

	json_decref(answer);
	return status;
}

static void print_caller(const struct drill *drill)
{
	const struct caller_seen *seen = drill->caller.seen;
	const char *name = strerrorname_np(seen->first_errno);

	printf("this caller   %llu calls, waited ", (unsigned long long)atomic_load(&seen->calls));
	show_span(stdout, (double)atomic_load(&seen->longest_ns) / (double)NSEC_PER_SEC);
	fputs(" at most", stdout);
	if (atomic_load(&seen->errors) == 0) {
		puts(", no errors");
		return;
	}
	printf(", %llu errors: the first (%s) after ", (unsigned long long)atomic_load(&seen->errors),
	       name ? name : "?");
	show_span(stdout, since_begun_ms(drill, atomic_load(&seen->first_error_ns)) / 1000);
	fputs(", the last after ", stdout);
	show_span(stdout, since_begun_ms(drill, atomic_load(&seen->last_error_ns)) / 1000);
	putchar('\n');
}

static void print_drill(const struct drill *drill)
{
	struct show_figure figures[SHOW_FIGURES];

	if (drill->incident) {
		show_figures(drill->incident, show_plain, figures);
		for (size_t i = 0; i < SHOW_FIGURES; i++)
			if (figures[i].value)
				printf("%-13s %s\n", figures[i].name, figures[i].value);
		show_figures_release(figures);
	}
	print_caller(drill);
	if (drill->id)
		printf("guardctl incident %lld tells all of it\n", (long long)drill->id);
	else
		puts("no incident: the backend was never lost");
}

static int begin_drill(struct drill *drill)
{
	json_t *result = NULL;
	int status;

	drill->begun_ns = clock_mono_ns();
	status = ctl_ask(&drill->instance, "drill",
			 json_pack("{s:s, s:s, s:I}", "kind", drill->kind, "backend", drill->backend,
				   "seconds", (json_int_t)drill->seconds),
			 CTL_ASK_MS, &result);
	if (status)
		return status;
	drill->last = ctl_number(result, "last_incident");
	json_decref(result);
	if (!drill->options->json) {
		printf("%s on %s for %llu s: begun\n", drill->kind, drill->backend,
		       (unsigned long long)drill->seconds);
		fflush(stdout);
	}
	return CTL_EXIT_OK;
}

static int run_drill(struct drill *drill)
{
	char path[CTL_ABSOLUTE_MAX];
	errint_t err;
	int status;

	if (snprintf(path, sizeof(path), "%s/.guardfs/backends/%s",
		     ctl_text(drill->instance.status, "mountpoint"), drill->backend) >= (int)sizeof(path))
		return ctl_fail(CTL_EXIT_USAGE, "the path of the backend's tree is too long");
	catch_interrupts();
	err = caller_start(&drill->caller, path, drill_kind_find(drill->kind) == DRILL_FULL);
	if (err)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "cannot start a caller: %s", strerror(-err));
	status = begin_drill(drill);
	if (status == CTL_EXIT_OK) {
		status = wait_for_the_end(drill);
		caller_stop(&drill->caller);
		if (!drill->options->json)
			print_drill(drill);
		else if (print_drill_json(drill) != CTL_EXIT_OK)
			status = CTL_EXIT_UNREACHABLE;
	}
	caller_stop(&drill->caller);
	caller_release(&drill->caller);
	return status;
}

static int drill_for_real(struct drill *drill)
{
	char message[CTL_MESSAGE_MAX];
	int status = ctl_instance_open(&drill->instance, drill->options, ctl_run_root, message);

	if (status)
		ctl_fail(status, "%s", message);
	else if (!ctl_find_backend(drill->instance.status, drill->backend))
		status = ctl_fail(CTL_EXIT_USAGE, "there is no backend \"%s\". guardctl status names them",
				  drill->backend);
	else
		status = run_drill(drill);
	json_decref(drill->incident);
	ctl_instance_release(&drill->instance);
	return status;
}

int ctl_cmd_drill(const struct ctl_options *options, int argc, char **argv)
{
	struct drill drill = {.options = options, .kind = argv[0], .backend = argv[1]};
	enum drill_kind kind = drill_kind_find(argv[0]);
	int status;

	(void)argc;
	if (kind == DRILL_KIND_COUNT)
		return ctl_fail(CTL_EXIT_USAGE, "there is no drill \"%s\". See guardctl help drill", argv[0]);
	if (options->simulate && options->json)
		return ctl_fail(CTL_EXIT_USAGE, "--simulate is text only");
	status = ctl_parse_for(options->duration, &drill.seconds);
	if (status)
		return status;
	return options->simulate ? simulate(options, kind, argv[1], drill.seconds) : drill_for_real(&drill);
}
