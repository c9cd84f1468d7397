/* A step's wait, and its failure. */
#include "diagnose/internal.h"
#include "diagnose/classify.h"
#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

const char *diagnose_step_name(enum diagnose_step step)
{
	static const char *const names[DIAGNOSE_STEP_COUNT] = {
	    "config", "resolve", "connect", "greet", "host_key", "key", "sftp", "path", "space", "write"};

	return (unsigned)step < DIAGNOSE_STEP_COUNT ? names[step] : "none";
}

const char *diagnose_outcome_name(enum diagnose_outcome outcome)
{
	static const char *const names[] = {"not_reached", "passed", "failed", "skipped"};

	return (unsigned)outcome < ARRAY_SIZE(names) ? names[outcome] : "invalid";
}

static void note_detail(struct diagnose_run *run, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
static void note_detail(struct diagnose_run *run, const char *fmt, va_list ap)
{
	char text[2048];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	diagnose_clean(run->diagnosis->detail, sizeof(run->diagnosis->detail), text,
		       MIN((size_t)MAX(n, 0), sizeof(text) - 1));
}

enum diagnose_outcome diagnose_fail(struct diagnose_run *run, enum errclass class, const char *fmt, ...)
{
	va_list ap;

	run->diagnosis->class = class;
	va_start(ap, fmt);
	note_detail(run, fmt, ap);
	va_end(ap);
	return DIAGNOSE_FAILED;
}

void diagnose_waiting(struct diagnose_run *run, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diagnose_fail(run, run->step == DIAGNOSE_RESOLVE ? ERRCLASS_NAME_RESOLUTION : ERRCLASS_TIMEOUT,
		      "%s: no answer within %u ms in all", text, (unsigned)run->timeout_ms);
}

int diagnose_left_ms(const struct diagnose_run *run, uint64_t before_ns)
{
	uint64_t now_ns = clock_mono_ns(), until_ns = MIN(run->deadline_ns, before_ns);

	return now_ns >= until_ns ? 0 : (int)((until_ns - now_ns) / NSEC_PER_MSEC) + 1;
}

void diagnose_canary_name(char *name)
{
	uint64_t random = clock_real_ns();

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random ^= (uint64_t)getpid() << 32;
	snprintf(name, DIAGNOSE_CANARY_MAX, ".guardfs-canary-%016llx", (unsigned long long)random);
}
