/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SA payloads (RFC 7296 2.7, 3.3): parse an offer, choose from it, build offers and answers.
 *
 * The rule of the choice: our order of preference decides; a proposal of the peer fits when for each type of
 * transform that it holds we take exactly one, and none that we need is missing. A type we do not know makes
 * a proposal unacceptable, an unknown attribute makes a transform so (3.3.6).
 */
#include "ike/sa_payload.h"

#include <string.h>

static int parse_attributes(struct rd r, struct ike_transform *t)
{
	while (rd_left(&r)) {
		uint16_t type = rd_u16(&r);
		uint16_t value = rd_u16(&r);

		if (type == (IKE_ATTR_SHORT | IKE_ATTR_KEY_LENGTH)) {
			t->key_bits = value;
		} else {
			t->odd = true;
			if (!(type & IKE_ATTR_SHORT))
				rd_skip(&r, value);
		}
	}
	return rd_ok(&r) ? 0 : -1;
}

static int parse_transform(struct rd *r, bool last, struct ike_transform *ret)
{
	struct ike_transform t = { 0 };
	uint8_t more = rd_u8(r);
	uint16_t len;
	struct rd attrs;

	rd_u8(r);
	len = rd_u16(r);
	t.type = rd_u8(r);
	rd_u8(r);
	t.id = rd_u16(r);
	if (!rd_ok(r) || len < IKE_TRANSFORM_HEADER_LEN ||
	    more != (last ? IKE_SUBSTRUCT_LAST : IKE_SUBSTRUCT_MORE_TRANSFORMS))
		return -1;
	attrs = rd_sub(r, (size_t)len - IKE_TRANSFORM_HEADER_LEN);
	if (!rd_ok(r) || parse_attributes(attrs, &t))
		return -1;
	*ret = t;
	return 0;
}

static int parse_proposal(struct rd *r, struct ike_offer *o, bool *ret_last)
{
	struct ike_offer_proposal p = { 0 };
	uint8_t more = rd_u8(r), spi_len, n;
	uint16_t len;
	struct rd body;

	rd_u8(r);
	len = rd_u16(r);
	if (!rd_ok(r) || len < IKE_PROPOSAL_HEADER_LEN || o->n == IKE_OFFER_PROPOSALS_MAX)
		return -1;
	if (more != IKE_SUBSTRUCT_LAST && more != IKE_SUBSTRUCT_MORE_PROPOSALS)
		return -1;
	body = rd_sub(r, (size_t)len - 4);
	p.number = rd_u8(&body);
	p.protocol = rd_u8(&body);
	spi_len = rd_u8(&body);
	n = rd_u8(&body);
	p.spi.data = rd_skip(&body, spi_len);
	p.spi.len = spi_len;
	if (!rd_ok(&body) || o->n_transforms + n > IKE_OFFER_TRANSFORMS_MAX)
		return -1;
	p.first = (uint16_t)o->n_transforms;
	p.n = n;
	for (unsigned i = 0; i < n; i++)
		if (parse_transform(&body, i + 1 == n, &o->transform[o->n_transforms++]))
			return -1;
	if (!rd_done(&body))
		return -1;
	o->proposal[o->n++] = p;
	*ret_last = more == IKE_SUBSTRUCT_LAST;
	return 0;
}

int ike_sa_parse(struct ike_span body, struct ike_offer *ret)
{
	struct rd r = rd_init(body.data, body.len);
	bool last = false;

	ret->n = ret->n_transforms = 0;
	while (!last)
		if (parse_proposal(&r, ret, &last))
			return -1;
	return rd_done(&r) ? 0 : -1;
}

bool ike_sa_is_answer(const struct ike_offer *offer)
{
	uint32_t seen = 0;

	if (offer->n != 1)
		return false;
	for (unsigned i = 0; i < offer->n_transforms; i++) {
		uint8_t type = offer->transform[i].type;

		if (type > 31 || seen & 1u << type)
			return false;
		seen |= 1u << type;
	}
	return true;
}

static bool has_type(const struct ike_offer *o, const struct ike_offer_proposal *p, uint8_t type)
{
	for (unsigned i = 0; i < p->n; i++)
		if (o->transform[p->first + i].type == type)
			return true;
	return false;
}

static bool offers(const struct ike_offer *o, const struct ike_offer_proposal *p, uint8_t type, uint16_t id,
    uint16_t key_bits)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct ike_transform *t = &o->transform[p->first + i];

		if (t->type == type && t->id == id && t->key_bits == key_bits && !t->odd)
			return true;
	}
	return false;
}

static bool known_types_only(const struct ike_offer *o, const struct ike_offer_proposal *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		uint8_t type = o->transform[p->first + i].type;

		if (type < IKE_T_ENCR || type > IKE_T_ESN)
			return false;
	}
	return true;
}

static bool select_encr(const struct ike_proposal *our, const struct ike_offer *o,
    const struct ike_offer_proposal *p, struct ike_suite *s)
{
	for (unsigned i = 0; i < our->n_encr; i++)
		if (offers(o, p, IKE_T_ENCR, (uint16_t)our->encr[i].id, our->encr[i].key_bits)) {
			s->encr = our->encr[i].id;
			s->key_bits = our->encr[i].key_bits;
			return true;
		}
	return false;
}

static bool select_prf(const struct ike_proposal *our, const struct ike_offer *o,
    const struct ike_offer_proposal *p, struct ike_suite *s)
{
	for (unsigned i = 0; i < our->n_prf; i++)
		if (offers(o, p, IKE_T_PRF, (uint16_t)our->prf[i], 0)) {
			s->prf = our->prf[i];
			return true;
		}
	return false;
}

static bool select_integ(const struct ike_proposal *our, const struct ike_offer *o,
    const struct ike_offer_proposal *p, struct ike_choice *c)
{
	if (!our->n_integ) { /* an AEAD: nothing, or "none" spelled out (RFC 5282 8) */
		c->integ_none = has_type(o, p, IKE_T_INTEG);
		return !c->integ_none || offers(o, p, IKE_T_INTEG, INTEG_NONE, 0);
	}
	for (unsigned i = 0; i < our->n_integ; i++)
		if (offers(o, p, IKE_T_INTEG, (uint16_t)our->integ[i], 0)) {
			c->suite.integ = our->integ[i];
			return true;
		}
	return false;
}

/* A proposal without our methods: no key exchange, or with KE_ANY whatever the peer sent that we can do and
 * that is not weak: weak groups are taken only where they are listed. */
static bool select_ke_unlisted(const struct ike_offer *o, const struct ike_offer_proposal *p,
    enum ike_ke_mode mode, enum ke_id want, struct ike_suite *s)
{
	struct ke_info info;

	s->ke = KE_NONE;
	if (!has_type(o, p, IKE_T_KE))
		return true;
	if (mode == IKE_KE_ANY && want != KE_NONE && !ke_is_weak(want) && ke_info(want, &info) &&
	    offers(o, p, IKE_T_KE, (uint16_t)want, 0)) {
		s->ke = want;
		return true;
	}
	if (want == KE_NONE && offers(o, p, IKE_T_KE, KE_NONE, 0))
		return true; /* it sent no public value, and says that it can do without */
	for (unsigned i = 0; mode == IKE_KE_ANY && i < p->n; i++) {
		const struct ike_transform *t = &o->transform[p->first + i];

		if (t->type == IKE_T_KE && t->id != KE_NONE && !t->odd && !ke_is_weak((enum ke_id)t->id) &&
		    ke_info((enum ke_id)t->id, &info)) {
			s->ke = (enum ke_id)t->id;
			return true;
		}
	}
	return offers(o, p, IKE_T_KE, KE_NONE, 0);
}

static bool select_ke(const struct ike_proposal *our, const struct ike_offer *o,
    const struct ike_offer_proposal *p, enum ike_ke_mode mode, enum ke_id want, struct ike_suite *s)
{
	s->ke = KE_NONE;
	if (mode == IKE_KE_NEVER)
		return true;
	if (!our->n_ke)
		return select_ke_unlisted(o, p, mode, want, s);
	for (int pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < our->n_ke; i++) {
			if (!pass && our->ke[i] != want)
				continue;
			if (offers(o, p, IKE_T_KE, (uint16_t)our->ke[i], 0)) {
				s->ke = our->ke[i];
				return true;
			}
		}
	return false;
}

static bool select_esn(const struct ike_proposal *our, const struct ike_offer *o,
    const struct ike_offer_proposal *p, struct ike_suite *s)
{
	uint8_t accept = our->esn ? our->esn : 3;

	if (accept & 2 && offers(o, p, IKE_T_ESN, IKE_ESN_YES, 0)) {
		s->esn = true;
		return true;
	}
	s->esn = false;
	/* Mandatory in ESP proposals, but a peer that leaves it out can only mean 32 bits. */
	return accept & 1 && (offers(o, p, IKE_T_ESN, IKE_ESN_NO, 0) || !has_type(o, p, IKE_T_ESN));
}

static bool fits(const struct ike_proposal *our, const struct ike_offer *o,
    const struct ike_offer_proposal *p, enum ike_ke_mode mode, enum ke_id want, struct ike_choice *c)
{
	bool esp = p->protocol == IKE_PROTO_ESP;

	*c = (struct ike_choice){ .number = p->number, .spi = p->spi };
	if (!known_types_only(o, p))
		return false;
	if (!select_encr(our, o, p, &c->suite) || !select_integ(our, o, p, c))
		return false;
	if (esp ? has_type(o, p, IKE_T_PRF) : !select_prf(our, o, p, &c->suite))
		return false;
	if (!select_ke(our, o, p, mode, want, &c->suite))
		return false;
	c->ke_none = mode != IKE_KE_NEVER && c->suite.ke == KE_NONE && has_type(o, p, IKE_T_KE);
	return esp ? select_esn(our, o, p, &c->suite) : !has_type(o, p, IKE_T_ESN);
}

int ike_sa_select(const struct ike_proposals *ours, const struct ike_offer *offer, uint8_t protocol,
    enum ike_ke_mode mode, enum ke_id want_ke, struct ike_choice *ret)
{
	bool have = false;

	for (unsigned i = 0; i < ours->n; i++)
		for (unsigned j = 0; j < offer->n; j++) {
			struct ike_choice c;

			if (offer->proposal[j].protocol != protocol)
				continue;
			if (!fits(&ours->list[i], offer, &offer->proposal[j], mode, want_ke, &c))
				continue;
			/* A suite that uses the public value already sent saves a round trip. */
			if (want_ke == KE_NONE || c.suite.ke == want_ke) {
				*ret = c;
				return 0;
			}
			if (!have)
				*ret = c;
			have = true;
		}
	return have ? 0 : -1;
}

/* --- building --- */

struct sa_build {
	struct ike_build *b;
	size_t proposal;  /* offset of the proposal */
	size_t transform; /* offset of the last transform */
	size_t count_at;
	uint8_t count;
};

static void begin_proposal(
    struct sa_build *s, bool last, uint8_t number, uint8_t protocol, const struct chunk *spi)
{
	struct wr *w = &s->b->w;

	s->proposal = wr_len(w);
	s->count = 0;
	wr_u8(w, last ? IKE_SUBSTRUCT_LAST : IKE_SUBSTRUCT_MORE_PROPOSALS);
	wr_u8(w, 0);
	wr_mark_u16(w);
	wr_u8(w, number);
	wr_u8(w, protocol);
	wr_u8(w, spi ? (uint8_t)spi->len : 0);
	s->count_at = wr_mark_u8(w);
	if (spi)
		wr_bytes(w, spi->data, spi->len);
}

static void add_transform(struct sa_build *s, uint8_t type, uint16_t id, uint16_t key_bits)
{
	struct wr *w = &s->b->w;

	s->transform = wr_len(w);
	s->count++;
	wr_u8(w, IKE_SUBSTRUCT_MORE_TRANSFORMS);
	wr_u8(w, 0);
	wr_u16(w, key_bits ? IKE_TRANSFORM_HEADER_LEN + 4 : IKE_TRANSFORM_HEADER_LEN);
	wr_u8(w, type);
	wr_u8(w, 0);
	wr_u16(w, id);
	if (key_bits) {
		wr_u16(w, IKE_ATTR_SHORT | IKE_ATTR_KEY_LENGTH);
		wr_u16(w, key_bits);
	}
}

static void end_proposal(struct sa_build *s)
{
	struct wr *w = &s->b->w;

	wr_patch_u8(w, s->transform, IKE_SUBSTRUCT_LAST);
	wr_patch_u8(w, s->count_at, s->count);
	wr_patch_u16(w, s->proposal + 2, wr_len(w) - s->proposal);
}

void ike_build_sa(struct ike_build *b, const struct ike_proposals *ours, uint8_t protocol,
    const struct chunk *spi, bool with_ke)
{
	struct sa_build s = { .b = b };

	ike_build_payload(b, IKE_P_SA);
	for (unsigned i = 0; i < ours->n; i++) {
		const struct ike_proposal *p = &ours->list[i];
		uint8_t esn = p->esn ? p->esn : 3;

		begin_proposal(&s, i + 1 == ours->n, (uint8_t)(i + 1), protocol, spi);
		for (unsigned j = 0; j < p->n_encr; j++)
			add_transform(&s, IKE_T_ENCR, (uint16_t)p->encr[j].id, p->encr[j].key_bits);
		for (unsigned j = 0; protocol == IKE_PROTO_IKE && j < p->n_prf; j++)
			add_transform(&s, IKE_T_PRF, (uint16_t)p->prf[j], 0);
		for (unsigned j = 0; j < p->n_integ; j++)
			add_transform(&s, IKE_T_INTEG, (uint16_t)p->integ[j], 0);
		for (unsigned j = 0; with_ke && j < p->n_ke; j++)
			add_transform(&s, IKE_T_KE, (uint16_t)p->ke[j], 0);
		if (protocol == IKE_PROTO_ESP && esn & 2)
			add_transform(&s, IKE_T_ESN, IKE_ESN_YES, 0);
		if (protocol == IKE_PROTO_ESP && esn & 1)
			add_transform(&s, IKE_T_ESN, IKE_ESN_NO, 0);
		end_proposal(&s);
	}
}

void ike_build_sa_choice(
    struct ike_build *b, const struct ike_choice *c, uint8_t protocol, const struct chunk *spi)
{
	const struct ike_suite *suite = &c->suite;
	struct sa_build s = { .b = b };

	ike_build_payload(b, IKE_P_SA);
	begin_proposal(&s, true, c->number, protocol, spi);
	add_transform(&s, IKE_T_ENCR, (uint16_t)suite->encr, suite->key_bits);
	if (protocol == IKE_PROTO_IKE)
		add_transform(&s, IKE_T_PRF, (uint16_t)suite->prf, 0);
	if (suite->integ != INTEG_NONE || c->integ_none)
		add_transform(&s, IKE_T_INTEG, (uint16_t)suite->integ, 0);
	if (suite->ke != KE_NONE)
		add_transform(&s, IKE_T_KE, (uint16_t)suite->ke, 0);
	else if (c->ke_none)
		add_transform(&s, IKE_T_KE, KE_NONE, 0);
	if (protocol == IKE_PROTO_ESP)
		add_transform(&s, IKE_T_ESN, suite->esn ? IKE_ESN_YES : IKE_ESN_NO, 0);
	end_proposal(&s);
}

struct ike_proposal ike_suite_proposal(const struct ike_suite *s, bool esp)
{
	struct ike_proposal p = { .n_encr = 1 };

	p.encr[0].id = s->encr;
	p.encr[0].key_bits = s->key_bits;
	if (s->integ != INTEG_NONE)
		p.integ[p.n_integ++] = s->integ;
	if (!esp)
		p.prf[p.n_prf++] = s->prf;
	if (s->ke != KE_NONE)
		p.ke[p.n_ke++] = s->ke;
	if (esp && s->esn)
		p.esn = 2;
	return p;
}
