/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From facts to text (diagnose.h). What was seen and what that rules out follows from the facts alone,
 * whatever the failure; the likely cause and what to change belong to the reason's id: a table of small
 * functions. An id without one leaves those texts empty, and the catalogue of reasons speaks for it.
 */
#include "ike/diagnose_internal.h"
#include "ike/engine.h"
#include "ike/identity.h"
#include "ike/others.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) void ike_tell_seen(struct ike_teller *t, const char *fmt, ...)
{
	va_list ap;

	if (t->d->n_seen == IKE_DIAGNOSIS_LINES)
		return;
	va_start(ap, fmt);
	vsnprintf(t->d->seen[t->d->n_seen++], IKE_DIAGNOSIS_TEXT, fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3))) void ike_tell_ruled_out(struct ike_teller *t, const char *fmt, ...)
{
	va_list ap;

	if (t->d->n_ruled_out == IKE_DIAGNOSIS_LINES)
		return;
	va_start(ap, fmt);
	vsnprintf(t->d->ruled_out[t->d->n_ruled_out++], IKE_DIAGNOSIS_TEXT, fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 3))) void ike_tell_say(char text[IKE_DIAGNOSIS_TEXT], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, IKE_DIAGNOSIS_TEXT, fmt, ap);
	va_end(ap);
}

static const char *suite_str(const struct ike_suite *s, char *buf, size_t cap)
{
	struct ike_proposal p = ike_suite_proposal(s, false);

	return ike_proposal_str(&p, false, buf, cap);
}

/* Did anything that answers a message of ours arrive? */
static bool heard(const struct ike_facts *f)
{
	return f->init_done || f->cookie || f->n_notify || f->auth_answered;
}

static const char *times(unsigned n, char *buf, size_t cap)
{
	snprintf(buf, cap, n == 1 ? "once" : "%u times", n);
	return buf;
}

/* --- what was seen --- */

static void seen_undelivered(struct ike_teller *t)
{
	const char *where = addr_str(&t->f->remote.addr);
	char n[16];

	times(t->f->n_undelivered, n, sizeof(n));
	switch (t->f->undelivered) {
	case IKE_UNDELIVERED_NONE: break;
	case IKE_UNDELIVERED_PORT_CLOSED:
		ike_tell_seen(t, "%s answered %s that nothing listens on UDP %u (ICMP port unreachable)",
		    where, n, t->f->undelivered_port);
		break;
	case IKE_UNDELIVERED_HOST:
		ike_tell_seen(t, "a router, or our own host, said %s that it has no way to %s", n, where);
		break;
	case IKE_UNDELIVERED_FORBIDDEN:
		ike_tell_seen(
		    t, "a filter, on the way or our own, said %s that it forbids packets to %s", n, where);
		break;
	}
}

static void seen_notifies(struct ike_teller *t)
{
	const struct ike_ms_status *ms = ike_ms_status(t->f->ms_status);
	char name[40];

	if (t->f->cookie)
		ike_tell_seen(t, "the peer asked for a cookie first: it is under load, or cautious");
	for (unsigned i = 0; i < t->f->n_notify; i++)
		if (t->f->notify[i] != IKE_N_MS_STATUS)
			ike_tell_seen(
			    t, "the peer said %s", ike_notify_name(t->f->notify[i], name, sizeof(name)));
	if (t->f->ms_status)
		ike_tell_seen(t, "the peer gave the Windows error code %u%s%s%s%s", t->f->ms_status,
		    ms ? ", ERROR_IPSEC_IKE_" : "", ms ? ms->name : "", ms ? ": " : "", ms ? ms->means : "");
}

static void seen_all(struct ike_teller *t)
{
	const struct ike_facts *f = t->f;
	char buf[IKE_ID_MAX], n[16];

	if (f->initiator && f->sent_init)
		ike_tell_seen(t, "IKE_SA_INIT went to %s UDP %d, %s", addr_str(&f->remote.addr), IKE_PORT,
		    times(f->sent_init, n, sizeof(n)));
	if (!f->initiator)
		ike_tell_seen(t, "%s began the exchange", addr_str(&f->remote.addr));
	seen_undelivered(t);
	if (f->init_done)
		ike_tell_seen(
		    t, "both sides agreed on the IKE proposal %s", suite_str(&f->suite, buf, sizeof(buf)));
	if (f->init_done && (f->nat_local || f->nat_remote))
		ike_tell_seen(t, "a NAT is before %s",
		    f->nat_local && f->nat_remote ? "both sides"
		    : f->nat_local                ? "us"
		                                  : "the peer, or it pretends one to get ESP in UDP");
	if (f->initiator && f->sent_auth)
		ike_tell_seen(t, "IKE_AUTH went to %s UDP %u, %s%s", addr_str(&f->remote.addr),
		    f->natt ? IKE_NATT_PORT : IKE_PORT, times(f->sent_auth, n, sizeof(n)),
		    f->auth_answered ? "" : ", without an answer");
	if (f->peer_id.type != IKE_ID_NONE)
		ike_tell_seen(t, "the peer calls itself \"%.120s\"%s",
		    ike_identity_str(&f->peer_id, buf, sizeof(buf)), f->peer_proved ? ", and proved it" : "");
	ike_tell_certificate_seen(t);
	seen_notifies(t);
	if (f->peer_offer[0] && strstr(f->why, "-no-proposal"))
		ike_tell_seen(t, "the peer offers %s", f->peer_offer);
	if (f->peer_ts[0])
		ike_tell_seen(t, "the peer wants the selectors %s", f->peer_ts);
	if (f->child)
		ike_tell_seen(
		    t, "a child SA was there, on an IKE SA of %lld s", (long long)mdur_to_s(f->lived));
}

/* --- what that rules out --- */

static void ruled_out_all(struct ike_teller *t)
{
	const struct ike_facts *f = t->f;

	if (heard(f))
		ike_tell_ruled_out(t, "the way to %s: the peer answers on UDP %d, so it is reachable",
		    addr_str(&f->remote.addr), IKE_PORT);
	else if (f->undelivered == IKE_UNDELIVERED_PORT_CLOSED)
		ike_tell_ruled_out(
		    t, "the way to %s: its host answers, if only to refuse", addr_str(&f->remote.addr));
	if (f->init_done)
		ike_tell_ruled_out(t, "the IKE proposals: the two sides agreed on one");
	if (f->init_done && !f->nat_local && !f->nat_remote)
		ike_tell_ruled_out(t, "a NAT: there is none between the two sides");
	if (f->auth_answered && f->natt)
		ike_tell_ruled_out(t, "UDP %d: IKE_AUTH passes both ways", IKE_NATT_PORT);
	ike_tell_proofs(t);
	if (f->child)
		ike_tell_ruled_out(t, "the ESP proposals and the selectors of the first child SA");
}

/* --- the likely cause, by the reason's id --- */

static void tell_port_closed(struct ike_teller *t)
{
	ike_tell_say(t->d->cause, "%s is a host without an IKE service, or its service is down",
	    addr_str(&t->f->remote.addr));
	ike_tell_say(t->d->here, "remote-address, if this is not the gateway's public address");
}

static void tell_natt(struct ike_teller *t)
{
	ike_tell_say(t->d->cause, "UDP %d is blocked on the way to %s, or back: UDP %d passes", IKE_NATT_PORT,
	    addr_str(&t->f->remote.addr), IKE_PORT);
}

static void tell_no_answer(struct ike_teller *t)
{
	if (t->f->init_done)
		ike_tell_say(t->d->cause,
		    "the peer keeps silent after IKE_SA_INIT: it does not know our identity, or "
		    "IKE_AUTH, which "
		    "is larger, is lost");
	else
		ike_tell_say(t->d->cause,
		    "nothing at all came back from %s: a wrong address, a gateway that is down, or a "
		    "firewall "
		    "that drops UDP %d",
		    addr_str(&t->f->remote.addr), IKE_PORT);
}

static void tell_identity(struct ike_teller *t)
{
	char peer[IKE_ID_MAX], want[IKE_ID_MAX];

	ike_identity_str(&t->f->peer_id, peer, sizeof(peer));
	ike_identity_str(&t->cfg->remote_id, want, sizeof(want));
	ike_tell_say(
	    t->d->cause, "the peer calls itself \"%.120s\", remote-id asks for \"%.120s\"", peer, want);
	ike_tell_say(t->d->here, "remote-id: \"%.120s\", if that is the right gateway", peer);
	ike_tell_say(t->d->there, "or its local identity: \"%.120s\"", want);
}

static void tell_selectors(struct ike_teller *t)
{
	char ours[120], theirs[120];

	ike_ts_str(t->cfg->tsi, t->cfg->n_tsi, ours, sizeof(ours));
	ike_ts_str(t->cfg->tsr, t->cfg->n_tsr, theirs, sizeof(theirs));
	if (t->f->peer_ts[0])
		ike_tell_say(t->d->cause, "the peer wants %s, which is not within our %s to %s",
		    t->f->peer_ts, ours, theirs);
	else
		ike_tell_say(t->d->cause,
		    "the peer does not accept our selectors, %s to %s, nor any part of them: it is "
		    "policy-based, "
		    "with networks of its own, or has no phase 2 for this connection",
		    ours, theirs);
	ike_tell_say(t->d->here, "nothing: selectors are any to any here, any part that the peer gives of "
	                         "them is taken, and routes "
	                         "decide what enters the tunnel");
	ike_tell_say(t->d->there, "a route-based tunnel: selectors any to any (0.0.0.0/0, ::/0), or its own "
	                          "networks, if it narrows");
}

static void tell_deleted(struct ike_teller *t)
{
	long long s = mdur_to_s(t->f->lived);

	if (s < 10)
		ike_tell_say(t->d->cause,
		    "it deleted the SA %lld s after it came up: it dislikes something that it learned then "
		    "(selectors, a second connection of the same peer), or another device took our place",
		    s);
}

static void tell_status(struct ike_teller *t)
{
	const struct ike_ms_status *ms = ike_ms_status(t->f->ms_status);

	if (!ms)
		return;
	ike_tell_say(t->d->cause, "%s (ERROR_IPSEC_IKE_%s, %u)", ms->means, ms->name, ms->code);
	if (ms->change)
		ike_tell_say(t->d->here, "%s", ms->change);
}

static const struct {
	const char *id;
	void (*tell)(struct ike_teller *t);
} kinds[] = {
	{ "ike-no-answer", tell_no_answer },
	{ "ike-port-closed", tell_port_closed },
	{ "ike-natt-blocked", tell_natt },
	{ "ike-wrong-identity", tell_identity },
	{ "ike-ts-refused", tell_selectors },
	{ "ike-peer-deleted", tell_deleted },
	{ "ike-peer-status", tell_status },
};

void ike_diagnose(const struct ike_conn_config *cfg, const struct ike_facts *f,
    const struct ike_trial_facts *trial, struct ike_diagnosis *ret)
{
	struct ike_teller t = { .cfg = cfg, .f = f, .trial = trial, .d = ret };

	*ret = (struct ike_diagnosis){ 0 };
	if (!f->any)
		return;
	snprintf(ret->id, sizeof(ret->id), "%s", f->why);
	seen_all(&t);
	ruled_out_all(&t);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].id, f->why))
			kinds[i].tell(&t);
	ike_tell_proposals(&t);
	ike_tell_auth(&t);
	ike_tell_eap(&t);
}

static bool trial_runs(const struct ike_conn *conn, bool child)
{
	list_for_each (&conn->sas, struct ike_sa, sa, node)
		if (child ? sa->child_trial != NULL : sa->trial && sa->state == IKE_SA_INITIATING)
			return true;
	return false;
}

/* Beside what stands: who else was here. It may be the peer, set up wrongly, or anybody. */
static void seen_others(const struct ike_others *o, struct ike_diagnosis *ret)
{
	struct ike_teller t = { .f = &o->facts, .d = ret };
	char n[16];

	ike_tell_seen(&t,
	    "beside this, attempts from outside were refused here %s; the last, from %s: %.200s (%s)",
	    times(o->n, n, sizeof(n)), addr_str(&o->facts.remote.addr), o->why.text, o->why.id);
}

int ike_conn_diagnosis(const struct ike *ike, uint32_t id, struct ike_diagnosis *ret)
{
	const struct ike_conn *conn = ike_conn_find(ike, id);
	struct ike_trial_facts trial;
	struct ike_facts f;
	bool child;

	if (!conn)
		return -1;
	f = ike_others_stand(conn) ? conn->others->facts : conn->failure;
	if (!f.any && conn->attempt) { /* no failure yet: how far the first attempt has come */
		f = ike_facts_of(conn->attempt, conn->attempt->created);
		f.lived = MDUR_ZERO;
	}
	child = !strcmp(f.why, "ike-child-no-proposal");
	trial = child ? conn->child_trial : conn->trial;
	trial.running = trial_runs(conn, child);
	ike_diagnose(&conn->cfg, &f, &trial, ret);
	if (conn->others && !conn->live && !ike_others_stand(conn))
		seen_others(conn->others, ret);
	return 0;
}
