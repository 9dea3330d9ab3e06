/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of all reasons in one place, so that they can be read, compared and kept consistent. Pure
 * formatting. */
#include "ike/reasons.h"

#include "ike/auth.h"
#include "ike/eap_session.h"
#include "ike/engine.h"
#include "ike/identity.h"
#include "ike/ts.h"

#include <string.h>

static const char *peer(const struct ike_sa *sa)
{
	return endpoint_str(&sa->remote);
}

static void undelivered(struct reason *r, const struct ike_sa *sa)
{
	const struct ike_facts *f = &sa->facts;

	if (f->undelivered == IKE_UNDELIVERED_PORT_CLOSED)
		reason_set(r, "ike-port-closed",
		    "%s answers that nothing listens on UDP %u (ICMP port unreachable, %u times): is this "
		    "the "
		    "gateway's address, and does its IKE service run?",
		    addr_str(&sa->remote.addr), f->undelivered_port, f->n_undelivered);
	else
		reason_set(r, "ike-unreachable",
		    "%s can't be reached: %s (%u times). Look at the route to it, and at the address.",
		    addr_str(&sa->remote.addr),
		    f->undelivered == IKE_UNDELIVERED_FORBIDDEN
		        ? "a filter, on the way or our own, forbids it"
		        : "a router, or our own host, has no way to it",
		    f->n_undelivered);
}

void ike_reason_no_answer(struct reason *r, const struct ike_sa *sa)
{
	const char *what = sa->task.kind == IKE_TASK_AUTH ? "IKE_AUTH" : "IKE_SA_INIT";

	if (sa->facts.undelivered != IKE_UNDELIVERED_NONE) {
		undelivered(r, sa);
		return;
	}
	if (sa->task.kind == IKE_TASK_AUTH && sa->natt) {
		reason_set(r, "ike-natt-blocked",
		    "no answer from %s to IKE_AUTH, sent %u times, though IKE_SA_INIT was answered on UDP "
		    "%d: most "
		    "likely UDP %d does not pass both ways, or fragments of large packets don't.",
		    peer(sa), sa->out.sent, IKE_PORT, IKE_NATT_PORT);
		return;
	}
	reason_set(r, "ike-no-answer",
	    "no answer from %s to %s, sent %u times. Is the address right, is the gateway up, and do UDP 500 "
	    "and 4500 pass "
	    "both ways?",
	    peer(sa), what, sa->out.sent);
	if (sa->task.kind == IKE_TASK_AUTH)
		reason_add(r,
		    " IKE_SA_INIT was answered, so look at UDP %u and at fragments of large packets first.",
		    sa->remote.port);
}

void ike_reason_liveness(struct reason *r, const struct ike_sa *sa, mtime now)
{
	reason_set(r, "ike-liveness-lost",
	    "%s stopped answering: a request was sent %u times in %lld s without an answer, and no ESP came "
	    "either. The peer is "
	    "down or the path is broken; trying to connect anew.",
	    peer(sa), sa->out.sent, (long long)mdur_to_s(mtime_since(now, sa->out.first_sent)));
}

void ike_reason_bad_answer(struct reason *r, const struct ike_sa *sa, const char *what)
{
	reason_set(r, "ike-bad-answer", "the answer of %s cannot be used: %s", peer(sa), what);
}

void ike_reason_refused(struct reason *r, const struct ike_sa *sa, uint16_t notify, const char *exchange)
{
	char buf[40];

	if (notify == IKE_N_MS_STATUS) {
		const struct ike_ms_status *ms = ike_ms_status(sa->facts.ms_status);

		reason_set(r, "ike-peer-status", "%s gave up with the Windows error code %u%s%s%s%s.",
		    peer(sa), sa->facts.ms_status, ms ? ", " : "", ms ? ms->name : "", ms ? ": " : "",
		    ms ? ms->means : "");
		return;
	}
	reason_set(r, "ike-refused", "%s refused %s with %s", peer(sa), exchange,
	    ike_notify_name(notify, buf, sizeof(buf)));
}

void ike_reason_refused_nat(struct reason *r, const struct ike_sa *sa)
{
	reason_set(r, "ike-refused",
	    "%s forbids NATs (NO_NATS_ALLOWED), but something on the way rewrites addresses; take NAT "
	    "traversal "
	    "into use "
	    "there, or the NAT away",
	    peer(sa));
}

void ike_reason_auth_refused(struct reason *r, const struct ike_sa *sa, const struct ike_identity *own)
{
	char buf[IKE_ID_MAX];

	if (ike_auth_is_eap(sa->conn->cfg.local_auth)) {
		reason_set(r, "ike-auth-failed",
		    "%s refused to authenticate us (AUTHENTICATION_FAILED). We sign on by EAP as \"%.80s\": "
		    "either it "
		    "does not take that method or user, or it has no connection for our identity \"%.80s\" "
		    "(local-id) "
		    "or address.",
		    peer(sa), sa->conn->cfg.eap.user, ike_identity_str(own, buf, sizeof(buf)));
		return;
	}
	if (sa->conn->cfg.local_auth == IKE_AUTH_KIND_CERT) {
		reason_set(r, "ike-auth-failed",
		    "%s refused our certificate (AUTHENTICATION_FAILED). Does it trust the CA of chain-file, "
		    "with all "
		    "intermediates; does it expect our identity \"%.120s\" (local-id), and is that a name of "
		    "the "
		    "certificate; is its clock right? Its log says which.",
		    peer(sa), ike_identity_str(own, buf, sizeof(buf)));
		return;
	}
	reason_set(r, "ike-auth-failed",
	    "%s refused to authenticate us (AUTHENTICATION_FAILED). Most often the pre-shared keys differ: "
	    "put the "
	    "gateway's key into secret-file. Else the gateway does not expect our identity \"%.120s\" "
	    "(local-id) or has no connection for our address.",
	    peer(sa), ike_identity_str(own, buf, sizeof(buf)));
}

void ike_reason_psk_differs(struct reason *r, const struct ike_sa *sa, const struct ike_identity *id)
{
	char buf[IKE_ID_MAX];

	reason_set(r, "ike-auth-failed",
	    "the pre-shared keys differ: what \"%.120s\" at %s proves does not fit our secret. Put the same "
	    "key into secret-file and on the gateway; mind trailing blanks and line ends.",
	    ike_identity_str(id, buf, sizeof(buf)), peer(sa));
}

void ike_reason_eap_key(struct reason *r, const struct ike_sa *sa, const struct ike_identity *id)
{
	char buf[IKE_ID_MAX];

	reason_set(r, "ike-auth-failed",
	    "EAP succeeded, but what \"%.120s\" at %s proves at its end does not fit the key that EAP made. "
	    "Somebody "
	    "is in between, or one side derives that key differently.",
	    ike_identity_str(id, buf, sizeof(buf)), peer(sa));
}

void ike_reason_eap(struct reason *r, const struct ike_sa *sa, const struct reason *why)
{
	reason_clear(r);
	if (reason_is_set(why))
		reason_set(r, why->id, "EAP with %s: %s", peer(sa), why->text);
}

void ike_reason_eap_large(struct reason *r, const struct ike_sa *sa, size_t len)
{
	reason_set(r, "ike-eap-too-large",
	    "%s sent an EAP packet of %zu octets; up to %d are taken here. Set smaller EAP fragments there "
	    "(NPS: "
	    "Framed-MTU 1344; strongSwan: fragment_size of its plugin eap-tls).",
	    peer(sa), len, IKE_EAP_PACKET_MAX);
}

void ike_reason_eap_certificate(struct reason *r, const struct ike_sa *sa, const char *name)
{
	char buf[100];

	reason_set(r, "ike-eap-unknown-user",
	    "%s signed on by EAP-TLS with a certificate for \"%s\", which no tunnel has as its "
	    "eap/peer-user. Put "
	    "a name of that certificate there, or have the right certificate used.",
	    peer(sa), eap_name_str(name, buf, sizeof(buf)));
}

void ike_reason_ppk_missing(struct reason *r, const struct ike_sa *sa)
{
	reason_set(r, "ike-ppk-missing",
	    "%s does not use a PPK (RFC 8784), but this tunnel requires the PPK \"%s\". Set it up there, "
	    "under the "
	    "same id, or set ppk/required to false.",
	    peer(sa), sa->conn->cfg.ppk.id);
}

void ike_reason_ppk_unknown(struct reason *r, const struct ike_sa *sa, const struct ike_notify *id)
{
	char name[IKE_PPK_ID_MAX + 1] = "", buf[IKE_PPK_ID_MAX + 1];
	struct rd n = rd_init(id->data.data, id->data.len);
	size_t len;

	rd_u8(&n); /* the type of the id */
	len = rd_left(&n) < IKE_PPK_ID_MAX ? rd_left(&n) : IKE_PPK_ID_MAX;
	rd_bytes(&n, name, len);
	reason_set(r, "ike-ppk-unknown",
	    "%s uses the PPK \"%s\" and offers no way without it that this tunnel takes; ours is \"%s\". Set "
	    "the "
	    "same ppk/id on both sides.",
	    peer(sa), eap_name_str(name, buf, sizeof(buf)), sa->conn->cfg.ppk.id);
}

void ike_reason_ppk_differs(struct reason *r, const struct ike_sa *sa)
{
	reason_set(r, "ike-ppk-differs",
	    "the PPK \"%s\" is another at %s than here: everything else fits. Put the same into "
	    "ppk/secret-file on "
	    "both sides.",
	    sa->conn->cfg.ppk.id, peer(sa));
}

void ike_reason_ppk_maybe(struct reason *r, const struct ike_sa *sa)
{
	reason_add(
	    r, " The PPK \"%s\" is in use: it may differ, too (ppk/secret-file).", sa->conn->cfg.ppk.id);
}

void ike_reason_ppk_unused(struct reason *r, const struct ike_sa *sa)
{
	reason_set(r, "ike-ppk-unused",
	    "the tunnel with %s is up without the PPK \"%s\": the peer has none, or one of another id. Set "
	    "ppk/required to true if that must not be.",
	    peer(sa), sa->conn->cfg.ppk.id);
}

void ike_reason_certificate(struct reason *r, const struct ike_sa *sa, const struct reason *why)
{
	char buf[IKE_ID_MAX];

	reason_set(r, why->id, "%s as \"%.120s\": %s", peer(sa),
	    ike_identity_str(&sa->remote_id, buf, sizeof(buf)), why->text);
}

static const char *auth_kind_name(enum ike_auth_kind kind)
{
	switch (kind) {
	case IKE_AUTH_KIND_PSK: return "a pre-shared key";
	case IKE_AUTH_KIND_CERT: return "a certificate";
	case IKE_AUTH_KIND_EAP_MSCHAPV2: return "EAP-MSCHAPv2";
	case IKE_AUTH_KIND_EAP_TLS: return "EAP-TLS";
	}
	return "?";
}

void ike_reason_auth_method(struct reason *r, const struct ike_sa *sa, unsigned method)
{
	const char *theirs = !method                  ? "EAP"
	                     : method == IKE_AUTH_PSK ? "a pre-shared key"
	                                              : "a signature, that is by a certificate";

	reason_set(r, "ike-auth-method",
	    "%s authenticates itself by %s (method %u), but this tunnel expects %s. Set the gateway's "
	    "authentication or "
	    "our remote-auth, so that they agree.",
	    peer(sa), theirs, method, auth_kind_name(sa->conn->cfg.remote_auth));
}

void ike_reason_wrong_identity(struct reason *r, const struct ike_sa *sa, const struct ike_identity *seen,
    const struct ike_identity *wanted)
{
	char a[IKE_ID_MAX], b[IKE_ID_MAX];

	reason_set(r, "ike-wrong-identity",
	    "%s calls itself \"%.120s\", but remote-id asks for \"%.120s\". Set remote-id to what the "
	    "gateway sends, or leave it "
	    "out to accept any.",
	    peer(sa), ike_identity_str(seen, a, sizeof(a)), ike_identity_str(wanted, b, sizeof(b)));
}

void ike_reason_ts_refused(struct reason *r, const struct ike_sa *sa, bool by_peer)
{
	char ours[200], theirs[200];

	reason_set(r, "ike-ts-refused", "%s traffic selectors (TS_UNACCEPTABLE). Ours: %.200s to %.200s.",
	    by_peer ? "the peer refuses our" : "we refuse the peer's",
	    ike_ts_str(sa->conn->cfg.tsi, sa->conn->cfg.n_tsi, ours, sizeof(ours)),
	    ike_ts_str(sa->conn->cfg.tsr, sa->conn->cfg.n_tsr, theirs, sizeof(theirs)));
	reason_add(r, " Make %s a route-based tunnel (any to any), or set the same networks on both sides.",
	    peer(sa));
}

void ike_reason_ts_narrowed(struct reason *r, const struct ike_sa *sa, const struct ike_ts *ts, unsigned n)
{
	char buf[300];

	reason_set(r, "ike-ts-refused",
	    "%s narrows the traffic selectors to %.300s, which this tunnel does not allow. Make the "
	    "gateway's tunnel route-based "
	    "(any to any).",
	    peer(sa), ike_ts_str(ts, n, buf, sizeof(buf)));
}

void ike_reason_put_off(struct reason *r, const struct ike_sa *sa, mtime now)
{
	reason_set(r, "ike-out-of-step",
	    "%s has answered TEMPORARY_FAILURE to each rekey for %lld s: what the two ends know of each "
	    "other no longer "
	    "agrees. Connecting anew.",
	    peer(sa), (long long)mdur_to_s(mtime_since(now, sa->put_off)));
}

void ike_reason_invalid_ke(struct reason *r, const struct ike_sa *sa, unsigned group)
{
	reason_set(r, "ike-invalid-ke",
	    "key exchange with %s does not come to an end: it asks for group %u, which we do not offer or "
	    "have tried, or sent a "
	    "public value that RFC 6989 forbids",
	    peer(sa), group);
}

void ike_reason_peer_deleted(struct reason *r, const struct ike_sa *sa, bool child_only)
{
	reason_set(r, "ike-peer-deleted",
	    "%s deleted the %s. Its log says why; if its administrator took it down, it will answer "
	    "again when it is up.",
	    peer(sa), child_only ? "child SA without a successor" : "IKE SA");
}

void ike_reason_initial_contact(struct reason *r, const struct ike_sa *sa)
{
	reason_set(r, "ike-peer-initial-contact",
	    "%s started anew (INITIAL_CONTACT): it has forgotten the SAs before", peer(sa));
}

void ike_reason_half_open(struct reason *r, unsigned half_open, unsigned limit)
{
	reason_set(r, "ike-half-open-limit",
	    "%u half-open IKE SAs, the limit is %u: further IKE_SA_INIT requests are dropped until some end",
	    half_open, limit);
}

void ike_reason_expired(struct reason *r, const struct ike_sa *sa, const char *what)
{
	reason_set(r, "ike-expired", "the lifetime of the %s with %s ran out before a rekey succeeded", what,
	    peer(sa));
}

void ike_reason_auth_ends(struct reason *r, const struct ike_sa *sa)
{
	char id[IKE_ID_MAX];

	reason_set(r, "ike-auth-ends",
	    "the certificate by which %s authenticated as \"%.120s\", or one of its CAs, has expired: it "
	    "must "
	    "authenticate anew, with one that is valid. If it has one, nothing is lost; if not, the tunnel "
	    "goes down "
	    "a minute after.",
	    peer(sa), ike_identity_str(&sa->remote_id, id, sizeof(id)));
}

void ike_reason_childless(struct reason *r, const struct ike_sa *sa)
{
	reason_set(
	    r, "ike-no-child", "the IKE SA with %s has no child SA, and none was made in time", peer(sa));
}

void ike_reason_child_lost(struct reason *r, const struct ike_sa *sa)
{
	reason_set(
	    r, "ike-child-lost", "%s does not know our child SA any more (CHILD_SA_NOT_FOUND)", peer(sa));
}

void ike_reason_internal(struct reason *r, const char *what)
{
	reason_set(r, "ike-internal", "%s", what);
}

void ike_reason_install(struct reason *r, const struct reason *why)
{
	reason_set(r, "ike-install-failed", "the data plane could not take an SA: %s",
	    why ? why->text : "no reason given");
}

void ike_reason_gave_up(struct reason *r, const struct ike_conn *conn)
{
	reason_add(r, " Gave up after %u attempt%s; `tunnel up` tries again.", conn->attempts,
	    conn->attempts == 1 ? "" : "s");
}

void ike_reason_redundant(struct reason *r, const struct ike_sa *sa)
{
	reason_set(r, "ike-redundant",
	    "%s and we connected at the same time; the redundant IKE SA is deleted (RFC 7296 2.8.1)",
	    peer(sa));
}
