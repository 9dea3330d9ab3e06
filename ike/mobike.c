/* SPDX-License-Identifier: Apache-2.0 */
/* The notifications of MOBIKE (RFC 4555 4), read and written. */
#include "ike/mobike.h"

#include "ike/nat.h"

#include <string.h>

static void notify(struct ike_build *b, uint16_t type, const void *data, size_t len)
{
	ike_build_notify(b, IKE_PROTO_NONE, NULL, type, data, len);
}

/* 4.2.2: an address of either family, nothing else. */
static bool address_of(const struct ike_notify *n, struct addr *ret)
{
	uint8_t family = n->type == IKE_N_ADDITIONAL_IP4_ADDRESS   ? 4
	                 : n->type == IKE_N_ADDITIONAL_IP6_ADDRESS ? 6
	                                                           : 0;
	size_t len = family == 4 ? 4 : 16;

	if (!family || n->data.len != len)
		return false;
	*ret = addr_from_bytes(family, n->data.data);
	return !addr_is_unspecified(ret);
}

void ike_mobike_take_peers(struct ike_mobike *m, const struct ike_payloads *p)
{
	unsigned n = 0;
	bool told = false;

	for (unsigned i = 0; i < p->n_notify; i++) {
		const struct ike_notify *one = &p->notify[i];
		struct addr a;

		told = told || one->type == IKE_N_NO_ADDITIONAL_ADDRESSES ||
		       one->type == IKE_N_ADDITIONAL_IP4_ADDRESS || one->type == IKE_N_ADDITIONAL_IP6_ADDRESS;
		if (n < IKE_ADDITIONAL_MAX && address_of(one, &a))
			m->peers[n++] = a;
	}
	if (told)
		m->n_peers = n;
}

void ike_mobike_build_additional(const struct ike_sa *sa, struct ike_build *b)
{
	const struct ike_conn *conn = sa->conn;
	unsigned n = 0;

	for (unsigned i = 0; i < conn->n_locals; i++) {
		const struct addr *a = &conn->locals[i];

		if (addr_eq(a, &sa->local.addr))
			continue;
		notify(b, a->family == 4 ? IKE_N_ADDITIONAL_IP4_ADDRESS : IKE_N_ADDITIONAL_IP6_ADDRESS, a->b,
		    addr_size(a));
		n++;
	}
	if (!n)
		notify(b, IKE_N_NO_ADDITIONAL_ADDRESSES, NULL, 0);
}

/* 4.2.6: source and destination, then their ports. */
static size_t no_nats(const struct endpoint *source, const struct endpoint *destination, uint8_t out[36])
{
	struct wr w = wr_init(out, 36);

	wr_bytes(&w, source->addr.b, addr_size(&source->addr));
	wr_bytes(&w, destination->addr.b, addr_size(&destination->addr));
	wr_u16(&w, source->port);
	wr_u16(&w, destination->port);
	return wr_len(&w);
}

bool ike_mobike_untranslated(
    const struct ike_payloads *p, const struct endpoint *local, const struct endpoint *remote)
{
	const struct ike_notify *n = ike_notify_find(p, IKE_N_NO_NATS_ALLOWED);
	uint8_t came[36];
	size_t len = no_nats(remote, local, came);

	return !n || (n->data.len == len && !memcmp(n->data.data, came, len));
}

void ike_mobike_build_no_nats(const struct ike_sa *sa, struct ike_build *b)
{
	uint8_t data[36];

	if (!sa->natd && !addr_is_none(&sa->local.addr))
		notify(b, IKE_N_NO_NATS_ALLOWED, data, no_nats(&sa->local, &sa->remote, data));
}

void ike_mobike_offer(struct ike_sa *sa, struct ike_build *b)
{
	if (!sa->conn->cfg.mobike)
		return;
	notify(b, IKE_N_MOBIKE_SUPPORTED, NULL, 0);
	ike_mobike_build_additional(sa, b);
	if (sa->initiator)
		ike_mobike_build_no_nats(sa, b);
}

void ike_mobike_agreed(struct ike_sa *sa, const struct ike_payloads *p)
{
	sa->mobike.on = sa->conn->cfg.mobike && ike_notify_find(p, IKE_N_MOBIKE_SUPPORTED);
	if (sa->mobike.on)
		ike_mobike_take_peers(&sa->mobike, p);
}

struct ike_span ike_mobike_cookie2(const struct ike_payloads *p)
{
	const struct ike_notify *n = ike_notify_find(p, IKE_N_COOKIE2);

	if (!n || n->data.len < IKE_COOKIE2_MIN || n->data.len > IKE_COOKIE2_MAX)
		return (struct ike_span){ 0 };
	return n->data;
}

bool ike_mobike_seen(struct ike_sa *sa, const struct ike_payloads *p)
{
	const struct ike_notify *n = ike_notify_find(p, IKE_N_NAT_DETECTION_DESTINATION_IP);
	struct ike_mobike *m = &sa->mobike;
	bool other;

	if (!n || n->data.len != sizeof(m->seen_as))
		return false;
	other = !m->seen || memcmp(m->seen_as, n->data.data, sizeof(m->seen_as)) != 0;
	m->seen = true;
	memcpy(m->seen_as, n->data.data, sizeof(m->seen_as));
	return other;
}

void ike_mobike_build_nat(struct ike_sa *sa, struct ike_build *b)
{
	ike_nat_build(b, sa->spi_i, sa->spi_r, &sa->local, &sa->remote, sa->nat_pretended, &sa->ike->rng);
}

void ike_mobike_take_nat(struct ike_sa *sa, const struct ike_payloads *p)
{
	struct ike_nat_result nat = ike_nat_detect(p, sa->spi_i, sa->spi_r, &sa->local, &sa->remote);

	if (!sa->natd || !nat.supported)
		return;
	sa->nat_local = nat.local;
	sa->nat_remote = nat.remote;
}
