/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EAP (RFC 3748) inside IKE_AUTH, as the frame in auth.h sees it: a conversation that takes a packet and
 * gives one, in turns, until success or failure. Both sides: the peer (IKE initiator) and the server
 * (responder).
 *
 * One struct ike_eap has one owner at a time. The frame moves it into a job for each turn, so a turn may take
 * its time (TLS) and runs on any thread; it must touch nothing but itself and what it was made from.
 */
#ifndef CW_IKE_EAP_H
#define CW_IKE_EAP_H

#include "base/reason.h"
#include "base/rng.h"
#include "base/secret.h"

#include <stdint.h>

#include <stdbool.h>

struct ike_conn;
struct ike_eap;

#define IKE_EAP_PACKET_MAX 4096 /* bytes; of what we take or send */

enum ike_eap_verdict {
	/* Send `out`, wait for the peer's next packet. `why` is set: it refuses, or is refused, and only
	 * Failure can follow, if the other side has the manners to wait for it. */
	IKE_EAP_GO_ON,
	IKE_EAP_WHO, /* server: nothing to send yet. Who is ike_eap_name? ike_eap_user answers, a turn without
	                a packet follows */
	IKE_EAP_SUCCESS, /* server: `out` is EAP-Success, to be sent; peer: it has come, `out` is empty */
	IKE_EAP_FAILURE, /* server: `out` is EAP-Failure, to be sent; peer: `out` is empty. why is set */
};
struct ike_eap_turn {
	uint8_t in[IKE_EAP_PACKET_MAX]; /* the other's packet; in_len 0: none, the server begins or goes on */
	size_t in_len;
	uint8_t out[IKE_EAP_PACKET_MAX];
	size_t out_len;
	enum ike_eap_verdict verdict;
	struct reason why;
	unsigned alert;        /* EAP-TLS: of the other side (eap_alert.h); 0: none */
	struct reason warning; /* of a success that deserves one */
	int64_t valid_for;     /* of a success by certificate: how long that is valid, in seconds; else 0 */
};

/* What it needs of the connection is copied. NULL with a reason: no memory, or the method is not configured.
 */
struct ike_eap *ike_eap_new(const struct ike_conn *conn, bool server, struct reason *ret_reason);
void ike_eap_free(struct ike_eap *e);
/* One turn, on any thread; rng is the job's own. t->in is given, the rest is set. */
void ike_eap_turn(struct ike_eap *e, const struct rng *rng, struct ike_eap_turn *t);
/* Server, after IKE_EAP_WHO: the name that the client gave, as it came. */
const char *ike_eap_name(const struct ike_eap *e);
/*
 * Whose connection that is. known false: nobody's; conn then only says what to talk about with a stranger,
 * who is refused in the end, as if the password had been wrong. 0 or -1 (memory).
 */
int ike_eap_user(struct ike_eap *e, const struct ike_conn *conn, bool known);
/* EAP-TLS, after success: does the other side's certificate carry this name? True for other methods. */
bool ike_eap_certified(const struct ike_eap *e, const char *name);
/* ... and would this connection trust it, too? It was judged by what the one of ike_eap_user trusts. */
bool ike_eap_trusted_by(const struct ike_eap *e, const struct ike_conn *conn);
/* The name its certificate has, for texts. */
const char *ike_eap_certificate_name(const struct ike_eap *e);
/* After success: the MSK, 64 bytes. */
const struct secret *ike_eap_msk(const struct ike_eap *e);

#endif
