/* guardctl doctor: manifest, mount table, and what the running guardfs says, each with good and bad inputs.
 */
#include "doctor-util.h"

#include <time.h>

/* ---- tiers ---- */

static void set_routes(const char *a, const char *class, const char *b)
{
	json_t *routes = json_array();

	json_array_append_new(routes, json_pack("{s:s, s:s, s:s, s:s, s:s}", "path", a, "origin", "manifest",
						"class", class, "backend", "box", "target", "x"));
	if (b)
		json_array_append_new(
		    routes, json_pack("{s:s, s:s, s:s}", "path", b, "origin", "manifest", "class", "none"));
	json_array_append_new(
	    routes, json_pack("{s:s, s:s, s:s}", "path", "made/by", "origin", "pattern", "class", "none"));
	set_status(json_pack("{s:o}", "routes", routes));
}

static void manifests(void **state)
{
	(void)state;
	doctor_check_manifest(&d);
	assert_null(found("manifest"));
	strcpy(config.manifest, in_root("/manifest"));
	doctor_check_manifest(&d);
	EXPECT("manifest", "error", "No such file");
	put("/manifest", "/cold/a /srv/jobs/a\n/elsewhere/b /srv/jobs/b\n", 0644);
	doctor_check_manifest(&d);
	EXPECT("manifest", "error", "manifest:2");
	put("/manifest", "/cold/a /srv/jobs/a\n/cold/b /srv/jobs/b\n", 0644);
	doctor_check_manifest(&d);
	EXPECT("manifest", "ok", "2 routes");
	set_routes("a", "none", "b");
	doctor_check_manifest(&d);
	EXPECT("manifest", "ok", "all active");
	set_routes("a", "none", NULL);
	doctor_check_manifest(&d);
	EXPECT("manifest", "warning", "b is in the manifest");
	put("/manifest", "/cold/a /srv/jobs/a\n", 0644);
	set_routes("a", "none", "gone");
	doctor_check_manifest(&d);
	EXPECT("manifest", "warning", "gone is in the active map");
}

static void routes(void **state)
{
	(void)state;
	doctor_check_routes(&d);
	assert_null(found("routes"));
	set_routes("a", "path_missing", NULL);
	doctor_check_routes(&d);
	EXPECT("routes", "warning", "a leads to x on box");
	set_routes("a", "none", NULL);
	doctor_check_routes(&d);
	EXPECT("routes", "ok", "");
}

/* ---- figures ---- */

#define FIGURES "# TYPE a gauge\na 1\nb{mount=\"x\",route=\"with } and blank\"} 2\n"

static void the_textfile(void **state)
{
	(void)state;
	doctor_check_textfile(&d);
	assert_null(found("textfile"));
	strcpy(config.metrics_textfile, "/textfile/guardfs.prom");
	doctor_check_textfile(&d);
	EXPECT("textfile", "ok", "guardfs.prom");
	run_guardian();
	doctor_check_textfile(&d);
	EXPECT("textfile", "warning", "No such file");
	put("/textfile/guardfs.prom", FIGURES, 0644);
	d.now = time(NULL);
	put("/textfile/other.prom", "# a 1\nab 1\na{x=\"y\"} 1\nb 2\n", 0644);
	put("/textfile/not-read.prom.tmp", FIGURES, 0644);
	doctor_check_textfile(&d);
	EXPECT("textfile", "ok", "is written");
	put("/textfile/other.prom", "c 1\n\nb{mount=\"x\",route=\"with } and blank\"} 7", 0644);
	doctor_check_textfile(&d);
	EXPECT("textfile", "error", "/textfile/other.prom has b{mount=\"x\",route=\"with } and blank\"}");
	put("/textfile/other.prom", "a 1 1700000000000\n", 0644);
	doctor_check_textfile(&d);
	EXPECT("textfile", "error", "has a, too");
	put("/textfile/other.prom", "", 0644);
	d.now += 61;
	doctor_check_textfile(&d);
	EXPECT("textfile", "warning", "61 s ago");
	strcpy(config.metrics_textfile, "/textfile/guardfs");
	set_status(NULL);
	doctor_check_textfile(&d);
	EXPECT("textfile", "warning", "*.prom");
}

/* ---- mounts ---- */

#define ROOT_ROW   "1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
#define PLAIN_ROW  "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
#define OUR_ROW	   "2 1 0:50 / /srv/jobs rw,nosuid shared:9 - fuse.guardfs guardfs:test rw\n"
#define SSHFS_ROW  "3 1 0:51 / /srv/box rw - fuse.sshfs u1@box: rw\n"
#define EXPOSE_ROW "3 1 0:50 /.guardfs/backends/box /srv/box rw - fuse.guardfs guardfs:test rw\n"

static void mounted(const char *table)
{
	forget();
	put("/proc/self/mountinfo", table, 0644);
	doctor_check_mounts(&d);
}

static void the_mount_while_it_runs(void **state)
{
	(void)state;
	run_guardian();
	mounted(ROOT_ROW OUR_ROW);
	EXPECT("mount", "ok", "guardfs:test");
	mounted(ROOT_ROW);
	EXPECT("mount", "error", "another mount namespace");
	mounted(ROOT_ROW OUR_ROW "4 2 0:52 / /srv/jobs rw - tmpfs cover rw\n");
	EXPECT("mount", "error", "cover (tmpfs) is mounted over");
	mounted(ROOT_ROW OUR_ROW OUR_ROW);
	EXPECT("mount", "warning", "2 mounts");
}

static void the_mount_while_nothing_runs(void **state)
{
	(void)state;
	mounted(ROOT_ROW OUR_ROW);
	EXPECT("mount", "error", "no guardfs says");
	mounted(ROOT_ROW "4 2 0:52 / /srv/jobs rw - tmpfs cover rw\n");
	EXPECT("mount", "warning", "cover");
	mounted(ROOT_ROW "4 2 0:52 / /srv/jobs rw - fuse.guardfs-closed guardfs-closed:test rw\n");
	EXPECT("mount", "ok", "kept closed");
	mounted(ROOT_ROW);
	assert_null(found("mount"));
}

static void foreign_and_stale_mounts(void **state)
{
	(void)state;
	run_guardian();
	mounted(ROOT_ROW OUR_ROW "5 2 0:51 /jobs/a /srv/jobs/with\\040blank rw - fuse.sshfs u1@box: rw\n");
	EXPECT("foreign-mount", "warning", "/srv/jobs/with blank");
	mounted(ROOT_ROW OUR_ROW "5 1 8:2 / /srv/jobs2 rw - ext4 /dev/sdb rw\n");
	EXPECT("foreign-mount", "ok", "");
	mounted(ROOT_ROW OUR_ROW "5 1 8:2 /gone//deleted /mnt rw - ext4 /dev/sdb rw\n");
	EXPECT("stale-mount", "warning", "/mnt shows a directory");
	mounted(ROOT_ROW OUR_ROW "5 1 0:51 / /run/guardfs/test/mnt/box/3 rw - fuse.sshfs u1@box: rw\n");
	EXPECT("stale-mount", "warning", "/run/guardfs/test/mnt/box/3");
	mounted(ROOT_ROW OUR_ROW);
	assert_null(found("stale-mount"));
}

static void the_place_of_the_raw_mount(void **state)
{
	(void)state;
	run_guardian();
	mounted(ROOT_ROW OUR_ROW);
	assert_null(found("expose:box"));
	strcpy(config.backends[0].expose, "/srv/box");
	mounted(ROOT_ROW OUR_ROW);
	EXPECT("expose:box", "warning", "nothing is mounted");
	mounted(ROOT_ROW OUR_ROW SSHFS_ROW);
	EXPECT("expose:box", "error", "not guarded");
	mounted(ROOT_ROW OUR_ROW EXPOSE_ROW);
	EXPECT("expose:box", "ok", "");
}

static void propagation(void **state)
{
	(void)state;
	run_guardian();
	mounted(ROOT_ROW OUR_ROW);
	EXPECT("propagation", "ok", "/ is shared");
	mounted(PLAIN_ROW OUR_ROW);
	EXPECT("propagation", "note", "not shared");
	put("/run/docker.sock", "", 0644);
	mounted(PLAIN_ROW OUR_ROW);
	assert_non_null(found("containers"));
	EXPECT("propagation", "warning", "docker is here");
	mounted(PLAIN_ROW "7 1 8:3 / /srv rw shared:4 - ext4 /dev/sdc rw\n" OUR_ROW);
	EXPECT("propagation", "ok", "/srv is shared");
}

static void a_mount_table_of_garbage(void **state)
{
	(void)state;
	mounted("\n \nx y\n1 2 3 4 5 6\n1 2 3 4 5 6 - \n" ROOT_ROW "1 2 3 4 \\777 6 - a b c");
	EXPECT("foreign-mount", "ok", "");
	unlink(in_root("/proc/self/mountinfo"));
	doctor_check_mounts(&d);
	EXPECT("mount", "note", "cannot be read");
}

static void the_directory_beneath(void **state)
{
	(void)state;
	doctor_judge_mountpoint(&d, false);
	EXPECT("mountpoint", "note", "cannot be seen");
	strcpy(config.mountpoint, in_root("/mnt"));
	doctor_judge_mountpoint(&d, true);
	EXPECT("mountpoint", "error", "is no directory");
	put("/mnt/left", "x", 0644);
	doctor_judge_mountpoint(&d, true);
	EXPECT("mountpoint", "warning", "not empty");
	unlink(in_root("/mnt/left"));
	doctor_judge_mountpoint(&d, true);
	EXPECT("mountpoint", "note", "can be written to");
}

/* ---- the running one ---- */

static void judge_state(const char *backend_state)
{
	set_status(json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:s}]}", "backends", "name", "box", "state",
			     backend_state, "class", "refused", "summary", "the server refuses connections",
			     "advice", "check the port", "detail", "moving house"));
	doctor_check_backends(&d);
}

static void backends(void **state)
{
	(void)state;
	judge_state("healthy");
	EXPECT("backend:box", "ok", "healthy");
	judge_state("connecting");
	EXPECT("backend:box", "note", "connecting");
	judge_state("held");
	EXPECT("backend:box", "warning", "moving house");
	judge_state("exhausted");
	EXPECT("backend:box", "error", "given up");
	judge_state("degraded");
	EXPECT("backend:box", "warning", "refused");
	judge_state("down");
	EXPECT("backend:box", "error", "refuses connections");
	judge_state("bewildered");
	EXPECT("backend:box", "error", "bewildered");
}

static json_t *running(int64_t age, bool serving, int restarts, int crashes)
{
	return json_pack("{s:I, s:b, s:i, s:i, s:i, s:[{s:I, s:s, s:s}], s:s, s:s, s:s}", "time",
			 (json_int_t)(d.now - age), "serving", serving, "worker_restarts", restarts,
			 "keeper_restarts", 0, "crashes_total", crashes, "crashes", "time",
			 (json_int_t)(d.now - 10 * MINUTE), "cause", "killed by signal 11", "path", "a/b",
			 "version", GUARDFS_VERSION, "name", "test", "mountpoint", "/srv/jobs");
}

static void processes(void **state)
{
	(void)state;
	doctor_check_processes(&d);
	assert_int_equal(json_array_size(d.findings), 0);
	set_status(running(1, true, 0, 0));
	doctor_check_processes(&d);
	assert_null(found("crashes"));
	EXPECT("processes", "ok", "ever started");
	set_status(running(1, true, 2, 0));
	doctor_check_processes(&d);
	EXPECT("processes", "note", "2 times");
	set_status(running(MINUTE, true, 0, 0));
	doctor_check_processes(&d);
	EXPECT("processes", "warning", "60 s old");
	set_status(running(1, false, 0, 0));
	doctor_check_processes(&d);
	EXPECT("processes", "error", "no worker");
	set_status(running(1, true, 1, 1));
	doctor_check_processes(&d);
	EXPECT("crashes", "warning", "10 min ago: killed by signal 11, at a/b");
}

static void journals(void **state)
{
	static const struct {
		const char *said, *severity, *text;
	} cases[] = {{"ok", "ok", "written down"},
		     {"starting", "ok", "written down"},
		     {"ok: a damaged one was set aside", "warning", "set aside"},
		     {"full: No space left on device", "warning", "full"},
		     {"off", "warning", "off"},
		     {"", "warning", "does not mention it"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_status(json_pack("{s:s}", "journal", cases[i].said));
		doctor_check_journal(&d);
		EXPECT("journal", cases[i].severity, cases[i].text);
	}
}

static void instances(void **state)
{
	(void)state;
	doctor_check_instance(&d);
	EXPECT("instance", "warning", "it does not run");
	put("/run/guardfs/a/status.json", "{\"processes\": {\"guardian\": 1}}", 0644);
	put("/run/guardfs/b/status.json", "{\"processes\": {\"guardian\": 1}}", 0644);
	put("/run/guardfs/stopped/log", "", 0644);
	set_status(running(1, true, 0, 0));
	doctor_check_instance(&d);
	assert_null(found("version"));
	assert_string_equal(ctl_text(found("instance"), "severity"), "ok");
	EXPECT("instances", "note", "2 of them run");
	set_status(json_pack("{s:s}", "version", "0.0.1"));
	doctor_check_instance(&d);
	EXPECT("version", "warning", "0.0.1");
}

/* ---- the whole ---- */

static void the_worst_counts(void **state)
{
	(void)state;
	assert_int_equal(doctor_worst(&d), DOCTOR_OK);
	doctor_find(&d, DOCTOR_NOTE, "a", "", "%s", "x");
	assert_int_equal(doctor_worst(&d), DOCTOR_NOTE);
	doctor_find(&d, DOCTOR_ERROR, "b", "mend it", "not UTF-8: \xff");
	doctor_find(&d, DOCTOR_WARNING, "c", "look", "%d", 1);
	assert_int_equal(doctor_worst(&d), DOCTOR_ERROR);
	assert_int_equal(json_array_size(d.findings), 3);
	assert_string_equal(ctl_text(found("b"), "found"), "not UTF-8: \xef\xbf\xbd");
	assert_string_equal(doctor_severity_name(DOCTOR_WARNING), "warning");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(manifests),
	    TEST(routes),
	    TEST(the_textfile),
	    TEST(the_mount_while_it_runs),
	    TEST(the_mount_while_nothing_runs),
	    TEST(foreign_and_stale_mounts),
	    TEST(the_place_of_the_raw_mount),
	    TEST(propagation),
	    TEST(a_mount_table_of_garbage),
	    TEST(the_directory_beneath),
	    TEST(backends),
	    TEST(processes),
	    TEST(journals),
	    TEST(instances),
	    TEST(the_worst_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
