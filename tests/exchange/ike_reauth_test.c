/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate that ends while its tunnel is kept up by rekeys: with a new one at hand the peer
 * authenticates anew beside the old SAs, and nothing is lost; without, the tunnel goes down a minute after,
 * with the reason.
 */
#include "ike/engine.h"
#include "tests/support/ike_net.h"
#include "tests/support/test_ca.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define HOUR 3600

static const struct test_spec root = { .subject = "CN=Root", .ca = true, .key = TEST_KEY_P256 };
static const struct test_spec a_spec = { .subject = "CN=a", .key = TEST_KEY_P256, .slot = 1, .by = &root };
/* It is the CA between that ends: with a leaf of its own that has ended, a peer would not even try. */
static const struct test_spec inter = { .subject = "CN=Inter",
	.ca = true,
	.key = TEST_KEY_P256,
	.slot = 4,
	.by = &root,
	.not_before = -1,
	.not_after = 10 * HOUR };
static const struct test_spec b_spec = { .subject = "CN=b", .key = TEST_KEY_P256, .slot = 2, .by = &inter };
static const struct test_spec b_renewed = {
	.subject = "CN=b", .key = TEST_KEY_P256, .slot = 3, .by = &root, .serial = 8
};

static struct ike_net net;
static int64_t started; /* of net.now, in seconds */

/* The time of day goes with the net's. */
static int64_t wall(void *ctx)
{
	(void)ctx;
	return TEST_CA_NOW + mdur_to_s((mdur){ net.now.ns }) - started;
}

static struct credentials *credentials_of(const struct test_spec *leaf)
{
	static const struct credentials_world world = { .wall = wall };
	const struct test_spec *anchors[] = { &root };
	const struct test_spec *list[] = { leaf, leaf->by };
	char *chain = test_ca_chain(list, leaf->by == &root ? 1 : 2), *key = test_ca_key(leaf, NULL),
	     *ca = test_ca_chain(anchors, 1);
	struct credentials_source s = { .chain = { "chain", chain, strlen(chain) },
		.key = { "key", key, strlen(key) },
		.anchors = { "anchors", ca, strlen(ca) },
		.revocation = CREDENTIALS_OFF,
		.world = &world };
	struct credentials *c = credentials_new(&s, NULL);

	assert_non_null(c);
	free(chain);
	free(key);
	free(ca);
	return c;
}

static struct ike_conn_config config_of(unsigned self, const struct test_spec *leaf, enum ike_role role)
{
	struct ike_conn_config c =
	    ike_net_config(&net, self, 1 - self, "aes256-sha256-curve25519", "aes256gcm16");

	c.local_auth = c.remote_auth = IKE_AUTH_KIND_CERT;
	c.credentials = credentials_of(leaf);
	c.role = role;
	c.ike_lifetime = mdur_s(4 * HOUR);
	c.child_lifetime = mdur_s(HOUR);
	c.liveness_interval = mdur_s(60);
	return c;
}

static void configure(unsigned self, const struct test_spec *leaf, enum ike_role role, bool first)
{
	struct ike_conn_config c = config_of(self, leaf, role);

	if (first)
		ike_net_add(&net, self, &c);
	else
		assert_int_equal(ike_conn_update(net.peer[self].ike, IKE_NET_CONN, &c, NULL), 0);
	credentials_unref(c.credentials);
}

/* Up, and nine and a half hours later, by rekeys of both kinds. */
static void grow_old(uint64_t seed, enum ike_role a, enum ike_role b)
{
	ike_net_init(&net, seed, 2);
	started = mdur_to_s((mdur){ net.now.ns });
	configure(0, &a_spec, a, true);
	configure(1, &b_spec, b, true);
	ike_net_up(&net, 1);
	ike_net_up(&net, 0);
	assert_true(ike_net_run_until(&net, mdur_s(30), ike_net_both_up));
	ike_net_run(&net, mdur_s(9 * HOUR + HOUR / 2));
	assert_true(net.peer[0].ike_rekeys >= 2);
	assert_int_equal(net.peer[0].ups, 1);
}

static uint64_t authenticated_at(unsigned i)
{
	return (uint64_t)ike_conn_find(net.peer[i].ike, IKE_NET_CONN)->live->sa->origin.established.ns;
}

static const struct {
	enum ike_role a, b; /* a is whose peer's certificate ends */
} roles[] = { { IKE_ROLE_INITIATE, IKE_ROLE_RESPOND }, { IKE_ROLE_BOTH, IKE_ROLE_BOTH },
	{ IKE_ROLE_BOTH, IKE_ROLE_RESPOND } };

static void test_renewed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t before;

		grow_old(20 + i, roles[i].a, roles[i].b);
		before = authenticated_at(0);
		configure(1, &b_renewed, roles[i].b, false);
		net.traffic = mdur_s(1);
		net.next_traffic = net.now;
		net.esp_lossless = true;
		ike_net_run(&net, mdur_s(HOUR)); /* over the end */
		assert_true(authenticated_at(0) > before);
		assert_string_equal(net.peer[0].last_warning.id, "ike-auth-ends");
		for (unsigned k = 0; k < 2; k++) {
			assert_int_equal(net.peer[k].downs, 0);
			assert_int_equal(net.peer[k].esp_missed, 0);
			assert_int_equal(net.peer[k].phase, IKE_PHASE_UP);
		}
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		net.traffic = MDUR_ZERO;
		ike_net_run(&net, mdur_s(20 * HOUR));
		assert_int_equal(net.peer[0].downs + net.peer[1].downs, 0);
		ike_net_finish(&net);
	}
}

static void test_not_renewed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		grow_old(30 + i, roles[i].a, roles[i].b);
		ike_net_run(&net, mdur_s(HOUR / 2 - 120));
		assert_int_equal(net.peer[0].downs, 0);
		ike_net_run(&net, mdur_s(120 + 45)); /* a while to find a new one */
		assert_int_equal(net.peer[0].downs, 0);
		/* A rekey gains no time. */
		assert_int_equal(ike_conn_rekey_ike(net.peer[1].ike, IKE_NET_CONN, net.now), 0);
		ike_net_run(&net, mdur_s(30));
		assert_int_equal(net.peer[0].downs, 1);
		assert_false(net.peer[0].up);
		if (!i) /* else the peer's own attempts are what was last told of */
			assert_string_equal(net.peer[0].why.id, "certificate-expired");
		/* It is renewed at last. */
		configure(1, &b_renewed, roles[i].b, false);
		assert_true(ike_net_run_until(&net, mdur_s(600), ike_net_both_up));
		ike_net_run(&net, mdur_s(60));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

/* Where we only answer, the peer has a minute to come; ours does, since it is told. */
static void test_responder(void **state)
{
	(void)state;
	grow_old(40, IKE_ROLE_RESPOND, IKE_ROLE_INITIATE);
	configure(1, &b_renewed, IKE_ROLE_INITIATE, false);
	ike_net_run(&net, mdur_s(HOUR / 2 + 45));
	assert_int_equal(net.peer[0].downs, 0);
	ike_net_run(&net, mdur_s(120));
	assert_int_equal(net.peer[0].downs, 1);
	assert_true(ike_net_run_until(&net, mdur_s(600), ike_net_both_up));
	ike_net_run(&net, mdur_s(60));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

/* What is lost of peer 0's messages from the first IKE_SA_INIT of its new attempt on. */
static struct {
	bool armed, deletes; /* Deletes of the new IKE SA, else IKE_SA_INIT */
	uint8_t spi[8];
	mtime first;
	mdur lasts;
	unsigned lost;
} outage;

static bool tap(struct ike_net *n, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	bool init = data[18] == IKE_X_SA_INIT;

	(void)len;
	(void)ctx;
	if (!outage.armed || from || data[19] & 0x20)
		return true;
	if (init && !outage.first.ns) {
		memcpy(outage.spi, data, 8);
		outage.first = n->now;
	}
	if (!outage.first.ns || mtime_since(n->now, outage.first).ns >= outage.lasts.ns)
		return true;
	if (outage.deletes ? memcmp(outage.spi, data, 8) || data[18] != IKE_X_INFORMATIONAL : !init)
		return true;
	outage.lost++;
	return false;
}

static void watch(bool deletes, mdur lasts, mdur traffic)
{
	memset(&outage, 0, sizeof(outage));
	outage.deletes = deletes;
	outage.lasts = lasts;
	net.tap = tap;
	net.esp_lossless = true;
	net.traffic = traffic;
	net.next_traffic = net.now;
}

/* Its certificate has ended still: the new IKE SA is disowned, and the word of that is lost. Nothing takes
 * the old one's place meanwhile. */
static void test_disowned(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 6; k++) {
		unsigned i = k % 3, downs;

		grow_old(200 + k, roles[i].a, roles[i].b);
		watch(true, mdur_ms(k < 3 ? 400 : 1400), mdur_ms(50));
		ike_net_run(&net, mdur_s(HOUR / 2 - 120));
		downs = net.peer[0].downs + net.peer[1].downs;
		outage.armed = true;
		ike_net_run(&net, mdur_s(120 + 45));
		assert_true(outage.lost > 0);
		assert_int_equal(net.inbound_missing, 0);
		assert_int_equal(net.peer[0].esp_missed + net.peer[1].esp_missed, 0);
		assert_int_equal(net.peer[0].downs + net.peer[1].downs, downs);
		outage.armed = false;
		net.traffic = MDUR_ZERO;
		ike_net_run(&net, mdur_s(60));
		ike_net_finish(&net);
	}
}

/* Its certificate is a new one, but for half a minute nothing gets through to it: the next attempt does. */
static void test_outage(void **state)
{
	(void)state;
	grow_old(20, IKE_ROLE_INITIATE, IKE_ROLE_RESPOND);
	configure(1, &b_renewed, IKE_ROLE_RESPOND, false);
	watch(false, mdur_s(35), mdur_s(1));
	outage.armed = true;
	ike_net_run(&net, mdur_s(HOUR));
	assert_true(outage.lost > 1);
	assert_int_equal(net.peer[0].downs + net.peer[1].downs, 0);
	assert_int_equal(net.peer[0].esp_missed + net.peer[1].esp_missed, 0);
	ike_net_finish(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_renewed),
		cmocka_unit_test(test_not_renewed), cmocka_unit_test(test_responder),
		cmocka_unit_test(test_disowned), cmocka_unit_test(test_outage) };
	int rc;

	if (crypto_init())
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	test_ca_free();
	return rc;
}
