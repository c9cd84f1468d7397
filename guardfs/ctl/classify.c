/* guardctl classify: infrastructure or job?
 *
 * guardfs gives infrastructure trouble as EIO (or ETIMEDOUT), so mostly the errno decides. Else the backend's
 * state does, now and a while back: writes may have waited for minutes, and the backend may just be back. */
#include "ctl/classify.h"
#include "policy/errclass.h"
#include "policy/health.h"
#include <errno.h>

/* Workers wait so long after infrastructure trouble. A backend back for less may be the cause. */
#define RECENT_S 600

static bool errno_is_infrastructure(enum errclass class)
{
	/* A full disk is no connection trouble, but the job cannot do better next time. */
	return errclass_info(class)->infrastructure || class == ERRCLASS_FULL;
}

static void judge_errno(const struct ctl_responsible *responsible, int error, struct classify_verdict *v)
{
	enum errclass class = errclass_from_errno(error);
	bool local = !responsible->condition;

	v->infrastructure = errno_is_infrastructure(class);
	v->class = errclass_info(class)->name;
	if (!v->infrastructure)
		snprintf(v->why, sizeof(v->why),
			 "%s is the file system's own answer: guardfs passes it on unchanged",
			 strerror(error));
	else if (class == ERRCLASS_FULL)
		snprintf(v->why, sizeof(v->why), "%s: no room on %s", strerror(error), responsible->backend);
	else if (local)
		snprintf(v->why, sizeof(v->why),
			 "%s on the local tier: not guardfs's doing but this machine's own disk (dmesg)",
			 strerror(error));
	else
		snprintf(v->why, sizeof(v->why), "%s: what callers get when %s does not answer",
			 strerror(error), responsible->backend);
}

/* Healthy again since; 0: nobody was hurt before, as at the start. */
static int64_t recovered_at(const json_t *backend)
{
	const json_t *counters = json_object_get(backend, "counters");

	if (ctl_number(counters, "errors") == 0 && ctl_number(counters, "fast_fails") == 0)
		return 0;
	return ctl_number(backend, "recovered");
}

/* The local tier has no state but guardfs's own. */
static void judge_state(const json_t *status, const struct ctl_responsible *responsible, int64_t now,
			struct classify_verdict *v)
{
	const json_t *backend = ctl_find_backend(status, responsible->backend);
	const char *state = ctl_text(responsible->condition, "state");
	int64_t recovered = recovered_at(backend);

	v->class = "none";
	if (!json_is_true(json_object_get(status, "serving"))) {
		v->infrastructure = true;
		v->class = "process";
		snprintf(v->why, sizeof(v->why), "guardfs itself does not serve at the moment");
	} else if (responsible->condition && health_state_from_name(state) != HEALTH_HEALTHY) {
		v->infrastructure = true;
		v->class = ctl_text(responsible->condition, "class");
		snprintf(v->why, sizeof(v->why), "%.32s is %.32s", responsible->backend, state);
	} else if (responsible->condition && recovered && now - recovered < RECENT_S) {
		v->infrastructure = true;
		v->class = "recovered";
		snprintf(v->why, sizeof(v->why), "%.32s is healthy again since %lld s only",
			 responsible->backend, (long long)MAX(now - recovered, (int64_t)0));
	} else if (responsible->job && now - ctl_number(responsible->job, "last_error_time") < RECENT_S) {
		v->infrastructure = true;
		v->class = ctl_text(responsible->job, "last_error");
		snprintf(v->why, sizeof(v->why), "%.32s serves, but gave this job an error %lld s ago",
			 responsible->backend,
			 (long long)MAX(now - ctl_number(responsible->job, "last_error_time"), (int64_t)0));
	} else {
		snprintf(v->why, sizeof(v->why), "%.32s serves", responsible->backend);
	}
}

/* Whatever the errno: it came from the directory below the mountpoint. */
static void judge_absence(struct classify_verdict *v)
{
	v->infrastructure = true;
	v->class = "unmounted";
	snprintf(v->why, sizeof(v->why), "guardfs is not mounted in its place");
}

void classify_judge(const json_t *status, const struct ctl_responsible *responsible, int error, int64_t now,
		    struct classify_verdict *v)
{
	memset(v, 0, sizeof(*v));
	if (ctl_number(status, "unmounted"))
		judge_absence(v);
	else if (error)
		judge_errno(responsible, error, v);
	else
		judge_state(status, responsible, now, v);
}

errint_t classify_parse_errno(const char *text, int *error)
{
	uint64_t value;

	if (ctl_parse_number(text, 4095, &value) == 0) {
		*error = (int)value;
		return 0;
	}
	for (int i = 1; i < 256; i++) {
		const char *name = strerrorname_np(i);

		if (name && strcmp(name, text) == 0) {
			*error = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int print_verdict(const struct classify_verdict *v, const char *backend)
{
	printf("%s %s ", v->infrastructure ? "infrastructure" : "real", v->class);
	utf8_print_escaped(stdout, backend, CONFIG_NAME_MAX);
	fputc(' ', stdout);
	utf8_print_escaped(stdout, v->why, sizeof(v->why));
	fputc('\n', stdout);
	return v->infrastructure ? CTL_EXIT_TIMEOUT : CTL_EXIT_OK;
}

/* No job is to blame when guardfs does not run. */
static int answer_unreachable(const char *message)
{
	struct classify_verdict v = {.infrastructure = true, .class = "process"};

	(void)copy_string(v.why, sizeof(v.why), "guardfs does not run");
	ctl_fail(0, "%s", message);
	return print_verdict(&v, "-");
}

int ctl_cmd_classify(const struct ctl_options *options, int argc, char **argv)
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX];
	struct classify_verdict v;
	struct ctl_responsible responsible;
	int error = 0, status;

	(void)argc;
	(void)argv;
	if (!options->path)
		return ctl_fail(CTL_EXIT_USAGE, "classify needs --path PATH");
	if (options->error && classify_parse_errno(options->error, &error))
		return ctl_fail(CTL_EXIT_USAGE, "--errno: \"%s\" is no errno: 5, or EIO", options->error);
	status = ctl_instance_open(&instance, options, ctl_run_root, message);
	if (status == CTL_EXIT_UNREACHABLE)
		status = answer_unreachable(message);
	else if (status)
		ctl_fail(status, "%s", message);
	else
		status = ctl_responsible_named(&instance, options->path, &responsible);
	if (status == CTL_EXIT_OK) {
		classify_judge(instance.status, &responsible, error, instance.now, &v);
		status = print_verdict(&v, responsible.backend);
	}
	ctl_instance_release(&instance);
	return status;
}
