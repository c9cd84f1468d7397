/* stream.h: a stream of bytes to and from an SFTP server that waits for nothing: a channel of libssh, or the
 * OpenSSH client as a child.
 *
 * One thread. A stream that has failed stays so. Its process ignores SIGPIPE. */
#ifndef GUARDFS_SFTP_STREAM_H
#define GUARDFS_SFTP_STREAM_H

#include "base/base.h"
#include <poll.h>
#include <sys/types.h>

/* Bytes that came, lent. Takes all of them. Called within work and send alone; must not call the stream. */
typedef void (*stream_receive_fn)(void *arg, const uint8_t *bytes, size_t n);

struct stream;

struct stream_ops {
	const char *name;
	/* The events to wait for until work has something to do. */
	void (*want)(const struct stream *s, struct pollfd *p);
	/* Takes what has come, at most some MiB, and sends on what libraries have kept. 0, or -errno once the
	 * stream has ended and everything that came before was handed over: -ENOTCONN (the other side closed
	 * it), or what the system says. */
	errint_t (*work)(struct stream *s);
	/* Takes up to n bytes, as many as go without waiting: what a server does not take stays with the
	 * caller. Their number, 0 included, or -errno as work. */
	ssize_t (*send)(struct stream *s, const uint8_t *bytes, size_t n);
	/* Ends it without waiting for the other side, and frees it. */
	void (*close)(struct stream *s);
};

struct stream {
	const struct stream_ops *ops;
	/* Set by the user before the first call. */
	stream_receive_fn receive;
	void *arg;
};

/* libssh's types, so that nobody needs its headers for this one. */
struct ssh_session_struct;
struct ssh_channel_struct;

/* A stream over a channel on which the subsystem runs, of a session that was made over socket. Takes session,
 * channel and socket over; on failure (-ENOMEM; -EIO: libssh does not say why) they stay the caller's. */
errint_t stream_over_channel(struct ssh_session_struct *session, struct ssh_channel_struct *channel,
			     int socket, struct stream **stream) WARN_UNUSED;

/* A stream over standard input and output of a program that is started now, in the caller's session and with
 * its standard error and environment: argv as for execvp, usually ssh -s HOST sftp. The program is killed
 * when the stream is closed. A program that cannot be executed ends at once (status 127). 0 or -errno. */
errint_t stream_over_program(const char *const *argv, struct stream **stream) WARN_UNUSED;

/* The program's pid; 0: the stream is of another kind. */
pid_t stream_program_pid(const struct stream *stream);

#endif
