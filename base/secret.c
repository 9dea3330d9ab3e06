/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets on top of OpenSSL's cleansing primitives, which the compiler can't optimise away. */
#include "base/secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

int secret_set(struct secret *s, const void *data, size_t len)
{
	uint8_t *p = calloc(1, len ? len : 1);

	if (!p)
		return -1;
	if (data && len)
		memcpy(p, data, len);
	secret_clear(s);
	s->data = p;
	s->len = len;
	return 0;
}

int secret_copy(struct secret *s, const struct secret *from)
{
	return secret_set(s, from->data, from->len);
}

void secret_clear(struct secret *s)
{
	if (s->data) {
		OPENSSL_cleanse(s->data, s->len);
		free(s->data);
	}
	s->data = NULL;
	s->len = 0;
}

bool secret_eq(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && (a->len == 0 || CRYPTO_memcmp(a->data, b->data, a->len) == 0);
}

void cleanse(void *p, size_t len)
{
	OPENSSL_cleanse(p, len);
}

bool bytes_eq_ct(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
