#include "backend/fault_rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#define ERRNO_MAX 200
#define BIT(op)	  (1ull << (op))

static const char *const op_names[FAULT_OP_COUNT] = {
    [FAULT_LOOKUP] = "lookup",	     [FAULT_GETATTR] = "getattr",
    [FAULT_SETATTR] = "setattr",     [FAULT_READLINK] = "readlink",
    [FAULT_MKDIR] = "mkdir",	     [FAULT_MKNOD] = "mknod",
    [FAULT_SYMLINK] = "symlink",     [FAULT_LINK] = "link",
    [FAULT_UNLINK] = "unlink",	     [FAULT_RMDIR] = "rmdir",
    [FAULT_RENAME] = "rename",	     [FAULT_OPEN] = "open",
    [FAULT_CREATE] = "create",	     [FAULT_TMPFILE] = "tmpfile",
    [FAULT_READ] = "read",	     [FAULT_WRITE] = "write",
    [FAULT_FLUSH] = "flush",	     [FAULT_FSYNC] = "fsync",
    [FAULT_RELEASE] = "release",     [FAULT_FALLOCATE] = "fallocate",
    [FAULT_LSEEK] = "lseek",	     [FAULT_COPY_RANGE] = "copy_range",
    [FAULT_OPENDIR] = "opendir",     [FAULT_READDIR] = "readdir",
    [FAULT_GETXATTR] = "getxattr",   [FAULT_SETXATTR] = "setxattr",
    [FAULT_LISTXATTR] = "listxattr", [FAULT_REMOVEXATTR] = "removexattr",
    [FAULT_STATFS] = "statfs",
};

#define GROUP_ALL   (BIT(FAULT_OP_COUNT) - 1)
#define GROUP_READ  BIT(FAULT_READ)
#define GROUP_WRITE (BIT(FAULT_WRITE) | BIT(FAULT_COPY_RANGE) | BIT(FAULT_FALLOCATE))
#define GROUP_SYNC  (BIT(FAULT_FLUSH) | BIT(FAULT_FSYNC))

static const struct {
	const char *name;
	uint64_t ops;
} groups[] = {
    {"all", GROUP_ALL},
    {"read", GROUP_READ},
    {"write", GROUP_WRITE},
    {"sync", GROUP_SYNC},
    {"metadata", GROUP_ALL & ~(GROUP_READ | GROUP_WRITE | GROUP_SYNC | BIT(FAULT_RELEASE))},
};

enum argument { ARGUMENT_NONE, ARGUMENT_NUMBER, ARGUMENT_ERRNO, ARGUMENT_ERRNO_OR_NONE };

static const struct {
	const char *name;
	enum argument argument;
} actions[FAULT_ACTION_COUNT] = {
    [FAULT_NOTHING] = {"", ARGUMENT_NONE},	    [FAULT_DELAY] = {"delay", ARGUMENT_NUMBER},
    [FAULT_HANG] = {"hang", ARGUMENT_NONE},	    [FAULT_ERROR] = {"error", ARGUMENT_ERRNO},
    [FAULT_SHORT] = {"short", ARGUMENT_NUMBER},	    [FAULT_LOST_ACK] = {"lostack", ARGUMENT_ERRNO_OR_NONE},
    [FAULT_EIO_LATE] = {"eio-late", ARGUMENT_NONE},
};

const char *fault_op_name(enum fault_op op)
{
	return (unsigned)op < FAULT_OP_COUNT ? op_names[op] : "invalid";
}

static uint64_t ops_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (strcmp(groups[i].name, name) == 0)
			return groups[i].ops;
	for (unsigned op = 0; op < FAULT_OP_COUNT; op++)
		if (strcmp(op_names[op], name) == 0)
			return BIT(op);
	return 0;
}

/* These return NULL, or what was expected. */

static const char *parse_ops(char *text, uint64_t *ops)
{
	char *save = NULL;

	*ops = 0;
	for (char *name = strtok_r(text, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		uint64_t found = ops_by_name(name);

		if (!found)
			return "operation names or all, read, write, sync, metadata";
		*ops |= found;
	}
	return *ops ? NULL : "operation names";
}

static const char *parse_number(const char *text, uint64_t *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return "a number";
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno || *end || *number > INT64_MAX ? "a number" : NULL;
}

static const char *parse_errno(const char *text, uint64_t *number)
{
	for (int e = 1; e < ERRNO_MAX; e++) {
		const char *name = strerrorname_np(e);

		if (name && strcmp(name, text) == 0) {
			*number = (uint64_t)e;
			return NULL;
		}
	}
	return "an errno's name";
}

static const char *parse_probability(const char *text, uint32_t *threshold)
{
	char *end;
	double p = strtod(text, &end);

	if (*end || end == text || !(p >= 0 && p <= 1))
		return "prob=0..1";
	*threshold = (uint32_t)(p * (double)UINT32_MAX);
	return NULL;
}

static const char *parse_condition(const char *word, struct fault_rule *rule)
{
	if (strncmp(word, "count=", 6) == 0)
		return parse_number(word + 6, &rule->left) ? "count=NUMBER" : NULL;
	if (strncmp(word, "prob=", 5) == 0)
		return parse_probability(word + 5, &rule->threshold);
	if (strncmp(word, "path=", 5) == 0)
		return copy_string(rule->glob, sizeof(rule->glob), word + 5) < 0 ? "a shorter path=" : NULL;
	return "count=, prob= or path=";
}

static const char *parse_action(const char *word, struct fault_rule *rule)
{
	for (unsigned a = FAULT_NOTHING + 1; word && a < FAULT_ACTION_COUNT; a++)
		if (strcmp(actions[a].name, word) == 0) {
			rule->action = (enum fault_action)a;
			return NULL;
		}
	return "delay, hang, error, short, lostack or eio-late";
}

/* Moves *word past the argument, if any. */
static const char *parse_argument(char **word, char **save, struct fault_rule *rule)
{
	enum argument kind = actions[rule->action].argument;
	const char *expected;

	if (kind == ARGUMENT_NONE || (kind == ARGUMENT_ERRNO_OR_NONE && (!*word || strchr(*word, '='))))
		return NULL;
	if (!*word)
		return kind == ARGUMENT_NUMBER ? "a number" : "an errno's name";
	expected =
	    kind == ARGUMENT_NUMBER ? parse_number(*word, &rule->number) : parse_errno(*word, &rule->number);
	*word = strtok_r(NULL, " \t\r", save);
	return expected;
}

static const char *parse_line(char *line, struct fault_rule *rule)
{
	char *save = NULL;
	char *word = strtok_r(line, " \t\r", &save);
	const char *expected = parse_ops(word, &rule->ops);

	rule->left = UINT64_MAX;
	rule->threshold = UINT32_MAX;
	if (!expected)
		expected = parse_action(strtok_r(NULL, " \t\r", &save), rule);
	word = strtok_r(NULL, " \t\r", &save);
	if (!expected)
		expected = parse_argument(&word, &save, rule);
	for (; word && !expected; word = strtok_r(NULL, " \t\r", &save))
		expected = parse_condition(word, rule);
	return expected;
}

static bool is_blank(const char *line)
{
	line += strspn(line, " \t\r");
	return *line == '\0' || *line == '#';
}

errint_t fault_rules_parse(const char *text, struct fault_rules *rules, char *error)
{
	char line[1024];
	unsigned number = 0;

	memset(rules, 0, sizeof(*rules));
	while (*text) {
		size_t n = strcspn(text, "\n");
		const char *expected = NULL;

		number++;
		snprintf(line, sizeof(line), "%.*s", (int)MIN(n, sizeof(line)), text);
		text += n + (text[n] == '\n');
		if (is_blank(line))
			continue;
		if (n >= sizeof(line))
			expected = "a shorter line";
		else if (rules->n_rules == FAULT_RULES_MAX)
			expected = "at most 64 rules";
		else
			expected = parse_line(line, &rules->rules[rules->n_rules]);
		if (expected) {
			snprintf(error, FAULT_ERROR_MAX, "line %u: expected %s", number, expected);
			return -EINVAL;
		}
		rules->n_rules++;
	}
	return 0;
}

bool fault_rule_matches(const struct fault_rule *rule, enum fault_op op, const char *name)
{
	return (rule->ops & BIT(op)) && (!rule->glob[0] || fnmatch(rule->glob, name, 0) == 0);
}

uint32_t fault_rules_apply(struct fault_rules *rules, uint32_t from, enum fault_op op, const char *name,
			   uint32_t random)
{
	for (uint32_t i = from; i < rules->n_rules; i++) {
		struct fault_rule *rule = &rules->rules[i];

		if (!fault_rule_matches(rule, op, name) || rule->left == 0 || random > rule->threshold)
			continue;
		if (rule->threshold == 0)
			continue;
		if (rule->left != UINT64_MAX)
			rule->left--;
		return i;
	}
	return rules->n_rules;
}
