/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cookies (RFC 7296 2.6): version | prf(secret of that version, Ni | IPi | SPIi). Nothing is kept for a
 * request; the secret changes every minute, and the one before still counts for as long, so a cookie lives
 * one to two minutes.
 */
#include "ike/cookie.h"

static const mdur period = { 60 * (int64_t)1000000000 };

static int compute(const uint8_t secret[32], uint8_t version, struct ike_span nonce,
    const struct addr *source, uint64_t spi_i, uint8_t out[IKE_COOKIE_LEN])
{
	uint8_t spi[8];
	struct wr w = wr_init(spi, sizeof(spi));
	struct chunk parts[] = {
		{ nonce.data, nonce.len },
		{ source->b, addr_size(source) },
		{ spi, sizeof(spi) },
	};

	wr_u64(&w, spi_i);
	out[0] = version;
	return prf(PRF_HMAC_SHA2_256, secret, 32, parts, 3, &out[1]);
}

static void rotate(struct ike_cookie_jar *jar, const struct rng *rng, mtime now)
{
	if (jar->ready && mtime_since(now, jar->changed).ns < period.ns)
		return;
	/* After a long silence both secrets are stale; drawing both anew forgets them. */
	if (!jar->ready || mtime_since(now, jar->changed).ns >= 2 * period.ns)
		rng_fill(rng, jar->secret[jar->version & 1], 32);
	jar->version++;
	rng_fill(rng, jar->secret[jar->version & 1], 32);
	jar->changed = now;
	jar->ready = true;
}

int ike_cookie_make(struct ike_cookie_jar *jar, const struct rng *rng, mtime now, struct ike_span nonce,
    const struct addr *source, uint64_t spi_i, uint8_t out[IKE_COOKIE_LEN])
{
	rotate(jar, rng, now);
	return compute(jar->secret[jar->version & 1], jar->version, nonce, source, spi_i, out);
}

bool ike_cookie_check(const struct ike_cookie_jar *jar, mtime now, struct ike_span cookie,
    struct ike_span nonce, const struct addr *source, uint64_t spi_i)
{
	uint8_t want[IKE_COOKIE_LEN], version;

	if (!jar->ready || cookie.len != IKE_COOKIE_LEN || mtime_since(now, jar->changed).ns >= 2 * period.ns)
		return false;
	version = cookie.data[0];
	if (version != jar->version && version != (uint8_t)(jar->version - 1))
		return false;
	if (compute(jar->secret[version & 1], version, nonce, source, spi_i, want))
		return false;
	return bytes_eq_ct(want, cookie.data, sizeof(want));
}
