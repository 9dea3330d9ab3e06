/* SPDX-License-Identifier: Apache-2.0 */
/* NAT detection (RFC 7296 2.23). */
#ifndef CW_IKE_NAT_H
#define CW_IKE_NAT_H

#include "ike/payload.h"

#define IKE_NAT_HASH_LEN 20

/* SHA1(SPIi | SPIr | address | port). */
int ike_nat_hash(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e, uint8_t out[IKE_NAT_HASH_LEN]);
/* Both notifications of a message from local to remote; lie: a source hash that nobody can match. */
void ike_nat_build(struct ike_build *b, uint64_t spi_i, uint64_t spi_r, const struct endpoint *local,
    const struct endpoint *remote, bool lie, const struct rng *rng);

struct ike_nat_result {
	bool supported; /* the peer sent both kinds */
	bool local;     /* our address is not the one the peer sent to: a NAT before us */
	bool remote;    /* the peer's is not the one it believes to have */
};
/* What a message received at local from remote says. */
struct ike_nat_result ike_nat_detect(const struct ike_payloads *p, uint64_t spi_i, uint64_t spi_r,
    const struct endpoint *local, const struct endpoint *remote);

#endif
