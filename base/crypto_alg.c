/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which algorithms there are: one row each, by IANA transform ID, with what the protocol must know of it
 * (lengths, the usual name) and how OpenSSL calls it. crypto_init fetches each once into the arrays beside
 * the tables; nothing here changes afterwards, so all threads may read it.
 *
 * RFC 7296 3.3.2 (transform IDs), RFC 2451 (3DES), RFC 2403 (HMAC-MD5-96), RFC 3602 (AES-CBC), RFC 4106
 * (AES-GCM), RFC 4868 (HMAC-SHA2), RFC 3526 (MODP), RFC 5903 (ECP), RFC 8031 (Curve25519).
 */
#include "base/crypto.h"
#include "base/crypto_internal.h"

#include <openssl/obj_mac.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct encr_row {
	enum encr_id id;
	unsigned key_bits;
	struct encr_info info;
	const char *openssl;
} encr_rows[] = {
	{ ENCR_3DES, 0, { "3des", false, 8, 8, 0, 0, 24 }, "DES-EDE3-CBC" },
	{ ENCR_AES_CBC, 128, { "aes128", false, 16, 16, 0, 0, 16 }, "AES-128-CBC" },
	{ ENCR_AES_CBC, 192, { "aes192", false, 16, 16, 0, 0, 24 }, "AES-192-CBC" },
	{ ENCR_AES_CBC, 256, { "aes256", false, 16, 16, 0, 0, 32 }, "AES-256-CBC" },
	{ ENCR_AES_GCM_16, 128, { "aes128gcm16", true, 1, 8, 4, 16, 16 }, "AES-128-GCM" },
	{ ENCR_AES_GCM_16, 192, { "aes192gcm16", true, 1, 8, 4, 16, 24 }, "AES-192-GCM" },
	{ ENCR_AES_GCM_16, 256, { "aes256gcm16", true, 1, 8, 4, 16, 32 }, "AES-256-GCM" },
};

static const struct integ_row {
	enum integ_id id;
	struct integ_info info;
	enum hash hash;
} integ_rows[] = {
	{ INTEG_HMAC_MD5_96, { "md5", 16, 12 }, HASH_MD5 },
	{ INTEG_HMAC_SHA1_96, { "sha1", 20, 12 }, HASH_SHA1 },
	{ INTEG_HMAC_SHA2_256_128, { "sha256", 32, 16 }, HASH_SHA256 },
	{ INTEG_HMAC_SHA2_384_192, { "sha384", 48, 24 }, HASH_SHA384 },
	{ INTEG_HMAC_SHA2_512_256, { "sha512", 64, 32 }, HASH_SHA512 },
};

static const struct prf_row {
	enum prf_id id;
	struct prf_info info;
	enum hash hash;
} prf_rows[] = {
	{ PRF_HMAC_MD5, { "prfmd5", 16 }, HASH_MD5 },
	{ PRF_HMAC_SHA1, { "prfsha1", 20 }, HASH_SHA1 },
	{ PRF_HMAC_SHA2_256, { "prfsha256", 32 }, HASH_SHA256 },
	{ PRF_HMAC_SHA2_384, { "prfsha384", 48 }, HASH_SHA384 },
	{ PRF_HMAC_SHA2_512, { "prfsha512", 64 }, HASH_SHA512 },
};

static const struct ke_row {
	enum ke_id id;
	struct ke_info info;
	BIGNUM *(*prime)(BIGNUM *bn); /* of a MODP group */
	int curve;                    /* NID of an ECP group */
} ke_rows[] = {
	{ KE_MODP_768, { "modp768", 96, 96 }, BN_get_rfc2409_prime_768, 0 },
	{ KE_MODP_1024, { "modp1024", 128, 128 }, BN_get_rfc2409_prime_1024, 0 },
	{ KE_MODP_2048, { "modp2048", 256, 256 }, BN_get_rfc3526_prime_2048, 0 },
	{ KE_MODP_3072, { "modp3072", 384, 384 }, BN_get_rfc3526_prime_3072, 0 },
	{ KE_MODP_4096, { "modp4096", 512, 512 }, BN_get_rfc3526_prime_4096, 0 },
	{ KE_ECP_256, { "ecp256", 64, 32 }, NULL, NID_X9_62_prime256v1 },
	{ KE_ECP_384, { "ecp384", 96, 48 }, NULL, NID_secp384r1 },
	{ KE_ECP_521, { "ecp521", 132, 66 }, NULL, NID_secp521r1 },
	{ KE_CURVE25519, { "curve25519", 32, 32 }, NULL, 0 },
};

/* What was fetched, row for row. */
static struct {
	bool ready;
	EVP_CIPHER *cipher[COUNT(encr_rows)];
	BIGNUM *prime[COUNT(ke_rows)];
	EC_GROUP *curve[COUNT(ke_rows)];
} fetched;

static int fetch_all(void)
{
	for (size_t i = 0; i < COUNT(encr_rows); i++) {
		fetched.cipher[i] = EVP_CIPHER_fetch(NULL, encr_rows[i].openssl, NULL);
		if (!fetched.cipher[i])
			return -1;
	}
	for (size_t i = 0; i < COUNT(ke_rows); i++) {
		if (ke_rows[i].prime && !(fetched.prime[i] = ke_rows[i].prime(NULL)))
			return -1;
		if (ke_rows[i].curve && !(fetched.curve[i] = EC_GROUP_new_by_curve_name(ke_rows[i].curve)))
			return -1;
	}
	return 0;
}

int crypto_init(void)
{
	if (fetched.ready)
		return 0;
	if (fetch_all() < 0) {
		crypto_fini();
		return -1;
	}
	fetched.ready = true;
	return 0;
}

void crypto_fini(void)
{
	for (size_t i = 0; i < COUNT(encr_rows); i++) {
		EVP_CIPHER_free(fetched.cipher[i]);
		fetched.cipher[i] = NULL;
	}
	for (size_t i = 0; i < COUNT(ke_rows); i++) {
		BN_free(fetched.prime[i]);
		EC_GROUP_free(fetched.curve[i]);
		fetched.prime[i] = NULL;
		fetched.curve[i] = NULL;
	}
	fetched.ready = false;
}

bool encr_info(enum encr_id id, unsigned key_bits, struct encr_info *ret_info)
{
	for (size_t i = 0; i < COUNT(encr_rows); i++)
		if (encr_rows[i].id == id && encr_rows[i].key_bits == key_bits) {
			*ret_info = encr_rows[i].info;
			return true;
		}
	return false;
}

bool integ_info(enum integ_id id, struct integ_info *ret_info)
{
	for (size_t i = 0; i < COUNT(integ_rows); i++)
		if (integ_rows[i].id == id) {
			*ret_info = integ_rows[i].info;
			return true;
		}
	return false;
}

bool prf_info(enum prf_id id, struct prf_info *ret_info)
{
	for (size_t i = 0; i < COUNT(prf_rows); i++)
		if (prf_rows[i].id == id) {
			*ret_info = prf_rows[i].info;
			return true;
		}
	return false;
}

bool ke_info(enum ke_id id, struct ke_info *ret_info)
{
	for (size_t i = 0; i < COUNT(ke_rows); i++)
		if (ke_rows[i].id == id) {
			*ret_info = ke_rows[i].info;
			return true;
		}
	return false;
}

bool encr_is_weak(enum encr_id id)
{
	return id == ENCR_3DES;
}

bool integ_is_weak(enum integ_id id)
{
	return id == INTEG_HMAC_MD5_96 || id == INTEG_HMAC_SHA1_96;
}

bool prf_is_weak(enum prf_id id)
{
	return id == PRF_HMAC_MD5 || id == PRF_HMAC_SHA1;
}

bool ke_is_weak(enum ke_id id)
{
	return id == KE_MODP_768 || id == KE_MODP_1024;
}

bool crypto_hash_of_prf(enum prf_id id, enum hash *ret_hash)
{
	for (size_t i = 0; i < COUNT(prf_rows); i++)
		if (prf_rows[i].id == id) {
			*ret_hash = prf_rows[i].hash;
			return true;
		}
	return false;
}

bool crypto_hash_of_integ(enum integ_id id, enum hash *ret_hash)
{
	for (size_t i = 0; i < COUNT(integ_rows); i++)
		if (integ_rows[i].id == id) {
			*ret_hash = integ_rows[i].hash;
			return true;
		}
	return false;
}

const EVP_CIPHER *crypto_cipher(enum encr_id id, unsigned key_bits)
{
	for (size_t i = 0; i < COUNT(encr_rows); i++)
		if (encr_rows[i].id == id && encr_rows[i].key_bits == key_bits)
			return fetched.cipher[i];
	return NULL;
}

const BIGNUM *crypto_modp_prime(enum ke_id id)
{
	for (size_t i = 0; i < COUNT(ke_rows); i++)
		if (ke_rows[i].id == id)
			return fetched.prime[i];
	return NULL;
}

const EC_GROUP *crypto_ec_group(enum ke_id id)
{
	for (size_t i = 0; i < COUNT(ke_rows); i++)
		if (ke_rows[i].id == id)
			return fetched.curve[i];
	return NULL;
}
