/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and freeing run-time SAs, and the arithmetic of what ESP adds to a packet (RFC 4303 2): header, IV,
 * padding to the cipher's block or to 4 bytes, trailer, ICV.
 */
#include "esp/sa.h"

#include <stdlib.h>
#include <string.h>

#define ESP_MIN_ALIGN 4 /* RFC 4303 2.4: the trailer ends on a 4-byte boundary */
#define IPV4_HEADER   20
#define IPV6_HEADER   40
#define UDP_HEADER    8

/* What the algorithms cost on the wire; false when they don't belong together. */
static bool sizes(enum encr_id encr, unsigned key_bits, enum integ_id integ, struct encr_info *ret_encr,
    uint8_t *ret_icv, uint8_t *ret_align)
{
	struct integ_info mac;

	if (!encr_info(encr, key_bits, ret_encr))
		return false;
	if (ret_encr->aead ? integ != INTEG_NONE : !integ_info(integ, &mac))
		return false;
	*ret_icv = ret_encr->aead ? ret_encr->icv_len : mac.icv_len;
	*ret_align = ret_encr->block > ESP_MIN_ALIGN ? ret_encr->block : ESP_MIN_ALIGN;
	return true;
}

struct esp_sa *esp_sa_new(const struct esp_sa_params *p)
{
	struct encr_info info;
	uint8_t icv, align;
	struct esp_sa *sa;

	if (!sizes(p->encr, p->encr_key_bits, p->integ, &info, &icv, &align) || p->n_ts_local > ESP_MAX_TS ||
	    p->n_ts_remote > ESP_MAX_TS)
		return NULL;
	sa = calloc(1, sizeof(*sa));
	if (!sa)
		return NULL;
	sa->inbound = p->inbound;
	sa->esn = p->esn;
	sa->ignore_ecn = p->ignore_ecn;
	sa->cbc = !info.aead;
	sa->spi = p->spi;
	sa->iv_len = info.iv_len;
	sa->icv_len = icv;
	sa->align = align;
	replay_init(&sa->replay, p->esn);
	memcpy(sa->ts_local, p->ts_local, sizeof(sa->ts_local));
	memcpy(sa->ts_remote, p->ts_remote, sizeof(sa->ts_remote));
	sa->n_ts_local = p->n_ts_local;
	sa->n_ts_remote = p->n_ts_remote;
	sa->aead = aead_new(!p->inbound, p->encr, p->encr_key_bits, p->encr_key, p->integ, p->integ_key);
	if (!sa->aead) {
		free(sa);
		return NULL;
	}
	return sa;
}

void esp_sa_free(struct esp_sa *sa)
{
	if (!sa)
		return;
	aead_free(sa->aead);
	free(sa);
}

unsigned esp_inner_mtu(unsigned path_mtu, uint8_t outer_family, bool udp, enum encr_id encr,
    unsigned key_bits, enum integ_id integ)
{
	struct encr_info info;
	uint8_t icv, align;
	unsigned fixed, room;

	if (!sizes(encr, key_bits, integ, &info, &icv, &align))
		return 0;
	fixed = (outer_family == 6 ? IPV6_HEADER : IPV4_HEADER) + (udp ? UDP_HEADER : 0) + ESP_HEADER_LEN +
	        info.iv_len + icv;
	if (path_mtu <= fixed)
		return 0;
	room = (path_mtu - fixed) / align * align; /* inner packet, padding and trailer */
	return room > ESP_TRAILER_LEN ? room - ESP_TRAILER_LEN : 0;
}
