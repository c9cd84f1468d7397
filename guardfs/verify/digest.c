#include "verify/digest.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

errint_t digest_begin(struct digest *d)
{
	*d = (struct digest){.context = EVP_MD_CTX_new()};
	return d->context ? 0 : -ENOMEM;
}

void digest_release(struct digest *d)
{
	EVP_MD_CTX_free(d->context);
	d->context = NULL;
	d->on = false;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int base32_value(char c)
{
	c = (char)toupper((unsigned char)c);
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* Digits of so many bits each; a remainder is dropped. */
static bool decode(const char *text, size_t n, unsigned bits, unsigned char *out, size_t size)
{
	int (*value)(char) = bits == 4 ? hex_value : base32_value;
	unsigned have = 0;
	uint32_t word = 0;
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		int v = value(text[i]);

		if (v < 0)
			return false;
		word = word << bits | (uint32_t)v;
		have += bits;
		if (have < 8)
			continue;
		have -= 8;
		if (used == size)
			return false;
		out[used++] = (unsigned char)(word >> have);
	}
	return used == size;
}

static const EVP_MD *algorithm(const char *name, size_t n)
{
	static const struct {
		const char *name;
		const EVP_MD *(*md)(void);
	} known[] = {{"sha1", EVP_sha1},      {"sha-1", EVP_sha1},    {"sha256", EVP_sha256},
		     {"sha-256", EVP_sha256}, {"sha512", EVP_sha512}, {"sha-512", EVP_sha512},
		     {"md5", EVP_md5}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == n && strncasecmp(known[i].name, name, n) == 0)
			return known[i].md();
	return NULL;
}

void digest_expect(struct digest *d, const char *text, size_t n)
{
	const char *colon;
	const EVP_MD *md;

	if (!d->context)
		return;
	for (; n > 0 && isspace((unsigned char)*text); n--)
		text++;
	while (n > 0 && (isspace((unsigned char)text[n - 1]) || text[n - 1] == '='))
		n--;
	colon = memchr(text, ':', n);
	md = colon ? algorithm(text, (size_t)(colon - text)) : NULL;
	if (!md)
		return;
	n -= (size_t)(colon + 1 - text);
	d->size = (size_t)EVP_MD_get_size(md);
	d->on = decode(colon + 1, n, n == 2 * d->size ? 4 : 5, d->want, d->size) &&
		EVP_DigestInit_ex(d->context, md, NULL) == 1;
}

void digest_feed(struct digest *d, const void *p, size_t n)
{
	if (d->on && EVP_DigestUpdate(d->context, p, n) != 1)
		d->on = false;
}

bool digest_differs(struct digest *d)
{
	unsigned char is[EVP_MAX_MD_SIZE];
	bool on = d->on;

	d->on = false;
	return on && EVP_DigestFinal_ex(d->context, is, NULL) == 1 && memcmp(is, d->want, d->size) != 0;
}
