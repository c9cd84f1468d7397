#include "sftp/operation.h"

#include <errno.h>
#include <stdlib.h>

/* Descriptors that a server needs beside one a file; at most half of them. */
#define HANDLES_SPARE 16u

static uint32_t ref_of(const struct operations *o, const struct open_file *f)
{
	return ring_ref(o->server->ring->epoch, f->uses, (uint32_t)(f - o->files));
}

static struct open_file *find_file(struct operations *o, uint32_t ref)
{
	struct open_file *f = &o->files[ring_ref_place(ref)];

	return f->connection && ref_of(o, f) == ref ? f : NULL;
}

/* NULL: the table is full. */
static struct open_file *keep_file(struct operations *o, struct connection *connection,
				   struct sftp_slice handle)
{
	for (uint32_t i = 0; i < RING_PLACES; i++) {
		uint32_t place = (o->next_file + i) % RING_PLACES;
		struct open_file *f = &o->files[place];

		if (f->connection)
			continue;
		f->connection = connection;
		f->handle_length = handle.n;
		memcpy(f->handle, handle.bytes, handle.n);
		o->next_file = place + 1;
		return f;
	}
	return NULL;
}

static void forget_file(struct operations *o, uint32_t ref)
{
	struct open_file *f = find_file(o, ref);

	if (!f)
		return;
	f->connection = NULL;
	f->uses++;
}

static unsigned record_of(const struct operation *op)
{
	return (unsigned)(op - op->owner->records);
}

static void finish_operation(struct operation *op)
{
	op->under_way = false;
	ring_finish(op->owner->server, (int)record_of(op), &op->result);
}

static void fail_operation(struct operation *op, errint_t error)
{
	op->result.error = error;
	finish_operation(op);
}

static uint8_t *data_of(const struct operation *op)
{
	return op->owner->server->ring->room[record_of(op)].data;
}

static errint_t take_no_more(struct operation *op, const struct sftp_reply *reply)
{
	(void)op;
	(void)reply;
	return 0;
}

static errint_t take_attributes_of(struct operation *op, const struct sftp_reply *reply)
{
	op->result.attrs = reply->attrs;
	return 0;
}

static void nothing_answered(void *arg, const struct sftp_reply *reply, errint_t error)
{
	(void)arg;
	(void)reply;
	(void)error;
}

/* 0; or as connection_ask, and it stays open until the connection ends. */
static errint_t close_unawaited(struct connection *c, const uint8_t *handle, size_t length)
{
	struct sftp_packet packet;

	sftp_begin(&packet, SFTP_CLOSE, 0);
	sftp_put_bytes(&packet, handle, length);
	return connection_ask(c, &packet, UINT64_MAX, nothing_answered, NULL);
}

static errint_t take_handle(struct operation *op, const struct sftp_reply *reply)
{
	struct open_file *f = keep_file(op->owner, op->connection, reply->handle);

	if (!f) {
		(void)close_unawaited(op->connection, reply->handle.bytes, reply->handle.n);
		return -ENFILE;
	}
	f->of_worker = ring_is_of_worker(op->owner->server, (int)record_of(op));
	f->is_directory = op->request.operation == RING_OPENDIR;
	f->asked = f->unanswered = 0;
	f->at_end = false;
	f->appends = !f->is_directory && op->request.flags & SFTP_OPEN_APPEND;
	op->result.ref = ref_of(op->owner, f);
	return 0;
}

static errint_t take_text(struct operation *op, const struct sftp_reply *reply)
{
	struct sftp_names names = reply->names;
	struct sftp_name name;

	if (!sftp_next_name(&names, &name) || name.name.n > RING_NAME_MAX)
		return -EIO;
	memcpy(data_of(op), name.name.bytes, name.name.n);
	op->result.size = (uint32_t)name.name.n;
	return 0;
}

static errint_t take_figures(struct operation *op, const struct sftp_reply *reply)
{
	struct sftp_statvfs s;
	errint_t rc = sftp_parse_statvfs(reply->extended, &s);

	memcpy(data_of(op), &s, sizeof(s));
	op->result.size = sizeof(s);
	return rc;
}

/* 256 KiB of 12 bytes an entry would be too much as entries of 48: one that does not fit is an error. Bad names are
 * left out. */
static errint_t take_entries(struct operation *op, const struct sftp_reply *reply)
{
	struct sftp_names names = reply->names;
	uint8_t *data = data_of(op);
	struct sftp_name name;
	size_t used = 0;

	while (sftp_next_name(&names, &name)) {
		struct ring_entry e = {.attrs = name.attrs, .length = (uint32_t)name.name.n};
		size_t n = sizeof(e) + (name.name.n + 7) / 8 * 8;

		if (!sftp_is_entry_name(name.name))
			continue;
		if (n > RING_DATA_MAX - used)
			return -EIO;
		memcpy(data + used, &e, sizeof(e));
		memcpy(data + used + sizeof(e), name.name.bytes, name.name.n);
		used += n;
	}
	op->result.size = (uint32_t)used;
	return 0;
}

static void put_name(struct sftp_packet *packet, const struct operation *op, unsigned which)
{
	sftp_put_bytes(packet, op->owner->server->ring->room[record_of(op)].names[which],
		       op->request.name_length[which]);
}

static void put_extension(struct sftp_packet *packet, enum sftp_extension extension)
{
	sftp_put_text(packet, sftp_extension_name(extension));
}

enum operation_flags {
	/* On the connection of ref's file; its handle comes first. */
	ON_FILE = 1 << 0,
	/* On the connection for data. */
	ON_BULK = 1 << 1,
	NAME_FIRST = 1 << 2,
	NAMES_BOTH = 1 << 3,
	/* Attributes are the second name's. */
	MAKES_SECOND = 1 << 4,
	PUTS_ATTRIBUTES = 1 << 5,
	PUTS_FLAGS = 1 << 6,
};

#define NO_EXTENSION SFTP_EXTENSION_COUNT

/* READ and WRITE are transfers. */
static const struct operation_form {
	enum sftp_type asks, hears;
	enum sftp_extension extension;
	unsigned flags;
	errint_t (*take)(struct operation *op, const struct sftp_reply *reply);
} forms[RING_OPERATION_COUNT] = {
    [RING_LSTAT] = {SFTP_LSTAT, SFTP_ATTRS, NO_EXTENSION, NAME_FIRST | MAKES_SECOND, take_attributes_of},
    [RING_FSTAT] = {SFTP_FSTAT, SFTP_ATTRS, NO_EXTENSION, ON_FILE, take_attributes_of},
    [RING_SETSTAT] = {SFTP_SETSTAT, SFTP_STATUS, NO_EXTENSION, NAME_FIRST | PUTS_ATTRIBUTES, take_no_more},
    [RING_LSETSTAT] = {SFTP_EXTENDED, SFTP_STATUS, SFTP_LSETSTAT, NAME_FIRST | PUTS_ATTRIBUTES, take_no_more},
    [RING_FSETSTAT] = {SFTP_FSETSTAT, SFTP_STATUS, NO_EXTENSION, ON_FILE | PUTS_ATTRIBUTES, take_no_more},
    [RING_READLINK] = {SFTP_READLINK, SFTP_NAME, NO_EXTENSION, NAME_FIRST, take_text},
    [RING_REMOVE] = {SFTP_REMOVE, SFTP_STATUS, NO_EXTENSION, NAME_FIRST, take_no_more},
    [RING_MKDIR] = {SFTP_MKDIR, SFTP_STATUS, NO_EXTENSION, NAME_FIRST | PUTS_ATTRIBUTES, take_no_more},
    [RING_RMDIR] = {SFTP_RMDIR, SFTP_STATUS, NO_EXTENSION, NAME_FIRST, take_no_more},
    [RING_RENAME] = {SFTP_RENAME, SFTP_STATUS, SFTP_POSIX_RENAME, NAMES_BOTH | MAKES_SECOND, take_no_more},
    [RING_SYMLINK] = {SFTP_SYMLINK, SFTP_STATUS, NO_EXTENSION, NAMES_BOTH | MAKES_SECOND, take_no_more},
    [RING_LINK] = {SFTP_EXTENDED, SFTP_STATUS, SFTP_HARDLINK, NAMES_BOTH | MAKES_SECOND, take_no_more},
    [RING_OPEN] = {SFTP_OPEN, SFTP_HANDLE, NO_EXTENSION, ON_BULK | NAME_FIRST | PUTS_FLAGS | PUTS_ATTRIBUTES,
		   take_handle},
    [RING_OPENDIR] = {SFTP_OPENDIR, SFTP_HANDLE, NO_EXTENSION, NAME_FIRST, take_handle},
    [RING_CLOSE] = {SFTP_CLOSE, SFTP_STATUS, NO_EXTENSION, ON_FILE, take_no_more},
    [RING_FSYNC] = {SFTP_EXTENDED, SFTP_STATUS, SFTP_FSYNC, ON_FILE, take_no_more},
    [RING_STATVFS] = {SFTP_EXTENDED, SFTP_EXTENDED_REPLY, SFTP_STATVFS_PATH, NAME_FIRST, take_figures},
    [RING_READDIR] = {SFTP_READDIR, SFTP_NAME, NO_EXTENSION, ON_FILE, take_entries},
};

static enum sftp_type looking(const struct operation *op)
{
	return connection_follows(op->connection) ? SFTP_STAT : SFTP_LSTAT;
}

/* Without its extension RENAME is another packet, which does not replace. */
static errint_t begin_packet(struct sftp_packet *packet, const struct operation *op)
{
	const struct operation_form *form = &forms[op->request.operation];
	bool offered = form->extension != NO_EXTENSION &&
		       connection_extensions(op->connection) & 1u << form->extension &&
		       !(op->request.flags & RING_KEEPS_EXISTING);

	if (form->extension != NO_EXTENSION && !offered && form->asks == SFTP_EXTENDED)
		return -EOPNOTSUPP;
	if (offered)
		sftp_begin(packet, SFTP_EXTENDED, 0);
	else
		sftp_begin(packet, form->asks == SFTP_LSTAT ? looking(op) : form->asks, 0);
	if (offered)
		put_extension(packet, form->extension);
	return 0;
}

static void put_arguments(struct sftp_packet *packet, const struct operation *op,
			  const struct open_file *file)
{
	const struct operation_form *form = &forms[op->request.operation];

	if (form->flags & ON_FILE)
		sftp_put_bytes(packet, file->handle, file->handle_length);
	if (form->flags & (NAME_FIRST | NAMES_BOTH))
		put_name(packet, op, 0);
	if (form->flags & NAMES_BOTH)
		put_name(packet, op, 1);
	if (form->flags & PUTS_FLAGS)
		sftp_put_u32(packet, op->request.flags & ~(RING_WANTS_ATTRIBUTES | RING_KEEPS_EXISTING));
	if (form->flags & PUTS_ATTRIBUTES)
		sftp_put_attributes(packet, &op->request.attrs);
}

static void count_answer(struct operation *op)
{
	if (--op->answers == 0)
		finish_operation(op);
}

static errint_t judge_answer(struct operation *op, const struct sftp_reply *reply)
{
	const struct operation_form *form = &forms[op->request.operation];

	if (reply->type == form->hears && (form->hears != SFTP_STATUS || reply->status.code == SFTP_OK))
		return form->take(op, reply);
	if (reply->type != SFTP_STATUS || reply->status.code == SFTP_OK)
		return -EIO;
	if (op->request.operation == RING_READDIR && reply->status.code == SFTP_EOF) {
		op->result.at_end = 1;
		return 0;
	}
	return sftp_error(reply->status.code);
}

/* On the wire, behind the READDIR of that number. */
static bool is_listing_behind(const struct operation *op, uint32_t ref, uint32_t number)
{
	return op->under_way && !op->waits && op->request.operation == RING_READDIR &&
	       op->request.ref == ref && op->number > number;
}

static void answer_end(struct operation *op)
{
	op->result.at_end = 1;
	finish_operation(op);
}

/* READDIRs asked behind the one that met the end have no entries either. */
static void end_listing(struct operations *o, struct open_file *f, uint32_t number)
{
	uint32_t ref = ref_of(o, f);

	f->at_end = true;
	for (unsigned i = 0; i < RING_RECORDS && f->unanswered > 0; i++) {
		struct operation *op = &o->records[i];

		if (!is_listing_behind(op, ref, number))
			continue;
		connection_give_up(f->connection, op);
		f->unanswered--;
		answer_end(op);
	}
}

static void count_listing(struct operation *op)
{
	struct open_file *f = find_file(op->owner, op->request.ref);

	if (!f || op->request.operation != RING_READDIR)
		return;
	f->unanswered--;
	if (op->result.at_end)
		end_listing(op->owner, f, op->number);
}

static bool opens(const struct operation *op)
{
	return op->request.operation == RING_OPEN || op->request.operation == RING_OPENDIR;
}

/* A server says "failure" when it has no descriptor left. */
static bool has_as_many_as_it_can(const struct operation *op)
{
	uint64_t most = connection_handles_max(op->connection), n = 0;

	for (uint32_t i = 0; i < RING_PLACES; i++)
		n += op->owner->files[i].connection == op->connection;
	return most > 0 && n + MIN(HANDLES_SPARE, most / 2) >= most;
}

static void operation_answered(void *arg, const struct sftp_reply *reply, errint_t error)
{
	struct operation *op = arg;

	op->result.error = reply ? judge_answer(op, reply) : error;
	if (op->result.error == -EIO && opens(op) && has_as_many_as_it_can(op))
		op->result.error = -ENFILE;
	count_listing(op);
	count_answer(op);
}

/* LSTAT's own attributes stay. Out of order, the second's say nothing. */
static bool is_about_it(const struct operation *op)
{
	return op->request.operation != RING_LSTAT || op->result.error == -ENOENT;
}

/* The operation has succeeded all the same. */
static void attributes_answered(void *arg, const struct sftp_reply *reply, errint_t error)
{
	struct operation *op = arg;

	(void)error;
	if (reply && reply->type == SFTP_ATTRS && is_about_it(op))
		op->result.attrs = reply->attrs;
	count_answer(op);
}

/* Behind the operation, whose own answer counts (docs/SFTP.md, "Operations"). */
static void ask_attributes(struct operation *op, const struct open_file *file)
{
	const struct operation_form *form = &forms[op->request.operation];
	struct sftp_packet packet;
	errint_t rc;

	sftp_begin(&packet, file ? SFTP_FSTAT : looking(op), 0);
	if (file)
		sftp_put_bytes(&packet, file->handle, file->handle_length);
	else
		put_name(&packet, op, form->flags & MAKES_SECOND ? 1 : 0);
	rc = connection_ask(op->connection, &packet, op->request.deadline_ns, attributes_answered, op);
	op->answers += rc == 0;
}

static void transfer_ended(struct transfer *t)
{
	struct operation *op = t->arg;

	op->result.error = t->error;
	op->result.size = (uint32_t)t->result;
	op->result.at_end = !t->writes && t->error == 0 && t->result < t->size;
	finish_operation(op);
}

static errint_t begin_transfer_of(struct operation *op, const struct open_file *file)
{
	struct transfer *t = &op->transfer;

	if (op->request.size == 0)
		return -EINVAL;
	*t = (struct transfer){.handle_length = file->handle_length,
			       .writes = op->request.operation == RING_WRITE,
			       .appends = op->request.operation == RING_WRITE && file->appends,
			       .offset = op->request.offset,
			       .bytes = data_of(op),
			       .size = op->request.size,
			       .known_end = op->request.known_end,
			       .deadline_ns = op->request.deadline_ns,
			       .done = transfer_ended,
			       .arg = op};
	memcpy(t->handle, file->handle, file->handle_length);
	return connection_transfer(op->connection, t);
}

static void number_listing(struct operation *op)
{
	struct open_file *f = find_file(op->owner, op->request.ref);

	op->number = f->asked++;
	f->unanswered++;
}

static errint_t begin_exchange(struct operation *op, const struct open_file *file)
{
	struct sftp_packet packet;
	errint_t rc = begin_packet(&packet, op);

	if (rc < 0)
		return rc;
	put_arguments(&packet, op, file);
	rc = connection_ask(op->connection, &packet, op->request.deadline_ns, operation_answered, op);
	if (rc < 0)
		return rc;
	op->answers = 1;
	if (op->request.operation == RING_READDIR)
		number_listing(op);
	if (op->request.operation == RING_CLOSE)
		forget_file(op->owner, op->request.ref);
	else if (op->request.flags & RING_WANTS_ATTRIBUTES)
		ask_attributes(op, file);
	return 0;
}

static errint_t begin_listing(struct operation *op, const struct open_file *file)
{
	if (!file->at_end)
		return begin_exchange(op, file);
	answer_end(op);
	return 0;
}

static errint_t close_file_unawaited(struct operations *o, const struct open_file *f)
{
	errint_t rc = close_unawaited(f->connection, f->handle, f->handle_length);

	if (rc == 0)
		forget_file(o, ref_of(o, f));
	return rc;
}

static errint_t begin_close_of_directory(struct operation *op, const struct open_file *f)
{
	errint_t rc = close_file_unawaited(op->owner, f);

	if (rc == 0)
		finish_operation(op);
	return rc;
}

/* Without room on the wire one stays open until the next time. */
static void keep_files(struct operation *op)
{
	struct operations *o = op->owner;
	const uint8_t *kept = data_of(op);

	op->result.error = op->request.size < RING_PLACES / 8 ? -EINVAL : 0;
	for (uint32_t i = 0; i < RING_PLACES && op->result.error == 0; i++)
		if (o->files[i].connection && o->files[i].of_worker && !(kept[i / 8] >> i % 8 & 1))
			(void)close_file_unawaited(o, &o->files[i]);
	finish_operation(op);
}

static bool is_over_time(const struct operation *op, uint64_t now_ns)
{
	return op->waits && now_ns >= op->request.deadline_ns;
}

/* file: the request's, or NULL. */
static errint_t begin_on(struct operation *op, const struct open_file *file)
{
	switch (op->request.operation) {
	case RING_READ:
	case RING_WRITE:
		return begin_transfer_of(op, file);
	case RING_READDIR:
		return begin_listing(op, file);
	case RING_CLOSE:
		return file->is_directory ? begin_close_of_directory(op, file) : begin_exchange(op, file);
	default:
		return begin_exchange(op, file);
	}
}

/* A READ, or an OPEN that neither changes anything nor can be used to. */
static bool is_for_reading(const struct ring_request *request)
{
	const uint32_t changes =
	    SFTP_OPEN_WRITE | SFTP_OPEN_APPEND | SFTP_OPEN_CREATE | SFTP_OPEN_TRUNCATE | SFTP_OPEN_EXCLUSIVE;

	return request->operation == RING_READ ||
	       (request->operation == RING_OPEN && !(request->flags & changes));
}

/* Writes keep to one connection: docs/SFTP.md, "Reads apart from writes". */
static struct connection *connection_for(struct operations *o, const struct ring_request *request,
					 const struct open_file *file)
{
	struct connection *c = o->metadata;

	if (file)
		c = file->connection;
	else if (forms[request->operation].flags & ON_BULK)
		c = is_for_reading(request) ? o->reads : o->bulk;
	if (c == o->bulk && is_for_reading(request) && connection_is_held_up(c))
		o->crowded = true;
	return c;
}

static void begin_operation(struct operation *op, uint64_t now_ns)
{
	struct operations *o = op->owner;
	uint32_t operation = op->request.operation;
	bool transfers = operation == RING_READ || operation == RING_WRITE;
	bool needs_file = transfers || forms[operation].flags & ON_FILE;
	const struct open_file *file = needs_file ? find_file(o, op->request.ref) : NULL;
	errint_t rc = is_over_time(op, now_ns) ? -ETIMEDOUT : -EBADF;

	op->connection = connection_for(o, &op->request, file);
	if (rc != -ETIMEDOUT && (file || !needs_file))
		rc = begin_on(op, file);
	o->waiting -= op->waits;
	op->waits = rc == -EAGAIN;
	o->waiting += op->waits;
	if (rc < 0 && rc != -EAGAIN)
		fail_operation(op, rc == -EMSGSIZE ? -ENAMETOOLONG : rc);
}

unsigned operations_begin(struct operations *o, uint64_t now_ns)
{
	struct ring_request request;
	unsigned n = 0;
	int i;

	for (unsigned k = 0; k < RING_RECORDS && o->waiting > 0; k++)
		if (o->records[k].waits)
			begin_operation(&o->records[k], now_ns);
	while ((i = ring_take(o->server, &request)) >= 0) {
		struct operation *op = &o->records[i];

		*op = (struct operation){.owner = o, .under_way = true, .request = request};
		if (request.operation == RING_KEEP)
			keep_files(op);
		else
			begin_operation(op, now_ns);
		n++;
	}
	return n;
}

uint64_t operations_wake_ns(const struct operations *o)
{
	uint64_t wake_ns = UINT64_MAX;

	for (unsigned k = 0; k < RING_RECORDS && o->waiting > 0; k++)
		if (o->records[k].waits)
			wake_ns = MIN(wake_ns, o->records[k].request.deadline_ns);
	return wake_ns;
}

struct operations *operations_new(struct ring_server *server, struct connection *metadata,
				  struct connection *bulk)
{
	struct operations *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->server = server;
	o->metadata = metadata;
	o->bulk = o->reads = bulk;
	return o;
}

void operations_free(struct operations *o)
{
	free(o);
}
