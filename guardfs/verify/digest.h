/* A record's WARC-Block-Digest, a plain WARC's only check of content. Private to verify/. */
#ifndef GUARDFS_VERIFY_DIGEST_H
#define GUARDFS_VERIFY_DIGEST_H

#include "base/base.h"
#include <openssl/evp.h>

struct digest {
	/* Owned; NULL: not wanted. */
	EVP_MD_CTX *context;
	/* There is one to compare. */
	bool on;
	unsigned char want[EVP_MAX_MD_SIZE];
	size_t size;
};

/* 0 or -ENOMEM. In either case digest_release. */
errint_t digest_begin(struct digest *d) WARN_UNUSED;
void digest_release(struct digest *d);

/* A field's value, "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ", base 32 or hexadecimal; sha1, sha256, sha512,
 * md5. Others are ignored. */
void digest_expect(struct digest *d, const char *text, size_t n);

void digest_feed(struct digest *d, const void *p, size_t n);

/* At the content's end; resets. */
bool digest_differs(struct digest *d);

#endif
