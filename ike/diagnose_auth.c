/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failed authentication has to tell (diagnose.h), each side in the words of its own method: who uses
 * certificates is not told of keys, and who uses EAP hears of users. A certificate out of date is often a
 * clock out of date, so what speaks for that comes first.
 */
#include "ike/diagnose_internal.h"
#include "ike/engine.h"
#include "ike/identity.h"

#include <stdio.h>
#include <string.h>

#define DAY 86400

static bool is_eap(enum ike_auth_kind kind)
{
	return kind == IKE_AUTH_KIND_EAP_MSCHAPV2 || kind == IKE_AUTH_KIND_EAP_TLS;
}

static bool of_certificate(const char *id)
{
	return !strncmp(id, "certificate-", strlen("certificate-"));
}

static const char *own_identity(const struct ike_teller *t, char *buf, size_t cap)
{
	struct ike_identity id = t->cfg->local_id;

	if (id.type == IKE_ID_NONE)
		id = ike_identity_of_addr(addr_is_none(&t->cfg->local) ? &t->f->local.addr : &t->cfg->local);
	return ike_identity_str(&id, buf, cap);
}

/* --- what was seen, what is ruled out --- */

void ike_tell_certificate_seen(struct ike_teller *t)
{
	const struct ike_cert_facts *c = &t->f->cert;
	char from[40], to[40], now[40];

	if (!c->any || (c->ours && !of_certificate(t->f->why) && strcmp(t->f->why, "ike-auth-failed") != 0))
		return;
	ike_tell_seen(t, "%s certificate \"%s\"%s%s%s, of \"%s\", is valid from %s to %s; our clock says %s",
	    c->ours ? "our" : "the peer's", c->subject, c->key[0] ? " (" : "", c->key, c->key[0] ? ")" : "",
	    c->issuer, cert_time_str(c->not_before, from, sizeof(from)),
	    cert_time_str(c->not_after, to, sizeof(to)), cert_time_str(c->now, now, sizeof(now)));
}

static void certificate_ruled_out(struct ike_teller *t)
{
	const struct ike_cert_facts *c = &t->f->cert;

	if (!c->any || c->ours)
		return;
	if (c->trusted && strcmp(t->f->why, "certificate-untrusted") != 0)
		ike_tell_ruled_out(t, "the CA: the peer's certificate is of one that trust-anchor-file has");
	if (c->named)
		ike_tell_ruled_out(t, "the name: the peer's certificate has the one that it goes by");
	if (c->holds_key)
		ike_tell_ruled_out(
		    t, "a mixed-up key: the peer holds the private key of the certificate that it sends");
}

void ike_tell_proofs(struct ike_teller *t)
{
	const struct ike_facts *f = t->f;

	certificate_ruled_out(t);
	if (f->peer_proved && t->cfg->remote_auth == IKE_AUTH_KIND_CERT)
		ike_tell_ruled_out(t, "the peer's certificate: it is good, and the peer holds its key");
	else if (f->peer_proved && is_eap(t->cfg->remote_auth))
		ike_tell_ruled_out(t, "the peer's EAP: it signed on");
	else if (f->peer_proved)
		ike_tell_ruled_out(t, "the key that we expect of the peer: it proved that it has it");
	if (f->took_us || f->child)
		ike_tell_ruled_out(t, "our own %s and identity: the peer accepted them",
		    t->cfg->local_auth == IKE_AUTH_KIND_CERT ? "certificate"
		    : is_eap(t->cfg->local_auth)             ? "EAP user"
		                                             : "key");
}

/* --- the clock --- */

/* What speaks for a wrong clock, as a sentence. False: nothing. */
static bool clock_suspected(const struct ike_cert_facts *c, char *buf, size_t cap)
{
	char now[40], then[40];

	cert_time_str(c->now, now, sizeof(now));
	if (c->earliest && c->now < c->earliest)
		snprintf(buf, cap,
		    "our clock is wrong: it says %s, but causewayd and its configuration were written on %s",
		    now, cert_time_str(c->earliest, then, sizeof(then)));
	else if (c->early > 1)
		snprintf(buf, cap,
		    "our clock is behind, most likely: it says %s, and %u certificates are not valid yet",
		    now, c->early);
	else if (c->expired > 1)
		snprintf(buf, cap,
		    "our clock is ahead, most likely: it says %s, and %u certificates have expired by it",
		    now, c->expired);
	else if (c->early)
		snprintf(buf, cap,
		    "a clock is wrong, most likely: ours, which says %s, is behind, or that of who issued "
		    "the "
		    "certificate is ahead",
		    now);
	else
		return false;
	return true;
}

static void tell_dates(struct ike_teller *t)
{
	const struct ike_cert_facts *c = &t->f->cert;
	const char *whose = c->ours ? "our" : "the peer's";
	bool over = !strcmp(t->f->why, "certificate-expired");
	char clock[250], day[40];

	if (!c->any)
		return;
	if (clock_suspected(c, clock, sizeof(clock))) {
		ike_tell_say(t->d->cause, "%s", clock);
		ike_tell_say(t->d->here, "the clock: `timedatectl` says whether it is synchronized%s",
		    c->ours && over ? "; then the certificate" : "");
		ike_tell_say(t->d->there, over ? "nothing, before the clock here is right"
		                               : "the clock of who issues certificates");
	} else if (c->now > c->not_after) {
		ike_tell_say(t->d->cause, "%s certificate \"%s\" was not renewed: it expired on %s", whose,
		    c->subject, cert_time_str(c->not_after, day, sizeof(day)));
		ike_tell_say(t->d->here, "%s`timedatectl`, should that date not be past",
		    c->ours ? "certificate/chain-file and key-file: a new one, then `systemctl reload "
		              "causewayd`; "
		            : "nothing; ");
		ike_tell_say(t->d->there, "%s", c->ours ? "nothing" : "renew its certificate");
	} else { /* the leaf is good: one above it that was not sent */
		ike_tell_say(t->d->cause,
		    "the CA certificate in trust-anchor-file that \"%s\" leads to has "
		    "expired",
		    c->subject);
		ike_tell_say(t->d->here, "trust-anchor-file: the CA's new certificate");
		ike_tell_say(t->d->there, "nothing");
	}
}

/* --- certificates --- */

static void tell_untrusted(struct ike_teller *t)
{
	const struct ike_cert_facts *c = &t->f->cert;

	if (!c->any)
		return;
	ike_tell_say(t->d->cause, "trust-anchor-file has no CA that \"%s\" leads to: it is of \"%s\"",
	    c->subject, c->issuer);
	ike_tell_say(t->d->here, "trust-anchor-file: add the root CA above \"%s\", if that is who you expect",
	    c->issuer);
	ike_tell_say(t->d->there,
	    "send the intermediate certificates, too; or a certificate of the CA that is trusted here");
}

static void tell_revoked(struct ike_teller *t)
{
	ike_tell_say(t->d->cause,
	    "the CA \"%s\" has revoked the peer's certificate \"%s\": its key was lost "
	    "or replaced",
	    t->f->cert.issuer, t->f->cert.subject);
	ike_tell_say(t->d->here, "nothing: somebody else may hold that key");
	ike_tell_say(t->d->there, "a new key and certificate");
}

static void tell_name(struct ike_teller *t)
{
	char peer[IKE_ID_MAX];

	ike_identity_str(&t->f->peer_id, peer, sizeof(peer));
	ike_tell_say(t->d->cause, "the peer goes by \"%.120s\", which its certificate \"%s\" does not name",
	    peer, t->f->cert.subject);
	ike_tell_say(t->d->here, "nothing, but remote-id where the gateway's identity changes");
	ike_tell_say(t->d->there,
	    "its local identity: the subject or an alternative name of its certificate; or a certificate "
	    "that "
	    "names \"%.120s\"",
	    peer);
}

static void tell_weak(struct ike_teller *t)
{
	const struct ike_cert_facts *c = &t->f->cert;

	ike_tell_say(t->d->cause,
	    "\"%s\"%s%s, or a CA above it, has a key shorter than RSA with 2048 bits or is signed with SHA-1",
	    c->subject, c->key[0] ? ", " : "", c->key);
	ike_tell_say(t->d->here, "nothing, better; a legacy profile takes it");
	ike_tell_say(t->d->there, "a certificate with RSA 2048 or ECDSA P-256 at least, signed with SHA-256");
}

static void tell_usage(struct ike_teller *t)
{
	ike_tell_say(t->d->cause, "\"%s\" was issued for something else than IKE", t->f->cert.subject);
	ike_tell_say(t->d->here, "nothing");
	ike_tell_say(t->d->there,
	    "a certificate with digitalSignature and, where it has an extended key usage, "
	    "serverAuth");
}

/* --- AUTHENTICATION_FAILED, or a proof that is wrong --- */

/* We name whom we want (IDr): a peer that goes by another name has no connection for us, and says no more. */
static void asked_for(struct ike_teller *t)
{
	char want[IKE_ID_MAX];
	size_t cause = strlen(t->d->cause), here = strlen(t->d->here);

	if (!t->f->initiator || t->cfg->remote_id.type == IKE_ID_NONE)
		return;
	ike_identity_str(&t->cfg->remote_id, want, sizeof(want));
	snprintf(&t->d->cause[cause], IKE_DIAGNOSIS_TEXT - cause,
	    "; or it is not \"%.80s\", as remote-id asks", want);
	snprintf(&t->d->here[here], IKE_DIAGNOSIS_TEXT - here, "; remote-id (now \"%.80s\")", want);
}

static void refused_key(struct ike_teller *t, const char *own)
{
	ike_tell_say(t->d->cause,
	    "the pre-shared keys differ; else the peer does not expect \"%.120s\" from our address", own);
	ike_tell_say(t->d->here, "the key in secret-file; local-id (now \"%.120s\")", own);
	asked_for(t);
}

static void refused_certificate(struct ike_teller *t, const char *own)
{
	const struct ike_cert_facts *c = &t->f->cert;
	char clock[250];

	if (!c->any || !c->ours)
		return;
	if (clock_suspected(c, clock, sizeof(clock)) && c->earliest && c->now < c->earliest)
		ike_tell_say(t->d->cause, "%s", clock);
	else if (c->now - c->not_before < DAY)
		ike_tell_say(t->d->cause,
		    "the peer does not trust the CA of our certificate, \"%s\"; or, since our certificate is "
		    "less "
		    "than a day old, the peer's clock is behind",
		    c->issuer);
	else
		ike_tell_say(t->d->cause,
		    "the peer does not trust the CA of our certificate, \"%s\", or misses one between; else "
		    "it "
		    "does not expect our identity",
		    c->issuer);
	ike_tell_say(t->d->here,
	    "certificate/chain-file: with the intermediate certificates; local-id (what we go by)");
	ike_tell_say(t->d->there,
	    "its trusted CAs: add the root of \"%s\"; the remote identity it asks for: \"%.120s\"; its clock",
	    c->issuer, own);
	asked_for(t);
}

static void refused_eap(struct ike_teller *t, const char *own)
{
	ike_tell_say(t->d->cause,
	    "the peer takes no EAP from us, does not know the user \"%.80s\", or has no connection for "
	    "\"%.120s\"",
	    t->cfg->eap.user, own);
	ike_tell_say(t->d->here, "eap/user and eap/secret-file; local-id (now \"%.120s\")", own);
	ike_tell_say(t->d->there, "EAP as the way that clients sign on; the user, and its policy");
}

static void tell_refused(struct ike_teller *t)
{
	char own[IKE_ID_MAX];

	own_identity(t, own, sizeof(own));
	if (is_eap(t->cfg->local_auth))
		refused_eap(t, own);
	else if (t->cfg->local_auth != IKE_AUTH_KIND_CERT)
		refused_key(t, own);
	else if (t->f->cert.any)
		refused_certificate(t, t->cfg->local_id.type == IKE_ID_NONE ? t->f->cert.subject : own);
}

static void tell_wrong_proof(struct ike_teller *t)
{
	if (is_eap(t->cfg->remote_auth) || is_eap(t->cfg->local_auth)) {
		ike_tell_say(t->d->cause, "what the peer proves does not fit the key that EAP made");
		ike_tell_say(
		    t->d->here, "nothing: do not trust it before the peer is known to be the right one");
		ike_tell_say(t->d->there, "the server behind it (RADIUS): it hands out another key (MSK)");
	} else if (t->cfg->remote_auth == IKE_AUTH_KIND_CERT) {
		ike_tell_say(
		    t->d->cause, "the peer does not hold the private key of the certificate that it sends");
		ike_tell_say(t->d->here, "nothing");
		ike_tell_say(t->d->there, "the private key and the certificate that belong together");
	} else {
		ike_tell_say(t->d->cause, "the pre-shared keys differ: the peer's proof does not fit ours");
		ike_tell_say(t->d->here, "the key in secret-file");
	}
}

static void tell_failed(struct ike_teller *t)
{
	size_t len;

	t->d->keyless = t->cfg->local_auth != IKE_AUTH_KIND_PSK && t->cfg->remote_auth != IKE_AUTH_KIND_PSK;
	/* Who is told AUTHENTICATION_FAILED could not prove itself; else it is what the peer proves. */
	if (t->f->initiator ? !t->f->took_us : t->f->peer_proved)
		tell_refused(t);
	else
		tell_wrong_proof(t);
	len = strlen(t->d->cause);
	if (t->f->ppk)
		snprintf(&t->d->cause[len], IKE_DIAGNOSIS_TEXT - len, "; or the PPKs \"%.60s\" differ",
		    t->cfg->ppk.id);
}

/* Which method the peer used, the error says. */
static void tell_method(struct ike_teller *t)
{
	static const char *const names[] = { [IKE_AUTH_KIND_PSK] = "psk",
		[IKE_AUTH_KIND_CERT] = "certificate",
		[IKE_AUTH_KIND_EAP_MSCHAPV2] = "eap-mschapv2",
		[IKE_AUTH_KIND_EAP_TLS] = "eap-tls" };

	t->d->keyless = true; /* the method is wrong, whatever the key */
	ike_tell_say(t->d->cause,
	    "the methods differ: we expect %s of the peer, and it proves itself by another (both are in the "
	    "error)",
	    names[t->cfg->remote_auth]);
	ike_tell_say(t->d->here,
	    "remote-auth (now %s): the method of the peer, and what it needs beside it: secret-file, "
	    "certificate/trust-anchor-file or eap/peer-user",
	    names[t->cfg->remote_auth]);
	ike_tell_say(t->d->there, "its own authentication: %s", names[t->cfg->remote_auth]);
}

/* --- EAP and PPK --- */

static void tell_password(struct ike_teller *t)
{
	if (is_eap(t->cfg->local_auth)) {
		ike_tell_say(t->d->cause,
		    "the server does not accept the password of \"%.80s\", or does not know that name: it "
		    "does "
		    "not tell which",
		    t->cfg->eap.user);
		ike_tell_say(t->d->here, "eap/secret-file; eap/user (now \"%.80s\")", t->cfg->eap.user);
		ike_tell_say(t->d->there, "the account \"%.80s\" and its password", t->cfg->eap.user);
	} else {
		ike_tell_say(
		    t->d->cause, "the client signs on with another password than eap/peer-secret-file");
		ike_tell_say(t->d->here, "eap/peer-secret-file");
		ike_tell_say(t->d->there, "the password of the user \"%.80s\"", t->cfg->eap.peer_user);
	}
}

static void tell_ppk_unknown(struct ike_teller *t)
{
	ike_tell_say(t->d->here, "ppk/id (now \"%.80s\") and ppk/secret-file", t->cfg->ppk.id);
	ike_tell_say(t->d->there, "the PPK, under the id \"%.80s\"", t->cfg->ppk.id);
}

static void tell_ppk_differs(struct ike_teller *t)
{
	ike_tell_ruled_out(t, "all but the PPK: what the peer proves without it is right");
	ike_tell_say(t->d->cause, "the PPK \"%.80s\" is not the same on both sides, often by a line end",
	    t->cfg->ppk.id);
}

static const struct {
	const char *id;
	void (*tell)(struct ike_teller *t);
} kinds[] = {
	{ "certificate-expired", tell_dates },
	{ "certificate-not-yet-valid", tell_dates },
	{ "certificate-untrusted", tell_untrusted },
	{ "certificate-revoked", tell_revoked },
	{ "certificate-wrong-name", tell_name },
	{ "certificate-weak", tell_weak },
	{ "certificate-usage", tell_usage },
	{ "ike-auth-failed", tell_failed },
	{ "ike-auth-method", tell_method },
	{ "ike-eap-password-wrong", tell_password },
	{ "ike-ppk-missing", tell_ppk_unknown },
	{ "ike-ppk-unknown", tell_ppk_unknown },
	{ "ike-ppk-differs", tell_ppk_differs },
};

void ike_tell_auth(struct ike_teller *t)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].id, t->f->why))
			kinds[i].tell(t);
}
