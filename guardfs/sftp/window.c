#include "sftp/window.h"

/* Older measurements are forgotten: routes and servers change. */
#define PERIOD_NS (5 * NSEC_PER_SEC)

void window_init(struct window *w)
{
	*w = (struct window){.allowed = WINDOW_FIRST, .rtt_ns = {UINT64_MAX, UINT64_MAX}};
}

bool window_has_room(const struct window *w, uint64_t n)
{
	return w->on_way == 0 || w->on_way + n <= w->allowed;
}

void window_send(struct window *w, uint64_t n, uint64_t now_ns, struct window_mark *mark)
{
	w->on_way += n;
	*mark = (struct window_mark){.sent_ns = now_ns, .confirmed = w->confirmed};
}

static void begin_period(struct window *w, uint64_t now_ns)
{
	if (w->period_ns != 0 && now_ns < w->period_ns + PERIOD_NS)
		return;
	w->rtt_ns[1] = w->rtt_ns[0];
	w->rate[1] = w->rate[0];
	w->rtt_ns[0] = UINT64_MAX;
	w->rate[0] = 0;
	w->period_ns = MAX(now_ns, 1);
}

/* Over at least a microsecond: 8 MiB times 1e9 fits. */
static uint64_t rate_of(uint64_t bytes, uint64_t ns)
{
	return MIN(bytes, (uint64_t)1 << 33) * NSEC_PER_SEC / MAX(ns, 1000);
}

/* At most some seconds and GiB a second: in microseconds the product fits. */
static uint64_t twice_the_product(uint64_t rate, uint64_t rtt_ns)
{
	uint64_t rtt_us = MIN(rtt_ns / 1000, 60u * 1000000u), per_ms = MIN(rate / 1000, (uint64_t)1 << 32);

	return 2 * (per_ms * rtt_us / 1000);
}

void window_confirm(struct window *w, uint64_t n, uint64_t delivered, const struct window_mark *mark,
		    uint64_t now_ns)
{
	uint64_t rtt_ns = now_ns > mark->sent_ns ? now_ns - mark->sent_ns : 0;
	uint64_t product;

	w->on_way -= MIN(n, w->on_way);
	w->confirmed += delivered;
	if (delivered == 0)
		return;
	begin_period(w, now_ns);
	w->rtt_ns[0] = MIN(w->rtt_ns[0], rtt_ns);
	w->rate[0] = MAX(w->rate[0], rate_of(w->confirmed - mark->confirmed, rtt_ns));
	product = twice_the_product(MAX(w->rate[0], w->rate[1]), MIN(w->rtt_ns[0], w->rtt_ns[1]));
	w->allowed = MIN(MAX(product, WINDOW_MIN), WINDOW_MAX);
}

void window_drop(struct window *w, uint64_t n)
{
	w->on_way -= MIN(n, w->on_way);
}
