/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EAP packets from whoever: the first octet chooses client or server (1), TLS instead of MSCHAPv2 (2), and
 * whether identifiers are set right (4) so that more gets through; then packets, each behind two octets of
 * length. Whatever comes, memory stays whole, what goes out is an EAP packet, and nobody authenticates who
 * has not proved a password of 32 random octets.
 */
#include "base/crypto.h"
#include "base/cursor.h"
#include "ike/eap_packet.h"
#include "ike/eap_session.h"
#include "tests/support/rng_seeded.h"
#include "tests/support/test_pki.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct credentials *config;
static struct secret password;

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void setup(void)
{
	struct test_pki *pki;

	if (config)
		return;
	require(!crypto_init());
	pki = test_pki_new();
	require(pki && !secret_set(&password, "0123456789abcdefghijklmnopqrstuv", 32));
	config = test_pki_credentials(&pki->leaf[0], pki->root);
	require(config);
	test_pki_free(pki);
}

static void look_at_out(const struct eap *e)
{
	struct eap_packet p;
	size_t len;
	const uint8_t *out = eap_out(e, &len);

	require(!len || !eap_packet_parse(out, len, &p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	uint8_t flags = rd_u8(&r);
	uint64_t seed = 1;
	struct rng rng = rng_seeded(&seed);
	struct eap_user u = { .name = "branch1", .password = &password };
	enum eap_outcome o = EAP_SEND;
	struct eap *e;

	setup();
	u.method = flags & 2 ? EAP_METHOD_TLS : EAP_METHOD_MSCHAPV2;
	u.credentials = config;
	e = flags & 1 ? eap_server_new("causeway", &rng) : eap_client_new(&u, NULL);
	require(e);
	while (rd_left(&r) && o == EAP_SEND) {
		struct rd packet = rd_sub(&r, rd_u16(&r));
		size_t len = rd_left(&packet), out_len;
		uint8_t *copy = malloc(len + 1);
		const uint8_t *out = eap_out(e, &out_len);

		require(copy);
		rd_bytes(&packet, copy, len);
		if (flags & 4 && len > 1 && out_len > 1)
			copy[1] = out[1];
		o = eap_input(e, copy, len, &rng);
		free(copy);
		while (o == EAP_USER || o == EAP_WORK)
			o = o == EAP_USER ? eap_user(e, &u, &rng) : eap_work(e);
		look_at_out(e);
	}
	require(o != EAP_SUCCESS);
	require(o != EAP_FAILED || reason_is_set(eap_why(e)));
	eap_free(e);
	return 0;
}
