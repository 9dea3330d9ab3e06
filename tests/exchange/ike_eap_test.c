/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two IKE peers of which the initiator signs on by EAP (RFC 7296 2.16): it comes up, also on a bad network;
 * it comes up as the tunnel that the user name says; and every way to fail is said on both sides.
 */
#include "base/cursor.h"
#include "ike/diagnose.h"
#include "ike/engine.h"
#include "ike/wire.h"
#include "tests/support/ike_net.h"
#include "tests/support/test_pki.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define IKE_DEFAULT "aes256-sha256-curve25519"
#define ESP_DEFAULT "aes256-sha256"

static const char password[] = "Gr\xc3\xbc\xc3\x9f S3cret!";

struct fixture {
	struct test_pki *pki;
	/* stranger trusts another root; that root has given impostor branch's name */
	struct credentials *branch, *hq, *stranger, *impostor;
};

/* Peer 0 signs on, peer 1 is the server. */
static void configure(const struct fixture *f, struct ike_net *net, uint64_t seed, enum ike_auth_kind kind,
    struct ike_conn_config *a, struct ike_conn_config *b)
{
	ike_net_init(net, seed, 2);
	*a = ike_net_config(net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
	*b = ike_net_config(net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
	a->role = IKE_ROLE_INITIATE;
	b->role = IKE_ROLE_RESPOND;
	a->local_auth = b->remote_auth = kind;
	snprintf(a->eap.user, sizeof(a->eap.user), "CORP\\branch1");
	a->eap.secret = b->eap.peer_secret = (const uint8_t *)password;
	a->eap.secret_len = b->eap.peer_secret_len = sizeof(password) - 1;
	a->credentials = f->branch;
	b->credentials = f->hq;
	snprintf(b->eap.peer_user, sizeof(b->eap.peer_user), "%s",
	    kind == IKE_AUTH_KIND_EAP_TLS ? "branch1.example.net" : "branch1");
	snprintf(a->eap.server_name, sizeof(a->eap.server_name), "hq.example.net");
}

static void add_both(struct ike_net *net, const struct ike_conn_config *a, const struct ike_conn_config *b)
{
	ike_net_add(net, 0, a);
	ike_net_add(net, 1, b);
}

static const enum ike_auth_kind kinds[] = { IKE_AUTH_KIND_EAP_MSCHAPV2, IKE_AUTH_KIND_EAP_TLS };

static void test_up(void **state)
{
	const struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct ike_conn_config a, b;
		struct ike_net net;

		configure(f, &net, 1, kinds[i], &a, &b);
		add_both(&net, &a, &b);
		ike_net_start_pair(&net);
		ike_net_run(&net, mdur_s(30));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		/* A certificate's authentication ends with it; at this server, and at this client. */
		for (unsigned k = 0; k < 2; k++) {
			mtime ends = ike_conn_find(net.peer[k].ike, IKE_NET_CONN)->live->sa->auth_ends;

			assert_int_equal(mtime_is_never(ends), kinds[i] != IKE_AUTH_KIND_EAP_TLS);
		}
		/* Its successor by rekey needs no EAP. */
		ike_conn_rekey_ike(net.peer[0].ike, IKE_NET_CONN, net.now);
		ike_conn_rekey_child(net.peer[1].ike, IKE_NET_CONN, net.now);
		ike_net_run(&net, mdur_s(30));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		assert_int_equal(net.peer[0].ups, 1);
		ike_net_finish(&net);
	}
}

static void test_lossy(void **state)
{
	const struct fixture *f = *state;

	for (uint64_t seed = 100; seed < 140; seed++) {
		struct ike_conn_config a, b;
		struct ike_net net;

		configure(f, &net, seed, kinds[seed % 8 == 0], &a, &b);
		add_both(&net, &a, &b);
		net.loss = 15;
		net.repeat = net.reorder = 20;
		net.job_delay = mdur_ms(5);
		ike_net_start_pair(&net);
		net.loss = net.repeat = net.reorder = 0;
		ike_net_run(&net, mdur_s(60));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

/* The diagnosis of this end says what to change on either side, and of keys nothing where there are none. */
static void expect_told(struct ike_net *net, unsigned peer, const char *id)
{
	struct ike_diagnosis d;

	if (!id[0])
		return;
	assert_int_equal(ike_conn_diagnosis(net->peer[peer].ike, IKE_NET_CONN, &d), 0);
	if (!d.id[0]) /* it was of another connection at this end */
		return;
	assert_string_equal(d.id, id);
	if (strncmp(id, "ike-eap-", 8) != 0)
		return;
	if (!d.here[0] || !d.there[0] || (!d.cause[0] && strcmp(id, "ike-eap-certificate-untrusted") != 0))
		fail_msg("%s: cause \"%s\", here \"%s\", there \"%s\"", id, d.cause, d.here, d.there);
	if (!strcmp(id, "ike-eap-tls-refused")) {
		assert_non_null(strstr(d.cause, "does not trust the CA of our certificate"));
		assert_non_null(strstr(d.seen[d.n_seen - 1], "alert 48, unknown_ca"));
	}
}

/* Expects that it never comes up, and these reasons. */
static void expect_refused(
    struct ike_net *net, const char *initiator_id, const char *initiator_says, const char *responder_id)
{
	ike_net_up(net, 1);
	ike_net_up(net, 0);
	ike_net_run(net, mdur_s(10));
	assert_false(net->peer[0].up || net->peer[1].up);
	if (strcmp(net->peer[0].why.id, initiator_id) || !strstr(net->peer[0].why.text, initiator_says))
		fail_msg("the initiator says %s: %s", net->peer[0].why.id, net->peer[0].why.text);
	if (strcmp(net->peer[1].last_warning.id, responder_id))
		fail_msg("the responder says %s: %s", net->peer[1].last_warning.id,
		    net->peer[1].last_warning.text);
	assert_int_equal(ike_net_count(net, 0) + ike_net_count(net, 1), 0);
	expect_told(net, 0, initiator_id);
	expect_told(net, 1, responder_id);
	ike_net_finish(net);
}

static void test_refused(void **state)
{
	const struct fixture *f = *state;
	struct ike_conn_config a, b;
	struct ike_net net;

	configure(f, &net, 2, IKE_AUTH_KIND_EAP_MSCHAPV2, &a, &b);
	a.eap.secret_len--;
	add_both(&net, &a, &b);
	expect_refused(&net, "ike-eap-password-wrong", "691", "ike-eap-password-wrong");

	configure(f, &net, 3, IKE_AUTH_KIND_EAP_MSCHAPV2, &a, &b);
	snprintf(a.eap.user, sizeof(a.eap.user), "nobody");
	add_both(&net, &a, &b);
	expect_refused(&net, "ike-eap-password-wrong", "nobody", "ike-eap-unknown-user");

	/* A server that wants TLS, a client that has a password. */
	configure(f, &net, 4, IKE_AUTH_KIND_EAP_MSCHAPV2, &a, &b);
	b.remote_auth = IKE_AUTH_KIND_EAP_TLS;
	add_both(&net, &a, &b);
	expect_refused(&net, "ike-eap-method", "EAP-TLS (13)", "ike-eap-method");

	/* The server's own proof is wrong: nothing is told to it. */
	configure(f, &net, 5, IKE_AUTH_KIND_EAP_MSCHAPV2, &a, &b);
	b.psk_len--;
	add_both(&net, &a, &b);
	expect_refused(&net, "ike-auth-failed", "pre-shared keys differ", "");

	/* A client that has no EAP, and one where none is wanted. */
	configure(f, &net, 6, IKE_AUTH_KIND_EAP_MSCHAPV2, &a, &b);
	a.local_auth = IKE_AUTH_KIND_PSK;
	add_both(&net, &a, &b);
	expect_refused(&net, "ike-auth-failed", "AUTHENTICATION_FAILED", "ike-auth-method");
	configure(f, &net, 7, IKE_AUTH_KIND_EAP_MSCHAPV2, &a, &b);
	b.remote_auth = IKE_AUTH_KIND_PSK;
	add_both(&net, &a, &b);
	expect_refused(&net, "ike-auth-failed", "by EAP", "ike-auth-method");
}

static void test_tls_refused(void **state)
{
	const struct fixture *f = *state;
	struct ike_conn_config a, b;
	struct ike_net net;

	configure(f, &net, 10, IKE_AUTH_KIND_EAP_TLS, &a, &b);
	a.credentials = f->stranger;
	add_both(&net, &a, &b);
	expect_refused(&net, "ike-eap-certificate-untrusted", "not trusted", "ike-eap-tls-refused");

	configure(f, &net, 11, IKE_AUTH_KIND_EAP_TLS, &a, &b);
	b.credentials = f->stranger;
	add_both(&net, &a, &b);
	expect_refused(
	    &net, "ike-eap-tls-refused", "TLS alert 48, unknown_ca", "ike-eap-certificate-untrusted");

	/* Trusted, but not the one: neither at the server nor at the client. */
	configure(f, &net, 12, IKE_AUTH_KIND_EAP_TLS, &a, &b);
	snprintf(b.eap.peer_user, sizeof(b.eap.peer_user), "branch2.example.net");
	add_both(&net, &a, &b);
	expect_refused(&net, "ike-auth-failed", "by EAP", "ike-eap-unknown-user");
	configure(f, &net, 13, IKE_AUTH_KIND_EAP_TLS, &a, &b);
	snprintf(a.eap.server_name, sizeof(a.eap.server_name), "other.example.net");
	add_both(&net, &a, &b);
	expect_refused(&net, "ike-eap-server-name", "hq.example.net", "");
}

static bool no_second_auth(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	const unsigned *whose = ctx;

	(void)net, (void)len;
	return from != *whose || data[18] != IKE_X_AUTH || data[23] != 2;
}

/* An EAP packet larger than any that is taken: said as such, on either side. */
static void test_too_large(void **state)
{
	static uint8_t packet[IKE_EAP_PACKET_MAX + 1] = { 1 };
	const struct fixture *f = *state;

	for (unsigned side = 0; side < 2; side++) {
		struct ike_payloads p = { .eap = { packet, sizeof(packet) } };
		struct ike_conn_config a, b;
		struct ike_diagnosis d;
		struct ike_conn *conn;
		struct ike_sa *sa;
		struct ike_net net;

		configure(f, &net, 8, IKE_AUTH_KIND_EAP_MSCHAPV2, &a, &b);
		add_both(&net, &a, &b);
		net.tap = no_second_auth;
		net.tap_ctx = &(unsigned){ side ? 0 : 1 }; /* its request, or the answer to it */
		ike_net_up(&net, 1);
		ike_net_up(&net, 0);
		ike_net_run(&net, mdur_s(1));
		conn = ike_conn_find(net.peer[side].ike, IKE_NET_CONN);
		sa = side ? list_first(&conn->crowd, struct ike_sa, node) : conn->attempt;
		assert_non_null(sa);
		if (side)
			ike_auth_request(sa, 2, &p, 0, rd_init(NULL, 0), NULL, net.now);
		else
			ike_auth_reply(sa, &p, 0, rd_init(NULL, 0), NULL, net.now);
		ike_net_drain(&net);
		assert_string_equal(
		    side ? net.peer[1].last_warning.id : net.peer[0].why.id, "ike-eap-too-large");
		assert_int_equal(ike_conn_diagnosis(net.peer[side].ike, IKE_NET_CONN, &d), 0);
		assert_non_null(strstr(d.there, "smaller EAP fragments"));
		net.tap = NULL;
		ike_net_finish(&net);
	}
}

/* Two tunnels behind one address: the user name, or the certificate, says which it is. */
static void test_tunnel_by_user(void **state)
{
	const struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct ike_conn_config a, b, other;
		struct ike_conn_view v;
		struct ike_net net;
		struct reason why;

		configure(f, &net, 20, kinds[i], &a, &b);
		other = b;
		snprintf(other.name, sizeof(other.name), "other");
		snprintf(other.eap.peer_user, sizeof(other.eap.peer_user), "hq2");
		other.eap.peer_secret_len = 4;
		/* The wrong one stands first. */
		assert_int_equal(ike_conn_add(net.peer[1].ike, 7, &other, &why), 0);
		ike_conn_up(net.peer[1].ike, 7, net.now);
		add_both(&net, &a, &b);
		ike_net_start_pair(&net);
		ike_net_run(&net, mdur_s(5));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		assert_int_equal(ike_conn_view(net.peer[1].ike, 7, &v), 0);
		assert_false(v.have_ike || v.have_child);
		ike_conn_down(net.peer[1].ike, 7, net.now);
		ike_net_finish(&net);
	}
}

/*
 * Two tunnels of different trust: whom a partner's CA vouches for comes in by the partner's name, but may not
 * become the branch for having its name in that certificate.
 */
static void test_trust_of_another(void **state)
{
	const struct fixture *f = *state;
	struct ike_conn_config a, b, partner;
	struct ike_net net;
	struct reason why;

	for (unsigned honest = 0; honest < 2; honest++) {
		configure(f, &net, 25, IKE_AUTH_KIND_EAP_TLS, &a, &b);
		partner = b;
		partner.credentials = f->stranger;
		snprintf(partner.name, sizeof(partner.name), "partner");
		snprintf(partner.eap.peer_user, sizeof(partner.eap.peer_user), "%s",
		    honest ? "branch1.example.net" : "partner.example.net");
		snprintf(b.eap.peer_user, sizeof(b.eap.peer_user), "%s",
		    honest ? "another.example.net" : "branch1.example.net");
		snprintf(a.eap.identity, sizeof(a.eap.identity), "%s", partner.eap.peer_user);
		a.eap.server_name[0] = '\0';
		a.credentials = f->impostor;
		add_both(&net, &a, &b);
		assert_int_equal(ike_conn_add(net.peer[1].ike, 7, &partner, &why), 0);
		ike_conn_up(net.peer[1].ike, 7, net.now);
		if (!honest) {
			expect_refused(&net, "ike-auth-failed", "by EAP", "ike-eap-unknown-user");
			continue;
		}
		ike_net_up(&net, 0);
		ike_net_run(&net, mdur_s(5));
		assert_true(net.peer[0].up);
		ike_conn_down(net.peer[1].ike, 7, net.now);
		ike_net_finish(&net);
	}
}

/* Who was refused leaves the answer behind, for a while, and nothing of the conversation. */
static void test_nothing_stays(void **state)
{
	const struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct ike_conn_config a, b;
		unsigned lingering = 0;
		struct ike_conn *conn;
		struct ike_net net;

		configure(f, &net, 26, kinds[i], &a, &b);
		a.eap.secret_len--;
		a.credentials = f->impostor;
		add_both(&net, &a, &b);
		ike_net_up(&net, 1);
		ike_net_up(&net, 0);
		ike_net_run(&net, mdur_s(1));
		conn = ike_conn_find(net.peer[1].ike, IKE_NET_CONN);
		list_for_each (&conn->crowd, struct ike_sa, sa, node) {
			if (sa->state != IKE_SA_LINGERING)
				continue;
			lingering++;
			assert_non_null(sa->kept.data);
			assert_true(!sa->auth && !sa->init_mine.data && !sa->init_peers.data);
		}
		assert_true(lingering > 0);
		ike_net_finish(&net);
	}
}

/* Whether a certificate was revoked is not known: relaxed, it passes with a warning at each side; strict,
 * not. */
static void test_revocation_unknown(void **state)
{
	const struct fixture *f = *state;

	for (unsigned strict = 0; strict < 2; strict++) {
		struct ike_conn_config a, b;
		struct ike_net net;

		configure(f, &net, 27, IKE_AUTH_KIND_EAP_TLS, &a, &b);
		test_pki_policy = strict ? CREDENTIALS_STRICT : CREDENTIALS_RELAXED;
		a.credentials = test_pki_credentials(&f->pki->leaf[0], f->pki->root);
		b.credentials = test_pki_credentials(&f->pki->leaf[1], f->pki->root);
		test_pki_policy = CREDENTIALS_OFF;
		add_both(&net, &a, &b);
		credentials_unref(a.credentials);
		credentials_unref(b.credentials);
		ike_net_up(&net, 1);
		ike_net_up(&net, 0);
		ike_net_run(&net, mdur_ms(900));
		assert_int_equal(net.peer[0].up && net.peer[1].up, !strict);
		for (unsigned i = 0; i < 2 && !strict; i++) {
			assert_string_equal(net.peer[i].last_warning.id, "certificate-revocation-unknown");
			assert_non_null(strstr(net.peer[i].last_warning.text, "crl-file"));
		}
		ike_net_finish(&net);
	}
}

/* Configurations that can't work are refused by name. */
static void test_configuration(void **state)
{
	const struct fixture *f = *state;
	struct ike_conn_config a, b, c;
	struct ike_net net;
	struct reason why;

	configure(f, &net, 30, IKE_AUTH_KIND_EAP_MSCHAPV2, &a, &b);
	c = a;
	c.role = IKE_ROLE_BOTH;
	assert_int_equal(ike_conn_add(net.peer[0].ike, 1, &c, &why), -1);
	assert_non_null(strstr(why.text, "role initiate"));
	c = a;
	c.eap.user[0] = '\0';
	assert_int_equal(ike_conn_add(net.peer[0].ike, 1, &c, &why), -1);
	assert_non_null(strstr(why.text, "eap/user"));
	c = b;
	c.eap.peer_secret_len = 0;
	assert_int_equal(ike_conn_add(net.peer[0].ike, 1, &c, &why), -1);
	assert_non_null(strstr(why.text, "password"));
	c = a;
	c.remote_auth = IKE_AUTH_KIND_EAP_MSCHAPV2;
	assert_int_equal(ike_conn_add(net.peer[0].ike, 1, &c, &why), -1);
	assert_non_null(strstr(why.text, "only one side"));
	c = a;
	c.local_auth = IKE_AUTH_KIND_EAP_TLS;
	c.credentials = NULL;
	assert_int_equal(ike_conn_add(net.peer[0].ike, 1, &c, &why), -1);
	assert_non_null(strstr(why.text, "certificate"));
	/* The same one again keeps its certificate. */
	c.credentials = f->branch;
	assert_int_equal(ike_conn_add(net.peer[0].ike, 1, &c, &why), 0);
	assert_int_equal(ike_conn_update(net.peer[0].ike, 1, &c, &why), 0);
	ike_net_free(&net);
}

/* A server that goes away amid the conversation, and one whose jobs never end. */
static bool after_third(struct ike_net *net)
{
	return net->peer[1].sends >= 3;
}

static void test_server_gone(void **state)
{
	const struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct ike_conn_config a, b;
		struct ike_net net;

		configure(f, &net, 40, kinds[i], &a, &b);
		add_both(&net, &a, &b);
		ike_net_up(&net, 1);
		ike_net_up(&net, 0);
		assert_true(ike_net_run_until(&net, mdur_s(5), after_third));
		ike_net_restart_peer(&net, 1, NULL);
		ike_net_add(&net, 1, &b);
		ike_net_up(&net, 1);
		assert_true(ike_net_run_until(&net, mdur_s(120), ike_net_both_up));
		ike_net_run(&net, mdur_s(60));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

static int setup(void **state)
{
	static struct fixture f;

	f.pki = test_pki_new();
	if (!f.pki)
		return -1;
	f.branch = test_pki_credentials(&f.pki->leaf[0], f.pki->root);
	f.hq = test_pki_credentials(&f.pki->leaf[1], f.pki->root);
	f.stranger = test_pki_credentials(&f.pki->leaf[1], f.pki->other_root);
	f.impostor = test_pki_credentials(&f.pki->other_leaf, f.pki->root);
	*state = &f;
	return f.branch && f.hq && f.stranger && f.impostor ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	credentials_unref(f->branch);
	credentials_unref(f->hq);
	credentials_unref(f->stranger);
	credentials_unref(f->impostor);
	test_pki_free(f->pki);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up),
		cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_tls_refused),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_tunnel_by_user),
		cmocka_unit_test(test_trust_of_another),
		cmocka_unit_test(test_nothing_stays),
		cmocka_unit_test(test_revocation_unknown),
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_server_gone),
	};

	if (crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
