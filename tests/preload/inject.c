/* inject.so: preloaded: the Nth call of a kind fails, in whichever process of a program it comes.
 *
 *     INJECT	       a file of struct control, made by the test; shared by all processes that come of the program
 *     INJECT_PROGRAM  counts in programs of this name alone, not in those that they start
 *     INJECT_STACKS   a file of struct seen[SEEN_MAX], made by the test: while no call is to fail, each stack that calls come from, and how many
 *
 * Kinds: "alloc" (malloc, calloc, realloc, and what calls them: no memory), "call" (a system call fails with an errno that it may have), "short"
 * (read, write and their kin do half of it), "eintr" (a call that may wait is interrupted). Calls that libc makes for
 * itself are not counted. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum kind { KIND_NONE, KIND_ALLOC, KIND_CALL, KIND_SHORT, KIND_EINTR };

#define FRAMES 24

struct control {
	_Atomic uint64_t calls; /* of the kind, so far */
	_Atomic uint64_t from;	/* the call that fails, from 1 on; 0: none */
	_Atomic uint64_t count; /* how many in a row */
	_Atomic uint64_t kind;
	_Atomic uint64_t failed; /* how many have */
	_Atomic uint64_t name;	 /* eight letters of the last one that has */
	_Atomic uint64_t pid;	 /* whose it was */
	struct {
		char module[24];
		uint64_t offset;
	} frame[FRAMES]; /* its stack */
	char only
	    [64]; /* NAME or NAME:TEXT: only calls of that name count, only with TEXT in their path; empty: all */
	_Atomic uint64_t stack; /* only calls that come from there count; 0: all */
};

#define SEEN_MAX  65536u
#define NAME_SIZE 16

struct seen {
	_Atomic uint64_t stack; /* 0: free */
	_Atomic uint64_t calls;
	char name[NAME_SIZE];
};

static struct control *control;
static struct seen *seen;

/* glibc's own, which need no looking up. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static void *map_file(const char *path, size_t size)
{
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	return p == MAP_FAILED ? NULL : p;
}

__attribute__((constructor)) static void map_control(void)
{
	const char *program = getenv("INJECT_PROGRAM");
	struct control *mapped;
	void *frame;

	if (program && strcmp(program, program_invocation_short_name) != 0)
		return;
	mapped = map_file(getenv("INJECT"), sizeof(*control));
	if (!mapped)
		return;
	seen = map_file(getenv("INJECT_STACKS"), SEEN_MAX * sizeof(*seen));
	backtrace(&frame, 1); /* loads what it needs */
	control = mapped;
}

/* Where the call comes from: what a driver needs to tell of it. Nothing is opened or written: the process may have no right to. */
static _Thread_local int tracing;

static void note_stack(void)
{
	void *stack[FRAMES];
	int n;

	tracing = 1; /* the unwinder's own allocations are not counted */
	n = backtrace(stack, FRAMES);
	memset(control->frame, 0, sizeof(control->frame));
	for (int i = 0; i < n; i++) {
		Dl_info info;
		const char *name, *slash;

		if (!dladdr(stack[i], &info) || !info.dli_fname)
			continue;
		slash = strrchr(info.dli_fname, '/');
		name = slash ? slash + 1 : info.dli_fname;
		memcpy(control->frame[i].module, name, strnlen(name, sizeof(control->frame[i].module)));
		control->frame[i].offset = (uint64_t)((char *)stack[i] - (char *)info.dli_fbase);
	}
	tracing = 0;
}

/* Of the name and the return addresses, each as its offset in its module: the same in each run of a build. Never 0. */
static uint64_t hash_stack(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325u;
	struct dl_find_object here = {0};
	void *stack[FRAMES];
	int n;

	tracing = 1;
	n = backtrace(stack, FRAMES);
	tracing = 0;
	(void)_dl_find_object(stack[0], &here);
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
	for (int i = 0; i < n; i++) {
		struct dl_find_object object;
		uint64_t offset = 0;

		if (_dl_find_object(stack[i], &object) == 0) {
			if (object.dlfo_map_start == here.dlfo_map_start)
				continue; /* the compiler may have made several of these calls */
			offset = (uint64_t)((char *)stack[i] - (char *)object.dlfo_map_start);
		}
		for (int bits = 0; bits < 64; bits += 8)
			hash = (hash ^ (offset >> bits & 0xff)) * 0x100000001b3u;
	}
	return hash ? hash : 1;
}

/* A stack beyond what the table holds is not counted. */
static void count_stack(const char *name, uint64_t hash)
{
	for (uint32_t i = 0; i < SEEN_MAX; i++) {
		struct seen *s = &seen[(hash + i) % SEEN_MAX];
		uint64_t there = 0;

		if (atomic_compare_exchange_strong(&s->stack, &there, hash))
			memcpy(s->name, name, strnlen(name, NAME_SIZE - 1));
		if (there == 0 || there == hash) {
			atomic_fetch_add(&s->calls, 1);
			return;
		}
	}
}

static int is_wanted(const char *name, const char *path)
{
	const char *text = strchr(control->only, ':');
	size_t n = text ? (size_t)(text - control->only) : strnlen(control->only, sizeof(control->only));

	if (n == 0)
		return 1;
	return strlen(name) == n && memcmp(name, control->only, n) == 0 &&
	       (!text || (path && strstr(path, text + 1) != NULL));
}

/* Is this the call? */
static int hits_at(enum kind kind, const char *name, const char *path)
{
	uint64_t n, from, stack, hash, word = 0;
	int learns;

	if (!control || atomic_load(&control->kind) != kind || tracing || !is_wanted(name, path))
		return 0;
	from = atomic_load(&control->from);
	stack = atomic_load(&control->stack);
	learns = seen && !from;
	if (stack && (!from || atomic_load(&control->calls) >= from + atomic_load(&control->count) - 1))
		return 0;
	hash = learns || stack ? hash_stack(name) : 0;
	if (learns)
		count_stack(name, hash);
	if (stack && hash != stack)
		return 0;
	n = atomic_fetch_add(&control->calls, 1) + 1;
	if (!from || n < from || n >= from + atomic_load(&control->count))
		return 0;
	atomic_fetch_add(&control->failed, 1);
	memcpy(&word, name, strnlen(name, sizeof(word)));
	atomic_store(&control->name, word);
	atomic_store(&control->pid, (uint64_t)getpid());
	note_stack();
	return 1;
}

static int hits(enum kind kind, const char *name)
{
	return hits_at(kind, name, NULL);
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
#define FAIL_AT(name, path, error)                    \
	do {                                          \
		if (hits_at(KIND_CALL, name, path)) { \
			errno = error;                \
			return -1;                    \
		}                                     \
	} while (0)
#define INTERRUPT(name)                       \
	do {                                  \
		if (hits(KIND_EINTR, name)) { \
			errno = EINTR;        \
			return -1;            \
		}                             \
	} while (0)
/* A read or write of this descriptor may do less than asked for: a device or an eventfd does all or nothing. */
static int may_be_short(int fd)
{
	struct stat st;
	int type = 0;
	socklen_t size = sizeof(type);

	if (!control || atomic_load(&control->kind) != KIND_SHORT || fstat(fd, &st) < 0)
		return 0;
	if (S_ISSOCK(st.st_mode))
		return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
	return S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode);
}

/* At least one byte: 0 would be the end. */
#define SHORTEN(name, fd, n) ((n) > 1 && may_be_short(fd) && hits(KIND_SHORT, name) ? (n) / 2 : (n))

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	REAL("open", int (*)(const char *, int, ...));
	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	FAIL_AT("open", path, EMFILE);
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
	FAIL_AT("openat", path, EMFILE);
	return real(dir, path, flags, mode);
}

ssize_t read(int fd, void *buf, size_t n)
{
	REAL("read", ssize_t(*)(int, void *, size_t));
	FAIL("read", EIO);
	INTERRUPT("read");
	return real(fd, buf, SHORTEN("read", fd, n));
}

ssize_t write(int fd, const void *buf, size_t n)
{
	REAL("write", ssize_t(*)(int, const void *, size_t));
	FAIL("write", EIO);
	INTERRUPT("write");
	return real(fd, buf, SHORTEN("write", fd, n));
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
	REAL("pread64", ssize_t(*)(int, void *, size_t, off_t));
	FAIL("pread", EIO);
	INTERRUPT("pread");
	return real(fd, buf, SHORTEN("pread", fd, n), at);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	REAL("pwrite64", ssize_t(*)(int, const void *, size_t, off_t));
	FAIL("pwrite", EIO);
	INTERRUPT("pwrite");
	return real(fd, buf, SHORTEN("pwrite", fd, n), at);
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
	FAIL("poll", ENOMEM);
	INTERRUPT("poll");
	return real(fds, n, timeout);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	REAL("recv", ssize_t(*)(int, void *, size_t, int));
	FAIL("recv", ECONNRESET);
	INTERRUPT("recv");
	return real(fd, buf, SHORTEN("recv", fd, n), flags);
}

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	REAL("send", ssize_t(*)(int, const void *, size_t, int));
	FAIL("send", ECONNRESET);
	INTERRUPT("send");
	return real(fd, buf, SHORTEN("send", fd, n), flags);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
	REAL("writev", ssize_t(*)(int, const struct iovec *, int));
	FAIL("writev", EIO);
	INTERRUPT("writev");
	return real(fd, iov, n > 1 && may_be_short(fd) && hits(KIND_SHORT, "writev") ? 1 : n);
}

/* The descriptor is free again, whatever close says. */
int close(int fd)
{
	int rc;

	REAL("close", int (*)(int));
	rc = real(fd);
	FAIL("close", EIO);
	INTERRUPT("close");
	return rc;
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	REAL("waitpid", pid_t(*)(pid_t, int *, int));
	if (!(options & WNOHANG))
		INTERRUPT("waitpid");
	return real(pid, status, options);
}

int nanosleep(const struct timespec *time, struct timespec *left) /* sleep-ok: no sleep of a test */
{
	REAL("nanosleep", int (*)(const struct timespec *, struct timespec *));
	if (hits(KIND_EINTR, "nanosleep")) {
		if (left)
			*left = *time;
		errno = EINTR;
		return -1;
	}
	return real(time, left);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	REAL("pthread_create", int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *));
	return hits(KIND_CALL, "pthread_create") ? EAGAIN : real(thread, attr, run, arg);
}

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	REAL("mmap64", void *(*)(void *, size_t, int, int, int, off_t));
	if (hits(KIND_CALL, "mmap")) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return real(at, n, protection, flags, fd, offset);
}

DIR *opendir(const char *path)
{
	REAL("opendir", DIR * (*)(const char *));
	if (hits_at(KIND_CALL, "opendir", path)) {
		errno = EMFILE;
		return NULL;
	}
	return real(path);
}

FILE *fopen(const char *path, const char *mode)
{
	REAL("fopen64", FILE * (*)(const char *, const char *));
	if (hits_at(KIND_CALL, "fopen", path)) {
		errno = EMFILE;
		return NULL;
	}
	return real(path, mode);
}

/* What libc has no name for. Those that take on a caller's identity cannot fail for root. */
long syscall(long number, ...)
{
	va_list ap;
	long a[6];
	int error = 0;

	REAL("syscall", long (*)(long, ...));
	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	switch (number) {
	case SYS_clone:
		error = EAGAIN;
		break;
	case SYS_openat2:
	case SYS_pidfd_open:
	case SYS_pidfd_getfd:
		error = EMFILE;
		break;
	case SYS_close_range:
	case SYS_seccomp:
		error = ENOMEM;
		break;
	case SYS_capset:
		error = EPERM;
		break;
	default:
		break;
	}
	if (error)
		FAIL(number == SYS_clone ? "clone" : number == SYS_openat2 ? "openat2" : "syscall", error);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* SIMPLE(name, what libc calls it, its errno, parameters, arguments) */
#define SIMPLE(name, symbol, error, parameters, ...) \
	int name parameters                          \
	{                                            \
		REAL(symbol, int(*) parameters);     \
		FAIL(#name, error);                  \
		return real(__VA_ARGS__);            \
	}
#define SIMPLE_SIZE(name, symbol, error, parameters, ...) \
	ssize_t name parameters                           \
	{                                                 \
		REAL(symbol, ssize_t(*) parameters);      \
		FAIL(#name, error);                       \
		return real(__VA_ARGS__);                 \
	}

pid_t fork(void)
{
	REAL("fork", pid_t(*)(void));
	FAIL("fork", EAGAIN);
	return real();
}

/* clang-format off */
SIMPLE(socket, "socket", EMFILE, (int domain, int type, int protocol), domain, type, protocol)
SIMPLE(socketpair, "socketpair", EMFILE, (int domain, int type, int protocol, int fds[2]), domain, type, protocol, fds)
SIMPLE(bind, "bind", ENOMEM, (int fd, const struct sockaddr *a, socklen_t n), fd, a, n)
SIMPLE(listen, "listen", EADDRINUSE, (int fd, int n), fd, n)
SIMPLE(accept4, "accept4", EMFILE, (int fd, struct sockaddr *a, socklen_t *n, int flags), fd, a, n, flags)
SIMPLE(connect, "connect", ECONNREFUSED, (int fd, const struct sockaddr *a, socklen_t n), fd, a, n)
SIMPLE(setsockopt, "setsockopt", ENOBUFS, (int fd, int level, int name, const void *v, socklen_t n), fd, level, name, v, n)
SIMPLE(pipe, "pipe", EMFILE, (int fds[2]), fds)
SIMPLE(pipe2, "pipe2", EMFILE, (int fds[2], int flags), fds, flags)
SIMPLE(dup, "dup", EMFILE, (int fd), fd)
SIMPLE(eventfd, "eventfd", EMFILE, (unsigned n, int flags), n, flags)
SIMPLE(signalfd, "signalfd", EMFILE, (int fd, const sigset_t *set, int flags), fd, set, flags)
SIMPLE(memfd_create, "memfd_create", EMFILE, (const char *name, unsigned flags), name, flags)
SIMPLE(fsync, "fsync", EIO, (int fd), fd)
SIMPLE(fdatasync, "fdatasync", EIO, (int fd), fd)
SIMPLE(ftruncate, "ftruncate64", ENOSPC, (int fd, off_t size), fd, size)
SIMPLE(fallocate, "fallocate64", ENOSPC, (int fd, int mode, off_t at, off_t n), fd, mode, at, n)
SIMPLE(rename, "rename", EIO, (const char *from, const char *to), from, to)
SIMPLE(renameat, "renameat", EIO, (int d, const char *from, int e, const char *to), d, from, e, to)
SIMPLE(renameat2, "renameat2", EIO, (int d, const char *from, int e, const char *to, unsigned flags), d, from, e, to, flags)
SIMPLE(linkat, "linkat", EIO, (int d, const char *from, int e, const char *to, int flags), d, from, e, to, flags)
SIMPLE(unlink, "unlink", EIO, (const char *path), path)
SIMPLE(unlinkat, "unlinkat", EIO, (int d, const char *path, int flags), d, path, flags)
SIMPLE(mkdir, "mkdir", ENOSPC, (const char *path, mode_t mode), path, mode)
SIMPLE(mkdirat, "mkdirat", ENOSPC, (int d, const char *path, mode_t mode), d, path, mode)
SIMPLE(mount, "mount", ENOMEM, (const char *source, const char *target, const char *type, unsigned long flags, const void *data),
       source, target, type, flags, data)
SIMPLE(umount2, "umount2", EBUSY, (const char *target, int flags), target, flags)
SIMPLE(fstat, "fstat64", EIO, (int fd, struct stat *st), fd, st)
SIMPLE(stat, "stat64", EIO, (const char *path, struct stat *st), path, st)
SIMPLE(lstat, "lstat64", EIO, (const char *path, struct stat *st), path, st)
SIMPLE(fstatat, "fstatat64", EIO, (int d, const char *path, struct stat *st, int flags), d, path, st, flags)
SIMPLE(statx, "statx", EIO, (int d, const char *path, int flags, unsigned mask, struct statx *st), d, path, flags, mask, st)
SIMPLE(statvfs, "statvfs64", EIO, (const char *path, struct statvfs *st), path, st)
SIMPLE(fstatvfs, "fstatvfs64", EIO, (int fd, struct statvfs *st), fd, st)
SIMPLE(statfs, "statfs64", EIO, (const char *path, struct statfs *st), path, st)
SIMPLE(chmod, "chmod", EIO, (const char *path, mode_t mode), path, mode)
SIMPLE(fchmod, "fchmod", EIO, (int fd, mode_t mode), fd, mode)
SIMPLE(fchown, "fchown", EIO, (int fd, uid_t uid, gid_t gid), fd, uid, gid)
SIMPLE(futimens, "futimens", EIO, (int fd, const struct timespec times[2]), fd, times)
SIMPLE(utimensat, "utimensat", EIO, (int d, const char *path, const struct timespec times[2], int flags), d, path, times, flags)
SIMPLE(flock, "flock", ENOLCK, (int fd, int what), fd, what)
SIMPLE(syncfs, "syncfs", EIO, (int fd), fd)
SIMPLE(access, "access", EIO, (const char *path, int mode), path, mode)
SIMPLE(chdir, "chdir", EIO, (const char *path), path)
SIMPLE(unshare, "unshare", ENOMEM, (int flags), flags)
SIMPLE(setns, "setns", ENOMEM, (int fd, int type), fd, type)
SIMPLE(setrlimit, "setrlimit64", EPERM, (__rlimit_resource_t what, const struct rlimit *limit), what, limit)
SIMPLE(name_to_handle_at, "name_to_handle_at", ENOMEM, (int d, const char *path, struct file_handle *h, int *id, int flags), d, path, h, id, flags)
SIMPLE(open_by_handle_at, "open_by_handle_at", ENOMEM, (int d, struct file_handle *h, int flags), d, h, flags)
SIMPLE(execv, "execv", ENOMEM, (const char *path, char *const argv[]), path, argv)
SIMPLE(execvp, "execvp", ENOMEM, (const char *path, char *const argv[]), path, argv)
SIMPLE_SIZE(sendmsg, "sendmsg", ENOBUFS, (int fd, const struct msghdr *m, int flags), fd, m, flags)
SIMPLE_SIZE(recvmsg, "recvmsg", ECONNRESET, (int fd, struct msghdr *m, int flags), fd, m, flags)
SIMPLE_SIZE(readlink, "readlink", EIO, (const char *path, char *buf, size_t n), path, buf, n)
SIMPLE_SIZE(readlinkat, "readlinkat", EIO, (int d, const char *path, char *buf, size_t n), d, path, buf, n)
SIMPLE_SIZE(getdents64, "getdents64", EIO, (int fd, void *buf, size_t n), fd, buf, n)
SIMPLE_SIZE(getxattr, "getxattr", EIO, (const char *path, const char *name, void *v, size_t n), path, name, v, n)
SIMPLE_SIZE(copy_file_range, "copy_file_range", EIO, (int in, off_t *i, int out, off_t *o, size_t n, unsigned flags), in, i, out, o, n, flags)
SIMPLE_SIZE(getrandom, "getrandom", EAGAIN, (void *buf, size_t n, unsigned flags), buf, n, flags)
