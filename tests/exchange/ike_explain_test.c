/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thing is misconfigured at one of two cores, or the network is broken in one way; the diagnosis must
 * name it, rule out what is proved not to be it, and say what to change. And trying proposals: it finds what
 * would pass, ends, and never makes anything.
 */
#include "tests/support/ike_net.h"

#include "ike/diagnose.h"
#include "ike/engine.h"
#include "ike/wire.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define IKE_DEFAULT "aes256-sha256-modp2048"
#define ESP_DEFAULT "aes256-sha256"

struct pair {
	struct ike_net net;
	struct ike_conn_config a, b;
	unsigned inits; /* IKE_SA_INIT requests of peer 0 */
};

static bool count_inits(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct pair *p = ctx;

	(void)net, (void)len;
	p->inits += !from && data[18] == 34 && !(data[19] & 0x20);
	return true;
}

static void prepare(struct pair *p, uint64_t seed)
{
	ike_net_init(&p->net, seed, 2);
	p->a = ike_net_config(&p->net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
	p->b = ike_net_config(&p->net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
	p->a.role = IKE_ROLE_INITIATE;
	p->b.role = IKE_ROLE_RESPOND;
	p->inits = 0;
	p->net.tap = count_inits;
	p->net.tap_ctx = p;
}

static void run(struct pair *p, mdur d)
{
	ike_net_add(&p->net, 0, &p->a);
	ike_net_add(&p->net, 1, &p->b);
	ike_net_up(&p->net, 1);
	ike_net_up(&p->net, 0);
	ike_net_run(&p->net, d);
}

static struct ike_diagnosis *diagnosis(struct pair *p, unsigned peer)
{
	static struct ike_diagnosis d;

	assert_int_equal(ike_conn_diagnosis(p->net.peer[peer].ike, IKE_NET_CONN, &d), 0);
	return &d;
}

static bool among(const char list[][IKE_DIAGNOSIS_TEXT], unsigned n, const char *what)
{
	for (unsigned i = 0; i < n; i++)
		if (strstr(list[i], what))
			return true;
	return false;
}

static void has(const char *where, const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("%s: no \"%s\" in \"%s\"", where, what, text);
}

static void seen(const struct ike_diagnosis *d, const char *what)
{
	if (!among(d->seen, d->n_seen, what))
		fail_msg("%s: not seen: %s", d->id, what);
}

static void ruled_out(const struct ike_diagnosis *d, const char *what, bool is)
{
	if (among(d->ruled_out, d->n_ruled_out, what) != is)
		fail_msg("%s: %s: %s", d->id, is ? "not ruled out" : "ruled out", what);
}

static void test_wrong_key(void **state)
{
	static const uint8_t other[] = "another key";
	const struct ike_diagnosis *d;
	struct pair p;

	(void)state;
	prepare(&p, 1);
	p.b.psk = other;
	p.b.psk_len = sizeof(other) - 1;
	run(&p, mdur_s(3));
	d = diagnosis(&p, 0);
	assert_string_equal(d->id, "ike-auth-failed");
	seen(d, "AUTHENTICATION_FAILED");
	seen(d, "agreed on the IKE proposal " IKE_DEFAULT);
	ruled_out(d, "reachable", true);
	ruled_out(d, "the IKE proposals", true);
	ruled_out(d, "it proved that it has it", false);
	has("cause", d->cause, "keys differ");
	has("here", d->here, "secret-file");
	d = diagnosis(&p, 1);
	assert_string_equal(d->id, "ike-auth-failed");
	seen(d, "began the exchange");
	has("cause", d->cause, "the peer's proof does not fit");
	ike_net_finish(&p.net);
}

static void test_wrong_identity(void **state)
{
	const struct ike_diagnosis *d;
	struct pair p;

	(void)state;
	prepare(&p, 2);
	ike_identity_parse("@gw.example.net", &p.a.remote_id);
	run(&p, mdur_s(3));
	d = diagnosis(&p, 0);
	assert_string_equal(d->id, "ike-wrong-identity");
	ruled_out(d, "our own key and identity", true);
	has("cause", d->cause, "gw.example.net");
	has("here", d->here, addr_str(&p.net.peer[1].addr));
	ike_net_finish(&p.net);
}

static void test_selectors(void **state)
{
	const struct ike_diagnosis *d;
	struct prefix x, y;
	struct pair p;

	(void)state;
	prepare(&p, 3);
	assert_int_equal(prefix_parse("10.1.0.0/16", true, &x), 0);
	assert_int_equal(prefix_parse("10.2.0.0/16", true, &y), 0);
	p.a.tsi[0] = ike_ts_from_prefix(&x);
	p.b.tsr[0] = ike_ts_from_prefix(&y);
	run(&p, mdur_s(3));
	d = diagnosis(&p, 0);
	assert_string_equal(d->id, "ike-ts-refused");
	seen(d, "TS_UNACCEPTABLE");
	ruled_out(d, "it proved that it has it", true);
	has("cause", d->cause, "10.1.0.0/16");
	d = diagnosis(&p, 1);
	assert_string_equal(d->id, "ike-ts-refused");
	has("cause", d->cause, "10.1.0.0/16");
	has("cause", d->cause, "10.2.0.0/16");
	ike_net_finish(&p.net);
}

static void test_esp_proposal(void **state)
{
	const struct ike_diagnosis *d;
	struct pair p;

	(void)state;
	prepare(&p, 4);
	ike_proposal_parse("aes128gcm16", true, &p.b.esp_proposals.list[0], NULL);
	run(&p, mdur_s(3));
	d = diagnosis(&p, 0);
	assert_string_equal(d->id, "ike-child-no-proposal");
	ruled_out(d, "our own key and identity", true);
	has("cause", d->cause, ESP_DEFAULT);
	has("here", d->here, "esp-proposal");
	d = diagnosis(&p, 1);
	assert_string_equal(d->id, "ike-child-no-proposal");
	seen(d, "the peer offers aes256-sha256-esn-noesn");
	has("cause", d->cause,
	    "the encryption (it offers aes256; we accept aes128gcm16) and the integrity (it offers sha256; "
	    "we accept none)");
	has("there", d->there, "aes128gcm16");
	ike_net_finish(&p.net);
}

/* As responder: what came, by name, and in what the nearest of ours is another. */
static void test_foreign_offer(void **state)
{
	static const struct {
		const char *theirs, *ours, *cause;
	} cases[] = {
		{ "aes256-sha256-ecp384", IKE_DEFAULT,
		    "is the key exchange group (it offers ecp384; we accept modp2048)" },
		{ "aes128-aes192-sha256-modp2048", IKE_DEFAULT,
		    "is the encryption (it offers aes128, aes192; we accept aes256)" },
		{ "aes256-sha512-prfsha256-modp2048", IKE_DEFAULT,
		    "is the integrity (it offers sha512; we accept sha256)" },
		{ "aes256-sha256-prfsha1-modp1024", IKE_DEFAULT,
		    "the PRF (it offers prfsha1; we accept prfsha256) and the key exchange group (it offers "
		    "modp1024" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ike_diagnosis *d;
		struct pair p;

		prepare(&p, 60 + i);
		p.b.role = IKE_ROLE_RESPOND;
		assert_int_equal(
		    ike_proposal_parse(cases[i].theirs, false, &p.a.ike_proposals.list[0], NULL), 0);
		p.a.retry_min = p.a.retry_max = mdur_s(60);
		run(&p, mdur_ms(1));
		d = diagnosis(&p, 1);
		for (unsigned ms = 0; ms < 500 && !d->id[0];
		     ms++) { /* not longer: the peer then tries others */
			ike_net_run(&p.net, mdur_ms(1));
			d = diagnosis(&p, 1);
		}
		assert_string_equal(d->id, "ike-no-proposal");
		seen(d, "the peer offers aes");
		has(cases[i].theirs, d->cause, cases[i].cause);
		has("here", d->here, "ike-proposal");
		has("there", d->there, IKE_DEFAULT);
		has("reason", p.net.peer[1].report.text, cases[i].cause);
		ike_net_finish(&p.net);
	}
}

/* The first child SA carries no key exchange, so only a rekey shows that the two sides differ in PFS. */
static void test_pfs(void **state)
{
	const struct ike_diagnosis *d;
	struct pair p;

	(void)state;
	prepare(&p, 5);
	ike_proposal_parse(ESP_DEFAULT "-ecp256", true, &p.a.esp_proposals.list[0], NULL);
	ike_proposal_parse(ESP_DEFAULT "-modp2048", true, &p.b.esp_proposals.list[0], NULL);
	run(&p, mdur_s(3));
	assert_true(ike_net_both_up(&p.net));
	assert_int_equal(ike_conn_rekey_child(p.net.peer[0].ike, IKE_NET_CONN, p.net.now), 0);
	ike_net_run(&p.net, mdur_s(2));
	d = diagnosis(&p, 0);
	assert_true(!strcmp(d->id, "ike-rekey-refused") || !strcmp(d->id, "ike-rehearsal-refused"));
	has("cause", d->cause, "PFS");
	has("here", d->here, "PFS group");
	ike_net_finish(&p.net);
}

static void test_no_answer(void **state)
{
	const struct ike_diagnosis *d;
	struct endpoint to;
	struct pair p;

	(void)state;
	prepare(&p, 6);
	p.a.retransmit_tries = 3;
	p.net.peer[1].cut = true;
	run(&p, mdur_s(5));
	d = diagnosis(&p, 0);
	assert_string_equal(d->id, "ike-no-answer");
	assert_int_equal(d->n_ruled_out, 0);
	seen(d, "3 times");
	has("cause", d->cause, "nothing at all came back");

	to = (struct endpoint){ p.net.peer[1].addr, 500 };
	ike_fact_undelivered(
	    p.net.peer[0].ike, &to, 1, IKE_UNDELIVERED_HOST); /* of another exchange: nothing */
	ike_fact_undelivered(p.net.peer[0].ike, &to, 0, IKE_UNDELIVERED_PORT_CLOSED);
	ike_net_run(&p.net, mdur_s(6));
	d = diagnosis(&p, 0);
	assert_string_equal(d->id, "ike-port-closed");
	seen(d, "nothing listens on UDP 500");
	ruled_out(d, "its host answers", true);
	has("here", d->here, "remote-address");
	p.net.peer[1].cut = false; /* a forged ICMP error has ended nothing */
	assert_true(ike_net_run_until(&p.net, mdur_s(60), ike_net_both_up));
	assert_string_equal(diagnosis(&p, 0)->id, "");
	ike_net_finish(&p.net);
}

static bool no_auth(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	(void)net, (void)from, (void)len, (void)ctx;
	return data[18] != 35;
}

static void test_natt_blocked(void **state)
{
	const struct ike_diagnosis *d;
	struct pair p;

	(void)state;
	prepare(&p, 7);
	p.a.force_encap = true;
	p.a.retransmit_tries = 3;
	p.net.tap = no_auth;
	run(&p, mdur_s(5));
	d = diagnosis(&p, 0);
	assert_string_equal(d->id, "ike-natt-blocked");
	ruled_out(d, "answers on UDP 500", true);
	ruled_out(d, "UDP 4500", false);
	has("cause", d->cause, "UDP 4500 is blocked");
	p.net.tap = NULL;
	ike_net_finish(&p.net);
}

static void test_deleted(void **state)
{
	const struct ike_diagnosis *d;
	struct pair p;

	(void)state;
	prepare(&p, 8);
	run(&p, mdur_s(3));
	assert_true(ike_net_both_up(&p.net));
	p.b.role = IKE_ROLE_RESPOND;
	ike_net_down(&p.net, 1);
	ike_net_run(&p.net, mdur_s(1));
	d = diagnosis(&p, 0);
	assert_string_equal(d->id, "ike-peer-deleted");
	has("cause", d->cause, "after it came up");
	ruled_out(d, "our own key and identity", true);
	ike_net_finish(&p.net);
}

/* --- trying proposals --- */

static const struct {
	const char *theirs, *cause, *here;
} trials[] = {
	{ "aes256-sha256-ecp384", "only the key exchange group differs", "\"aes256-sha256-ecp384\"" },
	{ "aes128-sha256-modp2048", "only the encryption differs", "\"aes128-sha256-modp2048\"" },
	{ "aes256-sha384-modp2048", "only the integrity or PRF differs", "\"aes256-sha384-modp2048\"" },
	{ "aes256gcm16-prfsha384-curve25519", "more than one algorithm differs",
	    "\"aes256gcm16-prfsha384-curve25519\"" },
	{ "aes256-sha1-modp1024", "weak algorithms only: by trying, it would accept aes256-sha1-modp1024",
	    "nothing, better" },
};

static void test_trials(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		const struct ike_diagnosis *d;
		struct ike_stats st;
		struct pair p;

		prepare(&p, 20 + i);
		p.a.retry_min = p.a.retry_max = mdur_s(60); /* only the first attempt, and the trials */
		assert_int_equal(
		    ike_proposal_parse(trials[i].theirs, false, &p.b.ike_proposals.list[0], NULL), 0);
		run(&p, mdur_s(20));
		d = diagnosis(&p, 0);
		assert_string_equal(d->id, "ike-no-proposal");
		has(trials[i].theirs, d->cause, trials[i].cause);
		has(trials[i].theirs, d->here, trials[i].here);
		ruled_out(d, "reachable", true);
		assert_in_range(p.inits, 2, 9);
		assert_false(p.net.peer[0].up || p.net.peer[1].up);
		ike_stats(p.net.peer[0].ike, &st);
		assert_int_equal(st.established, 0);
		ike_net_finish(&p.net);
	}
}

/* Nothing of what we could ever offer: two trials, and not again for ten minutes. */
static void test_trial_bounds(void **state)
{
	const struct ike_diagnosis *d;
	struct pair p;
	unsigned n;

	(void)state;
	prepare(&p, 30);
	p.a.retry_min = p.a.retry_max = mdur_s(30);
	p.b.role = IKE_ROLE_RESPOND;
	ike_proposal_parse("aes256gcm16-prfsha1-modp1024", false, &p.b.ike_proposals.list[0], NULL);
	run(&p, mdur_s(20));
	d = diagnosis(&p, 0);
	has("cause", d->cause, "strong or weak");
	n = p.inits;
	assert_int_equal(n, 3);
	ike_net_run(&p.net, mdur_s(500)); /* attempts only: some 500 / 30 */
	assert_in_range(p.inits - n, 12, 22);
	ike_net_run(&p.net, mdur_s(400));
	assert_in_range(p.inits - n, 27, 43);
	ike_net_down(&p.net, 0); /* while nothing or something is tried: it ends */
	ike_net_finish(&p.net);
}

/* Down in the middle of a trial, and up again at once. */
static void test_trial_ends(void **state)
{
	struct pair p;

	(void)state;
	prepare(&p, 31);
	ike_proposal_parse("aes128-sha256-modp2048", false, &p.b.ike_proposals.list[0], NULL);
	p.net.delay_min = p.net.delay_max = mdur_ms(50);
	run(&p, mdur_ms(130));
	ike_net_down(&p.net, 0);
	ike_proposal_parse("aes128-sha256-modp2048", false, &p.a.ike_proposals.list[0], NULL);
	assert_int_equal(ike_conn_update(p.net.peer[0].ike, IKE_NET_CONN, &p.a, NULL), 0);
	ike_net_up(&p.net, 0);
	assert_true(ike_net_run_until(&p.net, mdur_s(5), ike_net_both_up));
	ike_net_finish(&p.net);
}

/* --- trying ESP proposals --- */

static const struct {
	const char *theirs, *cause, *here;
} esp_trials[] = {
	{ "aes128gcm16", "only the encryption differs: by trying, the peer would accept aes128gcm16",
	    "\"aes128gcm16\"" },
	{ "aes256-sha512", "only the integrity differs", "\"aes256-sha512\"" },
	{ "aes192-sha256", "only the encryption differs", "\"aes192-sha256\"" },
	{ "aes192-sha384", "more than one algorithm differs", "\"aes192-sha384\"" },
	{ "aes128-sha384-ecp384", "more than one algorithm differs", "\"aes128-sha384-ecp384\"" },
	{ "aes192gcm16-modp3072", "only the encryption differs", "\"aes192gcm16-modp3072\"" },
	{ "3des-md5", "weak algorithms only: by trying, it would accept 3des-md5", "nothing, better" },
	{ "3des-md5-modp768", "no ESP suite that is known here", "esp-proposal" },
};

/* CREATE_CHILD_SA requests of peer 0, and INFORMATIONAL ones, which are its Deletes */
static unsigned deletes;

static bool count_create_child(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	unsigned *n = ctx;

	(void)net, (void)len;
	*n += !from && data[18] == 36 && !(data[19] & 0x20);
	deletes += !from && data[18] == 37 && !(data[19] & 0x20);
	return true;
}

static void test_esp_trials(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(esp_trials) / sizeof(esp_trials[0]); i++) {
		const struct ike_diagnosis *d;
		struct ike_stats st;
		struct pair p;
		unsigned n = 0;

		prepare(&p, 70 + i);
		p.net.tap = count_create_child;
		p.net.tap_ctx = &n;
		deletes = 0;
		p.a.retry_min = p.a.retry_max = mdur_s(60);
		assert_int_equal(
		    ike_proposal_parse(esp_trials[i].theirs, true, &p.b.esp_proposals.list[0], NULL), 0);
		run(&p, mdur_s(20));
		d = diagnosis(&p, 0);
		assert_string_equal(d->id, "ike-child-no-proposal");
		has(esp_trials[i].theirs, d->cause, esp_trials[i].cause);
		has(esp_trials[i].theirs, d->here, esp_trials[i].here);
		ruled_out(d, "our own key and identity", true);
		assert_in_range(n, 1, 6);
		/* What was accepted is deleted before the next is asked for; the last goes with the IKE SA.
		 */
		assert_int_equal(deletes, strstr(esp_trials[i].cause, "more than one") ? 2 : 1);
		/* Nothing was made of it, at either end, and what the responder knows is still known. */
		assert_int_equal(p.net.peer[0].ups + p.net.peer[1].ups, 0);
		assert_int_equal(ike_net_count(&p.net, 0) + ike_net_count(&p.net, 1), 0);
		ike_stats(p.net.peer[0].ike, &st);
		assert_int_equal(st.established, 0);
		d = diagnosis(&p, 1);
		assert_string_equal(d->id, "ike-child-no-proposal");
		seen(d, "the peer offers aes256-sha256-esn-noesn");
		/* The next attempt says in status, too, what was found. */
		if (!strstr(esp_trials[i].theirs, "modp768")) {
			assert_string_equal(p.net.peer[0].report.id, "ike-trial-found"); /* for the log */
			ike_net_run(&p.net, mdur_s(60));
			has("status", p.net.peer[0].why.text, "By trying, it would accept");
		}
		ike_net_finish(&p.net);
	}
}

/* A round each ten minutes, and no more. */
static void test_esp_trial_bounds(void **state)
{
	struct pair p;
	unsigned n = 0, before;

	(void)state;
	prepare(&p, 80);
	p.net.tap = count_create_child;
	p.net.tap_ctx = &n;
	p.a.retry_min = p.a.retry_max = mdur_s(20);
	ike_proposal_parse("aes128gcm16", true, &p.b.esp_proposals.list[0], NULL);
	run(&p, mdur_s(500));
	assert_int_equal(n, 1); /* its choice differs in one kind only: nothing more to ask */
	before = n;
	ike_net_run(&p.net, mdur_s(200));
	assert_int_equal(n, before + 1);
	ike_net_finish(&p.net);
}

/* The peer ends the IKE SA, or falls silent, while others are tried; or the connection goes down. */
static bool cut_trials(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	(void)net, (void)from, (void)len, (void)ctx;
	return data[18] != 36;
}

static void test_esp_trial_ends(void **state)
{
	const struct ike_diagnosis *d;
	struct ike_stats st;
	struct pair p;

	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		prepare(&p, 81 + how);
		p.net.tap = cut_trials;
		p.a.retry_min = p.a.retry_max = mdur_s(60);
		p.a.liveness_timeout = mdur_s(how == 1 ? 2 : 60);
		ike_proposal_parse("aes128gcm16", true, &p.b.esp_proposals.list[0], NULL);
		run(&p, mdur_s(1));
		d = diagnosis(&p, 0);
		has("running", d->cause, "being tried");
		if (!how)
			ike_net_down(&p.net, 1);
		if (how == 2)
			ike_net_down(&p.net, 0);
		ike_net_run(&p.net, mdur_s(how == 2 ? 30 : 4));
		d = diagnosis(&p, 0);
		assert_string_equal(d->id, "ike-child-no-proposal");
		has("cause", d->cause, how == 2 ? "we offer" : "ended the IKE SA, or fell silent");
		p.net.tap = NULL;
		ike_net_run(&p.net, mdur_s(30));
		ike_stats(p.net.peer[0].ike, &st);
		assert_int_equal(st.established, 0);
		ike_net_finish(&p.net);
	}
}

/* The other way round comes up while ours are refused: the trials give way. */
static void test_esp_trial_overtaken(void **state)
{
	struct pair p;

	(void)state;
	prepare(&p, 90);
	p.a.role = p.b.role = IKE_ROLE_BOTH;
	p.net.tap = cut_trials;
	ike_proposal_parse("aes128gcm16", true, &p.b.esp_proposals.list[0], NULL);
	run(&p, mdur_s(1));
	ike_proposal_parse("aes256-sha256", true, &p.b.esp_proposals.list[0], NULL);
	assert_int_equal(ike_conn_update(p.net.peer[1].ike, IKE_NET_CONN, &p.b, NULL), 0);
	assert_true(ike_net_run_until(&p.net, mdur_s(20), ike_net_both_up));
	p.net.tap = NULL;
	ike_net_run(&p.net, mdur_s(40));
	assert_true(ike_net_both_up(&p.net));
	ike_net_assert(&p.net, ike_net_check_rest(&p.net, 0, 1));
	ike_net_finish(&p.net);
}

/* A peer that ends the IKE SA over the child: its answer to IKE_AUTH is the error and nothing else. */
static bool no_auth_answer(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	(void)net, (void)len, (void)ctx;
	return !from || data[18] != IKE_X_AUTH;
}

static void test_refused_whole(void **state)
{
	static const struct {
		uint16_t type;
		const char *id, *cause, *there;
	} rows[] = {
		{ IKE_N_NO_PROPOSAL_CHOSEN, "ike-child-no-proposal", "ends the IKE SA with its refusal",
		    "phase 2" },
		{ IKE_N_TS_UNACCEPTABLE, "ike-ts-refused", "does not accept our selectors", "route-based" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_payloads answer = { .n_notify = 1, .notify = { { .type = rows[i].type } } };
		const struct ike_diagnosis *d;
		struct ike_sa *sa;
		struct pair p;

		prepare(&p, 97 + i);
		p.net.tap = no_auth_answer;
		run(&p, mdur_ms(300));
		sa = ike_conn_find(p.net.peer[0].ike, IKE_NET_CONN)->attempt;
		assert_non_null(sa);
		ike_auth_reply(sa, &answer, 0, rd_init(NULL, 0), NULL, p.net.now);
		ike_net_drain(&p.net);
		assert_string_equal(p.net.peer[0].why.id, rows[i].id);
		d = diagnosis(&p, 0);
		assert_string_equal(d->id, rows[i].id);
		has("cause", d->cause, rows[i].cause);
		has("there", d->there, rows[i].there);
		p.net.tap = NULL;
		ike_net_finish(&p.net);
	}
}

/* --- PFS --- */

static const struct {
	const char *ours, *theirs, *cause, *here;
} pfs[] = {
	{ ESP_DEFAULT "-ecp256", ESP_DEFAULT "-modp2048", "the peer asks for modp2048",
	    "PFS group modp2048" },
	{ ESP_DEFAULT "-modp2048", ESP_DEFAULT "-modp1024",
	    "the peer asks for modp1024 (weak, or not known here); our", "set the group there" },
};

static void test_pfs_trials(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pfs) / sizeof(pfs[0]); i++) {
		const struct ike_diagnosis *d;
		struct pair p;
		unsigned n = 0;

		prepare(&p, 95 + i);
		p.net.tap = count_create_child;
		p.net.tap_ctx = &n;
		ike_proposal_parse(pfs[i].ours, true, &p.a.esp_proposals.list[0], NULL);
		ike_proposal_parse(pfs[i].theirs, true, &p.b.esp_proposals.list[0], NULL);
		p.a.rehearsal = mdur_s(0);
		run(&p, mdur_s(3));
		assert_true(ike_net_both_up(&p.net));
		for (unsigned round = 0; round < 2; round++) {
			assert_int_equal(ike_conn_rekey_child(p.net.peer[0].ike, IKE_NET_CONN, p.net.now), 0);
			ike_net_run(&p.net, mdur_s(2));
			d = diagnosis(&p, 0);
			assert_string_equal(d->id, "ike-rekey-refused");
			has(pfs[i].theirs, d->cause, pfs[i].cause);
			has(pfs[i].theirs, d->here, pfs[i].here);
			has("status", p.net.peer[0].report.text,
			    round ? "refuses to rekey" : "demands group");
		}
		assert_true(n <= 5); /* the second time nothing is tried */
		ike_net_assert(&p.net, ike_net_check_rest(&p.net, 0, 1)); /* and one child as before */
		assert_int_equal(p.net.peer[0].rekeys + p.net.peer[1].rekeys, 0);
		ike_net_finish(&p.net);
	}
}

/* --- attempts of others --- */

static bool no_requests_of_0(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	(void)net, (void)len, (void)ctx;
	return from || data[19] & 0x20;
}

static struct ike_conn_view *conn_view(struct pair *p, unsigned peer)
{
	static struct ike_conn_view v;

	assert_int_equal(ike_conn_view(p->net.peer[peer].ike, IKE_NET_CONN, &v), 0);
	return &v;
}

/* Who does not prove to be the peer is told of beside what our own attempts have seen, not instead of it. */
static void test_others_beside(void **state)
{
	static const uint8_t other[] = "another key";
	const struct ike_diagnosis *d;
	struct pair p;

	(void)state;
	for (unsigned offer = 0; offer < 2; offer++) { /* a wrong key; an offer that is refused at once */
		prepare(&p, 100 + offer);
		p.a.role = p.b.role = IKE_ROLE_BOTH;
		p.a.retransmit_tries = 3;
		p.net.tap = no_requests_of_0;
		if (offer) {
			ike_proposal_parse("aes128-sha256-ecp384", false, &p.b.ike_proposals.list[0], NULL);
		} else {
			p.b.psk = other;
			p.b.psk_len = sizeof(other) - 1;
		}
		run(&p, mdur_s(30));
		assert_string_equal(conn_view(&p, 0)->last_error.id, "ike-no-answer");
		assert_true(conn_view(&p, 0)->refused > 1);
		assert_string_equal(
		    conn_view(&p, 0)->refused_why.id, offer ? "ike-no-proposal" : "ike-auth-failed");
		assert_string_equal(p.net.peer[0].why.id, "ike-no-answer");
		if (offer) { /* a wrong key was told as a warning while there was nothing else to tell */
			assert_string_equal(p.net.peer[0].beside.id, "ike-no-proposal");
			assert_string_equal(p.net.peer[0].last_warning.id, "");
		}
		d = diagnosis(&p, 0);
		assert_string_equal(d->id, "ike-no-answer");
		seen(d, "beside this, attempts from outside were refused here");
		seen(d, offer ? "(ike-no-proposal)" : "(ike-auth-failed)");
		/* Once it is up that is past. */
		p.net.tap = NULL;
		p.b = ike_net_config(&p.net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
		assert_int_equal(ike_conn_update(p.net.peer[1].ike, IKE_NET_CONN, &p.b, NULL), 0);
		assert_true(ike_net_run_until(&p.net, mdur_s(120), ike_net_both_up));
		assert_int_equal(conn_view(&p, 0)->refused, 0);
		ike_net_finish(&p.net);
	}
}

/* Who only answers has no attempts of its own to tell of: there the peer's count, once it has shown to be at
 * its address. */
static void test_others_stand(void **state)
{
	static const uint8_t other[] = "another key";
	struct pair p;

	(void)state;
	prepare(&p, 110);
	run(&p, mdur_s(3));
	assert_true(ike_net_both_up(&p.net));
	ike_net_down(&p.net, 0);
	ike_net_run(&p.net, mdur_s(1));
	assert_string_equal(conn_view(&p, 1)->last_error.id, "ike-peer-deleted");
	ike_proposal_parse("aes128-sha256-ecp384", false, &p.a.ike_proposals.list[0], NULL);
	assert_int_equal(ike_conn_update(p.net.peer[0].ike, IKE_NET_CONN, &p.a, NULL), 0);
	ike_net_up(&p.net, 0);
	ike_net_run(&p.net, mdur_s(3)); /* anybody could have sent that in the peer's name */
	assert_string_equal(conn_view(&p, 1)->last_error.id, "ike-peer-deleted");
	assert_true(conn_view(&p, 1)->refused > 0);
	ike_net_down(&p.net, 0);
	p.a = ike_net_config(&p.net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
	p.a.role = IKE_ROLE_INITIATE;
	p.a.psk = other;
	p.a.psk_len = sizeof(other) - 1;
	assert_int_equal(ike_conn_update(p.net.peer[0].ike, IKE_NET_CONN, &p.a, NULL), 0);
	ike_net_up(&p.net, 0);
	ike_net_run(&p.net, mdur_s(3));
	assert_string_equal(conn_view(&p, 1)->last_error.id, "ike-auth-failed");
	assert_string_equal(diagnosis(&p, 1)->id, "ike-auth-failed");
	assert_string_equal(p.net.peer[1].last_warning.id, "ike-auth-failed");
	ike_net_finish(&p.net);
}

/* SPIi of peer 0's last IKE_SA_INIT. */
static uint8_t last_spi[8];

static bool keep_spi(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	(void)net, (void)len, (void)ctx;
	if (!from && data[18] == 34)
		memcpy(last_spi, data, sizeof(last_spi));
	return false; /* peer 1 stays silent */
}

/*
 * A Windows error code (MS-IKEE 2.2: notification 12345, four bytes) in an answer to IKE_SA_INIT: it is in
 * clear, so it ends nothing by itself; should the attempt fail, it is why.
 */
static void test_ms_status(void **state)
{
	uint8_t m[28 + 12] = { [16] = 41,
		[17] = 0x20,
		[18] = 34,
		[19] = 0x20,
		[27] = 28 + 12,
		[31] = 12,
		[34] = 12345 >> 8,
		[35] = 12345 & 0xff,
		[38] = 13868 >> 8,
		[39] = 13868 & 0xff };
	const struct ike_diagnosis *d;
	struct endpoint from;
	struct pair p;

	(void)state;
	prepare(&p, 40);
	p.a.retransmit_tries = 3;
	p.net.tap = keep_spi;
	run(&p, mdur_ms(100));
	memcpy(m, last_spi, sizeof(last_spi));
	memset(&m[8], 7, 8);
	from = (struct endpoint){ p.net.peer[1].addr, 500 };
	ike_net_inject(&p.net, 0, &from, false, m, sizeof(m));
	ike_net_drain(&p.net);
	d = diagnosis(&p, 0);
	assert_string_equal(d->id, "");
	seen(d, "13868, ERROR_IPSEC_IKE_POLICY_MATCH");
	ike_net_run(&p.net, mdur_s(4));
	d = diagnosis(&p, 0);
	assert_string_equal(d->id, "ike-peer-status");
	has("cause", d->cause, "no policy of its fits");
	has("here", d->here, "ike-proposal");
	p.net.tap = NULL;
	ike_net_finish(&p.net);
}

static void test_ms_codes(void **state)
{
	(void)state;
	for (uint32_t code = 13801; code <= 13896; code++) {
		const struct ike_ms_status *ms = ike_ms_status(code);

		assert_true(!ms || (ms->code == code && ms->name[0] && ms->means[0]));
	}
	assert_string_equal(ike_ms_status(13801)->name, "AUTH_FAIL");
	assert_string_equal(ike_ms_status(13868)->name, "POLICY_MATCH");
	assert_null(ike_ms_status(0));
	assert_null(ike_ms_status(13800));
	assert_null(ike_ms_status(13897));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_wrong_identity),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_esp_proposal),
		cmocka_unit_test(test_foreign_offer),
		cmocka_unit_test(test_pfs),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_natt_blocked),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_trials),
		cmocka_unit_test(test_trial_bounds),
		cmocka_unit_test(test_trial_ends),
		cmocka_unit_test(test_esp_trials),
		cmocka_unit_test(test_esp_trial_bounds),
		cmocka_unit_test(test_esp_trial_ends),
		cmocka_unit_test(test_esp_trial_overtaken),
		cmocka_unit_test(test_refused_whole),
		cmocka_unit_test(test_pfs_trials),
		cmocka_unit_test(test_others_beside),
		cmocka_unit_test(test_others_stand),
		cmocka_unit_test(test_ms_status),
		cmocka_unit_test(test_ms_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
