/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views as JSON against the contract: each answer must hold at least the keys below, of these types. The
 * tables are the contract copied out; a key may be added elsewhere, never missing here. Then values: absent
 * is null or [], hex is of full width, time is UTC.
 */
#include "connector/mgmt/view_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "key:type": s string, n number, b boolean, a array, o object, 0 null. */
static void expect_keys(json_t *obj, const char *const *keys, size_t n)
{
	assert_true(json_is_object(obj));
	for (size_t i = 0; i < n; i++) {
		const size_t len = strcspn(keys[i], ":");
		const char type = keys[i][len + 1];
		char key[40];
		const json_t *v;
		char got = '?';

		snprintf(key, sizeof(key), "%.*s", (int)len, keys[i]);
		v = json_object_get(obj, key);
		if (!v)
			fail_msg("%s is missing", key);
		switch (json_typeof(v)) {
		case JSON_OBJECT: got = 'o'; break;
		case JSON_ARRAY: got = 'a'; break;
		case JSON_STRING: got = 's'; break;
		case JSON_INTEGER: got = 'n'; break;
		case JSON_REAL: got = 'r'; break;
		case JSON_TRUE:
		case JSON_FALSE: got = 'b'; break;
		case JSON_NULL: got = '0'; break;
		}
		if (got != type)
			fail_msg("%s is %c, not %c", key, got, type);
	}
}
#define EXPECT(obj, ...)                                                                                     \
	do {                                                                                                 \
		const char *const keys_[] = { __VA_ARGS__ };                                                 \
		expect_keys(obj, keys_, sizeof(keys_) / sizeof(keys_[0]));                                   \
	} while (0)

static const char *str(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

static void status_keeps_the_contract(void **state)
{
	struct view_tunnel_status t[2] = {
		{ .name = "t1", .admin_up = true, .step = "in-fib", .since = 1767323045 },
		{ .name = "t2", .step = "connecting" }
	};
	struct view_site_status site = {
		.name = "azure-hq", .profile = "azure-vpngw", .state = "degraded", .tunnel = t, .n_tunnel = 2
	};
	struct view_status v = { .uptime = 12,
		.fib_in_sync = true,
		.fib_routes = 5,
		.site = &site,
		.n_site = 1,
		.version = "0.1.0" };
	json_t *j, *s, *a, *b;

	(void)state;
	reason_set(&t[1].error, "ike-no-proposal", "refused");
	reason_set(&t[1].next, "ike-answer", "the answer");
	j = view_status_json(&v);
	EXPECT(j, "schema:s", "uptime:n", "fib:o", "site:a", "version:s");
	assert_string_equal(str(j, "schema"), "causeway/status/1");
	EXPECT(json_object_get(j, "fib"), "in-sync:b", "routes:n");
	s = json_array_get(json_object_get(j, "site"), 0);
	EXPECT(s, "name:s", "profile:s", "state:s", "tunnel:a");
	a = json_array_get(json_object_get(s, "tunnel"), 0);
	b = json_array_get(json_object_get(s, "tunnel"), 1);
	EXPECT(a, "name:s", "admin:s", "step:s", "since:s", "error:0", "next:0");
	EXPECT(b, "name:s", "admin:s", "step:s", "since:s", "error:o", "next:o");
	assert_string_equal(str(a, "admin"), "up");
	assert_string_equal(str(b, "admin"), "down");
	assert_string_equal(str(a, "since"), "2026-01-02T03:04:05Z");
	EXPECT(json_object_get(b, "error"), "id:s", "text:s");
	assert_string_equal(str(json_object_get(b, "error"), "id"), "ike-no-proposal");
	json_decref(j);
}

static void an_idle_daemon_has_a_status(void **state)
{
	struct view_status v = { .fib_in_sync = true };
	json_t *j = view_status_json(&v);

	(void)state;
	EXPECT(j, "schema:s", "uptime:n", "fib:o", "site:a");
	assert_int_equal(json_array_size(json_object_get(j, "site")), 0);
	json_decref(j);
}

static void tunnels_keep_the_contract(void **state)
{
	struct view_tunnel v = { .site = "azure-hq",
		.name = "t1",
		.step = "in-fib",
		.admin_up = true,
		.data_plane = "user",
		.nat = "none",
		.interface = "cw0",
		.have_ike = true,
		.spi_i = 0xc1,
		.spi_r = 0xffffffffffffffff,
		.ike_proposal = "aes256-sha256-modp2048",
		.ike_age = 3,
		.n_child = 1,
		.child_rekeys = 2,
		.n_rekey = 2,
		.n_drop = 1,
		.weak = { { "sha1", "modp1024" }, 2 } };
	json_t *j, *c;

	(void)state;
	v.rekey[0] = (struct view_rekey){ .done = true,
		.why = "time",
		.by_us = true,
		.old_spi = { 0x1f, 2 },
		.new_in = 7,
		.drained_ms = 2100 };
	v.rekey[1] = (struct view_rekey){ .ike = true, .done = true, .why = "peer", .new_spi = { 1, 0x2f } };
	v.local = (struct endpoint){ addr_v4(0xc0000201), 4500 };
	v.remote = (struct endpoint){ addr_v4(0xc0000202), 4500 };
	v.child[0] = (struct view_child){ .spi_in = 0xc1a2b3d4,
		.spi_out = 0x1f,
		.proposal = "aes256-sha256",
		.bytes_in = UINT64_C(1) << 40 };
	v.drop[0].name = "replay";
	reason_set(&v.mss_error, "nft-missing", "no nft");
	j = view_tunnel_json(&v);
	EXPECT(j, "site:s", "name:s", "step:s", "local:s", "remote:s", "interface:s", "data-plane:s", "nat:s",
	    "ike:o", "child:a", "child-rekeys:n", "local-port:n", "remote-port:n", "mtu:n", "mss:n",
	    "mobike:0", "ppk:0", "moves:n", "moved:0", "mtu-outer:0", "mtu-possible:0", "mtu-probe:0",
	    "mtu-probed:0", "mtu-tried:0", "mss-clamped:b", "mss-error:o", "weak-algorithm:a", "drop:a");
	c = json_object_get(j, "weak-algorithm");
	assert_int_equal(json_array_size(c), 2);
	assert_string_equal(json_string_value(json_array_get(c, 1)), "modp1024");
	assert_string_equal(str(j, "local"), "192.0.2.1");
	EXPECT(json_object_get(j, "ike"), "spi-i:s", "spi-r:s", "proposal:s", "age:n", "rekeys:n");
	assert_string_equal(str(json_object_get(j, "ike"), "spi-i"), "00000000000000c1");
	assert_string_equal(str(json_object_get(j, "ike"), "spi-r"), "ffffffffffffffff");
	c = json_array_get(json_object_get(j, "child"), 0);
	EXPECT(c, "spi-in:s", "spi-out:s", "proposal:s", "age:n", "bytes-in:n", "bytes-out:n", "packets-in:n",
	    "packets-out:n");
	assert_string_equal(str(c, "spi-in"), "c1a2b3d4");
	assert_string_equal(str(c, "spi-out"), "0000001f");
	assert_true(json_integer_value(json_object_get(c, "bytes-in")) == INT64_C(1) << 40);
	c = json_array_get(json_object_get(j, "rekey-record"), 0);
	EXPECT(c, "when:s", "kind:s", "by:s", "reason:s", "collision:b", "old-spi-in:s", "new-spi-out:s",
	    "old-packets-in:n", "new-packets-in:n", "longest-gap-ms:0", "drained-ms:n");
	assert_string_equal(str(c, "by"), "us");
	assert_string_equal(str(c, "old-spi-in"), "0000001f");
	c = json_array_get(json_object_get(j, "rekey-record"), 1);
	EXPECT(c, "kind:s", "old-spi-i:s", "new-spi-r:s", "old-packets-in:0", "drained-ms:0");
	assert_string_equal(str(c, "new-spi-r"), "000000000000002f");
	json_decref(j);
}

static void a_tunnel_that_is_down_shows_null(void **state)
{
	struct view_tunnel v = {
		.site = "s", .name = "t", .step = "down", .data_plane = "user", .nat = "none"
	};
	json_t *j = view_tunnel_json(&v);

	(void)state;
	EXPECT(j, "local:0", "remote:0", "local-port:0", "remote-port:0", "interface:0", "ike:0", "child:a",
	    "child-rekeys:n", "error:0", "remote-id:0");
	assert_int_equal(json_array_size(json_object_get(j, "child")), 0);
	json_decref(j);
}

static void what_a_peer_chose_is_no_danger(void **state)
{
	struct view_tunnel v = { .site = "s", .name = "t", .step = "down", .remote_id = "gw\xff\xfe\"\\\n" };
	json_t *j = view_tunnel_json(&v), *again;
	char *text = json_dumps(j, 0);

	(void)state;
	assert_non_null(text);
	again = json_loads(text, 0, NULL);
	assert_string_equal(str(again, "remote-id"), "gw??\"\\\n");
	json_decref(again);
	free(text);
	json_decref(j);
}

static void bgp_keeps_the_contract(void **state)
{
	struct view_bgp v = { .as = 65001,
		.router_id = 0x0a00000a,
		.mrt = { .on = true, .file = "/d/u.mrt", .error = { .id = "x", .text = "y" } } },
	                none = { 0 };
	struct view_bgp_peer p = { .name = "azure-hq/t1",
		.as = 65515,
		.state = "Established",
		.uptime = 60,
		.received = 1,
		.ipv4 = true,
		.tables = { .route_bytes = 1, .advertised_bytes = 10, .session_bytes = 100 },
		.msg_in = { 3, 1, 1, 0, 1, 0 } };
	json_t *peers = json_array(), *j, *in;

	(void)state;
	p.address = addr_v4(0x0a64fffe);
	json_array_append_new(peers, view_bgp_summary_peer_json(&p));
	j = view_bgp_json(&v, peers, json_array());
	EXPECT(j, "as:n", "router-id:s", "peer:a", "memory:o", "mrt:o");
	EXPECT(json_object_get(j, "mrt"), "file:s", "records:n", "bytes:n", "files:n", "waiting:n",
	    "dropped:o", "error:o");
	EXPECT(json_object_get(json_object_get(j, "mrt"), "dropped"), "queue-full:n", "not-written:n");
	EXPECT(json_object_get(json_object_get(j, "mrt"), "error"), "id:s", "text:s");
	EXPECT(json_object_get(j, "memory"), "prefixes:n", "routes:n", "attribute-sets:n", "prefix-bytes:n",
	    "route-bytes:n", "advertised-bytes:n", "attribute-bytes:n", "way-bytes:n", "bytes:n");
	EXPECT(json_array_get(json_object_get(j, "peer"), 0), "name:s", "address:s", "as:n", "state:s",
	    "uptime:n", "received:n", "accepted:n", "advertised:n");
	json_decref(j);
	j = view_bgp_peer_json(&p);
	EXPECT(j, "name:s", "address:s", "as:n", "state:s", "uptime:n", "received:n", "accepted:n",
	    "advertised:n", "local-address:0", "router-id:0", "hold-time:n", "keepalive:n", "capabilities:o",
	    "messages:o", "established-count:n", "bfd:0", "error:0", "send-hold-time:n", "keepalive-gap:0",
	    "graceful-restart:o", "transport:o", "queue:o", "memory:o", "add-path:0", "damping:0");
	EXPECT(json_object_get(j, "queue"), "prefixes-out:n", "bytes-in:n", "bytes-out:n");
	EXPECT(json_object_get(j, "memory"), "route-bytes:n", "advertised-bytes:n", "waiting-bytes:n",
	    "session-bytes:n", "bytes:n");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "memory"), "bytes")), 111);
	EXPECT(json_object_get(j, "graceful-restart"), "mode:s", "ours:0", "peer:0", "waiting:b",
	    "stale-ipv4:n", "stale-ipv6:n", "stale-left:n");
	EXPECT(json_object_get(j, "role"), "local:0", "peer:0");
	EXPECT(json_object_get(j, "transport"), "password:b", "ttl-security:n", "multihop:n");
	in = json_object_get(json_object_get(j, "messages"), "in");
	EXPECT(in, "total:n", "open:n", "update:n", "notification:n", "keepalive:n", "route-refresh:n");
	assert_int_equal(json_integer_value(json_object_get(in, "total")), 3);
	json_decref(j);
	p.bfd = (struct view_bfd){ .enabled = true,
		.state = "Up",
		.remote_state = "Up",
		.diagnostic = "no diagnostic",
		.remote_diagnostic = "no diagnostic",
		.detection = 900 };
	j = view_bgp_peer_json(&p);
	EXPECT(json_object_get(j, "bfd"), "state:s", "age:n", "diagnostic:s", "remote-state:s",
	    "remote-diagnostic:s", "multihop:b", "min-tx:n", "min-rx:n", "multiplier:n", "tx-interval:n",
	    "detection-time:n", "remote-min-tx:n", "remote-min-rx:n", "remote-multiplier:n",
	    "local-discriminator:n", "remote-discriminator:n", "packets-in:n", "packets-out:n", "discarded:n",
	    "last-discard:0", "ups:n", "downs:n", "error:0");
	json_decref(j);
	p.tables = (struct view_bgp_tables){ .path_ids = { true, false }, .paths = 5, .refused = 2 };
	p.damping = (struct view_bgp_damping){ .on = true, .history = 2, .suppressed = 1 };
	p.session = (struct view_bgp_session){ .peer_said = true,
		.restart_time = 120,
		.family = { true, true },
		.forwarding = { false, true },
		.gaps = 2,
		.gap_max = 61000,
		.ours = { .said = true, .restarted = true, .time = 90, .family = { true } } };
	j = view_bgp_peer_json(&p);
	EXPECT(json_object_get(j, "add-path"), "ipv4-unicast:b", "ipv6-unicast:b", "paths:n", "refused:n");
	in = json_object_get(json_object_get(j, "graceful-restart"), "ours");
	EXPECT(in, "restart-time:n", "restarted:b", "family:a", "forwarding:a");
	assert_true(json_is_true(json_object_get(in, "restarted")));
	assert_int_equal(json_array_size(json_object_get(in, "forwarding")), 0);
	EXPECT(json_object_get(j, "damping"), "history:n", "suppressed:n", "suppressions:n", "not-counted:n");
	EXPECT(json_object_get(j, "keepalive-gap"), "count:n", "min-ms:n", "mean-ms:n", "max-ms:n");
	in = json_object_get(json_object_get(j, "graceful-restart"), "peer");
	EXPECT(in, "restart-time:n", "restarted:b", "family:a", "forwarding:a");
	assert_int_equal(json_array_size(json_object_get(in, "family")), 2);
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(in, "forwarding"), 0)), "ipv6-unicast");
	json_decref(j);
	j = view_bgp_json(&none, json_array(), json_array());
	EXPECT(j, "as:0", "router-id:0", "peer:a", "mrt:0");
	json_decref(j);
}

static void routes_keep_the_contract(void **state)
{
	static const uint32_t path[] = { 65515, 4200000000 },
	                      communities[] = { 65001u << 16 | 100, 0xffffff01u };
	static const uint32_t large[][3] = { { 4200000000, 1, 2 } };
	static const uint64_t extended[] = { 0x0002fde900000064, 0x0103c00002010007, 0x0202fa56ea000007,
		0x4004000000000001 };
	static const char *const words[] = { "rt:65001:100", "soo:192.0.2.1:7", "rt:4200000000:7",
		"0x4004000000000001" };
	struct view_route v = { .as_path = path,
		.n_as_path = 2,
		.origin = "igp",
		.local_pref = 100,
		.have_med = true,
		.med = 5,
		.communities = communities,
		.n_communities = 2,
		.as_path_text = "65515 {4200000000}",
		.large = large,
		.n_large = 1,
		.extended = extended,
		.n_extended = 4,
		.best = true,
		.in_fib = true,
		.reason = "only path",
		.peer = "azure-hq/t1" };
	struct view_route own = { .origin = "igp" };
	json_t *j;

	(void)state;
	prefix_parse("10.100.0.0/16", true, &v.prefix);
	prefix_parse("2001:db8::/32", true, &own.prefix);
	addr_parse("10.100.255.254", &v.nexthop);
	j = view_route_json(&v);
	EXPECT(j, "prefix:s", "nexthop:s", "peer:s", "as-path:a", "origin:s", "local-pref:n", "med:n",
	    "communities:a", "well-known-communities:a", "best:b", "in-fib:b", "stale:b", "reason:s");
	assert_int_equal(json_array_size(json_object_get(j, "well-known-communities")), 1);
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(j, "well-known-communities"), 0)), "no-export");
	assert_string_equal(str(j, "prefix"), "10.100.0.0/16");
	assert_true(json_integer_value(json_array_get(json_object_get(j, "as-path"), 1)) == 4200000000);
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(j, "communities"), 0)), "65001:100");
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(j, "large-communities"), 0)), "4200000000:1:2");
	for (unsigned i = 0; i < 4; i++)
		assert_string_equal(
		    json_string_value(json_array_get(json_object_get(j, "extended-communities"), i)),
		    words[i]);
	assert_string_equal(str(j, "as-path-text"), "65515 {4200000000}");
	json_decref(j);
	j = view_route_json(&own);
	EXPECT(j, "prefix:s", "nexthop:0", "peer:0", "as-path:a", "med:0", "communities:a", "best:b",
	    "in-fib:b", "reason:0");
	json_decref(j);
}

static void fib_keeps_the_contract(void **state)
{
	struct view_fib_route v = { .metric = 100,
		.origin = "bgp",
		.n_ways = 2,
		.in_kernel = true,
		.way = { { .interface = "cw0", .weight = 1 }, { .interface = "cw1", .weight = 2 } } };
	json_t *j, *w;

	(void)state;
	prefix_parse("10.100.0.0/16", true, &v.prefix);
	addr_parse("10.0.0.1", &v.way[1].via);
	j = view_fib_route_json(&v);
	EXPECT(j, "prefix:s", "nexthop:a", "in-kernel:b", "metric:n", "origin:s", "why:0");
	w = json_object_get(j, "nexthop");
	EXPECT(json_array_get(w, 0), "interface:s", "via:0", "weight:n");
	EXPECT(json_array_get(w, 1), "interface:s", "via:s", "weight:n");
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_keeps_the_contract),
		cmocka_unit_test(an_idle_daemon_has_a_status),
		cmocka_unit_test(tunnels_keep_the_contract),
		cmocka_unit_test(a_tunnel_that_is_down_shows_null),
		cmocka_unit_test(what_a_peer_chose_is_no_danger),
		cmocka_unit_test(bgp_keeps_the_contract),
		cmocka_unit_test(routes_keep_the_contract),
		cmocka_unit_test(fib_keeps_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
