/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MS-CHAP-V2, step by step as RFC 2759 section 8 names the steps, and RFC 3079 section 3.4 for the keys.
 * Every intermediate value that a password could be guessed from is cleansed.
 */
#include "ike/mschapv2.h"

#include "base/crypto.h"
#include "base/crypto_legacy.h"
#include "base/cursor.h"

#include <string.h>

static const char proof_magic1[] = "Magic server to client signing constant";
static const char proof_magic2[] = "Pad to make it do more than one iteration";
static const char master_magic[] = "This is the MPPE Master Key";
/* RFC 3079 3.4: magic 2 is the client's sending key, magic 3 the server's. */
static const char from_client_magic[] =
    "On the client side, this is the send key; on the server side, it is the receive key.";
static const char from_server_magic[] =
    "On the client side, this is the receive key; on the server side, it is the send key.";

#define CHALLENGE_HASH_LEN 8
#define START_KEY_LEN      16
#define PAD_LEN            40
#define PAD1_BYTE          0x00
#define PAD2_BYTE          0xf2

static struct chunk text(const char *s)
{
	return (struct chunk){ (const uint8_t *)s, strlen(s) };
}

/* One character of UTF-8 (RFC 3629), shortest form only; -1 when it is none. */
static int32_t utf8_next(struct rd *r)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t first = rd_u8(r);
	uint32_t c = first;
	unsigned tail = first < 0x80             ? 0
	                : (first & 0xe0) == 0xc0 ? 1
	                : (first & 0xf0) == 0xe0 ? 2
	                : (first & 0xf8) == 0xf0 ? 3
	                                         : 4;

	if (tail > 3)
		return -1;
	if (tail)
		c = first & (0x3fu >> tail);
	for (unsigned i = 0; i < tail; i++) {
		uint8_t b = rd_u8(r);

		if ((b & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (b & 0x3f);
	}
	if (!rd_ok(r) || c < least[tail] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return -1;
	return (int32_t)c;
}

static void put_utf16le(struct wr *w, uint32_t unit)
{
	wr_u8(w, unit & 0xff);
	wr_u8(w, (uint8_t)(unit >> 8));
}

int mschapv2_password_hash(const struct secret *password, uint8_t ret_hash[MSCHAPV2_HASH_LEN])
{
	uint8_t utf16[2 * MSCHAPV2_PASSWORD_MAX];
	struct wr w = wr_init(utf16, sizeof(utf16));
	struct rd r = rd_init(password->data, password->len);
	int rc = 0;

	while (!rc && rd_left(&r)) {
		int32_t c = utf8_next(&r);

		if (c < 0) {
			rc = -1;
		} else if (c >= 0x10000) {
			put_utf16le(&w, 0xd800 + (((uint32_t)c - 0x10000) >> 10));
			put_utf16le(&w, 0xdc00 + (((uint32_t)c - 0x10000) & 0x3ff));
		} else {
			put_utf16le(&w, (uint32_t)c);
		}
	}
	if (!wr_ok(&w))
		rc = -1;
	if (!rc)
		md4(utf16, wr_len(&w), ret_hash);
	cleanse(utf16, sizeof(utf16));
	return rc;
}

/* ChallengeHash (RFC 2759 8.2). */
static int challenge_hash(const struct mschapv2_exchange *x, uint8_t out[CHALLENGE_HASH_LEN])
{
	const char *user = x->user, *slash = memchr(x->user, '\\', x->user_len);
	size_t len = x->user_len;
	uint8_t digest[20];

	if (slash) {
		len -= (size_t)(slash + 1 - user);
		user = slash + 1;
	}
	if (sha1((const struct chunk[]){ { x->peer, sizeof(x->peer) },
	             { x->authenticator, sizeof(x->authenticator) }, { (const uint8_t *)user, len } },
	        3, digest))
		return -1;
	memcpy(out, digest, CHALLENGE_HASH_LEN);
	return 0;
}

int mschapv2_nt_response(const struct mschapv2_exchange *x, const uint8_t hash[MSCHAPV2_HASH_LEN],
    uint8_t ret_response[MSCHAPV2_NT_RESPONSE_LEN])
{
	uint8_t challenge[CHALLENGE_HASH_LEN], keys[21] = { 0 }; /* ChallengeResponse, 8.5 */

	if (challenge_hash(x, challenge))
		return -1;
	memcpy(keys, hash, MSCHAPV2_HASH_LEN);
	for (unsigned i = 0; i < 3; i++)
		des_encrypt(challenge, keys + 7 * i, ret_response + 8 * i);
	cleanse(keys, sizeof(keys));
	return 0;
}

int mschapv2_authenticator_response(const struct mschapv2_exchange *x, const uint8_t hash[MSCHAPV2_HASH_LEN],
    const uint8_t response[MSCHAPV2_NT_RESPONSE_LEN], uint8_t ret_proof[MSCHAPV2_PROOF_LEN])
{
	uint8_t hash_hash[MSCHAPV2_HASH_LEN], challenge[CHALLENGE_HASH_LEN], digest[20];
	int rc = -1;

	md4(hash, MSCHAPV2_HASH_LEN, hash_hash);
	if (!challenge_hash(x, challenge) &&
	    !sha1((const struct chunk[]){ { hash_hash, sizeof(hash_hash) },
	              { response, MSCHAPV2_NT_RESPONSE_LEN }, text(proof_magic1) },
	        3, digest) &&
	    !sha1((const struct chunk[]){ { digest, sizeof(digest) }, { challenge, sizeof(challenge) },
	              text(proof_magic2) },
	        3, ret_proof))
		rc = 0;
	cleanse(hash_hash, sizeof(hash_hash));
	cleanse(digest, sizeof(digest));
	return rc;
}

/* GetAsymetricStartKey (RFC 3079 3.4), of 128 bits. */
static int start_key(const uint8_t *master, const char *magic, uint8_t *out)
{
	uint8_t pad1[PAD_LEN], pad2[PAD_LEN], digest[20];
	int rc;

	memset(pad1, PAD1_BYTE, sizeof(pad1));
	memset(pad2, PAD2_BYTE, sizeof(pad2));
	rc = sha1((const struct chunk[]){ { master, START_KEY_LEN }, { pad1, sizeof(pad1) }, text(magic),
	              { pad2, sizeof(pad2) } },
	    4, digest);
	if (!rc)
		memcpy(out, digest, START_KEY_LEN);
	cleanse(digest, sizeof(digest));
	return rc;
}

int mschapv2_msk(const uint8_t hash[MSCHAPV2_HASH_LEN], const uint8_t response[MSCHAPV2_NT_RESPONSE_LEN],
    uint8_t ret_msk[EAP_MSK_LEN])
{
	uint8_t hash_hash[MSCHAPV2_HASH_LEN], master[20], msk[EAP_MSK_LEN] = { 0 };
	int rc = -1;

	md4(hash, MSCHAPV2_HASH_LEN, hash_hash);
	/* GetMasterKey takes the first 16 octets of this digest. */
	if (!sha1((const struct chunk[]){ { hash_hash, sizeof(hash_hash) },
	              { response, MSCHAPV2_NT_RESPONSE_LEN }, text(master_magic) },
	        3, master) &&
	    !start_key(master, from_client_magic, msk) &&
	    !start_key(master, from_server_magic, msk + START_KEY_LEN)) {
		memcpy(ret_msk, msk, sizeof(msk));
		rc = 0;
	}
	cleanse(hash_hash, sizeof(hash_hash));
	cleanse(master, sizeof(master));
	cleanse(msk, sizeof(msk));
	return rc;
}
