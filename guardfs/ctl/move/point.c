/* point.c: the points at which a move may be cut off by a power failure. */
#include "ctl/move/move.h"

void move_point(const char *name)
{
	(void)name;
}
