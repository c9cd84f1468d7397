/* ssh_config.c: ssh's configuration for a host. */
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

errint_t ssh_config_apply(struct config_backend *backend)
{
	CLEANUP_FREE char *answer = malloc(ANSWER_MAX);
	char *const argv[] = {(char *)(uintptr_t) "ssh", (char *)(uintptr_t) "-G", (char *)(uintptr_t) "--",
			      backend->host, NULL};
	int status = answer ? sshfs_ask(argv, answer, ANSWER_MAX) : -1;

	return status == 0 ? ssh_config_parse(answer, backend) : -EIO;
}
