/* guardctl-cut.c: guardctl, linked with another move_point (ctl/move/move.h): killed at the point that
 * GUARDCTL_CUT names, as by a power cut. */
#include "ctl/move/move.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void move_point(const char *point)
{
	const char *cut = getenv("GUARDCTL_CUT");

	if (cut && strcmp(cut, point) == 0)
		kill(getpid(), SIGKILL);
}
