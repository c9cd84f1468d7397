/* gap: does something to a process and asks a file system until it gives the answer that is waited for.
 *
 *     gap [-s SIGNAL:PID] [-t SECONDS] RESULT PATH
 *     gap -n COUNT RESULT PATH
 *
 * SIGNAL is KILL or STOP. RESULT is OK, ENOENT or EIO. PATH is looked at again and again with lstat, until
 * that is the result; then the milliseconds since the signal (or the start) are printed. Exit status 1 if the
 * time is up (default: 60 s) before. With -n: looks so many times, and prints how many microseconds each
 * took; exit status 1 if one had another result. */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/base.h"
#include "base/clock.h"

static int parse_result(const char *text)
{
	static const struct {
		const char *name;
		int err;
	} results[] = {{"OK", 0}, {"ENOENT", ENOENT}, {"EIO", EIO}};

	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		if (strcmp(results[i].name, text) == 0)
			return results[i].err;
	errx(100, "no such result: %s", text);
}

static void send_signal(const char *text)
{
	static const char kill_prefix[] = "KILL:", stop_prefix[] = "STOP:";
	bool is_kill = strncmp(text, kill_prefix, strlen(kill_prefix)) == 0;
	long pid;

	if (!is_kill && strncmp(text, stop_prefix, strlen(stop_prefix)) != 0)
		errx(100, "not KILL:PID or STOP:PID: %s", text);
	pid = strtol(text + strlen(kill_prefix), NULL, 10);
	if (pid <= 1 || kill((pid_t)pid, is_kill ? SIGKILL : SIGSTOP) < 0)
		err(1, "%s", text);
}

static int look(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? errno : 0;
}

static int look_often(unsigned long count, int wanted, const char *path)
{
	while (count-- > 0) {
		uint64_t start_ns = clock_mono_ns();
		int got = look(path);

		if (got != wanted)
			errx(1, "%s: %s", path, got ? strerror(got) : "OK");
		printf("%.1f\n", (double)(clock_mono_ns() - start_ns) / 1e3);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = 200000};
	uint64_t start_ns, limit_ns = 60 * NSEC_PER_SEC;
	const char *signal_text = NULL;
	unsigned long count = 0;
	int c, wanted;

	while ((c = getopt(argc, argv, "s:t:n:")) != -1) {
		if (c == 's')
			signal_text = optarg;
		else if (c == 't')
			limit_ns = strtoul(optarg, NULL, 10) * NSEC_PER_SEC;
		else if (c == 'n')
			count = strtoul(optarg, NULL, 10);
		else
			return 100;
	}
	if (argc - optind != 2)
		errx(100, "usage: gap [-s SIGNAL:PID] [-t SECONDS] [-n COUNT] RESULT PATH");
	wanted = parse_result(argv[optind]);
	if (count)
		return look_often(count, wanted, argv[optind + 1]);
	start_ns = clock_mono_ns();
	if (signal_text)
		send_signal(signal_text);
	while (look(argv[optind + 1]) != wanted) {
		if (clock_mono_ns() - start_ns > limit_ns)
			errx(1, "waited in vain for %s from %s", argv[optind], argv[optind + 1]);
		nanosleep(&pause, NULL); /* sleep-ok: polling */
	}
	printf("%.2f\n", (double)(clock_mono_ns() - start_ns) / 1e6);
	return 0;
}
