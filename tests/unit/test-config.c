/* guardfs.conf: what is understood, what is refused and with which line, and that table, man page and example
 * agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"
#include "config/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOUNT  "[mount]\nname = jobs\nmountpoint = /srv/jobs\nlocal = /srv/local\n" /* 4 lines */
#define BOX    "[backend box]\ntype = sshfs\nhost = box.example\n"		    /* 3 lines */
#define FOLDER "[backend folder]\ntype = dir\npath = /data\n"			    /* 3 lines */
#define UUID   "01234567-89ab-cdef-0123-456789abcdef"
#define HUNDRED                                                                                              \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aa"

static struct config config, again;
static char error[CONFIG_ERROR_MAX];

static void parse(const char *text)
{
	if (config_parse("x.conf", text, strlen(text), &config, error) < 0)
		fail_msg("%s", error);
	assert_string_equal(error, "");
}

/* The message is to begin with where ("x.conf:7: ") and to contain what. */
static void expect_error(const char *text, size_t n, const char *where, const char *what)
{
	assert_int_equal(config_parse("x.conf", text, n, &config, error), -EINVAL);
	if (strncmp(error, where, strlen(where)) != 0 || !strstr(error, what))
		fail_msg("got '%s', expected '%s' and '%s'", error, where, what);
}

static char *print(const struct config *c)
{
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	config_print(c, out);
	fclose(out);
	return text;
}

static void the_least_is_enough(void **state)
{
	(void)state;
	parse(MOUNT);
	assert_string_equal(config.file, "x.conf");
	assert_string_equal(config.name, "jobs");
	assert_string_equal(config.mountpoint, "/srv/jobs");
	assert_string_equal(config.local, "/srv/local");
	assert_string_equal(config.run_dir, "/run/guardfs/jobs");
	assert_string_equal(config.state_dir, "/var/lib/guardfs/jobs");
	assert_false(config.allow_suid || config.allow_dev);
	assert_true(config.passthrough && config.sandbox);
	assert_int_equal(config.local_cache_ms, 1000);
	assert_int_equal(config.guarded_cache_ms, 1000);
	assert_int_equal(config.max_readahead_kib, 1024);
	assert_int_equal(config.error, EIO);
	assert_int_equal(config.deadline.ms[OP_METADATA], 4000);
	assert_int_equal(config.deadline.ms[OP_READ], 10000);
	assert_int_equal(config.deadline.ms[OP_WRITE], 60000);
	assert_int_equal(config.deadline.ms[OP_SYNC], 60000);
	assert_int_equal(config.listing_ms, 600000);
	assert_int_equal(config.backoff_min_ms, 1000);
	assert_int_equal(config.backoff_max_ms, 60000);
	assert_int_equal(config.probe_interval_ms, 5000);
	assert_int_equal(config.probe_timeout_ms, 4000);
	assert_int_equal(config.connect_timeout_ms, 20000);
	assert_int_equal(config.n_backends, 0);
	assert_string_equal(config.manifest, "");
}

static void every_key_is_read(void **state)
{
	const struct config_backend *b;

	(void)state;
	parse(
	    MOUNT
	    "run_dir = /r\nstate_dir = /s\nsuid = yes\ndev = on\npassthrough = 0\nsandbox = no\ncache = 1m\n"
	    "guarded_cache = 250ms\nreadahead = 4096\nerror = ETIMEDOUT\n"
	    "[backend box]\ntype=sshfs\nhost=h.example\nport=23\nuser=u1\npath=some/dir\nidentity=/k/id\n"
	    "known_hosts=/k/hosts\nalias=/srv/box\nexpose=/srv/"
	    "box\nmarker=01234567-89AB-CDEF-0123-456789ABCDEF\n"
	    "adopt=true\nuid=1000\numask=027\ncontain_links=yes\nsshfs_options=a,b=c\nsshfs_command=/opt/"
	    "sshfs\nmax_inflight=7\n"
	    "max_memory=99\ndurability=behind\nbuffer=32\ndrain=2s\ncheckpoint=2G | "
	    "2min\nreplay_check=content\n"
	    "filter=fault\n"
	    "[deadline]\nmetadata=1\nread=2s\nwrite=3min\nsync=1h\nlisting=4min\n"
	    "[tier]\nmanifest=/etc/m\npattern=*/a = box:jobs//x/\npattern = b=c* = box:\n"
	    "[recovery]\nbackoff_min=50ms\nbackoff_max=2m\nprobe_interval=7s\nprobe_timeout=8s\nconnect_"
	    "timeout=9s\n"
	    "[jobs]\npattern = */[0-9]*__*\npattern = imports/*\nstall_sentinel=/s/stall\nstall_cooldown=1m\n"
	    "stall_per_day=7\n[state]\nfiles = a.json  JOB/*.y\nsize = 64\ngenerations = 0\nkeep_size = 9\n");
	b = &config.backends[0];
	assert_string_equal(config.run_dir, "/r");
	assert_string_equal(config.state_dir, "/s");
	assert_string_equal(config.state_files, "a.json  JOB/*.y");
	assert_int_equal(config.state_size_kib, 64);
	assert_int_equal(config.state_generations, 0);
	assert_int_equal(config.state_keep_mib, 9);
	assert_true(config.allow_suid && config.allow_dev && !config.passthrough && !config.sandbox);
	assert_int_equal(config.local_cache_ms, 60000);
	assert_int_equal(config.guarded_cache_ms, 250);
	assert_int_equal(config.max_readahead_kib, 4096);
	assert_int_equal(config.error, ETIMEDOUT);
	assert_string_equal(b->name, "box");
	assert_int_equal(b->type, BACKEND_SSHFS);
	assert_string_equal(b->host, "h.example");
	assert_int_equal(b->port, 23);
	assert_string_equal(b->user, "u1");
	assert_string_equal(b->path, "some/dir");
	assert_string_equal(b->identity, "/k/id");
	assert_string_equal(b->known_hosts, "/k/hosts");
	assert_string_equal(b->alias, "/srv/box");
	assert_string_equal(b->expose, "/srv/box");
	assert_string_equal(b->marker, UUID);
	assert_true(b->adopt && b->present_owner && b->has_uid && b->has_umask && !b->has_gid);
	assert_int_equal(b->uid, 1000);
	assert_int_equal(b->umask, 027);
	assert_string_equal(b->sshfs_options, "a,b=c");
	assert_string_equal(b->sshfs_command, "/opt/sshfs");
	assert_int_equal(b->max_inflight, 7);
	assert_true(b->contain_links);
	assert_int_equal(b->durability, DURABILITY_BEHIND);
	assert_int_equal(b->buffer_mib, 32);
	assert_true(b->drain_ms == 2000 && b->checkpoint.mib == 2048 && b->checkpoint.ms == 120000 &&
		    b->replay_check == REPLAY_CONTENT);
	assert_int_equal(b->filter, FILTER_FAULT);
	assert_string_equal(b->fault_control, "/r/fault.box");
	assert_int_equal(config.deadline.ms[OP_METADATA], 1000);
	assert_int_equal(config.deadline.ms[OP_READ], 2000);
	assert_int_equal(config.deadline.ms[OP_WRITE], 180000);
	assert_int_equal(config.deadline.ms[OP_SYNC], 3600000);
	assert_int_equal(config.listing_ms, 240000);
	assert_int_equal(b->max_memory_mib, 99);
	assert_string_equal(config.manifest, "/etc/m");
	assert_int_equal(config.n_job_patterns, 2);
	assert_string_equal(config.job_patterns[0], "*/[0-9]*__*");
	assert_string_equal(config.job_patterns[1], "imports/*");
	assert_string_equal(config.stall_sentinel, "/s/stall");
	assert_int_equal(config.stall_cooldown_ms, 60000);
	assert_int_equal(config.stall_per_day, 7);
	assert_int_equal(config.n_patterns, 2);
	assert_string_equal(config.patterns[0].pattern, "*/a");
	assert_string_equal(config.patterns[0].target, "jobs/x");
	assert_string_equal(config.patterns[1].pattern, "b=c*");
	assert_string_equal(config.patterns[1].target, "");
	assert_int_equal(config.backoff_min_ms, 50);
	assert_int_equal(config.backoff_max_ms, 120000);
	assert_int_equal(config.probe_interval_ms, 7000);
	assert_int_equal(config.probe_timeout_ms, 8000);
	assert_int_equal(config.connect_timeout_ms, 9000);
}

static void backends_have_defaults(void **state)
{
	(void)state;
	parse(MOUNT BOX FOLDER);
	assert_int_equal(config.n_backends, 2);
	assert_int_equal(config.backends[0].port, 0); /* ssh decides */
	assert_string_equal(config.backends[0].sshfs_command, "sshfs");
	assert_int_equal(config.backends[0].max_inflight, 128);
	assert_false(config.backends[0].present_owner);
	assert_string_equal(config.backends[0].fault_control, "");
	assert_int_equal(config_find_backend(&config, "folder"), 1);
	assert_int_equal(config_find_backend(&config, "none"), -1);
	assert_string_equal(backend_type_name(config.backends[1].type), "dir");
	assert_string_equal(backend_type_name((enum backend_type)99), "invalid");
}

static void layout_is_free(void **state)
{
	(void)state;
	parse("\xef\xbb\xbf# a comment\r\n; another = one " HUNDRED HUNDRED "\n\n  [ mount ]  ; the mount\r\n"
	      "\tname=jobs\r\n    mountpoint   =   //srv//jobs/  ; " HUNDRED HUNDRED "\n"
	      "local : /srv/lo;cal;\n[backend \t box]\ntype=dir\npath=/b\xff\xfe d\nalias =\n");
	assert_string_equal(config.mountpoint, "/srv/jobs");
	assert_string_equal(config.local, "/srv/lo;cal;");
	assert_string_equal(config.backends[0].path, "/b\xff\xfe d");
	assert_string_equal(config.backends[0].alias, "");
}

static void bad_syntax_is_refused(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} cases[] = {
	    {"name = x\n", "x.conf:1: ", "before the first section"},
	    {"[mount\n", "x.conf:1: ", "']'"},
	    {"[]\n", "x.conf:1: ", "unknown section []"},
	    {"[mount] x\n", "x.conf:1: ", "']'"},
	    {"\n[moumt]\n", "x.conf:2: ",
	     "unknown section [moumt]; known: mount, backend NAME, deadline, tier, recovery, hooks, jobs, "
	     "state, journal, metrics"},
	    {"[mount x]\n", "x.conf:1: ", "takes no name"},
	    {"[backend]\n", "x.conf:1: ", "expected [backend NAME]"},
	    {"[backend a b]\n", "x.conf:1: ", "cannot name a backend"},
	    {"[backend ../x]\n", "x.conf:1: ", "cannot name a backend"},
	    {"[backend local]\n", "x.conf:1: ", "taken"},
	    {"[backend abcdefghijabcdefghijabcdefghijab]\n", "x.conf:1: ", "cannot name a backend"},
	    {"[backend a]\n[backend a]\n", "x.conf:2: ", "on line 1"},
	    {"[mount]\nname\n", "x.conf:2: ", "expected [section] or key = value"},
	    {"[mount]\n= x\n", "x.conf:2: ", "unknown key ''"},
	    {"[mount]\nfoo = 1\n",
	     "x.conf:2: ", "unknown key 'foo' in [mount]; known: name, mountpoint, local,"},
	    {"[backend a]\nfoo = 1\n", "x.conf:2: ", "... (guardfs.conf(5))"},
	    {"[tier]\nname = 1\n", "x.conf:2: ", "unknown key 'name' in [tier]; known: manifest, pattern"},
	    {"[mount]\nname = a\nname = a\n", "x.conf:3: ", "'name' was set already, on line 2"},
	    {"[mount]\nname = a\n[deadline]\n[mount]\nname = a\n", "x.conf:5: ", "on line 2"},
	    {"[mount]\nname = a\x1b[2J\n", "x.conf:2: ", "control character 0x1b at column 9"},
	    {"[mount]\nname = a\rb\n", "x.conf:2: ", "control character 0x0d"},
	    {"[mount]\nlocal = /" HUNDRED HUNDRED "\n", "x.conf:2: ", "have 206 bytes, at most 197"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_error(cases[i].text, strlen(cases[i].text), cases[i].where, cases[i].what);
	expect_error("[mount]\nname = a\0b\n", 19, "x.conf:2: ", "control character 0x00 at column 9");
	expect_error("", 0, "x.conf: ", "'name' is missing in [mount]");
}

static void bad_values_are_refused(void **state)
{
	static const struct {
		const char *line, *what;
	} cases[] = {
	    {"[mount]\nsuid = maybe", "yes or no"},
	    {"[state]\nfiles = a/b", "globs of names"},
	    {"[state]\nsize = 0", "from 1 to 16384"},
	    {"[mount]\nname =", "expected letters"},
	    {"[mount]\nname = a/b", "expected letters"},
	    {"[mount]\nname = .a", "expected letters"},
	    {"[mount]\nmountpoint = srv", "absolute path"},
	    {"[mount]\nmountpoint = /", "other than /"},
	    {"[mount]\nmountpoint = //", "other than /"},
	    {"[mount]\nlocal = /a/../b", "without '.' and '..'"},
	    {"[mount]\nlocal = /a/.", "without '.' and '..'"},
	    {"[mount]\nerror = ENOENT", "EIO or ETIMEDOUT"},
	    {"[mount]\ncache = 2h", "from 0s to 1h"},
	    {"[mount]\nguarded_cache = 2s", "from 0s to 1s"},
	    {"[mount]\nreadahead = 1k", "from 0 to 65536"},
	    {"[mount]\nreadahead = 65537", "from 0 to 65536"},
	    {"[backend b]\ntype = nfs", "dir, sshfs, sftp or command"},
	    {"[backend b]\nport = 0", "1 to 65535"},
	    {"[backend b]\nport = 65536", "1 to 65535"},
	    {"[backend b]\nport = 2x", "1 to 65535"},
	    {"[backend b]\nhost = -oProxyCommand=x", "host name"},
	    {"[backend b]\nhost = a@b", "host name"},
	    {"[backend b]\nuser = -x", "user name"},
	    {"[backend b]\nuser = a b", "user name"},
	    {"[backend b]\nsshfs_command = ../x", "program"},
	    {"[backend b]\nmarker = 0123", "UUID"},
	    {"[backend b]\nmarker = 01234567-89ab-cdef-0123-456789abcdeg", "UUID"},
	    {"[backend b]\nuid = 4294967295", "number"},
	    {"[backend b]\nuid = -1", "number"},
	    {"[backend b]\ngid = root", "number"},
	    {"[backend b]\numask = 0888", "octal"},
	    {"[backend b]\numask = 1777", "octal"},
	    {"[backend b]\numask = 00027", "octal"},
	    {"[backend b]\nmax_inflight = 0", "from 1 to 512"},
	    {"[backend b]\nmax_inflight = 513", "from 1 to 512"},
	    {"[backend b]\nfilter = slow", "none or fault"},
	    {"[backend b]\ncheckpoint = 64", "a size from 1M to 64G"},
	    {"[backend b]\nreplay_check = both", "size or content"},
	    {"[backend b]\ncheckpoint = 64M off 32M", "a size from 1M to 64G"},
	    {"[deadline]\nread = 4x", "from 50ms to 1h"},
	    {"[deadline]\nread = -4", "from 50ms to 1h"},
	    {"[deadline]\nread = 1.5s", "from 50ms to 1h"},
	    {"[deadline]\nread = 49ms", "from 50ms to 1h"},
	    {"[deadline]\nread = 99999999999999999999", "from 50ms to 1h"},
	    {"[deadline]\nread = s", "from 50ms to 1h"},
	    {"[recovery]\nbackoff_max = 25h", "from 10ms to 24h"},
	    {"[tier]\npattern =", "GLOB = BACKEND:PREFIX"},
	    {"[tier]\nmanifest = m", "absolute path"},
	    {"[mount]\nlocal =;x", "absolute path"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_error(cases[i].line, strlen(cases[i].line), "x.conf:2: ", cases[i].what);
}

static void what_does_not_fit_together_is_refused(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} cases[] = {
	    {"[mount]\nname=a\n", "x.conf: ", "'mountpoint' is missing"},
	    {"[mount]\nname=a\nmountpoint=/m\n", "x.conf: ", "'local' is missing"},
	    {"[mount]\nname=a\nmountpoint=/m\nlocal=/m\n", "x.conf:4: ", "lies inside the mountpoint"},
	    {"[mount]\nname=a\nmountpoint=/m\nlocal=/m/l\n", "x.conf:4: ", "lies inside the mountpoint"},
	    {"[mount]\nname=a\nmountpoint=/l/m\nlocal=/l\n", "x.conf:3: ", "lies inside local"},
	    {MOUNT "run_dir = /srv/jobs/run\n", "x.conf:5: ", "lies inside the mountpoint"},
	    {MOUNT "state_dir = /srv/jobs\n", "x.conf:5: ", "lies inside the mountpoint"},
	    {MOUNT "[tier]\nmanifest = /srv/jobs/m\n", "x.conf:6: ", "lies inside the mountpoint"},
	    {MOUNT BOX "identity = /srv/jobs/k\n", "x.conf:8: ", "lies inside the mountpoint"},
	    {MOUNT BOX "expose = /srv/jobs/k\n", "x.conf:8: ", "lies inside the mountpoint"},
	    {MOUNT BOX "expose = /srv\n", "x.conf:8: ", "would cover /srv/jobs"},
	    {MOUNT BOX "expose = /srv/local\n", "x.conf:8: ", "would cover /srv/local"},
	    {MOUNT BOX "expose = /run\n", "x.conf:8: ", "would cover /run/guardfs"},
	    {MOUNT BOX "expose = /e\n" FOLDER "expose = /e/f\n", "x.conf:12: ", "backend 'box'"},
	    {MOUNT BOX "alias = /e\n" FOLDER "alias = /e/\n", "x.conf:12: ", "that of backend 'box'"},
	    {MOUNT FOLDER "expose = /data/x\n", "x.conf:8: ", "cover the backend's own directory"},
	    {MOUNT FOLDER "host = x\n", "x.conf:8: ", "'host' means nothing for type = dir"},
	    {MOUNT "[backend b]\npath = /x\n", "x.conf:5: ", "'type' is missing in [backend b]"},
	    {MOUNT "[backend b]\ntype = sftp\n", "x.conf:5: ", "'host' is missing in [backend b]"},
	    {MOUNT "[backend b]\ntype = sftp\nhost = x\nsshfs_command = x\n",
	     "x.conf:8: ", "'sshfs_command' means nothing for type = sftp"},
	    {MOUNT "[backend b]\ntype = sshfs\n", "x.conf:5: ", "'host' is missing in [backend b]"},
	    {MOUNT "[backend b]\ntype = sshfs\nhost =\n", "x.conf:7: ", "'host' is missing in [backend b]"},
	    {MOUNT "[backend b]\ntype = dir\n", "x.conf:5: ", "'path' is missing in [backend b]"},
	    {MOUNT "[backend b]\ntype = dir\npath = data\n", "x.conf:7: ", "absolute path"},
	    {MOUNT "[backend b]\ntype = dir\npath = /srv\n", "x.conf:7: ", "inside one another"},
	    {MOUNT "[backend b]\ntype = dir\npath = /srv/jobs/x\n", "x.conf:7: ", "inside one another"},
	    {MOUNT BOX "max_inflight = 512\n" FOLDER "max_inflight = 257\n", "x.conf:12: ", "add up to 769"},
	    {MOUNT "[recovery]\nbackoff_min = 2m\n", "x.conf:6: ", "longer than backoff_max"},
	    {MOUNT "[tier]\npattern = */a\n", "x.conf:6: ", "no second '='"},
	    {MOUNT "[tier]\npattern = */a = box\n", "x.conf:6: ", "no ':'"},
	    {MOUNT "[tier]\npattern = */a = box:x\n", "x.conf:6: ", "no such backend"},
	    {MOUNT BOX "[tier]\npattern = */a = box:../x\n", "x.conf:9: ", "prefix"},
	    {MOUNT BOX "[tier]\npattern = /a = box:x\n", "x.conf:9: ", "relative to the mount"},
	    {MOUNT BOX "[tier]\npattern = a/ = box:x\n", "x.conf:9: ", "relative to the mount"},
	    {MOUNT "[jobs]\npattern = /a\n", "x.conf:6: ", "relative to the mount"},
	    {MOUNT "[jobs]\npattern = a/../b\n", "x.conf:6: ", "relative to the mount"},
	    {MOUNT "[jobs]\npattern = a/\n", "x.conf:6: ", "relative to the mount"},
	    {MOUNT BOX "[tier]\npattern = = box:x\n", "x.conf:9: ", "relative to the mount"},
	    {MOUNT BOX "[tier]\npattern = .guardfs/x = box:x\n", "x.conf:9: ", "outside .guardfs"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_error(cases[i].text, strlen(cases[i].text), cases[i].where, cases[i].what);
}

static void nested_aliases_and_late_backends_are_fine(void **state)
{
	(void)state;
	parse(MOUNT "[tier]\npattern = a = folder:x\n" BOX "alias = /e\n" FOLDER "alias = /e/f\n");
	assert_int_equal(config.patterns[0].backend, 1);
}

static void counts_are_bounded(void **state)
{
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	for (int i = 0; i <= CONFIG_BACKENDS_MAX; i++)
		fprintf(out, "[backend b%d]\n", i);
	fclose(out);
	expect_error(text, n, "x.conf:17: ", "more than 16 backends");
	free(text);
	out = open_memstream(&text, &n);
	fputs("[tier]\n", out);
	for (int i = 0; i <= CONFIG_PATTERNS_MAX; i++)
		fprintf(out, "pattern = a%d = b:\n", i);
	fclose(out);
	expect_error(text, n, "x.conf:34: ", "more than 32 patterns");
	free(text);
	out = open_memstream(&text, &n);
	fputs("[jobs]\n", out);
	for (int i = 0; i <= CONFIG_JOB_PATTERNS_MAX; i++)
		fprintf(out, "pattern = a%d\n", i);
	fclose(out);
	expect_error(text, n, "x.conf:10: ", "more than 8 patterns of jobs");
	free(text);
}

static void round_trip(void **state)
{
	char *first, *second;

	(void)state;
	parse(MOUNT "cache = 1500ms\n" BOX "checkpoint = 1h 64M\numask = 0\nmarker = " UUID
		    "\nadopt = yes\nfilter = fault\n" FOLDER
		    "[tier]\npattern = */x = folder:y\npattern = *=z = box:\n[deadline]\nread = 1h\n"
		    "[jobs]\npattern = */[0-9]*__*\npattern = imports/*\nstall_per_day = 0\n");
	first = print(&config);
	assert_non_null(strstr(first, "cache = 1500ms\n"));
	assert_non_null(strstr(first, "umask = 0000\n"));
	assert_non_null(strstr(first, "checkpoint = 64M 1h\n"));
	assert_non_null(strstr(first, "pattern = *=z = box:\n"));
	assert_non_null(strstr(first, "fault_control = /run/guardfs/jobs/fault.box\n"));
	assert_null(strstr(first, "\nuid"));
	assert_int_equal(config_parse("x.conf", first, strlen(first), &again, error), 0);
	second = print(&again);
	assert_string_equal(first, second);
	assert_memory_equal(&config, &again, sizeof(config));
	free(first);
	free(second);
}

static void options_override(void **state)
{
	(void)state;
	parse(MOUNT BOX "filter = fault\n");
	assert_int_equal(config_apply_options(&config,
					      "rw,suid,nodev,x-systemd.requires=a.mount,_netdev,,name=other,"
					      "mountpoint=/mnt/a\\,b,cache=2s,error=ETIMEDOUT",
					      error),
			 0);
	assert_string_equal(config.name, "other");
	assert_string_equal(config.mountpoint, "/mnt/a,b");
	assert_string_equal(config.run_dir, "/run/guardfs/other");
	assert_string_equal(config.state_dir, "/var/lib/guardfs/other");
	assert_string_equal(config.backends[0].fault_control, "/run/guardfs/other/fault.box");
	assert_true(config.allow_suid && !config.allow_dev);
	assert_int_equal(config.local_cache_ms, 2000);
	assert_int_equal(config.error, ETIMEDOUT);
	assert_int_equal(config_apply_options(&config, "", error), 0);
	assert_int_equal(config_apply_options(&config, "nosuid,run_dir=/elsewhere", error), 0);
	assert_int_equal(config_apply_options(&config, "name=third", error), 0);
	assert_false(config.allow_suid);
	assert_string_equal(config.run_dir, "/elsewhere");
	assert_false(config.read_only || config.no_exec || config.remount);
	assert_int_equal(config_apply_options(&config, "ro,noexec,dev,nodev,user,x-a=b,remount", error), 0);
	assert_true(config.read_only && config.no_exec && config.remount && !config.allow_dev);
	assert_int_equal(config_apply_options(&config, "rw,exec", error), 0);
	assert_false(config.read_only || config.no_exec);
}

static void bad_options_are_refused(void **state)
{
	static const struct {
		const char *options, *what;
	} cases[] = {
	    {"nosymfollow", "unknown mount option 'nosymfollow'"},
	    {"ro,sync", "mount option 'sync': guardfs does not have it"},
	    {"dirsync", "asks for fsync(2)"},
	    {"noatime,bogus=1", "unknown key 'bogus' in [mount]"},
	    {"type=dir", "unknown key 'type'"},
	    {"cache=x", "cache = x: expected a duration"},
	    {"local=/srv/jobs/x", "lies inside the mountpoint"},
	    {"local=/a\nb", "expected an absolute path"},
	    {"local=/a ;b", "expected an absolute path"},
	    {"local=/a ", "expected an absolute path"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		parse(MOUNT);
		assert_int_equal(config_apply_options(&config, cases[i].options, error), -EINVAL);
		if (strncmp(error, "mount options: ", 15) != 0 || !strstr(error, cases[i].what))
			fail_msg("got '%s', expected '%s'", error, cases[i].what);
	}
}

static char directory[64];

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/test-config.XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char path[128];
	static const char *const names[] = {"open/conf", "open", "conf", "link", "fifo"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		if (remove(path) < 0 && errno != ENOENT)
			return -1;
	}
	return rmdir(directory);
}

static const char *write_conf(const char *name, const char *text, mode_t mode)
{
	static char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static void expect_load(const char *path, errint_t rc, const char *what)
{
	assert_int_equal(config_load(path, &config, error), rc);
	if (!strstr(error, what))
		fail_msg("got '%s', expected '%s'", error, what);
}

static void a_private_file_is_loaded(void **state)
{
	char link[128], cwd[512];
	const char *path = write_conf("conf", MOUNT, 0644);

	(void)state;
	expect_load(path, 0, "");
	assert_string_equal(config.file, path);
	snprintf(link, sizeof(link), "%s/link", directory);
	assert_int_equal(symlink("conf", link), 0);
	expect_load(link, 0, "");
	assert_string_equal(config.file, path);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(directory), 0);
	expect_load("conf", 0, "");
	assert_string_equal(config.file, path);
	assert_int_equal(chdir(cwd), 0);
}

static void errors_of_a_file_name_its_line(void **state)
{
	const char *path = write_conf("conf", "[mount]\nx = 1\n", 0600);

	(void)state;
	expect_load(path, -EINVAL, "/conf:2: unknown key 'x'");
}

static void what_others_can_write_is_refused(void **state)
{
	char open_dir[128];

	(void)state;
	expect_load(write_conf("conf", MOUNT, 0666), -EPERM, "chmod go-w");
	expect_load(write_conf("conf", MOUNT, 0660), -EPERM, "mode 0660");
	snprintf(open_dir, sizeof(open_dir), "%s/open", directory);
	assert_int_equal(mkdir(open_dir, 0755), 0);
	assert_int_equal(chmod(open_dir, 0777), 0);
	expect_load(write_conf("open/conf", MOUNT, 0600), -EPERM, "/open: others can write");
	assert_int_equal(chmod(open_dir, 01777), 0);
	expect_load(write_conf("open/conf", MOUNT, 0600), 0, "");
	if (geteuid() == 0) {
		const char *path = write_conf("open/conf", MOUNT, 0600);

		assert_int_equal(chown(path, 12345, 12345), 0);
		expect_load(path, -EPERM, "chown root");
		/* A home is its user's. */
		assert_int_equal(chmod(open_dir, 0755), 0);
		assert_int_equal(chown(path, 0, 0), 0);
		assert_int_equal(chown(open_dir, 12345, 12345), 0);
		expect_load(path, -EPERM, "/open: belongs to user 12345, who could put another");
	}
}

static void what_is_no_file_is_refused(void **state)
{
	char fifo[128], missing[128];

	(void)state;
	expect_load(directory, -EISDIR, "directory");
	snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	expect_load(fifo, -EINVAL, "fifo");
	snprintf(missing, sizeof(missing), "%s/missing", directory);
	expect_load(missing, -ENOENT, "No such file");
}

static void a_huge_file_is_refused(void **state)
{
	const char *path = write_conf("conf", MOUNT, 0600);

	(void)state;
	assert_int_equal(truncate(path, 2 << 20), 0);
	expect_load(path, -EFBIG, "large");
}

static char *read_text(const char *path)
{
	char *text = calloc(1, 1 << 16);
	FILE *f = fopen(path, "r");

	if (!f || fread(text, 1, (1 << 16) - 1, f) == 0)
		fail_msg("cannot read %s from the top of the source tree", path);
	fclose(f);
	return text;
}

static void the_example_is_right(void **state)
{
	char *text = read_text("docs/guardfs.conf.example");

	(void)state;
	parse(text);
	assert_int_equal(config.n_backends, 1);
	assert_int_equal(config.n_patterns, 1);
	free(text);
}

/* "*name* = ..." within its section, with the default and the bounds that the table has. */
static void find_in_man_page(const char *page, const struct config_key *key)
{
	char needle[128], line[256];
	const char *section, *end, *entry;

	snprintf(needle, sizeof(needle), "\n# [%s", key->section);
	section = strstr(page, needle);
	end = section ? strstr(section + 1, "\n# ") : NULL;
	snprintf(needle, sizeof(needle), "\n*%s* = ", key->name);
	entry = end ? strstr(section, needle) : NULL;
	if (!entry || entry > end)
		fail_msg("guardfs.conf(5) lacks '%s' in [%s]", key->name, key->section);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(entry + 1, "\n"), entry + 1);
	for (char *escape; (escape = strchr(line, '\\'));)
		memmove(escape, escape + 1, strlen(escape));
	snprintf(needle, sizeof(needle), "default: %s", key->fallback ? key->fallback : "");
	if (key->fallback ? !strstr(line, needle) : strstr(line, "default:") != NULL)
		fail_msg("guardfs.conf(5), '%s': the default is %s", key->name,
			 key->fallback ? key->fallback : "none");
	if (key->max > 0) {
		char expected[160];
		const char *from;

		config_value_expected(key, expected, sizeof(expected));
		from = strstr(expected, ", from ");
		assert_non_null(from);
		if (!strstr(line, from + strlen(", from ")))
			fail_msg("guardfs.conf(5), '%s': goes %s", key->name, from + 2);
	}
}

static void the_man_page_has_every_key(void **state)
{
	char *page = read_text("docs/man/guardfs.conf.5.scd");
	size_t entries = 0;

	(void)state;
	for (size_t i = 0; i < config_key_count; i++)
		find_in_man_page(page, &config_keys[i]);
	/* And no others: entries are the lines "*key* = ". */
	for (const char *p = strstr(page, "\n*"); p; p = strstr(p + 1, "\n*")) {
		const char *star = strchr(p + 2, '*');

		entries += star && strncmp(star, "* = ", 4) == 0;
	}
	assert_int_equal(entries, config_key_count);
	free(page);
}

/* What a default says is what an empty file gives; defaults lie within their own bounds. */
static void defaults_parse(void **state)
{
	union {
		struct config c;
		struct config_backend b;
	} *space = calloc(1, sizeof(*space));

	(void)state;
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (key->fallback && !(key->flags & KEY_DERIVED))
			assert_true(config_value_parse(key, key->fallback, config_field(space, key)));
	}
	free(space);
}

int main(void)
{
#define IN_DIRECTORY(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_least_is_enough),
	    cmocka_unit_test(every_key_is_read),
	    cmocka_unit_test(backends_have_defaults),
	    cmocka_unit_test(layout_is_free),
	    cmocka_unit_test(bad_syntax_is_refused),
	    cmocka_unit_test(bad_values_are_refused),
	    cmocka_unit_test(what_does_not_fit_together_is_refused),
	    cmocka_unit_test(nested_aliases_and_late_backends_are_fine),
	    cmocka_unit_test(counts_are_bounded),
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(options_override),
	    cmocka_unit_test(bad_options_are_refused),
	    IN_DIRECTORY(a_private_file_is_loaded),
	    IN_DIRECTORY(errors_of_a_file_name_its_line),
	    IN_DIRECTORY(what_others_can_write_is_refused),
	    IN_DIRECTORY(what_is_no_file_is_refused),
	    IN_DIRECTORY(a_huge_file_is_refused),
	    cmocka_unit_test(the_example_is_right),
	    cmocka_unit_test(the_man_page_has_every_key),
	    cmocka_unit_test(defaults_parse),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
