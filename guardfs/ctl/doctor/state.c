/* guardfs's own report. */
#include "ctl/doctor/doctor.h"
#include "base/cleanup.h"
#include "policy/health.h"
#include <stdio.h>

void doctor_check_instance(struct doctor *d)
{
	char full[CTL_ABSOLUTE_MAX];
	int n = ctl_instance_count(doctor_path(d, d->run_root, full));

	if (d->status)
		doctor_find(d, DOCTOR_OK, "instance", "", "guardfs %s runs as %s, mounted at %s",
			    ctl_text(d->status, "version"), ctl_text(d->status, "name"),
			    ctl_text(d->status, "mountpoint"));
	else
		doctor_find(d, DOCTOR_WARNING, "instance",
			    "Start it, or say which is meant with -n NAME or -c FILE.", "%s",
			    d->status_message);
	if (n > 1)
		doctor_find(d, DOCTOR_NOTE, "instances", "Ask for each with -n NAME.",
			    "%d of them run below %s: only one is looked at", n, d->run_root);
	if (d->status && strcmp(ctl_text(d->status, "version"), GUARDFS_VERSION) != 0)
		doctor_find(
		    d, DOCTOR_WARNING, "version", "kill -USR2 the guardian: it goes on with the new program.",
		    "guardfs %s runs, guardctl is %s", ctl_text(d->status, "version"), GUARDFS_VERSION);
}

static void judge_backend(struct doctor *d, const char *id, const json_t *b)
{
	enum health_state state = health_state_from_name(ctl_text(b, "state"));

	switch (state) {
	case HEALTH_HEALTHY:
		doctor_find(d, DOCTOR_OK, id, "", "healthy");
		break;
	case HEALTH_CONNECTING:
	case HEALTH_PROBATION:
		doctor_find(d, DOCTOR_NOTE, id, "", "%s", health_state_name(state));
		break;
	case HEALTH_HELD:
		doctor_find(d, DOCTOR_WARNING, id, "When the work on it is done: guardctl resume.",
			    "held by an operator: %s", ctl_text(b, "detail"));
		break;
	case HEALTH_EXHAUSTED:
		doctor_find(d, DOCTOR_ERROR, id, "Find out why (guardctl incidents), then: guardctl resume.",
			    "given up: lost and found too often");
		break;
	case HEALTH_DEGRADED:
		doctor_find(d, DOCTOR_WARNING, id, ctl_text(b, "advice"), "degraded: %s: %s",
			    ctl_text(b, "class"), ctl_text(b, "summary"));
		break;
	default:
		doctor_find(d, DOCTOR_ERROR, id, ctl_text(b, "advice"), "%s: %s: %s", ctl_text(b, "state"),
			    ctl_text(b, "class"), ctl_text(b, "summary"));
	}
}

void doctor_check_backends(struct doctor *d)
{
	const json_t *backends = json_object_get(d->status, "backends"), *b;
	char id[64];
	size_t i;

	json_array_foreach(backends, i, b)
	{
		snprintf(id, sizeof(id), "backend:%.32s", ctl_text(b, "name"));
		judge_backend(d, id, b);
	}
}

static void check_crashes(struct doctor *d)
{
	int64_t total = ctl_number(d->status, "crashes_total");
	const json_t *last = json_array_get(json_object_get(d->status, "crashes"), 0);

	if (total > 0)
		doctor_find(d, DOCTOR_WARNING, "crashes", "Report it, with the log of that time.",
			    "worker has ended unexpectedly %lld times, the last time %lld min ago: %s%s%s",
			    (long long)total, (long long)MAX(d->now - ctl_number(last, "time"), 0) / 60,
			    ctl_text(last, "cause"), *ctl_text(last, "path") ? ", at " : "",
			    ctl_text(last, "path"));
}

void doctor_check_processes(struct doctor *d)
{
	int64_t worker = ctl_number(d->status, "worker_restarts"),
		keeper = ctl_number(d->status, "keeper_restarts");

	if (!d->status)
		return;
	if (d->now - ctl_number(d->status, "time") > CTL_STALE_S)
		doctor_find(d, DOCTOR_WARNING, "processes", "Look into its log.",
			    "the status is %lld s old: keeper does not renew it",
			    (long long)(d->now - ctl_number(d->status, "time")));
	else if (!json_is_true(json_object_get(d->status, "serving")))
		doctor_find(d, DOCTOR_ERROR, "processes", "Look into its log.", "no worker serves the mount");
	else if (worker || keeper)
		doctor_find(d, DOCTOR_NOTE, "processes", "",
			    "worker was started again %lld times, keeper %lld times", (long long)worker,
			    (long long)keeper);
	else
		doctor_find(d, DOCTOR_OK, "processes", "",
			    "neither worker nor keeper was ever started again");
	check_crashes(d);
}

void doctor_check_journal(struct doctor *d)
{
	const char *journal = ctl_text(d->status, "journal");

	if (!d->status)
		return;
	if (strcmp(journal, "ok") == 0 || strcmp(journal, "starting") == 0)
		doctor_find(d, DOCTOR_OK, "journal", "", "history is written down");
	else if (strncmp(journal, "ok:", 3) == 0)
		doctor_find(d, DOCTOR_WARNING, "journal",
			    "Keep the damaged file if its history matters, and look at the disk.",
			    "history is written down, but%s", journal + 3);
	else
		doctor_find(d, DOCTOR_WARNING, "journal",
			    "Free space, or make state_dir writable; guarding goes on without it.",
			    "no history is written down: %s",
			    *journal ? journal : "the status does not mention it");
}
