/* main.c: guardctl: the table of commands, and the command line. */
#include "ctl/ctl.h"
#include <getopt.h>
#include <stdio.h>

const struct ctl_command ctl_commands[] = {
    {"status", "[--json]", "state of every backend and route, and what is done about it",
     "What .guardfs/status in the mount says, from the copy in the runtime directory.\n"
     "With --json: the object described in guardfs(8), for programs.\n",
     CTL_OPTION_JSON | CTL_OPTION_INSTANCE, 0, 0, ctl_cmd_status},
    {"health", "[PATH]", "one line and an exit status: ok 0, degraded 1, down 2",
     "Prints STATE CLASS SINCE [DETAIL]. With PATH: of whatever serves PATH, decided by the\n"
     "tier map alone (the longest route that is a prefix of PATH); PATH itself is never touched\n"
     "and need not exist. A relative PATH counts from the working directory; symbolic links\n"
     "are not followed.\n",
     CTL_OPTION_INSTANCE, 0, 1, ctl_cmd_health},
    {"wait", "--state STATE --timeout DURATION [BACKEND]", "until a state is reached",
     "STATE: connecting, healthy, degraded, down, recovering, probation, held, exhausted; or ok\n"
     "for the health of the whole. Without BACKEND: until every backend is in it.\n"
     "DURATION: 500ms, 30s, 2m, 1h. Waits for guardfs itself, too, if it does not run yet.\n"
     "Exit status 75 when the time is over.\n",
     CTL_OPTION_STATE | CTL_OPTION_TIMEOUT | CTL_OPTION_INSTANCE, 0, 1, ctl_cmd_wait},
    {"adopt", "BACKEND", "mark a backend as ours",
     "Writes a fresh UUID into .guardfs-id in the root of BACKEND (through the mount) and prints\n"
     "it with the line for the configuration. With that line, nothing else that answers in its\n"
     "place is ever taken for it. If there is a marker already it is printed, nothing is\n"
     "changed, and the exit status is 1.\n",
     CTL_OPTION_INSTANCE, 1, 1, ctl_cmd_adopt},
    {"version", "", "print the version", "", 0, 0, 0, ctl_cmd_version},
    {"help", "[COMMAND]", "this text, or that of a command", "", 0, 0, 1, ctl_cmd_help},
    {NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};

const struct ctl_command *ctl_find_command(const char *name)
{
	for (const struct ctl_command *c = ctl_commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

struct command_line {
	struct ctl_options options;
	unsigned given; /* enum ctl_option */
	bool help, version, wrong;
};

static void take_option(struct command_line *line, int option)
{
	static const struct {
		int option;
		unsigned bit;
	} bits[] = {{'n', CTL_OPTION_INSTANCE},
		    {'c', CTL_OPTION_INSTANCE},
		    {'j', CTL_OPTION_JSON},
		    {'s', CTL_OPTION_STATE},
		    {'t', CTL_OPTION_TIMEOUT}};

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (bits[i].option == option)
			line->given |= bits[i].bit;
	if (option == 'n')
		line->options.name = optarg;
	else if (option == 'c')
		line->options.config = optarg;
	else if (option == 'j')
		line->options.json = true;
	else if (option == 's')
		line->options.state = optarg;
	else if (option == 't')
		line->options.timeout = optarg;
	else if (option == 'h')
		line->help = true;
	else if (option == 'V')
		line->version = true;
	else
		line->wrong = true;
}

/* Options may stand anywhere before "--"; afterwards argv[optind] is the command. */
static struct command_line parse(int argc, char **argv)
{
	static const struct option long_options[] = {
	    {"name", required_argument, NULL, 'n'},    {"config", required_argument, NULL, 'c'},
	    {"json", no_argument, NULL, 'j'},	       {"state", required_argument, NULL, 's'},
	    {"timeout", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},       {NULL, 0, NULL, 0},
	};
	struct command_line line = {.given = 0};
	int option;

	while ((option = getopt_long(argc, argv, "n:c:hV", long_options, NULL)) != -1)
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

static int run(int argc, char **argv)
{
	struct command_line line = parse(argc, argv);

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
	int status = run(argc, argv);

	/* An answer that was lost on its way (full disk, closed pipe) must not count as given. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == CTL_EXIT_OK)
		return ctl_fail(CTL_EXIT_REFUSED, "cannot write the answer");
	return status;
}
