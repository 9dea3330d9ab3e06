/* SPDX-License-Identifier: Apache-2.0 */
/* EAP when memory is out, allocation by allocation: it fails with a reason, never succeeds by mistake, and
 * nothing leaks. */
#include "base/crypto.h"
#include "ike/eap_session.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/rng_seeded.h"
#include "tests/support/test_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct sides {
	enum eap_method method;
	struct test_pki *pki;
	struct secret password;
};

static enum eap_outcome settle(
    struct eap *e, enum eap_outcome o, const struct eap_user *known, const struct rng *rng)
{
	while (o == EAP_USER || o == EAP_WORK)
		o = o == EAP_USER ? eap_user(e, known, rng) : eap_work(e);
	return o;
}

static bool run(void *ctx)
{
	const struct sides *s = ctx;
	struct credentials *mine = test_pki_credentials(&s->pki->leaf[0], s->pki->root),
	                   *theirs = test_pki_credentials(&s->pki->leaf[1], s->pki->root);
	struct eap_user user = {
		.method = s->method, .name = "me", .password = &s->password, .credentials = mine
	};
	struct eap_user known = { .method = s->method, .password = &s->password, .credentials = theirs };
	uint64_t seed = 4;
	struct rng rng = rng_seeded(&seed);
	struct eap *client = mine && theirs ? eap_client_new(&user, NULL) : NULL;
	struct eap *server = client ? eap_server_new("hq", &rng) : NULL;
	enum eap_outcome c = EAP_SEND, v = EAP_SEND;
	size_t len;

	while (server && c == EAP_SEND && v != EAP_FAILED) {
		const uint8_t *p = eap_out(server, &len);

		c = settle(client, eap_input(client, p, len, &rng), &user, &rng);
		assert_true(c != EAP_FAILED || reason_is_set(eap_why(client)));
		if (c != EAP_SEND)
			break;
		p = eap_out(client, &len);
		v = settle(server, eap_input(server, p, len, &rng), &known, &rng);
		assert_true(v != EAP_FAILED || reason_is_set(eap_why(server)));
	}
	if (c == EAP_SUCCESS) {
		assert_int_equal(v, EAP_SUCCESS);
		assert_memory_equal(eap_msk(client), eap_msk(server), EAP_MSK_LEN);
	}
	eap_free(client);
	eap_free(server);
	credentials_unref(mine);
	credentials_unref(theirs);
	return c == EAP_SUCCESS;
}

static void test_nomem(void **state)
{
	struct sides s = { .pki = test_pki_new() };
	unsigned survived;

	(void)state;
	assert_non_null(s.pki);
	assert_int_equal(secret_set(&s.password, "S3cret!", 7), 0);
	s.method = EAP_METHOD_MSCHAPV2;
	assert_true(alloc_fail_sweep(run, &s, &survived) > 3);
	assert_int_equal(survived, 0);
	s.method = EAP_METHOD_TLS;
	assert_true(alloc_fail_sweep(run, &s, &survived) > 6);
	assert_int_equal(survived, 0);
	secret_clear(&s.password);
	test_pki_free(s.pki);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_nomem) };

	if (crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
