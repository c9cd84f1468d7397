/* guardctl doctor: the checks of the machine and of files, each with good and bad inputs. */
#include "doctor-util.h"
#include "ctl/capture.h"
#include "sshfs-compat/drop-in.h"

/* ---- kernel ---- */

static void kernels(void **state)
{
	(void)state;
	doctor_judge_kernel(&d, "4.19.0-26-amd64");
	EXPECT("kernel", "error", "too old");
	doctor_judge_kernel(&d, "6.1.0-18-amd64");
	EXPECT("kernel", "note", "no FUSE passthrough");
	doctor_judge_kernel(&d, "6.9.0");
	EXPECT("kernel", "ok", "passthrough");
	doctor_judge_kernel(&d, "10.1");
	EXPECT("kernel", "ok", "passthrough");
	doctor_judge_kernel(&d, "plan9");
	EXPECT("kernel", "note", "unknown");
	doctor_check_calls(&d);
	EXPECT("system-calls", "ok", "memfd_create");
}

static void fuse_device_and_control(void **state)
{
	(void)state;
	doctor_check_fuse(&d);
	EXPECT("dev-fuse", "error", "No such file");
	put("/dev/fuse", "", 0644);
	doctor_check_fuse(&d);
	EXPECT("dev-fuse", "error", "no character device");
	unlink(in_root("/dev/fuse"));
	assert_int_equal(symlink("/dev/null", in_root("/dev/fuse")), 0);
	doctor_check_fuse(&d);
	EXPECT("dev-fuse", "ok", "");

	doctor_check_fuse(&d);
	EXPECT("fusectl", "note", "not mounted");
	config.backends[0].type = BACKEND_DIR;
	doctor_check_fuse(&d);
	EXPECT("fusectl", "warning", "not mounted");
	put("/proc/self/mountinfo", "36 29 0:32 / /sys/fs/fuse/connections rw - fusectl fusectl rw\n", 0644);
	doctor_check_fuse(&d);
	EXPECT("fusectl", "ok", "");
}

static void fuse_conf_is_for_users(void **state)
{
	(void)state;
	doctor_check_fuse_conf(&d);
	EXPECT("fuse-conf", "ok", "not needed");
	run_guardian();
	if (geteuid() == 0)
		assert_int_equal(chown(in_root("/proc/4711"), 65534, 65534), 0);
	doctor_check_fuse_conf(&d);
	EXPECT("fuse-conf", "error", "does not run as root");
	put("/etc/fuse.conf", "# user_allow_other\nuser_allow_others\nmount_max = 10\n", 0644);
	doctor_check_fuse_conf(&d);
	EXPECT("fuse-conf", "error", "does not run as root");
	put("/etc/fuse.conf", "mount_max = 10\n  user_allow_other \n", 0644);
	doctor_check_fuse_conf(&d);
	EXPECT("fuse-conf", "ok", "is set");
}

static void limits(void **state)
{
	(void)state;
	doctor_check_files(&d);
	EXPECT("files", "note", "cannot be read");
	put("/proc/sys/fs/file-nr", "81000\t0\t100000\n", 0644);
	doctor_check_files(&d);
	EXPECT("files", "warning", "81000 of 100000");
	put("/proc/sys/fs/file-nr", "1000\t0\t100000\n", 0644);
	doctor_check_files(&d);
	EXPECT("files", "ok", "1000 of 100000");

	doctor_check_open_files(&d);
	assert_null(found("open-files"));
	run_guardian();
	doctor_check_open_files(&d);
	EXPECT("open-files", "warning", "1024");
	put("/proc/4711/limits",
	    "Max open files            65536                524288               files\n", 0644);
	doctor_check_open_files(&d);
	EXPECT("open-files", "ok", "65536");
	put("/proc/4711/limits",
	    "Max open files            unlimited            unlimited            files\n", 0644);
	doctor_check_open_files(&d);
	EXPECT("open-files", "ok", "");
	put("/proc/4711/limits", "nothing of the kind\n", 0644);
	doctor_check_open_files(&d);
	EXPECT("open-files", "note", "cannot be read");
}

static void mounts_and_namespaces(void **state)
{
	(void)state;
	put("/proc/self/mountinfo", "a\nb\nc\nd\ne\nf\ng\nh\ni\n", 0644);
	put("/proc/sys/fs/mount-max", "10\n", 0644);
	put("/proc/sys/user/max_mnt_namespaces", "0\n", 0644);
	doctor_check_namespaces(&d);
	assert_string_equal(ctl_text(found("namespaces"), "severity"), "error");
	EXPECT("mount-max", "warning", "9 of 10");
	put("/proc/sys/fs/mount-max", "100000\n", 0644);
	put("/proc/sys/user/max_mnt_namespaces", "500\n", 0644);
	doctor_check_namespaces(&d);
	assert_string_equal(ctl_text(found("namespaces"), "severity"), "ok");
	EXPECT("mount-max", "ok", "9 of 100000");
}

/* Without them no program of a backend's own can be fenced, nor started. */
static void uts_namespaces(void **state)
{
	(void)state;
	put("/proc/sys/user/max_uts_namespaces", "0\n", 0644);
	config.n_backends = 1;
	config.backends[0].type = BACKEND_SSHFS;
	doctor_check_namespaces(&d);
	EXPECT("uts-namespaces", "note", "user.max_uts_namespaces = 0");
	config.backends[0].type = BACKEND_COMMAND;
	doctor_check_namespaces(&d);
	EXPECT("uts-namespaces", "error", "user.max_uts_namespaces = 0");
	put("/proc/sys/user/max_uts_namespaces", "500\n", 0644);
	doctor_check_namespaces(&d);
	EXPECT("uts-namespaces", "error", "the kernel has no UTS namespaces");
	put("/proc/self/ns/uts", "", 0644);
	doctor_check_namespaces(&d);
	assert_string_equal(ctl_text(found("uts-namespaces"), "severity"), "ok");
}

/* ---- files ---- */

static void configurations(void **state)
{
	(void)state;
	doctor_check_config(&d);
	EXPECT("configuration", "ok", "/etc/guardfs/test.conf");
	d.config = NULL;
	doctor_check_config(&d);
	EXPECT("configuration", "note", "no configuration file is known");
	d.config_message = "/etc/x:3: unknown key";
	doctor_check_config(&d);
	EXPECT("configuration", "error", "/etc/x:3: unknown key");
	d.uid = 1000;
	d.config_message = "/etc/x: Permission denied";
	doctor_check_config(&d);
	EXPECT("configuration", "note", "not checked");
}

static void keys(void **state)
{
	struct config_backend *b = &config.backends[0];

	(void)state;
	doctor_check_identities(&d);
	EXPECT("identity:box", "warning", "no private key is named");
	strcpy(b->identity, in_root("/key"));
	doctor_check_identities(&d);
	EXPECT("identity:box", "error", "No such file");
	put("/key", "secret", 0644);
	doctor_check_identities(&d);
	EXPECT("identity:box", "error", "mode 0644");
	put("/key", "secret", 0600);
	doctor_check_identities(&d);
	EXPECT("identity:box", geteuid() == 0 ? "ok" : "warning", "/key");
	if (geteuid() == 0) {
		assert_int_equal(chown(in_root("/key"), 1234, 1234), 0);
		doctor_check_identities(&d);
		EXPECT("identity:box", "warning", "user 1234");
	}
	strcpy(b->identity, root);
	chmod(root, 0700);
	doctor_check_identities(&d);
	EXPECT("identity:box", "error", "is no file");
	b->type = BACKEND_DIR;
	doctor_check_identities(&d);
	assert_null(found("identity:box"));
}

static void passwords(void **state)
{
	struct config_backend *b = &config.backends[0];

	(void)state;
	doctor_check_passwords(&d);
	assert_null(found("password:box"));
	strcpy(b->password_file, in_root("/password"));
	doctor_check_identities(&d);
	EXPECT("identity:box", "ok", "/password is used");
	doctor_check_passwords(&d);
	EXPECT("password:box", "error", "No such file");
	put("/password", "secret", 0640);
	doctor_check_passwords(&d);
	EXPECT("password:box", "error", "is not used");
	put("/password", "secret", 0600);
	doctor_check_passwords(&d);
	if (geteuid() == 0)
		EXPECT("password:box", "ok", "/password");
}

static void known_hosts(void **state)
{
	static const char key[] = "AAAAC3NzaC1lZDI1NTE5AAAAIKz6AC2Ry4VpQmWzDTLd5zVkqYJ5yUxvTnJEXNqMHvAm";
	struct config_backend *b = &config.backends[0];
	char line[256];

	(void)state;
	doctor_check_known_hosts(&d);
	EXPECT("known-hosts:box", "warning", "no file");
	strcpy(b->known_hosts, in_root("/known_hosts"));
	doctor_check_known_hosts(&d);
	EXPECT("known-hosts:box", "error", "No such file");
	put("/known_hosts", "other ssh-ed25519 x\n", 0666);
	doctor_judge_known_hosts(&d, b, 1);
	EXPECT("known-hosts:box", "error", "others can add keys");
	put("/known_hosts", "other ssh-ed25519 x\n", 0644);
	doctor_judge_known_hosts(&d, b, -1);
	EXPECT("known-hosts:box", "note", "could not be found out");
	/* ssh-keygen itself is asked. */
	snprintf(line, sizeof(line), "box.example ssh-ed25519 %s\n", key);
	put("/known_hosts", line, 0644);
	doctor_check_known_hosts(&d);
	EXPECT("known-hosts:box", "error", "has no key of [box.example]:23");
	snprintf(line, sizeof(line), "[box.example]:23 ssh-ed25519 %s\n", key);
	put("/known_hosts", line, 0644);
	doctor_check_known_hosts(&d);
	EXPECT("known-hosts:box", "ok", "");
}

static void add_hook_of(enum config_hook hook, const char *program)
{
	struct config_program *p = &config.hooks[config.n_hooks++];

	p->hook = hook;
	p->argc = 1;
	strcpy(p->argv, program);
}

static void add_hook(const char *program)
{
	add_hook_of(CONFIG_HOOK_DOWN, program);
}

static void sentinel_and_hooks(void **state)
{
	(void)state;
	doctor_check_hooks(&d);
	EXPECT("sentinel", "ok", "no hooks");
	add_hook("/bin/true");
	doctor_check_hooks(&d);
	assert_string_equal(ctl_text(found("hook:on_down"), "severity"), "ok");
	EXPECT("sentinel", "warning", "without a sentinel");
	strcpy(config.sentinel, in_root("/sentinel"));
	doctor_check_hooks(&d);
	EXPECT("sentinel", "note", "hooks may not run");
	put("/sentinel", "", 0644);
	doctor_check_hooks(&d);
	EXPECT("sentinel", "ok", "hooks may run");
	assert_null(found("stall-sentinel"));
}

/* Its sentinel is another one, and says nothing about the others. */
static void the_sentinel_of_on_stall(void **state)
{
	(void)state;
	add_hook_of(CONFIG_HOOK_STALL, "/bin/true");
	doctor_check_hooks(&d);
	assert_null(found("sentinel"));
	EXPECT("stall-sentinel", "warning", "on_stall without a sentinel");
	strcpy(config.stall_sentinel, in_root("/stall"));
	doctor_check_hooks(&d);
	EXPECT("stall-sentinel", "note", "on_stall may not run");
	put("/stall", "", 0644);
	doctor_check_hooks(&d);
	EXPECT("stall-sentinel", "ok", "on_stall may run");
}

static void hooks_that_are_never_run(void **state)
{
	(void)state;
	add_hook("relative");
	doctor_check_hooks(&d);
	EXPECT("hook:on_down", "error", "not an absolute path");
	config.n_hooks = 0;
	add_hook("/nonesuch/program");
	doctor_check_hooks(&d);
	EXPECT("hook:on_down", "error", "/nonesuch/program: No such file");
	config.n_hooks = 0;
	add_hook("/etc/passwd");
	doctor_check_hooks(&d);
	EXPECT("hook:on_down", "error", "cannot be executed");
	/* Below /tmp, where everybody can write. */
	put("/hook", "#!/bin/sh\n", 0755);
	config.n_hooks = 0;
	add_hook(in_root("/hook"));
	doctor_check_hooks(&d);
	EXPECT("hook:on_down", "error", "is never run");
}

/* ---- machine ---- */

static void clocks(void **state)
{
	(void)state;
	doctor_judge_clock(&d, true);
	EXPECT("clock", "ok", "2026-");
	doctor_judge_clock(&d, false);
	EXPECT("clock", "note", "nothing keeps it in step");
	set_status(json_pack("{s:I}", "time", (json_int_t)d.now + 3 * MINUTE));
	doctor_judge_clock(&d, true);
	EXPECT("clock", "warning", "180 s before");
	d.now = 1000;
	doctor_judge_clock(&d, true);
	EXPECT("clock", "error", "1970-");
	doctor_check_clock(&d);
	assert_non_null(found("clock"));
}

static void disks(void **state)
{
	struct statvfs v = {
	    .f_frsize = 4096, .f_blocks = 1 << 20, .f_bavail = 1 << 18, .f_files = 1000, .f_favail = 500};

	(void)state;
	doctor_judge_disk(&d, "local", "/x", &v);
	EXPECT("disk:local", "ok", "1024 MiB");
	v.f_bavail = 1000;
	doctor_judge_disk(&d, "local", "/x", &v);
	EXPECT("disk:local", "warning", "3 MiB");
	v.f_bavail = 0;
	doctor_judge_disk(&d, "local", "/x", &v);
	EXPECT("disk:local", "error", "no space");
	v.f_bavail = 1 << 18;
	v.f_favail = 5;
	doctor_judge_disk(&d, "local", "/x", &v);
	EXPECT("disk:local", "warning", "5 inodes");
	v.f_favail = 0;
	doctor_judge_disk(&d, "local", "/x", &v);
	EXPECT("disk:local", "error", "no inode");
	v.f_files = 0; /* btrfs has no such number */
	doctor_judge_disk(&d, "local", "/x", &v);
	EXPECT("disk:local", "ok", "");
}

static void disks_that_are_not_there(void **state)
{
	(void)state;
	strcpy(config.state_dir, in_root("/state"));
	doctor_check_disk(&d);
	EXPECT("disk:state_dir", "note", "not there yet");
	strcpy(config.local, in_root("/local"));
	doctor_check_disk(&d);
	EXPECT("disk:local", "error", "No such file");
	run_guardian();
	doctor_check_disk(&d);
	EXPECT("disk:state_dir", "error", "No such file");
	strcpy(config.state_dir, root);
	doctor_check_disk(&d);
	assert_string_not_equal(ctl_text(found("disk:state_dir"), "severity"), "note");
	forget();
}

static void needrestart(void **state)
{
	(void)state;
	doctor_check_needrestart(&d);
	assert_null(found("needrestart"));
	put("/etc/needrestart/needrestart.conf", "$nrconf{override_rc} = {\n qr(^docker) => 0,\n};\n", 0644);
	put("/etc/needrestart/conf.d/README.needrestart", "guardfs\n", 0644);
	put("/etc/needrestart/conf.d/mine.conf", "# guardfs\n", 0644);
	doctor_check_needrestart(&d);
	EXPECT("needrestart", "warning", "unmounts");
	put("/etc/needrestart/conf.d/guardfs.conf", "$nrconf{override_rc}->{qr(^guardfs@)} = 0;\n", 0644);
	doctor_check_needrestart(&d);
	EXPECT("needrestart", "ok", "told about guardfs");
}

#define GOOD_UNIT                                                                               \
	"[Service]\nType=notify\nKillMode=process\nFileDescriptorStoreMax=8\nPrivateTmp=no\n# " \
	"ProtectHome=yes\n"

static void units(void **state)
{
	(void)state;
	doctor_check_units(&d);
	EXPECT("unit", "note", "no systemd unit");
	put("/etc/systemd/system/guardfs@.service", GOOD_UNIT, 0644);
	put("/etc/systemd/system/other.service", "PrivateTmp=yes\n", 0644);
	doctor_check_units(&d);
	EXPECT("unit:guardfs@.service", "ok", "visible");
	put("/etc/systemd/system/guardfs@.service", GOOD_UNIT " ProtectSystem = strict \n", 0644);
	doctor_check_units(&d);
	EXPECT("unit:guardfs@.service", "error", "ProtectSystem=strict");
	put("/etc/systemd/system/guardfs@.service", GOOD_UNIT, 0644);
	put("/etc/systemd/system/guardfs@.service.d/override.conf", "[Service]\nPrivateTmp=yes\n", 0644);
	doctor_check_units(&d);
	EXPECT("unit:guardfs@.service", "error", "PrivateTmp=yes");
	unlink(in_root("/etc/systemd/system/guardfs@.service.d/override.conf"));
	put("/etc/systemd/system/guardfs@.service", "KillMode=process\n", 0644);
	doctor_check_units(&d);
	EXPECT("unit:guardfs@.service", "warning", "store");
	put("/etc/systemd/system/guardfs@.service", "KillMode=mixed\nFileDescriptorStoreMax=8\n", 0644);
	doctor_check_units(&d);
	EXPECT("unit:guardfs@.service", "error", "KillMode");
}

/* ---- programs ---- */

static void sshfs_versions(void **state)
{
	(void)state;
	doctor_judge_sshfs(&d, "", "");
	EXPECT("sshfs", "error", "cannot be run");
	doctor_judge_sshfs(&d, "SSHFS version 3.7.3\nFUSE library version 3.14.0\n", "-o follow_symlinks\n");
	EXPECT("sshfs", "warning", "CVE-2026-47187");
	doctor_judge_sshfs(&d, "SSHFS version 3.7.3\n", "    -o contain_symlinks    reject\n");
	EXPECT("sshfs", "ok", "3.7.3");
	doctor_judge_sshfs(&d, "SSHFS version 3.7.6\n", "");
	EXPECT("sshfs", "ok", "3.7.6");
	doctor_judge_sshfs(&d, "SSHFS version 3.10\n", "");
	EXPECT("sshfs", "ok", "3.10.0");
	doctor_judge_sshfs(&d, "sshfs-guard 1.0, for the options of sshfs 3.7.3\n",
			   DROP_IN_HELP_MARK " workaround");
	EXPECT("sshfs", "error", "sshfs-guard");
}

static void commands(void **state)
{
	struct config_backend b = {.name = "box", .command = {.argc = 1, .argv = "/nowhere/rclone"}};

	(void)state;
	doctor_judge_command(&d, &b);
	EXPECT("command:box", "error", "/nowhere/rclone cannot be run: No such file");
	memcpy(b.command.argv, "/bin/sh", sizeof("/bin/sh"));
	doctor_judge_command(&d, &b);
	EXPECT("command:box", "warning", "nothing proves");
	b.adopt = true;
	doctor_judge_command(&d, &b);
	EXPECT("command:box", "ok", "/bin/sh can be run");
}

static void libssh_versions(void **state)
{
	(void)state;
	doctor_judge_libssh(&d, "0.10.6/openssl/zlib", "0.10.6-0+deb12u2");
	EXPECT("libssh", "warning", "CVE-2026-59847");
	doctor_judge_libssh(&d, "0.10.6/openssl/zlib", "0.10.6-0+deb12u3");
	EXPECT("libssh", "ok", "deb12u3");
	doctor_judge_libssh(&d, "0.10.6/openssl/zlib", "");
	EXPECT("libssh", "warning", "0.10.6/openssl/zlib");
	doctor_judge_libssh(&d, "0.9.8/openssl", "0.9.8-0+deb11u9");
	EXPECT("libssh", "warning", "deb11u9");
	doctor_judge_libssh(&d, "0.11.2/openssl", "");
	EXPECT("libssh", "note", "does not know");
}

static void ssh_and_the_running_of_programs(void **state)
{
	static const char *const both[] = {"sh", "-c", "echo one; echo two >&2; exit 3", NULL};
	static const char *const none[] = {"/nonesuch", NULL};
	static const char *const endless[] = {"cat", "/dev/zero", NULL};
	static const char *const long_winded[] = {"sh", "-c", "yes | head -c 100000", NULL};
	char text[64];

	(void)state;
	doctor_judge_ssh(&d, "");
	EXPECT("ssh", "error", "cannot be run");
	doctor_judge_ssh(&d, "OpenSSH_9.2p1 Debian-2\n");
	EXPECT("ssh", "ok", "OpenSSH_9.2p1 Debian-2");
	assert_int_equal(capture_run(both, CAPTURE_OUTPUT_AND_ERRORS, 5000, text, sizeof(text)), 3);
	assert_string_equal(text, "one\ntwo\n");
	assert_int_equal(capture_run(none, CAPTURE_OUTPUT_AND_ERRORS, 5000, text, sizeof(text)), -1);
	assert_int_equal(capture_run(long_winded, CAPTURE_OUTPUT_AND_ERRORS, 5000, text, sizeof(text)), 0);
	assert_int_equal(strlen(text), sizeof(text) - 1);
	assert_int_equal(capture_run(both, CAPTURE_OUTPUT, 5000, text, sizeof(text)), 3);
	assert_string_equal(text, "one\n");
	assert_int_equal(capture_run(endless, CAPTURE_OUTPUT, 100, text, sizeof(text)), -1);
	doctor_check_programs(&d);
	assert_non_null(found("libssh"));
	forget();
	config.n_backends = 0; /* who mounts no sshfs needs none */
	doctor_check_programs(&d);
	assert_null(found("sshfs"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(kernels),
	    TEST(fuse_device_and_control),
	    TEST(fuse_conf_is_for_users),
	    TEST(limits),
	    TEST(mounts_and_namespaces),
	    TEST(uts_namespaces),
	    TEST(configurations),
	    TEST(keys),
	    TEST(passwords),
	    TEST(known_hosts),
	    TEST(sentinel_and_hooks),
	    TEST(the_sentinel_of_on_stall),
	    TEST(hooks_that_are_never_run),
	    TEST(clocks),
	    TEST(disks),
	    TEST(disks_that_are_not_there),
	    TEST(units),
	    TEST(needrestart),
	    TEST(sshfs_versions),
	    TEST(commands),
	    TEST(libssh_versions),
	    TEST(ssh_and_the_running_of_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
