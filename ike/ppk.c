/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 8784, both roles, with fixed PPK_IDs. While it is open whether the other side has the PPK, the keys
 * without it are kept in struct ike_auth; sa->keys always are those that the next proof is made or verified
 * with.
 *
 * Initiator                                  Responder
 * IKE_SA_INIT ... N(USE_PPK)          ->
 *                                     <-     ... N(USE_PPK)
 * AUTH with PPK, N(PPK_IDENTITY, id)
 *   [, N(NO_PPK_AUTH, proof without)] ->
 *                                     <-     AUTH with PPK, N(PPK_IDENTITY): used
 *                                            AUTH: done without
 */
#include "ike/ppk.h"
#include "ike/engine.h"
#include "ike/reasons.h"

#include <string.h>

#define PPK_ID_FIXED 2 /* 5.1 */

bool ike_ppk_configured(const struct ike_conn *conn)
{
	return conn->cfg.ppk.id[0] != '\0';
}

bool ike_ppk_any(struct ike *ike, const struct addr *remote)
{
	for (struct ike_conn *conn = NULL; (conn = ike_conn_for(ike, remote, conn));)
		if (ike_ppk_configured(conn))
			return true;
	return false;
}

int ike_ppk_negotiated(struct ike_sa *sa, const struct ike_payloads *p, struct reason *why)
{
	const struct ike_ppk_config *cfg = &sa->conn->cfg.ppk;

	sa->use_ppk = ike_ppk_configured(sa->conn) && ike_notify_find(p, IKE_N_USE_PPK);
	if (cfg->required && !sa->use_ppk) {
		ike_reason_ppk_missing(why, sa);
		return -1;
	}
	return 0;
}

/* Puts the PPK into the keys; those without it are kept. */
static int mix(struct ike_sa *sa)
{
	struct ike_auth *a = sa->auth;
	struct ike_keys *k = &sa->keys;
	const struct secret *ppk = &sa->conn->ppk;
	struct ike_ppk_keys mixed;
	uint8_t *const from[] = { k->sk_d, k->sk_pi, k->sk_pr };
	uint8_t *const to[] = { mixed.sk_d, mixed.sk_pi, mixed.sk_pr };
	int rc = 0;

	for (unsigned i = 0; !rc && i < 3; i++)
		rc = prf_plus(k->prf, ppk->data, ppk->len, &(struct chunk){ from[i], k->prf_len }, 1, to[i],
		    k->prf_len);
	if (!rc) {
		memcpy(a->plain.sk_d, k->sk_d, sizeof(k->sk_d));
		memcpy(a->plain.sk_pi, k->sk_pi, sizeof(k->sk_pi));
		memcpy(a->plain.sk_pr, k->sk_pr, sizeof(k->sk_pr));
		for (unsigned i = 0; i < 3; i++)
			memcpy(from[i], to[i], k->prf_len);
		a->ppk_mixed = true;
	}
	cleanse(&mixed, sizeof(mixed));
	return rc;
}

static void unmix(struct ike_sa *sa)
{
	struct ike_auth *a = sa->auth;

	memcpy(sa->keys.sk_d, a->plain.sk_d, sizeof(a->plain.sk_d));
	memcpy(sa->keys.sk_pi, a->plain.sk_pi, sizeof(a->plain.sk_pi));
	memcpy(sa->keys.sk_pr, a->plain.sk_pr, sizeof(a->plain.sk_pr));
	a->ppk_mixed = false;
}

/* The proof that was made without the PPK is kept beside. */
static void keep_proof(struct ike_auth *a)
{
	ike_bytes_clear(&a->no_ppk);
	a->no_ppk = a->proof;
	a->proof = (struct ike_bytes){ 0 };
}

enum ike_auth_result ike_ppk_prove(struct ike_sa *sa, uint64_t *ret_ticket, struct reason *why)
{
	struct ike_auth *a = sa->auth;

	if (sa->use_ppk && !a->ppk_mixed) {
		if (!sa->conn->cfg.ppk.required && !a->no_ppk.data) {
			enum ike_auth_result rc = ike_auth_prove(sa, ret_ticket, why);

			if (rc != IKE_AUTH_NOW)
				return rc;
			keep_proof(a);
		}
		if (mix(sa)) {
			ike_reason_internal(why, "the PPK could not be mixed into the keys");
			return IKE_AUTH_FAILED;
		}
	}
	return ike_auth_prove(sa, ret_ticket, why);
}

int ike_ppk_proved(struct ike_sa *sa, struct ike_job *job, struct reason *why)
{
	if (ike_auth_proved(sa, job, why))
		return -1;
	if (!sa->use_ppk || sa->auth->ppk_mixed)
		return 0;
	keep_proof(sa->auth);
	return 1;
}

void ike_ppk_build(const struct ike_sa *sa, struct ike_build *b)
{
	const struct ike_auth *a = sa->auth;
	const char *id = sa->conn->cfg.ppk.id;
	uint8_t data[1 + IKE_PPK_ID_MAX];
	struct wr w = wr_init(data, sizeof(data));

	if (!a->ppk_mixed)
		return;
	wr_u8(&w, PPK_ID_FIXED);
	wr_bytes(&w, id, strlen(id));
	ike_build_notify(b, IKE_PROTO_NONE, NULL, IKE_N_PPK_IDENTITY, data, wr_len(&w));
	if (a->no_ppk.data)
		ike_build_notify(b, IKE_PROTO_NONE, NULL, IKE_N_NO_PPK_AUTH, a->no_ppk.data, a->no_ppk.len);
}

int ike_ppk_answered(struct ike_sa *sa, const struct ike_payloads *p, struct reason *why)
{
	if (!sa->auth->ppk_mixed || ike_notify_find(p, IKE_N_PPK_IDENTITY))
		return 0;
	if (sa->conn->cfg.ppk.required) {
		ike_reason_ppk_missing(why, sa);
		return -1;
	}
	unmix(sa);
	return 0;
}

/* Does the notification name our PPK? */
static bool names_ours(const struct ike_conn *conn, const struct ike_notify *n)
{
	struct rd r = rd_init(n->data.data, n->data.len);
	uint8_t type = rd_u8(&r);
	size_t len = rd_left(&r);
	const uint8_t *id = rd_skip(&r, len);

	return ike_ppk_configured(conn) && type == PPK_ID_FIXED && len == strlen(conn->cfg.ppk.id) && id &&
	       !memcmp(id, conn->cfg.ppk.id, len);
}

int ike_ppk_choose(struct ike_sa *sa, const struct ike_payloads *p, struct reason *why)
{
	const struct ike_notify *id = sa->use_ppk ? ike_notify_find(p, IKE_N_PPK_IDENTITY) : NULL;

	if (id && names_ours(sa->conn, id)) {
		if (!mix(sa))
			return 0;
		ike_reason_internal(why, "the PPK could not be mixed into the keys");
		return -1;
	}
	if (!id && !sa->conn->cfg.ppk.required)
		return 0;
	if (!id) {
		ike_reason_ppk_missing(why, sa);
		return -1;
	}
	if (sa->conn->cfg.ppk.required || !ike_notify_find(p, IKE_N_NO_PPK_AUTH)) {
		ike_reason_ppk_unknown(why, sa, id);
		return -1;
	}
	sa->auth->without_ppk = true;
	return 0;
}

const struct ike_notify *ike_ppk_instead(const struct ike_sa *sa, const struct ike_payloads *p)
{
	return sa->auth->without_ppk ? ike_notify_find(p, IKE_N_NO_PPK_AUTH) : NULL;
}

void ike_ppk_blame(struct ike_sa *sa, const struct ike_payloads *p, struct reason *why)
{
	struct ike_auth *a = sa->auth;
	struct reason other;
	uint64_t ticket = 0;

	if (!a->ppk_mixed)
		return;
	if (sa->initiator || !ike_notify_find(p, IKE_N_NO_PPK_AUTH)) {
		ike_reason_ppk_maybe(why, sa);
		return;
	}
	/* The proof without it is there: if that is right, it is the PPK and nothing else. */
	unmix(sa);
	a->without_ppk = true;
	if (sa->conn->cfg.remote_auth != IKE_AUTH_KIND_CERT &&
	    ike_auth_verify(sa, p, &ticket, &other) == IKE_AUTH_NOW)
		ike_reason_ppk_differs(why, sa);
	a->without_ppk = false;
}

void ike_ppk_confirm(const struct ike_sa *sa, struct ike_build *b)
{
	if (sa->auth->ppk_mixed)
		ike_build_notify(b, IKE_PROTO_NONE, NULL, IKE_N_PPK_IDENTITY, NULL, 0);
}

void ike_ppk_settled(struct ike_sa *sa)
{
	struct reason why;

	sa->ppk = sa->auth->ppk_mixed;
	if (!ike_ppk_configured(sa->conn) || sa->ppk)
		return;
	ike_reason_ppk_unused(&why, sa);
	ike_act_report(sa->ike, sa->conn->id, IKE_REPORT_WARN, &why);
}
