#include "keeper/sftp-child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/privileges.h"
#include "diagnose/secrets.h"
#include "sftp/stream.h"
#include "sftp/transport.h"
#include "sshfs-compat/sshfs-compat.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Guardian, worker and keeper died at once: their successors come for the connection, or nobody. */
#define DESERTED_NS (60 * NSEC_PER_SEC)

/* A partition is found within that time, or the longest deadline if longer: before, a server that takes nothing in
 * may be slow. */
#define UNACKNOWLEDGED_LEAST_MS 30000u

/* A login is not begun in less than this part of connect_ms. */
#define LEAST_SHARE 20

/* A sanitizer's shadow of the memory is larger than any bound. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BOUNDS_MEMORY false
#else
#define BOUNDS_MEMORY true
#endif

/* No core file and no debugger: private keys are in its memory. */
static void shut_off(const struct sftp_job *job)
{
	struct rlimit limit = {0, 0};

	/* A user's keeper has no other right to it than that of the same user. */
	if (privileges_of_root())
		prctl(PR_SET_DUMPABLE, 0);
	privileges_admit_heirs();
	setrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max = job->memory_max;
	if (job->memory_max && BOUNDS_MEMORY)
		setrlimit(RLIMIT_DATA, &limit);
	signal(SIGPIPE, SIG_IGN);
}

static struct sftp_job *map_job(void)
{
	struct stat st;
	void *p;

	if (fstat(SFTP_CHILD_JOB, &st) < 0 || st.st_size != (off_t)sizeof(struct sftp_job))
		return NULL;
	p = mmap(NULL, sizeof(struct sftp_job), PROT_READ | PROT_WRITE, MAP_SHARED, SFTP_CHILD_JOB, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* The session was good, but is of no use. */
static struct connection *fail_setup(struct diagnosis *d)
{
	d->class = ERRCLASS_NO_RESOURCES;
	d->failed_step = DIAGNOSE_SFTP;
	d->outcome[DIAGNOSE_SFTP] = DIAGNOSE_FAILED;
	(void)copy_string(d->detail, sizeof(d->detail), "logged in, but out of memory or descriptors");
	return NULL;
}

/* What the server says before the login is parsed by a process that can yet become another user, and read. */
static void confine_login(void)
{
	static bool done;

	if (!done)
		privileges_drop(PRIVILEGES_LOGIN);
	done = true;
}

static int unacknowledged_ms(const struct sftp_job *job)
{
	return (int)MIN(MAX(job->slow_ms, UNACKNOWLEDGED_LEAST_MS), (uint32_t)INT_MAX);
}

struct logins {
	/* The socket of the connection before; -1: none. */
	int like;
	struct diagnose_secrets secrets;
};

static void settle_manner(const struct sftp_job *job, struct connection *connection)
{
	connection_set_patience(connection, job->quick_ms * NSEC_PER_MSEC, job->slow_ms * NSEC_PER_MSEC);
	if (job->backend.follow_links)
		connection_set_following(connection);
}

/* NULL: diagnosis says why. */
static struct connection *connect_once(const struct sftp_job *job, uint32_t limit_ms, struct logins *logins,
				       struct diagnosis *diagnosis)
{
	const struct diagnose_manner manner = {.timeout_ms = limit_ms,
					       .no_key = job->no_key,
					       .like = logins->like,
					       .confine = job->sandbox ? confine_login : NULL,
					       .secrets = &logins->secrets,
					       .logins = job->connections};
	struct diagnose_session session;
	struct connection *connection;
	struct stream *stream;

	if (!diagnose_session_open(&job->backend, &manner, diagnosis, &session))
		return NULL;
	logins->like = session.socket;
	if (stream_over_channel(session.session, session.channel, session.socket, unacknowledged_ms(job),
				&stream) < 0) {
		diagnose_session_close(&session);
		return fail_setup(diagnosis);
	}
	if (connection_new(stream, &connection) < 0) {
		stream->ops->close(stream);
		return fail_setup(diagnosis);
	}
	settle_manner(job, connection);
	return connection;
}

/* Half of what is left of connect_ms. */
static uint32_t share_ms(const struct sftp_job *job, uint64_t began_ns)
{
	uint64_t spent_ms = (clock_mono_ns() - began_ns) / NSEC_PER_MSEC;

	return job->connect_ms > spent_ms ? (job->connect_ms - (uint32_t)spent_ms) / 2 : 0;
}

/* Data on its own connection, if there is room and time: else everything shares one. */
static struct connection *connect_for_data(struct sftp_job *job, uint64_t began_ns, struct logins *logins,
					   struct connection *metadata)
{
	uint32_t limit_ms = share_ms(job, began_ns);
	struct connection *bulk = NULL;

	if (job->connections > 1 && limit_ms >= job->connect_ms / LEAST_SHARE)
		bulk = connect_once(job, limit_ms, logins, &job->second);
	return bulk ? bulk : metadata;
}

/* Both connections. False: the record of the login says why. */
static bool connect_by_libssh(struct sftp_job *job, struct transport_ends *ends, struct connection **metadata,
			      struct connection **bulk)
{
	static struct logins logins = {.like = -1};
	uint64_t began_ns = clock_mono_ns();

	/* Not to be swapped out. */
	(void)mlock(&logins, sizeof(logins));
	*metadata = connect_once(job, job->connect_ms, &logins, &job->diagnosis);
	if (*metadata)
		*bulk = connect_for_data(job, began_ns, &logins, *metadata);
	secrets_wipe(&logins.secrets);
	ends->join_ns = share_ms(job, began_ns) * NSEC_PER_MSEC;
	return *metadata != NULL;
}

static void confine_ssh(void)
{
	privileges_drop(PRIVILEGES_SSH);
}

/* It inherits limits, session and token: keeper finds it and all that it starts. later: it logs in once something
 * is sent to it. */
static struct connection *connect_by_program(const struct sftp_job *job, const struct sshfs_command *command,
					     bool later)
{
	const struct stream_program_manner manner = {
	    .at_first_byte = later, .left_alone = true, .confine = job->sandbox ? confine_ssh : NULL};
	struct connection *connection;
	struct stream *stream;

	if (stream_over_program((const char *const *)command->argv, &manner, &stream) < 0)
		return NULL;
	if (connection_new(stream, &connection) < 0) {
		stream->ops->close(stream);
		return NULL;
	}
	settle_manner(job, connection);
	return connection;
}

/* keeper reads what ssh says on standard error. */
static bool connect_by_openssh(const struct sftp_job *job, struct transport_ends *ends,
			       struct connection **metadata, struct connection **bulk)
{
	const struct sshfs_target target = {.connect_timeout_s = sftp_ssh_timeout_s(job->connect_ms),
					    .no_login = job->no_key,
					    .no_password = job->diagnosis.refused_ns != 0};
	struct sshfs_features features = {0};
	static struct sshfs_command command; /* large */
	char message[CONFIG_ERROR_MAX];

	ends->join_until_ns = clock_mono_ns() + job->connect_ms * NSEC_PER_MSEC;
	ssh_features_detect(&job->backend, &features);
	if (ssh_command_build(&command, &job->backend, &features, &target, SSH_CONNECT, message) < 0) {
		dprintf(STDERR_FILENO, "%s\n", message);
		return false;
	}
	/* Also for the ssh of a jump host, which sees no option. */
	if (target.no_password)
		setenv(SSH_ASK_NO_PASSWORD, "1", 1);
	/* Nobody waits for them. */
	signal(SIGCHLD, SIG_IGN);
	*metadata = connect_by_program(job, &command, false);
	*bulk = *metadata && job->connections > 1 ? connect_by_program(job, &command, true) : NULL;
	if (!*bulk)
		*bulk = *metadata;
	return *metadata;
}

int sftp_child_main(void)
{
	struct transport_ends ends = {.socket = SFTP_CHILD_SOCKET,
				      .memory = SFTP_CHILD_MEMORY,
				      .door = SFTP_CHILD_DOOR,
				      .patience_ns = DESERTED_NS};
	struct connection *metadata = NULL, *bulk = NULL;
	struct sftp_job *job = map_job();
	bool connected;
	errint_t rc;

	prctl(PR_SET_NAME, SFTP_CHILD_NAME);
	log_init("sftp", LOG_LEVEL_INFO);
	if (!job)
		return 1;
	shut_off(job);
	if (backend_is_reached_by_ssh(&job->backend))
		connected = connect_by_openssh(job, &ends, &metadata, &bulk);
	else
		connected = connect_by_libssh(job, &ends, &metadata, &bulk);
	if (!connected)
		return 1;
	if (job->sandbox)
		privileges_drop(PRIVILEGES_TRANSPORT);
	rc = transport_serve(&ends, metadata, bulk);
	atomic_store(&job->ended, rc);
	return rc < 0 ? 1 : 0;
}
