#include "policy/symlink.h"

/* Past the parts that both begin with. */
static void skip_common(const char **a, const char **b)
{
	for (;;) {
		size_t n, m;

		*a += strspn(*a, "/");
		*b += strspn(*b, "/");
		n = strcspn(*a, "/");
		m = strcspn(*b, "/");
		if (n == 0 || n != m || strncmp(*a, *b, n) != 0)
			return;
		*a += n;
		*b += m;
	}
}

static unsigned count_parts(const char *path)
{
	unsigned parts = 0;

	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		parts++;
		path += strcspn(path, "/");
	}
	return parts;
}

bool symlink_make_relative(const char *base, const char *link, const char *target, char *relative,
			   size_t size)
{
	unsigned up;
	size_t n;

	if (base[0] != '/' || target[0] != '/')
		return false;
	skip_common(&target, &base);
	if (*base)
		return false;
	skip_common(&target, &link);
	up = count_parts(link);
	if (up == 0) /* it leads to itself */
		return false;
	n = strlen(target);
	if ((size_t)(up - 1) * 3 + n + 2 > size)
		return false;
	while (--up > 0) {
		memcpy(relative, "../", 3);
		relative += 3;
	}
	memcpy(relative, n ? target : ".", n ? n + 1 : 2);
	return true;
}
