#include "worker/session.h"
#include "base/log.h"
#include "fs/context.h"
#include "fs/fs.h"
#include "fs/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#define REPLY_TRIES 100u

static struct {
	struct fuse_session *se;
	struct arena *arena;
	int dev_fd;
	bool negotiating;
	errint_t negotiated;
} session;

static size_t flatten_reply(const struct iovec *iov, int count, uint8_t *buf, size_t size)
{
	size_t used = 0;

	for (int i = 0; i < count; i++) {
		if (used + iov[i].iov_len > size)
			return 0;
		memcpy(buf + used, iov[i].iov_base, iov[i].iov_len);
		used += iov[i].iov_len;
	}
	return used;
}

/* May a reply that the kernel refused be sent again? ENOENT: nobody waits, ENODEV: the mount is gone. */
static bool is_worth_another_try(int error)
{
	return error != ENOENT && error != ENODEV && error != EINVAL && error != EPERM && error != EBADF;
}

/* A reply not taken (no memory) would leave its caller waiting for ever: there may be no deadline. */
static ssize_t write_reply(int fd, const struct iovec *iov, int count)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	ssize_t rc = writev(fd, iov, count);

	for (unsigned i = 0; i < REPLY_TRIES && rc < 0 && is_worth_another_try(errno); i++) {
		nanosleep(&pause, NULL);
		rc = writev(fd, iov, count);
	}
	return rc;
}

errint_t session_send(const void *reply, size_t length)
{
	const struct iovec whole = {.iov_base = (void *)(uintptr_t)reply, .iov_len = length};

	return write_reply(session.dev_fd, &whole, 1) < 0 ? -errno : 0;
}

/* Adds flags that libfuse cannot ask for. The first worker's reply is sent and kept. An error is libfuse's own (no
 * memory): sent, it would end the mount for good, so the next worker tries again. */
static ssize_t reply_init(const struct iovec *iov, int count)
{
	struct arena_header *header = &session.arena->header;
	uint8_t reply[INIT_MAX];
	size_t n = flatten_reply(iov, count, reply, sizeof(reply));
	uint32_t known = atomic_load(&header->init_reply_length);
	bool passthrough;

	session.negotiating = false;
	if (!n) {
		session.negotiated = -EPROTO;
		return -1;
	}
	session.negotiated = wire_reply_error(reply);
	if (session.negotiated < 0)
		return (ssize_t)n;
	passthrough = wire_extend_init(header->init_request, header->init_request_length, reply, n,
				       session.arena->board.config.passthrough);
	session.arena->board.kernel_passthrough = passthrough;
	if (!known) {
		session.negotiated = session_send(reply, n);
		memcpy(header->init_reply, reply, n);
		if (session.negotiated == 0)
			atomic_store(&header->init_reply_length, (uint32_t)n);
	} else if (known != n || memcmp(header->init_reply, reply, n) != 0) {
		session.negotiated = -EPROTO;
	}
	return (ssize_t)n;
}

/* Recorded before it is sent: a successor sends it. */
static ssize_t reply_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	struct slot *slot = call.slot;
	size_t n = 0;
	ssize_t rc;

	(void)userdata;
	if (session.negotiating)
		return reply_init(iov, count);
	if (slot)
		n = flatten_reply(iov, count, slot->reply, sizeof(slot->reply));
	if (n == 0) {
		if (slot)
			atomic_store_explicit(&slot->reply_length, SLOT_REPLY_BIG, memory_order_release);
		rc = write_reply(fd, iov, count);
	} else {
		if (call.backing_id)
			wire_set_passthrough(slot->reply, n, call.backing_id);
		atomic_store_explicit(&slot->reply_length, (uint32_t)n, memory_order_release);
		rc = write_reply(fd, &(struct iovec){.iov_base = slot->reply, .iov_len = n}, 1);
	}
	if (slot) {
		int saved = errno;

		wire_clear_unique(call.buffer);
		errno = saved;
	}
	return rc;
}

static ssize_t refuse_read(int fd, void *buf, size_t size, void *userdata)
{
	(void)fd;
	(void)buf;
	(void)size;
	(void)userdata;
	errno = EINVAL;
	return -1; /* worker/pool.c reads requests */
}

errint_t session_open(struct arena *arena, int dev_fd)
{
	static const struct fuse_custom_io io = {.writev = reply_writev, .read = refuse_read};
	char program[] = "guardfs";
	char *argv[] = {program, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_buf buf = {.mem = arena->header.init_request, .size = arena->header.init_request_length};
	int rc;

	session.arena = arena;
	session.dev_fd = dev_fd;
	session.se = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), NULL);
	if (!session.se)
		return -ENOMEM;
	rc = fuse_session_custom_io(session.se, &io, dev_fd);
	if (rc < 0)
		return rc;
	session.negotiating = true;
	session.negotiated = -EPROTO;
	fuse_session_process_buf(session.se, &buf);
	if (session.negotiated == -EPROTO)
		log_error("this program does not negotiate with the kernel what its predecessor did");
	return session.negotiated;
}

void session_dispatch(size_t length)
{
	struct fuse_buf buf = {.mem = call.buffer, .size = length};

	fuse_session_process_buf(session.se, &buf);
}
