/* append_search.c: see append_search.h.
 *
 * Nobody else having appended, which is the rule, all behind the bound is ours: then it is compared, and that
 * is exact. Else the data are searched for among the bytes of others. The same writer may have appended the
 * same bytes before: what lies before the last thing that it is known to have appended does not count. */
#include "fs/append_search.h"

#include <stdlib.h>

/* A write that is ended in its midst leaves off at the end of a page, or, if it was sent in pieces, of one of
 * those. A part so long is no coincidence, wherever it ends. */
#define TORN_PAGE  4096u
#define TORN_PIECE 1024u

static errint_t compute_failure(struct append_search *s)
{
	s->failure = malloc(s->n * sizeof(*s->failure));
	if (!s->failure)
		return -ENOMEM;
	s->failure[0] = 0;
	for (size_t i = 1, k = 0; i < s->n; i++) {
		while (k && s->data[i] != s->data[k])
			k = s->failure[k - 1];
		if (s->data[i] == s->data[k])
			k++;
		s->failure[i] = (uint32_t)k;
	}
	return 0;
}

errint_t append_search_begin(struct append_search *s, const void *data, size_t n, const void *last,
			     size_t n_last, uint64_t offset, bool skipped)
{
	*s = (struct append_search){.data = data, .n = n, .offset = offset, .skipped = skipped};
	if (n_last >= APPEND_TELLING && n_last <= APPEND_LAST_MAX) {
		memcpy(s->last, last, n_last);
		s->n_last = n_last;
		s->same_as_last = memmem(data, n, last, n_last) != NULL;
	}
	return compute_failure(s);
}

static bool ends_like_last(const struct append_search *s)
{
	if (!s->n_last || s->seen < s->n_last)
		return false;
	for (size_t i = 0; i < s->n_last; i++)
		if (s->recent[(s->seen - s->n_last + i) % APPEND_LAST_MAX] != s->last[i])
			return false;
	return true;
}

/* Did a write of these data end here, before its time? */
static bool may_be_torn(const struct append_search *s)
{
	return s->matched >= TORN_PIECE || (s->matched >= APPEND_TELLING && s->offset % TORN_PAGE == 0);
}

static void feed_one(struct append_search *s, uint8_t byte)
{
	if (s->matched && (s->matched == s->n || s->data[s->matched] != byte))
		s->torn |= s->matched < s->n && may_be_torn(s);
	while (s->matched && (s->matched == s->n || s->data[s->matched] != byte))
		s->matched = s->failure[s->matched - 1];
	if (s->data[s->matched] == byte)
		s->matched++;
	s->found |= s->matched == s->n;
	s->recent[s->seen++ % APPEND_LAST_MAX] = byte;
	s->offset++;
}

void append_search_feed(struct append_search *s, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		feed_one(s, ((const uint8_t *)bytes)[i]);
		if (!ends_like_last(s))
			continue;
		s->last_seen = true;
		/* Ours begins behind it, if it can be told from it. */
		if (!s->same_as_last && !(s->matched == s->seen && !s->skipped)) {
			s->found = s->torn = false;
			s->matched = 0;
		}
	}
}

static ssize_t judge(const struct append_search *s)
{
	if (!s->skipped && s->matched == s->seen)
		return (ssize_t)s->matched; /* nothing but ours behind the bound, or nothing at all */
	if (s->found)
		return s->n < APPEND_TELLING || s->same_as_last ? APPEND_DOUBTFUL : (ssize_t)s->n;
	if (s->matched && may_be_torn(s))
		return (ssize_t)s->matched;
	if (s->torn || (s->skipped && !s->last_seen))
		return APPEND_DOUBTFUL;
	return 0;
}

ssize_t append_search_end(struct append_search *s)
{
	ssize_t made = judge(s);

	free(s->failure);
	s->failure = NULL;
	return made;
}
