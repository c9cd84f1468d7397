#include "ctl/watch/watch.h"

/* A terminal in the locale's characters; the rest as macros would shadow names. */
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <term.h>
#include <time.h>
#include <unistd.h>

/* Of term.h, which means other things by it. */
#undef lines
#undef columns

static SCREEN *screen;

static chtype attributes_of(enum watch_look look)
{
	static const attr_t plain[] = {
	    [WATCH_PLAIN] = A_NORMAL, [WATCH_TITLE] = A_BOLD,	[WATCH_DIM] = A_DIM,
	    [WATCH_GOOD] = A_NORMAL,  [WATCH_WARNING] = A_BOLD, [WATCH_BAD] = A_REVERSE};

	return has_colors() && look >= WATCH_GOOD ? (chtype)COLOR_PAIR((int)look) | A_BOLD
						  : (chtype)plain[look];
}

static void begin_colors(void)
{
	if (!has_colors())
		return;
	start_color();
	use_default_colors();
	init_pair(WATCH_GOOD, COLOR_GREEN, -1);
	init_pair(WATCH_WARNING, COLOR_YELLOW, -1);
	init_pair(WATCH_BAD, COLOR_RED, -1);
}

/* newterm ends the process for a terminal that it does not know: asked first. */
static bool can_draw(void)
{
	char cup[] = "cup";
	int error;

	return setupterm(NULL, STDOUT_FILENO, &error) == OK && tigetstr(cup) != NULL &&
	       tigetstr(cup) != (char *)-1;
}

bool watch_screen_open(void)
{
	if (!can_draw())
		return false;
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return false;
	begin_colors();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	return true;
}

void watch_screen_close(void)
{
	endwin();
	delscreen(screen);
	screen = NULL;
}

int watch_screen_width(void)
{
	return COLS;
}

static void show_last_line(const struct watch_page *page, size_t top, size_t rows)
{
	char text[128];
	time_t now = time(NULL);
	struct tm tm = {0};

	localtime_r(&now, &tm);
	snprintf(text, sizeof(text), " %02d:%02d:%02d  q: quit%s", tm.tm_hour, tm.tm_min, tm.tm_sec,
		 page->lines > rows ? "  up, down: more" : "");
	if (page->lines > rows)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " (%zu to %zu of %zu)", top + 1,
			 MIN(top + rows, page->lines), page->lines);
	attrset((int)attributes_of(WATCH_DIM));
	mvaddnstr(LINES - 1, 0, text, COLS - 1);
	clrtoeol();
}

void watch_screen_show(const struct watch_page *page, size_t *top)
{
	size_t rows = LINES > 1 ? (size_t)LINES - 1 : 1, line = 0;

	*top = MIN(*top, page->lines > rows ? page->lines - rows : 0);
	/* Not clear(3): what stays the same is not sent again. */
	erase();
	for (size_t i = 0; i < page->n; i++) {
		line += page->pieces[i].begins;
		if (line <= *top || line > *top + rows)
			continue;
		if (page->pieces[i].begins)
			move((int)(line - 1 - *top), 0);
		attrset((int)attributes_of(page->pieces[i].look));
		addstr(page->pieces[i].text);
	}
	if (LINES > 1)
		show_last_line(page, *top, rows);
	refresh();
}

/* *top may go too far: watch_screen_show brings it back. */
static enum watch_key take_key(int key, size_t *top)
{
	size_t most = LINES > 2 ? (size_t)LINES - 2 : 1;

	switch (key) {
	case 'q':
	case 'Q':
		return WATCH_KEY_QUIT;
	case KEY_RESIZE:
		return WATCH_KEY_RESIZED;
	case 'j':
	case KEY_DOWN:
		*top += 1;
		return WATCH_KEY_SCROLLED;
	case 'k':
	case KEY_UP:
		*top -= MIN(*top, (size_t)1);
		return WATCH_KEY_SCROLLED;
	case ' ':
	case KEY_NPAGE:
		*top += most;
		return WATCH_KEY_SCROLLED;
	case KEY_PPAGE:
		*top -= MIN(*top, most);
		return WATCH_KEY_SCROLLED;
	case 'L' & 0x1F: /* as everywhere: something else has written there */
		clearok(curscr, TRUE);
		return WATCH_KEY_SCROLLED;
	default:
		return WATCH_KEY_NONE;
	}
}

enum watch_key watch_screen_key(int ms, size_t *top)
{
	struct pollfd terminal = {.fd = STDIN_FILENO, .events = POLLIN};
	int n = poll(&terminal, 1, ms), key;

	if (n < 0 && errno != EINTR)
		return WATCH_KEY_QUIT;
	key = getch(); /* a resize without input too */
	if (key == ERR)
		return n > 0 ? WATCH_KEY_QUIT : WATCH_KEY_NONE;
	return take_key(key, top);
}
