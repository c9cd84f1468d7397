#include "policy/plan.h"

static const struct rung_info rungs[RUNG_ID_COUNT] = {
    [RUNG_FENCE] = {"fence", 5000, false, 5,
		    "reset the sockets of its ssh, kill sshfs and ssh, detach their mount",
		    "reset the sockets of its transport, kill it, end its ring",
		    "nothing by itself: it is not ours to kill",
		    "kill the program that mounts it and all that it has started, detach its mount",
		    "the breaker is open", "sshfs and ssh, the program, or the transport, are dead"},
    [RUNG_DRAIN] =
	{"drain", 0, false, 20, "wait until no operation of the old connection is inside",
	 "wait until no operation of the old connection is inside",
	 "wait for operations inside; after 1 s abort the FUSE connection they are stuck in, if it is "
	 "provably still that mount",
	 NULL, "the old transport is fenced",
	 "no operation of the old epoch is inside, no old probe is left"},
    [RUNG_START] = {"start", 0, true, 5, "start sshfs in the private mount namespace",
		    "start a transport, which logs in and gives up its privileges", "nothing: it is there",
		    "start the program in the private mount namespace", "nothing of the old epoch is left",
		    "its mount is in the mount table; sftp: the header of its ring says ready"},
    [RUNG_PROVE] = {"prove", 0, true, 50, "open the root in a child, prove identity, list it",
		    "ask for the root in a child, prove identity, list it",
		    "open the root in a child, prove identity, list it", NULL,
		    "the mount, or the ring, is there",
		    "the marker (or the connection started for this epoch) was read from the storage itself"},
    [RUNG_ANCHOR] = {"anchor", 0, false, 2, "hand the root to the worker", "hand the ring to the worker",
		     "hand the root to the worker", NULL, "identity is proven",
		     "the worker has acknowledged this epoch"},
    [RUNG_ROUTES] = {"routes", 0, false, 50,
		     "look at the target of every route, and search what patterns route",
		     "look at the target of every route, and search what patterns route",
		     "look at the target of every route, and search what patterns route", NULL,
		     "the worker has the root", "every route's target was answered for"},
    [RUNG_CLOSE] = {"close", 0, false, 0, "close the breaker with the new epoch, run what waited",
		    "close the breaker with the new epoch, run what waited",
		    "close the breaker with the new epoch, run what waited", NULL,
		    "every rung before is done", "operations are let through"},
};

const struct rung_info *rung_info(enum rung_id id)
{
	return &rungs[(unsigned)id < RUNG_ID_COUNT ? id : RUNG_FENCE];
}

static uint64_t hash_text(uint64_t seed, const char *text)
{
	return hash_bytes(seed, text, strlen(text) + 1);
}

static uint64_t hash_plan(const struct plan *plan)
{
	uint64_t h = hash_bytes(0, &plan->epoch, sizeof(plan->epoch));

	for (uint32_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *s = &plan->steps[i];

		h = hash_text(h, rung_info(s->rung)->name);
		h = hash_bytes(h, &s->deadline_ms, sizeof(s->deadline_ms));
		h = hash_text(h, s->does);
		h = hash_text(h, s->why_skipped);
	}
	return h;
}

static const char *why_skipped(const struct plan_input *in, enum rung_id id)
{
	if (id != RUNG_FENCE && id != RUNG_START)
		return "";
	if (!in->sshfs && !in->sftp && !in->command)
		return "a directory that somebody else manages";
	if (id == RUNG_FENCE && !in->transport_running)
		return in->sftp	   ? "no transport runs"
		       : in->sshfs ? "no sshfs runs"
				   : "its program does not run";
	if (in->transport_kept)
		return in->sftp	   ? "its transport lives: only the root is opened again"
		       : in->sshfs ? "its sshfs lives: only the root is opened again"
				   : "its program lives: only the root is opened again";
	return "";
}

static const char *what_it_does(const struct plan_input *in, const struct rung_info *info)
{
	if (in->sftp)
		return info->sftp_does;
	if (in->command)
		return info->command_does ? info->command_does : info->sshfs_does;
	return in->sshfs ? info->sshfs_does : info->dir_does;
}

void plan_make(const struct plan_input *in, struct plan *plan)
{
	*plan = (struct plan){.epoch = in->epoch, .n_steps = RUNG_ID_COUNT};
	for (unsigned id = 0; id < RUNG_ID_COUNT; id++) {
		const struct rung_info *info = rung_info((enum rung_id)id);
		struct plan_step *s = &plan->steps[id];

		s->rung = (enum rung_id)id;
		s->deadline_ms = info->connecting ? in->connect_ms : info->deadline_ms;
		s->does = what_it_does(in, info);
		s->why_skipped = why_skipped(in, (enum rung_id)id);
		s->skipped = s->why_skipped[0] != '\0';
	}
	plan->hash = hash_plan(plan);
}
