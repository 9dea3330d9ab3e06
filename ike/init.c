/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_SA_INIT as initiator (RFC 7296 1.2, 2.6, 2.7, 2.23). Key generation is a job; then the request goes out
 * and is repeated until an answer fits. COOKIE and INVALID_KE_PAYLOAD make us ask again, a limited number of
 * times. Nothing here is authenticated yet: a complaint from the network is noted (sa->hint) and ends the
 * attempt only when it is NO_PROPOSAL_CHOSEN; a forged answer can cost an attempt, never an SA.
 */
#include "ike/engine.h"
#include "ike/mobike.h"
#include "ike/nat.h"
#include "ike/ppk.h"
#include "ike/reasons.h"

#include <string.h>

#define COOKIE_RETRIES_MAX 3
#define KE_RETRIES_MAX     4

enum ke_id ike_first_group(const struct ike_proposals *ours)
{
	return ours->list[0].n_ke ? ours->list[0].ke[0] : KE_NONE;
}

static bool offered(const struct ike_proposals *ours, unsigned group)
{
	for (unsigned i = 0; i < ours->n; i++)
		for (unsigned j = 0; j < ours->list[i].n_ke; j++)
			if ((unsigned)ours->list[i].ke[j] == group)
				return true;
	return false;
}

enum ke_id ike_retry_group(struct ike_task *t, const struct ike_proposals *ours, const struct ike_notify *n)
{
	struct rd r = rd_init(n->data.data, n->data.len);
	unsigned group = rd_u16(&r);

	if (!rd_done(&r) || !offered(ours, group) || group == (unsigned)t->group ||
	    t->ke_retries >= KE_RETRIES_MAX)
		return KE_NONE;
	t->ke_retries++;
	return (enum ke_id)group;
}

static int start_ke(struct ike_sa *sa, enum ke_id group)
{
	struct ike_task *t = &sa->task;

	ke_free(t->ke);
	t->ke = NULL;
	t->group = group;
	t->ticket = ike_job_start(sa, IKE_SLOT_TASK, group, NULL, (struct ike_span){ 0 });
	return t->ticket ? 0 : -1;
}

void ike_init_start(struct ike_conn *conn, mtime now)
{
	struct ike *ike = conn->ike;
	struct ike_sa *sa = ike_sa_new(ike, conn, true, ike_sa_new_spi(ike), 0, now);

	if (!sa)
		return;
	conn->attempt = sa;
	if (ike_init_begin(sa))
		ike_sa_dead(sa);
}

int ike_init_begin(struct ike_sa *sa)
{
	struct ike_conn *conn = sa->conn;
	struct ike *ike = sa->ike;

	sa->local = (struct endpoint){ conn->cfg.local, IKE_PORT };
	sa->remote = (struct endpoint){ conn->cfg.remote[conn->remote_index % conn->cfg.n_remote], IKE_PORT };
	sa->ni.len = IKE_NONCE_LEN;
	rng_fill(&ike->rng, sa->ni.data, IKE_NONCE_LEN);
	sa->task.kind = IKE_TASK_INIT;
	return start_ke(sa, ike_first_group(ike_trial_offer(sa)));
}

static void send_init(struct ike_sa *sa, mtime now)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	const struct ike_task *t = &sa->task;

	if (sa->cookie.data) /* first of all (RFC 7296 2.6) */
		ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_COOKIE, sa->cookie.data, sa->cookie.len);
	ike_build_sa(&b, ike_trial_offer(sa), IKE_PROTO_IKE, NULL, true);
	ike_build_ke(&b, (uint16_t)t->group, t->ke_public, t->ke_public_len);
	ike_build_nonce(&b, sa->ni.data, sa->ni.len);
	sa->nat_pretended = cfg->force_encap || addr_is_none(&sa->local.addr);
	ike_nat_build(&b, sa->spi_i, 0, &sa->local, &sa->remote, sa->nat_pretended, &sa->ike->rng);
	if (cfg->fragmentation != IKE_FRAGMENTATION_NO)
		ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_FRAGMENTATION_SUPPORTED, NULL, 0);
	if (ike_ppk_configured(sa->conn))
		ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_USE_PPK, NULL, 0);
	ike_signature_build_hashes(&b);
	/* AUTH covers this very message (RFC 7296 2.15). */
	if (ike_request_send_plain(sa, IKE_X_SA_INIT, &b, now) ||
	    ike_bytes_set(&sa->init_mine, sa->out.msg.data, sa->out.msg.len))
		ike_task_failed(sa, now);
}

void ike_init_job_done(struct ike_sa *sa, struct ike_job *job, mtime now)
{
	struct ike_task *t = &sa->task;
	struct reason why;

	if (!job->ok) {
		if (t->waiting_secret)
			ike_reason_invalid_ke(&why, sa, (unsigned)t->group);
		else
			ike_reason_internal(&why, "the crypto library could not make a key for this group");
		ike_attempt_failed(sa, &why, now);
		return;
	}
	if (!t->waiting_secret) {
		t->ke = job->ke;
		job->ke = NULL;
		memcpy(t->ke_public, job->ke_public, job->ke_public_len);
		t->ke_public_len = job->ke_public_len;
		send_init(sa, now);
		return;
	}
	if (ike_sa_derive(sa, &job->secret)) {
		ike_reason_internal(&why, "IKE keys could not be derived");
		ike_attempt_failed(sa, &why, now);
		return;
	}
	ike_task_clear(sa);
	ike_auth_start(sa, now);
}

/* The answer is a complaint: 0 when it was one (and is dealt with). */
static int complaint(struct ike_sa *sa, const struct ike_payloads *p, mtime now)
{
	const struct ike_notify *cookie = ike_notify_find(p, IKE_N_COOKIE), *error = ike_notify_error(p);
	struct ike_task *t = &sa->task;
	struct reason why;
	enum ke_id group;

	if (p->sa.data)
		return -1;
	ike_facts_notifies(sa, p);
	if (cookie && cookie->data.len && cookie->data.len <= IKE_COOKIE_MAX) {
		/*
		 * We hold one and have only just sent it: this answers an earlier repeat of ours. To ask
		 * again would change the message that our AUTH covers while the peer is answering the one
		 * before.
		 */
		if (sa->cookie.data && sa->out.msg.data && sa->out.sent < 2)
			return 0;
		if (t->cookies++ < COOKIE_RETRIES_MAX &&
		    !ike_bytes_set(&sa->cookie, cookie->data.data, cookie->data.len)) {
			ike_out_clear(sa);
			send_init(sa, now);
		}
		return 0;
	}
	if (!error)
		return -1;
	if (error->type == IKE_N_INVALID_KE_PAYLOAD) {
		group = ike_retry_group(t, ike_trial_offer(sa), error);
		if (group != KE_NONE) {
			ike_out_clear(sa);
			if (start_ke(sa, group))
				ike_task_failed(sa, now);
			return 0;
		}
		struct rd r = rd_init(error->data.data, error->data.len);
		ike_reason_invalid_ke(&sa->hint, sa, rd_u16(&r));
	} else if (error->type == IKE_N_NO_PROPOSAL_CHOSEN) {
		struct ike_conn *conn = sa->conn;
		bool trial = sa->trial;

		ike_reason_no_proposal(&why, sa);
		ike_attempt_failed(sa, &why, now);
		if (!trial)
			ike_trial_start(conn, now);
	} else {
		ike_reason_refused(&sa->hint, sa, error->type, "IKE_SA_INIT");
	}
	return 0;
}

/* Does the answer choose what we offered, with the key we sent? */
static int check_answer(struct ike_sa *sa, const struct ike_payloads *p, struct ike_ke_view *ret_ke)
{
	struct ike_offer offer;
	struct ike_choice c;
	struct ke_info info;

	if (!p->ke.data || p->nonce.len < IKE_NONCE_MIN || p->nonce.len > IKE_NONCE_MAX ||
	    ike_ke_parse(p->ke, ret_ke))
		return -1;
	if (ike_sa_parse(p->sa, &offer) || !ike_sa_is_answer(&offer) ||
	    ike_sa_select(ike_trial_offer(sa), &offer, IKE_PROTO_IKE, IKE_KE_LISTED, sa->task.group, &c))
		return -1;
	if (c.suite.ke != sa->task.group || ret_ke->group != (unsigned)c.suite.ke ||
	    !ke_info(c.suite.ke, &info) || ret_ke->data.len != info.public_len)
		return -1;
	sa->suite = c.suite;
	return 0;
}

static void detect_nat(struct ike_sa *sa, const struct ike_payloads *p, const struct endpoint *local,
    const struct endpoint *remote)
{
	struct ike_nat_result nat = ike_nat_detect(p, sa->spi_i, sa->spi_r, local, remote);

	sa->natd = nat.supported;
	sa->nat_local = nat.local;
	sa->nat_remote = nat.remote;
	sa->local = *local;
	if (nat.supported) /* how the peer sees us, should that change (RFC 4555 3.8) */
		ike_mobike_seen(sa, p);
	/* With MOBIKE on 4500 from the start, NAT or not (RFC 4555 3.3). */
	if (nat.supported && (nat.local || nat.remote || sa->nat_pretended || sa->conn->cfg.mobike)) {
		sa->natt = true;
		sa->local.port = IKE_NATT_PORT;
		sa->remote.port = IKE_NATT_PORT;
	}
}

void ike_init_reply(struct ike_sa *sa, const struct ike_header *h, struct rd chain, const uint8_t *data,
    size_t len, const struct endpoint *local, const struct endpoint *remote, mtime now)
{
	struct ike_task *t = &sa->task;
	struct ike_payloads p;
	struct ike_ke_view ke;
	struct reason why;

	if (!sa->out.msg.data || t->waiting_secret || h->msg_id || h->from_initiator ||
	    !addr_eq(&remote->addr, &sa->remote.addr))
		return;
	if (ike_payloads_parse(chain, h->first, &p) || ike_payloads_check(&p, IKE_X_SA_INIT, true)) {
		sa->ike->stats.dropped_malformed++;
		return;
	}
	if (!complaint(sa, &p, now))
		return;
	if (!h->spi_r || check_answer(sa, &p, &ke)) {
		ike_reason_bad_answer(
		    &sa->hint, sa, "it chooses an IKE suite or a key exchange that we did not offer");
		return;
	}
	if (sa->trial) {
		ike_trial_over(sa, IKE_TRIAL_ACCEPTED, now);
		return;
	}
	if (ike_ppk_negotiated(sa, &p, &why)) {
		ike_attempt_failed(sa, &why, now);
		return;
	}
	if (ike_bytes_set(&sa->init_peers, data, len))
		return;
	sa->spi_r = h->spi_r;
	sa->nr.len = (uint16_t)p.nonce.len;
	memcpy(sa->nr.data, p.nonce.data, p.nonce.len);
	sa->low = *ike_nonce_lower(&sa->ni, &sa->nr);
	sa->fragmentation = sa->conn->cfg.fragmentation != IKE_FRAGMENTATION_NO &&
	                    ike_notify_find(&p, IKE_N_FRAGMENTATION_SUPPORTED);
	sa->peer_hashes = ike_signature_parse_hashes(&p);
	detect_nat(sa, &p, local, remote);
	ike_out_clear(sa);
	t->waiting_secret = true;
	t->ticket = ike_job_start(sa, IKE_SLOT_TASK, t->group, t->ke, ke.data);
	t->ke = NULL;
	if (!t->ticket)
		ike_task_failed(sa, now);
}
