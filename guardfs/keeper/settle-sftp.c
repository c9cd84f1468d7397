/* A suspect file behind a transport's ring. */
#include "keeper/server-path.h"
#include "keeper/settle-child.h"
#include "sftp/client.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct server_file {
	struct ring_user ring;
	uint32_t ref;
};

static void stat_of(const struct sftp_attributes *attrs, struct stat *st)
{
	*st = (struct stat){.st_mode = attrs->permissions,
			    .st_size = (off_t)MIN(attrs->size, (uint64_t)INT64_MAX),
			    .st_mtim.tv_sec = attrs->mtime};
}

static ssize_t read_file(void *context, void *bytes, size_t size, uint64_t offset)
{
	const struct server_file *f = context;

	return client_read(&f->ring, f->ref, bytes, size, offset, 0);
}

static errint_t stat_file(void *context, struct stat *st)
{
	const struct server_file *f = context;
	struct sftp_attributes attrs;
	errint_t rc = client_fstat(&f->ring, f->ref, &attrs);

	if (rc == 0)
		stat_of(&attrs, st);
	return rc;
}

static const struct config_backend *backend_of(const struct settle_job *job)
{
	return &job->arena->board.config.backends[job->suspect->backend];
}

/* The server follows links on the way: each directory above must be one. 0, -ENOTDIR or the server's error. */
static errint_t check_directories(const struct settle_job *job, const struct server_file *f)
{
	char path[SUSPECT_PATH_MAX];
	struct sftp_attributes attrs;

	for (size_t i = 0; job->suspect->object[i]; i++) {
		errint_t rc;

		if (job->suspect->object[i] != '/')
			continue;
		memcpy(path, job->suspect->object, i);
		path[i] = '\0';
		rc = client_lstat(&f->ring, server_path_of(backend_of(job), path).text, &attrs);
		if (rc < 0)
			return rc;
		if (!S_ISDIR(attrs.permissions))
			return -ENOTDIR;
	}
	return 0;
}

/* True: opened; else with a result. */
static bool open_file(const struct settle_job *job, struct server_file *f, struct verify_result *r)
{
	struct server_path path = server_path_of(backend_of(job), job->suspect->object);
	struct sftp_attributes attrs = {0};
	errint_t rc = check_directories(job, f);

	if (rc == 0)
		rc = client_lstat(&f->ring, path.text, &attrs);
	if (rc == 0 && !S_ISREG(attrs.permissions)) {
		*r = (struct verify_result){.verdict = VERIFY_NOT_A_FILE};
		return false;
	}
	if (rc == 0)
		rc = client_open(&f->ring, path.text, SFTP_OPEN_READ, NULL, &f->ref, NULL);
	if (rc == -ENOENT || rc == -ENOTDIR)
		*r = (struct verify_result){.verdict = VERIFY_MISSING};
	else if (rc < 0)
		settle_cannot_tell(r, -rc);
	return rc == 0;
}

static int look_at_file(const struct settle_job *job, struct server_file *f, struct verify_result *r)
{
	const struct verify_source source = {.read = read_file, .stat = stat_file, .context = f};
	struct verify_options o;
	struct stat st;
	errint_t rc = stat_file(f, &st);

	if (rc < 0) {
		settle_cannot_tell(r, -rc);
		return 0;
	}
	o = settle_options(job, &st);
	return verify_source(&source, &o, r) < 0;
}

int settle_look_on_server(const struct settle_job *job, struct verify_result *r)
{
	struct server_file f;
	errint_t rc = ring_attach(SETTLE_RING_SOCKET, RING_OWNER_PROBE(getpid()), &f.ring);
	int status = 0;

	if (rc < 0)
		return 1;
	/* The epoch is the connection's identity, as for probes. */
	if (f.ring.ring->epoch != job->epoch)
		status = 1;
	else if (open_file(job, &f, r)) {
		status = look_at_file(job, &f, r);
		(void)client_close(&f.ring, f.ref); /* it was only read */
	}
	ring_detach(&f.ring);
	return status;
}
