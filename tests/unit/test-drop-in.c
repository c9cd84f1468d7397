/* sshfs-guard: a command line of sshfs's, the configuration that it stands for, and that table and man page agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sshfs-compat/drop-in.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HERE "/home/ann/work"

static struct drop_in d;
static char message[CONFIG_ERROR_MAX], text[16384];
static struct config config;
static const struct drop_in_places places = {.mountpoint = "/home/ann/mnt",
					     .self = "/usr/bin/sshfs-guard",
					     .run_root = "/run/user/1000/guardfs",
					     .state_root = "/home/ann/.local/state/guardfs",
					     .uid = 1000,
					     .gid = 100};

/* A tab stands for a blank within a word. */
static char *with_blanks(char *word)
{
	for (char *p = word; *p; p++)
		*p = *p == '\t' ? ' ' : *p;
	return word;
}

/* The words of line, as typed behind the program's name. */
static errint_t parse(const char *line)
{
	static char copy[4096];
	char *argv[64] = {(char[]){"sshfs-guard"}}, *rest = NULL;
	int argc = 1;

	assert_int_equal(copy_string(copy, sizeof(copy), line), 0);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = with_blanks(word);
	argv[argc] = NULL;
	return drop_in_parse(&d, argc, argv, HERE, message);
}

static void accept_line(const char *line)
{
	if (parse(line) < 0)
		fail_msg("%s: %s", line, message);
}

static void refuse_line(const char *line, const char *why)
{
	assert_int_equal(parse(line), -EINVAL);
	if (!strstr(message, why))
		fail_msg("%s: got '%s', expected '%s'", line, message, why);
}

static void configure(const char *line, bool asks)
{
	accept_line(line);
	if (drop_in_config(&d, &places, asks, text, sizeof(text), message) < 0 ||
	    config_parse("typed", text, strlen(text), &config, message) < 0)
		fail_msg("%s: %s\n%s", line, message, text);
}

static void sources_are_taken_apart(void **state)
{
	static const struct {
		const char *source, *user, *host, *path;
	} table[] = {
	    {"host:", "", "host", ""},
	    {"ann@host:", "ann", "host", ""},
	    {"ann@host:/srv/a:b@c", "ann", "host", "/srv/a:b@c"},
	    {"host:dir", "", "host", "dir"},
	    {"ann@corp@host:x", "ann@corp", "host", "x"},
	    {"[2001:db8::1]:dir", "", "2001:db8::1", "dir"},
	    {"ann@[2001:db8::1]:/", "ann", "2001:db8::1", "/"},
	};
	char line[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		snprintf(line, sizeof(line), "%s mnt", table[i].source);
		accept_line(line);
		assert_string_equal(d.user, table[i].user);
		assert_string_equal(d.host, table[i].host);
		assert_string_equal(d.path, table[i].path);
		assert_string_equal(d.mountpoint, "mnt");
	}
	refuse_line("host mnt", "expected [user@]host:[dir]");
	refuse_line(":dir mnt", "expected [user@]host:[dir]");
	refuse_line("@host: mnt", "expected [user@]host:[dir]");
	refuse_line("-- -oProxyCommand=x: mnt", "expected [user@]host:[dir]");
	refuse_line("ann@-host: mnt", "expected [user@]host:[dir]");
	refuse_line("host:", "expected a mountpoint");
	refuse_line("host: mnt more", "one argument too many");
	refuse_line("", "expected [user@]host:[dir] and a mountpoint");
}

static void options_stand_anywhere(void **state)
{
	(void)state;
	accept_line("-p2222 host: -C mnt -F conf -o ro -f");
	assert_int_equal(d.port, 2222);
	assert_true(d.foreground && d.read_only);
	assert_string_equal(d.ssh_config, HERE "/conf");
	assert_string_equal(d.ssh_options, "Compression=yes");
	accept_line(
	    "host: mnt -o rw,noexec,allow_other,default_permissions,uid=7,gid=8,umask=027,nonempty -s");
	assert_true(d.no_exec && d.allow_other && d.default_permissions && d.nonempty && !d.read_only);
	assert_int_equal(d.uid, 7);
	assert_int_equal(d.gid, 8);
	assert_int_equal(d.umask, 027);
	accept_line("-h");
	assert_true(d.help);
	accept_line("--version whatever");
	assert_true(d.version);
	accept_line("host: mnt -o x-systemd.automount,_netdev,user,,nofail");
	assert_non_null(strstr(d.notes, "-o _netdev has no effect: "));
}

static void options_of_ssh_are_handed_on(void **state)
{
	(void)state;
	accept_line(
	    "host: mnt -o IdentityFile=key,identityfile=~/k,UserKnownHostsFile=/k,ServerAliveInterval=5 -o "
	    "Port=23");
	assert_string_equal(d.ssh_options,
			    "IdentityFile=" HERE
			    "/key,identityfile=~/k,UserKnownHostsFile=/k,ServerAliveInterval=5");
	assert_int_equal(d.port, 23);
	/* A comma within a value stays one. */
	accept_line("host: mnt -o Ciphers=a\\,b,MACs=c");
	assert_string_equal(d.ssh_options, "Ciphers=a\\,b,MACs=c");
	refuse_line("host: mnt -o IdentityFile", "ssh expects a value");
	refuse_line("host: mnt -o Port=x", "expected a port");
	refuse_line("host: mnt -p 70000", "expected a port");
	refuse_line("host: mnt -o LocalForward=1:2:3", "unknown option");
}

static void what_cannot_be_is_refused(void **state)
{
	(void)state;
	refuse_line("host: mnt -o nosuch", "unknown option -o nosuch");
	refuse_line("host: mnt -z", "unknown option -z");
	refuse_line("host: mnt --nosuch", "unknown option --nosuch");
	refuse_line("host: mnt -o passive", "-o passive is refused: ");
	refuse_line("host: mnt -o idmap=x", "expected none, user or file");
	refuse_line("host: mnt -o nomap=x", "expected ignore or error");
	refuse_line("host: mnt -o directport=0", "expected a port from 1 to 65535");
	refuse_line("host: mnt -o uid=-1", "expected a number");
	refuse_line("host: mnt -o umask=8", "expected a number (octal)");
	refuse_line("host: mnt -o uid", "expected uid=VALUE");
	refuse_line("host: mnt -o ro=1", "takes no value");
	refuse_line("host: mnt -1", "version 2 only");
	refuse_line("host: mnt -o transport=x", "expected openssh or libssh");
	refuse_line("host: mnt -o ssh_command=\"ssh\"", "neither quotes nor blanks");
	refuse_line("host: mnt -o ssh_command=", "expected a program");
	refuse_line("host: mnt -o password_stdin,delay_connect", "which -o delay_connect leaves out");
	refuse_line("host: mnt -o transport=libssh,password_stdin", "guard=backend.password_file=FILE");
	refuse_line("host: mnt -o guard=metadata=1s", "SECTION.KEY=VALUE");
}

static void the_configuration_of_the_least(void **state)
{
	const struct config_backend *b = &config.backends[0];

	(void)state;
	configure("ann@host:dir mnt", false);
	assert_string_equal(config.mountpoint, "/home/ann/mnt");
	assert_string_equal(config.source, "ann@host:dir");
	assert_string_equal(config.subtype, "sshfs");
	assert_int_equal(config_root_backend(&config), 0);
	assert_false(config.check_permissions || config.allow_other || config.allow_suid || config.allow_dev);
	assert_int_equal(config.n_backends, 1);
	assert_int_equal(b->type, BACKEND_SFTP);
	assert_true(backend_is_reached_by_ssh(b) && b->ssh_lenient);
	assert_int_equal(b->durability, DURABILITY_BEHIND);
	assert_string_equal(b->user, "ann");
	assert_string_equal(b->path, "dir");
	assert_string_equal(b->ssh_options, "");
	assert_false(b->present_owner);
	assert_string_equal(config.state_files, "");
	assert_int_equal(strncmp(config.name, "host-", 5), 0);
	assert_int_equal(strncmp(config.run_dir, "/run/user/1000/guardfs/host-", 28), 0);
	assert_int_equal(strncmp(config.state_dir, "/home/ann/.local/state/guardfs/host-", 36), 0);
}

static void the_configuration_of_much(void **state)
{
	const struct config_backend *b = &config.backends[0];

	(void)state;
	configure(
	    "host: mnt -p 23 -o "
	    "allow_other,default_permissions,sshfs_sync,idmap=user,umask=022,fsname=a\\,b,subtype=x"
	    ",contain_symlinks,max_conns=1,IdentityFile=k,ssh_command=/opt/ssh,guard=deadline.metadata=2s"
	    ",guard=backend.buffer=8,guard=backend.durability=behind",
	    true);
	assert_true(config.check_permissions && config.allow_other);
	assert_string_equal(config.source, "a,b");
	assert_string_equal(config.subtype, "x");
	assert_int_equal(config.deadline.ms[OP_METADATA], 2000);
	assert_int_equal(config.connections, 1);
	assert_int_equal(b->port, 23);
	assert_int_equal(b->uid, 1000);
	assert_int_equal(b->gid, 100);
	assert_int_equal(b->umask, 022);
	assert_true(b->contain_links);
	assert_string_equal(b->ssh_command, "/opt/ssh");
	assert_string_equal(b->ssh_options, "IdentityFile=" HERE "/k,BatchMode=no,NumberOfPasswordPrompts=1");
	assert_int_equal(b->buffer_mib, 8);
	/* What is given by its name in guardfs.conf wins. */
	assert_int_equal(b->durability, DURABILITY_BEHIND);
	configure("host: mnt -o transport=libssh", false);
	assert_false(backend_is_reached_by_ssh(b));
}

static void ssh_and_what_speaks_sftp_may_be_others(void **state)
{
	const struct config_backend *b = &config.backends[0];

	(void)state;
	configure("host: mnt -o ssh_command=sshpass\t-p\t'a\tb'\tssh,sftp_server=/opt/sftp", false);
	assert_string_equal(b->ssh_command, "sshpass");
	assert_string_equal(b->ssh_arguments, "-p 'a b' ssh");
	assert_string_equal(b->sftp_server, "/opt/sftp");
	configure("host: mnt -o directport=2222", false);
	assert_string_equal(b->ssh_command, "/usr/bin/sshfs-guard");
	assert_string_equal(b->ssh_arguments, "--direct 2222");
}

static void who_may_come_in(void **state)
{
	(void)state;
	configure("host: mnt -o dcache_timeout=0.5,entry_timeout=20,disable_hardlink", false);
	assert_int_equal(config.guarded_cache_ms, 500);
	assert_false(config.backends[0].hard_links);
	configure("host: mnt -o dir_cache=no,dcache_timeout=20", false);
	assert_int_equal(config.guarded_cache_ms, 0);
	refuse_line("host: mnt -o dir_cache=maybe", "expected yes or no");
	refuse_line("host: mnt -o attr_timeout=x", "expected seconds");
	configure("host: mnt -o allow_root", false);
	assert_int_equal(config.guarded_cache_ms, 1000);
	assert_true(config.backends[0].hard_links);
	assert_true(config.allow_other && config.only_root && config.must_connect);
	configure("host: mnt -o allow_root,allow_other,delay_connect,follow_symlinks", false);
	assert_true(config.allow_other && !config.only_root && !config.must_connect);
	assert_true(config.backends[0].follow_links);
	configure("host:missing mnt -o no_check_root", false);
	assert_false(config.must_connect);
}

static void write_ids(const char *path, const char *ids, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(ids, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void ids_are_mapped_by_files(void **state)
{
	const struct config_backend *b = &config.backends[0];
	char path[64], line[160];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/guardfs-ids-%d", (int)getpid());
	snprintf(line, sizeof(line), "host: mnt -o idmap=file,uidfile=%s", path);
	write_ids(path, "root:501\n\n# comment\nno-such-user-here:7\n", 0644);
	accept_line(line);
	assert_int_equal(drop_in_read_ids(&d, message), 0);
	assert_string_equal(d.uid_map, "501:0");
	assert_int_equal(drop_in_config(&d, &places, false, text, sizeof(text), message), 0);
	assert_int_equal(config_parse("typed", text, strlen(text), &config, message), 0);
	assert_int_equal(b->uid_map.n, 1);
	assert_int_equal(b->uid_map.pair[0].there, 501);
	assert_int_equal(b->uid_map.pair[0].here, 0);
	assert_true(b->map_strictly);
	write_ids(path, "root:x\n", 0644);
	accept_line(line);
	assert_int_equal(drop_in_read_ids(&d, message), -EINVAL);
	assert_non_null(strstr(message, "line 1: expected NAME:ID"));
	write_ids(path, "root:501\n", 0666);
	accept_line(line);
	assert_int_equal(drop_in_read_ids(&d, message), -EINVAL);
	assert_non_null(strstr(message, "others may write to it"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(drop_in_read_ids(&d, message), -EINVAL);
	accept_line("host: mnt -o idmap=file");
	assert_int_equal(drop_in_read_ids(&d, message), -EINVAL);
	assert_non_null(strstr(message, "expected uidfile=FILE"));
}

static void names_tell_mounts_apart(void **state)
{
	char one[CONFIG_NAME_MAX], other[CONFIG_NAME_MAX];

	(void)state;
	accept_line("a-very-long-name-of-a-host.in.a.domain.example.org: mnt");
	drop_in_name(&d, "/mnt/a", one);
	drop_in_name(&d, "/mnt/b", other);
	assert_string_not_equal(one, other);
	accept_line("..-x: mnt");
	drop_in_name(&d, "/mnt/a", one);
	assert_int_equal(one[0], 'x');
}

static void what_a_file_cannot_hold_is_refused(void **state)
{
	(void)state;
	accept_line("host:a mnt");
	(void)copy_string(d.path, sizeof(d.path), "a\nlocal = /etc");
	assert_int_equal(drop_in_config(&d, &places, false, text, sizeof(text), message), -EINVAL);
	assert_non_null(strstr(message, "path: "));
	(void)copy_string(d.path, sizeof(d.path), "a ;b");
	assert_int_equal(drop_in_config(&d, &places, false, text, sizeof(text), message), -EINVAL);
	(void)copy_string(d.path, sizeof(d.path), "a#;b c");
	assert_int_equal(drop_in_config(&d, &places, false, text, sizeof(text), message), 0);
	assert_int_equal(config_parse("typed", text, strlen(text), &config, message), 0);
	assert_string_equal(config.backends[0].path, "a#;b c");
}

/* Those of `sshfs --help` of 3.7.3. */
static const char *const of_sshfs[] = {"reconnect",
				       "delay_connect",
				       "sshfs_sync",
				       "no_readahead",
				       "sync_readdir",
				       "debug",
				       "loglevel",
				       "workaround",
				       "idmap",
				       "uidfile",
				       "gidfile",
				       "nomap",
				       "ssh_command",
				       "ssh_protocol",
				       "sftp_server",
				       "directport",
				       "passive",
				       "disable_hardlink",
				       "transform_symlinks",
				       "follow_symlinks",
				       "no_check_root",
				       "password_stdin",
				       "max_conns",
				       "dir_cache",
				       "dcache_max_size",
				       "dcache_timeout",
				       "dcache_stat_timeout",
				       "dcache_link_timeout",
				       "dcache_dir_timeout",
				       "dcache_clean_interval",
				       "dcache_min_clean_interval",
				       "allow_other",
				       "allow_root",
				       "auto_unmount",
				       "kernel_cache",
				       "auto_cache",
				       "umask",
				       "uid",
				       "gid",
				       "entry_timeout",
				       "attr_timeout",
				       "ac_attr_timeout",
				       "noforget",
				       "remember",
				       "modules",
				       "clone_fd",
				       "max_idle_threads",
				       "default_permissions",
				       "fsname",
				       "subtype",
				       "max_read",
				       "ro",
				       "negative_timeout"};

static void every_option_of_sshfs_is_in_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(of_sshfs); i++) {
		size_t k = 0;

		while (k < drop_in_option_count && strcmp(drop_in_options[k].name, of_sshfs[i]) != 0)
			k++;
		if (k == drop_in_option_count)
			fail_msg("not in the table: %s", of_sshfs[i]);
	}
}

/* Once each, with its words; taken if it is honoured. */
static void the_table_is_whole(void **state)
{
	for (size_t i = 0; i < drop_in_option_count; i++) {
		const struct drop_in_option *o = &drop_in_options[i];

		(void)state;
		assert_non_null(o->text);
		assert_int_equal(o->fate == FATE_HONOURED, o->take != NULL);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(o->name, drop_in_options[k].name);
	}
}

static void the_man_page_has_every_option(void **state)
{
	FILE *f = fopen("docs/man/sshfs-guard.1.scd", "r");
	static char page[65536];
	char escaped[96];
	size_t n = f ? fread(page, 1, sizeof(page) - 1, f) : 0;

	(void)state;
	assert_true(n > 0);
	fclose(f);
	page[n] = '\0';
	for (size_t i = 0; i < drop_in_option_count; i++) {
		size_t used = 0;

		escaped[used++] = '*';
		for (const char *p = drop_in_options[i].name; *p; p++) {
			if (*p == '_')
				escaped[used++] = '\\';
			escaped[used++] = *p;
		}
		escaped[used++] = '*';
		escaped[used] = '\0';
		if (!strstr(page, escaped))
			fail_msg("sshfs-guard(1) lacks %s", escaped);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sources_are_taken_apart),
	    cmocka_unit_test(options_stand_anywhere),
	    cmocka_unit_test(options_of_ssh_are_handed_on),
	    cmocka_unit_test(what_cannot_be_is_refused),
	    cmocka_unit_test(the_configuration_of_the_least),
	    cmocka_unit_test(the_configuration_of_much),
	    cmocka_unit_test(ssh_and_what_speaks_sftp_may_be_others),
	    cmocka_unit_test(who_may_come_in),
	    cmocka_unit_test(ids_are_mapped_by_files),
	    cmocka_unit_test(names_tell_mounts_apart),
	    cmocka_unit_test(what_a_file_cannot_hold_is_refused),
	    cmocka_unit_test(every_option_of_sshfs_is_in_the_table),
	    cmocka_unit_test(the_table_is_whole),
	    cmocka_unit_test(the_man_page_has_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
