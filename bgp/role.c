/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BGP roles (RFC 9234): what we are to a peer, agreed in the OPEN, and the attribute Only to Customer (OTC),
 * which keeps routes from going up again once they went down or across. Between external peers only, and only
 * where a role is configured:
 *
 *   coming in (5, ingress)   with OTC from a customer or an RS client, or from a peer with another AS in it:
 * a leak without OTC from a provider, a peer or a route server: marked with the peer's AS going out (5,
 * egress)    with OTC to a provider, a peer or a route server: not at all without OTC to a customer, a peer
 * or an RS client: marked with our AS
 */
#include "bgp/core.h"

#include <string.h>

#define OTC_LEN 4

static const char *role_name(uint8_t code)
{
	static const char *const names[] = {
		[BGP_ROLE_CODE_PROVIDER] = "provider",
		[BGP_ROLE_CODE_RS] = "route server",
		[BGP_ROLE_CODE_RS_CLIENT] = "route server client",
		[BGP_ROLE_CODE_CUSTOMER] = "customer",
		[BGP_ROLE_CODE_PEER] = "peer",
	};

	return code < sizeof(names) / sizeof(names[0]) ? names[code] : "unknown role";
}

bool role_ours(const struct peer *p, uint8_t *ret_code)
{
	if (p->config.session.role == BGP_ROLE_NONE || peer_internal(p))
		return false;
	*ret_code = (uint8_t)(p->config.session.role - 1);
	return true;
}

/* RFC 9234 4.2, table 2. */
static bool fits(uint8_t ours, uint8_t theirs)
{
	static const uint8_t partner[] = {
		[BGP_ROLE_CODE_PROVIDER] = BGP_ROLE_CODE_CUSTOMER,
		[BGP_ROLE_CODE_RS] = BGP_ROLE_CODE_RS_CLIENT,
		[BGP_ROLE_CODE_RS_CLIENT] = BGP_ROLE_CODE_RS,
		[BGP_ROLE_CODE_CUSTOMER] = BGP_ROLE_CODE_PROVIDER,
		[BGP_ROLE_CODE_PEER] = BGP_ROLE_CODE_PEER,
	};

	return partner[ours] == theirs;
}

int role_check(const struct peer *p, const struct capabilities *theirs, struct notify *ret_notify)
{
	uint8_t ours;

	if (!role_ours(p, &ours))
		return 0;
	if (theirs->role_conflict)
		return notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_ROLE, NULL, 0,
		    "%s says two roles at once (RFC 9234 4.2)", p->config.name);
	if (!theirs->have_role)
		return p->config.session.strict_role
		           ? notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_ROLE, NULL, 0,
		                 "%s says no role, and role-strict asks for one; we are its %s",
		                 p->config.name, role_name(ours))
		           : 0;
	if (fits(ours, theirs->role))
		return 0;
	return notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_ROLE, NULL, 0,
	    "%s says it is our %s, and by our configuration we are its %s; these don't go together (RFC 9234 "
	    "4.2)",
	    p->config.name, role_name(theirs->role), role_name(ours));
}

/* --- OTC --- */
bool role_otc(const struct attrs *a, uint32_t *ret_as)
{
	struct rd value;

	if (!attr_other_find(a, BGP_ATTR_OTC, &value))
		return false;
	*ret_as = rd_u32(&value);
	return true;
}

bool role_leaks_in(const struct peer *p, const struct attrs *a)
{
	uint8_t ours;
	uint32_t as;

	if (!role_ours(p, &ours) || !role_otc(a, &as))
		return false;
	return ours == BGP_ROLE_CODE_PROVIDER || ours == BGP_ROLE_CODE_RS ||
	       (ours == BGP_ROLE_CODE_PEER && as != p->config.peer_as);
}

bool role_leaks_out(const struct peer *p, const struct attrs *a)
{
	uint8_t ours;
	uint32_t as;

	if (!role_ours(p, &ours) || !role_otc(a, &as))
		return false;
	return ours == BGP_ROLE_CODE_CUSTOMER || ours == BGP_ROLE_CODE_PEER ||
	       ours == BGP_ROLE_CODE_RS_CLIENT;
}

void role_write_otc(struct wr *w, uint32_t as)
{
	wr_u8(w, BGP_ATTR_OTC);
	wr_u8(w, BGP_ATTR_FLAG_OPTIONAL | BGP_ATTR_FLAG_TRANSITIVE);
	wr_u16(w, OTC_LEN);
	wr_u32(w, as);
}

bool role_marks_in(const struct peer *p, const struct attrs *a)
{
	uint8_t ours;
	uint32_t as;

	return role_ours(p, &ours) && !role_otc(a, &as) &&
	       (ours == BGP_ROLE_CODE_CUSTOMER || ours == BGP_ROLE_CODE_PEER ||
	           ours == BGP_ROLE_CODE_RS_CLIENT);
}

int role_mark_in(const struct peer *p, const struct attrs *in, struct attrs *ret_attrs)
{
	struct out_room *room = p->bgp->out; /* no message is being built while routes are judged */
	struct wr w = wr_init(room->message, sizeof(room->message));

	wr_bytes(&w, in->other.p, in->other.len);
	role_write_otc(&w, p->config.peer_as);
	if (!wr_ok(&w))
		return -1;
	*ret_attrs = *in;
	ret_attrs->other = (struct bytes){ room->message, wr_len(&w) };
	return 0;
}

void role_mark_out(const struct peer *p, const struct attrs *a, struct wr *other)
{
	uint8_t ours;
	uint32_t as;

	if (role_ours(p, &ours) && !role_otc(a, &as) &&
	    (ours == BGP_ROLE_CODE_PROVIDER || ours == BGP_ROLE_CODE_PEER || ours == BGP_ROLE_CODE_RS))
		role_write_otc(other, peer_local_as(p));
}
