/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct bgp: what the files of this folder share. Who owns what:
 *
 *   bgp --< peer --< session (at most two: ours and theirs, RFC 4271 6.8)
 *   bgp -- map to dest (one per prefix) --< route (Adj-RIB-In: one per peer and path id)
 *                                       --< told, pend (Adj-RIB-Out: what a peer has, what it is to be told)
 *
 * A table has a million of those, so they are small: numbers of slabs instead of pointers, and nothing that
 * can be derived. No list leads from a peer to its routes. When a session falls, its routes and what the peer
 * was told are gone at once because their rounds are over (stale.c), wherever they are looked at; the sweep
 * (sweep.c) walks the table by budget, takes them out and decides anew.
 *
 * Loc-RIB is what the decision process marks in a dest's routes. A dest lives while a route, an entry of
 * Adj-RIB-Out, an announcement or a queue holds it; dest_gc lets it go.
 */
#ifndef CW_BGP_CORE_H
#define CW_BGP_CORE_H

#include "base/list.h"
#include "base/ptab.h"
#include "base/ptrie.h"
#include "base/slab.h"
#include "base/timerq.h"
#include "bgp/attr_set.h"
#include "bgp/bgp.h"
#include "bgp/decide.h"
#include "bgp/message.h"
#include "bgp/policy_apply.h"
#include "bgp/rib.h"
#include "bgp/update.h"

#define BGP_CONNECTED_MAX 8192
#define BGP_RECEIVED_MAX  4000000 /* prefixes from one peer, accepted or not, without max_prefixes */
#define BGP_PATHS_MAX     32      /* of one peer for one prefix (RFC 7911) */
#define BGP_BUDGET        2000  /* units of route work of a kind in one bgp_work: half a millisecond or so */
#define BGP_SWEEP         4000  /* units of sweeping in it */
#define BGP_AT_ONCE       16000 /* and in the call that starts a sweep, or judges anew */
#define BGP_FIRST_ROOM    65536 /* bytes, until bgp_conn_writable says otherwise */
#define BGP_PORT          179
#define BGP_REPORTS_MAX   100 /* faults told of in one session: a peer must not fill the log */

/* --- actions waiting --- */
struct queued {
	struct list node;
	uint64_t behind; /* how many ROUTE actions ever queued come before it */
	enum bgp_action_kind kind;
	uint32_t peer;
	uint64_t conn;
	struct addr local, remote;
	enum bgp_state state;
	bool path_ids[BGP_N_FAMILIES]; /* of a MESSAGE */
	bool flag;                     /* ipv6 of an EOR, error of a REPORT */
	struct reason *why;            /* may be NULL */
	uint8_t *data;
	size_t len;
};

/* --- connections --- */
struct keepalive_gaps {
	uint32_t n;
	mdur min, max, sum;
	mtime last; /* the last sign of life */
	bool told;  /* that they leave no room for a lost one */
};
enum session_state {
	SESSION_CONNECTING,
	SESSION_OPENSENT,
	SESSION_OPENCONFIRM,
	SESSION_ESTABLISHED,
	SESSION_CLOSED
};
#define SESSION_N_STATES 5

struct session {
	struct list graveyard; /* closed: freed by the next call from outside */
	uint64_t id;
	struct peer *peer;
	bool incoming;
	enum session_state state;
	size_t room;       /* flow control */
	struct addr local; /* as getsockname says */
	struct open_msg theirs;
	struct negotiated terms;
	struct restart_capability said; /* of ourselves, in our OPEN */
	bool disabled[BGP_N_FAMILIES];  /* ignored after a fault (RFC 4760 7) */
	mtime opened_at;                /* TCP */
	mdur hold, keepalive;           /* agreed; 0: none */
	mtime hold_at, keepalive_at, send_hold_at;
	bool read_asked;  /* the hold timer has run out, unless something lies unread */
	unsigned reports; /* faults told of, up to a limit */
	bool keeps;       /* it ended in a way that graceful restart bears (RFC 4724 4.2, RFC 8538 4.1) */
	struct keepalive_gaps gaps;
	size_t in_len;
	uint8_t *extended;              /* owned, NULL until the first message that needs it */
	uint8_t small[BGP_MESSAGE_MAX]; /* a message as far as it has come */
};

struct graceful {
	bool holding;                 /* no session, and routes are kept for it */
	bool waiting[BGP_N_FAMILIES]; /* stale until End-of-RIB */
	mtime restart_by, stale_by;
};

struct rejoin {                    /* restarting.c */
	bool waited;               /* its session stood when the run before left */
	bool kept[BGP_N_FAMILIES]; /* and what it was told of was still forwarded */
};

struct restarting { /* restarting.c */
	bool on;    /* selection is deferred */
	mtime back_by, told_by;
};

struct paths_refused { /* paths.c */
	bool some;     /* the peer has paths that we have not */
	uint32_t n;    /* in this session */
	mtime ask_at;  /* for its routes again */
	mtime next;    /* not before */
};

/* --- peers --- */
struct out_group;
struct adj_rib_out {
	struct list groups; /* waiting, oldest first */
	struct list over;   /* of sessions that are over; empty themselves as the sweep goes */
	unsigned markers;
	struct htab by_attrs;
	uint8_t round, clean, pass;                   /* of the session: as of stale_family, but one counts */
	uint32_t advertised;                          /* entries the peer has been told */
	uint32_t waiting;                             /* entries that it is to be told, in groups */
	bool walking;                                 /* the initial table, or all of it again */
	unsigned walk_families;                       /* bits: 1 << family */
	bool walk_again, again_resend, again_refresh; /* asked for while walking */
	unsigned again_families;
	bool walk_resend;       /* also what the peer has already */
	bool walk_eor;          /* End-of-RIB at the end */
	bool walk_refresh;      /* BoRR before it, EoRR at the end (RFC 7313) */
	unsigned refreshing;    /* families whose EoRR waits to be sent */
	unsigned refresh_later; /* and those that are asked for again meanwhile: after it */
	bool no_memory;         /* the session is to be closed for it */
	struct prefix walk_after;
	struct attr_set *cache_in, *cache_out; /* the last translation */
	enum bgp_family cache_family;
	struct out_limit *limit; /* limit.c; NULL: nothing was counted */
	uint32_t cache_originator;
};

struct peer {
	struct list node;
	struct bgp *bgp;
	uint32_t id;
	struct bgp_peer_config config;
	bool started;
	enum bgp_state state; /* as last told */
	mtime since;
	struct session *session[2]; /* ours, theirs */
	mtime retry_at;             /* ConnectRetryTimer */
	mtime start_at;             /* the automatic start after a fall (IdleHoldTimer) */
	unsigned failures;          /* in a row, for the idle hold time */
	bool without_caps;          /* the peer refused optional parameters (RFC 5492 3) */
	mtime established_at;

	uint8_t slot;                /* the number that routes know it by */
	bool removed;                /* by command; waits for the sweep to take its last routes */
	bool leaving;                /* and the sweep that runs takes them */
	uint8_t rejudge, rejudging;  /* enum rejudge: asked for; what the sweep that runs does */
	bool judged;                 /* it has: the limits are to be looked at */
	uint32_t received, accepted; /* all families */
	struct adj_rib_out out;
	bool near_in, over_in; /* the limit of what it may send: told of */
	bool limited;          /* routes were refused for it */

	uint64_t prefix_in[2], prefix_out[2]; /* announced, withdrawn */
	uint64_t msg_in[6], msg_out[6];
	uint32_t established_count;
	struct reason last_error;
	mtime last_message_in;
	bool eor_in[BGP_N_FAMILIES];
	uint32_t remote_router_id; /* of the last session; for the choice among routes that outlive it */
	struct stale_family stale[BGP_N_FAMILIES];
	struct graceful graceful;
	struct paths_refused paths;
	struct rejoin rejoin;
	bool bfd_up, bfd_waits;  /* with strict_bfd: to start until BFD is up */
	struct damping *damping; /* damping.c; NULL: nothing has flapped, or it is off */
	uint64_t damping_suppressions, damping_unheeded;
};

struct out_room {
	struct update_builder builder;
	uint8_t message[BGP_EXTENDED_MAX];
};

struct bgp {
	struct bgp_config config;
	struct rng rng;
	mtime now;         /* of the last call */
	struct list peers; /* by id */
	unsigned n_peers;
	uint32_t served; /* the peer whose walk and messages were worked on last */
	struct peer *slot[BGP_PEERS_MAX];
	struct list removed; /* peers without a name, whose routes wait for the sweep */
	uint64_t next_conn, next_action_id;
	struct ptab *dests; /* to numbers of dest */
	struct slab dests4, dests6, routes, tolds, pends;
	struct way_sets ways;
	struct sweep sweep;
	struct ptrie *announced; /* value: the bgp itself, only presence counts */
	struct ptrie *connected;
	struct attr_sets sets;
	struct attr_set *local_set; /* of announced networks */
	struct siphash_key key;
	struct list actions, graveyard;
	struct dest_queue fib, export;
	struct list spare; /* queue nodes for when memory is out */
	unsigned n_spare, n_reserve;
	uint8_t *sent_data; /* of the last SEND handed out */
	bool tap;           /* received messages are told */
	uint64_t tap_lost;
	struct update *update; /* parser's room, one message at a time */
	struct out_room *out;  /* the builder's, likewise */
	struct attr_scratch *scratch;
	struct policy_room *room; /* one application of policy at a time */
	struct choice_room *choice;
	uint64_t judged_anew;            /* routes whose rules changed, and what became of them */
	struct ptrie *originated;        /* network.c; NULL: none */
	struct aggregation *aggregation; /* aggregate.c; NULL: none */
	struct restarting restarting;
};

/* bgp.c */
mdur jitter(struct bgp *bgp, mdur d);       /* 75 to 100 % of d (RFC 4271 10) */
void bgp_enter(struct bgp *bgp, mtime now); /* every call from outside */
static inline uint32_t peer_local_as(const struct peer *p)
{
	return p->config.local_as ? p->config.local_as : p->bgp->config.as;
}
static inline bool peer_internal(const struct peer *p)
{
	return p->config.peer_as == peer_local_as(p);
}

/* peer.c */
struct peer *peer_find(const struct bgp *bgp, uint32_t id);
void peer_free(struct peer *p); /* nothing of it is in the table any more */

/* actions.c: what goes into the queue. None fails; where memory is out the spare nodes serve. */
void act_connect(struct bgp *bgp, const struct session *s);
int act_send(struct session *s, const uint8_t *data, size_t len); /* copies; -1 when memory is out */
void act_message(struct session *s, uint8_t type, const uint8_t *data, size_t len);
void act_close(struct bgp *bgp, const struct session *s);
int act_read(const struct session *s); /* -1 when memory is out */
void act_state(struct peer *p, const struct reason *why);
void act_eor(struct peer *p, enum bgp_family family);
void act_report(struct peer *p, bool error, const char *id, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int actions_reserve(struct bgp *bgp, unsigned n);
void actions_clear(struct bgp *bgp);

static inline bool peer_needs_bfd(const struct peer *p)
{
	return p->config.session.strict_bfd && !p->bfd_up;
}
void peer_waits_for_bfd(struct peer *p); /* peer_bfd.c */

/* session.c: one connection and its messages */
struct session *session_find(const struct bgp *bgp, uint64_t id);
struct session *session_new(struct peer *p, bool incoming);
struct session *peer_session(
    const struct peer *p, enum session_state state); /* the first in that state, or NULL */
void session_send_open(struct session *s);
void session_send_keepalive(struct session *s);
int session_send_update(struct session *s, const uint8_t *data, size_t len);
int session_send_refresh(struct session *s, enum bgp_family family, enum bgp_refresh_subtype subtype);
void session_input(struct session *s, const uint8_t *data, size_t len);
int open_check(const struct session *s, const struct open_msg *o, struct notify *ret_notify);
void session_set_terms(struct session *s, const struct open_msg *o, const struct negotiated *terms);
void session_our_caps(const struct peer *p, struct capabilities *ret_caps);
void session_free(struct session *s);
uint16_t session_message_max(const struct session *s); /* of what we may send */
void graveyard_clear(struct bgp *bgp);
void session_count_in(struct session *s, uint8_t type);
void session_transmit_notify(struct session *s, const struct notify *n);
static inline struct session *session_other(const struct session *s)
{
	return s->peer->session[s->peer->session[0] == s];
}
static inline bool session_may_report(struct session *s)
{
	if (s->reports >= BGP_REPORTS_MAX)
		return false;
	s->reports++;
	return true;
}
void session_alive(struct session *s); /* something came: the hold timer starts anew */

/* fsm.c */
enum fsm_event {
	FSM_TCP_OPEN,
	FSM_TCP_FAILED, /* could not connect; text */
	FSM_TCP_CLOSED, /* by the other side, or an error; text */
	FSM_HOLD_EXPIRED,
	FSM_KEEPALIVE_EXPIRED,
	FSM_SEND_HOLD_EXPIRED,
	FSM_OPEN,
	FSM_UPDATE,
	FSM_NOTIFICATION,
	FSM_KEEPALIVE,
	FSM_REFRESH,
	FSM_ERROR, /* of our own finding; notify */
};
struct fsm_fact {
	const struct open_msg *open;
	struct rd body; /* UPDATE, ROUTE-REFRESH */
	const struct notification_msg *notification;
	const struct notify *notify;
	const char *text;
	uint8_t type; /* of the message */
};
void fsm_session(struct session *s, enum fsm_event event, const struct fsm_fact *fact);
void fsm_message(struct session *s, uint8_t type, struct rd body);
void fsm_start(struct peer *p);
enum fall {
	FALL_STOP,    /* commanded: stays idle */
	FALL_RESTART, /* again at once */
	FALL_ERROR,   /* again after the idle hold time */
	FALL_TCP,     /* the connection is gone, no protocol error: Active, again when the retry timer says */
};
/* All sessions of a peer; notify NULL: nothing is sent. */
void fsm_fall(struct peer *p, enum fall fall, const struct notify *notify, const struct reason *why);
/* One of them for collision or fault; when none is left the peer falls as `fall` says. */
void fsm_close(struct session *s, enum fall fall, const struct notify *notify, const struct reason *why,
    bool closed_already);
mdur fsm_send_hold(const struct session *s); /* RFC 9687 */
void fsm_read_done(struct session *s);
void fsm_timers(struct peer *p);
mtime fsm_deadline(const struct peer *p);
bool fsm_takes_incoming(const struct peer *p);
void fsm_make_way(struct peer *p); /* for one that fsm_takes_incoming allows */

/* stale.c */
static inline enum bgp_family prefix_family(const struct prefix *p)
{
	return p->addr.family == 4 ? BGP_IPV4 : BGP_IPV6;
}
#define ROUNDS_MAX 250                                    /* in the table at once: they are octets */
void stale_mark(struct peer *p, enum bgp_family family);  /* all routes of it, until they are told again */
void stale_sweep(struct peer *p, enum bgp_family family); /* what is stale is gone */
void stale_flush(struct peer *p, enum bgp_family family); /* all of it is */
bool stale_counts(const struct bgp *bgp, const struct dest *d, const struct route *r);
bool stale_is(const struct bgp *bgp, const struct dest *d, const struct route *r);
void stale_route_new(struct peer *p, enum bgp_family family, struct route *r); /* r counts from now on */
void stale_route_told(struct peer *p, enum bgp_family family, struct route *r);
void stale_route_gone(struct peer *p, enum bgp_family family, const struct route *r);
void stale_route_judged(struct peer *p, enum bgp_family family, struct route *r, enum refusal refusal);
void stale_refresh_begins(struct session *s, enum bgp_family family); /* BoRR */
void stale_refresh_ends(struct session *s, enum bgp_family family);   /* EoRR */

/* paths.c: paths that are too many of a prefix */
void paths_reset(struct peer *p);                                         /* a session begins or is over */
void paths_refuse(struct peer *p);                                        /* one is not stored */
void paths_leaves(struct bgp *bgp, const struct dest *d, struct peer *p); /* one of p's is about to */
void paths_stale_gone(struct peer *p);                                    /* some have, wherever */
void paths_timers(struct peer *p);

/* sweep.c: over all of the table, by budget */
void sweep_start(struct bgp *bgp); /* something is over, or to be judged anew; does the first part */
unsigned sweep_some(struct bgp *bgp, unsigned budget);
void sweep_all(struct bgp *bgp); /* to its end */

/* role.c: RFC 9234 */
bool role_ours(const struct peer *p, uint8_t *ret_code); /* false: there is none */
int role_check(const struct peer *p, const struct capabilities *theirs, struct notify *ret_notify);
bool role_leaks_in(const struct peer *p, const struct attrs *a);
bool role_leaks_out(const struct peer *p, const struct attrs *a);
bool role_marks_in(const struct peer *p, const struct attrs *a);
/* -1: there is no room. The bytes of `other` are good until a message is built. */
int role_mark_in(const struct peer *p, const struct attrs *in, struct attrs *ret_attrs);
void role_mark_out(const struct peer *p, const struct attrs *a, struct wr *other);
bool role_otc(const struct attrs *a, uint32_t *ret_as); /* has it OTC? */
void role_write_otc(struct wr *w, uint32_t as);         /* as attrs.other has it */

/* graceful.c: RFC 4724, RFC 8538, with the peer that restarts */
void graceful_init(struct peer *p);
void graceful_leave(struct session *s, bool keeps); /* an established session has ended */
void graceful_back(struct session *s);              /* one is established */
void graceful_eor(struct session *s, enum bgp_family family);
void graceful_forget(struct peer *p); /* what is kept goes; no session stands */
bool graceful_agreed(const struct session *s);
void graceful_timers(struct peer *p);
mtime graceful_deadline(const struct peer *p);

/* restarting.c: RFC 4724, with ourselves as the one that restarts */
void restarting_look(struct bgp *bgp); /* is it over? After whatever may end it */
mtime restarting_deadline(const struct bgp *bgp);

/* rib_in.c */
void rib_in_update(struct session *s, struct rd body);
void rib_in_flush(struct peer *p, int family); /* a family, or all with -1: gone at once */
void rib_in_rejudge_peer(struct peer *p, enum rejudge how);
void rib_in_rejudge_inside(struct bgp *bgp, const struct prefix *p);
void rib_in_rejudge_dest(struct bgp *bgp, const struct prefix *p); /* exactly this one, if it is there */
void rib_in_check_limits(struct peer *p);
/* The sweep's part: routes that are gone leave, others are judged anew; returns whether to decide. */
bool rib_in_sweep(struct bgp *bgp, struct dest *d, bool all);
void rib_in_clear(struct bgp *bgp, struct dest *d); /* all routes; decides nothing */

/* import.c */
/* The safety rules alone. */
enum refusal import_judge(const struct peer *p, const struct prefix *prefix, const struct attrs *a);
/* And then policy: what it says of a route that the rules let pass; until the room is used again. */
void import_policy(const struct peer *p, const struct prefix *prefix, const struct attrs *a,
    struct policy_result *ret_result);
/* What policy made of a received set, for the other prefixes of its UPDATE; used NULL: not known yet. A
 * reference, the caller's. */
struct import_memo {
	enum refusal refusal;
	struct attr_set *used;
};
/* Both. A reference to the set to be used (`received`, or what policy makes of it); on refusal it is
 * `received`. */
enum refusal import_apply(struct peer *p, const struct prefix *prefix, struct attr_set *received,
    struct import_memo *memo, struct attr_set **ret_used);
bool prefix_is_martian(const struct prefix *p);

/* dest.c */
struct dest *dest_at(const struct bgp *bgp, uint32_t id);
struct prefix dest_prefix(const struct dest *d);
static inline enum bgp_family dest_family(const struct dest *d)
{
	return d->id & DEST_V6 ? BGP_IPV6 : BGP_IPV4;
}
struct dest *dest_get(struct bgp *bgp, const struct prefix *p); /* makes it; NULL when memory is out */
struct dest *dest_find(const struct bgp *bgp, const struct prefix *p);
struct dest *dest_covering(const struct bgp *bgp, const struct prefix *p); /* the longest; for views */
void dest_gc(struct bgp *bgp, struct dest *d);
bool dest_after(const struct bgp *bgp, const struct prefix *p, struct dest **ret_dest); /* behind p */
bool dest_from(const struct bgp *bgp, const struct prefix *p, struct dest **ret_dest);  /* p, or behind it */
void dest_mark_fib(struct bgp *bgp, struct dest *d);
void dest_mark_export(struct bgp *bgp, struct dest *d);
struct dest *dest_next_fib(struct bgp *bgp); /* out of the queue; NULL: empty */
struct dest *dest_next_export(struct bgp *bgp);
static inline struct route *route_at(const struct bgp *bgp, uint32_t id)
{
	return id ? slab_at_sized(&bgp->routes, id, sizeof(struct route)) : NULL;
}
static inline struct peer *route_peer(const struct bgp *bgp, const struct route *r)
{
	return bgp->slot[r->slot];
}
static inline struct attr_set *route_attrs(const struct bgp *bgp, const struct route *r)
{
	return attr_set_at(&bgp->sets, r->set);
}

/* ways.c: interned */
uint32_t way_set_get(struct bgp *bgp, const struct ways *w); /* WAYS_UNKNOWN when memory is out */
void way_set_put(struct bgp *bgp, uint32_t id);
void way_set_read(const struct bgp *bgp, uint32_t id, struct ways *ret_ways);
void way_sets_clear(struct bgp *bgp);

/* loc_rib.c */
/* `touched`: what peers are told may have changed even if the choice has not. */
void dest_decide(struct bgp *bgp, struct dest *d, bool touched);
/* The candidates with their steps in bgp->choice, in order; how many. */
unsigned dest_candidates(const struct bgp *bgp, const struct dest *d, unsigned *ret_ways);
void dest_ways(struct bgp *bgp, struct dest *d, struct ways *ret_ways); /* as they are now */
void dest_loc_route(struct bgp *bgp, struct dest *d, struct loc_route *ret_route);
/* The same for a view, which changes nothing. */
void dest_view_route(const struct bgp *bgp, const struct dest *d, struct loc_route *ret_route);

/* export.c */
enum verdict {
	EXPORT_OK,
	EXPORT_NO_ROUTE,
	EXPORT_FAMILY,
	EXPORT_ITS_OWN,
	EXPORT_SITE_TO_SITE,
	EXPORT_NOT_NAMED,
	EXPORT_NO_TRANSIT,
	EXPORT_IBGP,
	EXPORT_NO_ADVERTISE,
	EXPORT_NO_EXPORT,
	EXPORT_AS_IN_PATH,
	EXPORT_DEFAULT,
	EXPORT_MARTIAN,
	EXPORT_NEXTHOP,
	EXPORT_POLICY,
	EXPORT_ROLE,
	EXPORT_PARTS,
	EXPORT_SUMMARY,
	EXPORT_LIMIT,
	EXPORT_TOO_LONG,
	EXPORT_MEMORY,
};
/* May `to` hear what `from` teaches us, whatever it is? */
enum verdict export_between(const struct peer *to, const struct peer *from);
enum verdict export_judge(const struct peer *p, const struct loc_route *d);
void export_policy(const struct peer *p, const struct loc_route *d, struct policy_result *ret_result);
/* As judge, and on EXPORT_OK a reference to what the peer is to be told. */
enum verdict export_attrs(struct peer *p, const struct loc_route *d, struct attr_set **ret_set);

/* network.c */
/* What a network of our own is announced with. */
struct attr_set *network_set(const struct bgp *bgp, const struct prefix *p);
/* bgp_announce or bgp_unannounce of one that is originated as well: true, and noted; it stays. */
bool network_note(struct bgp *bgp, const struct prefix *p, bool announced);
/* A reference to what policy makes of a network's attributes; NULL: refused, or no memory. */
struct attr_set *network_attrs(struct bgp *bgp, const struct prefix *p, const struct attrs *a,
    const struct bgp_policy_chain *policy, bool *ret_refused);
void networks_free(struct bgp *bgp);

/* damping.c: RFC 2439 */
enum flap { FLAP_WITHDRAWN, FLAP_CHANGED };
int damping_check(const struct bgp_damping_config *c, const char *name, struct reason *ret_reason);
/* A route of the peer's that was used, or would be but for its flaps. True: it is suppressed from now on, and
 * its routes are to be judged anew. */
bool damping_flap(struct peer *p, const struct prefix *prefix, enum flap flap);
bool damping_suppresses(const struct peer *p, const struct prefix *prefix);
unsigned damping_some(struct bgp *bgp, unsigned budget); /* what has calmed down; returns the budget left */
mtime damping_deadline(const struct bgp *bgp);
void damping_changed(struct peer *p, const struct bgp_damping_config *was);
void damping_view(const struct peer *p, struct bgp_damping_view *ret_view);
void damping_text(const struct peer *p, const struct prefix *prefix, char *buf, size_t cap);
void damping_free(struct peer *p);

/* limit.c */
bool limit_in_full(struct peer *p);  /* one more is to be refused */
bool limit_in_check(struct peer *p); /* what was accepted has changed; true: the session is to end */
bool limit_out_admits(
    struct peer *p, const struct prefix *prefix); /* it is to have this: now, or does it wait? */
bool limit_out_holds(const struct peer *p, const struct prefix *prefix); /* it waits */
void limit_out_gone(struct peer *p, const struct prefix *prefix); /* it is not to have it and hasn't got it */
void limit_out_withdrawn(struct peer *p, const struct prefix *prefix); /* the withdrawal is on its way */
void limit_out_changed(struct peer *p, unsigned was);                  /* the limit */
void limit_out_clear(struct peer *p);
unsigned limit_out_held(const struct peer *p); /* how many wait */

/* aggregate.c */
void aggregate_note(
    struct bgp *bgp, const struct prefix *p); /* something changed there: aggregates over it look again */
unsigned aggregates_some(struct bgp *bgp, unsigned budget); /* returns the budget left */
mtime aggregates_deadline(const struct bgp *bgp);
struct attr_set *aggregate_set(const struct bgp *bgp, const struct prefix *p); /* NULL: it isn't there */
enum verdict aggregate_judge(const struct peer *to, const struct loc_route *d);
bool aggregate_hides(
    const struct peer *to, const struct prefix *p); /* one with summary-only that `to` is told */
void aggregates_free(struct bgp *bgp);

/* rib_out.c */
void rib_out_up(struct peer *p);
void rib_out_down(struct peer *p);
#define WALK_ALL (1u << BGP_IPV4 | 1u << BGP_IPV6)
void rib_out_walk(struct peer *p, unsigned families, bool resend, bool eor);
void rib_out_refresh(struct peer *p, enum bgp_family family); /* the peer asks for all of it again */
void rib_out_note(struct peer *p, struct dest *d, const struct loc_route *route, bool resend);
void rib_out_sweep(struct bgp *bgp, struct dest *d); /* what was for sessions that are over leaves */
void rib_out_clear(struct bgp *bgp, struct dest *d); /* all */
void rib_out_init(struct peer *p);
void rib_out_free(struct peer *p); /* nothing of it is in the table any more */
const struct told *rib_out_first(const struct bgp *bgp, const struct dest *d); /* of what peers have */
const struct told *rib_out_next(const struct bgp *bgp, const struct told *t);
unsigned rib_out_walk_some(struct peer *p, unsigned budget); /* both return the budget left */
void rib_out_check_memory(struct peer *p);
unsigned rib_out_flush(struct peer *p, unsigned budget);
bool rib_out_has_work(const struct peer *p);

/* view_attrs.c */
void view_fill_attrs(struct bgp_route_view *v, const struct attrs *a);
bool view_filter(const struct bgp_route_filter *f, const struct attrs *a);

/* reasons.c */
void refusal_text(const struct bgp *bgp, const struct dest *d, const struct route *r, char *buf, size_t cap);
void verdict_text(enum verdict v, const struct peer *p, const struct loc_route *d, char *buf, size_t cap);

#endif
