/* SPDX-License-Identifier: Apache-2.0 */
/* Stateless cookies (RFC 7296 2.6). */
#ifndef CW_IKE_COOKIE_H
#define CW_IKE_COOKIE_H

#include "base/mtime.h"
#include "ike/payload.h"

#define IKE_COOKIE_LEN 33 /* version and HMAC-SHA-256 */

struct ike_cookie_jar {
	uint8_t secret[2][32]; /* by the lowest bit of the version */
	uint8_t version;
	mtime changed;
	bool ready;
};

/* The cookie of this request, with the current secret, which changes with time. */
int ike_cookie_make(struct ike_cookie_jar *jar, const struct rng *rng, mtime now, struct ike_span nonce,
    const struct addr *source, uint64_t spi_i, uint8_t out[IKE_COOKIE_LEN]);
/* Is it one we gave, lately, to this source for this request? */
bool ike_cookie_check(const struct ike_cookie_jar *jar, mtime now, struct ike_span cookie,
    struct ike_span nonce, const struct addr *source, uint64_t spi_i);

#endif
