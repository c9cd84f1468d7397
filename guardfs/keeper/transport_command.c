/* Any program that mounts something (type = command), such as rclone or glusterfs. It stays in the
 * foreground: its end is the mount's. */
#include "keeper/transport.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mounts.h"
#include "sshfs-compat/sshfs-compat.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of its words to the log. */
#define LINES_MAX 20
#define LINES_MS  60000

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

/* In the child: exec or its end frees the memory. */
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
	signal(SIGPIPE, SIG_DFL);  /* its own pipes may end as they like */
	unsetenv("NOTIFY_SOCKET"); /* guardfs's own word with systemd */
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

/* Endless complaints must not fill the log. */
static bool may_log(struct transport *t)
{
	uint64_t now_ns = clock_mono_ns();

	if (t->lines_since_ns == 0 || now_ns >= t->lines_since_ns + LINES_MS * NSEC_PER_MSEC) {
		if (t->lines_left_out > 0)
			log_info("backend %s: %u lines of its program were left out", t->backend->name,
				 t->lines_left_out);
		t->lines_since_ns = now_ns;
		t->lines_logged = t->lines_left_out = 0;
	}
	if (t->lines_logged < LINES_MAX) {
		t->lines_logged++;
		return true;
	}
	t->lines_left_out++;
	return false;
}

static void log_line(struct transport *t)
{
	/* Of one that connects the state's changes tell. */
	if (t->line_used > 0 && t->used_by_callers && may_log(t))
		log_info("backend %s: its program says: %.*s", t->backend->name, (int)t->line_used, t->line);
	t->line_used = 0;
}

/* The end of a longer line is left out. */
static void hear_command(struct transport *t, const char *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)words[i];

		if (c == '\n')
			log_line(t);
		else if (t->line_used < sizeof(t->line))
			t->line[t->line_used++] = iscntrl(c) ? ' ' : (char)c;
	}
}

static void last_line(const struct transport *t, size_t *from, size_t *n)
{
	size_t end = t->used;

	while (end > 0 && isspace((unsigned char)t->text[end - 1]))
		end--;
	*from = end;
	while (*from > 0 && t->text[*from - 1] != '\n')
		(*from)--;
	*n = end - *from;
}

/* Like ssh, programs hand on what connect(2) and the like say. Once callers use it, it says so of their files,
 * too: then it is only quoted. */
static enum errclass explain_command(struct transport *t, char *detail, size_t size)
{
	size_t from = 0, n = t->used;
	enum errclass class;

	if (t->used_by_callers)
		last_line(t, &from, &n);
	class = sshfs_diagnose(t->text + from, n, detail, size);
	return t->used_by_callers ? ERRCLASS_NONE : class;
}

/* The directory is this epoch's: what is mounted there is the program's. */
static bool is_mounted(const struct transport *t)
{
	struct mount_entry e;

	return mount_find_at(t->mountpoint, &e) == 0 && strcmp(e.mountpoint, t->mountpoint) == 0;
}

/* Where the mark of all it started is unknown. */
static unsigned clear_command(struct transport *t, const char *token)
{
	char *argv[CONFIG_HOOK_WORDS_MAX + 1];

	if (t->mark == 0 && config_program_words(&t->backend->command, argv) > 0)
		return transport_clear_mounts(t, token, argv[0]);
	transport_detach(t);
	return 0;
}

const struct transport_kind transport_command = {.name = "the command",
						 .any_program = true,
						 .check = check_command,
						 .prepare = transport_prepare_mountpoint,
						 .exec = exec_command,
						 .adopt = transport_adopt_mount,
						 .hear = hear_command,
						 .ready = is_mounted,
						 .explain = explain_command,
						 .end = transport_leave_alone,
						 .forget = transport_leave_alone,
						 .clear = clear_command};
