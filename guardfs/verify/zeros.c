/* Compressed data have a zero every 256 bytes or so: skipping bytes makes it fast. */
#include "verify/zeros.h"

void zeros_begin(struct zeros *z, uint64_t offset)
{
	z->n = 0;
	z->more = z->open = false;
	z->at = offset;
}

size_t zeros_before(const unsigned char *p, size_t n)
{
	size_t i = 0;
	uint64_t word;

	for (; n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		if (word)
			break;
	}
	while (i < n && p[i] == 0)
		i++;
	return i;
}

static void add_run(struct zeros *z, uint64_t from, uint64_t to)
{
	if (to - from < VERIFY_ZEROS_MIN)
		return;
	if (z->n == VERIFY_RANGES_MAX)
		z->more = true;
	else
		z->ranges[z->n++] = (struct verify_range){from, to};
}

/* n bytes more of the run; over: its end. */
static void extend(struct zeros *z, size_t n, bool over)
{
	if (over) {
		add_run(z, z->open_from, z->at + n);
		z->open = false;
	}
}

/* Of the run before p[end], from p[first]. */
static size_t run_start(const unsigned char *p, size_t first, size_t end)
{
	while (end > first && p[end - 1] == 0)
		end--;
	return end;
}

void zeros_feed(struct zeros *z, const unsigned char *p, size_t n)
{
	size_t i = 0, end;

	if (z->open) {
		i = zeros_before(p, n);
		extend(z, i, i < n);
	}
	/* A long enough run beginning in the next VERIFY_ZEROS_MIN bytes covers their last. */
	while (n - i >= VERIFY_ZEROS_MIN) {
		end = i + VERIFY_ZEROS_MIN;
		if (p[end - 1] == 0) {
			z->open = true;
			z->open_from = z->at + run_start(p, i, end);
			end += zeros_before(p + end, n - end);
			extend(z, end, end < n);
		}
		i = end;
	}
	if (i < n && p[n - 1] == 0) {
		z->open = true;
		z->open_from = z->at + run_start(p, i, n);
	}
	z->at += n;
}

void zeros_skip(struct zeros *z, uint64_t n)
{
	if (!z->open && n > 0) {
		z->open = true;
		z->open_from = z->at;
	}
	z->at += n;
}

void zeros_end(struct zeros *z)
{
	if (z->open)
		add_run(z, z->open_from, z->at);
	z->open = false;
}
