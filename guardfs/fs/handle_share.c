/* Counts handles, and listings' memory, to their users. */
#include "fs/context.h"
#include "fs/handle.h"
#include "fs/shares.h"
#include "backend/nodefd.h"

#include <errno.h>
#include <sys/mman.h>

bool handle_admit(void)
{
	if (!call.admitted)
		call.admitted = shares_take(SHARE_OPEN_FILES, call.uid, 1);
	return call.admitted;
}

void handle_end_request(void)
{
	if (call.admitted)
		shares_give_back(SHARE_OPEN_FILES, call.uid, 1);
	call.admitted = false;
}

void handle_count(struct handle *h)
{
	h->uid = call.uid;
	atomic_store(&h->snapshot_kib, 0);
	if (!call.admitted)
		shares_restore(SHARE_OPEN_FILES, h->uid, 1);
	call.admitted = false;
}

bool handle_count_listing(struct handle *h, uint32_t kib)
{
	uint32_t before = atomic_load(&h->snapshot_kib);

	do
		if (kib > before && !shares_take(SHARE_LISTING_KIB, h->uid, kib - before))
			return false;
		else if (atomic_compare_exchange_strong(&h->snapshot_kib, &before, kib))
			break;
		else if (kib > before)
			shares_give_back(SHARE_LISTING_KIB, h->uid, kib - before);
	while (true);
	if (kib < before)
		shares_give_back(SHARE_LISTING_KIB, h->uid, before - kib);
	return true;
}

int handle_memfd(const char *name)
{
	int fd;

	do
		fd = memfd_create(name, 0);
	while (fd < 0 && nodefd_shed(errno));
	return fd < 0 ? -errno : fd;
}

void handle_uncount(struct handle *h)
{
	uint32_t kib = atomic_exchange(&h->snapshot_kib, 0);

	if (kib)
		shares_give_back(SHARE_LISTING_KIB, h->uid, kib);
	shares_give_back(SHARE_OPEN_FILES, h->uid, 1);
}

void handle_count_again(const struct handle *h)
{
	shares_restore(SHARE_OPEN_FILES, h->uid, 1);
	if (atomic_load(&h->snapshot_kib))
		shares_restore(SHARE_LISTING_KIB, h->uid, atomic_load(&h->snapshot_kib));
}
