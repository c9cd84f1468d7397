/* oracle-rights: the part of the oracle about what changes when somebody else than the owner acts, and about
 * objects without a name. See oracle.h. */
#include <grp.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <time.h>
#include "tests/tools/oracle.h"

#define ALICE 61001
#define BOB   61002
#define TEAM  61010

static void become(uid_t uid)
{
	if (setresuid(0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresgid(uid, uid, 0) < 0 ||
	    setresuid(uid, uid, 0) < 0)
		say(-1, "become %u", uid);
}

/* Opens the file, does one thing to it, closes it. */
#define WITH_FILE(flags, call)                  \
	do {                                    \
		int fd = open("file", (flags)); \
		say((long)(call), "%s", #call); \
		close_quietly(fd);              \
	} while (0)

/* -- ways to change a file, each of which takes set-id bits away from whoever is not root */

static void by_write(void)
{
	WITH_FILE(O_WRONLY, write(fd, "x", 1));
}

static void by_append(void)
{
	WITH_FILE(O_WRONLY | O_APPEND, write(fd, "x", 1));
}

static void by_truncate(void)
{
	CALL(truncate("file", 3));
}

static void by_ftruncate(void)
{
	WITH_FILE(O_RDWR, ftruncate(fd, 3));
}

static void by_open(void)
{
	WITH_FILE(O_WRONLY | O_TRUNC, fd < 0 ? -1 : 0);
}

static void by_fallocate(void)
{
	WITH_FILE(O_RDWR, fallocate(fd, 0, 0, 10000));
}

static void by_punching(void)
{
	WITH_FILE(O_RDWR, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4));
}

static void by_copying(void)
{
	int from = open("source", O_RDONLY | O_CLOEXEC);

	WITH_FILE(O_WRONLY, copy_file_range(from, NULL, fd, NULL, 5, 0));
	close_quietly(from);
}

static void by_mapping(void)
{
	int fd = open("file", O_RDWR | O_CLOEXEC);
	char *p = fd < 0 ? MAP_FAILED : mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED) {
		p[0] = 'M';
		munmap(p, 5);
	}
	close_quietly(fd);
}

static void by_chown(void)
{
	CALL(chown("file", (uid_t)-1, (gid_t)-1));
}

static void by_opening_only(void)
{
	WITH_FILE(O_RDWR, fd < 0 ? -1 : 0);
}

/* Where the file is writable, chown by a stranger cannot be told from the write that would take the bits
 * away.
 */
static bool is_told_apart(void (*way)(void), uid_t user, mode_t mode)
{
	return way != by_chown || user != BOB || !(mode & 022);
}

/* A set-group-id bit without group execution is left out: whether it stays depends on the groups of who
 * writes, which a FUSE request does not carry. */
static void do_set_id(void)
{
	static void (*const ways[])(void) = {by_write,	 by_append,    by_truncate,    by_ftruncate,
					     by_open,	 by_fallocate, by_punching,    by_copying,
					     by_mapping, by_chown,     by_opening_only};
	static const mode_t modes[] = {04777, 02777, 06777, 06755, 04700, 02676, 04666};
	static const uid_t users[] = {0, ALICE, BOB};

	make_file("source", 10);
	for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
		for (size_t u = 0; u < ARRAY_SIZE(users); u++) {
			for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
				if (!is_told_apart(ways[w], users[u], modes[m]))
					continue;
				make_file("file", 10);
				if (chown("file", ALICE, TEAM) < 0 || chmod("file", modes[m]) < 0)
					say(-1, "prepare");
				become(users[u]);
				ways[w]();
				become(0);
				attributes("file");
				unlink("file");
			}
		}
	}
}

/* chown that changes nothing still is a change. */
static void do_ctime(void)
{
	static const struct timespec tick = {.tv_nsec = 20 * 1000 * 1000};
	struct stat before, after;

	make_file("file", 1);
	stat("file", &before);
	nanosleep(&tick, NULL); /* sleep-ok: the clock of the file system must tick */
	CALL(chown("file", (uid_t)-1, (gid_t)-1));
	stat("file", &after);
	say(after.st_ctim.tv_sec > before.st_ctim.tv_sec || after.st_ctim.tv_nsec > before.st_ctim.tv_nsec,
	    "ctime has moved");
}

static void say_names(const char *path)
{
	char list[1000];
	ssize_t n = listxattr(path, list, sizeof(list));

	say(n, "listxattr %s", path);
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(list + at) + 1)
		printf("%s: attribute %s\n", area, list + at);
	say(listxattr(path, NULL, 0), "length of the list");
}

static void do_trusted(void)
{
	make_file("file", 1);
	CALL(setxattr("file", "trusted.secret", "x", 1, 0));
	say_names("file");
	become(ALICE);
	say_names("file");
	become(0);
	CALL(setxattr("file", "user.plain", "x", 1, 0));
	become(ALICE);
	say_names("file");
	CALL(getxattr("file", "trusted.secret", NULL, 0));
	CALL(setxattr("file", "user.mine", "x", 1, 0));
	become(0);
}

/* What has lost its last name is still there for whoever holds it, also without an open file. */
static void do_nameless(void)
{
	struct stat st;
	int held, file;

	make_file("replaced", 5);
	make_file("new", 6);
	held = CALL_FD(open("replaced", O_PATH | O_CLOEXEC));
	CALL(rename("new", "replaced"));
	say(fstat(held, &st), "a replaced file");
	say_stat("replaced", &st);
	close_quietly(held);

	held = CALL_FD(open("replaced", O_PATH | O_CLOEXEC));
	CALL(unlink("replaced"));
	say(fstat(held, &st), "an unlinked file");
	say_stat("unlinked", &st);
	close_quietly(held);

	make_file("linked", 5);
	CALL(link("linked", "other"));
	held = CALL_FD(open("linked", O_PATH | O_CLOEXEC));
	file = CALL_FD(open("linked", O_RDONLY | O_CLOEXEC));
	CALL(unlink("linked"));
	attributes("other");
	fstat(file, &st);
	say_stat("by descriptor", &st);
	CALL(unlink("other"));
	fstat(file, &st);
	say_stat("by descriptor", &st);
	fstat(held, &st);
	say_stat("by descriptor", &st);
	close_quietly(held);
	close_quietly(file);

	CALL(mkdir("gone", 0755));
	if (chdir("gone") < 0)
		return;
	CALL(rmdir("../gone"));
	attributes(".");
	listing(".");
	CALL(chmod(".", 0711));
	attributes(".");
	CALL(mkdir("sub", 0755));
	if (chdir("..") < 0)
		say(-1, "back");
	CALL(access("nameless", F_OK));
}

int main(int argc, char **argv)
{
	static const struct oracle_area areas[] = {
	    {"set-id", do_set_id, true},
	    {"ctime", do_ctime, false},
	    {"trusted", do_trusted, true},
	    {"nameless", do_nameless, false},
	};

	return oracle_main(argc, argv, areas, ARRAY_SIZE(areas));
}
