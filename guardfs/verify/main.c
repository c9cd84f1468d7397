/* guardfs-verify. */
#include "verify/run.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>

static const char help[] =
    "Usage: guardfs-verify [OPTIONS] PATH...\n\n"
    "Is a file whole, and if not, up to where? Reads *.gz, *.warc.gz and *.warc, of any other\n"
    "file its holes; of a directory, the WARCs below it. Nothing is ever changed.\n\n"
    "  -l, --level N      0: sizes, holes, first and last byte; 1: and every gzip member;\n"
    "                     2: and every record of a WARC (2)\n"
    "  -j, --json         a JSON object for each file, one a line\n"
    "      --kind KIND    what the files are, whatever their names: gzip, warc, warc.gz, data\n"
    "      --zeros        of other files, find runs of zeros too (reads them)\n"
    "      --padding      zeros behind the end are no damage\n"
    "      --size N       the size that the file must have, in bytes\n"
    "      --from OFFSET  begin there: all before it is known to be whole\n"
    "      --rate RATE    read at most so many bytes a second: 500K, 20M, 1G\n"
    "      --fresh        from storage, not from this machine's memory of it\n"
    "      --repair-to F  copy what is whole to the new file F\n"
    "  -h, --help, -V, --version\n\n"
    "Exit status: 0 all are whole; 1 some are not; 75 some could not be read, or were being\n"
    "written; 100 wrong usage. See guardfs-verify(1).\n";

enum { KIND = 256, ZEROS, PADDING, SIZE, FROM, RATE, FRESH, REPAIR_TO };

static const struct option long_options[] = {
    {"level", required_argument, NULL, 'l'},
    {"json", no_argument, NULL, 'j'},
    {"kind", required_argument, NULL, KIND},
    {"zeros", no_argument, NULL, ZEROS},
    {"padding", no_argument, NULL, PADDING},
    {"size", required_argument, NULL, SIZE},
    {"from", required_argument, NULL, FROM},
    {"rate", required_argument, NULL, RATE},
    {"fresh", no_argument, NULL, FRESH},
    {"repair-to", required_argument, NULL, REPAIR_TO},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static int PRINTF_LIKE(1, 2) refuse_usage(const char *format, ...)
{
	va_list arguments;

	fputs("guardfs-verify: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs(". guardfs-verify --help\n", stderr);
	return VERIFY_EXIT_USAGE;
}

/* Digits, below 2^63. */
static bool parse_offset(const char *text, uint64_t *value)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 18 || text[n])
		return false;
	*value = strtoull(text, NULL, 10);
	return true;
}

static bool take_value(struct verify_run *run, int option)
{
	struct verify_options *o = &run->options;
	uint64_t level;

	switch (option) {
	case 'l':
		if (!parse_offset(optarg, &level) || level >= VERIFY_LEVEL_COUNT)
			return false;
		o->level = (enum verify_level)level;
		return true;
	case KIND:
		o->kind = verify_kind_from_name(optarg);
		run->kind_given = true;
		return o->kind < VERIFY_KIND_COUNT;
	case SIZE:
		if (!parse_offset(optarg, &o->min_size))
			return false;
		o->max_size = o->min_size;
		return o->min_size > 0;
	case FROM:
		return parse_offset(optarg, &o->from);
	case RATE:
		return parse_rate(optarg, &o->rate) == 0;
	default:
		run->repair_to = optarg;
		return true;
	}
}

/* False: no option, as getopt has said. */
static bool take_option(struct verify_run *run, int option, bool *good)
{
	switch (option) {
	case 'j':
		run->json = true;
		break;
	case ZEROS:
		run->options.zeros = true;
		break;
	case PADDING:
		run->options.padding = true;
		break;
	case FRESH:
		run->options.fresh = true;
		break;
	case '?':
		return false;
	default:
		*good = take_value(run, option);
	}
	return true;
}

static int run_all(struct verify_run *run, int n, char **paths)
{
	bool one = run->repair_to || run->options.from || run->options.min_size;

	if (n == 0)
		return refuse_usage("no file is named");
	if (one && n != 1)
		return refuse_usage("--repair-to, --from and --size are about one file");
	if (run->repair_to && run->options.from)
		return refuse_usage("--repair-to copies from the beginning: no --from");
	verify_run_begin(run);
	for (int i = 0; i < n; i++)
		verify_run_path(run, paths[i]);
	return verify_run_end(run);
}

int main(int argc, char **argv)
{
	struct verify_run run = {
	    .options = {.level = VERIFY_LEVEL_WARC}, .program = "guardfs-verify", .out = stdout};
	bool good = true;
	int option, status;

	while ((option = getopt_long(argc, argv, "l:jhV", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return VERIFY_EXIT_OK;
		}
		if (option == 'V') {
			puts("guardfs-verify " GUARDFS_VERSION);
			return VERIFY_EXIT_OK;
		}
		if (!take_option(&run, option, &good))
			return VERIFY_EXIT_USAGE;
		if (!good)
			return refuse_usage("\"%s\" is no value for that option", optarg);
	}
	status = run_all(&run, argc - optind, argv + optind);
	if (fflush(stdout) || ferror(stdout)) {
		perror("guardfs-verify: standard output");
		return VERIFY_EXIT_UNKNOWN;
	}
	return status;
}
