/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MOBIKE (RFC 4555): the addresses of an IKE SA and its child SAs change while they live. Both ends announce
 * it in IKE_AUTH. From then on only the one that began the first IKE SA changes addresses, by
 * UPDATE_SA_ADDRESSES; the other answers to where it was asked, checks that the peer can be reached there,
 * and follows. mobike.c reads and writes the notifications, mobike_move.c acts on them. All of it does
 * nothing on an SA whose peer does not know MOBIKE.
 */
#ifndef CW_IKE_MOBIKE_H
#define CW_IKE_MOBIKE_H

#include "ike/engine.h"

/* --- mobike.c --- */
/* In the IKE_AUTH message that has the SA payload: MOBIKE_SUPPORTED and what goes with it (3.1, 3.4). */
void ike_mobike_offer(struct ike_sa *sa, struct ike_build *b);
/* The peer's message of that kind: is it agreed? */
void ike_mobike_agreed(struct ike_sa *sa, const struct ike_payloads *p);
/* Takes the peer's additional addresses, if the message tells of them. The last word counts (3.6). */
void ike_mobike_take_peers(struct ike_mobike *m, const struct ike_payloads *p);
/* Our additional addresses: those that lead to the peer and are not the one in use; one
 * NO_ADDITIONAL_ADDRESSES when there are none (3.6). */
void ike_mobike_build_additional(const struct ike_sa *sa, struct ike_build *b);
/* Unless NO_NATS_ALLOWED says that a message came by other addresses than these (3.9). */
bool ike_mobike_untranslated(
    const struct ike_payloads *p, const struct endpoint *local, const struct endpoint *remote);
/* For a peer without NAT traversal, whose address changes must forbid NATs (3.9). */
void ike_mobike_build_no_nats(const struct ike_sa *sa, struct ike_build *b);
/* The message's COOKIE2 of a length that is allowed; data NULL: none (3.7). */
struct ike_span ike_mobike_cookie2(const struct ike_payloads *p);
/* Keeps how the peer sees our address. True when it is not as before (3.8). */
bool ike_mobike_seen(struct ike_sa *sa, const struct ike_payloads *p);
/* Both NAT detection notifications for the addresses in use; and what the peer's say of them. */
void ike_mobike_build_nat(struct ike_sa *sa, struct ike_build *b);
void ike_mobike_take_nat(struct ike_sa *sa, const struct ike_payloads *p);

/* --- mobike_move.c --- */
/* Did we begin the first IKE SA, so that changing addresses is ours? */
bool ike_mobike_ours(const struct ike_sa *sa);
/* The successor goes on where its predecessor is. */
void ike_mobike_inherit(const struct ike_sa *old, struct ike_sa *heir);
/* Starts what is wanted, if anything is. */
bool ike_mobike_kick(struct ike_sa *sa, mtime now);
void ike_mobike_reply(struct ike_sa *sa, const struct ike_payloads *p, mtime now);
/* The answer is malformed. */
void ike_mobike_failed(struct ike_sa *sa, enum ike_task_kind kind, mtime now);
/* An INFORMATIONAL request of the peer's: what the answer must carry, and our addresses change; then, when
 * the answer is on its way, what follows from that. */
void ike_mobike_request(struct ike_sa *sa, const struct ike_payloads *p, struct ike_build *b);
void ike_mobike_answered(struct ike_sa *sa, mtime now);
/* The liveness probe asks how the peer sees us, too, and here is the answer (3.8). */
void ike_mobike_build_probe(struct ike_sa *sa, struct ike_build *b);
void ike_mobike_probed(struct ike_sa *sa, const struct ike_payloads *p);
/* A request went out for the n-th time without an answer: other pairs of addresses are tried beside (3.10).
 */
void ike_mobike_try_others(struct ike_sa *sa, unsigned n, mtime now);
/* An answer came by this pair, and is about to be read: if the pair is one of those that were tried, it is
 * taken into use. */
void ike_mobike_way_works(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *remote);

#endif
