/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One EAP conversation (RFC 3748), as client (the "peer" of the RFC: it proves itself to an IKE responder) or
 * as server. Packets go in, packets and an outcome come out; lost packets are IKE's to repeat. Only methods
 * that make a key are spoken, since IKE's AUTH needs it (RFC 7296 2.16): EAP-MSCHAPv2 and EAP-TLS.
 *
 *     outcome = eap_input(e, packet, ...)
 *     while (outcome == EAP_USER or EAP_WORK) outcome = eap_user(e, ...) or, on a worker thread, eap_work(e)
 *
 * Not thread safe: while eap_work runs, its caller has the conversation for itself.
 */
#ifndef CW_IKE_EAP_SESSION_H
#define CW_IKE_EAP_SESSION_H

#include "base/reason.h"
#include "base/rng.h"
#include "base/secret.h"
#include "ike/mschapv2.h"

#include <stddef.h>

#define EAP_NAME_MAX   255  /* octets of a user name or an identity */
#define EAP_OUT_MAX    1280 /* octets of a packet of ours */
#define EAP_ROUNDS_MAX 100  /* packets of the other side, in one conversation */

struct credentials; /* base/credentials.h */
struct eap;

enum eap_method {
	EAP_METHOD_NONE = 0,
	EAP_METHOD_TLS = 13,
	EAP_METHOD_MSCHAPV2 = 26
}; /* the type on the wire */

enum eap_outcome {
	EAP_SEND,    /* eap_out is to be sent; more will come */
	EAP_USER,    /* server: who is eap_name? eap_user answers */
	EAP_WORK,    /* eap_work is to be called, on any thread */
	EAP_SUCCESS, /* authenticated: eap_msk is the key. A server has EAP-Success in eap_out */
	EAP_FAILED   /* eap_why says why. A server has EAP-Failure in eap_out */
};

/* What is known of a user. Everything is copied (credentials: counted). */
struct eap_user {
	enum eap_method method;
	const char *name;              /* client: what it signs on as */
	const char *identity;          /* client: its answer to a request of identity; NULL: name */
	const char *server_name;       /* client, TLS: what the server's certificate must name; NULL: any */
	const struct secret *password; /* MSCHAPv2; NULL at a server: nobody of this name, and he will be told
	                                  only that name and password don't fit */
	const struct credentials *credentials; /* TLS */
	bool only_12;                          /* TLS, for tests: not 1.3 */
};

/* NULL when memory is out, or when the user is lacking what its method needs (reason set). */
struct eap *eap_client_new(const struct eap_user *user, struct reason *ret_reason);
/* A server that asks for the identity first; eap_out is its request. NULL when memory is out. */
struct eap *eap_server_new(const char *server_name, const struct rng *rng);
void eap_free(struct eap *e);

/* A packet of the other side. */
enum eap_outcome eap_input(struct eap *e, const uint8_t *data, size_t len, const struct rng *rng);
/* After EAP_USER. The second time (the client's MSCHAPv2 name is another than its identity) the method can't
 * change any more. */
enum eap_outcome eap_user(struct eap *e, const struct eap_user *user, const struct rng *rng);
/* After EAP_WORK: one step of TLS, milliseconds long. */
enum eap_outcome eap_work(struct eap *e);

/* The packet to send; 0 octets: none. Valid until the next call. */
const uint8_t *eap_out(const struct eap *e, size_t *ret_len);
/* The name the client gave, printable or not. Never NULL. */
const char *eap_name(const struct eap *e);
/* EAP-TLS: does the other side's certificate carry this name (its common name, or an alternative one)? */
bool eap_certified(const struct eap *e, const char *name);
/* The first of those names; "" without a certificate. */
const char *eap_certificate_name(const struct eap *e);
enum eap_method eap_method(const struct eap *e);
/* After EAP_SUCCESS: EAP_MSK_LEN octets. */
const uint8_t *eap_msk(const struct eap *e);
/* Why it failed, or is about to: id "ike-eap-...", text without the names of connection and peer. */
const struct reason *eap_why(const struct eap *e);
/* What deserves to be told of a success (EAP-TLS: not known whether the certificate was revoked); may be
 * unset. */
const struct reason *eap_warning(const struct eap *e);
/* After success by EAP-TLS: how long the other's chain will be valid, in seconds. Else 0. */
int64_t eap_valid_for(const struct eap *e);

/* EAP-TLS: the number of the alert by which the other side ended it; 0: none did. */
unsigned eap_alert_of(const struct eap *e);

/*
 * Is this the configured user? Letter case does not count, as on Windows; "DOMAIN\user" is also "user" where
 * the configuration names no domain.
 */
bool eap_name_is(const char *configured, const char *name);
/* With what is not printable ASCII replaced; always terminated. */
const char *eap_name_str(const char *name, char *buf, size_t cap);

#endif
