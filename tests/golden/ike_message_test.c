/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole messages, byte for byte. The golden bytes were laid out by a script from RFC 7296 section 3, not by
 * our builder. Ours builds the same; parsing gives the values back; every truncation is a fault; one changed
 * octet at a time is survived.
 */
#include "ike/message.h"
#include "ike/sa_payload.h"
#include "ike/ts.h"
#include "tests/support/rsp.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char foreign_init[] =
    "112233445566778800000000000000002120220800000000000001822200009402000058010100090300000c0100000c"
    "800e00800300000c0100000c800e0100030000080300000c030000080300000d03000008020000050300000802000006"
    "030000080400001f0300000804000013000000080400000e00000038020100050300000c01000014800e01000300000c"
    "0100001c800e01000300000802000005030000080400001f000000080400001328000048001300000102030405060708"
    "090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738"
    "393a3b3c3d3e3f4029000024808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f2900001c"
    "000040040102030405060708090a0b0c0d0e0f10111213142900001c0000400502030405060708090a0b0c0d0e0f1011"
    "12131415290000080000402e2b0000120000402f0002000300040005000700000014882fe56d6fd20dbc2251613b2ebe"
    "5beb";
static const char our_init[] =
    "010203040506070800000000000000002920220800000000000001ac2100001000004006090a0b0c0d0e0f1022000054"
    "0200002c010100040300000c0100000c800e01000300000802000005030000080300000c000000080400000e00000024"
    "020100030300000c01000014800e01000300000802000006000000080400001428000108000e0000030405060708090a"
    "0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a"
    "3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a"
    "6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a"
    "9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9ca"
    "cbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fa"
    "fbfcfdfeff00010200000024404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f";
static const char auth_inner[] =
    "2400000c01000000c0000201270000160200000067772e6578616d706c652e6e65742900002802000000606162636465"
    "666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f21000008000040002c0000340000003001030404a1b2"
    "c3d40300000c0100000c800e0100030000080300000c030000080500000100000008050000002d000040020000000700"
    "00100000ffff00000000ffffffff080000280000ffff00000000000000000000000000000000ffffffffffffffffffff"
    "ffffffffffff00000018010000000706001001bb01bb0a0000000a00ffff";
static const char rekey_inner[] =
    "2100000c03044009a1b2c3d42800002c0000002801030403a1b2c3d50300000c01000014800e00800300000804000013"
    "000000080500000022000024202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f2c000048"
    "001300000708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132"
    "333435363738393a3b3c3d3e3f404142434445462d00001801000000070000100000ffff00000000ffffffff00000018"
    "01000000070000100000ffff00000000ffffffff";
static const char delete_inner[] = "2a00001003040002a1b2c3d4a1b2c3d50000000801000000";

static void sequence(uint8_t from, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(from + i);
}

/* Reads all that a message holds, as the engine would. */
static void read_all(const struct ike_payloads *p)
{
	struct ike_offer offer;
	struct ike_ke_view ke;
	struct ike_auth_view auth;
	struct ike_identity id;
	struct ike_ts_list ts;

	if (p->sa.data)
		(void)!ike_sa_parse(p->sa, &offer);
	if (p->ke.data)
		(void)!ike_ke_parse(p->ke, &ke);
	if (p->auth.data)
		(void)!ike_auth_parse(p->auth, &auth);
	if (p->idi.data)
		(void)!ike_id_parse(p->idi, &id);
	if (p->idr.data)
		(void)!ike_id_parse(p->idr, &id);
	if (p->tsi.data)
		(void)!ike_ts_parse(p->tsi, &ts);
	if (p->tsr.data)
		(void)!ike_ts_parse(p->tsr, &ts);
}

/* On copies of exactly the size, so that the sanitizer sees one octet too many. */
static int parse_copy(const uint8_t *data, size_t len, uint8_t first, bool whole)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct ike_payloads p;
	struct ike_header h = { .first = first };
	struct rd r;
	int rc = 0;

	memcpy(copy, data, len);
	r = rd_init(copy, len);
	if (whole)
		rc = ike_header_parse(copy, len, &h, &r);
	if (!rc)
		rc = ike_payloads_parse(r, h.first, &p);
	if (!rc)
		read_all(&p);
	free(copy);
	return rc;
}

static void damage(const char *golden, uint8_t first, bool whole)
{
	uint8_t buf[1024];
	size_t len = hex(golden, buf, sizeof(buf));

	assert_int_equal(parse_copy(buf, len, first, whole), 0);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(parse_copy(buf, cut, first, whole), -1);
	for (size_t at = 0; at < len; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			buf[at] ^= (uint8_t)(1u << bit);
			parse_copy(buf, len, first, whole);
			buf[at] ^= (uint8_t)(1u << bit);
		}
}

static void test_damage(void **state)
{
	(void)state;
	damage(foreign_init, 0, true);
	damage(our_init, 0, true);
	damage(auth_inner, IKE_P_IDI, false);
	damage(rekey_inner, IKE_P_NOTIFY, false);
	damage(delete_inner, IKE_P_DELETE, false);
}

static struct ike_proposals proposals(bool esp, const char *a, const char *b)
{
	struct ike_proposals p = { 0 };

	assert_int_equal(ike_proposal_parse(a, esp, &p.list[p.n++], NULL), 0);
	if (b)
		assert_int_equal(ike_proposal_parse(b, esp, &p.list[p.n++], NULL), 0);
	return p;
}

/* The request of another implementation: what we do not know in it does no harm. */
static void test_foreign_init(void **state)
{
	struct ike_proposals ours = proposals(false, "aes256-sha256-modp2048-ecp256", NULL);
	struct ike_offer offer;
	struct ike_choice c;
	struct ike_ke_view ke;
	struct ike_payloads p;
	struct ike_header h;
	uint8_t buf[1024];
	struct rd r;
	size_t len = hex(foreign_init, buf, sizeof(buf));

	(void)state;
	assert_int_equal(ike_header_parse(buf, len, &h, &r), 0);
	assert_true(
	    h.spi_i == 0x1122334455667788 && !h.spi_r && h.from_initiator && !h.response && !h.msg_id);
	assert_int_equal(h.exchange, IKE_X_SA_INIT);
	assert_int_equal(ike_payloads_parse(r, h.first, &p), 0);
	assert_int_equal(ike_payloads_check(&p, h.exchange, h.response), 0);
	assert_int_equal(p.n, 8);
	assert_int_equal(p.n_notify, 4);
	assert_int_equal(p.nonce.len, 32);
	assert_int_equal(ike_ke_parse(p.ke, &ke), 0);
	assert_int_equal(ke.group, KE_ECP_256);
	assert_int_equal(ke.data.len, 64);
	assert_int_equal(ike_sa_parse(p.sa, &offer), 0);
	assert_int_equal(offer.n, 2);
	assert_int_equal(offer.n_transforms, 14);
	assert_int_equal(ike_sa_select(&ours, &offer, IKE_PROTO_IKE, IKE_KE_LISTED, KE_ECP_256, &c), 0);
	assert_int_equal(c.suite.ke, KE_ECP_256);
	assert_int_equal(c.suite.key_bits, 256);
	assert_int_equal(c.number, 1);
	/* Another version, another length, no initiator SPI. */
	buf[17] = 0x30;
	assert_int_equal(ike_header_parse(buf, len, &h, &r), -1);
	buf[17] = 0x21; /* a later minor version is fine (RFC 7296 2.5) */
	assert_int_equal(ike_header_parse(buf, len, &h, &r), 0);
	buf[27]++;
	assert_int_equal(ike_header_parse(buf, len, &h, &r), -1);
	buf[27]--;
	memset(buf, 0, 8);
	assert_int_equal(ike_header_parse(buf, len, &h, &r), -1);
}

static void assert_bytes(const uint8_t *got, size_t len, const char *golden)
{
	uint8_t want[1024];
	size_t want_len = hex(golden, want, sizeof(want));

	assert_int_equal(len, want_len);
	assert_memory_equal(got, want, len);
}

static void test_our_init(void **state)
{
	struct ike_proposals ours =
	    proposals(false, "aes256-sha256-modp2048", "aes256gcm16-prfsha384-ecp384");
	struct ike_header h = {
		.spi_i = 0x0102030405060708, .exchange = IKE_X_SA_INIT, .from_initiator = true
	};
	uint8_t body[1024], msg[1024], cookie[8], ke[256], nonce[32];
	struct ike_build b = ike_build_init(body, sizeof(body));
	size_t body_len, len;

	(void)state;
	sequence(9, cookie, sizeof(cookie));
	sequence(3, ke, sizeof(ke));
	sequence(0x40, nonce, sizeof(nonce));
	ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_COOKIE, cookie, sizeof(cookie));
	ike_build_sa(&b, &ours, IKE_PROTO_IKE, NULL, true);
	ike_build_ke(&b, KE_MODP_2048, ke, sizeof(ke));
	ike_build_nonce(&b, nonce, sizeof(nonce));
	assert_int_equal(ike_build_finish(&b, &body_len), 0);
	assert_int_equal(ike_message_plain(&h, b.first, body, body_len, msg, sizeof(msg), &len), 0);
	assert_bytes(msg, len, our_init);
	for (size_t cap = 0; cap < len; cap++)
		assert_int_equal(ike_message_plain(&h, b.first, body, body_len, msg, cap, &body_len), -1);
}

static struct ike_ts any(uint8_t family)
{
	struct prefix p = { .addr.family = family };

	return ike_ts_from_prefix(&p);
}

static void test_auth(void **state)
{
	struct ike_proposals esp = proposals(true, "aes256-sha256", NULL);
	static const uint8_t spi[4] = { 0xa1, 0xb2, 0xc3, 0xd4 };
	struct chunk spi_chunk = { spi, 4 };
	struct ike_ts tsi[2] = { any(4), any(6) }, tsr = any(4);
	struct ike_identity idi, idr;
	uint8_t body[1024], auth[32];
	struct ike_build b = ike_build_init(body, sizeof(body));
	struct ike_auth_view view;
	struct ike_ts_list list;
	struct ike_payloads p;
	size_t len;

	(void)state;
	sequence(0x60, auth, sizeof(auth));
	tsr.first = addr_v4(0x0a000000);
	tsr.last = addr_v4(0x0a00ffff);
	tsr.protocol = 6;
	tsr.port_first = tsr.port_last = 443;
	ike_identity_parse("192.0.2.1", &idi);
	ike_identity_parse("gw.example.net", &idr);
	ike_build_id(&b, IKE_P_IDI, &idi);
	ike_build_id(&b, IKE_P_IDR, &idr);
	ike_build_auth(&b, IKE_AUTH_PSK, auth, sizeof(auth));
	ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_INITIAL_CONTACT, NULL, 0);
	ike_build_sa(&b, &esp, IKE_PROTO_ESP, &spi_chunk, false);
	ike_build_ts(&b, IKE_P_TSI, tsi, 2);
	ike_build_ts(&b, IKE_P_TSR, &tsr, 1);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(b.first, IKE_P_IDI);
	assert_bytes(body, len, auth_inner);
	assert_int_equal(ike_payloads_parse(rd_init(body, len), b.first, &p), 0);
	assert_int_equal(ike_payloads_check(&p, IKE_X_AUTH, false), 0);
	assert_int_equal(ike_auth_parse(p.auth, &view), 0);
	assert_int_equal(view.method, IKE_AUTH_PSK);
	assert_memory_equal(view.data.data, auth, sizeof(auth));
	assert_int_equal(ike_ts_parse(p.tsi, &list), 0);
	assert_true(ike_ts_eq(&list.list[0], &tsi[0]) && ike_ts_eq(&list.list[1], &tsi[1]));
	assert_int_equal(ike_ts_parse(p.tsr, &list), 0);
	assert_true(ike_ts_eq(&list.list[0], &tsr));
}

static void test_rekey_and_delete(void **state)
{
	struct ike_proposals esp = proposals(true, "aes128gcm16-ecp256-noesn", NULL);
	static const uint8_t old_spi[4] = { 0xa1, 0xb2, 0xc3, 0xd4 }, new_spi[4] = { 0xa1, 0xb2, 0xc3, 0xd5 };
	struct chunk old_chunk = { old_spi, 4 }, new_chunk = { new_spi, 4 };
	uint32_t spis[2] = { 0xa1b2c3d4, 0xa1b2c3d5 };
	uint8_t body[1024], nonce[32], ke[64];
	struct ike_build b = ike_build_init(body, sizeof(body));
	struct ike_ts ts = any(4);
	struct ike_payloads p;
	size_t len;

	(void)state;
	sequence(0x20, nonce, sizeof(nonce));
	sequence(7, ke, sizeof(ke));
	ike_build_notify(&b, IKE_PROTO_ESP, &old_chunk, IKE_N_REKEY_SA, NULL, 0);
	ike_build_sa(&b, &esp, IKE_PROTO_ESP, &new_chunk, true);
	ike_build_nonce(&b, nonce, sizeof(nonce));
	ike_build_ke(&b, KE_ECP_256, ke, sizeof(ke));
	ike_build_ts(&b, IKE_P_TSI, &ts, 1);
	ike_build_ts(&b, IKE_P_TSR, &ts, 1);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_bytes(body, len, rekey_inner);
	b = ike_build_init(body, sizeof(body));
	ike_build_delete_esp(&b, spis, 2);
	ike_build_delete_ike(&b);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_bytes(body, len, delete_inner);
	assert_int_equal(ike_payloads_parse(rd_init(body, len), b.first, &p), 0);
	assert_int_equal(ike_delete_spi(&p.del[0], 1), spis[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_foreign_init),
		cmocka_unit_test(test_our_init),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_rekey_and_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
