/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the engine say to each other. Internal to ike/. No function here frees an SA or a child:
 * they are marked and reaped by ike_run at the end of each public call, so pointers stay good while a call
 * lasts. ike_run looks only at what was touched: an entry that finds an SA or a conn to work on touches it,
 * and with it its conn and every other SA of that conn.
 */
#ifndef CW_IKE_ENGINE_H
#define CW_IKE_ENGINE_H

#include "ike/auth.h"
#include "ike/auth_signature.h"
#include "ike/cookie.h"
#include "ike/sa.h"

#define IKE_LINGERING_MAX 256

struct ike_action_node;

/* How a datagram came, and so how its answer goes. */
struct ike_way {
	const struct endpoint *local, *remote;
	bool natt;
};

struct ike_stray { /* how many answers to strangers are left (stray.c) */
	bool started;
	unsigned left;
	mtime filled;
};

struct ike {
	struct ike_limits limits;
	struct rng rng;
	struct list conns, queue;
	struct list any_conns;                  /* those that name no remote address */
	struct list lingering;                  /* the oldest first */
	struct list touched_conns, touched_sas; /* in this call */
	struct timerq conn_timers, sa_timers;
	struct htab conns_by_id, conns_by_remote; /* index.c */
	struct htab sas_by_serial, sas_by_spi, sas_by_theirs, half_open_by_source, spis;
	struct siphash_key hash_key; /* for what peers choose */
	unsigned n_sas[IKE_SA_STATES];
	struct list spare; /* action nodes kept for when memory is out: what must be told, is */
	unsigned n_spare;
	struct ike_action_node *handed; /* the action handed out last: its bytes live until the next call */
	struct ike_cookie_jar cookies;
	uint64_t next_action, next_serial, next_ticket, next_order;
	struct ike_stats stats;
	struct ike_stray stray;
	mtime half_open_said; /* when the flood was last reported; NEVER: not yet */
	uint8_t in[IKE_MESSAGE_MAX], body[IKE_MESSAGE_MAX];
	uint8_t msg[IKE_MESSAGE_MAX + IKE_FRAGMENTS_MAX * IKE_FRAGMENT_EXTRA_MAX];
};

/* engine.c */
int ike_bytes_set(struct ike_bytes *b, const void *data, size_t len);
void ike_bytes_clear(struct ike_bytes *b);
mdur ike_jitter(struct ike *ike, mdur base, unsigned percent); /* base plus or minus up to percent */

/* stray.c: answers where there is no SA, few of them */
void ike_stray_request(
    struct ike *ike, const struct ike_header *h, const struct ike_way *way, size_t len, mtime now);
/* Is it of a higher major version? Then it is dealt with. */
bool ike_stray_version(
    struct ike *ike, const uint8_t *data, size_t len, const struct ike_way *way, mtime now);

/* index.c: what is found by a number, in constant time */
int ike_index_sa(struct ike_sa *sa); /* by serial and SPIs; 0, or -1 when memory is out */
void ike_unindex_sa(struct ike_sa *sa);
/* Counts it as half open for this source until it is so no more. */
void ike_index_source(struct ike_sa *sa, const struct addr *source);
void ike_unindex_source(struct ike_sa *sa);
unsigned ike_half_open_of(const struct ike *ike, const struct addr *source);
int ike_index_conn(struct ike_conn *conn); /* by number and remote addresses; again after these changed */
void ike_unindex_conn(struct ike_conn *conn);
struct ike_sa *ike_sa_by_serial(struct ike *ike, uint64_t serial);
/* By the SPI that is ours; the caller compares the other. */
struct ike_sa *ike_sa_by_own_spi(struct ike *ike, uint64_t spi);
/* SAs that were begun by a peer with this SPI; *prev NULL: the first, else the next one. */
struct ike_sa *ike_sa_by_their_spi(struct ike *ike, uint64_t spi_i, struct ike_sa *prev);
struct ike_conn *ike_conn_find(const struct ike *ike, uint32_t id);
/* Those whose actions may have this number; prev NULL: the first. */
struct ike_conn *ike_conn_of_action(const struct ike *ike, uint64_t action, const struct ike_conn *prev);
/* Those that name this remote address, then those for any peer; prev NULL: the first. In no order else. */
struct ike_conn *ike_conn_for(const struct ike *ike, const struct addr *remote, const struct ike_conn *prev);
int ike_spi_take(struct ike *ike, struct ike_spi *s, uint32_t spi, struct ike_child *child);
void ike_spi_release(struct ike *ike, struct ike_spi *s);
bool ike_spi_taken(const struct ike *ike, uint32_t spi);
/* The child of this conn whose inbound SPI it is; not one that drains or is gone. */
struct ike_child *ike_child_any(struct ike *ike, uint32_t conn, uint32_t spi_in);

/* touch.c: what this call has changed, and what ike_run therefore looks at */
void ike_touch_sa(struct ike_sa *sa);
void ike_touch_conn(struct ike_conn *conn);
void ike_run(struct ike *ike, mtime now);

/* actions.c */
/* The conn of an action, by its number: the low bits carry it. */
#define IKE_ACTION_CONN_BITS 20
static inline uint32_t ike_action_conn(uint64_t id)
{
	return (uint32_t)(id & ((1u << IKE_ACTION_CONN_BITS) - 1));
}
uint64_t ike_act_send(struct ike *ike, uint32_t conn, const struct endpoint *local,
    const struct endpoint *remote, bool natt, const uint8_t *data, size_t len, uint64_t depends);
uint64_t ike_act_job(struct ike *ike, uint32_t conn, struct ike_job *job);
uint64_t ike_act_sa_add(struct ike *ike, uint32_t conn, const struct ike_child_sa *sa, uint64_t depends);
void ike_act_sa_del(struct ike *ike, uint32_t conn, bool inbound, uint32_t spi);
void ike_act_state(
    struct ike *ike, uint32_t conn, enum ike_phase phase, const struct reason *why, mtime next_attempt);
uint64_t ike_act_child(struct ike *ike, uint32_t conn, enum ike_action_kind kind, uint32_t spi_in,
    uint32_t spi_out, uint64_t depends);
/* Ahead of all that waits in the queue: a successor that nobody has heard of is not coming, and the SAs
 * before it are going. */
void ike_act_child_down_first(struct ike *ike, uint32_t conn, uint32_t spi_in);
uint64_t ike_act_child_rekeyed(
    struct ike *ike, const struct ike_child *c, const struct ike_child *before, mtime now);
void ike_act_ike_rekeyed(const struct ike_sa *old, const struct ike_sa *heir, mtime now);
/* To where the children of this SA, the live one's, send. */
void ike_act_moved(const struct ike_sa *sa, bool mobike);
void ike_act_report(struct ike *ike, uint32_t conn, enum ike_severity severity, const struct reason *why);
#define IKE_DROPPED_MAX 16
struct ike_dropped {
	uint64_t id[IKE_DROPPED_MAX];
	unsigned n;
};
/* Takes what depends on this action out of the queue, and tells which ones, the failed one first. */
void ike_act_drop_dependents(struct ike *ike, uint64_t id, struct ike_dropped *ret);
bool ike_was_dropped(const struct ike_dropped *d, uint64_t id);
void ike_act_reserve(struct ike *ike);
void ike_act_free_all(struct ike *ike);

/* job.c */
enum ike_job_slot { IKE_SLOT_TASK, IKE_SLOT_REQUEST };
enum ike_job_kind { IKE_JOB_KE, IKE_JOB_EAP, IKE_JOB_SIGN, IKE_JOB_VERIFY };
struct ike_job {
	uint64_t sa_serial, ticket;
	enum ike_job_slot slot;
	enum ike_job_kind kind;
	uint8_t seed[64];
	uint32_t drawn; /* blocks taken from the seed */
	bool ok;
	/* IKE_JOB_EAP */
	struct ike_eap *eap;
	struct ike_eap_turn *turn;
	/* IKE_JOB_SIGN, IKE_JOB_VERIFY */
	struct ike_signature *signature;
	/* IKE_JOB_KE */
	enum ke_id group;
	struct ke *ke;                      /* NULL: generate one */
	uint8_t peer[CRYPTO_MAX_KE_PUBLIC]; /* peer_len 0: generate only */
	size_t peer_len;
	uint8_t ke_public[CRYPTO_MAX_KE_PUBLIC];
	size_t ke_public_len;
	struct secret secret;
};
/* A job without content; NULL when memory is out. */
struct ike_job *ike_job_new(struct ike_sa *sa, enum ike_job_slot slot, enum ike_job_kind kind);
/* Queues it and returns its ticket; 0 when memory is out (the job is freed then). */
uint64_t ike_job_queue(struct ike_sa *sa, struct ike_job *job);
/* Starts a key exchange job for this SA and returns its ticket; 0 when memory is out (ke is freed then).
 * Takes ke over. */
uint64_t ike_job_start(
    struct ike_sa *sa, enum ike_job_slot slot, enum ke_id group, struct ke *ke, struct ike_span peer);

/* ike_sa.c */
/* initiator: of its first exchange. An SPI that isn't known yet is 0. */
struct ike_sa *ike_sa_new(
    struct ike *ike, struct ike_conn *conn, bool initiator, uint64_t spi_i, uint64_t spi_r, mtime now);
void ike_sa_set_state(struct ike_sa *sa, enum ike_sa_state state);
void ike_sa_set_conn(struct ike_sa *sa, struct ike_conn *conn);
void ike_sa_free(struct ike_sa *sa);
uint64_t ike_sa_new_spi(struct ike *ike);
/* Its keys from g^ir, nonces and SPIs (RFC 7296 2.14). */
int ike_sa_derive(struct ike_sa *sa, const struct secret *g_ir);
/* It is authenticated: lifetimes begin. */
void ike_sa_establish(struct ike_sa *sa, mtime now);
/* Takes its children out (others of the conn take over where there are any) and ends it. tell: by a Delete.
 */
void ike_sa_close(struct ike_sa *sa, bool tell, const struct reason *why, mtime now);
/* Ends it, but answers repeats for a while. The children must be gone. */
void ike_sa_linger(struct ike_sa *sa, mtime now);
void ike_sa_dead(struct ike_sa *sa);
/* The successor talks between the same ends as its predecessor does now: addresses, ports, NATs, MOBIKE. */
void ike_sa_take_way(const struct ike_sa *old, struct ike_sa *heir);
/* The successor takes over children and standing; the old one is only to be deleted, by us if so said. */
void ike_sa_inherit(struct ike_sa *old, struct ike_sa *heir, bool we_delete, mtime now);
/* The old SA that waits to learn whether this is its successor (rekey_ike.c); NULL: none. */
struct ike_sa *ike_sa_heir_of(const struct ike_sa *heir);
/* Starts the next request of ours that is wanted, when none is under way. */
void ike_sa_kick(struct ike_sa *sa, mtime now);

/* outgoing.c */
/* Seals a message into ike->msg, whole or as fragments one after the other. 0 or -1. */
int ike_seal(struct ike_sa *sa, const struct ike_header *h, uint8_t first, const uint8_t *body, size_t len,
    size_t *ret_len);
/* Keeps what was just sealed, if smaller fragments of it can be made. */
void ike_text_keep(
    struct ike_sa *sa, struct ike_text *t, uint8_t exchange, uint8_t first, const uint8_t *body, size_t len);
void ike_text_clear(struct ike_text *t);
/* Seals it once more into msg, as the smallest fragments; where that can't be, msg stays. */
void ike_text_smaller(struct ike_sa *sa, struct ike_text *t, struct ike_header *h, struct ike_bytes *msg);

/* window.c */
/* Sends body as our next request; the task of sa must have been set. depends: action id, or 0. */
/* -1: it could not be built or kept; the caller ends the task (ike_task_failed). */
int ike_request_send(struct ike_sa *sa, uint8_t exchange, struct ike_build *b, uint64_t depends, mtime now);
/* The same, in clear, for IKE_SA_INIT. */
int ike_request_send_plain(struct ike_sa *sa, uint8_t exchange, struct ike_build *b, mtime now);
void ike_respond(struct ike_sa *sa, uint8_t exchange, uint32_t msg_id, struct ike_build *b, uint64_t depends);
void ike_respond_notify(
    struct ike_sa *sa, uint8_t exchange, uint32_t msg_id, uint16_t type, const void *data, size_t len);
/* To where it was asked for again. */
void ike_respond_again(struct ike_sa *sa, const struct ike_way *way);
uint64_t ike_send_raw(struct ike_sa *sa, const struct ike_bytes *msg, uint64_t depends);
void ike_retransmit(struct ike_sa *sa, mtime now);
/* Our outstanding request, at once and not by its schedule: by another way, or (NULL) by the one in use,
 * which is new. */
void ike_request_again(struct ike_sa *sa, const struct ike_way *other, mtime now);
void ike_out_clear(struct ike_sa *sa);
void ike_task_clear(struct ike_sa *sa);
/* Keeps a request whose answer waits for the job of this ticket. -1: no memory. */
int ike_park(
    struct ike_sa *sa, uint8_t exchange, uint32_t msg_id, uint8_t first, struct rd chain, uint64_t ticket);
/* Keeps an answer of the peer's that waits for a job of our task, likewise. */
int ike_keep_reply(struct ike_sa *sa, uint8_t first, struct rd chain, uint64_t ticket);
int ike_park_request(struct ike_sa *sa, uint8_t exchange, uint32_t msg_id, uint8_t first, struct rd chain,
    enum ke_id group, struct ike_span peer_public);

/* input.c */
/* The task of an authenticated SA came to nothing for reasons of our own or a malformed answer: later again.
 */
void ike_task_failed(struct ike_sa *sa, mtime now);
void ike_process_request(struct ike_sa *sa, uint8_t exchange, uint32_t msg_id, uint8_t first, struct rd chain,
    struct ike_job *job, mtime now);
void ike_process_reply(struct ike_sa *sa, uint8_t first, struct rd chain, struct ike_job *job, mtime now);

/* facts.c: what diagnose.h tells of */
void ike_facts_notifies(struct ike_sa *sa, const struct ike_payloads *p);
/* The selectors that the peer wanted and did not get: its own networks, and what it takes for ours. */
void ike_facts_peer_ts(struct ike_sa *sa, const struct ike_ts_list *theirs, const struct ike_ts_list *ours);
/* The offer of the peer's that we refused; with_ke: its key exchange methods counted. */
void ike_facts_offer(
    struct ike_facts *f, const struct ike_proposals *ours, const struct ike_offer *offer, bool with_ke);
/* Of a stranger at the address of this connection who was refused, for its offer, before there was an SA. */
struct ike_facts ike_facts_stranger(const struct ike_conn *conn, const struct endpoint *local,
    const struct endpoint *remote, const struct ike_offer *offer);
/* The SA, or the attempt, ended with this reason: its facts become those of the connection's failure. */
void ike_facts_keep(struct ike_sa *sa, const struct reason *why, mtime now);
/* What can be read off the SA itself, into facts of it. */
struct ike_facts ike_facts_of(const struct ike_sa *sa, mtime now);

/* trial.c: which proposal would pass */
void ike_trial_start(struct ike_conn *conn, mtime now);
void ike_trial_over(struct ike_sa *sa, enum ike_trial_result result, mtime now);
const struct ike_proposals *ike_trial_offer(const struct ike_sa *sa);
void ike_trial_free(struct ike_trial *t);

/* init.c: IKE_SA_INIT as initiator */
/* An attempt that has its connection and proposals: IKE_SA_INIT goes out when its key is made. -1: no memory.
 */
int ike_init_begin(struct ike_sa *sa);
void ike_init_start(struct ike_conn *conn, mtime now);
void ike_init_job_done(struct ike_sa *sa, struct ike_job *job, mtime now);
void ike_init_reply(struct ike_sa *sa, const struct ike_header *h, struct rd chain, const uint8_t *data,
    size_t len, const struct endpoint *local, const struct endpoint *remote, mtime now);
/* init_respond.c: as responder */
void ike_init_request(struct ike *ike, const struct ike_header *h, struct rd chain, const uint8_t *data,
    size_t len, const struct endpoint *local, const struct endpoint *remote, bool natt, mtime now);
void ike_init_respond_job_done(struct ike_sa *sa, struct ike_job *job);
bool ike_conn_serves(const struct ike_conn *conn, const struct addr *local, const struct addr *remote);

/* auth_initiate.c, auth_respond.c: IKE_AUTH */
void ike_auth_start(struct ike_sa *sa, mtime now);
/* The job of the first request is done: our proof is there. */
void ike_auth_job_done(struct ike_sa *sa, struct ike_job *job, mtime now);
void ike_auth_reply(struct ike_sa *sa, struct ike_payloads *p, uint8_t first, struct rd chain,
    struct ike_job *job, mtime now);
void ike_auth_request(struct ike_sa *sa, uint32_t msg_id, struct ike_payloads *p, uint8_t first,
    struct rd chain, struct ike_job *job, mtime now);
/* The initiator gives up amid EAP, by an INFORMATIONAL request (RFC 7296 2.21.2). */
void ike_auth_given_up(struct ike_sa *sa, uint32_t msg_id, const struct ike_payloads *p, mtime now);
/* Ours by configuration alone; false: the address that the peer talks to decides. */
bool ike_fixed_identity(const struct ike_conn *conn, struct ike_identity *ret_own);
struct ike_identity ike_own_identity(const struct ike_conn *conn, const struct ike_sa *sa);

/* child_sa.c */
struct ike_child_new { /* what a negotiation has settled */
	struct ike_choice choice;
	uint32_t spi_in, spi_out;
	bool we_initiate;
	const struct ike_nonce *ni, *nr;
	const struct secret *g_ir; /* NULL: none */
	struct ike_ts ts_local[IKE_TS_MAX], ts_remote[IKE_TS_MAX];
	unsigned n_ts_local, n_ts_remote;
	uint32_t old_spi_in; /* of the child it replaces */
};
/* Do its children put ESP into UDP? And between which addresses are they? */
bool ike_child_in_udp(const struct ike_sa *sa);
struct endpoint ike_child_local(const struct ike_sa *sa);
struct endpoint ike_child_remote(const struct ike_sa *sa);
/* Its children take up the addresses that the SA has now. */
void ike_children_move(struct ike_sa *sa, bool mobike);
/* Makes the child and installs its inbound side. NULL when keys or memory fail. */
struct ike_child *ike_child_create(struct ike_sa *sa, const struct ike_child_new *n, mtime now);
void ike_child_free(struct ike_child *c);
uint32_t ike_child_new_spi(struct ike *ike);
/* One for the child that the task of this SA would make, kept until the task is cleared. */
uint32_t ike_task_new_spi(struct ike_sa *sa);
struct ike_child *ike_child_by_in(struct ike_sa *sa, uint32_t spi_in);
struct ike_child *ike_child_by_out(struct ike_sa *sa, uint32_t spi_out);
/* A child that serves: not being deleted, not replaced. */
struct ike_child *ike_child_ready(struct ike_sa *sa);
/* Its outbound side comes into use and it becomes the conn's live child (CHILD_UP or CHILD_REKEYED). */
void ike_child_activate(struct ike_child *c, mtime now);
/* Takes it out. drain: its inbound side stays for late packets. Another child takes over, else CHILD_DOWN. */
void ike_child_remove(struct ike_child *c, bool drain, mtime now);
/* It is to be rekeyed, as soon as nothing else is under way. */
void ike_child_want_rekey(struct ike_child *c, enum ike_rekey_why why);
void ike_child_replaced(struct ike_child *c, mtime now, bool we_delete);
struct ike_child *ike_child_successor(struct ike_child *c);
/* Rekeys that follow each other closely leave children that wait for their Delete (delete_delay). The oldest
 * of ours, when they are so many that the peer would soon refuse another; else NULL. */
struct ike_child *ike_child_surplus(struct ike_sa *sa, mtime now);
/* drain.c */
void ike_drain_start(struct ike_child *c, mtime now);
void ike_drain_flush(struct ike_conn *conn, mtime now, bool all);
/* The draining child of this inbound SPI, or NULL. */
struct ike_child *ike_drain_find(struct ike_conn *conn, uint32_t spi_in);

/* create_child.c: our rekey of a child; create_child_respond.c: the peer's; rekey_ike.c: of the IKE SA, both
 * ways */
void ike_rekey_child_start(struct ike_sa *sa, struct ike_child *c, mtime now);
void ike_rekey_child_send(struct ike_sa *sa, mtime now);
void ike_rekey_child_reply(struct ike_sa *sa, struct ike_payloads *p, uint8_t first, struct rd chain,
    struct ike_job *job, mtime now);
void ike_create_child_request(struct ike_sa *sa, uint32_t msg_id, struct ike_payloads *p, uint8_t first,
    struct rd chain, struct ike_job *job, mtime now);
/* Notes a TEMPORARY_FAILURE. True: it has gone on for too long, and the IKE SA was closed (RFC 7296 2.25). */
/* This SA is lost: if a rehearsal was under way, no more of them. */
void ike_rehearsal_judge(struct ike_sa *sa);
bool ike_put_off(struct ike_sa *sa, mtime now);
void ike_rekey_ike_start(struct ike_sa *sa, enum ke_id group, mtime now);
void ike_rekey_ike_send(struct ike_sa *sa, mtime now);
void ike_rekey_ike_reply(struct ike_sa *sa, struct ike_payloads *p, uint8_t first, struct rd chain,
    struct ike_job *job, mtime now);
void ike_rekey_ike_request(struct ike_sa *sa, uint32_t msg_id, struct ike_payloads *p,
    struct ike_offer *offer, uint8_t first, struct rd chain, struct ike_job *job, mtime now);
/* Our rekey came to nothing: an heir that the peer made meanwhile takes over, else we try again later. */
void ike_rekey_ike_failed(struct ike_sa *sa, mtime now);
/* The group to retry with after INVALID_KE_PAYLOAD; KE_NONE when the loop is to end. */
enum ke_id ike_retry_group(struct ike_task *t, const struct ike_proposals *ours, const struct ike_notify *n);
/* The group our first public value is for. */
enum ke_id ike_first_group(const struct ike_proposals *ours);

/* rekey_offer.c: what the rekey of a child offers */
/* The group of its KE payload; KE_NONE: none. */
enum ke_id ike_rekey_group(const struct ike_sa *sa, enum ike_pfs pfs);
void ike_rekey_offer(
    const struct ike_conn_config *cfg, enum ike_pfs pfs, enum ke_id group, struct ike_proposals *ret);
/* What to offer after a refusal; tried: bits by enum ike_pfs. False: nothing is left. */
bool ike_rekey_next_offer(const struct ike_sa *sa, unsigned tried, enum ike_pfs *ret);
/* The same when all was refused: a trial, to hear which group the peer takes. */
bool ike_rekey_next_trial(const struct ike_sa *sa, unsigned tried, mtime now, enum ike_pfs *ret);

/* informational.c */
void ike_delete_orphan_start(struct ike_sa *sa, mtime now);
void ike_delete_child_start(struct ike_sa *sa, struct ike_child *c, mtime now);
void ike_delete_ike_start(struct ike_sa *sa, mtime now);
void ike_probe_start(struct ike_sa *sa, mtime now);
void ike_informational_request(struct ike_sa *sa, uint32_t msg_id, struct ike_payloads *p, mtime now);
void ike_informational_reply(struct ike_sa *sa, struct ike_payloads *p, mtime now);

/* conn.c */
void ike_conn_free(struct ike_conn *conn); /* with all its SAs, silently */

/* connect.c: attempts and their outcome */
void ike_connect_now(struct ike_conn *conn, mtime now);
/* The attempt is over without success. */
void ike_attempt_failed(struct ike_sa *sa, const struct reason *why, mtime now);
bool ike_may_initiate(const struct ike_conn *conn);
/* The conn has lost what it had: DOWN, and try again (at once: the peer is dead rather than unwilling). */
void ike_conn_lost(struct ike_conn *conn, const struct reason *why, bool at_once, mtime now);
void ike_conn_phase(
    struct ike_conn *conn, enum ike_phase phase, const struct reason *why, mtime next_attempt);

/* settle.c: which of several SAs of a conn stays */
void ike_settle_initial_contact(struct ike_sa *sa, mtime now);
void ike_settle_established(struct ike_sa *sa, mtime now);
void ike_settle_run(struct ike_conn *conn, mtime now);

/* reauth.c: sa->auth_ends is reached */
void ike_reauth(struct ike_sa *sa, mtime now);

/* timers.c */
mtime ike_conn_deadline(const struct ike_conn *conn);
void ike_conn_timers(struct ike_conn *conn, mtime now);
mtime ike_sa_deadline(const struct ike_sa *sa);
mtime ike_sa_probe_at(const struct ike_sa *sa);
void ike_sa_timers(struct ike_sa *sa, mtime now);
/* Takes it down, telling the peer, and connects anew. */
void ike_end_established(struct ike_sa *sa, const struct reason *why, mtime now);
void ike_lifetimes_start(
    struct ike_sa *sa, mdur lifetime, bool initiator, mtime now, mtime *ret_rekey, mtime *ret_expire);

#endif
