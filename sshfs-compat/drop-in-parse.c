/* A command line of sshfs's. */
#include "sshfs-compat/drop-in.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

static errint_t refuse(char *message, const char *format, ...) PRINTF_LIKE(2, 3);
static errint_t refuse(char *message, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(message, CONFIG_ERROR_MAX, format, args);
	va_end(args);
	return -EINVAL;
}

void drop_in_usage(FILE *out)
{
	fputs("usage: " DROP_IN_PROGRAM " [user@]host:[dir] mountpoint [options]\n"
	      "\n"
	      "    -h   --help            this text\n"
	      "    -V   --version         the version\n"
	      "    -p PORT                the port of the server\n"
	      "    -C                     compression\n"
	      "    -F FILE                a configuration of ssh's in the place of its own\n"
	      "    -f                     stay in the foreground\n"
	      "    -d   --debug           the same, and say what has no effect\n"
	      "    -s                     accepted, and without effect\n"
	      "    -o OPT[,OPT...]        options of sshfs, ssh and mount:\n"
	      "\n",
	      out);
	for (size_t i = 0; i < drop_in_option_count; i++) {
		const struct drop_in_option *o = &drop_in_options[i];

		if (o->fate == FATE_HONOURED)
			fprintf(out, "    -o %-20s %s\n", o->name, o->text);
	}
	fputs("\n" DROP_IN_HELP_MARK, out);
	for (size_t i = 0, column = 80; i < drop_in_option_count; i++) {
		const struct drop_in_option *o = &drop_in_options[i];

		if (o->fate != FATE_WITHOUT_EFFECT)
			continue;
		if (column + strlen(o->name) > 76) {
			fputs("\n   ", out);
			column = 3;
		}
		column += strlen(o->name) + 1;
		fprintf(out, " %s", o->name);
	}
	fputs("\n\nRefused:\n", out);
	for (size_t i = 0; i < drop_in_option_count; i++)
		if (drop_in_options[i].fate == FATE_REFUSED)
			fprintf(out, "    -o %-20s %s\n", drop_in_options[i].name, drop_in_options[i].text);
	fputs("\nAny option of ssh_config(5) may follow -o as well: -o IdentityFile=FILE.\n"
	      "To unmount: fusermount3 -u MOUNTPOINT. How it stands: guardctl -m MOUNTPOINT status.\n"
	      "Exit status: 0 mounted; 1 not, and standard error says why.\n",
	      out);
}

static bool is_ssh_option(const char *name, size_t n)
{
	for (const char *const *known = drop_in_ssh_options; *known; known++)
		if (strlen(*known) == n && strncasecmp(*known, name, n) == 0)
			return true;
	return false;
}

/* ssh runs elsewhere. */
static bool names_file(const char *name, size_t n)
{
	static const char *const of_files[] = {"IdentityFile", "CertificateFile", "UserKnownHostsFile",
					       "GlobalKnownHostsFile", "RevokedHostKeys"};

	for (size_t i = 0; i < ARRAY_SIZE(of_files); i++)
		if (strlen(of_files[i]) == n && strncasecmp(of_files[i], name, n) == 0)
			return true;
	return false;
}

static bool is_relative(const char *path)
{
	return path[0] && !strchr("/~%$\"", path[0]) && strcasecmp(path, "none") != 0;
}

/* Commas and backslashes in it are escaped again. */
static errint_t add_ssh_option(struct drop_in *d, const char *name, size_t n, const char *value,
			       const char *cwd, char *message)
{
	size_t used = strlen(d->ssh_options);
	char text[2 * CONFIG_PATH_MAX];

	if (names_file(name, n) && is_relative(value))
		snprintf(text, sizeof(text), "%.*s=%s/%s", (int)n, name, cwd, value);
	else
		snprintf(text, sizeof(text), "%.*s=%s", (int)n, name, value);
	if (used)
		d->ssh_options[used++] = ',';
	for (const char *p = text; *p; p++) {
		if (used + 3 > sizeof(d->ssh_options))
			return refuse(message,
				      "the options of ssh are too long; put them into ssh_config(5)");
		if (*p == ',' || *p == '\\')
			d->ssh_options[used++] = '\\';
		d->ssh_options[used++] = *p;
	}
	d->ssh_options[used] = '\0';
	return 0;
}

static const struct drop_in_option *find_option(const char *name, size_t n)
{
	for (size_t i = 0; i < drop_in_option_count; i++)
		if (strlen(drop_in_options[i].name) == n && strncmp(drop_in_options[i].name, name, n) == 0)
			return &drop_in_options[i];
	return NULL;
}

static void note(struct drop_in *d, const struct drop_in_option *o)
{
	size_t used = strlen(d->notes);

	snprintf(d->notes + used, sizeof(d->notes) - used, "-o %s has no effect: %s\n", o->name, o->text);
}

static errint_t take_known(struct drop_in *d, const struct drop_in_option *o, const char *value,
			   char *message)
{
	if (o->fate == FATE_REFUSED)
		return refuse(message, "-o %s is refused: %s", o->name, o->text);
	if (o->value == HAS_VALUE_ALWAYS && !value)
		return refuse(message, "-o %s: expected %s=VALUE", o->name, o->name);
	if (o->value == HAS_VALUE_NEVER && value)
		return refuse(message, "-o %s takes no value", o->name);
	if (o->fate == FATE_HONOURED)
		return o->take(d, value ? value : "", message);
	note(d, o);
	return 0;
}

static errint_t take_option(struct drop_in *d, const char *option, const char *cwd, char *message)
{
	size_t n = strcspn(option, "=");
	const char *value = option[n] ? option + n + 1 : NULL;
	const struct drop_in_option *known = find_option(option, n);

	if (n == 0)
		return option[0] ? refuse(message, "-o %.64s: there is no name", option) : 0;
	if (known)
		return take_known(d, known, value, message);
	if (strncmp(option, "x-", 2) == 0 || strncmp(option, "X-", 2) == 0)
		return 0;
	if (!is_ssh_option(option, n))
		return refuse(message, "unknown option -o %.64s; " DROP_IN_PROGRAM " -h names all", option);
	if (!value || !*value)
		return refuse(message, "-o %.64s: ssh expects a value, %.*s=VALUE", option, (int)n, option);
	if (n == 4 && strncasecmp(option, "Port", n) == 0) {
		d->port = (uint32_t)strtoul(value, NULL, 10);
		return d->port && d->port < 65536 ? 0 : refuse(message, "-o %.64s: expected a port", option);
	}
	/* ssh's first one counts; its other forms are none of seconds. */
	if (n == 14 && strncasecmp(option, "ConnectTimeout", n) == 0 && !d->connect_timeout_s)
		d->connect_timeout_s = (uint32_t)MIN(strtoul(value, NULL, 10), 3600ul);
	return add_ssh_option(d, option, n, value, cwd, message);
}

/* Separated by commas; "\," is one of a value's. */
static errint_t take_list(struct drop_in *d, const char *list, const char *cwd, char *message)
{
	char option[2 * CONFIG_PATH_MAX];
	errint_t rc = 0;

	while (*list && rc == 0) {
		size_t n = 0;

		for (; *list && *list != ','; list++) {
			if (*list == '\\' && (list[1] == ',' || list[1] == '\\'))
				list++;
			if (n + 1 >= sizeof(option))
				return refuse(message, "an option is too long");
			option[n++] = *list;
		}
		option[n] = '\0';
		list += *list == ',';
		rc = take_option(d, option, cwd, message);
	}
	return rc;
}

static errint_t bad_source(const char *source, char *message)
{
	return refuse(message, "'%.200s': expected [user@]host:[dir], such as user@example.org:", source);
}

static errint_t take_source(struct drop_in *d, const char *source, char *message)
{
	const char *host = source, *end, *colon, *at = NULL;

	if (copy_string(d->source, sizeof(d->source), source) < 0)
		return refuse(message, "the source is too long");
	colon = strchr(source, '[') ? strstr(source, "]:") : NULL;
	colon = colon ? colon + 1 : strchr(source, ':');
	if (!colon)
		return bad_source(source, message);
	for (const char *p = source; p < colon; p++)
		if (*p == '@')
			at = p;
	if (at)
		host = at + 1;
	if (at && ((size_t)(at - source) >= sizeof(d->user) || at == source))
		return bad_source(source, message);
	memcpy(d->user, source, at ? (size_t)(at - source) : 0);
	end = colon;
	if (*host == '[' && end[-1] == ']') {
		host++;
		end--;
	}
	if (end <= host || (size_t)(end - host) >= sizeof(d->host) || *host == '-' || d->user[0] == '-')
		return bad_source(source, message);
	memcpy(d->host, host, (size_t)(end - host));
	return copy_string(d->path, sizeof(d->path), colon + 1) < 0
		   ? refuse(message, "the directory's name is too long")
		   : 0;
}

/* Else nobody would read it, and each login would fail. */
static errint_t check_password(const struct drop_in *d, char *message)
{
	if (!d->password_stdin || !(d->delay_connect || d->libssh))
		return 0;
	return refuse(message,
		      d->libssh
			  ? "-o password_stdin goes with ssh; over libssh a password comes from a file: -o "
			    "guard=backend.password_file=FILE"
			  : "-o password_stdin is for the first login, which -o delay_connect leaves out");
}

static errint_t take_names(struct drop_in *d, int n, char **names, char *message)
{
	errint_t rc;

	if (n < 1)
		return refuse(message, "expected [user@]host:[dir] and a mountpoint");
	rc = take_source(d, names[0], message);
	if (rc < 0)
		return rc;
	if (n < 2)
		return refuse(message, "expected a mountpoint behind %.200s", names[0]);
	if (n > 2)
		return refuse(message, "'%.200s' is one argument too many", names[2]);
	return copy_string(d->mountpoint, sizeof(d->mountpoint), names[1]) < 0
		   ? refuse(message, "the mountpoint's name is too long")
		   : 0;
}

static errint_t take_config_file(struct drop_in *d, const char *file, const char *cwd, char *message)
{
	const char *slash = file[0] == '/' ? "" : "/";
	int n = snprintf(d->ssh_config, sizeof(d->ssh_config), "%s%s%s", *slash ? cwd : "", slash, file);

	return n < 0 || (size_t)n >= sizeof(d->ssh_config) ? refuse(message, "-F: the name is too long") : 0;
}

static errint_t take_letter(struct drop_in *d, int letter, const char *cwd, char *message)
{
	char option[64];

	switch (letter) {
	case 'h':
		d->help = true;
		return 0;
	case 'V':
		d->version = true;
		return 0;
	case 'f':
	case 'd':
		d->foreground = true;
		return 0;
	case 'p':
		snprintf(option, sizeof(option), "Port=%.32s", optarg);
		return take_option(d, option, cwd, message);
	case 'C':
		return take_option(d, "Compression=yes", cwd, message);
	case 'F':
		return take_config_file(d, optarg, cwd, message);
	case 'o':
		return take_list(d, optarg, cwd, message);
	case '1':
		return take_option(d, "ssh_protocol=1", cwd, message);
	case 's': /* one thread; of mount(8): sloppy, no mtab, verbose, writable */
	case 'n':
	case 'v':
	case 'w':
		return 0;
	default:
		return refuse(message, "unknown option %s; " DROP_IN_PROGRAM " -h names all",
			      optopt > ' ' && optopt < 0x7f ? (char[]){'-', (char)optopt, '\0'} : "");
	}
}

errint_t drop_in_parse(struct drop_in *d, int argc, char **argv, const char *cwd, char *message)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'},
					      {"version", no_argument, NULL, 'V'},
					      {"debug", no_argument, NULL, 'd'},
					      {NULL, 0, NULL, 0}};
	errint_t rc = 0;
	int letter;

	memset(d, 0, sizeof(*d));
	message[0] = '\0';
	optind = 0;
	opterr = 0;
	while (rc == 0 && (letter = getopt_long(argc, argv, "hVp:CF:fdso:1nvw", longs, NULL)) != -1) {
		if (letter == '?' && optopt == 0)
			return refuse(message, "unknown option %.64s; " DROP_IN_PROGRAM " -h names all",
				      argv[optind - 1]);
		rc = take_letter(d, letter, cwd, message);
	}
	if (rc < 0 || d->help || d->version)
		return rc;
	rc = check_password(d, message);
	return rc < 0 ? rc : take_names(d, argc - optind, argv + optind, message);
}
