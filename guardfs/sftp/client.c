#include "sftp/client.h"

#include <errno.h>
#include <sys/stat.h>

/* READDIRs asked for at once: at first two, for most directories are small; then more. */
#define LISTING_FIRST 2u
#define LISTING_AHEAD 8u
/* Bytes of an answer: servers send a hundred entries at once while they have them. */
#define LISTING_SHORT (64 * (sizeof(struct ring_entry) + 8))

/* So many answers in a row without an entry: the listing has no end. */
#define LISTING_EMPTY_MAX 64u

/* Errors of ours have meanings of their own above, and the transport may say anything. */
static errint_t check_error(errint_t error)
{
	static const int known[] = {ENOENT,    EACCES, EPERM,	   EEXIST,  ENOTDIR,	  EISDIR,
				    ENOTEMPTY, EINVAL, EROFS,	   ENOSPC,  EDQUOT,	  EXDEV,
				    ELOOP,     EMLINK, EBADF,	   ENODATA, ENAMETOOLONG, ENOTCONN,
				    ETIMEDOUT, ENFILE, EOPNOTSUPP, EBADMSG};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (error == -known[i])
			return error;
	return error == 0 ? 0 : -EIO;
}

static int fill_request(const struct ring_user *user, int record, enum ring_operation operation, uint32_t ref)
{
	if (record >= 0)
		*ring_request_of(user, record) = (struct ring_request){
		    .operation = (uint32_t)operation, .ref = ref, .deadline_ns = UINT64_MAX};
	return record;
}

/* A record, its request filled with zeros, or -errno. Waits: never while the thread has another. */
static int begin_request(const struct ring_user *user, enum ring_operation operation, uint32_t ref)
{
	return fill_request(user, ring_claim_waiting(user), operation, ref);
}

static errint_t put_path(const struct ring_user *user, int record, unsigned which, const char *path)
{
	size_t n = strlen(path);

	if (n > RING_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(ring_name_of(user, record, which), path, n);
	ring_request_of(user, record)->name_length[which] = (uint32_t)n;
	return 0;
}

static int begin_named(const struct ring_user *user, enum ring_operation operation, const char *path)
{
	int record = begin_request(user, operation, 0);
	errint_t rc = record < 0 ? record : put_path(user, record, 0, path);

	if (record >= 0 && rc < 0)
		ring_release(user, record);
	return rc < 0 ? rc : record;
}

/* 0, whatever the server says: the record is the caller's to release. Or -errno, and it is used no more. */
static errint_t await_answer(const struct ring_user *user, int record, struct ring_result *result)
{
	errint_t rc = ring_wait(user, record, result);

	if (rc == 0)
		result->error = check_error(result->error);
	return rc;
}

/* The record is released. Returns the server's error as well. */
static errint_t finish_request(const struct ring_user *user, int record, struct ring_result *result)
{
	errint_t rc;

	ring_submit(user, record);
	rc = await_answer(user, record, result);
	if (rc < 0)
		return rc;
	ring_release(user, record);
	return result->error;
}

/* Without a known type the kernel would call the inode bad. */
static bool are_attributes_sane(const struct sftp_attributes *a)
{
	static const uint32_t types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK};

	if (!(a->has & SFTP_ATTR_PERMISSIONS) || a->size > INT64_MAX)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if ((a->permissions & S_IFMT) == types[i])
			return true;
	return false;
}

static errint_t take_attributes(errint_t rc, const struct ring_result *result, struct sftp_attributes *attrs)
{
	if (rc < 0)
		return rc;
	*attrs = result->attrs;
	return are_attributes_sane(attrs) ? 0 : -EIO;
}

errint_t client_lstat(const struct ring_user *user, const char *path, struct sftp_attributes *attrs)
{
	int record = begin_named(user, RING_LSTAT, path);
	struct ring_result result;

	if (record < 0)
		return record;
	return take_attributes(finish_request(user, record, &result), &result, attrs);
}

errint_t client_lstat_in(const struct ring_user *user, const char *path, const char *dir,
			 struct sftp_attributes *attrs, bool *dir_is_there)
{
	int record = begin_named(user, RING_LSTAT, path);
	struct ring_result result;
	errint_t rc = record < 0 ? record : put_path(user, record, 1, dir);

	*dir_is_there = false;
	if (record >= 0 && rc < 0)
		ring_release(user, record);
	if (rc < 0)
		return rc;
	ring_request_of(user, record)->flags = RING_WANTS_ATTRIBUTES;
	rc = finish_request(user, record, &result);
	*dir_is_there =
	    rc == -ENOENT && are_attributes_sane(&result.attrs) && S_ISDIR(result.attrs.permissions);
	return take_attributes(rc, &result, attrs);
}

errint_t client_fstat(const struct ring_user *user, uint32_t ref, struct sftp_attributes *attrs)
{
	int record = begin_request(user, RING_FSTAT, ref);
	struct ring_result result;

	if (record < 0)
		return record;
	return take_attributes(finish_request(user, record, &result), &result, attrs);
}

/* What a request sets, and whether it asks for what is there afterwards. Either may be NULL. */
static void put_attributes(const struct ring_user *user, int record, const struct sftp_attributes *set,
			   const struct sftp_attributes *attrs)
{
	struct ring_request *request = ring_request_of(user, record);

	if (set)
		request->attrs = *set;
	if (attrs)
		request->flags |= RING_WANTS_ATTRIBUTES;
}

static void give_attributes(const struct ring_result *result, struct sftp_attributes *attrs)
{
	if (!attrs)
		return;
	*attrs = result->attrs;
	if (!are_attributes_sane(attrs))
		attrs->has = 0;
}

static errint_t finish_change(const struct ring_user *user, int record, const struct sftp_attributes *set,
			      struct sftp_attributes *attrs)
{
	struct ring_result result;
	errint_t rc;

	put_attributes(user, record, set, attrs);
	rc = finish_request(user, record, &result);
	if (rc == 0)
		give_attributes(&result, attrs);
	return rc;
}

errint_t client_fsetstat(const struct ring_user *user, uint32_t ref, const struct sftp_attributes *set,
			 struct sftp_attributes *attrs)
{
	int record = begin_request(user, RING_FSETSTAT, ref);

	return record < 0 ? record : finish_change(user, record, set, attrs);
}

errint_t client_change(const struct ring_user *user, const struct client_request *request,
		       struct sftp_attributes *attrs)
{
	int record = begin_named(user, request->operation, request->path);
	errint_t rc = record >= 0 && request->to ? put_path(user, record, 1, request->to) : 0;

	if (record < 0)
		return record;
	if (rc < 0) {
		ring_release(user, record);
		return rc;
	}
	ring_request_of(user, record)->flags = request->flags;
	return finish_change(user, record, request->set, attrs);
}

static errint_t take_ref(const struct ring_user *user, errint_t rc, const struct ring_result *result,
			 uint32_t *ref)
{
	if (rc < 0)
		return rc;
	if (!ring_ref_is_of(result->ref, user->ring->epoch))
		return -EIO;
	*ref = result->ref;
	return 0;
}

errint_t client_open(const struct ring_user *user, const char *path, unsigned flags,
		     const struct sftp_attributes *set, uint32_t *ref, struct sftp_attributes *attrs)
{
	int record = begin_named(user, RING_OPEN, path);
	struct ring_result result;
	errint_t rc;

	if (record < 0)
		return record;
	ring_request_of(user, record)->flags = flags;
	put_attributes(user, record, set, attrs);
	rc = take_ref(user, finish_request(user, record, &result), &result, ref);
	if (rc == 0)
		give_attributes(&result, attrs);
	return rc;
}

errint_t client_opendir(const struct ring_user *user, const char *path, uint32_t *ref)
{
	int record = begin_named(user, RING_OPENDIR, path);
	struct ring_result result;

	if (record < 0)
		return record;
	return take_ref(user, finish_request(user, record, &result), &result, ref);
}

static errint_t ask_of_ref(const struct ring_user *user, enum ring_operation operation, uint32_t ref)
{
	int record = begin_request(user, operation, ref);
	struct ring_result result;

	return record < 0 ? record : finish_request(user, record, &result);
}

errint_t client_close(const struct ring_user *user, uint32_t ref)
{
	return ask_of_ref(user, RING_CLOSE, ref);
}

errint_t client_fsync(const struct ring_user *user, uint32_t ref)
{
	return ask_of_ref(user, RING_FSYNC, ref);
}

/* At most RING_DATA_MAX bytes. *at_end: the file ends behind them. */
static ssize_t read_piece(const struct ring_user *user, uint32_t ref, void *bytes, size_t size,
			  uint64_t offset, uint64_t known_end, bool *at_end)
{
	int record = begin_request(user, RING_READ, ref);
	struct ring_result result;
	errint_t rc;

	if (record < 0)
		return record;
	ring_request_of(user, record)->size = (uint32_t)size;
	ring_request_of(user, record)->offset = offset;
	ring_request_of(user, record)->known_end = known_end;
	ring_submit(user, record);
	rc = await_answer(user, record, &result);
	if (rc < 0)
		return rc;
	if (result.error == 0 && (result.size > size || (result.size < size && !result.at_end)))
		result.error = -EIO;
	if (result.error == 0)
		memcpy(bytes, ring_data_of(user, record), result.size);
	ring_release(user, record);
	*at_end = result.at_end;
	return result.error < 0 ? result.error : (ssize_t)result.size;
}

ssize_t client_read(const struct ring_user *user, uint32_t ref, void *bytes, size_t size, uint64_t offset,
		    uint64_t known_end)
{
	bool at_end = false;
	size_t done = 0;

	while (done < size && !at_end) {
		ssize_t n =
		    read_piece(user, ref, (uint8_t *)bytes + done, MIN(size - done, (size_t)RING_DATA_MAX),
			       offset + done, known_end, &at_end);

		if (n < 0)
			return n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int client_begin_write(const struct ring_user *user, uint32_t ref, const void *bytes, size_t size,
		       uint64_t offset)
{
	int record = begin_request(user, RING_WRITE, ref);

	if (record < 0)
		return record;
	ring_request_of(user, record)->size = (uint32_t)size;
	ring_request_of(user, record)->offset = offset;
	memcpy(ring_data_of(user, record), bytes, size);
	ring_submit(user, record);
	return record;
}

ssize_t client_end_write(const struct ring_user *user, int ticket, size_t size, errint_t *error)
{
	struct ring_result result = {0};
	errint_t rc = await_answer(user, ticket, &result);

	*error = 0;
	if (rc == 0) {
		ring_release(user, ticket);
		rc = result.error;
	}
	/* Another connection must find out what has landed. */
	if (rc == -ENOTCONN || (rc < 0 && result.size == 0))
		return rc;
	if (result.size > size || (rc == 0 && result.size < size))
		return -EIO;
	*error = rc;
	return (ssize_t)result.size;
}

ssize_t client_write(const struct ring_user *user, uint32_t ref, const void *bytes, size_t size,
		     uint64_t offset, errint_t *error)
{
	errint_t failed = 0;
	size_t done = 0;

	while (done < size && failed == 0) {
		size_t piece = MIN(size - done, (size_t)RING_DATA_MAX);
		int ticket =
		    client_begin_write(user, ref, (const uint8_t *)bytes + done, piece, offset + done);
		ssize_t n = ticket < 0 ? ticket : client_end_write(user, ticket, piece, &failed);

		/* -EUCLEAN: an append is torn; more behind it would hide that. */
		if (n == -ENOTCONN || n == -EUCLEAN || (n < 0 && done == 0))
			return n;
		if (n < 0)
			failed = (errint_t)n;
		else
			done += (size_t)n;
	}
	if (error)
		*error = failed;
	return (ssize_t)done;
}

/* The answer lies in the data, of at most size bytes. */
static ssize_t ask_for_data(const struct ring_user *user, enum ring_operation operation, const char *path,
			    void *bytes, size_t size)
{
	int record = begin_named(user, operation, path);
	struct ring_result result;
	errint_t rc;

	if (record < 0)
		return record;
	ring_submit(user, record);
	rc = await_answer(user, record, &result);
	if (rc < 0)
		return rc;
	if (result.error == 0)
		memcpy(bytes, ring_data_of(user, record), MIN(size, (size_t)result.size));
	ring_release(user, record);
	return result.error < 0 ? result.error : (ssize_t)MIN(size, (size_t)result.size);
}

ssize_t client_readlink(const struct ring_user *user, const char *path, char *text, size_t size)
{
	return ask_for_data(user, RING_READLINK, path, text, size);
}

errint_t client_statvfs(const struct ring_user *user, const char *path, struct sftp_statvfs *figures)
{
	ssize_t n = ask_for_data(user, RING_STATVFS, path, figures, sizeof(*figures));

	if (n < 0)
		return (errint_t)n;
	return n == (ssize_t)sizeof(*figures) ? 0 : -EIO;
}

/* The ring's memory may change: each entry is copied before it is looked at. 1: go on; 0: emit has had enough; -EIO. */
static int emit_entries(const uint8_t *data, size_t size, client_entry_fn emit, void *arg)
{
	for (size_t at = 0; at < size;) {
		struct ring_entry e;
		char name[256];

		if (size - at < sizeof(e))
			return -EIO;
		memcpy(&e, data + at, sizeof(e));
		at += sizeof(e);
		if (e.length == 0 || e.length >= sizeof(name) || size - at < e.length)
			return -EIO;
		memcpy(name, data + at, e.length);
		name[e.length] = '\0';
		at += ((size_t)e.length + 7) / 8 * 8;
		if (!sftp_is_entry_name((struct sftp_slice){(const uint8_t *)name, e.length}))
			return -EIO;
		if (!are_attributes_sane(&e.attrs))
			e.attrs.has = 0;
		if (!emit(arg, name, e.length, &e.attrs))
			return 0;
	}
	return 1;
}

/* READDIRs under way. */
struct listing {
	const struct ring_user *user;
	uint32_t ref;
	unsigned n;
	int records[LISTING_AHEAD];
	/* Answers in a row without an entry. */
	unsigned empty;
	/* The last answer was small: a request under way may have met the end. */
	bool is_short;
};

/* Only the first record is waited for: listings that hold some would wait for ever. */
static int begin_listing_request(const struct listing *l)
{
	int record = l->n == 0 ? ring_claim_waiting(l->user) : ring_claim(l->user);

	return fill_request(l->user, record, RING_READDIR, l->ref);
}

static errint_t ask_entries(struct listing *l, unsigned wanted)
{
	while (l->n < wanted) {
		int record = begin_listing_request(l);

		if (record == -EAGAIN)
			return 0;
		if (record < 0)
			return record;
		ring_submit(l->user, record);
		l->records[l->n++] = record;
	}
	return 0;
}

/* The first one. emit NULL: it is dropped. 1: go on; 0: the listing ends; -errno. *enough: emit has had enough. */
static int take_entries(struct listing *l, client_entry_fn emit, void *arg, bool *enough)
{
	struct ring_result result;
	int record = l->records[0], emitted = 1;
	errint_t rc = await_answer(l->user, record, &result);

	l->n--;
	memmove(l->records, l->records + 1, l->n * sizeof(l->records[0]));
	if (rc < 0)
		return rc;
	if (result.error == 0 && emit)
		emitted = emit_entries(ring_data_of(l->user, record), result.size, emit, arg);
	ring_release(l->user, record);
	*enough |= emitted == 0;
	if (result.error < 0 || emitted < 0)
		return result.error < 0 ? result.error : emitted;
	l->is_short = result.size < LISTING_SHORT;
	l->empty = result.size > 0 ? 0 : l->empty + 1;
	return l->empty > LISTING_EMPTY_MAX ? -EIO : !result.at_end;
}

/* The transport may take READDIRs in another order: the end that one has met is no end before all are answered. */
errint_t client_readdir(const struct ring_user *user, uint32_t ref, client_entry_fn emit, void *arg)
{
	struct listing l = {.user = user, .ref = ref};
	unsigned wanted = LISTING_FIRST;
	bool at_end = false, enough = false;
	errint_t rc = 0;

	for (;;) {
		bool asks = !at_end && rc == 0 && !(l.is_short && l.n > 0);
		errint_t asked = asks ? ask_entries(&l, wanted) : 0;
		int more;

		if (asked < 0 && rc == 0)
			rc = asked;
		/* A transport may say so and live on: then it still has the other records. */
		if (l.n == 0 || (rc == -ENOTCONN && ring_is_over(user)))
			return rc;
		more = take_entries(&l, rc == 0 && !enough ? emit : NULL, arg, &enough);
		at_end |= more == 0 || enough;
		if (more < 0 && rc == 0)
			rc = more;
		wanted = MIN(wanted * 2, LISTING_AHEAD);
	}
}

errint_t client_keep(const struct ring_user *user, const uint8_t *places)
{
	int record = begin_request(user, RING_KEEP, 0);
	struct ring_result result;

	if (record < 0)
		return record;
	memcpy(ring_data_of(user, record), places, RING_PLACES / 8);
	ring_request_of(user, record)->size = RING_PLACES / 8;
	return finish_request(user, record, &result);
}
