/* Hooks: who may be run, what a hook gets to see, what is kept of its output, and that its time limit holds
 * for everything in its group. With real programs, in a directory that only root can change. As root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fd.h"
#include "journal/journal.h"
#include "keeper/hooks.h"
#include "remove-tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESULTS_MAX 80

static char dir[64]; /* below /var/lib: nothing above it is writable by others */
static struct config *config;
static struct hooks *hooks;
static unsigned n_results;
static struct {
	char program[256], outcome[128], output[JOURNAL_TEXT_MAX];
	struct hook_result r;
} results[RESULTS_MAX];

/* ---- helpers ---- */

static void in_dir(char *path, size_t size, const char *name)
{
	assert_true(snprintf(path, size, "%s/%s", dir, name) < (int)size);
}

static void script(const char *name, const char *text)
{
	char path[128];

	in_dir(path, sizeof(path), name);
	assert_int_equal(fd_write_atomic(path, text, strlen(text), 0755, false), 0);
}

static void read_text(const char *name, char *text, size_t size)
{
	char path[128];

	in_dir(path, sizeof(path), name);
	assert_true(fd_read_file(path, text, size) >= 0);
}

/* Adds argv (NULL-terminated; the first below dir unless absolute) to the configuration. */
static void configure(enum config_hook hook, const char *const *argv)
{
	struct config_program *p = &config->hooks[config->n_hooks++];
	size_t used = 0;
	char path[128];

	p->hook = hook;
	for (p->argc = 0; argv[p->argc]; p->argc++) {
		const char *word = argv[p->argc];

		if (p->argc == 0 && word[0] != '/') {
			in_dir(path, sizeof(path), word);
			word = path;
		}
		assert_true(used + strlen(word) < sizeof(p->argv));
		memcpy(p->argv + used, word, strlen(word) + 1);
		used += strlen(word) + 1;
	}
}

#define HOOK(hook, ...) configure(hook, (const char *const[]){__VA_ARGS__, NULL})

static void note(void *arg, const struct hook_result *r)
{
	assert_ptr_equal(arg, &n_results);
	assert_true(n_results < RESULTS_MAX);
	results[n_results].r = *r;
	(void)copy_string(results[n_results].program, sizeof(results[0].program), r->program);
	(void)copy_string(results[n_results].outcome, sizeof(results[0].outcome), r->outcome);
	assert_int_equal(copy_string(results[n_results].output, sizeof(results[0].output), r->output), 0);
	n_results++;
}

static struct hook_event event_of(enum config_hook kind)
{
	struct hook_event e = {.kind = kind, .incident = 42};

	strcpy(e.backend, "storagebox");
	strcpy(e.class, "timeout");
	strcpy(e.state, "down");
	strcpy(e.routes, "/srv/jobs/hc/a b\n/srv/jobs/phac/c\n");
	strcpy(e.jobs, "a b\nc\n");
	return e;
}

static int run(enum config_hook kind)
{
	struct hook_event e = event_of(kind);

	return hooks_run(hooks, &e, clock_mono_ns());
}

/* What keeper does between two events. */
static void turn(void)
{
	struct pollfd p = {.fd = hooks_poll_fd(hooks), .events = POLLIN};
	int status;
	pid_t pid;

	poll(&p, 1, 5);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		hooks_reaped(hooks, pid, status);
	hooks_step(hooks, clock_mono_ns());
}

static void await_results(unsigned n, unsigned limit_ms)
{
	uint64_t until_ns = clock_mono_ns() + limit_ms * NSEC_PER_MSEC;

	while (n_results < n && clock_mono_ns() < until_ns)
		turn();
	assert_int_equal(n_results, n);
}

static void assert_outcome(unsigned i, bool ok, const char *outcome)
{
	if (!strstr(results[i].outcome, outcome))
		print_error("outcome: %s\n%s\n", results[i].outcome, results[i].output);
	assert_non_null(strstr(results[i].outcome, outcome));
	assert_int_equal(results[i].r.ok, ok);
}

static bool is_gone(pid_t pid)
{
	char state = child_state(pid, NULL);

	return state == 0 || state == 'Z' || state == 'X';
}

static pid_t read_pid(const char *name)
{
	char text[32];

	read_text(name, text, sizeof(text));
	return (pid_t)atoi(text);
}

static unsigned open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* ---- what a hook gets ---- */

static void exactly_these_variables(void **state)
{
	char expected[1024];

	(void)state;
	HOOK(CONFIG_HOOK_DOWN, "/usr/bin/env", "-0");
	setenv("GUARDFS_SECRET", "of keeper's own environment", 1);
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	await_results(1, 5000);
	unsetenv("GUARDFS_SECRET");
	assert_outcome(0, true, "exit 0");
	/* A zero byte is no text; it is shown as a question mark. */
	snprintf(expected, sizeof(expected),
		 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin?GUARDFS_EVENT=down?"
		 "GUARDFS_NAME=jobs?GUARDFS_MOUNTPOINT=/srv/jobs?GUARDFS_RUN_DIR=/run/guardfs/jobs?"
		 "GUARDFS_INCIDENT=42?GUARDFS_BACKEND=storagebox?GUARDFS_CLASS=timeout?GUARDFS_STATE=down?"
		 "GUARDFS_ROUTES=/srv/jobs/hc/a b\n/srv/jobs/phac/c\n?GUARDFS_JOBS=a b\nc\n?");
	assert_string_equal(results[0].output, expected);
	assert_string_equal(results[0].program, "/usr/bin/env");
	assert_string_equal(results[0].r.backend, "storagebox");
	assert_int_equal(results[0].r.incident, 42);
	assert_int_equal(results[0].r.kind, CONFIG_HOOK_DOWN);
}

static void arguments_as_they_are(void **state)
{
	(void)state;
	HOOK(CONFIG_HOOK_DOWN, "/usr/bin/printf", "[%s]", "two words", "a\nline", "$(id)", "", "; rm *",
	     "'\"\\");
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	await_results(1, 5000);
	assert_string_equal(results[0].output, "[two words][a\nline][$(id)][][; rm *]['\"\\]");
}

/* 32 and 33 are the C library's own: nobody can set them, and under make they come in ignored. */
static void forget_libc_signals(char *output)
{
	char *mask = strstr(output, "SigIgn: 0000000180000000");

	if (mask)
		memcpy(mask, "SigIgn: 0000000000000000", strlen("SigIgn: 0000000000000000"));
}

/* Directory, descriptors (ls has the one it reads with), group, signals, umask, OOM score. */
static void surroundings(void **state)
{
	char pid[32];

	(void)state;
	script("look", "#!/bin/sh\npwd\nls /proc/self/fd | tr '\\n' ' '\nreadlink /proc/$$/fd/0\numask\n"
		       "cat /proc/self/oom_score_adj\n"
		       "grep -E '^Sig(Blk|Ign)' /proc/self/status | tr '\\n\\t' '  '\n"
		       "echo; sed 's/.*) //' /proc/$$/stat | cut -d' ' -f3; echo $$\n");
	HOOK(CONFIG_HOOK_DOWN, "look");
	signal(SIGUSR1, SIG_IGN);
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	signal(SIGUSR1, SIG_DFL);
	await_results(1, 5000);
	forget_libc_signals(results[0].output);
	assert_non_null(strstr(results[0].output,
			       "/\n0 1 2 3 /dev/null\n0022\n0\nSigBlk: 0000000000000000 SigIgn: "
			       "0000000000000000 \n"));
	/* Its process group is itself. */
	assert_int_equal(sscanf(strstr(results[0].output, " \n") + 2, "%31s", pid), 1);
	assert_non_null(strstr(strstr(results[0].output, pid) + 1, pid));
}

static void statuses(void **state)
{
	(void)state;
	script("seven", "#!/bin/sh\nexit 7\n");
	script("shot", "#!/bin/sh\nkill -KILL $$\n");
	HOOK(CONFIG_HOOK_DOWN, "seven");
	HOOK(CONFIG_HOOK_DOWN, "shot");
	assert_int_equal(run(CONFIG_HOOK_DOWN), 2);
	await_results(2, 5000);
	assert_outcome(0, false, "exit 7");
	assert_outcome(1, false, "killed by signal 9");
}

/* ---- refusals ---- */

static void refused_program(const char *name, errint_t error, const char *why)
{
	char path[192], text[256] = "";
	unsigned before = n_results;

	if (name[0] == '/')
		(void)copy_string(path, sizeof(path), name);
	else
		in_dir(path, sizeof(path), name);
	assert_int_equal(hooks_check_program(path, text, sizeof(text)), error);
	if (!strstr(text, why))
		print_error("%s: %s\n", path, text);
	assert_non_null(strstr(text, why));
	config->n_hooks = 0;
	HOOK(CONFIG_HOOK_DOWN, path);
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	await_results(before + 1, 5000);
	assert_outcome(before, false, "refused: ");
	assert_outcome(before, false, why);
}

static void change(const char *name, mode_t mode, uid_t owner)
{
	char path[128];

	in_dir(path, sizeof(path), name);
	assert_int_equal(lchown(path, owner, 0), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void programs_that_others_could_change(void **state)
{
	char path[128], target[128];

	(void)state;
	script("program", "#!/bin/sh\n");
	in_dir(path, sizeof(path), "program");
	assert_int_equal(hooks_check_program(path, target, sizeof(target)), 0);
	change("program", 0775, 0);
	refused_program("program", -EPERM, "writable by others (mode 0775)");
	change("program", 0757, 0);
	refused_program("program", -EPERM, "writable by others (mode 0757)");
	change("program", 0755, 1000);
	refused_program("program", -EPERM, "belongs to user 1000");
	change("program", 0644, 0);
	refused_program("program", -EACCES, "not an executable file");
	refused_program("absent", -ENOENT, "No such file");
	refused_program("/", -EACCES, "not an executable file");
}

static void directories_that_others_could_change(void **state)
{
	static const char *const parts[] = {"above", "above/between", "above/between/here"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		in_dir(path, sizeof(path), parts[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	script("above/between/here/program", "#!/bin/sh\n");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		change(parts[i], 0775, 0);
		refused_program("above/between/here/program", -EPERM, "writable by others");
		change(parts[i], 01777, 0); /* as /tmp */
		refused_program("above/between/here/program", -EPERM, "writable by others");
		change(parts[i], 0755, 1000);
		refused_program("above/between/here/program", -EPERM, "belongs to user 1000");
		change(parts[i], 0755, 0);
	}
	in_dir(path, sizeof(path), "above/between/here/program");
	HOOK(CONFIG_HOOK_RECOVERED, path);
	n_results = 0;
	assert_int_equal(run(CONFIG_HOOK_RECOVERED), 1);
	await_results(1, 5000);
	assert_outcome(0, true, "exit 0");
}

/* A link may be changed by its owner, and what it leads to lies in directories of its own. */
static void links(void **state)
{
	char path[128], open_dir[128];

	(void)state;
	in_dir(open_dir, sizeof(open_dir), "open");
	assert_int_equal(mkdir(open_dir, 0755), 0);
	script("open/program", "#!/bin/sh\n");
	in_dir(path, sizeof(path), "link");
	assert_int_equal(symlink("open/program", path), 0);
	HOOK(CONFIG_HOOK_RECOVERED, "link");
	assert_int_equal(run(CONFIG_HOOK_RECOVERED), 1);
	await_results(1, 5000);
	assert_outcome(0, true, "exit 0");
	assert_int_equal(lchown(path, 1000, 0), 0);
	refused_program("link", -EPERM, "link belongs to user 1000");
	assert_int_equal(lchown(path, 0, 0), 0);
	change("open", 0777, 0);
	refused_program("link", -EPERM, "open is writable by others");
}

static void relative_and_endless_paths(void **state)
{
	char text[256];
	static char path[8192];

	(void)state;
	assert_int_equal(hooks_check_program("bin/sh", text, sizeof(text)), -EINVAL);
	assert_int_equal(hooks_check_program("", text, sizeof(text)), -EINVAL);
	memset(path, '/', sizeof(path) - 1);
	assert_int_equal(hooks_check_program(path, text, sizeof(text)), -EINVAL);
}

static void a_file_that_cannot_be_executed(void **state)
{
	(void)state;
	script("garbage", "\x01\x02 no program\n");
	script("no-interpreter", "#!/no/such/interpreter\n");
	HOOK(CONFIG_HOOK_DOWN, "garbage");
	HOOK(CONFIG_HOOK_DOWN, "no-interpreter");
	assert_int_equal(run(CONFIG_HOOK_DOWN), 2);
	await_results(2, 5000);
	assert_outcome(0, false, "cannot be run: Exec format error");
	assert_outcome(1, false, "cannot be run: No such file");
}

/* ---- output ---- */

static void both_streams_in_order(void **state)
{
	(void)state;
	script("both", "#!/bin/sh\necho one\necho two >&2\necho three\n");
	HOOK(CONFIG_HOOK_DOWN, "both");
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	await_results(1, 5000);
	assert_string_equal(results[0].output, "one\ntwo\nthree\n");
}

static void of_long_output_both_ends(void **state)
{
	const char *cut;
	size_t n;

	(void)state;
	HOOK(CONFIG_HOOK_DOWN, "/usr/bin/seq", "100000");
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	await_results(1, 5000);
	assert_outcome(0, true, "exit 0");
	n = strlen(results[0].output);
	assert_in_range(n, JOURNAL_TEXT_MAX - 64, JOURNAL_TEXT_MAX - 1);
	assert_memory_equal(results[0].output, "1\n2\n3\n", 6);
	assert_string_equal(results[0].output + n - 14, "\n99999\n100000\n");
	cut = strstr(results[0].output, "bytes left out");
	assert_non_null(cut);
	/* 588895 bytes in all. */
	assert_int_equal(atoi(strstr(results[0].output, "[... ") + 5), 588895 - (JOURNAL_TEXT_MAX - 64));
}

/* One byte less, the limit, and one more: nothing missing, nothing doubled. */
static void output_around_the_limit(void **state)
{
	char count[16];

	(void)state;
	for (int n = JOURNAL_TEXT_MAX - 66; n <= JOURNAL_TEXT_MAX - 62; n++) {
		bool whole = n <= JOURNAL_TEXT_MAX - 64;

		snprintf(count, sizeof(count), "%%%dd", n);
		config->n_hooks = n_results = 0;
		HOOK(CONFIG_HOOK_DOWN, "/usr/bin/printf", count, "5");
		assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
		await_results(1, 5000);
		assert_int_equal(strstr(results[0].output, "left out") == NULL, whole);
		if (whole)
			assert_int_equal(strlen(results[0].output), n);
		assert_int_equal(results[0].output[strlen(results[0].output) - 1], '5');
	}
}

static void output_that_is_no_text(void **state)
{
	(void)state;
	HOOK(CONFIG_HOOK_DOWN, "/usr/bin/printf", "a\\033[2J\\377\\tb\\303\\244\\303\n");
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	await_results(1, 5000);
	assert_string_equal(results[0].output, "a?[2J?\tb\303\244?\n");
}

/* ---- limits ---- */

static void a_hook_that_takes_too_long(void **state)
{
	uint64_t began_ns = clock_mono_ns();

	(void)state;
	script("slow", "#!/bin/sh\necho began\nexec sleep 600\n"); /* sleep-ok: is killed */
	HOOK(CONFIG_HOOK_DOWN, "slow");
	config->hook_timeout_ms = 1000;
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	await_results(1, 10000);
	assert_outcome(0, false, "timed out after 1 s");
	assert_string_equal(results[0].output, "began\n");
	/* SIGTERM was enough. */
	assert_in_range((clock_mono_ns() - began_ns) / NSEC_PER_MSEC, 1000, 2500);
	assert_in_range(results[0].r.duration_ms, 1000, 2500);
}

static void a_grandchild_that_ignores_sigterm(void **state)
{
	pid_t pid;

	(void)state;
	script(
	    "stubborn",
	    "#!/bin/sh\ncd \"${0%/*}\"\n(trap '' TERM; echo $$ >/dev/null; sh -c 'echo $PPID' >grandchild; "
	    "while :; do sleep 600; done) &\nwait\n"); /* sleep-ok: is killed */
	HOOK(CONFIG_HOOK_DOWN, "stubborn");
	config->hook_timeout_ms = 500;
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	await_results(1, 10000);
	assert_outcome(0, false, "timed out");
	assert_in_range(results[0].r.duration_ms, 2400, 6000);
	pid = read_pid("grandchild");
	assert_true(pid > 1);
	for (int i = 0; i < 400 && !is_gone(pid); i++)
		turn();
	assert_true(is_gone(pid));
}

/* The program ends well, but something of it holds the output: that is not waited for until the limit. */
static void a_child_left_behind(void **state)
{
	pid_t pid;

	(void)state;
	script(
	    "parent",
	    "#!/bin/sh\ncd \"${0%/*}\"\nsleep 600 &\necho $! >left\necho done\n"); /* sleep-ok: is killed */
	HOOK(CONFIG_HOOK_DOWN, "parent");
	config->hook_timeout_ms = 60000;
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	await_results(1, 10000);
	assert_outcome(0, true, "exit 0, what it left running was killed");
	assert_string_equal(results[0].output, "done\n");
	pid = read_pid("left");
	for (int i = 0; i < 400 && !is_gone(pid); i++)
		turn();
	assert_true(is_gone(pid));
}

/* One that left the group escapes, but holds nothing up. */
static void one_that_leaves_the_group(void **state)
{
	pid_t pid;

	(void)state;
	script(
	    "escape",
	    "#!/bin/sh\ncd \"${0%/*}\"\nsetsid sh -c 'echo $$ >escaped; exec sleep 600' &\n" /* sleep-ok: is
												killed */
	    "while ! [ -s escaped ]; do :; done\n");
	HOOK(CONFIG_HOOK_DOWN, "escape");
	HOOK(CONFIG_HOOK_DOWN, "/bin/true");
	assert_int_equal(run(CONFIG_HOOK_DOWN), 2);
	await_results(2, 15000);
	assert_outcome(0, true, "exit 0");
	assert_in_range(results[0].r.duration_ms, 4000, 9000);
	assert_outcome(1, true, "exit 0");
	pid = read_pid("escaped");
	assert_false(is_gone(pid));
	kill(pid, SIGKILL);
}

/* Endless output neither fills memory nor keeps the limit from being seen. */
static void output_without_end(void **state)
{
	(void)state;
	HOOK(CONFIG_HOOK_DOWN, "/usr/bin/yes", "no");
	config->hook_timeout_ms = 500;
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	await_results(1, 10000);
	assert_outcome(0, false, "timed out");
	assert_in_range(results[0].r.duration_ms, 500, 2500);
	assert_non_null(strstr(results[0].output, "left out"));
}

/* ---- the queue ---- */

static void one_after_the_other(void **state)
{
	(void)state;
	script("alone", "#!/bin/sh\ncd \"${0%/*}\"\nmkdir busy || exit 9\necho $1\nrmdir busy\n");
	HOOK(CONFIG_HOOK_DOWN, "alone", "down 1");
	HOOK(CONFIG_HOOK_RECOVERED, "alone", "recovered");
	HOOK(CONFIG_HOOK_DOWN, "alone", "down 2");
	assert_int_equal(run(CONFIG_HOOK_STALL), 0);
	assert_int_equal(run(CONFIG_HOOK_DOWN), 2);
	assert_int_equal(run(CONFIG_HOOK_RECOVERED), 1);
	assert_int_equal(run(CONFIG_HOOK_DOWN), 2);
	await_results(5, 10000);
	static const char *const expected[] = {"down 1\n", "down 2\n", "recovered\n", "down 1\n", "down 2\n"};

	for (unsigned i = 0; i < 5; i++) {
		assert_outcome(i, true, "exit 0");
		assert_string_equal(results[i].output, expected[i]);
	}
	assert_true(hooks_step(hooks, clock_mono_ns()) == UINT64_MAX);
	assert_int_equal(hooks_poll_fd(hooks), -1);
}

static void a_full_queue(void **state)
{
	(void)state;
	HOOK(CONFIG_HOOK_DOWN, "/bin/true");
	for (unsigned i = 0; i < HOOKS_QUEUE_MAX; i++)
		assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	assert_int_equal(run(CONFIG_HOOK_DOWN), -EAGAIN);
	await_results(HOOKS_QUEUE_MAX, 20000);
	assert_int_equal(run(CONFIG_HOOK_DOWN), 1);
	await_results(HOOKS_QUEUE_MAX + 1, 5000);
}

static void the_end_of_guardfs(void **state)
{
	pid_t pid;

	(void)state;
	script("long",
	       "#!/bin/sh\ncd \"${0%/*}\"\necho $$ >long.pid\necho here\nexec sleep 600\n"); /* sleep-ok: is
												killed */
	HOOK(CONFIG_HOOK_DOWN, "long");
	HOOK(CONFIG_HOOK_DOWN, "/bin/true");
	assert_int_equal(run(CONFIG_HOOK_DOWN), 2);
	assert_int_equal(run(CONFIG_HOOK_DOWN), 2);
	while (poll(&(struct pollfd){.fd = hooks_poll_fd(hooks), .events = POLLIN}, 1, 5000) == 0)
		;
	hooks_destroy(hooks);
	hooks = NULL;
	assert_int_equal(n_results, 4);
	assert_outcome(0, false, "ended with guardfs");
	assert_string_equal(results[0].output, "here\n");
	for (unsigned i = 1; i < 4; i++) {
		assert_outcome(i, false, "not run: guardfs ends");
		assert_string_equal(results[i].output, "");
	}
	assert_string_equal(results[1].program, "/bin/true");
	pid = read_pid("long.pid");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- stage ---- */

static unsigned descriptors_before;

static int set_up(void **state)
{
	(void)state;
	descriptors_before = open_descriptors();
	strcpy(dir, "/var/lib/guardfs-hooks-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	config = calloc(1, sizeof(*config));
	strcpy(config->name, "jobs");
	strcpy(config->mountpoint, "/srv/jobs");
	strcpy(config->run_dir, "/run/guardfs/jobs");
	config->hook_timeout_ms = 20000;
	n_results = 0;
	hooks = hooks_create(config, note, &n_results);
	assert_non_null(hooks);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (hooks)
		hooks_destroy(hooks);
	free(config);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	assert_int_equal(remove_tree(dir), 0);
	assert_int_equal(open_descriptors(), descriptors_before);
	return 0;
}

static void needs_root(void **state)
{
	(void)state;
	skip();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest none[] = {cmocka_unit_test(needs_root)};
	const struct CMUnitTest tests[] = {
	    CASE(exactly_these_variables),
	    CASE(arguments_as_they_are),
	    CASE(surroundings),
	    CASE(statuses),
	    CASE(programs_that_others_could_change),
	    CASE(directories_that_others_could_change),
	    CASE(links),
	    CASE(relative_and_endless_paths),
	    CASE(a_file_that_cannot_be_executed),
	    CASE(both_streams_in_order),
	    CASE(of_long_output_both_ends),
	    CASE(output_around_the_limit),
	    CASE(output_that_is_no_text),
	    CASE(a_hook_that_takes_too_long),
	    CASE(a_grandchild_that_ignores_sigterm),
	    CASE(a_child_left_behind),
	    CASE(one_that_leaves_the_group),
	    CASE(output_without_end),
	    CASE(one_after_the_other),
	    CASE(a_full_queue),
	    CASE(the_end_of_guardfs),
	};

	if (geteuid() != 0)
		return cmocka_run_group_tests(none, NULL, NULL);
	/* As keeper does: what a hook leaves behind is ours to reap. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
