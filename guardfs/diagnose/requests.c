/* Questions to the SFTP server. */
#include "diagnose/internal.h"
#include "diagnose/classify.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *path_of(const struct diagnose_run *run)
{
	return run->backend->path[0] ? run->backend->path : ".";
}

/* An answer of another type. A negative status is told in the server's words. */
static enum diagnose_outcome refused(struct diagnose_run *run, enum errclass class, const char *what,
				     const struct sftp_reply *reply)
{
	char message[100] = "";

	if (reply->type != SFTP_STATUS)
		return diagnose_fail(run, ERRCLASS_IO_ERROR, "%s: answered with packet type %u", what,
				     (unsigned)reply->type);
	diagnose_clean(message, sizeof(message), reply->status.message.bytes, reply->status.message.n);
	return diagnose_fail(run, class, "%s: %s (status %u)", what, message, (unsigned)reply->status.code);
}

enum diagnose_outcome diagnose_version(struct diagnose_run *run)
{
	enum diagnose_outcome outcome;
	struct sftp_packet packet;
	struct sftp_reply reply;

	diagnose_waiting(run, "SFTP at %s was started, waiting for its version", run->peer);
	sftp_begin(&packet, SFTP_INIT, SFTP_VERSION_SPOKEN);
	outcome = diagnose_exchange(run, &packet, &reply);
	if (outcome != DIAGNOSE_PASSED)
		return outcome;
	if (reply.type != SFTP_VERSION)
		return diagnose_fail(run, ERRCLASS_SFTP_REFUSED,
				     "the server speaks something else than SFTP version 3");
	run->diagnosis->lacks = SERVER_KNOWN | reply.version.lacks;
	return DIAGNOSE_PASSED;
}

enum diagnose_outcome diagnose_path(struct diagnose_run *run)
{
	enum diagnose_outcome outcome;
	struct sftp_packet packet;
	struct sftp_reply reply;
	char what[CONFIG_PATH_MAX + 16];

	snprintf(what, sizeof(what), "path '%s'", path_of(run));
	diagnose_waiting(run, "asking %s for %s", run->peer, what);
	diagnose_request(run, &packet, SFTP_STAT);
	sftp_put_text(&packet, path_of(run));
	outcome = diagnose_exchange(run, &packet, &reply);
	if (outcome != DIAGNOSE_PASSED)
		return outcome;
	if (reply.type != SFTP_ATTRS)
		return refused(run,
			       reply.type == SFTP_STATUS ? diagnose_path_class(reply.status.code)
							 : ERRCLASS_IO_ERROR,
			       what, &reply);
	if (reply.attrs.has & SFTP_ATTR_PERMISSIONS && !S_ISDIR(reply.attrs.permissions))
		return diagnose_fail(run, ERRCLASS_PATH_MISSING, "%s is not a directory", what);
	return DIAGNOSE_PASSED;
}

enum diagnose_outcome diagnose_space(struct diagnose_run *run)
{
	enum diagnose_outcome outcome;
	struct sftp_packet packet;
	struct sftp_reply reply;
	struct sftp_statvfs space;
	enum errclass class;
	const char *why;

	if (run->diagnosis->lacks & 1u << SERVER_STATVFS)
		return DIAGNOSE_SKIPPED;
	diagnose_waiting(run, "asking %s for its free space", run->peer);
	diagnose_request(run, &packet, SFTP_EXTENDED);
	sftp_put_text(&packet, "statvfs@openssh.com");
	sftp_put_text(&packet, path_of(run));
	outcome = diagnose_exchange(run, &packet, &reply);
	if (outcome != DIAGNOSE_PASSED)
		return outcome;
	/* Offered, but not for this file system: no trouble. */
	if (reply.type == SFTP_STATUS && reply.status.code == SFTP_OP_UNSUPPORTED)
		return DIAGNOSE_SKIPPED;
	if (reply.type != SFTP_EXTENDED_REPLY || sftp_parse_statvfs(reply.extended, &space) < 0)
		return refused(run, ERRCLASS_IO_ERROR, "free space", &reply);
	class = diagnose_space_class(&space, &why);
	return class == ERRCLASS_NONE ? DIAGNOSE_PASSED : diagnose_fail(run, class, "%s", why);
}

struct canary {
	char path[CONFIG_PATH_MAX + DIAGNOSE_CANARY_MAX];
	uint8_t handle[SFTP_HANDLE_MAX];
	size_t handle_length;
};

static enum diagnose_outcome not_written(struct diagnose_run *run, bool creating,
					 const struct sftp_reply *reply)
{
	char message[80] = "";
	enum errclass class;
	const char *why;

	if (reply->type != SFTP_STATUS)
		return refused(run, ERRCLASS_IO_ERROR, "canary", reply);
	class = diagnose_write_class(creating, reply->status.code, reply->status.message, &why);
	diagnose_clean(message, sizeof(message), reply->status.message.bytes, reply->status.message.n);
	return diagnose_fail(run, class, "%s ('%s', status %u)", why, message, (unsigned)reply->status.code);
}

/* A read-only file system refuses to remove even a missing name (EROFS before ENOENT); a full one does not. */
static bool refuses_removal(struct diagnose_run *run, const struct canary *c)
{
	struct sftp_packet packet;
	struct sftp_reply reply;

	diagnose_request(run, &packet, SFTP_REMOVE);
	sftp_put_text(&packet, c->path);
	return diagnose_exchange(run, &packet, &reply) == DIAGNOSE_PASSED && reply.type == SFTP_STATUS &&
	       reply.status.code == SFTP_FAILURE;
}

static enum diagnose_outcome not_made(struct diagnose_run *run, const struct canary *c,
				      const struct sftp_reply *reply)
{
	bool says_nothing = reply->type == SFTP_STATUS && reply->status.code == SFTP_FAILURE;
	struct diagnosis said;

	(void)not_written(run, true, reply);
	said = *run->diagnosis;
	if (says_nothing && said.class == ERRCLASS_FULL && refuses_removal(run, c))
		return diagnose_fail(run, ERRCLASS_READ_ONLY,
				     "no file can be made, and none removed: the file system is read-only");
	run->diagnosis->class = said.class;
	memcpy(run->diagnosis->detail, said.detail, sizeof(said.detail));
	return DIAGNOSE_FAILED;
}

static enum diagnose_outcome open_canary(struct diagnose_run *run, struct canary *c)
{
	enum diagnose_outcome outcome;
	struct sftp_packet packet;
	struct sftp_reply reply;

	diagnose_waiting(run, "making %s", c->path);
	diagnose_request(run, &packet, SFTP_OPEN);
	sftp_put_text(&packet, c->path);
	sftp_put_u32(&packet, SFTP_OPEN_WRITE | SFTP_OPEN_APPEND | SFTP_OPEN_CREATE | SFTP_OPEN_EXCLUSIVE);
	sftp_put_no_attributes(&packet);
	outcome = diagnose_exchange(run, &packet, &reply);
	if (outcome != DIAGNOSE_PASSED)
		return outcome;
	if (reply.type != SFTP_HANDLE)
		return not_made(run, c, &reply);
	c->handle_length = reply.handle.n;
	memcpy(c->handle, reply.handle.bytes, reply.handle.n);
	return DIAGNOSE_PASSED;
}

/* A full disk may refuse it. */
static enum diagnose_outcome exchange_written(struct diagnose_run *run, struct sftp_packet *packet)
{
	struct sftp_reply reply;
	enum diagnose_outcome outcome = diagnose_exchange(run, packet, &reply);

	if (outcome == DIAGNOSE_PASSED && (reply.type != SFTP_STATUS || reply.status.code != SFTP_OK))
		return not_written(run, false, &reply);
	return outcome;
}

/* A whole block: less might find room. */
#define CANARY_BLOCK 2048u

/* At the beginning, or where the server itself goes. */
static enum diagnose_outcome write_canary(struct diagnose_run *run, const struct canary *c)
{
	static const char block[CANARY_BLOCK] = "guardfs canary\n";
	struct sftp_packet packet;

	diagnose_waiting(run, "writing to %s", c->path);
	diagnose_request(run, &packet, SFTP_WRITE);
	sftp_put_bytes(&packet, c->handle, c->handle_length);
	sftp_put_u64(&packet, 0);
	sftp_put_bytes(&packet, block, sizeof(block));
	return exchange_written(run, &packet);
}

/* Did two writes at the beginning, opened for appending, go to the end? */
static enum diagnose_outcome see_appended(struct diagnose_run *run, const struct canary *c)
{
	enum diagnose_outcome outcome;
	struct sftp_packet packet;
	struct sftp_reply reply;

	diagnose_request(run, &packet, SFTP_STAT);
	sftp_put_text(&packet, c->path);
	outcome = diagnose_exchange(run, &packet, &reply);
	if (outcome == DIAGNOSE_PASSED && reply.type == SFTP_ATTRS && reply.attrs.has & SFTP_ATTR_SIZE &&
	    reply.attrs.size < 2 * CANARY_BLOCK)
		run->diagnosis->lacks |= 1u << SERVER_APPEND;
	return outcome;
}

/* Some file systems say only now that they are full. */
static enum diagnose_outcome close_canary(struct diagnose_run *run, const struct canary *c)
{
	struct sftp_packet packet;

	diagnose_request(run, &packet, SFTP_CLOSE);
	sftp_put_bytes(&packet, c->handle, c->handle_length);
	return exchange_written(run, &packet);
}

static enum diagnose_outcome remove_canary(struct diagnose_run *run, const struct canary *c)
{
	enum diagnose_outcome outcome;
	struct sftp_packet packet;
	struct sftp_reply reply;

	diagnose_request(run, &packet, SFTP_REMOVE);
	sftp_put_text(&packet, c->path);
	outcome = diagnose_exchange(run, &packet, &reply);
	if (outcome != DIAGNOSE_PASSED)
		return outcome;
	if (reply.type != SFTP_STATUS || reply.status.code != SFTP_OK)
		return refused(run, ERRCLASS_IO_ERROR, "removing the canary", &reply);
	return DIAGNOSE_PASSED;
}

/* After a failed write the canary is removed; the write is reported. */
static void clean_up(struct diagnose_run *run, const struct canary *c)
{
	const struct diagnosis said = *run->diagnosis;

	if (ssh_is_connected(run->session)) {
		(void)close_canary(run, c);
		(void)remove_canary(run, c);
	}
	run->diagnosis->class = said.class;
	memcpy(run->diagnosis->detail, said.detail, sizeof(said.detail));
}

enum diagnose_outcome diagnose_write(struct diagnose_run *run)
{
	enum diagnose_outcome outcome;
	char name[DIAGNOSE_CANARY_MAX];
	struct canary canary;

	if (!run->write)
		return DIAGNOSE_SKIPPED;
	diagnose_canary_name(name);
	snprintf(canary.path, sizeof(canary.path), "%s/%s", path_of(run), name);
	outcome = open_canary(run, &canary);
	if (outcome != DIAGNOSE_PASSED)
		return outcome;
	outcome = write_canary(run, &canary);
	if (outcome == DIAGNOSE_PASSED)
		outcome = write_canary(run, &canary);
	if (outcome == DIAGNOSE_PASSED)
		outcome = see_appended(run, &canary);
	if (outcome == DIAGNOSE_PASSED)
		outcome = close_canary(run, &canary);
	if (outcome == DIAGNOSE_PASSED)
		return remove_canary(run, &canary);
	clean_up(run, &canary);
	return outcome;
}
