/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From traffic selectors, which are ranges (RFC 7296 3.13), to XFRM policies, which are prefixes and masked
 * ports: a range becomes the fewest aligned blocks that fill it. All of it is pure; plane_kernel_control.c
 * brings the kernel to what comes out of here.
 *
 * Policies belong to the tunnel, not to an SA, so that a rekey with the same selectors changes no more than
 * the SPI that outbound ones name: the newest SA is used at once, by one message, and not by the kernel's
 * own preference.
 */
#include "connector/daemon/plane_kernel_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- ranges --- */

static bool bit(const struct addr *a, unsigned i)
{
	return addr_bit(a, i);
}

/* The address with all bits behind len set. */
static struct addr last_of(const struct addr *a, unsigned len)
{
	struct addr last = *a;

	for (unsigned i = len; i < addr_bits(a); i++)
		last.b[i >> 3] |= (uint8_t)(0x80 >> (i & 7));
	return last;
}

/* The next address; false behind the last one. */
static bool next_of(const struct addr *a, struct addr *ret_next)
{
	struct addr n = *a;

	for (unsigned i = addr_size(a); i-- > 0;)
		if (++n.b[i]) {
			*ret_next = n;
			return true;
		}
	return false;
}

int pk_range_prefixes(const struct addr *first, const struct addr *last, struct prefix out[], unsigned max)
{
	struct addr at = *first;
	unsigned n = 0, bits = addr_bits(first);

	if (first->family != last->family || addr_cmp(first, last) > 0)
		return 0;
	for (;;) {
		unsigned len = bits;
		struct addr end = at, wider;

		while (len > 0 && !bit(&at, len - 1)) {
			wider = last_of(&at, len - 1);
			if (addr_cmp(&wider, last) > 0)
				break;
			end = wider;
			len--;
		}
		if (n == max)
			return -1;
		out[n++] = (struct prefix){ .addr = at, .len = (uint8_t)len };
		if (addr_cmp(&end, last) >= 0 || !next_of(&end, &at))
			return (int)n;
	}
}

int pk_range_ports(uint16_t first, uint16_t last, struct pk_ports out[], unsigned max)
{
	uint32_t at = first;
	unsigned n = 0;

	while (at <= last) {
		uint32_t size = 1;

		while (size < 0x10000 && at % (size * 2) == 0 && at + size * 2 - 1 <= last)
			size *= 2;
		if (n == max)
			return -1;
		out[n++] = (struct pk_ports){ (uint16_t)at, (uint16_t)(0x10000 - size) };
		at += size;
	}
	return (int)n;
}

/* --- flows --- */

struct end { /* one side of a pair of selectors, in blocks */
	struct prefix prefix[PK_FLOWS_MAX];
	struct pk_ports ports[32]; /* a range of ports has at most 30 blocks */
	int n_prefix, n_ports;
};

static bool take_end(const struct plane_ts *ts, struct end *e)
{
	e->n_prefix = pk_range_prefixes(&ts->first, &ts->last, e->prefix, PK_FLOWS_MAX);
	e->n_ports = pk_range_ports(ts->port_first, ts->port_last, e->ports, 32);
	if (!ts->port_first && !ts->port_last) { /* as any, of protocols that have no ports */
		e->ports[0] = (struct pk_ports){ 0, 0 };
		e->n_ports = 1;
	}
	return e->n_prefix >= 0 && e->n_ports >= 0;
}

static int add_pair(const struct end *src, const struct end *dst, uint8_t protocol, struct xfrm_flow out[],
    unsigned n, unsigned max)
{
	for (int s = 0; s < src->n_prefix; s++)
		for (int d = 0; d < dst->n_prefix; d++)
			for (int sp = 0; sp < src->n_ports; sp++)
				for (int dp = 0; dp < dst->n_ports; dp++) {
					if (n == max)
						return -1;
					out[n++] = (struct xfrm_flow){ .src = src->prefix[s],
						.dst = dst->prefix[d],
						.protocol = protocol,
						.sport = src->ports[sp].port,
						.sport_mask = src->ports[sp].mask,
						.dport = dst->ports[dp].port,
						.dport_mask = dst->ports[dp].mask };
				}
	return (int)n;
}

int pk_flows(const struct plane_sa *sa, struct xfrm_flow out[], unsigned max)
{
	struct end *ends = calloc(2, sizeof(*ends));
	int n = ends ? 0 : -1;

	for (unsigned l = 0; n >= 0 && l < sa->n_ts_local; l++)
		for (unsigned r = 0; n >= 0 && r < sa->n_ts_remote; r++) {
			const struct plane_ts *local = &sa->ts_local[l], *remote = &sa->ts_remote[r];
			uint8_t protocol = local->protocol ? local->protocol : remote->protocol;

			if (local->first.family != remote->first.family ||
			    (remote->protocol && remote->protocol != protocol))
				continue;
			if (!take_end(local, &ends[sa->inbound]) || !take_end(remote, &ends[!sa->inbound]))
				n = -1;
			else
				n = add_pair(&ends[0], &ends[1], protocol, out, (unsigned)n, max);
		}
	free(ends);
	return n;
}

/* --- policies --- */

static struct addr any_like(const struct addr *a)
{
	return (struct addr){ .family = a->family };
}

static bool has(const struct xfrm_rule rules[], size_t n, enum xfrm_dir dir, const struct xfrm_flow *f)
{
	for (size_t i = 0; i < n; i++)
		if (rules[i].dir == dir && xfrm_flow_eq(&rules[i].flow, f))
			return true;
	return false;
}

/* The peer's address in IN and FWD is left open: a peer that moves changes its states, not these. */
static void add_in(const struct pk_tunnel *t, const struct pk_sa *sa, const struct xfrm_flow *f,
    struct xfrm_rule rules[], size_t *n)
{
	static const enum xfrm_dir dirs[] = { XFRM_DIR_IN, XFRM_DIR_FWD };

	for (size_t i = 0; i < 2; i++)
		if (!has(rules, *n, dirs[i], f))
			rules[(*n)++] = (struct xfrm_rule){ .dir = dirs[i],
				.flow = *f,
				.if_id = t->if_id,
				.reqid = t->if_id,
				.priority = PK_PRIORITY,
				.src = any_like(&sa->p.remote.addr),
				.dst = any_like(&sa->p.local.addr) };
}

static void add_out(const struct pk_tunnel *t, const struct pk_sa *sa, const struct xfrm_flow *f,
    struct xfrm_rule rules[], size_t *n)
{
	if (!has(rules, *n, XFRM_DIR_OUT, f))
		rules[(*n)++] = (struct xfrm_rule){ .dir = XFRM_DIR_OUT,
			.flow = *f,
			.if_id = t->if_id,
			.reqid = t->if_id,
			.priority = PK_PRIORITY,
			.src = sa->p.local.addr,
			.dst = sa->p.remote.addr,
			.spi = sa->p.spi };
}

/* While packets are kept, a state takes them that leads nowhere (plane_kernel_keep.c). */
static void add_kept(const struct pk_tunnel *t, struct xfrm_rule rules[], size_t *n)
{
	for (unsigned six = 0; six < 2; six++) {
		struct addr any = { .family = six ? 6 : 4 };

		rules[(*n)++] = (struct xfrm_rule){ .dir = XFRM_DIR_OUT,
			.flow = { .src = { any, 0 }, .dst = { any, 0 } },
			.if_id = t->if_id,
			.reqid = t->if_id,
			.priority = PK_PRIORITY,
			.src = addr_v4(PK_LOOPBACK),
			.dst = addr_v4(PK_LOOPBACK),
			.spi = t->if_id };
	}
}

int pk_wanted(const struct pk_tunnel *t, struct xfrm_rule **ret_rules, size_t *ret_n)
{
	struct xfrm_flow *flows = calloc(PK_FLOWS_MAX, sizeof(*flows));
	const struct pk_sa *out = list_first(&t->sas_out, struct pk_sa, link);
	struct xfrm_rule *rules;
	size_t sas = 1, n = 0;
	int got = 0;

	list_for_each (&t->sas_in, struct pk_sa, in, link) {
		sas += in->p.inbound ? 2 : 0;
	}
	rules = calloc(sas * PK_FLOWS_MAX, sizeof(*rules));
	if (rules && flows && out) {
		got = pk_flows(&out->p, flows, PK_FLOWS_MAX);
		for (int i = 0; i < got; i++)
			add_out(t, out, &flows[i], rules, &n);
	}
	if (rules && !out && t->keep)
		add_kept(t, rules, &n);
	list_for_each (&t->sas_in, struct pk_sa, sa, link) {
		if (!rules || !flows || got < 0)
			break;
		got = pk_flows(&sa->p, flows, PK_FLOWS_MAX);
		for (int i = 0; i < got; i++)
			add_in(t, sa, &flows[i], rules, &n);
	}
	free(flows);
	if (!rules || !flows || got < 0) {
		free(rules);
		return -1;
	}
	*ret_rules = rules;
	*ret_n = n;
	return 0;
}
