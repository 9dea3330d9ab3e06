/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NAT detection (RFC 7296 2.23): each side sends hashes of the addresses it believes in; a hash that does not
 * fit what the packet carried means a NAT on the way. To force UDP encapsulation a side lies about its own
 * address.
 */
#include "ike/nat.h"

#include <string.h>

int ike_nat_hash(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e, uint8_t out[IKE_NAT_HASH_LEN])
{
	uint8_t buf[8 + 8 + 16 + 2];
	struct wr w = wr_init(buf, sizeof(buf));
	struct chunk part;

	wr_u64(&w, spi_i);
	wr_u64(&w, spi_r);
	wr_bytes(&w, e->addr.b, addr_size(&e->addr));
	wr_u16(&w, e->port);
	part = (struct chunk){ buf, wr_len(&w) };
	return sha1(&part, 1, out);
}

void ike_nat_build(struct ike_build *b, uint64_t spi_i, uint64_t spi_r, const struct endpoint *local,
    const struct endpoint *remote, bool lie, const struct rng *rng)
{
	uint8_t source[IKE_NAT_HASH_LEN], destination[IKE_NAT_HASH_LEN];

	if (lie || addr_is_none(&local->addr))
		rng_fill(rng, source, sizeof(source));
	else if (ike_nat_hash(spi_i, spi_r, local, source))
		return;
	if (ike_nat_hash(spi_i, spi_r, remote, destination))
		return;
	ike_build_notify(b, IKE_PROTO_NONE, NULL, IKE_N_NAT_DETECTION_SOURCE_IP, source, sizeof(source));
	ike_build_notify(
	    b, IKE_PROTO_NONE, NULL, IKE_N_NAT_DETECTION_DESTINATION_IP, destination, sizeof(destination));
}

/* Is there a notification of this type, and does one of them carry this hash? */
static bool matches(const struct ike_payloads *p, uint16_t type, const uint8_t *hash, bool *ret_present)
{
	bool match = false;

	*ret_present = false;
	for (unsigned i = 0; i < p->n_notify; i++) {
		const struct ike_notify *n = &p->notify[i];

		if (n->type != type || n->data.len != IKE_NAT_HASH_LEN)
			continue;
		*ret_present = true;
		match = match || !memcmp(n->data.data, hash, IKE_NAT_HASH_LEN);
	}
	return match;
}

struct ike_nat_result ike_nat_detect(const struct ike_payloads *p, uint64_t spi_i, uint64_t spi_r,
    const struct endpoint *local, const struct endpoint *remote)
{
	uint8_t hash_local[IKE_NAT_HASH_LEN], hash_remote[IKE_NAT_HASH_LEN];
	struct ike_nat_result r = { 0 };
	bool have_source, have_destination, source, destination;

	if (ike_nat_hash(spi_i, spi_r, local, hash_local) || ike_nat_hash(spi_i, spi_r, remote, hash_remote))
		return r;
	source = matches(p, IKE_N_NAT_DETECTION_SOURCE_IP, hash_remote, &have_source);
	destination = matches(p, IKE_N_NAT_DETECTION_DESTINATION_IP, hash_local, &have_destination);
	r.supported = have_source && have_destination;
	r.local = r.supported && !destination;
	r.remote = r.supported && !source;
	return r;
}
