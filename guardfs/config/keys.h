/* Guardfs.conf's keys in one table. Internal to config/ and its tests. */
#ifndef GUARDFS_CONFIG_KEYS_H
#define GUARDFS_CONFIG_KEYS_H

#include "config/config.h"
#include <stdio.h>

enum value_type {
	VALUE_NAME, /* [A-Za-z0-9_.-]+, without leading '.' or '-' */
	VALUE_TEXT,
	VALUE_HOST,
	VALUE_USER,
	VALUE_PATH,    /* absolute; stored without "//" and trailing '/' */
	VALUE_COMMAND, /* name or absolute path */
	VALUE_UUID,    /* stored in lower case */
	VALUE_BOOL,
	VALUE_DURATION,	  /* uint32_t, ms */
	VALUE_COUNT,	  /* uint32_t */
	VALUE_PORT,	  /* uint16_t */
	VALUE_ID,	  /* uid_t or gid_t */
	VALUE_UMASK,	  /* mode_t */
	VALUE_IDS,	  /* struct config_ids */
	VALUE_ERRNO,	  /* int */
	VALUE_TYPE,	  /* enum backend_type */
	VALUE_FILTER,	  /* enum config_filter */
	VALUE_STREAM,	  /* enum config_stream */
	VALUE_DURABILITY, /* enum config_durability */
	VALUE_CHECKPOINT, /* struct config_checkpoint */
	VALUE_REPLAY,	  /* enum config_replay_check */
	VALUE_PATTERN,	  /* repeatable; see config_resolve_patterns */
	VALUE_ARGV,	  /* struct config_program */
	VALUE_PROGRAM,	  /* the same; repeatable */
	VALUE_GLOB,	  /* a job's directory; repeatable */
	VALUE_NAMES,	  /* policy/statefile.h */
	VALUE_TYPE_COUNT
};

enum key_flags {
	KEY_REQUIRED = 1 << 0,
	KEY_OUTSIDE = 1 << 1,  /* not inside the mountpoint: guardfs would wait for itself */
	KEY_NOT_ROOT = 1 << 2, /* path other than "/" */
	KEY_DERIVED = 1 << 3,  /* default from other keys; fallback tells people how */
	KEY_NULLABLE = 1 << 4, /* empty means none */
};

#define KEY_NO_FLAG UINT32_MAX
#define FOR(type)   (1u << (type))

struct config_key {
	const char *section;
	const char *name;
	enum value_type type;
	uint32_t offset,
	    /* In struct config or config_backend. */
	    size;
	/* Offset of a bool that is set with the key, or KEY_NO_FLAG. */
	uint32_t given;
	/* As written; NULL: no default. */
	const char *fallback;
	/* Of DURATION (ms) and COUNT. */
	uint32_t min, max;
	/* FOR(type)s; 0: all. */
	unsigned backends;
	/* enum key_flags. */
	unsigned flags;
	const char *help;
};

/* Sections without a name, in printing order; NULL ends. */
extern const char *const config_sections[];

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* The key or NULL. section: without a backend's name. */
const struct config_key *config_key_find(const char *section, const char *name);

/* For messages. */
void config_section_list(char *list, size_t size);

/* "name, mountpoint", as far as size allows. */
void config_key_list(const char *section, char *list, size_t size);

bool config_section_exists(const char *section);

/* owner: struct config or config_backend. */
static inline void *config_field(void *owner, const struct config_key *key)
{
	return (char *)owner + key->offset;
}

/* text: trimmed, no control characters. */
bool config_value_parse(const struct config_key *key, const char *text, void *field);

/* As config_value_parse reads it. */
void config_value_print(const struct config_key *key, const void *field, FILE *out);

/* "a duration from 50ms to 10m, such as 4s or 500ms". */
void config_value_expected(const struct config_key *key, char *text, size_t size);

/* Removes "//" and trailing '/'. False: relative, or has "." or "..". */
bool config_normalize_path(char *path);

/* Is path dir or below? Both normalised. */
bool config_path_is_within(const char *path, const char *dir);

/* Lines in the file; 0: none. */
#define CONFIG_KEYS_MAX 140

struct config_lines {
	unsigned global[CONFIG_KEYS_MAX];
	unsigned backend[CONFIG_BACKENDS_MAX][CONFIG_KEYS_MAX];
	/* Of "[backend NAME]". */
	unsigned section[CONFIG_BACKENDS_MAX];
	unsigned pattern[CONFIG_PATTERNS_MAX];
};

struct config_report {
	const char *file;
	/* CONFIG_ERROR_MAX bytes; keeps the first problem. */
	char *error;
};

/* Records "FILE:LINE: message" (line 0: no LINE) if it is the first problem. Returns -EINVAL. */
errint_t config_fail(const struct config_report *report, unsigned line, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* NULL: unknown, recorded by config_fail. */
const struct config_key *config_known_key(const struct config_report *report, unsigned line,
					  const char *section, const char *name);

/* owner: the section's struct. 0, or -EINVAL by config_fail. */
errint_t config_set_key(const struct config_report *report, unsigned line, const struct config_key *key,
			const char *value, void *owner);

void config_set_defaults(const char *section, void *owner);

void config_derive(struct config *config);

/* Empties derived defaults, before their sources change. */
void config_underive(struct config *config);

/* Parses "GLOB = BACKEND:PREFIX" (in config_pattern.pattern), once all backends are known. */
errint_t config_resolve_patterns(struct config *config, const struct config_lines *lines,
				 const struct config_report *report);

/* Do keys fit one another? */
errint_t config_verify(const struct config *config, const struct config_lines *lines,
		       const struct config_report *report);

#endif
