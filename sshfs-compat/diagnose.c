/* Classes of ssh's and sshfs's messages (keeper sets LC_ALL=C). */
#include "sshfs-compat/sshfs-compat.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

struct signature {
	/* Any case. */
	const char *text;
	enum errclass class;
};

/* The most telling first: "Permission denied" follows an unusable key, "Host key verification failed" a changed host
 * key, "remote host has disconnected" nearly everything. An unreadable key file says "No such file", too. */
static const struct signature signatures[] = {
    {"IDENTIFICATION HAS CHANGED", ERRCLASS_HOST_KEY_CHANGED},
    {"REVOKED HOST KEY", ERRCLASS_HOST_KEY_CHANGED},
    {"host key is known for", ERRCLASS_HOST_KEY_CHANGED},
    {"Host key verification failed", ERRCLASS_HOST_KEY_CHANGED},
    {"cannot execute", ERRCLASS_CONFIG},
    {"failed to execute", ERRCLASS_CONFIG},
    {"no such identity", ERRCLASS_CONFIG},
    {"Identity file", ERRCLASS_CONFIG},
    {"Load key", ERRCLASS_CONFIG},
    {"are too open", ERRCLASS_CONFIG},
    {"UNPROTECTED PRIVATE KEY", ERRCLASS_CONFIG},
    {"Bad owner or permissions", ERRCLASS_CONFIG},
    {"Bad configuration option", ERRCLASS_CONFIG},
    {"Can't open user config file", ERRCLASS_CONFIG},
    {"administratively prohibited", ERRCLASS_CONFIG}, /* a jump host that does not forward */
    {"unknown option", ERRCLASS_CONFIG},
    {"fuse: device not found", ERRCLASS_CONFIG},
    {"fuse: failed to open /dev/fuse", ERRCLASS_CONFIG},
    {"fuse: mount failed", ERRCLASS_CONFIG},
    {"no matching ", ERRCLASS_CONFIG},
    {"subsystem request failed", ERRCLASS_SFTP_REFUSED},
    {"signing failed", ERRCLASS_AUTH_FAILED}, /* by an agent, or a hardware key */
    {"Permission denied (", ERRCLASS_AUTH_FAILED},
    {"Too many authentication failures", ERRCLASS_AUTH_FAILED},
    {"Could not resolve hostname", ERRCLASS_NAME_RESOLUTION},
    {"Connection refused", ERRCLASS_REFUSED},
    {"No route to host", ERRCLASS_UNREACHABLE},
    {"Network is unreachable", ERRCLASS_UNREACHABLE},
    {"Host is down", ERRCLASS_UNREACHABLE},
    {"timed out", ERRCLASS_TIMEOUT},
    {"not responding", ERRCLASS_TIMEOUT},
    {"No such file or directory", ERRCLASS_PATH_MISSING},
    {"Not a directory", ERRCLASS_PATH_MISSING},
    {"Connection reset", ERRCLASS_SERVER_GONE},
    {"Connection closed", ERRCLASS_SERVER_GONE},
    {"kex_exchange_identification", ERRCLASS_SERVER_GONE},
    {"Broken pipe", ERRCLASS_SERVER_GONE},
    {"closed by remote host", ERRCLASS_SERVER_GONE},
    {"remote host has disconnected", ERRCLASS_SERVER_GONE},
};

static bool line_contains(const char *line, size_t n, const char *what)
{
	size_t length = strlen(what);

	for (size_t i = 0; i + length <= n; i++)
		if (strncasecmp(line + i, what, length) == 0)
			return true;
	return false;
}

static size_t match_line(const char *line, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++)
		if (line_contains(line, n, signatures[i].text))
			return i;
	return ARRAY_SIZE(signatures);
}

static void copy_line(char *detail, size_t size, const char *line, size_t n)
{
	size_t used = 0;

	while (n > 0 && (isspace((unsigned char)line[n - 1]) || line[n - 1] == '@'))
		n--;
	while (n > 0 && (isspace((unsigned char)*line) || *line == '@')) {
		line++;
		n--;
	}
	for (size_t i = 0; i < n && used + 1 < size; i++)
		detail[used++] = iscntrl((unsigned char)line[i]) ? '?' : line[i];
	detail[used] = '\0';
}

enum errclass sshfs_diagnose(const char *text, size_t n, char *detail, size_t size)
{
	size_t best = ARRAY_SIZE(signatures);

	detail[0] = '\0';
	while (n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t length = end ? (size_t)(end - text) : n;
		size_t found = match_line(text, length);

		if (found < best || (best == ARRAY_SIZE(signatures) && length > 1))
			copy_line(detail, size, text, length);
		best = MIN(best, found);
		text += MIN(length + 1, n);
		n -= MIN(length + 1, n);
	}
	return best < ARRAY_SIZE(signatures) ? signatures[best].class : ERRCLASS_NONE;
}
