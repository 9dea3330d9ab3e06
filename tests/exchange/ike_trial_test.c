/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trials of ESP suites (trial_child.c) with a peer that the test plays itself: what is asked for and in which
 * order, that selectors fit no packet, that what is accepted is deleted, and that a child which the peer
 * makes meanwhile is not lost over it.
 */
#include "ike/diagnose.h"
#include "ike/sa_payload.h"
#include "ike/trial.h"
#include "ike/wire.h"
#include "tests/support/ike_talk.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define X IKE_X_CREATE_CHILD_SA

static struct talk t;

static bool no_trials(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	(void)net, (void)len, (void)ctx;
	return from || data[18] != X;
}

/* Peer 1 refuses this ESP proposal of peer 0's in IKE_AUTH; from the first trial on the test is peer 1. */
static void start(const char *ours)
{
	struct ike_conn_config a, b;
	struct ike_conn *conn[2];

	memset(&t, 0, sizeof(t));
	ike_net_init(&t.net, 1, 2);
	a = ike_net_config(&t.net, 0, 1, "aes128-sha256-curve25519", ours);
	b = ike_net_config(&t.net, 1, 0, "aes128-sha256-curve25519", "3des-md5");
	a.role = IKE_ROLE_INITIATE;
	a.mobike = b.mobike = true;
	b.role = IKE_ROLE_RESPOND;
	a.retry_min = a.retry_max = mdur_s(300);
	a.liveness_interval = b.liveness_interval = MDUR_ZERO;
	ike_net_add(&t.net, 0, &a);
	ike_net_add(&t.net, 1, &b);
	t.net.tap = no_trials;
	ike_net_up(&t.net, 1);
	ike_net_up(&t.net, 0);
	ike_net_run(&t.net, mdur_ms(600));
	for (unsigned i = 0; i < 2; i++)
		conn[i] = ike_conn_find(t.net.peer[i].ike, IKE_NET_CONN);
	talk_join(&t, list_first(&conn[0]->sas, struct ike_sa, node),
	    list_first(&conn[1]->sas, struct ike_sa, node));
	assert_true(ike_child_trial_only(t.ours));
	ike_net_run(&t.net, mdur_s(1)); /* the first trial comes again */
}

/* The next trial: is a public value in it, and what protocol do its selectors have? */
static void trial(bool pfs, unsigned protocol, struct ike_payloads *p)
{
	struct ike_ts_list ts;

	talk_request(&t, X, p);
	assert_true(ike_child_trial_asked(p));
	assert_null(ike_notify_find(p, IKE_N_REKEY_SA));
	assert_int_equal(p->ke.data != NULL, pfs);
	assert_int_equal(ike_ts_parse(p->tsi, &ts), 0);
	for (unsigned i = 0; i < ts.n; i++)
		assert_int_equal(ts.list[i].protocol, protocol);
	assert_int_equal(ike_ts_parse(p->tsr, &ts), 0);
	for (unsigned i = 0; i < ts.n; i++)
		assert_int_equal(ts.list[i].protocol, protocol);
}

/* A Delete: of the child that we made of a trial, or (child false) of the IKE SA. */
static void deleted(bool child)
{
	struct ike_payloads p;

	talk_request(&t, IKE_X_INFORMATIONAL, &p);
	assert_int_equal(p.n_del, 1);
	assert_int_equal(p.del[0].protocol, child ? IKE_PROTO_ESP : IKE_PROTO_IKE);
	talk_reply(&t, IKE_X_INFORMATIONAL);
}

static const struct ike_diagnosis *diagnosis(void)
{
	static struct ike_diagnosis d;

	assert_int_equal(ike_conn_diagnosis(t.net.peer[0].ike, IKE_NET_CONN, &d), 0);
	assert_string_equal(d.id, "ike-child-no-proposal");
	return &d;
}

static void says(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no \"%s\" in \"%s\"", what, text);
}

/* One that differs in both kinds is taken, and then ours with any integrity. */
static void test_kinds(void **state)
{
	struct ike_payloads p;

	(void)state;
	start("aes256-sha256");
	trial(false, 59, &p);
	talk_put_child(&t, "aes192-sha384-noesn", NULL, 1);
	talk_reply(&t, X);
	deleted(true);
	trial(false, 59, &p); /* any encryption */
	talk_reply_error(&t, X, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
	trial(false, 59, &p); /* any integrity */
	says(diagnosis()->cause, "being tried");
	talk_put_child(&t, "aes256-sha512-noesn", NULL, 2);
	talk_reply(&t, X);
	deleted(false);
	says(
	    diagnosis()->cause, "only the integrity differs: by trying, the peer would accept aes256-sha512");
	assert_int_equal(ike_net_count(&t.net, 0), 0);
	assert_false(t.net.peer[0].up);
	talk_finish(&t);
}

/* A peer that takes no selectors of nothing: the tunnel's own then, and no weak suites. */
static void test_selectors(void **state)
{
	static const uint8_t modp2048[2] = { 0, 14 };
	struct ike_ke_view ke;
	struct ike_payloads p;

	(void)state;
	start("aes256-sha256");
	trial(false, 59, &p);
	talk_reply_error(&t, X, IKE_N_TS_UNACCEPTABLE, NULL, 0);
	trial(false, 0, &p);
	talk_reply_error(&t, X, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
	trial(true, 0, &p);
	assert_int_equal(ike_ke_parse(p.ke, &ke), 0);
	assert_int_equal(ke.group, KE_ECP_256);
	talk_reply_error(&t, X, IKE_N_INVALID_KE_PAYLOAD, modp2048, 2);
	trial(true, 0, &p);
	assert_int_equal(ike_ke_parse(p.ke, &ke), 0);
	assert_int_equal(ke.group, KE_MODP_2048);
	talk_reply_error(&t, X, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
	deleted(false);
	says(diagnosis()->cause, "we offer aes256-sha256");
	talk_finish(&t);
}

/* What ends the trials at once: another error, an answer that we did not ask for, silence. */
static void test_ends(void **state)
{
	struct ike_payloads p;
	struct ike_stats st;

	(void)state;
	start("aes256-sha256");
	trial(false, 59, &p);
	talk_reply_error(&t, X, IKE_N_NO_ADDITIONAL_SAS, NULL, 0);
	deleted(false);
	says(diagnosis()->cause, "answers NO_ADDITIONAL_SAS only");
	talk_finish(&t);

	start("aes256-sha256");
	trial(false, 59, &p);
	talk_reply_error(&t, X, IKE_N_TS_UNACCEPTABLE, NULL, 0);
	trial(false, 0, &p);
	talk_reply_error(&t, X, IKE_N_TS_UNACCEPTABLE, NULL, 0);
	deleted(false);
	says(diagnosis()->cause, "answers TS_UNACCEPTABLE only");
	talk_finish(&t);

	start("aes256-sha256");
	trial(false, 59, &p);
	talk_put_child(&t, "3des-md5-noesn", NULL, 1); /* never offered */
	talk_reply(&t, X);
	deleted(false);
	says(diagnosis()->cause, "fell silent");
	talk_finish(&t);

	start("aes256-sha256");
	ike_net_run(&t.net, mdur_s(9));
	says(diagnosis()->cause, "fell silent");
	t.net.tap = no_trials;
	ike_net_run(&t.net, mdur_s(120));
	ike_stats(t.net.peer[0].ike, &st);
	assert_int_equal(st.established, 0);
	ike_net_finish(&t.net);
}

/* The peer makes a child on this very SA, by proposals that fit: the tunnel is up, and the trials end. */
static void test_peer_makes_child(void **state)
{
	struct ike_payloads p;

	(void)state;
	for (unsigned accepted = 0; accepted < 2; accepted++) {
		start("aes256-sha256");
		trial(false, 59, &p);
		talk_put_child(&t, "aes256-sha256", NULL, 7);
		talk_expect(&t, X, 0);
		assert_true(t.net.peer[0].up);
		if (accepted)
			talk_put_child(&t, "aes192-sha256-noesn", NULL, 1);
		else
			ike_build_notify(&t.b, IKE_PROTO_NONE, NULL, IKE_N_NO_ADDITIONAL_SAS, NULL, 0);
		talk_reply(&t, X);
		if (accepted)
			deleted(true);
		t.request.len = 0;
		ike_net_run(&t.net, mdur_s(20));
		assert_int_equal(t.request.len, 0);
		assert_true(t.net.peer[0].up);
		assert_ptr_equal(talk_live(&t)->sa, t.ours);
		assert_int_equal(ike_net_count(&t.net, 0), 2);
		talk_finish(&t);
	}
}

/* The peer's child makes the IKE SA one like any other, with what was agreed in IKE_AUTH; and is the child
 * gone again before a trial under way is answered, the tunnel starts anew. */
static void test_peer_takes_child_back(void **state)
{
	const struct ike_conn *c;
	struct ike_payloads p;
	uint32_t spi;

	(void)state;
	start("aes256-sha256");
	talk_request(&t, X, &p);
	talk_put_child(&t, "aes256-sha256", NULL, 7);
	talk_expect(&t, X, 0);
	assert_true(t.net.peer[0].up);
	assert_true(t.ours->mobike.on && t.theirs->mobike.on);
	spi = talk_live(&t)->spi_out;
	ike_build_delete_esp(&t.b, &spi, 1);
	talk_expect(&t, IKE_X_INFORMATIONAL, 0);
	talk_reply_error(&t, X, IKE_N_NO_ADDITIONAL_SAS, NULL, 0);
	ike_net_run(&t.net, mdur_s(3600));
	c = ike_conn_find(t.net.peer[0].ike, IKE_NET_CONN);
	assert_true(c->attempt || !mtime_is_never(c->next_attempt));
	talk_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_peer_makes_child),
		cmocka_unit_test(test_peer_takes_child_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
