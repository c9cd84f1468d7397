/* guardctl smoke: can a WARC's first record be read? */
#ifndef GUARDFS_CTL_SMOKE_H
#define GUARDFS_CTL_SMOKE_H

#include "base/base.h"
#include "ctl/ctl.h"
#include <stdatomic.h>

/* The step under way, failed or last, in order. */
enum smoke_step {
	SMOKE_LIST, /* directories, and stat of their entries */
	SMOKE_OPEN,
	SMOKE_READ,
	SMOKE_GZIP, /* not gzip, or damaged */
	SMOKE_WARC, /* not the beginning of a WARC */
	SMOKE_NONE, /* no WARC */
	SMOKE_DONE,
	SMOKE_STEP_COUNT
};

/* Shared with the child. */
struct smoke_seen {
	_Atomic uint32_t step;
	_Atomic uint32_t finished;
	/* positive errno, or 0 */
	_Atomic int error;
	char path[CTL_ABSOLUTE_MAX];
	char detail[256];
};

const char *smoke_step_name(enum smoke_step step);

/* Reads the first record's header of the newest WARC below dir: at most SMOKE_ENTRIES names, SMOKE_DEPTH levels, no
 * links. seen: how far it got. May hang: call in a child. */
#define SMOKE_ENTRIES 5000u
#define SMOKE_DEPTH   8u
void smoke_directory(struct smoke_seen *seen, const char *dir);

/* The same for an open file. */
void smoke_file(struct smoke_seen *seen, int fd, bool gzip);

#endif
