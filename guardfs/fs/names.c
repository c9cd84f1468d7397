#include "fs/names.h"
#include "fs/dirs.h"
#include "fs/missed.h"

struct listed_moment names_begin(const struct backend *b)
{
	return b->board ? listed_now(b) : (struct listed_moment){0};
}

void names_made(const struct backend *b, uint32_t dir, const char *name, const struct stat *st,
		const struct listed_moment *begun)
{
	if (!b->board)
		return;
	dirs_made(b, dir, st, dirs_now(b));
	listed_made(b, dir, name, st, begun);
	missed_made(b, dir, name);
}

void names_linked(const struct backend *b, uint32_t dir, const char *name, const struct stat *st,
		  const struct listed_moment *begun)
{
	if (!b->board)
		return;
	dirs_removed(b, dir, begun->at_ns, dirs_now(b));
	listed_made(b, dir, name, st, begun);
	missed_made(b, dir, name);
}

void names_removed(const struct backend *b, uint32_t dir, const char *name, const struct listed_moment *begun)
{
	if (!b->board)
		return;
	dirs_removed(b, dir, begun->at_ns, dirs_now(b));
	listed_removed(b, dir, name, begun);
}

void names_renamed(const struct backend *b, uint32_t dir, const char *name, uint32_t new_dir,
		   const char *new_name, const struct stat *st, const struct listed_moment *begun)
{
	if (!b->board)
		return;
	dirs_removed(b, dir, begun->at_ns, dirs_now(b));
	if (new_dir != dir)
		dirs_removed(b, new_dir, begun->at_ns, dirs_now(b));
	listed_renamed(b, dir, name, new_dir, new_name, st, begun);
	missed_made(b, new_dir, new_name);
}

void names_doubted(const struct backend *b, uint32_t dir)
{
	if (!b->board)
		return;
	dirs_changed(b, dir, dirs_now(b));
	listed_doubted(b, dir);
	missed_made(b, dir, NULL);
}

void names_new(const struct backend *b, uint32_t dir, const struct stat *made,
	       const struct listed_moment *begun)
{
	/* Nothing is far away on a `dir`. */
	if (!b->board || backend_is_plain(b->config->type))
		return;
	dirs_seen(b, dir, made, begun->at_ns);
	listed_new(b, dir, begun);
}
