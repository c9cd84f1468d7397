/* main.c: simulate: random histories until a rule breaks.
 *
 *   simulate [--count N] [--seed N] [--seeds FILE]   the kept seeds of FILE, then N histories from the seed
 * on simulate --seed N --trace                        one history, told step by step simulate --mutate NAME
 * [...]                     with a rule broken on purpose: exit status 0 if it is caught simulate --mutations
 * every such rule in turn
 *
 * Exit status: 0; 1 a rule was broken (or, with --mutate, not caught); 2 usage. */
#include "sim.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MUTATION_HISTORIES 20000u /* within so many each must be caught */

static const char *const mutation_names[MUTATION_COUNT] = {
    [MUTATE_NOTHING] = "nothing",
    [MUTATE_NO_FENCE] = "no-fence",
    [MUTATE_IGNORE_CAPS] = "ignore-caps",
    [MUTATE_CLOSE_UNPROVEN] = "close-unproven",
    [MUTATE_DOUBLE_CLOSE] = "double-close",
    [MUTATE_LOST_CLOSE] = "lost-close",
    [MUTATE_NO_BACKOFF] = "no-backoff",
    [MUTATE_ACT_AT_ONCE] = "act-at-once",
    [MUTATE_TRY_WHILE_HELD] = "try-while-held",
    [MUTATE_FORGET] = "forget",
    [MUTATE_DEAF] = "deaf",
    [MUTATE_TWO_TRIES] = "two-tries",
    [MUTATE_CALL_STORM] = "call-storm",
};

static struct sim sim;

struct totals {
	uint64_t histories, steps, tries, incidents;
};

static void add(struct totals *t)
{
	t->histories++;
	t->steps += sim.steps;
	t->tries += sim.ledger.tries;
	t->incidents += sim.ledger.opened;
}

static bool run_one(uint64_t seed, enum mutation mutation, bool trace, struct totals *totals)
{
	bool good = history_run(&sim, seed, mutation, trace);

	add(totals);
	if (!good && mutation == MUTATE_NOTHING)
		printf("seed %llu: after %.3f s of history: %s\nagain: simulate --seed %llu --trace\n",
		       (unsigned long long)seed, (double)(sim.now - SIM_START_NS) / 1e9, sim.what,
		       (unsigned long long)seed);
	return good;
}

/* One number a line; what follows it says what it found. */
static bool run_kept(const char *file, struct totals *totals)
{
	FILE *f = fopen(file, "re");
	char line[512];
	bool good = true;

	if (!f) {
		fprintf(stderr, "simulate: %s: %s\n", file, strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), f)) {
		char *end;
		unsigned long long seed = strtoull(line, &end, 10);

		if (end != line)
			good = run_one(seed, MUTATE_NOTHING, false, totals) && good;
	}
	fclose(f);
	return good;
}

static bool run_many(uint64_t seed, uint64_t count, struct totals *totals)
{
	for (uint64_t i = 0; i < count; i++)
		if (!run_one(seed + i, MUTATE_NOTHING, false, totals))
			return false;
	return true;
}

static bool run_mutation(enum mutation mutation, uint64_t seed, bool trace)
{
	struct totals totals = {0};

	for (uint64_t i = 0; i < MUTATION_HISTORIES; i++) {
		if (run_one(seed + i, mutation, trace, &totals))
			continue;
		printf("ok %s: caught in history %llu (seed %llu): %s\n", mutation_names[mutation],
		       (unsigned long long)i + 1, (unsigned long long)(seed + i), sim.what);
		return true;
	}
	printf("not ok %s: not caught in %u histories\n", mutation_names[mutation], MUTATION_HISTORIES);
	return false;
}

static bool run_mutations(uint64_t seed)
{
	bool good = true;

	for (unsigned m = MUTATE_NOTHING + 1; m < MUTATION_COUNT; m++)
		good = run_mutation((enum mutation)m, seed, false) && good;
	return good;
}

static enum mutation find_mutation(const char *name)
{
	for (unsigned m = MUTATE_NOTHING + 1; m < MUTATION_COUNT; m++)
		if (strcmp(mutation_names[m], name) == 0)
			return (enum mutation)m;
	return MUTATION_COUNT;
}

struct arguments {
	uint64_t seed, count;
	const char *kept;
	bool trace, mutations, wrong;
	enum mutation mutation;
};

static uint64_t number(const char *text, struct arguments *a)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	a->wrong |= end == text || *end;
	return n;
}

static struct arguments parse(int argc, char **argv)
{
	static const struct option options[] = {
	    {"count", required_argument, NULL, 'n'},
	    {"seed", required_argument, NULL, 's'},
	    {"seeds", required_argument, NULL, 'k'},
	    {"trace", no_argument, NULL, 't'},
	    {"mutate", required_argument, NULL, 'm'},
	    {"mutations", no_argument, NULL, 'M'},
	    {NULL, 0, NULL, 0},
	};
	struct arguments a = {.seed = 1, .count = 1000000};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n')
			a.count = number(optarg, &a);
		else if (option == 's')
			a.seed = number(optarg, &a);
		else if (option == 'k')
			a.kept = optarg;
		else if (option == 't')
			a.trace = true;
		else if (option == 'M')
			a.mutations = true;
		else if (option == 'm')
			a.mutation = find_mutation(optarg);
		else
			a.wrong = true;
	}
	a.wrong |= optind < argc || a.mutation == MUTATION_COUNT;
	return a;
}

static int run(const struct arguments *a)
{
	struct timespec begun, ended;
	struct totals totals = {0};
	bool good;

	if (a->mutations)
		return run_mutations(a->seed) ? 0 : 1;
	if (a->mutation != MUTATE_NOTHING)
		return run_mutation(a->mutation, a->seed, a->trace) ? 0 : 1;
	if (a->trace)
		return run_one(a->seed, MUTATE_NOTHING, true, &totals) ? 0 : 1;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	good = !a->kept || run_kept(a->kept, &totals);
	good = good && run_many(a->seed, a->count, &totals);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	printf("%s %llu histories in %.1f s: %llu steps, %llu tries, %llu incidents\n",
	       good ? "ok" : "not ok", (unsigned long long)totals.histories,
	       (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9,
	       (unsigned long long)totals.steps, (unsigned long long)totals.tries,
	       (unsigned long long)totals.incidents);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct arguments a = parse(argc, argv);

	if (!a.wrong)
		return run(&a);
	fputs(
	    "usage: simulate [--count N] [--seed N] [--seeds FILE] [--trace] [--mutate NAME] [--mutations]\n",
	    stderr);
	return 2;
}
