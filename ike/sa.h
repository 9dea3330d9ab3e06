/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of the engine: connections, IKE SAs, child SAs, and the exchange each IKE SA has under way.
 * Internal to ike/. Ownership: struct ike owns conns and ike_sas, an ike_sa owns its child_sas; a conn only
 * points at its live child.
 */
#ifndef CW_IKE_SA_H
#define CW_IKE_SA_H

#include "base/htab.h"
#include "base/list.h"
#include "base/timerq.h"
#include "ike/diagnose.h"
#include "ike/fragment.h"
#include "ike/keymat.h"
#include "ike/message.h"
#include "ike/sa_payload.h"

struct ike_bytes {
	uint8_t *data;
	size_t len;
};

enum ike_child_state {
	IKE_CHILD_READY,    /* negotiated, inbound installed; the outbound one may follow later */
	IKE_CHILD_REPLACED, /* a successor is there; delete_at tells when we delete it, if we are to */
	IKE_CHILD_DELETING, /* our Delete is on the way */
	IKE_CHILD_DRAINING, /* removed, but its inbound side takes late packets; the conn's, not its SA's */
	IKE_CHILD_GONE,     /* removed; freed at the end of the call */
};

/* An inbound SPI that is taken. */
struct ike_spi {
	struct hnode node;
	uint32_t spi;            /* 0: not in use */
	struct ike_child *child; /* NULL: a task keeps it for the child it would make */
};

struct ike_child {
	struct list node;
	struct ike_sa *sa; /* NULL: draining */
	struct ike_conn *conn;
	enum ike_child_state state;
	struct ike_spi index;
	uint32_t spi_in, spi_out;
	struct ike_suite suite;
	struct ike_child_sa in, out; /* `out` is installed when it should be used */
	bool in_installed, out_installed;
	uint64_t add_in, add_out, up; /* ids of its SA_ADD and CHILD_UP or CHILD_REKEYED actions */
	uint32_t took_over_from;      /* spi_in of the child that was live before it; 0: none */
	bool created_by_us;           /* of the exchange that made it */
	struct ike_nonce low;         /* the lower nonce of that exchange (RFC 7296 2.8.1) */
	uint32_t old_spi_in;          /* the child it was made to replace; 0: none */
	bool worn;                    /* its limit of bytes or packets has started a rekey */
	bool seen;                    /* the peer has sent on it */
	uint32_t answer_id;           /* made by the peer: the message id of our answer */
	struct ike_rekeyed how;       /* it was made so */
	enum ike_rekey_why why_next;  /* it is to be rekeyed next for this reason */
	unsigned refusals;            /* of its rekeys by the peer, in a row */
	bool want_rekey, want_delete;
	mtime since, rekey_at, expire_at, delete_at;
	mtime retry_at;                   /* when a rekey is tried again, or rehearsed */
	mtime removed, drain_at, last_in; /* while draining */
};

enum ike_sa_state {
	IKE_SA_INITIATING, /* ours, not yet authenticated: its task is INIT or AUTH */
	IKE_SA_HALF_OPEN,  /* the peer's, not yet authenticated */
	IKE_SA_ESTABLISHED,
	IKE_SA_REKEYED,   /* a successor has its children; it is only still to be deleted */
	IKE_SA_CLOSING,   /* has no children; our Delete is on the way or waits for its turn */
	IKE_SA_LINGERING, /* gone, but repeats of the last request are still answered */
	IKE_SA_DEAD,      /* freed at the end of the call */
};
#define IKE_SA_STATES (IKE_SA_DEAD + 1)

enum ike_task_kind {
	IKE_TASK_NONE,
	IKE_TASK_INIT,
	IKE_TASK_AUTH,
	IKE_TASK_REKEY_CHILD,
	IKE_TASK_REKEY_IKE,
	IKE_TASK_DELETE_CHILD,
	IKE_TASK_DELETE_IKE,
	IKE_TASK_PROBE,
	IKE_TASK_ADDRESSES, /* UPDATE_SA_ADDRESSES, or our additional addresses (RFC 4555) */
	IKE_TASK_ROUTABLE,  /* a return routability check */
	IKE_TASK_TRIAL,     /* CREATE_CHILD_SA, to see what the peer accepts */
};

/* Whether a rekey of a child offers a key exchange (rekey_offer.c). */
enum ike_pfs {
	IKE_PFS_LISTED,  /* as the ESP proposals say */
	IKE_PFS_WITHOUT, /* only those proposals that list none */
	IKE_PFS_WITH,    /* those that list none, with a group nevertheless: the peer insists */
	/* A trial: every group, so that the peer names one it takes. The public value is of one that it has
	 * refused, so nothing is made of it. */
	IKE_PFS_ANY,
	IKE_PFS_ANY_WEAK, /* weak groups, only to be able to name it */
};

/* The one request of ours that is under way (window of 1, RFC 7296 2.3), from its key generation to its
 * answer. */
struct ike_task {
	enum ike_task_kind kind;
	uint64_t ticket;        /* of the job it waits for; 0: none */
	bool waiting_secret;    /* the answer came and its g^ir is being computed */
	struct ike_bytes reply; /* that answer's payloads, decrypted */
	uint8_t reply_first;
	uint32_t child_spi_in; /* the child it is about */
	uint32_t spi_in;       /* of the child it would make */
	uint64_t spi_ike;      /* of the IKE SA it would make */
	enum ke_id group;      /* KE_NONE: without key exchange */
	struct ke *ke;
	uint8_t ke_public[CRYPTO_MAX_KE_PUBLIC];
	size_t ke_public_len;
	enum ike_rekey_why why;
	bool scratch;                 /* REKEY_CHILD: the peer has lost the old one, a new one is asked for */
	enum ike_pfs pfs;             /* REKEY_CHILD: what is offered */
	unsigned pfs_tried;           /* bits by enum ike_pfs */
	unsigned ke_retries, cookies; /* loops end (RFC 7296 2.6.1, 1.3) */
	struct ike_nonce nonce;
	bool contested;                   /* the peer rekeyed the same child meanwhile: */
	struct ike_nonce rival;           /* the lower nonce of its exchange */
	uint8_t cookie2[IKE_COOKIE2_LEN]; /* ADDRESSES, ROUTABLE: what the answer must repeat */
	unsigned moves;                   /* ike_mobike.moves when it was sent */
	bool update;                      /* ADDRESSES: it is an UPDATE_SA_ADDRESSES */
};

/* Of an IKE SA whose ends both know RFC 4555 (mobike.h). */
struct ike_mobike {
	bool on;
	bool pending;   /* our UPDATE_SA_ADDRESSES is to be sent */
	bool announce;  /* our additional addresses are to be sent */
	bool unchecked; /* the peer moved; ESP follows when the new address is proved */
	struct endpoint esp_local, esp_remote; /* until then: where it goes */
	unsigned moves;                        /* changes of addresses so far */
	unsigned refusals;                     /* of our updates, in a row */
	unsigned locals_told;                  /* that of the conn which it has followed */
	struct addr peers[IKE_ADDITIONAL_MAX]; /* the peer's additional addresses */
	unsigned n_peers;
	bool seen;           /* the peer has said how it sees our address: */
	uint8_t seen_as[20]; /* by this hash */
};

/* What a sealed message says: kept to seal it again, in smaller fragments (outgoing.c). */
struct ike_text {
	struct ike_bytes body; /* data NULL: not kept */
	uint8_t first, exchange;
};

struct ike_out {
	struct ike_bytes msg; /* one message or its fragments, one after the other; data NULL: nothing
	                         outstanding */
	struct ike_text text; /* while it may have to be cut smaller */
	uint32_t id;
	uint8_t exchange;
	uint64_t action; /* the last SEND of it */
	mtime first_sent, next;
	mdur wait;
	unsigned sent;
};

/* A request of the peer's whose answer waits for a job. */
struct ike_parked {
	struct ike_bytes msg; /* its payloads, decrypted (IKE_SA_INIT: as they came) */
	uint8_t first, exchange;
	uint32_t id;
	uint64_t ticket; /* 0: nothing parked */
};

/* Of the IKE SA that IKE_SA_INIT made; its successors by rekey inherit it (settle.c compares). */
struct ike_origin {
	bool by_us;
	mtime created, established;
	struct ike_nonce low;
};

struct ike_sa {
	struct list node;    /* of its conn: `sas`, or `crowd` while HALF_OPEN or LINGERING */
	struct list touched; /* touch.c */
	struct list linger;  /* among those that do, in their order */
	bool to_visit;
	struct timerq_node timer;
	struct hnode by_serial, by_spi, by_theirs, by_source; /* index.c */
	struct addr source;                                   /* by which it is counted while half open */
	bool sourced;
	struct ike_spi reserved; /* of the task */
	uint64_t serial;         /* never used twice; jobs and other SAs refer to it by this */
	struct ike *ike;
	struct ike_conn *conn;
	enum ike_sa_state state; /* changes by ike_sa_set_state only */
	bool initiator;
	uint64_t spi_i, spi_r;
	struct endpoint local, remote;
	bool natt; /* talks on port 4500 */
	struct ike_mobike mobike;
	struct endpoint asked_at, asked_from; /* how the peer's last request came */
	bool asked_natt;
	bool natd; /* the peer knows NAT detection */
	bool nat_local, nat_remote;
	bool nat_pretended; /* our notification shows a NAT that is none: on purpose, or we knew no address of
	                       ours */
	struct ike_suite suite;
	struct ike_keys keys;
	struct ike_nonce ni, nr, low;
	struct ike_origin origin;
	struct ike_identity remote_id;

	uint32_t next_req;  /* id of our next request */
	uint32_t next_peer; /* id of the peer's next request */
	struct ike_out out;
	struct ike_bytes kept; /* our answer to next_peer - 1: one message or its fragments */
	struct ike_text kept_text;
	unsigned kept_repeats;            /* how often the peer asked for it again */
	bool fragmentation;               /* both ends have announced it (RFC 7383 2.3) */
	uint16_t fragment_size;           /* of IP packets; 0: not needed yet */
	struct ike_reassembly *pieces[2]; /* of a request of the peer's, of an answer */
	struct ike_parked parked;
	struct ike_task task;

	/* IKE_SA_INIT, until authenticated */
	struct ike_bytes init_mine, init_peers; /* the messages that AUTH covers */
	struct ike_bytes cookie;
	uint8_t init_number; /* of the peer's proposal that we chose */
	bool init_integ_none;
	bool ppk;              /* a PPK is in the keys; its successors have it from them */
	bool use_ppk;          /* both sides know RFC 8784, and we have a PPK (ppk.h) */
	uint16_t peer_hashes;  /* of its SIGNATURE_HASH_ALGORITHMS, as bits (auth_signature.h) */
	struct ike_auth *auth; /* IKE_AUTH under way (auth.h); NULL before and after */
	struct reason hint;    /* the last unauthenticated complaint, said when the attempt ends */
	struct ike_facts facts;
	struct ike_trial *trial; /* not to be completed: it only tries what the peer would accept (trial.c) */
	struct ike_child_trial *child_trial; /* kept without a child, to try ESP suites (trial_child.c) */

	uint64_t job_action[2]; /* the last JOB by slot (job.c) */
	struct list children;
	bool want_rekey, want_probe;
	enum ike_rekey_why why_next; /* it is to be rekeyed */
	struct ike_rekeyed how;      /* it was made so, if by a rekey */
	enum ike_pfs pfs;            /* what the peer took last at a child's rekey */
	enum ke_id pfs_group;        /* of IKE_PFS_WITH */
	uint32_t
	    orphan_spi; /* ours of a child that the peer has made and we have not: to be deleted; 0: none */
	mtime put_off;  /* the first of its TEMPORARY_FAILUREs in a row; NEVER: none */
	bool disowned;  /* the responder did not prove to be the peer: our Delete says so */
	bool force_delete;  /* REKEYED or CLOSING: our Delete is to be sent */
	uint64_t heir;      /* serial of the SA that the peer's rekey made, while ours is outstanding */
	bool created_by_us; /* of the exchange that made it */
	mtime created, established, expires, rekey_at, expire_at, childless_at, delete_at;
	mdur auth_left;      /* until established: how long the proof of the peer's will hold; 0: for ever */
	mtime auth_ends;     /* reauth.c; NEVER: for ever */
	bool auth_over;      /* it has ended: the peer is to authenticate anew */
	unsigned auth_tries; /* how many attempts are left for that */
	mtime last_sign;     /* of life */
	mtime confirmed;     /* when the last answered request of ours was first sent */
	bool proven;         /* the peer is known to have it, too */
	bool redundant;      /* another SA of the same conn won (settle.c) */
	uint64_t redundant_to;
	mtime redundant_since, redundant_check;
};

#define IKE_DRAINS_MAX 8 /* old inbound SAs of one conn that still take late packets */

#define IKE_WARNED_MAX 4 /* different warnings of one conn about strangers, in one span (connect.c) */

struct ike_conn_remote {
	struct hnode node;
	bool in;
	struct addr addr;
	struct ike_conn *conn;
};

struct ike_conn {
	struct list node;
	struct list touched; /* touch.c */
	bool to_visit, indexed;
	struct timerq_node timer;
	struct hnode by_id;
	struct ike_conn_remote by_remote[IKE_REMOTES_MAX]; /* one for each different remote address */
	struct list any_node;                              /* among those that any peer may use */
	struct list sas, crowd;                            /* crowd: what strangers can make many of */
	struct list draining;                              /* children; the oldest first */
	unsigned n_draining;
	uint64_t order; /* in which they were added */
	struct ike *ike;
	uint32_t id;
	struct ike_conn_config cfg; /* psk taken out */
	struct secret psk;
	struct secret eap_secret, eap_peer_secret, ppk; /* taken out of cfg, too */
	struct credentials *cred;                       /* a reference */
	uint32_t remote_key, own_key;                   /* choose.h; 0: not known ahead */
	bool continues;                                 /* ike_conn_continues */
	bool up;
	bool listening;                     /* up, but only to answer */
	struct addr locals[IKE_LOCALS_MAX]; /* ours that lead to the peer, the best first (ike_fact_locals) */
	unsigned n_locals, locals_told;     /* told: how often they changed */
	enum ike_phase phase;
	struct ike_sa *attempt;                  /* our SA that is being initiated */
	struct ike_child *live;                  /* the child SA whose outbound side is in use */
	unsigned remote_index, attempts, rounds; /* since the last up or loss */
	unsigned failures;                       /* in a row, for the back-off */
	mtime up_at;                             /* of the last CHILD_UP, until that is lost */
	mtime next_attempt;
	struct reason last_error;  /* of our own attempts, or of a peer that proved to be it */
	struct ike_others *others; /* refused attempts of others; NULL: none (others.h) */
	struct ike_facts failure;  /* those of the SA that ended with it; cleared when the child comes up */
	struct ike_trial_facts trial;
	mtime trial_at;                     /* when they were last tried; NEVER: not yet */
	struct ike_trial_facts child_trial; /* the same of ESP proposals */
	mtime child_trial_at;
	mtime pfs_trial_at; /* when PFS groups were (rekey_offer.c) */
	/* What was last said of attempts by the peer, or in its name, and when. */
	struct ike_warned {
		char id[sizeof(((struct reason *)0)->id)]; /* empty: nothing yet */
		mtime at;
	} warned[IKE_WARNED_MAX];
	uint32_t ike_rekeys, child_rekeys;
	bool rehearsal_harms; /* an IKE SA was lost over one: no more until it is brought up anew */
};

#endif
