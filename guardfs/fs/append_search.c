#include "fs/append_search.h"

#include <stdlib.h>

/* A torn write ends at a page's or piece's end. A part as long as a page is no coincidence. */
#define TORN_PAGE  4096u
#define TORN_PIECE 1024u

static errint_t pattern_set(struct append_pattern *p, const void *bytes, size_t n)
{
	*p = (struct append_pattern){.bytes = bytes, .n = n};
	if (n == 0)
		return 0;
	p->failure = malloc(n * sizeof(*p->failure));
	if (!p->failure)
		return -ENOMEM;
	p->failure[0] = 0;
	for (size_t i = 1, k = 0; i < n; i++) {
		while (k && p->bytes[i] != p->bytes[k])
			k = p->failure[k - 1];
		if (p->bytes[i] == p->bytes[k])
			k++;
		p->failure[i] = (uint32_t)k;
	}
	return 0;
}

static bool pattern_breaks(const struct append_pattern *p, uint8_t byte)
{
	return p->matched && (p->matched == p->n || p->bytes[p->matched] != byte);
}

/* True: complete. */
static bool pattern_feed(struct append_pattern *p, uint8_t byte)
{
	if (p->n == 0)
		return false;
	while (pattern_breaks(p, byte))
		p->matched = p->failure[p->matched - 1];
	if (p->bytes[p->matched] == byte)
		p->matched++;
	return p->matched == p->n;
}

static bool is_telling(const uint8_t *data, size_t n)
{
	bool seen[256] = {false};
	unsigned values = 0;

	for (size_t i = 0; i < n && values < APPEND_TELLING_VALUES; i++) {
		values += !seen[data[i]];
		seen[data[i]] = true;
	}
	return n >= APPEND_TELLING && values >= APPEND_TELLING_VALUES;
}

errint_t append_search_begin(struct append_search *s, const void *data, size_t n, const void *last,
			     size_t n_last, uint64_t offset, enum append_bound bound)
{
	errint_t rc;

	*s = (struct append_search){.offset = offset,
				    .skipped = bound == APPEND_BOUND_SKIPPED,
				    .last_seen = bound == APPEND_BOUND_EXACT,
				    .telling = is_telling(data, n),
				    .last_telling = is_telling(last, n_last)};
	if (n_last < APPEND_TELLING || bound == APPEND_BOUND_EXACT)
		n_last = 0;
	s->same_as_last = n_last && memmem(data, n, last, n_last);
	rc = pattern_set(&s->data, data, n);
	if (rc == 0)
		rc = pattern_set(&s->last, last, n_last);
	if (rc < 0)
		free(s->data.failure);
	return rc;
}

static bool may_be_torn(const struct append_search *s)
{
	size_t part = s->data.matched;

	return part < s->data.n &&
	       (part >= TORN_PIECE || (part >= APPEND_TELLING && s->offset % TORN_PAGE == 0));
}

static bool is_alone(const struct append_search *s)
{
	return !s->skipped && s->data.matched == s->seen;
}

/* Ours begins behind the last append, if they can be told apart. Others' bytes may look like that: only
 * the first such place is believed, if telling. */
static void pass_last(struct append_search *s)
{
	bool believed = s->last_telling && !s->last_seen;

	s->last_seen = true;
	s->behind = 0;
	if (s->same_as_last || is_alone(s))
		return;
	s->in_doubt |= !believed && (s->found || s->torn);
	s->found = s->adjacent = s->torn = false;
	s->data.matched = 0;
}

static void feed_one(struct append_search *s, uint8_t byte)
{
	if (pattern_breaks(&s->data, byte))
		s->torn |= may_be_torn(s);
	s->offset++;
	s->seen++;
	s->behind++;
	if (pattern_feed(&s->data, byte)) {
		s->found = true;
		s->adjacent |= s->last_seen && s->behind == s->data.n;
	}
	if (pattern_feed(&s->last, byte))
		pass_last(s);
}

void append_search_feed(struct append_search *s, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		feed_one(s, ((const uint8_t *)bytes)[i]);
}

static ssize_t matched_bytes(const struct append_search *s)
{
	if (is_alone(s))
		return (ssize_t)s->data.matched;
	if (s->found && (s->same_as_last || (!s->telling && !s->adjacent)))
		return APPEND_DOUBTFUL;
	if (s->found)
		return (ssize_t)s->data.n;
	if (may_be_torn(s))
		return (ssize_t)s->data.matched;
	if (s->torn || s->in_doubt || (s->skipped && !s->last_seen))
		return APPEND_DOUBTFUL;
	return 0;
}

ssize_t append_search_end(struct append_search *s)
{
	ssize_t made = matched_bytes(s);

	free(s->data.failure);
	free(s->last.failure);
	return made;
}
