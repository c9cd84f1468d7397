#include "base/clock.h"
#include "ctl/watch/watch.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_MS	      250  /* between looks at status.json, which lies in memory */
#define PLAIN_MS      1000 /* on a terminal that scrolls, which is written to when something is new */
#define COLUMNS_PLAIN 80

struct watch {
	const struct ctl_options *options;
	struct ctl_instance instance;
	bool found;
	char trouble[CTL_MESSAGE_MAX];
	int status;
};

/* Names are shown in UTF-8 wherever nobody says otherwise. */
static void choose_characters(bool terminal)
{
	(void)setlocale(LC_CTYPE, "");
	if (!terminal && strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
}

/* Keeps the last status where no newer one can be had. */
static void look_at_status(struct watch *w)
{
	if (w->found) {
		w->status = ctl_instance_reload(&w->instance, w->trouble);
		return;
	}
	ctl_instance_release(&w->instance);
	w->status = ctl_instance_open(&w->instance, w->options, ctl_run_root, w->trouble);
	w->found = w->status == CTL_EXIT_OK;
}

static errint_t lay_out(struct watch *w, int columns, struct watch_page *page)
{
	struct watch_view view = {.status = w->found ? w->instance.status : NULL,
				  .trouble = w->status ? w->trouble : "",
				  .now = (int64_t)(clock_real_ns() / NSEC_PER_SEC),
				  .columns = columns};

	if (view.status)
		view.age = MAX(view.now - ctl_number(view.status, "time"), 0);
	return watch_layout(&view, page);
}

static int print_page(struct watch *w)
{
	const char *columns = getenv("COLUMNS");
	uint64_t width = COLUMNS_PLAIN;
	struct watch_page page;
	errint_t err;

	if (columns && ctl_parse_number(columns, WATCH_COLUMNS_MAX, &width))
		width = COLUMNS_PLAIN;
	err = lay_out(w, (int)width, &page);
	if (err == 0)
		watch_print(stdout, &page);
	watch_page_release(&page);
	if (err < 0)
		return ctl_fail(CTL_EXIT_UNREACHABLE, "short of memory");
	return fflush(stdout) == 0 ? w->status : CTL_EXIT_REFUSED;
}

/* True: q, or nobody is there any more. */
static bool is_told_to_quit(int ms)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	char c;

	if (poll(&input, 1, ms) <= 0)
		return false;
	return read(STDIN_FILENO, &c, 1) != 1 || c == 'q';
}

/* For terminals that cannot be drawn on. */
static int run_plain(struct watch *w)
{
	int64_t shown = -1;
	int last = -1;

	for (;;) {
		int64_t time;

		look_at_status(w);
		time = w->found ? ctl_number(w->instance.status, "time") : 0;
		if (time != shown || w->status != last) {
			putchar('\n');
			(void)print_page(w);
		}
		shown = time;
		last = w->status;
		if (ferror(stdout) || is_told_to_quit(PLAIN_MS))
			return CTL_EXIT_OK;
	}
}

static int run_screen(struct watch *w)
{
	enum watch_key key = WATCH_KEY_NONE;
	size_t top = 0;

	while (key != WATCH_KEY_QUIT) {
		struct watch_page page;

		look_at_status(w);
		/* Short of memory: as much as there is. */
		if (lay_out(w, watch_screen_width(), &page) == 0 || page.lines > 0)
			watch_screen_show(&page, &top);
		watch_page_release(&page);
		key = watch_screen_key(LOOK_MS, &top);
	}
	watch_screen_close();
	return CTL_EXIT_OK;
}

int ctl_cmd_watch(const struct ctl_options *options, int argc, char **argv)
{
	struct watch w = {.options = options};
	bool terminal = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
	int status;

	(void)argc;
	(void)argv;
	choose_characters(terminal);
	if (!options->once && !terminal)
		return ctl_fail(CTL_EXIT_REFUSED,
				"watch needs a terminal. For one look: guardctl watch --once");
	look_at_status(&w);
	/* A wrong name does not become right by waiting. */
	if (w.status == CTL_EXIT_USAGE)
		status = ctl_fail(w.status, "%s", w.trouble);
	else if (options->once)
		status = print_page(&w);
	else if (watch_screen_open())
		status = run_screen(&w);
	else
		status = run_plain(&w);
	ctl_instance_release(&w.instance);
	return status;
}
