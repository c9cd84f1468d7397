#include "fs/handle_content.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/guard.h"
#include "fs/handle.h"
#include "fs/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* As much as one request brings: each takes a round trip. */
#define CHUNK (1u << 20)

static bool compares(const struct backend *b, const struct handle *h)
{
	return b->config->replay_check == REPLAY_CONTENT && (h->flags & O_ACCMODE) != O_RDONLY;
}

bool handle_knows_content(const struct backend *b, struct handle *h)
{
	struct content content;

	handle_content(h, &content);
	return compares(b, h) && !content.unknown;
}

/* 1: read to its end, or the file's. */
static errint_t compare_chunk(struct backend *b, struct handle *h, int ref, const struct content_run *run,
			      void *buffer)
{
	size_t n = (size_t)MIN(run->to - h->compared.to, (uint64_t)CHUNK);
	uint64_t begun_ns = clock_mono_ns();
	ssize_t rc = n ? b->ops->read(b, ref, buffer, n, (off_t)h->compared.to, (off_t)run->to) : 0;

	if (rc < 0)
		return (errint_t)rc;
	guard_heard(b, begun_ns);
	h->compared.sum = content_sum(h->compared.sum, buffer, (size_t)rc);
	h->compared.to += (uint64_t)rc;
	return rc == 0 || h->compared.to >= run->to;
}

static void begin_run(struct handle *h, const struct content *content, uint32_t run)
{
	h->compared.run = run;
	h->compared.sum = 0;
	h->compared.from = h->compared.to = run < content->n ? content->runs[run].from : 0;
}

/* Runs may have been spoilt meanwhile, through another open file. */
static void go_on(struct handle *h, const struct content *content, uint32_t epoch)
{
	uint32_t run = h->compared.run;

	if (h->compared.epoch == epoch && run < content->n && content->runs[run].from == h->compared.from &&
	    content->runs[run].to >= h->compared.to)
		return;
	h->compared.epoch = epoch;
	begin_run(h, content, 0);
}

static bool is_spoilt(struct handle *h, const struct content_run *run)
{
	struct content now;

	handle_content(h, &now);
	for (uint32_t i = 0; i < now.n; i++)
		if (memcmp(&now.runs[i], run, sizeof(*run)) == 0)
			return false;
	return true;
}

/* Runs behind one that differs are not looked at. */
static errint_t compare_runs(struct backend *b, struct handle *h, int ref, const struct content *content,
			     void *buffer, struct ledger *differs)
{
	while (h->compared.run < content->n) {
		const struct content_run *run = &content->runs[h->compared.run];
		errint_t rc = compare_chunk(b, h, ref, run, buffer);

		if (call_answered())
			return GUARD_POISONED;
		if (rc < 0)
			return rc;
		if (rc == 0)
			continue;
		if ((h->compared.to != run->to || h->compared.sum != run->sum) && !is_spoilt(h, run)) {
			for (uint32_t i = h->compared.run; i < content->n; i++)
				ledger_put(differs, content->runs[i].from, content->runs[i].to,
					   LEDGER_CONFIRMED);
			return -EBADMSG;
		}
		begin_run(h, content, h->compared.run + 1);
	}
	return 0;
}

/* The open file itself may be for writing only. */
errint_t handle_compare(struct backend *b, struct handle *h, uint32_t epoch, struct ledger *differs)
{
	CLEANUP_FREE void *buffer = NULL;
	struct content content;
	int ref = -1;
	errint_t rc;

	handle_content(h, &content);
	if (!compares(b, h) || content.n == 0)
		return 0;
	go_on(h, &content, epoch);
	buffer = malloc(CHUNK);
	if (!buffer)
		return -ENOMEM;
	rc = b->ops->open(b, h->node, O_RDONLY, &ref);
	if (rc == 0)
		rc = compare_runs(b, h, ref, &content, buffer, differs);
	if (ref >= 0)
		b->ops->release(b, ref);
	return rc;
}
