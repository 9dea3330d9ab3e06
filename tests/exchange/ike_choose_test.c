/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hundreds of connections that any peer may use, told apart by the distinguished names of their peers: the
 * right one is found, and taking names apart, which is what costs, is not done once for each. Counted by the
 * library's allocations, not timed.
 */
#include "tests/support/ike_net.h"
#include "tests/support/test_ca.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IKE_PROPOSAL "aes256-sha256-curve25519"
#define ESP_PROPOSAL "aes256gcm16"
#define FEW          4
#define MANY         500

static const struct test_spec root = {
	.subject = "C=DE, O=Example, CN=Root", .ca = true, .key = TEST_KEY_P256
};
static const struct test_spec branch = {
	.subject = "C=DE, O=Example, CN=branch 2", .key = TEST_KEY_P256, .slot = 1, .by = &root
};
static const struct test_spec hq = {
	.subject = "C=DE, O=Example, CN=hq", .key = TEST_KEY_P256, .slot = 2, .by = &root
};

static unsigned long allocations;

static void *counted_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return malloc(n);
}

static void *counted_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return realloc(p, n);
}

static void counted_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static struct ike_conn_config config_of(const struct ike_net *net, unsigned self, struct credentials *cred)
{
	struct ike_conn_config c = ike_net_config(net, self, 1 - self, IKE_PROPOSAL, ESP_PROPOSAL);

	c.local_auth = c.remote_auth = IKE_AUTH_KIND_CERT;
	c.credentials = cred;
	return c;
}

/* Branch 2 comes up with a hub that has n branches, or n names of its own; what the library allocated
 * meanwhile. */
static unsigned long come_up(unsigned n, bool by_own)
{
	const struct test_spec *anchors[] = { &root }, *us[] = { &branch }, *them[] = { &hq };
	struct credentials *mine = test_ca_credentials(us, 1, anchors, 1);
	struct credentials *theirs = test_ca_credentials(them, 1, anchors, 1);
	static struct ike_net net;
	struct ike_conn_config c;
	struct ike_conn_view v;
	unsigned long before;

	ike_net_init(&net, 1, 2);
	c = config_of(&net, 0, mine);
	c.role = IKE_ROLE_INITIATE;
	c.remote_auth = by_own ? IKE_AUTH_KIND_PSK : IKE_AUTH_KIND_CERT;
	assert_int_equal(ike_identity_parse(by_own ? "CN=hub 2" : "C=DE, O=Example, CN=hq", &c.remote_id), 0);
	ike_net_add(&net, 0, &c);
	for (uint32_t i = 1; i <= n; i++) {
		char name[64];
		struct reason why;

		c = config_of(&net, 1, theirs);
		c.role = IKE_ROLE_RESPOND;
		c.n_remote = 0;
		c.local_auth = by_own ? IKE_AUTH_KIND_PSK : IKE_AUTH_KIND_CERT;
		/* Case and blanks: the same by RFC 5280 7.1. */
		snprintf(name, sizeof(name), "%s  %u", by_own ? "CN=HUB" : "C=DE, O=Example, CN=Branch", i);
		assert_int_equal(ike_identity_parse(name, by_own ? &c.local_id : &c.remote_id), 0);
		assert_int_equal(ike_conn_add(net.peer[1].ike, i, &c, &why), 0);
		ike_conn_up(net.peer[1].ike, i, net.now);
	}
	before = allocations;
	ike_net_up(&net, 0);
	assert_true(ike_net_run_until(&net, mdur_s(5), ike_net_both_up));
	before = allocations - before;
	assert_int_equal(ike_conn_view(net.peer[1].ike, 2, &v), 0);
	assert_true(v.have_child);
	ike_net_down(&net, 0);
	ike_net_run(&net, mdur_s(5));
	ike_net_free(&net);
	credentials_unref(mine);
	credentials_unref(theirs);
	return before;
}

static void test_work(void **state)
{
	(void)state;
	for (unsigned by_own = 0; by_own < 2; by_own++) {
		unsigned long few, many;

		come_up(FEW, by_own); /* what the library does once only */
		few = come_up(FEW, by_own);
		many = come_up(MANY, by_own);
		if (many > few + 40)
			fail_msg("%u: %lu allocations with %d connections, %lu with %d", by_own, few, FEW,
			    many, MANY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_work) };
	int rc;

	if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) != 1 || crypto_init())
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	test_ca_free();
	return rc;
}
