/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFRM messages as bytes, both ways: what we ask of the kernel (every suite, ESN, NAT traversal, policies,
 * interfaces), written down as the kernel of Debian 12 took it; and what it says, at every truncation.
 * Little-endian, as the machines this runs on: netlink is in host order.
 */
#include "connector/sys/xfrm.h"
#include "connector/sys/xfrm_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>

static _Alignas(8) uint8_t room[XFRM_MSG_ROOM];

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, true, &p), 0);
	return p;
}

/* What stands at an attribute's place in a message, as hex; "" when there is none. */
static const char *attr_hex(const struct nlmsghdr *nlh, size_t head, unsigned type)
{
	static char hex[2 * XFRM_MSG_ROOM];
	const struct nlattr *a;

	hex[0] = '\0';
	mnl_attr_for_each(a, nlh, head)
	{
		const uint8_t *p = mnl_attr_get_payload(a);

		if (mnl_attr_get_type(a) != type)
			continue;
		for (size_t i = 0; i < mnl_attr_get_payload_len(a); i++)
			snprintf(hex + 2 * i, 3, "%02x", p[i]);
	}
	return hex;
}

static const char *bytes_hex(const void *data, size_t len)
{
	static char hex[2 * XFRM_MSG_ROOM];

	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *)data)[i]);
	return hex;
}

/* A name in a field of 64 bytes, then numbers of 4 bytes, then a key 00 01 02 ... of `key` bytes. */
static const char *algorithm(const char *name, unsigned n_numbers, const uint32_t numbers[], size_t key)
{
	static char hex[512];
	uint8_t b[256] = { 0 };
	size_t at = 64;

	memcpy(b, name, strlen(name));
	for (unsigned i = 0; i < n_numbers; i++, at += 4)
		memcpy(b + at, &numbers[i], 4);
	for (size_t i = 0; i < key; i++)
		b[at++] = (uint8_t)i;
	snprintf(hex, sizeof(hex), "%s", bytes_hex(b, at));
	return hex;
}

static const uint8_t key[CRYPTO_MAX_INTEG_KEY] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
	42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63 };

static struct xfrm_state_params params(void)
{
	return (struct xfrm_state_params){ .src = addr("192.0.2.1"),
		.dst = addr("192.0.2.2"),
		.spi = 0xc0ffee01,
		.reqid = 0xc5e70001,
		.if_id = 0xc5e70001,
		.encr = ENCR_AES_GCM_16,
		.encr_key_bits = 256,
		.encr_key = key,
		.integ_key = key,
		.replay_window = 64 };
}

static void whole_state(void **state)
{
	/* selector 56 zeros; id: 192.0.2.2, spi, esp; saddr; limits; nothing used; reqid; v4; tunnel;
	 * af-unspec */
	static const char head[] = "0000000000000000000000000000000000000000000000000000000000000000"
	                           "000000000000000000000000000000000000000000000000"
	                           "c0000202000000000000000000000000c0ffee0132000000"
	                           "c0000201000000000000000000000000"
	                           "ffffffffffffffffffffffffffffffff000000c000000000ffffffffffffffff"
	                           "0000000000000000000000000000000000000000000000000000000000000000"
	                           "0000000000000000000000000000000000000000000000000000000000000000"
	                           "000000000000000000000000"
	                           "00000000"
	                           "0100e7c5"
	                           "0200010020000000"
	                           "00000000";
	struct xfrm_state_params p = params();
	struct nlmsghdr *nlh;

	(void)state;
	p.soft_packets = 0xc0000000;
	nlh = xfrm_build_state(room, &p, false);
	assert_non_null(nlh);
	assert_int_equal(nlh->nlmsg_type, XFRM_MSG_NEWSA);
	assert_int_equal(nlh->nlmsg_flags, NLM_F_CREATE | NLM_F_EXCL);
	assert_int_equal(sizeof(head) - 1, 2 * sizeof(struct xfrm_usersa_info));
	assert_string_equal(bytes_hex(mnl_nlmsg_get_payload(nlh), sizeof(struct xfrm_usersa_info)), head);
	assert_string_equal(attr_hex(nlh, sizeof(struct xfrm_usersa_info), XFRMA_IF_ID), "0100e7c5");
	assert_string_equal(attr_hex(nlh, sizeof(struct xfrm_usersa_info), XFRMA_ENCAP), "");
	assert_string_equal(attr_hex(nlh, sizeof(struct xfrm_usersa_info), XFRMA_REPLAY_ESN_VAL),
	    "020000000000000000000000000000000000000040000000"
	    "0000000000000000");
}

static void suites(void **state)
{
	static const struct {
		enum encr_id encr;
		unsigned bits;
		enum integ_id integ;
		const char *encr_name, *integ_name;
		uint32_t encr_key, integ_key, icv; /* bits */
	} rows[] = {
		{ ENCR_AES_GCM_16, 128, INTEG_NONE, "rfc4106(gcm(aes))", NULL, 160, 0, 128 },
		{ ENCR_AES_GCM_16, 256, INTEG_NONE, "rfc4106(gcm(aes))", NULL, 288, 0, 128 },
		{ ENCR_3DES, 0, INTEG_HMAC_MD5_96, "cbc(des3_ede)", "hmac(md5)", 192, 128, 96 },
		{ ENCR_AES_CBC, 128, INTEG_HMAC_SHA1_96, "cbc(aes)", "hmac(sha1)", 128, 160, 96 },
		{ ENCR_AES_CBC, 256, INTEG_HMAC_SHA2_256_128, "cbc(aes)", "hmac(sha256)", 256, 256, 128 },
		{ ENCR_AES_CBC, 256, INTEG_HMAC_SHA2_384_192, "cbc(aes)", "hmac(sha384)", 256, 384, 192 },
		{ ENCR_AES_CBC, 128, INTEG_HMAC_SHA2_512_256, "cbc(aes)", "hmac(sha512)", 128, 512, 256 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xfrm_state_params p = params();
		struct nlmsghdr *nlh;
		size_t head = sizeof(struct xfrm_usersa_info);

		p.encr = rows[i].encr;
		p.encr_key_bits = rows[i].bits;
		p.integ = rows[i].integ;
		nlh = xfrm_build_state(room, &p, false);
		assert_non_null(nlh);
		if (rows[i].integ == INTEG_NONE) {
			assert_string_equal(attr_hex(nlh, head, XFRMA_ALG_AEAD),
			    algorithm(rows[i].encr_name, 2, (uint32_t[]){ rows[i].encr_key, rows[i].icv },
			        rows[i].encr_key / 8));
			continue;
		}
		assert_string_equal(attr_hex(nlh, head, XFRMA_ALG_CRYPT),
		    algorithm(rows[i].encr_name, 1, (uint32_t[]){ rows[i].encr_key }, rows[i].encr_key / 8));
		assert_string_equal(attr_hex(nlh, head, XFRMA_ALG_AUTH_TRUNC),
		    algorithm(rows[i].integ_name, 2, (uint32_t[]){ rows[i].integ_key, rows[i].icv },
		        rows[i].integ_key / 8));
	}
}

/* A cipher without integrity, or an AEAD with it, is no ESP of ours. */
static void no_such_suite(void **state)
{
	struct xfrm_state_params p = params();

	(void)state;
	p.integ = INTEG_HMAC_SHA2_256_128;
	assert_null(xfrm_build_state(room, &p, false));
	p = params();
	p.encr = ENCR_AES_CBC;
	assert_null(xfrm_build_state(room, &p, false));
	p.encr = ENCR_NONE;
	assert_null(xfrm_build_state(room, &p, false));
}

static void options(void **state)
{
	const size_t head = sizeof(struct xfrm_usersa_info);
	struct xfrm_replay_pos pos = {
		.out = 0x100000002, .in = 0x300000004, .window = 64, .seen = { 5, 6 }
	};
	struct xfrm_state_params p = params();
	struct nlmsghdr *nlh;

	(void)state;
	p.esn = true;
	p.encap = true;
	p.encap_sport = 4500;
	p.encap_dport = 1027;
	p.event_packets = 1;
	p.go_on = &pos;
	p.offload_ifindex = 7;
	nlh = xfrm_build_state(room, &p, true);
	assert_int_equal(nlh->nlmsg_type, XFRM_MSG_UPDSA);
	assert_int_equal(((struct xfrm_usersa_info *)mnl_nlmsg_get_payload(nlh))->flags,
	    XFRM_STATE_AF_UNSPEC | XFRM_STATE_ESN);
	assert_string_equal(attr_hex(nlh, head, XFRMA_ENCAP),
	    "020011940403"
	    "0000" /* no padding of the compiler's goes out with something in it */
	    "00000000000000000000000000000000");
	assert_string_equal(attr_hex(nlh, head, XFRMA_REPLAY_ESN_VAL),
	    "0200000002000000040000000100000003000000400000000500000006000000");
	assert_string_equal(attr_hex(nlh, head, XFRMA_REPLAY_THRESH), "01000000");
	assert_string_equal(attr_hex(nlh, head, XFRMA_ETIMER_THRESH), "00000000");
	assert_string_equal(attr_hex(nlh, head, XFRMA_MTIMER_THRESH), "01000000");
	assert_string_equal(attr_hex(nlh, head, XFRMA_OFFLOAD_DEV), ""); /* not with encapsulation */
	p.encap = false;
	p.src = addr("2001:db8::1");
	p.dst = addr("2001:db8::2");
	p.offload_inbound = true;
	nlh = xfrm_build_state(room, &p, false);
	assert_string_equal(attr_hex(nlh, head, XFRMA_OFFLOAD_DEV), "0700000003000000");
	assert_int_equal(((struct xfrm_usersa_info *)mnl_nlmsg_get_payload(nlh))->family, AF_INET6);
	p.replay_window = 100000; /* the kernel's limit */
	nlh = xfrm_build_state(room, &p, false);
	assert_int_equal(strlen(attr_hex(nlh, head, XFRMA_REPLAY_ESN_VAL)), 2 * (24 + 512));
	assert_true(nlh->nlmsg_len < sizeof(room));
}

static struct xfrm_rule rule(void)
{
	return (struct xfrm_rule){ .dir = XFRM_DIR_OUT,
		.flow = { .src = prefix("10.0.0.0/16"),
		    .dst = prefix("10.100.0.0/16"),
		    .protocol = 6,
		    .dport = 179,
		    .dport_mask = 0xffff },
		.if_id = 0xc5e70001,
		.reqid = 0xc5e70001,
		.priority = 1000,
		.src = addr("192.0.2.1"),
		.dst = addr("192.0.2.2"),
		.spi = 0xc0ffee01 };
}

static void policies(void **state)
{
	static const char selector[] = "0a640000000000000000000000000000" /* to */
	                               "0a000000000000000000000000000000" /* from */
	                               "00b3ffff000000000200101006000000"
	                               "0000000000000000";
	static const char tmpl[] = "c0000202000000000000000000000000c0ffee0132000000"
	                           "02000000"
	                           "c0000201000000000000000000000000"
	                           "0100e7c5"
	                           "01000000"
	                           "ffffffffffffffffffffffff";
	struct xfrm_rule r = rule();
	struct nlmsghdr *nlh = xfrm_build_rule(room, &r);
	const struct xfrm_userpolicy_info *p = mnl_nlmsg_get_payload(nlh);
	const struct xfrm_userpolicy_id *id;

	(void)state;
	assert_int_equal(nlh->nlmsg_type, XFRM_MSG_UPDPOLICY);
	assert_string_equal(bytes_hex(&p->sel, sizeof(p->sel)), selector);
	assert_int_equal(p->priority, 1000);
	assert_int_equal(p->dir, XFRM_POLICY_OUT);
	assert_int_equal(p->action, XFRM_POLICY_ALLOW);
	assert_string_equal(attr_hex(nlh, sizeof(*p), XFRMA_TMPL), tmpl);
	assert_string_equal(attr_hex(nlh, sizeof(*p), XFRMA_IF_ID), "0100e7c5");
	nlh = xfrm_build_rule_del(room, &r);
	id = mnl_nlmsg_get_payload(nlh);
	assert_int_equal(nlh->nlmsg_type, XFRM_MSG_DELPOLICY);
	assert_string_equal(bytes_hex(&id->sel, sizeof(id->sel)), selector);
	assert_int_equal(id->dir, XFRM_POLICY_OUT);
	assert_string_equal(attr_hex(nlh, sizeof(*id), XFRMA_IF_ID), "0100e7c5");
	assert_int_equal(XFRM_DIR_IN, XFRM_POLICY_IN);
	assert_int_equal(XFRM_DIR_FWD, XFRM_POLICY_FWD);
}

/* What we build for the kernel, it says back in the same form. */
static void states_back(void **state)
{
	struct xfrm_replay_pos pos = {
		.out = 0x100000002, .in = 0x300000004, .window = 64, .seen = { 5, 6 }
	};
	struct xfrm_state_params p = params();
	struct xfrm_usersa_info *sa;
	struct nlmsghdr *nlh;
	struct xfrm_event e;

	(void)state;
	p.encap = true;
	p.encap_sport = 4500;
	p.encap_dport = 1027;
	p.go_on = &pos;
	nlh = xfrm_build_state(room, &p, false);
	sa = mnl_nlmsg_get_payload(nlh);
	sa->curlft.bytes = 1000;
	sa->curlft.packets = 10;
	sa->stats = (struct xfrm_stats){ .replay_window = 1, .replay = 2, .integrity_failed = 3 };
	assert_true(xfrm_parse(nlh, &e));
	assert_int_equal(e.kind, XFRM_EVENT_STATE);
	assert_true(addr_eq(&e.state.src, &p.src) && addr_eq(&e.state.dst, &p.dst));
	assert_int_equal(e.state.spi, p.spi);
	assert_int_equal(e.state.reqid, p.reqid);
	assert_int_equal(e.state.if_id, p.if_id);
	assert_true(e.state.esp && e.state.encap && !e.state.esn);
	assert_int_equal(e.state.encap_dport, 1027);
	assert_int_equal(e.state.bytes, 1000);
	assert_int_equal(e.state.packets, 10);
	assert_int_equal(e.state.out_of_window, 1);
	assert_int_equal(e.state.replayed, 2);
	assert_int_equal(e.state.not_authentic, 3);
	assert_memory_equal(&e.state.pos, &pos, sizeof(pos));
}

static void rules_back(void **state)
{
	struct xfrm_rule r = rule();
	struct nlmsghdr *nlh = xfrm_build_rule(room, &r);
	struct xfrm_event e;

	(void)state;
	nlh->nlmsg_type = XFRM_MSG_NEWPOLICY;
	assert_true(xfrm_parse(nlh, &e));
	assert_int_equal(e.kind, XFRM_EVENT_RULE);
	assert_true(xfrm_flow_eq(&e.rule.flow, &r.flow));
	assert_int_equal(e.rule.dir, r.dir);
	assert_int_equal(e.rule.if_id, r.if_id);
	assert_int_equal(e.rule.reqid, r.reqid);
	assert_int_equal(e.rule.spi, r.spi);
}

static struct nlmsghdr *message(uint16_t type, const void *payload, size_t len)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);

	nlh->nlmsg_type = type;
	memcpy(mnl_nlmsg_put_extra_header(nlh, len), payload, len);
	return nlh;
}

static void events(void **state)
{
	struct addr us = addr("192.0.2.1"), moved = addr("198.51.100.9");
	struct xfrm_user_mapping m = { .id = { .spi = htonl(0xa1), .family = AF_INET, .proto = IPPROTO_ESP },
		.reqid = 7,
		.new_sport = htons(62000) };
	struct xfrm_user_expire x = {
		.state = { .id = { .spi = htonl(0xa2), .proto = IPPROTO_ESP }, .family = AF_INET }, .hard = 1
	};
	struct xfrm_aevent_id ae = { .sa_id = { .spi = htonl(0xa3), .family = AF_INET }, .reqid = 9 };
	struct xfrm_usersa_id gone = { .spi = htonl(0xa4), .family = AF_INET, .proto = IPPROTO_ESP };
	struct xfrm_usersa_flush flush = { .proto = IPPROTO_ESP };
	struct xfrm_event e;

	(void)state;
	memcpy(&m.id.daddr, us.b, 4);
	memcpy(&m.new_saddr, moved.b, 4);
	assert_true(xfrm_parse(message(XFRM_MSG_MAPPING, &m, sizeof(m)), &e));
	assert_int_equal(e.kind, XFRM_EVENT_MOVED);
	assert_true(addr_eq(&e.state.dst, &us) && addr_eq(&e.moved_to.addr, &moved));
	assert_int_equal(e.moved_to.port, 62000);
	assert_int_equal(e.state.spi, 0xa1);
	assert_true(xfrm_parse(message(XFRM_MSG_EXPIRE, &x, sizeof(x)), &e));
	assert_int_equal(e.kind, XFRM_EVENT_EXPIRED);
	assert_true(e.hard && e.state.spi == 0xa2);
	assert_true(xfrm_parse(message(XFRM_MSG_NEWAE, &ae, sizeof(ae)), &e));
	assert_int_equal(e.kind, XFRM_EVENT_PACKETS);
	assert_int_equal(e.state.spi, 0xa3);
	assert_true(xfrm_parse(message(XFRM_MSG_DELSA, &gone, sizeof(gone)), &e));
	assert_int_equal(e.kind, XFRM_EVENT_GONE);
	assert_int_equal(e.state.spi, 0xa4);
	assert_true(xfrm_parse(message(XFRM_MSG_FLUSHSA, &flush, sizeof(flush)), &e));
	assert_int_equal(e.kind, XFRM_EVENT_ALL_GONE);
	assert_true(xfrm_parse(message(XFRM_MSG_FLUSHPOLICY, "", 0), &e));
	assert_int_equal(e.kind, XFRM_EVENT_RULES_GONE);
	assert_false(xfrm_parse(message(XFRM_MSG_NEWSPDINFO, &flush, sizeof(flush)), &e));
}

/* Each prefix of a message stands at the very end of its memory, so reading behind it is found. */
static void truncated(void **state)
{
	struct xfrm_state_params p = params();
	struct nlmsghdr *nlh;
	size_t whole;

	(void)state;
	p.encap = true;
	nlh = xfrm_build_state(room, &p, false);
	whole = nlh->nlmsg_len;
	for (size_t len = NLMSG_HDRLEN; len < whole; len++) {
		struct nlmsghdr *cut = malloc(len);
		struct xfrm_event e;
		bool ok;

		assert_non_null(cut);
		memcpy(cut, room, len);
		cut->nlmsg_len = (uint32_t)len;
		ok = xfrm_parse(cut, &e);
		assert_int_equal(ok, len >= NLMSG_HDRLEN + sizeof(struct xfrm_usersa_info));
		free(cut);
	}
}

static void interfaces(void **state)
{
	/* header, ifinfomsg; "cw0"; nested: "xfrm"; nested: the if_id */
	static const char bytes[] = "4000000010000006000000000000000000000000000000000000000000000000"
	                            "0800030063773000"
	                            "18001280"
	                            "080001007866726d"
	                            "0c000280"
	                            "080002000100e7c5";
	struct xfrm_link_view l;
	struct nlmsghdr *nlh = xfrm_link_build(room, "cw0", 0xc5e70001);

	(void)state;
	assert_int_equal(nlh->nlmsg_len * 2, sizeof(bytes) - 1);
	assert_string_equal(bytes_hex(nlh, nlh->nlmsg_len), bytes);
	((struct ifinfomsg *)mnl_nlmsg_get_payload(nlh))->ifi_index = 12;
	assert_true(xfrm_link_parse(nlh, &l));
	assert_int_equal(l.ifindex, 12);
	assert_int_equal(l.if_id, 0xc5e70001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_state),
		cmocka_unit_test(suites),
		cmocka_unit_test(no_such_suite),
		cmocka_unit_test(options),
		cmocka_unit_test(policies),
		cmocka_unit_test(states_back),
		cmocka_unit_test(rules_back),
		cmocka_unit_test(events),
		cmocka_unit_test(truncated),
		cmocka_unit_test(interfaces),
	};

	if (crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
