/* guardctl watch: a page laid out from status.json, and two ways to show it. One thread. */
#ifndef GUARDFS_CTL_WATCH_WATCH_H
#define GUARDFS_CTL_WATCH_WATCH_H

#include "ctl/ctl.h"
#include <stdio.h>

/* ---- fit.c: foreign text in columns. Pure but for the character set of the locale (LC_CTYPE). ---- */

enum watch_cut { WATCH_CUT_END, WATCH_CUT_START };

/* Without anything that steers a terminal, has no width or is unknown to the locale: that becomes \xHH. The
 * caller's; NULL: out of memory, as of the next two. */
char *watch_clean(const char *s) WARN_UNUSED;

/* Of watch_clean's text. */
int watch_columns(const char *clean);

/* s, cleaned, in exactly so many columns: cut with a mark, or padded. */
char *watch_fit(const char *s, int columns, enum watch_cut cut) WARN_UNUSED;

/* The part of *rest that fits, broken at a blank if there is one. Moves *rest on; NULL: nothing is left. */
char *watch_wrap(const char **rest, int columns) WARN_UNUSED;

/* ---- layout.c: pure, as above ---- */

enum watch_look { WATCH_PLAIN, WATCH_TITLE, WATCH_DIM, WATCH_GOOD, WATCH_WARNING, WATCH_BAD };

struct watch_view {
	/* The last one read; NULL: none. Borrowed. */
	const json_t *status;
	/* Why no newer one can be had; "": it can. */
	const char *trouble;
	/* In seconds since the epoch. */
	int64_t now;
	/* Of status. */
	int64_t age;
	/* At least WATCH_COLUMNS_MIN. */
	int columns;
};

#define WATCH_COLUMNS_MIN 20
#define WATCH_COLUMNS_MAX 1000

struct watch_piece {
	enum watch_look look;
	/* The first of a line begins it. */
	bool begins;
	char *text;
};

/* No line is wider than view's columns. */
struct watch_page {
	struct watch_piece *pieces;
	size_t n, room;
	size_t lines;
	bool no_memory;
};

/* In either case watch_page_release. 0 or -ENOMEM: incomplete. */
errint_t watch_layout(const struct watch_view *view, struct watch_page *page) WARN_UNUSED;
void watch_page_release(struct watch_page *page);

/* As text, blanks at line ends removed. */
void watch_print(FILE *out, const struct watch_page *page);

/* ---- screen.c: the terminal, by ncurses ---- */

/* False: it cannot be drawn on (TERM=dumb, unknown). */
bool watch_screen_open(void);
void watch_screen_close(void);

/* In columns. */
int watch_screen_width(void);

/* From line *top on, which is moved where nothing would be seen. */
void watch_screen_show(const struct watch_page *page, size_t *top);

enum watch_key { WATCH_KEY_NONE, WATCH_KEY_QUIT, WATCH_KEY_SCROLLED, WATCH_KEY_RESIZED };

/* Waits for one for at most ms. QUIT also where the terminal is gone. Moves *top. */
enum watch_key watch_screen_key(int ms, size_t *top);

#endif
