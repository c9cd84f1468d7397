#include "keeper/hooks-child.h"
#include "keeper/spawn.h"
#include "base/cleanup.h"
#include "journal/journal.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define GRACE_NS      (2 * NSEC_PER_SEC) /* SIGTERM to SIGKILL, and for output after the end */
#define GIVE_UP_NS    (NSEC_PER_SEC)	 /* after SIGKILL */
#define READ_STEP_MAX 65536u		 /* a step */
#define CUT_TEXT_MAX  64u		 /* for the line that tells the cut */
#define HEAD_MAX      ((JOURNAL_TEXT_MAX - CUT_TEXT_MAX) / 2)
#define TAIL_MAX      (JOURNAL_TEXT_MAX - CUT_TEXT_MAX - HEAD_MAX)

enum stage {
	STAGE_IDLE,
	STAGE_RUNNING,
	STAGE_LINGERING,  /* ended, but its output is open */
	STAGE_TERMINATED, /* the group got SIGTERM */
	STAGE_KILLED,	  /* and SIGKILL */
};

/* The first bytes; the last in a ring. */
struct output {
	uint64_t total;
	char head[HEAD_MAX];
	char tail[TAIL_MAX];
	char text[JOURNAL_TEXT_MAX];
};

struct hooks {
	const struct config *config;
	void (*done)(void *arg, const struct hook_result *result);
	void *arg;
	/* The host's; -1: none to enter. */
	int namespace_fd;

	struct hook_event queue[HOOKS_QUEUE_MAX];
	unsigned first, n;
	/* Next of the first event in config->hooks. */
	uint32_t program;

	enum stage stage;
	pid_t pid;
	bool reaped, timed_out;
	int status;
	/* -1: ended. */
	int output_fd, refusal_fd;
	uint64_t began_ns, until_ns;
	char failure[128];
	char name[CONFIG_HOOK_ARGV_MAX];
	struct output output;
	struct hook_environment environment;
};

/* ---- output ---- */

static void keep_output(struct output *o, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++, o->total++) {
		if (o->total < HEAD_MAX)
			o->head[o->total] = bytes[i];
		else
			o->tail[(o->total - HEAD_MAX) % TAIL_MAX] = bytes[i];
	}
}

/* Any bytes become fit for JSON and terminals. */
static void make_text(char *text, size_t n)
{
	size_t i = 0;

	while (i < n) {
		unsigned char c = (unsigned char)text[i];
		unsigned length = utf8_sequence(text + i, n - i, NULL);

		if (length == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			text[i] = '?';
		i += MAX(length, 1u);
	}
	text[n] = '\0';
}

static const char *put_together(struct output *o)
{
	size_t n = (size_t)MIN(o->total, (uint64_t)HEAD_MAX);
	uint64_t after = o->total - n;

	memcpy(o->text, o->head, n);
	if (after > TAIL_MAX)
		n += (size_t)snprintf(o->text + n, CUT_TEXT_MAX, "\n[... %llu bytes left out ...]\n",
				      (unsigned long long)(after - TAIL_MAX));
	for (uint64_t i = after > TAIL_MAX ? after - TAIL_MAX : 0; i < after; i++)
		o->text[n++] = o->tail[i % TAIL_MAX];
	make_text(o->text, n);
	return o->text;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void read_output(struct hooks *h)
{
	char bytes[4096];

	for (size_t taken = 0; h->output_fd >= 0 && taken < READ_STEP_MAX;) {
		ssize_t n = read(h->output_fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_fd(&h->output_fd);
			return;
		}
		keep_output(&h->output, bytes, (size_t)n);
		taken += (size_t)n;
	}
}

/* ---- starting ---- */

static void fail_start(struct hooks *h, int err)
{
	snprintf(h->failure, sizeof(h->failure), "cannot be run: %s", strerror(err));
}

/* Our ends never block. */
static errint_t make_pipes(int output[2], int refusal[2])
{
	if (pipe2(output, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(refusal, O_CLOEXEC) < 0) {
		errint_t rc = -errno;

		close(output[0]);
		close(output[1]);
		return rc;
	}
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	fcntl(refusal[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static errint_t spawn_program(struct hooks *h, char *const *argv)
{
	CLEANUP_FD int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t keeper = getpid();
	int output[2], refusal[2];
	errint_t rc = input < 0 ? -errno : make_pipes(output, refusal);

	if (rc < 0)
		return rc;
	const int fds[HOOK_FD_COUNT] = {output[1], input, refusal[1],
					h->namespace_fd >= 0 ? h->namespace_fd : input};

	h->pid = spawn_fork(fds, HOOK_FD_COUNT);
	if (h->pid == 0)
		hook_child(keeper, argv, h->environment.vars);
	close(output[1]);
	close(refusal[1]);
	h->output_fd = output[0];
	h->refusal_fd = refusal[0];
	if (h->pid < 0)
		return h->pid;
	/* As the child does: either may be first, and a missing group cannot be killed. */
	(void)setpgid(h->pid, h->pid);
	return 0;
}

static void start_program(struct hooks *h, const struct hook_event *event,
			  const struct config_program *program, uint64_t now_ns)
{
	char *argv[CONFIG_HOOK_WORDS_MAX + 1];
	unsigned n = config_program_words(program, argv);
	errint_t rc = n == 0 ? -EINVAL : hook_environment(&h->environment, h->config, event);

	h->stage = STAGE_RUNNING;
	h->pid = 0;
	h->reaped = h->timed_out = false;
	h->status = 0;
	h->output_fd = h->refusal_fd = -1;
	h->failure[0] = '\0';
	h->output.total = 0;
	h->began_ns = now_ns;
	h->until_ns = now_ns + h->config->hook_timeout_ms * NSEC_PER_MSEC;
	(void)copy_string(h->name, sizeof(h->name), n ? argv[0] : "?");
	if (rc == 0)
		rc = spawn_program(h, argv);
	if (rc < 0)
		fail_start(h, -rc);
}

/* For the queue's first event; one without further programs is dropped. NULL: nothing queued. */
static const struct config_program *next_program(struct hooks *h)
{
	for (; h->n > 0; h->n--, h->program = 0) {
		const struct hook_event *event = &h->queue[h->first];

		while (h->program < h->config->n_hooks) {
			const struct config_program *p = &h->config->hooks[h->program++];

			if (p->hook == (uint32_t)event->kind)
				return p;
		}
		h->first = (h->first + 1) % HOOKS_QUEUE_MAX;
	}
	return NULL;
}

static bool start_next(struct hooks *h, uint64_t now_ns)
{
	const struct config_program *p = next_program(h);

	if (p)
		start_program(h, &h->queue[h->first], p, now_ns);
	return p != NULL;
}

/* ---- ending ---- */

/* Once the program is reaped and the group empty its number is free, but comes back only after a round of pids. */
static void signal_group(const struct hooks *h, int sig)
{
	if (h->pid > 0 && kill(-h->pid, sig) < 0 && errno == ESRCH && !h->reaped)
		kill(h->pid, sig);
}

static bool take_refusal(struct hooks *h)
{
	char text[sizeof(h->failure)];
	ssize_t n = h->refusal_fd >= 0 ? read(h->refusal_fd, text, sizeof(text) - 1) : 0;

	if (n <= 0)
		return false;
	make_text(text, (size_t)n);
	(void)copy_string(h->failure, sizeof(h->failure), text);
	return true;
}

static void describe_end(struct hooks *h, struct hook_result *r)
{
	if (h->failure[0] || take_refusal(h))
		(void)copy_string(r->outcome, sizeof(r->outcome), h->failure);
	else if (h->timed_out)
		snprintf(r->outcome, sizeof(r->outcome), "timed out after %u s",
			 (unsigned)(h->config->hook_timeout_ms + 500) / 1000);
	else if (!h->reaped)
		snprintf(r->outcome, sizeof(r->outcome), "cannot be killed: it hangs");
	else if (WIFSIGNALED(h->status))
		snprintf(r->outcome, sizeof(r->outcome), "killed by signal %d", WTERMSIG(h->status));
	else
		snprintf(r->outcome, sizeof(r->outcome), "exit %d%s", WEXITSTATUS(h->status),
			 h->stage == STAGE_RUNNING || h->stage == STAGE_LINGERING
			     ? ""
			     : ", what it left running was killed");
	r->ok = !h->failure[0] && !h->timed_out && h->reaped && WIFEXITED(h->status) &&
		WEXITSTATUS(h->status) == 0;
}

static void report_end(struct hooks *h, const char *outcome, uint64_t now_ns)
{
	const struct hook_event *event = &h->queue[h->first];
	struct hook_result r = {.kind = event->kind, .incident = event->incident, .program = h->name};

	(void)copy_string(r.backend, sizeof(r.backend), event->backend);
	describe_end(h, &r);
	if (outcome) {
		(void)copy_string(r.outcome, sizeof(r.outcome), outcome);
		r.ok = false;
	}
	r.duration_ms = now_ns > h->began_ns ? (now_ns - h->began_ns) / NSEC_PER_MSEC : 0;
	r.output = put_together(&h->output);
	close_fd(&h->output_fd);
	close_fd(&h->refusal_fd);
	h->stage = STAGE_IDLE;
	h->pid = 0;
	h->done(h->arg, &r);
}

static bool is_over(const struct hooks *h)
{
	return h->failure[0] || (h->reaped && h->output_fd < 0);
}

static void next_stage(struct hooks *h, uint64_t now_ns)
{
	switch (h->stage) {
	case STAGE_RUNNING:
	case STAGE_LINGERING:
		h->timed_out = !h->reaped;
		signal_group(h, SIGTERM);
		h->stage = STAGE_TERMINATED;
		h->until_ns = now_ns + GRACE_NS;
		break;
	case STAGE_TERMINATED:
		signal_group(h, SIGKILL);
		h->stage = STAGE_KILLED;
		h->until_ns = now_ns + GIVE_UP_NS;
		break;
	default:
		report_end(h, NULL, now_ns);
		break;
	}
}

static void advance(struct hooks *h, uint64_t now_ns)
{
	read_output(h);
	if (h->stage == STAGE_RUNNING && h->reaped && h->output_fd >= 0) {
		h->stage = STAGE_LINGERING;
		h->until_ns = now_ns + GRACE_NS;
	}
	if (is_over(h)) {
		/* The group may hold processes that closed their output. */
		if (h->timed_out && !h->failure[0])
			signal_group(h, SIGKILL);
		report_end(h, NULL, now_ns);
	} else if (now_ns >= h->until_ns) {
		next_stage(h, now_ns);
	}
}

/* As keeper's parent. */
static int open_host_namespace(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)getppid());
	return open(path, O_RDONLY | O_CLOEXEC);
}

struct hooks *hooks_create(const struct config *config,
			   void (*done)(void *arg, const struct hook_result *result), void *arg)
{
	struct hooks *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->config = config;
	h->done = done;
	h->arg = arg;
	h->output_fd = h->refusal_fd = -1;
	h->namespace_fd = open_host_namespace();
	return h;
}

static void report_waiting(struct hooks *h)
{
	const struct config_program *p;

	while ((p = next_program(h))) {
		char *argv[CONFIG_HOOK_WORDS_MAX + 1];

		(void)copy_string(h->name, sizeof(h->name), config_program_words(p, argv) ? argv[0] : "?");
		h->output.total = 0;
		report_end(h, "not run: guardfs ends", h->began_ns);
	}
}

void hooks_destroy(struct hooks *h)
{
	if (h->stage != STAGE_IDLE) {
		signal_group(h, SIGKILL);
		read_output(h);
		report_end(h, "ended with guardfs", h->began_ns);
	}
	report_waiting(h);
	close_fd(&h->namespace_fd);
	free(h);
}

int hooks_run(struct hooks *h, const struct hook_event *event, uint64_t now_ns)
{
	int n = 0;

	for (uint32_t i = 0; i < h->config->n_hooks; i++)
		n += h->config->hooks[i].hook == (uint32_t)event->kind;
	if (n == 0)
		return 0;
	if (h->n == HOOKS_QUEUE_MAX)
		return -EAGAIN;
	h->queue[(h->first + h->n) % HOOKS_QUEUE_MAX] = *event;
	h->n++;
	if (h->stage == STAGE_IDLE && h->n == 1)
		(void)start_next(h, now_ns);
	return n;
}

int hooks_poll_fd(const struct hooks *h)
{
	return h->output_fd;
}

void hooks_reaped(struct hooks *h, pid_t pid, int status)
{
	if (h->stage == STAGE_IDLE || pid != h->pid)
		return;
	h->reaped = true;
	h->status = status;
}

uint64_t hooks_step(struct hooks *h, uint64_t now_ns)
{
	do {
		if (h->stage != STAGE_IDLE)
			advance(h, now_ns);
	} while (h->stage == STAGE_IDLE && start_next(h, now_ns));
	if (h->stage == STAGE_IDLE)
		return UINT64_MAX;
	return h->failure[0] ? now_ns : h->until_ns;
}
