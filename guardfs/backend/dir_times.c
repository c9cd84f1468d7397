/* Times in the form that sshfs needs.
 *
 * SFTP sets both times or none, in unsigned 32-bit seconds. sshfs takes an omitted time for second 0, and that for
 * "now". So an omitted one becomes its present value, and second 0 second 2^32, whose lower 32 bits are sent. */
#include "backend/dir.h"
#include "base/cleanup.h"

#define SECONDS_END (1ll << 32)

enum { ATIME, MTIME, TIMES };

static bool is_in_range(const struct timespec *t)
{
	return t->tv_sec >= 0 && t->tv_sec < SECONDS_END;
}

static errint_t ask_times(int fd, int sync, struct timespec times[TIMES])
{
	struct statx x;

	if (statx(fd, "", AT_EMPTY_PATH | sync, STATX_ATIME | STATX_MTIME, &x) < 0)
		return -errno;
	times[ATIME] = (struct timespec){x.stx_atime.tv_sec, x.stx_atime.tv_nsec};
	times[MTIME] = (struct timespec){x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec};
	return 0;
}

/* Opening the file makes sshfs look. Otherwise times are as old as sshfs's cache. */
static errint_t ask_server(int fd, bool regular, struct timespec times[TIMES])
{
	CLEANUP_FD int opened = regular ? posix_reopen(fd, O_RDONLY) : -1;

	return ask_times(opened >= 0 ? opened : fd, AT_STATX_FORCE_SYNC, times);
}

/* An mtime that another client has just changed must not be put back. */
static errint_t present_times(struct backend *b, uint32_t node, int ref, bool fresh,
			      struct timespec times[TIMES])
{
	CLEANUP_REACHED struct reached r = REACHED_NONE;
	bool regular = S_ISREG(__atomic_load_n(&b->arena->nodes[node].mode, __ATOMIC_RELAXED));
	errint_t rc = 0;

	if (ref < 0) {
		rc = dir_reach(b, node, &r);
		ref = r.fd;
	}
	if (rc < 0)
		return rc;
	return fresh ? ask_server(ref, regular, times) : ask_times(ref, AT_STATX_DONT_SYNC, times);
}

static void carry_zero(struct timespec *t)
{
	if (t->tv_sec == 0)
		t->tv_sec = SECONDS_END;
}

errint_t dir_complete_times(struct backend *b, uint32_t node, int ref, struct stat *want, unsigned *set)
{
	const unsigned atime = SET_ATIME | SET_ATIME_NOW, mtime = SET_MTIME | SET_MTIME_NOW;
	struct timespec now[TIMES];
	errint_t rc = 0;

	if (b->config->type != BACKEND_SSHFS || !(*set & (atime | mtime)))
		return 0;
	if (((*set & SET_ATIME) && !is_in_range(&want->st_atim)) ||
	    ((*set & SET_MTIME) && !is_in_range(&want->st_mtim)))
		return -ERANGE;
	if (!(*set & atime) || !(*set & mtime))
		rc = present_times(b, node, ref, !(*set & mtime), now);
	if (rc < 0)
		return rc;
	if (!(*set & atime))
		want->st_atim = now[ATIME];
	if (!(*set & mtime))
		want->st_mtim = now[MTIME];
	*set |= (*set & atime ? 0 : SET_ATIME) | (*set & mtime ? 0 : SET_MTIME);
	carry_zero(&want->st_atim);
	carry_zero(&want->st_mtim);
	return 0;
}
