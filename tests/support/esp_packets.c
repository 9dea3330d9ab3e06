/* SPDX-License-Identifier: Apache-2.0 */
/* Suites, SAs and inner packets for the tests of esp/. */
#include "tests/support/esp_packets.h"

#include "base/cursor.h"

#include <string.h>

const struct esp_suite esp_suites[ESP_N_SUITES] = {
	{ ENCR_AES_CBC, 128, INTEG_HMAC_SHA1_96 },
	{ ENCR_AES_CBC, 128, INTEG_HMAC_SHA2_256_128 },
	{ ENCR_AES_CBC, 128, INTEG_HMAC_SHA2_384_192 },
	{ ENCR_AES_CBC, 128, INTEG_HMAC_SHA2_512_256 },
	{ ENCR_AES_CBC, 192, INTEG_HMAC_SHA2_256_128 },
	{ ENCR_AES_CBC, 256, INTEG_HMAC_SHA1_96 },
	{ ENCR_AES_CBC, 256, INTEG_HMAC_SHA2_256_128 },
	{ ENCR_AES_CBC, 256, INTEG_HMAC_SHA2_384_192 },
	{ ENCR_AES_CBC, 256, INTEG_HMAC_SHA2_512_256 },
	{ ENCR_AES_GCM_16, 128, INTEG_NONE },
	{ ENCR_AES_GCM_16, 192, INTEG_NONE },
	{ ENCR_AES_GCM_16, 256, INTEG_NONE },
	{ ENCR_3DES, 0, INTEG_HMAC_SHA1_96 },
	{ ENCR_3DES, 0, INTEG_HMAC_MD5_96 },
};

static const uint8_t encr_key[CRYPTO_MAX_ENCR_KEY] = "an encryption key and its salt, 36";
static const uint8_t integ_key[CRYPTO_MAX_INTEG_KEY] =
    "an integrity key as long as the longest, which has 64 bytes here";

struct esp_sa_params esp_test_params(const struct esp_suite *s, bool inbound, bool esn)
{
	struct esp_sa_params p = { .inbound = inbound,
		.spi = 0x12345678,
		.encr = s->encr,
		.encr_key_bits = s->bits,
		.integ = s->integ,
		.esn = esn,
		.encr_key = encr_key,
		.integ_key = s->integ ? integ_key : NULL,
		.n_ts_local = 2,
		.n_ts_remote = 2 };

	p.ts_local[0] = (struct esp_ts){ { 4, { 0 } }, { 4, { 255, 255, 255, 255 } }, 0, 0, UINT16_MAX };
	p.ts_local[1] = (struct esp_ts){ { 6, { 0 } }, { 6, { 0 } }, 0, 0, UINT16_MAX };
	memset(p.ts_local[1].last.b, 0xff, 16);
	memcpy(p.ts_remote, p.ts_local, sizeof(p.ts_remote));
	return p;
}

static void udp_and_pattern(struct wr *w, size_t total_len)
{
	if (total_len - wr_len(w) >= 8) {
		wr_u16(w, 1000);
		wr_u16(w, 2000);
		wr_u16(w, (uint16_t)(total_len - wr_len(w) + 4));
		wr_u16(w, 0);
	}
	while (wr_len(w) < total_len)
		wr_u8(w, (uint8_t)(wr_len(w) * 7));
}

void esp_test_ipv4(uint8_t *buf, size_t total_len)
{
	struct wr w = wr_init(buf, total_len);

	wr_u16(&w, 0x4500);
	wr_u16(&w, (uint16_t)total_len);
	wr_u32(&w, 0);
	wr_u8(&w, 64);
	wr_u8(&w, 17);
	wr_u16(&w, 0);
	wr_u32(&w, 0x0a000001);
	wr_u32(&w, 0x0a000002);
	udp_and_pattern(&w, total_len);
}

void esp_test_ipv6(uint8_t *buf, size_t total_len)
{
	struct wr w = wr_init(buf, total_len);

	wr_u32(&w, 0x60000000);
	wr_u16(&w, (uint16_t)(total_len - 40));
	wr_u8(&w, 17);
	wr_u8(&w, 64);
	for (uint8_t last = 1; last <= 2; last++) {
		wr_u16(&w, 0xfd00);
		wr_zero(&w, 13);
		wr_u8(&w, last);
	}
	udp_and_pattern(&w, total_len);
}
