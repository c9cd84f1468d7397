/* Reads and writes values. */
#include "config/keys.h"
#include "config/tiermap.h"
#include "policy/statefile.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

static const char *const type_names[] = {
    [BACKEND_DIR] = "dir", [BACKEND_SSHFS] = "sshfs", [BACKEND_SFTP] = "sftp", [BACKEND_COMMAND] = "command"};
static const char *const stream_names[] = {[STREAM_LIBSSH] = "libssh", [STREAM_OPENSSH] = "openssh"};
static const char *const durability_names[] = {
    [DURABILITY_THROUGH] = "through", [DURABILITY_BEHIND] = "behind"};
static const char *const replay_names[] = {[REPLAY_SIZE] = "size", [REPLAY_CONTENT] = "content"};
static const char *const filter_names[] = {[FILTER_NONE] = "none", [FILTER_FAULT] = "fault"};

const char *backend_type_name(enum backend_type type)
{
	if (type == BACKEND_LOCAL)
		return "local";
	return (unsigned)type < ARRAY_SIZE(type_names) ? type_names[type] : "invalid";
}

static int find_word(const char *const *words, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (words[i] && strcmp(words[i], text) == 0)
			return (int)i;
	}
	return -1;
}

bool config_normalize_path(char *path)
{
	const char *in = path;
	char *out = path;

	if (*path != '/')
		return false;
	while (*in) {
		size_t n;

		in += strspn(in, "/");
		n = strcspn(in, "/");
		if ((n == 1 && in[0] == '.') || (n == 2 && in[0] == '.' && in[1] == '.'))
			return false;
		if (n > 0) {
			*out++ = '/';
			memmove(out, in, n);
			out += n;
			in += n;
		}
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
	return true;
}

bool config_path_is_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return true;
	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool parse_digits(const char *text, uint64_t *value, const char **rest)
{
	*value = 0;
	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		*value = *value * 10 + (uint64_t)(*text - '0');
		if (*value > UINT32_MAX)
			return false;
	}
	*rest = text;
	return true;
}

static bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	const char *rest;

	return parse_digits(text, value, &rest) && *rest == '\0' && *value >= min && *value <= max;
}

static bool parse_name(const struct config_key *key, const char *text, void *field)
{
	if (*text == '\0')
		return key->flags & KEY_NULLABLE;
	if (*text == '.' || *text == '-')
		return false;
	for (const char *p = text; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	}
	return copy_string(field, key->size, text) == 0;
}

static bool parse_text(const struct config_key *key, const char *text, void *field)
{
	return copy_string(field, key->size, text) == 0;
}

/* ssh takes a leading '-' for an option; blanks and '@' end a host. */
static bool parse_host(const struct config_key *key, const char *text, void *field)
{
	for (const char *p = text; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("_.-:%", *p))
			return false;
	}
	return *text != '-' && copy_string(field, key->size, text) == 0;
}

static bool parse_user(const struct config_key *key, const char *text, void *field)
{
	return *text != '-' && !strpbrk(text, " \t@:/,\"'\\$`") && copy_string(field, key->size, text) == 0;
}

static bool parse_path(const struct config_key *key, const char *text, void *field)
{
	char path[CONFIG_PATH_MAX];

	if (*text != '\0') {
		if (copy_string(path, sizeof(path), text) < 0 || !config_normalize_path(path))
			return false;
		if (path[strlen(path) - 1] == ' ') /* behind a removed '/'; could not be written back */
			return false;
		if (key->flags & KEY_NOT_ROOT && strcmp(path, "/") == 0)
			return false;
		text = path;
	}
	return copy_string(field, key->size, text) == 0;
}

static bool parse_command(const struct config_key *key, const char *text, void *field)
{
	if (*text == '/')
		return parse_path(key, text, field);
	return *text != '-' && !strchr(text, '/') && copy_string(field, key->size, text) == 0;
}

static bool parse_uuid(const struct config_key *key, const char *text, void *field)
{
	char *out = field;

	if (*text != '\0' && strlen(text) != 36)
		return false;
	for (size_t i = 0; text[i]; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	if (copy_string(out, key->size, text) < 0)
		return false;
	for (; *out; out++)
		*out = (char)tolower((unsigned char)*out);
	return true;
}

static bool parse_bool(const struct config_key *key, const char *text, void *field)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
	int i = find_word(words, ARRAY_SIZE(words), text);

	(void)key;
	if (i >= 0)
		*(bool *)field = i % 2;
	return i >= 0;
}

static bool parse_duration(const struct config_key *key, const char *text, void *field)
{
	static const struct {
		const char *suffix;
		uint32_t ms;
	} units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}};
	uint64_t value;
	const char *rest;

	if (!parse_digits(text, &value, &rest))
		return false;
	rest += strspn(rest, " ");
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(rest, units[i].suffix) != 0)
			continue;
		value *= units[i].ms;
		if (value < key->min || value > key->max)
			return false;
		*(uint32_t *)field = (uint32_t)value;
		return true;
	}
	return false;
}

static bool parse_count(const struct config_key *key, const char *text, void *field)
{
	uint64_t value;

	if (!parse_number(text, key->min, key->max, &value))
		return false;
	*(uint32_t *)field = (uint32_t)value;
	return true;
}

static bool parse_port(const struct config_key *key, const char *text, void *field)
{
	bool none = !*text && key->flags & KEY_NULLABLE;
	uint64_t value = 0;

	if (!none && !parse_number(text, 1, UINT16_MAX, &value))
		return false;
	*(uint16_t *)field = (uint16_t)value;
	return true;
}

static bool parse_id(const struct config_key *key, const char *text, void *field)
{
	uint64_t value;

	/* The highest number means "unchanged" to chown(2). */
	(void)key;
	if (!parse_number(text, 0, UINT32_MAX - 1, &value))
		return false;
	*(uid_t *)field = (uid_t)value;
	return true;
}

static bool parse_umask(const struct config_key *key, const char *text, void *field)
{
	size_t n = strlen(text);
	mode_t value = 0;

	(void)key;
	if (n < 1 || n > 4 || strspn(text, "01234567") != n)
		return false;
	for (size_t i = 0; i < n; i++)
		value = value * 8 + (mode_t)(text[i] - '0');
	if (value > 0777)
		return false;
	*(mode_t *)field = value;
	return true;
}

static bool parse_errno(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	if (strcmp(text, "EIO") == 0)
		*(int *)field = EIO;
	else if (strcmp(text, "ETIMEDOUT") == 0)
		*(int *)field = ETIMEDOUT;
	else
		return false;
	return true;
}

static bool parse_id_pair(const char **text, struct config_id *pair)
{
	uint32_t *const numbers[] = {&pair->there, &pair->here};

	for (unsigned i = 0; i < 2; i++) {
		char *end;
		unsigned long number = strtoul(*text, &end, 10);

		if (!isdigit((unsigned char)**text) || number >= UINT32_MAX)
			return false;
		if (i == 0 && *end++ != ':')
			return false;
		*numbers[i] = (uint32_t)number;
		*text = end;
	}
	return true;
}

static bool parse_ids(const struct config_key *key, const char *text, void *field)
{
	struct config_ids ids = {0};

	(void)key;
	for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
		if (ids.n == CONFIG_IDS_MAX || !parse_id_pair(&text, &ids.pair[ids.n]) ||
		    (*text && *text != ' ' && *text != '\t'))
			return false;
		ids.n++;
	}
	memcpy(field, &ids, sizeof(ids));
	return true;
}

static bool parse_type(const struct config_key *key, const char *text, void *field)
{
	int i = find_word(type_names, ARRAY_SIZE(type_names), text);

	(void)key;
	if (i >= 0)
		*(enum backend_type *)field = (enum backend_type)i;
	return i >= 0;
}

static bool parse_filter(const struct config_key *key, const char *text, void *field)
{
	int i = find_word(filter_names, ARRAY_SIZE(filter_names), text);

	(void)key;
	if (i >= 0)
		*(enum config_filter *)field = (enum config_filter)i;
	return i >= 0;
}

static bool parse_stream(const struct config_key *key, const char *text, void *field)
{
	int i = find_word(stream_names, ARRAY_SIZE(stream_names), text);

	(void)key;
	if (i >= 0)
		*(enum config_stream *)field = (enum config_stream)i;
	return i >= 0;
}

static bool parse_durability(const struct config_key *key, const char *text, void *field)
{
	int i = find_word(durability_names, ARRAY_SIZE(durability_names), text);

	(void)key;
	if (i >= 0)
		*(enum config_durability *)field = (enum config_durability)i;
	return i >= 0;
}

static bool parse_replay(const struct config_key *key, const char *text, void *field)
{
	int i = find_word(replay_names, ARRAY_SIZE(replay_names), text);

	(void)key;
	if (i >= 0)
		*(enum config_replay_check *)field = (enum config_replay_check)i;
	return i >= 0;
}

#define CHECKPOINT_MIB_MAX (64u << 10)
#define CHECKPOINT_MS_MIN  1000u
#define CHECKPOINT_MS_MAX  3600000u

/* One of "64M", "2G", "30s", "5min": a bare number could be either. */
static bool parse_checkpoint_part(const char *word, struct config_checkpoint *c)
{
	static const struct config_key times = {.min = CHECKPOINT_MS_MIN, .max = CHECKPOINT_MS_MAX};
	const char *unit;
	uint64_t n;

	if (!parse_digits(word, &n, &unit) || *unit == '\0')
		return false;
	if (strcmp(unit, "M") != 0 && strcmp(unit, "G") != 0)
		return c->ms == 0 && parse_duration(&times, word, &c->ms);
	n *= *unit == 'G' ? 1024 : 1;
	if (c->mib || n < 1 || n > CHECKPOINT_MIB_MAX)
		return false;
	c->mib = (uint32_t)n;
	return true;
}

/* Size, time or both, in any order, with blanks or '|' between them; or "off". */
static bool parse_checkpoint(const struct config_key *key, const char *text, void *field)
{
	struct config_checkpoint c = {0, 0};
	char word[16];

	(void)key;
	while (*(text += strspn(text, " \t|"))) {
		size_t n = strcspn(text, " \t|");

		if (n >= sizeof(word))
			return false;
		memcpy(word, text, n);
		word[n] = '\0';
		text += n;
		if (strcmp(word, "off") == 0 && !c.mib && !c.ms && !*text)
			break;
		if (!parse_checkpoint_part(word, &c))
			return false;
	}
	*(struct config_checkpoint *)field = c;
	return true;
}

/* As written, for config_resolve_patterns. */
static bool parse_pattern(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return *text != '\0' && copy_string(field, CONFIG_PATH_MAX, text) == 0;
}

/* Others never match: relative, no trailing '/', ".", ".." or empty components. */
static bool parse_glob(const struct config_key *key, const char *text, void *field)
{
	(void)key;
	return tiermap_path_is_valid(text) && copy_string(field, CONFIG_PATH_MAX, text) == 0;
}

static bool parse_names(const struct config_key *key, const char *text, void *field)
{
	return statefile_list_is_valid(text) && copy_string(field, key->size, text) == 0;
}

/* From a JSON array. */
static bool store_words(const json_t *array, struct config_program *program)
{
	size_t used = 0, i;
	json_t *word;

	if (json_array_size(array) == 0 || json_array_size(array) > CONFIG_HOOK_WORDS_MAX)
		return false;
	memset(program->argv, 0, sizeof(program->argv));
	json_array_foreach(array, i, word)
	{
		size_t n = json_string_length(word);

		if (!json_is_string(word) || n + 1 > sizeof(program->argv) - used)
			return false;
		memcpy(program->argv + used, json_string_value(word), n);
		used += n + 1;
	}
	program->argc = (uint32_t)json_array_size(array);
	return program->argv[0] == '/';
}

/* ["/path/of/program", "argument"], or a path. No shell, no quoting. */
static bool parse_program(const struct config_key *key, const char *text, void *field)
{
	json_t *array =
	    *text == '[' ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : json_pack("[s]", text);
	bool good = json_is_array(array) && store_words(array, field);

	(void)key;
	json_decref(array);
	return good;
}

static void print_program(const void *field, FILE *out)
{
	char *words[CONFIG_HOOK_WORDS_MAX + 1];
	unsigned n = config_program_words(field, words);
	json_t *array = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(array, json_string(words[i]));
	json_dumpf(array, out, JSON_ENSURE_ASCII);
	json_decref(array);
}

unsigned config_program_words(const struct config_program *program, char **words)
{
	size_t used = 0;
	unsigned n = 0;

	while (n < program->argc && n < CONFIG_HOOK_WORDS_MAX && used < sizeof(program->argv)) {
		const char *word = program->argv + used;
		size_t length = strnlen(word, sizeof(program->argv) - used);

		if (used + length == sizeof(program->argv))
			break;
		words[n++] = (char *)(uintptr_t)word; /* execve(2)'s type */
		used += length + 1;
	}
	words[n] = NULL;
	return n == program->argc ? n : 0;
}

static void print_text(const void *field, FILE *out)
{
	fputs(field, out);
}

static void print_bool(const void *field, FILE *out)
{
	fputs(*(const bool *)field ? "yes" : "no", out);
}

static void format_duration(uint32_t ms, char *text, size_t size)
{
	if (ms % 1000 != 0)
		snprintf(text, size, "%ums", ms);
	else if (ms % 3600000 == 0 && ms > 0)
		snprintf(text, size, "%uh", ms / 3600000);
	else
		snprintf(text, size, "%us", ms / 1000);
}

static void print_duration(const void *field, FILE *out)
{
	char text[16];

	format_duration(*(const uint32_t *)field, text, sizeof(text));
	fputs(text, out);
}

static void print_u32(const void *field, FILE *out)
{
	fprintf(out, "%u", *(const uint32_t *)field);
}

static void print_port(const void *field, FILE *out)
{
	if (*(const uint16_t *)field)
		fprintf(out, "%u", *(const uint16_t *)field);
}

static void print_umask(const void *field, FILE *out)
{
	fprintf(out, "%04o", *(const mode_t *)field);
}

static void print_errno(const void *field, FILE *out)
{
	fputs(*(const int *)field == ETIMEDOUT ? "ETIMEDOUT" : "EIO", out);
}

static void print_type(const void *field, FILE *out)
{
	fputs(backend_type_name(*(const enum backend_type *)field), out);
}

static void print_filter(const void *field, FILE *out)
{
	fputs(*(const enum config_filter *)field == FILTER_FAULT ? "fault" : "none", out);
}

static void print_ids(const void *field, FILE *out)
{
	const struct config_ids *ids = field;

	for (uint32_t i = 0; i < ids->n; i++)
		fprintf(out, "%s%u:%u", i ? " " : "", ids->pair[i].there, ids->pair[i].here);
}

static void print_stream(const void *field, FILE *out)
{
	fputs(stream_names[*(const enum config_stream *)field], out);
}

static void print_durability(const void *field, FILE *out)
{
	fputs(durability_names[*(const enum config_durability *)field], out);
}

static void print_replay(const void *field, FILE *out)
{
	fputs(replay_names[*(const enum config_replay_check *)field], out);
}

static void print_checkpoint(const void *field, FILE *out)
{
	const struct config_checkpoint *c = field;

	if (c->mib)
		fprintf(out, "%uM%s", c->mib, c->ms ? " " : "");
	if (c->ms)
		print_duration(&c->ms, out);
	if (!c->mib && !c->ms)
		fputs("off", out);
}

static const struct {
	bool (*parse)(const struct config_key *key, const char *text, void *field);
	void (*print)(const void *field, FILE *out);
	const char *expected;
} types[VALUE_TYPE_COUNT] = {
    [VALUE_NAME] = {parse_name, print_text,
		    "letters, digits, '_', '.' and '-', at most 31, beginning with no '.' or '-'"},
    [VALUE_TEXT] = {parse_text, print_text, "a shorter text"},
    [VALUE_HOST] = {parse_host, print_text, "a host name or address, without user or port"},
    [VALUE_USER] = {parse_user, print_text, "a user name"},
    [VALUE_PATH] = {parse_path, print_text, "an absolute path without '.' and '..'"},
    [VALUE_COMMAND] = {parse_command, print_text, "a program's name or absolute path"},
    [VALUE_UUID] = {parse_uuid, print_text, "a UUID, as printed by uuidgen"},
    [VALUE_BOOL] = {parse_bool, print_bool, "yes or no"},
    [VALUE_DURATION] = {parse_duration, print_duration, "a duration such as 4s, 500ms or 1m"},
    [VALUE_COUNT] = {parse_count, print_u32, "a whole number"},
    [VALUE_PORT] = {parse_port, print_port, "a port number from 1 to 65535"},
    [VALUE_ID] = {parse_id, print_u32, "a number (see id(1))"},
    [VALUE_UMASK] = {parse_umask, print_umask, "an octal number from 0000 to 0777"},
    [VALUE_IDS] = {parse_ids, print_ids, "pairs of numbers THERE:HERE, with blanks between them, at most 64"},
    [VALUE_ERRNO] = {parse_errno, print_errno, "EIO or ETIMEDOUT"},
    [VALUE_TYPE] = {parse_type, print_type, "dir, sshfs, sftp or command"},
    [VALUE_STREAM] = {parse_stream, print_stream, "libssh or openssh"},
    [VALUE_DURABILITY] = {parse_durability, print_durability, "through or behind"},
    [VALUE_REPLAY] = {parse_replay, print_replay, "size or content"},
    [VALUE_CHECKPOINT] =
	{parse_checkpoint, print_checkpoint,
	 "a size from 1M to 64G, a time from 1s to 1h, both with a blank between them, or off"},
    [VALUE_FILTER] = {parse_filter, print_filter, "none or fault"},
    [VALUE_PATTERN] = {parse_pattern, print_text, "GLOB = BACKEND:PREFIX"},
    [VALUE_GLOB] = {parse_glob, print_text, "a pattern of paths relative to the mount, such as */[0-9]*__*"},
    [VALUE_NAMES] = {parse_names, print_text,
		     "globs of names, such as .archive_state.json JOB/*.json, at most 255 bytes in all"},
    [VALUE_ARGV] = {parse_program, print_program,
		    "a program's absolute path and its arguments, as in [\"/usr/bin/rclone\", \"mount\", "
		    "\"box:\", \"{mountpoint}\"]"},
    [VALUE_PROGRAM] =
	{parse_program, print_program,
	 "a program's absolute path, or it and its arguments as in [\"/usr/bin/logger\", \"down\"]"},
};

/* Can text stand in the file and be read back? It may come from mount options. */
static bool is_writable(const char *text)
{
	size_t n = strlen(text);

	if (n > 0 &&
	    (isspace((unsigned char)text[0]) || isspace((unsigned char)text[n - 1]) || text[0] == ';'))
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f || (text[i] == ' ' && text[i + 1] == ';'))
			return false;
	}
	return true;
}

bool config_value_parse(const struct config_key *key, const char *text, void *field)
{
	bool may_be_empty = key->flags & KEY_NULLABLE;

	if ((*text == '\0' && !may_be_empty) || !is_writable(text))
		return false;
	return types[key->type].parse(key, text, field);
}

void config_value_print(const struct config_key *key, const void *field, FILE *out)
{
	types[key->type].print(field, out);
}

void config_value_expected(const struct config_key *key, char *text, size_t size)
{
	char min[16], max[16];

	if (key->type == VALUE_DURATION) {
		format_duration(key->min, min, sizeof(min));
		format_duration(key->max, max, sizeof(max));
	} else {
		snprintf(min, sizeof(min), "%u", key->min);
		snprintf(max, sizeof(max), "%u", key->max);
	}
	if (key->type == VALUE_PATH && key->flags & KEY_NOT_ROOT)
		snprintf(text, size, "%s, other than /", types[key->type].expected);
	else if (key->max > 0)
		snprintf(text, size, "%s, from %s to %s", types[key->type].expected, min, max);
	else
		snprintf(text, size, "%s", types[key->type].expected);
}
