/* inject.so: preloaded: the Nth call of a kind fails, in whichever process of a program it comes.
 *
 *     INJECT    a file of struct control, made by the test; shared by all processes that come of the program
 *
 * Kinds: "alloc" (malloc, calloc, realloc, strdup: no memory), "call" (a system call fails with an errno that it may have), "short"
 * (read, write and their kin do half of it), "eintr" (a call that may wait is interrupted). Calls that libc makes for
 * itself are not counted. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { KIND_NONE, KIND_ALLOC, KIND_CALL, KIND_SHORT, KIND_EINTR };

struct control {
	_Atomic uint64_t calls; /* of the kind, so far */
	_Atomic uint64_t from;	/* the call that fails, from 1 on; 0: none */
	_Atomic uint64_t count; /* how many in a row */
	_Atomic uint64_t kind;
	_Atomic uint64_t failed; /* how many have */
	_Atomic uint64_t name;	 /* eight letters of the last one that has */
};

static struct control *control;

/* glibc's own, which need no looking up. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

__attribute__((constructor)) static void map_control(void)
{
	const char *path = getenv("INJECT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		control = p;
}

/* Is this the call? */
static int hits(enum kind kind, const char *name)
{
	uint64_t n, from, word = 0;

	if (!control || atomic_load(&control->kind) != kind)
		return 0;
	n = atomic_fetch_add(&control->calls, 1) + 1;
	from = atomic_load(&control->from);
	if (!from || n < from || n >= from + atomic_load(&control->count))
		return 0;
	atomic_fetch_add(&control->failed, 1);
	memcpy(&word, name, strnlen(name, sizeof(word)));
	atomic_store(&control->name, word);
	return 1;
}

#define REAL(name, type)              \
	static __typeof__(type) real; \
	if (!real)                    \
	real = (type)(uintptr_t)dlsym(RTLD_NEXT, name)

/* ---- memory ---- */

void *malloc(size_t size)
{
	if (hits(KIND_ALLOC, "malloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (hits(KIND_ALLOC, "calloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	if (hits(KIND_ALLOC, "realloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(p, size);
}

/* ---- system calls ---- */

#define FAIL(name, error)                    \
	do {                                 \
		if (hits(KIND_CALL, name)) { \
			errno = error;       \
			return -1;           \
		}                            \
	} while (0)
#define INTERRUPT(name)                       \
	do {                                  \
		if (hits(KIND_EINTR, name)) { \
			errno = EINTR;        \
			return -1;            \
		}                             \
	} while (0)
/* At least one byte: 0 would be the end. */
#define SHORTEN(name, n) ((n) > 1 && hits(KIND_SHORT, name) ? (n) / 2 : (n))

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	REAL("open", int (*)(const char *, int, ...));
	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	FAIL("open", EMFILE);
	return real(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	REAL("openat", int (*)(int, const char *, int, ...));
	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	FAIL("openat", EMFILE);
	return real(dir, path, flags, mode);
}

ssize_t read(int fd, void *buf, size_t n)
{
	REAL("read", ssize_t(*)(int, void *, size_t));
	FAIL("read", EIO);
	INTERRUPT("read");
	return real(fd, buf, n);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	REAL("write", ssize_t(*)(int, const void *, size_t));
	FAIL("write", EIO);
	INTERRUPT("write");
	return real(fd, buf, n);
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
	REAL("pread64", ssize_t(*)(int, void *, size_t, off_t));
	FAIL("pread", EIO);
	INTERRUPT("pread");
	return real(fd, buf, SHORTEN("pread", n), at);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	REAL("pwrite64", ssize_t(*)(int, const void *, size_t, off_t));
	FAIL("pwrite", EIO);
	INTERRUPT("pwrite");
	return real(fd, buf, SHORTEN("pwrite", n), at);
}

int socket(int domain, int type, int protocol)
{
	REAL("socket", int (*)(int, int, int));
	FAIL("socket", EMFILE);
	return real(domain, type, protocol);
}

int connect(int fd, const struct sockaddr *a, socklen_t n)
{
	REAL("connect", int (*)(int, const struct sockaddr *, socklen_t));
	FAIL("connect", ECONNREFUSED);
	return real(fd, a, n);
}

int pipe2(int fds[2], int flags)
{
	REAL("pipe2", int (*)(int *, int));
	FAIL("pipe2", EMFILE);
	return real(fds, flags);
}

pid_t fork(void)
{
	REAL("fork", pid_t(*)(void));
	FAIL("fork", EAGAIN);
	return real();
}

int fcntl(int fd, int command, ...)
{
	va_list ap;
	void *arg;

	REAL("fcntl64", int (*)(int, int, ...));
	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
		FAIL("dupfd", EMFILE);
	return real(fd, command, arg);
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	REAL("poll", int (*)(struct pollfd *, nfds_t, int));
	INTERRUPT("poll");
	return real(fds, n, timeout);
}

int fsync(int fd)
{
	REAL("fsync", int (*)(int));
	FAIL("fsync", EIO);
	return real(fd);
}

int fdatasync(int fd)
{
	REAL("fdatasync", int (*)(int));
	FAIL("fdatasync", EIO);
	return real(fd);
}

int ftruncate(int fd, off_t size)
{
	REAL("ftruncate64", int (*)(int, off_t));
	FAIL("ftruncate", ENOSPC);
	return real(fd, size);
}

int rename(const char *from, const char *to)
{
	REAL("rename", int (*)(const char *, const char *));
	FAIL("rename", EIO);
	return real(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	REAL("mkdir", int (*)(const char *, mode_t));
	FAIL("mkdir", ENOSPC);
	return real(path, mode);
}

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
	REAL("mount", int (*)(const char *, const char *, const char *, unsigned long, const void *));
	FAIL("mount", ENOMEM);
	return real(source, target, type, flags, data);
}
