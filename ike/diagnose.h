/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why an attempt failed, told as a person would: what was seen, what that rules out, the likely cause, and
 * what to change on either side. The engine notes facts while it works (struct ike_facts, one for each IKE
 * SA; the connection keeps those of its last failure); ike_diagnose turns them into text and is a pure
 * function of them.
 *
 * Facts before authentication may be forged, by anyone who sees our packets: they are told, they end nothing.
 */
#ifndef CW_IKE_DIAGNOSE_H
#define CW_IKE_DIAGNOSE_H

#include "ike/ike.h"
#include "ike/keymat.h"

#define IKE_FACT_NOTIFIES 8

/* What trying other proposals has shown, after the peer refused ours (trial.c, trial_child.c). */
enum ike_trial_kind {
	IKE_TRIAL_ALL,   /* all strong algorithms at once */
	IKE_TRIAL_KE,    /* ours, with any strong key exchange group */
	IKE_TRIAL_ENCR,  /* ours, with any strong encryption */
	IKE_TRIAL_INTEG, /* ours, with any strong integrity and PRF */
	IKE_TRIAL_WEAK,  /* weak algorithms, which are never used: to be able to say so */
	IKE_TRIALS
};
enum ike_trial_result { IKE_TRIAL_UNTRIED, IKE_TRIAL_REFUSED, IKE_TRIAL_ACCEPTED, IKE_TRIAL_SILENT };
struct ike_trial_facts {
	bool running; /* more is to come */
	enum ike_trial_result result[IKE_TRIALS];
	struct ike_suite suite[IKE_TRIALS]; /* what the peer chose, where it accepted */
	bool gone;                          /* of a child: the peer ended the IKE SA before all was tried */
	uint16_t refusal;                   /* of a child: it refuses with this, whatever is offered; 0: no */
};

/*
 * What was seen when a certificate was used: the peer's, which was refused, or ours (auth_signature.c). Times
 * are seconds since 1970, those of the host's clock when it was judged.
 */
struct ike_cert_facts {
	bool any;
	bool ours;
	/* Of the first in the chain that is not valid now; where all are, of the leaf. */
	char subject[120], issuer[120], key[24];
	int64_t not_before, not_after;
	int64_t now, earliest;   /* earliest: a time that it can't be before; 0: not known */
	unsigned expired, early; /* how many, of both sides, are over or have not begun */
	/* Of a peer's: */
	bool trusted;   /* it leads to an anchor, its dates left aside */
	bool named;     /* it names who the peer says it is */
	bool holds_key; /* the signature was made with its key */
};

struct ike_facts {
	bool any;     /* there is something to tell */
	char why[48]; /* id of the reason it ended with; empty: still under way */
	bool initiator;
	struct endpoint local, remote;
	unsigned sent_init, sent_auth; /* datagrams, repeats included */
	bool cookie;                   /* the peer asked for one: it is under load, or cautious */
	bool init_done;                /* IKE_SA_INIT was agreed on */
	bool auth_answered;            /* an IKE_AUTH message of the peer's could be read */
	bool peer_proved;              /* its AUTH was right */
	bool took_us;                  /* it sent its own AUTH after ours: it accepted our proof */
	bool refused_whole;            /* it refused the child SA, and with it the IKE SA */
	bool ppk;                      /* a PPK is mixed into the keys (RFC 8784) */
	bool child;                    /* a child SA was made */
	mdur lived;                    /* from established to its end */
	bool natt, nat_local, nat_remote;
	struct ike_suite suite; /* with init_done */
	struct ike_identity peer_id;
	uint16_t notify[IKE_FACT_NOTIFIES];
	unsigned n_notify;
	uint32_t ms_status; /* Microsoft's status notification (12345); 0: none came */
	/* What the network or our host said of our packets (ike_fact_undelivered); the last of them. */
	enum ike_undelivered undelivered;
	uint16_t undelivered_port;
	unsigned n_undelivered;
	unsigned eap_alert; /* EAP-TLS: the alert by which the peer ended it (eap_alert.h); 0: none */
	struct ike_cert_facts cert;
	/* Of rekeys that were refused: the group that the peer asks for (0: it named none) */
	uint16_t pfs_wanted;
	bool pfs_none; /* every group was, and the peer takes none */
	/* What the peer offered and we refused, and what keeps the nearest two apart (offer_str.h). */
	char peer_offer[240], differs[240];
	char peer_ts[160]; /* the selectors the peer wanted, where we refused them */
};

#define IKE_DIAGNOSIS_LINES 12
#define IKE_DIAGNOSIS_TEXT  400
struct ike_diagnosis {
	char id[48]; /* of the reason, which the catalogue explains; empty: nothing to tell */
	char seen[IKE_DIAGNOSIS_LINES][IKE_DIAGNOSIS_TEXT];
	unsigned n_seen;
	char ruled_out[IKE_DIAGNOSIS_LINES][IKE_DIAGNOSIS_TEXT];
	unsigned n_ruled_out;
	/* Empty where the facts say no more than the catalogue does. */
	bool keyless; /* no pre-shared key is in use: what the catalogue says of keys does not apply */
	char cause[IKE_DIAGNOSIS_TEXT], here[IKE_DIAGNOSIS_TEXT], there[IKE_DIAGNOSIS_TEXT];
};

void ike_diagnose(const struct ike_conn_config *cfg, const struct ike_facts *f,
    const struct ike_trial_facts *trial, struct ike_diagnosis *ret);

/* Of a connection: of its attempt under way, or else of its last failure. -1: no such connection. */
int ike_conn_diagnosis(const struct ike *ike, uint32_t conn, struct ike_diagnosis *ret);

/* A Windows error code of an IKE negotiation (13801..13896): its name, what it means, what to change. NULL
 * when it is not known. */
struct ike_ms_status {
	uint32_t code;
	const char *name, *means, *change;
};
const struct ike_ms_status *ike_ms_status(uint32_t code);

#endif
