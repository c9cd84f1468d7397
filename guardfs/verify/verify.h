/* verify.h: is a file whole, and if it is not, how far is it?
 *
 * One pass from the beginning, or from an offset known to be good, to the end: the members of a gzip file
 * (CRC and length of each, RFC 1952), the records of a WARC file, compressed or not, and of any other file
 * the ranges that hold nothing. Memory is constant (VERIFY_MEMORY), whatever the file says of itself: files
 * are hostile, no length in them is believed before its bytes were seen.
 *
 * Files are only read, by pread(2): the descriptor's position stays. Any process may call these functions, in
 * any thread, one call at a time for each file; a read may hang where the file system does, so that a process
 * with something better to do has a child call them. */
#ifndef GUARDFS_VERIFY_VERIFY_H
#define GUARDFS_VERIFY_VERIFY_H

#include "base/base.h"
#include <stdio.h>
#include <sys/stat.h>

#define VERIFY_CHUNK  (1u << 20)				   /* bytes of a read */
#define VERIFY_OUTPUT (1u << 17)				   /* bytes that are inflated at once */
#define VERIFY_MEMORY (VERIFY_CHUNK + VERIFY_OUTPUT + (64u << 10)) /* of a call, about */

/* Zeros of at least this many bytes within what is damaged are a hole: a write that was lost. Compressed data
 * hardly ever hold as many. */
#define VERIFY_ZEROS_MIN  512u
#define VERIFY_RANGES_MAX 32u

enum verify_kind {
	VERIFY_DATA, /* anything else: ranges alone */
	VERIFY_GZIP,
	VERIFY_WARC, /* not compressed */
	VERIFY_WARC_GZIP,
	VERIFY_KIND_COUNT
};

/* As the levels 0, 1 and 2 of HealthArchive's verify-warcs. */
enum verify_level {
	VERIFY_LEVEL_STAT, /* a regular file, not empty, its first and last byte can be read, no holes */
	VERIFY_LEVEL_GZIP, /* and, of a compressed file, every member is whole */
	VERIFY_LEVEL_WARC, /* and, of a WARC, every record; of a plain one, its digest too */
	VERIFY_LEVEL_COUNT
};

enum verify_verdict {
	VERIFY_WHOLE,
	VERIFY_TRUNCATED,  /* it ends within a member or record, or is smaller than it must be */
	VERIFY_HOLE,	   /* zeros in the place of data: ranges */
	VERIFY_DAMAGED,	   /* a member or record is not what was written */
	VERIFY_GARBAGE,	   /* in the place of a member or record there is something else */
	VERIFY_EMPTY,	   /* of a kind that has content, but without any */
	VERIFY_MISSING,	   /* there is no such file */
	VERIFY_NOT_A_FILE, /* a directory, a symbolic link, a device, ... */
	VERIFY_CHANGED,	   /* somebody else has changed it, or was changing it while it was read */
	VERIFY_UNKNOWN,	   /* it could not be read to the end: error */
	VERIFY_VERDICT_COUNT
};

/* What was seen, in more detail than the verdict says it. */
enum verify_reason {
	VERIFY_REASON_NONE,
	VERIFY_REASON_HEADER,	     /* it ends within the header of a member */
	VERIFY_REASON_MEMBER,	     /* it ends within a member */
	VERIFY_REASON_RECORD_HEADER, /* it ends within the header of a record */
	VERIFY_REASON_RECORD,	     /* it ends within a record */
	VERIFY_REASON_SIZE,	 /* it is smaller than it must be, and ends after a whole member or record */
	VERIFY_REASON_ZEROS,	 /* zeros where a member or record is expected */
	VERIFY_REASON_NO_MEMBER, /* no member begins there */
	VERIFY_REASON_GZIP_HEADER, /* the header of a member: a method, a flag, its checksum */
	VERIFY_REASON_DEFLATE,	   /* compressed data */
	VERIFY_REASON_CRC,
	VERIFY_REASON_LENGTH,	      /* of a member, as its trailer says */
	VERIFY_REASON_NO_RECORD,      /* no record begins there */
	VERIFY_REASON_ENDLESS_HEADER, /* the header of a record is longer than WARC_HEADER_MAX */
	VERIFY_REASON_BAD_HEADER,     /* a line of the header of a record */
	VERIFY_REASON_NO_TYPE,	      /* a record without WARC-Type */
	VERIFY_REASON_NO_LENGTH,      /* a record without Content-Length, or with two */
	VERIFY_REASON_RECORD_LENGTH,  /* the content of a record is not followed by two ends of line */
	VERIFY_REASON_DIGEST,	      /* the content of a record is not that of its WARC-Block-Digest */
	VERIFY_REASON_LARGER,	      /* larger than it may be */
	VERIFY_REASON_SHRUNK,	      /* it became smaller while it was read */
	VERIFY_REASON_WRITTEN,	      /* it was written while it was read, and is not whole */
	VERIFY_REASON_CANCELLED,
	VERIFY_REASON_COUNT
};

struct verify_range {
	uint64_t from, to; /* bytes; to is the first that does not belong to it */
};

struct verify_progress {
	uint64_t done, size; /* bytes of the file: looked at, in all */
};

struct verify_options {
	enum verify_kind kind;
	enum verify_level level;
	uint64_t from;	   /* where a member or record begins, all before it being good */
	uint64_t min_size; /* a smaller file is truncated; 0: not known */
	uint64_t max_size; /* a larger file was changed by somebody else; 0: not known */
	uint64_t rate;	   /* bytes of the file per second at most; 0: no limit */
	bool padding;	   /* zeros after the end are no damage, as gzip -t sees it; reported all the same */
	bool zeros;	   /* of VERIFY_DATA: read it, and report ranges of zeros, too, not holes alone */
	bool fresh; /* what storage has, not what this machine remembers of it: cached pages are dropped first
		     */
	bool first_header; /* stop after the header of the first record of a WARC, and read no more than
			      needed */

	/* Called at least for every VERIFY_CHUNK, and ten times a second while the rate is waited for. False:
	 * stop. NULL: nobody is asked. */
	bool (*go_on)(void *context, const struct verify_progress *progress);
	void *context;
};

struct verify_result {
	enum verify_verdict verdict;
	enum verify_reason reason;
	enum verify_kind kind;
	enum verify_level level;
	int error;     /* VERIFY_UNKNOWN: positive errno */
	uint64_t size; /* in bytes, when it was opened: what came later is not looked at */
	int64_t mtime_s;
	uint64_t at;	   /* where the trouble is; TRUNCATED: the size */
	uint64_t whole_to; /* all before it is whole, and the end of a member and record; go on from there */
	uint64_t members, records;		       /* whole ones, from options.from on */
	uint64_t inflated;			       /* bytes */
	uint64_t padding;			       /* bytes of zeros at the end */
	struct verify_range ranges[VERIFY_RANGES_MAX]; /* HOLE: in order */
	unsigned n_ranges;
	bool more_ranges; /* than fit */
	bool grown;	  /* it was longer at the end than when it was opened */
	char version[16]; /* of the first record: "WARC/1.1"; "": none */
};

/* ---- names (name.c) ---- */

/* By the end of the name: .warc.gz, .warc, .gz. */
enum verify_kind verify_kind_of(const char *name);
const char *verify_kind_name(enum verify_kind kind); /* "data", "gzip", "warc", "warc.gz" */
/* VERIFY_KIND_COUNT: no such name. */
enum verify_kind verify_kind_from_name(const char *name);

const char *verify_verdict_name(enum verify_verdict verdict); /* "whole", "not_a_file", ... */
const char *verify_reason_text(enum verify_reason reason);    /* "it ends within a member"; "" for NONE */

/* The kinds of HealthArchive: "infra_error", "corrupt_or_unreadable", "not_a_file", "empty_file"; NULL: no
 * error. */
const char *verify_error_kind(const struct verify_result *result);

/* ---- looking (verify.c) ---- */

/* Looks at an open file, from options->from to the end that it has now. 0: *result has a verdict, which may
 * be VERIFY_UNKNOWN (a read failed); -ECANCELED: go_on said so, *result says how far it was whole; -ENOMEM;
 * -EINVAL: options out of range. A file that is being appended to is judged as of its size at the beginning.
 */
errint_t verify_file(int fd, const struct verify_options *options, struct verify_result *result) WARN_UNUSED;

/* The same for the file name in the directory dir (or AT_FDCWD), opened for reading only. A symbolic link at
 * its end is VERIFY_NOT_A_FILE, and so is whatever else is no regular file, which is not opened. Those before
 * it are followed, as by open(2). */
errint_t verify_name(int dir, const char *name, const struct verify_options *options,
		     struct verify_result *result) WARN_UNUSED;

/* ---- repairing (repair.c) ---- */

/* Copies what is whole of the file open as fd, by the result of verify_file from offset 0, to the new file
 * path: a temporary file beside it, which is verified, synced and renamed, its directory synced. The original
 * is only read. go_on and context as in options, whose level and rate hold for the copy. Returns 0, -EEXIST
 * (path exists), -EAGAIN (it was being changed, or could not be read: verify it again), -ENODATA (nothing of
 * it is whole, or it is of a kind without records), -EALREADY (all of it is whole), -EIO (the copy is not
 * whole), -ECANCELED, -ENOMEM, or -errno of what failed. On error nothing is left at path. */
errint_t verify_repair(int fd, const struct verify_options *options, const struct verify_result *result,
		       const char *path) WARN_UNUSED;

/* ---- telling (report.c) ---- */

/* One line, without an end of line: "truncated at byte 10: it ends within a member; whole to 7 ...". */
void verify_put_text(FILE *out, const struct verify_result *result);

/* One JSON object and an end of line. 0 or -ENOMEM. */
errint_t verify_put_json(FILE *out, const char *path, const struct verify_result *result) WARN_UNUSED;

#endif
