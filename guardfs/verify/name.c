/* Kinds, verdicts and reasons in words. */
#include "verify/verify.h"
#include "policy/errclass.h"

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

enum verify_kind verify_kind_of(const char *name)
{
	if (ends_with(name, ".warc.gz"))
		return VERIFY_WARC_GZIP;
	if (ends_with(name, ".gz"))
		return VERIFY_GZIP;
	return ends_with(name, ".warc") ? VERIFY_WARC : VERIFY_DATA;
}

static const char *const kinds[VERIFY_KIND_COUNT] = {"data", "gzip", "warc", "warc.gz"};

const char *verify_kind_name(enum verify_kind kind)
{
	return (unsigned)kind < VERIFY_KIND_COUNT ? kinds[kind] : "invalid";
}

enum verify_kind verify_kind_from_name(const char *name)
{
	unsigned kind = 0;

	while (kind < VERIFY_KIND_COUNT && strcmp(kinds[kind], name) != 0)
		kind++;
	return (enum verify_kind)kind;
}

const char *verify_verdict_name(enum verify_verdict verdict)
{
	static const char *const names[VERIFY_VERDICT_COUNT] = {
	    "whole", "truncated", "hole",	"damaged", "garbage",
	    "empty", "missing",	  "not_a_file", "changed", "unknown",
	};

	return (unsigned)verdict < VERIFY_VERDICT_COUNT ? names[verdict] : "invalid";
}

const char *verify_reason_text(enum verify_reason reason)
{
	static const char *const texts[VERIFY_REASON_COUNT] = {
	    [VERIFY_REASON_NONE] = "",
	    [VERIFY_REASON_HEADER] = "it ends within the header of a gzip member",
	    [VERIFY_REASON_MEMBER] = "it ends within a gzip member",
	    [VERIFY_REASON_RECORD_HEADER] = "it ends within the header of a record",
	    [VERIFY_REASON_RECORD] = "it ends within a record",
	    [VERIFY_REASON_SIZE] = "it is smaller than it must be",
	    [VERIFY_REASON_ZEROS] = "zeros in the place of data",
	    [VERIFY_REASON_NO_MEMBER] = "no gzip member begins there",
	    [VERIFY_REASON_GZIP_HEADER] = "the header of a gzip member is wrong",
	    [VERIFY_REASON_DEFLATE] = "compressed data are wrong",
	    [VERIFY_REASON_CRC] = "the checksum (CRC) of a gzip member is wrong",
	    [VERIFY_REASON_LENGTH] = "the length of a gzip member is wrong",
	    [VERIFY_REASON_NO_RECORD] = "a record does not begin with WARC/",
	    [VERIFY_REASON_ENDLESS_HEADER] = "the header of a record does not end",
	    [VERIFY_REASON_BAD_HEADER] = "a line in the header of a record is wrong",
	    [VERIFY_REASON_NO_TYPE] = "a record has no WARC-Type",
	    [VERIFY_REASON_NO_LENGTH] = "a record has no Content-Length, or a wrong one",
	    [VERIFY_REASON_RECORD_LENGTH] = "a record does not end where its Content-Length says",
	    [VERIFY_REASON_DIGEST] = "the content of a record is not that of its WARC-Block-Digest",
	    [VERIFY_REASON_LARGER] = "it is larger than it may be",
	    [VERIFY_REASON_SHRUNK] = "it became smaller while it was read",
	    [VERIFY_REASON_WRITTEN] = "it was written while it was read",
	    [VERIFY_REASON_CANCELLED] = "interrupted",
	};

	return (unsigned)reason < VERIFY_REASON_COUNT ? texts[reason] : "invalid";
}

static bool is_infrastructure(int error)
{
	enum errclass class = errclass_from_errno(error);

	return errclass_info(class)->infrastructure || class == ERRCLASS_FULL;
}

const char *verify_error_kind(const struct verify_result *result)
{
	switch (result->verdict) {
	case VERIFY_WHOLE:
		return NULL;
	case VERIFY_EMPTY:
		return "empty_file";
	case VERIFY_NOT_A_FILE:
		return "not_a_file";
	case VERIFY_UNKNOWN:
		return result->error == 0 || is_infrastructure(result->error) ? "infra_error"
									      : "corrupt_or_unreadable";
	/* Not known to be bad: not to be put away. */
	case VERIFY_CHANGED:
		return result->reason == VERIFY_REASON_WRITTEN ? "infra_error" : "corrupt_or_unreadable";
	default:
		return "corrupt_or_unreadable";
	}
}
