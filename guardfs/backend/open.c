/* A guarded backend by its type, within its filter. */
#include "backend/fault.h"
#include "backend/guarded.h"

#include <errno.h>

errint_t backend_open(struct arena *arena, unsigned index, struct backend *b)
{
	struct backend inner;
	errint_t rc;

	if (index >= CONFIG_BACKENDS_MAX)
		return -EINVAL;
	if (arena->board.config.backends[index].type == BACKEND_SFTP)
		rc = backend_sftp_open(arena, index, &inner);
	else
		rc = backend_dir_open(arena, index, &inner);
	if (rc == 0 && inner.config->filter == FILTER_FAULT)
		return fault_wrap(&inner, b);
	if (rc == 0)
		*b = inner;
	return rc;
}
