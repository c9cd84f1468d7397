#include "keeper/notify.h"
#include "keeper/internal.h"
#include "base/fd.h"
#include "shm/message.h"

static errint_t send_message(const struct supervised *s, enum keeper_message_kind kind, int fd)
{
	const struct keeper_message m = {.kind = kind, .backend = s->index, .epoch = s->epoch};

	return fd_send_message(s->keeper->fds.worker_socket, &m, sizeof(m), fd);
}

errint_t notify_root(const struct supervised *s)
{
	return send_message(s, KEEPER_ROOT, s->root_fd);
}

void notify_pending(struct supervised *s)
{
	if (s->closed_unsent && send_message(s, KEEPER_CLOSED, -1) == 0)
		s->closed_unsent = false;
	if (s->verdict_unsent && send_message(s, KEEPER_VERDICT, -1) == 0)
		s->verdict_unsent = false;
}

void notify_closed(struct supervised *s)
{
	s->closed_unsent = true;
	notify_pending(s);
}

void notify_verdict(struct supervised *s)
{
	atomic_fetch_add(&s->board->verdicts, 1);
	s->verdict_unsent = true;
	notify_pending(s);
}
