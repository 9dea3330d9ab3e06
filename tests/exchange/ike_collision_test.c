/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 7296 2.25, 2.8.1, 2.8.2 and 1.4.1, row by row: what we answer when the peer's request crosses what we
 * are doing ourselves. `ours` is under way (our request is out and unanswered) when `theirs` comes.
 *
 * | row | ours                        | theirs                    | our answer |
 * |-----|-----------------------------|---------------------------|----------------------------------------------|
 * |  1  | closing child X             | rekey child X             | TEMPORARY_FAILURE              2.25.1 |
 * |  2  | rekeying child X            | rekey child X             | as usual; nonces settle
 * it     2.25.1, 2.8.1  | |  3  | -                           | rekey a child we lack     |
 * CHILD_SA_NOT_FOUND, its SPI    2.25.1, 2.25   | |  4  | closing child X             | close child X | no
 * Delete payload              2.25.1, 1.4.1  | |  5  | rekeying child X            | close child X | with a
 * Delete payload          2.25.1         | |  6  | -                           | close a child we lack     |
 * no Delete payload              2.25.1         | |  7  | rekeying child X            | rekey the IKE SA |
 * TEMPORARY_FAILURE              2.25.1         | |  8  | closing child X             | rekey the IKE SA |
 * TEMPORARY_FAILURE              2.25.1         | |  9  | rekeying the IKE SA         | rekey the IKE SA | as
 * usual; children wait        2.25.2, 2.8.2  | | 10  | closing the IKE SA          | rekey the IKE SA |
 * TEMPORARY_FAILURE              2.25.2         | | 11  | rekeying the IKE SA         | close the IKE SA | as
 * usual; our rekey forgotten  2.25.2         | | 12  | closing the IKE SA          | close the IKE SA | as
 * usual; ours forgotten       2.25.2         | | 13  | rekeying the IKE SA         | rekey child X |
 * TEMPORARY_FAILURE              2.25.2         | | 14  | rekeying the IKE SA         | a child more |
 * TEMPORARY_FAILURE              2.25.2         | | 15  | rekeying the IKE SA         | close child X | with
 * a Delete payload          2.25.2         | | 16  | closing the IKE SA          | rekey child X |
 * TEMPORARY_FAILURE              2.25.2         | | 17  | -                           | a child more |
 * NO_ADDITIONAL_SAS              1.3            | | 18  | rekeyed the IKE SA, Delete  | rekey the old IKE SA
 * | TEMPORARY_FAILURE              2.8.2          |
 *
 * And what we do with answers to our own requests: TEMPORARY_FAILURE, CHILD_SA_NOT_FOUND, an answer of no
 * use, narrowed selectors (2.25, 2.9.2); when the new outbound SA comes into use (2.8).
 */
#include "tests/support/ike_talk.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define ESP "aes128gcm16"

enum ours { NOTHING, REKEY_CHILD, CLOSE_CHILD, REKEY_IKE, CLOSE_IKE };
enum theirs {
	T_REKEY_CHILD,
	T_REKEY_UNKNOWN,
	T_CLOSE_CHILD,
	T_CLOSE_UNKNOWN,
	T_REKEY_IKE,
	T_CLOSE_IKE,
	T_CHILD
};

struct row {
	unsigned number;
	enum ours ours;
	enum theirs theirs;
	uint16_t error;   /* of the answer; 0: none */
	unsigned deletes; /* Delete payloads in the answer */
};

static const struct row rows[] = {
	{ 1, CLOSE_CHILD, T_REKEY_CHILD, IKE_N_TEMPORARY_FAILURE, 0 },
	{ 2, REKEY_CHILD, T_REKEY_CHILD, 0, 0 },
	{ 3, NOTHING, T_REKEY_UNKNOWN, IKE_N_CHILD_SA_NOT_FOUND, 0 },
	{ 4, CLOSE_CHILD, T_CLOSE_CHILD, 0, 0 },
	{ 5, REKEY_CHILD, T_CLOSE_CHILD, 0, 1 },
	{ 6, NOTHING, T_CLOSE_UNKNOWN, 0, 0 },
	{ 7, REKEY_CHILD, T_REKEY_IKE, IKE_N_TEMPORARY_FAILURE, 0 },
	{ 8, CLOSE_CHILD, T_REKEY_IKE, IKE_N_TEMPORARY_FAILURE, 0 },
	{ 9, REKEY_IKE, T_REKEY_IKE, 0, 0 },
	{ 10, CLOSE_IKE, T_REKEY_IKE, IKE_N_TEMPORARY_FAILURE, 0 },
	{ 11, REKEY_IKE, T_CLOSE_IKE, 0, 0 },
	{ 12, CLOSE_IKE, T_CLOSE_IKE, 0, 0 },
	{ 13, REKEY_IKE, T_REKEY_CHILD, IKE_N_TEMPORARY_FAILURE, 0 },
	{ 14, REKEY_IKE, T_CHILD, IKE_N_TEMPORARY_FAILURE, 0 },
	{ 15, REKEY_IKE, T_CLOSE_CHILD, 0, 1 },
	{ 16, CLOSE_IKE, T_REKEY_CHILD, IKE_N_TEMPORARY_FAILURE, 0 },
	{ 17, NOTHING, T_CHILD, IKE_N_NO_ADDITIONAL_SAS, 0 },
};

static struct talk t;

static struct ike *engine(void)
{
	return t.net.peer[0].ike;
}

static struct ike_payloads asked; /* what begin made us ask */

static void begin(enum ours ours)
{
	switch (ours) {
	case NOTHING: return;
	case REKEY_CHILD: assert_int_equal(ike_conn_rekey_child(engine(), IKE_NET_CONN, t.net.now), 0); break;
	case REKEY_IKE: assert_int_equal(ike_conn_rekey_ike(engine(), IKE_NET_CONN, t.net.now), 0); break;
	case CLOSE_IKE: ike_conn_down(engine(), IKE_NET_CONN, t.net.now); break;
	case CLOSE_CHILD:
		talk_live(&t)->want_delete = true;
		ike_touch_sa(t.ours);
		ike_run(engine(), t.net.now);
		break;
	}
	ike_net_drain(&t.net);
	talk_request(&t,
	    ours == REKEY_CHILD || ours == REKEY_IKE ? IKE_X_CREATE_CHILD_SA : IKE_X_INFORMATIONAL, &asked);
}

static uint8_t put(enum theirs theirs, const uint32_t *spi)
{
	static const uint32_t unknown = 0x01010101;

	switch (theirs) {
	case T_REKEY_CHILD: talk_put_child(&t, ESP, spi, 1); return IKE_X_CREATE_CHILD_SA;
	case T_REKEY_UNKNOWN: talk_put_child(&t, ESP, &unknown, 1); return IKE_X_CREATE_CHILD_SA;
	case T_CHILD: talk_put_child(&t, ESP, NULL, 1); return IKE_X_CREATE_CHILD_SA;
	case T_REKEY_IKE: talk_put_ike(&t, 1); return IKE_X_CREATE_CHILD_SA;
	case T_CLOSE_CHILD: ike_build_delete_esp(&t.b, spi, 1); return IKE_X_INFORMATIONAL;
	case T_CLOSE_UNKNOWN: ike_build_delete_esp(&t.b, &unknown, 1); return IKE_X_INFORMATIONAL;
	case T_CLOSE_IKE: ike_build_delete_ike(&t.b); return IKE_X_INFORMATIONAL;
	}
	return 0;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const struct ike_notify *error;
		struct ike_payloads p;
		uint32_t spi;

		talk_start(&t, ESP);
		spi = t.net.peer[1].live_in;
		begin(row->ours);
		if (!talk_ask(&t, put(row->theirs, &spi), &p))
			fail_msg("row %u: no answer", row->number);
		error = ike_notify_error(&p);
		if ((error ? error->type : 0) != row->error || p.n_del != row->deletes)
			fail_msg("row %u: error %u, %u Delete payloads", row->number, error ? error->type : 0,
			    p.n_del);
		if (row->error == IKE_N_CHILD_SA_NOT_FOUND) {
			assert_int_equal(error->protocol, IKE_PROTO_ESP);
			assert_memory_equal(error->spi.data, "\1\1\1\1", 4);
		}
		if (row->theirs != T_CLOSE_CHILD && row->theirs != T_CLOSE_IKE && row->ours != CLOSE_IKE)
			assert_int_equal(t.net.peer[0].downs, 0);
		talk_finish(&t);
	}
}

/* Row 18: we have a new IKE SA, our Delete of the old one is out, and the peer, which did not notice, rekeys
 * the old. */
static void test_rekey_of_rekeyed(void **state)
{
	struct ike_payloads p;

	(void)state;
	talk_start(&t, ESP);
	talk_put_ike(&t, 1);
	assert_true(talk_ask(&t, IKE_X_CREATE_CHILD_SA, &p));
	assert_null(ike_notify_error(&p));
	assert_int_equal(t.net.peer[0].ike_rekeys, 1);
	assert_int_equal(t.net.peer[0].ike_how.why, IKE_REKEY_PEER);
	talk_put_ike(&t, 2);
	talk_expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_TEMPORARY_FAILURE);
	talk_finish(&t);
}

/* Row 2 to its end: with a nonce of zeros in its exchange the peer's child is the redundant one, with one of
 * the highest bytes ours may still be: ours is the lowest of the four unless it drew more. */
static void test_who_is_redundant(void **state)
{
	struct ike_child *old;
	struct ike_payloads p;
	uint32_t spi, theirs[1] = { 0x09090900 };

	(void)state;
	talk_start(&t, ESP);
	spi = t.net.peer[1].live_in;
	old = talk_live(&t);
	begin(REKEY_CHILD);
	talk_put_child(&t, ESP, &spi, 0); /* the lowest of four */
	assert_true(talk_ask(&t, IKE_X_CREATE_CHILD_SA, &p));
	assert_ptr_equal(talk_live(&t), old); /* nothing is decided */
	talk_put_child(&t, ESP "-noesn", NULL, 0xff);
	talk_reply(&t, IKE_X_CREATE_CHILD_SA);
	assert_int_equal(talk_live(&t)->spi_out, 0x090909ff); /* ours */
	assert_true(t.net.peer[0].how.collided && t.net.peer[0].how.by_us);
	t.request.len = 0;
	ike_net_run(&t.net, mdur_ms(300));
	talk_request(&t, IKE_X_INFORMATIONAL, &p); /* and we delete the old one, not the peer's */
	assert_int_equal(p.n_del, 1);
	assert_int_equal(ike_delete_spi(&p.del[0], 0), old->spi_in);
	ike_build_delete_esp(&t.b, theirs, 1);
	assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p)); /* the peer deletes its own */
	assert_int_equal(p.n_del, 1);
	assert_int_equal(t.net.peer[0].downs, 0);
	talk_finish(&t);
}

static void test_temporary_failure(void **state)
{
	struct ike_payloads p;
	mtime first;

	(void)state;
	talk_start(&t, ESP);
	begin(REKEY_CHILD);
	first = t.net.now;
	for (unsigned tries = 1; t.net.peer[0].up; tries++) {
		mtime refused = t.net.now;

		assert_true(tries < 200);
		t.request.len = 0;
		talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_TEMPORARY_FAILURE, NULL, 0);
		ike_net_run(&t.net, mdur_s(1));
		if (!t.net.peer[0].up)
			break;
		assert_int_equal(t.request.len, 0); /* not at once */
		while (!t.request.len && mtime_since(t.net.now, refused).ns < mdur_s(10).ns)
			ike_net_run(&t.net, mdur_ms(100));
		talk_request(&t, IKE_X_CREATE_CHILD_SA, &p);
	}
	/* "several minutes": the two are out of step, and begin anew */
	assert_in_range(mtime_since(t.net.now, first).ns / 1000000000, 180, 200);
	assert_string_equal(t.net.peer[0].why.id, "ike-out-of-step");
	talk_finish(&t);
}

static void test_child_not_found(void **state)
{
	struct ike_payloads p;
	uint32_t old;

	(void)state;
	talk_start(&t, ESP);
	old = talk_live(&t)->spi_in;
	begin(REKEY_CHILD);
	talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_CHILD_SA_NOT_FOUND, NULL, 0);
	talk_request(&t, IKE_X_CREATE_CHILD_SA, &p); /* from scratch */
	assert_null(ike_notify_find(&p, IKE_N_REKEY_SA));
	talk_put_child(&t, ESP "-noesn", NULL, 3);
	talk_reply(&t, IKE_X_CREATE_CHILD_SA);
	assert_int_not_equal(talk_live(&t)->spi_in, old);
	assert_int_equal(t.net.peer[0].how.why, IKE_REKEY_LOST);
	assert_int_equal(t.net.peer[0].downs, 0);
	ike_net_run(&t.net, mdur_s(1));
	assert_int_equal(t.request.len, 0); /* nothing to delete */
	talk_finish(&t);

	/* The peer refuses that, too: the IKE SA is of no use. */
	talk_start(&t, ESP);
	begin(REKEY_CHILD);
	talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_CHILD_SA_NOT_FOUND, NULL, 0);
	talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_ADDITIONAL_SAS, NULL, 0);
	assert_int_equal(t.net.peer[0].downs, 1);
	assert_string_equal(t.net.peer[0].why.id, "ike-child-lost");
	talk_finish(&t);
}

/* An answer that chooses what we did not offer: the peer has a child then, and is told to drop it. */
static void test_answer_of_no_use(void **state)
{
	struct ike_payloads p;
	uint32_t old, orphan;

	(void)state;
	talk_start(&t, ESP);
	old = talk_live(&t)->spi_in;
	begin(REKEY_CHILD);
	orphan = t.ours->task.spi_in;
	talk_put_child(&t, "aes256gcm16-noesn", NULL, 3);
	talk_reply(&t, IKE_X_CREATE_CHILD_SA);
	talk_request(&t, IKE_X_INFORMATIONAL, &p);
	assert_int_equal(p.n_del, 1);
	assert_int_equal(ike_delete_spi(&p.del[0], 0), orphan);
	assert_int_equal(talk_live(&t)->spi_in, old);
	assert_int_equal(t.net.peer[0].downs, 0);
	assert_int_equal(ike_net_count(&t.net, 0), 2);
	talk_finish(&t);
}

/* 2.8: as responder of a rekey we send on the old SA until the peer shows that it has the new one. */
static void test_outbound_waits(void **state)
{
	struct ike_payloads p;
	uint32_t spi, out;

	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		talk_start(&t, ESP);
		spi = t.net.peer[1].live_in;
		out = t.net.peer[0].current_out;
		talk_put_child(&t, ESP, &spi, 1);
		assert_true(talk_ask(&t, IKE_X_CREATE_CHILD_SA, &p));
		ike_net_run(&t.net, mdur_s(1));
		assert_int_equal(t.net.peer[0].current_out, out);
		if (how == 0) { /* by a packet on the new one */
			list_for_each (&t.ours->children, struct ike_child, c, node)
				if (c->old_spi_in)
					ike_fact_first_packet(engine(), IKE_NET_CONN, c->spi_in, t.net.now);
			ike_net_drain(&t.net);
		} else if (how == 1) { /* by deleting the old one */
			ike_build_delete_esp(&t.b, &spi, 1);
			assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p));
		} else { /* by asking the next thing, which it can't without our answer */
			assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p));
		}
		assert_int_equal(t.net.peer[0].current_out, 0x09090901);
		assert_int_equal(t.net.peer[0].rekeys, 1);
		talk_finish(&t);
	}
}

/* --- PFS: what one end has and the other hasn't (cloud gateways) --- */

static unsigned ke_of(const struct ike_payloads *p)
{
	struct ike_ke_view ke;

	return p->ke.data && !ike_ke_parse(p->ke, &ke) ? ke.group : 0;
}

static void rehearse(struct ike_net *net)
{
	struct ike_conn_config c = ike_net_config(net, 0, 1, "aes128-sha256-curve25519", ESP);

	c.rehearsal = mdur_s(5);
	assert_int_equal(ike_conn_update(net->peer[0].ike, IKE_NET_CONN, &c, NULL), 0);
}

static void rehearse_pfs(struct ike_net *net)
{
	struct ike_conn_config c = ike_net_config(net, 0, 1, "aes128-sha256-curve25519", ESP "-ecp256");

	c.rehearsal = mdur_s(5);
	assert_int_equal(ike_conn_update(net->peer[0].ike, IKE_NET_CONN, &c, NULL), 0);
}

static void rehearse_both(struct ike_net *net)
{
	struct ike_conn_config c = ike_net_config(net, 0, 1, "aes128-sha256-curve25519", ESP "-ecp256"), d;

	d = ike_net_config(net, 0, 1, "aes128-sha256-curve25519", ESP);
	c.esp_proposals.list[c.esp_proposals.n++] = d.esp_proposals.list[0];
	c.rehearsal = mdur_s(5);
	assert_int_equal(ike_conn_update(net->peer[0].ike, IKE_NET_CONN, &c, NULL), 0);
}

/* Its request comes between 3 and 7 s after establishment. */
static void rehearsal_comes(struct ike_payloads *p)
{
	mtime up = ike_conn_find(engine(), IKE_NET_CONN)->up_at;

	t.request.len = 0;
	while (!t.request.len && mtime_since(t.net.now, up).ns < mdur_s(20).ns)
		ike_net_run(&t.net, mdur_ms(100));
	assert_in_range(mtime_since(t.net.now, up).ns / 1000000, 2900, 7200);
	talk_request(&t, IKE_X_CREATE_CHILD_SA, p);
	assert_non_null(ike_notify_find(p, IKE_N_REKEY_SA));
}

/* The trials (rekey_offer.c): every strong group, then weak ones, with a public value that was refused. */
static void trials_are_refused(unsigned group)
{
	struct ike_payloads p;
	struct ike_offer offer;

	for (unsigned i = 0; i < 2; i++) {
		talk_request(&t, IKE_X_CREATE_CHILD_SA, &p);
		assert_int_equal(ke_of(&p), group);
		assert_non_null(ike_notify_find(&p, IKE_N_REKEY_SA));
		assert_int_equal(ike_sa_parse(p.sa, &offer), 0);
		assert_in_range(offer.n_transforms, 9, 12); /* encryption, integrity, ESN, and the groups */
		talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
	}
}

/* Traps 2 and 23: we have no PFS, the peer demands it. Asked again at once with the IKE SA's group; when that
 * is refused, too, the groups are tried; then the reason stands while the tunnel does. */
static void test_peer_demands_pfs(void **state)
{
	static const uint8_t ecp384[2] = { 0, 20 }, modp1536[2] = { 0, 5 };
	struct ike_conn_view v;
	struct ike_payloads p;

	(void)state;
	talk_start_with(&t, ESP, rehearse);
	rehearsal_comes(&p);
	assert_int_equal(ke_of(&p), 0);
	talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
	talk_request(&t, IKE_X_CREATE_CHILD_SA, &p);
	assert_int_equal(ke_of(&p), 31); /* curve25519 */
	talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
	trials_are_refused(31);
	assert_string_equal(t.net.peer[0].report.id, "ike-rehearsal-refused");
	assert_non_null(strstr(t.net.peer[0].report.text, "takes no group at all"));
	assert_int_equal(ike_conn_view(engine(), IKE_NET_CONN, &v), 0);
	assert_string_equal(v.last_error.id, "ike-rehearsal-refused");
	assert_non_null(strstr(v.last_error.text, "no PFS"));
	assert_true(t.net.peer[0].up && v.have_child);
	/* and not a third time at once */
	t.request.len = 0;
	ike_net_run(&t.net, mdur_s(9));
	assert_int_equal(t.request.len, 0);
	talk_finish(&t);

	/* One that says which group gets that. */
	talk_start_with(&t, ESP, rehearse);
	rehearsal_comes(&p);
	talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_INVALID_KE_PAYLOAD, ecp384, 2);
	talk_request(&t, IKE_X_CREATE_CHILD_SA, &p);
	assert_int_equal(ke_of(&p), 20);
	talk_finish(&t);

	/* One that says so only when all are offered gets that, too, and what it says is not believed twice.
	 */
	talk_start_with(&t, ESP, rehearse);
	rehearsal_comes(&p);
	for (unsigned i = 0; i < 2; i++) {
		talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
		talk_request(&t, IKE_X_CREATE_CHILD_SA, &p);
		assert_int_equal(ke_of(&p), 31);
	}
	talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_INVALID_KE_PAYLOAD, ecp384, 2);
	talk_request(&t, IKE_X_CREATE_CHILD_SA, &p);
	assert_int_equal(ke_of(&p), 20);
	talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
	talk_request(&t, IKE_X_CREATE_CHILD_SA, &p); /* weak ones */
	talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_INVALID_KE_PAYLOAD, modp1536, 2);
	assert_string_equal(t.net.peer[0].report.id, "ike-rehearsal-refused");
	assert_non_null(strstr(t.net.peer[0].report.text, "modp1536 (number 5), a weak one"));
	assert_true(t.net.peer[0].up);
	talk_finish(&t);
}

/* Traps 1, 21 and 29: we have PFS, the peer has none. Where our proposals allow it, asked again without a KE
 * payload at all; where they don't, never. */
static void test_peer_has_no_pfs(void **state)
{
	struct ike_payloads p;

	(void)state;
	talk_start_with(&t, ESP, rehearse_both);
	rehearsal_comes(&p);
	assert_int_equal(ke_of(&p), 19);
	talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
	talk_request(&t, IKE_X_CREATE_CHILD_SA, &p);
	assert_int_equal(ke_of(&p), 0);
	talk_put_child(&t, ESP "-noesn", NULL, 3);
	talk_reply(&t, IKE_X_CREATE_CHILD_SA);
	assert_int_equal(t.net.peer[0].rekeys, 1);
	assert_int_equal(t.net.peer[0].how.why, IKE_REKEY_REHEARSAL);
	assert_string_equal(t.net.peer[0].report.id, "ike-rekey-without-pfs");
	t.request.len = 0; /* the next rekey begins with what was taken */
	ike_net_run(&t.net, mdur_s(1));
	talk_request(&t, IKE_X_INFORMATIONAL, &p);
	talk_reply(&t, IKE_X_INFORMATIONAL);
	begin(REKEY_CHILD);
	assert_int_equal(ke_of(&asked), 0);
	talk_finish(&t);

	talk_start_with(&t, ESP, rehearse_pfs);
	rehearsal_comes(&p);
	assert_int_equal(ke_of(&p), 19);
	talk_reply_error(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
	trials_are_refused(19);
	assert_string_equal(t.net.peer[0].report.id, "ike-rehearsal-refused");
	assert_non_null(strstr(t.net.peer[0].report.text, "ecp256"));
	assert_true(t.net.peer[0].up);
	talk_finish(&t);
}

/* Trap 1, the other way: the peer's own rekey has no group. One of ours that lists none takes it; else it is
 * refused, that is said, and the child stays. */
static void test_peer_rekeys_without_pfs(void **state)
{
	struct ike_payloads p;
	uint32_t spi;

	(void)state;
	talk_start_with(&t, ESP, rehearse_both);
	spi = t.net.peer[1].live_in;
	talk_put_child(&t, ESP, &spi, 1);
	talk_expect(&t, IKE_X_CREATE_CHILD_SA, 0);
	talk_finish(&t);
	talk_start_with(&t, ESP, rehearse_pfs);
	spi = t.net.peer[1].live_in;
	talk_put_child(&t, ESP, &spi, 1);
	assert_true(talk_ask(&t, IKE_X_CREATE_CHILD_SA, &p));
	assert_int_equal(ike_notify_error(&p)->type, IKE_N_NO_PROPOSAL_CHOSEN);
	assert_string_equal(t.net.peer[0].last_warning.id, "ike-child-no-proposal");
	assert_true(t.net.peer[0].up);
	assert_int_equal(ike_net_count(&t.net, 0), 2);
	talk_finish(&t);
}

/* A peer that drops the IKE SA over the rehearsal: that is said, and it is not done to it again. */
static void test_rehearsal_harms(void **state)
{
	struct ike_payloads p;
	unsigned reports;

	(void)state;
	talk_start_with(&t, ESP, rehearse);
	rehearsal_comes(&p);
	ike_build_delete_ike(&t.b);
	assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_string_equal(t.net.peer[0].last_warning.id, "ike-rehearsal-fatal");
	reports = t.net.peer[0].reports;
	t.net.tap = NULL;
	assert_true(ike_net_run_until(&t.net, mdur_s(60), ike_net_both_up));
	ike_net_run(&t.net, mdur_s(30));
	assert_int_equal(t.net.peer[0].rekeys, 0);
	assert_int_equal(t.net.peer[0].reports, reports);
	talk_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_rekey_of_rekeyed),
		cmocka_unit_test(test_who_is_redundant),
		cmocka_unit_test(test_temporary_failure),
		cmocka_unit_test(test_child_not_found),
		cmocka_unit_test(test_answer_of_no_use),
		cmocka_unit_test(test_outbound_waits),
		cmocka_unit_test(test_peer_demands_pfs),
		cmocka_unit_test(test_peer_has_no_pfs),
		cmocka_unit_test(test_peer_rekeys_without_pfs),
		cmocka_unit_test(test_rehearsal_harms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
