/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE messages in fragments (RFC 7383) between two engines: over networks that lose, repeat and reorder;
 * where large packets silently vanish; beside peers that know nothing of it; and against those who send
 * fragments that never become a message. What an attacker sends never costs more than one message's memory.
 */
#include "ike/engine.h"
#include "tests/support/ike_net.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define IKE_DEFAULT "aes256-sha256-curve25519"
#define ESP_DEFAULT "aes256-sha256"
#define SKF         53

/* Eight networks of IPv6 a side, and identities of 240 octets: IKE_AUTH takes 1000 octets and more each way.
 */
static void many_selectors(struct ike_conn_config *c)
{
	struct prefix p = { .addr = { .family = 6, .b = { 0x20, 0x01, 0x0d, 0xb8 } }, .len = 48 };

	for (c->n_tsi = 0; c->n_tsi < IKE_TS_MAX; c->n_tsi++) {
		p.addr.b[5] = (uint8_t)c->n_tsi;
		c->tsi[c->n_tsi] = c->tsr[c->n_tsi] = ike_ts_from_prefix(&p);
	}
	c->n_tsr = c->n_tsi;
}

static void long_id(struct ike_identity *id, char letter)
{
	*id = (struct ike_identity){ .type = IKE_ID_FQDN, .len = 240 };
	memset(id->data, letter, id->len);
}

struct options {
	enum ike_fragmentation a, b;
	uint16_t size_a, size_b;
	const char *ike;
};

static void make_pair(struct ike_net *net, uint64_t seed, const struct options *o)
{
	const char *ike = o->ike ? o->ike : IKE_DEFAULT;
	struct ike_conn_config a, b;

	ike_net_init(net, seed, 2);
	a = ike_net_config(net, 0, 1, ike, ESP_DEFAULT);
	b = ike_net_config(net, 1, 0, ike, ESP_DEFAULT);
	b.role = IKE_ROLE_RESPOND;
	long_id(&a.local_id, 'a');
	long_id(&b.local_id, 'b');
	a.remote_id = b.local_id;
	b.remote_id = a.local_id;
	many_selectors(&a);
	many_selectors(&b);
	a.fragmentation = o->a;
	b.fragmentation = o->b;
	a.fragment_size = o->size_a;
	b.fragment_size = o->size_b;
	ike_net_add(net, 0, &a);
	ike_net_add(net, 1, &b);
}

struct watch {
	size_t limit; /* larger datagrams vanish, but for IKE_SA_INIT; 0: none */
	size_t largest[2];
	unsigned fragments[2], whole[2], init_fragments;
};

static bool watch(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct watch *w = ctx;

	(void)net;
	if (data[18] == IKE_X_SA_INIT) {
		w->init_fragments += data[16] == SKF;
		return true;
	}
	if (data[16] == SKF)
		w->fragments[from]++;
	else
		w->whole[from]++;
	if (w->limit && *len > w->limit)
		return false;
	if (*len > w->largest[from])
		w->largest[from] = *len;
	return true;
}

static void up(struct ike_net *net, mdur within)
{
	ike_net_up(net, 1);
	ike_net_up(net, 0);
	if (!ike_net_run_until(net, within, ike_net_both_up))
		ike_net_assert(net, "not up in time");
}

/* Each size is kept to, each way, with each kind of cipher, through rekeys of both kinds. */
static void test_sizes(void **state)
{
	static const char *const ciphers[] = { IKE_DEFAULT, "aes256gcm16-prfsha384-ecp384",
		"aes128-sha512-curve25519" };
	static const uint16_t sizes[] = { 256, 300, 576, 2000 };

	(void)state;
	for (unsigned c = 0; c < 3; c++) {
		for (unsigned i = 0; i < 4; i++) {
			struct options o = { .size_a = sizes[i], .size_b = sizes[3 - i], .ike = ciphers[c] };
			struct watch w = { 0 };
			struct ike_conn_view v;
			struct ike_net net;

			make_pair(&net, i, &o);
			net.tap = watch;
			net.tap_ctx = &w;
			up(&net, mdur_s(5));
			ike_net_run(&net, mdur_ms(100));
			ike_conn_rekey_child(net.peer[0].ike, IKE_NET_CONN, net.now);
			ike_net_run(&net, mdur_s(5));
			ike_conn_rekey_ike(net.peer[1].ike, IKE_NET_CONN, net.now);
			ike_net_run(&net, mdur_s(5));
			ike_conn_rekey_ike(net.peer[0].ike, IKE_NET_CONN, net.now);
			ike_net_run(&net, mdur_s(5));
			assert_in_range(w.largest[0], 100, sizes[i] - 28);
			assert_in_range(w.largest[1], 100, sizes[3 - i] - 28);
			assert_int_equal(w.fragments[0] > 0, sizes[i] < 2000);
			assert_int_equal(w.fragments[1] > 0, sizes[3 - i] < 2000);
			assert_int_equal(w.init_fragments, 0);
			ike_conn_view(net.peer[0].ike, IKE_NET_CONN, &v);
			assert_true(v.fragmentation);
			assert_int_equal(v.ike_rekeys, 2);
			ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
			ike_net_finish(&net);
		}
	}
}

/* Fragments are lost, repeated and overtake each other; every seed comes up, and rekeys. */
static void test_weather(void **state)
{
	struct options o = { .size_a = 256, .size_b = 256 };

	(void)state;
	for (unsigned seed = 0; seed < 60; seed++) {
		struct ike_net net;

		make_pair(&net, seed, &o);
		net.loss = 10;
		net.repeat = 20;
		net.reorder = 30;
		up(&net, mdur_s(300));
		for (unsigned i = 0; i < 3; i++) {
			ike_conn_rekey_ike(net.peer[i & 1].ike, IKE_NET_CONN, net.now);
			ike_net_run(&net, mdur_s(30));
			ike_conn_rekey_child(net.peer[i & 1].ike, IKE_NET_CONN, net.now);
			ike_net_run(&net, mdur_s(30));
		}
		net.loss = net.repeat = net.reorder = 0;
		ike_net_run(&net, mdur_s(60));
		ike_net_run_until(&net, mdur_s(60), ike_net_both_up);
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

/* Who announces, who cuts: `accept` takes fragments and makes none; without both ends nothing is cut. */
static void test_agreement(void **state)
{
	static const struct {
		enum ike_fragmentation a, b;
		bool cut_a, cut_b, agreed;
	} rows[] = {
		{ IKE_FRAGMENTATION_YES, IKE_FRAGMENTATION_YES, true, true, true },
		{ IKE_FRAGMENTATION_ACCEPT, IKE_FRAGMENTATION_YES, false, true, true },
		{ IKE_FRAGMENTATION_YES, IKE_FRAGMENTATION_ACCEPT, true, false, true },
		{ IKE_FRAGMENTATION_ACCEPT, IKE_FRAGMENTATION_ACCEPT, false, false, true },
		{ IKE_FRAGMENTATION_FORCE, IKE_FRAGMENTATION_YES, true, true, true },
		{ IKE_FRAGMENTATION_NO, IKE_FRAGMENTATION_YES, false, false, false },
		{ IKE_FRAGMENTATION_YES, IKE_FRAGMENTATION_NO, false, false, false },
		{ IKE_FRAGMENTATION_FORCE, IKE_FRAGMENTATION_NO, false, false, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o = { rows[i].a, rows[i].b, .size_a = 300, .size_b = 300 };
		struct ike_conn_view v;
		struct watch w = { 0 };
		struct ike_net net;

		make_pair(&net, i, &o);
		net.tap = watch;
		net.tap_ctx = &w;
		up(&net, mdur_s(5));
		assert_int_equal(w.fragments[0] > 0, rows[i].cut_a);
		assert_int_equal(w.fragments[1] > 0, rows[i].cut_b);
		ike_conn_view(net.peer[1].ike, IKE_NET_CONN, &v);
		assert_int_equal(v.fragmentation, rows[i].agreed);
		ike_net_finish(&net);
	}
}

/* Large packets vanish without a word: the third sending is cut to what every path carries (RFC 7383 2.5.2).
 */
static void test_black_hole(void **state)
{
	static const struct {
		struct options o;
		bool comes_up;
	} rows[] = {
		{ { .size_a = 1280, .size_b = 1280 }, true },
		{ { .size_a = 256, .size_b = 1280 }, true }, /* only the answer is too large */
		{ { .size_a = 1280, .size_b = 256 }, true },
		{ { .a = IKE_FRAGMENTATION_FORCE, .b = IKE_FRAGMENTATION_FORCE }, true },
		{ { .a = IKE_FRAGMENTATION_NO }, false },
		{ { .b = IKE_FRAGMENTATION_NO }, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct watch w = { .limit = 576 - 28 };
		struct ike_stats stats;
		struct ike_net net;

		make_pair(&net, i, &rows[i].o);
		net.tap = watch;
		net.tap_ctx = &w;
		ike_net_up(&net, 1);
		ike_net_up(&net, 0);
		assert_int_equal(ike_net_run_until(&net, mdur_s(8), ike_net_both_up), rows[i].comes_up);
		ike_stats(net.peer[0].ike, &stats);
		if (rows[i].o.a == IKE_FRAGMENTATION_FORCE)
			assert_int_equal(stats.retransmits, 0);
		if (rows[i].comes_up) {
			/* The smaller size stays, for this SA and its successors: nothing more is lost. */
			uint64_t before = stats.retransmits;

			ike_conn_rekey_ike(net.peer[0].ike, IKE_NET_CONN, net.now);
			ike_net_run(&net, mdur_s(5));
			ike_stats(net.peer[0].ike, &stats);
			assert_int_equal(stats.retransmits, before);
			ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		}
		ike_net_finish(&net);
	}
}

/* --- attacks --- */

static struct ike_sa *only_sa(struct ike_net *net, unsigned peer)
{
	return list_first(&ike_conn_find(net->peer[peer].ike, IKE_NET_CONN)->sas, struct ike_sa, node);
}

struct tape { /* what peer 0 sent, in fragments */
	uint8_t data[16][1400];
	size_t len[16];
	unsigned n, keep; /* how many of each message's fragments pass */
	uint8_t exchange;
};

static bool record(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct tape *t = ctx;

	(void)net;
	if (from || data[16] != SKF || data[18] != t->exchange)
		return true;
	if (t->n < 16) {
		memcpy(t->data[t->n], data, *len);
		t->len[t->n++] = *len;
	}
	return data[33] <= t->keep; /* low octet of the fragment number */
}

/* The first fragment comes, for ever, and the rest never: a half-open SA that ends in its time. */
static void test_never_complete(void **state)
{
	static struct tape t;
	struct options o = { .size_a = 256, .size_b = 256 };
	struct ike_stats stats;
	struct ike_net net;

	(void)state;
	t = (struct tape){ .keep = 1, .exchange = IKE_X_AUTH };
	make_pair(&net, 1, &o);
	net.tap = record;
	net.tap_ctx = &t;
	ike_net_up(&net, 1);
	ike_net_up(&net, 0);
	ike_net_run(&net, mdur_s(20));
	ike_stats(net.peer[1].ike, &stats);
	assert_int_equal(stats.half_open, 1);
	assert_in_range(stats.fragments_in, 1, 20);
	ike_net_down(&net, 0);
	ike_net_run(&net, mdur_s(40));
	ike_stats(net.peer[1].ike, &stats);
	assert_int_equal(stats.half_open, 0);
	net.tap = NULL;
	up(&net, mdur_s(30));
	ike_net_finish(&net);
}

/* Changed fragments, and such with other numbers, don't authenticate: what the peer sends still becomes
 * whole. */
static void test_forged(void **state)
{
	static struct tape t;
	struct options o = { .size_a = 256, .size_b = 256 };
	struct endpoint from;
	struct ike_stats stats;
	struct ike_net net;

	(void)state;
	t = (struct tape){ .keep = 1, .exchange = IKE_X_AUTH };
	make_pair(&net, 2, &o);
	net.tap = record;
	net.tap_ctx = &t;
	ike_net_up(&net, 1);
	ike_net_up(&net, 0);
	ike_net_run(&net, mdur_ms(400));
	assert_true(t.n >= 3);
	from = (struct endpoint){ net.peer[0].addr, 500 };
	for (unsigned i = 0; i < t.n; i++) {
		for (unsigned octet = 28; octet < 60; octet++) {
			uint8_t copy[1400];

			memcpy(copy, t.data[i], t.len[i]);
			copy[octet] ^= 0x41;
			ike_net_inject(&net, 1, &from, false, copy, t.len[i]);
		}
	}
	ike_stats(net.peer[1].ike, &stats);
	assert_true(stats.dropped_auth + stats.dropped_malformed >= t.n * 32);
	assert_false(net.peer[1].up);
	/* The true ones, out of order and twice. */
	for (unsigned i = 2 * t.n; i-- > 0;)
		ike_net_inject(&net, 1, &from, false, t.data[i % t.n], t.len[i % t.n]);
	net.tap = NULL;
	assert_true(ike_net_run_until(&net, mdur_s(5), ike_net_both_up));
	ike_net_finish(&net);
}

/* Of a repeated request only fragment 1 brings the answer again (RFC 7383 2.6.1); and never a new exchange.
 */
static void test_repeated(void **state)
{
	static struct tape t;
	struct options o = { .size_a = 256, .size_b = 1280 };
	struct ike_stats before, after;
	struct endpoint from;
	struct ike_net net;
	unsigned ups;

	(void)state;
	t = (struct tape){ .keep = 99, .exchange = IKE_X_AUTH };
	make_pair(&net, 3, &o);
	net.tap = record;
	net.tap_ctx = &t;
	up(&net, mdur_s(5));
	ups = net.peer[1].ups;
	assert_true(t.n >= 3);
	from = (struct endpoint){ net.peer[0].addr, 500 };
	ike_stats(net.peer[1].ike, &before);
	for (unsigned i = 0; i < t.n; i++)
		ike_net_inject(&net, 1, &from, false, t.data[i], t.len[i]);
	ike_stats(net.peer[1].ike, &after);
	assert_int_equal(after.repeats_answered - before.repeats_answered, 1);
	assert_int_equal(after.datagrams_out - before.datagrams_out, 1);
	ike_net_run(&net, mdur_s(5));
	assert_int_equal(net.peer[1].ups, ups);
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

/* What was not agreed on is not taken: fragments to one that announced none, however right their checksum. */
static void test_uninvited(void **state)
{
	struct options o = { .b = IKE_FRAGMENTATION_NO };
	struct ike_header h = { .exchange = IKE_X_INFORMATIONAL };
	struct endpoint from;
	struct ike_stats before, after;
	struct ike_sa *a, *b;
	struct ike_net net;
	uint8_t out[600];
	size_t len;

	(void)state;
	make_pair(&net, 4, &o);
	up(&net, mdur_s(5));
	ike_net_run(&net, mdur_ms(100));
	a = only_sa(&net, 0);
	b = only_sa(&net, 1);
	h.spi_i = a->spi_i;
	h.spi_r = a->spi_r;
	h.from_initiator = true;
	h.msg_id = b->next_peer;
	assert_int_equal(ike_fragments_seal(&a->keys.seal, &net.peer[0].rng, &h, IKE_P_NOTIFY,
	                     (const uint8_t[8]){ 0, 0, 0, 8, 0, 0, 0x60, 0 }, 8, 500, out, sizeof(out), &len),
	    0);
	from = (struct endpoint){ net.peer[0].addr, 500 };
	ike_stats(net.peer[1].ike, &before);
	ike_net_inject(&net, 1, &from, false, out, len);
	ike_stats(net.peer[1].ike, &after);
	assert_int_equal(after.dropped_malformed, before.dropped_malformed + 1);
	assert_int_equal(after.datagrams_out, before.datagrams_out);
	ike_net_finish(&net);
}

/* A whole message in the middle of its own fragments, as after a change of mind: processed once. */
static void test_mixed(void **state)
{
	struct options o = { .size_a = 256, .size_b = 256 };
	static const uint8_t body[8] = { 0, 0, 0, 8, 0, 0, 0x60, 0 }; /* a notification that is unknown */
	struct ike_header h = { .exchange = IKE_X_INFORMATIONAL };
	struct ike_part first = { 1, 2 };
	struct ike_sa *a, *b;
	struct endpoint from;
	struct ike_net net;
	uint8_t part[600], whole[600];
	size_t part_len, whole_len;

	(void)state;
	make_pair(&net, 5, &o);
	up(&net, mdur_s(5));
	ike_net_run(&net, mdur_ms(100));
	a = only_sa(&net, 0);
	b = only_sa(&net, 1);
	h.spi_i = a->spi_i;
	h.spi_r = a->spi_r;
	h.from_initiator = true;
	h.msg_id = b->next_peer;
	from = (struct endpoint){ net.peer[0].addr, 500 };
	assert_int_equal(ike_message_seal_part(&a->keys.seal, &net.peer[0].rng, &h, IKE_P_NOTIFY, &first,
	                     body, 4, part, sizeof(part), &part_len),
	    0);
	assert_int_equal(ike_message_seal(&a->keys.seal, &net.peer[0].rng, &h, IKE_P_NOTIFY, body, 8, whole,
	                     sizeof(whole), &whole_len),
	    0);
	ike_net_inject(&net, 1, &from, false, part, part_len);
	assert_non_null(b->pieces[0]);
	assert_int_equal(b->next_peer, h.msg_id);
	ike_net_inject(&net, 1, &from, false, whole, whole_len);
	assert_null(b->pieces[0]);
	assert_int_equal(b->next_peer, h.msg_id + 1);
	a->next_req++; /* the peer, whose message this was */
	ike_net_run(&net, mdur_s(1));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_weather),
		cmocka_unit_test(test_agreement),
		cmocka_unit_test(test_black_hole),
		cmocka_unit_test(test_never_complete),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_uninvited),
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
