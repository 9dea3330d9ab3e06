/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE messages from strangers: header, payload chain, and every payload in it. The first octet is 0 for a
 * whole message, else the type of the first payload of a bare chain. Whatever comes, memory stays whole; what
 * is chosen from an offer is something that we accept, and what is narrowed lies within both sides'
 * selectors.
 */
#include "ike/message.h"
#include "ike/sa_payload.h"
#include "ike/ts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void look_at_sa(struct ike_span body)
{
	struct ike_proposals ike = { .n = 2 }, esp = { .n = 1 };
	struct ike_offer offer;
	struct ike_choice c;
	struct encr_info info;

	ike_proposal_parse("aes256-aes128-sha256-sha384-modp2048-ecp256", false, &ike.list[0], NULL);
	ike_proposal_parse("aes256gcm16-prfsha384-ecp384", false, &ike.list[1], NULL);
	ike_proposal_parse("aes256gcm16-aes128gcm16", true, &esp.list[0], NULL);
	if (ike_sa_parse(body, &offer))
		return;
	require(
	    offer.n && offer.n <= IKE_OFFER_PROPOSALS_MAX && offer.n_transforms <= IKE_OFFER_TRANSFORMS_MAX);
	if (!ike_sa_select(&ike, &offer, IKE_PROTO_IKE, IKE_KE_LISTED, KE_ECP_256, &c))
		require(encr_info(c.suite.encr, c.suite.key_bits, &info) && c.suite.prf && c.suite.ke &&
		        (info.aead || c.suite.integ));
	if (!ike_sa_select(&esp, &offer, IKE_PROTO_ESP, IKE_KE_ANY, KE_NONE, &c))
		require(c.suite.encr == ENCR_AES_GCM_16 && !c.suite.integ);
}

static void look_at_ts(struct ike_span body)
{
	static const struct prefix ten = { .addr = { .family = 4, .b = { 10 } }, .len = 8 };
	struct ike_ts ours = ike_ts_from_prefix(&ten), got[IKE_TS_MAX];
	struct ike_ts_list list;
	char text[200];
	unsigned n;

	if (ike_ts_parse(body, &list))
		return;
	require(list.n <= IKE_TS_OFFER_MAX);
	n = ike_ts_narrow(list.list, list.n, &ours, 1, got);
	require(n <= IKE_TS_MAX && ike_ts_all_within(got, n, &ours, 1) &&
	        ike_ts_all_within(got, n, list.list, list.n));
	ike_ts_str(list.list, list.n, text, sizeof(text));
}

static void look_at(const struct ike_payloads *p)
{
	struct ike_identity id;
	struct ike_auth_view auth;
	struct ike_ke_view ke;
	char text[64];

	if (p->sa.data)
		look_at_sa(p->sa);
	if (p->tsi.data)
		look_at_ts(p->tsi);
	if (p->tsr.data)
		look_at_ts(p->tsr);
	if (p->idi.data && !ike_id_parse(p->idi, &id))
		ike_identity_str(&id, text, sizeof(text));
	if (p->auth.data)
		(void)!ike_auth_parse(p->auth, &auth);
	if (p->ke.data)
		(void)!ike_ke_parse(p->ke, &ke);
	for (unsigned i = 0; i < p->n_del; i++)
		for (unsigned j = 0; p->del[i].protocol == IKE_PROTO_ESP && j < p->del[i].n; j++)
			ike_delete_spi(&p->del[i], j);
	for (unsigned i = 0; i < p->n_notify; i++)
		ike_notify_name(p->notify[i].type, text, sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t exchanges[] = { IKE_X_SA_INIT, IKE_X_AUTH, IKE_X_CREATE_CHILD_SA,
		IKE_X_INFORMATIONAL };
	struct rd r = rd_init(data, size);
	uint8_t first = rd_u8(&r);
	struct ike_payloads p;
	struct ike_header h;
	size_t left = rd_left(&r);

	if (!first) {
		const uint8_t *message = rd_skip(&r, left);

		if (!message || ike_header_parse(message, left, &h, &r))
			return 0;
		first = h.first;
	}
	if (ike_payloads_parse(r, first, &p)) {
		require(p.fault != IKE_FAULT_NONE);
		return 0;
	}
	require(p.fault == IKE_FAULT_NONE && p.n <= IKE_PAYLOADS_MAX);
	look_at(&p);
	for (unsigned i = 0; i < 8; i++)
		ike_payloads_check(&p, exchanges[i / 2], i & 1);
	return 0;
}
