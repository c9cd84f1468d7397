/* The options of all commands. */
#include "ctl/ctl.h"

#define WITH_VALUE(name, letter, bit, field)                                              \
	{                                                                                 \
		name, letter, true, CTL_OPTION_##bit, offsetof(struct ctl_options, field) \
	}
#define FLAG(name, bit, field)                                                        \
	{                                                                             \
		name, 0, false, CTL_OPTION_##bit, offsetof(struct ctl_options, field) \
	}

const struct ctl_option_row ctl_option_rows[CTL_OPTION_ROWS] = {
    WITH_VALUE("name", 'n', INSTANCE, name),
    WITH_VALUE("config", 'c', INSTANCE, config),
    WITH_VALUE("mountpoint", 'm', INSTANCE, mountpoint),
    FLAG("json", JSON, json),
    WITH_VALUE("state", 0, STATE, state),
    WITH_VALUE("timeout", 0, TIMEOUT, timeout),
    FLAG("dry-run", DRY_RUN, dry_run),
    FLAG("apply", APPLY, apply),
    WITH_VALUE("for", 0, FOR, duration),
    WITH_VALUE("reason", 0, REASON, reason),
    FLAG("wait", WAIT, wait),
    WITH_VALUE("since", 0, SINCE, since),
    WITH_VALUE("backend", 0, BACKEND, backend),
    WITH_VALUE("limit", 0, LIMIT, limit),
    FLAG("html", HTML, html),
    WITH_VALUE("output", 'o', OUTPUT, output),
    FLAG("simulate", SIMULATE, simulate),
    FLAG("sizes", SIZES, sizes),
    WITH_VALUE("path", 0, PATH, path),
    WITH_VALUE("errno", 0, ERRNO, error),
    WITH_VALUE("require-no-progress-seconds", 0, NO_PROGRESS, no_progress),
    WITH_VALUE("to", 0, TO, to),
    WITH_VALUE("bwlimit", 0, BWLIMIT, rate),
    FLAG("discard-old", DISCARD_OLD, discard_old),
    FLAG("abort", ABORT, abort),
    WITH_VALUE("level", 0, LEVEL, level),
    WITH_VALUE("repair-to", 0, REPAIR_TO, repair_to),
    WITH_VALUE("job", 0, JOB, job),
    FLAG("open", OPEN, open),
    FLAG("settled", SETTLED, settled),
    FLAG("all", ALL, all),
    WITH_VALUE("show", 0, SHOW, show),
    WITH_VALUE("restore", 0, RESTORE, restore),
    FLAG("once", ONCE, once),
};
