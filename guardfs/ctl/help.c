/* help.c: guardctl help, guardctl version */
#include "ctl/ctl.h"

static const char options_help[] =
    "Options:\n"
    "  -n NAME      the guardfs with this name (its runtime directory is " CTL_RUN_ROOT "/NAME);\n"
    "               needed only where several run\n"
    "  -c FILE      the guardfs with this configuration\n"
    "  -h, --help   this text, or that of a command\n"
    "  -V, --version\n";

static const char exit_help[] =
    "Exit status: 0 good; 1 degraded, or refused; 2 down; 75 timed out; 100 wrong usage;\n"
    "111 guardfs is not running or cannot be reached.\n";

void ctl_print_help(FILE *out)
{
	fputs("Usage: guardctl [-n NAME | -c FILE] COMMAND [ARGUMENTS]\n\n"
	      "Asks a running guardfs how it is, and tells it what to do. Never touches the mount (but for\n"
	      "adopt, smoke, tier move and drill): it answers whatever hangs. status, health, classify, jobs "
	      "and wait "
	      "need\n"
	      "no root.\n\nCommands:\n",
	      out);
	for (const struct ctl_command *c = ctl_commands; c->name; c++)
		fprintf(out, "  %s %s\n        %s\n", c->name, c->arguments, c->summary);
	fprintf(out, "\n%s\n%s\nguardctl help COMMAND says more. See also guardctl(1), guardfs(8).\n",
		options_help, exit_help);
}

void ctl_print_command_help(FILE *out, const struct ctl_command *command)
{
	fprintf(out, "Usage: guardctl %s%s%s%s\n\n%s: %s\n\n%s",
		command->options & CTL_OPTION_INSTANCE ? "[-n NAME | -c FILE] " : "", command->name,
		command->arguments[0] ? " " : "", command->arguments, command->name, command->summary,
		command->help);
}

int ctl_cmd_help(const struct ctl_options *options, int argc, char **argv)
{
	const struct ctl_command *command;

	(void)options;
	if (argc == 0) {
		ctl_print_help(stdout);
		return CTL_EXIT_OK;
	}
	command = ctl_find_command(argv[0]);
	if (!command)
		return ctl_fail(CTL_EXIT_USAGE, "there is no command \"%s\". guardctl help names them",
				argv[0]);
	ctl_print_command_help(stdout, command);
	return CTL_EXIT_OK;
}

int ctl_cmd_version(const struct ctl_options *options, int argc, char **argv)
{
	(void)options;
	(void)argc;
	(void)argv;
	puts("guardctl " GUARDFS_VERSION);
	return CTL_EXIT_OK;
}
