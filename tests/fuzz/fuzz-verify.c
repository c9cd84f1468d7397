/* A file of any content, taken for each kind at each level: a verdict that agrees with itself, never more
 * memory than promised, and what is said to be whole is so when it is looked at alone, as is what comes after
 * when going on there. */
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd >= 0 && (size == 0 || write(fd, data, size) == (ssize_t)size));
	return fd;
}

static void check_result(const struct verify_result *r, uint64_t size)
{
	uint64_t before = 0;

	require((unsigned)r->verdict < VERIFY_VERDICT_COUNT && (unsigned)r->reason < VERIFY_REASON_COUNT);
	require(r->verdict != VERIFY_UNKNOWN && r->verdict != VERIFY_MISSING && r->error == 0);
	require(r->size == size && r->at <= size && r->whole_to <= size && r->padding <= size);
	require(r->n_ranges <= VERIFY_RANGES_MAX);
	require((r->verdict == VERIFY_WHOLE) == (verify_error_kind(r) == NULL));
	for (unsigned i = 0; i < r->n_ranges; i++) {
		require(r->ranges[i].from >= before && r->ranges[i].from < r->ranges[i].to);
		before = r->ranges[i].to;
	}
	require(before <= size);
}

static void tell(const struct verify_result *r)
{
	static FILE *out;

	if (!out)
		out = fopen("/dev/null", "w");
	verify_put_text(out, r);
	require(verify_put_json(out, "\xff/a", r) == 0);
}

/* All up to whole_to, alone. */
static void check_whole_part(const uint8_t *data, const struct verify_options *options,
			     const struct verify_result *r)
{
	int fd = file_of(data, r->whole_to);
	struct verify_result again;

	require(verify_file(fd, options, &again) == 0);
	require(r->whole_to == 0 || again.verdict == VERIFY_WHOLE || again.verdict == VERIFY_EMPTY);
	require(again.whole_to == r->whole_to && again.records == r->records && again.members <= r->members);
	close(fd);
}

/* Beginning where it was whole to, the same trouble is met, but for what only the beginning of a file may be.
 */
static void check_from_there(int fd, struct verify_options options, const struct verify_result *r)
{
	struct verify_result again;

	if (r->verdict == VERIFY_EMPTY || r->records == 0)
		return;
	options.from = r->whole_to;
	require(verify_file(fd, &options, &again) == 0);
	require(again.verdict == r->verdict && again.whole_to == r->whole_to && again.at == r->at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = file_of(data, size);

	for (unsigned kind = 0; kind < VERIFY_KIND_COUNT; kind++)
		for (unsigned level = 0; level < VERIFY_LEVEL_COUNT; level++) {
			struct verify_options options = {.kind = (enum verify_kind)kind,
							 .level = (enum verify_level)level,
							 .zeros = true,
							 .padding = size & 1};
			struct verify_result r;

			require(verify_file(fd, &options, &r) == 0);
			check_result(&r, size);
			tell(&r);
			if (level == VERIFY_LEVEL_WARC && kind != VERIFY_DATA) {
				check_whole_part(data, &options, &r);
				check_from_there(fd, options, &r);
			}
			options.first_header = true;
			require(verify_file(fd, &options, &r) == 0);
		}
	close(fd);
	return 0;
}
