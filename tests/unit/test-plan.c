/* Plans: the same input gives the same plan and hash, every difference that is printed another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/plan.h"

static const struct plan_input sshfs = {
    .sshfs = true, .connect_ms = 20000, .epoch = 7, .transport_running = true};

static struct plan made(struct plan_input input)
{
	struct plan plan;

	memset(&plan, 0xa5, sizeof(plan));
	plan_make(&input, &plan);
	return plan;
}

static void every_rung_is_described(void **state)
{
	(void)state;
	for (unsigned id = 0; id < RUNG_ID_COUNT; id++) {
		const struct rung_info *info = rung_info((enum rung_id)id);

		assert_true(info->name && info->name[0]);
		assert_true(info->sshfs_does && info->sshfs_does[0] && info->sftp_does &&
			    info->sftp_does[0] && info->dir_does && info->dir_does[0]);
		assert_true(info->requires && info->requires[0] && info->proof && info->proof[0]);
		/* A rung with neither a limit nor somebody to wake keeper would be waited on for ever. */
		assert_true(info->poll_ms > 0 || id == RUNG_CLOSE);
	}
	assert_non_null(rung_info(RUNG_ID_COUNT));
}

static void rungs_in_the_order_of_the_ladder(void **state)
{
	struct plan plan = made(sshfs);

	(void)state;
	assert_int_equal(plan.n_steps, RUNG_ID_COUNT);
	for (unsigned i = 0; i < plan.n_steps; i++) {
		assert_int_equal(plan.steps[i].rung, i);
		assert_false(plan.steps[i].skipped);
		assert_string_equal(plan.steps[i].why_skipped, "");
	}
	assert_int_equal(plan.epoch, 7);
}

static void what_connects_has_the_budget_as_deadline(void **state)
{
	struct plan plan = made(sshfs);

	(void)state;
	assert_int_equal(plan.steps[RUNG_START].deadline_ms, 20000);
	assert_int_equal(plan.steps[RUNG_PROVE].deadline_ms, 20000);
	assert_int_equal(plan.steps[RUNG_FENCE].deadline_ms, 5000);
	assert_int_equal(plan.steps[RUNG_CLOSE].deadline_ms, 0);
}

static void what_is_skipped_says_why(void **state)
{
	struct plan_input input = sshfs;
	struct plan plan;

	(void)state;
	input.transport_running = false;
	plan = made(input);
	assert_true(plan.steps[RUNG_FENCE].skipped);
	assert_string_equal(plan.steps[RUNG_FENCE].why_skipped, "no sshfs runs");
	assert_false(plan.steps[RUNG_START].skipped);
	input.sshfs = false;
	plan = made(input);
	assert_true(plan.steps[RUNG_FENCE].skipped && plan.steps[RUNG_START].skipped);
	input.sftp = true;
	plan = made(input);
	assert_string_equal(plan.steps[RUNG_FENCE].why_skipped, "no transport runs");
	assert_false(plan.steps[RUNG_START].skipped);
	input = sshfs;
	input.transport_kept = true;
	plan = made(input);
	assert_true(plan.steps[RUNG_FENCE].skipped && plan.steps[RUNG_START].skipped);
	assert_string_equal(plan.steps[RUNG_START].why_skipped,
			    "its sshfs lives: only the root is opened again");
	/* Nobody skips proof, fencing's proof or the routes. */
	assert_false(plan.steps[RUNG_DRAIN].skipped || plan.steps[RUNG_PROVE].skipped);
	assert_false(plan.steps[RUNG_ANCHOR].skipped || plan.steps[RUNG_ROUTES].skipped);
	assert_false(plan.steps[RUNG_CLOSE].skipped);
}

static void a_hash_says_whether_two_plans_are_one(void **state)
{
	struct plan_input other[6] = {sshfs, sshfs, sshfs, sshfs, sshfs, sshfs};
	uint64_t hash[6];

	(void)state;
	other[1].epoch++;
	other[2].connect_ms++;
	other[3].transport_running = false;
	other[4].sshfs = false;
	other[5].sshfs = false;
	other[5].sftp = true;
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		hash[i] = made(other[i]).hash;
		assert_int_equal(hash[i], made(other[i]).hash);
		for (size_t k = 0; k < i; k++)
			assert_true(hash[k] != hash[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_rung_is_described),
	    cmocka_unit_test(rungs_in_the_order_of_the_ladder),
	    cmocka_unit_test(what_connects_has_the_budget_as_deadline),
	    cmocka_unit_test(what_is_skipped_says_why),
	    cmocka_unit_test(a_hash_says_whether_two_plans_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
