/* guardctl complete: how a command line may go on. Which words stand where is read off the synopses in the table of commands. */
#include "base/utf8.h"
#include "control/client.h"
#include "ctl/complete.h"
#include "ctl/drill.h"
#include "policy/health.h"

#define ASK_MS	      1000
#define WORDS_MAX     8 /* positional ones that matter */
#define INCIDENTS_MAX 50

/* Shells print it as it is. */
static bool is_harmless(const char *word)
{
	size_t n = strlen(word);
	uint32_t code = 0;
	unsigned length;

	for (size_t i = 0; i < n; i += length) {
		length = utf8_sequence(word + i, n - i, &code);
		if (!length || code < ' ' || (code >= 0x7F && code <= 0x9F) || utf8_turns(code))
			return false;
	}
	return n > 0 && word[0] != ':';
}

static PRINTF_LIKE(3, 4) void offer(const struct completion *c, const char *word, const char *format, ...)
{
	va_list args;

	if (strncmp(word, c->current, strlen(c->current)) != 0 || !is_harmless(word))
		return;
	fprintf(c->out, "%.*s%s\t", (int)c->n_kept, c->kept, word);
	va_start(args, format);
	vfprintf(c->out, format, args);
	va_end(args);
	fputc('\n', c->out);
}

/* ---- what there is ---- */

struct each_status {
	const struct completion *c;
	void (*offer)(const struct completion *c, const json_t *status);
	const char *root;
};

static void offer_of_status(const char *name, const json_t *status, void *arg)
{
	const struct each_status *each = arg;

	(void)name;
	each->offer(each->c, status);
}

/* Of the instance that the line names; else of all. */
static void offer_from(const struct completion *c,
		       void (*offer_names)(const struct completion *c, const json_t *status))
{
	struct each_status each = {c, offer_names, NULL};
	const struct ctl_options *o = &c->options;
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX], own[CONFIG_PATH_MAX];

	if (o->name || o->config || o->mountpoint) {
		if (ctl_instance_open(&instance, o, ctl_run_root, message) == CTL_EXIT_OK)
			offer_names(c, instance.status);
		ctl_instance_release(&instance);
		return;
	}
	ctl_instance_each(ctl_run_root, offer_of_status, &each);
	ctl_instance_own_root(own);
	if (own[0])
		ctl_instance_each(own, offer_of_status, &each);
}

static void offer_members(const struct completion *c, const json_t *status, const char *array,
			  const char *member, const char *text)
{
	const json_t *object;
	size_t i;

	json_array_foreach(json_object_get(status, array), i, object)
	    offer(c, ctl_text(object, member), "%s",
		  is_harmless(ctl_text(object, text)) ? ctl_text(object, text) : "");
}

static void backends_of(const struct completion *c, const json_t *status)
{
	offer_members(c, status, "backends", "name", "state");
}

static void jobs_of(const struct completion *c, const json_t *status)
{
	offer_members(c, status, "jobs", "name", "tier");
}

static void routes_of(const struct completion *c, const json_t *status)
{
	const char *mountpoint = ctl_text(status, "mountpoint");
	const json_t *route;
	char path[CTL_ABSOLUTE_MAX];
	size_t i;

	json_array_foreach(json_object_get(status, "routes"), i,
			   route) if (snprintf(path, sizeof(path), "%s/%s", mountpoint,
					       ctl_text(route, "path")) < (int)sizeof(path))
	    offer(c, path, "%s", "");
}

static void mountpoint_of(const struct completion *c, const json_t *status)
{
	offer(c, ctl_text(status, "mountpoint"), "%s", "");
}

static void instance_of(const struct completion *c, const json_t *status)
{
	offer(c, ctl_text(status, "name"), "%s", "");
}

static void offer_backends(const struct completion *c)
{
	offer_from(c, backends_of);
}

static void offer_tiers(const struct completion *c)
{
	offer(c, "local", "the local tier");
	offer_backends(c);
}

static void offer_jobs(const struct completion *c)
{
	offer_from(c, jobs_of);
}

static void offer_routes(const struct completion *c)
{
	offer_from(c, routes_of);
}

/* -n looks there alone. */
static void offer_instances(const struct completion *c)
{
	struct each_status each = {c, instance_of, NULL};

	ctl_instance_each(ctl_run_root, offer_of_status, &each);
}

static void offer_files(const struct completion *c)
{
	fputs(":file\n", c->out);
}

static void offer_directories(const struct completion *c)
{
	fputs(":directory\n", c->out);
}

static void offer_mountpoints(const struct completion *c)
{
	struct completion all = *c;

	all.options = (struct ctl_options){.name = NULL};
	offer_from(&all, mountpoint_of);
	offer_directories(c);
}

/* Asks keeper; who may not ask gets none. */
static void offer_incidents(const struct completion *c)
{
	struct ctl_instance instance;
	char message[CTL_MESSAGE_MAX], number[32];
	json_t *reply = NULL;
	const json_t *incident;
	size_t i;

	if (ctl_instance_open(&instance, &c->options, ctl_run_root, message) == CTL_EXIT_OK &&
	    control_call(instance.run_dir, "incidents", json_pack("{s:i}", "limit", INCIDENTS_MAX), ASK_MS,
			 NULL, NULL, &reply) == 0)
		json_array_foreach(json_object_get(json_object_get(reply, "result"), "incidents"), i,
				   incident)
		{
			snprintf(number, sizeof(number), "%lld", (long long)ctl_number(incident, "id"));
			offer(c, number, "%s %s",
			      is_harmless(ctl_text(incident, "backend")) ? ctl_text(incident, "backend") : "",
			      is_harmless(ctl_text(incident, "class")) ? ctl_text(incident, "class") : "");
		}
	json_decref(reply);
	ctl_instance_release(&instance);
}

static void offer_states(const struct completion *c)
{
	for (int state = 0; state < HEALTH_STATE_COUNT; state++)
		offer(c, health_state_name((enum health_state)state), "%s", "");
	offer(c, "ok", "the health of the whole");
}

static void offer_kinds(const struct completion *c)
{
	for (int kind = 0; kind < DRILL_KIND_COUNT; kind++)
		offer(c, drill_kind_name((enum drill_kind)kind), "%s", "");
}

static void offer_errnos(const struct completion *c)
{
	static const char *const names[] = {"EIO", "ETIMEDOUT", "ESTALE", "ENOSPC", "EDQUOT", "ENOTCONN"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		offer(c, names[i], "%s", "");
}

static void offer_levels(const struct completion *c)
{
	offer(c, "0", "sizes and holes");
	offer(c, "1", "and gzip members");
	offer(c, "2", "and records");
}

static void offer_commands(const struct completion *c)
{
	for (const struct ctl_command *command = c->commands; command->name; command++)
		offer(c, command->name, "%s", command->summary);
}

static void offer_nothing(const struct completion *c)
{
	(void)c;
}

/* ---- what stands where ---- */

/* Of the synopses. */
static const struct {
	const char *name;
	void (*offer)(const struct completion *c);
} placeholders[] = {
    {"BACKEND", offer_backends}, {"COMMAND", offer_commands}, {"N", offer_incidents},
    {"KIND", offer_kinds},	 {"PATH", offer_files},	      {"JOB", offer_jobs},
    {"HOT", offer_routes},	 {"COLD", offer_directories}, {"WORD", offer_nothing},
};

/* Options with values that can be named. */
static const struct {
	const char *name;
	void (*offer)(const struct completion *c);
} values[] = {
    {"name", offer_instances}, {"config", offer_files}, {"mountpoint", offer_mountpoints},
    {"state", offer_states},   {"path", offer_files},	{"backend", offer_backends},
    {"errno", offer_errnos},   {"output", offer_files}, {"repair-to", offer_files},
    {"to", offer_tiers},       {"level", offer_levels}, {"job", offer_jobs},
};

static const struct ctl_option_row *find_option(const char *name, size_t n)
{
	for (size_t i = 0; i < CTL_OPTION_ROWS; i++)
		if (strlen(ctl_option_rows[i].name) == n && strncmp(ctl_option_rows[i].name, name, n) == 0)
			return &ctl_option_rows[i];
	return NULL;
}

static const struct ctl_option_row *find_letter(char letter)
{
	for (size_t i = 0; i < CTL_OPTION_ROWS; i++)
		if (ctl_option_rows[i].letter && ctl_option_rows[i].letter == letter)
			return &ctl_option_rows[i];
	return NULL;
}

struct synopsis {
	char text[512];
	char *next;
	int depth;
	/* Of the next positional word; matched: the literal words before it stand on the line. */
	unsigned position;
	bool matched, or_before, value_next;
};

/* "[A | B]" are two for one position; an alternative outside of brackets begins anew. */
static void take_bar(struct synopsis *s)
{
	s->or_before = s->depth > 0;
	if (s->or_before)
		return;
	s->position = 0;
	s->matched = true;
}

/* The next positional word, without brackets; NULL: no more. repeats: "..." behind it. */
static char *next_word(struct synopsis *s, bool *repeats)
{
	const struct ctl_option_row *row;
	char *token, *end;

	while ((token = strsep(&s->next, " "))) {
		for (; *token == '['; token++)
			s->depth++;
		for (end = token + strlen(token); end > token && (end[-1] == ']' || end[-1] == '.'); end--)
			s->depth -= end[-1] == ']';
		*repeats = strstr(end, "...") || (end > token && strstr(token, "..."));
		*end = '\0';
		if (strcmp(token, "|") == 0) {
			take_bar(s);
		} else if (token[0] == '-') {
			row = find_option(token + strspn(token, "-"), strlen(token + strspn(token, "-")));
			s->value_next = row && row->has_value;
			s->or_before = false;
		} else if (s->value_next) {
			s->value_next = false;
		} else if (token[0]) {
			return token;
		}
	}
	return NULL;
}

static bool is_literal(const char *word)
{
	return word[0] >= 'a' && word[0] <= 'z';
}

void complete_positions(const struct ctl_command *command, char *const *given, unsigned n,
			void (*found)(const char *word, void *arg), void *arg)
{
	struct synopsis s = {.matched = true};
	bool repeats;
	char *word;

	(void)copy_string(s.text, sizeof(s.text), command->arguments);
	s.next = s.text;
	while ((word = next_word(&s, &repeats))) {
		unsigned position = s.or_before ? s.position - 1 : s.position++;

		s.or_before = false;
		if (s.matched && (position == n || (repeats && position < n)))
			found(word, arg);
		if (position < n && is_literal(word) && strcmp(given[position], word) != 0)
			s.matched = false;
	}
}

bool complete_knows(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++)
		if (strcmp(placeholders[i].name, word) == 0)
			return true;
	return is_literal(word);
}

static void offer_word(const char *word, void *arg)
{
	const struct completion *c = arg;

	if (is_literal(word))
		offer(c, word, "%s", "");
	for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++)
		if (strcmp(placeholders[i].name, word) == 0)
			placeholders[i].offer(c);
}

static void offer_value(const struct completion *c, const struct ctl_option_row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (strcmp(values[i].name, row->name) == 0)
			values[i].offer(c);
}

static void offer_options(const struct completion *c, const struct ctl_command *command)
{
	uint64_t taken = command ? command->options : CTL_OPTION_INSTANCE;
	char word[64];

	for (size_t i = 0; i < CTL_OPTION_ROWS; i++) {
		snprintf(word, sizeof(word), "--%s", ctl_option_rows[i].name);
		if (ctl_option_rows[i].bit & taken)
			offer(c, word, "%s", "");
	}
	offer(c, "--help", "%s", "");
	if (!command)
		offer(c, "--version", "%s", "");
}

/* ---- the line ---- */

struct typed {
	const struct ctl_command *command;
	char *given[WORDS_MAX];
	unsigned n_given;
	/* An option that waits for its value. */
	const struct ctl_option_row *awaiting;
	bool only_words;
};

static void take_value(struct completion *c, const struct ctl_option_row *row, const char *value)
{
	if (row->bit == CTL_OPTION_INSTANCE)
		memcpy((char *)&c->options + row->offset, &value, sizeof(value));
}

static void take_long(struct completion *c, struct typed *typed, const char *name)
{
	size_t n = strcspn(name, "=");
	const struct ctl_option_row *row = find_option(name, n);

	if (!row || !row->has_value)
		return;
	if (name[n])
		take_value(c, row, name + n + 1);
	else
		typed->awaiting = row;
}

static const struct ctl_command *find_command(const struct ctl_command *commands, const char *name)
{
	for (const struct ctl_command *command = commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

static void take_word(struct completion *c, struct typed *typed, char *word)
{
	const struct ctl_option_row *row;

	if (typed->awaiting) {
		if (strcmp(word, "=") == 0)
			return; /* bash makes it a word */
		take_value(c, typed->awaiting, word);
		typed->awaiting = NULL;
	} else if (typed->only_words || word[0] != '-' || !word[1]) {
		if (!typed->command)
			typed->command = find_command(c->commands, word);
		else if (typed->n_given < WORDS_MAX)
			typed->given[typed->n_given++] = word;
	} else if (strcmp(word, "--") == 0) {
		typed->only_words = true;
	} else if (word[1] == '-') {
		take_long(c, typed, word + 2);
	} else {
		row = find_letter(word[1]);
		if (row && word[2])
			take_value(c, row, word + 2);
		else
			typed->awaiting = row;
	}
}

/* The last word: "--backend=sto" keeps what stands before the value. */
static void take_current(struct completion *c, struct typed *typed, const char *word)
{
	size_t n = strcspn(word, "=");
	const struct ctl_option_row *row = NULL;

	c->current = word;
	if (typed->awaiting && strcmp(word, "=") == 0)
		c->current = "";
	if (!typed->awaiting && !typed->only_words && strncmp(word, "--", 2) == 0 && word[n])
		row = find_option(word + 2, n - 2);
	if (!row || !row->has_value)
		return;
	typed->awaiting = row;
	c->kept = word;
	c->n_kept = n + 1;
	c->current = word + n + 1;
}

void complete_line(FILE *out, const struct ctl_command *commands, int argc, char **argv)
{
	struct completion c = {.out = out, .commands = commands, .current = "", .kept = ""};
	struct typed typed = {.command = NULL};

	for (int i = 0; i + 1 < argc; i++)
		take_word(&c, &typed, argv[i]);
	if (argc > 0)
		take_current(&c, &typed, argv[argc - 1]);
	if (typed.awaiting)
		offer_value(&c, typed.awaiting);
	else if (!typed.only_words && c.current[0] == '-')
		offer_options(&c, typed.command);
	else if (typed.command)
		complete_positions(typed.command, typed.given, typed.n_given, offer_word, &c);
	else
		offer_commands(&c);
}
