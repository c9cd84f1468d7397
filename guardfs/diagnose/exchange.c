/* Requests and answers over the channel. */
#include "diagnose/internal.h"
#include "diagnose/classify.h"

#include <errno.h>

#define NOT_SFTP "what came is not SFTP" /* before the version, or unasked */

/* Before the version: no SFTP server. */
static enum errclass nonsense_class(const struct diagnose_run *run)
{
	return run->step == DIAGNOSE_SFTP ? ERRCLASS_SFTP_REFUSED : ERRCLASS_IO_ERROR;
}

/* A shell that greets at login, or a server that writes anything. */
static enum diagnose_outcome nonsense(struct diagnose_run *run, const char *what)
{
	char text[100];

	diagnose_clean(text, sizeof(text), run->inbox, MIN(run->received, sizeof(text)));
	return diagnose_fail(run, nonsense_class(run), "%s: '%s'", what, text);
}

static enum diagnose_outcome ended(struct diagnose_run *run)
{
	if (!ssh_is_connected(run->session))
		return diagnose_lost(run, ERRCLASS_SERVER_GONE);
	return diagnose_fail(run, run->step == DIAGNOSE_SFTP ? ERRCLASS_SFTP_REFUSED : ERRCLASS_SERVER_GONE,
			     "%s ended its SFTP service", run->peer);
}

/* As much as the window takes at a time. */
static enum diagnose_outcome send_packet(struct diagnose_run *run, const struct sftp_packet *packet)
{
	size_t sent = 0;

	while (sent < packet->used) {
		int n =
		    ssh_channel_write(run->channel, packet->bytes + sent, (uint32_t)(packet->used - sent));

		if (n < 0 && n != SSH_AGAIN)
			return ended(run);
		sent += n > 0 ? (size_t)n : 0;
		if (sent < packet->used && !diagnose_wait(run))
			return diagnose_unanswered(run);
	}
	return DIAGNOSE_PASSED;
}

/* Drops the last packet, waits for the next. PASSED: *length bytes are in the inbox. */
static enum diagnose_outcome receive_packet(struct diagnose_run *run, size_t *length)
{
	for (;;) {
		int n = sftp_packet_length(run->inbox, run->received, DIAGNOSE_REPLY_MAX);
		int more;

		if (n < 0 || run->flooded)
			return nonsense(run, NOT_SFTP);
		*length = (size_t)n;
		if (n > 0)
			return DIAGNOSE_PASSED;
		more = ssh_channel_poll(run->channel, 0);
		if (sftp_packet_length(run->inbox, run->received, DIAGNOSE_REPLY_MAX) != 0 || run->flooded)
			continue;
		if (more == SSH_ERROR || more == SSH_EOF || ssh_channel_is_eof(run->channel) ||
		    ssh_channel_is_closed(run->channel))
			return ended(run);
		if (!diagnose_wait(run))
			return diagnose_unanswered(run);
	}
}

static void drop_packet(struct diagnose_run *run)
{
	int n = sftp_packet_length(run->inbox, run->received, DIAGNOSE_REPLY_MAX);

	if (n <= 0)
		return;
	run->received -= (size_t)n;
	memmove(run->inbox, run->inbox + n, run->received);
}

void diagnose_request(struct diagnose_run *run, struct sftp_packet *packet, enum sftp_type type)
{
	sftp_begin(packet, type, ++run->last_id);
}

/* One question at a time: other answers are nonsense. */
enum diagnose_outcome diagnose_exchange(struct diagnose_run *run, struct sftp_packet *packet,
					struct sftp_reply *reply)
{
	enum diagnose_outcome outcome;
	size_t length = 0;

	drop_packet(run);
	if (run->received > 0)
		return nonsense(run, run->step == DIAGNOSE_SFTP ? NOT_SFTP
								: "the server sends what nobody asked for");
	if (sftp_finish(packet) < 0)
		return diagnose_fail(run, ERRCLASS_CONFIG, "the path is too long for SFTP");
	outcome = send_packet(run, packet);
	if (outcome == DIAGNOSE_PASSED)
		outcome = receive_packet(run, &length);
	if (outcome != DIAGNOSE_PASSED)
		return outcome;
	if (sftp_parse(run->inbox, length, reply) < 0)
		return nonsense(run, "the server's answer is damaged");
	if (reply->type != SFTP_VERSION && reply->id != run->last_id)
		return nonsense(run, "the server answers another question");
	return DIAGNOSE_PASSED;
}
