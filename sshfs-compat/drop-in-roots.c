/* Where sshfs-guard's mounts keep what is of this moment, and what is to last. */
#include "sshfs-compat/drop-in.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_own_directory(const char *path)
{
	struct stat st;

	return path && path[0] == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

static const char *home_of_user(void)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home && home[0] == '/')
		return home;
	pw = getpwuid(geteuid());
	return pw && pw->pw_dir[0] == '/' ? pw->pw_dir : NULL;
}

static errint_t make_path(char path[CONFIG_PATH_MAX], const char *directory, const char *below, char *message)
{
	int n = snprintf(path, CONFIG_PATH_MAX, "%s/%s", directory, below);

	if (n > 0 && n < CONFIG_PATH_MAX)
		return 0;
	snprintf(message, CONFIG_ERROR_MAX, "the path of a directory is too long: %.200s", directory);
	return -ENAMETOOLONG;
}

errint_t drop_in_roots(char run[CONFIG_PATH_MAX], char state[CONFIG_PATH_MAX], char *message)
{
	const char *session = getenv("XDG_RUNTIME_DIR"), *lasting = getenv("XDG_STATE_HOME");
	const char *home = home_of_user();
	errint_t rc;

	if (geteuid() == 0) {
		rc = make_path(run, "/run", "guardfs", message);
		return rc < 0 ? rc : make_path(state, "/var/lib", "guardfs", message);
	}
	if (lasting && lasting[0] == '/') {
		rc = make_path(state, lasting, "guardfs", message);
	} else if (home) {
		rc = make_path(state, home, ".local/state/guardfs", message);
	} else {
		snprintf(message, CONFIG_ERROR_MAX,
			 "there is no home directory: set HOME, or XDG_STATE_HOME");
		rc = -ENOENT;
	}
	if (rc < 0)
		return rc;
	/* Without a session there is none. */
	return is_own_directory(session) ? make_path(run, session, "guardfs", message)
					 : make_path(run, state, "run", message);
}
