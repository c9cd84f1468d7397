/* Lines of known_hosts that begin with @revoked or @cert-authority. libssh takes the word for a host's
 * name, and passes such lines over. */
#include "diagnose/internal.h"
#include "base/cleanup.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SPACE " \t\r\n"

/* "@revoked HOSTS TYPE KEY": of any host, to be on the safe side. */
static bool revokes(char *line, const char *key)
{
	char *rest = NULL;
	const char *word = strtok_r(line, SPACE, &rest);

	if (!word || strcmp(word, "@revoked") != 0)
		return false;
	for (unsigned i = 0; word && i < 3; i++)
		word = strtok_r(NULL, SPACE, &rest);
	return word && strcmp(word, key) == 0;
}

/* A missing file revokes nothing. */
static errint_t search_file(const char *path, const char *key, bool *revoked)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	errint_t rc = 0;

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while (!*revoked && getline(&line, &size, f) >= 0)
		*revoked = revokes(line, key);
	if (ferror(f))
		rc = -EIO;
	free(line);
	fclose(f);
	return rc;
}

/* libssh's own, if none is configured. */
static errint_t search_defaults(const char *key, bool *revoked)
{
	const struct passwd *pw = getpwuid(getuid());
	char path[CONFIG_PATH_MAX + 32];
	errint_t rc = 0;

	if (pw) {
		snprintf(path, sizeof(path), "%.*s/.ssh/known_hosts", CONFIG_PATH_MAX, pw->pw_dir);
		rc = search_file(path, key, revoked);
	}
	return rc < 0 || *revoked ? rc : search_file("/etc/ssh/ssh_known_hosts", key, revoked);
}

errint_t diagnose_is_revoked(const struct diagnose_run *run, bool *revoked)
{
	const char *file = run->backend->known_hosts;
	ssh_key key = NULL;
	char *text = NULL;
	errint_t rc = -EIO;

	*revoked = false;
	if (ssh_get_server_publickey(run->session, &key) == SSH_OK &&
	    ssh_pki_export_pubkey_base64(key, &text) == SSH_OK)
		rc = file[0] ? search_file(file, text, revoked) : search_defaults(text, revoked);
	ssh_string_free_char(text);
	ssh_key_free(key);
	return rc;
}

bool diagnose_names_authority(const struct diagnose_run *run)
{
	const char *path = run->backend->known_hosts;
	FILE *f = path[0] ? fopen(path, "re") : NULL;
	static const char word[] = "@cert-authority";
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (f && !found && getline(&line, &size, f) >= 0)
		found = strncmp(line + strspn(line, SPACE), word, sizeof(word) - 1) == 0;
	free(line);
	if (f)
		fclose(f);
	return found;
}
