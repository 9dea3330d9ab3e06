/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run-time half of one direction of a child SA: keys expanded, sequence number or replay window,
 * selectors, counters. Lifetimes, rekeying and names are the control plane's. One thread uses an SA at a
 * time.
 */
#ifndef CW_ESP_SA_H
#define CW_ESP_SA_H

#include "base/crypto.h"
#include "esp/esp.h"
#include "esp/replay.h"
#include "esp/selector.h"

struct esp_sa_params {
	bool inbound;
	uint32_t spi; /* host order */
	enum encr_id encr;
	unsigned encr_key_bits;
	enum integ_id integ; /* INTEG_NONE with an AEAD */
	bool esn;
	bool ignore_ecn;          /* inbound: marks of the outer header are not looked at */
	const uint8_t *encr_key;  /* with the salt; borrowed during esp_sa_new */
	const uint8_t *integ_key; /* NULL with an AEAD */
	struct esp_ts ts_local[ESP_MAX_TS], ts_remote[ESP_MAX_TS];
	unsigned n_ts_local, n_ts_remote;
};

struct esp_counters {
	uint64_t packets, bytes; /* inner, sealed or delivered */
	uint64_t verdicts[ESP_VERDICT_COUNT];
};

struct esp_sa {
	bool ignore_ecn;
	bool inbound, esn, near_end; /* near_end: three quarters of the sequence numbers are used */
	bool cbc;                    /* the IV must be unpredictable; else it is the sequence number */
	uint32_t spi;
	uint8_t iv_len, icv_len, align;
	struct aead_ctx *aead;
	uint64_t seq;         /* outbound: the last one sent */
	struct replay replay; /* inbound */
	struct esp_ts ts_local[ESP_MAX_TS], ts_remote[ESP_MAX_TS];
	unsigned n_ts_local, n_ts_remote;
	struct esp_counters counters;
};

/* NULL when the algorithms are unknown, a count is above its maximum, or memory is out. */
struct esp_sa *esp_sa_new(const struct esp_sa_params *params);
void esp_sa_free(struct esp_sa *sa);

/*
 * The largest inner packet whose ESP packet fits in an outer packet of path_mtu bytes. outer_family is 4 or
 * 6; udp adds the UDP header. 0 when the algorithms are unknown or nothing fits.
 */
unsigned esp_inner_mtu(unsigned path_mtu, uint8_t outer_family, bool udp, enum encr_id encr,
    unsigned key_bits, enum integ_id integ);

#endif
