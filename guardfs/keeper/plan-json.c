#include "keeper/plan-json.h"
#include "keeper/internal.h"

#include <stdio.h>

json_t *plan_json(const struct supervised *s, const struct plan *plan)
{
	json_t *steps = json_array();
	char hash[24];

	for (uint32_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *step = &plan->steps[i];
		const struct rung_info *info = rung_info(step->rung);

		json_array_append_new(steps, json_pack("{s:s, s:i, s:s, s:s, s:s, s:s}", "rung", info->name,
						       "deadline_ms", (int)step->deadline_ms, "does",
						       step->does, "requires", info->requires, "proof",
						       info->proof, "skipped", step->why_skipped));
	}
	snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)plan->hash);
	return json_pack("{s:s, s:i, s:s, s:s, s:o}", "backend", s->config->name, "epoch", (int)plan->epoch,
			 "class", errclass_info(s->course.class)->name, "hash", hash, "steps", steps);
}
