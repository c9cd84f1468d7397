/* smoke.h: guardctl smoke: can the first record of a WARC be read? Private to guardctl. */
#ifndef GUARDFS_CTL_SMOKE_H
#define GUARDFS_CTL_SMOKE_H

#include "base/base.h"
#include "ctl/ctl.h"
#include <stdatomic.h>

/* The present, failed or last step: the layer at fault. In order. */
enum smoke_step {
	SMOKE_LIST, /* directories, and stat of what is in them */
	SMOKE_OPEN,
	SMOKE_READ,
	SMOKE_GZIP, /* not gzip, or damaged */
	SMOKE_WARC, /* it is, but not the beginning of a WARC */
	SMOKE_NONE, /* there is no WARC to be read */
	SMOKE_DONE,
	SMOKE_STEP_COUNT
};

/* Shared between guardctl and the child that touches the mount. */
struct smoke_seen {
	_Atomic uint32_t step;
	_Atomic uint32_t finished;
	/* positive errno, or 0 */
	_Atomic int error;
	char path[CTL_ABSOLUTE_MAX];
	char detail[256];
};

/* "list", "open", ... */
const char *smoke_step_name(enum smoke_step step);

/* Reads the first record's header of the newest WARC below dir (at most SMOKE_ENTRIES names, SMOKE_DEPTH
 * levels; no symbolic links). seen: how far it got. May hang: in a child. */
#define SMOKE_ENTRIES 5000u
#define SMOKE_DEPTH   8u
void smoke_directory(struct smoke_seen *seen, const char *dir);

/* The same for an open file, from its beginning; gzip: by its name. */
void smoke_file(struct smoke_seen *seen, int fd, bool gzip);

#endif
