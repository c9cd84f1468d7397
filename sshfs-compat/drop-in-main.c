/* sshfs-guard, typed as sshfs is, by anybody: logs in once, writes a configuration, and has guardfs
 * mount it. docs/SSHFS.md. */
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/mounts.h"
#include "sshfs-compat/drop-in.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFIG_FILE "guardfs.conf"
#define TEXT_MAX    16384
/* Of a first login without a terminal. */
#define LOGIN_LIMIT_S	    60u
#define LOGIN_LIMIT_LEAST_S 10u

static struct drop_in typed;
static struct config config;

static struct places {
	char self[CONFIG_PATH_MAX], guardfs[CONFIG_PATH_MAX];
	char mountpoint[CONFIG_PATH_MAX], run_root[CONFIG_PATH_MAX], state_root[CONFIG_PATH_MAX];
	char file[CONFIG_PATH_MAX + 32];
} at;

static int fail(const char *format, ...) PRINTF_LIKE(1, 2);
static int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs(DROP_IN_PROGRAM ": ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return 1;
}

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

/* Beside this program, or in the sbin beside its bin. */
static int find_programs(void)
{
	ssize_t n = readlink("/proc/self/exe", at.self, sizeof(at.self) - 1);
	char *slash;

	at.self[n > 0 ? n : 0] = '\0';
	slash = strrchr(at.self, '/');
	if (!slash)
		return fail("/proc is not mounted");
	snprintf(at.guardfs, sizeof(at.guardfs), "%.*s/guardfs", (int)(slash - at.self), at.self);
	if (!is_program(at.guardfs))
		snprintf(at.guardfs, sizeof(at.guardfs), "%.*s/../sbin/guardfs", (int)(slash - at.self),
			 at.self);
	return is_program(at.guardfs)
		   ? 0
		   : fail("the program guardfs is neither beside %s nor in ../sbin", at.self);
}

/* The last name below what is above it without links: a mountpoint whose guardfs was killed answers nothing. real:
 * PATH_MAX bytes. False: errno says why. */
static bool resolve_above(const char *typed_name, char *real)
{
	char copy[CONFIG_PATH_MAX], *slash;
	const char *above = ".", *name = copy;
	size_t n;

	if (copy_string(copy, sizeof(copy), typed_name) < 0) {
		errno = ENAMETOOLONG;
		return false;
	}
	for (n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	slash = strrchr(copy, '/');
	if (slash) {
		*slash = '\0';
		above = slash == copy ? "/" : copy;
		name = slash + 1;
	}
	if (!realpath(above, real))
		return false;
	n = strcmp(real, "/") == 0 ? 0 : strlen(real);
	if (n + 1 + strlen(name) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	snprintf(real + n, PATH_MAX - n, "/%s", name);
	return true;
}

static int find_mountpoint(void)
{
	char real[PATH_MAX];

	if (!realpath(typed.mountpoint, real) &&
	    (errno != ENOTCONN || !resolve_above(typed.mountpoint, real)))
		return fail("mountpoint %s: %s%s", typed.mountpoint, strerror(errno),
			    errno == ENOENT ? "; make it: mkdir -p" : "");
	return copy_string(at.mountpoint, sizeof(at.mountpoint), real) < 0
		   ? fail("the mountpoint's name is too long")
		   : 0;
}

static bool is_empty(DIR *dir)
{
	const struct dirent *entry;

	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return false;
	return true;
}

static int check_mountpoint(void)
{
	CLEANUP_DIR DIR *dir = opendir(at.mountpoint);
	struct mount_entry there;
	struct stat st;

	if (!dir && errno == ENOTCONN)
		return 0; /* guardfs clears its own, and says what else it finds */
	if (!dir)
		return fail("mountpoint %s: %s", typed.mountpoint,
			    errno == ENOTDIR ? "it is not a directory" : strerror(errno));
	if (mount_find_at(at.mountpoint, &there) == 0)
		return fail("%s is mounted already (%s, %s); unmount it first: fusermount3 -u %s",
			    at.mountpoint, there.source, there.fstype, at.mountpoint);
	if (!typed.nonempty && !is_empty(dir))
		return fail(
		    "mountpoint %s is not empty; choose another one, or give -o nonempty: its files are "
		    "hidden then while it is mounted",
		    at.mountpoint);
	if (geteuid() != 0 && fstat(dirfd(dir), &st) == 0 && st.st_uid != geteuid())
		return fail("mountpoint %s belongs to somebody else; choose a directory of your own",
			    at.mountpoint);
	return 0;
}

/* Before a password is asked for. */
static int check_machine(void)
{
	if (access("/dev/fuse", R_OK | W_OK) == 0)
		return 0;
	if (errno == ENOENT)
		return fail(
		    "there is no /dev/fuse: load the module (sudo modprobe fuse), or give this container "
		    "the device (--device /dev/fuse)");
	return fail("/dev/fuse: %s; it should be open to everybody (mode 0666), or to a group of yours",
		    strerror(errno));
}

static int make_directory(const char *path, mode_t mode)
{
	errint_t rc = fd_mkdir_parents(path, mode);

	return rc < 0 ? fail("cannot make the directory %s: %s", path, strerror(-rc)) : 0;
}

static int write_text(const char *text)
{
	errint_t rc = fd_write_atomic(at.file, text, strlen(text), 0600, false);

	return rc < 0 ? fail("cannot write %s: %s", at.file, strerror(-rc)) : 0;
}

static int make_config(bool asks, char *text)
{
	const struct drop_in_places places = {.mountpoint = at.mountpoint,
					      .self = at.self,
					      .run_root = at.run_root,
					      .state_root = at.state_root,
					      .uid = geteuid(),
					      .gid = getegid()};
	char message[CONFIG_ERROR_MAX];

	if (drop_in_config(&typed, &places, asks, text, TEXT_MAX, message) < 0)
		return fail("%s", message);
	if (config_parse("what was typed", text, strlen(text), &config, message) < 0)
		return fail("%s", message);
	return 0;
}

/* Root's are open to be read, as of any guardfs. */
static int make_places(void)
{
	const mode_t mode = geteuid() == 0 ? 0755 : 0700;
	int status = make_directory(config.run_dir, mode);

	if (status == 0)
		status = make_directory(config.state_dir, mode);
	if (status == 0)
		status = make_directory(config.local, mode);
	snprintf(at.file, sizeof(at.file), "%s/" CONFIG_FILE, config.state_dir);
	return status;
}

static void exec_guardfs(void)
{
	char foreground[] = "-f", name[] = "guardfs", option[] = "-o", configuration[] = "-c";
	char options[32];
	char *argv[8];
	size_t n = 0;

	snprintf(options, sizeof(options), "%s%s%s", typed.read_only ? "ro" : "",
		 typed.read_only && typed.no_exec ? "," : "", typed.no_exec ? "noexec" : "");
	argv[n++] = name;
	if (typed.foreground)
		argv[n++] = foreground;
	if (options[0]) {
		argv[n++] = option;
		argv[n++] = options;
	}
	argv[n++] = configuration;
	argv[n++] = at.file;
	argv[n] = NULL;
	execv(at.guardfs, argv);
	_exit(fail("cannot execute %s: %s", at.guardfs, strerror(errno)));
}

/* Exit status. */
static int run_guardfs(void)
{
	pid_t pid;
	int status;

	if (typed.foreground)
		exec_guardfs();
	pid = fork();
	if (pid == 0)
		exec_guardfs();
	if (pid < 0)
		return fail("cannot fork: %s", strerror(errno));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail("cannot wait for guardfs: %s", strerror(errno));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

/* The first line. Byte by byte into its place: no buffer has a copy. */
static int read_password(char *password, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(STDIN_FILENO, &password[n], 1) == 1 && password[n] != '\n')
		n++;
	password[n] = '\0';
	return n ? 0 : fail("-o password_stdin: standard input holds no password");
}

/* A login takes longer than the connection that ConnectTimeout is about. */
static int login_limit_ms(void)
{
	uint32_t seconds = typed.connect_timeout_s ? typed.connect_timeout_s : LOGIN_LIMIT_S / 2;

	return (int)(MAX(2 * seconds, LOGIN_LIMIT_LEAST_S) * 1000u);
}

static int log_in(struct drop_in_asker *asker)
{
	char password[1024], message[CONFIG_ERROR_MAX] = "", socket[CONFIG_PATH_MAX + 8];
	errint_t rc;

	if (typed.password_stdin && read_password(password, sizeof(password)) != 0)
		return 1;
	snprintf(socket, sizeof(socket), "%s/ask", config.run_dir);
	rc = drop_in_asker_start(asker, socket, typed.password_stdin ? password : NULL);
	/* Without it ssh asks on the terminal, once. */
	if (rc < 0 && typed.password_stdin)
		return fail("cannot answer ssh: %s: %s", socket, strerror(-rc));
	if (drop_in_login(&config.backends[0], !typed.no_check_root, login_limit_ms(), message) < 0) {
		drop_in_asker_end(asker);
		return fail("%s", message);
	}
	return 0;
}

static int mount_typed(void)
{
	static char text[TEXT_MAX];
	struct drop_in_asker asker = {.control = -1};
	int status = make_config(false, text);

	if (status == 0)
		status = make_places();
	if (status == 0 && !typed.delay_connect && !typed.libssh)
		status = log_in(&asker);
	if (status == 0 && drop_in_asker_settle(&asker, config.mountpoint))
		status = make_config(true, text);
	if (status == 0)
		status = write_text(text);
	if (status == 0)
		status = run_guardfs();
	if (status != 0)
		drop_in_asker_end(&asker);
	return status;
}

/* Where the caller has closed them, ssh's pipes would have their numbers, and messages go into files. */
static void open_standard_streams(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDWR)) >= 0)
		if (fd > STDERR_FILENO) {
			close(fd);
			return;
		}
}

int main(int argc, char **argv)
{
	const char *asked = getenv(DROP_IN_ASK_SOCKET);
	char message[CONFIG_ERROR_MAX], cwd[PATH_MAX];
	int status;

	if (asked && argc == 2)
		return drop_in_ask(asked, argv[1]);
	if (argc > 2 && strcmp(argv[1], DROP_IN_DIRECT) == 0)
		return drop_in_direct(argc, argv);
	open_standard_streams();
	if (drop_in_parse(&typed, argc, argv, getcwd(cwd, sizeof(cwd)) ? cwd : "/", message) < 0)
		return fail("%s", message);
	if (typed.help) {
		drop_in_usage(stdout);
		return 0;
	}
	if (typed.version) {
		puts("sshfs-guard " GUARDFS_VERSION ", for the options of sshfs 3.7.3");
		return 0;
	}
	if (typed.foreground)
		fputs(typed.notes, stderr);
	if (typed.mapped && drop_in_read_ids(&typed, message) < 0)
		return fail("%s", message);
	status = find_programs();
	if (status == 0 && drop_in_roots(at.run_root, at.state_root, message) < 0)
		status = fail("%s", message);
	if (status == 0)
		status = check_machine();
	if (status == 0)
		status = find_mountpoint();
	if (status == 0)
		status = check_mountpoint();
	return status == 0 ? mount_typed() : status;
}
