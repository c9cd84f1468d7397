/* ring.h: requests from worker and from probes to a transport, in memory that they share. docs/SFTP.md has the
 * states, and what each death means.
 *
 * One record a request, each with room for names and data. A record's word holds its state and its owner, so that
 * no death leaves a record of which nobody knows whose it is. The other side's words are hostile: the
 * transport parses what a server sends. tests/unit/test-sftp-ring.c. */
#ifndef GUARDFS_SFTP_RING_H
#define GUARDFS_SFTP_RING_H

#include "sftp/packet.h"
#include <stdatomic.h>

#define RING_RECORDS  128u
#define RING_NAME_MAX 4096u
#define RING_DATA_MAX (1u << 20)

enum ring_state { RING_FREE, RING_CLAIMED, RING_SUBMITTED, RING_TAKEN, RING_DONE };

/* Who has a record: a worker by its generation, a probe by its pid, or the transport itself. Below 1 << 28. */
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
	RING_OPERATION_COUNT
};

/* Of what was just made, opened or changed the attributes are wanted as well: asked for at once. */
#define RING_WANTS_ATTRIBUTES (1u << 31)

struct ring_request {
	/* An enum ring_operation. */
	uint32_t operation;
	/* OPEN: a set of enum sftp_open_flag; RING_WANTS_ATTRIBUTES. */
	uint32_t flags;
	/* An open file; 0: none. */
	uint32_t ref;
	/* READ: how many bytes; WRITE: how many lie in data. At most RING_DATA_MAX. */
	uint32_t size;
	uint64_t offset;
	/* CLOCK_MONOTONIC; UINT64_MAX: none. */
	uint64_t deadline_ns;
	/* SETSTAT, FSETSTAT, MKDIR, OPEN. */
	struct sftp_attributes attrs;
	/* RENAME, LINK: from the first to the second. SYMLINK: the text, then the link's name. */
	uint32_t name_length[2];
};

struct ring_result {
	/* 0 or -errno. */
	int32_t error;
	uint32_t ref;
	/* Bytes in data: READ, READLINK, READDIR (ring_entry; 0: the end), STATVFS (struct sftp_statvfs). WRITE: bytes
	 * that are written from the beginning, with an error as well. */
	uint32_t size;
	/* READ: what was found is the end of the file. */
	uint32_t at_end;
	struct sftp_attributes attrs;
};

/* An entry of READDIR, in data, followed by its name: length bytes, and as many as make it a multiple of 8. */
struct ring_entry {
	struct sftp_attributes attrs;
	uint32_t length;
	uint32_t unused;
};

struct ring_record {
	/* Owner << 4 | state. The futex that its owner waits on. */
	_Alignas(CACHE_LINE) _Atomic uint32_t word;
	/* Written by the owner while CLAIMED. */
	struct ring_request request;
	/* Written by the transport while TAKEN. */
	struct ring_result result;
};

struct ring_room {
	_Alignas(4096) uint8_t names[2][RING_NAME_MAX];
	uint8_t data[RING_DATA_MAX];
};

struct ring {
	/* Constant once it is made. */
	uint32_t magic, layout, epoch, records;
	/* Stored once, by the transport or by keeper after the transport's death: nothing is done any more. */
	_Atomic uint32_t ended;
	/* Stored by the transport once it serves; before: what the server has said. */
	_Atomic uint32_t ready;
	uint32_t extensions, lacks;
	/* Set by the transport before it looks at submitted for the last time and waits for its socket; cleared by it
	 * when it has woken. */
	_Alignas(CACHE_LINE) _Atomic uint32_t asleep;
	/* One bit a record, set by its owner, exchanged for 0 by the transport. */
	_Alignas(CACHE_LINE) _Atomic uint64_t submitted[RING_RECORDS / 64];
	struct ring_record record[RING_RECORDS];
	struct ring_room room[RING_RECORDS];
};

/* Makes a ring: the users' end and the transport's end of a socket, and the memory. All close-on-exec, the
 * caller's. The memory lies in the users' end as well, for ring_attach. 0 or -errno. keeper. */
errint_t ring_make(uint32_t epoch, int *users_end, int *transports_end, int *memory) WARN_UNUSED;

/* Stores that it has ended, and wakes everybody. Any process that has it. */
void ring_end(struct ring *ring);

/* ---- users: any thread of worker, a probe ---- */

struct ring_user {
	struct ring *ring;
	/* Borrowed. */
	int socket;
	uint32_t owner;
};

/* Maps the ring that lies in the socket; that stays there for the next. 0; -EAGAIN: there is none; -EPROTO: it is
 * none of ours; or -errno. */
errint_t ring_attach(int socket, uint32_t owner, struct ring_user *user) WARN_UNUSED;
void ring_detach(struct ring_user *user);

/* Is the transport gone, or its work over? Asks the kernel. */
bool ring_is_over(const struct ring_user *user);

/* A record of one's own: its number, or -EAGAIN: all are in use; -ENOTCONN: the ring is over. */
int ring_claim(const struct ring_user *user) WARN_UNUSED;

/* Where the request, its names and its data are to be put, between claim and submit. */
struct ring_request *ring_request_of(const struct ring_user *user, int record);
uint8_t *ring_name_of(const struct ring_user *user, int record, unsigned which);
uint8_t *ring_data_of(const struct ring_user *user, int record);

/* Hands the record to the transport. */
void ring_submit(const struct ring_user *user, int record);

/* Waits until the request is answered, and copies the result. 0, whatever result.error says; -ENOTCONN: the
 * transport is gone, and nobody knows whether the request was carried out; -EIO: the record is damaged. After
 * either error the record is used no more. Can be killed at any time. */
errint_t ring_wait(const struct ring_user *user, int record, struct ring_result *result) WARN_UNUSED;

/* Takes the request back. True: it never reaches the wire, and the record is free. False: too late. */
bool ring_take_back(const struct ring_user *user, int record) WARN_UNUSED;

/* Gives back a record that was claimed, or answered. */
void ring_release(const struct ring_user *user, int record);

/* ---- a successor ---- */

/* For the records of one owner who has died. Those not taken yet are free afterwards. Each answered one is
 * told to forget (which may be NULL), with request and result, and is free afterwards. Returns how many are with the
 * transport still: they go on until they are answered, or the ring is over. */
typedef void (*ring_forget_fn)(void *arg, const struct ring_request *request,
			       const struct ring_result *result);
unsigned ring_inherit(const struct ring_user *user, uint32_t dead_owner, ring_forget_fn forget, void *arg);

/* ---- the transport, one thread ---- */

struct ring_server {
	struct ring *ring;
	int socket;
	/* Taken by exchange, and not looked at yet. */
	uint64_t pending[RING_RECORDS / 64];
};

/* 0, or -errno. Takes nothing over; socket is made non-blocking. */
errint_t ring_serve(int socket, int memory, struct ring_server *server) WARN_UNUSED;

/* A request that was submitted, now TAKEN: its record's number, or -1: there is none. request: a copy, whose
 * operation, sizes and lengths are within bounds. One that is not is answered with -EINVAL here. */
int ring_take(struct ring_server *server, struct ring_request *request) WARN_UNUSED;

/* Answers it. */
void ring_finish(struct ring_server *server, int record, const struct ring_result *result);

/* Is there nothing to take? Then whoever submits next will ring: socket becomes readable. */
bool ring_fall_asleep(struct ring_server *server) WARN_UNUSED;

/* After having waited: empties the socket. False: there is nobody left on the other side. */
bool ring_wake_up(struct ring_server *server) WARN_UNUSED;

/* Gives memory that lies in unused records back to the kernel. */
void ring_trim(struct ring_server *server);

#endif
