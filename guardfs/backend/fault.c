/* The fault filter's state, and the fate of an operation. */
#include "backend/fault_ops.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_NS (50 * NSEC_PER_MSEC)
#define LATE_MAX 256

struct fault {
	struct backend inner;
	char control[CONFIG_PATH_MAX + CONFIG_NAME_MAX + 8];
	/* The thread that advances it looks at the control file. */
	_Atomic uint64_t checked_ns;
	_Atomic uint32_t
	    /* Of rules: with none no lock is taken. */
	    n_rules;
	/* Of all below; not held across an operation. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* As last read; zero: none. */
	struct stat seen;
	uint32_t generation;
	struct fault_rules rules;
	/* Their next sync fails. */
	int late[LATE_MAX];
	unsigned n_late;
};

static struct fault *fault_of(const struct backend *b)
{
	return b->state;
}

static void install_rules(struct fault *f, const struct fault_rules *rules)
{
	pthread_mutex_lock(&f->lock);
	f->rules = *rules;
	f->generation++;
	atomic_store(&f->n_rules, rules->n_rules);
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

/* A bad file leaves the last good rules in force. */
static void reread(struct fault *f)
{
	struct fault_rules *rules = calloc(1, sizeof(*rules));
	char *text = malloc(FAULT_TEXT_MAX);
	char error[FAULT_ERROR_MAX];
	ssize_t n = -ENOMEM;

	if (rules && text)
		n = fd_read_file(f->control, text, FAULT_TEXT_MAX);
	if (n == -ENOENT) {
		install_rules(f, rules);
	} else if (n < 0) {
		log_warning("fault: %s: %s", f->control, strerror((int)-n));
	} else if (strlen(text) != (size_t)n) {
		log_warning("fault: %s: holds a NUL byte; ignored", f->control);
	} else if (fault_rules_parse(text, rules, error) < 0) {
		log_warning("fault: %s: %s; file ignored", f->control, error);
	} else {
		install_rules(f, rules);
	}
	free(text);
	free(rules);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void refresh(struct fault *f)
{
	uint64_t now = clock_mono_ns();
	uint64_t last = atomic_load(&f->checked_ns);
	struct stat st = {0};
	bool same;

	if (now - last < CHECK_NS || !atomic_compare_exchange_strong(&f->checked_ns, &last, now))
		return;
	if (stat(f->control, &st) < 0)
		memset(&st, 0, sizeof(st));
	pthread_mutex_lock(&f->lock);
	same = is_same_file(&st, &f->seen);
	f->seen = st;
	pthread_mutex_unlock(&f->lock);
	if (!same)
		reread(f);
}

static void wait_a_while(struct fault *f)
{
	uint64_t until = clock_mono_ns() + CHECK_NS;
	struct timespec ts = {(time_t)(until / NSEC_PER_SEC), (long)(until % NSEC_PER_SEC)};

	pthread_cond_timedwait(&f->changed, &f->lock, &ts);
	pthread_mutex_unlock(&f->lock);
	refresh(f);
	pthread_mutex_lock(&f->lock);
}

static bool still_says(const struct fault *f, enum fault_action action, enum fault_op op, const char *name)
{
	for (uint32_t i = 0; i < f->rules.n_rules; i++)
		if (f->rules.rules[i].action == action && fault_rule_matches(&f->rules.rules[i], op, name))
			return true;
	return false;
}

/* Until until_ns, or until no rule wants it. Lock held. */
static void wait_for_rule(struct fault *f, enum fault_action action, enum fault_op op, const char *name,
			  uint64_t until_ns)
{
	uint32_t generation = f->generation;

	while (clock_mono_ns() < until_ns) {
		wait_a_while(f);
		if (generation != f->generation && !still_says(f, action, op, name))
			return;
		generation = f->generation;
	}
}

static uint32_t random_number(void)
{
	uint32_t r = 0;

	return getrandom(&r, sizeof(r), GRND_NONBLOCK) == (ssize_t)sizeof(r) ? r : 0;
}

/* For path=; "": none. */
static void subject_name(const struct backend *b, const struct fault_subject *s, char *name)
{
	char link[PATH_MAX];
	ssize_t n = -1;

	name[0] = '\0';
	if (s->name) {
		(void)copy_string(name, NAME_LENGTH_MAX + 1, s->name);
	} else if (s->ref >= 0) {
		char proc[32];

		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", s->ref);
		n = readlink(proc, link, sizeof(link) - 1); /* asks the kernel alone */
		if (n > 0) {
			link[n] = '\0';
			(void)copy_string(name, NAME_LENGTH_MAX + 1,
					  strrchr(link, '/') ? strrchr(link, '/') + 1 : link);
		}
	} else if (s->node < NODE_MAX) {
		(void)copy_string(name, NAME_LENGTH_MAX + 1,
				  name_get(&b->arena->names, b->arena->nodes[s->node].name));
	}
}

static struct fault_verdict decide(struct fault *f, enum fault_op op, const char *name)
{
	struct fault_verdict verdict = {.action = FAULT_NOTHING};

	pthread_mutex_lock(&f->lock);
	for (uint32_t i = 0; i < f->rules.n_rules; i++) {
		struct fault_rule rule;

		i = fault_rules_apply(&f->rules, i, op, name, random_number());
		if (i >= f->rules.n_rules)
			break;
		rule = f->rules.rules[i];
		if (rule.action == FAULT_DELAY) {
			wait_for_rule(f, FAULT_DELAY, op, name,
				      clock_mono_ns() + rule.number * NSEC_PER_MSEC);
			continue;
		}
		if (rule.action == FAULT_HANG)
			wait_for_rule(f, FAULT_HANG, op, name, UINT64_MAX);
		else
			verdict = (struct fault_verdict){rule.action, rule.number};
		break;
	}
	pthread_mutex_unlock(&f->lock);
	return verdict;
}

struct fault_verdict fault_begin(struct backend *b, const struct fault_subject *s)
{
	struct fault *f = fault_of(b);
	char name[NAME_LENGTH_MAX + 1];

	refresh(f);
	if (atomic_load_explicit(&f->n_rules, memory_order_relaxed) == 0)
		return (struct fault_verdict){FAULT_NOTHING, 0};
	subject_name(b, s, name);
	return decide(f, s->op, name);
}

ssize_t fault_end(struct backend *b, const struct fault_subject *s, struct fault_verdict verdict, ssize_t rc)
{
	struct fault *f = fault_of(b);
	char name[NAME_LENGTH_MAX + 1];

	if (verdict.action == FAULT_EIO_LATE)
		return -EIO;
	if (verdict.action != FAULT_LOST_ACK)
		return rc;
	if (verdict.number)
		return -(ssize_t)verdict.number;
	subject_name(b, s, name);
	pthread_mutex_lock(&f->lock);
	wait_for_rule(f, FAULT_LOST_ACK, s->op, name, UINT64_MAX);
	pthread_mutex_unlock(&f->lock);
	return -EIO;
}

bool fault_mark_late(struct backend *b, int ref)
{
	struct fault *f = fault_of(b);
	bool marked;

	(void)fault_take_late(b, ref);
	pthread_mutex_lock(&f->lock);
	marked = f->n_late < LATE_MAX;
	if (marked)
		f->late[f->n_late++] = ref;
	pthread_mutex_unlock(&f->lock);
	return marked;
}

bool fault_take_late(struct backend *b, int ref)
{
	struct fault *f = fault_of(b);
	bool taken = false;

	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i < f->n_late && !taken; i++) {
		taken = f->late[i] == ref;
		if (taken)
			f->late[i] = f->late[--f->n_late];
	}
	pthread_mutex_unlock(&f->lock);
	return taken;
}

errint_t fault_setup(const struct backend *inner, struct backend *b)
{
	const struct config_backend *config = inner->config;
	struct fault *f = calloc(1, sizeof(*f));
	pthread_condattr_t attr;

	if (!f)
		return -ENOMEM;
	f->inner = *inner;
	if (config->fault_control[0])
		snprintf(f->control, sizeof(f->control), "%s", config->fault_control);
	else
		snprintf(f->control, sizeof(f->control), "%s/fault.%s", inner->arena->board.config.run_dir,
			 config->name);
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&f->changed, &attr);
	pthread_condattr_destroy(&attr);
	*b = *inner;
	b->next = &f->inner;
	b->state = f;
	refresh(f);
	return 0;
}
