/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EAP conversations (RFC 3748). No method is built in yet: conn.c refuses configurations that ask for one, so
 * that nothing gets here.
 */
#include "ike/eap.h"

#include <stdlib.h>

struct ike_eap {
	struct secret msk;
};

struct ike_eap *ike_eap_new(const struct ike_conn *conn, bool server, struct reason *ret_reason)
{
	(void)conn;
	(void)server;
	reason_set(ret_reason, "ike-internal", "no EAP method is built in");
	return NULL;
}

void ike_eap_free(struct ike_eap *e)
{
	if (!e)
		return;
	secret_clear(&e->msk);
	free(e);
}

void ike_eap_turn(struct ike_eap *e, const struct rng *rng, struct ike_eap_turn *t)
{
	(void)e;
	(void)rng;
	t->verdict = IKE_EAP_FAILURE;
	reason_set(&t->why, "ike-internal", "no EAP method is built in");
}

const struct secret *ike_eap_msk(const struct ike_eap *e)
{
	return &e->msk;
}
