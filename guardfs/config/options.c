/* Mount(8)'s and fstab(5)'s options. */
#include "config/keys.h"

#include <errno.h>
#include <stdlib.h>

/* Not a key. */
struct generic_option {
	const char *name;
	/* A bool's offset in struct config, or NO_EFFECT. */
	size_t member;
	bool value;
	/* The reason; NULL: not refused. */
	const char *refusal;
};

#define NO_EFFECT   SIZE_MAX
#define SETS(field) offsetof(struct config, field)
#define NOT_SYNC                                                                                            \
	"what a write has returned for has reached storage, or the local tier's file system; what must be " \
	"on the disk asks for fsync(2)"

/* mount(8) adds what user, users, owner and group entail. File systems below keep access times. */
static const struct generic_option generic_options[] = {
    {"rw", SETS(read_only), false, NULL},
    {"ro", SETS(read_only), true, NULL},
    {"exec", SETS(no_exec), false, NULL},
    {"noexec", SETS(no_exec), true, NULL},
    {"suid", SETS(allow_suid), true, NULL},
    {"nosuid", SETS(allow_suid), false, NULL},
    {"dev", SETS(allow_dev), true, NULL},
    {"nodev", SETS(allow_dev), false, NULL},
    {"remount", SETS(remount), true, NULL},
    {"sync", NO_EFFECT, false, NOT_SYNC},
    {"dirsync", NO_EFFECT, false, NOT_SYNC},
    {"async", NO_EFFECT, false, NULL},
    {"noatime", NO_EFFECT, false, NULL},
    {"atime", NO_EFFECT, false, NULL},
    {"relatime", NO_EFFECT, false, NULL},
    {"norelatime", NO_EFFECT, false, NULL},
    {"strictatime", NO_EFFECT, false, NULL},
    {"nostrictatime", NO_EFFECT, false, NULL},
    {"nodiratime", NO_EFFECT, false, NULL},
    {"diratime", NO_EFFECT, false, NULL},
    {"lazytime", NO_EFFECT, false, NULL},
    {"nolazytime", NO_EFFECT, false, NULL},
    {"auto", NO_EFFECT, false, NULL},
    {"noauto", NO_EFFECT, false, NULL},
    {"nofail", NO_EFFECT, false, NULL},
    {"_netdev", NO_EFFECT, false, NULL},
    {"defaults", NO_EFFECT, false, NULL},
    {"user", NO_EFFECT, false, NULL},
    {"nouser", NO_EFFECT, false, NULL},
    {"users", NO_EFFECT, false, NULL},
    {"nousers", NO_EFFECT, false, NULL},
    {"owner", NO_EFFECT, false, NULL},
    {"noowner", NO_EFFECT, false, NULL},
    {"group", NO_EFFECT, false, NULL},
    {"nogroup", NO_EFFECT, false, NULL},
    /* In every guardfs mount's table entry; a remount repeats them. */
    {"allow_other", NO_EFFECT, false, NULL},
    {"default_permissions", NO_EFFECT, false, NULL},
    {"user_id=0", NO_EFFECT, false, NULL},
    {"group_id=0", NO_EFFECT, false, NULL},
};

static const struct generic_option *find_generic(const char *option)
{
	static const struct generic_option private_use = {"x-", NO_EFFECT, false, NULL};

	if (strncmp(option, "x-", 2) == 0 || strncmp(option, "X-", 2) == 0 ||
	    strncmp(option, "user=", 5) == 0)
		return &private_use;
	for (size_t i = 0; i < ARRAY_SIZE(generic_options); i++)
		if (strcmp(option, generic_options[i].name) == 0)
			return &generic_options[i];
	return NULL;
}

static errint_t apply_generic(struct config *config, const struct generic_option *option,
			      const struct config_report *report)
{
	if (option->refusal)
		return config_fail(report, 0, "mount option '%s': guardfs does not have it: %s", option->name,
				   option->refusal);
	if (option->member != NO_EFFECT)
		*(bool *)((char *)config + option->member) = option->value;
	return 0;
}

static errint_t apply_option(struct config *config, char *option, const struct config_report *report)
{
	const struct generic_option *generic = find_generic(option);
	char *value;
	const struct config_key *key;

	if (*option == '\0')
		return 0;
	if (generic)
		return apply_generic(config, generic, report);
	value = strchr(option, '=');
	if (!value)
		return config_fail(report, 0, "unknown mount option '%.64s'", option);
	*value++ = '\0';
	key = config_known_key(report, 0, "mount", option);
	return key ? config_set_key(report, 0, key, value, config) : -EINVAL;
}

/* Takes an option off *rest, up to an unescaped comma; unescapes commas and backslashes. */
static char *next_option(char **rest)
{
	char *option = *rest, *out = option, *in = option;

	while (*in && *in != ',') {
		if (*in == '\\' && (in[1] == ',' || in[1] == '\\'))
			in++;
		*out++ = *in++;
	}
	*rest = *in ? in + 1 : NULL;
	*out = '\0';
	return option;
}

errint_t config_apply_options(struct config *config, const char *options, char *error)
{
	const struct config_report report = {.file = "mount options", .error = error};
	struct config_lines *lines = calloc(1, sizeof(*lines));
	char *copy = strdup(options), *rest = copy;
	errint_t rc = copy && lines ? 0 : -ENOMEM;

	error[0] = '\0';
	if (rc < 0)
		(void)copy_string(error, CONFIG_ERROR_MAX, "out of memory");
	else
		config_underive(config);
	while (rc == 0 && rest)
		rc = apply_option(config, next_option(&rest), &report);
	if (rc == 0) {
		config_derive(config);
		rc = config_verify(config, lines, &report);
	}
	free(copy);
	free(lines);
	return rc;
}
