/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic selectors (RFC 7296 2.9, 3.13.1). A selector is a box: addresses, ports, protocol. Narrowing
 * intersects boxes. The peer's first selectors come first in the result, because the first one may be that of
 * the packet which triggered the exchange (2.9).
 */
#include "ike/ts.h"

#include <stdio.h>
#include <string.h>

struct ike_ts ike_ts_from_prefix(const struct prefix *p)
{
	struct prefix c = prefix_canonical(*p);
	struct ike_ts ts = { .first = c.addr, .last = c.addr, .port_last = UINT16_MAX };
	unsigned size = addr_size(&c.addr);

	for (unsigned i = 0; i < size; i++) {
		unsigned fixed = c.len > 8 * i ? c.len - 8 * i : 0;

		if (fixed < 8)
			ts.last.b[i] |= (uint8_t)(0xff >> fixed);
	}
	return ts;
}

bool ike_ts_eq(const struct ike_ts *a, const struct ike_ts *b)
{
	return ike_ts_contains(a, b) && ike_ts_contains(b, a) && a->protocol == b->protocol;
}

bool ike_ts_contains(const struct ike_ts *outer, const struct ike_ts *inner)
{
	return outer->first.family == inner->first.family && addr_cmp(&outer->first, &inner->first) <= 0 &&
	       addr_cmp(&outer->last, &inner->last) >= 0 && outer->port_first <= inner->port_first &&
	       outer->port_last >= inner->port_last &&
	       (!outer->protocol || outer->protocol == inner->protocol);
}

static bool intersect(const struct ike_ts *a, const struct ike_ts *b, struct ike_ts *ret)
{
	struct ike_ts ts = *a;

	if (a->first.family != b->first.family)
		return false;
	if (a->protocol && b->protocol && a->protocol != b->protocol)
		return false;
	if (!ts.protocol)
		ts.protocol = b->protocol;
	if (addr_cmp(&b->first, &ts.first) > 0)
		ts.first = b->first;
	if (addr_cmp(&b->last, &ts.last) < 0)
		ts.last = b->last;
	if (b->port_first > ts.port_first)
		ts.port_first = b->port_first;
	if (b->port_last < ts.port_last)
		ts.port_last = b->port_last;
	if (addr_cmp(&ts.first, &ts.last) > 0 || ts.port_first > ts.port_last)
		return false;
	*ret = ts;
	return true;
}

/* Adds ts unless one that is there covers it; drops those that it covers. */
static unsigned add(struct ike_ts list[IKE_TS_MAX], unsigned n, const struct ike_ts *ts)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (ike_ts_contains(&list[i], ts))
			return n;
	for (unsigned i = 0; i < n; i++)
		if (!ike_ts_contains(ts, &list[i]))
			list[kept++] = list[i];
	if (kept < IKE_TS_MAX)
		list[kept++] = *ts;
	return kept;
}

unsigned ike_ts_narrow(const struct ike_ts *asked, unsigned n_asked, const struct ike_ts *allowed,
    unsigned n_allowed, struct ike_ts ret[IKE_TS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_asked; i++)
		for (unsigned j = 0; j < n_allowed; j++) {
			struct ike_ts ts;

			if (intersect(&asked[i], &allowed[j], &ts))
				n = add(ret, n, &ts);
		}
	return n;
}

bool ike_ts_all_within(
    const struct ike_ts *inner, unsigned n_inner, const struct ike_ts *outer, unsigned n_outer)
{
	for (unsigned i = 0; i < n_inner; i++) {
		bool found = false;

		for (unsigned j = 0; !found && j < n_outer; j++)
			found = ike_ts_contains(&outer[j], &inner[i]);
		if (!found)
			return false;
	}
	return true;
}

/* The addresses of a selector, if they are just one prefix, which nearly all are. */
static bool as_prefix(const struct ike_ts *ts, struct prefix *ret_prefix)
{
	struct prefix p = { .addr = ts->first };

	for (unsigned len = 0; len <= addr_bits(&p.addr); len++) {
		struct ike_ts whole;

		p.len = (uint8_t)len;
		whole = ike_ts_from_prefix(&p);
		if (addr_eq(&whole.first, &ts->first) && addr_eq(&whole.last, &ts->last)) {
			*ret_prefix = p;
			return true;
		}
	}
	return false;
}

const char *ike_ts_str(const struct ike_ts ts[], unsigned n, char *buf, size_t cap)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < n && at < cap; i++) {
		const char *comma = i ? ", " : "";
		struct prefix p;
		int w = as_prefix(&ts[i], &p) ? snprintf(buf + at, cap - at, "%s%s", comma, prefix_str(&p))
		                              : snprintf(buf + at, cap - at, "%s%s-%s", comma,
		                                    addr_str(&ts[i].first), addr_str(&ts[i].last));

		if (w < 0 || (at += (size_t)w) >= cap)
			break;
		if (ts[i].protocol || ts[i].port_first || ts[i].port_last != UINT16_MAX) {
			w = snprintf(buf + at, cap - at, "[%u/%u-%u]", ts[i].protocol, ts[i].port_first,
			    ts[i].port_last);
			if (w < 0)
				break;
			at += (size_t)w;
		}
	}
	return buf;
}
