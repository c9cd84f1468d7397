/* transport_command.c: any program that mounts something (type = command), such as rclone or glusterfs. It stays in the
 * foreground while it is mounted: its end is the end of the mount. See transport.h. */
#include "keeper/transport.h"
#include "base/mounts.h"
#include "sshfs-compat/sshfs-compat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOUNTPOINT "{mountpoint}"
#define NAME	   "{name}"

/* Or NULL. malloc'ed. */
static char *replace(const char *text, const char *what, const char *by)
{
	size_t size = strlen(text) + 1, n = 0;
	const char *at;
	char *out;

	for (at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	out = malloc(size + n * strlen(by));
	if (!out)
		return NULL;
	out[0] = '\0';
	for (at = text; (text = strstr(at, what)); at = text + strlen(what)) {
		strncat(out, at, (size_t)(text - at));
		strcat(out, by);
	}
	return strcat(out, at);
}

/* In the child, which gives the memory back by exec or its end. */
static char *fill_word(const struct transport *t, const char *word)
{
	char *with_mountpoint = replace(word, MOUNTPOINT, t->mountpoint);

	return with_mountpoint ? replace(with_mountpoint, NAME, t->fsname) : NULL;
}

static void exec_command(const struct transport *t)
{
	char *argv[CONFIG_HOOK_WORDS_MAX + 1];
	unsigned n = config_program_words(&t->backend->command, argv), filled = 0;

	while (filled < n && (argv[filled] = fill_word(t, argv[filled])))
		filled++;
	syscall(SYS_close_range, 3u, ~0u, 0);
	if (n > 0 && filled == n)
		execv(argv[0], argv);
	dprintf(STDERR_FILENO, "cannot execute the command: %s\n", strerror(errno));
	_exit(127);
}

static errint_t check_command(struct transport *t, char *message)
{
	char *argv[CONFIG_HOOK_WORDS_MAX + 1];
	unsigned n = config_program_words(&t->backend->command, argv);

	if (n > 0 && access(argv[0], X_OK) == 0)
		return 0;
	snprintf(message, CONFIG_ERROR_MAX, "cannot execute %.200s: %s", n > 0 ? argv[0] : "the command",
		 n > 0 ? strerror(errno) : "none is configured");
	return -ENOENT;
}

/* Programs say the same as ssh of the same troubles, for both hand on what connect(2) and the like say. */
static enum errclass explain_command(struct transport *t, char *detail, size_t size)
{
	return sshfs_diagnose(t->text, t->used, detail, size);
}

/* The directory was made for this epoch: what is mounted there is the program's. */
static bool is_mounted(const struct transport *t)
{
	struct mount_entry e;

	return mount_find_at(t->mountpoint, &e) == 0 && strcmp(e.mountpoint, t->mountpoint) == 0;
}

const struct transport_kind transport_command = {.name = "the command",
						 .check = check_command,
						 .prepare = transport_prepare_mountpoint,
						 .exec = exec_command,
						 .adopt = transport_adopt_mount,
						 .ready = is_mounted,
						 .explain = explain_command,
						 .end = transport_leave_alone,
						 .forget = transport_leave_alone,
						 .clear = transport_clear_mounts};
