/* The backend that speaks SFTP, over a ring whose other side is the test: which paths it asks for, what it makes of a server's
 * "failure", what it sets and what it leaves, whose refs it takes, and what it does with its dead predecessors' requests. */
#include "backend-sftp-util.h"

/* ---- paths ---- */

static void paths(void **state)
{
	static const struct {
		const char *base, *of_root, *of_name;
	} table[] = {
	    {"", ".", "dir/file"},
	    {"/", "/", "/dir/file"},
	    {"base", "base", "base/dir/file"},
	    {"base/", "base", "base/dir/file"},
	    {"/data//", "/data", "/data/dir/file"},
	};
	struct found found;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		strcpy(config->path, table[i].base);
		peer_forget();
		(void)sftp.ops->getattr(&sftp, root, -1, &st);
		(void)sftp.ops->lookup(&sftp, directory, "file", &found);
		(void)sftp.ops->getattr(&sftp, file, -1, &st);
		assert_string_equal(peer.log[0].names[0], table[i].of_root);
		assert_string_equal(peer.log[1].names[0], table[i].of_name);
		assert_string_equal(peer.log[2].names[0], table[i].of_name);
	}
}

/* Nothing is asked about what has no name. */
static void nodes_without_a_name(void **state)
{
	struct stat st;
	int ref;

	(void)state;
	atomic_fetch_or(&place->arena->nodes[file].flags, NODE_UNLINKED);
	assert_int_equal(sftp.ops->getattr(&sftp, file, -1, &st), BACKEND_NODE_GONE);
	assert_int_equal(sftp.ops->open(&sftp, file, O_RDONLY, &ref), BACKEND_NODE_GONE);
	assert_int_equal(atomic_load(&peer.n), 0);
	/* By its ref an open one is there still. */
	put_object("", S_IFREG | 0600, 11);
	assert_int_equal(sftp.ops->getattr(&sftp, file, (int)peer_ref(1), &st), 0);
	assert_int_equal(st.st_size, 11);
	assert_int_equal(st.st_nlink, 0);
}

/* ---- attributes ---- */

static void what_is_shown(void **state)
{
	struct found found;

	(void)state;
	put_object("base/dir/x", S_IFREG | 04640, 1025);
	assert_int_equal(sftp.ops->lookup(&sftp, directory, "x", &found), 0);
	assert_int_equal(found.st.st_mode, S_IFREG | 04640);
	assert_int_equal(found.st.st_size, 1025);
	assert_int_equal(found.st.st_blocks, 3);
	assert_int_equal(found.st.st_uid, 1000);
	assert_int_equal(found.st.st_gid, 1001);
	assert_int_equal(found.st.st_atim.tv_sec, 1000);
	assert_int_equal(found.st.st_mtim.tv_sec, 2000);
	assert_int_equal(found.st.st_nlink, 1);
	/* No size is negative, and each object has a type. */
	put_object("base/dir/x", S_IFREG, UINT64_MAX);
	assert_int_equal(sftp.ops->lookup(&sftp, directory, "x", &found), -EIO);
	put_object("base/dir/x", 0644, 5);
	assert_int_equal(sftp.ops->lookup(&sftp, directory, "x", &found), -EIO);
	put_object("base/dir/x", 0030000 | 0644, 5);
	assert_int_equal(sftp.ops->lookup(&sftp, directory, "x", &found), -EIO);
}

/* Is the target of a route there still? In the same round trip. */
static void a_name_in_a_target(void **state)
{
	struct found found = {0};

	(void)state;
	atomic_fetch_or(&place->arena->nodes[directory].flags, NODE_TARGET);
	put_object("base/dir", S_IFDIR | 0700, 0);
	assert_int_equal(sftp.ops->lookup(&sftp, directory, "none", &found), -ENOENT);
	assert_true(found.dir_is_there);
	assert_int_equal(atomic_load(&peer.n), 1);
	put_object("base/dir", S_IFREG | 0600, 0);
	assert_int_equal(sftp.ops->lookup(&sftp, directory, "none", &found), -ENOENT);
	assert_false(found.dir_is_there);
	put_object("base/dir/x", S_IFREG | 0600, 7);
	assert_int_equal(sftp.ops->lookup(&sftp, directory, "x", &found), 0);
	assert_int_equal(found.st.st_size, 7);
	assert_int_equal(atomic_load(&peer.n), 3);
}

static void another_type(void **state)
{
	struct stat st;
	int ref = -1;

	(void)state;
	put_object("base/dir/file", S_IFLNK | 0777, 0);
	assert_int_equal(sftp.ops->getattr(&sftp, file, -1, &st), BACKEND_NODE_GONE);
	/* The server followed the link: what it opened is closed again. */
	assert_int_equal(sftp.ops->open(&sftp, file, O_RDONLY, &ref), BACKEND_NODE_GONE);
	assert_int_equal(ref, -1);
	assert_int_equal(peer.log[2].request.operation, RING_CLOSE);
	assert_int_equal(peer.log[2].request.ref, peer_ref(server.next_ref - 1));
	put_object("base", S_IFREG, 0);
	assert_int_equal(sftp.ops->getattr(&sftp, root, -1, &st), -ESTALE);
}

/* OpenSSH's server says "bad message" of names that are too long, and of whatever else is invalid. */
static void a_bad_message(void **state)
{
	char name[NAME_LENGTH_MAX + 1];
	struct found found;
	struct stat st;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	server.fails[RING_LSTAT] = server.fails[RING_FSTAT] = -EBADMSG;
	assert_int_equal(sftp.ops->lookup(&sftp, directory, name, &found), -ENAMETOOLONG);
	assert_int_equal(sftp.ops->lookup(&sftp, directory, "short", &found), -EINVAL);
	assert_int_equal(sftp.ops->getattr(&sftp, file, (int)peer_ref(1), &st), -EINVAL);
}

/* ---- setting ---- */

static const struct peer_request *only_setting(uint32_t operation)
{
	const struct peer_request *found = NULL;

	for (unsigned i = 0; i < atomic_load(&peer.n); i++) {
		if (peer.log[i].request.operation != operation)
			continue;
		assert_null(found);
		found = &peer.log[i];
	}
	assert_non_null(found);
	return found;
}

static void set(int ref, unsigned what, struct stat want)
{
	struct stat st;

	peer_forget();
	assert_int_equal(sftp.ops->setattr(&sftp, file, ref, &want, what, &st), 0);
}

static void what_is_set(void **state)
{
	const struct stat want = {.st_mode = 0750,
				  .st_uid = 7,
				  .st_gid = 8,
				  .st_size = 100,
				  .st_atim = {50, 5},
				  .st_mtim = {60, 6}};
	const struct sftp_attributes *a;

	(void)state;
	put_object("base/dir/file", S_IFREG | 0644, 5);
	set(-1, SET_SIZE | SET_MODE, want);
	a = &only_setting(RING_SETSTAT)->request.attrs;
	assert_int_equal(a->has, SFTP_ATTR_SIZE | SFTP_ATTR_PERMISSIONS);
	assert_int_equal(a->size, 100);
	assert_int_equal(a->permissions, 0750);
	/* It is looked whether it is still a file that is cut. */
	assert_int_equal(atomic_load(&peer.n), 2);
	/* SFTP has both times or none, and both owners: the other is asked for, and stays. */
	set(-1, SET_ATIME, want);
	a = &only_setting(RING_SETSTAT)->request.attrs;
	assert_int_equal(a->has, SFTP_ATTR_TIMES);
	assert_int_equal(a->atime, 50);
	assert_int_equal(a->mtime, 2000);
	set(-1, SET_GID, want);
	a = &only_setting(RING_SETSTAT)->request.attrs;
	assert_int_equal(a->has, SFTP_ATTR_OWNER);
	assert_int_equal(a->uid, 1000);
	assert_int_equal(a->gid, 8);
	set(-1, SET_ATIME_NOW | SET_MTIME_NOW, want);
	a = &only_setting(RING_SETSTAT)->request.attrs;
	assert_true(a->atime == a->mtime && llabs((long long)a->mtime - (long long)time(NULL)) < 100);
	/* By ref where there is one. */
	put_object("", S_IFREG | 0644, 5);
	set((int)peer_ref(4), SET_SIZE, want);
	assert_int_equal(only_setting(RING_FSETSTAT)->request.ref, peer_ref(4));
	/* Nothing that the server could be asked for. */
	set(-1, SET_CTIME, want);
	assert_int_equal(peer.log[0].request.operation, RING_LSTAT);
	assert_int_equal(atomic_load(&peer.n), 1);
}

/* The owner first: it may take bits of the mode away. */
static void owner_and_mode_at_once(void **state)
{
	const struct stat want = {.st_mode = 04755, .st_uid = 7, .st_gid = 8};

	(void)state;
	put_object("base/dir/file", S_IFREG | 0644, 5);
	set(-1, SET_UID | SET_GID | SET_MODE, want);
	assert_int_equal(atomic_load(&peer.n), 2);
	assert_int_equal(peer.log[0].request.attrs.has, SFTP_ATTR_OWNER);
	assert_int_equal(peer.log[1].request.attrs.has, SFTP_ATTR_PERMISSIONS);
	assert_int_equal(peer.log[1].request.attrs.permissions, 04755);
}

static void set_id_bits(void **state)
{
	static const struct {
		mode_t before;
		uint32_t has;
		mode_t after;
	} table[] = {{0644, 0, 0},
		     {04755, SFTP_ATTR_PERMISSIONS, 0755},
		     {06755, SFTP_ATTR_PERMISSIONS, 0755},
		     {02644, 0, 0}, /* a lock, not an identity */
		     {06644, SFTP_ATTR_PERMISSIONS, 02644}};
	const struct stat want = {.st_size = 3};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct sftp_attributes *a;

		put_object("base/dir/file", S_IFREG | table[i].before, 5);
		set(-1, SET_SIZE | SET_KILL_PRIV, want);
		a = &only_setting(RING_SETSTAT)->request.attrs;
		assert_int_equal(a->has, SFTP_ATTR_SIZE | table[i].has);
		if (table[i].has)
			assert_int_equal(a->permissions, table[i].after);
	}
}

/* chown(2) by root, of each file that tar unpacks: one question. */
static void set_id_bits_of_another_owner(void **state)
{
	const struct stat want = {.st_uid = 7, .st_gid = 8};

	(void)state;
	put_object("base/dir/file", S_IFREG | 0644, 5);
	set(-1, SET_UID | SET_GID | SET_KILL_PRIV, want);
	assert_int_equal(atomic_load(&peer.n), 1);
	assert_int_equal(peer.log[0].request.attrs.has, SFTP_ATTR_OWNER);
	/* This server leaves them. */
	put_object("base/dir/file", S_IFREG | 06755, 5);
	set(-1, SET_UID | SET_GID | SET_KILL_PRIV, want);
	assert_int_equal(atomic_load(&peer.n), 2);
	assert_int_equal(peer.log[1].request.attrs.has, SFTP_ATTR_PERMISSIONS);
	assert_int_equal(peer.log[1].request.attrs.permissions, 0755);
}

/* SFTP's clock runs from 1970 to 2106. */
static void times_that_sftp_cannot_tell(void **state)
{
	static const time_t wrong[] = {-1, (time_t)UINT32_MAX + 1, INT64_MIN, INT64_MAX};
	struct stat want = {0}, st;

	(void)state;
	put_object("base/dir/file", S_IFREG | 0644, 5);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		want.st_atim.tv_sec = wrong[i];
		want.st_mtim.tv_sec = 0;
		assert_int_equal(sftp.ops->setattr(&sftp, file, -1, &want, SET_ATIME | SET_MTIME, &st),
				 -ERANGE);
		want.st_atim.tv_sec = 0;
		want.st_mtim.tv_sec = wrong[i];
		assert_int_equal(sftp.ops->setattr(&sftp, file, -1, &want, SET_MTIME, &st), -ERANGE);
	}
	assert_int_equal(atomic_load(&peer.n), 0);
	want.st_mtim.tv_sec = UINT32_MAX;
	set(-1, SET_ATIME | SET_MTIME, want);
	assert_int_equal(only_setting(RING_SETSTAT)->request.attrs.mtime, UINT32_MAX);
}

/* Another file's would be set. */
static void nothing_of_a_link(void **state)
{
	const struct stat want = {.st_mode = 0600, .st_mtim = {5, 0}};
	struct stat st;

	(void)state;
	place->arena->nodes[file].mode = S_IFLNK | 0777;
	put_object("base/dir/file", S_IFLNK | 0777, 5);
	assert_int_equal(sftp.ops->setattr(&sftp, file, -1, &want, SET_MODE | SET_MTIME, &st), 0);
	assert_int_equal(atomic_load(&peer.n), 1);
	assert_int_equal(peer.log[0].request.operation, RING_LSTAT);
}

/* Of the link itself, if the server can; never its mode. */
static void owner_and_times_of_a_link(void **state)
{
	const struct stat want = {
	    .st_mode = 0600, .st_uid = 7, .st_gid = 8, .st_atim = {4, 0}, .st_mtim = {5, 0}};
	const struct sftp_attributes *sent;
	struct stat st;

	(void)state;
	peer.server.ring->extensions = 1u << SFTP_LSETSTAT;
	place->arena->nodes[file].mode = S_IFLNK | 0777;
	put_object("base/dir/file", S_IFLNK | 0777, 5);
	assert_int_equal(
	    sftp.ops->setattr(&sftp, file, -1, &want,
			      SET_MODE | SET_UID | SET_GID | SET_ATIME | SET_MTIME | SET_KILL_PRIV, &st),
	    0);
	sent = &only_setting(RING_LSETSTAT)->request.attrs;
	assert_int_equal(sent->has, SFTP_ATTR_OWNER | SFTP_ATTR_TIMES);
	assert_int_equal(sent->uid, 7);
	assert_int_equal(sent->atime, 4);
	assert_int_equal(sent->mtime, 5);
	/* The mode alone: nothing. */
	peer_forget();
	assert_int_equal(sftp.ops->setattr(&sftp, file, -1, &want, SET_MODE, &st), 0);
	assert_int_equal(atomic_load(&peer.n), 1);
	assert_int_equal(peer.log[0].request.operation, RING_LSTAT);
	peer.server.ring->extensions = 0;
}

/* By its name another one would be cut. */
static void a_file_that_cannot_be_cut(void **state)
{
	static const errint_t failures[] = {-EACCES, -EBADMSG, -EIO};
	const struct stat want = {.st_size = 3};
	struct stat st;

	(void)state;
	put_object("base/dir/file", S_IFREG | 0644, 5);
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		server.fails[RING_FSETSTAT] = failures[i];
		assert_int_equal(sftp.ops->setattr(&sftp, file, (int)peer_ref(4), &want, SET_SIZE, &st),
				 failures[i] == -EBADMSG ? -EINVAL : failures[i]);
	}
	for (unsigned i = 0; i < atomic_load(&peer.n); i++)
		assert_int_not_equal(peer.log[i].request.operation, RING_SETSTAT);
}

/* A link has come in its place: its target would be cut. */
static void another_object_is_not_cut(void **state)
{
	const struct stat want = {.st_size = 3};
	struct stat st;

	(void)state;
	put_object("base/dir/file", S_IFLNK | 0777, 5);
	assert_int_equal(sftp.ops->setattr(&sftp, file, -1, &want, SET_SIZE, &st), BACKEND_NODE_GONE);
	assert_int_equal(atomic_load(&peer.n), 1);
}

/* ---- making ---- */

static void another_kind_of_file_is_not_created(void **state)
{
	struct found found;
	int ref = -1;

	(void)state;
	put_object("base/dir/new", S_IFLNK | 0777, 0);
	assert_int_equal(
	    sftp.ops->create(&sftp, directory, "new", O_WRONLY | O_CREAT, 0644, &caller, &found, &ref),
	    -ELOOP);
	put_object("base/dir/new", S_IFDIR | 0755, 0);
	assert_int_equal(
	    sftp.ops->create(&sftp, directory, "new", O_WRONLY | O_CREAT, 0644, &caller, &found, &ref),
	    -ESTALE);
	assert_int_equal(ref, -1);
	for (unsigned i = 0; i < 4; i += 2) {
		assert_int_equal(peer.log[i].request.operation, RING_OPEN);
		assert_int_equal(peer.log[i + 1].request.operation, RING_CLOSE);
	}
}

static void what_is_made(void **state)
{
	struct found found;
	int ref = -1;

	(void)state;
	put_object("base/dir/new", S_IFREG | 0640, 0);
	assert_int_equal(
	    sftp.ops->create(&sftp, directory, "new", O_RDWR | O_CREAT | O_EXCL, 0666, &caller, &found, &ref),
	    0);
	assert_true(ring_ref_is_of((uint32_t)ref, PEER_EPOCH));
	assert_int_equal(found.st.st_mode, S_IFREG | 0640);
	assert_int_equal(peer.log[0].request.attrs.permissions, 0644); /* the caller's umask */
	assert_int_equal(peer.log[0].request.flags & ~RING_WANTS_ATTRIBUTES,
			 SFTP_OPEN_READ | SFTP_OPEN_WRITE | SFTP_OPEN_CREATE | SFTP_OPEN_EXCLUSIVE);
	assert_int_equal(sftp.ops->mknod(&sftp, directory, "pipe", S_IFIFO | 0644, 0, &caller, &found),
			 -EPERM);
	assert_int_equal(atomic_load(&peer.n), 1);
	/* Of a link the text goes first. */
	peer_forget();
	put_object("base/dir/l", S_IFLNK | 0777, 6);
	assert_int_equal(sftp.ops->symlink(&sftp, "target", directory, "l", &caller, &found), 0);
	assert_string_equal(peer.log[0].names[0], "target");
	assert_string_equal(peer.log[0].names[1], "base/dir/l");
}

/* ---- links ---- */

static void texts_of_links(void **state)
{
	char text[16];

	(void)state;
	server.text = "abc";
	server.text_length = 3;
	assert_int_equal(sftp.ops->readlink(&sftp, file, text, sizeof(text)), 3);
	server.text = "a\0c";
	assert_int_equal(sftp.ops->readlink(&sftp, file, text, sizeof(text)), -EIO);
}

/* ---- refs and epochs ---- */

static void refs_of_other_epochs(void **state)
{
	const int old = (int)ring_ref(PEER_EPOCH - 1, 1, 5);
	char bytes[8];
	struct stat st;
	off_t end;

	(void)state;
	assert_int_equal(sftp.ops->read(&sftp, old, bytes, sizeof(bytes), 0, 0), -ENOTCONN);
	assert_int_equal(sftp.ops->write(&sftp, old, bytes, sizeof(bytes), 0, false), -ENOTCONN);
	assert_int_equal(sftp.ops->fsync(&sftp, old, false), -ENOTCONN);
	assert_int_equal(sftp.ops->getattr(&sftp, file, old, &st), -ENOTCONN);
	assert_int_equal(sftp.ops->find_end(&sftp, old, &end), -ENOTCONN);
	/* It has gone with its transport. */
	assert_int_equal(sftp.ops->release(&sftp, old), 0);
	assert_int_equal(atomic_load(&peer.n), 0);
}

static void no_connection(void **state)
{
	struct board_backend *board = &place->arena->board.backends[BACKEND];
	struct found found;

	(void)state;
	/* Connected, not yet let through; and the ring of another epoch. */
	atomic_store(&board->breaker, breaker_word(PEER_EPOCH + 1, false));
	assert_int_equal(sftp.ops->lookup(&sftp, root, "x", &found), -ENOTCONN);
	connect_backend(PEER_EPOCH + 1);
	assert_int_equal(sftp.ops->lookup(&sftp, root, "x", &found), -ENOTCONN);
	atomic_store(&board->root_fd, -1);
	assert_int_equal(sftp.ops->lookup(&sftp, root, "x", &found), -ENOTCONN);
	assert_int_equal(atomic_load(&peer.n), 0);
}

static void the_transport_dies(void **state)
{
	struct found found;
	int ref;

	(void)state;
	server.dies_at = RING_MKDIR;
	assert_int_equal(sftp.ops->mkdir(&sftp, directory, "new", 0755, &caller, &found), -ENOTCONN);
	assert_int_equal(sftp.ops->lookup(&sftp, root, "x", &found), -ENOTCONN);
	/* Not BACKEND_NODE_GONE. */
	assert_int_equal(sftp.ops->open(&sftp, file, O_RDONLY, &ref), -ENOTCONN);
}

/* ---- opening again ---- */

static uint64_t second_size;

/* The open file is known by FSTAT, the second of which differs. */
static enum peer_deed serve_two(unsigned n, int record, const struct peer_request *asked, uint8_t *data,
				struct ring_result *result)
{
	enum peer_deed deed = serve(n, record, asked, data, result);

	if (asked->request.operation == RING_FSTAT) {
		result->attrs = (struct sftp_attributes){
		    .has = SFTP_ATTR_PERMISSIONS | SFTP_ATTR_SIZE, .permissions = S_IFREG, .size = 5};
		if (asked->request.ref != peer_ref(77))
			result->attrs.size = second_size;
	}
	return deed;
}

static unsigned count(enum ring_operation operation)
{
	unsigned n = 0;

	for (unsigned i = 0; i < atomic_load(&peer.n); i++)
		n += peer.log[i].request.operation == operation;
	return n;
}

static void the_same_file_once_more(void **state)
{
	int again = -1;

	(void)state;
	peer_stop();
	peer_begin(serve_two);
	put_object("base/dir/file", S_IFREG | 0644, 5);
	second_size = 5;
	assert_int_equal(sftp.ops->reopen(&sftp, file, (int)peer_ref(77), O_RDONLY, &again), 0);
	assert_true(ring_ref_is_of((uint32_t)again, PEER_EPOCH));
	assert_int_equal(count(RING_CLOSE), 0);
	/* Another one: tried again, as a file that grows looks different for a moment. None stays open. */
	peer_forget();
	second_size = 6;
	assert_int_equal(sftp.ops->reopen(&sftp, file, (int)peer_ref(77), O_RDONLY, &again), -EIO);
	assert_true(count(RING_OPEN) > 1);
	assert_int_equal(count(RING_CLOSE), count(RING_OPEN));
}

/* ---- a successor ---- */

static void *answer_the_dead(void *arg)
{
	const struct ring_result done = {0};

	poll(NULL, 0, 30); /* sleep-ok: the successor is to wait */
	ring_finish(&peer.server, *(int *)arg, &done);
	return NULL;
}

/* Before anything is asked the requests of dead workers have ended, and what they had open is closed but for what a
 * handle records. */
static void what_dead_workers_left(void **state)
{
	struct ring_user dead;
	struct found found;
	pthread_t thread;
	int taken, submitted;

	(void)state;
	peer_stop();
	assert_int_equal(ring_attach(peer.users_end, RING_OWNER_WORKER(GENERATION - 1), &dead), 0);
	taken = ring_claim(&dead);
	*ring_request_of(&dead, taken) = (struct ring_request){.operation = RING_MKDIR};
	ring_submit(&dead, taken);
	assert_int_equal(ring_take(&peer.server, &(struct ring_request){0}), taken);
	submitted = ring_claim(&dead);
	*ring_request_of(&dead, submitted) = (struct ring_request){.operation = RING_RMDIR};
	place->arena->handles[0].backend = BACKEND;
	atomic_store(&place->arena->handles[0].fd, (int)peer_ref(9));
	atomic_store(&place->arena->handles[0].state, HANDLE_LIVE);
	/* Of an epoch before: its place is not kept. */
	place->arena->handles[1].backend = BACKEND;
	atomic_store(&place->arena->handles[1].fd, (int)ring_ref(PEER_EPOCH - 1, 1, 10));
	atomic_store(&place->arena->handles[1].state, HANDLE_LIVE);
	atomic_store(&place->arena->handles_used, 2);
	peer_begin(serve);
	assert_int_equal(pthread_create(&thread, NULL, answer_the_dead, &taken), 0);
	put_object("base/x", S_IFREG, 0);
	assert_int_equal(sftp.ops->lookup(&sftp, root, "x", &found), 0);
	pthread_join(thread, NULL);
	assert_int_equal(count(RING_RMDIR), 0);
	assert_int_equal(peer.log[0].request.operation, RING_KEEP);
	assert_int_equal(peer.log[0].request.size, RING_PLACES / 8);
	assert_int_equal(peer.log[1].request.operation, RING_LSTAT);
	/* Once for each connection. */
	assert_int_equal(sftp.ops->lookup(&sftp, root, "x", &found), 0);
	assert_int_equal(count(RING_KEEP), 1);
	ring_detach(&dead);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(paths),
	    CASE(nodes_without_a_name),
	    CASE(what_is_shown),
	    CASE(a_name_in_a_target),
	    CASE(another_type),
	    CASE(a_bad_message),
	    CASE(what_is_set),
	    CASE(owner_and_mode_at_once),
	    CASE(set_id_bits),
	    CASE(set_id_bits_of_another_owner),
	    CASE(times_that_sftp_cannot_tell),
	    CASE(nothing_of_a_link),
	    CASE(owner_and_times_of_a_link),
	    CASE(a_file_that_cannot_be_cut),
	    CASE(another_object_is_not_cut),
	    CASE(another_kind_of_file_is_not_created),
	    CASE(what_is_made),
	    CASE(texts_of_links),
	    CASE(refs_of_other_epochs),
	    CASE(no_connection),
	    CASE(the_transport_dies),
	    CASE(the_same_file_once_more),
	    FIRST(what_dead_workers_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
