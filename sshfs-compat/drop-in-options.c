/* The options of sshfs 3.7.3, and those of libfuse and mount(8) that it takes: what becomes of each. */
#include "sshfs-compat/drop-in.h"

#include <errno.h>
#include <stdlib.h>

static errint_t take_text(char *field, size_t size, const char *value, const char *name, char *message)
{
	if (copy_string(field, size, value) == 0)
		return 0;
	snprintf(message, CONFIG_ERROR_MAX, "%s: the value is too long", name);
	return -EINVAL;
}

static errint_t take_number(uint32_t *field, const char *value, int base, uint32_t max, const char *name,
			    char *message)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, base);
	if (value[0] < '0' || value[0] > '9' || *end || errno || number > max) {
		snprintf(message, CONFIG_ERROR_MAX, "%s=%.64s: expected a number%s, at most %lu", name, value,
			 base == 8 ? " (octal)" : "", (unsigned long)max);
		return -EINVAL;
	}
	*field = (uint32_t)number;
	return 0;
}

#define FLAG_TAKER(name, field)                                                          \
	static errint_t take_##name(struct drop_in *d, const char *value, char *message) \
	{                                                                                \
		(void)value;                                                             \
		(void)message;                                                           \
		d->field;                                                                \
		return 0;                                                                \
	}

FLAG_TAKER(sync, sync = true)
FLAG_TAKER(delay, delay_connect = true)
FLAG_TAKER(unchecked, no_check_root = true)
FLAG_TAKER(password_stdin, password_stdin = true)
FLAG_TAKER(contain, contain_links = true)
FLAG_TAKER(transform, relative_links = true)
FLAG_TAKER(no_hard_links, no_hard_links = true)
FLAG_TAKER(follow, follow_links = true)
FLAG_TAKER(no_contain, contain_links = false)
FLAG_TAKER(allow_other, allow_other = true)
FLAG_TAKER(allow_root, allow_root = true)
FLAG_TAKER(permissions, default_permissions = true)
FLAG_TAKER(ro, read_only = true)
FLAG_TAKER(rw, read_only = false)
FLAG_TAKER(noexec, no_exec = true)
FLAG_TAKER(exec, no_exec = false)
FLAG_TAKER(suid, suid = true)
FLAG_TAKER(nosuid, suid = false)
FLAG_TAKER(dev, dev = true)
FLAG_TAKER(nodev, dev = false)
FLAG_TAKER(nonempty, nonempty = true)
FLAG_TAKER(debug, foreground = true)

/* The least of several counts. More than a second it is never. */
static void keep_for(struct drop_in *d, uint32_t ms)
{
	d->cache_ms = d->has_cache ? MIN(d->cache_ms, ms) : ms;
	d->has_cache = true;
}

static errint_t take_cache(struct drop_in *d, const char *value, char *message)
{
	bool no = strcmp(value, "no") == 0;

	if (!no && strcmp(value, "yes") != 0) {
		snprintf(message, CONFIG_ERROR_MAX, "dir_cache=%.16s: expected yes or no", value);
		return -EINVAL;
	}
	if (no)
		keep_for(d, 0);
	return 0;
}

static errint_t take_timeout(struct drop_in *d, const char *value, char *message)
{
	char *end;
	double seconds = strtod(value, &end);

	if (end == value || *end || !(seconds >= 0)) {
		snprintf(message, CONFIG_ERROR_MAX, "a timeout of %.32s: expected seconds, such as 1 or 0.5",
			 value);
		return -EINVAL;
	}
	keep_for(d, seconds < 1 ? (uint32_t)(seconds * 1000) : 1000);
	return 0;
}

static errint_t take_connections(struct drop_in *d, const char *value, char *message)
{
	uint32_t n = 0;
	errint_t rc = take_number(&n, value, 10, 1000, "max_conns", message);

	d->alone = n == 1;
	return rc;
}

static errint_t take_idmap(struct drop_in *d, const char *value, char *message)
{
	d->mine = strcmp(value, "user") == 0;
	d->mapped = strcmp(value, "file") == 0;
	if (d->mine || d->mapped || strcmp(value, "none") == 0)
		return 0;
	snprintf(message, CONFIG_ERROR_MAX, "idmap=%.64s: expected none, user or file", value);
	return -EINVAL;
}

static errint_t take_uidfile(struct drop_in *d, const char *value, char *message)
{
	return take_text(d->uid_file, sizeof(d->uid_file), value, "uidfile", message);
}

static errint_t take_gidfile(struct drop_in *d, const char *value, char *message)
{
	return take_text(d->gid_file, sizeof(d->gid_file), value, "gidfile", message);
}

static errint_t take_nomap(struct drop_in *d, const char *value, char *message)
{
	d->map_loosely = strcmp(value, "ignore") == 0;
	if (d->map_loosely || strcmp(value, "error") == 0)
		return 0;
	snprintf(message, CONFIG_ERROR_MAX, "nomap=%.64s: expected ignore or error", value);
	return -EINVAL;
}

static errint_t take_uid(struct drop_in *d, const char *value, char *message)
{
	d->has_uid = true;
	return take_number(&d->uid, value, 10, UINT32_MAX - 1, "uid", message);
}

static errint_t take_gid(struct drop_in *d, const char *value, char *message)
{
	d->has_gid = true;
	return take_number(&d->gid, value, 10, UINT32_MAX - 1, "gid", message);
}

static errint_t take_umask(struct drop_in *d, const char *value, char *message)
{
	d->has_umask = true;
	return take_number(&d->umask, value, 8, 0777, "umask", message);
}

static errint_t take_fsname(struct drop_in *d, const char *value, char *message)
{
	return take_text(d->fsname, sizeof(d->fsname), value, "fsname", message);
}

static errint_t take_subtype(struct drop_in *d, const char *value, char *message)
{
	return take_text(d->subtype, sizeof(d->subtype), value, "subtype", message);
}

static errint_t take_ssh_command(struct drop_in *d, const char *value, char *message)
{
	size_t n;

	value += strspn(value, " \t");
	n = strcspn(value, " \t");
	if (n == 0 || n >= sizeof(d->ssh_command) || memchr(value, '"', n) || memchr(value, '\'', n)) {
		snprintf(message, CONFIG_ERROR_MAX,
			 "ssh_command: expected a program, whose name has neither quotes nor blanks, and its "
			 "arguments");
		return -EINVAL;
	}
	memcpy(d->ssh_command, value, n);
	d->ssh_command[n] = '\0';
	value += n + strspn(value + n, " \t");
	return take_text(d->ssh_arguments, sizeof(d->ssh_arguments), value, "ssh_command", message);
}

static errint_t take_sftp_server(struct drop_in *d, const char *value, char *message)
{
	return take_text(d->sftp_server, sizeof(d->sftp_server), value, "sftp_server", message);
}

static errint_t take_directport(struct drop_in *d, const char *value, char *message)
{
	errint_t rc = take_number(&d->direct_port, value, 10, 65535, "directport", message);

	if (rc < 0 || d->direct_port > 0)
		return rc;
	snprintf(message, CONFIG_ERROR_MAX, "directport=%.16s: expected a port from 1 to 65535", value);
	return -EINVAL;
}

static errint_t take_protocol(struct drop_in *d, const char *value, char *message)
{
	(void)d;
	if (strcmp(value, "2") == 0)
		return 0;
	snprintf(message, CONFIG_ERROR_MAX, "ssh_protocol=%.16s: there is version 2 only", value);
	return -EINVAL;
}

static errint_t take_transport(struct drop_in *d, const char *value, char *message)
{
	d->libssh = strcmp(value, "libssh") == 0;
	if (d->libssh || strcmp(value, "openssh") == 0)
		return 0;
	snprintf(message, CONFIG_ERROR_MAX, "transport=%.16s: expected openssh or libssh", value);
	return -EINVAL;
}

/* SECTION.KEY=VALUE */
static errint_t take_guard(struct drop_in *d, const char *value, char *message)
{
	size_t section = strcspn(value, ".="), name;
	struct drop_in_key *key = &d->keys[d->n_keys];

	name = value[section] == '.' ? strcspn(value + section + 1, "=") : 0;
	if (name == 0 || value[section + 1 + name] != '=' || section >= sizeof(key->section) ||
	    name >= sizeof(key->name) || d->n_keys == DROP_IN_KEYS_MAX ||
	    copy_string(key->value, sizeof(key->value), value + section + name + 2) < 0) {
		snprintf(message, CONFIG_ERROR_MAX,
			 "guard=%.64s: expected guard=SECTION.KEY=VALUE, such as "
			 "guard=deadline.metadata=2s, %u of them at most: see guardfs.conf(5)",
			 value, DROP_IN_KEYS_MAX);
		return -EINVAL;
	}
	memcpy(key->section, value, section);
	memcpy(key->name, value + section + 1, name);
	d->n_keys++;
	return 0;
}

#define HONOURED(n, v, take, text)                          \
	{                                                   \
		n, HAS_VALUE_##v, FATE_HONOURED, text, take \
	}
#define WITHOUT_EFFECT(n, v, text)                                \
	{                                                         \
		n, HAS_VALUE_##v, FATE_WITHOUT_EFFECT, text, NULL \
	}
#define REFUSED(n, v, text)                                \
	{                                                  \
		n, HAS_VALUE_##v, FATE_REFUSED, text, NULL \
	}
#define CACHED	   "names and attributes are kept for a second at most, and what a change made old is not kept"
#define KEPT	   "seconds for which names and attributes are kept, 1 at most; the least of them counts"
#define OF_MOUNT   "mount(8), systemd and fstab(5) know what it means"
#define OF_LIBFUSE "it is about the inside of libfuse's loop, which is not in use"

/* clang-format off */
const struct drop_in_option drop_in_options[] = {
	/* sshfs */
	WITHOUT_EFFECT("reconnect", NEVER, "it always reconnects, and open files go on"),
	HONOURED("delay_connect", NEVER, take_delay, "mount without a first login: the server may come later"),
	HONOURED("sshfs_sync", NEVER, take_sync, "each write waits until the server has it (else a close or an fsync does)"),
	WITHOUT_EFFECT("no_readahead", NEVER, "what is read ahead is the kernel's affair"),
	WITHOUT_EFFECT("sync_readdir", NEVER, "a listing is whole before it is shown"),
	WITHOUT_EFFECT("workaround", ALWAYS, "none is needed: renames replace, files are truncated where they are, errors are the server's"),
	HONOURED("idmap", ALWAYS, take_idmap, "none: ids as the server has them; user: every file shows as its user's; file: by uidfile and gidfile"),
	HONOURED("uidfile", ALWAYS, take_uidfile, "idmap=file: lines of NAME:ID, a user here and his number on the server"),
	HONOURED("gidfile", ALWAYS, take_gidfile, "idmap=file: the same for groups"),
	HONOURED("nomap", ALWAYS, take_nomap, "idmap=file: a file whose owner or group has no line is an error (error), or shows as it is (ignore)"),
	HONOURED("ssh_command", ALWAYS, take_ssh_command, "the ssh program, and arguments that it gets before all others"),
	HONOURED("ssh_protocol", ALWAYS, take_protocol, "2"),
	HONOURED("sftp_server", ALWAYS, take_sftp_server, "the server's subsystem, or with a slash the program there, that speaks SFTP (sftp)"),
	HONOURED("directport", ALWAYS, take_directport, "without ssh: SFTP over TCP to that port, neither authenticated nor encrypted"),
	REFUSED("vsock", ALWAYS, "a virtual machine is reached by ssh over vsock: -o ProxyCommand=..."),
	REFUSED("passive", NEVER, "a connection on standard input cannot be made anew"),
	REFUSED("slave", NEVER, "a connection on standard input cannot be made anew"),
	HONOURED("disable_hardlink", NEVER, take_no_hard_links, "making a hard link is an error (EPERM)"),
	HONOURED("transform_symlinks", NEVER, take_transform,
		 "absolute links into the directory that is mounted, if its name was given in full, show as relative ones"),
	HONOURED("follow_symlinks", NEVER, take_follow, "what links on the server lead to shows in their place"),
	HONOURED("contain_symlinks", NEVER, take_contain, "links that are absolute or go up are neither shown nor made"),
	HONOURED("no_contain_symlinks", NEVER, take_no_contain, "the default"),
	HONOURED("no_check_root", NEVER, take_unchecked, "the directory on the server is not looked for beforehand, and may come later"),
	HONOURED("password_stdin", NEVER, take_password_stdin, "the password is the first line of standard input; not with delay_connect or transport=libssh"),
	HONOURED("max_conns", ALWAYS, take_connections, "1: one connection; more: two, one for metadata and one for data"),
	HONOURED("dir_cache", ALWAYS, take_cache, "no: names and attributes are not kept"),
	WITHOUT_EFFECT("dcache_max_size", ALWAYS, CACHED),
	HONOURED("dcache_timeout", ALWAYS, take_timeout, KEPT),
	HONOURED("dcache_stat_timeout", ALWAYS, take_timeout, KEPT),
	HONOURED("dcache_link_timeout", ALWAYS, take_timeout, KEPT),
	HONOURED("dcache_dir_timeout", ALWAYS, take_timeout, KEPT),
	WITHOUT_EFFECT("dcache_clean_interval", ALWAYS, CACHED),
	WITHOUT_EFFECT("dcache_min_clean_interval", ALWAYS, CACHED),
	HONOURED("cache", ALWAYS, take_cache, "no: names and attributes are not kept"),
	WITHOUT_EFFECT("cache_max_size", ALWAYS, CACHED),
	HONOURED("cache_timeout", ALWAYS, take_timeout, KEPT),
	HONOURED("cache_stat_timeout", ALWAYS, take_timeout, KEPT),
	HONOURED("cache_link_timeout", ALWAYS, take_timeout, KEPT),
	HONOURED("cache_dir_timeout", ALWAYS, take_timeout, KEPT),
	WITHOUT_EFFECT("cache_clean_interval", ALWAYS, CACHED),
	WITHOUT_EFFECT("cache_min_clean_interval", ALWAYS, CACHED),
	HONOURED("debug", NEVER, take_debug, "stay in the foreground, and say what happens"),
	HONOURED("sshfs_debug", NEVER, take_debug, "stay in the foreground, and say what happens"),
	HONOURED("sshfs_verbose", NEVER, take_debug, "stay in the foreground, and say what happens"),
	HONOURED("loglevel", ALWAYS, take_debug, "stay in the foreground, and say what happens"),
	/* ours */
	HONOURED("transport", ALWAYS, take_transport, "openssh: ssh(1) reaches the server; libssh: without it"),
	HONOURED("guard", ALWAYS, take_guard, "SECTION.KEY=VALUE of guardfs.conf(5)"),
	/* libfuse */
	HONOURED("allow_other", NEVER, take_allow_other, "other users may come in (user_allow_other in /etc/fuse.conf)"),
	HONOURED("allow_root", NEVER, take_allow_root, "root may come in, and no other user (user_allow_other in /etc/fuse.conf)"),
	HONOURED("default_permissions", NEVER, take_permissions, "the kernel checks owners and modes"),
	HONOURED("fsname", ALWAYS, take_fsname, "the source that the mount table shows"),
	HONOURED("subtype", ALWAYS, take_subtype, "the type that it shows, behind fuse. (sshfs)"),
	HONOURED("uid", ALWAYS, take_uid, "owner that every file shows"),
	HONOURED("gid", ALWAYS, take_gid, "group that every file shows"),
	HONOURED("umask", ALWAYS, take_umask, "permission bits taken from every file, octal"),
	HONOURED("nonempty", NEVER, take_nonempty, "mount over a directory that is not empty"),
	WITHOUT_EFFECT("max_read", ALWAYS, "sizes are what the server and the kernel allow"),
	WITHOUT_EFFECT("max_write", ALWAYS, "sizes are what the server and the kernel allow"),
	WITHOUT_EFFECT("max_readahead", ALWAYS, "what is read ahead is the kernel's affair"),
	WITHOUT_EFFECT("max_background", ALWAYS, "requests do not wait for one another"),
	WITHOUT_EFFECT("congestion_threshold", ALWAYS, "requests do not wait for one another"),
	WITHOUT_EFFECT("kernel_cache", NEVER, CACHED),
	WITHOUT_EFFECT("auto_cache", NEVER, CACHED),
	WITHOUT_EFFECT("noauto_cache", NEVER, CACHED),
	WITHOUT_EFFECT("direct_io", NEVER, CACHED),
	HONOURED("entry_timeout", ALWAYS, take_timeout, KEPT),
	WITHOUT_EFFECT("negative_timeout", ALWAYS, CACHED),
	HONOURED("attr_timeout", ALWAYS, take_timeout, KEPT),
	WITHOUT_EFFECT("ac_attr_timeout", ALWAYS, CACHED),
	REFUSED("writeback_cache", MAYBE, "the kernel would acknowledge what nobody has; writes are quick without it"),
	REFUSED("writeback", MAYBE, "the kernel would acknowledge what nobody has; writes are quick without it"),
	WITHOUT_EFFECT("auto_unmount", NEVER, "a process that dies is replaced, and the last one unmounts"),
	WITHOUT_EFFECT("clone_fd", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("max_idle_threads", ALWAYS, OF_LIBFUSE),
	WITHOUT_EFFECT("max_threads", ALWAYS, OF_LIBFUSE),
	WITHOUT_EFFECT("hard_remove", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("use_ino", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("readdir_ino", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("noforget", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("remember", ALWAYS, OF_LIBFUSE),
	WITHOUT_EFFECT("intr", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("intr_signal", ALWAYS, OF_LIBFUSE),
	WITHOUT_EFFECT("async_read", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("sync_read", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("big_writes", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("large_read", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("atomic_o_trunc", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("splice_read", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("no_splice_read", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("splice_write", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("no_splice_write", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("splice_move", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("no_splice_move", NEVER, OF_LIBFUSE),
	WITHOUT_EFFECT("no_remote_lock", NEVER, "locks are among this machine's programs"),
	WITHOUT_EFFECT("no_remote_flock", NEVER, "locks are among this machine's programs"),
	WITHOUT_EFFECT("no_remote_posix_lock", NEVER, "locks are among this machine's programs"),
	REFUSED("modules", ALWAYS, "there are no modules"),
	REFUSED("blkdev", NEVER, "there is no block device below it"),
	/* mount(8) and fstab(5) */
	HONOURED("ro", NEVER, take_ro, "nothing can be changed through the mount"),
	HONOURED("rw", NEVER, take_rw, "the default"),
	HONOURED("noexec", NEVER, take_noexec, "no program can be run from it"),
	HONOURED("exec", NEVER, take_exec, "the default"),
	HONOURED("suid", NEVER, take_suid, "as root: honour set-user-ID bits"),
	HONOURED("nosuid", NEVER, take_nosuid, "the default"),
	HONOURED("dev", NEVER, take_dev, "as root: honour device files"),
	HONOURED("nodev", NEVER, take_nodev, "the default"),
	WITHOUT_EFFECT("sync", NEVER, "see sshfs_sync"),
	WITHOUT_EFFECT("async", NEVER, "see sshfs_sync"),
	WITHOUT_EFFECT("dirsync", NEVER, "names are changed when the call returns"),
	WITHOUT_EFFECT("atime", NEVER, "the server keeps times"),
	WITHOUT_EFFECT("noatime", NEVER, "the server keeps times"),
	WITHOUT_EFFECT("diratime", NEVER, "the server keeps times"),
	WITHOUT_EFFECT("nodiratime", NEVER, "the server keeps times"),
	WITHOUT_EFFECT("relatime", NEVER, "the server keeps times"),
	WITHOUT_EFFECT("norelatime", NEVER, "the server keeps times"),
	WITHOUT_EFFECT("strictatime", NEVER, "the server keeps times"),
	WITHOUT_EFFECT("lazytime", NEVER, "the server keeps times"),
	WITHOUT_EFFECT("auto", NEVER, OF_MOUNT),
	WITHOUT_EFFECT("noauto", NEVER, OF_MOUNT),
	WITHOUT_EFFECT("nofail", NEVER, OF_MOUNT),
	WITHOUT_EFFECT("defaults", NEVER, OF_MOUNT),
	WITHOUT_EFFECT("_netdev", NEVER, OF_MOUNT),
	WITHOUT_EFFECT("user", MAYBE, OF_MOUNT),
	WITHOUT_EFFECT("nouser", NEVER, OF_MOUNT),
	WITHOUT_EFFECT("users", NEVER, OF_MOUNT),
	WITHOUT_EFFECT("nousers", NEVER, OF_MOUNT),
	WITHOUT_EFFECT("owner", NEVER, OF_MOUNT),
	WITHOUT_EFFECT("group", NEVER, OF_MOUNT),
	WITHOUT_EFFECT("comment", ALWAYS, OF_MOUNT),
	WITHOUT_EFFECT("rootmode", ALWAYS, OF_MOUNT),
	WITHOUT_EFFECT("user_id", ALWAYS, OF_MOUNT),
	WITHOUT_EFFECT("group_id", ALWAYS, OF_MOUNT),
};
/* clang-format on */

const size_t drop_in_option_count = ARRAY_SIZE(drop_in_options);

/* Those that sshfs hands on, and newer ones. */
const char *const drop_in_ssh_options[] = {"AddKeysToAgent",
					   "AddressFamily",
					   "BatchMode",
					   "BindAddress",
					   "BindInterface",
					   "CanonicalDomains",
					   "CanonicalizeFallbackLocal",
					   "CanonicalizeHostname",
					   "CanonicalizeMaxDots",
					   "CanonicalizePermittedCNAMEs",
					   "CASignatureAlgorithms",
					   "CertificateFile",
					   "ChallengeResponseAuthentication",
					   "CheckHostIP",
					   "Cipher",
					   "Ciphers",
					   "Compression",
					   "CompressionLevel",
					   "ConnectionAttempts",
					   "ConnectTimeout",
					   "ControlMaster",
					   "ControlPath",
					   "ControlPersist",
					   "FingerprintHash",
					   "GlobalKnownHostsFile",
					   "GSSAPIAuthentication",
					   "GSSAPIDelegateCredentials",
					   "HashKnownHosts",
					   "HostbasedAcceptedAlgorithms",
					   "HostbasedAuthentication",
					   "HostbasedKeyTypes",
					   "HostKeyAlgorithms",
					   "HostKeyAlias",
					   "HostName",
					   "IdentitiesOnly",
					   "IdentityAgent",
					   "IdentityFile",
					   "IgnoreUnknown",
					   "IPQoS",
					   "KbdInteractiveAuthentication",
					   "KbdInteractiveDevices",
					   "KexAlgorithms",
					   "KnownHostsCommand",
					   "LocalCommand",
					   "LogLevel",
					   "LogVerbose",
					   "MACs",
					   "NoHostAuthenticationForLocalhost",
					   "NumberOfPasswordPrompts",
					   "PasswordAuthentication",
					   "PermitLocalCommand",
					   "PKCS11Provider",
					   "Port",
					   "PreferredAuthentications",
					   "ProxyCommand",
					   "ProxyJump",
					   "ProxyUseFdpass",
					   "PubkeyAcceptedAlgorithms",
					   "PubkeyAcceptedKeyTypes",
					   "PubkeyAuthentication",
					   "RekeyLimit",
					   "RequiredRSASize",
					   "RevokedHostKeys",
					   "RhostsRSAAuthentication",
					   "RSAAuthentication",
					   "SecurityKeyProvider",
					   "SendEnv",
					   "ServerAliveCountMax",
					   "ServerAliveInterval",
					   "SetEnv",
					   "SmartcardDevice",
					   "StrictHostKeyChecking",
					   "SyslogFacility",
					   "TCPKeepAlive",
					   "UpdateHostKeys",
					   "UsePrivilegedPort",
					   "User",
					   "UserKnownHostsFile",
					   "VerifyHostKeyDNS",
					   "VisualHostKey",
					   NULL};
