#include "policy/blame.h"
#include "base/clock.h"

static bool is_remembered(const struct blamed *e, uint64_t now_ns)
{
	return e->struck_ns && now_ns < MAX(e->until_ns, e->struck_ns) + BLAME_MEMORY_MS * NSEC_PER_MSEC;
}

/* The object's entry, else the one to reuse. */
static struct blamed *entry_for(struct blame *blame, uint64_t key)
{
	struct blamed *oldest = &blame->entries[0];

	for (size_t i = 0; i < BLAME_MAX; i++) {
		struct blamed *e = &blame->entries[i];

		if (e->struck_ns && e->key == key)
			return e;
		if (e->struck_ns < oldest->struck_ns)
			oldest = e;
	}
	*oldest = (struct blamed){.key = key};
	return oldest;
}

static uint64_t refusal_ns(uint32_t strikes)
{
	uint32_t doublings = MIN(strikes - BLAME_STRIKES, 16u);

	return MIN((uint64_t)BLAME_FIRST_MS << doublings, (uint64_t)BLAME_LONGEST_MS) * NSEC_PER_MSEC;
}

void blame_strike(struct blame *blame, uint64_t key, uint32_t strikes, uint64_t now_ns)
{
	struct blamed *e = entry_for(blame, key);

	if (!is_remembered(e, now_ns))
		e->strikes = 0;
	e->struck_ns = now_ns;
	e->strikes = MIN(e->strikes + strikes, 1000u);
	if (e->strikes >= BLAME_STRIKES)
		e->until_ns = now_ns + refusal_ns(e->strikes);
}

bool blame_refuses(const struct blame *blame, uint64_t key, uint64_t now_ns)
{
	for (size_t i = 0; i < BLAME_MAX; i++)
		if (blame->entries[i].struck_ns && blame->entries[i].key == key)
			return now_ns < blame->entries[i].until_ns;
	return false;
}
