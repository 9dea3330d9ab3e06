/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which connection a peer means, as responder (RFC 7296 2.9 leaves that to us): by its address, its identity
 * and the one it takes for ours, the kind of its proof, the suite that was agreed on, and an EAP client's
 * name.
 *
 * Any message can name any identity, and hundreds of connections may serve any address: what is compared with
 * each of them is a number, made once of what the message says and once of each configuration. Names are
 * taken apart only where the numbers agree.
 */
#ifndef CW_IKE_CHOOSE_H
#define CW_IKE_CHOOSE_H

#include "ike/sa.h"

/* Of a configuration that is new: the numbers. */
void ike_choose_prepare(struct ike_conn *conn);
/*
 * The connection that IKE_AUTH means, with sa->remote_id: idr is the identity it wants of us (type NONE: it
 * does not say), method the AUTH payload's (0: none, it wants EAP). NULL: none.
 */
struct ike_conn *ike_choose_conn(const struct ike_sa *sa, const struct ike_identity *idr, uint8_t method);
/* The connection of an EAP client, by the name that it gave; NULL: nobody's. */
struct ike_conn *ike_choose_by_name(const struct ike_sa *sa);
/* The same by its certificate: of those that trust whoever vouched for that. */
struct ike_conn *ike_choose_by_certificate(const struct ike_sa *sa);

#endif
