/* The guardfs command. */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/privileges.h"
#include "config/config.h"
#include "guardian/guardian.h"
#include "keeper/sftp-child.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct arguments {
	bool foreground;
	bool check;
	const char *config;
	/* Overrides, from mount(8). */
	const char *mountpoint;
	char options[CONFIG_OPTIONS_MAX];
};

static void print_usage(FILE *out)
{
	fputs(
	    "usage: guardfs [-f] -c FILE               mount what FILE describes\n"
	    "       guardfs FILE MOUNTPOINT [-o OPTIONS]   the same, as mount(8) calls it\n"
	    "       guardfs --check-config FILE        print the effective configuration, or what is wrong\n"
	    "\n"
	    "  -c, --config FILE        configuration, see guardfs.conf(5)\n"
	    "  -f, --foreground         stay in the foreground, log to standard error\n"
	    "  -o OPTIONS               mount options: keys of [mount] and the usual ones of mount(8)\n"
	    "      --check-config FILE  check and print, change nothing\n"
	    "  -V, --version            print the version\n"
	    "  -h, --help               this text\n"
	    "\n"
	    "Exit status 0: mounted and serving (or ended cleanly with -f); 1: could not start; 2: bad "
	    "configuration;\n"
	    "100: bad usage. See guardfs(8).\n",
	    out);
}

static int bad_usage(const char *message)
{
	fprintf(stderr, "guardfs: %s\n", message);
	fputs("Try 'guardfs --help'.\n", stderr);
	return GUARDIAN_EXIT_USAGE;
}

static int add_options(struct arguments *a, const char *options)
{
	size_t used = strlen(a->options);

	if (used + strlen(options) + 2 > sizeof(a->options))
		return bad_usage("the -o options are too long");
	if (used)
		a->options[used++] = ',';
	return copy_string(a->options + used, sizeof(a->options) - used, options);
}

/* -1: go on; else exit status. */
static int parse(int argc, char **argv, struct arguments *a)
{
	enum { CHECK = 256, LAYOUT };
	static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
					      {"foreground", no_argument, NULL, 'f'},
					      {"check-config", required_argument, NULL, CHECK},
					      {"arena-layout", no_argument, NULL, LAYOUT},
					      {"version", no_argument, NULL, 'V'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:fo:hVsnvw", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			a->config = optarg;
			break;
		case 'f':
			a->foreground = true;
			break;
		case 'o':
			if (add_options(a, optarg) != 0)
				return GUARDIAN_EXIT_USAGE;
			break;
		case CHECK:
			a->check = true;
			a->config = optarg;
			break;
		case LAYOUT: /* asked by a running guardian before re-execution */
			handover_print_layout();
			return 0;
		case 'V':
			puts("guardfs " GUARDFS_VERSION);
			return 0;
		case 'h':
			print_usage(stdout);
			return 0;
		case 's': /* sloppy, no mtab, verbose, writable: from mount(8) */
		case 'n':
		case 'v':
		case 'w':
			break;
		default:
			return bad_usage("unknown option");
		}
	}
	argc -= optind;
	argv += optind;
	if (argc >= 1 && !a->config) {
		a->config = *argv++;
		if (--argc >= 1) {
			a->mountpoint = *argv++;
			argc--;
		}
	}
	if (argc > 0)
		return bad_usage("too many arguments");
	return a->config ? -1 : bad_usage("no configuration given");
}

static int load_config(const struct arguments *a, struct config *config)
{
	char error[CONFIG_ERROR_MAX] = "", override[CONFIG_PATH_MAX + 16];

	if (config_load(a->config, config, error) < 0) {
		fprintf(stderr, "guardfs: %s\n", error);
		return GUARDIAN_EXIT_CONFIG;
	}
	if (a->mountpoint) {
		/* As in fstab, for mount -a to recognise it. */
		(void)copy_string(config->source, sizeof(config->source),
				  a->config[0] == '/' ? a->config : config->file);
		snprintf(override, sizeof(override), "mountpoint=%s", a->mountpoint);
		if (config_apply_options(config, override, error) < 0) {
			fprintf(stderr, "guardfs: %s\n", error);
			return GUARDIAN_EXIT_CONFIG;
		}
	}
	if (a->options[0] && config_apply_options(config, a->options, error) < 0) {
		fprintf(stderr, "guardfs: %s\n", error);
		return GUARDIAN_EXIT_CONFIG;
	}
	return 0;
}

/* Shows the child's report until it serves or fails (end of file, reason on standard error). */
static int wait_for_service(int ready_fd)
{
	ssize_t n;
	char byte;

	while ((n = read(ready_fd, &byte, 1)) == 1 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		if (byte == ANNOUNCE_SERVING[0])
			return 0;
		fputc(byte, stderr);
	}
	if (n < 0)
		fprintf(stderr,
			"guardfs: its report cannot be read (%s): guardctl status tells whether it serves\n",
			strerror(errno));
	return GUARDIAN_EXIT_FAILED;
}

/* Command of the next guardian: the same in the foreground, from any working directory. */
static void make_again(struct arguments *a, const struct config *config, char **again)
{
	static char guardfs[] = "guardfs", foreground[] = "-f", option[] = "-o", configuration[] = "-c";
	static char file[CONFIG_PATH_MAX], mountpoint[CONFIG_PATH_MAX];
	size_t n = 0;

	/* A session that served goes on. */
	(void)add_options(a, "must_connect=no");
	(void)copy_string(file, sizeof(file), config->file);
	(void)copy_string(mountpoint, sizeof(mountpoint), config->mountpoint);
	again[n++] = guardfs;
	again[n++] = foreground;
	if (a->options[0]) {
		again[n++] = option;
		again[n++] = a->options;
	}
	if (!a->mountpoint)
		again[n++] = configuration;
	again[n++] = file;
	if (a->mountpoint)
		again[n++] = mountpoint;
	again[n] = NULL;
}

static int run_in_background(struct arguments *a, const struct config *config, char **argv)
{
	char *again[7];
	int ready[2];
	pid_t pid;

	if (pipe(ready) < 0) {
		perror("guardfs: pipe");
		return GUARDIAN_EXIT_FAILED;
	}
	pid = fork();
	if (pid < 0) {
		perror("guardfs: fork");
		return GUARDIAN_EXIT_FAILED;
	}
	if (pid > 0) {
		close(ready[1]);
		return wait_for_service(ready[0]);
	}
	close(ready[0]);
	setsid();
	if (chdir("/") < 0)
		perror("guardfs: chdir /");
	make_again(a, config, again);
	return standby_main(config, argv, again, ready[1]);
}

int main(int argc, char **argv)
{
	static struct config config;
	static struct arguments a;
	int status;

	if (argc == 1 && strcmp(argv[0], SFTP_CHILD_NAME) == 0)
		return sftp_child_main();
	if (getenv("GUARDFS_REEXECUTED"))
		return guardian_resume_main(argv);
	status = parse(argc, argv, &a);
	if (status >= 0)
		return status;
	status = load_config(&a, &config);
	if (status)
		return status;
	if (a.check) {
		config_print(&config, stdout);
		return 0;
	}
	if (!privileges_of_root() && config.root[0] == '\0') {
		fputs(
		    "guardfs: must be run as root (it mounts, and opens local files by handle); try sudo, or "
		    "sshfs-guard(1), which any user may run. The "
		    "options user, users, owner and group of fstab(5) cannot change that: mount(8) runs "
		    "guardfs "
		    "as the user\n",
		    stderr);
		return GUARDIAN_EXIT_FAILED;
	}
	if (config.remount)
		return mount_remount(&config) < 0 ? GUARDIAN_EXIT_FAILED : 0;
	if (a.foreground)
		return guardian_main(&config, argv, -1);
	return run_in_background(&a, &config, argv);
}
