/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failed EAP conversation has to tell (diagnose.h), as client or as server. A server tells a client
 * little (a number of RFC 2759, a TLS alert, or nothing), and its log all; so each text says what of it to
 * look at.
 */
#include "ike/diagnose_internal.h"
#include "ike/eap_alert.h"
#include "ike/engine.h"

#include <stddef.h>
#include <string.h>

/* One id, seen from either side. NULL: the catalogue's text, or it can't be seen from there. */
static const struct side {
	const char *id;
	bool client; /* we sign on */
	const char *cause, *here, *there;
} sides[] = {
	{ "ike-eap-unknown-user", false, "no tunnel has that name as its eap/peer-user",
	    "eap/peer-user: the name in the error, with its domain or without",
	    "the user name that it signs on with (EAP-TLS: the certificate that it uses)" },
	{ "ike-eap-password-expired", true,
	    "the account's password is too old for the server's policy (error 648)",
	    "eap/secret-file: the new password, when it was set; it is not changed from here",
	    "a new password for the account, best one that never expires" },
	{ "ike-eap-account-disabled", true, "the account exists and is disabled (error 647)", "nothing",
	    "enable the account" },
	{ "ike-eap-logon-hours", true, "the account may not sign on at this hour (error 646)", "nothing",
	    "the account's logon hours; its clock" },
	{ "ike-eap-no-dialin", true, "the password is right, but the account may not dial in (error 649)",
	    "nothing", "the account's dial-in permission, or the network policy that decides it" },
	{ "ike-eap-refused", true,
	    "the server does not know the user, or a policy of it refuses: it does not tell which",
	    "eap/user: with its domain, or without (DOMAIN\\user, user@domain)",
	    "the user and the policy for it; its log says which" },
	{ "ike-eap-server-unproven", true,
	    "the server does not know the password itself: an impostor, or another account of that name",
	    "nothing: do not trust it", "the RADIUS server or account behind it" },
	{ "ike-eap-server-unproven", false, "the client has another password than eap/peer-secret-file",
	    "eap/peer-secret-file", "the password that it signs on with" },
	{ "ike-eap-early-success", true,
	    "the server ends EAP without having proved itself: an impostor, or its EAP makes no key",
	    "nothing: do not trust it", "an EAP method that makes a key: EAP-TLS or EAP-MSCHAPv2" },
	{ "ike-eap-method", true, "the server wants another EAP method: both are in the error",
	    "local-auth: the method that the server asks for",
	    "allow ours for this user (NPS: network policy)" },
	{ "ike-eap-method", false, "the client wants another EAP method: both are in the error",
	    "remote-auth: the method that the client wants", "its EAP method: ours" },
	{ "ike-eap-too-large", true, "EAP-TLS there sends fragments larger than any path needs", "nothing",
	    "smaller EAP fragments: NPS Framed-MTU 1344, strongSwan's eap-tls fragment_size" },
	{ "ike-eap-too-large", false, "EAP-TLS there sends fragments larger than any path needs", "nothing",
	    "smaller EAP fragments" },
	{ "ike-eap-certificate-untrusted", true, NULL,
	    "certificate/trust-anchor-file: the root of the server's certificate",
	    "send the intermediate certificates; a certificate with serverAuth of a CA that is trusted "
	    "here" },
	{ "ike-eap-certificate-untrusted", false, NULL,
	    "certificate/trust-anchor-file: the root of the client's certificate",
	    "send the intermediate certificates; a certificate with clientAuth of a CA that is trusted "
	    "here" },
	{ "ike-eap-certificate-expired", true, "the server's certificate is over, or our clock is wrong",
	    "the clock: `timedatectl`", "renew its certificate" },
	{ "ike-eap-certificate-expired", false, "the client's certificate is over, or our clock is wrong",
	    "the clock: `timedatectl`", "renew its certificate" },
	{ "ike-eap-server-name", true, "another server answers, or eap/server-name is not what it is called",
	    "eap/server-name: the name in the error, if that is the right server",
	    "a certificate with the name that is asked for" },
	{ "ike-eap-password-unusable", true, "the password is no text that Windows could have",
	    "eap/secret-file", "another password" },
	{ "ike-eap-password-unusable", false, "the password is no text that Windows could have",
	    "eap/peer-secret-file", "another password" },
	{ "ike-eap-tls-failed", true, NULL, "what the error names",
	    "TLS 1.2 or 1.3 with ECDHE and AES-GCM; its log" },
	{ "ike-eap-tls-failed", false, NULL, "what the error names",
	    "TLS 1.2 or 1.3 with ECDHE and AES-GCM; its log" },
};

static void say(char text[IKE_DIAGNOSIS_TEXT], const char *what)
{
	if (what)
		ike_tell_say(text, "%s", what);
}

static void tell_alert(struct ike_teller *t)
{
	const struct eap_alert *a = eap_alert(t->f->eap_alert);

	ike_tell_seen(t, "the peer ended TLS with the alert %u, %s", t->f->eap_alert, a->name);
	say(t->d->cause, a->means);
	say(t->d->here, a->here);
	say(t->d->there, a->there);
}

void ike_tell_eap(struct ike_teller *t)
{
	bool client = ike_auth_is_eap(t->cfg->local_auth);

	if (!strcmp(t->f->why, "ike-eap-tls-refused") && t->f->eap_alert)
		tell_alert(t);
	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		const struct side *s = &sides[i];

		if (s->client != client || strcmp(s->id, t->f->why) != 0)
			continue;
		say(t->d->cause, s->cause);
		say(t->d->here, s->here);
		say(t->d->there, s->there);
	}
}
