/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a datagram to the exchange that handles it. The order of the checks is the defence: header, SA,
 * message id, and only then the checksum; nothing of an SA changes before that is right. A request runs once;
 * its repeat gets the kept answer (RFC 7296 2.1). Faults in what an authenticated peer sent are answered
 * as 2.21 says.
 */
#include "ike/engine.h"
#include "ike/mobike.h"
#include "ike/reasons.h"
#include "ike/trial.h"

#include <string.h>

/* Behind a NAT ourselves we don't follow (RFC 7296 2.23): the peer's address is fixed then. */
static void follow_mapping(struct ike_sa *sa, const struct endpoint *remote)
{
	if (sa->state != IKE_SA_ESTABLISHED || !sa->nat_remote || sa->nat_local || sa->mobike.unchecked ||
	    endpoint_eq(&sa->remote, remote))
		return;
	sa->remote = *remote;
	ike_children_move(sa, false);
}

void ike_fact_moved(struct ike *ike, uint32_t id, uint32_t spi_in, const struct endpoint *remote)
{
	struct ike_child *c = ike_child_any(ike, id, spi_in);

	if (c && c == c->sa->conn->live)
		follow_mapping(c->sa, remote);
}

/* The peer speaks from elsewhere (a NAT's new mapping, or its move to 4500), and proved it is the peer. */
static void follow(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *remote, bool natt)
{
	if (sa->state == IKE_SA_HALF_OPEN) {
		sa->local = *local;
		sa->remote = *remote;
		sa->natt = natt;
		return;
	}
	/* With MOBIKE only UPDATE_SA_ADDRESSES changes addresses, and ESP (RFC 4555 3.8). */
	if (natt && !sa->mobike.on)
		follow_mapping(sa, remote);
}

static void fault_in_request(
    struct ike_sa *sa, uint8_t exchange, uint32_t msg_id, const struct ike_payloads *p, mtime now)
{
	struct ike_conn *conn = sa->conn;
	struct reason why;

	if (p->fault == IKE_FAULT_CRITICAL) {
		ike_respond_notify(
		    sa, exchange, msg_id, IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD, &p->critical_type, 1);
		if (sa->state == IKE_SA_HALF_OPEN)
			ike_sa_linger(sa, now);
		return;
	}
	/* INVALID_SYNTAX is fatal to the IKE SA, and both ends know it (RFC 7296 2.21.3). */
	ike_respond_notify(sa, exchange, msg_id, IKE_N_INVALID_SYNTAX, NULL, 0);
	if (sa->state == IKE_SA_ESTABLISHED) {
		ike_reason_bad_answer(&why, sa, "an authenticated request is malformed");
		ike_sa_close(sa, false, &why, now);
		ike_conn_lost(conn, &why, false, now);
	}
	if (sa->state != IKE_SA_CLOSING && sa->state != IKE_SA_REKEYED)
		ike_sa_linger(sa, now);
}

/*
 * The peer has our answer, since it asks the next thing (its window is 1, RFC 7296 2.3): so it has the child
 * that the answer made, and we may send on it. Not when it deletes something: that may be this very child.
 */
static void answer_arrived(struct ike_sa *sa, uint32_t msg_id, const struct ike_payloads *p, mtime now)
{
	list_for_each (&sa->children, struct ike_child, c, node)
		if (c->state == IKE_CHILD_READY && !c->created_by_us && !c->out_installed && c->old_spi_in &&
		    c->answer_id < msg_id && !p->n_del && !sa->task.contested && !sa->redundant &&
		    sa->conn->live && sa->conn->live->sa == sa) {
			ike_child_activate(c, now);
			return;
		}
}

void ike_process_request(struct ike_sa *sa, uint8_t exchange, uint32_t msg_id, uint8_t first, struct rd chain,
    struct ike_job *job, mtime now)
{
	struct ike_sa *waiting = ike_sa_heir_of(sa);
	uint8_t rules = exchange == IKE_X_AUTH && msg_id > 1 ? IKE_X_AUTH_MORE : exchange;
	struct ike_payloads p;
	bool deletes;

	if (ike_payloads_parse(chain, first, &p) || ike_payloads_check(&p, rules, false)) {
		fault_in_request(sa, exchange, msg_id, &p, now);
		return;
	}
	if (sa->state == IKE_SA_HALF_OPEN && exchange == IKE_X_INFORMATIONAL) {
		ike_auth_given_up(sa, msg_id, &p, now);
		return;
	}
	if (sa->state == IKE_SA_HALF_OPEN) {
		ike_auth_request(sa, msg_id, &p, first, chain, job, now);
		return;
	}
	/* The peer uses its new SA: for it, the rekeys at once are decided. Its Delete would say the
	 * opposite. */
	deletes = p.n_del && p.del[0].protocol == IKE_PROTO_IKE;
	if (waiting && !deletes)
		ike_sa_inherit(waiting, sa, false, now);
	if (sa->state == IKE_SA_ESTABLISHED)
		answer_arrived(sa, msg_id, &p, now);
	if (exchange == IKE_X_INFORMATIONAL)
		ike_informational_request(sa, msg_id, &p, now);
	else if (exchange == IKE_X_CREATE_CHILD_SA && sa->state == IKE_SA_ESTABLISHED)
		ike_create_child_request(sa, msg_id, &p, first, chain, job, now);
	else if (exchange == IKE_X_CREATE_CHILD_SA) /* being closed (RFC 7296 2.25) */
		ike_respond_notify(sa, exchange, msg_id, IKE_N_TEMPORARY_FAILURE, NULL, 0);
	else
		ike_respond_notify(sa, exchange, msg_id, IKE_N_INVALID_SYNTAX, NULL, 0);
}

void ike_task_failed(struct ike_sa *sa, mtime now)
{
	struct ike_child *c = ike_child_by_in(sa, sa->task.child_spi_in);
	enum ike_task_kind kind = sa->task.kind;
	struct reason why;

	ike_task_clear(sa);
	switch (kind) {
	case IKE_TASK_INIT:
	case IKE_TASK_AUTH:
		ike_reason_bad_answer(
		    &why, sa, "it is malformed, has a critical payload unknown here, or memory is out");
		ike_attempt_failed(sa, &why, now);
		break;
	case IKE_TASK_REKEY_IKE: ike_rekey_ike_failed(sa, now); break;
	case IKE_TASK_REKEY_CHILD:
		if (c && c->state == IKE_CHILD_READY)
			c->retry_at = mtime_add(now, ike_jitter(sa->ike, mdur_s(30), 30));
		break;
	case IKE_TASK_DELETE_CHILD:
		if (c)
			ike_child_remove(c, true, now); /* the peer finds out by its own means */
		break;
	case IKE_TASK_DELETE_IKE: ike_sa_dead(sa); break;
	case IKE_TASK_PROBE: /* again in a second */
		sa->last_sign = (mtime){ now.ns + mdur_s(1).ns - sa->conn->cfg.liveness_interval.ns };
		break;
	case IKE_TASK_ADDRESSES:
	case IKE_TASK_ROUTABLE: ike_mobike_failed(sa, kind, now); break;
	case IKE_TASK_TRIAL:
		if (sa->child_trial)
			ike_child_trial_end(sa, false, now);
		break;
	case IKE_TASK_NONE: break;
	}
}

void ike_process_reply(struct ike_sa *sa, uint8_t first, struct rd chain, struct ike_job *job, mtime now)
{
	struct ike_payloads p;
	uint8_t exchange = sa->out.exchange;

	if (!job) {
		sa->confirmed = sa->out.first_sent;
		ike_out_clear(sa);
	} else {
		exchange = sa->task.kind == IKE_TASK_AUTH ? IKE_X_AUTH : IKE_X_CREATE_CHILD_SA;
	}
	if (exchange == IKE_X_AUTH && sa->auth && sa->auth->rounds > 1)
		exchange = IKE_X_AUTH_MORE;
	if (sa->state == IKE_SA_CLOSING && sa->task.kind != IKE_TASK_DELETE_IKE &&
	    sa->task.kind != IKE_TASK_REKEY_IKE) {
		ike_task_clear(sa); /* whatever it says: the Delete follows */
		return;
	}
	if (ike_payloads_parse(chain, first, &p) || ike_payloads_check(&p, exchange, true)) {
		ike_task_failed(sa, now);
		return;
	}
	switch (sa->task.kind) {
	case IKE_TASK_AUTH: ike_auth_reply(sa, &p, first, chain, job, now); return;
	case IKE_TASK_REKEY_CHILD: ike_rekey_child_reply(sa, &p, first, chain, job, now); return;
	case IKE_TASK_REKEY_IKE: ike_rekey_ike_reply(sa, &p, first, chain, job, now); return;
	case IKE_TASK_TRIAL: ike_child_trial_reply(sa, &p, now); return;
	case IKE_TASK_DELETE_CHILD:
	case IKE_TASK_DELETE_IKE:
	case IKE_TASK_PROBE: ike_informational_reply(sa, &p, now); return;
	case IKE_TASK_ADDRESSES:
	case IKE_TASK_ROUTABLE: ike_mobike_reply(sa, &p, now); return;
	case IKE_TASK_NONE:
	case IKE_TASK_INIT: return;
	}
}

static bool request_expected(const struct ike_sa *sa, const struct ike_header *h)
{
	if (sa->state == IKE_SA_INITIATING || sa->state == IKE_SA_DEAD)
		return false; /* the peer is not authenticated yet */
	/* Never established here, and being deleted: an answer would pass for a proof that it stands
	 * (settle.c). */
	if (sa->state == IKE_SA_CLOSING && mtime_is_never(sa->established))
		return false;
	if (h->msg_id + 1 == sa->next_peer && sa->kept.data)
		return true;
	if (sa->state == IKE_SA_LINGERING || h->msg_id != sa->next_peer)
		return false;
	if (sa->state == IKE_SA_HALF_OPEN)
		return (h->exchange == IKE_X_AUTH || (h->exchange == IKE_X_INFORMATIONAL && sa->auth)) &&
		       !sa->parked.ticket;
	return !sa->parked.ticket; /* else its answer is being computed */
}

/* Keeps one more piece of a message. True when that is whole now: it is in ike->in then. */
static bool take_fragment(struct ike_sa *sa, const struct ike_header *h, const struct ike_fragment *f,
    uint8_t *ret_first, struct rd *ret_inner, mtime now)
{
	struct ike_reassembly **pieces = &sa->pieces[h->response];
	struct ike *ike = sa->ike;
	size_t len;

	ike->stats.fragments_in++;
	if (!ike_reassembly_add(pieces, h->msg_id, f))
		return false;
	sa->last_sign = mtime_max(sa->last_sign, now); /* a piece that is new was not repeated by anyone */
	if (ike_reassembly_join(*pieces, ike->in, sizeof(ike->in), &len, ret_first))
		return false;
	*ret_inner = rd_init(ike->in, len);
	return true;
}

/* Its answer goes where it came from (RFC 7296 2.11); with MOBIKE that need not be where we send to. */
static void asked(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *remote, bool natt)
{
	sa->asked_at = *local;
	sa->asked_from = *remote;
	sa->asked_natt = natt;
}

static void protected_input(struct ike_sa *sa, const struct ike_header *h, const uint8_t *data, size_t len,
    const struct endpoint *local, const struct endpoint *remote, bool natt, mtime now)
{
	struct ike *ike = sa->ike;
	struct ike_fragment f;
	bool fragment = h->first == IKE_P_SKF;
	struct rd inner;
	uint8_t first;

	if (!sa->keys.open.ctx || h->from_initiator == sa->initiator || (fragment && !sa->fragmentation)) {
		ike->stats.dropped_malformed++;
		return;
	}
	if (h->response ? !sa->out.msg.data || h->msg_id != sa->out.id || h->exchange != sa->out.exchange
	                : !request_expected(sa, h))
		return; /* late or repeated: nothing to do */
	memcpy(ike->in, data, len);
	if (fragment ? ike_fragment_open(&sa->keys.open, ike->in, len, &f)
	             : ike_message_open(&sa->keys.open, ike->in, len, &first, &inner)) {
		ike->stats.dropped_auth++;
		return;
	}
	if (!h->response && h->msg_id != sa->next_peer) {
		/* Anyone may repeat what the peer once sent: answered, but no sign of life (RFC 7296 2.4).
		 * Of all fragments only the first asks for the answer again (RFC 7383 2.6.1). */
		if (!fragment || f.number == 1) {
			const struct ike_way way = { local, remote, natt };

			ike_respond_again(sa, &way);
		}
		return;
	}
	if (fragment && !take_fragment(sa, h, &f, &first, &inner, now))
		return;
	ike_reassembly_drop(&sa->pieces[h->response]);
	sa->last_sign = mtime_max(sa->last_sign, now);
	if (sa->state == IKE_SA_ESTABLISHED)
		sa->proven = true;
	if (h->response) {
		follow(sa, local, remote, natt);
		ike_mobike_way_works(sa, local, remote);
		ike_process_reply(sa, first, inner, NULL, now);
	} else {
		asked(sa, local, remote, natt);
		follow(sa, local, remote, natt);
		ike_process_request(sa, h->exchange, h->msg_id, first, inner, NULL, now);
	}
}

void ike_input(struct ike *ike, const struct endpoint *local, const struct endpoint *remote, bool natt,
    const uint8_t *data, size_t len, mtime now)
{
	const struct ike_way way = { local, remote, natt };
	struct ike_header h;
	struct ike_sa *sa;
	struct rd rest;

	ike->stats.datagrams_in++;
	if (ike_header_parse(data, len, &h, &rest)) {
		ike_stray_version(ike, data, len, &way, now);
		ike->stats.dropped_malformed++;
		return;
	}
	if (h.exchange == IKE_X_SA_INIT && !h.response) {
		ike_init_request(ike, &h, rest, data, len, local, remote, natt, now);
	} else if (h.exchange == IKE_X_SA_INIT) {
		sa = ike_sa_by_own_spi(ike, h.spi_i);
		if (sa && sa->state == IKE_SA_INITIATING && sa->task.kind == IKE_TASK_INIT) {
			ike_touch_sa(sa);
			ike_init_reply(sa, &h, rest, data, len, local, remote, now);
		}
	} else {
		sa = ike_sa_by_own_spi(ike, h.from_initiator ? h.spi_r : h.spi_i);
		if (!sa || sa->spi_i != h.spi_i || sa->spi_r != h.spi_r) {
			ike->stats.dropped_no_sa++;
			ike_stray_request(ike, &h, &way, len, now);
			return;
		}
		ike_touch_sa(sa);
		protected_input(sa, &h, data, len, local, remote, natt, now);
	}
	ike_run(ike, now);
}
