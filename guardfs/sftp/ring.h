/* Requests from worker and probes to a transport, in shared memory. docs/SFTP.md has the states and what each death
 * means. The other side's words are hostile. */
#ifndef GUARDFS_SFTP_RING_H
#define GUARDFS_SFTP_RING_H

#include "sftp/packet.h"
#include <stdatomic.h>

#define RING_RECORDS 192u
/* Of them, kept for probes: callers who take all others do not silence them. */
#define RING_RESERVED 8u
#define RING_NAME_MAX 4096u
#define RING_DATA_MAX (1u << 20)

enum ring_state { RING_FREE, RING_CLAIMED, RING_SUBMITTED, RING_TAKEN, RING_DONE };

/* Owners: a worker by generation, a probe by pid, the transport. Below 1 << 28. */
#define RING_OWNER_TRANSPORT 1u
#define RING_OWNER_WORKER(g) (2u << 26 | ((g) & ((1u << 26) - 1)))
#define RING_OWNER_PROBE(p)  (1u << 26 | ((uint32_t)(p) & ((1u << 26) - 1)))

enum ring_operation {
	RING_LSTAT,
	RING_FSTAT,
	RING_SETSTAT,
	RING_FSETSTAT,
	RING_READLINK,
	RING_REMOVE,
	RING_MKDIR,
	RING_RMDIR,
	RING_RENAME,
	RING_SYMLINK,
	RING_LINK,
	RING_OPEN,
	RING_OPENDIR,
	RING_CLOSE,
	RING_FSYNC,
	RING_STATVFS,
	RING_READDIR,
	RING_READ,
	RING_WRITE,
	/* Closes all refs of workers but those whose places have a bit in data (RING_PLACES bits). */
	RING_KEEP,
	/* SETSTAT of a link itself. Last, for a transport that was started by a former guardfs does not know it. */
	RING_LSETSTAT,
	RING_OPERATION_COUNT
};

/* Also return the attributes of what was made, opened or changed. LSTAT: those of a second name where the first is
 * ENOENT (has 0: unknown). */
#define RING_WANTS_ATTRIBUTES (1u << 31)
/* RENAME: not over something that exists. */
#define RING_KEEPS_EXISTING (1u << 30)

/* An open file: RING_REF, the low bits of the ring's epoch, how often the place was used, the place. Above every
 * descriptor. */
#define RING_REF	(1u << 30)
#define RING_PLACE_BITS 12
#define RING_USE_BITS	10
#define RING_EPOCH_BITS 8
#define RING_PLACES	(1u << RING_PLACE_BITS)

static inline uint32_t ring_ref(uint32_t epoch, uint32_t use, uint32_t place)
{
	return RING_REF | (epoch & ((1u << RING_EPOCH_BITS) - 1)) << (RING_PLACE_BITS + RING_USE_BITS) |
	       (use & ((1u << RING_USE_BITS) - 1)) << RING_PLACE_BITS | (place & (RING_PLACES - 1));
}

static inline uint32_t ring_ref_place(uint32_t ref)
{
	return ref & (RING_PLACES - 1);
}

/* Is it a ref, and of that epoch? */
static inline bool ring_ref_is_of(uint32_t ref, uint32_t epoch)
{
	uint32_t bits = ((1u << RING_EPOCH_BITS) - 1) << (RING_PLACE_BITS + RING_USE_BITS);

	return ref >> 30 == 1 && (ref & bits) == (ring_ref(epoch, 0, 0) & bits);
}

struct ring_request {
	/* An enum ring_operation. */
	uint32_t operation;
	/* OPEN: enum sftp_open_flag; RING_WANTS_ATTRIBUTES, RING_KEEPS_EXISTING. */
	uint32_t flags;
	/* An open file; 0: none. */
	uint32_t ref;
	/* Bytes to READ, or in data for WRITE and KEEP. At most RING_DATA_MAX. */
	uint32_t size;
	uint64_t offset;
	/* READ: where the file is known to end; 0: unknown. */
	uint64_t known_end;
	/* By ring_submit: the transport begins in this order. */
	uint64_t order;
	/* CLOCK_MONOTONIC; UINT64_MAX: none. */
	uint64_t deadline_ns;
	/* SETSTAT, LSETSTAT, FSETSTAT, MKDIR, OPEN. */
	struct sftp_attributes attrs;
	/* RENAME, LINK: from first to second. SYMLINK: the text, then the link's name. */
	uint32_t name_length[2];
};

struct ring_result {
	/* 0 or -errno. */
	int32_t error;
	uint32_t ref;
	/* Bytes in data: READ, READLINK, READDIR (ring_entry), STATVFS (struct sftp_statvfs). WRITE: bytes written
	 * from the beginning, with an error as well. */
	uint32_t size;
	/* READ met the end of the file; READDIR came after the last entry. */
	uint32_t at_end;
	struct sftp_attributes attrs;
};

/* Of READDIR; its name follows, padded to 8 bytes. */
struct ring_entry {
	struct sftp_attributes attrs;
	uint32_t length;
	uint32_t unused;
};

struct ring_record {
	/* Owner << 4 | state. A futex for the owner. */
	_Alignas(CACHE_LINE) _Atomic uint32_t word;
	/* By the owner while CLAIMED. */
	struct ring_request request;
	/* By the transport while TAKEN. */
	struct ring_result result;
};

struct ring_room {
	_Alignas(4096) uint8_t names[2][RING_NAME_MAX];
	uint8_t data[RING_DATA_MAX];
};

struct ring {
	/* Constant once made. */
	uint32_t magic, layout, records;
	/* By keeper while no worker uses the ring. */
	_Atomic uint32_t epoch;
	/* Stored once, by the transport or, after its death, by keeper: nothing is done any more. */
	_Atomic uint32_t ended;
	/* By the transport once it serves: the number of its connections; before it: what the server said. */
	_Atomic uint32_t ready;
	uint32_t extensions, lacks;
	/* By the transport: set before its last look at submitted and its wait, cleared after. */
	_Alignas(CACHE_LINE) _Atomic uint32_t asleep;
	/* Of the next request submitted. */
	_Atomic uint64_t order;
	/* wanted: set by who waits for a free record. freed: raised by who frees one then; the waiters' futex. */
	_Alignas(CACHE_LINE) _Atomic uint32_t wanted;
	_Atomic uint32_t freed;
	/* A bit a record, set by the owner, exchanged for 0 by the transport. */
	_Alignas(CACHE_LINE) _Atomic uint64_t submitted[RING_RECORDS / 64];
	struct ring_record record[RING_RECORDS];
	struct ring_room room[RING_RECORDS];
};

/* Makes both ends of a socket, and the memory, which also lies in the users' end for ring_attach.
 * Close-on-exec, the caller's. 0 or -errno. Keeper. */
errint_t ring_make(uint32_t epoch, int *users_end, int *transports_end, int *memory) WARN_UNUSED;

/* Another socket for a ring whose users' end is gone. The new transport's end goes through the door (to
 * ring_change_socket). *users_end is the caller's. 0 or -errno. Keeper. */
errint_t ring_renew(int memory, int door, int *users_end) WARN_UNUSED;

/* The connection goes on as another epoch's: older refs are unknown. Keeper, while no worker uses the ring. */
void ring_set_epoch(struct ring *ring, uint32_t epoch);

/* Wakes everybody. Any process. */
void ring_end(struct ring *ring);

/* ---- users: any thread of worker, a probe ---- */

struct ring_user {
	struct ring *ring;
	/* Borrowed. */
	int socket;
	uint32_t owner;
};

/* Maps the ring that lies, and stays, in the socket. -EAGAIN: none there; -EPROTO: none of ours; or
 * -errno. */
errint_t ring_attach(int socket, uint32_t owner, struct ring_user *user) WARN_UNUSED;
void ring_detach(struct ring_user *user);

/* Is the transport gone, or the ring ended? Asks the kernel. */
bool ring_is_over(const struct ring_user *user);

/* A free record, or -EAGAIN: none; -ENOTCONN: over. */
int ring_claim(const struct ring_user *user) WARN_UNUSED;

/* Waits for one, as long as the transport lives. -ENOTCONN: over. Not while one holds records: all might. */
int ring_claim_waiting(const struct ring_user *user) WARN_UNUSED;

/* To be filled between claim and submit. */
struct ring_request *ring_request_of(const struct ring_user *user, int record);
uint8_t *ring_name_of(const struct ring_user *user, int record, unsigned which);
uint8_t *ring_data_of(const struct ring_user *user, int record);

/* After a submit has returned, later ones are begun later; of two that are no data, either may wait for room on the
 * wire and so be begun last. */
void ring_submit(const struct ring_user *user, int record);

/* Waits for the answer, and copies the result. 0, whatever result.error; -ENOTCONN: the transport is gone,
 * and nobody knows whether the request was carried out; -EIO: damaged record. After an error the record is
 * used no more. */
errint_t ring_wait(const struct ring_user *user, int record, struct ring_result *result) WARN_UNUSED;

/* True: it never reaches the wire, and the record is free. False: too late. */
bool ring_take_back(const struct ring_user *user, int record) WARN_UNUSED;

/* Gives back a record that was claimed or answered. */
void ring_release(const struct ring_user *user, int record);

/* ---- a successor ---- */

/* Frees a dead owner's records: those not taken yet, and answered ones after forget (may be NULL). Returns
 * how many are with the transport still. */
typedef void (*ring_forget_fn)(void *arg, const struct ring_request *request,
			       const struct ring_result *result);
unsigned ring_inherit(const struct ring_user *user, uint32_t dead_owner, ring_forget_fn forget, void *arg);

/* The same for all probes whose process is gone. keeper, whose children they are. */
unsigned ring_inherit_probes(const struct ring_user *user, ring_forget_fn forget, void *arg);

/* The same for all workers before the user, a worker: none of them lives. */
unsigned ring_inherit_workers(const struct ring_user *user, ring_forget_fn forget, void *arg);

/* ---- the transport, one thread ---- */

struct ring_server {
	struct ring *ring;
	int socket;
	/* Exchanged, not looked at yet. */
	uint64_t pending[RING_RECORDS / 64];
};

/* 0 or -errno. Takes nothing over; makes socket non-blocking. */
errint_t ring_serve(int socket, int memory, struct ring_server *server) WARN_UNUSED;

/* The request that was submitted first, now TAKEN: its record, or -1: none. request: a copy, within bounds; others
 * are answered -EINVAL. */
int ring_take(struct ring_server *server, struct ring_request *request) WARN_UNUSED;

/* Has a worker submitted it? */
bool ring_is_of_worker(const struct ring_server *server, int record);

void ring_finish(struct ring_server *server, int record, const struct ring_result *result);

/* False: there is something to take. Else the next submit makes socket readable. */
bool ring_fall_asleep(struct ring_server *server) WARN_UNUSED;

/* After waiting: empties the socket. False: nobody is left. */
bool ring_wake_up(struct ring_server *server) WARN_UNUSED;

/* Replaces the socket by the one that ring_renew has sent through door, which must not block. False: there is
 * none. */
bool ring_change_socket(struct ring_server *server, int door);

/* Gives unused records' memory back. */
void ring_trim(struct ring_server *server);

#endif
