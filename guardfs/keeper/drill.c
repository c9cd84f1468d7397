#include "keeper/internal.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define LOOK_NS (20 * NSEC_PER_MSEC) /* for new transports */

static const char *const names[DRILL_KIND_COUNT] = {"none", "hang", "drop",	   "auth",
						    "slow", "full", "worker-kill", "keeper-kill"};

enum drill_kind drill_kind_from_name(const char *name)
{
	for (unsigned i = DRILL_NONE + 1; i < DRILL_KIND_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return (enum drill_kind)i;
	return DRILL_KIND_COUNT;
}

bool drill_active(const struct supervised *s)
{
	return s->drill.kind != DRILL_NONE;
}

void drill_incident(struct supervised *s, uint64_t id)
{
	if (drill_active(s))
		s->drill.incident = id;
}

static bool needs_transport(enum drill_kind kind)
{
	return kind == DRILL_HANG || kind == DRILL_DROP || kind == DRILL_AUTH;
}

static bool needs_filter(enum drill_kind kind)
{
	return kind == DRILL_SLOW || kind == DRILL_FULL;
}

/* By them a later keeper finds a dead one's drill. */
static const char *rules_of(enum drill_kind kind)
{
	return kind == DRILL_SLOW ? "# a drill\nall delay 3000\n" : "# a drill\nwrite error ENOSPC\n";
}

static errint_t write_rules(const struct supervised *s, const char *rules)
{
	return fd_write_atomic(s->config->fault_control, rules, strlen(rules), 0600, false);
}

static void clear_rules(const struct supervised *s)
{
	if (write_rules(s, "") < 0)
		log_error("backend %s: the drill's rules stay in %s: remove them", s->config->name,
			  s->config->fault_control);
}

static errint_t check(const struct supervised *s, enum drill_kind kind, char *why, size_t size)
{
	if (needs_transport(kind) && !has_carrier(s)) {
		snprintf(why, size,
			 "%s needs a backend of type sshfs, sftp or command: it is done to its transport",
			 names[kind]);
		return -ENOTSUP;
	}
	if (kind == DRILL_AUTH && !backend_has_server(s->config->type)) {
		snprintf(why, size, "%s needs a backend of type sshfs or sftp: a command logs in by itself",
			 names[kind]);
		return -ENOTSUP;
	}
	if (needs_filter(kind) && s->config->filter != FILTER_FAULT) {
		snprintf(why, size, "%s needs `filter = fault` for this backend in the configuration",
			 names[kind]);
		return -ENOTSUP;
	}
	return drill_active(s) || !s->serving || s->incident.open ? -EBUSY : 0;
}

errint_t drill_begin(struct supervised *s, enum drill_kind kind, uint64_t seconds, uint64_t now_ns, char *why,
		     size_t size)
{
	errint_t rc = check(s, kind, why, size);

	if (rc == 0 && needs_filter(kind))
		rc = write_rules(s, rules_of(kind));
	if (rc < 0)
		return rc;
	log_warning("backend %s: a drill begins: %s for %llu s", s->config->name, names[kind],
		    (unsigned long long)seconds);
	history_note(s, "drill", names[kind], "begun", seconds * MSEC_PER_SEC, "");
	s->drill = (struct drill){.kind = kind, .until_ns = now_ns + seconds * NSEC_PER_SEC};
	s->transport.no_login = kind == DRILL_AUTH;
	return 0;
}

void drill_stop(struct supervised *s)
{
	struct drill *d = &s->drill;

	if (!drill_active(s))
		return;
	if (d->kind == DRILL_HANG)
		transport_signal(&s->transport, SIGCONT);
	if (needs_filter(d->kind))
		clear_rules(s);
	s->transport.no_login = false;
	course_act_again(&s->course); /* later failures are real */
	log_warning("backend %s: the drill %s is over", s->config->name, names[d->kind]);
	history_note(s, "drill", names[d->kind], "over", 0, "");
	d->kind = DRILL_NONE;
}

void drill_clean_up(struct supervised *s)
{
	char rules[128];

	if (s->incident.open && s->incident.drill)
		course_act_again(&s->course);
	if (s->config->filter != FILTER_FAULT ||
	    fd_read_file(s->config->fault_control, rules, sizeof(rules)) < 0)
		return;
	for (unsigned kind = DRILL_NONE; kind < DRILL_KIND_COUNT; kind++) {
		if (!needs_filter((enum drill_kind)kind) ||
		    strcmp(rules, rules_of((enum drill_kind)kind)) != 0)
			continue;
		log_warning("backend %s: the drill %s is over: the keeper that made it has ended",
			    s->config->name, names[kind]);
		history_note(s, "drill", names[kind], "over", 0, "the keeper that made it has ended");
		clear_rules(s);
	}
}

/* Every transport that comes up, or (auth) the present one. */
static void hit_transport(struct supervised *s, uint64_t now_ns)
{
	struct drill *d = &s->drill;
	bool fresh = s->transport.pid > 0 && s->transport.pid != d->done_to && !transport_dead(&s->transport);

	if (!fresh || (d->kind == DRILL_AUTH && d->done_to > 0))
		return;
	if (transport_signal(&s->transport, d->kind == DRILL_HANG ? SIGSTOP : SIGKILL) > 0)
		d->done_to = s->transport.pid;
	if (d->hit_ns == 0)
		d->hit_ns = now_ns;
}

static void hit_process(struct supervised *s, enum process process)
{
	struct drill *d = &s->drill;
	pid_t pid = atomic_load(&s->keeper->board->pid[process]);

	if (d->done_to || pid <= 0)
		return;
	d->done_to = pid;
	atomic_store(&s->keeper->board->planned_end[process], (int32_t)pid);
	if (process == PROCESS_KEEPER)
		drill_stop(s); /* the next keeper does not know of it */
	if (kill(pid, SIGKILL) < 0)
		log_error("drill: killing %d: %s", (int)pid, strerror(errno));
}

uint64_t drill_step(struct supervised *s, uint64_t now_ns)
{
	struct drill *d = &s->drill;

	if (!drill_active(s))
		return UINT64_MAX;
	if (now_ns >= d->until_ns) {
		drill_stop(s);
		return UINT64_MAX;
	}
	if (needs_transport(d->kind))
		hit_transport(s, now_ns);
	else if (d->kind == DRILL_WORKER_KILL)
		hit_process(s, PROCESS_WORKER);
	else if (d->kind == DRILL_KEEPER_KILL)
		hit_process(s, PROCESS_KEEPER);
	return MIN(now_ns + LOOK_NS, d->until_ns);
}
