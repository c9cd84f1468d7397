#include "keeper/probing.h"
#include "keeper/internal.h"
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* Few routes are probed all at once; then the listed ones rotate. */
static uint32_t next_step(const struct supervised *s)
{
	return s->keeper->board->map.n_routes <= ROUTES_PER_PROBE ? ROUTES_LISTED : ROUTES_PER_PROBE;
}

errint_t probing_begin(struct supervised *s, unsigned tasks, bool while_serving, uint64_t now_ns)
{
	bool mounted = backend_is_mounted(s->config->type);
	struct probe_job job = {.arena = s->keeper->arena,
				.backend = s->index,
				.tasks = tasks,
				.ring_socket = s->transport.ring_socket};
	errint_t rc =
	    copy_string(job.path, sizeof(job.path), mounted ? s->transport.mountpoint : s->config->path);

	if (rc == 0)
		rc = copy_string(job.fsname, sizeof(job.fsname), mounted ? s->transport.fsname : "");
	if (rc < 0)
		return rc;
	job.has_expected = while_serving && s->root_known;
	job.expected = s->root;
	job.max_routes = s->serving ? ROUTES_PER_PROBE : TIERMAP_ROUTES_MAX;
	job.max_listed = s->serving ? ROUTES_LISTED : TIERMAP_ROUTES_MAX;
	job.first_route = s->next_route;
	s->heard = (struct heard){.class = ERRCLASS_NONE};
	transport_inherit(&s->transport);
	rc = probe_begin(&s->probe, &job, now_ns);
	if (rc == 0 && s->serving)
		s->next_route = (s->next_route + next_step(s)) % TIERMAP_ROUTES_MAX;
	return rc;
}

static void take_root(struct supervised *s, const struct probe_report *r, int fd)
{
	s->root = r->root;
	s->root_known = true;
	s->heard.root = true;
	if (fd < 0)
		return;
	if (s->root_fd >= 0)
		close(s->root_fd);
	s->root_fd = fd;
}

static void take_statfs(struct supervised *s, const struct probe_report *r)
{
	struct board_statfs *b = &s->board->statfs;

	atomic_store(&b->blocks, r->statfs.blocks);
	atomic_store(&b->bfree, r->statfs.bfree);
	atomic_store(&b->bavail, r->statfs.bavail);
	atomic_store(&b->files, r->statfs.files);
	atomic_store(&b->ffree, r->statfs.ffree);
	atomic_store(&b->bsize, r->statfs.bsize);
	atomic_store(&b->frsize, r->statfs.frsize);
	atomic_store(&b->namelen, r->statfs.namelen);
	atomic_store(&b->valid, 1);
}

static void take_done(struct supervised *s, const struct probe_report *r)
{
	s->heard.done = true;
	s->heard.class = r->errclass < ERRCLASS_COUNT ? (enum errclass)r->errclass : ERRCLASS_IO_ERROR;
	s->heard.error = r->error;
	(void)copy_string(s->heard.text, sizeof(s->heard.text), r->text);
}

static void take_report(struct supervised *s, const struct probe_report *r, int fd)
{
	switch (r->kind) {
	case PROBE_SAYS_ROOT:
		take_root(s, r, fd);
		return;
	case PROBE_SAYS_STATFS:
		take_statfs(s, r);
		break;
	case PROBE_SAYS_ROUTE:
		routes_result(s->keeper, r, s->index);
		break;
	case PROBE_SAYS_FOUND:
		routes_found(s->keeper, s->index, r->text);
		break;
	case PROBE_SAYS_DONE:
		take_done(s, r);
		break;
	default: /* ALIVE */
		break;
	}
	if (fd >= 0)
		close(fd);
}

/* Killed or out of memory: the try fails, though perhaps not the backend. */
static void child_ended(struct supervised *s)
{
	if (s->probe.abandoned || s->heard.done || s->serving)
		return;
	s->heard.done = true;
	s->heard.class = ERRCLASS_IO_ERROR;
	(void)copy_string(s->heard.text, sizeof(s->heard.text), "the probe was killed");
}

void probing_hear(struct supervised *s, uint64_t now_ns)
{
	struct probe_report report;
	int fd, rc;

	if (probe_free(&s->probe))
		return;
	while ((rc = probe_receive(&s->probe, &report, &fd, now_ns)) > 0)
		take_report(s, &report, fd);
	if (rc < 0)
		child_ended(s);
}
