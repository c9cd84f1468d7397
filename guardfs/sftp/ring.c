#include "sftp/ring.h"
#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MAGIC  0x67667274u
#define LAYOUT 6u
#define SEALS  (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#define STATE_BITS 4
#define STATE_MASK ((1u << STATE_BITS) - 1)

/* A waiting thread looks whether the transport lives: its death wakes nobody. */
#define LOOK_NS (100 * NSEC_PER_MSEC)

static uint32_t word_of(uint32_t owner, enum ring_state state)
{
	return owner << STATE_BITS | (uint32_t)state;
}

static enum ring_state state_of(uint32_t word)
{
	return (enum ring_state)(word & STATE_MASK);
}

/* Shared between processes, so not private. */
static void futex_wait_word(_Atomic uint32_t *word, uint32_t value, uint64_t ns)
{
	const struct timespec time = {.tv_sec = (time_t)(ns / NSEC_PER_SEC),
				      .tv_nsec = (long)(ns % NSEC_PER_SEC)};

	syscall(SYS_futex, word, FUTEX_WAIT, value, &time, NULL, 0);
}

static long futex_wake_some(_Atomic uint32_t *word, int most)
{
	return syscall(SYS_futex, word, FUTEX_WAKE, most, NULL, NULL, 0);
}

static void futex_wake_word(_Atomic uint32_t *word)
{
	futex_wake_some(word, INT_MAX);
}

static struct ring *map_ring(int memory)
{
	return mmap(NULL, sizeof(struct ring), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory, 0);
}

static errint_t make_memory(uint32_t epoch, int *memory)
{
	CLEANUP_FD int fd = memfd_create("guardfs-sftp", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct ring *ring;

	if (fd < 0 || ftruncate(fd, sizeof(struct ring)) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	ring = map_ring(fd);
	if (ring == MAP_FAILED)
		return -errno;
	ring->magic = MAGIC;
	ring->layout = LAYOUT;
	atomic_store(&ring->epoch, epoch);
	ring->records = RING_RECORDS;
	munmap(ring, sizeof(*ring));
	*memory = fd;
	fd = -1;
	return 0;
}

static errint_t set_nonblocking(int socket)
{
	int flags = fcntl(socket, F_GETFL);

	return flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* The memory lies in the users' end. */
static errint_t make_socket(int memory, int *users_end, int *transports_end)
{
	uint32_t nothing = 0;
	int ends[2];
	errint_t rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	rc = fd_send_message(ends[1], &nothing, sizeof(nothing), memory);
	if (rc < 0) {
		close(ends[0]);
		close(ends[1]);
		return rc;
	}
	*users_end = ends[0];
	*transports_end = ends[1];
	return 0;
}

errint_t ring_make(uint32_t epoch, int *users_end, int *transports_end, int *memory)
{
	errint_t rc = make_memory(epoch, memory);

	if (rc < 0)
		return rc;
	rc = make_socket(*memory, users_end, transports_end);
	if (rc < 0)
		close(*memory);
	return rc;
}

errint_t ring_renew(int memory, int door, int *users_end)
{
	uint32_t nothing = 0;
	int transports_end;
	errint_t rc = make_socket(memory, users_end, &transports_end);

	if (rc < 0)
		return rc;
	/* Nobody may be reading; the door's flags are the transport's, too. */
	rc = fd_offer_message(door, &nothing, sizeof(nothing), transports_end);
	close(transports_end);
	if (rc < 0)
		close(*users_end);
	return rc;
}

void ring_set_epoch(struct ring *ring, uint32_t epoch)
{
	atomic_store(&ring->epoch, epoch);
}

void ring_end(struct ring *ring)
{
	atomic_store(&ring->ended, 1);
	for (unsigned i = 0; i < RING_RECORDS; i++)
		futex_wake_word(&ring->record[i].word);
	futex_wake_word(&ring->freed);
}

static bool is_worker(uint32_t owner)
{
	return owner >> 26 == RING_OWNER_WORKER(0) >> 26;
}

/* Sealed against shrinking. */
static errint_t check_memory(int memory)
{
	int seals = fcntl(memory, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(memory, &st) < 0)
		return -EPROTO;
	return st.st_size == (off_t)sizeof(struct ring) ? 0 : -EPROTO;
}

/* Each look gives a descriptor of its own. */
static int peek_memory(int socket)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	uint32_t epoch;
	struct iovec iov = {.iov_base = &epoch, .iov_len = sizeof(epoch)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c;
	int memory = -EAGAIN;

	if (recvmsg(socket, &m, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len >= CMSG_LEN(sizeof(int)))
		memcpy(&memory, CMSG_DATA(c), sizeof(int));
	return memory;
}

errint_t ring_attach(int socket, uint32_t owner, struct ring_user *user)
{
	CLEANUP_FD int memory = peek_memory(socket);
	struct ring *ring;
	errint_t rc;

	if (memory < 0)
		return memory;
	rc = check_memory(memory);
	if (rc < 0)
		return rc;
	ring = map_ring(memory);
	if (ring == MAP_FAILED)
		return -errno;
	if (ring->magic != MAGIC || ring->layout != LAYOUT || ring->records != RING_RECORDS) {
		munmap(ring, sizeof(*ring));
		return -EPROTO;
	}
	*user = (struct ring_user){.ring = ring, .socket = socket, .owner = owner};
	return 0;
}

void ring_detach(struct ring_user *user)
{
	munmap(user->ring, sizeof(*user->ring));
	user->ring = NULL;
}

/* The transport's shutdown(2), which a hostile one may call, looks like its death. */
bool ring_is_over(const struct ring_user *user)
{
	struct pollfd p = {.fd = user->socket, .events = POLLRDHUP};

	return atomic_load(&user->ring->ended) || (poll(&p, 1, 0) > 0 && p.revents);
}

/* From the first on, so that few rooms are in use; probes from those kept for them. */
int ring_claim(const struct ring_user *user)
{
	bool probes = !is_worker(user->owner);
	unsigned n = probes ? RING_RECORDS : RING_RECORDS - RING_RESERVED;

	if (atomic_load(&user->ring->ended))
		return -ENOTCONN;
	for (unsigned k = 0; k < n; k++) {
		unsigned i = probes ? RING_RECORDS - 1 - k : k;
		_Atomic uint32_t *word = &user->ring->record[i].word;
		uint32_t free_word = 0;

		if (atomic_load_explicit(word, memory_order_relaxed) == 0 &&
		    atomic_compare_exchange_strong(word, &free_word, word_of(user->owner, RING_CLAIMED)))
			return (int)i;
	}
	return -EAGAIN;
}

/* wanted is set before the look: who frees a record later sees it. */
int ring_claim_waiting(const struct ring_user *user)
{
	struct ring *ring = user->ring;

	for (;;) {
		uint32_t freed = atomic_load(&ring->freed);
		int record = ring_claim(user);

		if (record != -EAGAIN)
			return record;
		atomic_store(&ring->wanted, 1);
		atomic_thread_fence(memory_order_seq_cst);
		record = ring_claim(user);
		if (record != -EAGAIN)
			return record;
		futex_wait_word(&ring->freed, freed, LOOK_NS);
		if (ring_is_over(user))
			return -ENOTCONN;
	}
}

/* One that is woken and dies takes no other's turn for longer than a look. */
static void free_record(struct ring *ring, struct ring_record *r)
{
	atomic_store(&r->word, 0);
	if (!atomic_load(&ring->wanted) || !atomic_exchange(&ring->wanted, 0))
		return;
	atomic_fetch_add(&ring->freed, 1);
	if (futex_wake_some(&ring->freed, 1) > 0)
		atomic_store(&ring->wanted, 1);
}

struct ring_request *ring_request_of(const struct ring_user *user, int record)
{
	return &user->ring->record[record].request;
}

uint8_t *ring_name_of(const struct ring_user *user, int record, unsigned which)
{
	return user->ring->room[record].names[which];
}

uint8_t *ring_data_of(const struct ring_user *user, int record)
{
	return user->ring->room[record].data;
}

/* The owner may die at any step: docs/SFTP.md, "The ring", has their order. */
void ring_submit(const struct ring_user *user, int record)
{
	struct ring *ring = user->ring;
	unsigned i = (unsigned)record;

	ring->record[i].request.order = atomic_fetch_add(&ring->order, 1);
	atomic_store(&ring->record[i].word, word_of(user->owner, RING_SUBMITTED));
	atomic_fetch_or(&ring->submitted[i / 64], (uint64_t)1 << i % 64);
	/* A full socket has rung already; a waiter sees a closed one. */
	if (atomic_load(&ring->asleep))
		send(user->socket, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool is_result_sane(const struct ring_result *r)
{
	return r->error <= 0 && r->error > -4096 && r->size <= RING_DATA_MAX;
}

errint_t ring_wait(const struct ring_user *user, int record, struct ring_result *result)
{
	struct ring_record *r = &user->ring->record[record];
	bool over = false;

	for (;;) {
		uint32_t word = atomic_load(&r->word);

		if (word == word_of(user->owner, RING_DONE))
			break;
		if (word != word_of(user->owner, RING_SUBMITTED) && word != word_of(user->owner, RING_TAKEN))
			return -EIO;
		if (over)
			return -ENOTCONN;
		futex_wait_word(&r->word, word, LOOK_NS);
		/* Looked at again: an answer may have been its last deed. */
		if (atomic_load(&r->word) == word)
			over = ring_is_over(user);
	}
	memcpy(result, &r->result, sizeof(*result));
	return is_result_sane(result) ? 0 : -EIO;
}

bool ring_take_back(const struct ring_user *user, int record)
{
	uint32_t word = word_of(user->owner, RING_SUBMITTED);

	return atomic_compare_exchange_strong(&user->ring->record[record].word, &word, 0);
}

void ring_release(const struct ring_user *user, int record)
{
	free_record(user->ring, &user->ring->record[record]);
}

static void inherit_answer(struct ring_record *r, ring_forget_fn forget, void *arg)
{
	const struct ring_request request = r->request;
	const struct ring_result result = r->result;

	if (forget && is_result_sane(&result))
		forget(arg, &request, &result);
	atomic_store(&r->word, 0);
}

/* Returns whether it is with the transport still. */
static bool inherit_record(struct ring_record *r, uint32_t dead_owner, ring_forget_fn forget, void *arg)
{
	uint32_t submitted = word_of(dead_owner, RING_SUBMITTED), word;

	/* The transport may be about to take it. */
	(void)atomic_compare_exchange_strong(&r->word, &submitted, 0);
	word = atomic_load(&r->word);
	if (word == word_of(dead_owner, RING_CLAIMED))
		atomic_store(&r->word, 0);
	else if (word == word_of(dead_owner, RING_DONE))
		inherit_answer(r, forget, arg);
	return word == word_of(dead_owner, RING_TAKEN);
}

unsigned ring_inherit(const struct ring_user *user, uint32_t dead_owner, ring_forget_fn forget, void *arg)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RING_RECORDS; i++)
		n += inherit_record(&user->ring->record[i], dead_owner, forget, arg);
	return n;
}

/* If its number comes round again, its records stay in use until that process is gone, too. */
static bool is_dead_probe(uint32_t owner)
{
	uint32_t kind = RING_OWNER_PROBE(0), pid = owner & ~kind;

	return owner >> 26 == kind >> 26 && pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

unsigned ring_inherit_probes(const struct ring_user *user, ring_forget_fn forget, void *arg)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RING_RECORDS; i++) {
		struct ring_record *r = &user->ring->record[i];
		uint32_t owner = atomic_load(&r->word) >> STATE_BITS;

		if (is_dead_probe(owner))
			n += inherit_record(r, owner, forget, arg);
	}
	return n;
}

unsigned ring_inherit_workers(const struct ring_user *user, ring_forget_fn forget, void *arg)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RING_RECORDS; i++) {
		struct ring_record *r = &user->ring->record[i];
		uint32_t owner = atomic_load(&r->word) >> STATE_BITS;

		if (is_worker(owner) && owner != user->owner)
			n += inherit_record(r, owner, forget, arg);
	}
	return n;
}

errint_t ring_serve(int socket, int memory, struct ring_server *server)
{
	errint_t rc = set_nonblocking(socket);
	struct ring *ring;

	if (rc < 0)
		return rc;
	ring = map_ring(memory);
	if (ring == MAP_FAILED)
		return -errno;
	*server = (struct ring_server){.ring = ring, .socket = socket};
	return 0;
}

static bool is_request_sane(const struct ring_request *r)
{
	return r->operation < RING_OPERATION_COUNT && r->size <= RING_DATA_MAX &&
	       r->name_length[0] <= RING_NAME_MAX && r->name_length[1] <= RING_NAME_MAX;
}

/* A bit of a record taken back, or already taken, says nothing. */
static bool take_record(struct ring_server *server, unsigned i, struct ring_request *request)
{
	const struct ring_result refused = {.error = -EINVAL};
	struct ring_record *r = &server->ring->record[i];
	uint32_t word = atomic_load(&r->word);

	if (state_of(word) != RING_SUBMITTED ||
	    !atomic_compare_exchange_strong(&r->word, &word, (word & ~STATE_MASK) | RING_TAKEN))
		return false;
	memcpy(request, &r->request, sizeof(*request));
	if (is_request_sane(request))
		return true;
	ring_finish(server, (int)i, &refused);
	return false;
}

static bool has_pending(const struct ring_server *server)
{
	uint64_t all = 0;

	for (unsigned k = 0; k < ARRAY_SIZE(server->pending); k++)
		all |= server->pending[k];
	return all != 0;
}

/* Until a look at all words finds nothing new: all submitted before a pending one is pending, too. */
static void collect_submitted(struct ring_server *server)
{
	bool found;

	do {
		found = false;
		for (unsigned k = 0; k < ARRAY_SIZE(server->pending); k++) {
			uint64_t bits = atomic_load(&server->ring->submitted[k]);

			if (bits == 0)
				continue;
			server->pending[k] |= atomic_exchange(&server->ring->submitted[k], 0);
			found = true;
		}
	} while (found);
}

/* The pending record that was submitted first, pending no more; -1: none. */
static int next_pending(struct ring_server *server)
{
	uint64_t first = 0;
	int found = -1;

	for (unsigned k = 0; k < ARRAY_SIZE(server->pending); k++) {
		for (uint64_t bits = server->pending[k]; bits != 0; bits &= bits - 1) {
			int i = (int)(k * 64) + __builtin_ctzll(bits);
			uint64_t order = server->ring->record[i].request.order;

			if (found >= 0 && order >= first)
				continue;
			found = i;
			first = order;
		}
	}
	if (found >= 0)
		server->pending[found / 64] &= ~((uint64_t)1 << found % 64);
	return found;
}

int ring_take(struct ring_server *server, struct ring_request *request)
{
	int i;

	if (!has_pending(server))
		collect_submitted(server);
	while ((i = next_pending(server)) >= 0)
		if (take_record(server, (unsigned)i, request))
			return i;
	return -1;
}

bool ring_is_of_worker(const struct ring_server *server, int record)
{
	return is_worker(atomic_load(&server->ring->record[record].word) >> STATE_BITS);
}

void ring_finish(struct ring_server *server, int record, const struct ring_result *result)
{
	struct ring_record *r = &server->ring->record[record];
	uint32_t word = atomic_load(&r->word);

	memcpy(&r->result, result, sizeof(*result));
	atomic_store(&r->word, (word & ~STATE_MASK) | RING_DONE);
	futex_wake_word(&r->word);
}

bool ring_fall_asleep(struct ring_server *server)
{
	atomic_store(&server->ring->asleep, 1);
	for (unsigned k = 0; k < ARRAY_SIZE(server->pending); k++) {
		if (server->pending[k] == 0 && atomic_load(&server->ring->submitted[k]) == 0)
			continue;
		atomic_store(&server->ring->asleep, 0);
		return false;
	}
	return true;
}

bool ring_wake_up(struct ring_server *server)
{
	char byte;
	ssize_t n;

	atomic_store(&server->ring->asleep, 0);
	do
		n = recv(server->socket, &byte, 1, MSG_DONTWAIT);
	while (n > 0);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* The last one counts: whoever sent the others died over it. */
bool ring_change_socket(struct ring_server *server, int door)
{
	bool changed = false;
	uint32_t nothing;
	int socket;

	while (fd_receive_message(door, &nothing, sizeof(nothing), &socket) > 0) {
		if (socket < 0)
			continue;
		if (set_nonblocking(socket) < 0) {
			close(socket);
			continue;
		}
		close(server->socket);
		server->socket = socket;
		changed = true;
	}
	return changed;
}

/* Not free while it is emptied. */
void ring_trim(struct ring_server *server)
{
	for (unsigned i = 0; i < RING_RECORDS; i++) {
		_Atomic uint32_t *word = &server->ring->record[i].word;
		uint32_t free_word = 0;

		if (!atomic_compare_exchange_strong(word, &free_word,
						    word_of(RING_OWNER_TRANSPORT, RING_CLAIMED)))
			continue;
		(void)madvise(&server->ring->room[i], sizeof(server->ring->room[i]), MADV_REMOVE);
		atomic_store(word, 0);
	}
}
