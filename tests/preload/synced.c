/* synced.so: for an sftp-server, preloaded: what was synced of a file is kept beside, so that a test can take away all the
 * rest, as a server does that loses its power (tests/campaign/power-cut.py).
 *
 *     SYNCED_DIR    where: INODE-BIRTH holds the file's content as of its last fsync */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy_all(int from, int to)
{
	static char buf[1 << 16];
	off_t offset = 0;
	ssize_t n;

	while ((n = pread(from, buf, sizeof(buf), offset)) > 0) {
		if (pwrite(to, buf, (size_t)n, offset) != n)
			return -1;
		offset += n;
	}
	return n < 0 ? -1 : 0;
}

static int keep_content(int fd)
{
	const char *dir = getenv("SYNCED_DIR");
	char path[600], temporary[640], self[64];
	struct statx x;
	int from, to, rc;

	if (!dir || statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &x) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%llu-%lld.%09u", dir, (unsigned long long)x.stx_ino,
		 (long long)x.stx_btime.tv_sec, x.stx_btime.tv_nsec);
	snprintf(temporary, sizeof(temporary), "%s.%d", path, getpid());
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	from = open(self, O_RDONLY | O_CLOEXEC);
	to = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	rc = from < 0 || to < 0 ? -1 : copy_all(from, to);
	close(from);
	close(to);
	return rc < 0 ? -1 : rename(temporary, path);
}

/* The copy is made before the caller is answered, or it is not answered with success. */
int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))(unsigned long)dlsym(RTLD_NEXT, "fsync");

	if (real(fd) < 0)
		return -1;
	return keep_content(fd);
}
