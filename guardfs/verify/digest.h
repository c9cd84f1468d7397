/* digest.h: the WARC-Block-Digest of a record, of which a plain WARC has nothing else to tell that its
 * content is what was written. Constant memory. Private to verify/. */
#ifndef GUARDFS_VERIFY_DIGEST_H
#define GUARDFS_VERIFY_DIGEST_H

#include "base/base.h"
#include <openssl/evp.h>

struct digest {
	EVP_MD_CTX *context; /* owned; NULL: digests are not looked at */
	bool on;	     /* there is one to compare with */
	unsigned char want[EVP_MAX_MD_SIZE];
	size_t size;
};

/* 0, or -ENOMEM. Release with digest_release in either case. */
errint_t digest_begin(struct digest *d) WARN_UNUSED;
void digest_release(struct digest *d);

/* A field's value: "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ", in base 32 or hexadecimal; sha1, sha256, sha512,
 * md5. What is not understood is not looked at. */
void digest_expect(struct digest *d, const char *text, size_t n);

/* The next n bytes of the content. */
void digest_feed(struct digest *d, const void *p, size_t n);

/* At the end of the content: is it another than expected? Nothing is expected afterwards. */
bool digest_differs(struct digest *d);

#endif
