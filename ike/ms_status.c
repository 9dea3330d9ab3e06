/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Windows and Azure peers mean by the code in their status notification (type 12345, MS-IKEE): the
 * Windows error codes 13801 to 13896, ERROR_IPSEC_IKE_*. The names are Windows' own without that prefix;
 * those that tell an administrator something say what to change, the others are at least named.
 */
#include "ike/diagnose.h"

static const char key[] = "the key in secret-file, or the gateway's";
static const char policy[] = "ike-proposal and esp-proposal, or the gateway's IPsec/IKE policy";
static const char cert[] = "certificate, or what the gateway trusts";

static const struct ike_ms_status codes[] = {
	{ 13801, "AUTH_FAIL", "IKE authentication credentials are unacceptable", key },
	{ 13802, "ATTRIB_FAIL", "IKE security attributes are unacceptable", policy },
	{ 13803, "NEGOTIATION_PENDING", "a negotiation is under way already", NULL },
	{ 13804, "GENERAL_PROCESSING_ERROR", "general processing error", NULL },
	{ 13805, "TIMED_OUT", "the negotiation timed out: its packets to us, or ours to it, are lost",
	    "UDP 500 and 4500 both ways, and fragments of large packets" },
	{ 13806, "NO_CERT", "it found no valid machine certificate", cert },
	{ 13807, "SA_DELETED", "the SA was deleted by the peer before it was complete", NULL },
	{ 13808, "SA_REAPED", "the SA was deleted before it was complete", NULL },
	{ 13813, "DROP_NO_RESPONSE", "it got no answer from us", "UDP 500 and 4500 both ways" },
	{ 13816, "ERROR", "negotiation failure", NULL },
	{ 13817, "CRL_FAILED", "the revocation check of a certificate failed",
	    "a CRL distribution point that the gateway can reach" },
	{ 13818, "INVALID_KEY_USAGE", "a certificate's key usage is not allowed",
	    "a certificate with the server or IKE extended key usage" },
	{ 13819, "INVALID_CERT_TYPE", "a certificate is of the wrong type", cert },
	{ 13820, "NO_PRIVATE_KEY", "it has no private key for its certificate", "the gateway's certificate" },
	{ 13821, "SIMULTANEOUS_REKEY", "both sides rekeyed at once", NULL },
	{ 13822, "DH_FAIL", "the Diffie-Hellman computation failed", policy },
	{ 13823, "CRITICAL_PAYLOAD_NOT_RECOGNIZED", "it does not know a payload that we marked critical",
	    NULL },
	{ 13824, "INVALID_HEADER", "an invalid header came", NULL },
	{ 13825, "NO_POLICY", "no policy is configured for us",
	    "a connection on the gateway for our address, of kind IKEv2" },
	{ 13826, "INVALID_SIGNATURE", "a signature could not be verified", cert },
	{ 13827, "KERBEROS_ERROR", "Kerberos failed", "authentication by key or certificate on the gateway" },
	{ 13828, "NO_PUBLIC_KEY", "a certificate's public key failed", cert },
	{ 13829, "PROCESS_ERR", "an error while a payload was processed", NULL },
	{ 13830, "PROCESS_ERR_SA", "an error in the SA payload", policy },
	{ 13831, "PROCESS_ERR_PROP", "an error in a proposal", policy },
	{ 13832, "PROCESS_ERR_TRANS", "an error in a transform", policy },
	{ 13833, "PROCESS_ERR_KE", "an error in the KE payload", policy },
	{ 13834, "PROCESS_ERR_ID", "an error in the identity", "local-id, or what the gateway expects" },
	{ 13835, "PROCESS_ERR_CERT", "an error in the certificate", cert },
	{ 13836, "PROCESS_ERR_CERT_REQ", "an error in the certificate request", cert },
	{ 13837, "PROCESS_ERR_HASH", "an error in the hash", key },
	{ 13838, "PROCESS_ERR_SIG", "an error in the signature", cert },
	{ 13839, "PROCESS_ERR_NONCE", "an error in the nonce", NULL },
	{ 13840, "PROCESS_ERR_NOTIFY", "an error in a notification", NULL },
	{ 13841, "PROCESS_ERR_DELETE", "an error in a Delete", NULL },
	{ 13842, "PROCESS_ERR_VENDOR", "an error in a vendor id", NULL },
	{ 13843, "INVALID_PAYLOAD", "an invalid payload came", NULL },
	{ 13844, "LOAD_SOFT_SA", "a soft SA was loaded", NULL },
	{ 13845, "SOFT_SA_TORN_DOWN", "a soft SA was torn down", NULL },
	{ 13846, "INVALID_COOKIE", "an invalid cookie came", NULL },
	{ 13847, "NO_PEER_CERT", "we sent no valid machine certificate", cert },
	{ 13848, "PEER_CRL_FAILED", "the revocation check of our certificate failed",
	    "a CRL distribution point of our certificate that the gateway can reach" },
	{ 13849, "POLICY_CHANGE", "its policy changed: SAs of the old one are void", NULL },
	{ 13850, "NO_MM_POLICY", "it has no main mode policy for us",
	    "a connection on the gateway for our address" },
	{ 13859, "OUT_OF_MEMORY", "its memory is out", NULL },
	{ 13861, "INVALID_POLICY", "its policy is invalid", "the gateway's policy" },
	{ 13864, "DH_FAILURE", "Diffie-Hellman failure", policy },
	{ 13865, "INVALID_GROUP", "an invalid Diffie-Hellman group", policy },
	{ 13866, "ENCRYPT", "encryption failed", NULL },
	{ 13867, "DECRYPT", "decryption failed", key },
	{ 13868, "POLICY_MATCH", "no policy of its fits what we offer", policy },
	{ 13869, "UNSUPPORTED_ID", "an identity of a kind that it does not support",
	    "local-id, as an address or a domain name" },
	{ 13870, "INVALID_HASH", "a hash could not be verified", key },
	{ 13871, "INVALID_HASH_ALG", "an invalid hash algorithm", policy },
	{ 13872, "INVALID_HASH_SIZE", "an invalid hash size", policy },
	{ 13873, "INVALID_ENCRYPT_ALG", "an invalid encryption algorithm", policy },
	{ 13874, "INVALID_AUTH_ALG", "an invalid authentication algorithm", policy },
	{ 13875, "INVALID_SIG", "an invalid certificate signature", cert },
	{ 13876, "LOAD_FAILED", "its IKE could not load", NULL },
	{ 13877, "RPC_DELETE", "its administrator deleted the SA", NULL },
	{ 13878, "BENIGN_REINIT", "it starts anew", NULL },
	{ 13879, "INVALID_RESPONDER_LIFETIME_NOTIFY", "an invalid lifetime notification", NULL },
	{ 13881, "INVALID_CERT_KEYLEN", "a certificate's key is too short or too long", cert },
	{ 13882, "MM_LIMIT", "it has too many negotiations at once", NULL },
	{ 13883, "NEGOTIATION_DISABLED", "its negotiation is disabled", "the gateway" },
	{ 13884, "QM_LIMIT", "its IKE SA has made as many child SAs as it may", NULL },
	{ 13885, "MM_EXPIRED", "its IKE SA expired", NULL },
	{ 13886, "PEER_MM_ASSUMED_INVALID", "it takes our IKE SA for invalid", NULL },
	{ 13887, "CERT_CHAIN_POLICY_MISMATCH", "our certificate's chain is not what its policy asks for",
	    cert },
	{ 13888, "UNEXPECTED_MESSAGE_ID", "an unexpected message id came", NULL },
	{ 13889, "INVALID_AUTH_PAYLOAD", "our AUTH payload is not valid", key },
	{ 13890, "DOS_COOKIE_SENT", "it asked for a cookie", NULL },
	{ 13891, "SHUTTING_DOWN", "its IKE is shutting down", NULL },
	{ 13892, "CGA_AUTH_FAILED", "authentication by CGA failed", NULL },
	{ 13893, "PROCESS_ERR_NATOA", "an error in the NAT original address", NULL },
	{ 13894, "INVALID_MM_FOR_QM", "a child SA was asked for on an invalid IKE SA", NULL },
	{ 13895, "QM_EXPIRED", "its child SA expired", NULL },
	{ 13896, "TOO_MANY_FILTERS", "it has too many traffic selectors for one child SA", NULL },
};

const struct ike_ms_status *ike_ms_status(uint32_t code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return &codes[i];
	return NULL;
}
