/* Storage behind a transport's ring. */
#include "keeper/probe-child.h"
#include "keeper/server-path.h"
#include "sftp/client.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* After the socket for reports. */
#define RING_SOCKET 4

static bool open_ring(struct probe_run *run)
{
	errint_t rc = ring_attach(RING_SOCKET, RING_OWNER_PROBE(getpid()), &run->ring);

	run->root = RING_SOCKET;
	if (rc < 0)
		return probe_fail(run, ERRCLASS_NOT_CONNECTED, -rc, ERRCLASS_NOT_CONNECTED,
				  "there is no transport: %s", strerror(-rc));
	return true;
}

/* A connection's figures and identity are those of its epoch: a new one has another. */
static bool look_at_server(struct probe_run *run)
{
	struct sftp_attributes attrs;
	errint_t rc = client_lstat(&run->ring, server_path_of(run->backend, "").text, &attrs);

	/* A link may be the configured path. */
	if (rc == 0 && !S_ISDIR(attrs.permissions)) {
		uint32_t ref;

		rc = client_opendir(&run->ring, server_path_of(run->backend, "").text, &ref);
		if (rc == 0)
			(void)client_close(&run->ring, ref);
		else if (rc != -ENOTCONN)
			rc = -ENOTDIR;
	}
	if (rc < 0)
		return probe_fail(run, ERRCLASS_NONE, -rc,
				  rc == -ENOENT || rc == -ENOTDIR ? ERRCLASS_PATH_MISSING : ERRCLASS_IO_ERROR,
				  "the root at %s: %s", server_path_of(run->backend, "").text, strerror(-rc));
	run->found.ino = run->ring.ring->epoch;
	return true;
}

static int look_on_server(const struct probe_run *run, const char *path, unsigned *type)
{
	struct sftp_attributes attrs;
	errint_t rc = client_lstat(&run->ring, server_path_of(run->backend, path).text, &attrs);

	if (rc < 0)
		return -rc;
	/* The root may be a link: it is proven a directory already. */
	*type = *path ? attrs.permissions & S_IFMT : S_IFDIR;
	return 0;
}

/* Nothing between us and the server remembers. */
static int look_no_more(const struct probe_run *run, const char *path)
{
	(void)run;
	(void)path;
	return 0;
}

struct server_listing {
	probe_entry_fn emit;
	void *arg;
};

static bool pass_entry(void *arg, const char *name, size_t length, const struct sftp_attributes *attrs)
{
	const struct server_listing *l = arg;

	(void)length;
	return l->emit(l->arg, name,
		       attrs->has & SFTP_ATTR_PERMISSIONS ? (attrs->permissions & S_IFMT) >> 12 : 0);
}

static int list_on_server(const struct probe_run *run, const char *path, probe_entry_fn emit, void *arg)
{
	struct server_listing l = {emit, arg};
	uint32_t ref;
	errint_t rc = client_opendir(&run->ring, server_path_of(run->backend, path).text, &ref);

	if (rc < 0)
		return -rc;
	rc = client_readdir(&run->ring, ref, pass_entry, &l);
	if (rc != -ENOTCONN)
		(void)client_close(&run->ring, ref);
	return -rc;
}

static int figures_of_server(const struct probe_run *run, struct statvfs *figures)
{
	struct sftp_statvfs f;
	errint_t rc = client_statvfs(&run->ring, server_path_of(run->backend, "").text, &f);

	if (rc < 0)
		return -rc;
	*figures = (struct statvfs){.f_bsize = f.block_size,
				    .f_frsize = f.fragment_size,
				    .f_blocks = f.blocks,
				    .f_bfree = f.free_blocks,
				    .f_bavail = f.available_blocks,
				    .f_files = f.files,
				    .f_ffree = f.free_files,
				    .f_namemax = f.name_max};
	return 0;
}

static ssize_t read_on_server(const struct probe_run *run, const char *name, void *bytes, size_t size)
{
	uint32_t ref;
	ssize_t n = client_open(&run->ring, server_path_of(run->backend, name).text, SFTP_OPEN_READ, NULL,
				&ref, NULL);

	if (n < 0)
		return n;
	n = client_read(&run->ring, ref, bytes, size, 0, 0);
	if (n != -ENOTCONN)
		(void)client_close(&run->ring, ref);
	return n;
}

static errint_t write_and_sync(const struct probe_run *run, uint32_t ref, const void *bytes, size_t n)
{
	ssize_t done = client_write(&run->ring, ref, bytes, n, 0, NULL);
	errint_t rc = done < 0 ? (errint_t)done : done < (ssize_t)n ? -EIO : 0;

	if (rc == 0)
		rc = client_fsync(&run->ring, ref);
	return rc == -EOPNOTSUPP ? 0 : rc;
}

static int remove_on_server(const struct probe_run *run, const char *name)
{
	const struct server_path path = server_path_of(run->backend, name);
	const struct client_request request = {.operation = RING_REMOVE, .path = path.text};

	return -client_change(&run->ring, &request, NULL);
}

static int write_on_server(const struct probe_run *run, const char *name, const void *bytes, size_t n,
			   unsigned mode)
{
	const struct sftp_attributes set = {.has = SFTP_ATTR_PERMISSIONS, .permissions = mode};
	uint32_t ref;
	errint_t rc = client_open(&run->ring, server_path_of(run->backend, name).text,
				  SFTP_OPEN_WRITE | SFTP_OPEN_CREATE | SFTP_OPEN_EXCLUSIVE, &set, &ref, NULL);

	if (rc < 0)
		return -rc;
	rc = write_and_sync(run, ref, bytes, n);
	if (rc != -ENOTCONN)
		(void)client_close(&run->ring, ref);
	if (rc < 0)
		(void)remove_on_server(run, name);
	return -rc;
}

const struct probe_storage probe_sftp = {.open_root = open_ring,
					 .look_at_root = look_at_server,
					 .look = look_on_server,
					 .look_twice = look_no_more,
					 .list = list_on_server,
					 .figures = figures_of_server,
					 .read_file = read_on_server,
					 .write_file = write_on_server,
					 .remove_file = remove_on_server};
