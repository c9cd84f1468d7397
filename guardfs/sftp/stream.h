/* A non-blocking byte stream to an SFTP server: a channel of libssh, or the OpenSSH client as a child.
 *
 * One thread. A failed stream stays so. Its process ignores SIGPIPE. */
#ifndef GUARDFS_SFTP_STREAM_H
#define GUARDFS_SFTP_STREAM_H

#include "base/base.h"
#include <poll.h>
#include <sys/types.h>

/* Bytes that came, lent; takes all. Called within work and send; must not call the stream. */
typedef void (*stream_receive_fn)(void *arg, const uint8_t *bytes, size_t n);

struct stream;

struct stream_ops {
	const char *name;
	/* Events to wait for before work. */
	void (*want)(const struct stream *s, struct pollfd *p);
	/* Receives at most some MiB, and sends on what libraries kept. -errno once all was handed over:
	 * -ENOTCONN (closed by the other side), or the system's. */
	errint_t (*work)(struct stream *s);
	/* Takes as many as go without waiting. Their number, or -errno as work. */
	ssize_t (*send)(struct stream *s, const uint8_t *bytes, size_t n);
	/* Without waiting. Frees it. */
	void (*close)(struct stream *s);
	/* As stream_beside. NULL: -EOPNOTSUPP. */
	errint_t (*beside)(struct stream *s, struct stream **stream);
};

struct stream {
	const struct stream_ops *ops;
	/* By the user, before the first call. */
	stream_receive_fn receive;
	void *arg;
	/* Set by a stream of the same session: bytes may have come. Its work is to be called before anybody waits,
	 * which clears this. */
	bool again;
};

/* libssh's, without its headers. */
struct ssh_session_struct;
struct ssh_channel_struct;

/* Over a channel on which the subsystem runs, of a session made over socket. Ends when for unacknowledged_ms the
 * server's kernel has not acknowledged what was sent, or has had no room for more. Takes all three over; on failure
 * (-ENOMEM; -EIO: libssh does not say why) they stay the caller's. */
errint_t stream_over_channel(struct ssh_session_struct *session, struct ssh_channel_struct *channel,
			     int socket, int unacknowledged_ms, struct stream **stream) WARN_UNUSED;

/* Another stream over this one's session: a further channel with the subsystem. Waits for nothing: until the server
 * has agreed, the new stream takes nothing to send; if the server refuses, its work says -ECONNREFUSED. This one
 * receives for both: in each round its work is called first; it is closed last. At most one beside each. 0;
 * -EOPNOTSUPP: streams of its kind share nothing, or the server is not known to keep channels apart; -ENOMEM. */
errint_t stream_beside(struct stream *s, struct stream **stream) WARN_UNUSED;

struct stream_program_manner {
	/* Executed once the first byte is sent to it; until then a process of the caller's image waits. */
	bool at_first_byte;
	/* Closing only closes its ends; somebody else ends it. For a caller who gave up the rights to do so, and
	 * ignores SIGCHLD. */
	bool left_alone;
	/* In the new process, before it executes the program. May be NULL. */
	void (*confine)(void);
};

/* Over standard input and output of a program started now, in the caller's session, standard error and environment:
 * argv as for execvp, usually ssh -s HOST sftp. manner NULL: all false. Closing kills the program. One that cannot be
 * executed says so on standard error, and ends with status 127. 0 or -errno. */
errint_t stream_over_program(const char *const *argv, const struct stream_program_manner *manner,
			     struct stream **stream) WARN_UNUSED;

/* 0: no program. */
pid_t stream_program_pid(const struct stream *stream);

#endif
