/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_AUTH (RFC 7296 1.2, 2.15, 2.16): the frame in which the two sides prove themselves, each by its own
 * method.
 *
 * What a connection expects is in its configuration: `local_auth` for us, `remote_auth` for the peer. A
 * method is one of two things:
 *
 * - A *proof*: the data of one AUTH payload over octets that both sides know (ike_auth_octets: the signer's
 * first message, the other's nonce, the prf of the signer's ID). A pre-shared key computes it at once; a
 * signature is a job. ike_auth_prove and ike_auth_verify choose by method and say NOW, LATER (a job has the
 * ticket that they return; when it is done the same payloads are read again and the stage in struct ike_auth
 * says where to go on) or FAILED.
 * - A *conversation*: EAP (RFC 7296 2.16), by which only an initiator can authenticate itself. Its packets
 * are opaque to the frame. Each turn is a job (ike_eap_turn, eap.h). At its end stands a shared key, the MSK,
 * which takes the place of the pre-shared key in an AUTH of both sides.
 *
 * The order of things, where I has an EAP method and R a proof:
 *     I -> R  IDi, [CERTREQ], [IDr], SA, TSi, TSr           no AUTH: I wants EAP
 *     I <- R  IDr, [CERT], AUTH, EAP                        R's proof by its own method
 *     I -> R  EAP   ...   I <- R  EAP                       until EAP Success
 *     I -> R  AUTH (MSK)     I <- R  AUTH (MSK), SA, TSi, TSr
 * With a proof on both sides the first line carries AUTH (and CERT), the second SA, TSi and TSr, and that is
 * all. Child SA, selectors and INITIAL_CONTACT of the first request hold until the last; the responder keeps
 * them.
 *
 * A PPK (RFC 8784) goes into SK_d, SK_pi and SK_pr between IKE_SA_INIT and the initiator's AUTH: ppk.h. With
 * EAP that is the last request, so the responder's first proof is made without it.
 *
 * The name that an EAP client gives chooses the connection anew (auth_respond.c, `who`): as at a Windows
 * server, where the user name says which site-to-site interface it is.
 */
#ifndef CW_IKE_AUTH_H
#define CW_IKE_AUTH_H

#include "ike/eap.h"
#include "ike/sa.h"

struct ike_job;

/* Where an IKE_AUTH exchange that waits for a job goes on. */
enum ike_auth_stage {
	IKE_AUTH_STAGE_IDLE,      /* waits for the peer */
	IKE_AUTH_STAGE_VERIFYING, /* the peer's proof is being judged */
	IKE_AUTH_STAGE_PROVING,   /* ours is being computed */
	IKE_AUTH_STAGE_TURN,      /* the EAP method is at work */
};

/* The keys that a PPK goes into (ppk.h), without it. */
struct ike_ppk_keys {
	uint8_t sk_d[CRYPTO_MAX_HASH], sk_pi[CRYPTO_MAX_HASH], sk_pr[CRYPTO_MAX_HASH];
};

/* Of an IKE SA from its first IKE_AUTH message until it is established. */
struct ike_auth {
	enum ike_auth_stage stage;
	struct ike_bytes id_mine, id_peer; /* bodies of the ID payloads, which AUTH covers */
	uint8_t method;                    /* our proof, as it goes into the AUTH payload */
	struct ike_bytes proof;
	struct ike_bytes first; /* responder with EAP: payloads of the first request, for the child */
	uint8_t first_type;
	struct ike_eap *eap; /* NULL: no EAP, or a job has it */
	bool wants_eap;      /* the initiator authenticates by EAP */
	bool eap_over;       /* with success: what follows is AUTH by MSK */
	bool told_all;       /* initiator: its last proof is on the way, so the peer may have established */
	bool initial_contact;
	struct secret msk; /* of EAP; methods without one are not spoken */
	unsigned rounds;
	bool complained;           /* responder: why it will fail has been said */
	bool ppk_mixed;            /* a PPK is in the keys */
	bool without_ppk;          /* responder: NO_PPK_AUTH holds in AUTH's place */
	struct ike_ppk_keys plain; /* valid with ppk_mixed */
	struct ike_bytes no_ppk;   /* initiator: our proof without the PPK */
};
struct ike_auth *ike_auth_new(void);
void ike_auth_free(struct ike_auth *a);

enum ike_auth_result { IKE_AUTH_NOW, IKE_AUTH_LATER, IKE_AUTH_FAILED };

/*
 * Our proof: to a->method and a->proof. With a->eap_over it is by MSK, else by local_auth.
 * LATER: *ret_ticket is the job's; ike_auth_proved takes its result. FAILED: with a reason.
 */
enum ike_auth_result ike_auth_prove(struct ike_sa *sa, uint64_t *ret_ticket, struct reason *why);
int ike_auth_proved(struct ike_sa *sa, struct ike_job *job, struct reason *why);
/*
 * The peer's proof in p, over a->id_peer; with a->eap_over by MSK, else by remote_auth. NOW: it is right.
 * LATER and ike_auth_verified as above. FAILED: with the reason.
 */
enum ike_auth_result ike_auth_verify(
    struct ike_sa *sa, const struct ike_payloads *p, uint64_t *ret_ticket, struct reason *why);
int ike_auth_verified(struct ike_sa *sa, struct ike_job *job, struct reason *why);
/* The next turn of the EAP conversation, always a job. 0 when there is no memory (the SA is to end then). */
uint64_t ike_auth_turn(struct ike_sa *sa, struct ike_span packet);
/* Takes the conversation back from the job. The verdict; FAILURE when the job failed. */
enum ike_eap_verdict ike_auth_turned(struct ike_sa *sa, struct ike_job *job, struct reason *why);
/* After its success, when the connection is settled: tells what deserves a warning. */
void ike_auth_turn_warn(struct ike_sa *sa, const struct ike_job *job);

/* The body of the ID payload that says `id`: kept, since AUTH covers it. 0 or -1. */
int ike_auth_set_id(struct ike_bytes *body, const struct ike_identity *id);
/* Does a proof of this AUTH method belong to this kind? For finding the connection an initiator means. */
bool ike_auth_method_fits(enum ike_auth_kind kind, uint8_t method);
bool ike_auth_is_eap(enum ike_auth_kind kind);

/* What the signer signs: message | nonce | prf(SK_px, id_body), of our side or of the peer's. 0 or -1. */
int ike_auth_octets(const struct ike_sa *sa, bool mine, struct ike_bytes *ret_octets);
/*
 * AUTH = prf(prf(key, "Key Pad for IKEv2"), message | nonce | prf(SK_px, id_body)). message is the signer's
 * own first message as sent, nonce the other side's, sk_p the signer's SK_pi or SK_pr, id_body the signer's
 * ID payload without generic header. out has the PRF's length.
 */
int ike_auth_shared(const struct ike_keys *k, const uint8_t *sk_p, const struct secret *key,
    struct ike_span message, const struct ike_nonce *nonce, struct ike_span id_body, uint8_t *out);

#endif
