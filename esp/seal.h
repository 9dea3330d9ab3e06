/* SPDX-License-Identifier: Apache-2.0 */
/* Outbound ESP in tunnel mode (RFC 4303 3.3). */
#ifndef CW_ESP_SEAL_H
#define CW_ESP_SEAL_H

#include "base/rng.h"
#include "esp/sa.h"

/*
 * Seals a batch (n at most ESP_BATCH): each packet's inner IP packet becomes an ESP packet in place, in the
 * order of the array, which is the order of sequence numbers. Each pkt->sa is an outbound SA or NULL; the
 * room needed is ESP_HEADROOM before and ESP_TAILROOM behind the packet. A packet that fails keeps its
 * verdict and is not to be sent. rng gives the IVs of CBC, by one draw a batch.
 */
void esp_seal(const struct rng *rng, struct esp_pkt pkts[], size_t n);

#endif
