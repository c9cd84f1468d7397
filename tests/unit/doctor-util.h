/* doctor-util.h: a machine made up below a directory, for the tests of guardctl doctor. */
#ifndef TESTS_UNIT_DOCTOR_UTIL_H
#define TESTS_UNIT_DOCTOR_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/doctor/doctor.h"
#include "base/fd.h"
#include "remove-tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MINUTE 60

static char root[64];
static struct config config;
static struct doctor d;

/* ---- a machine made up ---- */

static const char *in_root(const char *path)
{
	static char full[2][1024];
	static unsigned turn;

	turn ^= 1;
	snprintf(full[turn], sizeof(full[turn]), "%s%s", root, path);
	return full[turn];
}

static void put(const char *path, const char *text, mode_t mode)
{
	char parent[1024];

	strcpy(parent, in_root(path));
	*strrchr(parent, '/') = '\0';
	assert_int_equal(fd_mkdir_parents(parent, 0755), 0);
	assert_int_equal(fd_write_atomic(in_root(path), text, strlen(text), mode, false), 0);
	assert_int_equal(chmod(in_root(path), mode), 0);
}

static void forget(void)
{
	json_array_clear(d.findings);
}

static void set_status(json_t *status)
{
	json_decref((json_t *)(uintptr_t)d.status);
	d.status = status;
}

static int begin(void **state)
{
	(void)state;
	strcpy(root, "/tmp/test-doctor.XXXXXX");
	assert_non_null(mkdtemp(root));
	memset(&config, 0, sizeof(config));
	strcpy(config.file, "/etc/guardfs/test.conf");
	strcpy(config.mountpoint, "/srv/jobs");
	strcpy(config.run_dir, "/run/guardfs/test");
	config.passthrough = true;
	config.n_backends = 1;
	strcpy(config.backends[0].name, "box");
	config.backends[0].type = BACKEND_SSHFS;
	strcpy(config.backends[0].host, "box.example");
	config.backends[0].port = 23;
	strcpy(config.backends[0].alias, "/cold");
	d = (struct doctor){.root = root,
			    .run_root = "/run/guardfs",
			    .config = &config,
			    .config_message = "",
			    .status_message = "it does not run",
			    .uid = geteuid(),
			    .now = 1780000000,
			    .findings = json_array()};
	return 0;
}

static int end(void **state)
{
	(void)state;
	set_status(NULL);
	json_decref(d.findings);
	return remove_tree(root);
}

/* ---- what was found ---- */

static const json_t *found(const char *id)
{
	const json_t *finding, *last = NULL;
	size_t i;

	json_array_foreach(d.findings, i, finding)
	{
		if (strcmp(ctl_text(finding, "id"), id) == 0)
			last = finding;
	}
	return last;
}

/* That the last finding of that id has this severity and mentions text; then all are forgotten. */
static void expect_at(int line, const char *id, const char *severity, const char *text)
{
	const json_t *finding = found(id);

	if (!finding || strcmp(ctl_text(finding, "severity"), severity) != 0 ||
	    !strstr(ctl_text(finding, "found"), text)) {
		print_error("line %d: %s: wanted %s \"%s\", got %s \"%s\"\n", line, id, severity, text,
			    ctl_text(finding, "severity"), ctl_text(finding, "found"));
		fail();
	}
	/* What is wrong has a remedy. */
	if (strcmp(severity, "warning") == 0 || strcmp(severity, "error") == 0)
		assert_true(ctl_text(finding, "remedy")[0] != '\0');
	forget();
}
#define EXPECT(id, severity, text) expect_at(__LINE__, id, severity, text)

/* A guardian whose /proc directory belongs to us. */
static void run_guardian(void)
{
	put("/proc/4711/limits",
	    "Limit                     Soft Limit           Hard Limit           Units\n"
	    "Max processes             100                  100                  processes\n"
	    "Max open files            1024                 524288               files\n",
	    0644);
	set_status(json_pack("{s:{s:i}}", "processes", "guardian", 4711));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
