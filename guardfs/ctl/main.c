/* guardctl's command line. */
#include "ctl/ctl.h"
#include <getopt.h>
#include <stdio.h>

struct command_line {
	struct ctl_options options;
	/* enum ctl_option */
	uint64_t given;
	bool help, version, wrong;
};

/* value: a string, or a bool for an option without. */
struct option_row {
	const char *name;
	/* short form, or 0 */
	int letter;
	bool has_value;
	enum ctl_option bit;
	size_t offset;
};

#define WITH_VALUE(name, letter, bit, field)                                              \
	{                                                                                 \
		name, letter, true, CTL_OPTION_##bit, offsetof(struct ctl_options, field) \
	}
#define FLAG(name, bit, field)                                                        \
	{                                                                             \
		name, 0, false, CTL_OPTION_##bit, offsetof(struct ctl_options, field) \
	}

static const struct option_row option_rows[] = {
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

#define ROW_VALUE 256 /* getopt_long's for row 0, above letters */

static const struct option_row *find_row(int option)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++)
		if (option == ROW_VALUE + (int)i ||
		    (option_rows[i].letter && option == option_rows[i].letter))
			return &option_rows[i];
	return NULL;
}

static void take_option(struct command_line *line, int option)
{
	const struct option_row *row = find_row(option);

	if (option == 'h')
		line->help = true;
	else if (option == 'V')
		line->version = true;
	else if (!row)
		line->wrong = true;
	if (!row)
		return;
	line->given |= row->bit;
	if (row->has_value)
		memcpy((char *)&line->options + row->offset, &optarg, sizeof(optarg));
	else
		*(bool *)((char *)&line->options + row->offset) = true;
}

/* Options go anywhere before "--". argv[optind] is the command. */
static struct command_line parse_line(int argc, char **argv)
{
	struct option long_options[ARRAY_SIZE(option_rows) + 3] = {{NULL, 0, NULL, 0}};
	struct command_line line = {.given = 0};
	size_t n = 0;
	int option;

	for (; n < ARRAY_SIZE(option_rows); n++)
		long_options[n] =
		    (struct option){option_rows[n].name, option_rows[n].has_value, NULL, ROW_VALUE + (int)n};
	long_options[n++] = (struct option){"help", no_argument, NULL, 'h'};
	long_options[n++] = (struct option){"version", no_argument, NULL, 'V'};
	while ((option = getopt_long(argc, argv, "n:c:m:o:hV", long_options, NULL)) != -1)
		take_option(&line, option);
	return line;
}

static int run_command(const struct command_line *line, int argc, char **argv)
{
	const struct ctl_command *command = ctl_find_command(argv[0]);

	if (!command)
		return ctl_fail(CTL_EXIT_USAGE, "there is no command \"%s\". guardctl help names them",
				argv[0]);
	if (line->help) {
		ctl_print_command_help(stdout, command);
		return CTL_EXIT_OK;
	}
	if (line->given & ~command->options)
		return ctl_fail(CTL_EXIT_USAGE, "%s does not take one of these options. See guardctl help %s",
				command->name, command->name);
	if (argc - 1 < command->min_arguments || argc - 1 > command->max_arguments)
		return ctl_fail(CTL_EXIT_USAGE, "usage: guardctl %s %s. See guardctl help %s", command->name,
				command->arguments, command->name);
	return command->run(&line->options, argc - 1, argv + 1);
}

static int run_line(int argc, char **argv)
{
	struct command_line line = parse_line(argc, argv);

	if (line.wrong)
		return ctl_fail(CTL_EXIT_USAGE, "see guardctl --help");
	if (line.version)
		return ctl_cmd_version(NULL, 0, NULL);
	if (optind < argc)
		return run_command(&line, argc - optind, argv + optind);
	ctl_print_help(line.help ? stdout : stderr);
	return line.help ? CTL_EXIT_OK : CTL_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int status = run_line(argc, argv);

	/* An answer was lost (full disk, closed pipe). */
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == CTL_EXIT_OK)
		return ctl_fail(CTL_EXIT_REFUSED, "cannot write the answer");
	return status;
}
