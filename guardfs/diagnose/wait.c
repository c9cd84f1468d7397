/* Waits for the server: no answer, or no connection. */
#include "diagnose/internal.h"
#include "diagnose/classify.h"

#include <poll.h>

bool diagnose_wait(struct diagnose_run *run)
{
	struct pollfd p = {.fd = run->fd, .events = POLLIN};
	int left = diagnose_left_ms(run, UINT64_MAX);

	if (left == 0 || (run->session && !ssh_is_connected(run->session)))
		return false;
	if (run->session && (ssh_get_poll_flags(run->session) & SSH_WRITE_PENDING))
		p.events |= POLLOUT;
	(void)poll(&p, 1, left);
	return true;
}

enum diagnose_outcome diagnose_lost(struct diagnose_run *run, enum errclass otherwise)
{
	const char *text = run->mismatch[0] ? run->mismatch : ssh_get_error(run->session);

	return diagnose_fail(run, diagnose_disconnect_class(text, otherwise), "%s, %s: %s", run->peer,
			     diagnose_step_name(run->step), text[0] ? text : "the connection was closed");
}

enum diagnose_outcome diagnose_unanswered(struct diagnose_run *run)
{
	if (run->session && !ssh_is_connected(run->session))
		return diagnose_lost(run, ERRCLASS_SERVER_GONE);
	return DIAGNOSE_FAILED;
}
