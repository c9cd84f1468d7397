#include "keeper/try.h"
#include "keeper/internal.h"

#include <unistd.h>

enum rung_result try_fail(struct supervised *s, enum errclass class, const char *detail)
{
	s->failure_class = class;
	(void)copy_string(s->failure_detail, sizeof(s->failure_detail), detail);
	return RUNG_FAILED;
}

void try_take_down(struct supervised *s)
{
	ladder_stop(&s->ladder);
	s->try_begun = false;
	s->reopens = false;
	if (has_carrier(s)) {
		transport_kill(&s->transport);
		transport_detach(&s->transport);
	}
	probe_abandon(&s->probe);
	if (s->root_fd >= 0)
		close(s->root_fd);
	s->root_fd = -1;
}

/* Above all that worker may have seen: its acknowledgement is this try's. */
static uint32_t next_epoch(const struct supervised *s)
{
	return MAX(breaker_epoch(atomic_load(&s->board->breaker)), atomic_load(&s->board->root_epoch)) + 1;
}

uint32_t try_budget_ms(const struct supervised *s)
{
	const struct config *c = s->keeper->config;

	return has_carrier(s) && !s->reopens ? c->connect_timeout_ms
					     : MIN(c->probe_timeout_ms, c->connect_timeout_ms);
}

void try_plan(const struct supervised *s, struct plan *plan)
{
	const struct plan_input input = {.sshfs = s->config->type == BACKEND_SSHFS,
					 .sftp = s->config->type == BACKEND_SFTP,
					 .command = s->config->type == BACKEND_COMMAND,
					 .connect_ms = try_budget_ms(s),
					 .epoch = next_epoch(s),
					 .transport_running = transport_known(&s->transport),
					 .transport_kept = s->reopens};

	plan_make(&input, plan);
}

void try_begin(struct supervised *s, uint64_t now_ns)
{
	try_plan(s, &s->plan);
	s->epoch = s->plan.epoch;
	s->fenced_ns = now_ns;
	s->abort_done = s->drain_told = false;
	probe_abandon(&s->probe);
	if (has_carrier(s) && !s->reopens)
		transport_clear(&s->transport);
	history_plan(s);
	ladder_stop(&s->ladder);
	s->try_begun = true;
}
