/* keys.h: every key of guardfs.conf in one table: from it come parsing, defaults, bounds, messages,
 * --check-config and the check of guardfs.conf(5). Internal to config/ and its tests. */
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
	VALUE_PATTERN,	  /* may be repeated; see config_resolve_patterns */
	VALUE_PROGRAM,	  /* struct config_program; a hook; may be repeated */
	VALUE_GLOB,	  /* a job's directory; may be repeated */
	VALUE_TYPE_COUNT
};

enum key_flags {
	KEY_REQUIRED = 1 << 0,
	KEY_OUTSIDE =
	    1 << 1, /* a path that must not lie inside the mountpoint: reading it would wait for ourselves */
	KEY_NOT_ROOT = 1 << 2, /* a path that must not be "/" */
	KEY_DERIVED = 1 << 3,  /* default made from other keys; fallback says how, for people */
	KEY_NULLABLE = 1 << 4, /* an empty value is the same as none */
};

#define KEY_NO_FLAG UINT32_MAX
#define FOR(type)   (1u << (type))

struct config_key {
	const char *section; /* "mount", "backend", ... */
	const char *name;
	enum value_type type;
	uint32_t offset,
	    size;	/* of the field in struct config, or in struct config_backend for section "backend" */
	uint32_t given; /* offset of a bool that says whether the key was given, or KEY_NO_FLAG */
	const char *fallback; /* default, as it would be written; NULL: none */
	uint32_t min, max;    /* of DURATION (milliseconds) and COUNT */
	unsigned backends;    /* FOR(type) of the backends it makes sense for; 0: all */
	unsigned flags;	      /* enum key_flags */
	const char *help;     /* one line */
};

/* Sections without a name, in the order in which they are printed; NULL at the end. */
extern const char *const config_sections[];

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* The key, or NULL. section without the backend's name. */
const struct config_key *config_key_find(const char *section, const char *name);

/* The sections, separated by commas, for messages. */
void config_section_list(char *list, size_t size);

/* "name, mountpoint, ..." of all keys of a section, as far as size allows. */
void config_key_list(const char *section, char *list, size_t size);

/* Is there such a section? */
bool config_section_exists(const char *section);

/* Field of a key; owner is the struct config or struct config_backend that it belongs to. */
static inline void *config_field(void *owner, const struct config_key *key)
{
	return (char *)owner + key->offset;
}

/* Parses text (trimmed, without control characters) into the key's field. False if it does not fit the type
 * or bounds. */
bool config_value_parse(const struct config_key *key, const char *text, void *field);

/* Writes a field as config_value_parse reads it. */
void config_value_print(const struct config_key *key, const void *field, FILE *out);

/* What would have been right, for messages: "a duration from 50ms to 10m, such as 4s or 500ms". */
void config_value_expected(const struct config_key *key, char *text, size_t size);

/* Normalises an absolute path in place: no "//", no trailing '/'. False if it is relative or has a component
 * "." or "..". */
bool config_normalize_path(char *path);

/* Is path dir itself, or below it? Both normalised. */
bool config_path_is_within(const char *path, const char *dir);

/* Where each thing was said, for messages about how keys go together. Lines are 0 for what was not in the
 * file. */
#define CONFIG_KEYS_MAX 96

struct config_lines {
	unsigned global[CONFIG_KEYS_MAX];
	unsigned backend[CONFIG_BACKENDS_MAX][CONFIG_KEYS_MAX];
	unsigned section[CONFIG_BACKENDS_MAX]; /* of "[backend NAME]" */
	unsigned pattern[CONFIG_PATTERNS_MAX];
};

struct config_report {
	const char *file;
	char *error; /* CONFIG_ERROR_MAX bytes; "" until the first problem, which stays */
};

/* Records "FILE:LINE: message" (without LINE if 0) unless there is an earlier problem. Always returns
 * -EINVAL. */
errint_t config_fail(const struct config_report *report, unsigned line, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The key of that name in the section, or NULL, recorded as config_fail does. */
const struct config_key *config_known_key(const struct config_report *report, unsigned line,
					  const char *section, const char *name);

/* Puts the value into the key's field of owner (section's struct). 0, or -EINVAL as config_fail. */
errint_t config_set_key(const struct config_report *report, unsigned line, const struct config_key *key,
			const char *value, void *owner);

/* Gives every key of owner (section's struct) its default. */
void config_set_defaults(const char *section, void *owner);

/* Fills in derived defaults. */
void config_derive(struct config *config);

/* Empties what config_derive filled in, for a change of what it was made from. */
void config_underive(struct config *config);

/* Turns pattern values as written ("GLOB = BACKEND:PREFIX" in config_pattern.pattern) into patterns, once all
 * backends are known. */
errint_t config_resolve_patterns(struct config *config, const struct config_lines *lines,
				 const struct config_report *report);

/* Checks everything that one key alone does not show. */
errint_t config_verify(const struct config *config, const struct config_lines *lines,
		       const struct config_report *report);

#endif
