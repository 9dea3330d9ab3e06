/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stations are told of routes: the table in pieces, as the connection takes them; meanwhile and ever
 * after each UPDATE of the peers as it comes. Both may tell the same route, never an older state after a
 * newer one: a piece is read from the table when all that came before is in it. End-of-RIB for each peer ends
 * the table (RFC 7854 5).
 *
 * Before policy: an UPDATE goes on as it came, unless something was wrong with it (RFC 7606): then it is
 * written anew from what was understood, or as a withdrawal, because a station is not to be harmed by what we
 * survived. After policy (the L flag): the prefixes of each UPDATE as they are used then, with the attributes
 * that policy left them; those that are refused are withdrawn. When the rules change, the table is told again
 * so, with a withdrawal for each route that is refused.
 */
#include "connector/daemon/bmp_internal.h"

#include "bgp/nlri.h"

#include <stdlib.h>

#define TYPE_AT (BGP_HEADER_LEN - 1)

static void monitoring(
    struct station *s, const struct station_peer *p, bool post, const uint8_t *update, size_t len)
{
	struct bmp_peer h = bmp_header(p, bmp_now_us());
	struct wr w = bmp_writer(s->bmp);

	h.post_policy = post;
	bmp_route_monitoring(&w, &h, update, len);
	bmp_deliver(s, &w);
}

/* UPDATEs of our own in the form of the peer's. */
static struct attr_context form_of(const struct station_peer *p)
{
	return (struct attr_context){ .four_octet = !p->two_octet_as,
		.internal = p->internal,
		.path_ids = { p->path_ids[BGP_IPV4], p->path_ids[BGP_IPV6] } };
}

/* With the local preference that policy gave, which an external peer's form would leave out. */
static struct attr_context used_form(const struct station_peer *p)
{
	struct attr_context c = form_of(p);

	c.internal = true;
	return c;
}

/* The prefixes of a list in UPDATEs of our own; a NULL: withdrawals. */
static void rebuilt(struct station *s, const struct station_peer *p, struct rd list, enum bgp_family family,
    const struct attrs *a)
{
	const struct attr_context c = form_of(p);
	struct bmp *b = s->bmp;
	struct prefix prefix;
	uint32_t id;
	bool open = false;

	while (nlri_next_path(&list, family == BGP_IPV4 ? 4 : 6, c.path_ids[family], &prefix, &id) > 0) {
		if (open && update_add_path(&b->builder, &prefix, id))
			continue;
		if (open)
			monitoring(s, p, false, b->update_out, update_end(&b->builder));
		open = update_begin(&b->builder, b->update_out, BGP_MESSAGE_MAX, family, a, &c) &&
		       update_add_path(&b->builder, &prefix, id);
		if (!open)
			return;
	}
	if (open)
		monitoring(s, p, false, b->update_out, update_end(&b->builder));
}

static void after_faults(struct station *s, const struct station_peer *p)
{
	const struct update *u = &s->bmp->update;
	bool withdraw = u->a.faults.withdraw != FAULT_NONE;
	struct attrs a = u->a.attrs;

	rebuilt(s, p, u->withdrawn, BGP_IPV4, NULL);
	if (u->a.unreach.known)
		rebuilt(s, p, u->a.unreach.prefixes, u->a.unreach.family, NULL);
	rebuilt(s, p, u->nlri, BGP_IPV4, withdraw ? NULL : &a);
	a.nexthop = u->a.mp_nexthop;
	if (u->a.reach.known)
		rebuilt(s, p, u->a.reach.prefixes, u->a.reach.family, withdraw ? NULL : &a);
}

/* The prefixes of a list as they are used now, in UPDATEs of our own: those that are not are withdrawn. The
 * core has taken the UPDATE in by now, and maybe later ones: what is told is never older than what was told
 * before. */
static void used_now(struct station *s, const struct station_peer *p, struct rd list, enum bgp_family family)
{
	const struct attr_context form = form_of(p), c = used_form(p);
	const struct attrs *a, *last = NULL;
	struct bmp *b = s->bmp;
	struct prefix prefix;
	bool open = false;
	uint32_t id;

	while (nlri_next_path(&list, family == BGP_IPV4 ? 4 : 6, form.path_ids[family], &prefix, &id) > 0) {
		a = bgp_route_used(b->domain->bgp, p->id, &prefix, id);
		if (open && a == last && update_add_path(&b->builder, &prefix, id))
			continue;
		if (open)
			monitoring(s, p, true, b->update_out, update_end(&b->builder));
		last = a;
		open = update_begin(&b->builder, b->update_out, BGP_EXTENDED_MAX, family, a, &c) &&
		       update_add_path(&b->builder, &prefix, id);
		if (!open)
			return;
	}
	if (open)
		monitoring(s, p, true, b->update_out, update_end(&b->builder));
}

static void as_used(struct station *s, const struct station_peer *p)
{
	const struct update *u = &s->bmp->update;

	used_now(s, p, u->withdrawn, BGP_IPV4);
	if (u->a.unreach.known)
		used_now(s, p, u->a.unreach.prefixes, u->a.unreach.family);
	used_now(s, p, u->nlri, BGP_IPV4);
	if (u->a.reach.known)
		used_now(s, p, u->a.reach.prefixes, u->a.reach.family);
}

static void end_of_family(struct station *s, const struct station_peer *p, const uint8_t *eor, size_t len)
{
	if (s->cfg.pre_policy)
		monitoring(s, p, false, eor, len);
	if (s->cfg.post_policy)
		monitoring(s, p, true, eor, len);
}

static void message_to(struct station *s, const struct station_peer *p, const struct bgp_tap_peer *tap,
    const uint8_t *data, size_t len)
{
	const struct attr_context c = { .four_octet = tap->four_octet_as,
		.internal = p->internal,
		.family = { [BGP_IPV4] = true, [BGP_IPV6] = true },
		.path_ids = { tap->path_ids[BGP_IPV4], tap->path_ids[BGP_IPV6] } };
	struct bmp *b = s->bmp;
	struct rd body = rd_init(data, len);

	(void)rd_skip(&body, BGP_HEADER_LEN);
	update_parse(body, &c, &b->scratch, &b->update);
	if (b->update.a.faults.worst == REACT_RESET)
		return;
	if (b->update.end_of_rib) {
		end_of_family(s, p, data, len);
		return;
	}
	if (s->cfg.pre_policy && b->update.a.faults.worst == REACT_NONE)
		monitoring(s, p, false, data, len);
	else if (s->cfg.pre_policy)
		after_faults(s, p);
	if (s->cfg.post_policy && s->up && b->domain->bgp)
		as_used(s, p);
}

void bmp_routes_message(struct bmp *b, const struct bgp_tap_peer *tap, const uint8_t *data, size_t len)
{
	if (tap->state != BGP_ESTABLISHED || len <= TYPE_AT || data[TYPE_AT] != BGP_MSG_UPDATE)
		return;
	list_for_each (&b->stations, struct station, s, node) {
		const struct station_peer *p = bmp_peer_of(s, tap->id);

		if (p)
			message_to(s, p, tap, data, len);
	}
}

static void tell_row(struct station *s, const struct station_peer *p, const struct bgp_route_view *row,
    const struct attrs *a, const struct attr_context *c, bool post)
{
	struct bmp *b = s->bmp;

	if (update_begin(&b->builder, b->update_out, BGP_EXTENDED_MAX,
	        row->prefix.addr.family == 4 ? BGP_IPV4 : BGP_IPV6, a, c) &&
	    update_add_path(&b->builder, &row->prefix, row->path_id))
		monitoring(s, p, post, b->update_out, update_end(&b->builder));
}

static void row_out(struct station *s, const struct bgp_route_view *row)
{
	const struct station_peer *p = bmp_peer_of(s, row->peer);
	struct attr_context c;

	if (!p)
		return;
	c = form_of(p);
	if (s->cfg.pre_policy && !s->anew && !row->malformed)
		tell_row(s, p, row, row->attrs, &c, false);
	c = used_form(p);
	if (s->cfg.post_policy && s->up && (row->used || s->anew)) /* else it was never told */
		tell_row(s, p, row, row->used, &c, true);
}

static void end_of_rib(struct station *s)
{
	struct bgp_peer_view *v = calloc(1, sizeof(*v));
	uint8_t eor[BGP_UPDATE_MIN + 16];

	for (unsigned i = 0; v && i < s->n_peers && s->up; i++) {
		if (bgp_peer_view(s->bmp->domain->bgp, s->peer[i].id, v))
			continue;
		for (int f = 0; f < BGP_N_FAMILIES && s->up; f++) {
			struct wr w = wr_init(eor, sizeof(eor));

			if (!(f == BGP_IPV4 ? v->ipv4 : v->ipv6))
				continue;
			eor_build(&w, (enum bgp_family)f);
			end_of_family(s, &s->peer[i], eor, wr_len(&w));
		}
	}
	free(v);
}

void bmp_routes_walk(struct station *s)
{
	struct bmp *b = s->bmp;
	size_t n;

	if (!s->walking || s->room < BMP_ROOM_LOW)
		return;
	n = b->domain->bgp ? bgp_routes(b->domain->bgp, &s->query, b->row, BMP_ROWS) : 0;
	for (size_t i = 0; i < n && s->up; i++)
		row_out(s, &b->row[i]);
	if (!s->up || (b->domain->bgp && !s->query.done))
		return;
	s->walking = false;
	if (b->domain->bgp && !s->anew)
		end_of_rib(s);
}

void bmp_routes_begin(struct station *s, bool anew)
{
	const struct bgp *bgp = s->bmp->domain->bgp;

	s->query = (struct bgp_route_query){ .rib = BGP_RIB_RECEIVED };
	s->walking = true;
	s->anew = anew;
	s->judged = bgp ? bgp_judged_anew(bgp) : 0;
}
