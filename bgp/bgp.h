/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BGP-4 (RFC 4271) as a pure core: bytes, facts and `now` in; an ordered queue of actions and the next
 * deadline out. It opens no socket, reads no clock, draws randomness only from the rng given, and logs
 * nothing.
 *
 * A `struct bgp` is the speaker of one routing domain: peers, their sessions, Adj-RIB-In, Loc-RIB,
 * Adj-RIB-Out. All calls come from one thread. TCP connections are the caller's: it opens, accepts, reads,
 * writes and closes them on the core's word, and names them by ids (the core's own for those it asked for,
 * the caller's for accepted ones; see below).
 *
 * Peers are ids of the caller's choice (non-zero). A peer is idle until bgp_peer_start.
 */
#ifndef CW_BGP_BGP_H
#define CW_BGP_BGP_H

#include "base/addr.h"
#include "base/mtime.h"
#include "base/reason.h"
#include "base/rng.h"
#include "bgp/policy.h"

#include <stddef.h>

struct attrs;
struct bgp;

#define BGP_NAME_MAX             128
#define BGP_PEERS_MAX            256  /* a route names its peer by an octet */
#define BGP_ANNOUNCE_MAX         4096 /* networks we originate */
#define BGP_ANNOUNCE_FROM_MAX    32
#define BGP_MULTIPATH_MAX        16
#define BGP_WEIGHT_MAX           256
#define BGP_AS_PATH_VIEW_MAX     64 /* AS numbers shown in a route view; longer paths are cut and say so */
#define BGP_COMMUNITIES_VIEW_MAX 64
#define BGP_PATH_TEXT_MAX        640

enum bgp_mode { BGP_MODE_BOTH, BGP_MODE_ACTIVE, BGP_MODE_PASSIVE };
enum bgp_kind {
	BGP_PEER_SITE, /* a cloud gateway, reached through a tunnel */
	BGP_PEER_LAN,  /* a router of ours, without a tunnel */
};

struct bgp_config {
	uint32_t as;
	uint32_t router_id;   /* host order */
	unsigned multipath;   /* ways to keep, 1 to BGP_MULTIPATH_MAX */
	bool multipath_relax; /* ways of equally long AS paths, whatever ASes are in them */
	uint32_t cluster_id;  /* as a route reflector (RFC 4456); 0: the router id */
};

/* What concerns the tables. Zero values are the defaults. */
struct bgp_rib_config {
	unsigned multipath_weight; /* the share of ways through this peer, 1 to BGP_WEIGHT_MAX; 1 */
	bool add_path_receive;     /* take several paths for a prefix (RFC 7911) */
	bool reflector_client; /* an internal peer that is told what other internal peers teach us, and they
	                          what it does (RFC 4456) */
};

/* Beyond the safety rules, which come first and can't be undone here; zero: nothing is said. */
struct bgp_peer_policy {
	struct bgp_policy_chain import, export; /* bgp_peer_add and _update take references of their own */
	unsigned allow_own_as;                  /* import: how often our own AS may be in the path */
	bool remove_private_as;                 /* export: private AS numbers leave the path (RFC 6996) */
	bool as_override;                       /* export: the peer's own AS in the path becomes ours */
};

/* What graceful restart (RFC 4724, RFC 8538) is to a peer of ours. */
enum bgp_restart_mode {
	BGP_RESTART_HELPER, /* its routes stay while it restarts; ours are not kept there */
	BGP_RESTART_FULL,   /* and ours stay there while we do */
	BGP_RESTART_OFF,
};

/* What we are to an external peer (RFC 9234); the numbers are the wire's and one. */
enum bgp_role {
	BGP_ROLE_NONE,
	BGP_ROLE_PROVIDER,
	BGP_ROLE_RS,
	BGP_ROLE_RS_CLIENT,
	BGP_ROLE_CUSTOMER,
	BGP_ROLE_PEER
};

/* How a session is run. Zero values are the defaults. */
struct bgp_session_config {
	enum bgp_restart_mode restart;
	mdur restart_time;      /* we are back by then; 120 s, at most 4095 s */
	mdur stale_time;        /* no route of an earlier session is kept longer; 360 s */
	bool extended_messages; /* RFC 8654: take and send messages of up to 65535 octets */
	mdur send_hold;         /* RFC 9687; twice the hold time, at least 8 minutes */
	bool password;          /* the connection is signed: for the words when nothing answers */
	enum bgp_role role;     /* of ours; none on internal sessions */
	bool strict_role;       /* no session with a peer that says none */
	bool strict_bfd;        /* no session while BFD is not up: bgp_peer_bfd_up */
};

/* Route flap damping (RFC 2439); of external peers only. Penalties are points: */
#define BGP_FLAP_WITHDRAWN       1000   /* for a withdrawal of a route that was used or is suppressed */
#define BGP_FLAP_CHANGED         500    /* for other attributes of it */
#define BGP_DAMPED_MAX           65536u /* prefixes of a peer whose flaps are remembered */
#define BGP_DAMPING_SUPPRESS_MAX 50000
struct bgp_damping_config {
	bool on;           /* the others count only then, and none is 0 */
	mdur half_life;    /* in which a penalty halves; at least a second */
	uint32_t reuse;    /* when it has fallen so low its routes are used again */
	uint32_t suppress; /* above it they are not; more than reuse */
	mdur max_suppress; /* no route is suppressed longer without another flap */
};
/* The most that a penalty grows to: else `reuse` would take longer than max_suppress. */
uint32_t bgp_damping_ceiling(const struct bgp_damping_config *c);

/* Zero: as it says. */
enum bgp_limit_action {
	BGP_LIMIT_RESET,   /* the session ends (RFC 4486) and is left alone for `restart` */
	BGP_LIMIT_DISCARD, /* what is beyond is refused, until there is room */
	BGP_LIMIT_WARN,    /* all is used, and it is said */
};
struct bgp_limits {
	enum bgp_limit_action action; /* beyond max_prefixes */
	unsigned warn_percent;        /* of max_prefixes, from where it is said; 0: 80 */
	mdur restart;                 /* 0: five minutes */
	unsigned max_out; /* prefixes that the peer bears: the newest beyond it wait; 0: no limit */
};

struct bgp_peer_config {
	char name[BGP_NAME_MAX]; /* "azure-hq/t1" or the LAN peer's name; for reasons */
	enum bgp_kind kind;
	uint32_t site; /* of a SITE peer: the caller's number of its site (announce_from works by site) */
	struct addr local, remote;
	uint32_t local_as; /* 0: the speaker's */
	uint32_t peer_as;
	enum bgp_mode mode;
	mdur hold_time, keepalive,
	    connect_retry;      /* hold 0 or at least 3 s; zero values: 90 s, a third, 5 s */
	bool ipv4, ipv6;        /* families to offer; ipv4 alone unless said */
	struct addr nexthop_v6; /* what we announce IPv6 networks with over an IPv4 session; none: local */
	struct addr
	    nexthop_v4; /* and IPv4 networks over an IPv6 session; none: they are not announced there */
	struct bgp_limits limits;
	unsigned max_prefixes; /* accepted from the peer before the session is closed (RFC 4486); as many and
	                          a thousand may be refused beside them; 0: no limit */
	struct bgp_peer_policy policy;
	struct bgp_rib_config rib;
	struct bgp_session_config session;
	struct bgp_damping_config damping;
	bool accept_default; /* import 0.0.0.0/0 and ::/0 */
	bool transit;        /* LAN: also gets what other LAN peers teach us */
	/*
	 * Which LAN peers' routes a SITE peer is told about: ids of LAN peers. Everybody gets the announced
	 * networks; LAN peers get what the sites teach us; a site never gets what a site taught us.
	 */
	uint32_t announce_from[BGP_ANNOUNCE_FROM_MAX];
	unsigned n_announce_from;
};

struct bgp *bgp_new(const struct bgp_config *config, const struct rng *rng);
void bgp_free(struct bgp *bgp);

/* --- configuration --- */
/* Networks we originate, canonical prefixes. Announcing twice or withdrawing what isn't there is harmless. */
int bgp_announce(struct bgp *bgp, const struct prefix *p, mtime now);
void bgp_unannounce(struct bgp *bgp, const struct prefix *p, mtime now);
/*
 * The same with attributes: ORIGIN (0 igp, 2 incomplete), and what the policies make of it; for networks that
 * stand on something. Again with others: replaces them. Returns 1 when policy refuses it (it is not announced
 * then), -1 as bgp_announce does. Beside a bgp_announce of the same prefix these attributes hold, and each is
 * withdrawn by itself.
 */
int bgp_originate(struct bgp *bgp, const struct prefix *p, uint8_t origin,
    const struct bgp_policy_chain *policy, mtime now);
void bgp_unoriginate(struct bgp *bgp, const struct prefix *p, mtime now);
/* Is there room for this one among BGP_ANNOUNCE_MAX of both? */
bool bgp_announce_room(const struct bgp *bgp, const struct prefix *p);
/*
 * Aggregates (RFC 4271 9.2.2.2): told to a peer while a part is in use that this peer could be told. The list
 * replaces the previous one. -1 when memory is out or there are too many; nothing changed then.
 */
struct bgp_aggregate {
	struct prefix prefix; /* canonical, neither a default route nor a host */
	bool summary_only;    /* who is told it is not told its parts */
	bool as_set;          /* the parts' AS numbers in an AS_SET (deprecated, RFC 9774) */
	bool withheld;        /* told to nobody for now; what it hides stays hidden */
	struct bgp_policy_chain policy;
};
int bgp_aggregates(struct bgp *bgp, const struct bgp_aggregate list[], size_t n, mtime now);
/*
 * May this be announced at all? Not a default route, not a martian, nothing with host bits: -1 with a reason.
 * What only an explicit configuration may say (a default route) is not for a command typed at night.
 */
int bgp_announce_check(const struct prefix *p, struct reason *ret_reason);
/*
 * Networks directly connected to us (a fact from the kernel): learned routes that equal one or lie inside are
 * refused, as are those inside announced networks. The list replaces the previous one.
 */
int bgp_connected(struct bgp *bgp, const struct prefix list[], size_t n, mtime now);
int bgp_peer_add(
    struct bgp *bgp, uint32_t peer, const struct bgp_peer_config *config, struct reason *ret_reason);
/* Stops it first (with a Cease of subcode 3, peer de-configured); its routes go as with bgp_peer_stop. */
void bgp_peer_remove(struct bgp *bgp, uint32_t peer, mtime now);
/*
 * Changes what can change in a running session (announce_from, transit, timers from the next session on,
 * limits). Returns 1 when the session had to be restarted for it, else 0; -1 with a reason.
 */
int bgp_peer_update(struct bgp *bgp, uint32_t peer, const struct bgp_peer_config *config, mtime now,
    struct reason *ret_reason);

/*
 * Whatever concerns a whole table costs a call no more than some milliseconds. What a peer taught us, and
 * what it was told, is gone in the very call that ends its session: no decision is made with it any more, no
 * view shows it, nobody is told of it, and it counts nowhere. The ROUTE actions that follow from that, and
 * what other peers must hear, come in the same call where the table is small (some 3,000 prefixes decided),
 * and else in pieces from bgp_timer. So do those of routes that are judged anew, after bgp_announce,
 * bgp_unannounce, bgp_connected and bgp_peer_update; until they are, the former judgement holds.
 */

/* --- commands --- */
void bgp_peer_start(struct bgp *bgp, uint32_t peer, mtime now);
/* Cease with this subcode (RFC 4486; 2 administrative shutdown) if a session stands. */
void bgp_peer_stop(
    struct bgp *bgp, uint32_t peer, uint8_t cease_subcode, const struct reason *why, mtime now);
/*
 * As stop, and the peer is told these words (RFC 9003; subcode 2 or 4): UTF-8 of at most 255 octets, NULL:
 * none. -1 with a reason when they can't be sent as they are; nothing has happened then.
 */
int bgp_peer_stop_saying(struct bgp *bgp, uint32_t peer, uint8_t cease_subcode, const char *words,
    const struct reason *why, mtime now, struct reason *ret_reason);
/* The same for all peers that are started. */
void bgp_stop_all(struct bgp *bgp, uint8_t cease_subcode, const struct reason *why, mtime now);
/* The path under the peer is gone (the tunnel fell): as stop, but nothing is sent. Stays stopped until start.
 */
void bgp_peer_path_lost(struct bgp *bgp, uint32_t peer, const struct reason *why, mtime now);
/* Ask the peer for its routes again (RFC 2918). -1 when it can't or is not established. */
int bgp_peer_refresh(struct bgp *bgp, uint32_t peer, mtime now);
/* Tell the peer everything again, as if it had asked (RFC 2918). -1 when it is not established. */
int bgp_peer_resend(struct bgp *bgp, uint32_t peer, mtime now);

/* --- our own restart (RFC 4724 4.1) --- */
/*
 * This process takes over from one that left its routes in the kernel. Before any peer is started: until it
 * is over OPENs say so (R), and no ROUTE action comes and no peer is told anything (selection is deferred).
 * It is over when all peers named by bgp_peer_restarts have told their tables (End-of-RIB); those that have
 * restarted themselves, or know no End-of-RIB, are waited for some seconds only; who is not back by `back_by`
 * is not waited for, nor any table beyond `told_by`.
 */
void bgp_restart_begin(struct bgp *bgp, mtime back_by, mtime told_by, mtime now);
/* This peer's session stood when the process before left: it is waited for, and told (F) of which families
 * the forwarding was kept: ipv4, ipv6. After bgp_peer_add. */
void bgp_peer_restarts(struct bgp *bgp, uint32_t peer, const bool forwarding[2], mtime now);
bool bgp_restarting(const struct bgp *bgp); /* selection is still deferred */
/* It is over, all ROUTE actions have been fetched, and peers that have restarted themselves have told their
 * tables too, or their time is over: what is not wanted by now of what was kept may go. */
bool bgp_restart_settled(const struct bgp *bgp, mtime now);
/* Whatever is waited for: over. */
void bgp_restart_end(struct bgp *bgp, mtime now);

/* --- BFD: facts --- */
/* Has it been started, and not stopped since? */
bool bgp_peer_started(const struct bgp *bgp, uint32_t peer);
/* BFD is up. Counts for peers with strict_bfd, which wait for it; as often as one likes. */
void bgp_peer_bfd_up(struct bgp *bgp, uint32_t peer, mtime now);
/*
 * BFD (RFC 5880) says that the path to the peer is broken: a session that stands ends at once with a Cease of
 * subcode 10 (RFC 9384) and the reason bgp-bfd-down, and starts again after the idle hold time; none of the
 * peer's routes is kept. While the peer restarts gracefully, its BFD may have gone with its control plane:
 * what is kept goes only where BFD is `independent` of that (the C bit, RFC 5882 4.3). Not to be told when
 * BFD was switched off on purpose (RFC 5882 3.2).
 */
void bgp_peer_bfd_down(struct bgp *bgp, uint32_t peer, bool independent, const struct reason *why, mtime now);

/* --- connections: facts --- */
/* A connection asked for by BGP_ACT_CONNECT is open; local as getsockname says. */
void bgp_conn_opened(struct bgp *bgp, uint64_t conn, const struct addr *local, mtime now);
void bgp_conn_failed(struct bgp *bgp, uint64_t conn, const char *error, mtime now);
/*
 * Somebody connected to us. Returns the id of the new connection; 0 when it is refused (no such peer, peer
 * idle or active-only, one incoming connection stands already and is no stale one): the caller closes the
 * socket.
 */
uint64_t bgp_conn_incoming(struct bgp *bgp, const struct addr *local, const struct addr *remote, mtime now);
/* Any cut of the stream. All of it is processed before this returns: read in pieces (64 KiB or so) to bound
 * the work. */
void bgp_conn_input(struct bgp *bgp, uint64_t conn, const uint8_t *data, size_t len, mtime now);
/* Closed by the other side, or by an error (error may be NULL). */
void bgp_conn_closed(struct bgp *bgp, uint64_t conn, const char *error, mtime now);
/* BGP_ACT_READ has been carried out. A process that was busy must not take its own delay for the peer's
 * silence. */
void bgp_conn_read_done(struct bgp *bgp, uint64_t conn, mtime now);
/*
 * Flow control: how many bytes the connection can take now. The core sends UPDATEs only into room it was told
 * of (it starts with 64 KiB, each SEND lowers it), OPENs, KEEPALIVEs and NOTIFICATIONs regardless. Room below
 * the longest message (4096 bytes; 65535 where extended messages are agreed) counts as none.
 */
void bgp_conn_writable(struct bgp *bgp, uint64_t conn, size_t room, mtime now);

/* --- time --- */
mtime bgp_deadline(const struct bgp *bgp); /* `now` or earlier when there is work left over from a budget */
/* Timers, and a bounded amount of route work. Call again at once while bgp_deadline has been reached. */
void bgp_timer(struct bgp *bgp, mtime now);
/*
 * The same in two halves, for a caller that has others to serve: what peers' patience hangs on, each with its
 * deadline (hold timers, keepalives, starts), and what is left to a budget of a millisecond or two, which has
 * time.
 */
mtime bgp_protocol_deadline(const struct bgp *bgp);
void bgp_protocol_timer(struct bgp *bgp, mtime now);
mtime bgp_work_deadline(const struct bgp *bgp);
void bgp_work(struct bgp *bgp, mtime now);
/* Every ROUTE action that follows from what has ended or changed has been fetched: nothing is left to a
 * budget. */
bool bgp_swept(const struct bgp *bgp);
/* Are there ways for this prefix, told in a ROUTE action or about to be? */
bool bgp_in_use(const struct bgp *bgp, const struct prefix *p);

/* --- actions --- */
enum bgp_state { BGP_IDLE, BGP_CONNECT, BGP_ACTIVE, BGP_OPENSENT, BGP_OPENCONFIRM, BGP_ESTABLISHED };
const char *bgp_state_name(enum bgp_state s); /* "Idle", ..., "Established" */

struct bgp_path { /* one way of a best route */
	uint32_t peer;
	struct addr nexthop; /* as received, or the peer's own address */
	uint32_t weight;     /* this way's share among those in use, 1 to BGP_WEIGHT_MAX */
};

enum bgp_action_kind {
	BGP_ACT_CONNECT, /* open TCP port 179 from local to remote, then bgp_conn_opened or _failed */
	BGP_ACT_SEND,    /* write these bytes, in order */
	BGP_ACT_CLOSE,   /* write what is queued, then close (or give up the attempt to connect); no fact is
	                    owed */
	BGP_ACT_ROUTE,   /* Loc-RIB: this prefix now has these ways (n 0: gone). Only learned routes, never
	                    announced ones. */
	BGP_ACT_STATE,   /* the peer's state changed */
	BGP_ACT_EOR,     /* End-of-RIB from the peer for this family */
	BGP_ACT_MESSAGE, /* a message came, whole: OPENs and NOTIFICATIONs always, all others while bgp_tap is
	                    on. Told before what follows from it. */
	BGP_ACT_READ,    /* the hold timer has run out: hand over what lies unread, then bgp_conn_read_done */
	BGP_ACT_REPORT,  /* worth a log line (a malformed attribute and its reaction, ...) */
};
struct bgp_action {
	uint64_t id;
	enum bgp_action_kind kind;
	uint32_t peer;
	union {
		struct {
			uint64_t conn;
			struct addr local, remote;
		} connect;
		struct {
			uint64_t conn;
			const uint8_t *data; /* valid until the next call to bgp_* */
			size_t len;
		} send;
		struct {
			uint64_t conn;
			const uint8_t *data; /* valid until the next call to bgp_* */
			size_t len;
			bool four_octet_as; /* how its AS_PATH is written */
			bool path_ids[2];   /* ipv4, ipv6: its prefixes have path identifiers (RFC 7911) */
			uint64_t lost;      /* messages that could not be told so far: memory was out */
		} message;
		uint64_t close_conn;
		uint64_t read_conn;
		struct {
			struct prefix prefix;
			struct bgp_path path[BGP_MULTIPATH_MAX]; /* the best first */
			unsigned n;
			/*
			 * What would be best if the peers of all these ways were gone: never one of theirs.
			 * A change of it alone is told like any other. Not there when n is 0.
			 */
			bool have_backup;
			struct bgp_path backup;
		} route;
		struct {
			enum bgp_state state;
			struct reason why; /* of a fall; may be unset */
		} state;
		struct {
			bool ipv6;
		} eor;
		struct {
			bool error;
			struct reason why;
		} report;
	};
};
/* Tell every message received (BGP_ACT_MESSAGE), or OPENs and NOTIFICATIONs alone; costs nothing while it is
 * off. */
void bgp_tap(struct bgp *bgp, bool on);
bool bgp_next_action(struct bgp *bgp, struct bgp_action *ret_action);

/* --- operational state --- */
struct bgp_session_view {
	bool enhanced_refresh, extended_messages; /* agreed */
	enum bgp_role peer_role;                  /* as it says; none: it says none */
	struct {
		bool said;         /* the peer has the capability */
		bool notification; /* both know RFC 8538 */
		bool restarted;    /* its OPEN had the R bit */
		mdur time;         /* its restart time */
		bool family[2];    /* what it keeps while it restarts: ipv4, ipv6 */
		bool forwarding[2];
	} restart;
	struct {                /* what our OPEN said of ourselves */
		bool said;      /* the session stands, and we have the capability */
		bool restarted; /* R */
		mdur time;
		bool family[2], forwarding[2];
	} our_restart;
	uint32_t stale[2]; /* routes of an earlier session, or not yet in a refresh that runs: ipv4, ipv6 */
	bool holding;      /* the session is down, and the routes are kept for its return */
	mdur stale_left;   /* until they go; 0: there are none */
	mdur send_hold;    /* agreed */
	struct {           /* between a KEEPALIVE and the message before it, in this session */
		uint32_t n;
		mdur min, mean, max;
	} gap;
};

/* What the peer takes of the tables, now. Attribute sets and prefixes are shared by all: bgp_memory. */
struct bgp_tables_view {
	uint32_t waiting;       /* prefixes that it is to be told */
	uint32_t paths;         /* routes of families with path identifiers (RFC 7911) */
	uint32_t paths_refused; /* in this session: more for a prefix than are kept */
	size_t unfinished;      /* bytes of a message that has not come whole */
	size_t route_bytes, advertised_bytes, waiting_bytes, session_bytes;
};

struct bgp_damping_view {
	bool on;
	uint32_t history, suppressed; /* prefixes now: with a penalty; of them, those not used */
	uint64_t suppressions;        /* how often that began */
	uint64_t unheeded;            /* flaps beyond BGP_DAMPED_MAX prefixes, or of the memory there was */
};

struct bgp_peer_view {
	enum bgp_state state;
	mtime since; /* of the state */
	uint32_t remote_as, remote_router_id;
	mdur hold_time, keepalive;                     /* agreed */
	bool four_octet_as, route_refresh, ipv4, ipv6; /* negotiated */
	bool add_path_receive;                         /* of at least one family */
	bool path_ids_in[2];                           /* likewise: ipv4, ipv6 */
	uint32_t received, accepted, advertised;       /* prefixes now */
	uint64_t msg_in[6],
	    msg_out[6]; /* by message type 1..5: open update notification keepalive route-refresh; [0] sum */
	uint32_t held_back;                   /* prefixes that wait for room within limits.max_out */
	uint64_t prefix_in[2], prefix_out[2]; /* announced, withdrawn; ever since it was added */
	uint32_t established_count;
	struct reason last_error;
	mtime last_message_in;
	bool eor_in[2]; /* ipv4, ipv6 */
	struct bgp_damping_view damping;
	struct bgp_session_view session;
	struct bgp_tables_view tables;
};
int bgp_peer_view(const struct bgp *bgp, uint32_t peer, struct bgp_peer_view *ret_view);

/* What the tables take, in bytes; malloc's own share is not in it. */
struct bgp_memory {
	size_t prefixes, routes, attribute_sets; /* how many */
	size_t prefix_bytes;                     /* destinations, and the index to find them */
	size_t route_bytes;                      /* Adj-RIB-In */
	size_t advertised_bytes;                 /* Adj-RIB-Out, and what waits to be sent */
	size_t attribute_bytes, way_bytes;       /* interned: attribute sets, and ways of destinations */
};
void bgp_memory(const struct bgp *bgp, struct bgp_memory *ret_memory);

/*
 * What the peer's route for this prefix is used with, as policy left it; NULL: there is none, or it is
 * refused. Good until the next call to bgp_*.
 */
const struct attrs *bgp_route_used(
    const struct bgp *bgp, uint32_t peer, const struct prefix *p, uint32_t path_id);
/* How often a received route came to be used, or not any more, or otherwise, without an UPDATE: the rules
 * changed. */
uint64_t bgp_judged_anew(const struct bgp *bgp);

enum bgp_rib {
	BGP_RIB_BEST,       /* all candidates of Loc-RIB, best marked */
	BGP_RIB_RECEIVED,   /* all that peers sent, refused or not */
	BGP_RIB_ADVERTISED, /* what peers have been told; peer: the one told */
	BGP_RIB_REJECTED,   /* what peers sent and we refuse, with the reason */
	BGP_RIB_WITHHELD, /* best routes that an established peer is not told, with the reason; peer: the one
	                     not told */
};
struct bgp_route_view {
	struct prefix prefix;
	uint32_t peer;    /* 0: announced by ourselves */
	uint32_t path_id; /* by which the peer tells paths for a prefix apart (RFC 7911); 0: it has one */
	struct addr nexthop;
	uint32_t as_path[BGP_AS_PATH_VIEW_MAX];
	unsigned n_as_path;
	bool as_path_cut;
	uint8_t origin; /* 0 igp, 1 egp, 2 incomplete */
	uint32_t local_pref, med;
	bool have_med;
	char as_path_text[BGP_PATH_TEXT_MAX]; /* "65001 {65002,65003}", cut if too long */
	uint32_t weight;
	uint32_t communities[BGP_COMMUNITIES_VIEW_MAX];
	unsigned n_communities;
	uint32_t large[BGP_COMMUNITIES_VIEW_MAX][3]; /* RFC 8092 */
	unsigned n_large;
	uint64_t extended[BGP_COMMUNITIES_VIEW_MAX]; /* RFC 4360 */
	unsigned n_extended;
	bool malformed;            /* it counts as withdrawn (RFC 7606) */
	bool stale;                /* of an earlier session, or not yet in a refresh that runs */
	const struct attrs *attrs; /* all of them (bgp/attr.h); until the next call to bgp_* */
	const struct attrs *used;  /* a learned one: as policy left it; NULL: refused, or not learned */
	bool best;                 /* in use: the best path or one of the multipath */
	char reason[240];          /* why it is best, why it is not, or why it was refused */
};
/* What a route's attributes must say; zeroed: anything. */
struct bgp_route_filter {
	const struct bgp_community_list *communities; /* any of these; the caller's; NULL: whatever */
	bool have_as, have_origin_as, have_neighbour_as;
	uint32_t as;           /* anywhere in the path */
	uint32_t origin_as;    /* at its end */
	uint32_t neighbour_as; /* at its beginning */
};
struct bgp_route_query {
	enum bgp_rib rib;
	uint32_t peer;        /* 0: all */
	struct prefix within; /* family 0: all; else only this prefix and what lies in it */
	bool exact;           /* only this prefix */
	struct addr covering; /* family 0: no; else only the longest prefix that contains it and has a row */
	struct bgp_route_filter filter;
	/* the cursor: where the last call stopped. Zeroed for a first call. Survives changes of the tables
	 * between calls. */
	struct prefix after;
	uint32_t after_peer, after_path;
	bool started, done;
};
/*
 * Up to max routes into out, in order of prefix and peer; returns how many; query->done is set at the end.
 * One call looks at a bounded part of the table, so it may return fewer than max, or none, before the end: go
 * by done.
 */
size_t bgp_routes(
    const struct bgp *bgp, struct bgp_route_query *query, struct bgp_route_view *out, size_t max);

#endif
