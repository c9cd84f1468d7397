#include "fs/publish_io.h"
#include "fs/statefiles.h"

#include <errno.h>
#include <stdlib.h>

errint_t publish_fsync(struct backend *b, int ref)
{
	errint_t rc = b->ops->fsync(b, ref, false);

	return rc == -ENOSYS || rc == -EINVAL || rc == -EOPNOTSUPP ? 0 : rc;
}

/* about was last known: it is tried first, and one byte more tells whether that was all. */
errint_t publish_read(struct backend *b, int ref, uint64_t about, void **data, size_t *size)
{
	size_t room = (size_t)MIN(about, statefiles_size()) + 1;
	char *bytes = malloc(room);
	ssize_t n = bytes ? b->ops->read(b, ref, bytes, room, 0, 0) : -ENOMEM;

	if (n == (ssize_t)room && room <= statefiles_size()) {
		room = (size_t)statefiles_size() + 1;
		free(bytes);
		bytes = malloc(room);
		n = bytes ? b->ops->read(b, ref, bytes, room, 0, 0) : -ENOMEM;
	}
	if (n < 0 || (size_t)n > statefiles_size()) {
		free(bytes);
		return n < 0 ? (errint_t)n : -EFBIG;
	}
	*data = bytes;
	*size = (size_t)n;
	return 0;
}
