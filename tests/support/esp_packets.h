/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of esp/: suites, SA pairs and inner packets made to measure. */
#ifndef CW_TEST_ESP_PACKETS_H
#define CW_TEST_ESP_PACKETS_H

#include "esp/sa.h"

struct esp_suite {
	enum encr_id encr;
	unsigned bits;
	enum integ_id integ;
};
#define ESP_N_SUITES 14
extern const struct esp_suite esp_suites[ESP_N_SUITES];

/* Parameters of a suite with fixed keys and selectors that take everything. The keys are static. */
struct esp_sa_params esp_test_params(const struct esp_suite *s, bool inbound, bool esn);
/* An IPv4 UDP packet 10.0.0.1:1000 -> 10.0.0.2:2000 of total_len bytes (20 at least), filled by a pattern. */
void esp_test_ipv4(uint8_t *buf, size_t total_len);
/* An IPv6 UDP packet fd00::1:1000 -> fd00::2:2000 of total_len bytes (40 at least). */
void esp_test_ipv6(uint8_t *buf, size_t total_len);

#endif
