#include "keeper/network.h"
#include "keeper/events.h"
#include "keeper/internal.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GROUPS	      (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)
#define RENEWED_LEAST 500u
/* The clocks are not read in one instant. */
#define SLEPT_LEAST_NS NSEC_PER_SEC
#define MESSAGES_MAX   64u /* in a step: who sends without end is not waited for */
/* Each probe is a process, and asks the server. */
#define PROBES_APART_NS (5 * NSEC_PER_SEC)

/* ---- one message ---- */

static int32_t *find_down(struct network *n, int32_t link)
{
	for (size_t i = 0; i < NETWORK_LINKS_MAX; i++)
		if (n->down[i] == link)
			return &n->down[i];
	return NULL;
}

/* A link says a lot while it carries: only its return is news. */
static const char *hear_link(struct network *n, struct nlmsghdr *h)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	int32_t *down;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*link)) || link->ifi_index <= 0)
		return NULL;
	down = find_down(n, link->ifi_index);
	if (h->nlmsg_type == RTM_NEWLINK && link->ifi_flags & IFF_UP && link->ifi_flags & IFF_RUNNING) {
		if (down)
			*down = 0;
		return down ? "a link is up" : NULL;
	}
	if (!down)
		n->down[n->next++ % NETWORK_LINKS_MAX] = link->ifi_index;
	return NULL;
}

/* Each announcement of a router's, and each renewal of a lease, says an address anew that has been there: its times of
 * making and of change lie apart then, by more than it takes to find out that nobody else has it (hundredths of a
 * second). */
static bool is_renewed(struct nlmsghdr *h)
{
	char *message = (char *)h;
	size_t at = NLMSG_SPACE(sizeof(struct ifaddrmsg));

	while (at < h->nlmsg_len && h->nlmsg_len - at >= sizeof(struct rtattr)) {
		struct rtattr *a = (void *)(message + at);
		const struct ifa_cacheinfo *times = RTA_DATA(a);

		if (a->rta_len < sizeof(*a) || a->rta_len > h->nlmsg_len - at)
			break;
		if (a->rta_type == IFA_CACHEINFO && a->rta_len >= RTA_LENGTH(sizeof(*times)))
			return times->tstamp - times->cstamp > RENEWED_LEAST;
		at += RTA_ALIGN((size_t)a->rta_len);
	}
	return false;
}

static const char *hear_address(struct nlmsghdr *h)
{
	const struct ifaddrmsg *address = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*address)) || address->ifa_scope == RT_SCOPE_HOST ||
	    address->ifa_flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) || is_renewed(h))
		return NULL;
	return "there is a new address";
}

static const char *hear_route(struct nlmsghdr *h)
{
	const struct rtmsg *route = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*route)) || route->rtm_type != RTN_UNICAST ||
	    route->rtm_flags & RTM_F_CLONED)
		return NULL;
	return "there is a new route";
}

const char *network_hear(struct network *n, void *message, size_t size)
{
	const char *news = NULL;
	size_t at = 0;

	/* Not NLMSG_NEXT: the last one's padding may lie behind the end, and its length would wrap. */
	while (at < size && size - at >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr *h = (void *)((char *)message + at);
		const char *said = NULL;

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > size - at)
			break;
		at += NLMSG_ALIGN((size_t)h->nlmsg_len);
		if (h->nlmsg_type == RTM_NEWLINK || h->nlmsg_type == RTM_DELLINK)
			said = hear_link(n, h);
		else if (h->nlmsg_type == RTM_NEWADDR)
			said = hear_address(h);
		else if (h->nlmsg_type == RTM_NEWROUTE)
			said = hear_route(h);
		news = said ? said : news;
	}
	return news;
}

bool network_asks_probe(struct network *n, bool news, uint64_t now_ns)
{
	n->probe_owed |= news;
	if (!n->probe_owed || (n->probed_ns && now_ns < n->probed_ns + PROBES_APART_NS))
		return false;
	n->probe_owed = false;
	n->probed_ns = now_ns;
	return true;
}

/* ---- the socket, the clocks ---- */

/* Positive after sleep. */
static uint64_t slept_ns(void)
{
	struct timespec boot, mono;

	if (clock_gettime(CLOCK_MONOTONIC, &mono) < 0 || clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return 0;
	return (uint64_t)(boot.tv_sec - mono.tv_sec) * NSEC_PER_SEC + (uint64_t)boot.tv_nsec -
	       (uint64_t)mono.tv_nsec;
}

/* The return of a link is news only if it is known to have been away. Answered as the rest is. */
static void ask_links(const struct network *n)
{
	const struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} question = {.head = {.nlmsg_len = sizeof(question),
			       .nlmsg_type = RTM_GETLINK,
			       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		      .link = {.ifi_family = AF_UNSPEC}};

	if (send(n->sock, &question, sizeof(question), 0) < 0)
		log_warning("the kernel does not say which links of the network are up (%s)",
			    strerror(errno));
}

void network_start(struct network *n)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = GROUPS};

	*n = (struct network){.slept_ns = slept_ns()};
	n->sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (n->sock >= 0 && bind(n->sock, (const struct sockaddr *)&address, sizeof(address)) == 0) {
		ask_links(n);
		return;
	}
	log_warning("the kernel's news of the network cannot be heard (%s): after it was away, tries to "
		    "connect wait for the backoff",
		    strerror(errno));
	if (n->sock >= 0)
		close(n->sock);
	n->sock = -1;
}

int network_poll_fd(const struct network *n)
{
	return n->sock;
}

/* NULL: no more news. */
static const char *hear_all(struct network *n)
{
	_Alignas(struct nlmsghdr) char message[8192];
	const char *news = NULL;

	for (unsigned i = 0; n->sock >= 0 && i < MESSAGES_MAX; i++) {
		struct sockaddr_nl from = {0};
		socklen_t length = sizeof(from);
		ssize_t size = recvfrom(n->sock, message, sizeof(message), MSG_DONTWAIT,
					(struct sockaddr *)&from, &length);
		const char *said = NULL;

		if (size < 0 && errno == ENOBUFS) /* more than the kernel could keep: much has changed */
			said = "much has changed";
		else if (size < 0)
			break;
		else if (from.nl_pid == 0) /* the kernel */
			said = network_hear(n, message, (size_t)size);
		news = said ? said : news;
	}
	return news;
}

static const char *look_at_clocks(struct network *n)
{
	uint64_t slept = slept_ns();
	bool woke = slept > n->slept_ns + SLEPT_LEAST_NS;

	n->slept_ns = slept;
	return woke ? "the machine has slept" : NULL;
}

void network_step(struct keeper *k, uint64_t now_ns)
{
	const char *heard = hear_all(&k->network), *woke = look_at_clocks(&k->network);
	const char *news = woke ? woke : heard;
	bool probe = network_asks_probe(&k->network, news != NULL, now_ns);

	for (unsigned i = 0; i < k->n_backends; i++) {
		struct supervised *s = &k->backends[i];

		if (!has_carrier(s))
			continue;
		/* Its connections may be of an address that is gone. */
		if (probe && s->serving)
			atomic_store(&s->board->suspect, 1);
		if (news)
			event_network(s, news, now_ns);
	}
}
