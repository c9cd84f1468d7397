/* Versions of programs and libraries, and known holes. */
#include "ctl/capture.h"
#include "ctl/doctor/doctor.h"
#include "sshfs-compat/sshfs-compat.h"
#include <errno.h>
#include <libssh/libssh.h>
#include <stdio.h>
#include <unistd.h>

/* "3.7.3" after word: 3007003; 0: none. */
static unsigned version_number(const char *text, const char *word)
{
	const char *at = strstr(text, word);
	unsigned a = 0, b = 0, c = 0;

	if (!at)
		return 0;
	at += strlen(word);
	at += strcspn(at, "0123456789\n");
	return sscanf(at, "%u.%u.%u", &a, &b, &c) >= 2 && a < 1000 && b < 1000 && c < 1000
		   ? (a * 1000 + b) * 1000 + c
		   : 0;
}

static unsigned shown(unsigned version, unsigned unit)
{
	return version / unit % 1000;
}

void doctor_judge_sshfs(struct doctor *d, const char *version, const char *help)
{
	unsigned v = version_number(version, "SSHFS version");
	struct sshfs_features features;

	sshfs_features_parse(help, &features);

	if (features.is_guard)
		doctor_find(d, DOCTOR_ERROR, "sshfs",
			    "apt-get install sshfs, correct sshfs_command, or take type = sftp.",
			    "sshfs is sshfs-guard here, which carries no backend");
	else if (v == 0)
		doctor_find(d, DOCTOR_ERROR, "sshfs", "apt-get install sshfs, or correct sshfs_command.",
			    "sshfs cannot be run: backends of type sshfs cannot be mounted");
	else if (v < 3007006 && !features.contain_symlinks)
		doctor_find(
		    d, DOCTOR_WARNING, "sshfs",
		    "Install 3.7.6 or later, or a patched one (Debian 12: 3.7.3-1.2). guardfs's backends: "
		    "contain_links = yes, unless you trust the server.",
		    "sshfs %u.%u.%u lets a server's symlinks lead out of the mount (CVE-2026-47187)",
		    shown(v, 1000000), shown(v, 1000), shown(v, 1));
	else
		doctor_find(d, DOCTOR_OK, "sshfs", "", "sshfs %u.%u.%u, without CVE-2026-47187",
			    shown(v, 1000000), shown(v, 1000), shown(v, 1));
}

/* Debian's security updates of an open upstream version, as 0.10.6-0+deb12u3. */
static bool patched_by_debian(const char *package)
{
	unsigned release = 0, update = 0;
	const char *at = strstr(package, "+deb");

	return strncmp(package, "0.10.6-", 7) == 0 && at && sscanf(at, "+deb%uu%u", &release, &update) == 2 &&
	       release == 12 && update >= 3;
}

void doctor_judge_libssh(struct doctor *d, const char *library, const char *package)
{
	unsigned v = version_number(library, "");

	if (patched_by_debian(package))
		doctor_find(d, DOCTOR_OK, "libssh", "", "libssh %s, without CVE-2026-59847", package);
	else if (v && v <= 10006)
		doctor_find(d, DOCTOR_WARNING, "libssh",
			    "Debian 12: apt-get install libssh-4 (0.10.6-0+deb12u3 or later).",
			    "libssh %s takes a bad AES-GCM tag for a good one (CVE-2026-59847); what a "
			    "server sends is therefore ciphered with AES-GCM last",
			    package[0] ? package : library);
	else
		doctor_find(d, DOCTOR_NOTE, "libssh", "Ask your distribution about CVE-2026-59847.",
			    "libssh %s: doctor does not know whether CVE-2026-59847 is mended in it",
			    package[0] ? package : library);
}

void doctor_judge_ssh(struct doctor *d, const char *version)
{
	unsigned v = version_number(version, "OpenSSH_");

	if (v == 0)
		doctor_find(d, DOCTOR_ERROR, "ssh", "apt-get install openssh-client",
			    "the OpenSSH client cannot be run: sshfs, or stream = openssh, needs it");
	else
		doctor_find(d, DOCTOR_OK, "ssh", "", "%.*s", (int)strcspn(version, "\n"), version);
}

static const char *sshfs_command(const struct doctor *d)
{
	for (uint32_t i = 0; d->config && i < d->config->n_backends; i++)
		if (d->config->backends[i].type == BACKEND_SSHFS)
			return sshfs_program(d->config->backends[i].sshfs_command);
	return d->config ? NULL : sshfs_program("");
}

/* NULL: none is needed. Without a configuration sshfs's is asked. */
static const char *ssh_command(const struct doctor *d)
{
	for (uint32_t i = 0; d->config && i < d->config->n_backends; i++)
		if (backend_is_reached_by_ssh(&d->config->backends[i]))
			return d->config->backends[i].ssh_command;
	return sshfs_command(d) ? "ssh" : NULL;
}

/* Some print versions as errors. */
static int ask_program(const char *const *argv, char *buf, size_t size)
{
	return capture_run(argv, CAPTURE_OUTPUT_AND_ERRORS, DOCTOR_PROGRAM_MS, buf, size);
}

void doctor_judge_command(struct doctor *d, const struct config_backend *b)
{
	char *words[CONFIG_HOOK_WORDS_MAX + 1], id[64];
	unsigned n = config_program_words(&b->command, words);

	snprintf(id, sizeof(id), "command:%s", b->name);
	if (n == 0 || access(words[0], X_OK) < 0)
		doctor_find(d, DOCTOR_ERROR, id, "Install it, or correct command.", "%s cannot be run: %s",
			    n > 0 ? words[0] : "the program", strerror(errno));
	else if (!b->marker[0] && !b->adopt)
		doctor_find(d, DOCTOR_WARNING, id, "adopt = yes, or marker = what its .guardfs-id says.",
			    "nothing proves that what %s mounts is the storage meant", words[0]);
	else
		doctor_find(d, DOCTOR_OK, id, "", "%s can be run, and a marker proves what it mounts",
			    words[0]);
}

void doctor_check_programs(struct doctor *d)
{
	const char *sshfs = sshfs_command(d);
	const char *version_of[] = {sshfs, "-V", NULL}, *help_of[] = {sshfs, "-h", NULL};
	const char *ssh = ssh_command(d), *ssh_version_of[] = {ssh, "-V", NULL};
	static const char *const query[] = {"dpkg-query", "-W", "-f=${Version}", "libssh-4", NULL};
	char version[1024], help[32768];

	for (uint32_t i = 0; d->config && i < d->config->n_backends; i++)
		if (d->config->backends[i].type == BACKEND_COMMAND)
			doctor_judge_command(d, &d->config->backends[i]);
	if (sshfs) {
		(void)ask_program(version_of, version, sizeof(version));
		(void)ask_program(help_of, help, sizeof(help));
		doctor_judge_sshfs(d, version, help);
	}
	if (ssh) {
		(void)ask_program(ssh_version_of, version, sizeof(version));
		doctor_judge_ssh(d, version);
	}
	if (ask_program(query, version, sizeof(version)) != 0)
		version[0] = '\0';
	doctor_judge_libssh(d, ssh_version(0), version);
}
