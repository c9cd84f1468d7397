/* One line, one write(2). */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <errno.h>
#include <poll.h>

static struct {
	const char *process;
	enum log_level threshold;
	/* stderr is systemd's, where "<N>" is the priority (sd-daemon(3)). */
	bool journal;
} log_state = {"guardfs", LOG_LEVEL_INFO, false};

void log_init(const char *process, enum log_level threshold)
{
	log_state.process = process;
	log_state.threshold = threshold;
	log_state.journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	size_t used = 0;
	int saved = errno;
	int n;
	va_list ap;

	if (level > log_state.threshold)
		return;
	if (log_state.journal)
		n = snprintf(line, sizeof(line), "<%d>%s: ", (int)level, log_state.process);
	else
		n = snprintf(line, sizeof(line), "guardfs[%d] %s: ", (int)getpid(), log_state.process);
	used = (size_t)n;
	va_start(ap, fmt);
	n = vsnprintf(line + used, sizeof(line) - used, fmt, ap);
	va_end(ap);
	used = MIN(used + (n > 0 ? (size_t)n : 0), sizeof(line) - 1);
	line[used] = '\n';
	/* A full pipe or stopped terminal must not stop guardian: the line is dropped. */
	if (poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, 0) == 1 &&
	    write(STDERR_FILENO, line, used + 1) < 0)
		errno = saved;
	errno = saved;
}
