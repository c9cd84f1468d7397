/* Is a file whole, and if not, up to where? One pass from a known good offset to the end: gzip members (CRC
 * and length, RFC 1952), WARC records, in other files the ranges that hold nothing.
 *
 * Memory is constant (VERIFY_MEMORY): files are hostile, no length is believed before its bytes were seen.
 * Files are only read. Any process and thread, one call at a time for each file. A read may hang: a busy
 * process has a child call. */
#ifndef GUARDFS_VERIFY_VERIFY_H
#define GUARDFS_VERIFY_VERIFY_H

#include "base/base.h"
#include <stdio.h>
#include <sys/stat.h>

#define VERIFY_CHUNK  (1u << 20)				   /* a read */
#define VERIFY_OUTPUT (1u << 17)				   /* inflated at once */
#define VERIFY_MEMORY (VERIFY_CHUNK + VERIFY_OUTPUT + (64u << 10)) /* of a call, about */

/* Fewer zeros in damage are no hole: compressed data hardly ever hold as many. */
#define VERIFY_ZEROS_MIN  512u
#define VERIFY_RANGES_MAX 32u

enum verify_kind {
	VERIFY_DATA, /* other: ranges alone */
	VERIFY_GZIP,
	VERIFY_WARC, /* not compressed */
	VERIFY_WARC_GZIP,
	VERIFY_KIND_COUNT
};

/* HealthArchive verify-warcs's 0, 1 and 2; each includes the former. */
enum verify_level {
	VERIFY_LEVEL_STAT, /* regular, not empty, both ends readable, no holes */
	VERIFY_LEVEL_GZIP, /* whole members */
	VERIFY_LEVEL_WARC, /* whole records; a plain WARC's digests */
	VERIFY_LEVEL_COUNT
};

enum verify_verdict {
	VERIFY_WHOLE,
	VERIFY_TRUNCATED, /* ends within a member or record, or is too small */
	VERIFY_HOLE,	  /* zeros in place of data: ranges */
	VERIFY_DAMAGED,	  /* a member or record is not as written */
	VERIFY_GARBAGE,	  /* something else than a member or record */
	VERIFY_EMPTY,	  /* lacks its kind's content */
	VERIFY_MISSING,
	VERIFY_NOT_A_FILE, /* directory, link, device */
	VERIFY_CHANGED,	   /* by somebody else, before or during the read */
	VERIFY_UNKNOWN,	   /* not readable to the end: error */
	VERIFY_VERDICT_COUNT
};

/* In words: verify_reason_text. */
enum verify_reason {
	VERIFY_REASON_NONE,
	VERIFY_REASON_HEADER,
	VERIFY_REASON_MEMBER,
	VERIFY_REASON_RECORD_HEADER,
	VERIFY_REASON_RECORD,
	VERIFY_REASON_SIZE, /* but ends after a whole member or record */
	VERIFY_REASON_ZEROS,
	VERIFY_REASON_NO_MEMBER,
	VERIFY_REASON_GZIP_HEADER, /* method, flag, checksum */
	VERIFY_REASON_DEFLATE,
	VERIFY_REASON_CRC,
	VERIFY_REASON_LENGTH,
	VERIFY_REASON_NO_RECORD,
	VERIFY_REASON_ENDLESS_HEADER, /* above WARC_HEADER_MAX */
	VERIFY_REASON_BAD_HEADER,
	VERIFY_REASON_NO_TYPE,
	VERIFY_REASON_NO_LENGTH,     /* or two */
	VERIFY_REASON_RECORD_LENGTH, /* no two ends of line after the content */
	VERIFY_REASON_DIGEST,
	VERIFY_REASON_LARGER,
	VERIFY_REASON_SHRUNK,
	VERIFY_REASON_WRITTEN, /* and is not whole */
	VERIFY_REASON_CANCELLED,
	VERIFY_REASON_COUNT
};

struct verify_range {
	/* to is exclusive. */
	uint64_t from, to;
};

struct verify_progress {
	/* Bytes of the file: looked at, in all. */
	uint64_t done, size;
};

struct verify_options {
	enum verify_kind kind;
	enum verify_level level;
	/* Start of a member or record; all before is good. */
	uint64_t from;
	/* A smaller file is truncated; 0: unknown. */
	uint64_t min_size;
	/* A larger file was changed by others; 0: unknown. */
	uint64_t max_size;
	/* Bytes a second; 0: no limit. */
	uint64_t rate;
	/* Zeros after the end are no damage, as to gzip -t. */
	bool padding;
	/* VERIFY_DATA: read it, and report zeros besides holes. */
	bool zeros;
	/* Drops cached pages first. */
	bool fresh;
	/* Stop after the first record's header. */
	bool first_header;

	/* Called at each VERIFY_CHUNK, and ten times a second while waiting. False: stop. May be NULL. */
	bool (*go_on)(void *context, const struct verify_progress *progress);
	void *context;
};

struct verify_result {
	enum verify_verdict verdict;
	enum verify_reason reason;
	enum verify_kind kind;
	enum verify_level level;
	/* VERIFY_UNKNOWN: positive errno. */
	int error;
	/* Bytes when opened; later ones are ignored. */
	uint64_t size;
	int64_t mtime_s;
	/* Offset of the trouble; TRUNCATED: the size. */
	uint64_t at;
	/* End of the last whole member and record; continue from here. */
	uint64_t whole_to;
	/* Whole ones from options.from. */
	uint64_t members, records;
	uint64_t inflated;
	/* Bytes of zeros at the end. */
	uint64_t padding;
	/* HOLE: in order. */
	struct verify_range ranges[VERIFY_RANGES_MAX];
	unsigned n_ranges;
	/* There are more than fit. */
	bool more_ranges;
	/* The file grew during the call. */
	bool grown;
	/* Of the first record: "WARC/1.1"; "": none. */
	char version[16];
};

/* By the name's end: .warc.gz, .warc, .gz. */
enum verify_kind verify_kind_of(const char *name);
const char *verify_kind_name(enum verify_kind kind); /* "data", "gzip", "warc", "warc.gz" */
/* VERIFY_KIND_COUNT: unknown. */
enum verify_kind verify_kind_from_name(const char *name);

const char *verify_verdict_name(enum verify_verdict verdict); /* "whole", "not_a_file" */
const char *verify_reason_text(enum verify_reason reason);    /* "it ends within a member"; NONE: "" */

/* HealthArchive's: "infra_error", "corrupt_or_unreadable", "not_a_file", "empty_file"; NULL: no error. */
const char *verify_error_kind(const struct verify_result *result);

/* Looks at an open file from options->from to its present end. 0: *result has a verdict; -ECANCELED: by go_on,
 * *result says how far it was whole; -ENOMEM; -EINVAL: bad options. */
errint_t verify_file(int fd, const struct verify_options *options, struct verify_result *result) WARN_UNUSED;

/* A file without a descriptor. Functions return 0 or a length (0: the end of the file), or -errno. */
struct verify_source {
	ssize_t (*read)(void *context, void *bytes, size_t size, uint64_t offset);
	/* Mode, size and mtime. */
	errint_t (*stat)(void *context, struct stat *st);
	void *context;
};

/* As verify_file. Holes are zeros there, and nothing is known to be cached (options->fresh). */
errint_t verify_source(const struct verify_source *source, const struct verify_options *options,
		       struct verify_result *result) WARN_UNUSED;

/* As verify_file for name in dir (or AT_FDCWD). NOT_A_FILE: a final link, or anything not regular, is not opened. */
errint_t verify_name(int dir, const char *name, const struct verify_options *options,
		     struct verify_result *result) WARN_UNUSED;

/* Copies fd's whole part, by verify_file's result from offset 0, to the new file path: a temporary file is
 * verified, synced and renamed, the directory synced. options: go_on, context, rate; level of the copy's
 * check. 0, -EEXIST, -EAGAIN (changed, or unreadable: verify again), -ENODATA (nothing whole, or no records),
 * -EALREADY (all whole), -EIO (the copy is not whole), -ECANCELED, -ENOMEM, or another -errno. Errors leave
 * nothing at path. */
errint_t verify_repair(int fd, const struct verify_options *options, const struct verify_result *result,
		       const char *path) WARN_UNUSED;

/* "truncated at byte 10: it ends within a member; whole to 7 ...". */
void verify_put_text(FILE *out, const struct verify_result *result);

/* An object and newline. 0 or -ENOMEM. */
errint_t verify_put_json(FILE *out, const char *path, const struct verify_result *result) WARN_UNUSED;

#endif
