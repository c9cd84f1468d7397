/* The child's reports and first failure. */
#include "keeper/probe-child.h"
#include "base/fd.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

bool probe_fail(struct probe_run *run, enum errclass class, int error, enum errclass fallback,
		const char *fmt, ...)
{
	struct probe_report *f = &run->failure;
	va_list ap;

	if (f->errclass != ERRCLASS_NONE)
		return false;
	if (class == ERRCLASS_NONE)
		class = errclass_from_errno(error);
	if (class == ERRCLASS_NONE || !errclass_info(class)->infrastructure)
		class = fallback;
	f->errclass = class;
	f->error = error;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return false;
}

void probe_say(const struct probe_run *run, struct probe_report *report, int passed_fd)
{
	if (fd_send_message(run->sock, report, sizeof(*report), passed_fd) < 0)
		_exit(1);
}

void probe_say_alive(const struct probe_run *run)
{
	probe_say(run, &(struct probe_report){.kind = PROBE_SAYS_ALIVE}, -1);
}
