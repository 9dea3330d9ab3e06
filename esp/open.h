/* SPDX-License-Identifier: Apache-2.0 */
/* Inbound ESP in tunnel mode (RFC 4303 3.4). */
#ifndef CW_ESP_OPEN_H
#define CW_ESP_OPEN_H

#include "esp/sa.h"

/*
 * Opens a batch (n at most ESP_BATCH): each packet, which begins with its SPI, becomes its inner IP packet in
 * place, cut to the length that the IP header says (the rest was TFC padding). Each pkt->sa is the inbound SA
 * of that SPI, or NULL. Only ESP_OK is to be delivered. A failed packet changes nothing but counters; the
 * bytes of one whose ICV was wrong are not to be read.
 */
void esp_open(struct esp_pkt pkts[], size_t n);

#endif
