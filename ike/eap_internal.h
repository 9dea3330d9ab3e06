/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of EAP share. Internal to ike/eap*.c. */
#ifndef CW_IKE_EAP_INTERNAL_H
#define CW_IKE_EAP_INTERNAL_H

#include "base/cursor.h"
#include "ike/eap_session.h"
#include "ike/eap_packet.h"

enum eap_phase {
	EAP_ASKING,   /* server: the identity is asked for */
	EAP_WHO,      /* server: waits for eap_user */
	EAP_RUNNING,  /* the method runs; a client: may begin */
	EAP_DONE,     /* the method has authenticated: only Success may come, or goes */
	EAP_REFUSED,  /* the method has refused, `why` is set: only Failure follows */
	EAP_FINISHED, /* nothing more is taken */
};

enum eap_mschap_state { EAP_MSCHAP_START, EAP_MSCHAP_CHALLENGED, EAP_MSCHAP_WHO, EAP_MSCHAP_ANSWERED };

struct eap_mschapv2 {
	enum eap_mschap_state state;
	uint8_t ms_id;
	bool have_hash; /* a server without it refuses in the end, not before */
	uint8_t hash[MSCHAPV2_HASH_LEN];
	uint8_t authenticator[MSCHAPV2_CHALLENGE_LEN], peer[MSCHAPV2_CHALLENGE_LEN];
	uint8_t response[MSCHAPV2_NT_RESPONSE_LEN];
	char sent_name[EAP_NAME_MAX + 1]; /* server: of the response */
};

struct eap_tls;

struct eap {
	bool server, sent_method;
	enum eap_phase phase;
	enum eap_method method;
	uint8_t id; /* client: of the request it answers; server: of its next request, or the outstanding */
	uint8_t answered;                   /* server: of the last request that was answered */
	char name[EAP_NAME_MAX + 1];        /* client: ours; server: the client's */
	char identity[EAP_NAME_MAX + 1];    /* client */
	char server_name[EAP_NAME_MAX + 1]; /* server: said in the challenge. Client, unless empty: what its
	                                       certificate must name */
	struct eap_mschapv2 mschap;
	struct eap_tls *tls;
	uint8_t msk[EAP_MSK_LEN];
	struct reason why, warning;
	unsigned alert;    /* TLS: that of the other side, which ended it; 0: none */
	int64_t valid_for; /* of a certificate */
	unsigned rounds;
	uint8_t out[EAP_OUT_MAX];
	size_t out_len;
};

/* What a method says of a packet. */
enum eap_step {
	EAP_STEP_SEND,    /* `w` has the data of the next packet */
	EAP_STEP_USER,    /* server: who is e->name? */
	EAP_STEP_WORK,    /* eap_*_work goes on */
	EAP_STEP_DONE,    /* authenticated, msk is set; a client has a last response in `w` */
	EAP_STEP_REFUSED, /* `why` is set; the packet in `w` says so to the other side, which will confirm */
	EAP_STEP_FAILED,  /* `why` is set; nothing is left to be said by the method */
};

/* eap_mschapv2.c. `w` is at the data of our packet, behind its type. */
enum eap_step eap_mschapv2_client(struct eap *e, struct rd data, const struct rng *rng, struct wr *w);
enum eap_step eap_mschapv2_challenge(struct eap *e, const struct rng *rng, struct wr *w);
enum eap_step eap_mschapv2_server(struct eap *e, struct rd data, struct wr *w);
/* The password of who answered is known, or that there is none. */
enum eap_step eap_mschapv2_judge(struct eap *e, struct wr *w);

/* eap_tls.c */
struct eap_tls *eap_tls_new(const struct credentials *credentials, bool server, bool only_12);
void eap_tls_free(struct eap_tls *t);
enum eap_step eap_tls_start(struct eap *e, struct wr *w);
enum eap_step eap_tls_input(struct eap *e, struct rd data, struct wr *w);
enum eap_step eap_tls_work(struct eap *e, struct wr *w);
bool eap_tls_certified(const struct eap_tls *t, const char *name);
const char *eap_tls_peer(const struct eap_tls *t);

#endif
