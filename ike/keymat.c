/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key derivation (RFC 7296 2.13, 2.14, 2.17, 2.18). The order in which keys are taken from prf+'s output is
 * the whole content of this file; every intermediate buffer is cleansed. AEADs take no integrity keys (RFC
 * 5282 7).
 */
#include "ike/keymat.h"

#include "base/cursor.h"
#include "ike/wire.h"

#include <string.h>

int ike_nonce_cmp(const struct ike_nonce *a, const struct ike_nonce *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c = memcmp(a->data, b->data, n);

	return c ? c : (int)a->len - (int)b->len;
}

const struct ike_nonce *ike_nonce_lower(const struct ike_nonce *a, const struct ike_nonce *b)
{
	return ike_nonce_cmp(a, b) <= 0 ? a : b;
}

void ike_keys_clear(struct ike_keys *k)
{
	aead_free(k->seal.ctx);
	aead_free(k->open.ctx);
	cleanse(k, sizeof(*k));
}

int ike_skeyseed(enum prf_id prf_alg, const struct ike_nonce *ni, const struct ike_nonce *nr,
    const struct secret *g_ir, uint8_t *out)
{
	uint8_t key[2 * IKE_NONCE_MAX];
	struct chunk part = { g_ir->data, g_ir->len };

	/* HMAC takes keys of any length, so Ni | Nr is used whole (RFC 7296 2.14). */
	memcpy(key, ni->data, ni->len);
	memcpy(key + ni->len, nr->data, nr->len);
	return prf(prf_alg, key, (size_t)ni->len + nr->len, &part, 1, out);
}

int ike_skeyseed_rekey(const struct ike_keys *old, const struct ike_nonce *ni, const struct ike_nonce *nr,
    const struct secret *g_ir, uint8_t *out)
{
	struct chunk parts[] = { { g_ir->data, g_ir->len }, { ni->data, ni->len }, { nr->data, nr->len } };

	return prf(old->prf, old->sk_d, old->prf_len, parts, 3, out);
}

static int dir_init(struct ike_dir *d, bool seal, const struct ike_suite *suite, const uint8_t *encr,
    const uint8_t *integ_key)
{
	struct encr_info ei;
	struct integ_info ii = { 0 };

	if (!encr_info(suite->encr, suite->key_bits, &ei) || (!ei.aead && !integ_info(suite->integ, &ii)))
		return -1;
	d->aead = ei.aead;
	d->iv_len = ei.iv_len;
	d->block = ei.aead ? 1 : ei.block;
	d->icv_len = ei.aead ? ei.icv_len : ii.icv_len;
	d->ctx = aead_new(seal, suite->encr, suite->key_bits, encr, ei.aead ? INTEG_NONE : suite->integ,
	    ei.aead ? NULL : integ_key);
	return d->ctx ? 0 : -1;
}

int ike_keys_derive(const struct ike_suite *suite, bool initiator, const uint8_t *skeyseed,
    size_t skeyseed_len, const struct ike_nonce *ni, const struct ike_nonce *nr, uint64_t spi_i,
    uint64_t spi_r, struct ike_keys *ret_keys)
{
	uint8_t spis[16], out[5 * CRYPTO_MAX_HASH + 2 * CRYPTO_MAX_INTEG_KEY + 2 * CRYPTO_MAX_ENCR_KEY];
	const uint8_t *ai, *ar, *ei_key, *er;
	struct wr w = wr_init(spis, sizeof(spis));
	struct chunk seed[] = { { ni->data, ni->len }, { nr->data, nr->len }, { spis, sizeof(spis) } };
	struct encr_info ei;
	struct integ_info ii = { 0 };
	struct prf_info pi;
	struct ike_keys k = { 0 };
	size_t encr_len, total;
	struct rd r;
	int rc = -1;

	if (!encr_info(suite->encr, suite->key_bits, &ei) || !prf_info(suite->prf, &pi) ||
	    (!ei.aead && !integ_info(suite->integ, &ii)))
		return -1;
	wr_u64(&w, spi_i);
	wr_u64(&w, spi_r);
	encr_len = (size_t)ei.key_len + ei.salt_len;
	total = 3 * (size_t)pi.out_len + 2 * (size_t)ii.key_len + 2 * encr_len;
	if (prf_plus(suite->prf, skeyseed, skeyseed_len, seed, 3, out, total))
		return -1;
	r = rd_init(out, total);
	k.prf = suite->prf;
	k.prf_len = pi.out_len;
	rd_bytes(&r, k.sk_d, pi.out_len);
	ai = rd_skip(&r, ii.key_len);
	ar = rd_skip(&r, ii.key_len);
	ei_key = rd_skip(&r, encr_len);
	er = rd_skip(&r, encr_len);
	rd_bytes(&r, k.sk_pi, pi.out_len);
	rd_bytes(&r, k.sk_pr, pi.out_len);
	if (!dir_init(&k.seal, true, suite, initiator ? ei_key : er, initiator ? ai : ar) &&
	    !dir_init(&k.open, false, suite, initiator ? er : ei_key, initiator ? ar : ai)) {
		*ret_keys = k;
		rc = 0;
	} else {
		ike_keys_clear(&k);
	}
	cleanse(out, sizeof(out));
	cleanse(&k, sizeof(k));
	return rc;
}

int ike_child_keymat(const struct ike_keys *k, const struct ike_suite *suite, const struct ike_nonce *ni,
    const struct ike_nonce *nr, const struct secret *g_ir, struct ike_child_keys *ret_keys)
{
	uint8_t out[2 * (CRYPTO_MAX_ENCR_KEY + CRYPTO_MAX_INTEG_KEY)];
	struct chunk seed[3];
	size_t n = 0, encr_len, total;
	struct encr_info ei;
	struct integ_info ii = { 0 };
	struct rd r;

	if (!encr_info(suite->encr, suite->key_bits, &ei) || (!ei.aead && !integ_info(suite->integ, &ii)))
		return -1;
	if (g_ir)
		seed[n++] = (struct chunk){ g_ir->data, g_ir->len };
	seed[n++] = (struct chunk){ ni->data, ni->len };
	seed[n++] = (struct chunk){ nr->data, nr->len };
	encr_len = (size_t)ei.key_len + ei.salt_len;
	total = 2 * (encr_len + ii.key_len);
	if (prf_plus(k->prf, k->sk_d, k->prf_len, seed, n, out, total))
		return -1;
	/* First everything of the initiator's direction, then the responder's; encryption before integrity.
	 */
	r = rd_init(out, total);
	*ret_keys = (struct ike_child_keys){ 0 };
	rd_bytes(&r, ret_keys->encr_i, encr_len);
	rd_bytes(&r, ret_keys->integ_i, ii.key_len);
	rd_bytes(&r, ret_keys->encr_r, encr_len);
	rd_bytes(&r, ret_keys->integ_r, ii.key_len);
	cleanse(out, sizeof(out));
	return 0;
}
