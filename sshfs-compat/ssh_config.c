/* ssh's configuration for a host. */
#include "sshfs-compat/sshfs-compat.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define ANSWER_MAX 65536

/* Of "KEY VALUE", or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

/* Does only ssh reach such a server? */
static bool is_ssh_alone(const char *line)
{
	static const char *const keys[] = {"proxycommand", "proxyjump", "hostkeyalias"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = value_of(line, keys[i]);

		if (value && strcmp(value, "none") != 0)
			return true;
	}
	return false;
}

static void take_line(const char *line, struct config_backend *backend)
{
	const char *host = value_of(line, "hostname"), *port = value_of(line, "port"),
		   *user = value_of(line, "user");
	long number = port ? strtol(port, NULL, 10) : 0;

	if (host && strlen(host) < sizeof(backend->host))
		(void)copy_string(backend->host, sizeof(backend->host), host);
	if (!backend->port && number > 0 && number <= UINT16_MAX)
		backend->port = (uint16_t)number;
	if (!backend->user[0] && user && strlen(user) < sizeof(backend->user))
		(void)copy_string(backend->user, sizeof(backend->user), user);
}

errint_t ssh_config_parse(char *answer, struct config_backend *backend)
{
	struct config_backend found = *backend;
	char *rest = answer;

	for (char *line; (line = strsep(&rest, "\n"));) {
		if (is_ssh_alone(line))
			return -ENOTSUP;
		take_line(line, &found);
	}
	*backend = found;
	return 0;
}

static int ask_own_ssh(const struct config_backend *backend, char *answer)
{
	const struct sshfs_features features = {0};
	const struct sshfs_target target = {.connect_timeout_s = 1};
	char message[CONFIG_ERROR_MAX];
	struct sshfs_command command;

	if (ssh_command_build(&command, backend, &features, &target, SSH_TELL, message) < 0)
		return -1;
	return sshfs_ask(command.argv, answer, ANSWER_MAX);
}

errint_t ssh_config_apply(struct config_backend *backend)
{
	CLEANUP_FREE char *answer = malloc(ANSWER_MAX);
	char *const argv[] = {(char *)(uintptr_t) "ssh", (char *)(uintptr_t) "-G", (char *)(uintptr_t) "--",
			      backend->host, NULL};
	int status = -1;

	if (answer)
		status = backend_is_reached_by_ssh(backend) ? ask_own_ssh(backend, answer)
							    : sshfs_ask(argv, answer, ANSWER_MAX);
	return status == 0 ? ssh_config_parse(answer, backend) : -EIO;
}
