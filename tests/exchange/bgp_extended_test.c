/* SPDX-License-Identifier: Apache-2.0 */
/* Extended messages (RFC 8654): who may send them to whom, what is too long for whom, and that long UPDATEs
 * go on. */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NET_200 "10.200.0.0/16"

static struct lab lab_up(bool ours, bool theirs)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_open();
	struct lab l = lab_new(&c);

	(void)ours;
	bgp_peer_stop(l.a->bgp, 1, BGP_CEASE_SHUTDOWN, NULL, l.net->now);
	c.session.extended_messages = ours;
	assert_true(bgp_peer_update(l.a->bgp, 1, &c, l.net->now, NULL) >= 0);
	bnet_peer_start(l.net, l.a, 1);
	o.caps.extended_messages = theirs;
	lab_establish(&l, &o);
	return l;
}

/* An UPDATE of 10.200.0.0/16 with so many communities; the whole message's length. */
static size_t send_long(struct lab *l, unsigned communities)
{
	static uint8_t buf[BGP_EXTENDED_MAX], comm[4 * 20000];
	struct prefix p = bnet_prefix(NET_200);
	uint8_t path[6] = { BGP_AS_SEQUENCE, 1, 0, 0, 0xff, 0xeb };
	struct attr_context ctx = { .four_octet = true };
	struct attrs a = { .as_path = { path, sizeof(path) },
		.nexthop = bnet_addr(LAB_THEIRS),
		.communities = { comm, 4 * communities } };
	struct update_builder *b = calloc(1, sizeof(*b));
	size_t len;

	assert_non_null(b);
	for (unsigned i = 0; i < communities; i++)
		memcpy(&comm[4 * i], (uint8_t[]){ 0xff, 0xeb, (uint8_t)(i >> 8), (uint8_t)i }, 4);
	assert_true(update_begin(b, buf, sizeof(buf), BGP_IPV4, &a, &ctx));
	assert_true(update_add(b, &p));
	len = update_end(b);
	free(b);
	bnet_raw_write(l->net, l->x, buf, len);
	lab_run_ms(l, 1000);
	return len;
}

static void test_received(void **state)
{
	struct lab l = lab_up(true, true);

	(void)state;
	assert_true(bnet_view(l.a, 1).session.extended_messages);
	assert_true(send_long(&l, 16000) > 60000);
	assert_non_null(bnet_route(l.a, NET_200));
	raw_update(l.net, l.x, LAB_NET_200, "", ""); /* and short ones after it */
	lab_run_ms(&l, 200);
	assert_null(bnet_route(l.a, NET_200));
	assert_int_equal(l.a->peer[1].falls, 0);
	bnet_free(l.net);

	/* Whoever heard that we take them may send them, even if it takes none itself (RFC 8654 4). */
	l = lab_up(true, false);
	assert_false(bnet_view(l.a, 1).session.extended_messages);
	(void)send_long(&l, 5000);
	assert_non_null(bnet_route(l.a, NET_200));
	bnet_free(l.net);

	/* Not agreed: too long is what it always was. */
	l = lab_up(false, true);
	(void)send_long(&l, 2000);
	assert_int_equal(raw_notification(l.x), BGP_ERR_HEADER << 8 | BGP_HEADER_BAD_LENGTH);
	bnet_free(l.net);
}

/* Never an OPEN, and a KEEPALIVE is as long as ever. */
static void test_other_types(void **state)
{
	static const uint8_t type[] = { BGP_MSG_OPEN, BGP_MSG_KEEPALIVE };

	(void)state;
	for (unsigned i = 0; i < sizeof(type); i++) {
		struct lab l = lab_up(true, true);
		uint8_t head[BGP_HEADER_LEN];

		memset(head, 0xff, BGP_MARKER_LEN);
		head[16] = 0x20;
		head[17] = 0;
		head[18] = type[i];
		bnet_raw_write(l.net, l.x, head, sizeof(head));
		lab_run_ms(&l, 300);
		assert_int_equal(raw_notification(l.x), BGP_ERR_HEADER << 8 | BGP_HEADER_BAD_LENGTH);
		bnet_free(l.net);
	}
}

/* In any cut, and a session that ends in the middle of a long one. */
static void test_cuts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct lab l = lab_up(true, true);

		l.net->cut = 1 + i * 1337;
		if (i == 0)
			l.net->delay_ms = 0;
		(void)send_long(&l, 3000);
		lab_run_ms(&l, 20000);
		assert_non_null(bnet_route(l.a, NET_200));
		(void)send_long(&l, 3000);
		bnet_reset(l.net, l.a, l.x);
		lab_run_ms(&l, 1000);
		bnet_free(l.net);
	}
}

/* What came in a long UPDATE goes on where it fits; to a peer of 4096 octets it is not told, and its session
 * stands. */
static void test_passed_on(void **state)
{
	struct lab l = lab_up(true, true);
	struct bgp_peer_config to[2], back[2];
	struct bnet_node *n[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const char *addr = i ? "10.0.0.21" : "10.0.0.20";

		to[i] = bnet_peer_config("lan", BGP_PEER_LAN, LAB_OURS, addr, 65020 + i);
		back[i] = bnet_peer_config("a", BGP_PEER_LAN, addr, LAB_OURS, 65001);
		to[i].session.extended_messages = back[i].session.extended_messages = i == 0;
		n[i] = bnet_add(l.net, addr, addr, 65020 + i, addr);
		bnet_peer_add(l.a, 2 + i, &to[i]);
		bnet_peer_add(n[i], 1, &back[i]);
		bnet_peer_start(l.net, l.a, 2 + i);
		bnet_peer_start(l.net, n[i], 1);
		assert_true(bnet_until_state(l.net, mdur_s(20), n[i], 1, BGP_ESTABLISHED));
		raw_keepalive(l.net, l.x);
	}
	(void)send_long(&l, 15000);
	lab_run_ms(&l, 2000);
	assert_non_null(bnet_route(n[0], NET_200));
	assert_null(bnet_route(n[1], NET_200));
	assert_int_equal(n[1]->peer[1].state, BGP_ESTABLISHED);
	assert_string_equal(l.a->peer[3].report.id, "bgp-update-too-long");
	assert_int_equal(l.a->peer[1].falls + l.a->peer[2].falls + l.a->peer[3].falls, 0);
	(void)send_long(&l, 10); /* shorter now */
	lab_run_ms(&l, 2000);
	assert_non_null(bnet_route(n[1], NET_200));
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_other_types),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
