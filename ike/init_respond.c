/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_SA_INIT as responder (RFC 7296 1.2, 2.6). What a stranger can make us do is ordered by cost: look for a
 * connection that serves its address, count half-open SAs, demand a COOKIE, choose a proposal, refuse a key
 * of the wrong group; all that keeps nothing. Only then a half-open SA is made and the key exchange computed,
 * as a job.
 */
#include "ike/engine.h"
#include "ike/nat.h"
#include "ike/others.h"
#include "ike/ppk.h"
#include "ike/reasons.h"

#include <string.h>

#define REPEATS_MAX 16 /* an honest peer repeats some ten times before it gives up */

static const mdur flood_said_every = { 60 * (int64_t)1000000000 };

/* One request of a stranger, and where the answer goes. */
struct stranger {
	struct ike *ike;
	const struct ike_header *h;
	const struct endpoint *local, *remote;
	bool natt;
	size_t len; /* of the request */
	struct ike_payloads p;
	struct ike_offer offer;
	struct ike_ke_view ke;
};

bool ike_conn_serves(const struct ike_conn *conn, const struct addr *local, const struct addr *remote)
{
	const struct ike_conn_config *c = &conn->cfg;

	if (!conn->up || c->role == IKE_ROLE_INITIATE)
		return false;
	if (!addr_is_none(&c->local) && !addr_is_none(local) && !addr_eq(&c->local, local))
		return false;
	for (unsigned i = 0; i < c->n_remote; i++)
		if (addr_eq(&c->remote[i], remote))
			return true;
	return !c->n_remote;
}

/* The connection whose proposals fit; one that names the address goes before one for any peer. */
static struct ike_conn *find_conn(
    struct stranger *s, struct ike_choice *ret_choice, struct ike_conn **ret_unfit)
{
	struct ike_conn *best = NULL;

	*ret_unfit = NULL;
	for (struct ike_conn *conn = NULL; (conn = ike_conn_for(s->ike, &s->remote->addr, conn));) {
		struct ike_choice c;

		if (!ike_conn_serves(conn, &s->local->addr, &s->remote->addr))
			continue;
		if (best && best->cfg.n_remote && !conn->cfg.n_remote)
			break;
		if (best && best->order < conn->order)
			continue;
		if (ike_sa_select(&conn->cfg.ike_proposals, &s->offer, IKE_PROTO_IKE, IKE_KE_LISTED,
		        (enum ke_id)s->ke.group, &c)) {
			*ret_unfit = conn;
			continue;
		}
		best = conn;
		*ret_choice = c;
	}
	return best;
}

static bool any_serves(const struct stranger *s)
{
	for (struct ike_conn *conn = NULL; (conn = ike_conn_for(s->ike, &s->remote->addr, conn));)
		if (ike_conn_serves(conn, &s->local->addr, &s->remote->addr))
			return true;
	return false;
}

/* An answer that keeps no state: one notification, never longer than what asked for it. */
static void answer(const struct stranger *s, uint16_t type, const void *data, size_t len)
{
	struct ike *ike = s->ike;
	struct ike_build b = ike_build_init(ike->body, sizeof(ike->body));
	struct ike_header h = { .spi_i = s->h->spi_i, .exchange = IKE_X_SA_INIT, .response = true };
	size_t body_len, msg_len;

	ike_build_notify(&b, IKE_PROTO_NONE, NULL, type, data, len);
	if (ike_build_finish(&b, &body_len) ||
	    ike_message_plain(&h, b.first, ike->body, body_len, ike->msg, sizeof(ike->msg), &msg_len) ||
	    msg_len > s->len)
		return;
	ike_act_send(ike, 0, s->local, s->remote, s->natt, ike->msg, msg_len, 0);
}

/* May one more half-open SA be made? Demands a cookie when there are many. */
static bool admit(const struct stranger *s, mtime now)
{
	struct ike *ike = s->ike;
	const struct ike_notify *n = s->p.order[0] == IKE_P_NOTIFY ? &s->p.notify[0] : NULL;
	unsigned half_open = ike->n_sas[IKE_SA_HALF_OPEN], established = ike->n_sas[IKE_SA_ESTABLISHED];
	unsigned here = ike_half_open_of(ike, &s->remote->addr);
	uint8_t cookie[IKE_COOKIE_LEN];

	/* Half of what one source may have is for those who have shown that they are there: who forges a
	 * peer's address can't use it up. */
	if (half_open >= ike->limits.cookie_threshold || here >= ike->limits.half_open_per_source / 2) {
		if (!n || n->type != IKE_N_COOKIE ||
		    !ike_cookie_check(
		        &ike->cookies, now, n->data, s->p.nonce, &s->remote->addr, s->h->spi_i)) {
			if (!ike_cookie_make(&ike->cookies, &ike->rng, now, s->p.nonce, &s->remote->addr,
			        s->h->spi_i, cookie)) {
				answer(s, IKE_N_COOKIE, cookie, sizeof(cookie));
				ike->stats.cookies_sent++;
			}
			return false;
		}
	}
	if (half_open >= ike->limits.half_open_max || here >= ike->limits.half_open_per_source ||
	    established >= ike->limits.established_max) {
		struct reason why;

		ike->stats.dropped_half_open++;
		if (mtime_is_never(ike->half_open_said) ||
		    mtime_since(now, ike->half_open_said).ns >= flood_said_every.ns) {
			ike->half_open_said = now;
			ike_reason_half_open(&why, half_open, ike->limits.half_open_max);
			ike_act_report(ike, 0, IKE_REPORT_WARN, &why);
		}
		return false;
	}
	return true;
}

/*
 * A repeat of a request that has its half-open SA (RFC 7296 2.1): the same answer, or none while it is made.
 * That answer may be longer than the request, so who forges a source gets it a few times only.
 */
static bool repeated(const struct stranger *s, const uint8_t *data, size_t len)
{
	for (struct ike_sa *sa = NULL; (sa = ike_sa_by_their_spi(s->ike, s->h->spi_i, sa));) {
		if (!addr_eq(&sa->remote.addr, &s->remote->addr))
			continue;
		if (sa->state == IKE_SA_HALF_OPEN && sa->kept_repeats < REPEATS_MAX &&
		    sa->init_peers.len == len && !memcmp(sa->init_peers.data, data, len))
			ike_respond_again(sa, &(struct ike_way){ s->local, s->remote, s->natt });
		return true;
	}
	return false;
}

static void open_half(struct stranger *s, struct ike_conn *conn, const struct ike_choice *c,
    const uint8_t *data, size_t len, mtime now)
{
	struct ike *ike = s->ike;
	struct ike_sa *sa = ike_sa_new(ike, conn, false, s->h->spi_i, ike_sa_new_spi(ike), now);
	struct ike_nat_result nat;

	if (!sa)
		return;
	ike_index_source(sa, &s->remote->addr);
	sa->local = *s->local;
	sa->remote = *s->remote;
	sa->natt = s->natt;
	sa->suite = c->suite;
	sa->init_number = c->number;
	sa->init_integ_none = c->integ_none;
	sa->ni.len = (uint16_t)s->p.nonce.len;
	memcpy(sa->ni.data, s->p.nonce.data, s->p.nonce.len);
	sa->nr.len = IKE_NONCE_LEN;
	rng_fill(&ike->rng, sa->nr.data, IKE_NONCE_LEN);
	sa->low = *ike_nonce_lower(&sa->ni, &sa->nr);
	/* The initiator hashed with a responder SPI of zero. */
	sa->peer_hashes = ike_signature_parse_hashes(&s->p);
	nat = ike_nat_detect(&s->p, sa->spi_i, 0, s->local, s->remote);
	sa->use_ppk = ike_notify_find(&s->p, IKE_N_USE_PPK) && ike_ppk_any(ike, &s->remote->addr);
	sa->natd = nat.supported;
	sa->nat_local = nat.local;
	sa->nat_remote = nat.remote;
	sa->fragmentation = conn->cfg.fragmentation != IKE_FRAGMENTATION_NO &&
	                    ike_notify_find(&s->p, IKE_N_FRAGMENTATION_SUPPORTED);
	sa->parked.exchange = IKE_X_SA_INIT;
	sa->parked.ticket = ike_job_start(sa, IKE_SLOT_REQUEST, c->suite.ke, NULL, s->ke.data);
	if (!sa->parked.ticket || ike_bytes_set(&sa->init_peers, data, len))
		ike_sa_dead(sa);
}

void ike_init_request(struct ike *ike, const struct ike_header *h, struct rd chain, const uint8_t *data,
    size_t len, const struct endpoint *local, const struct endpoint *remote, bool natt, mtime now)
{
	struct stranger s = {
		.ike = ike, .h = h, .local = local, .remote = remote, .natt = natt, .len = len
	};
	struct ike_conn *conn, *unfit;
	struct ike_facts facts;
	struct ike_choice c;
	struct ke_info info;
	struct reason why;
	uint8_t group[2];
	struct wr w = wr_init(group, sizeof(group));

	if (h->spi_r || h->msg_id || !h->from_initiator || ike_payloads_parse(chain, h->first, &s.p) ||
	    ike_payloads_check(&s.p, IKE_X_SA_INIT, false) || ike_ke_parse(s.p.ke, &s.ke) ||
	    s.p.nonce.len < IKE_NONCE_MIN || s.p.nonce.len > IKE_NONCE_MAX) {
		ike->stats.dropped_malformed++;
		return;
	}
	if (repeated(&s, data, len))
		return;
	if (!any_serves(&s)) {
		ike->stats.dropped_no_sa++;
		return;
	}
	if (!admit(&s, now))
		return;
	if (ike_sa_parse(s.p.sa, &s.offer)) {
		ike->stats.dropped_malformed++;
		return;
	}
	conn = find_conn(&s, &c, &unfit);
	if (!conn) {
		answer(&s, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
		ike_reason_no_proposal_theirs(&why, unfit, remote, &s.offer);
		facts = ike_facts_stranger(unfit, local, remote, &s.offer);
		ike_others_note(unfit, &why, &facts, false, now);
		return;
	}
	if (s.ke.group != (unsigned)c.suite.ke || !ke_info(c.suite.ke, &info) ||
	    s.ke.data.len != info.public_len) {
		wr_u16(&w, (uint16_t)c.suite.ke);
		answer(&s, IKE_N_INVALID_KE_PAYLOAD, group, sizeof(group));
		return;
	}
	open_half(&s, conn, &c, data, len, now);
}

void ike_init_respond_job_done(struct ike_sa *sa, struct ike_job *job)
{
	struct ike *ike = sa->ike;
	struct ike_build b = ike_build_init(ike->body, sizeof(ike->body));
	struct ike_header h = {
		.spi_i = sa->spi_i, .spi_r = sa->spi_r, .exchange = IKE_X_SA_INIT, .response = true
	};
	struct ike_choice c = {
		.suite = sa->suite, .number = sa->init_number, .integ_none = sa->init_integ_none
	};
	size_t body_len, len;

	sa->parked = (struct ike_parked){ 0 };
	if (!job->ok || ike_sa_derive(sa, &job->secret)) {
		ike_sa_dead(sa);
		return;
	}
	ike_build_sa_choice(&b, &c, IKE_PROTO_IKE, NULL);
	ike_build_ke(&b, (uint16_t)sa->suite.ke, job->ke_public, job->ke_public_len);
	ike_build_nonce(&b, sa->nr.data, sa->nr.len);
	sa->nat_pretended = sa->conn->cfg.force_encap;
	ike_nat_build(&b, sa->spi_i, sa->spi_r, &sa->local, &sa->remote, sa->nat_pretended, &ike->rng);
	if (sa->fragmentation)
		ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_FRAGMENTATION_SUPPORTED, NULL, 0);
	if (sa->conn->cfg.remote_auth == IKE_AUTH_KIND_CERT)
		ike_signature_build_certreq(&b, sa->conn->cred);
	ike_signature_build_hashes(&b);
	if (sa->use_ppk)
		ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_USE_PPK, NULL, 0);
	if (ike_build_finish(&b, &body_len) ||
	    ike_message_plain(&h, b.first, ike->body, body_len, ike->msg, sizeof(ike->msg), &len) ||
	    ike_bytes_set(&sa->init_mine, ike->msg, len) || ike_bytes_set(&sa->kept, ike->msg, len)) {
		ike_sa_dead(sa);
		return;
	}
	sa->next_peer = 1;
	ike_send_raw(sa, &sa->kept, 0);
}
