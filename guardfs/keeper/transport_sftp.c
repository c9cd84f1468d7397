/* The carrier that speaks SFTP itself. */
#include "keeper/transport.h"
#include "keeper/fence.h"
#include "keeper/sftp-child.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "sshfs-compat/sshfs-compat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* No second connection is tried after one that hung. */
#define ALONE_NS (3600 * NSEC_PER_SEC)

/* Nor is a refused password sent again: who goes on is locked out. */
#define REFUSED_NS (3600 * NSEC_PER_SEC)

/* Of ssh's command line, built once beforehand for its complaints. */
static errint_t check_sftp(struct transport *t, char *message)
{
	const struct sshfs_features none = {0};
	const struct sshfs_target target = {
	    .connect_timeout_s = sftp_ssh_timeout_s(t->config->connect_timeout_ms), .no_login = t->no_login};
	struct sshfs_command command;
	errint_t rc;

	message[0] = '\0';
	if (!backend_is_reached_by_ssh(t->backend))
		return 0;
	rc = ssh_command_build(&command, t->backend, &none, &target, SSH_CONNECT, message);
	if (rc == 0 && message[0] && !t->warned)
		log_warning("backend %s: %s", t->backend->name, message);
	t->warned = true;
	return rc;
}

static void expect_login(struct diagnosis *d, const char *detail)
{
	d->class = ERRCLASS_TIMEOUT;
	d->failed_step = DIAGNOSE_CONFIG;
	d->outcome[DIAGNOSE_CONFIG] = DIAGNOSE_FAILED;
	(void)copy_string(d->detail, sizeof(d->detail), detail);
}

void transport_note_refused(struct transport *t, uint64_t changed_ns)
{
	t->refused_ns = changed_ns;
	t->refused_until_ns = clock_mono_ns() + REFUSED_NS;
}

uint64_t transport_refused_ns(const struct transport *t)
{
	return clock_mono_ns() < t->refused_until_ns ? t->refused_ns : 0;
}

/* No caller waits any longer. A silent backend is found by keeper's probes and guardian's deadlines. */
static void set_patience(const struct deadlines *deadline, struct sftp_job *job)
{
	job->quick_ms = MAX(deadline->ms[OP_METADATA], deadline->ms[OP_READ]);
	job->slow_ms = MAX(job->quick_ms, MAX(deadline->ms[OP_WRITE], deadline->ms[OP_SYNC]));
}

static void fill_job(const struct transport *t, struct sftp_job *job)
{
	job->backend = *t->backend;
	job->connect_ms = t->config->connect_timeout_ms;
	job->connections = transport_connections_wanted(t);
	set_patience(&t->config->deadline, job);
	job->no_key = t->no_login;
	job->sandbox = t->config->sandbox;
	job->memory_max = transport_memory_max(t) + TRANSPORT_MEMORY_MORE;
	expect_login(&job->diagnosis, "the login has not begun");
	job->diagnosis.refused_ns = transport_refused_ns(t);
	expect_login(&job->second, "no time was left for it");
}

/* Identifies a transport whose keeper has gone: another user's process, whose environment is not read. */
static const char *job_name(const struct transport *t, char *name, size_t size)
{
	uint64_t hash = hash_bytes(0, t->run_dir, strlen(t->run_dir) + 1);

	snprintf(name, size, "guardfs-sftp-job-%016" PRIx64,
		 hash_bytes(hash, t->backend->name, strlen(t->backend->name)));
	return name;
}

/* Sealed: who shrinks it kills keeper. */
static int make_job(struct transport *t)
{
	char name[64];
	int fd = memfd_create(job_name(t, name, sizeof(name)), MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *p = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(*t->job)) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		p = mmap(NULL, sizeof(*t->job), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		errint_t rc = -errno;

		if (fd >= 0)
			close(fd);
		return rc;
	}
	t->job = p;
	fill_job(t, t->job);
	return fd;
}

static errint_t attach_ring(struct transport *t)
{
	errint_t rc = ring_attach(t->ring_socket, RING_OWNER_PROBE(getpid()), &t->ring);

	if (rc < 0)
		t->ring.ring = NULL;
	return rc;
}

static errint_t prepare_sftp(struct transport *t, uint32_t epoch, int *keep, size_t *n)
{
	int socket, memory, job, door[2];
	errint_t rc = ring_make(epoch, &t->ring_socket, &socket, &memory);

	if (rc < 0) {
		t->ring_socket = -1;
		return rc;
	}
	keep[(*n)++] = socket;
	keep[(*n)++] = memory;
	rc = attach_ring(t);
	job = rc < 0 ? rc : make_job(t);
	if (job < 0)
		return job;
	keep[(*n)++] = job;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, door) < 0)
		return -errno;
	keep[(*n)++] = door[0];
	keep[(*n)++] = door[1];
	return 0;
}

/* The running program, though its file may have been replaced. */
static void exec_sftp(const struct transport *t)
{
	char name[] = SFTP_CHILD_NAME;
	char *const argv[] = {name, NULL};

	(void)t;
	syscall(SYS_close_range, (unsigned)SFTP_CHILD_END, ~0u, 0);
	execv("/proc/self/exe", argv);
	dprintf(STDERR_FILENO, "cannot execute /proc/self/exe: %s\n", strerror(errno));
	_exit(127);
}

static int take_descriptor(int pidfd, int fd)
{
	int own = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return own < 0 ? -errno : own;
}

/* The users' end lies with worker and guardian. */
static errint_t adopt_from_users(struct transport *t, const struct transport_heir *heir)
{
	errint_t rc;

	t->ring_socket = take_descriptor(heir->guardian_pidfd, heir->root_fd);
	if (t->ring_socket < 0)
		return t->ring_socket;
	rc = attach_ring(t);
	if (rc == 0 && t->ring.ring->epoch != heir->epoch)
		rc = -ESRCH;
	return rc;
}

/* It went with them: the transport itself has the ring. */
static errint_t adopt_from_transport(struct transport *t)
{
	CLEANUP_FD int memory = take_descriptor(t->pidfd, SFTP_CHILD_MEMORY);
	CLEANUP_FD int door = take_descriptor(t->pidfd, SFTP_CHILD_DOORSTEP);
	errint_t rc;

	if (memory < 0 || door < 0)
		return -ESRCH;
	rc = ring_renew(memory, door, &t->ring_socket);
	if (rc < 0) {
		t->ring_socket = -1;
		return rc;
	}
	return attach_ring(t);
}

static errint_t adopt_sftp(struct transport *t, const struct transport_heir *heir)
{
	return heir->root_fd >= 0 ? adopt_from_users(t, heir) : adopt_from_transport(t);
}

static void set_epoch_of_sftp(struct transport *t, uint32_t epoch)
{
	ring_set_epoch(t->ring.ring, epoch);
}

static bool is_sftp_ready(const struct transport *t)
{
	return t->ring.ring && atomic_load(&t->ring.ring->ready) && !ring_is_over(&t->ring);
}

/* What is with the server still comes back by the next time. */
void transport_inherit(struct transport *t)
{
	if (t->ring.ring)
		(void)ring_inherit_probes(&t->ring, NULL, NULL);
}

/* It took all its time: half of connect_timeout, in which the first did not serve. A firewall that limits new
 * connections a minute does that to each recovery. */
static bool hung(const struct diagnosis *d)
{
	return d->class == ERRCLASS_TIMEOUT && d->failed_step != DIAGNOSE_CONFIG;
}

/* An ssh that hung says so, or nothing. */
static void tell_of_second_ssh(struct transport *t)
{
	char detail[256];
	enum errclass class = sshfs_diagnose(t->text, t->used, detail, sizeof(detail));

	if (class == ERRCLASS_NONE || class == ERRCLASS_TIMEOUT)
		t->alone_until_ns = clock_mono_ns() + ALONE_NS;
	log_info(
	    "backend %s: data shares a connection with the rest, for a second ssh did not log in in time: %s",
	    t->backend->name, detail[0] ? detail : "it said nothing");
}

void transport_serves(struct transport *t)
{
	bool by_ssh = backend_is_reached_by_ssh(t->backend);
	struct diagnosis d;

	t->served = true;
	if (by_ssh && t->job && t->job->connections > 1 && atomic_load(&t->ring.ring->ready) < 2)
		tell_of_second_ssh(t);
	/* Words of the login, and of banners. */
	if (by_ssh)
		t->used = 0;
	if (by_ssh || !t->job)
		return;
	if (t->job->connections < 2) {
		if (clock_mono_ns() < t->alone_until_ns)
			log_info("backend %s: data shares a connection with the rest, for a second one hung "
				 "lately",
				 t->backend->name);
		return;
	}
	d = t->job->second;
	if (atomic_load(&t->ring.ring->ready) > 1 || !diagnosis_valid(&d))
		return;
	if (hung(&d))
		t->alone_until_ns = clock_mono_ns() + ALONE_NS;
	log_info("backend %s: data shares a connection with the rest, for the second one failed: %s",
		 t->backend->name, d.class != ERRCLASS_NONE ? d.detail : "logged in, but SFTP did not begin");
}

/* ssh's password has no file that could change. The hour begins with a login to which it could be sent. */
#define SSH_PASSWORD 1u

static void note_ssh_refused(struct transport *t)
{
	if (t->backend->ssh_lenient && !t->no_login && !transport_refused_ns(t))
		transport_note_refused(t, SSH_PASSWORD);
}

/* By ssh's words. A server that serves, and may speak through ssh, cannot have itself taken for one that needs a
 * person. */
static enum errclass explain_by_ssh(struct transport *t, char *detail, size_t size)
{
	enum errclass class = sshfs_diagnose(t->text, t->used, detail, size);
	bool served = t->served || t->used_by_callers;

	if (!served && class == ERRCLASS_AUTH_FAILED)
		note_ssh_refused(t);
	return served && !errclass_info(class)->passes ? ERRCLASS_SERVER_GONE : class;
}

/* The record's writer talks to the server: once it serves, what it says of the login is not believed, lest it pass
 * itself off as one that needs a person. */
static enum errclass explain_by_record(struct transport *t, char *detail, size_t size)
{
	struct diagnosis d = t->job->diagnosis;

	if (t->served || !diagnosis_valid(&d) || d.class == ERRCLASS_NONE)
		return ERRCLASS_NONE;
	if (d.class == ERRCLASS_AUTH_FAILED && d.refused_ns)
		transport_note_refused(t, d.refused_ns);
	snprintf(detail, size, "%s", d.detail);
	return (enum errclass)d.class;
}

/* Of the login, then of the connection. */
static enum errclass explain_sftp(struct transport *t, char *detail, size_t size)
{
	enum errclass class = ERRCLASS_NONE;
	int32_t ended;

	if (backend_is_reached_by_ssh(t->backend))
		class = explain_by_ssh(t, detail, size);
	else if (t->job)
		class = explain_by_record(t, detail, size);
	if (class != ERRCLASS_NONE || !t->job)
		return class;
	ended = atomic_load(&t->job->ended);
	if (ended == -EPROTO)
		snprintf(detail, size, "the server's packets make no sense: the connection was ended");
	else if (ended == -ETIMEDOUT)
		snprintf(detail, size, "the server did not answer on one of the connections");
	else if (ended < 0 && detail[0] == '\0')
		snprintf(detail, size, "the server closed the connection");
	return ERRCLASS_NONE;
}

static void end_sftp(struct transport *t)
{
	if (t->ring.ring)
		ring_end(t->ring.ring);
}

static void forget_sftp(struct transport *t)
{
	if (t->ring.ring)
		ring_detach(&t->ring);
	if (t->ring_socket >= 0)
		close(t->ring_socket);
	if (t->job)
		munmap(t->job, sizeof(*t->job));
	t->ring_socket = -1;
	t->job = NULL;
}

/* The kernel's name of a process that executes it. */
static const char *name_of_program(const char *command)
{
	const char *slash = strrchr(command, '/');

	return slash ? slash + 1 : command;
}

/* It waits for a keeper that knows of it, holding the account's connections; or is dead, and its ssh, which a
 * wrapper may have executed, waits for a silent server. */
static unsigned clear_sftp(struct transport *t, const char *token)
{
	char memory[64];
	const struct fence_strangers strangers = {.names = {SFTP_CHILD_NAME},
						  .known = t->pid,
						  .memory = job_name(t, memory, sizeof(memory)),
						  .memory_fd = SFTP_CHILD_JOB},
				     programs = {.names = {"ssh", name_of_program(t->backend->ssh_command)},
						 .known = t->pid,
						 .token = token};
	unsigned n = fence_kill_strangers(&strangers, &t->dying);

	if (backend_is_reached_by_ssh(t->backend))
		n += fence_kill_strangers(&programs, &t->dying);
	return n;
}

/* What the server does not say is not known to be missing. */
uint32_t transport_server_lacks(const struct transport *t)
{
	return (t->ring.ring->lacks & SERVER_LACKS) | SERVER_KNOWN;
}

const struct transport_kind transport_sftp = {.name = "transport",
					      .check = check_sftp,
					      .prepare = prepare_sftp,
					      .exec = exec_sftp,
					      .adopt = adopt_sftp,
					      .set_epoch = set_epoch_of_sftp,
					      .ready = is_sftp_ready,
					      .explain = explain_sftp,
					      .end = end_sftp,
					      .forget = forget_sftp,
					      .clear = clear_sftp};
