/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every decoder of BGP messages. Input: a byte of terms (1: 4-octet AS numbers, 2: internal, 4: IPv4, 8:
 * IPv6), the message type (0: the bytes are a header), the body. An UPDATE without a fault must survive being
 * built and read again.
 */
#include "bgp/attr_set.h"
#include "bgp/message.h"
#include "bgp/nlri.h"
#include "bgp/update.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct attr_scratch scratch, scratch2;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static int count(struct rd list, uint8_t family)
{
	struct prefix p;
	int n = 0;

	while (nlri_next(&list, family, &p) > 0) {
		struct prefix c = prefix_canonical(p);

		must(prefix_eq(&p, &c));
		n++;
	}
	return n;
}

/* What we would send on for these attributes, under terms that lose nothing, says the same. */
static void round_trip(const struct attr_view *v, bool internal)
{
	static uint8_t buf[4 * BGP_MESSAGE_MAX];
	struct attr_context ctx = { .four_octet = true, .internal = internal, .family = { true, true } };
	struct wr w = wr_init(buf, sizeof(buf));
	struct attr_sets sets = { .key = { { 1, 2 } } };
	struct attrs in = v->attrs;
	struct attr_view again;
	struct attr_set *a, *b;

	if (internal && !in.have_local_pref) { /* always sent there */
		in.have_local_pref = true;
		in.local_pref = BGP_DEFAULT_LOCAL_PREF;
	}
	if (in.nexthop.family != 4)
		return;
	attrs_build(&w, &in, &ctx, true);
	must(wr_ok(&w));
	attrs_parse(rd_init(buf, wr_len(&w)), &ctx, &scratch2, &again);
	must(again.faults.worst == REACT_NONE);
	a = attr_set_get(&sets, &in);
	b = attr_set_get(&sets, &again.attrs);
	must(!a || a == b);
	attr_set_put(&sets, a);
	attr_set_put(&sets, b);
	attr_sets_clear(&sets);
}

static void fuzz_update(struct rd r, uint8_t terms)
{
	struct attr_context ctx = {
		.four_octet = terms & 1, .internal = terms & 2, .family = { terms & 4, terms & 8 }
	};
	struct update u;

	update_parse(r, &ctx, &scratch, &u);
	if (u.a.faults.worst == REACT_RESET)
		return;
	must(count(u.withdrawn, 4) == u.n_withdrawn && count(u.nlri, 4) == u.n_nlri);
	if (u.a.reach.present && u.a.reach.known)
		must(count(u.a.reach.prefixes, u.a.reach.family == BGP_IPV4 ? 4 : 6) == u.a.reach.n);
	if (u.a.faults.worst == REACT_NONE && (u.n_nlri || u.a.reach.n))
		round_trip(&u.a, ctx.internal);
}

static void fuzz_open(struct rd r)
{
	struct open_msg o, again;
	uint8_t buf[BGP_MESSAGE_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	if (open_parse(r, &o, &(struct notify){ 0 }) < 0)
		return;
	open_build(&w, &o);
	must(wr_ok(&w));
	r = rd_init(buf, wr_len(&w));
	(void)rd_skip(&r, BGP_HEADER_LEN);
	must(open_parse(r, &again, NULL) == 0);
	must(open_as(&o) == open_as(&again) && o.hold_time == again.hold_time);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	uint8_t terms = rd_u8(&r), type = rd_u8(&r);
	struct notification_msg nm;
	struct refresh_msg rm;
	struct msg_header h;
	struct reason why;

	if (rd_left(&r) > BGP_MESSAGE_MAX - BGP_HEADER_LEN)
		return 0;
	switch (type % 6) {
	case 0: (void)header_parse(&r, &h, &(struct notify){ 0 }); break;
	case BGP_MSG_OPEN: fuzz_open(r); break;
	case BGP_MSG_UPDATE: fuzz_update(r, terms); break;
	case BGP_MSG_NOTIFICATION:
		if (notification_parse(r, &nm) == 0)
			notification_describe(&nm, &why);
		break;
	case BGP_MSG_ROUTE_REFRESH: (void)refresh_parse(r, true, &rm, NULL); break;
	}
	return 0;
}
