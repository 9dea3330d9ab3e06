/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic selectors as XFRM policies: ranges to blocks, pairs of selectors, and what a tunnel's SAs ask for.
 */
#include "connector/daemon/plane_kernel_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void ranges(void **state)
{
	static const struct {
		const char *first, *last, *prefixes;
	} rows[] = {
		{ "0.0.0.0", "255.255.255.255", "0.0.0.0/0" },
		{ "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0" },
		{ "10.0.0.0", "10.0.255.255", "10.0.0.0/16" },
		{ "10.0.0.10", "10.0.0.10", "10.0.0.10/32" },
		{ "10.0.0.1", "10.0.0.6", "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32" },
		{ "10.0.0.255", "10.0.1.0", "10.0.0.255/32 10.0.1.0/32" },
		{ "255.255.255.254", "255.255.255.255", "255.255.255.254/31" },
		{ "2001:db8::", "2001:db8::ffff", "2001:db8::/112" },
		{ "10.0.0.2", "10.0.0.1", "" },
		{ "10.0.0.1", "::1", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr first = addr(rows[i].first), last = addr(rows[i].last);
		struct prefix out[64];
		char text[512] = "";
		int n = pk_range_prefixes(&first, &last, out, 64);

		for (int k = 0; k < n; k++) {
			size_t at = strlen(text);

			snprintf(text + at, sizeof(text) - at, "%s%s", k ? " " : "", prefix_str(&out[k]));
		}
		assert_string_equal(text, rows[i].prefixes);
	}
}

static void range_too_wide(void **state)
{
	struct addr first = addr("10.0.0.1"), last = addr("10.0.0.6");
	struct prefix out[3];

	(void)state;
	assert_int_equal(pk_range_prefixes(&first, &last, out, 3), -1);
}

static void ports(void **state)
{
	struct pk_ports out[32];

	(void)state;
	assert_int_equal(pk_range_ports(0, 65535, out, 32), 1);
	assert_int_equal(out[0].mask, 0);
	assert_int_equal(pk_range_ports(179, 179, out, 32), 1);
	assert_int_equal(out[0].port, 179);
	assert_int_equal(out[0].mask, 0xffff);
	assert_int_equal(pk_range_ports(1024, 65535, out, 32), 6);
	assert_int_equal(out[5].port, 0x8000);
	assert_int_equal(out[5].mask, 0x8000);
	assert_int_equal(pk_range_ports(1, 65534, out, 32), 30);
	assert_int_equal(pk_range_ports(1, 65534, out, 29), -1);
}

static struct plane_ts ts(const char *first, const char *last)
{
	return (struct plane_ts){ .first = addr(first), .last = addr(last), .port_last = 65535 };
}

static struct pk_sa *sa(bool inbound, uint32_t spi)
{
	struct pk_sa *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->p = (struct plane_sa){ .inbound = inbound,
		.spi = spi,
		.local = { .addr = addr("192.0.2.1"), .port = 4500 },
		.remote = { .addr = addr("192.0.2.2"), .port = 4500 },
		.ts_local = { ts("0.0.0.0", "255.255.255.255"),
		    ts("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") },
		.ts_remote = { ts("0.0.0.0", "255.255.255.255"),
		    ts("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") },
		.n_ts_local = 2,
		.n_ts_remote = 2 };
	return s;
}

static void flows(void **state)
{
	struct pk_sa *s = sa(false, 1);
	struct xfrm_flow out[8];

	(void)state;
	assert_int_equal(pk_flows(&s->p, out, 8), 2); /* families don't mix */
	s->p.n_ts_local = s->p.n_ts_remote = 1;
	s->p.ts_local[0] = ts("10.0.0.0", "10.0.0.255");
	s->p.ts_remote[0].protocol = 6;
	s->p.ts_remote[0].port_first = s->p.ts_remote[0].port_last = 179;
	assert_int_equal(pk_flows(&s->p, out, 8), 1);
	assert_string_equal(prefix_str(&out[0].src), "10.0.0.0/24");
	assert_int_equal(out[0].protocol, 6);
	assert_int_equal(out[0].dport, 179);
	assert_int_equal(out[0].sport_mask, 0);
	s->p.inbound = true; /* the other way round */
	assert_int_equal(pk_flows(&s->p, out, 8), 1);
	assert_string_equal(prefix_str(&out[0].dst), "10.0.0.0/24");
	assert_int_equal(out[0].sport, 179);
	s->p.ts_local[0].protocol = 17; /* nothing is both */
	assert_int_equal(pk_flows(&s->p, out, 8), 0);
	s->p.ts_local[0].protocol = 1; /* ICMP's types are no ports */
	s->p.ts_remote[0] =
	    (struct plane_ts){ .first = addr("10.1.0.1"), .last = addr("10.1.0.1"), .protocol = 1 };
	s->p.ts_local[0].port_last = 0;
	assert_int_equal(pk_flows(&s->p, out, 8), 1);
	assert_int_equal(out[0].sport_mask | out[0].dport_mask, 0);
	free(s);
}

/* During a rekey: out by the newest SA, in by both, and no policy twice. */
static void wanted(void **state)
{
	struct pk_tunnel t = { .if_id = PK_IF_ID_BASE | 5 };
	struct pk_sa *all[] = { sa(true, 1), sa(true, 2), sa(false, 3), sa(false, 4) };
	struct xfrm_rule *rules;
	size_t n;

	(void)state;
	list_init(&t.sas_in);
	list_init(&t.sas_out);
	assert_int_equal(pk_wanted(&t, &rules, &n), 0);
	assert_int_equal(n, 0);
	free(rules);
	/* At rest, with packets kept: all of them go by the state that leads nowhere, until there is an SA.
	 */
	t.keep = (struct pk_keep *)&t;
	assert_int_equal(pk_wanted(&t, &rules, &n), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rules[i].dir, XFRM_DIR_OUT);
		assert_int_equal(rules[i].spi, t.if_id);
		assert_string_equal(addr_str(&rules[i].dst), "127.0.0.1");
		assert_int_equal(rules[i].flow.src.addr.family, i ? 6 : 4);
		assert_int_equal(rules[i].flow.dst.len, 0);
	}
	free(rules);
	for (size_t i = 0; i < 4; i++)
		list_prepend(all[i]->p.inbound ? &t.sas_in : &t.sas_out, &all[i]->link);
	assert_int_equal(pk_wanted(&t, &rules, &n), 0);
	assert_int_equal(n, 6);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rules[i].if_id, PK_IF_ID_BASE | 5);
		assert_int_equal(rules[i].reqid, PK_IF_ID_BASE | 5);
		assert_int_equal(rules[i].spi, rules[i].dir == XFRM_DIR_OUT ? 4 : 0);
		assert_true(addr_is_unspecified(&rules[i].src) == (rules[i].dir != XFRM_DIR_OUT));
	}
	free(rules);
	all[1]->p.n_ts_remote = 1; /* narrowed by the rekey: what the old SA lets in stays as long as it */
	all[1]->p.ts_remote[0] = ts("10.1.0.0", "10.1.255.255");
	assert_int_equal(pk_wanted(&t, &rules, &n), 0);
	assert_int_equal(n, 8);
	free(rules);
	for (size_t i = 0; i < 4; i++)
		free(all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(range_too_wide),
		cmocka_unit_test(ports),
		cmocka_unit_test(flows),
		cmocka_unit_test(wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
