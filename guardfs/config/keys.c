/* The table of keys. tests/unit/test-config.c holds guardfs.conf(5) to it. */
#include "config/keys.h"

#include <stdio.h>

#define FIELD(type, field) offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define GLOBAL(field)	   FIELD(config, field), KEY_NO_FLAG
#define BACKEND(field)	   FIELD(config_backend, field), KEY_NO_FLAG
#define OWNER(field)	   FIELD(config_backend, field), offsetof(struct config_backend, has_##field)
#define DEADLINE(class)	   offsetof(struct config, deadline.ms[class]), sizeof(uint32_t), KEY_NO_FLAG

#define SECOND	1000u
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define REMOTE	(FOR(BACKEND_SSHFS) | FOR(BACKEND_SFTP))
#define SSHFS	FOR(BACKEND_SSHFS)
#define SFTP	FOR(BACKEND_SFTP)
#define COMMAND FOR(BACKEND_COMMAND)
#define CARRIED (REMOTE | COMMAND)

/* clang-format off */
const struct config_key config_keys[] = {
	{"mount", "name", VALUE_NAME, GLOBAL(name), NULL, 0, 0, 0, KEY_REQUIRED,
	 "name of the mount; its source shows as guardfs:NAME, or as fstab has it"},
	{"mount", "mountpoint", VALUE_PATH, GLOBAL(mountpoint), NULL, 0, 0, 0, KEY_REQUIRED | KEY_NOT_ROOT,
	 "where the tree appears"},
	{"mount", "local", VALUE_PATH, GLOBAL(local), NULL, 0, 0, 0, KEY_REQUIRED | KEY_NOT_ROOT | KEY_OUTSIDE,
	 "directory of the local tier, which holds all that no route sends elsewhere"},
	{"mount", "run_dir", VALUE_PATH, GLOBAL(run_dir), "/run/guardfs/NAME", 0, 0, 0,
	 KEY_DERIVED | KEY_NOT_ROOT | KEY_OUTSIDE, "runtime directory: health, status.json, socket"},
	{"mount", "state_dir", VALUE_PATH, GLOBAL(state_dir), "/var/lib/guardfs/NAME", 0, 0, 0,
	 KEY_DERIVED | KEY_NOT_ROOT | KEY_OUTSIDE, "what must outlive a reboot: routes made by patterns"},
	{"mount", "root", VALUE_NAME, GLOBAL(root), NULL, 0, 0, 0, KEY_NULLABLE,
	 "backend (of type sftp) whose tree the whole mount shows; without it the local tier with its routes"},
	{"mount", "source", VALUE_TEXT, GLOBAL(source), NULL, 0, 0, 0, KEY_NULLABLE,
	 "what the mount table shows as source; without it guardfs:NAME, or as fstab has it"},
	{"mount", "subtype", VALUE_NAME, GLOBAL(subtype), "guardfs", 0, 0, 0, 0,
	 "what the mount table shows as type, behind fuse."},
	{"mount", "permissions", VALUE_BOOL, GLOBAL(check_permissions), "yes", 0, 0, 0, 0,
	 "the kernel checks owners and modes; no: the server does, and nobody here (with root alone)"},
	{"mount", "others", VALUE_BOOL, GLOBAL(allow_other), "yes", 0, 0, 0, 0,
	 "other users than the one who mounts may come in"},
	{"mount", "only_root", VALUE_BOOL, GLOBAL(only_root), "no", 0, 0, 0, 0,
	 "with others: of all other users root alone may come in"},
	{"mount", "must_connect", VALUE_BOOL, GLOBAL(must_connect), "no", 0, 0, 0, 0,
	 "guardfs does not start if a backend cannot be reached: nothing is mounted; no: it goes on trying"},
	{"mount", "suid", VALUE_BOOL, GLOBAL(allow_suid), "no", 0, 0, 0, 0, "honour set-user-ID bits"},
	{"mount", "dev", VALUE_BOOL, GLOBAL(allow_dev), "no", 0, 0, 0, 0, "honour device files"},
	{"mount", "closed", VALUE_BOOL, GLOBAL(closed), "no", 0, 0, 0, 0,
	 "when guardfs has ended its mountpoint gives ENOTCONN, not the bare directory"},
	{"mount", "passthrough", VALUE_BOOL, GLOBAL(passthrough), "yes", 0, 0, 0, 0,
	 "let the kernel read and write files of the local tier by itself (Linux 6.9 and later)"},
	{"mount", "sandbox", VALUE_BOOL, GLOBAL(sandbox), "yes", 0, 0, 0, 0,
	 "worker and keeper give up the privileges that they do not need"},
	{"mount", "cache", VALUE_DURATION, GLOBAL(local_cache_ms), "1s", 0, HOUR, 0, 0,
	 "how long the kernel may keep names and attributes of the local tier"},
	{"mount", "guarded_cache", VALUE_DURATION, GLOBAL(guarded_cache_ms), "1s", 0, SECOND, 0, 0,
	 "the same for guarded tiers"},
	{"mount", "readahead", VALUE_COUNT, GLOBAL(max_readahead_kib), "1024", 0, 65536, 0, 0,
	 "read-ahead of the mount in KiB, to begin with"},
	{"mount", "readahead_max", VALUE_COUNT, GLOBAL(readahead_most_kib), "8192", 0, 65536, 0, 0,
	 "the most that it grows to as reads from backends of type sftp turn out to be fast"},
	{"mount", "user_share", VALUE_COUNT, GLOBAL(user_share), "50", 1, 100, 0, 0,
	 "per cent of what is free that one user may take: open files, names, memory for listings; 100: no bound"},
	{"mount", "control_group", VALUE_NAME, GLOBAL(control_group), NULL, 0, 0, 0, KEY_NULLABLE,
	 "group whose members may read over the control socket (acting is root's)"},
	{"mount", "error", VALUE_ERRNO, GLOBAL(error), "EIO", 0, 0, 0, 0,
	 "errno that stands for trouble with the infrastructure"},

	{"backend", "type", VALUE_TYPE, BACKEND(type), NULL, 0, 0, 0, KEY_REQUIRED, "kind of storage"},
	{"backend", "host", VALUE_HOST, BACKEND(host), NULL, 0, 0, REMOTE, KEY_NULLABLE, "server"},
	{"backend", "port", VALUE_PORT, BACKEND(port), NULL, 0, 0, REMOTE, KEY_NULLABLE,
	 "port of its SSH service; without it ssh decides"},
	{"backend", "user", VALUE_USER, BACKEND(user), NULL, 0, 0, REMOTE, KEY_NULLABLE, "user on the server"},
	{"backend", "path", VALUE_TEXT, BACKEND(path), NULL, 0, 0, 0, KEY_NULLABLE,
	 "directory; on a server, empty means the user's home"},
	{"backend", "identity", VALUE_PATH, BACKEND(identity), NULL, 0, 0, REMOTE, KEY_NULLABLE | KEY_OUTSIDE,
	 "private key"},
	{"backend", "known_hosts", VALUE_PATH, BACKEND(known_hosts), NULL, 0, 0, REMOTE, KEY_NULLABLE | KEY_OUTSIDE,
	 "file with the server's host key"},
	{"backend", "password_file", VALUE_PATH, BACKEND(password_file), NULL, 0, 0, SFTP, KEY_NULLABLE | KEY_OUTSIDE,
	 "stream = libssh: file whose first line is the user's password, readable by its owner alone"},
	{"backend", "askpass", VALUE_PATH, BACKEND(askpass), NULL, 0, 0, SFTP, KEY_NULLABLE | KEY_OUTSIDE,
	 "stream = libssh: program that prints the passphrase of identity"},
	{"backend", "agent", VALUE_PATH, BACKEND(agent), NULL, 0, 0, SFTP, KEY_NULLABLE | KEY_OUTSIDE,
	 "stream = libssh: socket of an agent that has the key"},
	{"backend", "compression", VALUE_BOOL, BACKEND(compression), "no", 0, 0, SFTP, 0,
	 "stream = libssh: ask the server for compression of what goes both ways"},
	{"backend", "alias", VALUE_PATH, BACKEND(alias), NULL, 0, 0, 0, KEY_NULLABLE | KEY_NOT_ROOT,
	 "absolute prefix by which manifests name this backend"},
	{"backend", "expose", VALUE_PATH, BACKEND(expose), NULL, 0, 0, 0, KEY_NULLABLE | KEY_NOT_ROOT | KEY_OUTSIDE,
	 "where the whole backend, guarded, is bound on the host"},
	{"backend", "marker", VALUE_UUID, BACKEND(marker), NULL, 0, 0, 0, KEY_NULLABLE,
	 "UUID that the file .guardfs-id on the backend must hold"},
	{"backend", "adopt", VALUE_BOOL, BACKEND(adopt), "no", 0, 0, 0, 0,
	 "write a marker at first use if the backend has none"},
	{"backend", "uid", VALUE_ID, OWNER(uid), NULL, 0, 0, 0, 0, "owner that every file shows"},
	{"backend", "gid", VALUE_ID, OWNER(gid), NULL, 0, 0, 0, 0, "group that every file shows"},
	{"backend", "umask", VALUE_UMASK, OWNER(umask), NULL, 0, 0, 0, 0, "permission bits taken from every file, octal"},
	{"backend", "uid_map", VALUE_IDS, BACKEND(uid_map), NULL, 0, 0, SFTP, KEY_NULLABLE,
	 "THERE:HERE ...: owners whose number on the server is another one here"},
	{"backend", "gid_map", VALUE_IDS, BACKEND(gid_map), NULL, 0, 0, SFTP, KEY_NULLABLE, "the same for groups"},
	{"backend", "map_strictly", VALUE_BOOL, BACKEND(map_strictly), "no", 0, 0, SFTP, 0,
	 "EPERM for a file whose owner or group a map that is given does not have; no: it shows as it is"},
	{"backend", "contain_links", VALUE_BOOL, BACKEND(contain_links), "no", 0, 0, 0, 0,
	 "neither show nor make symbolic links that are absolute or go up"},
	{"backend", "relative_links", VALUE_BOOL, BACKEND(relative_links), "no", 0, 0, SFTP, 0,
	 "show absolute symbolic links to what is below path, absolute too, as relative ones"},
	{"backend", "follow_links", VALUE_BOOL, BACKEND(follow_links), "no", 0, 0, SFTP, 0,
	 "show what the server's symbolic links lead to in their place"},
	{"backend", "hard_links", VALUE_BOOL, BACKEND(hard_links), "yes", 0, 0, SFTP, 0,
	 "no: making one is EPERM, as on a file system without them"},
	{"backend", "sshfs_options", VALUE_TEXT, BACKEND(sshfs_options), NULL, 0, 0, SSHFS, KEY_NULLABLE,
	 "further options for sshfs, separated by commas"},
	{"backend", "sshfs_command", VALUE_COMMAND, BACKEND(sshfs_command), "sshfs", 0, 0, SSHFS, 0,
	 "the sshfs program"},
	{"backend", "stream", VALUE_STREAM, BACKEND(stream), "libssh", 0, 0, SFTP, 0,
	 "what reaches the server: libssh, or openssh, the OpenSSH client"},
	{"backend", "ssh_command", VALUE_COMMAND, BACKEND(ssh_command), "ssh", 0, 0, SFTP, 0,
	 "stream = openssh: the ssh program"},
	{"backend", "ssh_arguments", VALUE_TEXT, BACKEND(ssh_arguments), NULL, 0, 0, SFTP, KEY_NULLABLE,
	 "stream = openssh: words that ssh_command gets before all others, with quotes as in a shell"},
	{"backend", "sftp_server", VALUE_TEXT, BACKEND(sftp_server), "sftp", 0, 0, SFTP, 0,
	 "stream = openssh: the server's subsystem, or with a slash the program on the server, that speaks SFTP"},
	{"backend", "ssh_config", VALUE_PATH, BACKEND(ssh_config), NULL, 0, 0, SFTP, KEY_NULLABLE | KEY_OUTSIDE,
	 "stream = openssh: its configuration, instead of the user's and the system's"},
	{"backend", "ssh_options", VALUE_TEXT, BACKEND(ssh_options), NULL, 0, 0, SFTP, KEY_NULLABLE,
	 "stream = openssh: further options of ssh_config, Name=value, separated by commas"},
	{"backend", "ssh_lenient", VALUE_BOOL, BACKEND(ssh_lenient), "no", 0, 0, SFTP, 0,
	 "stream = openssh: host keys and logins are as ssh_config and ssh_options say, not strict"},
	{"backend", "command", VALUE_ARGV, BACKEND(command), NULL, 0, 0, COMMAND, KEY_NULLABLE,
	 "program that mounts it at {mountpoint}, and stays while it is mounted"},
	{"backend", "max_memory", VALUE_COUNT, BACKEND(max_memory_mib), "1024", 64, 1048576, CARRIED, 0,
	 "MiB that its program, or transport, may have in memory: one that takes more for a listing is ended"},
	{"backend", "max_inflight", VALUE_COUNT, BACKEND(max_inflight), "128", 1, 512, 0, 0,
	 "operations inside the backend at once"},
	{"backend", "canary", VALUE_BOOL, BACKEND(canary), "no", 0, 0, 0, 0,
	 "probes also write, read and remove a small file in its root"},
	{"backend", "durability", VALUE_DURABILITY, BACKEND(durability), "through", 0, 0, 0, 0,
	 "when a write is acknowledged: through, when storage has it; behind, before that"},
	{"backend", "buffer", VALUE_COUNT, BACKEND(buffer_mib), "64", 8, 256, 0, 0,
	 "durability = behind: MiB that may be acknowledged and not on storage yet"},
	{"backend", "drain", VALUE_DURATION, BACKEND(drain_ms), "5s", 100, MINUTE, 0, 0,
	 "durability = behind: no more than storage takes in this time"},
	{"backend", "checkpoint", VALUE_CHECKPOINT, BACKEND(checkpoint), "off", 0, 0, 0, 0,
	 "files being written sync by themselves after so many bytes, or so much time: 64M, 30s, or 64M 30s; off: never"},
	{"backend", "replay_check", VALUE_REPLAY, BACKEND(replay_check), "size", 0, 0, 0, 0,
	 "by what an open file that was written is known again after a reconnect: its size, or its content"},
	{"backend", "filter", VALUE_FILTER, BACKEND(filter), "none", 0, 0, 0, 0,
	 "fault: make trouble on command, for tests and drills"},
	{"backend", "fault_control", VALUE_PATH, BACKEND(fault_control), "RUN_DIR/fault.NAME", 0, 0, 0,
	 KEY_DERIVED | KEY_NULLABLE | KEY_OUTSIDE, "file that steers filter = fault"},

	{"deadline", "metadata", VALUE_DURATION, DEADLINE(OP_METADATA), "4s", 50, HOUR, 0, 0,
	 "lookup, stat, mkdir, rename, open, ..."},
	{"deadline", "read", VALUE_DURATION, DEADLINE(OP_READ), "10s", 50, HOUR, 0, 0, "reading"},
	{"deadline", "write", VALUE_DURATION, DEADLINE(OP_WRITE), "60s", 50, HOUR, 0, 0, "writing"},
	{"deadline", "sync", VALUE_DURATION, DEADLINE(OP_SYNC), "60s", 50, HOUR, 0, 0, "fsync and close"},
	{"deadline", "listing", VALUE_DURATION, GLOBAL(listing_ms), "10m", 50, 24 * HOUR, 0, 0,
	 "listing a directory in all, while its entries come; silent it may be for deadline.metadata"},

	{"tier", "manifest", VALUE_PATH, GLOBAL(manifest), NULL, 0, 0, 0, KEY_NULLABLE | KEY_OUTSIDE,
	 "tiering manifest, lines of COLD HOT"},
	{"tier", "pattern", VALUE_PATTERN, GLOBAL(patterns), NULL, 0, 0, 0, 0,
	 "GLOB = BACKEND:PREFIX: a directory made at a path like GLOB goes to the backend; may be repeated"},

	{"recovery", "backoff_min", VALUE_DURATION, GLOBAL(backoff_min_ms), "1s", 10, HOUR, 0, 0,
	 "pause after the first failed try"},
	{"recovery", "backoff_max", VALUE_DURATION, GLOBAL(backoff_max_ms), "60s", 10, 24 * HOUR, 0, 0,
	 "longest pause between tries"},
	{"recovery", "probe_interval", VALUE_DURATION, GLOBAL(probe_interval_ms), "5s", 50, HOUR, 0, 0,
	 "time between probes of a backend"},
	{"recovery", "probe_timeout", VALUE_DURATION, GLOBAL(probe_timeout_ms), "4s", 50, HOUR, 0, 0,
	 "a probe without an answer for so long has failed"},
	{"recovery", "connect_timeout", VALUE_DURATION, GLOBAL(connect_timeout_ms), "20s", 50, HOUR, 0, 0,
	 "a try to connect is given up after this"},
	{"recovery", "probe_jitter", VALUE_COUNT, GLOBAL(probe_jitter), "10", 0, 50, 0, 0,
	 "per cent by which the time between probes varies"},
	{"recovery", "confirm", VALUE_DURATION, GLOBAL(confirm_ms), "0s", 0, HOUR, 0, 0,
	 "a backend is down for so long before the first try"},
	{"recovery", "patience", VALUE_DURATION, GLOBAL(patience_ms), "10s", 0, HOUR, 0, 0,
	 "how long an outage is young: its callers wait for the backend's return; 0: they fail at once"},
	{"recovery", "recoveries_per_hour", VALUE_COUNT, GLOBAL(recoveries_per_hour), "20", 0, 100, 0, 0,
	 "outages of a backend that are recovered from in an hour; 0: no cap"},
	{"recovery", "recoveries_per_day", VALUE_COUNT, GLOBAL(recoveries_per_day), "100", 0, 240, 0, 0,
	 "the same in a day"},
	{"recovery", "flap_count", VALUE_COUNT, GLOBAL(flap_count), "4", 0, 64, 0, 0,
	 "a backend lost so often within flap_window is flapping; 0: never"},
	{"recovery", "flap_window", VALUE_DURATION, GLOBAL(flap_window_ms), "600s", SECOND, 24 * HOUR, 0, 0,
	 "see flap_count"},
	{"recovery", "diagnose", VALUE_BOOL, GLOBAL(diagnose), "yes", 0, 0, 0, 0,
	 "ask the server, beside the mount, why a backend is down"},
	{"recovery", "connections", VALUE_COUNT, GLOBAL(connections), "4", 1, 64, 0, 0,
	 "SSH connections to one account at once, diagnosis included"},
	{"recovery", "slow_metadata", VALUE_DURATION, GLOBAL(slow_ms[OP_METADATA]), "2s", 0, HOUR, 0, 0,
	 "lookup, stat and the like slower than this are slow; 0: never"},
	{"recovery", "slow_read", VALUE_DURATION, GLOBAL(slow_ms[OP_READ]), "5s", 0, HOUR, 0, 0, "the same for reading"},
	{"recovery", "slow_write", VALUE_DURATION, GLOBAL(slow_ms[OP_WRITE]), "30s", 0, HOUR, 0, 0,
	 "the same for writing"},
	{"recovery", "slow_sync", VALUE_DURATION, GLOBAL(slow_ms[OP_SYNC]), "30s", 0, HOUR, 0, 0,
	 "the same for fsync and close"},
	{"recovery", "slow_for", VALUE_DURATION, GLOBAL(slow_for_ms), "60s", SECOND, HOUR, 0, 0,
	 "a backend slow for so long is degraded"},

	{"recovery", "settle", VALUE_BOOL, GLOBAL(settle), "yes", 0, 0, 0, 0,
	 "look by itself what has become of files that may lack something"},
	{"recovery", "settle_rate", VALUE_COUNT, GLOBAL(settle_rate_mib), "8", 1, 4096, 0, 0,
	 "MiB a second of a backend at most that are read for it"},

	{"hooks", "sentinel", VALUE_PATH, GLOBAL(sentinel), NULL, 0, 0, 0, KEY_NULLABLE | KEY_OUTSIDE,
	 "file that must exist for anything that acts beyond guardfs itself"},
	{"hooks", "timeout", VALUE_DURATION, GLOBAL(hook_timeout_ms), "60s", 100, HOUR, 0, 0,
	 "a hook is killed after this"},
	{"hooks", "confirm_failures", VALUE_COUNT, GLOBAL(act_confirm_failures), "2", 0, 1000, 0, 0,
	 "failed tries before on_down"},
	{"hooks", "confirm_age", VALUE_DURATION, GLOBAL(act_confirm_ms), "120s", 0, 24 * HOUR, 0, 0,
	 "age of the outage before on_down"},
	{"hooks", "cooldown", VALUE_DURATION, GLOBAL(act_cooldown_ms), "900s", 0, 24 * HOUR, 0, 0,
	 "time between two outages for which on_down is run"},
	{"hooks", "per_hour", VALUE_COUNT, GLOBAL(act_per_hour), "2", 0, 100, 0, 0,
	 "outages in an hour for which on_down is run; 0: no cap"},
	{"hooks", "per_day", VALUE_COUNT, GLOBAL(act_per_day), "6", 0, 240, 0, 0, "the same in a day"},
	{"hooks", "on_down", VALUE_PROGRAM, GLOBAL(hooks), NULL, 0, 0, 0, 0,
	 "program run when a backend is down and that is confirmed; may be repeated, as the others"},
	{"hooks", "on_recovered", VALUE_PROGRAM, GLOBAL(hooks), NULL, 0, 0, 0, 0,
	 "program run when a backend for which on_down was run is healthy again"},
	{"hooks", "on_exhausted", VALUE_PROGRAM, GLOBAL(hooks), NULL, 0, 0, 0, 0,
	 "program run when a backend is given up until an operator says go"},
	{"hooks", "on_stall", VALUE_PROGRAM, GLOBAL(hooks), NULL, 0, 0, 0, 0, "program run for a job that makes no progress"},
	{"hooks", "on_suspect", VALUE_PROGRAM, GLOBAL(hooks), NULL, 0, 0, 0, 0,
	 "program run when data that was written may be lost"},

	{"jobs", "pattern", VALUE_GLOB, GLOBAL(job_patterns), NULL, 0, 0, 0, 0,
	 "GLOB: a directory at a path like GLOB is a job, whose progress is watched; may be repeated"},
	{"jobs", "stall_sentinel", VALUE_PATH, GLOBAL(stall_sentinel), NULL, 0, 0, 0, KEY_NULLABLE | KEY_OUTSIDE,
	 "file that must exist for on_stall to be run"},
	{"jobs", "stall_cooldown", VALUE_DURATION, GLOBAL(stall_cooldown_ms), "900s", 0, 24 * HOUR, 0, 0,
	 "time between two runs of on_stall for a job"},
	{"jobs", "stall_per_day", VALUE_COUNT, GLOBAL(stall_per_day), "3", 0, 100, 0, 0,
	 "runs of on_stall for a job in a day; 0: no cap"},

	{"state", "files", VALUE_NAMES, GLOBAL(state_files), ".archive_state.json JOB/*.json JOB/*.yaml", 0, 0, 0, KEY_NULLABLE,
	 "files of backends that are rewritten at once or not at all: globs of names, JOB/: directly in a job's directory"},
	{"state", "size", VALUE_COUNT, GLOBAL(state_size_kib), "1024", 1, 16384, 0, 0,
	 "KiB: a larger file is none of them"},
	{"state", "generations", VALUE_COUNT, GLOBAL(state_generations), "5", 0, 100, 0, 0,
	 "versions of each that are kept on the local disk; 0: none"},
	{"state", "keep_size", VALUE_COUNT, GLOBAL(state_keep_mib), "64", 1, 65536, 0, 0,
	 "MiB of versions in all beyond which the oldest go"},

	{"journal", "keep_days", VALUE_COUNT, GLOBAL(journal_keep_days), "400", 1, 3650, 0, 0,
	 "history older than this is forgotten"},
	{"journal", "keep_size", VALUE_COUNT, GLOBAL(journal_keep_mib), "64", 1, 65536, 0, 0,
	 "size in MiB beyond which the oldest history is forgotten"},

	{"metrics", "textfile", VALUE_PATH, GLOBAL(metrics_textfile), NULL, 0, 0, 0,
	 KEY_NULLABLE | KEY_NOT_ROOT | KEY_OUTSIDE, "file for node_exporter's textfile collector"},
	{"metrics", "healtharchive", VALUE_BOOL, GLOBAL(metrics_healtharchive), "no", 0, 0, 0, 0,
	 "also give metrics the names that HealthArchive's rules and dashboards know"},
};
/* clang-format on */

const char *const config_sections[] = {"mount", "deadline", "tier",    "recovery", "hooks",
				       "jobs",	"state",    "journal", "metrics",  NULL};

const size_t config_key_count = ARRAY_SIZE(config_keys);

_Static_assert(ARRAY_SIZE(config_keys) <= CONFIG_KEYS_MAX, "struct config_lines holds a line for each key");

const struct config_key *config_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (strcmp(config_keys[i].section, section) == 0 && strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	}
	return NULL;
}

bool config_section_exists(const char *section)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (strcmp(config_keys[i].section, section) == 0)
			return true;
	}
	return false;
}

void config_section_list(char *list, size_t size)
{
	size_t used = 0;

	list[0] = '\0';
	for (size_t i = 0; i < config_key_count && used < size; i++) {
		const char *section = config_keys[i].section;
		size_t first = 0;

		while (strcmp(config_keys[first].section, section) != 0)
			first++;
		if (first == i)
			used += (size_t)snprintf(list + used, size - used, "%s%s%s", i ? ", " : "", section,
						 strcmp(section, "backend") == 0 ? " NAME" : "");
	}
}

void config_key_list(const char *section, char *list, size_t size)
{
	static const char more[] = "... (guardfs.conf(5))";
	size_t used = 0;

	list[0] = '\0';
	for (size_t i = 0; i < config_key_count && used < size; i++) {
		if (strcmp(config_keys[i].section, section) == 0)
			used += (size_t)snprintf(list + used, size - used, "%s%s", used ? ", " : "",
						 config_keys[i].name);
	}
	if (used < size)
		return;
	/* The man page has them all. */
	list[size - sizeof(more)] = '\0';
	strcpy(strrchr(list, ' ') ? strrchr(list, ' ') + 1 : list, more);
}

void config_set_defaults(const char *section, void *owner)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(key->section, section) == 0 && key->fallback && !(key->flags & KEY_DERIVED))
			(void)config_value_parse(key, key->fallback, config_field(owner, key));
	}
}
