#include "fs/room.h"
#include "fs/shares.h"

/* So readers of requests always find a slot, beside the limits of tasks inside. */
#define RESERVED_SLOTS 128u
#define ROOM_MIN       64u
#define SHARED_OUT     4u

/* All backends' excess over their shares, off at most by the number just crossing. */
static _Atomic int32_t lent;

static uint32_t places_inside(void)
{
	uint32_t places = 0;

	for (uint32_t i = 0; i < fs.config->n_backends; i++)
		places += fs.config->backends[i].max_inflight;
	return places;
}

uint32_t room_whole(void)
{
	uint32_t taken = RESERVED_SLOTS + places_inside();

	return taken + ROOM_MIN < SLOT_MAX ? SLOT_MAX - taken : ROOM_MIN;
}

uint32_t room_to_share(void)
{
	return room_whole() + places_inside();
}

static uint32_t backend_share(void)
{
	return room_whole() / (SHARED_OUT * MAX(fs.config->n_backends, 1u));
}

static int32_t to_lend(void)
{
	return (int32_t)(room_whole() - backend_share() * fs.config->n_backends);
}

static bool take_room(unsigned backend)
{
	if (atomic_fetch_add(&fs.board->backends[backend].parked, 1) < backend_share())
		return true;
	return atomic_fetch_add(&lent, 1) < to_lend();
}

static void give_room_back(unsigned backend)
{
	if (atomic_fetch_sub(&fs.board->backends[backend].parked, 1) > backend_share())
		atomic_fetch_sub(&lent, 1);
}

bool room_take(unsigned backend, uid_t uid)
{
	if (take_room(backend) && shares_take(SHARE_WAITING, uid, 1))
		return true;
	give_room_back(backend);
	return false;
}

void room_give_back(unsigned backend, uid_t uid)
{
	give_room_back(backend);
	shares_give_back(SHARE_WAITING, uid, 1);
}

void room_restore(void)
{
	int32_t beyond = 0;

	for (uint32_t i = 0; i < fs.config->n_backends; i++) {
		uint32_t parked = atomic_load(&fs.board->backends[i].parked);

		beyond += (int32_t)(parked - MIN(parked, backend_share()));
	}
	atomic_store(&lent, beyond);
}
