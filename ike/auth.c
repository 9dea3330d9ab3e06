/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two sides of IKE_AUTH share: the octets that a proof covers (RFC 7296 2.15), proofs by a shared
 * key, the choice of the method, and an EAP conversation's way into jobs and back (2.16). Comparing is in
 * constant time.
 */
#include "ike/auth.h"
#include "ike/engine.h"
#include "ike/identity.h"
#include "ike/ppk.h"
#include "ike/reasons.h"

#include <stdlib.h>
#include <string.h>

static const char key_pad[] = "Key Pad for IKEv2";

struct ike_auth *ike_auth_new(void)
{
	return calloc(1, sizeof(struct ike_auth));
}

void ike_auth_free(struct ike_auth *a)
{
	if (!a)
		return;
	ike_bytes_clear(&a->id_mine);
	ike_bytes_clear(&a->id_peer);
	ike_bytes_clear(&a->proof);
	ike_bytes_clear(&a->first);
	ike_bytes_clear(&a->no_ppk);
	ike_eap_free(a->eap);
	secret_clear(&a->msk);
	cleanse(a, sizeof(*a));
	free(a);
}

bool ike_fixed_identity(const struct ike_conn *conn, struct ike_identity *ret_own)
{
	struct ike_identity subject = { .type = IKE_ID_DER_DN };
	struct cert *const *chain;
	unsigned n = 0;
	size_t len;

	chain = conn->cfg.local_auth == IKE_AUTH_KIND_CERT ? credentials_chain(conn->cred, &n) : NULL;
	if (n && !cert_subject(chain[0], subject.data, sizeof(subject.data), &len)) {
		subject.len = (uint16_t)len;
		/* Of a name that is meant, the certificate's own bytes are sent: some peers compare bytes. */
		if (conn->cfg.local_id.type == IKE_ID_NONE ||
		    ike_identity_eq(&conn->cfg.local_id, &subject)) {
			*ret_own = subject;
			return true;
		}
	}
	if (conn->cfg.local_id.type != IKE_ID_NONE)
		*ret_own = conn->cfg.local_id;
	else if (!addr_is_none(&conn->cfg.local))
		*ret_own = ike_identity_of_addr(&conn->cfg.local);
	else
		return false;
	return true;
}

struct ike_identity ike_own_identity(const struct ike_conn *conn, const struct ike_sa *sa)
{
	struct ike_identity own;

	return ike_fixed_identity(conn, &own) ? own : ike_identity_of_addr(&sa->local.addr);
}

bool ike_auth_is_eap(enum ike_auth_kind kind)
{
	return kind == IKE_AUTH_KIND_EAP_MSCHAPV2 || kind == IKE_AUTH_KIND_EAP_TLS;
}

bool ike_auth_method_fits(enum ike_auth_kind kind, uint8_t method)
{
	switch (kind) {
	case IKE_AUTH_KIND_PSK: return method == IKE_AUTH_PSK;
	case IKE_AUTH_KIND_CERT: return method && method != IKE_AUTH_PSK;
	case IKE_AUTH_KIND_EAP_MSCHAPV2:
	case IKE_AUTH_KIND_EAP_TLS: return !method;
	}
	return false;
}

int ike_auth_set_id(struct ike_bytes *body, const struct ike_identity *id)
{
	uint8_t buf[IKE_PAYLOAD_HEADER_LEN + 4 + IKE_ID_MAX];
	struct ike_build b = ike_build_init(buf, sizeof(buf));
	size_t len;

	ike_build_id(&b, IKE_P_IDI, id);
	if (ike_build_finish(&b, &len))
		return -1;
	return ike_bytes_set(body, buf + IKE_PAYLOAD_HEADER_LEN, len - IKE_PAYLOAD_HEADER_LEN);
}

int ike_auth_shared(const struct ike_keys *k, const uint8_t *sk_p, const struct secret *key,
    struct ike_span message, const struct ike_nonce *nonce, struct ike_span id_body, uint8_t *out)
{
	uint8_t padded[CRYPTO_MAX_HASH], maced_id[CRYPTO_MAX_HASH];
	struct chunk pad = { (const uint8_t *)key_pad, sizeof(key_pad) - 1 };
	struct chunk id = { id_body.data, id_body.len };
	struct chunk octets[] = { { message.data, message.len }, { nonce->data, nonce->len },
		{ maced_id, k->prf_len } };
	int rc = -1;

	if (!prf(k->prf, key->data, key->len, &pad, 1, padded) &&
	    !prf(k->prf, sk_p, k->prf_len, &id, 1, maced_id) &&
	    !prf(k->prf, padded, k->prf_len, octets, 3, out))
		rc = 0;
	cleanse(padded, sizeof(padded));
	return rc;
}

/* One side of the IKE SA, as signer. */
struct signer {
	struct ike_span message, id;
	const struct ike_nonce *nonce; /* the other's */
	const uint8_t *sk_p;
};

static struct signer signer_of(const struct ike_sa *sa, bool mine)
{
	const struct ike_bytes *m = mine ? &sa->init_mine : &sa->init_peers;
	const struct ike_bytes *id = mine ? &sa->auth->id_mine : &sa->auth->id_peer;
	bool initiator = mine == sa->initiator;

	return (struct signer){ .message = { m->data, m->len },
		.id = { id->data, id->len },
		.nonce = initiator ? &sa->nr : &sa->ni,
		.sk_p = initiator ? sa->keys.sk_pi : sa->keys.sk_pr };
}

int ike_auth_octets(const struct ike_sa *sa, bool mine, struct ike_bytes *ret_octets)
{
	struct signer s = signer_of(sa, mine);
	struct chunk id = { s.id.data, s.id.len };
	uint8_t maced_id[CRYPTO_MAX_HASH];
	size_t len = s.message.len + s.nonce->len + sa->keys.prf_len;
	struct wr w;

	if (prf(sa->keys.prf, s.sk_p, sa->keys.prf_len, &id, 1, maced_id))
		return -1;
	ret_octets->data = malloc(len);
	if (!ret_octets->data)
		return -1;
	ret_octets->len = len;
	w = wr_init(ret_octets->data, len);
	wr_bytes(&w, s.message.data, s.message.len);
	wr_bytes(&w, s.nonce->data, s.nonce->len);
	wr_bytes(&w, maced_id, sa->keys.prf_len);
	return 0;
}

/* AUTH by the pre-shared key, or by the MSK that EAP ended with. */
static int shared_proof(const struct ike_sa *sa, bool mine, uint8_t *out)
{
	struct signer s = signer_of(sa, mine);
	const struct secret *key = sa->auth->eap_over ? &sa->auth->msk : &sa->conn->psk;

	if (!key->len)
		return -1;
	return ike_auth_shared(&sa->keys, s.sk_p, key, s.message, s.nonce, s.id, out);
}

/* As initiator it is our request that waits, as responder the peer's. */
static enum ike_job_slot slot_of(const struct ike_sa *sa)
{
	return sa->initiator ? IKE_SLOT_TASK : IKE_SLOT_REQUEST;
}

/* Queues a job that holds this signature; takes it over. 0: no memory. */
static uint64_t signature_job(struct ike_sa *sa, enum ike_job_kind kind, struct ike_signature *s)
{
	struct ike_job *job = s ? ike_job_new(sa, slot_of(sa), kind) : NULL;

	if (!job) {
		ike_signature_free(s);
		return 0;
	}
	job->signature = s;
	return ike_job_queue(sa, job);
}

static uint64_t start_signing(struct ike_sa *sa)
{
	struct ike_signature *s = calloc(1, sizeof(*s));

	if (!s)
		return 0;
	s->cred = credentials_ref(sa->conn->cred);
	s->hashes = sa->peer_hashes;
	if (ike_auth_octets(sa, true, &s->octets)) {
		ike_signature_free(s);
		return 0;
	}
	return signature_job(sa, IKE_JOB_SIGN, s);
}

enum ike_auth_result ike_auth_prove(struct ike_sa *sa, uint64_t *ret_ticket, struct reason *why)
{
	struct ike_auth *a = sa->auth;
	uint8_t out[CRYPTO_MAX_HASH];
	int rc;

	ike_reason_internal(why, "AUTH could not be computed");
	if (sa->conn->cfg.local_auth == IKE_AUTH_KIND_CERT && !a->eap_over) {
		*ret_ticket = start_signing(sa);
		return *ret_ticket ? IKE_AUTH_LATER : IKE_AUTH_FAILED;
	}
	rc = shared_proof(sa, true, out) || ike_bytes_set(&a->proof, out, sa->keys.prf_len);
	cleanse(out, sizeof(out));
	if (rc)
		return IKE_AUTH_FAILED;
	a->method = IKE_AUTH_PSK;
	return IKE_AUTH_NOW;
}

int ike_auth_proved(struct ike_sa *sa, struct ike_job *job, struct reason *why)
{
	struct ike_auth *a = sa->auth;

	ike_reason_internal(why, "AUTH could not be computed");
	if (!job->signature)
		return -1;
	sa->facts.cert = job->signature->facts;
	if (!job->ok) {
		if (reason_is_set(&job->signature->why))
			*why = job->signature->why;
		return -1;
	}
	a->method = job->signature->method;
	ike_bytes_clear(&a->proof);
	a->proof = job->signature->proof;
	job->signature->proof = (struct ike_bytes){ 0 };
	return 0;
}

static enum ike_auth_result verify_shared(
    struct ike_sa *sa, const struct ike_auth_view *auth, struct reason *why)
{
	uint8_t want[CRYPTO_MAX_HASH];
	enum ike_auth_result rc = IKE_AUTH_NOW;

	if (auth->method != IKE_AUTH_PSK) {
		ike_reason_auth_method(why, sa, auth->method);
		return IKE_AUTH_FAILED;
	}
	if (shared_proof(sa, false, want) || auth->data.len != sa->keys.prf_len ||
	    !bytes_eq_ct(auth->data.data, want, sa->keys.prf_len)) {
		if (sa->auth->eap_over)
			ike_reason_eap_key(why, sa, &sa->remote_id);
		else
			ike_reason_psk_differs(why, sa, &sa->remote_id);
		rc = IKE_AUTH_FAILED;
	}
	cleanse(want, sizeof(want));
	return rc;
}

enum ike_auth_result ike_auth_verify(
    struct ike_sa *sa, const struct ike_payloads *p, uint64_t *ret_ticket, struct reason *why)
{
	struct ike_auth_view auth;
	struct ike_signature *s;

	if (!p->auth.data || ike_auth_parse(p->auth, &auth)) {
		ike_reason_bad_answer(why, sa, "IKE_AUTH without a readable proof");
		return IKE_AUTH_FAILED;
	}
	if (ike_ppk_instead(sa, p))
		auth.data = ike_ppk_instead(sa, p)->data;
	if (sa->conn->cfg.remote_auth != IKE_AUTH_KIND_CERT || sa->auth->eap_over)
		return verify_shared(sa, &auth, why);
	if (!ike_auth_method_fits(IKE_AUTH_KIND_CERT, auth.method)) {
		ike_reason_auth_method(why, sa, auth.method);
		return IKE_AUTH_FAILED;
	}
	s = ike_signature_of_peer(sa, p, &auth, why);
	*ret_ticket = s ? signature_job(sa, IKE_JOB_VERIFY, s) : 0;
	return *ret_ticket ? IKE_AUTH_LATER : IKE_AUTH_FAILED;
}

/* A proof of the peer's holds for so many seconds (0: for ever); the shortest counts. */
static void holds_for(struct ike_sa *sa, int64_t seconds)
{
	if (seconds && (!sa->auth_left.ns || seconds < mdur_to_s(sa->auth_left)))
		sa->auth_left = mdur_s(seconds);
}

int ike_auth_verified(struct ike_sa *sa, struct ike_job *job, struct reason *why)
{
	if (!job->signature) {
		ike_reason_internal(why, "the peer's AUTH could not be judged");
		return -1;
	}
	if (job->signature->facts.any)
		sa->facts.cert = job->signature->facts;
	if (!job->ok) {
		ike_reason_certificate(why, sa, &job->signature->why);
		return -1;
	}
	holds_for(sa, job->signature->valid_for);
	if (reason_is_set(&job->signature->warning)) {
		ike_reason_certificate(why, sa, &job->signature->warning);
		ike_act_report(sa->ike, sa->conn->id, IKE_REPORT_WARN, why);
	}
	return 0;
}

uint64_t ike_auth_turn(struct ike_sa *sa, struct ike_span packet)
{
	struct ike_job *job =
	    packet.len <= IKE_EAP_PACKET_MAX ? ike_job_new(sa, slot_of(sa), IKE_JOB_EAP) : NULL;

	if (!job)
		return 0;
	job->turn = calloc(1, sizeof(*job->turn));
	if (!job->turn) {
		ike_job_free(job);
		return 0;
	}
	if (packet.len)
		memcpy(job->turn->in, packet.data, packet.len);
	job->turn->in_len = packet.len;
	job->eap = sa->auth->eap;
	sa->auth->eap = NULL;
	return ike_job_queue(sa, job);
}

enum ike_eap_verdict ike_auth_turned(struct ike_sa *sa, struct ike_job *job, struct reason *why)
{
	struct ike_auth *a = sa->auth;

	if (!job->ok || job->turn->out_len > sizeof(job->turn->out)) {
		ike_reason_internal(why, "the EAP method could not run");
		return IKE_EAP_FAILURE;
	}
	a->eap = job->eap;
	job->eap = NULL;
	ike_reason_eap(why, sa, &job->turn->why);
	if (job->turn->alert)
		sa->facts.eap_alert = job->turn->alert;
	if (job->turn->verdict == IKE_EAP_SUCCESS) {
		if (secret_copy(&a->msk, ike_eap_msk(a->eap))) {
			job->turn->out_len = 0; /* that is EAP-Success */
			ike_reason_internal(why, "out of memory");
			return IKE_EAP_FAILURE;
		}
		a->eap_over = true;
		holds_for(sa, job->turn->valid_for);
	}
	return job->turn->verdict;
}

void ike_auth_turn_warn(struct ike_sa *sa, const struct ike_job *job)
{
	struct reason why;

	if (!reason_is_set(&job->turn->warning))
		return;
	ike_reason_certificate(&why, sa, &job->turn->warning);
	ike_act_report(sa->ike, sa->conn->id, IKE_REPORT_WARN, &why);
}
