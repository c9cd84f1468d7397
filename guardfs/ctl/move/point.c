/* point.c: where a power cut may end a move. */
#include "ctl/move/move.h"

void move_point(const char *name)
{
	(void)name;
}
