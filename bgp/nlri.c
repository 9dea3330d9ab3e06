/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NLRI codec. A list counts as well-formed when each length fits its family and each prefix's bytes are there
 * (RFC 7606 5.3); the bits behind the length mean nothing (RFC 4271 4.3) and are cleared.
 */
#include "bgp/nlri.h"

static size_t bytes_of(uint8_t bits)
{
	return (bits + 7u) / 8u;
}

int nlri_next(struct rd *r, uint8_t family, struct prefix *ret_prefix)
{
	struct prefix p = { .addr.family = family };

	if (!rd_ok(r))
		return -1;
	if (!rd_left(r))
		return 0;
	p.len = rd_u8(r);
	if (p.len > addr_bits(&p.addr))
		return -1;
	rd_bytes(r, p.addr.b, bytes_of(p.len));
	if (!rd_ok(r))
		return -1;
	*ret_prefix = prefix_canonical(p);
	return 1;
}

int nlri_next_path(
    struct rd *r, uint8_t family, bool path_ids, struct prefix *ret_prefix, uint32_t *ret_path_id)
{
	uint32_t id = 0;
	int got;

	if (path_ids && rd_left(r)) {
		id = rd_u32(r);
		if (!rd_left(r))
			return -1;
	}
	got = nlri_next(r, family, ret_prefix);
	if (got > 0)
		*ret_path_id = id;
	return got;
}

int nlri_check(struct rd r, uint8_t family, bool path_ids)
{
	struct prefix p;
	uint32_t id;
	int n = 0, got;

	while ((got = nlri_next_path(&r, family, path_ids, &p, &id)) > 0)
		n++;
	return got < 0 ? -1 : n;
}

void nlri_build(struct wr *w, const struct prefix *p)
{
	wr_u8(w, p->len);
	wr_bytes(w, p->addr.b, bytes_of(p->len));
}

size_t nlri_size(const struct prefix *p)
{
	return 1 + bytes_of(p->len);
}
