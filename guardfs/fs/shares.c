/* An open-addressed table of users, never shrunk. */
#include "fs/shares.h"
#include "base/child.h"
#include "base/clock.h"
#include "policy/share.h"

#include <unistd.h>

#define USERS_MAX    1024u
#define USERS_PROBED 32u

/* each request's thread for a moment */
#define MOMENTARY_MAX 4096u

/* docs/INTERNALS.md, "Shares". */
#define PER_OPEN_FILE 2u

struct user {
	/* uid + 1; 0: free. */
	_Atomic uint64_t key;
	_Atomic uint64_t has[SHARE_KIND_COUNT];
	/* By backend. */
	_Atomic uint32_t inside[CONFIG_BACKENDS_MAX];
};

static struct {
	/* The last: all others. */
	struct user users[USERS_MAX + 1];
	struct share_pool pools[SHARE_KIND_COUNT];
} shares;

static struct user *user_of(uid_t uid)
{
	uint64_t key = (uint64_t)uid + 1;
	uint32_t at = (uint32_t)(hash_bytes(0, &key, sizeof(key)) % USERS_MAX);

	for (uint32_t i = 0; i < USERS_PROBED; i++, at = (at + 1) % USERS_MAX) {
		uint64_t found = atomic_load_explicit(&shares.users[at].key, memory_order_relaxed);

		if (found == 0 && atomic_compare_exchange_strong(&shares.users[at].key, &found, key))
			found = key;
		if (found == key)
			return &shares.users[at];
	}
	return &shares.users[USERS_MAX];
}

static uint64_t memory_kib(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * ((uint64_t)sysconf(_SC_PAGESIZE) / 1024);
}

static void set_pool(enum share_kind kind, uint64_t capacity, uint64_t reserve)
{
	shares.pools[kind] =
	    (struct share_pool){.capacity = capacity, .reserve = reserve, .percent = fs.config->user_share};
	atomic_store(&fs.board->shares[kind].capacity, capacity);
	atomic_store(&fs.board->shares[kind].used, 0);
}

void shares_init(uint64_t nofile, uint32_t cached, bool handles, uint32_t waiting)
{
	uint64_t kept = handles ? nofile / 32 : nofile / 4;
	uint64_t taken = FD_RESERVED + cached + kept + MIN(nofile / 8, (uint64_t)MOMENTARY_MAX);
	uint64_t open = MIN((nofile > taken ? nofile - taken : 0) / PER_OPEN_FILE, (uint64_t)HANDLE_MAX);

	memset(&shares, 0, sizeof(shares));
	set_pool(SHARE_OPEN_FILES, open, open / 8);
	set_pool(SHARE_NODES, NODE_MAX, NODE_MAX / 8);
	set_pool(SHARE_KEPT, kept, kept / 8);
	set_pool(SHARE_LISTING_KIB, memory_kib() / 8, memory_kib() / 64);
	set_pool(SHARE_WAITING, waiting, 0);
}

/* Counted exactly; user and time are about the last one's. */
static bool refuse_share(enum share_kind kind, uid_t uid)
{
	struct board_share *b = &fs.board->shares[kind];

	atomic_store_explicit(&b->refused_uid, uid, memory_order_relaxed);
	atomic_store_explicit(&b->refused_real_ns, clock_real_ns(), memory_order_relaxed);
	atomic_fetch_add_explicit(&b->refused, 1, memory_order_relaxed);
	return false;
}

bool shares_take(enum share_kind kind, uid_t uid, uint32_t n)
{
	struct user *user = user_of(uid);
	uint64_t mine = atomic_fetch_add(&user->has[kind], n);
	uint64_t used = atomic_fetch_add(&fs.board->shares[kind].used, n);

	if (share_allows(&shares.pools[kind], used, mine, n, uid == 0))
		return true;
	shares_give_back(kind, uid, n);
	return refuse_share(kind, uid);
}

void shares_restore(enum share_kind kind, uid_t uid, uint32_t n)
{
	atomic_fetch_add(&user_of(uid)->has[kind], n);
	atomic_fetch_add(&fs.board->shares[kind].used, n);
}

void shares_give_back(enum share_kind kind, uid_t uid, uint32_t n)
{
	atomic_fetch_sub(&user_of(uid)->has[kind], n);
	atomic_fetch_sub(&fs.board->shares[kind].used, n);
}

static bool backend_admits(unsigned backend, uid_t uid, uint32_t used, uint32_t mine)
{
	uint32_t places = fs.config->backends[backend].max_inflight;
	const struct share_pool pool = {
	    .capacity = places, .reserve = places / 8, .percent = fs.config->user_share};

	return share_admits(&pool, used, mine, uid == 0);
}

bool shares_enter(unsigned backend, uid_t uid, bool anyway)
{
	uint32_t mine = atomic_fetch_add(&user_of(uid)->inside[backend], 1);
	uint32_t used = atomic_fetch_add(&fs.board->backends[backend].inflight, 1);

	if (anyway || backend_admits(backend, uid, used, mine))
		return true;
	shares_leave(backend, uid);
	return false;
}

void shares_leave(unsigned backend, uid_t uid)
{
	atomic_fetch_sub(&user_of(uid)->inside[backend], 1);
	atomic_fetch_sub(&fs.board->backends[backend].inflight, 1);
}

bool shares_has_place(unsigned backend, uid_t uid)
{
	return backend_admits(backend, uid, atomic_load(&fs.board->backends[backend].inflight),
			      atomic_load(&user_of(uid)->inside[backend]));
}
