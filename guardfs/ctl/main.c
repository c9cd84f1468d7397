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

#define ROW_VALUE 256 /* getopt_long's for row 0, above letters */

static const struct ctl_option_row *find_row(int option)
{
	for (size_t i = 0; i < CTL_OPTION_ROWS; i++)
		if (option == ROW_VALUE + (int)i ||
		    (ctl_option_rows[i].letter && option == ctl_option_rows[i].letter))
			return &ctl_option_rows[i];
	return NULL;
}

static void take_option(struct command_line *line, int option)
{
	const struct ctl_option_row *row = find_row(option);

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
	struct option long_options[CTL_OPTION_ROWS + 3] = {{NULL, 0, NULL, 0}};
	struct command_line line = {.given = 0};
	size_t n = 0;
	int option;

	for (; n < CTL_OPTION_ROWS; n++)
		long_options[n] = (struct option){ctl_option_rows[n].name, ctl_option_rows[n].has_value, NULL,
						  ROW_VALUE + (int)n};
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
