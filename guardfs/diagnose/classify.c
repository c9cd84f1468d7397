#include "diagnose/classify.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

void diagnose_clean(char *dst, size_t size, const void *src, size_t n)
{
	const unsigned char *p = src;
	size_t used = 0;
	bool space = false;

	for (size_t i = 0; i < n && used + 1 < size; i++) {
		if (p[i] == '\0' || isspace(p[i])) {
			space = used > 0;
			continue;
		}
		if (space && used + 2 < size)
			dst[used++] = ' ';
		space = false;
		dst[used++] = p[i] > 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
	}
	dst[used] = '\0';
}

static bool contains(const void *text, size_t n, const char *what)
{
	const char *t = text;
	size_t length = strlen(what);

	for (size_t i = 0; i + length <= n; i++)
		if (strncasecmp(t + i, what, length) == 0)
			return true;
	return false;
}

struct saying {
	const char *text;
	enum errclass class;
};

/* The first contained decides. */
static enum errclass look_up(const struct saying *sayings, size_t n_sayings, const void *text, size_t n,
			     enum errclass otherwise)
{
	for (size_t i = 0; i < n_sayings; i++)
		if (contains(text, n, sayings[i].text))
			return sayings[i].class;
	return otherwise;
}

enum errclass diagnose_connect_class(int err)
{
	enum errclass class = errclass_from_errno(err);

	/* This machine's firewall. */
	if (err == EACCES || err == EPERM || err == EADDRNOTAVAIL || err == EAFNOSUPPORT || err == EINVAL)
		return ERRCLASS_UNREACHABLE;
	return errclass_info(class)->infrastructure ? class : errclass_of_own(err);
}

static unsigned telling(enum errclass class)
{
	switch (class) {
	case ERRCLASS_NONE:
		return 0;
	case ERRCLASS_UNREACHABLE:
		return 1;
	case ERRCLASS_TIMEOUT:
		return 3;
	case ERRCLASS_REFUSED:
		return 4;
	default:
		return 2;
	}
}

enum errclass diagnose_more_telling(enum errclass a, enum errclass b)
{
	return telling(b) > telling(a) ? b : a;
}

static bool begins(const char *line, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

enum diagnose_banner diagnose_banner(const char *bytes, size_t n, const char **line, size_t *length)
{
	size_t at = 0;

	while (at < n) {
		const char *end = memchr(bytes + at, '\n', n - at);

		if (!end)
			break;
		*line = bytes + at;
		*length = (size_t)(end - *line);
		if (begins(*line, *length, "SSH-2.0-") || begins(*line, *length, "SSH-1.99-"))
			return BANNER_SSH;
		if (begins(*line, *length, "SSH-"))
			return BANNER_FOREIGN;
		at += *length + 1;
	}
	return n >= DIAGNOSE_BANNER_MAX ? BANNER_FOREIGN : BANNER_INCOMPLETE;
}

enum errclass diagnose_no_banner_class(const char *bytes, size_t n)
{
	/* OpenSSH's words. */
	static const struct saying sayings[] = {
	    {"MaxStartups", ERRCLASS_TOO_MANY_CONNECTIONS}, {"too many", ERRCLASS_TOO_MANY_CONNECTIONS},
	    {"not allowed", ERRCLASS_TOO_MANY_CONNECTIONS}, {"exceeded", ERRCLASS_TOO_MANY_CONNECTIONS},
	    {"limit", ERRCLASS_TOO_MANY_CONNECTIONS},	    {"busy", ERRCLASS_TOO_MANY_CONNECTIONS},
	};

	/* Nothing, or cut within the banner. */
	if (n == 0 || memcmp(bytes, "SSH-", MIN(n, 4u)) == 0)
		return ERRCLASS_TOO_MANY_CONNECTIONS;
	return look_up(sayings, ARRAY_SIZE(sayings), bytes, n, ERRCLASS_SERVER_GONE);
}

enum errclass diagnose_disconnect_class(const char *text, enum errclass otherwise)
{
	static const struct saying sayings[] = {
	    {"authentication failures", ERRCLASS_AUTH_FAILED},
	    {"too many", ERRCLASS_TOO_MANY_CONNECTIONS},
	    {"MaxSessions", ERRCLASS_TOO_MANY_CONNECTIONS},
	    {"connection limit", ERRCLASS_TOO_MANY_CONNECTIONS},
	    {"no match for method", ERRCLASS_CONFIG},
	    {"no matching", ERRCLASS_CONFIG},
	    {"connection reset", ERRCLASS_SERVER_GONE},
	    {"closed by", ERRCLASS_SERVER_GONE},
	    {"remote end", ERRCLASS_SERVER_GONE},
	    {"SSH_MSG_DISCONNECT", ERRCLASS_SERVER_GONE},
	    {"Socket error", ERRCLASS_SERVER_GONE},
	};

	return look_up(sayings, ARRAY_SIZE(sayings), text, strlen(text), otherwise);
}

enum errclass diagnose_path_class(uint32_t status)
{
	switch (status) {
	case SFTP_NO_CONNECTION:
	case SFTP_CONNECTION_LOST:
		return ERRCLASS_SERVER_GONE;
	case SFTP_NO_SUCH_FILE:
	case SFTP_NO_SUCH_PATH:
	case SFTP_NOT_A_DIRECTORY:
	case SFTP_PERMISSION_DENIED:
		return ERRCLASS_PATH_MISSING;
	default:
		return ERRCLASS_IO_ERROR;
	}
}

enum errclass diagnose_space_class(const struct sftp_statvfs *s, const char **why)
{
	*why = "";
	if (s->flags & SFTP_STATVFS_READ_ONLY) {
		*why = "the file system is mounted read-only on the server";
		return ERRCLASS_READ_ONLY;
	}
	if (s->blocks > 0 && s->available_blocks == 0) {
		*why = "no block is left on the file system";
		return ERRCLASS_FULL;
	}
	if (s->files > 0 && s->available_files == 0) {
		*why = "no inode is left on the file system: free space, but no further file";
		return ERRCLASS_FULL;
	}
	return ERRCLASS_NONE;
}

struct write_answer {
	uint32_t status;
	/* Part of it; NULL: any. */
	const char *message;
	enum errclass class;
	const char *why;
};

/* The first decides. */
static const struct write_answer write_answers[] = {
    {SFTP_NO_SPACE, NULL, ERRCLASS_FULL, "no space left"},
    {SFTP_QUOTA_EXCEEDED, NULL, ERRCLASS_FULL, "quota exceeded"},
    {SFTP_WRITE_PROTECT, NULL, ERRCLASS_READ_ONLY, "write-protected"},
    {SFTP_NO_CONNECTION, NULL, ERRCLASS_SERVER_GONE, "the server lost its storage"},
    {SFTP_CONNECTION_LOST, NULL, ERRCLASS_SERVER_GONE, "the server lost its storage"},
    {SFTP_FAILURE, "quota", ERRCLASS_FULL, "quota exceeded"},
    {SFTP_FAILURE, "space", ERRCLASS_FULL, "no space left"},
    {SFTP_FAILURE, "read-only", ERRCLASS_READ_ONLY, "read-only file system"},
    {SFTP_FAILURE, "input/output", ERRCLASS_IO_ERROR, "an I/O error on the server"},
    {SFTP_PERMISSION_DENIED, "read-only", ERRCLASS_READ_ONLY, "read-only file system"},
    {SFTP_PERMISSION_DENIED, NULL, ERRCLASS_READ_ONLY,
     "writing is not permitted: a read-only account, or rights of the directory"},
    {SFTP_NO_SUCH_FILE, NULL, ERRCLASS_PATH_MISSING, "the directory has gone"},
};

enum errclass diagnose_write_class(bool creating, uint32_t status, struct sftp_slice message,
				   const char **why)
{
	for (size_t i = 0; i < ARRAY_SIZE(write_answers); i++) {
		const struct write_answer *a = &write_answers[i];

		if (status == a->status && (!a->message || contains(message.bytes, message.n, a->message))) {
			*why = a->why;
			return a->class;
		}
	}
	*why = creating
		   ? "the server would not make a file and does not say why: most likely a quota on files"
		   : "the server made a file but took no data, and does not say why: most likely a quota";
	return status == SFTP_FAILURE ? ERRCLASS_FULL : ERRCLASS_IO_ERROR;
}

enum errclass diagnose_errno_class(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
	case EACCES:
	case EPERM:
		return ERRCLASS_PATH_MISSING;
	default: {
		enum errclass class = errclass_from_errno(err);

		return class == ERRCLASS_REAL ? ERRCLASS_IO_ERROR : class;
	}
	}
}
