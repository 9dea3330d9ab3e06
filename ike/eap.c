/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An EAP conversation as the frame of IKE_AUTH moves it about (RFC 7296 2.16): what it needs of a connection
 * is copied, so that a turn can run on any thread while connections come and go. Who is meant by a name is
 * the frame's to say, between two turns.
 */
#include "ike/eap.h"

#include "ike/auth.h"
#include "ike/eap_session.h"
#include "ike/sa.h"

#include <stdlib.h>
#include <string.h>

static const char server_name[] = "causeway";

struct ike_eap {
	bool answered;        /* server: `user` is the answer to WHO */
	struct eap *talk;     /* a server's is made by its first turn */
	struct eap_user user; /* server: what is known of the client */
	struct credentials *credentials;
	struct secret password;
	struct secret msk;
};

static enum eap_method method_of(enum ike_auth_kind kind)
{
	switch (kind) {
	case IKE_AUTH_KIND_EAP_MSCHAPV2: return EAP_METHOD_MSCHAPV2;
	case IKE_AUTH_KIND_EAP_TLS: return EAP_METHOD_TLS;
	case IKE_AUTH_KIND_PSK:
	case IKE_AUTH_KIND_CERT: break;
	}
	return EAP_METHOD_NONE;
}

struct ike_eap *ike_eap_new(const struct ike_conn *conn, bool server, struct reason *ret_reason)
{
	const struct ike_eap_config *cfg = &conn->cfg.eap;
	struct eap_user user = { .method = method_of(conn->cfg.local_auth),
		.name = cfg->user,
		.identity = cfg->identity[0] ? cfg->identity : NULL,
		.server_name = cfg->server_name[0] ? cfg->server_name : NULL,
		.password = conn->eap_secret.len ? &conn->eap_secret : NULL,
		.credentials = conn->cred };
	struct ike_eap *e = calloc(1, sizeof(*e));

	reason_set(ret_reason, "ike-internal", "out of memory");
	if (!e || server)
		return e;
	e->talk = eap_client_new(&user, ret_reason);
	if (e->talk)
		return e;
	free(e);
	return NULL;
}

void ike_eap_free(struct ike_eap *e)
{
	if (!e)
		return;
	eap_free(e->talk);
	credentials_unref(e->credentials);
	secret_clear(&e->password);
	secret_clear(&e->msk);
	free(e);
}

const char *ike_eap_name(const struct ike_eap *e)
{
	return eap_name(e->talk);
}

int ike_eap_user(struct ike_eap *e, const struct ike_conn *conn, bool known)
{
	enum eap_method method = method_of(conn->cfg.remote_auth);

	credentials_unref(e->credentials);
	secret_clear(&e->password);
	e->credentials = NULL;
	e->user = (struct eap_user){ .method = method };
	if (method == EAP_METHOD_TLS)
		e->user.credentials = e->credentials = credentials_ref(conn->cred);
	if (method == EAP_METHOD_MSCHAPV2 && known) {
		if (secret_copy(&e->password, &conn->eap_peer_secret))
			return -1;
		e->user.password = &e->password;
	}
	e->answered = true;
	return 0;
}

/* The outcome of what came in, or of the answer to who it is. */
static enum eap_outcome advance(struct ike_eap *e, const struct rng *rng, const struct ike_eap_turn *t)
{
	enum eap_outcome o;

	if (e->answered) {
		e->answered = false;
		o = eap_user(e->talk, &e->user, rng);
	} else {
		o = eap_input(e->talk, t->in, t->in_len, rng);
	}
	while (o == EAP_WORK)
		o = eap_work(e->talk);
	return o;
}

void ike_eap_turn(struct ike_eap *e, const struct rng *rng, struct ike_eap_turn *t)
{
	enum eap_outcome o = EAP_SEND;
	const uint8_t *out;

	t->verdict = IKE_EAP_FAILURE;
	if (e->talk) {
		o = advance(e, rng, t);
	} else {
		e->talk = eap_server_new(server_name, rng);
		if (!e->talk) {
			reason_set(&t->why, "ike-internal", "out of memory");
			return;
		}
	}
	t->alert = eap_alert_of(e->talk);
	switch (o) {
	case EAP_SEND:
		t->verdict = IKE_EAP_GO_ON;
		t->why = *eap_why(e->talk);
		break;
	case EAP_USER: t->verdict = IKE_EAP_WHO; return;
	case EAP_SUCCESS:
		if (secret_set(&e->msk, eap_msk(e->talk), EAP_MSK_LEN))
			reason_set(&t->why, "ike-internal", "out of memory");
		else
			t->verdict = IKE_EAP_SUCCESS;
		t->warning = *eap_warning(e->talk);
		t->valid_for = eap_valid_for(e->talk);
		break;
	case EAP_WORK:
	case EAP_FAILED: t->why = *eap_why(e->talk); break;
	}
	out = eap_out(e->talk, &t->out_len);
	memcpy(t->out, out, t->out_len);
}

bool ike_eap_certified(const struct ike_eap *e, const char *name)
{
	return eap_method(e->talk) != EAP_METHOD_TLS || eap_certified(e->talk, name);
}

bool ike_eap_trusted_by(const struct ike_eap *e, const struct ike_conn *conn)
{
	return credentials_same_trust(e->credentials, conn->cred);
}

const char *ike_eap_certificate_name(const struct ike_eap *e)
{
	return eap_certificate_name(e->talk);
}

const struct secret *ike_eap_msk(const struct ike_eap *e)
{
	return &e->msk;
}
