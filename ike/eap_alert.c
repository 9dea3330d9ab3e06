/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the other side of EAP-TLS means by an alert, and what to change. Names are those of RFC 8446 6.2 (and
 * RFC 5246 7.2.2 for what only TLS 1.2 has). An alert is its sender's whole explanation, and senders differ
 * in which one they choose, so each text names what is likeliest first.
 */
#include "ike/eap_alert.h"

#include <stddef.h>

static const char its_log[] = "its log";

static const struct eap_alert alerts[] = {
	{ 40, "handshake_failure", "it has no cipher, curve or signature in common with us, or asks for more",
	    "certificate: an RSA key of 2048 bits or ECDSA P-256 fits most",
	    "TLS 1.2 or 1.3 with ECDHE and AES-GCM" },
	{ 42, "bad_certificate",
	    "it finds our certificate wrong: not for this use, not for this name, or broken",
	    "certificate: one that names us, with clientAuth (a server of EAP-TLS: serverAuth)",
	    "what it asks of certificates, and the account that ours belongs to" },
	{ 43, "unsupported_certificate", "it does not take a certificate of this kind, or for this use",
	    "certificate: RSA or ECDSA P-256, with clientAuth (a server of EAP-TLS: serverAuth)",
	    "the kinds of certificate that it takes" },
	{ 44, "certificate_revoked", "it holds our certificate for revoked",
	    "certificate: a new one with a new key, if that is so",
	    "its list of revoked certificates, if not" },
	{ 45, "certificate_expired", "by its clock our certificate is over, or has not begun",
	    "certificate/chain-file and key-file: a new one; the dates are in `tunnel show`", "its clock" },
	{ 46, "certificate_unknown",
	    "it refuses our certificate for a reason of its own, often that nobody has it",
	    "certificate: the one that its account knows",
	    "the account that the certificate is mapped to (Windows: by its user principal name)" },
	{ 48, "unknown_ca", "it does not trust the CA of our certificate, or misses one between",
	    "certificate/chain-file: with the intermediate certificates",
	    "its trusted CAs: add the root of our certificate (Windows: certlm.msc, and NTAuth at NPS)" },
	{ 49, "access_denied", "it takes our certificate, but does not let us in",
	    "eap/user, if it goes by that", "the policy that decides who may connect" },
	{ 51, "decrypt_error", "our signature does not fit the certificate that we send",
	    "certificate: a chain-file and a key-file that belong together", its_log },
	{ 70, "protocol_version", "it speaks no version of TLS that we do",
	    "nothing: TLS 1.2 and 1.3 are spoken", "switch TLS 1.2 on" },
	{ 71, "insufficient_security", "our key, or what we offer, is too weak for it",
	    "certificate: a longer key", "what it asks of keys and ciphers" },
	{ 80, "internal_error", "something failed inside it", "nothing", its_log },
	{ 113, "bad_certificate_status_response",
	    "it does not like what was said of a certificate's revocation", "nothing", "its OCSP settings" },
	{ 116, "certificate_required", "it asks for a certificate, and got none from us",
	    "certificate/chain-file and key-file", "the CAs that it names when it asks" },
	{ 0, "an alert", "most often it does not trust our certificate", "certificate",
	    "its trusted CAs, and what it asks of certificates" },
};

const struct eap_alert *eap_alert(unsigned number)
{
	size_t i = 0;

	while (alerts[i].number && alerts[i].number != number)
		i++;
	return &alerts[i];
}
