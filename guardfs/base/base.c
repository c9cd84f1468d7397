#include "base/base.h"

#include <errno.h>
#include <stdlib.h>

errint_t copy_string(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);

	if (n >= size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(dst, src, n + 1);
	return 0;
}

errint_t parse_rate(const char *text, uint64_t *rate)
{
	size_t digits = strspn(text, "0123456789");
	unsigned shift;

	if (digits == 0 || digits > 6 || !text[digits] || text[digits + 1])
		return -EINVAL;
	switch (text[digits]) {
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	default:
		return -EINVAL;
	}
	*rate = strtoull(text, NULL, 10) << shift;
	return *rate ? 0 : -EINVAL;
}
