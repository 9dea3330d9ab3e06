/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UPDATE: four parts, cut first, parsed each inside its cut. The order of judgement is RFC 7606's: the frame
 * (a reset when it is wrong, for nothing can be found then), the IPv4 lists, the attributes one by one, then
 * what belongs together: mandatory attributes, and an UPDATE that brings broken attributes but no prefix
 * (5.2).
 */
#include "bgp/update.h"

#include "bgp/message.h"
#include "bgp/nlri.h"

#include <string.h>

#define LONGEST_NLRI_V4 5
#define LONGEST_NLRI_V6 17

/* RFC 7606 5.2: worse than a discard, and no prefix that could be treated as withdrawn. */
static void check_missing_nlri(struct update *u)
{
	if (u->a.faults.withdraw != FAULT_NONE && !u->n_nlri && !u->a.reach.n)
		faults_add(&u->a.faults, FAULT_MISSING_NLRI, u->a.faults.first_type);
}

/* RFC 4724 2: an empty UPDATE, or one with an empty MP_UNREACH_NLRI alone. */
static void recognise_eor(struct update *u, size_t attrs_len)
{
	const struct mp_nlri *un = &u->a.unreach;

	if (u->n_withdrawn || u->n_nlri || u->a.faults.worst != REACT_NONE)
		return;
	if (attrs_len == 0) {
		u->end_of_rib = true;
		u->eor_family = BGP_IPV4;
	} else if (un->present && un->known && un->n == 0 && !u->a.reach.present &&
	           !attr_seen(&u->a, BGP_ATTR_ORIGIN)) {
		u->end_of_rib = true;
		u->eor_family = un->family;
	}
}

void update_parse(
    struct rd body, const struct attr_context *ctx, struct attr_scratch *scratch, struct update *ret_update)
{
	struct update u = { 0 };
	struct rd withdrawn, attrs;
	size_t attrs_len;

	withdrawn = rd_sub(&body, rd_u16(&body));
	attrs_len = rd_u16(&body);
	attrs = rd_sub(&body, attrs_len);
	u.withdrawn = u.nlri = u.a.reach.prefixes = u.a.unreach.prefixes = rd_init("", 0);
	*ret_update = u;
	if (!rd_ok(&body)) {
		faults_add(&ret_update->a.faults, FAULT_LENGTHS, 0);
		return;
	}
	attrs_parse(attrs, ctx, scratch, &ret_update->a);
	ret_update->n_withdrawn = nlri_check(withdrawn, 4, ctx->path_ids[BGP_IPV4]);
	ret_update->n_nlri = nlri_check(body, 4, ctx->path_ids[BGP_IPV4]);
	if (ret_update->n_withdrawn < 0)
		faults_add(&ret_update->a.faults, FAULT_WITHDRAWN_SYNTAX, 0);
	if (ret_update->n_nlri < 0)
		faults_add(&ret_update->a.faults, FAULT_NLRI_SYNTAX, 0);
	if (ret_update->a.faults.worst == REACT_RESET)
		return;
	ret_update->withdrawn = withdrawn;
	ret_update->nlri = body;
	attrs_check_mandatory(&ret_update->a, ret_update->n_nlri > 0);
	check_missing_nlri(ret_update);
	recognise_eor(ret_update, attrs_len);
}

struct rd update_find_attr(struct rd body, uint8_t type)
{
	struct rd attrs;

	(void)rd_sub(&body, rd_u16(&body));
	attrs = rd_sub(&body, rd_u16(&body));
	while (rd_left(&attrs)) {
		struct rd whole = attrs;
		size_t before = rd_left(&attrs), len;
		uint8_t flags = rd_u8(&attrs), t = rd_u8(&attrs);

		len = flags & BGP_ATTR_FLAG_EXT_LEN ? rd_u16(&attrs) : rd_u8(&attrs);
		if (!rd_ok(&attrs))
			break;
		(void)rd_skip(
		    &attrs, len < rd_left(&attrs) ? len : rd_left(&attrs)); /* it may run past the end */
		if (t == type)
			return rd_sub(&whole, before - rd_left(&attrs));
	}
	return rd_init("", 0);
}

bool update_begin(struct update_builder *b, void *buf, size_t cap, enum bgp_family family,
    const struct attrs *attrs, const struct attr_context *ctx)
{
	b->w = wr_init(buf, cap);
	b->family = family;
	b->withdraw = !attrs;
	b->path_ids = ctx->path_ids[family];
	b->n = 0;
	b->mp = b->rest_len = 0;
	b->message = message_begin(&b->w, BGP_MSG_UPDATE);
	if (!attrs && family == BGP_IPV4) {
		b->attrs =
		    wr_mark_u16(&b->w); /* here: the length of the withdrawn routes; no attributes follow */
		return wr_left(&b->w) >= LONGEST_NLRI_V4 + sizeof(uint16_t);
	}
	wr_u16(&b->w, 0); /* no withdrawn IPv4 routes */
	b->attrs = wr_mark_u16(&b->w);
	if (family == BGP_IPV4) {
		attrs_build(&b->w, attrs, ctx, true);
		return wr_ok(&b->w) && wr_left(&b->w) >= LONGEST_NLRI_V4;
	}
	/* MP attributes go first (RFC 7606 5.1); what stands behind the growing list is kept aside. */
	b->mp = attrs ? mp_reach_begin(&b->w, family, &attrs->nexthop) : mp_unreach_begin(&b->w, family);
	if (attrs) {
		struct wr rest = wr_init(b->rest, sizeof(b->rest));

		attrs_build(&rest, attrs, ctx, false);
		b->rest_len = wr_len(&rest);
		if (!wr_ok(&rest))
			return false;
	}
	return wr_ok(&b->w) && wr_left(&b->w) >= LONGEST_NLRI_V6 + b->rest_len;
}

static bool add(struct update_builder *b, const struct prefix *p, bool with_id, uint32_t path_id)
{
	size_t tail = b->withdraw && b->family == BGP_IPV4 ? sizeof(uint16_t) : b->rest_len;

	if (wr_left(&b->w) < (with_id ? sizeof(path_id) : 0) + nlri_size(p) + tail)
		return false;
	/* Attributes end where the IPv4 list begins. */
	if (b->n == 0 && !b->withdraw && b->family == BGP_IPV4)
		wr_patch_u16(&b->w, b->attrs, wr_len(&b->w) - b->attrs - sizeof(uint16_t));
	if (with_id)
		wr_u32(&b->w, path_id);
	nlri_build(&b->w, p);
	b->n++;
	return true;
}

bool update_add(struct update_builder *b, const struct prefix *p)
{
	return add(b, p, false, 0);
}

bool update_add_path(struct update_builder *b, const struct prefix *p, uint32_t path_id)
{
	return add(b, p, b->path_ids, path_id);
}

size_t update_end(struct update_builder *b)
{
	if (b->family == BGP_IPV6) {
		mp_end(&b->w, b->mp);
		wr_bytes(&b->w, b->rest, b->rest_len);
		wr_patch_u16(&b->w, b->attrs, wr_len(&b->w) - b->attrs - sizeof(uint16_t));
	} else if (b->withdraw) {
		wr_patch_u16(&b->w, b->attrs, wr_len(&b->w) - b->attrs - sizeof(uint16_t));
		wr_u16(&b->w, 0);
	}
	message_end(&b->w, b->message);
	return wr_ok(&b->w) ? wr_len(&b->w) : 0;
}

void eor_build(struct wr *w, enum bgp_family family)
{
	size_t message = message_begin(w, BGP_MSG_UPDATE), attrs;

	wr_u16(w, 0);
	attrs = wr_mark_u16(w);
	if (family == BGP_IPV6) {
		mp_end(w, mp_unreach_begin(w, family));
		wr_patch_u16(w, attrs, wr_len(w) - attrs - sizeof(uint16_t));
	}
	message_end(w, message);
}
