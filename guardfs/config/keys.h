/* keys.h: every key of guardfs.conf in one table, for parsing, defaults, bounds, messages, --check-config
 * and the check of guardfs.conf(5). Internal to config/ and its tests. */
#ifndef GUARDFS_CONFIG_KEYS_H
#define GUARDFS_CONFIG_KEYS_H

#include "config/config.h"
#include <stdio.h>

enum value_type {
	VALUE_NAME, /* [A-Za-z0-9_.-]+, not beginning with '.' or '-' */
	VALUE_TEXT,
	VALUE_HOST,
	VALUE_USER,
	VALUE_PATH,    /* absolute; stored without "//" and trailing '/' */
	VALUE_COMMAND, /* a program's name or absolute path */
	VALUE_UUID,    /* stored in lower case */
	VALUE_BOOL,
	VALUE_DURATION,	  /* uint32_t, milliseconds */
	VALUE_COUNT,	  /* uint32_t */
	VALUE_PORT,	  /* uint16_t */
	VALUE_ID,	  /* uid_t or gid_t */
	VALUE_UMASK,	  /* mode_t */
	VALUE_ERRNO,	  /* int */
	VALUE_TYPE,	  /* enum backend_type */
	VALUE_FILTER,	  /* enum config_filter */
	VALUE_DURABILITY, /* enum config_durability */
	VALUE_PATTERN,	  /* repeatable; see config_resolve_patterns */
	VALUE_PROGRAM,	  /* struct config_program: a hook; repeatable */
	VALUE_GLOB,	  /* a job's directory; repeatable */
	VALUE_TYPE_COUNT
};

enum key_flags {
	KEY_REQUIRED = 1 << 0,
	KEY_OUTSIDE = 1 << 1,  /* a path not inside the mountpoint: guardfs would wait for itself */
	KEY_NOT_ROOT = 1 << 2, /* a path other than "/" */
	KEY_DERIVED = 1 << 3,  /* default from other keys; fallback tells people how */
	KEY_NULLABLE = 1 << 4, /* an empty value means none */
};

#define KEY_NO_FLAG UINT32_MAX
#define FOR(type)   (1u << (type))

struct config_key {
	/* "mount", "backend" and so on. */
	const char *section;
	const char *name;
	enum value_type type;
	uint32_t offset,
	    /* Of the field in struct config; section "backend": in struct config_backend. */
	    size;
	/* Offset of a bool: was the key given? Or KEY_NO_FLAG. */
	uint32_t given;
	/* Default as written; NULL: none. */
	const char *fallback;
	/* Of DURATION (milliseconds) and COUNT. */
	uint32_t min, max;
	/* FOR(type) of its backends; 0: all. */
	unsigned backends;
	/* enum key_flags. */
	unsigned flags;
	/* One line. */
	const char *help;
};

/* Sections without a name, in printing order; NULL at the end. */
extern const char *const config_sections[];

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* The key, or NULL. section: without the backend's name. */
const struct config_key *config_key_find(const char *section, const char *name);

/* Separated by commas, for messages. */
void config_section_list(char *list, size_t size);

/* "name, mountpoint" and so on, as far as size allows. */
void config_key_list(const char *section, char *list, size_t size);

bool config_section_exists(const char *section);

/* owner: the key's struct config or struct config_backend. */
static inline void *config_field(void *owner, const struct config_key *key)
{
	return (char *)owner + key->offset;
}

/* Parses text (trimmed, no control characters) into the field. False: wrong type, or out of bounds. */
bool config_value_parse(const struct config_key *key, const char *text, void *field);

/* In config_value_parse's syntax. */
void config_value_print(const struct config_key *key, const void *field, FILE *out);

/* For messages: "a duration from 50ms to 10m, such as 4s or 500ms". */
void config_value_expected(const struct config_key *key, char *text, size_t size);

/* An absolute path, in place: no "//", no trailing '/'. False: relative, or has "." or "..". */
bool config_normalize_path(char *path);

/* Is path dir or below it? Both normalised. */
bool config_path_is_within(const char *path, const char *dir);

/* Lines of the file, for messages about keys that do not go together; 0: not in the file. */
#define CONFIG_KEYS_MAX 96

struct config_lines {
	unsigned global[CONFIG_KEYS_MAX];
	unsigned backend[CONFIG_BACKENDS_MAX][CONFIG_KEYS_MAX];
	/* Of "[backend NAME]". */
	unsigned section[CONFIG_BACKENDS_MAX];
	unsigned pattern[CONFIG_PATTERNS_MAX];
};

struct config_report {
	const char *file;
	/* CONFIG_ERROR_MAX bytes; "" until the first problem, which stays. */
	char *error;
};

/* Records "FILE:LINE: message" (line 0: no LINE) unless there is an earlier problem. Returns -EINVAL. */
errint_t config_fail(const struct config_report *report, unsigned line, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The key; NULL: unknown, recorded as by config_fail. */
const struct config_key *config_known_key(const struct config_report *report, unsigned line,
					  const char *section, const char *name);

/* Sets the key's field in owner (section's struct). 0, or -EINVAL as config_fail. */
errint_t config_set_key(const struct config_report *report, unsigned line, const struct config_key *key,
			const char *value, void *owner);

/* Of owner (section's struct). */
void config_set_defaults(const char *section, void *owner);

/* Fills in derived defaults. */
void config_derive(struct config *config);

/* Empties them, before a change of their source. */
void config_underive(struct config *config);

/* Turns patterns as written ("GLOB = BACKEND:PREFIX" in config_pattern.pattern) into patterns, when all
 * backends are known. */
errint_t config_resolve_patterns(struct config *config, const struct config_lines *lines,
				 const struct config_report *report);

/* Checks keys against one another. */
errint_t config_verify(const struct config *config, const struct config_lines *lines,
		       const struct config_report *report);

#endif
