/* Diagnoses of servers that let us in: no channel, no SFTP, nonsense instead of it, paths, full and read-only
 * disks; of directories; and of the diagnosis itself, crashing or without time. As root. */
#include "diagnose-util.h"

/* ---- SFTP ---- */

static void no_further_session(void **state)
{
	(void)state;
	serve_sftp("MaxSessions 0");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_TOO_MANY_CONNECTIONS, DIAGNOSE_SFTP, "no further channel");
}

static void no_sftp(void **state)
{
	(void)state;
	serve("", "");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SFTP_REFUSED, DIAGNOSE_SFTP, "refuses SFTP");
}

static void a_shell_that_greets(void **state)
{
	(void)state;
	serve("", "Subsystem sftp /bin/echo Welcome to the server");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SFTP_REFUSED, DIAGNOSE_SFTP, "'Welcome to the server'");
}

static void a_shell_that_speaks_without_end(void **state)
{
	(void)state;
	serve("", "Subsystem sftp /usr/bin/yes");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SFTP_REFUSED, DIAGNOSE_SFTP, "not SFTP");
}

/* A packet of a length that is allowed, and of which the end never comes. It comes after the question (9
 * bytes): what comes before it is no answer. */
static void half_an_answer(void **state)
{
	char subsystem[128];

	(void)state;
	write_text("half", "head -c 9 >/dev/null; printf '\\000\\000\\000\\020\\002'\n"
			   "exec sleep 60\n"); /* sleep-ok: hangs on purpose */
	snprintf(subsystem, sizeof(subsystem), "Subsystem sftp /bin/sh %s/half", stage.dir);
	serve("", subsystem);
	ask(SHORT_MS + 500, false);
	assert_failed(ERRCLASS_TIMEOUT, DIAGNOSE_SFTP, "waiting for its version");
}

static void an_sftp_server_that_ends(void **state)
{
	(void)state;
	serve("", "Subsystem sftp /bin/true");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SFTP_REFUSED, DIAGNOSE_SFTP, "ended its SFTP service");
}

static void a_server_stopped_midway(void **state)
{
	(void)state;
	serve("", "Subsystem sftp kill -STOP $PPID");
	ask(SHORT_MS + 500, false);
	assert_failed(ERRCLASS_TIMEOUT, DIAGNOSE_SFTP, "no answer");
}

static void a_server_killed_midway(void **state)
{
	(void)state;
	serve("", "Subsystem sftp kill -KILL $PPID");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_SERVER_GONE, DIAGNOSE_SFTP, "");
}

/* ---- storage ---- */

static void a_path_that_is_missing(void **state)
{
	(void)state;
	strcpy(backend.path, "no/such/place");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_PATH_MISSING, DIAGNOSE_PATH, "no/such/place");
}

static void a_path_that_is_a_file(void **state)
{
	(void)state;
	set_path(backend.path, "host_key.pub");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_PATH_MISSING, DIAGNOSE_PATH, "not a directory");
}

/* Of 64 KiB and that many files: whatever a test does, it cannot take the machine's memory. */
static void mount_small(const char *name, unsigned files)
{
	char path[128], options[64];

	stage_path(path, sizeof(path), name);
	mkdir(path, 0755);
	snprintf(options, sizeof(options), "size=64k,nr_inodes=%u", files);
	assert_int_equal(mount("none", path, "tmpfs", 0, options), 0);
	set_path(backend.path, name);
}

/* Makes a file of at most 1 MiB: fails if there is still room then. */
static void fill_up(const char *name)
{
	char path[160], block[4096] = "";
	unsigned blocks = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s/filler", stage.dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (blocks < 256 && write(fd, block, sizeof(block)) > 0)
		blocks++;
	close(fd);
	assert_in_range(blocks, 1, 255);
}

/* The root directory of a file system for two files is one of them. */
static void use_up_files(const char *name)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/only", stage.dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void a_full_disk(void **state)
{
	(void)state;
	mount_small("full", 100);
	fill_up("full");
	serve_sftp("");
	ask(LIMIT_MS, false);
	assert_failed(ERRCLASS_FULL, DIAGNOSE_SPACE, "no block");
}

static void a_disk_without_inodes(void **state)
{
	(void)state;
	mount_small("files", 2);
	use_up_files("files");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_FULL, DIAGNOSE_SPACE, "inode");
}

/* As with a quota: the figures tell nothing, the canary does. */
static void a_full_disk_that_only_the_canary_finds(void **state)
{
	(void)state;
	mount_small("full2", 100);
	fill_up("full2");
	serve("", "Subsystem sftp internal-sftp -P statvfs");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_FULL, DIAGNOSE_WRITE, "took no data");
	assert_no_canary("full2");
}

static void no_further_file(void **state)
{
	(void)state;
	mount_small("files2", 2);
	use_up_files("files2");
	serve("", "Subsystem sftp internal-sftp -P statvfs");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_FULL, DIAGNOSE_WRITE, "would not make a file");
}

static void mount_read_only(const char *name)
{
	char path[128];

	mount_small(name, 100);
	stage_path(path, sizeof(path), name);
	assert_int_equal(mount(path, path, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
}

static void a_read_only_disk(void **state)
{
	(void)state;
	mount_read_only("ro");
	serve_sftp("");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_READ_ONLY, DIAGNOSE_SPACE, "read-only");
}

static void a_read_only_disk_that_only_the_canary_finds(void **state)
{
	(void)state;
	mount_read_only("ro2");
	serve("", "Subsystem sftp internal-sftp -P statvfs");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_READ_ONLY, DIAGNOSE_WRITE, "none removed");
}

static void a_read_only_account(void **state)
{
	(void)state;
	serve("", "Subsystem sftp internal-sftp -R");
	set_path(backend.path, "data");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_READ_ONLY, DIAGNOSE_WRITE, "not permitted");
}

/* ---- directories ---- */

static void directories(void **state)
{
	(void)state;
	backend.type = BACKEND_DIR;
	set_path(backend.path, "data");
	ask(LIMIT_MS, true);
	assert_healthy();
	assert_int_equal(diagnosis.outcome[DIAGNOSE_CONNECT], DIAGNOSE_NOT_REACHED);
	assert_int_equal(diagnosis.outcome[DIAGNOSE_WRITE], DIAGNOSE_PASSED);
	assert_no_canary("data");
	set_path(backend.path, "absent");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_PATH_MISSING, DIAGNOSE_PATH, "No such file");
	set_path(backend.path, "host_key.pub");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_PATH_MISSING, DIAGNOSE_PATH, "not a directory");
	mount_small("dirfull", 100);
	fill_up("dirfull");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_FULL, DIAGNOSE_SPACE, "no block");
	mount_read_only("dirro");
	ask(LIMIT_MS, true);
	assert_failed(ERRCLASS_READ_ONLY, DIAGNOSE_SPACE, "read-only");
}

/* A FUSE mount whose server never says a word: whoever looks at it hangs. */
static void a_directory_that_hangs(void **state)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char path[128], options[64];

	(void)state;
	if (fuse < 0)
		skip();
	stage_path(path, sizeof(path), "hung");
	mkdir(path, 0755);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	assert_int_equal(mount("hung", path, "fuse.test", 0, options), 0);
	backend.type = BACKEND_DIR;
	set_path(backend.path, "hung");
	ask(SHORT_MS, true);
	umount2(path, MNT_DETACH);
	close(fuse);
	assert_failed(ERRCLASS_TIMEOUT, DIAGNOSE_PATH, "no answer within 700 ms");
}

/* ---- the diagnosis itself ---- */

/* A signal handler of this process stands in the process of that pid: the child of a fork has not put it off yet. */
static bool catches(pid_t pid, int sig)
{
	char path[64], text[4096];
	unsigned long long caught;
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (fd_read_file(path, text, sizeof(text)) <= 0)
		return false;
	line = strstr(text, "\nSigCgt:");
	return line && sscanf(line, "\nSigCgt: %llx", &caught) == 1 && caught >> (sig - 1) & 1;
}

/* Kills the next child of its parent that is neither it nor the server. Not as long as cmocka's handler would catch the signal: that
 * would go on with the tests, in the child. */
static pid_t start_killer(void)
{
	pid_t parent = getpid(), pid = fork();
	char path[64], text[256];

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	for (;;) {
		int used;
		pid_t child;

		pause_briefly();
		if (fd_read_file(path, text, sizeof(text)) <= 0)
			continue;
		for (char *p = text; sscanf(p, "%d%n", &child, &used) == 1; p += used)
			if (child != getpid() && child != false_server) {
				while (catches(child, SIGSEGV))
					pause_briefly();
				kill(child, SIGSEGV);
				_exit(0);
			}
	}
}

static void a_diagnosis_that_crashes(void **state)
{
	pid_t killer;

	(void)state;
	serve_falsehood(&(struct falsehood){.first = "", .stay = true});
	killer = start_killer();
	ask(LIMIT_MS, false);
	waitpid(killer, NULL, 0);
	assert_int_equal(diagnosis.class, ERRCLASS_IO_ERROR);
	assert_non_null(strstr(diagnosis.detail, "died of signal 11"));
}

static void hardly_any_time(void **state)
{
	(void)state;
	serve_sftp("");
	for (uint32_t ms = 0; ms < 30; ms++)
		ask(ms, true);
	assert_no_canary("data");
}

static int all_tests(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(no_further_session),
	    CASE(no_sftp),
	    CASE(a_shell_that_greets),
	    CASE(a_shell_that_speaks_without_end),
	    CASE(half_an_answer),
	    CASE(an_sftp_server_that_ends),
	    CASE(a_server_stopped_midway),
	    CASE(a_server_killed_midway),
	    CASE(a_path_that_is_missing),
	    CASE(a_path_that_is_a_file),
	    CASE(a_full_disk),
	    CASE(a_disk_without_inodes),
	    CASE(a_full_disk_that_only_the_canary_finds),
	    CASE(no_further_file),
	    CASE(a_read_only_disk),
	    CASE(a_read_only_disk_that_only_the_canary_finds),
	    CASE(a_read_only_account),
	    CASE(directories),
	    CASE(a_directory_that_hangs),
	    CASE(a_diagnosis_that_crashes),
	    CASE(hardly_any_time),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}

int main(void)
{
	return run_caged(all_tests);
}
