/* What keeper makes of the kernel's news of the network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "keeper/network.h"

#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

static struct network network;

static union {
	struct nlmsghdr head;
	char bytes[256];
} message;

static const char *hear(uint16_t type, const void *body, size_t size)
{
	memset(&message, 0, sizeof(message));
	message.head.nlmsg_type = type;
	message.head.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	memcpy(NLMSG_DATA(&message.head), body, size);
	return network_hear(&network, &message, NLMSG_SPACE(size));
}

static const char *hear_link(uint16_t type, int index, unsigned flags)
{
	const struct ifinfomsg link = {.ifi_index = index, .ifi_flags = flags};

	return hear(type, &link, sizeof(link));
}

/* A wireless link says something every few seconds. */
static void only_a_links_return_is_news(void **state)
{
	(void)state;
	network = (struct network){.sock = -1};
	assert_null(hear_link(RTM_NEWLINK, 2, IFF_UP | IFF_RUNNING));
	assert_null(hear_link(RTM_NEWLINK, 2, IFF_UP));
	assert_null(hear_link(RTM_NEWLINK, 3, IFF_UP | IFF_RUNNING));
	assert_non_null(hear_link(RTM_NEWLINK, 2, IFF_UP | IFF_RUNNING));
	assert_null(hear_link(RTM_NEWLINK, 2, IFF_UP | IFF_RUNNING));
	assert_null(hear_link(RTM_DELLINK, 2, IFF_UP | IFF_RUNNING));
	assert_non_null(hear_link(RTM_NEWLINK, 2, IFF_UP | IFF_RUNNING));
}

static void links_without_number_are_forgotten(void **state)
{
	(void)state;
	network = (struct network){.sock = -1};
	for (int i = 1; i <= 10 * NETWORK_LINKS_MAX; i++)
		assert_null(hear_link(RTM_NEWLINK, i, IFF_UP));
	assert_null(hear_link(RTM_NEWLINK, 1, IFF_UP | IFF_RUNNING));
	assert_non_null(hear_link(RTM_NEWLINK, 10 * NETWORK_LINKS_MAX, IFF_UP | IFF_RUNNING));
}

static void addresses_that_can_be_used_are_news(void **state)
{
	struct ifaddrmsg address = {.ifa_family = 2, .ifa_index = 2};

	(void)state;
	assert_non_null(hear(RTM_NEWADDR, &address, sizeof(address)));
	assert_null(hear(RTM_DELADDR, &address, sizeof(address)));
	address.ifa_flags = IFA_F_TENTATIVE;
	assert_null(hear(RTM_NEWADDR, &address, sizeof(address)));
	address.ifa_flags = 0;
	address.ifa_scope = RT_SCOPE_HOST;
	assert_null(hear(RTM_NEWADDR, &address, sizeof(address)));
}

/* As the kernel said it of addresses that were added and changed. */
static void a_renewed_address_is_no_news(void **state)
{
	struct {
		struct ifaddrmsg address;
		struct rtattr other;
		uint32_t bytes;
		struct rtattr head;
		struct ifa_cacheinfo times;
	} body = {.address = {.ifa_family = 10, .ifa_index = 2},
		  .other = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFA_FLAGS},
		  .head = {.rta_len = RTA_LENGTH(sizeof(struct ifa_cacheinfo)), .rta_type = IFA_CACHEINFO},
		  .times = {.cstamp = 268562, .tstamp = 268562}};

	(void)state;
	assert_non_null(hear(RTM_NEWADDR, &body, sizeof(body)));
	body.times.tstamp = 269256;
	assert_null(hear(RTM_NEWADDR, &body, sizeof(body)));
	/* Cut: as one without times. */
	assert_non_null(hear(RTM_NEWADDR, &body, sizeof(body) - 4));
	body.other.rta_len = 0;
	assert_non_null(hear(RTM_NEWADDR, &body, sizeof(body)));
}

static void routes_are_news(void **state)
{
	struct rtmsg route = {.rtm_family = 2, .rtm_type = RTN_UNICAST};

	(void)state;
	assert_non_null(hear(RTM_NEWROUTE, &route, sizeof(route)));
	assert_null(hear(RTM_DELROUTE, &route, sizeof(route)));
	route.rtm_type = RTN_LOCAL;
	assert_null(hear(RTM_NEWROUTE, &route, sizeof(route)));
	route.rtm_type = RTN_UNICAST;
	route.rtm_flags = RTM_F_CLONED;
	assert_null(hear(RTM_NEWROUTE, &route, sizeof(route)));
}

static void short_messages_say_nothing(void **state)
{
	const uint16_t types[] = {RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_null(hear(types[i], "", 1));
		message.head.nlmsg_len = 4000;
		assert_null(network_hear(&network, &message, 100));
		assert_null(network_hear(&network, &message, 3));
	}
}

/* The kernel pads; the length of a last message that is not padded must not wrap. */
static void nothing_is_heard_behind_the_end(void **state)
{
	const struct rtmsg route = {.rtm_family = 2, .rtm_type = RTN_UNICAST};
	const size_t whole = NLMSG_LENGTH(sizeof(route));
	struct nlmsghdr *behind;

	(void)state;
	memset(&message, 0, sizeof(message));
	message.head.nlmsg_type = NLMSG_NOOP;
	message.head.nlmsg_len = NLMSG_HDRLEN + 1;
	behind = (struct nlmsghdr *)(message.bytes + NLMSG_ALIGN(NLMSG_HDRLEN + 1));
	behind->nlmsg_type = RTM_NEWROUTE;
	behind->nlmsg_len = (uint32_t)whole;
	memcpy(NLMSG_DATA(behind), &route, sizeof(route));
	assert_null(network_hear(&network, &message, NLMSG_HDRLEN + 1));
	assert_null(network_hear(&network, &message, NLMSG_ALIGN(NLMSG_HDRLEN + 1) + whole - 1));
	assert_non_null(network_hear(&network, &message, NLMSG_ALIGN(NLMSG_HDRLEN + 1) + whole));
}

/* Where containers come and go, each probe would be followed by the next. */
static void news_without_end_asks_for_few_probes(void **state)
{
	unsigned asked = 0;
	uint64_t now_ns = NSEC_PER_SEC;

	(void)state;
	network = (struct network){.sock = -1};
	assert_false(network_asks_probe(&network, false, now_ns));
	assert_true(network_asks_probe(&network, true, now_ns));
	for (unsigned i = 1; i <= 600; i++)
		asked += network_asks_probe(&network, i <= 590, now_ns + i * NSEC_PER_SEC / 10);
	/* The last one's, too. */
	assert_int_equal(asked, 12);
	assert_false(network_asks_probe(&network, false, now_ns + 3600 * NSEC_PER_SEC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_a_links_return_is_news),
	    cmocka_unit_test(links_without_number_are_forgotten),
	    cmocka_unit_test(addresses_that_can_be_used_are_news),
	    cmocka_unit_test(a_renewed_address_is_no_news),
	    cmocka_unit_test(routes_are_news),
	    cmocka_unit_test(short_messages_say_nothing),
	    cmocka_unit_test(nothing_is_heard_behind_the_end),
	    cmocka_unit_test(news_without_end_asks_for_few_probes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
